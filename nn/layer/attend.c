/* SPDX-License-Identifier: MIT */
/* Self-attention (Vaswani et al. 2017; op.h) of an item's rows: in [3 C/16, rows, 16] are queries,
 * keys and values, out [C/16, rows, 16].
 *
 *   s[i, j] = (q_i / sqrt d) . k_j,  p_i = softmax_j(s[i, :]),  o_i = sum_j p[i, j] v_j
 *                                                     heads of d channels; causal: only j <= i
 *
 * Both products use the tile kernel: one chain of fused multiply-adds over d, and over the keys.
 * Keys and values are copied and filled up with zeros to whole blocks of 16 rows, so that no
 * neighbour's row is read; their shares and those of hidden keys are exactly 0. A task is a head of
 * an item. */
#include <math.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

#define MOST_ROWS 112 /* queries at once: 8 tiles of 14, scores for them stay in a second-level cache */

/* One head of one item. */
struct head {
    const struct fus_op_run *run;
    const float *query, *key, *value; /* in the input */
    float *out;
    float *queries, *keys, *values, *scores; /* scratch */
    size_t step;                             /* floats between blocks of channels */
    int rows, key_blocks, depth;
};

static int blocks_of(int rows)
{
    return (rows + FUS_LANES - 1) / FUS_LANES;
}

/* Of one thread: queries, keys, values, scores. */
static size_t scratch_of(int rows, int depth)
{
    size_t keys = (size_t)blocks_of(rows) * FUS_LANES;
    return (size_t)MOST_ROWS * (size_t)depth + 2 * keys * (size_t)depth + keys * MOST_ROWS;
}

size_t fus_attend_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads)
{
    (void)n_pictures;
    return (size_t)n_threads * scratch_of(l->in_width, l->channels / l->heads);
}

/* 2 per multiply-add of the two products. */
double fus_attend_flops(const struct fus_layer *l)
{
    return 4.0 * l->width * l->width * l->channels;
}

/* keys [key blocks, d, 16] transposed, values [d/16, key blocks * 16, 16]. */
static void copy_keys(const struct head *h)
{
    size_t depth = (size_t)h->depth, all = (size_t)h->key_blocks * FUS_LANES, rows = (size_t)h->rows;
    memset(h->keys + (all - FUS_LANES) * depth, 0, FUS_LANES * depth * sizeof *h->keys);
    for (size_t c = 0; c < depth; c++) {
        const float *from = h->key + c / FUS_LANES * h->step + c % FUS_LANES;
        for (size_t row = 0; row < rows; row++)
            h->keys[(row / FUS_LANES * depth + c) * FUS_LANES + row % FUS_LANES] = from[row * FUS_LANES];
    }
    for (size_t b = 0; b < depth / FUS_LANES; b++) {
        float *to = h->values + b * all * FUS_LANES;
        memcpy(to, h->value + b * h->step, rows * FUS_LANES * sizeof *to);
        memset(to + rows * FUS_LANES, 0, (all - rows) * FUS_LANES * sizeof *to);
    }
}

/* queries [d/16, rows, 16] from row `first` on, scaled. */
static void copy_queries(const struct head *h, int first, int rows)
{
    const float scale = (float)(1 / sqrt((double)h->depth));
    for (int b = 0; b < h->depth / FUS_LANES; b++) {
        const float *from = h->query + (size_t)b * h->step + first * FUS_LANES;
        float *to = h->queries + b * rows * FUS_LANES;
        for (int i = 0; i < rows * FUS_LANES; i++)
            to[i] = from[i] * scale;
    }
}

/* c[block, row, :] = sum_k a[k, row] b[block, k, :]. whole: a, b, c and their steps, k, and all
 * blocks. */
static void multiply(const struct fus_tile *whole, int rows, int blocks, const struct fus_kernel *kernel)
{
    static const float no_bias[2 * FUS_LANES];
    struct fus_tile t = *whole;
    t.slice = FUS_LANES;
    t.bias = no_bias;
    t.first = t.last = true;
    for (int block = 0; block < blocks; block += kernel->blocks)
        for (int row = 0; row < rows; row += kernel->rows) {
            t.blocks = blocks - block < kernel->blocks ? blocks - block : kernel->blocks;
            t.rows = rows - row < kernel->rows ? rows - row : kernel->rows;
            t.a = whole->a + row * FUS_LANES;
            t.b = t.ahead = whole->b + (size_t)block * whole->b_step;
            t.c = whole->c + (size_t)block * whole->c_step + row * FUS_LANES;
            kernel->tile[FUS_TILE_BLOCKED](&t);
        }
}

/* Queries first .. first+rows-1. */
static void attend_rows(const struct head *h, int first, int rows)
{
    const struct fus_kernel *kernel = h->run->kernel;
    size_t keys = (size_t)h->key_blocks * FUS_LANES, row_step = (size_t)rows * FUS_LANES;
    copy_queries(h, first, rows);
    const struct fus_tile scores = {.a = h->queries,
                                    .a_step = row_step,
                                    .b = h->keys,
                                    .b_step = (size_t)h->depth * FUS_LANES,
                                    .c = h->scores,
                                    .c_step = row_step,
                                    .k = h->depth};
    multiply(&scores, rows, h->key_blocks, kernel);
    for (int i = 0; i < rows; i++)
        kernel->softmax(h->scores + i * FUS_LANES, row_step, h->key_blocks,
                        h->run->layer->causal ? first + i + 1 : h->rows);
    const struct fus_tile sums = {.a = h->scores,
                                  .a_step = row_step,
                                  .b = h->values,
                                  .b_step = keys * FUS_LANES,
                                  .c = h->out + first * FUS_LANES,
                                  .c_step = h->step,
                                  .k = (int)keys};
    multiply(&sums, rows, h->depth / FUS_LANES, kernel);
}

static void attend_head(void *context, int task, int thread)
{
    const struct fus_op_run *a = context;
    const struct fus_layer *l = a->layer;
    int item = task / l->heads, depth = l->channels / l->heads;
    size_t all = fus_op_first_row(a, a->n), first = fus_op_first_row(a, item), channels = (size_t)l->channels;
    struct head h = {.run = a, .step = all * FUS_LANES, .depth = depth};
    h.rows = (int)(fus_op_first_row(a, item + 1) - first);
    h.key_blocks = blocks_of(h.rows);
    h.query = a->in + (size_t)(task % l->heads * depth) * all + first * FUS_LANES;
    h.key = h.query + channels * all;
    h.value = h.key + channels * all;
    h.out = a->out + (size_t)(task % l->heads * depth) * all + first * FUS_LANES;
    h.queries = a->scratch + (size_t)thread * scratch_of(l->in_width, depth);
    h.keys = h.queries + MOST_ROWS * depth;
    h.values = h.keys + h.key_blocks * FUS_LANES * depth;
    h.scores = h.values + h.key_blocks * FUS_LANES * depth;
    copy_keys(&h);
    for (int row = 0; row < h.rows; row += MOST_ROWS)
        attend_rows(&h, row, h.rows - row < MOST_ROWS ? h.rows - row : MOST_ROWS);
}

void fus_attend_run(const struct fus_op_run *a)
{
    fus_threads_for(a->n * a->layer->heads, attend_head, (void *)a);
}
