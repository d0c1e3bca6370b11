/* SPDX-License-Identifier: MIT */
/* Transformers against PyTorch in float64 (golden/transformer.py): texts, CLIP's image tower and a
 * plain ViT; the text tower against the naive loops to the bit, on every instruction set, with any
 * threads, neighbours and memory. */
#include "nn/base/rng.h"
#include "tests/test.h"
#include "tests/transformer.h"

#define TOLERANCE 1e-5 /* of the largest number: ten times what float32 costs PyTorch itself */

static const struct expected {
    const char *kind, *tap;
    int step, n;
    double most, values[160];
} expected[] = {
#include "golden/transformer.inc"
};

static const int texts[4][T_CONTEXT] = {
    {48, 3, 17, 5, 49},
    {48, 49},
    {48, 1, 8, 15, 22, 29, 36, 43, 2, 9, 16, 23, 30, 37, 44, 3, 10, 17, 24, 49},
    {48, 30, 2, 49, 5, 5},
};
static const int lengths[] = {5, 2, 20, 6};

static double worst;

static void compare(const struct expected *e, const float *got)
{
    double off = 0;
    for (int i = 0; i < e->n; i++)
        off = fmax(off, fabs((double)got[i * e->step] - e->values[i]) / e->most);
    worst = fmax(worst, off);
    CHECK_MSG(off <= TOLERANCE, "%s, %s: off by %.2g of the largest number", e->kind, e->tap, off);
}

/* ---- text ---- */

static void embed(float *out, const struct fus_tower_spec *spec, const struct fus_tower_options *o, const int *which,
                  size_t n)
{
    struct fus_tower *t = NULL;
    struct fus_error err = {0};
    int *ids = fus_base_alloc(n * T_CONTEXT, sizeof *ids), *first = fus_base_alloc(n + 1, sizeof *first);
    for (size_t i = 0; i < n; i++) {
        memcpy(ids + first[i], texts[which[i]], (size_t)lengths[which[i]] * sizeof *ids);
        first[i + 1] = first[i] + lengths[which[i]];
    }
    CHECK_MSG(fus_tower_create(&t, spec, o, transformer_get, transformer_row, NULL, &err) == FUS_OK, "%s", err.msg);
    CHECK_MSG(fus_tower_embed(out, t, ids, first, n, &err) == FUS_OK, "%s", err.msg);
    fus_tower_destroy(t);
    fus_base_free(ids);
    fus_base_free(first);
}

static void test_values(enum fus_act act, const char *kind)
{
    struct fus_tower_spec spec = transformer_text(act);
    static const int all[] = {0, 1, 2, 3};
    float out[4 * T_DIM], want[T_DIM];
    embed(out, &spec, NULL, all, 4);
    for (int i = 0; i < 4; i++) {
        struct fus_error err = {0};
        size_t n = i == 3 ? 4 : (size_t)lengths[i]; /* the last one goes on after its end token */
        CHECK(fus_reference_text(want, &spec, texts[i], n, transformer_get, transformer_row, NULL, &err) == FUS_OK);
        CHECK_MSG(memcmp(want, out + i * T_DIM, sizeof want) == 0, "%s: text %d differs from the naive loops", kind, i);
        for (size_t e = 0; e < sizeof expected / sizeof *expected; e++)
            if (strcmp(expected[e].kind, kind) == 0 && expected[e].tap[0] == '0' + i)
                compare(&expected[e], out + i * T_DIM);
    }
}

/* A text alone, among others in another order, in several passes. */
static void test_bits(void)
{
    enum { MANY = 3000 }; /* more than a chunk of 8192 tokens */
    static const char *const isa[] = {"scalar", "avx2", "avx512", "neon"};
    struct fus_tower_spec spec = transformer_text(FUS_ACT_QUICKGELU);
    int *which = fus_base_alloc(MANY, sizeof *which);
    float *out = fus_base_alloc(MANY * T_DIM, sizeof *out), want[4][T_DIM];
    spec.n_blocks = 1;
    fus_base_set_threads(1);
    for (int i = 0; i < 4; i++)
        embed(want[i], &spec, NULL, &i, 1);
    for (size_t i = 0; i < MANY; i++)
        which[i] = (int)((i * 7 + i / 5) % 4);
    for (int k = 0; k < 4; k++) {
        struct fus_error err = {0};
        size_t n = k == 2 ? MANY : 300, wrong = 0;
        struct fus_tower_options o = {.isa = isa[k], .low_memory = k == 2};
        struct fus_tower *t = NULL;
        int code = fus_tower_create(&t, &spec, &o, transformer_get, transformer_row, NULL, &err);
        fus_tower_destroy(t);
        if (code == FUS_EUNSUPPORTED && strstr(err.msg, "FUS_ISA")) {
            SKIP(isa[k]);
            continue;
        }
        fus_base_set_threads(1 + k);
        embed(out, &spec, &o, which, n);
        for (size_t i = 0; i < n; i++)
            wrong += memcmp(out + i * T_DIM, want[which[i]], sizeof *want) != 0;
        CHECK_MSG(wrong == 0, "%s: %zu of %zu differ", isa[k], wrong, n);
    }
    fus_base_set_threads(2);
    fus_base_free(which);
    fus_base_free(out);
}

static void test_refusals(void)
{
    struct fus_tower_spec spec = transformer_text(FUS_ACT_GELU), wrong = spec;
    struct fus_tower *t = NULL;
    struct fus_error err = {0};
    float out[T_DIM];
    int ids[T_CONTEXT + 1] = {0}, first[2] = {0, T_CONTEXT + 1};
    CHECK(fus_tower_create(&t, &spec, NULL, transformer_get, transformer_row, NULL, &err) == FUS_OK);
    CHECK(fus_tower_embed(out, t, ids, first, 1, &err) == FUS_EINVAL && strstr(err.msg, "21 tokens, 1 to 20"));
    first[1] = 0;
    CHECK(fus_tower_embed(out, t, ids, first, 1, &err) == FUS_EINVAL && strstr(err.msg, "0 tokens"));
    first[1] = 1;
    ids[0] = T_TOKENS;
    CHECK(fus_tower_embed(out, t, ids, first, 1, &err) == FUS_EINVAL && strstr(err.msg, "token 50, 0 to 49"));
    CHECK(fus_tower_embed(out, t, ids, first, 0, &err) == FUS_OK);
    fus_tower_destroy(t);
    wrong.act = FUS_ACT_NONE;
    CHECK(fus_tower_create(&t, &wrong, NULL, transformer_get, transformer_row, NULL, &err) == FUS_EUNSUPPORTED);
    wrong = spec;
    wrong.heads = 5;
    CHECK(fus_tower_create(&t, &wrong, NULL, transformer_get, transformer_row, NULL, &err) == FUS_EUNSUPPORTED);
}

/* ---- image ---- */

struct seen {
    const struct fus_net *net;
    const char *kind;
    int n;
};

static int compare_tap(void *context, int tap, int picture, const float *blocked)
{
    struct seen *s = context;
    const struct fus_tap *t = fus_net_tap(s->net, tap);
    size_t places = (size_t)t->height * (size_t)t->width;
    float *x = fus_base_alloc((size_t)t->channels * places, sizeof *x);
    (void)picture;
    fus_tensor_unblock(x, blocked, t->channels, places);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (strcmp(expected[i].kind, s->kind) == 0 && strcmp(expected[i].tap, t->name) == 0) {
            compare(&expected[i], x);
            s->n++;
        }
    fus_base_free(x);
    return FUS_OK;
}

static void test_image(const char *kind, bool clip, bool scaled, int n_taps)
{
    struct fus_net_spec spec = transformer_image(clip, scaled);
    struct fus_net *net = NULL;
    struct fus_error err = {0};
    float picture[3 * T_SIDE * T_SIDE];
    bool all[64];
    memset(all, 1, sizeof all);
    transformer_picture(picture);
    CHECK_MSG(fus_net_create(&net, &spec, NULL, transformer_get, NULL, &err) == FUS_OK, "%s", err.msg);
    struct seen s = {net, kind, 0};
    CHECK(fus_net_forward(net, picture, 1, all, compare_tap, &s, &err) == FUS_OK);
    CHECK_MSG(s.n == n_taps, "%s: %d taps compared", kind, s.n);
    fus_net_destroy(net);
}

static void test_names_of_taps(void)
{
    static const char *const names[][2] = {{"transformer.resblocks.1", "blocks.1"},
                                           {"encoder.layers.encoder_layer_0", "blocks.0"},
                                           {"vision_model.encoder.layers.1", "blocks.1"},
                                           {"visual.ln_post", "ln_post"},
                                           {"norm", "ln_post"},
                                           {"blocks.1.mlp.act", "blocks.1.mlp"},
                                           {"transformer.resblocks.0.mlp.gelu", "blocks.0.mlp"},
                                           {"visual_projection", "proj"},
                                           {"ln_pre", "tokens"}};
    struct fus_net_spec spec = transformer_image(true, false);
    struct fus_net *net = NULL;
    struct fus_error err = {0};
    CHECK(fus_net_create(&net, &spec, NULL, transformer_get, NULL, &err) == FUS_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_MSG(fus_net_find_tap(net, names[i][0], &err) >= 0 &&
                      fus_net_find_tap(net, names[i][0], &err) == fus_net_find_tap(net, names[i][1], &err),
                  "%s", names[i][0]);
    CHECK(fus_net_find_tap(net, "blocks.2", &err) == -1 && strstr(err.msg, " blocks.1.class "));
    int stream = fus_net_find_tap(net, "blocks.0", NULL), mlp = fus_net_find_tap(net, "blocks.0.mlp", NULL);
    CHECK(fus_net_tap(net, stream)->in_all && fus_net_tap(net, stream)->is_signed &&
          fus_net_tap(net, stream)->is_stream);
    CHECK(!fus_net_tap(net, mlp)->in_all && fus_net_tap(net, mlp)->is_signed && !fus_net_tap(net, mlp)->is_stream);
    CHECK(!fus_net_can_continue(net, stream));
    CHECK(strcmp(fus_net_tap(net, fus_net_embedding_tap(net))->name, "proj") == 0 && fus_net_class_tap(net) == -1);
    fus_net_destroy(net);
}

int main(void)
{
    test_values(FUS_ACT_QUICKGELU, "text quickgelu");
    test_values(FUS_ACT_GELU, "text gelu");
    test_bits();
    test_refusals();
    test_image("clip", true, false, 9);
    test_image("scaled", true, true, 1);
    test_image("plain", false, false, 3);
    test_names_of_taps();
    printf("largest error: %.2g of the largest number\n", worst);
    return test_end();
}
