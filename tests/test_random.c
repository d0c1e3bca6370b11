/* SPDX-License-Identifier: MIT */
/* weights/random.c: the spec's grammar, the distributions, and the same values everywhere. */
#include "weights_help.h"

static struct fus_store *open_random(const char *spec)
{
    struct fus_store *s = NULL;
    struct fus_error err = {0};
    CHECK_MSG(fus_open_weights(&s, spec, &err) == 0, "%s", err.msg);
    return s;
}

static float *values(struct fus_store *s, const char *name, size_t *n)
{
    struct fus_error err = {0};
    const struct fus_tensor *t = fus_store_find(s, name);
    if (!HELP_CHECK(t, "%s", name))
        exit(1);
    *n = t->n_elements;
    float *v = fus_base_alloc(*n, sizeof *v);
    CHECK_MSG(fus_store_lookup(s, v, *n, name, &err) == 0, "%s", err.msg);
    return v;
}

static void moments(const float *v, size_t n, double *mean, double *sd, double *largest)
{
    double sum = 0, squares = 0;
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        sum += v[i];
        squares += (double)v[i] * v[i];
        *largest = fmax(*largest, fabs(v[i]));
    }
    *mean = sum / (double)n;
    *sd = sqrt(squares / (double)n - *mean * *mean);
}

/* Mean 0 and this standard deviation within 5 standard errors; largest: bound of a uniform
 * distribution, 0 for a normal one. */
static void expect(struct fus_store *s, const char *name, double sd, double bound)
{
    size_t n;
    float *v = values(s, name, &n);
    double mean, got, largest;
    moments(v, n, &mean, &got, &largest);
    CHECK_MSG(fabs(mean) < 5 * sd / sqrt((double)n), "%s: mean %g", name, mean);
    CHECK_MSG(fabs(got / sd - 1) < 5 / sqrt(2.0 * (double)n), "%s: sd %g, want %g", name, got, sd);
    if (bound > 0)
        CHECK_MSG(largest <= bound && largest > 0.9 * bound, "%s: %g, bound %g", name, largest, bound);
    else
        CHECK_MSG(largest > 2.5 * sd && largest < 7 * sd, "%s: %g", name, largest / sd);
    fus_base_free(v);
}

static void test_distributions(void)
{
    struct fus_store *s = open_random("random:lang_resnet18?seed=3&embed=300");
    expect(s, "conv1.weight", sqrt(2.0 / (64 * 49)), 0);
    expect(s, "layer3.0.downsample.0.weight", sqrt(2.0 / 256), 0);
    expect(s, "layer4.1.conv2.weight", sqrt(2.0 / (512 * 9)), 0);
    expect(s, "fc.weight", 1 / sqrt(3.0 * 512), 1 / sqrt(512.0));
    expect(s, "fc.bias", 1 / sqrt(3.0 * 512), 1 / sqrt(512.0));
    expect(s, "lang_head.weight", 1 / sqrt(3.0 * 512), 1 / sqrt(512.0));
    static const char *const norm[] = {"bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"};
    for (int i = 0; i < 4; i++) {
        size_t n, wrong = 0;
        float *v = values(s, norm[i], &n);
        for (size_t k = 0; k < n; k++)
            wrong += v[k] != (i == 0 || i == 3);
        CHECK_MSG(n == 64 && wrong == 0, "%s", norm[i]);
        fus_base_free(v);
    }
    const struct fus_tensor *t = fus_store_find(s, "lang_head.weight");
    CHECK(t && t->shape[0] == 300 && t->shape[1] == 512 && strcmp(fus_store_format(s), "random") == 0);
    fus_store_close(s);
    s = open_random("random:clip_rn50?seed=3");
    expect(s, "attnpool.q_proj.weight", 1 / sqrt(2048.0), 0);
    expect(s, "attnpool.positional_embedding", 1 / sqrt(2048.0), 0);
    expect(s, "attnpool.c_proj.bias", 1 / sqrt(3.0 * 2048), 1 / sqrt(2048.0));
    fus_store_close(s);
}

static void hash(char hex[FUS_SHA256_HEX], struct fus_store *s, const char *name)
{
    struct fus_sha256 sha;
    size_t n;
    float *v = values(s, name, &n);
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, v, fus_dtype_pack(v, n, FUS_F32));
    fus_sha256_hex(&sha, hex);
    fus_base_free(v);
}

/* The values are part of every untrained control that was ever reported: they must not change. */
static void test_values_stay(void)
{
    static const char *const expected[][2] = {
        {"conv1.weight", "ec2384a3ede9ed0ecca72fb3c361da31f8455dc8f19a0e8e5a4cd6bff6afb306"},
        {"fc.bias", "8c377aa0f753a29e16c6315150c5778583b2e984e28ea0a824a855c3be3764fb"},
    };
    struct fus_store *s = open_random("random:cifar_resnet20?seed=1");
    for (int i = 0; i < 2; i++) {
        char hex[FUS_SHA256_HEX];
        hash(hex, s, expected[i][0]);
        CHECK_MSG(strcmp(hex, expected[i][1]) == 0, "%s: %s", expected[i][0], hex);
    }
    fus_store_close(s);
}

static void test_streams(void)
{
    struct fus_store *a = open_random("random:resnet18?seed=1"), *b = open_random("random:resnet18?seed=2");
    struct fus_store *c = open_random("random:resnet34?seed=1"), *d = open_random("random:resnet18");
    struct fus_store *e = open_random("random:resnet18?seed=0");
    char x[5][FUS_SHA256_HEX], other[FUS_SHA256_HEX];
    struct fus_store *all[] = {a, b, c, d, e};
    for (int i = 4; i >= 0; i--)
        hash(x[i], all[i], "layer1.0.conv1.weight");
    hash(other, a, "layer1.0.conv2.weight");
    CHECK(strcmp(x[0], x[1]) != 0);  /* the seed counts */
    CHECK(strcmp(x[0], x[2]) == 0);  /* neither the network nor the order of reading does */
    CHECK(strcmp(x[3], x[4]) == 0);  /* no seed is seed 0 */
    CHECK(strcmp(x[0], other) != 0); /* each tensor has its own stream */
    for (int i = 0; i < 5; i++)
        fus_store_close(all[i]);
}

static void test_recognised(void)
{
    static const char *const names[] = {"resnet50", "cifar_resnet56", "clip_rn101", "lang_resnet50"};
    for (int i = 0; i < 4; i++) {
        char spec[64];
        struct fus_net_spec got, want;
        struct fus_error err;
        snprintf(spec, sizeof spec, "random:%s?seed=9", names[i]);
        struct fus_store *s = open_random(spec);
        CHECK(fus_networks_named(&want, names[i], NULL) == 0);
        CHECK(fus_names_recognise(&got, s, NULL, &err) == 0 && memcmp(&got, &want, sizeof got) == 0);
        char hex[FUS_SHA256_HEX], expected[FUS_SHA256_HEX];
        struct fus_sha256 sha;
        fus_sha256_start(&sha);
        fus_sha256_add(&sha, spec, strlen(spec));
        fus_sha256_hex(&sha, expected);
        CHECK(fus_store_sha256(s, hex, &err) == 0 && strcmp(hex, expected) == 0);
        fus_store_close(s);
    }
}

/* Networks in numbers: what a file of theirs would be taken for, and how its
 * pictures are prepared. */
static void test_kinds(void)
{
    struct fus_error err;
    struct fus_net_spec got;
    int side;
    const char *preprocess;
    struct fus_store *s = open_random("random:resnet?stem=7x7&blocks=2,3,1&width=8&input=64&classes=11&seed=1");
    CHECK(fus_names_recognise(&got, s, NULL, &err) == 0 && got.bottleneck && got.n_stages == 3 && got.n_blocks[1] == 3);
    CHECK(got.width[2] == 32 && got.channels[2] == 128 && got.n_classes == 11 && got.stem == FUS_STEM_7X7);
    CHECK(fus_store_preprocess(s, &got, &side, &preprocess, &err) == 0);
    CHECK(strcmp(preprocess, "resize=64,interp=bilinear,crop=64,mean=.5/.5/.5,std=.25/.25/.25") == 0);
    fus_store_close(s);
    s = open_random("random:clip_resnet?blocks=1,1,1&width=4&input=32&embed=8");
    CHECK(fus_names_recognise(&got, s, NULL, &err) == 0 && got.attn_grid == 2 && got.attn_heads == 2 &&
          got.attn_dim == 8);
    fus_store_close(s);
    s = open_random("random:lang_resnet?block=basic&stem=3x3&embed=5&hidden=7");
    CHECK(fus_names_recognise(&got, s, NULL, &err) == 0 && got.lang_dim == 5 && got.lang_hidden == 7 &&
          !got.bottleneck);
    CHECK(got.stem == FUS_STEM_3X3);
    fus_store_close(s);
}

/* zero=1: the last norm of each block, and no other tensor. */
static void test_zero(void)
{
    struct fus_store *plain = open_random("random:resnet?blocks=1,1,1&width=4&seed=3"),
                     *zero = open_random("random:resnet?blocks=1,1,1&width=4&seed=3&zero=1");
    float a[16], b[16];
    struct fus_error err;
    CHECK(fus_store_lookup(plain, a, 16, "layer1.0.bn3.weight", &err) == 0 && a[0] == 1 && a[15] == 1);
    CHECK(fus_store_lookup(zero, b, 16, "layer1.0.bn3.weight", &err) == 0 && b[0] == 0 && b[15] == 0);
    CHECK(fus_store_lookup(zero, b, 4, "layer1.0.bn2.weight", &err) == 0 && b[0] == 1);
    CHECK(fus_store_lookup(plain, a, 16, "layer1.0.conv1.weight", &err) == 0 &&
          fus_store_lookup(zero, b, 16, "layer1.0.conv1.weight", &err) == 0);
    CHECK(memcmp(a, b, sizeof a) == 0);
    fus_store_close(plain);
    fus_store_close(zero);
}

static void test_refusals(void)
{
    static const char *const wrong[][2] = {
        {"random:", "no network is called ''"},
        {"random:vgg12", "no network is called 'vgg12'; there are resnet18"},
        {"random:vgg16_b", "no network is called"},
        {"random:vgg16?blocks=2", "blocks is for random:resnet"},
        {"random:alexnet?zero=1", "zero is for residual networks"},
        {"random:resnet50?seed=", "seed=: a whole number from 0 to 2^64-1 expected"},
        {"random:resnet50?seed=-1", "seed=-1: a whole number"},
        {"random:resnet50?seed=18446744073709551616", "seed=18446744073709551616: a whole number"},
        {"random:resnet50?seed=1x", "seed=1x: a whole number"},
        {"random:resnet50?seed", "seed=: a whole number"},
        {"random:resnet50?", "no option is called ''; there are seed=N, embed=N"},
        {"random:resnet50?seed=1&", "no option is called ''"},
        {"random:resnet50?sead=1", "no option is called 'sead'"},
        {"random:resnet50?embed=5", "embed is for networks with a language head"},
        {"random:lang_resnet50?embed=0", "embed=0: a whole number from 1 to 65536 expected"},
        {"random:lang_resnet50?embed=65537", "embed=65537: a whole number from 1 to 65536 expected"},
        {"random:resnet50?blocks=2,2,2", "blocks is for random:resnet, lang_resnet, clip_resnet, vit and clip_vit"},
        {"random:resnet?blocks=2,2", "blocks=2,2: numbers such as 2,2,2 or 3,4,6,3 expected"},
        {"random:resnet?blocks=2,2,2,2,2", "numbers such as 2,2,2 or 3,4,6,3 expected"},
        {"random:resnet?blocks=2,2,2,", "numbers such as"},
        {"random:resnet?width=0", "width=0: a whole number from 1 to 512 expected"},
        {"random:resnet?stem=5x5", "stem=5x5: 7x7 or 3x3 expected"},
        {"random:resnet?input=7", "input=7: a whole number from 8 to 4096 expected"},
        {"random:resnet?zero=yes", "zero=yes: 0 or 1 expected"},
        {"random:resnet?hidden=4", "hidden is for networks with a language head"},
        {"random:clip_resnet?width=15", "width=15: an even number for CLIP expected"},
        {"random:clip_resnet?input=40", "input=40: a multiple of 16 expected for CLIP with 3 stages"},
        {"random:clip_resnet?classes=4", "classes are for networks with fc"},
        {"random:clip_rn50?input=64", "this network's attention pool has room for 224"},
        {"random:resnet50aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?seed=1",
         "no network is called"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fus_store *s = NULL;
        struct fus_error err = {0};
        CHECK_MSG(fus_open_weights(&s, wrong[i][0], &err) != 0, "%s", wrong[i][0]);
        CHECK_MSG(strncmp(err.msg, wrong[i][0], strlen(wrong[i][0])) == 0 && strstr(err.msg, wrong[i][1]), "%s",
                  err.msg);
    }
    fus_store_close(open_random("random:resnet50?seed=18446744073709551615"));
}

int main(void)
{
    test_distributions();
    test_values_stay();
    test_streams();
    test_recognised();
    test_kinds();
    test_zero();
    test_refusals();
    return test_end();
}
