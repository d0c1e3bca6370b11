/* SPDX-License-Identifier: MIT */
/* Private to weights/: the tensors of a PyTorch pickle. */
#ifndef FUS_TORCH_TENSORS_H
#define FUS_TORCH_TENSORS_H

#include "weights/torch_storage.h"

/* Add each tensor of the pickle to the store, named by the path of keys that leads to it. Of
 * objects whose class is unknown, a module's parameters and the items of a dictionary's or
 * list's subclass are read; other tensors inside are left out with a note. FUS_EUNSUPPORTED if
 * there is no tensor. */
int fus_torch_tensors_walk(struct fus_torch *w, const struct fus_pickle *pickle);

#endif
