/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: declarations shared by the files of sets. */
#ifndef FUS_SET_H
#define FUS_SET_H

#include "stimuli/stimuli.h"

#define FUS_SET_SCRAMBLE_GRID 16 /* boxes in a row and in a column of a scrambled picture */

/* As fus_set_open. any: any number of pictures and one category are enough, and a folder may
 * hold the pictures itself. */
int fus_set_list(struct fus_set *set, const char *spec, const char *categories, bool any, struct fus_error *err);

/* Whether spec is a single picture: no folder, list or built-in set. */
bool fus_set_is_file(const char *spec);

/* FUS_EINVAL unless there are two categories of two pictures each; messages start with spec. */
int fus_set_check_counts(const struct fus_set *set, const char *spec, struct fus_error *err);

#endif
