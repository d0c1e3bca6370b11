/* SPDX-License-Identifier: MIT */
/* --validate: a second set of pictures, in which the units chosen with the first are measured. It
 * is a run of its own, without a folder, that ends in the first run's summary instead of tables. */
#ifndef FUS_SECOND_SET_H
#define FUS_SECOND_SET_H

#include "analysis/localizer/run.h"

struct fus_accumulator;

/* Does nothing without --validate. create: reads and checks the set's pictures; the models and
 * pictures of the run are checked already. Notes name categories that only one of the sets has, and
 * how many pictures are in both. */
int fus_second_set_create(struct fus_localizer *run, struct fus_error *err);
/* Shows its pictures to every model: sets `heldout` of every layer of the run. */
int fus_second_set_measure(struct fus_localizer *run, struct fus_error *err);
/* Of a layer of the second run, in place of fus_decide_layer's tests. */
int fus_second_set_decide(struct fus_localizer *second, int model, int layer, struct fus_accumulator *a,
                          struct fus_error *err);

/* The set in one line, for the state of a run: description, and a digest of its pictures' names,
 * categories, subcategories and contents; owned by the caller, NULL: no memory. */
char *fus_second_set_digest(const struct fus_localizer *run);

#endif
