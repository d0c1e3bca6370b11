/* SPDX-License-Identifier: MIT */
/* A run that shows a finished run's pictures to one network again, for one unit of one layer. */
#ifndef FUS_EXPLAIN_PASS_H
#define FUS_EXPLAIN_PASS_H

#include "analysis/localizer/run.h"

struct fus_accumulator;

/* begin: networks and pictures are checked; FUS_EINVAL unless they are those of the finished run.
 * see: the pictures shown as first .. first+n-1, blocked as in fus_net_watch. decide: in place of
 * fus_decide_layer. */
int fus_explain_pass_begin(struct fus_localizer *run, struct fus_error *err);
void fus_explain_pass_see(const struct fus_localizer *run, int first, int n, const float *blocked);
int fus_explain_pass_decide(struct fus_localizer *run, int layer, struct fus_accumulator *a, struct fus_error *err);

#endif
