/* SPDX-License-Identifier: MIT */
/* Chains of convolutions and pools with three linear layers at the end, as tables of layers, with
 * torchvision's names: AlexNet (Krizhevsky 2014) and VGG (Simonyan & Zisserman 2015). A layer is
 * called by its number among torchvision's modules, which ReLUs, pools and dropouts count in.
 *
 *   AlexNet  features.0, .3, .6, .8, .10   11x11/4, 5x5, 3x3, 3x3, 3x3; pools 3x3/2
 *            classifier.1, .4, .6
 *   VGG      features.0, ...               3x3 [batch norm]; pools 2x2/2
 *            classifier.0, .3, .6
 *
 * The first linear layer reads all places at once: it is a convolution as large as its input. */
#include <stdio.h>

#include "nn/arch.h"

enum { MOST_CHANNELS = 65536, MOST_SIDE = 4096, MOST_GRID = 7 };

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    const struct fus_chain_spec *c = &s->chain;
    bool ok = c->n_convs > 0 && c->n_convs <= FUS_MOST_CONVS && c->grid > 0 && c->grid <= MOST_GRID &&
              (!c->alexnet || (c->n_convs == 5 && !c->norm)) && s->n_classes > 0 && s->n_classes <= (1 << 24);
    for (int i = 0; i < 2; i++)
        ok = ok && c->hidden[i] > 0 && c->hidden[i] <= MOST_CHANNELS;
    for (int i = 0; i < c->n_convs && ok; i++)
        ok = c->channels[i] > 0 && c->channels[i] <= MOST_CHANNELS;
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "%s with impossible numbers of layers or channels",
                             c->alexnet ? "an AlexNet" : "a VGG");
    if (s->input_side < 1 || s->input_side > MOST_SIDE)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "an input side of %d; up to %d are possible", s->input_side,
                             MOST_SIDE);
    return FUS_OK;
}

/* The tap of a ReLU. */
static void tap(struct fus_builder *b, const char *part, int module)
{
    struct fus_layer *l = fus_arch_last(b);
    snprintf(l->tap, sizeof l->tap, "%s.%d", part, module);
    l->act = FUS_ACT_RELU;
    l->in_all = true;
}

static int pool(struct fus_builder *b, int input, int kernel, int module)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_MAXPOOL, input);
    snprintf(l->tap, sizeof l->tap, "features.%d", module);
    l->kernel = kernel;
    l->stride = 2;
    return fus_arch_finish(b, l, l->in_channels);
}

/* AlexNet's first convolution. */
static int windows(struct fus_builder *b)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_UNFOLD, -1);
    l->kernel = 11;
    l->stride = 4;
    l->padding = 2;
    int last = fus_arch_finish(b, l, 3 * 11 * 11);
    if (b->failed)
        return last;
    last = fus_arch_conv(b, last, "features.0", "", 1, 1, 0, b->spec->chain.channels[0]);
    fus_arch_last(b)->unfolded = 11;
    return last;
}

/* *module: torchvision's number of the next one. */
static int convolution(struct fus_builder *b, int input, int i, int *module)
{
    const struct fus_chain_spec *c = &b->spec->chain;
    char name[24], norm[24] = "";
    int kernel = c->alexnet && i == 1 ? 5 : 3, last;
    snprintf(name, sizeof name, "features.%d", *module);
    if (c->norm)
        snprintf(norm, sizeof norm, "features.%d", ++*module);
    last =
        c->alexnet && i == 0 ? windows(b) : fus_arch_conv(b, input, name, norm, kernel, 1, kernel / 2, c->channels[i]);
    fus_arch_last(b)->bias = true;
    tap(b, "features", *module + 1);
    *module += 2;
    if (b->failed || !c->pool[i])
        return last;
    return pool(b, last, c->alexnet ? 3 : 2, (*module)++);
}

static void classifier(struct fus_builder *b, int input)
{
    static const int modules[2][3] = {{0, 3, 6}, {1, 4, 6}};
    const struct fus_chain_spec *c = &b->spec->chain;
    for (int i = 0; i < 3 && !b->failed; i++) {
        char name[24];
        int module = modules[c->alexnet][i];
        snprintf(name, sizeof name, "classifier.%d", module);
        input =
            fus_arch_conv(b, input, name, "", i == 0 ? c->grid : 1, 1, 0, i < 2 ? c->hidden[i] : b->spec->n_classes);
        fus_arch_last(b)->linear = true;
        if (i < 2)
            tap(b, "classifier", module + 1);
    }
    struct fus_layer *l = fus_arch_last(b);
    snprintf(l->tap, sizeof l->tap, "classifier.6");
    l->is_signed = true;
}

int fus_chain_build(struct fus_builder *b, struct fus_error *err)
{
    const struct fus_net_spec *s = b->spec;
    int code = check_spec(s, err), last = -1, module = 0;
    for (int i = 0; i < s->chain.n_convs && !code && !b->failed; i++)
        last = convolution(b, last, i, &module);
    if (code || b->failed)
        return code; /* fus_arch_build writes the message of a table that failed */
    int grid = b->arch->layers[last].height;
    if (grid != s->chain.grid)
        return fus_base_fail(
            err, FUS_EUNSUPPORTED, "classifier.%d is for a grid of %d x %d places, an input of %d x %d gives %d x %d",
            s->chain.alexnet ? 1 : 0, s->chain.grid, s->chain.grid, s->input_side, s->input_side, grid, grid);
    classifier(b, last);
    return FUS_OK;
}
