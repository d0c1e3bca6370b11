/* SPDX-License-Identifier: MIT */
/* CLIP's attention pooling, forward in training and backward. T = places + 1
 * tokens, heads of width d:
 *
 *   u_0 = mean_t x_t + e_0,  u_t = x_t + e_t      q = Wq u_0 + bq,  k = Wk u + bk,  v = Wv u + bv
 *   p = softmax_t(k_t . q / sqrt d),  o = sum_t p_t v_t,  out = Wc o + bc
 *                                                         for each head
 *
 *   do = Wc' dout;  dv_t = p_t do,  dp_t = v_t . do,  dl_t = p_t (dp_t - sum_j p_j dp_j)
 *   dq = sum_t dl_t k_t / sqrt d,  dk_t = dl_t q / sqrt d
 *   du = Wk' dk + Wv' dv (+ Wq' dq for token 0);  de = sum over pictures of du;  dx_t =
 *                                                 du_t + du_0 / places
 *
 * bk adds the same value to all logits of a head, which does not change the softmax: its gradient
 * is 0. The four products are linear layers (grad_conv.c); the steps between them are in double,
 * token by token. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/threads.h"
#include "nn/train/grad.h"

struct fus_layer fus_grad_attention_part(const struct fus_layer *l, int part)
{
    struct fus_layer p = {.op = FUS_OP_CONV, .addend = -1, .kernel = 1, .stride = 1, .in_channels = l->in_channels};
    bool tokens = part == FUS_ATTENTION_KEY || part == FUS_ATTENTION_VALUE;
    p.channels = part == FUS_ATTENTION_OUT ? l->channels : l->in_channels;
    p.in_height = p.height = 1;
    p.in_width = p.width = tokens ? l->in_height * l->in_width + 1 : 1;
    return p;
}

/* Working memory: of all pictures, [n, C/16, T, 16] and [n, C/16, 16]. */
struct attention {
    const struct fus_grad *g;
    const struct fus_grad_attention *a;
    struct fus_layer part[FUS_ATTENTION_PARTS];
    size_t c, tokens, heads;
    float *u, *k, *v, *dk, *dv, *du; /* tokens; du uses the memory of k */
    float *u0, *q, *o, *dout, *dq, *du0;
    float *p;    /* [n, heads, T] */
    float *rest; /* of the products */
    float *dx;
    const float *in;
    bool onto;
};

static size_t token_floats(const struct fus_layer *l, int n)
{
    return (size_t)n * (size_t)l->in_channels * (fus_layer_in_places(l) + 1);
}

static size_t share_floats(const struct fus_layer *l, int n)
{
    size_t floats = (size_t)n * (size_t)l->heads * (fus_layer_in_places(l) + 1);
    return (floats + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
}

size_t fus_grad_attention_scratch(const struct fus_layer *l, int n)
{
    size_t most = 0;
    for (int i = 0; i < FUS_ATTENTION_PARTS; i++) {
        struct fus_layer p = fus_grad_attention_part(l, i);
        size_t conv = fus_grad_conv_scratch(&p, n), norm = fus_norm_scratch(&p, n);
        most = conv > most ? conv : most;
        most = norm > most ? norm : most;
    }
    return 5 * token_floats(l, n) + 6 * (size_t)n * (size_t)l->in_channels + share_floats(l, n) + most;
}

static void locate(struct attention *t, const struct fus_grad *g, const struct fus_grad_attention *a)
{
    const struct fus_layer *l = g->layer;
    size_t all = token_floats(l, g->n), one = (size_t)g->n * (size_t)l->in_channels;
    float *at = g->scratch, **const tokens[] = {&t->u, &t->k, &t->v, &t->dk, &t->dv};
    float **const vectors[] = {&t->u0, &t->q, &t->o, &t->dout, &t->dq, &t->du0};
    *t = (struct attention){
        .g = g, .a = a, .c = (size_t)l->in_channels, .tokens = fus_layer_in_places(l) + 1, .heads = (size_t)l->heads};
    for (int i = 0; i < FUS_ATTENTION_PARTS; i++)
        t->part[i] = fus_grad_attention_part(l, i);
    for (int i = 0; i < 5; i++, at += all)
        *tokens[i] = at;
    for (int i = 0; i < 6; i++, at += one)
        *vectors[i] = at;
    t->du = t->k;
    t->p = at;
    t->rest = at + share_floats(l, g->n);
}

static struct fus_grad product(const struct attention *t, int part)
{
    return (struct fus_grad){&t->part[part], t->g->n, t->rest, t->g->kernel};
}

/* Channel c of token t of one picture. */
static size_t token_at(const struct attention *t, size_t c, size_t token)
{
    return (c / FUS_LANES * t->tokens + token) * FUS_LANES + c % FUS_LANES;
}

/* ---- forward ---- */

static void make_tokens(void *context, int picture, int thread)
{
    const struct attention *t = context;
    size_t places = t->tokens - 1;
    const float *x = t->in + (size_t)picture * t->c * places;
    float *u = t->u + (size_t)picture * t->c * t->tokens;
    (void)thread;
    for (size_t c = 0; c < t->c; c++) {
        float sum = 0;
        const float *from = x + c / FUS_LANES * places * FUS_LANES + c % FUS_LANES;
        for (size_t i = 0; i < places; i++) {
            sum += from[i * FUS_LANES];
            u[token_at(t, c, i + 1)] = from[i * FUS_LANES] + t->a->positions[(i + 1) * t->c + c];
        }
        u[token_at(t, c, 0)] = sum / (float)places + t->a->positions[c];
        t->u0[(size_t)picture * t->c + c] = u[token_at(t, c, 0)];
    }
}

/* p of one head, and o. */
static void attend_head(const struct attention *t, size_t picture, size_t head)
{
    size_t depth = t->c / t->heads, first = head * depth, at = picture * t->c * t->tokens;
    const float *k = t->k + at, *v = t->v + at, *q = t->q + picture * t->c;
    float *p = t->p + (picture * t->heads + head) * t->tokens, *o = t->o + picture * t->c;
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < t->tokens; i++) {
        double l = 0;
        for (size_t c = first; c < first + depth; c++)
            l += (double)k[token_at(t, c, i)] * q[c];
        p[i] = (float)(l / sqrt((double)depth));
        most = p[i] > most ? p[i] : most;
    }
    for (size_t i = 0; i < t->tokens; i++)
        sum += fus_fmath_exp(p[i] - most);
    for (size_t i = 0; i < t->tokens; i++)
        p[i] = (float)(fus_fmath_exp(p[i] - most) / sum);
    for (size_t c = first; c < first + depth; c++) {
        double value = 0;
        for (size_t i = 0; i < t->tokens; i++)
            value += (double)p[i] * v[token_at(t, c, i)];
        o[c] = (float)value;
    }
}

static void attend(void *context, int picture, int thread)
{
    const struct attention *t = context;
    (void)thread;
    for (size_t h = 0; h < t->heads; h++)
        attend_head(t, (size_t)picture, h);
}

/* Everything up to o. */
static void run_heads(struct attention *t, const float *in)
{
    float *const out[] = {t->q, t->k, t->v};
    const float *const from[] = {t->u0, t->u, t->u};
    t->in = in;
    fus_threads_for(t->g->n, make_tokens, t);
    for (int i = FUS_ATTENTION_QUERY; i <= FUS_ATTENTION_VALUE; i++) {
        struct fus_grad g = product(t, i);
        fus_grad_conv_forward(&g, out[i], from[i], t->a->panels[i], t->a->bias[i]);
    }
    fus_threads_for(t->g->n, attend, t);
}

void fus_grad_attention_forward(const struct fus_grad *g, float *out, const float *in,
                                const struct fus_grad_attention *a)
{
    struct attention t;
    locate(&t, g, a);
    run_heads(&t, in);
    struct fus_grad last = product(&t, FUS_ATTENTION_OUT);
    fus_grad_conv_forward(&last, out, t.o, a->panels[FUS_ATTENTION_OUT], a->bias[FUS_ATTENTION_OUT]);
}

/* ---- backward ---- */

/* dv, dk, dq of one head. dout is do here. */
static void back_head(const struct attention *t, size_t picture, size_t head)
{
    size_t depth = t->c / t->heads, first = head * depth, at = picture * t->c * t->tokens;
    const float *k = t->k + at, *v = t->v + at, *q = t->q + picture * t->c, *d = t->dout + picture * t->c;
    const float *p = t->p + (picture * t->heads + head) * t->tokens;
    float *dk = t->dk + at, *dv = t->dv + at, *dq = t->dq + picture * t->c;
    double mean = 0, scale = 1 / sqrt((double)depth);
    for (size_t i = 0; i < t->tokens; i++)
        for (size_t c = first; c < first + depth; c++)
            mean += p[i] * ((double)v[token_at(t, c, i)] * d[c]);
    for (size_t i = 0; i < t->tokens; i++) {
        double dp = 0;
        for (size_t c = first; c < first + depth; c++)
            dp += (double)v[token_at(t, c, i)] * d[c];
        double dl = p[i] * (dp - mean) * scale;
        for (size_t c = first; c < first + depth; c++) {
            dv[token_at(t, c, i)] = p[i] * d[c];
            dk[token_at(t, c, i)] = (float)(dl * q[c]);
            dq[c] = (float)((i ? dq[c] : 0) + dl * k[token_at(t, c, i)]);
        }
    }
}

static void back_picture(void *context, int picture, int thread)
{
    const struct attention *t = context;
    (void)thread;
    for (size_t h = 0; h < t->heads; h++)
        back_head(t, (size_t)picture, h);
}

/* Adds du of token 0 through the query; then computes dx. */
static void back_tokens(void *context, int picture, int thread)
{
    const struct attention *t = context;
    size_t places = t->tokens - 1;
    float *du = t->du + (size_t)picture * t->c * t->tokens;
    (void)thread;
    for (size_t c = 0; c < t->c; c++) {
        float *first = &du[token_at(t, c, 0)];
        *first += t->du0[(size_t)picture * t->c + c];
        float *to =
            t->dx ? t->dx + (size_t)picture * t->c * places + c / FUS_LANES * places * FUS_LANES + c % FUS_LANES : NULL;
        for (size_t i = 0; to && i < places; i++)
            to[i * FUS_LANES] =
                (t->onto ? to[i * FUS_LANES] : 0) + (du[token_at(t, c, i + 1)] + *first / (float)places);
    }
}

static void add_positions(void *context, int block, int thread)
{
    const struct attention *t = context;
    (void)thread;
    for (int n = 0; n < t->g->n; n++)
        for (size_t token = 0; token < t->tokens; token++)
            for (size_t c = (size_t)block * FUS_LANES; c < (size_t)(block + 1) * FUS_LANES; c++)
                t->a->d_positions[token * t->c + c] += t->du[(size_t)n * t->c * t->tokens + token_at(t, c, token)];
}

/* The gradients of a product's weights; the key's bias has none. */
static void back_weights(const struct attention *t, int part, const float *x, float *dz)
{
    struct fus_grad g = product(t, part);
    fus_grad_conv_weights(&g, t->a->chains[part], t->a->first_picture, x, dz);
    if (part != FUS_ATTENTION_KEY)
        fus_norm_bias_back(&g, t->a->bias_sums[part], dz, dz, NULL);
}

static void back_input(const struct attention *t, int part, float *dx, bool onto, const float *dz)
{
    struct fus_grad g = product(t, part);
    fus_grad_conv_input(&g, dx, onto, dz, t->a->panels[part]);
}

void fus_grad_attention_back(const struct fus_grad *g, float *dx, bool onto, float *dout, const float *in,
                             const struct fus_grad_attention *a)
{
    struct attention t;
    locate(&t, g, a);
    run_heads(&t, in);
    t.dx = dx;
    t.onto = onto;
    struct fus_grad last = product(&t, FUS_ATTENTION_OUT);
    fus_grad_conv_weights(&last, a->chains[FUS_ATTENTION_OUT], a->first_picture, t.o, dout);
    fus_norm_bias_back(&last, a->bias_sums[FUS_ATTENTION_OUT], dout, dout, NULL);
    back_input(&t, FUS_ATTENTION_OUT, t.dout, false, dout);
    fus_threads_for(g->n, back_picture, &t);
    back_weights(&t, FUS_ATTENTION_QUERY, t.u0, t.dq);
    back_weights(&t, FUS_ATTENTION_KEY, t.u, t.dk);
    back_weights(&t, FUS_ATTENTION_VALUE, t.u, t.dv);
    back_input(&t, FUS_ATTENTION_KEY, t.du, false, t.dk);
    back_input(&t, FUS_ATTENTION_VALUE, t.du, true, t.dv);
    back_input(&t, FUS_ATTENTION_QUERY, t.du0, false, t.dq);
    fus_threads_for(g->n, back_tokens, &t);
    fus_threads_for((int)(t.c / FUS_LANES), add_positions, &t);
}
