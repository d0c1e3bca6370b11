/* SPDX-License-Identifier: MIT */
/* Reads a finished run's files back into its summary, from which the report is drawn. Labels are
 * read for the reference layers only. */
#ifndef FUS_RUN_SUMMARY_H
#define FUS_RUN_SUMMARY_H

#include "analysis/run/summary.h"

struct fus_run_summary_file;

/* Messages begin with the file. Nothing else is read, neither weights nor pictures. */
int fus_run_summary_open(struct fus_run_summary_file **file, const char *folder, struct fus_error *err);
const struct fus_run_summary *fus_run_summary_get(const struct fus_run_summary_file *file);
void fus_run_summary_close(struct fus_run_summary_file *file); /* NULL allowed */

#endif
