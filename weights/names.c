/* What tensors are called elsewhere -> the names that nn/ asks for, and which network they make up.
 *
 * Canonical are torchvision's names (conv1.weight, layer3.2.bn1.running_mean, layer2.0.downsample.0.weight, fc.bias), for CLIP
 * OpenAI's without `visual.`, and lang_head[.0|.2].weight|bias. Mapped onto them are wrappers that training scripts put in front,
 * Hugging Face's ResNet, and `linear.` of CIFAR networks; timm uses torchvision's names already.
 *
 * The network follows from names and shapes alone. To run a network that is almost a ResNet as if it were one would be worse
 * than to refuse it: every tensor needed must have its shape, and a tensor inside the body that is not needed is an error. */
#include "store.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 128 /* canonical names have at most 40 */

/* ---- one name ---- */

static bool take(const char **s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*s, prefix, n) != 0)
        return false;
    *s += n;
    return true;
}

/* A number of up to 4 digits without leading zeros; -1 and nothing taken where there is none. */
static int take_number(const char **s)
{
    int v = 0, n = 0;
    for (; n < 5 && (*s)[n] >= '0' && (*s)[n] <= '9'; n++)
        v = 10 * v + ((*s)[n] - '0');
    if (n == 0 || n == 5 || (n > 1 && **s == '0'))
        return -1;
    *s += n;
    return v;
}

static bool is_one_of(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}

static bool is_norm(const char *s)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    return is_one_of(s, parts, 4);
}

static bool is_linear(const char *s)
{
    static const char *const parts[] = {"weight", "bias"};
    return is_one_of(s, parts, 2);
}

static bool is_lang_head(const char *s)
{
    static const char *const parts[] = {"weight", "bias", "0.weight", "0.bias", "2.weight", "2.bias"};
    return is_one_of(s, parts, 6);
}

static bool is_attnpool(const char *s)
{
    static const char *const parts[] = {"q_proj.", "k_proj.", "v_proj.", "c_proj."};
    for (int i = 0; i < 4; i++)
        if (take(&s, parts[i]))
            return is_linear(s);
    return strcmp(s, "positional_embedding") == 0;
}

/* conv1.weight .. conv3.weight, bn1.* .. bn3.* */
static bool is_conv_or_norm(const char *s)
{
    bool conv = take(&s, "conv");
    if (!conv && !take(&s, "bn"))
        return false;
    int i = take_number(&s);
    if (i < 1 || i > 3 || !take(&s, "."))
        return false;
    return conv ? strcmp(s, "weight") == 0 : is_norm(s);
}

static bool is_canonical(const char *s)
{
    if (take(&s, "layer")) {
        int stage = take_number(&s);
        if (stage < 1 || stage > FUS_MAX_STAGES || !take(&s, ".") || take_number(&s) < 0 || !take(&s, "."))
            return false;
        if (take(&s, "downsample.1."))
            return is_norm(s);
        return strcmp(s, "downsample.0.weight") == 0 || is_conv_or_norm(s);
    }
    if (take(&s, "fc."))
        return is_linear(s);
    if (take(&s, "lang_head."))
        return is_lang_head(s);
    if (take(&s, "attnpool."))
        return is_attnpool(s);
    return is_conv_or_norm(s);
}

/* The name without what wrappers put before it, in any nesting: DataParallel, Lightning, checkpoint dicts, CLIP's
 * image tower, the body of a Hugging Face classifier. */
static const char *peel(const char *s, bool *visual)
{
    static const char *const wrappers[] = {"state_dict.", "model_state_dict.", "model.", "module.", "backbone.", "resnet."};
    *visual = false;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
            again = take(&s, wrappers[i]) || again;
        if (take(&s, "visual."))
            again = *visual = true;
    }
    return s;
}

/* "convolution.weight" or "normalization.WHAT" -> CONV.weight or NORM.WHAT. */
static bool hugging_face_layer(char *out, const char *s, const char *conv, const char *norm)
{
    if (strcmp(s, "convolution.weight") == 0)
        snprintf(out, NAME_BYTES, "%s.weight", conv);
    else if (take(&s, "normalization.") && is_norm(s))
        snprintf(out, NAME_BYTES, "%s.%s", norm, s);
    else
        return false;
    return true;
}

/* transformers.ResNetModel: embedder.embedder.*, encoder.stages.S.layers.B.layer.L.*, ...shortcut.*. */
static bool hugging_face(char *out, const char *s)
{
    char conv[64], norm[64];
    if (take(&s, "embedder.embedder."))
        return hugging_face_layer(out, s, "conv1", "bn1");
    if (!take(&s, "encoder.stages."))
        return false;
    int stage = take_number(&s);
    if (stage < 0 || !take(&s, ".layers."))
        return false;
    int block = take_number(&s);
    if (block < 0)
        return false;
    if (take(&s, ".shortcut.")) {
        snprintf(conv, sizeof conv, "layer%d.%d.downsample.0", stage + 1, block);
        snprintf(norm, sizeof norm, "layer%d.%d.downsample.1", stage + 1, block);
        return hugging_face_layer(out, s, conv, norm);
    }
    if (!take(&s, ".layer."))
        return false;
    int layer = take_number(&s);
    if (layer < 0 || !take(&s, "."))
        return false;
    snprintf(conv, sizeof conv, "layer%d.%d.conv%d", stage + 1, block, layer + 1);
    snprintf(norm, sizeof norm, "layer%d.%d.bn%d", stage + 1, block, layer + 1);
    return hugging_face_layer(out, s, conv, norm);
}

/* Peeled name -> canonical name (s itself or buf), NULL: not part of a network. other_fc: the classifier may have another
 * name than fc. */
static const char *canonical_of(char buf[NAME_BYTES], const char *s, bool other_fc)
{
    if (is_canonical(s))
        return s;
    if (other_fc && (take(&s, "linear.") || take(&s, "classifier.1.")) && is_linear(s)) {
        snprintf(buf, NAME_BYTES, "fc.%s", s);
        return buf;
    }
    return hugging_face(buf, s) && is_canonical(buf) ? buf : NULL;
}

/* ---- all names of a file ---- */

static int by_canonical(const void *a, const void *b)
{
    const struct fus_canonical *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->tensor < y->tensor ? -1 : 1;
}

/* Make s->by_canonical anew; after a failure it is empty. */
static int make_index(struct fus_store *s, struct fus_error *err)
{
    fus_base_free(s->by_canonical);
    s->n_canonical = 0;
    s->by_canonical = fus_base_alloc(s->n_tensors, sizeof *s->by_canonical);
    if (!s->by_canonical)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    size_t n = 0;
    for (size_t i = 0; i < s->n_tensors; i++)
        if (s->tensors[i].canonical)
            s->by_canonical[n++] = (struct fus_canonical){s->tensors[i].canonical, i};
    if (n)
        qsort(s->by_canonical, n, sizeof *s->by_canonical, by_canonical);
    for (size_t i = 1; i < n; i++) {
        const struct fus_canonical *a = &s->by_canonical[i - 1], *b = &s->by_canonical[i];
        if (strcmp(a->name, b->name) == 0)
            return fus_base_fail(err, FUS_EFORMAT, "tensors %s and %s both stand for %s: keep one of the two networks",
                                 s->tensors[a->tensor].name, s->tensors[b->tensor].name, a->name);
    }
    s->n_canonical = n;
    return FUS_OK;
}

int fus_names_map(struct fus_store *s, struct fus_error *err)
{
    char buf[NAME_BYTES];
    bool any_visual = false, any_fc = false, visual;
    for (size_t i = 0; i < s->n_tensors; i++) {
        const char *rest = peel(s->tensors[i].name, &visual);
        any_visual = any_visual || (visual && is_canonical(rest));
        any_fc = any_fc || strncmp(rest, "fc.", 3) == 0;
    }
    for (size_t i = 0; i < s->n_tensors; i++) {
        struct fus_tensor *t = &s->tensors[i];
        const char *rest = peel(t->name, &visual), *canonical = canonical_of(buf, rest, !any_fc);
        if (!canonical || (any_visual && !visual)) /* beside CLIP's image tower stands its text tower */
            continue;
        t->canonical = fus_base_strdup(canonical);
        if (!t->canonical)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
    }
    return make_index(s, err);
}

/* Let the tensors PREFIX.weight, PREFIX.0.weight, ... be lang_head.*: a store keeps that from then on. */
static int adopt_lang_head(struct fus_store *s, const char *prefix, struct fus_error *err)
{
    int code = FUS_OK;
    char list[400] = "", name[NAME_BYTES];
    size_t used = 0, n = 0;
    bool visual;
    for (size_t i = 0; i < s->n_tensors && !code; i++) {
        struct fus_tensor *t = &s->tensors[i];
        const char *rest = peel(t->name, &visual);
        if (t->n_dims == 2 && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", rest);
        if (!((take(&rest, prefix) || (rest = t->name, take(&rest, prefix))) && take(&rest, ".")))
            continue;
        if (!is_lang_head(rest)) {
            code = fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: a language head is one linear layer (%s.weight, %s.bias) or two "
                                 "with a ReLU between them (%s.0.*, %s.2.*)", t->name, prefix, prefix, prefix, prefix);
            break;
        }
        snprintf(name, sizeof name, "lang_head.%s", rest);
        char *copy = fus_base_strdup(name);
        if (!copy) {
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for its directory");
            break;
        }
        fus_base_free((char *)t->canonical);
        t->canonical = copy;
        n++;
    }
    int again = make_index(s, code ? NULL : err);
    if (!code && !again && n == 0)
        return fus_base_fail(err, FUS_ENOTFOUND, "no tensor %s.weight or %s.0.weight for the language head; matrices are: %s%s",
                             prefix, prefix, list, used >= sizeof list ? "..." : used ? "" : "none");
    return code ? code : again;
}

/* ---- which network ---- */

static const struct fus_tensor *find(const struct fus_store *s, const char *fmt, ...) FUS_PRINTF(2, 3);

static const struct fus_tensor *find(const struct fus_store *s, const char *fmt, ...)
{
    char name[NAME_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return fus_store_find(s, name);
}

/* Size of a dimension; 0 where the tensor is missing, has fewer, or more than any network. */
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
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: %d dimensions of sensible size expected", t->name, d + 1);
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
        {"transformer.resblocks.", "a transformer such as CLIP's ViT"}, {"blocks.0.attn", "a vision transformer"},
        {"encoder.layer.0.attention", "a transformer"}, {"encoder_layer_0", "a vision transformer"},
        {"self_attn", "a transformer"}, {"denseblock", "a DenseNet"}, {"Mixed_", "an Inception network"},
        {"inception", "an Inception network"}, {"features.0.", "AlexNet, VGG or one of that kind"},
        {"stages.0.", "ConvNeXt or one of that kind"}, {"encoder_q.", "a network in contrastive training"},
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
    return fus_base_fail(err, FUS_EUNSUPPORTED,
                         "holds no network that is known: %s%sa ResNet (torchvision, CIFAR, CLIP, language head) has %s; "
                         "its %zu tensors are %s%s",
                         kind ? kind : "", kind ? "?; " : "", missing, s->n_tensors, used ? list : "none",
                         s->n_tensors > 4 ? ", ..." : "");
}

/* The first tensor inside the body that no known network has: squeeze-and-excitation, anti-aliasing, folded norms, ... */
static int refuse_foreign(const struct fus_store *s, struct fus_error *err)
{
    static const char *const body[] = {"layer", "conv1.", "bn1.", "attnpool.", "lang_head.", "embedder.", "encoder.stages."};
    bool any_visual = false, visual;
    for (size_t i = 0; i < s->n_tensors; i++) {
        peel(s->tensors[i].name, &visual);
        any_visual = any_visual || (visual && s->tensors[i].canonical);
    }
    for (size_t i = 0; i < s->n_tensors; i++) {
        const struct fus_tensor *t = &s->tensors[i];
        const char *rest = peel(t->name, &visual), *last = strrchr(t->name, '.');
        if (t->canonical || (any_visual && !visual) || (last && strcmp(last, ".num_batches_tracked") == 0))
            continue;
        for (size_t b = 0; b < sizeof body / sizeof *body; b++) {
            const char *after = rest;
            if (take(&after, body[b]) && (b > 0 || take_number(&after) >= 0))
                return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: not part of a ResNet that is known", t->name);
        }
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
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: Kx3x7x7 or Kx3x3x3 expected, %s found", conv1->name, shape);
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
        char first[NAME_BYTES], final[NAME_BYTES];
        snprintf(first, sizeof first, "layer%d.0.conv1.weight", n + 1);
        snprintf(final, sizeof final, "layer%d.0.conv%d.weight", n + 1, spec->bottleneck ? 3 : 2);
        int code = need(&spec->width[n], s, first, 0, err);
        if (!code)
            code = need(&spec->channels[n], s, final, 0, err);
        if (code)
            return code;
        int width = spec->width[n], per_group = size_of(conv2, 1);
        if (spec->bottleneck && per_group > 0 && per_group < width && width % per_group == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: a convolution in %d groups (ResNeXt, RegNet); only "
                                 "ungrouped ones are known", conv2->name, width / per_group);
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
    const struct fus_tensor *first = fus_store_find(s, "lang_head.0.weight"), *second = fus_store_find(s, "lang_head.2.weight");
    spec->n_classes = size_of(fus_store_find(s, "fc.weight"), 0);
    if (first || second) {
        spec->lang_hidden = size_of(first ? first : second, first ? 0 : 1);
        spec->lang_dim = size_of(second ? second : first, 0);
    } else {
        spec->lang_dim = size_of(fus_store_find(s, "lang_head.weight"), 0);
    }
}

/* The side our own files name; a square of another size than the default is a matter of training, not of shapes. */
static int side_from_metadata(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    const char *text = fus_store_metadata(s, "fusiform.input");
    if (!text)
        return FUS_OK;
    const char *at = text;
    int side = take_number(&at);
    if (side < 1 || *at)
        return fus_base_fail(err, FUS_EFORMAT, "metadata fusiform.input: a number of pixels expected, '%s' found", text);
    spec->input_side = side;
    return FUS_OK;
}

struct check {
    const struct fus_store *s;
    bool *used; /* [s->n_tensors] */
    struct fus_error *err;
};

static int check_parameter(void *context, const char *name, const int *shape, int n_dims)
{
    struct check *c = context;
    const struct fus_tensor *t = fus_store_find(c->s, name);
    if (!t)
        return fus_base_fail(c->err, FUS_EUNSUPPORTED, "tensor %s: missing", name);
    bool same = t->n_dims == n_dims;
    struct fus_tensor want = {.n_dims = n_dims};
    for (int d = 0; d < n_dims; d++) {
        same = same && t->shape[d] == shape[d];
        want.shape[d] = shape[d];
    }
    if (!same) {
        char expected[100], found[200];
        print_shape(expected, sizeof expected, &want);
        print_shape(found, sizeof found, t);
        return fus_base_fail(c->err, FUS_EUNSUPPORTED, "tensor %s: shape %s expected, %s found", t->name, expected, found);
    }
    c->used[t - c->s->tensors] = true;
    return FUS_OK;
}

static int check_parameters(const struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    struct check c = {s, fus_base_alloc(s->n_tensors, sizeof *c.used), err};
    if (!c.used)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to check its tensors");
    int code = fus_arch_parameters(spec, check_parameter, &c, err);
    for (size_t i = 0; i < s->n_tensors && !code; i++)
        if (s->tensors[i].canonical && !c.used[i])
            code = fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s: the network that the others make up has no such layer",
                                 s->tensors[i].name);
    fus_base_free(c.used);
    return code;
}

static int recognise(struct fus_net_spec *spec, struct fus_store *s, const char *lang_head, struct fus_error *err)
{
    memset(spec, 0, sizeof *spec);
    if (!s->file && !s->n_shards) {
        *spec = s->random_spec;
        return FUS_OK;
    }
    int code = FUS_OK;
    if (lang_head && strcmp(lang_head, "lang_head") != 0)
        code = adopt_lang_head(s, lang_head, err);
    if (!code)
        code = recognise_stem(spec, s, err);
    if (!code)
        code = refuse_foreign(s, err);
    if (!code)
        code = recognise_stages(spec, s, err);
    if (code)
        return code;
    recognise_heads(spec, s);
    code = side_from_metadata(spec, s, err);
    return code ? code : check_parameters(spec, s, err);
}

int fus_names_recognise(struct fus_net_spec *spec, const struct fus_store *s, const char *lang_head, struct fus_error *err)
{
    int code = recognise(spec, (struct fus_store *)s, lang_head, err); /* the handle itself is never const */
    if (code)
        fus_base_blame(err, "%s: ", s->path);
    return code;
}
