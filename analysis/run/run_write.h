/* SPDX-License-Identifier: MIT */
/* The tables of a run directory as CSV, from its summary. layers.csv: columns.h. */
#ifndef FUS_RUN_WRITE_H
#define FUS_RUN_WRITE_H

#include "analysis/run/summary.h"
#include "stimuli/stimuli.h"

struct fus_run_options;

/* layers.csv, compare.csv, pixels.csv, profiles.csv, top_units.csv, and, if they apply:
 * permutations.csv, sweep.csv, consistency.csv, signflip.csv, power.csv, equal_n.csv, matched.csv,
 * agreement.csv, groups.csv. */
int fus_run_write_tables(const char *folder, const struct fus_run_summary *summary, const struct fus_set *set,
                         const struct fus_run_options *options, struct fus_error *err);

/* A picture's name, independent of the set's folder: "adult/adult-1.jpg". */
void fus_run_write_picture_name(char name[1024], const struct fus_set *set, int picture);

#endif
