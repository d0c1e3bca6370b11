/* SPDX-License-Identifier: MIT */
/* Networks by name: specs of the published networks, and the name of a spec. */
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/nn.h"

const char *fus_networks_family(const struct fus_net_spec *spec)
{
    if (spec->kind == FUS_NET_CONVNEXT)
        return "convnext";
    if (spec->kind == FUS_NET_CORNET)
        return "cornet";
    if (spec->kind == FUS_NET_CHAIN)
        return spec->chain.alexnet ? "alexnet" : "vgg";
    if (spec->kind == FUS_NET_VIT)
        return spec->vit.clip ? "clip_vit" : "vit";
    if (spec->stem >= FUS_STEM_PIXELS)
        return "baseline";
    return spec->stem == FUS_STEM_CLIP ? "clip_resnet" : spec->lang_dim ? "lang_resnet" : "resnet";
}

static void fill_stages(struct fus_net_spec *s, const int *n_blocks, int n_stages, int width, int expansion)
{
    s->n_stages = n_stages;
    for (int i = 0; i < n_stages; i++) {
        s->n_blocks[i] = n_blocks[i];
        s->width[i] = width << i;
        s->channels[i] = expansion * (width << i);
    }
}

static const struct named {
    const char *name;
    bool bottleneck;
    int n_blocks[4];
} known[] = {
    {"resnet18", false, {2, 2, 2, 2}},  {"resnet34", false, {3, 4, 6, 3}},  {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}}, {"resnet152", true, {3, 8, 36, 3}},
};

static bool convnext_named(struct fus_net_spec *s, const char *name)
{
    static const struct {
        const char *name;
        int n_blocks[4], channels;
    } sizes[] = {
        {"convnext_tiny", {3, 3, 9, 3}, 96},
        {"convnext_small", {3, 3, 27, 3}, 96},
        {"convnext_base", {3, 3, 27, 3}, 128},
        {"convnext_large", {3, 3, 27, 3}, 192},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (strcmp(name, sizes[i].name) != 0)
            continue;
        s->kind = FUS_NET_CONVNEXT;
        s->input_side = 224;
        s->n_classes = 1000;
        fill_stages(s, sizes[i].n_blocks, 4, sizes[i].channels, 1);
        memset(s->width, 0, sizeof s->width);
        return true;
    }
    return false;
}

/* ResNeXt and wide ResNets: 3x3 convolutions of another width, in groups or not. */
static bool wide_named(struct fus_net_spec *s, const char *name)
{
    static const struct {
        const char *name;
        int n_blocks[4], width, groups;
    } wides[] = {
        {"resnext50_32x4d", {3, 4, 6, 3}, 128, 32},   {"resnext101_32x8d", {3, 4, 23, 3}, 256, 32},
        {"resnext101_64x4d", {3, 4, 23, 3}, 256, 64}, {"wide_resnet50_2", {3, 4, 6, 3}, 128, 0},
        {"wide_resnet101_2", {3, 4, 23, 3}, 128, 0},
    };
    for (size_t i = 0; i < sizeof wides / sizeof *wides; i++) {
        if (strcmp(name, wides[i].name) != 0)
            continue;
        s->bottleneck = true;
        s->input_side = 224;
        s->stem_channels = 64;
        s->n_classes = 1000;
        s->groups = wides[i].groups;
        fill_stages(s, wides[i].n_blocks, 4, 64, 4);
        for (int stage = 0; stage < 4; stage++)
            s->width[stage] = wides[i].width << stage;
        return true;
    }
    return false;
}

/* CLIP's residual image towers. */
static bool clip_named(struct fus_net_spec *s, const char *name)
{
    static const struct {
        const char *name;
        int n_blocks[4], channels, side, dim;
    } clips[] = {
        {"clip_rn50", {3, 4, 6, 3}, 64, 224, 1024},        {"clip_rn101", {3, 4, 23, 3}, 64, 224, 512},
        {"clip_rn50x4", {4, 6, 10, 6}, 80, 288, 640},      {"clip_rn50x16", {6, 8, 18, 8}, 96, 384, 768},
        {"clip_rn50x64", {3, 15, 36, 10}, 128, 448, 1024},
    };
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        if (strcmp(name, clips[i].name) != 0)
            continue;
        s->stem = FUS_STEM_CLIP;
        s->bottleneck = true;
        s->input_side = clips[i].side;
        s->stem_channels = clips[i].channels;
        s->attn_grid = clips[i].side / 32;
        s->attn_heads = clips[i].channels / 2;
        s->attn_dim = clips[i].dim;
        fill_stages(s, clips[i].n_blocks, 4, clips[i].channels, 4);
        return true;
    }
    return false;
}

/* Vision transformers: CLIP's, and torchvision's names. */
static bool vit_named(struct fus_net_spec *s, const char *name)
{
    static const struct {
        const char *name;
        int patch, width, n_blocks, dim;
    } vits[] = {
        {"clip_vit_b32", 32, 768, 12, 512}, {"clip_vit_b16", 16, 768, 12, 512}, {"clip_vit_l14", 14, 1024, 24, 768},
        {"vit_b_32", 32, 768, 12, 0},       {"vit_b_16", 16, 768, 12, 0},
    };
    for (size_t i = 0; i < sizeof vits / sizeof *vits; i++) {
        if (strcmp(name, vits[i].name) != 0)
            continue;
        bool clip = vits[i].dim != 0;
        s->kind = FUS_NET_VIT;
        s->input_side = 224;
        s->act = clip ? FUS_ACT_QUICKGELU : FUS_ACT_GELU;
        s->n_classes = clip ? 0 : 1000;
        s->vit = (struct fus_vit_spec){.patch = vits[i].patch,
                                       .width = vits[i].width,
                                       .heads = vits[i].width / 64,
                                       .n_blocks = vits[i].n_blocks,
                                       .clip = clip,
                                       .dim = vits[i].dim};
        return true;
    }
    return false;
}

static const struct fus_chain_spec alexnet = {.alexnet = true,
                                              .n_convs = 5,
                                              .channels = {64, 192, 384, 256, 256},
                                              .pool = {true, true, false, false, true},
                                              .grid = 6,
                                              .hidden = {4096, 4096}};

/* VGG's convolutions from their numbers between pools. */
static void fill_vgg(struct fus_chain_spec *c, const int *n_convs)
{
    static const int channels[5] = {64, 128, 256, 512, 512};
    for (int stage = 0; stage < 5; stage++)
        for (int i = 0; i < n_convs[stage]; i++) {
            c->pool[c->n_convs] = i + 1 == n_convs[stage];
            c->channels[c->n_convs++] = channels[stage];
        }
    c->grid = 7;
    c->hidden[0] = c->hidden[1] = 4096;
}

/* AlexNet and VGG. */
static bool chain_named(struct fus_net_spec *s, const char *name)
{
    static const struct {
        const char *name;
        int n_convs[5];
    } vggs[] = {
        {"vgg11", {1, 1, 2, 2, 2}},
        {"vgg13", {2, 2, 2, 2, 2}},
        {"vgg16", {2, 2, 3, 3, 3}},
        {"vgg19", {2, 2, 4, 4, 4}},
    };
    s->chain = alexnet;
    bool found = strcmp(name, "alexnet") == 0;
    for (size_t i = 0; i < sizeof vggs / sizeof *vggs && !found; i++) {
        bool norm = strncmp(name, vggs[i].name, 5) == 0 && strcmp(name + 5, "_bn") == 0;
        found = norm || strcmp(name, vggs[i].name) == 0;
        s->chain = (struct fus_chain_spec){.norm = norm};
        fill_vgg(&s->chain, vggs[i].n_convs);
    }
    if (!found) {
        memset(&s->chain, 0, sizeof s->chain);
        return false;
    }
    s->kind = FUS_NET_CHAIN;
    s->input_side = 224;
    s->n_classes = 1000;
    return true;
}

static bool cornet_named(struct fus_net_spec *s, const char *name)
{
    static const int times[4] = {1, 2, 4, 2}, once[4] = {1, 1, 1, 1};
    bool recurrent = strcmp(name, "cornet_s") == 0;
    if (!recurrent && strcmp(name, "cornet_z") != 0)
        return false;
    s->kind = FUS_NET_CORNET;
    s->input_side = 224;
    s->stem_channels = 64;
    s->n_classes = 1000;
    s->bottleneck = recurrent;
    fill_stages(s, recurrent ? times : once, 4, 64, 1);
    for (int i = 1; i < 4 && recurrent; i++)
        s->width[i] *= 4;
    return true;
}

int fus_networks_named(struct fus_net_spec *s, const char *name, struct fus_error *err)
{
    memset(s, 0, sizeof *s);
    bool lang = strncmp(name, "lang_", 5) == 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name + (lang ? 5 : 0), known[i].name) != 0)
            continue;
        s->stem = FUS_STEM_7X7;
        s->bottleneck = known[i].bottleneck;
        s->input_side = 224;
        s->stem_channels = 64;
        s->n_classes = 1000;
        s->lang_dim = lang ? 512 : 0;
        fill_stages(s, known[i].n_blocks, 4, 64, s->bottleneck ? 4 : 1);
        return FUS_OK;
    }
    if (clip_named(s, name) || vit_named(s, name) || chain_named(s, name) || cornet_named(s, name) ||
        wide_named(s, name) || convnext_named(s, name))
        return FUS_OK;
    if (strncmp(name, "cifar_resnet", 12) == 0) {
        uint64_t depth;
        if (fus_number_whole(&depth, name + 12, NULL) && depth >= 8 && depth <= 1202 && (depth - 2) % 6 == 0) {
            int n = (int)(depth - 2) / 6, n_blocks[3] = {n, n, n};
            s->stem = FUS_STEM_3X3;
            s->pad_shortcut = true;
            s->input_side = 32;
            s->stem_channels = 16;
            s->n_classes = 10;
            fill_stages(s, n_blocks, 3, 16, 1);
            return FUS_OK;
        }
    }
    return fus_base_fail(
        err, FUS_ENOTFOUND,
        "no network is called '%s'; there are resnet18, 34, 50, 101, 152, lang_resnet50 (any of these "
        "depths), clip_rn50, rn101, rn50x4, rn50x16, rn50x64, clip_vit_b32, b16, l14, vit_b_16, vit_b_32, "
        "alexnet, vgg11, 13, 16, 19 (also vgg16_bn), cornet_s, cornet_z, resnext50_32x4d, "
        "resnext101_32x8d, resnext101_64x4d, wide_resnet50_2, wide_resnet101_2, "
        "convnext_tiny, small, base, large, "
        "cifar_resnet20 (any depth 6n+2)",
        name);
}

static int describe_vit(char *text, size_t text_bytes, const struct fus_net_spec *s)
{
    static const struct {
        int width, n_blocks;
        const char *letter;
    } sizes[] = {{192, 12, "Ti"}, {384, 12, "S"}, {768, 12, "B"}, {1024, 24, "L"}, {1280, 32, "H"}};
    const char *clip = s->vit.clip ? "CLIP " : "";
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (s->vit.width == sizes[i].width && s->vit.n_blocks == sizes[i].n_blocks)
            return snprintf(text, text_bytes, "%sViT-%s/%d", clip, sizes[i].letter, s->vit.patch);
    return snprintf(text, text_bytes, "%sViT of %d blocks of %d, patches of %d", clip, s->vit.n_blocks, s->vit.width,
                    s->vit.patch);
}

static int describe_convnext(char *text, size_t text_bytes, const struct fus_net_spec *s)
{
    int n = 0;
    for (int i = 0; i < s->n_stages; i++)
        n += s->n_blocks[i];
    return snprintf(text, text_bytes, "ConvNeXt of %d blocks, %d to %d channels", n, s->channels[0],
                    s->channels[s->n_stages - 1]);
}

static int describe_chain(char *text, size_t text_bytes, const struct fus_chain_spec *c)
{
    if (c->alexnet)
        return snprintf(text, text_bytes, "AlexNet");
    return snprintf(text, text_bytes, "VGG-%d%s", c->n_convs + 3, c->norm ? " with batch norm" : "");
}

void fus_networks_describe(char *text, size_t text_bytes, const struct fus_net_spec *s)
{
    if (s->stem >= FUS_STEM_PIXELS) {
        snprintf(text, text_bytes,
                 s->stem == FUS_STEM_PIXELS ? "pixels, no network, input %d x %d"
                                            : "Gabor filters, no network, input %d x %d, 8 orientations at 4 scales",
                 s->input_side, s->input_side);
        return;
    }
    int depth = s->stem == FUS_STEM_CLIP ? 1 : 2;
    for (int i = 0; i < s->n_stages; i++)
        depth += s->n_blocks[i] * (s->bottleneck ? 3 : 2);
    int used;
    if (s->kind == FUS_NET_CHAIN)
        used = describe_chain(text, text_bytes, &s->chain);
    else if (s->kind == FUS_NET_CONVNEXT)
        used = describe_convnext(text, text_bytes, s);
    else if (s->kind == FUS_NET_CORNET)
        used = snprintf(text, text_bytes, "CORnet-%s", s->bottleneck ? "S" : "Z");
    else if (s->kind == FUS_NET_VIT)
        used = describe_vit(text, text_bytes, s);
    else if (s->stem == FUS_STEM_CLIP)
        used = snprintf(text, text_bytes, "CLIP ResNet-%d", depth + 1);
    else
        used = snprintf(text, text_bytes, "%s%s-%d%s", s->lang_dim ? "Lang-Learned " : "",
                        s->groups ? "ResNeXt" : "ResNet", depth, s->stem == FUS_STEM_3X3 ? " (CIFAR stem)" : "");
    static const char *const act[] = {"", "ReLU", "GELU", "QuickGELU", "SiLU"};
    char more[160];
    int n = snprintf(more, sizeof more, ", input %d x %d", s->input_side, s->input_side);
    if (s->act > FUS_ACT_RELU && (s->kind != FUS_NET_VIT || s->vit.clip)) /* a plain ViT's is GELU */
        n += snprintf(more + n, sizeof more - (size_t)n, ", %s", act[s->act]);
    if (s->groups)
        n += snprintf(more + n, sizeof more - (size_t)n, ", %d groups", s->groups);
    if (s->n_classes)
        n += snprintf(more + n, sizeof more - (size_t)n, ", %d classes", s->n_classes);
    if (s->lang_dim)
        n += snprintf(more + n, sizeof more - (size_t)n, ", language head of %d", s->lang_dim);
    if (s->attn_dim || s->vit.dim)
        snprintf(more + n, sizeof more - (size_t)n, ", embedding of %d", s->attn_dim ? s->attn_dim : s->vit.dim);
    if (used >= 0 && (size_t)used < text_bytes)
        snprintf(text + used, text_bytes - (size_t)used, "%s", more);
}
