/* SPDX-License-Identifier: MIT */
/* Untrained networks, without a file, as a control and as a start for training:
 * `random:NAME?seed=N&embed=D` (random_spec.c).
 *
 * The initialisation is PyTorch's and torchvision's:
 *   convolution     N(0, 2 / (K R S)), Kaiming's for ReLU by fan-out (He et al. 2015;
 *                   torchvision/models/resnet.py)
 *   batch norm      weight 1, bias 0, mean 0, variance 1
 *   linear          weight and bias uniform in +-1/sqrt(inputs) (torch.nn.Linear)
 *   CLIP            attention projections N(0, 1/C), biases as linear, positional embedding N(0,
 *                   1/C) (openai/CLIP, model.py)
 *   ViT             class token, positions and patches of more than 7 pixels N(0, 1/inputs), CLIP's
 *                   projection N(0, 1/width); the rest as linear, biases of queries, keys, values 0
 *   AlexNet         weight and bias uniform in +-1/sqrt(inputs) everywhere (torch.nn.Conv2d)
 *   CORnet-Z        weight uniform in +-sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010),
 *                   bias 0
 *   ConvNeXt        weights N(0, 0.02^2), biases 0, layer scale 1e-6
 *   VGG             linear N(0, 0.01^2), every bias 0
 *   zero=1          weight 0 in each block's last batch norm (Goyal et al. 2017; CLIP's own start):
 *                   blocks begin as their shortcuts, which helps training; an untrained control
 *                   would be blind in all else, so it must be asked for
 *   words           N(0, 1 / dimensions): `text.weight` [dimensions, words] of a contrastive
 *                   training; `logit_scale` ln(1 / 0.07)
 * Each tensor has a stream of its own, seeded by SHA-256 of "SEED:NAME", so that values
 * depend neither on the order of reading nor on what else is read. Values are drawn in double
 * and rounded to f32. */
#include "weights/random_spec.h"

#include "weights/formats.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/rng.h"
#include "nn/base/sha256.h"

static void start_stream(struct fus_rng *rng, uint64_t seed, const char *name)
{
    char text[160], hex[FUS_SHA256_HEX];
    struct fus_sha256 sha;
    snprintf(text, sizeof text, "%" PRIu64 ":%s", seed, name);
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, text, strlen(text));
    fus_sha256_hex(&sha, hex);
    hex[16] = '\0';
    fus_rng_seed(rng, strtoull(hex, NULL, 16));
}

/* The weight of a block's last batch norm. */
static bool ends_block(const char *name, bool bottleneck)
{
    return strncmp(name, "layer", 5) == 0 && fus_base_ends_with(name, bottleneck ? ".bn3.weight" : ".bn2.weight");
}

void fus_random_fill(float *out, const char *name, const int64_t *shape, int n_dims, int64_t inputs, uint64_t seed)
{
    struct fus_rng rng;
    size_t n = 1;
    for (int d = 0; d < n_dims; d++)
        n *= (size_t)shape[d];
    start_stream(&rng, seed, name);
    if (strcmp(name, "logit_scale") == 0) {
        out[0] = 2.6592600369327779f;
    } else if (strcmp(name, "class_embedding") == 0 || strcmp(name, "positional_embedding") == 0) {
        fus_rng_fill_normal(&rng, out, n, 1 / sqrt((double)shape[n_dims - 1]));
    } else if (strcmp(name, "proj") == 0) {
        fus_rng_fill_normal(&rng, out, n, 1 / sqrt((double)shape[0]));
    } else if (n_dims == 4 && shape[2] > 7) {
        fus_rng_fill_normal(&rng, out, n, 1 / sqrt((double)(shape[1] * shape[2] * shape[3])));
    } else if (n_dims == 4) {
        fus_rng_fill_normal(&rng, out, n, sqrt(2.0 / (double)(shape[0] * shape[2] * shape[3])));
    } else if (n_dims == 2 && strcmp(name, "text.weight") == 0) {
        fus_rng_fill_normal(&rng, out, n, 1 / sqrt((double)shape[0]));
    } else if (n_dims == 2 && strncmp(name, "attnpool.", 9) == 0) {
        fus_rng_fill_normal(&rng, out, n, 1 / sqrt((double)shape[1]));
    } else if (n_dims == 2 || inputs) {
        fus_rng_fill_uniform(&rng, out, n, 1 / sqrt((double)(n_dims == 2 ? shape[1] : inputs)));
    } else {
        float value = fus_base_ends_with(name, ".weight") || fus_base_ends_with(name, ".running_var");
        for (size_t i = 0; i < n; i++)
            out[i] = value;
    }
}

/* AlexNet and VGG, where their rules are not those of fus_random_fill; false: they are. */
static bool fill_chain(float *out, const struct fus_store *s, const struct fus_tensor *t)
{
    struct fus_rng rng;
    char weight[160];
    const struct fus_tensor *w = t;
    bool bias = fus_base_ends_with(t->name, ".bias"), vgg = !s->random_spec.chain.alexnet;
    if (bias) {
        snprintf(weight, sizeof weight, "%.*sweight", (int)(strlen(t->name) - strlen("bias")), t->name);
        w = fus_store_find(s, weight);
    }
    start_stream(&rng, s->random_seed, t->name);
    if (vgg && bias)
        memset(out, 0, t->n_elements * sizeof *out);
    else if (vgg && t->n_dims == 2)
        fus_rng_fill_normal(&rng, out, t->n_elements, 0.01);
    else if (!vgg && w)
        fus_rng_fill_uniform(&rng, out, t->n_elements, 1 / sqrt((double)(w->n_elements / (size_t)w->shape[0])));
    else
        return false;
    return true;
}

/* ConvNeXt's weights; false for its layer norms and biases. */
static bool fill_convnext(float *out, const struct fus_store *s, const struct fus_tensor *t)
{
    struct fus_rng rng;
    bool scale = fus_base_ends_with(t->name, ".layer_scale");
    if (!scale && t->n_dims == 1)
        return false;
    start_stream(&rng, s->random_seed, t->name);
    if (scale)
        for (size_t i = 0; i < t->n_elements; i++)
            out[i] = 1e-6f;
    else
        fus_rng_fill_normal(&rng, out, t->n_elements, 0.02);
    return true;
}

/* Glorot's, of CORnet-Z. */
static void fill_glorot(float *out, const struct fus_store *s, const struct fus_tensor *t)
{
    struct fus_rng rng;
    size_t places = t->n_dims == 4 ? (size_t)(t->shape[2] * t->shape[3]) : 1;
    start_stream(&rng, s->random_seed, t->name);
    if (t->n_dims == 1)
        memset(out, 0, t->n_elements * sizeof *out);
    else
        fus_rng_fill_uniform(&rng, out, t->n_elements,
                             sqrt(6 / (double)((size_t)(t->shape[0] + t->shape[1]) * places)));
}

/* Columns of the matrix that a bias belongs to; 0: it is a batch norm's. */
static int64_t inputs_of_bias(const struct fus_store *s, const char *name)
{
    char weight[160];
    snprintf(weight, sizeof weight, "%.*sweight", (int)(strlen(name) - strlen("bias")), name);
    const struct fus_tensor *t = fus_store_find(s, weight);
    return t && t->n_dims == 2 ? t->shape[1] : 0;
}

/* Each tensor that fus_random_open added has its rule. */
static int generate(const struct fus_store *s, float *out, const struct fus_tensor *t, struct fus_error *err)
{
    (void)err;
    if (s->random_spec.kind == FUS_NET_CHAIN && fill_chain(out, s, t))
        return FUS_OK;
    if (s->random_spec.kind == FUS_NET_CONVNEXT) {
        if (!fill_convnext(out, s, t))
            fus_random_fill(out, t->name, t->shape, t->n_dims, 0, s->random_seed);
        return FUS_OK;
    }
    if (s->random_spec.kind == FUS_NET_CORNET && !s->random_spec.bottleneck) {
        fill_glorot(out, s, t);
        return FUS_OK;
    }
    fus_random_fill(out, t->name, t->shape, t->n_dims,
                    fus_base_ends_with(t->name, ".bias") ? inputs_of_bias(s, t->name) : 0, s->random_seed);
    if (s->random_zero && ends_block(t->name, s->random_spec.bottleneck))
        memset(out, 0, t->n_elements * sizeof *out);
    return FUS_OK;
}

int fus_random_open(struct fus_store *s, const char *spec, struct fus_error *err)
{
    struct fus_random_spec r;
    s->format = "random";
    s->generate = generate;
    int code = fus_random_parse(&r, spec, err);
    if (code)
        return code;
    s->random_spec = r.net;
    s->random_seed = r.seed;
    s->random_zero = r.zero;
    if (r.preprocess[0])
        code = fus_store_set_preprocess(s, r.preprocess, err);
    struct fus_store_adder a = {s, err};
    return code ? code : fus_arch_parameters(&s->random_spec, fus_store_add_parameter, &a, err);
}
