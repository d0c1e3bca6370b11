/* SPDX-License-Identifier: MIT */
/* What accumulator.c, accumulator_responses.c and accumulator_state.c share. */
#ifndef FUS_ACCUMULATOR_PARTS_H
#define FUS_ACCUMULATOR_PARTS_H

#include "analysis/localizer/accumulator.h"

/* Moments of n_units units with as many arrays as t needs. */
int fus_accumulator_create_moments(struct fus_moments *m, const struct fus_accumulator *t, int n_groups, size_t n_units,
                                   struct fus_error *err);

/* Where n values of a group from unit `first` on are in the scratch file. */
struct fus_scratch_array fus_accumulator_array(const struct fus_accumulator *t, enum fus_scratch_place file, int group,
                                               size_t first, double *values, size_t n);

/* accumulator_responses.c: room for the responses; those shown as first .. first+n-1 into it,
 * through row [n_units] if it is in the scratch file; one picture's row to or from that file. */
int fus_accumulator_create_responses(struct fus_accumulator *t, bool in_memory, struct fus_error *err);
int fus_accumulator_keep_responses(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                                   struct fus_error *err);
int fus_accumulator_move_responses(const struct fus_accumulator *t, bool write, size_t picture, float *row,
                                   struct fus_error *err);

/* Merges `block` into a group and empties it. */
int fus_accumulator_join_block(struct fus_accumulator *t, int group, struct fus_error *err);

#endif
