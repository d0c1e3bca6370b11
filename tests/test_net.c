/* SPDX-License-Identifier: MIT */
/* The engine against the naive loops of reference.c: every tap, every ISA row, several threads and
 * batches. To the bit where convolutions run directly; with Winograd within rounding, and to the
 * bit between rows, threads and batches. */
#include "nn/base/rng.h"
#include "nn/base/sha256.h"
#include "nn/nn.h"
#include "tests/named_weights.h"
#include "tests/test.h"

struct held {
    float *values[64][4]; /* [tap][picture] */
    const struct fus_net *net;
};

static int hold(void *context, int tap, int picture, const float *blocked)
{
    struct held *h = context;
    const struct fus_tap *t = fus_net_tap(h->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    h->values[tap][picture] = malloc((size_t)t->channels * places * sizeof(float));
    fus_tensor_unblock(h->values[tap][picture], blocked, t->channels, places);
    return 0;
}

static bool nearly_equal(const float *got, const float *want, int n, double tolerance)
{
    double most = 0, off = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        off = fmax(off, fabs((double)got[i] - (double)want[i]));
    }
    return off <= tolerance * most;
}

/* Two pictures and every tap of them by the naive loops, which take longer than all the
 * engine's ways together. */
struct expected {
    const struct fus_net_spec *spec;
    float *input;         /* [2, 3, side, side] */
    float *values[64][2]; /* [tap][picture] */
    int n_taps;
};

static size_t picture_floats(const struct fus_net_spec *spec)
{
    return 3 * (size_t)spec->input_side * (size_t)spec->input_side;
}

static void expect(struct expected *e, const struct fus_net_spec *spec)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    struct fus_rng r;
    size_t n = picture_floats(spec);
    *e = (struct expected){.spec = spec, .input = malloc(2 * n * sizeof *e->input)};
    fus_rng_seed(&r, 5);
    for (size_t i = 0; i < 2 * n; i++)
        e->input[i] = (float)fus_rng_normal(&r);
    CHECK(fus_net_create(&net, spec, NULL, named_weights, NULL, &err) == FUS_OK);
    e->n_taps = fus_net_n_taps(net);
    for (int t = 0; t < e->n_taps; t++) {
        const struct fus_tap *tap = fus_net_tap(net, t);
        for (int p = 0; p < 2; p++) {
            e->values[t][p] = malloc((size_t)tap->channels * (size_t)tap->height * (size_t)tap->width * sizeof(float));
            int code = fus_reference_forward(e->values[t][p], spec, e->input + (size_t)p * n, tap->name, named_weights,
                                             NULL, &err);
            CHECK_MSG(code == FUS_OK, "%s: %s", tap->name, err.msg);
        }
    }
    fus_net_destroy(net);
}

static void forget(struct expected *e)
{
    for (int t = 0; t < e->n_taps; t++)
        for (int p = 0; p < 2; p++)
            free(e->values[t][p]);
    free(e->input);
}

/* digest: of the first picture's taps; filled where it is empty, else it must be equal. */
static void check_against_reference(const struct expected *e, const char *isa, int threads, int batch, bool direct,
                                    char digest[FUS_SHA256_HEX])
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    struct fus_net_options options = {.isa = isa, .batch = batch, .direct = direct, .low_memory = batch == 2};
    fus_base_set_threads(threads);
    int code = fus_net_create(&net, e->spec, &options, named_weights, NULL, &err);
    if (code == FUS_EUNSUPPORTED && strstr(err.msg, "FUS_ISA")) {
        SKIP(isa);
        return;
    }
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
    if (code)
        return;
    struct held h = {.net = net};
    bool all[64];
    memset(all, 1, sizeof all);
    CHECK(fus_net_forward(net, e->input, batch, all, hold, &h, &err) == FUS_OK);
    struct fus_sha256 sha;
    char hex[FUS_SHA256_HEX];
    fus_sha256_start(&sha);
    for (int t = 0; t < fus_net_n_taps(net); t++) {
        const struct fus_tap *tap = fus_net_tap(net, t);
        size_t n = (size_t)tap->channels * (size_t)tap->height * (size_t)tap->width, bytes = n * sizeof(float);
        for (int p = 0; p < batch; p++) {
            const float *want = e->values[t][p], *got = h.values[t][p];
            /* products in another order: rounding apart, the same */
            bool near = !direct || strcmp(tap->name, "attnpool") == 0;
            CHECK_MSG(got && (near ? nearly_equal(got, want, (int)n, 1e-5) : memcmp(want, got, bytes) == 0),
                      "%s, %s, %d threads, batch %d", tap->name, isa, threads, batch);
            if (p == 0)
                fus_sha256_add(&sha, got, bytes);
            free(h.values[t][p]);
        }
    }
    fus_sha256_hex(&sha, hex);
    if (!digest[0])
        memcpy(digest, hex, sizeof hex);
    CHECK_MSG(memcmp(digest, hex, sizeof hex) == 0, "%s, %d threads, batch %d, direct %d", isa, threads, batch, direct);
    fus_net_destroy(net);
}

/* Small, with every kind of layer and channels that do not fill blocks of 16. */
static struct fus_net_spec small_spec(int kind)
{
    struct fus_net_spec s = {.stem = FUS_STEM_7X7,
                             .bottleneck = true,
                             .input_side = 40,
                             .stem_channels = 20,
                             .n_stages = 3,
                             .n_blocks = {1, 2, 1},
                             .width = {8, 24, 32},
                             .channels = {40, 72, 96},
                             .n_classes = 37};
    if (kind == 1) {
        s.stem = FUS_STEM_3X3;
        s.bottleneck = false;
        s.pad_shortcut = true;
        s.input_side = 18;
        s.stem_channels = 16;
        s.n_classes = 10;
        for (int i = 0; i < 3; i++)
            s.channels[i] = s.width[i] = 16 << i;
    }
    if (kind == 4)
        s.act = FUS_ACT_SILU;
    if (kind == 3 || kind == 5) {
        s.stem = FUS_STEM_CLIP;
        s.input_side = 64;
        s.stem_channels = 32;
        s.attn_grid = 4;
        s.attn_heads = 2 * 3; /* of 16 channels: less than a tile */
        s.attn_dim = 24;
        s.act = kind == 5 ? FUS_ACT_QUICKGELU : FUS_ACT_NONE;
    }
    if (kind >= 6) {
        s.kind = FUS_NET_VIT;
        s.act = kind == 6 ? FUS_ACT_QUICKGELU : FUS_ACT_GELU;
        s.input_side = kind == 6 ? 42 : 96; /* 145 tokens: more queries than are taken at once */
        s.vit = (struct fus_vit_spec){.patch = 14, .width = 96, .heads = 3, .n_blocks = 2, .clip = true, .dim = 40};
        if (kind == 7)
            s.vit = (struct fus_vit_spec){.patch = 8, .width = 80, .heads = 1, .n_blocks = 1, .layer_scale = true};
    }
    if (kind == 2) {
        s.bottleneck = false;
        s.lang_dim = 24;
        s.lang_hidden = 50;
        for (int i = 0; i < 3; i++)
            s.channels[i] = s.width[i];
    }
    return s;
}

static void test_bit_equal(void)
{
    static const char *const isa[] = {"scalar", "avx2", "avx512", "neon"};
    for (int kind = 0; kind < 8; kind++) {
        struct fus_net_spec s = small_spec(kind);
        struct expected e;
        expect(&e, &s);
        for (int direct = 0; direct < 2; direct++) {
            char digest[FUS_SHA256_HEX] = "";
            for (int i = 0; i < 4; i++) {
                check_against_reference(&e, isa[i], 1, 1, direct, digest);
                check_against_reference(&e, isa[i], 3, 2, direct, digest);
            }
        }
        forget(&e);
    }
}

/* Every tap of three pictures at once, or of one at a time. */
static void hold_all(struct held *h, const struct fus_net_spec *spec, const float *input,
                     const struct fus_net_options *options)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    size_t n = 3 * (size_t)spec->input_side * (size_t)spec->input_side;
    bool all[64];
    memset(all, 1, sizeof all);
    CHECK(fus_net_create(&net, spec, options, named_weights, NULL, &err) == FUS_OK);
    h->net = net;
    if (options->batch == 3)
        CHECK(fus_net_forward(net, input, 3, all, hold, h, &err) == FUS_OK);
    for (int p = 0; p < 3 && options->batch == 1; p++) {
        struct held one = {.net = net};
        CHECK(fus_net_forward(net, input + (size_t)p * n, 1, all, hold, &one, &err) == FUS_OK);
        for (int tap = 0; tap < fus_net_n_taps(net); tap++)
            h->values[tap][p] = one.values[tap][0];
    }
    fus_net_destroy(net);
}

/* Activations so large that blocks take a batch's pictures in turn (plan.h): the same bits. */
static void test_segments(int stem)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    struct fus_net_spec spec = small_spec(stem == FUS_STEM_CLIP ? 3 : 0);
    spec.input_side = 160, spec.stem_channels = 48, spec.channels[0] = 96, spec.attn_grid = 10;
    size_t n = 3 * (size_t)spec.input_side * (size_t)spec.input_side;
    float *input = fus_base_alloc(3 * n, sizeof *input);
    struct fus_rng r;
    fus_rng_seed(&r, 6);
    for (size_t i = 0; i < 3 * n; i++)
        input[i] = (float)fus_rng_normal(&r);
    struct held held[3] = {0};
    hold_all(&held[0], &spec, input, &(struct fus_net_options){.batch = 1});
    hold_all(&held[1], &spec, input, &(struct fus_net_options){.batch = 3});
    hold_all(&held[2], &spec, input, &(struct fus_net_options){.batch = 3, .batch_taps = true});
    CHECK(fus_net_create(&net, &spec, NULL, named_weights, NULL, &err) == FUS_OK);
    for (int tap = 0; tap < fus_net_n_taps(net); tap++) {
        const struct fus_tap *t = fus_net_tap(net, tap);
        size_t bytes = (size_t)t->channels * (size_t)t->height * (size_t)t->width * sizeof(float);
        for (int p = 0; p < 3; p++) {
            for (int way = 1; way < 3; way++) {
                CHECK_MSG(memcmp(held[0].values[tap][p], held[way].values[tap][p], bytes) == 0,
                          "%s, picture %d, way %d", t->name, p, way);
                free(held[way].values[tap][p]);
            }
            free(held[0].values[tap][p]);
        }
    }
    fus_net_destroy(net);
    fus_base_free(input);
}

static void test_taps(void)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    struct fus_net_spec s = small_spec(0);
    CHECK(fus_net_create(&net, &s, NULL, named_weights, NULL, &err) == FUS_OK);
    CHECK(fus_net_find_tap(net, "layer2.1.relu", &err) >= 0);
    CHECK(fus_net_find_tap(net, "layer2.1.relu", &err) == fus_net_find_tap(net, "layer2.1.relu3", &err));
    CHECK(fus_net_find_tap(net, "layer9.0.relu", &err) == -1);
    CHECK(strstr(err.msg, "'layer9.0.relu'") && strstr(err.msg, " layer3.0.relu "));
    CHECK(strcmp(fus_net_tap(net, 0)->name, "relu") == 0 && fus_net_tap(net, 0)->in_all);
    CHECK(fus_net_class_tap(net) == fus_net_n_taps(net) - 1);
    CHECK(fus_net_forward(net, NULL, 2, NULL, NULL, NULL, &err) == FUS_EINVAL);
    fus_net_destroy(net);
}

/* One unit of layer2.0.relu is silenced on the way; the layers behind must see it, those before
 * must not, and going on from a changed copy must give the same. */
struct silencing {
    int tap;
    size_t floats;
    float *copy;   /* [2, ...] of the tap */
    double sum[2]; /* of the stem's output, of the last tap */
    int last;
};

static int silence_one(void *context, int tap, int first, int n, float *blocked)
{
    struct silencing *s = context;
    for (int p = 0; p < n && tap == s->tap; p++)
        blocked[(size_t)p * s->floats + 35] = 3;
    if (tap == s->tap)
        memcpy(s->copy + (size_t)first * s->floats, blocked, (size_t)n * s->floats * sizeof *blocked);
    return FUS_OK;
}

static int add_up(void *context, int tap, int picture, const float *blocked)
{
    struct silencing *s = context;
    (void)picture;
    for (int i = 0; i < 16; i++)
        s->sum[tap == s->last] += blocked[i];
    return tap == 0 || tap == s->last ? FUS_OK : FUS_EINVAL;
}

static void test_watch(void)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    struct fus_net_spec spec = small_spec(0);
    const struct fus_net_options options = {.batch = 2};
    CHECK(fus_net_create(&net, &spec, &options, named_weights, NULL, &err) == FUS_OK);
    bool wanted[64] = {0}, none[64] = {0};
    struct silencing s = {.tap = fus_net_find_tap(net, "layer2.0.relu", &err), .last = fus_net_n_taps(net) - 1};
    const struct fus_tap *t = fus_net_tap(net, s.tap);
    s.floats = fus_tensor_blocked_size(t->channels, (size_t)(t->height * t->width));
    s.copy = fus_base_alloc(2 * s.floats, sizeof *s.copy);
    float *input = fus_base_alloc(2 * 3 * 40 * 40, sizeof *input);
    for (int i = 0; i < 2 * 3 * 40 * 40; i++)
        input[i] = (float)(i % 17) * 0.1f - 0.8f;
    double sums[3][2];
    wanted[0] = wanted[s.last] = none[s.last] = true;
    CHECK(fus_net_forward(net, input, 2, wanted, add_up, &s, &err) == FUS_OK);
    memcpy(sums[0], s.sum, sizeof s.sum);
    s.sum[0] = s.sum[1] = 0;
    fus_net_release(net);
    CHECK(fus_net_forward(net, input, 2, wanted, add_up, &s, &err) == FUS_OK);
    CHECK(memcmp(sums[0], s.sum, sizeof s.sum) == 0); /* as before it rested */
    s.sum[0] = s.sum[1] = 0;
    wanted[s.tap] = true;
    fus_net_watch(net, silence_one, &s);
    CHECK(fus_net_forward(net, input, 2, wanted, NULL, NULL, &err) == FUS_OK);
    wanted[s.tap] = false;
    fus_net_watch(net, NULL, NULL);
    CHECK(fus_net_can_continue(net, s.tap) &&
          !fus_net_can_continue(net, fus_net_find_tap(net, "layer2.0.relu1", &err)));
    fus_net_release(net);
    CHECK(fus_net_continue(net, s.tap, s.copy, 2, none, add_up, &s, &err) == FUS_OK);
    memcpy(sums[1], s.sum, sizeof s.sum);
    CHECK(sums[1][0] == 0 && sums[1][1] != sums[0][1]);
    CHECK(fus_net_continue(net, s.tap, s.copy, 3, none, add_up, &s, &err) == FUS_EINVAL);
    fus_net_destroy(net);
    fus_base_free(s.copy);
    fus_base_free(input);
}

/* A network in the caller's memory: the same bits, nothing written behind it, nothing allocated
 * after it is made. */
static void check_in_place(const struct fus_net_spec *spec, bool low_memory)
{
    enum { GUARD = 64 };
    struct fus_error err = {0};
    struct fus_net *net = NULL, *usual = NULL;
    struct fus_net_options options = {.batch = 2, .low_memory = low_memory};
    size_t bytes = 0, n = 2 * picture_floats(spec);
    CHECK(fus_net_measure(&bytes, spec, &options, &err) == FUS_OK && bytes > 0);
    uint8_t *memory = fus_base_aligned(bytes + GUARD, 1);
    float *input = fus_base_alloc(n, sizeof *input);
    memset(memory, 0xa5, bytes + GUARD);
    for (size_t i = 0; i < n; i++)
        input[i] = (float)(i % 23) * 0.1f - 1;
    CHECK(fus_net_create_in(&net, memory + 4, bytes, spec, &options, named_weights, NULL, &err) == FUS_EINVAL);
    CHECK(fus_net_create_in(&net, memory, bytes - 64, spec, &options, named_weights, NULL, &err) == FUS_ELIMIT &&
          strstr(err.msg, "needs"));
    CHECK_MSG(fus_net_create_in(&net, memory, bytes, spec, &options, named_weights, NULL, &err) == FUS_OK, "%s",
              err.msg);
    CHECK(fus_net_create(&usual, spec, &options, named_weights, NULL, &err) == FUS_OK);
    CHECK(net && fus_net_bytes(net) == fus_net_bytes(usual) && fus_net_bytes(net) <= bytes);
    struct held h = {.net = net}, want = {.net = usual};
    bool all[64];
    memset(all, 1, sizeof all);
    CHECK(fus_net_forward(usual, input, 2, all, hold, &want, &err) == FUS_OK);
    fus_base_fail_allocation(1);
    for (int round = 0; round < 2; round++) {
        CHECK(fus_net_forward(net, input, 2, all, hold, &h, &err) == FUS_OK);
        fus_net_release(net);
        for (int t = 0; t < fus_net_n_taps(net); t++) {
            const struct fus_tap *tap = fus_net_tap(net, t);
            size_t tap_bytes = (size_t)tap->channels * (size_t)tap->height * (size_t)tap->width * sizeof(float);
            for (int p = 0; p < 2; p++) {
                CHECK_MSG(memcmp(h.values[t][p], want.values[t][p], tap_bytes) == 0, "%s", tap->name);
                free(h.values[t][p]);
            }
        }
    }
    fus_base_fail_allocation(0);
    for (int i = 0; i < GUARD; i++)
        CHECK(memory[bytes + (size_t)i] == 0xa5);
    for (int t = 0; t < fus_net_n_taps(usual); t++)
        free(want.values[t][0]), free(want.values[t][1]);
    fus_net_destroy(usual);
    fus_net_destroy(net);
    fus_base_free(memory);
    fus_base_free(input);
}

static void test_in_place(void)
{
    for (int kind = 0; kind < 4; kind += 3)
        for (int low_memory = 0; low_memory < 2; low_memory++) {
            struct fus_net_spec spec = small_spec(kind);
            check_in_place(&spec, low_memory);
        }
}

static void test_allocation_failures(void)
{
    struct fus_error err = {0};
    struct fus_net_spec s = small_spec(0);
    int code = FUS_ENOMEM, n = 0;
    while (code && n < 100) {
        struct fus_net *net = NULL;
        fus_base_fail_allocation(++n);
        code = fus_net_create(&net, &s, NULL, named_weights, NULL, &err);
        fus_base_fail_allocation(0);
        if (code)
            CHECK(net == NULL && err.code != 0);
        fus_net_destroy(net);
    }
    CHECK(n > 5 && n < 100);
}

int main(void)
{
    test_bit_equal();
    test_segments(FUS_STEM_7X7);
    test_segments(FUS_STEM_CLIP);
    test_taps();
    test_watch();
    test_in_place();
    test_allocation_failures();
    return test_end();
}
