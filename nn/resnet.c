/* SPDX-License-Identifier: MIT */
/* Residual networks as tables of layers, with PyTorch's names: torchvision's (He et al. 2016,
 * v1.5: stride on the 3x3), CIFAR's (He et al. 2016, section 4.2; option A shortcuts) and CLIP's
 * (Radford et al. 2021: three-convolution stem, average-pool down-sampling, attention pooling). A
 * language head is one more linear layer or two. */
#include <stdio.h>

#include "nn/arch.h"

#define MAX_CHANNELS 65536
#define MAX_SIDE 4096

/* Groups of 16, 32, ... channels, or 8, 4, 2, 1, which share blocks of 16. */
static bool fits_groups(const struct fus_net_spec *s, int width)
{
    int of_group = s->groups > 0 ? width / s->groups : 0;
    return s->bottleneck && of_group > 0 && width % s->groups == 0 && width % 16 == 0 &&
           (of_group % 16 == 0 || 16 % of_group == 0);
}

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    if (s->n_stages < 1 || s->n_stages > FUS_MAX_STAGES)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a network of %d stages; 1 to %d are known", s->n_stages,
                             FUS_MAX_STAGES);
    if (s->input_side < 8 || s->input_side > MAX_SIDE)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "an input side of %d; 8 to %d are possible", s->input_side,
                             MAX_SIDE);
    bool ok = s->act <= FUS_ACT_SILU && s->stem_channels > 0 && s->stem_channels <= MAX_CHANNELS && s->n_classes >= 0 &&
              s->n_classes <= (1 << 24) && s->lang_dim >= 0 && s->lang_dim <= MAX_CHANNELS && s->lang_hidden >= 0 &&
              s->lang_hidden <= MAX_CHANNELS && s->attn_dim >= 0 && s->attn_dim <= MAX_CHANNELS;
    for (int i = 0; i < s->n_stages; i++)
        ok = ok && s->n_blocks[i] > 0 && s->n_blocks[i] <= 1000 && s->width[i] > 0 && s->width[i] <= MAX_CHANNELS &&
             s->channels[i] > 0 && s->channels[i] <= MAX_CHANNELS;
    for (int i = 0; i < s->n_stages; i++)
        ok = ok && (!s->groups || fits_groups(s, s->width[i]));
    if (s->stem == FUS_STEM_CLIP)
        ok = ok && s->attn_heads > 0 && s->attn_dim > 0 && s->attn_grid > 0 &&
             s->channels[s->n_stages - 1] % (16 * s->attn_heads) == 0; /* a head is 64 channels in every CLIP */
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a network with impossible numbers of blocks or channels");
    return FUS_OK;
}

/* The activation after each convolution of the stem and the blocks. */
static enum fus_act act_of(const struct fus_net_spec *s)
{
    return s->act ? s->act : FUS_ACT_RELU;
}

static int activation(struct fus_builder *b, int input, const char *tap, enum fus_act act)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_ACTIVATION, input);
    snprintf(l->tap, sizeof l->tap, "%s", tap);
    l->act = act;
    return fus_arch_finish(b, l, l->in_channels);
}

/* conv + batch norm + activation; norm and tap may be "". Without a norm it is a linear layer.
 * Returns the last layer's index: a ReLU is part of the convolution, other activations are a
 * separate layer. */
static int conv(struct fus_builder *b, int input, const char *name, const char *norm, const char *tap, int kernel,
                int stride, int channels, int addend, enum fus_act act)
{
    bool own = act <= FUS_ACT_RELU;
    int last = fus_arch_conv(b, input, name, norm, kernel, stride, kernel / 2, channels);
    struct fus_layer *l = fus_arch_last(b);
    snprintf(l->tap, sizeof l->tap, "%s", own ? tap : "");
    l->linear = !norm[0];
    l->addend = addend;
    l->act = own ? act : FUS_ACT_NONE;
    return own || b->failed ? last : activation(b, last, tap, act);
}

static int average(struct fus_builder *b, int input, int size)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_AVGPOOL, input);
    l->kernel = l->stride = size;
    return fus_arch_finish(b, l, l->in_channels);
}

static int stem(struct fus_builder *b)
{
    const struct fus_net_spec *s = b->spec;
    int last;
    if (s->stem == FUS_STEM_CLIP) {
        last = conv(b, -1, "conv1", "bn1", "relu1", 3, 2, s->stem_channels / 2, -1, act_of(s));
        last = conv(b, last, "conv2", "bn2", "relu2", 3, 1, s->stem_channels / 2, -1, act_of(s));
        last = conv(b, last, "conv3", "bn3", "relu", 3, 1, s->stem_channels, -1, act_of(s));
    } else {
        bool cifar = s->stem == FUS_STEM_3X3;
        last = conv(b, -1, "conv1", "bn1", "relu", cifar ? 3 : 7, cifar ? 1 : 2, s->stem_channels, -1, act_of(s));
    }
    if (b->failed)
        return last;
    b->arch->layers[last].in_all = true;
    if (s->stem == FUS_STEM_CLIP)
        return average(b, last, 2);
    if (s->stem == FUS_STEM_7X7) {
        struct fus_layer *l = fus_arch_append(b, FUS_OP_MAXPOOL, last);
        l->kernel = 3;
        l->stride = 2;
        l->padding = 1;
        return fus_arch_finish(b, l, l->in_channels);
    }
    return last;
}

/* The shortcut of a block: its input, or its input converted to the output's shape. */
static int shortcut(struct fus_builder *b, int input, const char *at, int stride, int channels)
{
    const struct fus_net_spec *s = b->spec;
    char name[64], norm[64];
    if (stride == 1 && b->arch->layers[input].channels == channels)
        return input;
    if (s->pad_shortcut) {
        struct fus_layer *l = fus_arch_append(b, FUS_OP_PAD, input);
        l->stride = stride;
        return fus_arch_finish(b, l, channels);
    }
    snprintf(name, sizeof name, "%s.downsample.0", at);
    snprintf(norm, sizeof norm, "%s.downsample.1", at);
    if (s->stem == FUS_STEM_CLIP) {
        int pooled = stride > 1 ? average(b, input, stride) : input;
        return conv(b, pooled, name, norm, "", 1, 1, channels, -1, FUS_ACT_NONE);
    }
    return conv(b, input, name, norm, "", 1, stride, channels, -1, FUS_ACT_NONE);
}

static int block(struct fus_builder *b, int input, int stage, int index)
{
    const struct fus_net_spec *s = b->spec;
    int stride = stage > 0 && index == 0 ? 2 : 1, width = s->width[stage], channels = s->channels[stage];
    bool clip = s->stem == FUS_STEM_CLIP;
    char at[24], name[4][40], norm[4][40], tap[4][40];
    snprintf(at, sizeof at, "layer%d.%d", stage + 1, index);
    for (int i = 1; i <= 3; i++) {
        snprintf(name[i], sizeof name[i], "%s.conv%d", at, i);
        snprintf(norm[i], sizeof norm[i], "%s.bn%d", at, i);
        snprintf(tap[i], sizeof tap[i], "%s.relu%d", at, i);
    }
    snprintf(tap[0], sizeof tap[0], "%s.relu", at);
    int side = shortcut(b, input, at, stride, channels), out;
    if (b->failed)
        return input;
    if (s->bottleneck) {
        out = conv(b, input, name[1], norm[1], tap[1], 1, 1, width, -1, act_of(s));
        out = conv(b, out, name[2], norm[2], tap[2], 3, clip ? 1 : stride, width, -1, act_of(s));
        if (s->groups && !b->failed)
            b->arch->layers[act_of(s) > FUS_ACT_RELU ? out - 1 : out].groups = s->groups;
        if (clip && stride > 1)
            out = average(b, out, stride);
        out = conv(b, out, name[3], norm[3], tap[0], 1, 1, channels, side, act_of(s));
    } else {
        out = conv(b, input, name[1], norm[1], tap[1], 3, stride, width, -1, act_of(s));
        out = conv(b, out, name[2], norm[2], tap[0], 3, 1, channels, side, act_of(s));
    }
    if (!b->failed)
        b->arch->layers[out].in_all = true;
    return out;
}

static void heads(struct fus_builder *b, int features)
{
    const struct fus_net_spec *s = b->spec;
    if (s->stem == FUS_STEM_CLIP) {
        struct fus_layer *l = fus_arch_append(b, FUS_OP_ATTENTION, features);
        snprintf(l->name, sizeof l->name, "attnpool");
        snprintf(l->tap, sizeof l->tap, "attnpool");
        l->kernel = l->in_height;
        l->heads = s->attn_heads;
        fus_arch_finish(b, l, s->attn_dim);
        return;
    }
    struct fus_layer *l = fus_arch_append(b, FUS_OP_MEAN, features);
    snprintf(l->tap, sizeof l->tap, "avgpool");
    l->kernel = l->in_height;
    int pooled = fus_arch_finish(b, l, l->in_channels);
    if (s->n_classes && !b->failed)
        conv(b, pooled, "fc", "", "fc", 1, 1, s->n_classes, -1, FUS_ACT_NONE);
    if (s->lang_dim && !b->failed) {
        if (s->lang_hidden) {
            int hidden = conv(b, pooled, "lang_head.0", "", "", 1, 1, s->lang_hidden, -1, FUS_ACT_RELU);
            if (!b->failed)
                conv(b, hidden, "lang_head.2", "", "lang_head", 1, 1, s->lang_dim, -1, FUS_ACT_NONE);
        } else {
            conv(b, pooled, "lang_head", "", "lang_head", 1, 1, s->lang_dim, -1, FUS_ACT_NONE);
        }
    }
}

static int build_stages(struct fus_builder *b)
{
    int last = stem(b);
    for (int stage = 0; stage < b->spec->n_stages; stage++)
        for (int i = 0; i < b->spec->n_blocks[stage] && !b->failed; i++)
            last = block(b, last, stage, i);
    return last;
}

int fus_resnet_build(struct fus_builder *b, struct fus_error *err)
{
    const struct fus_net_spec *spec = b->spec;
    int code = check_spec(spec, err);
    if (code)
        return code;
    int last = build_stages(b);
    if (b->failed)
        return FUS_EUNSUPPORTED; /* fus_arch_build writes the message */
    heads(b, last);
    int grid = b->arch->layers[last].height;
    if (spec->stem == FUS_STEM_CLIP && grid != spec->attn_grid)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "attnpool.positional_embedding is for a %d x %d grid, an input of %d x %d gives %d x %d",
                             spec->attn_grid, spec->attn_grid, spec->input_side, spec->input_side, grid, grid);
    return FUS_OK;
}
