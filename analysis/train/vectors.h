/* SPDX-License-Identifier: MIT */
/* Private to analysis/train: how targets.c computes the row of each text. */
#ifndef FUS_VECTORS_H
#define FUS_VECTORS_H

#include "analysis/train/targets.h"

/* targets.c: the texts of a side, those of training pictures alone (the caller frees the list). */
int fus_targets_no_memory(struct fus_error *err);
int fus_targets_set_texts(struct fus_targets_side *s, enum fus_targets_mode mode, struct fus_error *err);
void fus_targets_drop_texts(struct fus_targets_side *s);
int fus_targets_list_training(const char ***texts, size_t *n, const struct fus_targets_side *s, struct fus_error *err);

/* clip_targets.c: rows of both sides, t->dim, t->description and the digests. */
int fus_clip_targets_make(struct fus_targets *t, const struct fus_targets_request *r, struct fus_error *err);

/* vectors.c: rows of both sides, t->dim and t->description. table: captions says
 * whether there are any. */
int fus_vectors_lsa(struct fus_targets *t, struct fus_error *err);
int fus_vectors_words(struct fus_targets *t, const struct fus_targets_request *r, struct fus_error *err);
int fus_vectors_table(struct fus_targets *t, const struct fus_targets_request *r, bool captions, struct fus_error *err);

bool fus_vectors_unit(float *row, int dim); /* scales to unit length; false if the length is 0 */
int fus_vectors_room(struct fus_targets_side *s, int dim, struct fus_error *err);

#endif
