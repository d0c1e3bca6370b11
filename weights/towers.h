/* SPDX-License-Identifier: MIT */
/* Private to weights/: CLIP's text tower in a file, and what is not seen in the weights. */
#ifndef FUS_TOWERS_H
#define FUS_TOWERS_H

#include "weights/store.h"

/* Whether the tensor called `plain` is the text tower's embedding of tokens; the tower's scheme,
 * and the bytes before its names. */
bool fus_towers_begins(enum fus_scheme_kind *kind, size_t *prefix_bytes, const char *plain);
/* The canonical name of a tensor of the tower whose prefix is the first n bytes of `first`; false:
 * of another. */
bool fus_towers_canonical(char out[FUS_NAME_BYTES], const char *plain, const char *first, size_t n,
                          enum fus_scheme_kind kind);

/* Attention heads of a tower of this width; 0: not known. */
int fus_towers_heads(int width);

#endif
