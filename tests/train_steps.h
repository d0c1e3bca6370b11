/* SPDX-License-Identifier: MIT */
/* The small networks of tests/golden/train_steps.py, which has the description: their parameters,
 * their batch, and PyTorch's gradients, statistics and updated parameters. */
#ifndef FUS_TRAIN_STEPS_H
#define FUS_TRAIN_STEPS_H

#include <math.h>

#include "nn/train/train.h"
#include "test.h"

enum {
    FAMILY_BATCH = 6,
    FAMILY_CLASSES = 5,
    FAMILY_LANGUAGE = 6,
    FAMILY_EMBEDDING = 7,
    FAMILY_WORDS = 9,
    FAMILY_SAMPLES = 8
};
#define FAMILY_SMOOTH 0.1
#define FAMILY_LANGUAGE_WEIGHT 0.5
#define FAMILY_TEMPERATURE 0.07
#define FAMILY_GOLDEN "tests/golden/train_steps.txt"

enum family_language { FAMILY_NONE, FAMILY_COSINE, FAMILY_MSE, FAMILY_INFONCE, FAMILY_CONTRASTIVE };

struct family {
    const char *name;
    enum family_language language;
    bool frozen_norms;
    struct fus_net_spec spec;
};

#define TORCHVISION .stem = FUS_STEM_7X7, .input_side = 32, .n_stages = 2, .n_classes = FAMILY_CLASSES
static const struct family families[] = {
    {"basic",
     FAMILY_NONE,
     false,
     {TORCHVISION, .stem_channels = 6, .n_blocks = {1, 1}, .width = {6, 20}, .channels = {6, 20}}},
    {"bottleneck",
     FAMILY_NONE,
     false,
     {TORCHVISION, .bottleneck = true, .stem_channels = 4, .n_blocks = {1, 2}, .width = {4, 6}, .channels = {16, 24}}},
    {"cifar",
     FAMILY_NONE,
     false,
     {.stem = FUS_STEM_3X3,
      .pad_shortcut = true,
      .input_side = 16,
      .stem_channels = 4,
      .n_stages = 2,
      .n_blocks = {1, 2},
      .width = {4, 10},
      .channels = {4, 10},
      .n_classes = FAMILY_CLASSES}},
    {"lang",
     FAMILY_COSINE,
     false,
     {TORCHVISION, .bottleneck = true, .stem_channels = 4, .n_blocks = {1, 1}, .width = {4, 6}, .channels = {16, 24},
      .lang_dim = FAMILY_LANGUAGE}},
    {"lang2",
     FAMILY_COSINE,
     false,
     {TORCHVISION, .stem_channels = 4, .n_blocks = {1, 1}, .width = {4, 8}, .channels = {4, 8},
      .lang_dim = FAMILY_LANGUAGE, .lang_hidden = 10}},
    {"mse",
     FAMILY_MSE,
     false,
     {TORCHVISION, .stem_channels = 4, .n_blocks = {1, 1}, .width = {4, 8}, .channels = {4, 8},
      .lang_dim = FAMILY_LANGUAGE}},
    {"infonce",
     FAMILY_INFONCE,
     false,
     {TORCHVISION, .stem_channels = 4, .n_blocks = {1, 1}, .width = {4, 8}, .channels = {4, 8},
      .lang_dim = FAMILY_LANGUAGE}},
    {"clip",
     FAMILY_CONTRASTIVE,
     false,
     {.stem = FUS_STEM_CLIP,
      .bottleneck = true,
      .input_side = 32,
      .stem_channels = 8,
      .n_stages = 2,
      .n_blocks = {1, 1},
      .width = {4, 8},
      .channels = {16, 32},
      .attn_grid = 4,
      .attn_heads = 2,
      .attn_dim = FAMILY_EMBEDDING}},
    {"frozen",
     FAMILY_COSINE,
     true,
     {TORCHVISION, .bottleneck = true, .stem_channels = 4, .n_blocks = {1, 1}, .width = {4, 6}, .channels = {16, 24},
      .lang_dim = FAMILY_LANGUAGE}},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

/* ---- parameters and batch ---- */

/* Element i of values(seed): a float, uniform in -1 .. 1, SplitMix64 of a counter. */
static inline double family_value(uint32_t seed, size_t i)
{
    uint64_t z = (((uint64_t)seed << 32) + i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (float)((double)(z >> 11) / 4503599627370496.0 - 1);
}

static inline uint32_t family_seed(const char *name) /* FNV-1a */
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* What stands before a value in front of the sum: inputs of one output. */
struct family_fan {
    const char *name;
    size_t fan;
    int n_dims;
};

static inline int family_find_fan(void *context, const char *name, const int *shape, int n_dims)
{
    struct family_fan *f = context;
    if (strcmp(name, f->name) != 0)
        return 0;
    f->n_dims = n_dims;
    f->fan = 1;
    for (int i = 1; i < n_dims; i++)
        f->fan *= (size_t)shape[i];
    return 0;
}

static inline bool family_ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* A fus_weight_fn; context: the spec. Knows text.weight and logit_scale too. */
static inline int family_parameter(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    struct family_fan f = {name, FAMILY_WORDS, strcmp(name, "text.weight") == 0 ? 2 : 0};
    int code = fus_arch_parameters(context, family_find_fan, &f, err);
    double scale = sqrt(2 / (double)f.fan);
    bool around_one = family_ends_with(name, "running_var") || (f.n_dims == 1 && family_ends_with(name, ".weight"));
    for (size_t i = 0; i < n && !code; i++) {
        double v = family_value(family_seed(name), i);
        out[i] = (float)(around_one ? 1 + 0.2 * v : f.n_dims > 1 ? scale * v : 0.1 * v - 0.5);
    }
    if (strcmp(name, "logit_scale") == 0)
        out[0] = (float)log(1 / FAMILY_TEMPERATURE);
    return code;
}

struct family_batch {
    float input[FAMILY_BATCH * 3 * 32 * 32];
    int label[FAMILY_BATCH];
    float target[FAMILY_BATCH * FAMILY_LANGUAGE];
    int words[FAMILY_BATCH * FAMILY_WORDS], word_start[FAMILY_BATCH + 1];
};

static inline void family_make_batch(struct family_batch *b, const struct family *f)
{
    size_t n_input = FAMILY_BATCH * 3 * (size_t)f->spec.input_side * (size_t)f->spec.input_side;
    for (size_t i = 0; i < n_input; i++)
        b->input[i] = (float)family_value(1001, i);
    int n = 0;
    for (int i = 0; i < FAMILY_BATCH; i++) {
        double v[FAMILY_LANGUAGE], square = 0;
        b->label[i] = (i * i + i) % FAMILY_CLASSES;
        for (int j = 0; j < FAMILY_LANGUAGE; j++) {
            v[j] = family_value(1002, (size_t)(i * FAMILY_LANGUAGE + j));
            square += v[j] * v[j];
        }
        for (int j = 0; j < FAMILY_LANGUAGE; j++)
            b->target[i * FAMILY_LANGUAGE + j] = (float)(v[j] / sqrt(square));
        b->word_start[i] = n;
        for (int w = 0; w < FAMILY_WORDS; w++)
            if (w == 0 || family_value(1003, (size_t)(i * FAMILY_WORDS + w)) > 0)
                b->words[n++] = w;
    }
    b->word_start[FAMILY_BATCH] = n;
}

/* ---- what train_steps.py trains with ---- */

static inline struct fus_train_options family_options(const struct family *f, bool adamw)
{
    static const enum fus_train_language kind[] = {[FAMILY_COSINE] = FUS_TRAIN_COSINE,
                                                   [FAMILY_MSE] = FUS_TRAIN_MSE,
                                                   [FAMILY_INFONCE] = FUS_TRAIN_INFONCE,
                                                   [FAMILY_CONTRASTIVE] = FUS_TRAIN_INFONCE};
    bool clip = f->language == FAMILY_CONTRASTIVE;
    double language_weight = f->language == FAMILY_NONE ? 0 : clip ? 1 : FAMILY_LANGUAGE_WEIGHT;
    return (struct fus_train_options){
        .batch = FAMILY_BATCH,
        .frozen_norms = f->frozen_norms,
        .classify_weight = clip ? 0 : 1,
        .language_weight = language_weight,
        .smooth = FAMILY_SMOOTH,
        .language = kind[f->language],
        .contrastive = clip,
        .n_words = FAMILY_WORDS,
        .optimise = {.rule = adamw ? FUS_OPTIMISE_ADAMW : FUS_OPTIMISE_SGD,
                     .nesterov = true,
                     .momentum = 0.9,
                     .decay = adamw ? 0.05 : 5e-4,
                     .beta1 = 0.9,
                     .beta2 = 0.98,
                     .epsilon = 1e-6},
    };
}

/* ---- PyTorch's values ---- */

/* The numbers behind "WHAT NAME " in the family's part of the file; for WHAT "family", the three
 * losses. */
static inline const char *family_line(char line[512], const char *family, const char *what, const char *name)
{
    FILE *f = fopen(FAMILY_GOLDEN, "r");
    char key[160], start[160];
    bool inside = false;
    const char *found = NULL;
    snprintf(start, sizeof start, "family %s ", family);
    snprintf(key, sizeof key, "%s %s ", what, name);
    while (f && !found && fgets(line, 512, f)) {
        if (strncmp(line, "family ", 7) == 0)
            inside = strncmp(line, start, strlen(start)) == 0;
        if (inside && strncmp(line, key, strlen(key)) == 0)
            found = line + strlen(key);
    }
    if (f)
        fclose(f);
    return found;
}

/* loss[3]: the weighted sum, classification, language. */
static inline bool family_losses(double loss[3], const char *family)
{
    char line[512];
    const char *at = family_line(line, family, "family", family);
    return at && sscanf(at, "%lf %lf %lf", &loss[0], &loss[1], &loss[2]) == 3;
}

/* The largest difference of x [n] from PyTorch's WHAT ("grad", "stat", "sgd", "adamw") of tensor
 * NAME, relative to the tensor's largest value; of the projection, relative to that times the
 * square root of n. -1: not in the file. */
static inline double family_difference(const char *family, const char *what, const char *name, const double *x,
                                       size_t n)
{
    char line[512], *rest;
    const char *at = family_line(line, family, what, name);
    if (!at || strtoul(at, &rest, 10) != n)
        return -1;
    double largest = strtod(rest, &rest), projection = strtod(rest, &rest), sum = 0;
    largest = fmax(largest, 1e-6); /* of a gradient that is 0 but for rounding */
    for (size_t i = 0; i < n; i++)
        sum += family_value(7, i) * x[i];
    double worst = fabs(sum - projection) / largest / sqrt((double)n);
    for (size_t k = 0; k < (n < FAMILY_SAMPLES ? n : FAMILY_SAMPLES); k++) {
        size_t i = n <= FAMILY_SAMPLES ? k : (size_t)(((uint64_t)(uint32_t)(k * 2654435769u) * n) >> 32);
        worst = fmax(worst, fabs(x[i] - strtod(rest, &rest)) / largest);
    }
    return worst == worst ? worst : INFINITY;
}

#endif
