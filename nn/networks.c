/* Networks by name: specs of the published networks, and the name of a spec. */
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/nn.h"

const char *fus_networks_family(const struct fus_net_spec *spec)
{
    if (spec->kind == FUS_NET_VIT)
        return spec->vit.clip ? "clip_vit" : "vit";
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
    bool rn50 = strcmp(name, "clip_rn50") == 0, rn101 = strcmp(name, "clip_rn101") == 0;
    if (rn50 || rn101) {
        s->stem = FUS_STEM_CLIP;
        s->bottleneck = true;
        s->input_side = 224;
        s->stem_channels = 64;
        s->attn_grid = 7;
        s->attn_heads = 32;
        s->attn_dim = rn50 ? 1024 : 512;
        fill_stages(s, rn50 ? known[2].n_blocks : known[3].n_blocks, 4, 64, 4);
        return FUS_OK;
    }
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
    return fus_base_fail(err, FUS_ENOTFOUND,
                         "no network is called '%s'; there are resnet18, 34, 50, 101, 152, lang_resnet50 (any of these "
                         "depths), clip_rn50, clip_rn101, cifar_resnet20 (any depth 6n+2)",
                         name);
}

void fus_networks_describe(char *text, size_t text_bytes, const struct fus_net_spec *s)
{
    int depth = s->stem == FUS_STEM_CLIP ? 1 : 2;
    for (int i = 0; i < s->n_stages; i++)
        depth += s->n_blocks[i] * (s->bottleneck ? 3 : 2);
    int used;
    if (s->stem == FUS_STEM_CLIP)
        used = snprintf(text, text_bytes, "CLIP ResNet-%d", depth + 1);
    else
        used = snprintf(text, text_bytes, "%sResNet-%d%s", s->lang_dim ? "Lang-Learned " : "", depth,
                        s->stem == FUS_STEM_3X3 ? " (CIFAR stem)" : "");
    static const char *const act[] = {"", "ReLU", "GELU", "QuickGELU", "SiLU"};
    char more[160];
    int n = snprintf(more, sizeof more, ", input %d x %d", s->input_side, s->input_side);
    if (s->act > FUS_ACT_RELU)
        n += snprintf(more + n, sizeof more - (size_t)n, ", %s", act[s->act]);
    if (s->n_classes)
        n += snprintf(more + n, sizeof more - (size_t)n, ", %d classes", s->n_classes);
    if (s->lang_dim)
        n += snprintf(more + n, sizeof more - (size_t)n, ", language head of %d", s->lang_dim);
    if (s->attn_dim)
        snprintf(more + n, sizeof more - (size_t)n, ", embedding of %d", s->attn_dim);
    if (used >= 0 && (size_t)used < text_bytes)
        snprintf(text + used, text_bytes - (size_t)used, "%s", more);
}
