/* SPDX-License-Identifier: MIT */
/* Private to weights/: pickles that follow one another in a file. */
#ifndef FUS_TORCH_PART_H
#define FUS_TORCH_PART_H

#include "weights/pickle.h"
#include "weights/store.h"

struct fus_torch_part {
    struct fus_pickle pickle;
    uint8_t *bytes; /* the pickle's values point into these */
};

/* Read the pickle at *at, which ends before byte `end`, and move *at past it. Its length is not
 * known beforehand: `window` bytes are read at first, then more until the pickle stops. */
int fus_torch_part_read(struct fus_torch_part *part, const struct fus_store *s, uint64_t *at, uint64_t end,
                        size_t window, struct fus_error *err);
void fus_torch_part_free(struct fus_torch_part *part);

#endif
