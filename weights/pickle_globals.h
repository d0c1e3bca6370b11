/* SPDX-License-Identifier: MIT */
/* Private to weights/: the classes and functions of a pickle that the reader knows. */
#ifndef FUS_PICKLE_GLOBALS_H
#define FUS_PICKLE_GLOBALS_H

#include "weights/pickle.h"

/* The meaning of a name; NULL: unknown. */
const struct fus_pickle_global *fus_pickle_globals_find(const char *module, const char *name);

#endif
