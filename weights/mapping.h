/* SPDX-License-Identifier: MIT */
/* Private to weights/: canonical names for the tensors of one network. */
#ifndef FUS_MAPPING_H
#define FUS_MAPPING_H

#include "weights/store.h"

/* Give canonical names to the tensors of this root, and to no others. */
int fus_mapping_root(struct fus_store *s, const struct fus_root *root, struct fus_error *err);
/* Give every tensor its own name as its canonical one. */
int fus_mapping_same(struct fus_store *s, struct fus_error *err);
/* Give canonical names to the tensors of CLIP's text tower alone. */
int fus_mapping_text(struct fus_store *s, struct fus_error *err);
/* Remove all canonical names. */
void fus_mapping_forget(struct fus_store *s);
/* Renames HEAD.* to lang_head.* in the store, permanently. */
int fus_mapping_lang_head(struct fus_store *s, const char *head, struct fus_error *err);
/* The tensor whose name without wrappers is the n bytes of `prefix` followed by `rest`; NULL if
 * there is none. */
struct fus_tensor *fus_mapping_find(const struct fus_store *s, const char *prefix, size_t n, const char *rest);

#endif
