/* Private to weights/: the classes and functions of a pickle that mean something to a reader. */
#ifndef FUS_PICKLE_GLOBALS_H
#define FUS_PICKLE_GLOBALS_H

#include "weights/pickle.h"

/* What a name stands for; NULL: unknown. */
const struct fus_pickle_global *fus_pickle_globals_find(const char *module, const char *name);

#endif
