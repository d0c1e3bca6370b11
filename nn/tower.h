/* SPDX-License-Identifier: MIT */
/* CLIP's text tower: token ids in, embeddings out.
 *
 * A text is computed up to its end token only: attention is causal and the embedding is read at the
 * end token, so nothing after it can matter. No padding exists. */
#ifndef FUS_TOWER_H
#define FUS_TOWER_H

#include "nn/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The dimensions of a text tower, derived from the shapes in a weight file. */
struct fus_tower_spec {
    int n_tokens; /* rows of token_embedding: 49408; the last two are start and end */
    int context;  /* rows of positional_embedding: 77 */
    int width;    /* 512 */
    int heads;    /* 8 */
    int n_blocks; /* 12 */
    int dim;      /* columns of text_projection: the embedding's D */
    enum fus_act act;
};

struct fus_tower_options {
    const char *isa; /* as in fus_net_options */
    enum fus_precision precision;
    bool low_memory; /* holds one block's weights at a time, read anew in each fus_tower_embed; the same bits */
};

/* Calls fn for every parameter of the tower with its canonical name: fus_arch_parameters. */
int fus_tower_parameters(const struct fus_tower_spec *spec, fus_parameter_fn fn, void *context, struct fus_error *err);

/* Writes row `row` of the matrix with this canonical name, n floats, to out. */
typedef int (*fus_row_fn)(void *context, float *out, size_t row, size_t n, const char *name, struct fus_error *err);

struct fus_tower;

/* get and get_row look up weights by canonical names, with `context`, which must stay valid until
 * fus_tower_destroy; names begin with "text.". Rows of token_embedding are read as texts need
 * them. */
int fus_tower_create(struct fus_tower **tower, const struct fus_tower_spec *spec,
                     const struct fus_tower_options *options, fus_weight_fn get, fus_row_fn get_row, void *context,
                     struct fus_error *err);
void fus_tower_destroy(struct fus_tower *tower); /* NULL allowed */

const struct fus_tower_spec *fus_tower_spec_of(const struct fus_tower *tower);
size_t fus_tower_bytes(const struct fus_tower *tower); /* of weights, and of activations in the largest pass so far */

/* The embeddings of n texts, not normalised. Text i is ids[first[i]] .. ids[first[i + 1] - 1],
 * start and end token included; what follows the first place of its largest id is ignored.
 *
 * out    [n, dim]
 * ids    each 0 .. n_tokens-1
 * first  [n + 1]
 *
 * FUS_EINVAL for an empty text, one of more than `context` ids, or an id outside the table. A
 * text's bits depend neither on the other texts nor on threads. */
int fus_tower_embed(float *out, struct fus_tower *tower, const int *ids, const int *first, size_t n,
                    struct fus_error *err);

/* The same by naive loops, for one text of n ids that ends with its end token; bit-equal. out
 * [dim]. */
int fus_reference_text(float *out, const struct fus_tower_spec *spec, const int *ids, size_t n, fus_weight_fn get,
                       fus_row_fn get_row, void *context, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
