/* SPDX-License-Identifier: MIT */
/* --validate: a second set of pictures, in which the units chosen with the first are measured. It
 * is a run of its own that ends in the first run's summary instead of tables. In a shard its state
 * is in OUT/parts/second, as that of a shard of its own; otherwise it has no folder. */
#ifndef FUS_SECOND_SET_H
#define FUS_SECOND_SET_H

#include "analysis/localizer/run.h"

struct fus_accumulator;

/* Do nothing without --validate. create: reads and checks the set's pictures; the models and
 * pictures of the run are checked already. Notes name categories that only one of the sets has, and
 * how many pictures are in both. */
int fus_second_set_create(struct fus_localizer *run, struct fus_error *err);
/* In a shard: creates or resumes its state; the run's folder is open. */
int fus_second_set_open(struct fus_localizer *run, struct fus_error *err);
/* Shows its pictures to every model: sets `heldout` of every layer of the run. */
int fus_second_set_measure(struct fus_localizer *run, struct fus_error *err);
/* Of a layer of the second run, in place of fus_decide_layer's tests. */
int fus_second_set_decide(struct fus_localizer *second, int model, int layer, struct fus_accumulator *a,
                          struct fus_error *err);

/* For the state of a run: a digest of its pictures' names, categories and subcategories, and of
 * their contents unless the run is a shard, which reads only its own. */
void fus_second_set_digest(char hex[65], const struct fus_localizer *run);

/* For merging shards. begin: the run over the second set, without models and pictures, which
 * fus_provenance_restore adds. check: that its models and categories are the first run's. */
int fus_second_set_begin(struct fus_localizer *run, struct fus_error *err);
int fus_second_set_check(const struct fus_localizer *run, struct fus_error *err);

#endif
