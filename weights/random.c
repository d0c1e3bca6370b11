/* Untrained networks as a control, without a file: `random:NAME?seed=N&embed=D`.
 *
 * The initialisation is PyTorch's and torchvision's:
 *   convolution     N(0, 2 / (K R S)), Kaiming's for ReLU by fan-out (He et al. 2015; torchvision/models/resnet.py)
 *   batch norm      weight 1, bias 0, mean 0, variance 1
 *   linear          weight and bias uniform in +-1/sqrt(inputs) (torch.nn.Linear)
 *   CLIP            attention projections N(0, 1/C), biases as linear, positional embedding N(0, 1/C)
 *                   (openai/CLIP, model.py). Left out: CLIP's zero weight of each block's last batch norm, a start for training
 *                   with which an untrained network would be blind in all but its shortcuts.
 * Each tensor has a stream of its own, seeded by SHA-256 of "SEED:NAME", so that values depend
 * neither on the order of reading nor on what else is read. Values are drawn in double and
 * rounded to f32. */
#include "weights/formats.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"

#define MAX_EMBED 65536

/* The whole of the n bytes at s, which an '&' or the text's end follows; false for anything else
 * or beyond max. */
static bool number(uint64_t *v, const char *s, size_t n, uint64_t max)
{
    const char *rest;
    return fus_number_whole(v, s, &rest) && rest == s + n && *v <= max;
}

/* How much of a wrong text a message repeats. */
static int shown(size_t n)
{
    return n < 60 ? (int)n : 60;
}

/* One KEY=VALUE of n bytes. */
static int option(struct fus_store *s, const char *text, size_t n, struct fus_error *err)
{
    const char *equals = memchr(text, '=', n);
    size_t key_n = equals ? (size_t)(equals - text) : n;
    const char *value = equals ? equals + 1 : "";
    size_t value_n = equals ? n - key_n - 1 : 0;
    uint64_t v;
    if (key_n == 4 && memcmp(text, "seed", 4) == 0) {
        if (!number(&s->random_seed, value, value_n, UINT64_MAX))
            return fus_base_fail(err, FUS_EINVAL, "seed=%.*s: a whole number from 0 to 2^64-1 expected", shown(value_n),
                                 value);
        return FUS_OK;
    }
    if (key_n == 5 && memcmp(text, "embed", 5) == 0) {
        if (!s->random_spec.lang_dim)
            return fus_base_fail(err, FUS_EINVAL, "embed is for networks with a language head (lang_resnet50)");
        if (!number(&v, value, value_n, MAX_EMBED) || v == 0)
            return fus_base_fail(err, FUS_EINVAL, "embed=%.*s: a whole number from 1 to %d expected", shown(value_n),
                                 value, MAX_EMBED);
        s->random_spec.lang_dim = (int)v;
        return FUS_OK;
    }
    return fus_base_fail(err, FUS_EINVAL,
                         "no option is called '%.*s'; there are seed=N and embed=N, as in "
                         "random:lang_resnet50?seed=1&embed=512",
                         shown(key_n), text);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

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

static void fill_normal(float *out, size_t n, double std, struct fus_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(std * fus_rng_normal(rng));
}

static void fill_uniform(float *out, size_t n, double bound, struct fus_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(bound * (2 * fus_rng_uniform(rng) - 1));
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
    struct fus_rng rng;
    start_stream(&rng, s->random_seed, t->name);
    int64_t inputs = ends_with(t->name, ".bias") ? inputs_of_bias(s, t->name) : 0;
    if (t->n_dims == 4) {
        fill_normal(out, t->n_elements, sqrt(2.0 / (double)(t->shape[0] * t->shape[2] * t->shape[3])), &rng);
    } else if (t->n_dims == 2 && strncmp(t->name, "attnpool.", 9) == 0) {
        fill_normal(out, t->n_elements, 1 / sqrt((double)t->shape[1]), &rng);
    } else if (t->n_dims == 2 || inputs) {
        fill_uniform(out, t->n_elements, 1 / sqrt((double)(t->n_dims == 2 ? t->shape[1] : inputs)), &rng);
    } else {
        float value = ends_with(t->name, ".weight") || ends_with(t->name, ".running_var");
        for (size_t i = 0; i < t->n_elements; i++)
            out[i] = value;
    }
    return FUS_OK;
}

struct adder {
    struct fus_store *s;
    struct fus_error *err;
};

static int add_tensor(void *context, const char *name, const int *shape, int n_dims)
{
    const struct adder *a = context;
    struct fus_tensor t = {.name = name, .dtype = FUS_F32, .n_dims = n_dims};
    int64_t stride = 1;
    for (int d = n_dims - 1; d >= 0; d--) {
        t.shape[d] = shape[d];
        t.stride[d] = stride;
        stride *= shape[d];
    }
    return fus_store_add(a->s, &t, a->err);
}

int fus_random_open(struct fus_store *s, const char *spec, struct fus_error *err)
{
    char name[64];
    const char *at = spec + strlen("random:");
    size_t n = strcspn(at, "?");
    s->format = "random";
    s->generate = generate;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at);
    int code = fus_networks_named(&s->random_spec, name, err);
    if (!code && at[n] == '?')
        for (at += n + 1; !code; at += n + 1) {
            n = strcspn(at, "&");
            code = option(s, at, n, err);
            if (at[n] == '\0')
                break;
        }
    struct adder a = {s, err};
    return code ? code : fus_arch_parameters(&s->random_spec, add_tensor, &a, err);
}
