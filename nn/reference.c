/* A residual network by naive loops: what the rest of nn/ computes, without any of its machinery. Read this first.
 *
 * An activation is [C, H, W]. Every sum starts at 0 and is one chain of fused multiply-adds in the order of the loops,
 * innermost last; this order is the contract that the fast engine keeps to the bit. */
#include <math.h>
#include <string.h>

#include "layers.h"

static size_t volume(const struct fus_layer *l)
{
    return (size_t)l->channels * (size_t)l->side * (size_t)l->side;
}

/* One output of a convolution: over kernel rows r, kernel columns s, input channels c. Outside the picture there are
 * zeros, which change nothing and are skipped. */
static float convolve_at(const float *in, const float *w, const struct fus_layer *l, int y, int x)
{
    float sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int in_y = y * l->stride - l->padding + r, in_x = x * l->stride - l->padding + s;
            if (in_y < 0 || in_y >= l->in_side || in_x < 0 || in_x >= l->in_side)
                continue;
            for (int c = 0; c < l->in_channels; c++) {
                size_t at = ((size_t)c * (size_t)l->in_side + (size_t)in_y) * (size_t)l->in_side + (size_t)in_x;
                sum = fmaf(in[at], w[(c * l->kernel + r) * l->kernel + s], sum);
            }
        }
    return sum;
}

/* out[k, y, x] = relu(conv(in)[k, y, x] + bias[k] + addend[k, y, x]); batch norm is already in weights and bias. */
static void convolve(float *out, const float *in, const float *addend, const float *weights, const float *bias,
                     const struct fus_layer *l)
{
    size_t per_channel = (size_t)l->in_channels * (size_t)(l->kernel * l->kernel);
    for (int k = 0; k < l->channels; k++)
        for (int y = 0; y < l->side; y++)
            for (int x = 0; x < l->side; x++) {
                size_t at = ((size_t)k * (size_t)l->side + (size_t)y) * (size_t)l->side + (size_t)x;
                float v = convolve_at(in, weights + (size_t)k * per_channel, l, y, x) + bias[k];
                if (addend)
                    v += addend[at];
                out[at] = l->relu && v < 0 ? 0 : v;
            }
}

/* Max pool, average pool and the mean over all places: one window of one channel. */
static float pool_at(const float *plane, const struct fus_layer *l, int y, int x)
{
    float most = -INFINITY, sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int in_y = y * l->stride - l->padding + r, in_x = x * l->stride - l->padding + s;
            if (in_y < 0 || in_y >= l->in_side || in_x < 0 || in_x >= l->in_side)
                continue;
            float v = plane[in_y * l->in_side + in_x];
            most = v > most || v != v ? v : most;
            sum += v;
        }
    return l->op == FUS_OP_MAXPOOL ? most : sum / (float)(l->kernel * l->kernel);
}

/* Option A: output channel k is input channel k - before at every second place, or zero. */
static float pad_at(const float *in, const struct fus_layer *l, int k, int y, int x)
{
    int c = k - (l->channels - l->in_channels) / 2;
    if (c < 0 || c >= l->in_channels)
        return 0;
    return in[((size_t)c * (size_t)l->in_side + (size_t)(y * l->stride)) * (size_t)l->in_side + (size_t)(x * l->stride)];
}

static void without_weights(float *out, const float *in, const struct fus_layer *l)
{
    for (int k = 0; k < l->channels; k++)
        for (int y = 0; y < l->side; y++)
            for (int x = 0; x < l->side; x++)
                *out++ = l->op == FUS_OP_PAD ? pad_at(in, l, k, y, x)
                                             : pool_at(in + (size_t)k * (size_t)l->in_side * (size_t)l->in_side, l, y, x);
}

static int with_weights(float *out, const float *in, const float *addend, const struct fus_layer *l, fus_weight_fn get,
                        void *context, struct fus_error *err)
{
    size_t n = (size_t)l->channels * (size_t)l->in_channels * (size_t)(l->kernel * l->kernel), k = (size_t)l->channels;
    float *weights = fus_base_alloc(n + 5 * k, sizeof *weights);
    if (!weights)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the weights of %s", l->name);
    int code = fus_fold_layer(weights, weights + n, weights + n + k, l, get, context, err);
    if (!code)
        convolve(out, in, addend, weights, weights + n, l);
    fus_base_free(weights);
    return code;
}

int fus_reference_forward(float *out, const struct fus_net_spec *spec, const float *input, const char *tap,
                          fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_arch arch;
    int code = fus_arch_build(&arch, spec, err);
    if (code)
        return code;
    float **output = fus_base_alloc((size_t)arch.n_layers, sizeof *output);
    if (!output)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the reference network");
    bool found = false;
    for (int i = 0; i < arch.n_layers && !code && !found; i++) {
        const struct fus_layer *l = &arch.layers[i];
        const float *in = l->input < 0 ? input : output[l->input], *addend = l->addend < 0 ? NULL : output[l->addend];
        output[i] = fus_base_alloc(volume(l), sizeof **output);
        if (!output[i])
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for layer %s", l->name);
        else if (l->op == FUS_OP_CONV)
            code = with_weights(output[i], in, addend, l, get, context, err);
        else
            without_weights(output[i], in, l);
        found = !code && strcmp(l->tap, tap) == 0;
        if (found)
            memcpy(out, output[i], volume(l) * sizeof *out);
    }
    if (!code && !found)
        code = fus_base_fail(err, FUS_ENOTFOUND, "no layer is called '%s'", tap);
    for (int i = 0; output && i < arch.n_layers; i++)
        fus_base_free(output[i]);
    fus_base_free(output);
    fus_arch_free(&arch);
    return code;
}
