/* SPDX-License-Identifier: MIT */
/* One tensor's name -> torchvision's, by the scheme that the file's names follow.
 *
 * Canonical are torchvision's names (conv1.weight, layer3.2.bn1.running_mean,
 * layer2.0.downsample.0.weight, fc.bias), for CLIP OpenAI's without `visual.`, and
 * lang_head[.0|.2].weight|bias. A name comes in without the network's prefix (names.c).
 *
 *   torchvision    and timm, mmpretrain; shortcut.0|1 for downsample.0|1 as CIFAR networks have it
 *   Hugging Face   embedder.embedder.*, encoder.stages.S.layers.B.layer.L.*
 *   children       Sequential(*list(resnet.children())): 0 conv1, 1 bn1, then
 *                  layer1 .. from child 2, 3 or 4 on
 *   detectron2     stem.conv1.*, res2.0.conv1.norm.*
 *   layer0         layer0.0 and layer0.1 for conv1 and bn1; firstconv, firstbn, encoder1 ..:
 *                  segmentation networks
 *   conv2_x        conv1.0, conv2_x.0.residual_function.0: CIFAR-100 networks
 *   AlexNet, VGG   features.N.*, classifier.N.*, canonical as they are
 *   ConvNeXt       features.N.*, classifier.N.* of torchvision, likewise
 *   CORnet         V1.*, V2.*, V4.*, IT.*, decoder.linear.*, likewise
 *
 * Vision transformers: scheme_tokens.c. */
#include "weights/scheme.h"

#include <stdio.h>
#include <string.h>

#include "nn/nn.h"

bool fus_scheme_take(const char **s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*s, prefix, n) != 0)
        return false;
    *s += n;
    return true;
}

/* A number of up to 4 digits without leading zeros; -1, with nothing consumed, if there is none. */
int fus_scheme_number(const char **s)
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

bool fus_scheme_is_lang_head(const char *s)
{
    static const char *const parts[] = {"weight", "bias", "0.weight", "0.bias", "2.weight", "2.bias"};
    return is_one_of(s, parts, 6);
}

static bool is_attnpool(const char *s)
{
    static const char *const parts[] = {"q_proj.", "k_proj.", "v_proj.", "c_proj."};
    for (int i = 0; i < 4; i++)
        if (fus_scheme_take(&s, parts[i]))
            return is_linear(s);
    return strcmp(s, "positional_embedding") == 0;
}

/* conv1.weight .. conv3.weight, bn1.* .. bn3.* */
static bool is_conv_or_norm(const char *s)
{
    bool conv = fus_scheme_take(&s, "conv");
    if (!conv && !fus_scheme_take(&s, "bn"))
        return false;
    int i = fus_scheme_number(&s);
    if (i < 1 || i > 3 || !fus_scheme_take(&s, "."))
        return false;
    return conv ? strcmp(s, "weight") == 0 : is_norm(s);
}

static bool is_canonical(const char *s)
{
    if (fus_scheme_take(&s, "layer")) {
        int stage = fus_scheme_number(&s);
        if (stage < 1 || stage > FUS_MAX_STAGES || !fus_scheme_take(&s, ".") || fus_scheme_number(&s) < 0 ||
            !fus_scheme_take(&s, "."))
            return false;
        if (fus_scheme_take(&s, "downsample.1."))
            return is_norm(s);
        return strcmp(s, "downsample.0.weight") == 0 || is_conv_or_norm(s);
    }
    if (fus_scheme_take(&s, "fc."))
        return is_linear(s);
    if (fus_scheme_take(&s, "lang_head."))
        return fus_scheme_is_lang_head(s);
    if (fus_scheme_take(&s, "attnpool."))
        return is_attnpool(s);
    return is_conv_or_norm(s);
}

/* "convolution.weight" or "normalization.WHAT" -> CONV.weight or NORM.WHAT. */
static bool hugging_face_layer(char *out, const char *s, const char *conv, const char *norm)
{
    if (strcmp(s, "convolution.weight") == 0)
        snprintf(out, FUS_NAME_BYTES, "%s.weight", conv);
    else if (fus_scheme_take(&s, "normalization.") && is_norm(s))
        snprintf(out, FUS_NAME_BYTES, "%s.%s", norm, s);
    else
        return false;
    return true;
}

/* transformers.ResNetModel: embedder.embedder.*, encoder.stages.S.layers.B.layer.L.*,
 * ...shortcut.*. */
static bool hugging_face(char *out, const char *s)
{
    char conv[64], norm[64];
    if (fus_scheme_take(&s, "embedder.embedder."))
        return hugging_face_layer(out, s, "conv1", "bn1");
    if (!fus_scheme_take(&s, "encoder.stages."))
        return false;
    int stage = fus_scheme_number(&s);
    if (stage < 0 || !fus_scheme_take(&s, ".layers."))
        return false;
    int block = fus_scheme_number(&s);
    if (block < 0)
        return false;
    if (fus_scheme_take(&s, ".shortcut.")) {
        snprintf(conv, sizeof conv, "layer%d.%d.downsample.0", stage + 1, block);
        snprintf(norm, sizeof norm, "layer%d.%d.downsample.1", stage + 1, block);
        return hugging_face_layer(out, s, conv, norm);
    }
    if (!fus_scheme_take(&s, ".layer."))
        return false;
    int layer = fus_scheme_number(&s);
    if (layer < 0 || !fus_scheme_take(&s, "."))
        return false;
    snprintf(conv, sizeof conv, "layer%d.%d.conv%d", stage + 1, block, layer + 1);
    snprintf(norm, sizeof norm, "layer%d.%d.bn%d", stage + 1, block, layer + 1);
    return hugging_face_layer(out, s, conv, norm);
}

/* layer2.0.shortcut.1.bias -> layer2.0.downsample.1.bias */
static bool torchvision(char *out, const char *s)
{
    const char *shortcut = strstr(s, ".shortcut.");
    if (!shortcut)
        return false;
    snprintf(out, FUS_NAME_BYTES, "%.*s.downsample.%.60s", (int)(shortcut - s < 40 ? shortcut - s : 40), s,
             shortcut + strlen(".shortcut."));
    return true;
}

/* 0.weight, 1.bias, 4.0.conv1.weight */
static bool children(char *out, const char *s, int first_child)
{
    int child = fus_scheme_number(&s);
    if (child < 0 || !fus_scheme_take(&s, ".") || strlen(s) > 64)
        return false;
    if (child < 2) {
        snprintf(out, FUS_NAME_BYTES, "%s.%s", child ? "bn1" : "conv1", s);
        return true;
    }
    char layer[FUS_NAME_BYTES];
    if (child < first_child)
        return false;
    snprintf(layer, sizeof layer, "layer%d.%s", child - first_child + 1, s);
    if (!torchvision(out, layer))
        snprintf(out, FUS_NAME_BYTES, "%s", layer);
    return true;
}

/* "weight" or "norm.WHAT" -> CONV.weight or NORM.WHAT. */
static bool detectron_layer(char *out, const char *s, const char *conv, const char *norm)
{
    bool is_conv = strcmp(s, "weight") == 0;
    if (!is_conv && !(fus_scheme_take(&s, "norm.") && is_norm(s)))
        return false;
    snprintf(out, FUS_NAME_BYTES, "%s.%s", is_conv ? conv : norm, s);
    return true;
}

/* stem.conv1.weight, stem.conv1.norm.bias, res2.0.conv1.weight, res2.0.shortcut.norm.weight */
static bool detectron(char *out, const char *s)
{
    char conv[64], norm[64];
    if (fus_scheme_take(&s, "stem.conv1."))
        return detectron_layer(out, s, "conv1", "bn1");
    int stage = fus_scheme_take(&s, "res") ? fus_scheme_number(&s) : -1;
    int block = stage >= 2 && fus_scheme_take(&s, ".") ? fus_scheme_number(&s) : -1;
    if (block < 0 || !fus_scheme_take(&s, "."))
        return false;
    int layer = fus_scheme_take(&s, "conv") ? fus_scheme_number(&s) : 0;
    if (layer < 0 || (layer == 0 && !fus_scheme_take(&s, "shortcut")) || !fus_scheme_take(&s, "."))
        return false;
    snprintf(conv, sizeof conv, layer ? "layer%d.%d.conv%d" : "layer%d.%d.downsample.0", stage - 1, block, layer);
    snprintf(norm, sizeof norm, layer ? "layer%d.%d.bn%d" : "layer%d.%d.downsample.1", stage - 1, block, layer);
    return detectron_layer(out, s, conv, norm);
}

/* conv1.0.weight, conv1.1.bias, conv2_x.0.residual_function.3.weight, conv2_x.0.shortcut.1.bias */
static bool conv2_x(char *out, const char *s)
{
    int stage = fus_scheme_take(&s, "conv") ? fus_scheme_number(&s) : -1;
    if (stage == 1 && fus_scheme_take(&s, ".0."))
        return snprintf(out, FUS_NAME_BYTES, "conv1.%.60s", s) > 0;
    if (stage == 1 && fus_scheme_take(&s, ".1."))
        return snprintf(out, FUS_NAME_BYTES, "bn1.%.60s", s) > 0;
    int block = stage > 1 && fus_scheme_take(&s, "_x.") ? fus_scheme_number(&s) : -1;
    if (block < 0)
        return false;
    if (fus_scheme_take(&s, ".shortcut."))
        return snprintf(out, FUS_NAME_BYTES, "layer%d.%d.downsample.%.60s", stage - 1, block, s) > 0;
    /* convolution, norm, ReLU, ... */
    int child = fus_scheme_take(&s, ".residual_function.") ? fus_scheme_number(&s) : -1;
    if (child < 0 || child % 3 == 2 || !fus_scheme_take(&s, "."))
        return false;
    const char *part = child % 3 ? "bn" : "conv";
    return snprintf(out, FUS_NAME_BYTES, "layer%d.%d.%s%d.%.60s", stage - 1, block, part, child / 3 + 1, s) > 0;
}

/* Encoders of segmentation networks that took torchvision's apart: names of their own for stem
 * and stages. */
static bool own_stem(char *out, const char *s, const char *conv, const char *norm, const char *stage)
{
    if (fus_scheme_take(&s, conv))
        return snprintf(out, FUS_NAME_BYTES, "conv1.%.60s", s) > 0;
    if (fus_scheme_take(&s, norm))
        return snprintf(out, FUS_NAME_BYTES, "bn1.%.60s", s) > 0;
    return fus_scheme_take(&s, stage) && snprintf(out, FUS_NAME_BYTES, "layer%.60s", s) > 0;
}

/* features.0.weight, features.1.running_var, classifier.6.bias */
static bool is_chain(const char *s)
{
    bool features = fus_scheme_take(&s, "features.");
    if ((!features && !fus_scheme_take(&s, "classifier.")) || fus_scheme_number(&s) < 0 || !fus_scheme_take(&s, "."))
        return false;
    return features ? is_norm(s) : is_linear(s);
}

/* V1.conv1.weight, V2.norm1_0.running_var, decoder.linear.bias */
static bool is_cornet(const char *s)
{
    if (fus_scheme_take(&s, "decoder.linear."))
        return is_linear(s);
    if (!fus_scheme_take(&s, "V1.") && !fus_scheme_take(&s, "V2.") && !fus_scheme_take(&s, "V4.") &&
        !fus_scheme_take(&s, "IT."))
        return false;
    size_t n = strcspn(s, ".");
    return n > 0 && n <= 16 && s[n] == '.' && is_norm(s + n + 1);
}

/* features.0.1.bias, features.3.2.block.5.weight, features.3.2.layer_scale, classifier.2.weight */
static bool is_convnext(const char *s)
{
    if (fus_scheme_take(&s, "classifier."))
        return fus_scheme_number(&s) >= 0 && fus_scheme_take(&s, ".") && is_linear(s);
    if (!fus_scheme_take(&s, "features.") || fus_scheme_number(&s) < 0 || !fus_scheme_take(&s, ".") ||
        fus_scheme_number(&s) < 0 || !fus_scheme_take(&s, "."))
        return false;
    if (fus_scheme_take(&s, "block."))
        return fus_scheme_number(&s) >= 0 && fus_scheme_take(&s, ".") && is_linear(s);
    return is_linear(s) || strcmp(s, "layer_scale") == 0;
}

const char *fus_scheme_canonical(char buf[FUS_NAME_BYTES], const char *s, struct fus_scheme scheme)
{
    bool mapped = false;
    switch (scheme.kind) {
    case FUS_SCHEME_TORCHVISION:
        if (is_canonical(s))
            return s;
        mapped = torchvision(buf, s);
        break;
    case FUS_SCHEME_HUGGING_FACE:
        mapped = hugging_face(buf, s);
        break;
    case FUS_SCHEME_CHILDREN:
        mapped = children(buf, s, scheme.first_child);
        break;
    case FUS_SCHEME_DETECTRON:
        mapped = detectron(buf, s);
        break;
    case FUS_SCHEME_CONV2_X:
        mapped = conv2_x(buf, s);
        break;
    case FUS_SCHEME_LAYER0:
        mapped = own_stem(buf, s, "layer0.0.", "layer0.1.", "layer");
        break;
    case FUS_SCHEME_FIRSTCONV:
        mapped = own_stem(buf, s, "firstconv.", "firstbn.", "encoder");
        break;
    case FUS_SCHEME_CHAIN:
        return is_chain(s) ? s : NULL;
    case FUS_SCHEME_CONVNEXT:
        return is_convnext(s) ? s : NULL;
    case FUS_SCHEME_CORNET:
        return is_cornet(s) ? s : NULL;
    default:
        return fus_scheme_tokens(buf, s, scheme.kind, false) ? buf : NULL;
    }
    return mapped && is_canonical(buf) ? buf : NULL;
}

bool fus_scheme_is_body(const char *s, struct fus_scheme scheme)
{
    static const char *const begins[] = {"conv1.",          "bn1.",  "attnpool.",  "lang_head.", "embedder.",
                                         "encoder.stages.", "stem.", "firstconv.", "firstbn."};
    static const char *const numbered[] = {"layer", "res", "conv", "encoder"};
    const char *at = s;
    if (scheme.kind >= FUS_SCHEME_VIT_OPENAI)
        return !fus_scheme_is_ignored(s);
    if (scheme.kind == FUS_SCHEME_CORNET)
        return fus_scheme_take(&at, "V1.") || fus_scheme_take(&at, "V2.") || fus_scheme_take(&at, "V4.") ||
               fus_scheme_take(&at, "IT.") || fus_scheme_take(&at, "decoder.");
    if (scheme.kind == FUS_SCHEME_CHAIN || scheme.kind == FUS_SCHEME_CONVNEXT)
        return fus_scheme_take(&at, "features.") || fus_scheme_take(&at, "classifier.");
    if (scheme.kind == FUS_SCHEME_CHILDREN) {
        int child = fus_scheme_number(&at);
        return child >= 0 &&
               (child < 2 || (child >= scheme.first_child && child < scheme.first_child + FUS_MAX_STAGES &&
                              fus_scheme_take(&at, ".") && fus_scheme_number(&at) >= 0));
    }
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(s, begins[i], strlen(begins[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++, at = s)
        if (fus_scheme_take(&at, numbered[i]) && fus_scheme_number(&at) >= 0 && (*at == '.' || *at == '_'))
            return true;
    return false;
}

bool fus_scheme_is_counter(const char *name)
{
    static const char *const counters[] = {"num_batches_tracked", "n_averaged", "total_ops", "total_params"};
    const char *dot = strrchr(name, '.');
    return is_one_of(dot ? dot + 1 : name, counters, 4);
}

const char *fus_scheme_stem(struct fus_scheme scheme)
{
    static const char *const stems[] = {"conv1.weight",
                                        "embedder.embedder.convolution.weight",
                                        "0.weight",
                                        "stem.conv1.weight",
                                        "conv1.0.weight",
                                        "layer0.0.weight",
                                        "firstconv.weight",
                                        "features.0.weight",
                                        "decoder.linear.weight",
                                        "features.0.0.weight",
                                        "conv1.weight",
                                        "embeddings.patch_embedding.weight",
                                        "patch_embed.proj.weight",
                                        "conv_proj.weight"};
    return stems[scheme.kind];
}

bool fus_scheme_begins(struct fus_scheme *scheme, size_t *prefix_bytes, const char *name, int which)
{
    static const struct {
        const char *end;
        struct fus_scheme scheme;
    } first[FUS_N_BEGINNINGS] = {
        {"layer1.0.conv1.weight", {FUS_SCHEME_TORCHVISION, 0}},
        {"encoder.stages.0.layers.0.layer.0.convolution.weight", {FUS_SCHEME_HUGGING_FACE, 0}},
        {"2.0.conv1.weight", {FUS_SCHEME_CHILDREN, 2}},
        {"3.0.conv1.weight", {FUS_SCHEME_CHILDREN, 3}},
        {"4.0.conv1.weight", {FUS_SCHEME_CHILDREN, 4}},
        {"res2.0.conv1.weight", {FUS_SCHEME_DETECTRON, 0}},
        {"layer1.0.conv1.weight", {FUS_SCHEME_LAYER0, 0}},
        {"conv2_x.0.residual_function.0.weight", {FUS_SCHEME_CONV2_X, 0}},
        {"encoder1.0.conv1.weight", {FUS_SCHEME_FIRSTCONV, 0}},
        {"classifier.6.weight", {FUS_SCHEME_CHAIN, 0}},
        {"IT.conv_input.weight", {FUS_SCHEME_CORNET, 0}},
        {"IT.conv.weight", {FUS_SCHEME_CORNET, 0}},
        {"features.1.0.block.5.weight", {FUS_SCHEME_CONVNEXT, 0}},
        {"transformer.resblocks.0.ln_1.weight", {FUS_SCHEME_VIT_OPENAI, 0}},
        {"encoder.layers.0.layer_norm1.weight", {FUS_SCHEME_VIT_HUGGING_FACE, 0}},
        {"blocks.0.norm1.weight", {FUS_SCHEME_VIT_TIMM, 0}},
        {"encoder.layers.encoder_layer_0.ln_1.weight", {FUS_SCHEME_VIT_TORCHVISION, 0}},
    };
    size_t n = strlen(name), m = strlen(first[which].end);
    if (n < m || strcmp(name + n - m, first[which].end) != 0 || (n > m && name[n - m - 1] != '.'))
        return false;
    *scheme = first[which].scheme;
    *prefix_bytes = n - m;
    return true;
}
