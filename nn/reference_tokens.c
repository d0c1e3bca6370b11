/* SPDX-License-Identifier: MIT */
/* Transformers by naive loops (reference.c): one place at a time. An activation is [C, H, W],
 * tokens are [C, 1, T]. The sums over channels or keys that layer norm and softmax need go by 16
 * lanes, which are added in order; the fast engine follows the same order, bit for bit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

/* The picture's window at (y, x) as channels r, s, c; outside it there are zeros. */
int fus_reference_unfold(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    size_t places = fus_layer_places(l), in_places = fus_layer_in_places(l);
    (void)err;
    for (int k = 0; k < l->channels; k++)
        for (size_t p = 0; p < places; p++) {
            int c = k % 3, s = k / 3 % l->kernel, r = k / 3 / l->kernel;
            int y = (int)p / l->width * l->stride - l->padding + r, x = (int)p % l->width * l->stride - l->padding + s;
            bool inside = y >= 0 && y < l->in_height && x >= 0 && x < l->in_width;
            a->out[(size_t)k * places + p] = inside ? a->in[(size_t)c * in_places + (size_t)(y * l->in_width + x)] : 0;
        }
    return FUS_OK;
}

int fus_reference_tokens(const struct fus_op_reference *a, struct fus_error *err)
{
    size_t rows = (size_t)a->layer->width, c = (size_t)a->layer->channels;
    float *positions = fus_base_alloc((rows + 1) * c, sizeof *positions);
    if (!positions)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for positions");
    float *one = positions + rows * c;
    int code = a->get(a->context, positions, rows * c, "positional_embedding", err);
    if (!code)
        code = a->get(a->context, one, c, "class_embedding", err);
    for (size_t k = 0; k < c && !code; k++)
        for (size_t row = 0; row < rows; row++)
            a->out[k * rows + row] = (row ? a->in[k * (rows - 1) + row - 1] : one[k]) + positions[row * c + k];
    fus_base_free(positions);
    return code;
}

/* The mean over channels of (x - centre)^power, power 1 or 2; x [C] of stride n. */
static double mean_of(const float *x, size_t channels, size_t n, double centre, int power)
{
    double lanes[FUS_LANES] = {0}, sum = 0;
    for (size_t c = 0; c < channels; c++) {
        double d = (double)x[c * n] - centre;
        lanes[c % FUS_LANES] += power == 1 ? d : d * d;
    }
    for (int i = 0; i < FUS_LANES; i++)
        sum += lanes[i];
    return sum / (double)channels;
}

int fus_reference_layernorm(const struct fus_op_reference *a, struct fus_error *err)
{
    size_t n = fus_layer_places(a->layer), channels = (size_t)a->layer->channels;
    float *weight = fus_base_alloc(2 * channels, sizeof *weight);
    char name[64];
    if (!weight)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %s", a->layer->name);
    snprintf(name, sizeof name, "%s.weight", a->layer->name);
    int code = a->get(a->context, weight, channels, name, err);
    snprintf(name, sizeof name, "%s.bias", a->layer->name);
    if (!code)
        code = a->get(a->context, weight + channels, channels, name, err);
    for (size_t p = 0; p < n && !code; p++) {
        double mean = mean_of(a->in + p, channels, n, 0, 1),
               rate = 1 / sqrt(mean_of(a->in + p, channels, n, mean, 2) + a->layer->epsilon);
        for (size_t c = 0; c < channels; c++)
            a->out[c * n + p] =
                (float)(((double)a->in[c * n + p] - mean) * rate * (double)weight[c] + (double)weight[channels + c]);
    }
    fus_base_free(weight);
    return code;
}

/* The shares p [n_keys] of the scores in place; from n_seen on 0. */
static void softmax(float *p, size_t n_keys, size_t n_seen)
{
    float most = -INFINITY, lanes[FUS_LANES] = {0};
    double total = 0;
    for (size_t j = 0; j < n_seen; j++)
        most = most < p[j] ? p[j] : most;
    for (size_t j = 0; j < n_keys; j++) {
        p[j] = j < n_seen ? fus_fmath_expf(p[j] - most) : 0;
        lanes[j % FUS_LANES] += p[j];
    }
    for (int i = 0; i < FUS_LANES; i++)
        total += (double)lanes[i];
    for (size_t j = 0; j < n_keys; j++)
        p[j] *= (float)(1 / total);
}

/* One query of one head of d channels. in [3 C, n]: queries, keys, values. */
static void attend_row(float *out, const float *in, float *p, const struct fus_layer *l, size_t head, size_t i)
{
    size_t n = fus_layer_places(l), channels = (size_t)l->channels, d = channels / (size_t)l->heads;
    const float *q = in + head * d * n, *k = q + channels * n, *v = k + channels * n;
    const float scale = (float)(1 / sqrt((double)d));
    for (size_t j = 0; j < n; j++) {
        p[j] = 0;
        for (size_t c = 0; c < d; c++)
            p[j] = fmaf(q[c * n + i] * scale, k[c * n + j], p[j]);
    }
    softmax(p, n, l->causal ? i + 1 : n);
    for (size_t c = 0; c < d; c++) {
        float sum = 0;
        for (size_t j = 0; j < n; j++)
            sum = fmaf(p[j], v[c * n + j], sum);
        out[(head * d + c) * n + i] = sum + 0.0f; /* the engine's bias of 0: -0 becomes 0 */
    }
}

int fus_reference_self_attend(const struct fus_op_reference *a, struct fus_error *err)
{
    size_t n = fus_layer_places(a->layer);
    float *p = fus_base_alloc(n, sizeof *p);
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for attention");
    for (size_t head = 0; head < (size_t)a->layer->heads; head++)
        for (size_t i = 0; i < n; i++)
            attend_row(a->out, a->in, p, a->layer, head, i);
    fus_base_free(p);
    return FUS_OK;
}

int fus_reference_pick(const struct fus_op_reference *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    size_t n = fus_layer_places(l), rows = fus_layer_in_places(l), first = l->row < 0 ? rows - 1 : (size_t)l->row;
    (void)err;
    for (size_t c = 0; c < (size_t)l->channels; c++)
        memcpy(a->out + c * n, a->in + c * rows + first, n * sizeof *a->out);
    return FUS_OK;
}

/* The rows of tokens: [W, n]. */
static int embed_tokens(float *out, const struct fus_tower_spec *spec, const int *ids, size_t n, fus_weight_fn get,
                        fus_row_fn get_row, void *context, struct fus_error *err)
{
    size_t width = (size_t)spec->width, all = (size_t)spec->context * width;
    float *positions = fus_base_alloc(all + width, sizeof *positions), *row = positions + all;
    int code = positions ? get(context, positions, all, "text.positional_embedding", err)
                         : fus_base_fail(err, FUS_ENOMEM, "no memory for positions");
    for (size_t i = 0; i < n && !code; i++) {
        code = get_row(context, row, (size_t)ids[i], width, "text.token_embedding.weight", err);
        for (size_t c = 0; c < width && !code; c++)
            out[c * n + i] = row[c] + positions[i * width + c];
    }
    fus_base_free(positions);
    return code;
}

int fus_reference_text(float *out, const struct fus_tower_spec *spec, const int *ids, size_t n, fus_weight_fn get,
                       fus_row_fn get_row, void *context, struct fus_error *err)
{
    struct fus_arch arch;
    int code = fus_vit_build_text(&arch, spec, (int)n, err);
    if (code)
        return code;
    float *x = fus_base_alloc((size_t)spec->width * n, sizeof *x);
    code = x ? embed_tokens(x, spec, ids, n, get, get_row, context, err)
             : fus_base_fail(err, FUS_ENOMEM, "no memory for tokens");
    if (!code)
        code = fus_reference_walk(out, &arch, x, 1, arch.n_layers - 1, get, context, err);
    fus_base_free(x);
    fus_arch_free(&arch);
    return code;
}
