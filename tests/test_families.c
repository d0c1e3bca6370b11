/* SPDX-License-Identifier: MIT */
/* AlexNet, VGG and others: small networks of each kind as PyTorch saved them, every layer against
 * PyTorch's numbers (tests/golden/families.py), and the engine against the naive reference. */
#include <math.h>

#include "nn/nn.h"
#include "test.h"
#include "weights/weights.h"

enum { N_SAMPLES = 24 };

static const struct golden_layer {
    const char *file;
    int side;
    const char *tap;
    int shape[3];
    float most;
    float samples[N_SAMPLES];
} golden[] = {
#include "golden/families.inc"
};
enum { N_LAYERS = sizeof golden / sizeof *golden };

struct model {
    struct fus_store *store;
    struct fus_net_spec spec;
    struct fus_net *net;
};

static void open_model(struct model *m, const char *name, int side, bool direct)
{
    char path[80];
    struct fus_error err = {0};
    snprintf(path, sizeof path, "tests/golden/families_%s.pth", name);
    int code = fus_open_weights(&m->store, path, &err);
    if (!code)
        code = fus_names_recognise(&m->spec, m->store, NULL, &err);
    m->spec.input_side = side;
    const struct fus_net_options options = {.direct = direct};
    if (!code)
        code = fus_net_create(&m->net, &m->spec, &options, fus_store_lookup, m->store, &err);
    CHECK_MSG(code == FUS_OK, "%s", err.msg);
    if (code)
        exit(1);
}

static void close_model(struct model *m)
{
    fus_net_destroy(m->net);
    fus_store_close(m->store);
}

/* A picture that families.py has, too. */
static float *make_picture(int side)
{
    size_t n = 3 * (size_t)side * (size_t)side;
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 7919 % 1009) / 252.25f - 2;
    return x;
}

struct answers {
    const struct fus_net *net;
    const char *file;
    int n_seen;
    double worst;
};

static float at(const float *blocked, const struct fus_tap *t, size_t i)
{
    size_t places = (size_t)t->height * (size_t)t->width, c = i / places;
    return blocked[(c / 16 * places + i % places) * 16 + c % 16];
}

static int compare(void *context, int tap, int picture, const float *blocked)
{
    struct answers *a = context;
    const struct fus_tap *t = fus_net_tap(a->net, tap);
    size_t n = (size_t)t->channels * (size_t)t->height * (size_t)t->width;
    (void)picture;
    for (int i = 0; i < N_LAYERS; i++) {
        const struct golden_layer *g = &golden[i];
        double off = 0;
        if (strcmp(g->file, a->file) != 0 || strcmp(g->tap, t->name) != 0)
            continue;
        a->n_seen++;
        CHECK(t->channels == g->shape[0] && t->height == g->shape[1] && t->width == g->shape[2]);
        for (size_t k = 0; k < N_SAMPLES; k++)
            off = fmax(off, fabs((double)at(blocked, t, k * n / N_SAMPLES) - g->samples[k]) / g->most);
        CHECK_MSG(off <= 2e-6, "%s %s: off by %.3g", g->file, t->name, off);
        a->worst = fmax(a->worst, off);
    }
    return 0;
}

static void test_answers(const char *file, int side)
{
    struct model m = {0};
    struct fus_error err;
    bool wanted[100];
    int n_expected = 0;
    open_model(&m, file, side, false);
    float *x = make_picture(side);
    struct answers a = {.net = m.net, .file = file};
    for (int i = 0; i < 100; i++)
        wanted[i] = true;
    for (int i = 0; i < N_LAYERS; i++)
        n_expected += strcmp(golden[i].file, file) == 0;
    CHECK(fus_net_forward(m.net, x, 1, wanted, compare, &a, &err) == FUS_OK);
    CHECK_MSG(a.n_seen == n_expected, "%s: %d layers of %d", file, a.n_seen, n_expected);
    printf("%s: largest difference over largest number %.2g\n", file, a.worst);
    free(x);
    close_model(&m);
}

struct copy {
    const struct fus_net *net;
    float *to;
};

static int keep(void *context, int tap, int picture, const float *blocked)
{
    struct copy *c = context;
    const struct fus_tap *t = fus_net_tap(c->net, tap);
    (void)picture;
    for (size_t i = 0; i < (size_t)t->channels * (size_t)t->height * (size_t)t->width; i++)
        c->to[i] = at(blocked, t, i);
    return 0;
}

/* Without Winograd the engine has the reference's bits, in the last layer. */
static void test_reference(const char *file, int side)
{
    struct model m = {0};
    struct fus_error err;
    bool wanted[100] = {false};
    float engine[64] = {0}, reference[64] = {1};
    open_model(&m, file, side, true);
    int last = fus_net_class_tap(m.net);
    CHECK(last >= 0 && last < 100 && fus_net_tap(m.net, last)->channels <= 64);
    wanted[last] = true;
    float *x = make_picture(side);
    struct copy c = {m.net, engine};
    CHECK(fus_net_forward(m.net, x, 1, wanted, keep, &c, &err) == FUS_OK);
    CHECK(fus_reference_forward(reference, &m.spec, x, fus_net_tap(m.net, last)->name, fus_store_lookup, m.store,
                                &err) == FUS_OK);
    CHECK_MSG(memcmp(engine, reference, (size_t)fus_net_tap(m.net, last)->channels * sizeof *engine) == 0, "%s", file);
    free(x);
    close_model(&m);
}

int main(void)
{
    for (int i = 0; i < N_LAYERS; i++)
        if (i == 0 || strcmp(golden[i].file, golden[i - 1].file) != 0) {
            test_answers(golden[i].file, golden[i].side);
            test_reference(golden[i].file, golden[i].side);
        }
    return test_end();
}
