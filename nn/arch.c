/* SPDX-License-Identifier: MIT */
/* A network as one table of layers: appending rows, and the parameters of a network. The tables
 * themselves are written by resnet.c, vit.c, chain.c, cornet.c, convnext.c and
 * baseline.c. */
#include <stdio.h>
#include <string.h>

#include "nn/layer/op.h"

#define MAX_LAYERS 20000 /* a 1202-layer CIFAR network has 1,300 */

struct fus_layer *fus_arch_append(struct fus_builder *b, enum fus_op_kind op, int input)
{
    struct fus_arch *a = b->arch;
    if (a->n_layers == a->cap_layers) {
        int cap = a->cap_layers ? 2 * a->cap_layers : 64;
        struct fus_layer *more = cap <= 2 * MAX_LAYERS ? fus_base_resize(a->layers, (size_t)cap, sizeof *more) : NULL;
        if (!more) {
            b->failed = true;
            b->no_memory = cap <= 2 * MAX_LAYERS;
            return &b->spare;
        }
        a->layers = more;
        a->cap_layers = cap;
    }
    struct fus_layer *l = &a->layers[a->n_layers++];
    memset(l, 0, sizeof *l);
    l->op = op;
    l->input = input;
    l->addend = -1;
    l->kernel = l->stride = 1;
    l->in_channels = input < 0 ? 3 : a->layers[input].channels;
    l->in_height = input < 0 ? b->spec->input_side : a->layers[input].height;
    l->in_width = input < 0 ? b->spec->input_side : a->layers[input].width;
    return l;
}

int fus_arch_finish(struct fus_builder *b, struct fus_layer *l, int channels)
{
    l->channels = channels;
    l->height = (l->in_height + 2 * l->padding - l->kernel) / l->stride + 1;
    l->width = (l->in_width + 2 * l->padding - l->kernel) / l->stride + 1;
    bool narrow = l->in_height + 2 * l->padding < l->kernel || l->in_width + 2 * l->padding < l->kernel;
    if (narrow || (l->op == FUS_OP_CONV && (l->kernel > 7 || l->stride > 2)))
        b->failed = true;
    return b->arch->n_layers - 1;
}

int fus_arch_conv(struct fus_builder *b, int input, const char *name, const char *norm, int kernel, int stride,
                  int padding, int channels)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_CONV, input);
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->norm, sizeof l->norm, "%s", norm);
    l->kernel = kernel;
    l->stride = stride;
    l->padding = padding;
    l->bias = !norm[0];
    return fus_arch_finish(b, l, channels);
}

struct fus_layer *fus_arch_last(struct fus_builder *b)
{
    return b->failed ? &b->spare : &b->arch->layers[b->arch->n_layers - 1];
}

int fus_arch_build(struct fus_arch *arch, const struct fus_net_spec *spec, struct fus_error *err)
{
    struct fus_builder b = {.arch = arch, .spec = spec};
    memset(arch, 0, sizeof *arch);
    int code = spec->kind == FUS_NET_VIT        ? fus_vit_build(&b, err)
               : spec->kind == FUS_NET_CHAIN    ? fus_chain_build(&b, err)
               : spec->kind == FUS_NET_CORNET   ? fus_cornet_build(&b, err)
               : spec->kind == FUS_NET_CONVNEXT ? fus_convnext_build(&b, err)
               : spec->stem >= FUS_STEM_PIXELS  ? fus_baseline_build(&b, err)
                                                : fus_resnet_build(&b, err);
    if (b.no_memory)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the table of layers");
    else if (b.failed)
        code =
            fus_base_fail(err, FUS_EUNSUPPORTED, "the network does not fit an input of %d x %d, or has too many layers",
                          spec->input_side, spec->input_side);
    if (code)
        fus_arch_free(arch);
    return code;
}

void fus_arch_free(struct fus_arch *arch)
{
    fus_base_free(arch->layers);
    memset(arch, 0, sizeof *arch);
}

int fus_arch_parameters(const struct fus_net_spec *spec, fus_parameter_fn fn, void *context, struct fus_error *err)
{
    struct fus_arch arch;
    struct fus_parameter p;
    int code = fus_arch_build(&arch, spec, err);
    for (int i = 0; i < arch.n_layers && !code; i++)
        for (int j = 0; !code && fus_op_parameter(&p, &arch.layers[i], j); j++)
            if (!arch.layers[i].repeated || p.role != FUS_ROLE_WEIGHT)
                code = fn(context, p.name, p.shape, p.n_dims);
    fus_arch_free(&arch);
    return code;
}
