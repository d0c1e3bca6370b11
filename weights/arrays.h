/* SPDX-License-Identifier: MIT */
/* Private to weights/: NumPy arrays in a pickle. */
#ifndef FUS_ARRAYS_H
#define FUS_ARRAYS_H

#include "weights/torch_storage.h"

/* The NumPy array at the walk's path: added as a tensor if w->arrays, otherwise noted. */
int fus_arrays_add(struct fus_torch *w, const struct fus_pickle_value *v);

/* Add t, whose storage was written by pickle.dump; all its fields except the position are set.
 * `first`: the number of its first element. */
int fus_arrays_add_dumped(struct fus_torch *w, struct fus_tensor *t, const struct fus_pickle_value *storage,
                          uint64_t first);

#endif
