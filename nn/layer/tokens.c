/* SPDX-License-Identifier: MIT */
/* Rows of tokens (op.h). Joined rows: [C/16, rows of all items, 16], the items one after another.
 *
 * TOKENS  row 0 of an item = class_embedding + positional_embedding[0], row 1 + j = place j +
 *         positional_embedding[1 + j]                     (Dosovitskiy et al. 2021)
 * PICK    height * width rows of each item, as the places of a picture, item by item */
#include <stdio.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

/* ---- tokens ---- */

bool fus_tokens_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    memset(p, 0, sizeof *p);
    p->role = FUS_ROLE_POSITIONS;
    p->n_dims = i == 0 ? 1 : 2;
    p->shape[0] = i == 0 ? l->channels : l->width;
    p->shape[1] = i == 0 ? 0 : l->channels;
    snprintf(p->name, sizeof p->name, "%s", i == 0 ? "class_embedding" : "positional_embedding");
    return i < 2;
}

/* [C/16, rows, 16]: what is added to each row; to row 0 both. */
size_t fus_tokens_packed_floats(const struct fus_layer *l)
{
    return fus_layer_floats(l);
}

size_t fus_tokens_raw_floats(const struct fus_layer *l)
{
    return ((size_t)l->width + 1) * (size_t)l->channels;
}

int fus_tokens_load(const struct fus_op_load *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    size_t channels = (size_t)l->channels, rows = (size_t)l->width;
    float *one = a->raw, *positions = a->raw + channels;
    int code = a->get(a->context, one, channels, "class_embedding", err);
    if (!code)
        code = a->get(a->context, positions, rows * channels, "positional_embedding", err);
    for (size_t c = 0; c < channels && !code; c++)
        for (size_t row = 0; row < rows; row++)
            a->packed[(c / FUS_LANES * rows + row) * FUS_LANES + c % FUS_LANES] =
                positions[row * channels + c] + (row ? 0 : one[c]);
    return code;
}

/* One block of channels of one item. */
static void make_rows(void *context, int task, int thread)
{
    const struct fus_op_run *a = context;
    const struct fus_layer *l = a->layer;
    size_t blocks = (size_t)FUS_BLOCKS(l->channels), block = (size_t)task % blocks, item = (size_t)task / blocks,
           rows = (size_t)l->width, n = (size_t)a->n;
    const float *in = a->in + (block * n + item) * (rows - 1) * FUS_LANES, *add = a->packed + block * rows * FUS_LANES;
    float *out = a->out + (block * n + item) * rows * FUS_LANES;
    (void)thread;
    memcpy(out, add, FUS_LANES * sizeof *out);
    for (size_t i = FUS_LANES; i < rows * FUS_LANES; i++)
        out[i] = in[i - FUS_LANES] + add[i];
}

void fus_tokens_run(const struct fus_op_run *a)
{
    fus_threads_for(a->n * FUS_BLOCKS(a->layer->channels), make_rows, (void *)a);
}

/* ---- pick ---- */

/* Where an item's picked rows lie in a block of joined rows, and in the picture. */
struct rows {
    size_t joined, picture, bytes;
};

static struct rows find_rows(const struct fus_op_run *a, size_t block, int item)
{
    const struct fus_layer *l = a->layer;
    size_t places = fus_layer_places(l), all = fus_op_first_row(a, a->n),
           row = l->row < 0 ? fus_op_first_row(a, item + 1) - 1 : fus_op_first_row(a, item) + (size_t)l->row;
    return (struct rows){(block * all + row) * FUS_LANES,
                         (size_t)item * fus_layer_floats(l) + block * places * FUS_LANES,
                         places * FUS_LANES * sizeof(float)};
}

void fus_tokens_pick(const struct fus_op_run *a)
{
    for (int item = 0; item < a->n; item++)
        for (int block = 0; block < FUS_BLOCKS(a->layer->channels); block++) {
            struct rows r = find_rows(a, (size_t)block, item);
            memcpy(a->out + r.picture, a->in + r.joined, r.bytes);
        }
}

void fus_tokens_put_back(const struct fus_op_run *a)
{
    for (int item = 0; item < a->n; item++)
        for (int block = 0; block < FUS_BLOCKS(a->layer->channels); block++) {
            struct rows r = find_rows(a, (size_t)block, item);
            memcpy((float *)a->in + r.joined, a->out + r.picture, r.bytes);
        }
}
