/* Convolutions and linear layers as an operator (op.h): parameters, loading with the batch norm
 * folded in, and the choice between the direct product (gemm.c) and Winograd's (winograd.c).
 *
 *   out = act(weights * in + bias + addend)
 *
 * Packed weights are the panels of the algorithm, then the bias [ceil(C/16), 16]. */
#include <stdio.h>
#include <string.h>

#include "nn/layer/layers.h"
#include "nn/layer/op.h"

bool fus_conv_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
    bool norm = l->norm[0];
    if (i > (norm ? 4 : 1))
        return false;
    memset(p, 0, sizeof *p);
    p->shape[0] = l->channels;
    if (i == 0) {
        snprintf(p->name, sizeof p->name, "%s.weight", l->name);
        p->role = FUS_ROLE_WEIGHT;
        p->n_dims = norm ? 4 : 2;
        p->shape[1] = l->in_channels;
        p->shape[2] = p->shape[3] = norm ? l->kernel : 0;
        return true;
    }
    p->n_dims = 1;
    p->role = norm ? (enum fus_role)(FUS_ROLE_NORM_SCALE + i - 1) : FUS_ROLE_BIAS;
    snprintf(p->name, sizeof p->name, "%s.%s", norm ? l->norm : l->name, norm ? part[i - 1] : "bias");
    return true;
}

static size_t panel_floats(const struct fus_layer *l)
{
    return l->winograd ? fus_winograd_panel_floats(l) : fus_gemm_panel_floats(l);
}

static size_t bias_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * FUS_LANES;
}

size_t fus_conv_packed_floats(const struct fus_layer *l)
{
    return panel_floats(l) + bias_floats(l);
}

static size_t weight_floats(const struct fus_layer *l)
{
    return (size_t)l->channels * (size_t)l->in_channels * (size_t)(l->kernel * l->kernel);
}

/* Weights, and gamma, beta, mean and variance of the batch norm to fold. */
size_t fus_conv_raw_floats(const struct fus_layer *l)
{
    return weight_floats(l) + 4 * (size_t)l->channels;
}

int fus_conv_load(const struct fus_op_load *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    float *bias = a->packed + panel_floats(l);
    memset(bias, 0, bias_floats(l) * sizeof *bias);
    int code = fus_fold_layer(a->raw, bias, a->raw + weight_floats(l), l, a->get, a->context, err);
    if (code)
        return code;
    if (l->winograd)
        fus_winograd_pack_weights(a->packed, a->raw, l);
    else
        fus_gemm_pack_weights(a->packed, a->raw, l);
    return FUS_OK;
}

size_t fus_conv_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads)
{
    return l->winograd ? (size_t)n_threads * fus_winograd_scratch_floats(l, n_pictures) : 0;
}

void fus_conv_run(const struct fus_op_run *a)
{
    const struct fus_layer *l = a->layer;
    const struct fus_gemm g = {
        .layer = l, .panels = a->packed, .bias = a->packed + panel_floats(l), .k = fus_gemm_k(l)};
    if (l->winograd)
        fus_winograd_run(&g, a->out, a->in, a->addend, a->n, a->scratch, a->kernel);
    else
        fus_gemm_run(&g, a->out, a->in, a->addend, a->n, a->kernel);
}

const char *fus_conv_algorithm(const struct fus_layer *l)
{
    return l->winograd ? "winograd" : "gemm";
}

/* Of the direct sum; taps in the padding count too. */
double fus_conv_flops(const struct fus_layer *l)
{
    return 2.0 * l->height * l->width * l->channels * l->in_channels * l->kernel * l->kernel;
}
