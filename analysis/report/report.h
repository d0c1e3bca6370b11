/* SPDX-License-Identifier: MIT */
/* From a run to figures and the report.
 *
 * Reading order: analysis/run/summary.h (a run, its models, layers and categories), tables.h (its
 * files); svg.c, figures.c, report.c (pictures of the numbers). */
#ifndef FUS_REPORT_H
#define FUS_REPORT_H

#include "analysis/run/tables.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the report (svg.c, figures.c, report.c) ---- */

/* dir/figures/NAME.svg for the paper's Figs 2A (with profiles), 2B, 3A, 3B, 4A, 4B, 4C, 5A-C (from
 * three models on: the first with each other), and dir/report.html with all of them inline, the
 * pictures (1B), the consistency of layers (v1) and tables. Same bytes on every machine; everything
 * in it depends on `run` alone. FUS_EINVAL if `run` is inconsistent. */
int fus_report_write(const char *dir, const struct fus_run_summary *run, struct fus_error *err);

/* The same from the files of a finished run alone: tables, labels, thumbnails. */
int fus_report_redraw(const char *dir, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
