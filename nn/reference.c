/* SPDX-License-Identifier: MIT */
/* A residual network by naive loops. The rest of nn/ computes the same. Read this first.
 *
 * An activation is [C, H, W]. Every sum starts at 0 and is one chain of fused multiply-adds in the
 * order of the loops, innermost last; the fast engine follows the same order, bit for bit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

static size_t volume(const struct fus_layer *l)
{
    return (size_t)l->channels * fus_layer_places(l);
}

static bool inside(const struct fus_layer *l, int y, int x)
{
    return y >= 0 && y < l->in_height && x >= 0 && x < l->in_width;
}

/* The activations of act.c, one input at a time. */
static float activate(float x, enum fus_act act)
{
    switch (act) {
    case FUS_ACT_GELU:
        return 0.5f * x * (1 + fus_fmath_erff(x * FUS_FMATH_ROOT_HALF));
    case FUS_ACT_QUICKGELU:
        return x / (1 + fus_fmath_expf(-FUS_FMATH_QUICKGELU_SLOPE * x));
    case FUS_ACT_SILU:
        return x / (1 + fus_fmath_expf(-x));
    case FUS_ACT_RELU:
        return x < 0 ? 0 : x;
    case FUS_ACT_NONE:
        break;
    }
    return x;
}

/* One output of channel k: over kernel rows r, kernel columns s, input channels c. Outside the
 * picture there are zeros, which change nothing and are skipped. */
static float convolve_at(const float *in, const float *w, const struct fus_layer *l, int k, int y, int x)
{
    int n = fus_layer_reads(l), first = l->groups ? k / n * n : 0;
    float sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int in_y = y * l->stride - l->padding + r, in_x = x * l->stride - l->padding + s;
            if (!inside(l, in_y, in_x))
                continue;
            for (int c = 0; c < n; c++) {
                size_t at =
                    ((size_t)(first + c) * (size_t)l->in_height + (size_t)in_y) * (size_t)l->in_width + (size_t)in_x;
                sum = fmaf(in[at], w[(c * l->kernel + r) * l->kernel + s], sum);
            }
        }
    return sum;
}

/* The same by kernel/bf16.h's rule for layers of bf16 numbers. k runs in tiles of 32: the
 * channels of one r, s from 0, 32, ... on; of an image one r's (s, c). */
struct bf16_sums {
    float tile[2], total; /* of even and odd k; c */
    int k;                /* of the tile, that have been added */
};

static void end_tile(struct bf16_sums *s)
{
    for (; s->k < FUS_BF16_DEPTH; s->k++)
        s->tile[s->k % 2] = fus_bf16_fma(0, 0, s->tile[s->k % 2]);
    s->total = fus_bf16_add(s->total, fus_bf16_add(s->tile[0], s->tile[1]));
    s->tile[0] = s->tile[1] = 0;
    s->k = 0;
}

static void add_bf16(struct bf16_sums *s, float a, float b)
{
    s->tile[s->k % 2] = fus_bf16_fma(fus_bf16_round(a), fus_bf16_round(b), s->tile[s->k % 2]);
    if (++s->k == FUS_BF16_DEPTH)
        end_tile(s);
}

static float convolve_bf16_at(const float *in, const float *w, const struct fus_layer *l, int k, int y, int x)
{
    int n = fus_layer_reads(l), first = l->groups ? k / n * n : 0;
    struct bf16_sums sums = {0};
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int in_y = y * l->stride - l->padding + r, in_x = x * l->stride - l->padding + s;
            for (int c = 0; c < n; c++) {
                size_t at =
                    ((size_t)(first + c) * (size_t)l->in_height + (size_t)in_y) * (size_t)l->in_width + (size_t)in_x;
                add_bf16(&sums, inside(l, in_y, in_x) ? in[at] : 0, w[(c * l->kernel + r) * l->kernel + s]);
            }
            bool tile_goes_on = l->input < 0 && s + 1 < l->kernel;
            if (sums.k > 0 && !tile_goes_on)
                end_tile(&sums);
        }
    return sums.total;
}

/* out[k, y, x] = act(conv(in)[k, y, x] + bias[k] + addend[k, y, x]); batch norm is already in
 * weights and bias. */
static void convolve(const struct fus_op_reference *a, const float *weights, const float *bias)
{
    const struct fus_layer *l = a->layer;
    size_t per_channel = (size_t)fus_layer_reads(l) * (size_t)(l->kernel * l->kernel), at = 0;
    for (int k = 0; k < l->channels; k++)
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++, at++) {
                const float *w = weights + (size_t)k * per_channel;
                float v = (l->bf16 ? convolve_bf16_at : convolve_at)(a->in, w, l, k, y, x) + bias[k];
                if (a->addend)
                    v += a->addend[at];
                a->out[at] = activate(v, l->act);
            }
}

int fus_reference_convolve(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    size_t n = (size_t)l->channels * (size_t)fus_layer_reads(l) * (size_t)(l->kernel * l->kernel),
           k = (size_t)l->channels;
    float *weights = fus_base_alloc(n + k + fus_fold_scratch_floats(l), sizeof *weights);
    if (!weights)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the weights of %s", l->name);
    int code = fus_fold_layer(weights, weights + n, weights + n + k, l, a->get, a->context, err);
    if (!code)
        convolve(a, weights, weights + n);
    fus_base_free(weights);
    return code;
}

/* Max pool, average pool and the mean over all places: one window of one channel. */
static float pool_at(const float *plane, const struct fus_layer *l, int y, int x)
{
    float most = -INFINITY, sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int in_y = y * l->stride - l->padding + r, in_x = x * l->stride - l->padding + s;
            if (!inside(l, in_y, in_x))
                continue;
            float v = plane[in_y * l->in_width + in_x];
            most = v > most || v != v ? v : most;
            sum += v;
        }
    return l->op == FUS_OP_MAXPOOL ? most : sum / (float)(l->kernel * l->kernel);
}

int fus_reference_pool(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    float *out = a->out;
    (void)err;
    for (int k = 0; k < l->channels; k++)
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++)
                *out++ = pool_at(a->in + (size_t)k * fus_layer_in_places(l), l, y, x);
    return FUS_OK;
}

/* Option A: output channel k is input channel k - before at every second place, or zero. */
static float pad_at(const float *in, const struct fus_layer *l, int k, int y, int x)
{
    int c = k - (l->channels - l->in_channels) / 2;
    if (c < 0 || c >= l->in_channels)
        return 0;
    return in[((size_t)c * (size_t)l->in_height + (size_t)(y * l->stride)) * (size_t)l->in_width +
              (size_t)(x * l->stride)];
}

int fus_reference_pad(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    float *out = a->out;
    (void)err;
    for (int k = 0; k < l->channels; k++)
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++)
                *out++ = pad_at(a->in, l, k, y, x);
    return FUS_OK;
}

int fus_reference_activate(const struct fus_op_reference *a, struct fus_error *err)
{
    (void)err;
    for (size_t i = 0; i < volume(a->layer); i++)
        a->out[i] = activate(a->in[i], a->layer->act);
    return FUS_OK;
}

/* y [rows] = W [rows, n] x + b, from the look-up. */
static int affine(float *y, const float *x, size_t rows, size_t n, const char *layer, const struct fus_op_reference *a,
                  struct fus_error *err)
{
    char name[128];
    float *w = fus_base_alloc(rows * n + rows, sizeof *w);
    if (!w)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the weights of %s", layer);
    snprintf(name, sizeof name, "attnpool.%s.weight", layer);
    int code = a->get(a->context, w, rows * n, name, err);
    snprintf(name, sizeof name, "attnpool.%s.bias", layer);
    if (!code)
        code = a->get(a->context, w + rows * n, rows, name, err);
    for (size_t i = 0; i < rows && !code; i++) {
        y[i] = w[rows * n + i];
        for (size_t j = 0; j < n; j++)
            y[i] = fmaf(w[i * n + j], x[j], y[i]);
    }
    fus_base_free(w);
    return code;
}

/* One head: v = sum_i softmax_i(q . k_i) v_i over n tokens of stride c, d channels from `at` on. */
static void attend(float *out, const float *q, const float *k, const float *v, size_t n, size_t c, size_t at, size_t d)
{
    double most = -INFINITY, sum = 0, score;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            score = 0;
            for (size_t j = at; j < at + d; j++)
                score += (double)q[j] * k[i * c + j] / sqrt((double)d);
            if (pass == 0) {
                most = score > most ? score : most;
                continue;
            }
            sum += fus_fmath_exp(score - most);
            for (size_t j = at; j < at + d; j++)
                out[j] += (float)fus_fmath_exp(score - most) * v[i * c + j];
        }
    for (size_t j = at; j < at + d; j++)
        out[j] /= (float)sum;
}

/* The tokens t [n, c]: the mean of all places, then the places, each with its position added. */
static int make_tokens(float *t, const struct fus_op_reference *a, struct fus_error *err)
{
    size_t places = fus_layer_in_places(a->layer), c = (size_t)a->layer->in_channels;
    int code = a->get(a->context, t, (places + 1) * c, "attnpool.positional_embedding", err);
    for (size_t j = 0; j < c; j++) {
        float mean = 0;
        for (size_t i = 0; i < places; i++) {
            mean += a->in[j * places + i];
            t[(i + 1) * c + j] += a->in[j * places + i];
        }
        t[j] += mean / (float)places;
    }
    return code;
}

/* CLIP's attention pooling the long way: keys and values of every token. Not bit-equal to
 * attnpool.c, which computes the same products in a cheaper order. */
int fus_reference_attend(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    size_t n = fus_layer_in_places(l) + 1, c = (size_t)l->in_channels, heads = (size_t)l->heads;
    float *t = fus_base_alloc(3 * n * c + 2 * c, sizeof *t);
    if (!t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for attention pooling");
    float *k = t + n * c, *v = k + n * c, *q = v + n * c, *o = q + c;
    int code = make_tokens(t, a, err);
    if (!code)
        code = affine(q, t, c, c, "q_proj", a, err);
    for (size_t i = 0; i < n && !code; i++)
        code = affine(k + i * c, t + i * c, c, c, "k_proj", a, err);
    for (size_t i = 0; i < n && !code; i++)
        code = affine(v + i * c, t + i * c, c, c, "v_proj", a, err);
    for (size_t h = 0; h < heads && !code; h++)
        attend(o, q, k, v, n, c, h * (c / heads), c / heads);
    if (!code)
        code = affine(a->out, o, (size_t)l->channels, c, "c_proj", a, err);
    fus_base_free(t);
    return code;
}

int fus_reference_walk(float *out, const struct fus_arch *arch, const float *input, int from, int to, fus_weight_fn get,
                       void *context, struct fus_error *err)
{
    float **output = fus_base_alloc((size_t)arch->n_layers, sizeof *output);
    int code = output ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the reference network");
    for (int i = from; i <= to && !code; i++) {
        const struct fus_layer *l = &arch->layers[i];
        output[i] = fus_base_alloc(volume(l), sizeof **output);
        const struct fus_op_reference a = {
            .layer = l,
            .out = output[i],
            .in = l->input < from ? input : output[l->input],
            .addend = l->addend < 0      ? NULL
                      : l->addend < from ? input
                                         : output[l->addend],
            .get = get,
            .context = context,
        };
        code = output[i] ? fus_op_table[l->op].reference(&a, err)
                         : fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", l->name);
    }
    if (!code)
        memcpy(out, output[to], volume(&arch->layers[to]) * sizeof *out);
    for (int i = from; output && i <= to; i++)
        fus_base_free(output[i]);
    fus_base_free(output);
    return code;
}

int fus_reference_forward(float *out, const struct fus_net_spec *spec, const float *input, const char *tap,
                          fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_arch arch;
    int code = fus_arch_build(&arch, spec, err), last = 0;
    if (code)
        return code;
    while (last < arch.n_layers && strcmp(arch.layers[last].tap, tap) != 0)
        last++;
    code = last < arch.n_layers ? fus_reference_walk(out, &arch, input, 0, last, get, context, err)
                                : fus_base_fail(err, FUS_ENOTFOUND, "no layer is called '%s'", tap);
    fus_arch_free(&arch);
    return code;
}
