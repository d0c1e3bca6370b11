/* SPDX-License-Identifier: MIT */
/* Which network the canonical tensors of a file make up.
 *
 * It follows from names and shapes alone. To run a network that is almost a ResNet as if it were
 * one would be worse than to refuse it: every tensor needed must have its shape, and a tensor
 * inside the body that is not needed is an error. */
#include "weights/recognise.h"

#include "weights/derived.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct fus_tensor *find(const struct fus_store *s, const char *fmt, ...) FUS_PRINTF(2, 3);

static const struct fus_tensor *find(const struct fus_store *s, const char *fmt, ...)
{
    char name[FUS_NAME_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return fus_store_find(s, name);
}

/* Size of a dimension; 0 if the tensor is missing, has fewer, or more than any network. */
static int size_of(const struct fus_tensor *t, int d)
{
    return t && d < t->n_dims && t->shape[d] < (1 << 24) ? (int)t->shape[d] : 0;
}

/* *size of dimension d of a tensor without which the network has no numbers. */
static int need(int *size, const struct fus_store *s, const char *name, int d, struct fus_error *err)
{
    const struct fus_tensor *t = fus_store_find(s, name);
    *size = size_of(t, d);
    if (!t)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: missing", name);
    if (*size == 0)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: %d dimensions of sensible size expected", t->name,
                             d + 1);
    return FUS_OK;
}

/* "256x128x3x3", "scalar". */
static void print_shape(char *text, size_t n, const struct fus_tensor *t)
{
    size_t used = (size_t)snprintf(text, n, "%s", t->n_dims ? "" : "scalar");
    for (int d = 0; d < t->n_dims && used < n; d++)
        used += (size_t)snprintf(text + used, n - used, "%s%" PRId64, d ? "x" : "", t->shape[d]);
}

/* What a file without a ResNet holds instead, by a part of its names. */
static const char *guess(const struct fus_store *s)
{
    static const char *const hints[][2] = {
        {"transformer.resblocks.", "a transformer such as CLIP's ViT"},
        {"blocks.0.attn", "a vision transformer"},
        {"encoder.layer.0.attention", "a transformer"},
        {"encoder_layer_0", "a vision transformer"},
        {"self_attn", "a transformer"},
        {"denseblock", "a DenseNet"},
        {"Mixed_", "an Inception network"},
        {"inception", "an Inception network"},
        {"features.0.", "AlexNet, VGG or one of that kind"},
        {"dwconv", "ConvNeXt or one of that kind"},
        {"conv_dw", "ConvNeXt, EfficientNet or one of that kind"},
        {"stem.0.weight", "ConvNeXt or one of that kind"},
        {"branch2a", "a ResNet in Caffe's names"},
    };
    for (size_t h = 0; h < sizeof hints / sizeof *hints; h++)
        for (size_t i = 0; i < s->n_tensors; i++)
            if (strstr(s->tensors[i].name, hints[h][0]))
                return hints[h][1];
    return NULL;
}

static int unknown(const struct fus_store *s, const char *missing, struct fus_error *err)
{
    char list[240] = "";
    size_t used = 0;
    const char *kind = guess(s);
    for (size_t i = 0; i < s->n_tensors && i < 4 && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", s->tensors[i].name);
    return fus_base_fail(
        err, FUS_EUNSUPPORTED,
        "holds no network that is known: %s%sa ResNet (torchvision, CIFAR, CLIP, language head) has %s; "
        "its %zu tensors are %s%s; save the ResNet's own state_dict() (`fusiform inspect` lists what is here)",
        kind ? kind : "", kind ? "?; " : "", missing, s->n_tensors, used ? list : "none",
        s->n_tensors > 4 ? ", ..." : "");
}

/* What a file with these names holds. */
static const char *kind_of(enum fus_scheme_kind kind)
{
    return kind >= FUS_SCHEME_VIT_OPENAI ? "vision transformer"
           : kind == FUS_SCHEME_CHAIN    ? "AlexNet or VGG"
           : kind == FUS_SCHEME_CORNET   ? "CORnet"
           : kind == FUS_SCHEME_CONVNEXT ? "ConvNeXt"
                                         : "ResNet";
}

/* The first tensor inside the body that no known network has: squeeze-and-excitation,
 * anti-aliasing, folded norms, ... */
static int refuse_foreign(const struct fus_store *s, struct fus_error *err)
{
    const struct fus_root *root = s->chosen; /* there: a stem was found */
    for (size_t i = 0; i < s->n_tensors; i++) {
        const struct fus_tensor *t = &s->tensors[i];
        const char *rest = s->plain[i];
        if (!t->canonical && fus_scheme_take(&rest, root->prefix) && !fus_scheme_is_counter(rest) &&
            fus_scheme_is_body(rest, root->scheme))
            return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: not part of a %s that is known", t->name,
                                 kind_of(root->scheme.kind));
    }
    return FUS_OK;
}

static int recognise_stem(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    const struct fus_tensor *conv1 = fus_store_find(s, "conv1.weight");
    if (!conv1 || !fus_store_find(s, "layer1.0.conv1.weight"))
        return unknown(s, conv1 ? "layer1.0.conv1.weight" : "conv1.weight", err);
    int kernel = size_of(conv1, 2);
    if (fus_store_find(s, "attnpool.positional_embedding") || fus_store_find(s, "conv3.weight")) {
        int rows, side = 1, code = need(&spec->stem_channels, s, "conv3.weight", 0, err);
        if (!code)
            code = need(&rows, s, "attnpool.positional_embedding", 0, err);
        if (!code)
            code = need(&spec->attn_dim, s, "attnpool.c_proj.weight", 0, err);
        if (code)
            return code;
        while (side < 128 && (side + 1) * (side + 1) + 1 <= rows)
            side++;
        spec->stem = FUS_STEM_CLIP;
        spec->attn_grid = side;
        spec->attn_heads = spec->stem_channels / 2; /* CLIP: width*32 channels, 64 for each head */
        spec->input_side = 32 * side;
    } else if (kernel == 7 || kernel == 3) {
        spec->stem = kernel == 7 ? FUS_STEM_7X7 : FUS_STEM_3X3;
        spec->stem_channels = size_of(conv1, 0);
        spec->input_side = kernel == 7 ? 224 : 32;
    } else {
        char shape[100];
        print_shape(shape, sizeof shape, conv1);
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: Kx3x7x7 or Kx3x3x3 expected, %s found", conv1->name,
                             shape);
    }
    return FUS_OK;
}

static int recognise_stages(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    bool changes = false, downsamples = false;
    int last = spec->stem_channels, n = 0;
    spec->bottleneck = fus_store_find(s, "layer1.0.conv3.weight") != NULL;
    for (; n < FUS_MAX_STAGES && find(s, "layer%d.0.conv1.weight", n + 1); n++) {
        while (spec->n_blocks[n] < 2000 && find(s, "layer%d.%d.conv1.weight", n + 1, spec->n_blocks[n]))
            spec->n_blocks[n]++;
        const struct fus_tensor *conv2 = find(s, "layer%d.0.conv2.weight", n + 1);
        char first[FUS_NAME_BYTES], final[FUS_NAME_BYTES];
        snprintf(first, sizeof first, "layer%d.0.conv1.weight", n + 1);
        snprintf(final, sizeof final, "layer%d.0.conv%d.weight", n + 1, spec->bottleneck ? 3 : 2);
        int code = need(&spec->width[n], s, first, 0, err);
        if (!code)
            code = need(&spec->channels[n], s, final, 0, err);
        if (code)
            return code;
        int width = spec->width[n], per_group = size_of(conv2, 1);
        int groups =
            spec->bottleneck && per_group > 0 && per_group < width && width % per_group == 0 ? width / per_group : 0;
        bool odd = groups && (width % 16 || (per_group % 16 && 16 % per_group));
        if (odd || (n > 0 && groups != spec->groups))
            return fus_base_fail(err, FUS_EUNSUPPORTED,
                                 "tensor %s: a convolution in groups of %d channels; known are as many groups in every "
                                 "stage, of 1, 2, 4, 8 or a multiple of 16 channels (ResNeXt)",
                                 conv2->name, per_group);
        spec->groups = groups;
        changes = changes || n > 0 || spec->channels[n] != last;
        downsamples = downsamples || find(s, "layer%d.0.downsample.0.weight", n + 1);
        last = spec->channels[n];
    }
    spec->n_stages = n;
    spec->pad_shortcut = changes && !downsamples && spec->stem != FUS_STEM_CLIP;
    return FUS_OK;
}

static void recognise_heads(struct fus_net_spec *spec, const struct fus_store *s)
{
    const struct fus_tensor *first = fus_store_find(s, "lang_head.0.weight"),
                            *second = fus_store_find(s, "lang_head.2.weight");
    spec->n_classes = size_of(fus_store_find(s, "fc.weight"), 0);
    if (first || second) {
        spec->lang_hidden = size_of(first ? first : second, first ? 0 : 1);
        spec->lang_dim = size_of(second ? second : first, 0);
    } else {
        spec->lang_dim = size_of(fus_store_find(s, "lang_head.weight"), 0);
    }
}

/* The side our own files name; a square of another size than the default is a matter of
 * training, not of shapes. */
int fus_recognise_side(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    const char *text = fus_store_metadata(s, "fusiform.input");
    if (!text)
        return FUS_OK;
    const char *at = text;
    int side = fus_scheme_number(&at);
    if (side < 1 || *at)
        return fus_base_fail(err, FUS_EFORMAT, "metadata fusiform.input: a number of pixels expected, '%s' found",
                             text);
    spec->input_side = side;
    return FUS_OK;
}

struct check {
    const struct fus_net_spec *spec;
    const struct fus_store *s;
    bool *used; /* [s->n_tensors] */
    struct fus_error *err;
};

/* loose: further dimensions of size 1 in front and at the end do not count. */
static bool same_shape(const int64_t *found, int n_found, const int *shape, int n, bool loose)
{
    for (; loose && n_found > n && found[0] == 1; n_found--)
        found++;
    while (loose && n_found > n && found[n_found - 1] == 1)
        n_found--;
    bool same = n_found == n;
    for (int d = 0; d < n && same; d++)
        same = found[d] == shape[d];
    return same;
}

static int check_parameter(void *context, const char *name, const int *shape, int n_dims)
{
    struct check *c = context;
    struct fus_derived found = fus_derived_find(c->s, name);
    int64_t dims[FUS_MAX_DIMS];
    if (!found.n_parts)
        return fus_base_fail(c->err, FUS_EUNSUPPORTED, "tensor %s: missing", name);
    int n = fus_derived_shape(dims, &found);
    if (n < 0 ||
        !same_shape(dims, n, shape, n_dims, c->spec->kind == FUS_NET_VIT || c->spec->kind == FUS_NET_CONVNEXT)) {
        char expected[100], there[200];
        struct fus_tensor want = {.n_dims = n_dims};
        for (int d = 0; d < n_dims; d++)
            want.shape[d] = shape[d];
        print_shape(expected, sizeof expected, &want);
        print_shape(there, sizeof there, found.parts[0]);
        return fus_base_fail(c->err, FUS_EUNSUPPORTED, "tensor %s: shape %s expected%s, %s found", found.parts[0]->name,
                             expected, found.n_parts > 1 ? " of three" : "", there);
    }
    for (int i = 0; i < found.n_parts; i++)
        c->used[found.parts[i] - c->s->tensors] = true;
    return FUS_OK;
}

static int check_parameters(const struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    struct check c = {spec, s, fus_base_alloc(s->n_tensors, sizeof *c.used), err};
    if (!c.used)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to check its tensors");
    struct fus_net_spec any = *spec; /* parameters do not depend on the activation, which may be unknown */
    if (any.kind == FUS_NET_VIT && !any.act)
        any.act = FUS_ACT_GELU;
    int code = fus_arch_parameters(&any, check_parameter, &c, err);
    for (size_t i = 0; i < s->n_tensors && !code; i++)
        if (s->tensors[i].canonical && !c.used[i] && strncmp(s->tensors[i].canonical, "text.", 5) != 0 &&
            strcmp(s->tensors[i].canonical, "logit_scale") != 0)
            code =
                fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: the network that the others make up has no such layer",
                              s->tensors[i].name);
    fus_base_free(c.used);
    return code;
}

static int recognise_kind(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    switch (s->chosen->scheme.kind) {
    case FUS_SCHEME_CHAIN:
        return fus_recognise_chain(spec, s, err);
    case FUS_SCHEME_CORNET:
        return fus_recognise_cornet(spec, s, err);
    case FUS_SCHEME_CONVNEXT:
        return fus_recognise_convnext(spec, s, err);
    default:
        return fus_recognise_vit(spec, s, err);
    }
}

int fus_recognise_mapped(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    memset(spec, 0, sizeof *spec);
    if (s->chosen && s->chosen->scheme.kind >= FUS_SCHEME_CHAIN) {
        int found = refuse_foreign(s, err);
        if (!found)
            found = recognise_kind(spec, s, err);
        return found ? found : check_parameters(spec, s, err);
    }
    int code = recognise_stem(spec, s, err);
    if (!code)
        code = refuse_foreign(s, err);
    if (!code)
        code = recognise_stages(spec, s, err);
    if (code)
        return code;
    recognise_heads(spec, s);
    code = fus_recognise_side(spec, s, err);
    return code ? code : check_parameters(spec, s, err);
}
