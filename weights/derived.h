/* SPDX-License-Identifier: MIT */
/* Private to weights/: a canonical tensor that a file has in another form: queries, keys and values
 * as three tensors, or a projection as the weight of a linear layer, transposed. */
#ifndef FUS_DERIVED_H
#define FUS_DERIVED_H

#include "weights/store.h"

struct fus_derived {
    const struct fus_tensor *parts[3]; /* one after another along the first dimension */
    int n_parts;                       /* 0: the file has it in no form */
    bool transposed;                   /* the one part is a matrix [columns, rows] */
};

/* By the canonical name, as it is or derived. */
struct fus_derived fus_derived_find(const struct fus_store *s, const char *canonical);
/* Its dimensions; -1: not the parts of one tensor. */
int fus_derived_shape(int64_t shape[FUS_MAX_DIMS], const struct fus_derived *d);
int fus_derived_read(struct fus_store *s, float *out, const struct fus_derived *d, struct fus_error *err);

#endif
