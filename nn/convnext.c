/* SPDX-License-Identifier: MIT */
/* ConvNeXt (Liu et al. 2022) as a table of layers, with torchvision's names.
 *
 *   features.0      4x4/4 convolution, layer norm
 *   features.1, 3, 5, 7, blocks:
 *                   x = x + layer_scale block.5(GELU(block.3(block.2(block.0(x)))))
 *                   block.0 is a 7x7 convolution of each channel, .2 a layer norm, .3 and .5 linear
 *   features.2, 4, 6  layer norm, 2x2/2 convolution
 *   classifier      mean over places, layer norm .0, linear .2 */
#include <stdio.h>

#include "nn/arch.h"

enum { MOST_CHANNELS = 8192, MOST_SIDE = 4096, MOST_BLOCKS = 200, PATCH = 4 };
static const double epsilon = 1e-6;

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    bool ok = s->n_stages == FUS_MAX_STAGES && s->n_classes > 0 && s->n_classes <= (1 << 24);
    for (int i = 0; i < FUS_MAX_STAGES; i++)
        ok = ok && s->n_blocks[i] > 0 && s->n_blocks[i] <= MOST_BLOCKS && s->channels[i] > 0 &&
             s->channels[i] <= MOST_CHANNELS && s->channels[i] % 16 == 0;
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "a ConvNeXt with impossible numbers of blocks or channels, which are multiples of 16");
    if (s->input_side < 8 * PATCH || s->input_side > MOST_SIDE)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "an input side of %d; %d to %d are possible", s->input_side,
                             8 * PATCH, MOST_SIDE);
    return FUS_OK;
}

static int norm(struct fus_builder *b, int input, const char *name)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_NORM, input);
    snprintf(l->name, sizeof l->name, "%s", name);
    l->epsilon = epsilon;
    l->is_signed = true;
    return fus_arch_finish(b, l, l->in_channels);
}

/* The last layer's tap, of values with a sign. */
static void tap(struct fus_builder *b, const char *name)
{
    struct fus_layer *l = fus_arch_last(b);
    snprintf(l->tap, sizeof l->tap, "%s", name);
    l->is_signed = true;
}

static int stem(struct fus_builder *b)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_UNFOLD, -1);
    l->kernel = l->stride = PATCH;
    int last = fus_arch_finish(b, l, 3 * PATCH * PATCH);
    if (b->failed)
        return last;
    last = fus_arch_conv(b, last, "features.0.0", "", 1, 1, 0, b->spec->channels[0]);
    fus_arch_last(b)->unfolded = PATCH;
    last = b->failed ? last : norm(b, last, "features.0.1");
    tap(b, "features.0");
    fus_arch_last(b)->in_all = fus_arch_last(b)->is_stream = true;
    return last;
}

static int block(struct fus_builder *b, int input, const char *at)
{
    int channels = b->arch->layers[input].channels;
    char name[48];
    snprintf(name, sizeof name, "%.24s.block.0", at);
    int last = fus_arch_conv(b, input, name, "", 7, 1, 3, channels);
    fus_arch_last(b)->groups = channels;
    snprintf(name, sizeof name, "%.24s.block.2", at);
    last = b->failed ? last : norm(b, last, name);
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.24s.block.3", at);
    last = fus_arch_conv(b, last, name, "", 1, 1, 0, 4 * channels);
    snprintf(name, sizeof name, "%.24s.block.4", at);
    tap(b, name);
    fus_arch_last(b)->linear = true;
    fus_arch_last(b)->act = FUS_ACT_GELU;
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.24s.block.5", at);
    last = fus_arch_conv(b, last, name, "", 1, 1, 0, channels);
    tap(b, at);
    struct fus_layer *l = fus_arch_last(b);
    snprintf(l->scale, sizeof l->scale, "%.24s.layer_scale", at);
    l->linear = l->in_all = l->is_stream = true;
    l->addend = input;
    return last;
}

static int halve(struct fus_builder *b, int input, int stage)
{
    char name[24];
    snprintf(name, sizeof name, "features.%d.0", 2 * stage);
    int last = norm(b, input, name);
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "features.%d.1", 2 * stage);
    return fus_arch_conv(b, last, name, "", 2, 2, 0, b->spec->channels[stage]);
}

static void classifier(struct fus_builder *b, int input)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_MEAN, input);
    l->kernel = l->in_height;
    int last = fus_arch_finish(b, l, l->in_channels);
    tap(b, "avgpool");
    last = b->failed ? last : norm(b, last, "classifier.0");
    tap(b, "classifier.0");
    if (b->failed)
        return;
    fus_arch_conv(b, last, "classifier.2", "", 1, 1, 0, b->spec->n_classes);
    fus_arch_last(b)->linear = true;
    tap(b, "classifier.2");
}

int fus_convnext_build(struct fus_builder *b, struct fus_error *err)
{
    const struct fus_net_spec *s = b->spec;
    int code = check_spec(s, err), last = code ? -1 : stem(b);
    for (int stage = 0; stage < s->n_stages && !code && !b->failed; stage++) {
        last = stage ? halve(b, last, stage) : last;
        for (int i = 0; i < s->n_blocks[stage] && !b->failed; i++) {
            char at[24];
            snprintf(at, sizeof at, "features.%d.%d", 2 * stage + 1, i);
            last = block(b, last, at);
        }
    }
    if (!code && !b->failed)
        classifier(b, last);
    return code;
}
