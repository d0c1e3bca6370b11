/* Networks as tables of layers, with PyTorch's names: torchvision's ResNets (He et al. 2016, v1.5: stride on the
 * 3x3), CIFAR's (He et al. 2016, section 4.2; option A shortcuts) and CLIP's (Radford et al. 2021: three-convolution
 * stem, average-pool down-sampling, attention pooling). A language head is one more linear layer or two. */
#include "arch.h"

#include <stdio.h>
#include <string.h>

#include "number.h"

#define MAX_LAYERS 20000   /* a 1202-layer CIFAR network has 1,300 */
#define MAX_CHANNELS 65536
#define MAX_SIDE 4096

/* ---- what a spec may say ---- */

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    if (s->n_stages < 1 || s->n_stages > FUS_MAX_STAGES)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a network of %d stages; 1 to %d are known", s->n_stages, FUS_MAX_STAGES);
    if (s->input_side < 8 || s->input_side > MAX_SIDE)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "an input side of %d; 8 to %d are possible", s->input_side, MAX_SIDE);
    bool ok = s->stem_channels > 0 && s->stem_channels <= MAX_CHANNELS && s->n_classes >= 0 &&
              s->n_classes <= (1 << 24) && s->lang_dim >= 0 && s->lang_dim <= MAX_CHANNELS && s->lang_hidden >= 0 &&
              s->lang_hidden <= MAX_CHANNELS && s->attn_dim >= 0 && s->attn_dim <= MAX_CHANNELS;
    for (int i = 0; i < s->n_stages; i++)
        ok = ok && s->n_blocks[i] > 0 && s->n_blocks[i] <= 1000 && s->width[i] > 0 && s->width[i] <= MAX_CHANNELS &&
             s->channels[i] > 0 && s->channels[i] <= MAX_CHANNELS;
    if (s->stem == FUS_STEM_CLIP)
        ok = ok && s->attn_heads > 0 && s->attn_dim > 0 && s->attn_grid > 0 &&
             s->channels[s->n_stages - 1] % (16 * s->attn_heads) == 0; /* a head is 64 channels in every CLIP */
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a network with impossible numbers of blocks or channels");
    return FUS_OK;
}

const char *fus_arch_name(const struct fus_net_spec *spec)
{
    return spec->stem == FUS_STEM_CLIP ? "clip_resnet" : spec->lang_dim ? "lang_resnet" : "resnet";
}

/* ---- building the table ---- */

struct builder {
    struct fus_arch *arch;
    const struct fus_net_spec *spec;
    int channels, side; /* of the layer added last */
    int failed, no_memory;
};

/* A new layer that reads `input` ([channels, side, side]); the caller fills the rest and calls finish. */
static struct fus_layer *append(struct builder *b, enum fus_op op, int input)
{
    struct fus_arch *a = b->arch;
    static struct fus_layer spare;
    if (a->n_layers == a->cap_layers) {
        int cap = a->cap_layers ? 2 * a->cap_layers : 64;
        struct fus_layer *more = cap <= 2 * MAX_LAYERS ? fus_base_resize(a->layers, (size_t)cap, sizeof *more) : NULL;
        if (!more) {
            b->failed = 1;
            b->no_memory = cap <= 2 * MAX_LAYERS;
            return &spare;
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
    l->in_side = input < 0 ? b->spec->input_side : a->layers[input].side;
    return l;
}

static int finish(struct builder *b, struct fus_layer *l, int channels)
{
    l->channels = channels;
    l->side = (l->in_side + 2 * l->padding - l->kernel) / l->stride + 1;
    if (l->in_side + 2 * l->padding < l->kernel)
        b->failed = 1;
    return b->arch->n_layers - 1;
}

/* conv + batch norm; bn name and tap may be "". Returns the layer's index. */
static int conv(struct builder *b, int input, const char *name, const char *norm, const char *tap, int kernel,
                int stride, int channels, int addend, bool relu)
{
    struct fus_layer *l = append(b, FUS_OP_CONV, input);
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->norm, sizeof l->norm, "%s", norm);
    snprintf(l->tap, sizeof l->tap, "%s", tap);
    l->kernel = kernel;
    l->stride = stride;
    l->padding = kernel / 2;
    l->addend = addend;
    l->relu = relu;
    return finish(b, l, channels);
}

static int average(struct builder *b, int input, int size)
{
    struct fus_layer *l = append(b, FUS_OP_AVGPOOL, input);
    l->kernel = l->stride = size;
    return finish(b, l, l->in_channels);
}

static int stem(struct builder *b)
{
    const struct fus_net_spec *s = b->spec;
    int last;
    if (s->stem == FUS_STEM_CLIP) {
        last = conv(b, -1, "conv1", "bn1", "relu1", 3, 2, s->stem_channels / 2, -1, true);
        last = conv(b, last, "conv2", "bn2", "relu2", 3, 1, s->stem_channels / 2, -1, true);
        last = conv(b, last, "conv3", "bn3", "relu", 3, 1, s->stem_channels, -1, true);
    } else {
        bool cifar = s->stem == FUS_STEM_3X3;
        last = conv(b, -1, "conv1", "bn1", "relu", cifar ? 3 : 7, cifar ? 1 : 2, s->stem_channels, -1, true);
    }
    if (b->failed)
        return last;
    b->arch->layers[last].in_all = true;
    if (s->stem == FUS_STEM_CLIP)
        return average(b, last, 2);
    if (s->stem == FUS_STEM_7X7) {
        struct fus_layer *l = append(b, FUS_OP_MAXPOOL, last);
        l->kernel = 3;
        l->stride = 2;
        l->padding = 1;
        return finish(b, l, l->in_channels);
    }
    return last;
}

/* What the block's output is added to: its input, or its input brought to the new shape. */
static int shortcut(struct builder *b, int input, const char *at, int stride, int channels)
{
    const struct fus_net_spec *s = b->spec;
    char name[64], norm[64];
    if (stride == 1 && b->arch->layers[input].channels == channels)
        return input;
    if (s->pad_shortcut) {
        struct fus_layer *l = append(b, FUS_OP_PAD, input);
        l->stride = stride;
        return finish(b, l, channels);
    }
    snprintf(name, sizeof name, "%s.downsample.0", at);
    snprintf(norm, sizeof norm, "%s.downsample.1", at);
    if (s->stem == FUS_STEM_CLIP) {
        int pooled = stride > 1 ? average(b, input, stride) : input;
        return conv(b, pooled, name, norm, "", 1, 1, channels, -1, false);
    }
    return conv(b, input, name, norm, "", 1, stride, channels, -1, false);
}

static int block(struct builder *b, int input, int stage, int index)
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
        out = conv(b, input, name[1], norm[1], tap[1], 1, 1, width, -1, true);
        out = conv(b, out, name[2], norm[2], tap[2], 3, clip ? 1 : stride, width, -1, true);
        if (clip && stride > 1)
            out = average(b, out, stride);
        out = conv(b, out, name[3], norm[3], tap[0], 1, 1, channels, side, true);
    } else {
        out = conv(b, input, name[1], norm[1], tap[1], 3, stride, width, -1, true);
        out = conv(b, out, name[2], norm[2], tap[0], 3, 1, channels, side, true);
    }
    if (!b->failed)
        b->arch->layers[out].in_all = true;
    return out;
}

static void heads(struct builder *b, int features)
{
    const struct fus_net_spec *s = b->spec;
    if (s->stem == FUS_STEM_CLIP) {
        struct fus_layer *l = append(b, FUS_OP_ATTENTION, features);
        snprintf(l->name, sizeof l->name, "attnpool");
        snprintf(l->tap, sizeof l->tap, "attnpool");
        l->kernel = l->in_side;
        finish(b, l, s->attn_dim);
        return;
    }
    struct fus_layer *l = append(b, FUS_OP_MEAN, features);
    snprintf(l->tap, sizeof l->tap, "avgpool");
    l->kernel = l->in_side;
    int pooled = finish(b, l, l->in_channels);
    if (s->n_classes && !b->failed)
        conv(b, pooled, "fc", "", "fc", 1, 1, s->n_classes, -1, false);
    if (s->lang_dim && !b->failed) {
        if (s->lang_hidden) {
            int hidden = conv(b, pooled, "lang_head.0", "", "", 1, 1, s->lang_hidden, -1, true);
            if (!b->failed)
                conv(b, hidden, "lang_head.2", "", "lang_head", 1, 1, s->lang_dim, -1, false);
        } else {
            conv(b, pooled, "lang_head", "", "lang_head", 1, 1, s->lang_dim, -1, false);
        }
    }
}

int fus_arch_build(struct fus_arch *arch, const struct fus_net_spec *spec, struct fus_error *err)
{
    memset(arch, 0, sizeof *arch);
    int code = check_spec(spec, err);
    if (code)
        return code;
    struct builder b = {.arch = arch, .spec = spec};
    int last = stem(&b);
    for (int stage = 0; stage < spec->n_stages; stage++)
        for (int i = 0; i < spec->n_blocks[stage] && !b.failed; i++)
            last = block(&b, last, stage, i);
    if (!b.failed)
        heads(&b, last);
    if (b.no_memory)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the table of layers");
    if (code) {
        fus_arch_free(arch);
        return code;
    }
    if (b.failed) {
        fus_arch_free(arch);
        return fus_base_fail(err, FUS_EUNSUPPORTED, "the network does not fit an input of %d x %d, or has too many layers",
                             spec->input_side, spec->input_side);
    }
    const struct fus_layer *top = &arch->layers[last];
    if (spec->stem == FUS_STEM_CLIP && top->side != spec->attn_grid) {
        int side = top->side;
        fus_arch_free(arch);
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "attnpool.positional_embedding is for a %d x %d grid, an input of %d x %d gives %d x %d",
                             spec->attn_grid, spec->attn_grid, spec->input_side, spec->input_side, side, side);
    }
    return FUS_OK;
}

void fus_arch_free(struct fus_arch *arch)
{
    fus_base_free(arch->layers);
    memset(arch, 0, sizeof *arch);
}

/* ---- parameters ---- */

struct emitter {
    fus_parameter_fn fn;
    void *context;
    int code;
};

static void emit(struct emitter *e, const char *layer, const char *what, int n_dims, int d0, int d1, int d2, int d3)
{
    char name[128];
    int shape[4] = {d0, d1, d2, d3};
    snprintf(name, sizeof name, "%s.%s", layer, what);
    if (!e->code)
        e->code = e->fn(e->context, name, shape, n_dims);
}

static void emit_attention(struct emitter *e, const struct fus_layer *l)
{
    static const char *const part[] = {"attnpool.q_proj", "attnpool.k_proj", "attnpool.v_proj", "attnpool.c_proj"};
    int c = l->in_channels;
    emit(e, l->name, "positional_embedding", 2, l->in_side * l->in_side + 1, c, 0, 0);
    for (int i = 0; i < 4; i++) {
        int rows = i < 3 ? c : l->channels;
        emit(e, part[i], "weight", 2, rows, c, 0, 0);
        emit(e, part[i], "bias", 1, rows, 0, 0, 0);
    }
}

int fus_arch_parameters(const struct fus_net_spec *spec, fus_parameter_fn fn, void *context, struct fus_error *err)
{
    static const char *const norm[] = {"weight", "bias", "running_mean", "running_var"};
    struct fus_arch arch;
    int code = fus_arch_build(&arch, spec, err);
    if (code)
        return code;
    struct emitter e = {fn, context, 0};
    for (int i = 0; i < arch.n_layers; i++) {
        const struct fus_layer *l = &arch.layers[i];
        if (l->op == FUS_OP_ATTENTION)
            emit_attention(&e, l);
        if (l->op != FUS_OP_CONV)
            continue;
        if (l->norm[0]) {
            emit(&e, l->name, "weight", 4, l->channels, l->in_channels, l->kernel, l->kernel);
            for (int j = 0; j < 4; j++)
                emit(&e, l->norm, norm[j], 1, l->channels, 0, 0, 0);
        } else {
            emit(&e, l->name, "weight", 2, l->channels, l->in_channels, 0, 0);
            emit(&e, l->name, "bias", 1, l->channels, 0, 0, 0);
        }
    }
    fus_arch_free(&arch);
    return e.code;
}

/* ---- networks by name ---- */

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
    {"resnet18", false, {2, 2, 2, 2}},      {"resnet34", false, {3, 4, 6, 3}},  {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},     {"resnet152", true, {3, 8, 36, 3}},
};

int fus_arch_named(struct fus_net_spec *s, const char *name, struct fus_error *err)
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
                         "depths), clip_rn50, clip_rn101, cifar_resnet20 (any depth 6n+2)", name);
}

void fus_arch_describe(char *text, size_t text_bytes, const struct fus_net_spec *s)
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
    char more[160];
    int n = snprintf(more, sizeof more, ", input %d x %d", s->input_side, s->input_side);
    if (s->n_classes)
        n += snprintf(more + n, sizeof more - (size_t)n, ", %d classes", s->n_classes);
    if (s->lang_dim)
        n += snprintf(more + n, sizeof more - (size_t)n, ", language head of %d", s->lang_dim);
    if (s->attn_dim)
        snprintf(more + n, sizeof more - (size_t)n, ", embedding of %d", s->attn_dim);
    if (used >= 0 && (size_t)used < text_bytes)
        snprintf(text + used, text_bytes - (size_t)used, "%s", more);
}
