/* SPDX-License-Identifier: MIT */
/* Pixels and Gabor filters as models (nn/baseline.c, weights/baseline.c) against formulas written
 * here with the C library's functions; the engine against naive loops. */
#include "test.h"

#include "nn/base/rng.h"
#include "weights/weights.h"

enum { SIDE = 64 };
static float input[3 * SIDE * SIDE];

struct taken {
    const struct fus_net *net;
    int tap;
    float *out;
};

static int take(void *context, int tap, int picture, const float *blocked)
{
    const struct taken *t = context;
    const struct fus_tap *of = fus_net_tap(t->net, tap);
    (void)picture;
    if (tap == t->tap)
        fus_tensor_unblock(t->out, blocked, of->channels, (size_t)of->height * (size_t)of->width);
    return FUS_OK;
}

/* The tap's output [C, H, W] by the engine, in new memory; it equals the naive network's. */
static float *run_model(const char *path, const char *tap, struct fus_tap *shape)
{
    struct fus_store *store = NULL;
    struct fus_net_spec spec;
    struct fus_net *net = NULL;
    struct fus_error err = {0};
    bool wanted[16] = {false};
    CHECK_MSG(fus_open_weights(&store, path, &err) == FUS_OK, "%s", err.msg);
    CHECK(fus_names_recognise(&spec, store, NULL, &err) == FUS_OK);
    CHECK_MSG(fus_net_create(&net, &spec, NULL, fus_store_lookup, store, &err) == FUS_OK, "%s", err.msg);
    int at = fus_net_find_tap(net, tap, &err);
    CHECK_MSG(at >= 0 && fus_net_n_taps(net) <= 16, "%s", err.msg);
    *shape = *fus_net_tap(net, at);
    size_t n = (size_t)shape->channels * (size_t)shape->height * (size_t)shape->width;
    float *out = calloc(n, sizeof *out), *naive = calloc(n, sizeof *naive);
    struct taken t = {net, at, out};
    wanted[at] = true;
    CHECK(fus_net_forward(net, input, 1, wanted, take, &t, &err) == FUS_OK);
    CHECK(fus_reference_forward(naive, &spec, input, tap, fus_store_lookup, store, &err) == FUS_OK);
    CHECK(memcmp(out, naive, n * sizeof *out) == 0);
    free(naive);
    fus_net_destroy(net);
    fus_store_close(store);
    return out;
}

static void test_pixels(void)
{
    struct fus_tap shape;
    float *out = run_model("pixels:64", "pixels", &shape);
    CHECK(shape.channels == 3 && shape.height == SIDE && shape.width == SIDE && shape.in_all);
    CHECK(memcmp(out, input, sizeof input) == 0);
    free(out);
}

/* Luminance at scale `halvings`, by averaging; 0 outside. */
static double luminance(int halvings, int y, int x)
{
    int size = 1 << halvings, side = SIDE >> halvings;
    double sum = 0;
    if (y < 0 || x < 0 || y >= side || x >= side)
        return 0;
    for (int i = 0; i < size * size; i++) {
        int at = (y * size + i / size) * SIDE + x * size + i % size;
        sum += 0.299 * input[at] + 0.587 * input[SIDE * SIDE + at] + 0.114 * input[2 * SIDE * SIDE + at];
    }
    return sum / (size * size);
}

static double filter(double *g, int orientation, int phase)
{
    const double pi = 3.14159265358979323846;
    double sum = 0, all = 0, size = 0, a = pi * orientation / 8;
    for (int i = 0; i < 49; i++) {
        double x = i % 7 - 3, y = i / 7 - 3, e = exp(-(x * x + y * y) / 6.48);
        g[i] = e * cos(2 * pi * (x * cos(a) + y * sin(a)) / 4 + pi * phase / 2);
        sum += g[i], all += e;
    }
    for (int i = 0; i < 49; i++) {
        double x = i % 7 - 3, y = i / 7 - 3;
        g[i] -= exp(-(x * x + y * y) / 6.48) * sum / all;
        size += fabs(g[i]);
    }
    return size;
}

static double simple_cell(int halvings, int orientation, int phase, int y, int x)
{
    double g[49], size = filter(g, orientation, phase), sum = 0;
    for (int i = 0; i < 49; i++)
        sum += g[i] / size * luminance(halvings, 2 * y - 3 + i / 7, 2 * x - 3 + i % 7);
    return sum > 0 ? sum : 0;
}

static void test_gabor(int halvings, const char *complex, const char *simple)
{
    struct fus_tap shape;
    int side = SIDE >> (halvings + 1), places = side * side;
    double worst = 0;
    float *out = run_model("gabor:64", complex, &shape);
    CHECK(shape.channels == 8 && shape.height == side && shape.width == side && shape.in_all);
    for (int k = 0; k < 8; k++)
        for (int at = 0; at < places; at += 7) {
            double sum = 0;
            for (int phase = 0; phase < 4; phase++)
                sum += simple_cell(halvings, k, phase, at / side, at % side);
            worst = fmax(worst, fabs(sum - out[k * places + at]));
        }
    CHECK_MSG(worst < 2e-5, "%s: %g", complex, worst); /* float sums, and the norm's 1 / sqrt(1 + 1e-5) */
    free(out);
    out = run_model("gabor:64", simple, &shape);
    CHECK(shape.channels == 32 && !shape.in_all);
    for (int k = 0; k < 32; k++)
        worst = fmax(worst, fabs(simple_cell(halvings, k / 4, k % 4, 1, 2) - out[k * places + side + 2]));
    CHECK_MSG(worst < 2e-5, "%s: %g", simple, worst);
    free(out);
}

static void test_refused(void)
{
    static const char *const bad[][2] = {{"pixels:0", "a side of 1 to 4096"},
                                         {"pixels:x", "as in pixels:32"},
                                         {"gabor:5000", "as in gabor:128"},
                                         {"gabor:100", "multiples of 32 from 64"},
                                         {"gabor:32", "multiples of 32 from 64"}};
    struct fus_store *store;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fus_error err = {0};
        CHECK(fus_open_weights(&store, bad[i][0], &err) != FUS_OK && strstr(err.msg, bad[i][1]));
    }
    CHECK(fus_open_is_file("pixel:32") && !fus_open_is_file("pixels") && !fus_open_is_file("gabor:64"));
}

int main(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 9);
    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        input[i] = (float)(2 * fus_rng_uniform(&rng) - 1);
    test_pixels();
    test_gabor(0, "cycles16", "cycles16.simple");
    test_gabor(3, "cycles2", "cycles2.simple");
    test_refused();
    return test_end();
}
