/* SPDX-License-Identifier: MIT */
/* Private to weights/: the networks of a file and the choice of one of them. */
#ifndef FUS_NAMES_H
#define FUS_NAMES_H

#include "weights/store.h"

#define FUS_NAMES_MAX_ROOTS 64 /* networks examined in one file */

/* Find the networks of a file. If one of them is the obvious choice, its tensors get canonical
 * names, and s->by_canonical is built. FUS_EFORMAT if two tensors have the same canonical name. */
int fus_names_map(struct fus_store *s, struct fus_error *err);

#endif
