/* SPDX-License-Identifier: MIT */
/* The models of several finished runs as those of one run, to compare them as it would. */
#ifndef FUS_JOINT_H
#define FUS_JOINT_H

#include "analysis/run/summary.h"

struct fus_joint;

/* folders [n]: runs over the same pictures, with units chosen by the same rule, at most
 * FUS_GROUPS_MODELS models in all, each with a name of its own. matched: every run must have the
 * draws of --matched; else those of all runs are used, or of none. FUS_EINVAL names the runs that
 * do not fit, and the option that they need. */
int fus_joint_open(struct fus_joint **joint, const char *const *folders, int n, bool matched, struct fus_error *err);
void fus_joint_close(struct fus_joint *joint); /* NULL allowed */

/* Models in the order of the runs; their layers have bootstrap and matched, if there are draws. */
const struct fus_run_summary *fus_joint_summary(const struct fus_joint *joint);
uint64_t fus_joint_seed(const struct fus_joint *joint); /* of the first run's resampling */

/* The first run that resampled its pictures but keeps no draws, so that all were left out; NULL:
 * none. */
const char *fus_joint_without_draws(const struct fus_joint *joint);

#endif
