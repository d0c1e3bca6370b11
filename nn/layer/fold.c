/* Batch norm folded into the convolution before it: at inference both are affine, so they combine
 * into one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/layer/layers.h"

void fus_fold_batchnorm(float *weights, float *bias, size_t n_per_channel, int channels, const float *gamma,
                        const float *beta, const float *mean, const float *var)
{
    for (int c = 0; c < channels; c++) {
        double g = (double)gamma[c] / sqrt((double)var[c] + FUS_BN_EPSILON);
        float *w = weights + (size_t)c * n_per_channel;
        for (size_t i = 0; i < n_per_channel; i++)
            w[i] = (float)(w[i] * g);
        bias[c] = (float)((double)beta[c] - (double)mean[c] * g);
    }
}

int fus_fold_layer(float *weights, float *bias, float *scratch, const struct fus_layer *l, fus_weight_fn get,
                   void *context, struct fus_error *err)
{
    static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
    char name[128];
    size_t n = (size_t)l->channels, per_channel = (size_t)l->in_channels * (size_t)(l->kernel * l->kernel);
    snprintf(name, sizeof name, "%s.weight", l->name);
    int code = get(context, weights, n * per_channel, name, err);
    if (!l->norm[0]) {
        snprintf(name, sizeof name, "%s.bias", l->name);
        return code ? code : get(context, bias, n, name, err);
    }
    for (int i = 0; i < 4 && !code; i++) {
        snprintf(name, sizeof name, "%s.%s", l->norm, part[i]);
        code = get(context, scratch + (size_t)i * n, n, name, err);
    }
    if (!code)
        fus_fold_batchnorm(weights, bias, per_channel, l->channels, scratch, scratch + n, scratch + 2 * n,
                           scratch + 3 * n);
    return code;
}
