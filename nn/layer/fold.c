/* SPDX-License-Identifier: MIT */
/* Batch norm folded into the convolution before it: at inference both are affine, so they combine
 * into one. */
#include <math.h>
#include <string.h>

#include "nn/layer/layers.h"
#include "nn/layer/op.h"

void fus_fold_batchnorm(float *weights, float *bias, size_t n_per_channel, int channels, const float *gamma,
                        const float *beta, const float *mean, const float *var)
{
    for (int c = 0; c < channels; c++) {
        double g = (double)gamma[c] / sqrt((double)var[c] + FUS_BN_EPSILON);
        float *w = weights + (size_t)c * n_per_channel;
        for (size_t i = 0; i < n_per_channel; i++)
            w[i] = (float)(w[i] * g);
        bias[c] = (float)((double)beta[c] + ((double)bias[c] - (double)mean[c]) * g);
    }
}

/* Layer scale (Touvron et al. 2021): w' = scale w, bias' = scale bias, in double, rounded once. */
static void fold_scale(float *weights, float *bias, size_t n_per_channel, size_t channels, const float *scale)
{
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < n_per_channel; i++)
            weights[c * n_per_channel + i] = (float)((double)weights[c * n_per_channel + i] * scale[c]);
        bias[c] = (float)((double)bias[c] * scale[c]);
    }
}

/* One tensor of a layer from the look-up, by its number among the layer's parameters. */
static int look_up(float *out, const struct fus_layer *l, int i, fus_weight_fn get, void *context,
                   struct fus_error *err)
{
    struct fus_parameter p;
    size_t n = 1;
    fus_conv_parameter(&p, l, i);
    for (int d = 0; d < p.n_dims; d++)
        n *= (size_t)p.shape[d];
    return get(context, out, n, p.name, err);
}

/* [in, out] -> [out, in] */
static void transpose(float *out, const float *in, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            out[j * rows + i] = in[i * columns + j];
}

/* [K, 3, p, p] -> [K, p, p, 3]: the channels of an UNFOLD. */
static void unfold_weights(float *out, const float *in, size_t channels, size_t side)
{
    for (size_t k = 0; k < channels; k++)
        for (size_t i = 0; i < side * side; i++)
            for (size_t c = 0; c < 3; c++)
                *out++ = in[(3 * k + c) * side * side + i];
}

/* [K, C / groups, R, S] -> [K, reads, R, S] with zeros outside the output's group. */
static void spread_groups(float *out, const float *in, const struct fus_layer *l)
{
    size_t of_group = (size_t)(l->in_channels / l->groups), reads = (size_t)fus_layer_reads(l),
           taps = (size_t)(l->kernel * l->kernel);
    memset(out, 0, (size_t)l->channels * reads * taps * sizeof *out);
    for (size_t k = 0; k < (size_t)l->channels; k++) {
        size_t first = k / of_group * of_group % reads; /* of its group among the channels it reads */
        memcpy(out + (k * reads + first) * taps, in + k * of_group * taps, of_group * taps * sizeof *out);
    }
}

static size_t per_channel(const struct fus_layer *l)
{
    return (size_t)fus_layer_reads(l) * (size_t)(l->kernel * l->kernel);
}

size_t fus_fold_scratch_floats(const struct fus_layer *l)
{
    size_t n = (size_t)l->channels, moved = l->transposed || l->unfolded || l->groups ? n * per_channel(l) : 0;
    return moved > 4 * n ? moved : 4 * n;
}

static int get_weights(float *weights, float *scratch, const struct fus_layer *l, fus_weight_fn get, void *context,
                       struct fus_error *err)
{
    bool moved = l->transposed || l->unfolded || l->groups;
    int code = look_up(moved ? scratch : weights, l, 0, get, context, err);
    if (!code && l->transposed)
        transpose(weights, scratch, (size_t)l->in_channels, (size_t)l->channels);
    if (!code && l->unfolded)
        unfold_weights(weights, scratch, (size_t)l->channels, (size_t)l->unfolded);
    if (!code && l->groups)
        spread_groups(weights, scratch, l);
    return code;
}

int fus_fold_layer(float *weights, float *bias, float *scratch, const struct fus_layer *l, fus_weight_fn get,
                   void *context, struct fus_error *err)
{
    size_t n = (size_t)l->channels;
    int next = 1, code = get_weights(weights, scratch, l, get, context, err);
    memset(bias, 0, n * sizeof *bias);
    if (!code && l->bias)
        code = look_up(bias, l, next++, get, context, err);
    if (l->norm[0]) {
        for (size_t i = 0; i < 4 && !code; i++)
            code = look_up(scratch + i * n, l, next++, get, context, err);
        if (!code)
            fus_fold_batchnorm(weights, bias, per_channel(l), l->channels, scratch, scratch + n, scratch + 2 * n,
                               scratch + 3 * n);
    }
    if (l->scale[0] && !code) {
        code = look_up(scratch, l, next, get, context, err);
        if (!code)
            fold_scale(weights, bias, per_channel(l), n, scratch);
    }
    return code;
}
