/* SPDX-License-Identifier: MIT */
/* Convolutions and linear layers as an operator (op.h): parameters, loading with the batch norm
 * folded in, and the choice between the direct product (gemm.c, of bf16 numbers gemm16.c) and
 * Winograd's (winograd.c).
 *
 *   out = act(weights * in + bias + addend)
 *
 * Packed weights are the panels of the algorithm, then the bias [ceil(C/16), 16]. */
#include <stdio.h>
#include <string.h>

#include "nn/layer/layers.h"
#include "nn/layer/op.h"

/* The weight's shape in files: [K, C, R, S], [K, C / groups, R, S], [K, C R S], [C, K], or
 * [K, 3, p, p] where the input is unfolded. */
static void weight_shape(struct fus_parameter *p, const struct fus_layer *l)
{
    int per_channel = l->in_channels * l->kernel * l->kernel;
    p->role = FUS_ROLE_WEIGHT;
    p->n_dims = l->linear || l->transposed ? 2 : 4;
    p->shape[0] = l->transposed ? l->in_channels : l->channels;
    p->shape[1] = l->transposed ? l->channels
                  : l->linear   ? per_channel
                  : l->unfolded ? 3
                  : l->groups   ? l->in_channels / l->groups
                                : l->in_channels;
    p->shape[2] = p->shape[3] = p->n_dims == 2 ? 0 : l->unfolded ? l->unfolded : l->kernel;
}

/* weight; bias; weight, bias, running_mean, running_var of the batch norm; layer scale. */
bool fus_conv_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    static const char *const part[] = {"weight", "bias", "running_mean", "running_var"};
    const char *join = l->underscore ? "_" : ".";
    memset(p, 0, sizeof *p);
    p->shape[0] = l->channels;
    p->n_dims = 1;
    if (i == 0) {
        weight_shape(p, l);
        snprintf(p->name, sizeof p->name, "%s%s%s", l->name, l->transposed ? "" : join, l->transposed ? "" : "weight");
        return true;
    }
    if (l->bias && i-- == 1) {
        p->role = FUS_ROLE_BIAS;
        snprintf(p->name, sizeof p->name, "%s%sbias", l->name, join);
        return true;
    }
    if (l->norm[0] && i <= 4) {
        p->role = (enum fus_role)(FUS_ROLE_NORM_SCALE + i - 1);
        snprintf(p->name, sizeof p->name, "%s.%s", l->norm, part[i - 1]);
        return true;
    }
    p->role = FUS_ROLE_SCALE;
    snprintf(p->name, sizeof p->name, "%s", l->scale);
    return l->scale[0] && i == (l->norm[0] ? 5 : 1);
}

/* A convolution in groups is a row of small ones, each of fus_layer_reads channels. */
static int n_parts(const struct fus_layer *l)
{
    return l->groups ? l->channels / fus_layer_reads(l) : 1;
}

static struct fus_layer part_of(const struct fus_layer *l)
{
    struct fus_layer part = *l;
    part.in_channels = part.channels = fus_layer_reads(l);
    part.groups = 0;
    return part;
}

static size_t panel_floats(const struct fus_layer *l)
{
    if (l->groups) {
        struct fus_layer part = part_of(l);
        return (size_t)n_parts(l) * panel_floats(&part);
    }
    return l->bf16 ? fus_gemm16_panel_floats(l) : l->winograd ? fus_winograd_panel_floats(l) : fus_gemm_panel_floats(l);
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
    return (size_t)l->channels * (size_t)fus_layer_reads(l) * (size_t)(l->kernel * l->kernel);
}

size_t fus_conv_raw_floats(const struct fus_layer *l)
{
    return weight_floats(l) + fus_fold_scratch_floats(l);
}

static void pack(float *packed, const float *raw, const struct fus_layer *l)
{
    if (l->bf16)
        fus_gemm16_pack_weights(packed, raw, l);
    else if (l->winograd)
        fus_winograd_pack_weights(packed, raw, l);
    else
        fus_gemm_pack_weights(packed, raw, l);
}

static void pack_parts(float *packed, const float *raw, const struct fus_layer *l)
{
    struct fus_layer part = part_of(l);
    for (int i = 0; i < n_parts(l); i++, packed += panel_floats(&part), raw += weight_floats(&part))
        pack(packed, raw, &part);
}

int fus_conv_load(const struct fus_op_load *a, struct fus_error *err)
{
    const struct fus_layer *l = a->layer;
    float *bias = a->packed + panel_floats(l);
    memset(bias, 0, bias_floats(l) * sizeof *bias);
    int code = fus_fold_layer(a->raw, bias, a->raw + weight_floats(l), l, a->get, a->context, err);
    if (code)
        return code;
    if (l->groups)
        pack_parts(a->packed, a->raw, l);
    else
        pack(a->packed, a->raw, l);
    return FUS_OK;
}

size_t fus_conv_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads)
{
    struct fus_layer part = l->groups ? part_of(l) : *l;
    if (l->bf16)
        return fus_gemm16_scratch_floats(&part, l->groups ? 1 : n_pictures);
    return l->winograd ? (size_t)n_threads * fus_winograd_scratch_floats(l, n_pictures) : 0;
}

static void run_direct(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n,
                       const struct fus_op_run *a)
{
    if (g->layer->bf16)
        fus_gemm16_run(g, out, in, addend, n, a->scratch, a->kernel);
    else
        fus_gemm_run(g, out, in, addend, n, a->kernel);
}

/* A 1x1 on joined rows: all items are one picture of one row. */
static void run_joined(const struct fus_op_run *a)
{
    struct fus_layer l = *a->layer;
    l.in_height = l.height = 1;
    l.in_width = l.width = (int)fus_op_first_row(a, a->n);
    const struct fus_gemm g = {
        .layer = &l, .panels = a->packed, .bias = a->packed + panel_floats(&l), .k = fus_gemm_k(&l)};
    run_direct(&g, a->out, a->in, a->addend, 1, a);
}

static void run_parts(const struct fus_op_run *a)
{
    const struct fus_layer *l = a->layer, part = part_of(l);
    size_t panels = panel_floats(&part);
    struct fus_gemm g = {.layer = &part, .k = fus_gemm_k(&part)};
    for (int picture = 0; picture < a->n; picture++)
        for (int i = 0; i < n_parts(l); i++) {
            size_t in = (size_t)picture * fus_layer_in_floats(l) + (size_t)i * fus_layer_in_floats(&part),
                   out = (size_t)picture * fus_layer_floats(l) + (size_t)i * fus_layer_floats(&part);
            g.panels = a->packed + (size_t)i * panels;
            g.bias = a->packed + panel_floats(l) + i * part.channels;
            run_direct(&g, a->out + out, a->in + in, a->addend ? a->addend + out : NULL, 1, a);
        }
}

void fus_conv_run(const struct fus_op_run *a)
{
    const struct fus_layer *l = a->layer;
    const struct fus_gemm g = {
        .layer = l, .panels = a->packed, .bias = a->packed + panel_floats(l), .k = fus_gemm_k(l)};
    if (l->joined)
        run_joined(a);
    else if (l->groups)
        run_parts(a);
    else if (l->winograd)
        fus_winograd_run(&g, a->out, a->in, a->addend, a->n, a->scratch, a->kernel);
    else
        run_direct(&g, a->out, a->in, a->addend, a->n, a);
}

const char *fus_conv_algorithm(const struct fus_layer *l)
{
    return l->bf16 ? "bf16" : l->winograd ? "winograd" : "gemm";
}

/* Of the direct sum; taps in the padding count too. */
double fus_conv_flops(const struct fus_layer *l)
{
    int inputs = l->groups ? l->in_channels / l->groups : l->in_channels;
    return 2.0 * l->height * l->width * l->channels * inputs * l->kernel * l->kernel;
}
