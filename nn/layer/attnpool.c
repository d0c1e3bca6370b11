/* SPDX-License-Identifier: MIT */
/* CLIP's attention pooling (Radford et al. 2021; the code of its ModifiedResNet): the mean of all
 * places is one query that attends, with several heads, over itself and the places.
 *
 *   t_0 = mean_i x_i + e_0,  t_i = x_i + e_i          tokens with positional
 *                                                     embedding, i = 1 .. H*W
 *   q = (W_q t_0 + b_q) / sqrt(d),  k_i = W_k t_i + b_k,  v_i = W_v t_i + b_v
 *   a_h = softmax_i(q_h . k_ih),  o_h = sum_i a_hi v_ih,  out = W_c o + b_c
 *                                                         heads h of d channels
 *
 * There is one query only, so the products are computed in a cheaper order: 21 million
 * multiply-adds instead of 430:
 *
 *   q_h . k_ih = (W_kh' q_h) . t_i + q_h . b_kh       the last term is equal for all i and
 *                                                     drops out of the softmax
 *   o_h = W_vh (sum_i a_hi t_i) + b_vh                since the a_hi sum to 1
 *
 * Each weight is then used once a picture, and reading the weights takes most of the time. So the
 * four products with weights are made for up to PICTURES pictures together. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

#define PICTURES 8 /* at a time */

/* Packed weights: panels as in gemm.c; key is transposed ([in blocks, rows of k_proj, 16]). */
struct attnpool {
    const struct fus_layer *layer;
    float *positions;                    /* [places + 1, C] */
    float *query, *key, *value, *output; /* panels */
    float *query_bias, *value_bias, *output_bias;
};

struct sizes {
    size_t c, tokens, padded; /* channels; places + 1, and that rounded up to 4 */
    size_t token_blocks, heads, depth;
};

static struct sizes sizes_of(const struct fus_layer *l)
{
    size_t tokens = fus_layer_in_places(l) + 1, c = (size_t)l->in_channels, heads = (size_t)l->heads;
    struct sizes s = {c, tokens, (tokens + 3) / 4 * 4, (tokens + FUS_LANES - 1) / FUS_LANES, heads, c / heads};
    return s;
}

size_t fus_attnpool_packed_floats(const struct fus_layer *l)
{
    struct sizes s = sizes_of(l);
    size_t out = (size_t)FUS_BLOCKS(l->channels) * FUS_LANES;
    return (s.tokens * s.c + FUS_LANES - 1) / FUS_LANES * FUS_LANES + 3 * s.c * s.c + out * s.c + 2 * s.c + out;
}

/* The largest unpacked matrix. */
size_t fus_attnpool_raw_floats(const struct fus_layer *l)
{
    size_t c = (size_t)l->channels, in = (size_t)l->in_channels;
    return (in > c ? in : c) * in;
}

/* Of a picture: the heads' rows, later the output. */
static size_t rows_floats(const struct fus_layer *l, const struct sizes *s)
{
    size_t out = (size_t)FUS_BLOCKS(l->channels) * FUS_LANES, heads = s->c * s->heads;
    return heads > out ? heads : out;
}

size_t fus_attnpool_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads)
{
    struct sizes s = sizes_of(l);
    size_t n = (size_t)(n_pictures < PICTURES ? n_pictures : PICTURES);
    (void)n_threads;
    return s.c * (s.padded + s.token_blocks * FUS_LANES + 2 * s.heads + 3 * n) + n * rows_floats(l, &s) +
           s.token_blocks * FUS_LANES * s.heads;
}

/* ---- weights ---- */

/* positional_embedding, then weight and bias of q_proj, k_proj, v_proj, c_proj. */
bool fus_attnpool_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    static const char *const part[] = {"q_proj", "k_proj", "v_proj", "c_proj"};
    int c = l->in_channels;
    memset(p, 0, sizeof *p);
    if (i == 0) {
        *p = (struct fus_parameter){
            .role = FUS_ROLE_POSITIONS, .n_dims = 2, .shape = {l->in_height * l->in_width + 1, c}};
        snprintf(p->name, sizeof p->name, "%s.positional_embedding", l->name);
        return true;
    }
    bool weight = i % 2 == 1;
    p->role = weight ? FUS_ROLE_WEIGHT : FUS_ROLE_BIAS;
    p->n_dims = weight ? 2 : 1;
    p->shape[0] = i < 7 ? c : l->channels;
    p->shape[1] = weight ? c : 0;
    if (i <= 8)
        snprintf(p->name, sizeof p->name, "%s.%s.%s", l->name, part[(i - 1) / 2], weight ? "weight" : "bias");
    return i <= 8;
}

/* w [rows, c] -> panels [rows/16, c, 16]; transposed: [c/16, rows, 16]. c is a multiple of 16. */
static void pack(float *panels, const float *w, size_t rows, size_t c, bool transposed)
{
    if (transposed) {
        for (size_t j = 0; j < rows; j++)
            for (size_t i = 0; i < c; i++)
                panels[(i / FUS_LANES * rows + j) * FUS_LANES + i % FUS_LANES] = w[j * c + i];
        return;
    }
    memset(panels, 0, (rows + FUS_LANES - 1) / FUS_LANES * FUS_LANES * c * sizeof *panels);
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < c; i++)
            panels[(j / FUS_LANES * c + i) * FUS_LANES + j % FUS_LANES] = w[j * c + i];
}

/* Addresses of the parts of the packed weights. */
static struct attnpool locate(const struct fus_layer *l, float *packed)
{
    struct sizes s = sizes_of(l);
    struct attnpool a = {.layer = l, .positions = packed};
    a.query = a.positions + (s.tokens * s.c + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
    a.key = a.query + s.c * s.c;
    a.value = a.key + s.c * s.c;
    a.output = a.value + s.c * s.c;
    a.query_bias = a.output + (size_t)FUS_BLOCKS(l->channels) * FUS_LANES * s.c;
    a.value_bias = a.query_bias + s.c;
    a.output_bias = a.value_bias + s.c;
    return a;
}

int fus_attnpool_load(const struct fus_op_load *load, struct fus_error *err)
{
    struct sizes s = sizes_of(load->layer);
    const struct attnpool at = locate(load->layer, load->packed), *a = &at;
    size_t out = (size_t)load->layer->channels;
    memset(a->output_bias, 0, (size_t)FUS_BLOCKS(load->layer->channels) * FUS_LANES * sizeof *a->output_bias);
    int code = load->get(load->context, a->positions, s.tokens * s.c, "attnpool.positional_embedding", err);
    const struct {
        const char *weight, *bias;
        float *panels, *bias_to;
        size_t rows;
        bool transposed;
    } part[] = {
        {"attnpool.q_proj.weight", "attnpool.q_proj.bias", a->query, a->query_bias, s.c, false},
        {"attnpool.k_proj.weight", NULL, a->key, NULL, s.c, true},
        {"attnpool.v_proj.weight", "attnpool.v_proj.bias", a->value, a->value_bias, s.c, false},
        {"attnpool.c_proj.weight", "attnpool.c_proj.bias", a->output, a->output_bias, out, false},
    };
    for (int i = 0; i < 4 && !code; i++) {
        code = load->get(load->context, load->raw, part[i].rows * s.c, part[i].weight, err);
        if (!code)
            pack(part[i].panels, load->raw, part[i].rows, s.c, part[i].transposed);
        if (!code && part[i].bias)
            code = load->get(load->context, part[i].bias_to, part[i].rows, part[i].bias, err);
    }
    return code;
}

/* ---- run ---- */

static const float no_bias[2 * FUS_LANES];

/* c[block, row, :] = sum_k a[k, row] b[block, k, :] (+ bias) for blocks of 16 columns and all
 * rows.
 *
 * Heads divide the product in one of two ways. `heads_in_k`: each head is a range of k and has its
 * own rows in c. `blocks_per_head`: each head is a range of blocks and has its own rows in a. */
#define AHEAD 64 /* weights, each used once, are prefetched so many steps of k ahead */

struct product {
    struct fus_tile whole;
    int rows, n_blocks, step, heads_in_k, blocks_per_head;
    int row_parts; /* a task takes every row_parts-th tile of rows */
    const struct fus_kernel *kernel;
};

static void product_blocks(void *context, int task, int thread)
{
    const struct product *p = context;
    const struct fus_tile *whole = &p->whole;
    struct fus_tile t = *whole;
    int block = task / p->row_parts * p->step, heads = p->heads_in_k ? p->heads_in_k : 1;
    int first = task % p->row_parts * p->kernel->rows;
    (void)thread;
    t.first = t.last = true;
    t.blocks = p->n_blocks - block < p->step ? p->n_blocks - block : p->step;
    t.bias = whole->bias ? whole->bias + block * FUS_LANES : no_bias;
    for (int h = 0; h < heads; h++)
        for (int row = first; row < p->rows; row += p->row_parts * p->kernel->rows) {
            t.rows = p->rows - row < p->kernel->rows ? p->rows - row : p->kernel->rows;
            t.a = whole->a + row * FUS_LANES + (size_t)(h * whole->k / FUS_LANES) * whole->a_step;
            if (p->blocks_per_head)
                t.a += block / p->blocks_per_head * p->rows * FUS_LANES;
            t.b = whole->b + (size_t)block * whole->b_step + (size_t)(h * whole->k) * FUS_LANES;
            t.c = whole->c + (size_t)block * whole->c_step + (row + h * p->rows) * FUS_LANES;
            t.ahead = t.b + AHEAD * FUS_LANES;
            t.ahead_lines = row == first ? 4 : 0;
            p->kernel->tile[FUS_TILE_BLOCKED](&t);
        }
}

static void multiply(struct product p)
{
    p.step = p.blocks_per_head % p.kernel->blocks ? 1 : p.kernel->blocks; /* a tile lies within a head */
    p.row_parts = 1;
    if ((p.n_blocks + p.step - 1) / p.step < fus_threads_here()) { /* few blocks: splits rows too */
        p.step = 1;
        p.row_parts = (p.rows + p.kernel->rows - 1) / p.kernel->rows;
    }
    fus_threads_for((p.n_blocks + p.step - 1) / p.step * p.row_parts, product_blocks, &p);
}

/* Token 0 of picture p of n: first [C/16, n, 16]. */
static void make_first(float *first, const float *in, const struct attnpool *a, const struct sizes *s, size_t p,
                       size_t n)
{
    size_t places = s->tokens - 1;
    for (size_t block = 0; block < s->c / FUS_LANES; block++) {
        const float *from = in + block * places * FUS_LANES;
        float sum[FUS_LANES] = {0};
        for (size_t place = 0; place < places; place++)
            for (size_t i = 0; i < FUS_LANES; i++)
                sum[i] += from[place * FUS_LANES + i];
        for (size_t i = 0; i < FUS_LANES; i++)
            first[(block * n + p) * FUS_LANES + i] = sum[i] / (float)places + a->positions[block * FUS_LANES + i];
    }
}

/* All tokens of a picture. Its token 0 is at first + block * step. tokens [C/16, padded, 16]; rows
 * after the last token are 0. turned [token blocks, C, 16] is its transpose. */
static void make_tokens(float *tokens, float *turned, const float *first, size_t step, const float *in,
                        const struct attnpool *a, const struct sizes *s)
{
    size_t places = s->tokens - 1;
    memset(turned, 0, s->token_blocks * FUS_LANES * s->c * sizeof *turned);
    for (size_t block = 0; block < s->c / FUS_LANES; block++) {
        float *to = tokens + block * s->padded * FUS_LANES;
        const float *from = in + block * places * FUS_LANES;
        memset(to + s->tokens * FUS_LANES, 0, (s->padded - s->tokens) * FUS_LANES * sizeof *to);
        memcpy(to, first + block * step, FUS_LANES * sizeof *to);
        for (size_t t = 1; t < s->tokens; t++)
            for (size_t i = 0; i < FUS_LANES; i++)
                to[t * FUS_LANES + i] = from[(t - 1) * FUS_LANES + i] + a->positions[t * s->c + block * FUS_LANES + i];
        for (size_t t = 0; t < s->tokens; t++)
            for (size_t i = 0; i < FUS_LANES; i++)
                turned[(t / FUS_LANES * s->c + block * FUS_LANES + i) * FUS_LANES + t % FUS_LANES] =
                    to[t * FUS_LANES + i];
    }
}

/* scores [token blocks, heads, 16], in place; entries after the last token become 0. */
static void softmax_heads(float *scores, const struct sizes *s)
{
    for (size_t h = 0; h < s->heads; h++) {
        float most = -INFINITY;
        double sum = 0;
        for (size_t t = 0; t < s->tokens; t++) {
            float v = scores[(t / FUS_LANES * s->heads + h) * FUS_LANES + t % FUS_LANES];
            most = v > most ? v : most;
        }
        for (size_t t = 0; t < s->tokens; t++)
            sum += fus_fmath_exp((double)scores[(t / FUS_LANES * s->heads + h) * FUS_LANES + t % FUS_LANES] - most);
        for (size_t t = 0; t < s->token_blocks * FUS_LANES; t++) {
            float *v = &scores[(t / FUS_LANES * s->heads + h) * FUS_LANES + t % FUS_LANES];
            *v = t < s->tokens ? (float)(fus_fmath_exp((double)*v - most) / sum) : 0;
        }
    }
}

/* Working memory of n pictures. */
struct memory {
    float *tokens, *turned, *looks, *context, *scores; /* of one picture */
    float *first, *query, *value;                      /* [C/16, n, 16] */
    float *heads;                                      /* [C/16, heads * n, 16]: looks, then context, of all */
};

static struct memory divide(float *scratch, const struct fus_layer *l, const struct sizes *s, size_t n)
{
    struct memory m = {.tokens = scratch};
    m.turned = m.tokens + s->c * s->padded;
    m.looks = m.turned + s->c * s->token_blocks * FUS_LANES;
    m.context = m.looks + s->c * s->heads;
    m.first = m.context + s->c * s->heads;
    m.query = m.first + s->c * n;
    m.value = m.query + s->c * n;
    m.heads = m.value + s->c * n;
    m.scores = m.heads + n * rows_floats(l, s);
    return m;
}

/* q_h W_kh for all pictures and heads: their rows of m->heads are h * n + picture. */
static void make_looks(const struct attnpool *a, const struct memory *m, const struct sizes *s, size_t n,
                       const struct fus_kernel *kernel)
{
    const float scale = (float)(1 / sqrt((double)s->depth));
    struct product p = {.rows = (int)n, .n_blocks = (int)(s->c / FUS_LANES), .kernel = kernel};
    p.whole = (struct fus_tile){.c = m->query,
                                .c_step = n * FUS_LANES,
                                .a = m->first,
                                .a_step = n * FUS_LANES,
                                .b = a->query,
                                .b_step = s->c * FUS_LANES,
                                .bias = a->query_bias,
                                .k = (int)s->c};
    multiply(p);
    for (size_t i = 0; i < s->c * n; i++)
        m->query[i] *= scale;
    p.heads_in_k = (int)s->heads; /* looks_h = W_kh' q_h */
    p.whole = (struct fus_tile){.c = m->heads,
                                .c_step = s->heads * n * FUS_LANES,
                                .a = m->query,
                                .a_step = n * FUS_LANES,
                                .b = a->key,
                                .b_step = s->c * FUS_LANES,
                                .k = (int)s->depth};
    multiply(p);
}

/* A picture's rows of `heads` to or from [C/16, heads, 16]. */
static void copy_rows(const struct memory *m, float *one, bool out, const struct sizes *s, size_t picture, size_t n)
{
    for (size_t row = 0; row < s->c / FUS_LANES * s->heads; row++) {
        float *all = m->heads + (row * n + picture) * FUS_LANES;
        memcpy(out ? one + row * FUS_LANES : all, out ? all : one + row * FUS_LANES, FUS_LANES * sizeof *all);
    }
}

/* sum_i a_hi t_i of one picture and all heads, from its looks. in [C/16, places, 16]. */
static void make_context(const struct attnpool *a, const struct memory *m, const struct sizes *s, const float *in,
                         size_t picture, size_t n, const struct fus_kernel *kernel)
{
    make_tokens(m->tokens, m->turned, m->first + picture * FUS_LANES, n * FUS_LANES, in, a, s);
    copy_rows(m, m->looks, true, s, picture, n);
    struct product p = {.rows = (int)s->heads, .n_blocks = (int)s->token_blocks, .kernel = kernel};
    p.whole = (struct fus_tile){.c = m->scores,
                                .c_step = s->heads * FUS_LANES,
                                .a = m->looks,
                                .a_step = s->heads * FUS_LANES,
                                .b = m->turned,
                                .b_step = s->c * FUS_LANES,
                                .k = (int)s->c};
    multiply(p);
    softmax_heads(m->scores, s);
    p.n_blocks = (int)(s->c / FUS_LANES);
    p.whole = (struct fus_tile){.c = m->context,
                                .c_step = s->heads * FUS_LANES,
                                .a = m->scores,
                                .a_step = s->heads * FUS_LANES,
                                .b = m->tokens,
                                .b_step = s->padded * FUS_LANES,
                                .k = (int)s->padded};
    multiply(p);
    copy_rows(m, m->context, false, s, picture, n);
}

/* o_h = W_vh context_h + b_vh, then the output's product: out [n, attn_dim/16, 16]. */
static void make_output(const struct attnpool *a, const struct memory *m, const struct sizes *s, float *out, size_t n,
                        const struct fus_kernel *kernel)
{
    int out_blocks = FUS_BLOCKS(a->layer->channels);
    struct product p = {.rows = (int)n,
                        .n_blocks = (int)(s->c / FUS_LANES),
                        .blocks_per_head = (int)(s->depth / FUS_LANES),
                        .kernel = kernel};
    p.whole = (struct fus_tile){.c = m->value,
                                .c_step = n * FUS_LANES,
                                .a = m->heads,
                                .a_step = s->heads * n * FUS_LANES,
                                .b = a->value,
                                .b_step = s->c * FUS_LANES,
                                .bias = a->value_bias,
                                .k = (int)s->c};
    multiply(p);
    p = (struct product){.rows = (int)n, .n_blocks = out_blocks, .kernel = kernel};
    p.whole = (struct fus_tile){.c = m->heads, /* whose rows are no longer needed */
                                .c_step = n * FUS_LANES,
                                .a = m->value,
                                .a_step = n * FUS_LANES,
                                .b = a->output,
                                .b_step = s->c * FUS_LANES,
                                .bias = a->output_bias,
                                .k = (int)s->c};
    multiply(p);
    for (size_t picture = 0; picture < n; picture++)
        for (size_t block = 0; block < (size_t)out_blocks; block++)
            memcpy(out + (picture * (size_t)out_blocks + block) * FUS_LANES,
                   m->heads + (block * n + picture) * FUS_LANES, FUS_LANES * sizeof *out);
}

void fus_attnpool_run(const struct fus_op_run *run)
{
    const struct fus_layer *l = run->layer;
    const struct attnpool a = locate(l, (float *)run->packed);
    const struct sizes s = sizes_of(l);
    for (int first = 0; first < run->n; first += PICTURES) {
        size_t n = (size_t)(run->n - first < PICTURES ? run->n - first : PICTURES), floats = fus_layer_in_floats(l);
        const float *in = run->in + (size_t)first * floats;
        const struct memory m = divide(run->scratch, l, &s, n);
        for (size_t i = 0; i < n; i++)
            make_first(m.first, in + i * floats, &a, &s, i, n);
        make_looks(&a, &m, &s, n, run->kernel);
        for (size_t i = 0; i < n; i++)
            make_context(&a, &m, &s, in + i * floats, i, n, run->kernel);
        make_output(&a, &m, &s, run->out + (size_t)first * fus_layer_floats(l), n, run->kernel);
    }
}
