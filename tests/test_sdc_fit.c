/* SPDX-License-Identifier: MIT */
/* Decoders: the objective's gradient against central differences; fits against PyTorch in double
 * (golden/sdc_fit.py); the same bits for every instruction set, number of threads and
 * interruption. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/fit.h"

#include <unistd.h>

#include "analysis/sdc/loss.h"
#include "analysis/sdc/noise.h"
#include "golden_npz.h"
#include "nn/base/cpu.h"
#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"
#include "test.h"

#define TOLERANCE 1e-6 /* of weights up to 0.3, float against double */

enum { N = 96, V = 37, D = 16 };

/* ---- the objective ---- */

static void test_gradient(bool mask)
{
    enum { n = 6, voxels = 5, d = 4, step_inverse = 1 << 18 };
    static const int32_t image[n] = {0, 1, 2, 1, 0, 0};
    double w[voxels * d], b[d], x[n * voxels], y[n * d], dw[voxels * d], db[d], scratch[2 * n * d + 3 * n * n + d];
    const struct fus_sdc_batch batch = {n, voxels, d, w, b, x, y, mask ? image : NULL, 0.3};
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (int i = 0; i < voxels * d; i++)
        w[i] = fus_rng_normal(&r);
    for (int i = 0; i < n * voxels; i++)
        x[i] = fus_rng_normal(&r);
    for (int i = 0; i < d; i++)
        b[i] = fus_rng_normal(&r);
    for (int i = 0; i < n; i++) {
        double squares = 0;
        for (int j = 0; j < d; j++) {
            y[i * d + j] = fus_rng_normal(&r);
            squares += y[i * d + j] * y[i * d + j];
        }
        for (int j = 0; j < d; j++)
            y[i * d + j] /= sqrt(squares);
    }
    fus_sdc_loss(dw, db, &batch, scratch);
    for (int i = 0; i < voxels * d + d; i++) {
        double *at = i < voxels * d ? &w[i] : &b[i - voxels * d], kept = *at, up, down;
        double got = i < voxels * d ? dw[i] : db[i - voxels * d];
        *at = kept + 1.0 / step_inverse;
        up = fus_sdc_loss(NULL, NULL, &batch, scratch);
        *at = kept - 1.0 / step_inverse;
        down = fus_sdc_loss(NULL, NULL, &batch, scratch);
        *at = kept;
        CHECK_MSG(fabs(got - (up - down) * step_inverse / 2) < 1e-8, "number %d: %.12g, %.12g", i, got,
                  (up - down) * step_inverse / 2);
    }
}

/* ---- noise ---- */

static void test_noise(const struct golden *g)
{
    float table[FUS_SDC_NOISE_LEVELS], *x = calloc(5000, sizeof *x), *part = calloc(7, sizeof *part);
    const float *want = golden_array(g, "table", FUS_SDC_NOISE_LEVELS);
    double mean = 0, square = 0;
    fus_sdc_noise_table(table, 1);
    CHECK(memcmp(table, want, sizeof table) == 0);
    fus_sdc_noise_add(x, 5000, table, 5, 0, 1);
    fus_sdc_noise_add(part, 7, table, 5, 0, 1);
    CHECK(memcmp(x, part, 7 * sizeof *x) == 0);
    for (int i = 0; i < 5000; i++) {
        mean += x[i] / 5000;
        square += (double)x[i] * x[i] / 5000;
    }
    CHECK(fabs(mean) < 0.05 && fabs(square - 1) < 0.06);
    free(x);
    free(part);
}

/* ---- fits ---- */

struct small {
    struct fus_sdc_data *data;
    struct fus_sdc_embedding embedding;
    int32_t trials[N], image[N];
};

static void open_small(struct small *s, const struct golden *g, const char *name)
{
    const float *image = golden_array(g, "image", N);
    uint8_t split[N] = {0};
    uint8_t *usable = calloc(N, 1);
    memset(usable, 1, N);
    for (int i = 0; i < N; i++)
        s->trials[i] = i, s->image[i] = (int32_t)image[i];
    s->embedding = (struct fus_sdc_embedding){N, D, (float *)(uintptr_t)golden_array(g, "y", N * D), usable, ""};
    CHECK(fus_sdc_data_of_array(&s->data, name, golden_array(g, "x", N * V), N, V, N, s->image, split, NULL) == 0);
}

static void close_small(struct small *s)
{
    fus_sdc_data_close(s->data);
    free(s->embedding.usable);
}

static struct fus_sdc_fit *create(const struct small *s, const struct fus_sdc_fit_options *o)
{
    const struct fus_sdc_fit_source source = {s->data, &s->embedding, s->trials, s->image, N};
    struct fus_sdc_fit *f;
    CHECK(fus_sdc_fit_create(&f, &source, o, fus_sdc_fit_key(1, s->data->name, 0), NULL) == 0);
    return f;
}

static void go(struct fus_sdc_fit *f, int end, double *losses)
{
    double loss;
    while (fus_sdc_fit_steps(f) < end) {
        CHECK(fus_sdc_fit_step(f, &loss, NULL) == 0);
        if (losses)
            losses[fus_sdc_fit_steps(f) - 1] = loss;
    }
}

static double largest_difference(const float *a, const float *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs((double)a[i] - b[i]) > most ? fabs((double)a[i] - b[i]) : most;
    return most;
}

static const struct fus_sdc_fit_options plain = {10, 32, 1e-4, 0.03, 1, 0, false};

static void check_fit(const struct golden *g, const char *name, const char *suffix, struct fus_sdc_fit_options o)
{
    char key[32];
    double losses[300];
    float w[V * D], b[D];
    struct small s;
    open_small(&s, g, name);
    struct fus_sdc_fit *f = create(&s, &o);
    go(f, o.iterations, losses);
    fus_sdc_fit_result(w, b, f);
    snprintf(key, sizeof key, "w%s", suffix);
    double off = largest_difference(w, golden_array(g, key, V * D), V * D);
    CHECK_MSG(off <= TOLERANCE, "%s: weights are off by %.1e", suffix, off);
    snprintf(key, sizeof key, "b%s", suffix);
    off = largest_difference(b, golden_array(g, key, D), D);
    CHECK_MSG(off <= TOLERANCE, "%s: the bias is off by %.1e", suffix, off);
    if (o.tail == 0) {
        snprintf(key, sizeof key, "loss%s", suffix);
        const float *want = golden_array(g, key, (size_t)o.iterations);
        for (int t = 0; t < o.iterations; t++)
            CHECK_MSG(fabs(losses[t] - want[t]) < 1e-4, "%s: step %d: loss %.9g, %.9g expected", suffix, t, losses[t],
                      (double)want[t]);
    }
    fus_sdc_fit_destroy(f);
    close_small(&s);
}

static void test_golden(const struct golden *g)
{
    struct fus_sdc_fit_options o = plain;
    check_fit(g, "subj01", "10", o);
    o.rate = 1e-3, o.iterations = 300;
    check_fit(g, "subj01", "300", o);
    o.iterations = 50, o.tail = 0.5;
    check_fit(g, "subj02", "tail", o);
    o.iterations = 20, o.tail = 0, o.batch = 40, o.mask_same_image = true;
    check_fit(g, "subj01", "mask", o);
}

/* ---- the same bits ---- */

static void fit_small(float w[V * D], const struct small *s, const char *isa, int threads)
{
    struct fus_sdc_fit_options o = {30, 40, 1e-3, 0.03, 1, 0.5, true};
    float b[D];
    fus_cpu_set_isa(isa);
    fus_base_set_threads(threads);
    struct fus_sdc_fit *f = create(s, &o);
    go(f, o.iterations, NULL);
    fus_sdc_fit_result(w, b, f);
    fus_sdc_fit_destroy(f);
    fus_cpu_set_isa(NULL);
    fus_base_set_threads(1);
}

static void test_bits(const struct golden *g)
{
    static const char *const isas[] = {"avx2", "avx512", "neon"};
    float want[V * D], w[V * D];
    struct small s;
    open_small(&s, g, "subj01");
    fit_small(want, &s, "scalar", 1);
    fit_small(w, &s, "scalar", 3);
    CHECK(memcmp(w, want, sizeof w) == 0);
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        if (!fus_kernels_pick(isas[i], NULL))
            continue;
        fit_small(w, &s, isas[i], 2);
        CHECK_MSG(memcmp(w, want, sizeof w) == 0, "%s", isas[i]);
    }
    close_small(&s);
}

/* A state is saved, read by a new fit, and ends in the same bits; a damaged one is not read. */
static void test_state(const struct golden *g)
{
    char path[512];
    const char *folder = getenv("TMPDIR");
    const struct fus_sdc_fit_options o = {30, 40, 1e-3, 0.03, 1, 0.5, false};
    float want[V * D], w[V * D], b[D];
    struct small s;
    bool found;
    snprintf(path, sizeof path, "%s/fusiform-sdc-fit-%ld.state", folder ? folder : "/tmp", (long)getpid());
    open_small(&s, g, "subj01");
    struct fus_sdc_fit *f = create(&s, &o);
    CHECK(fus_sdc_fit_load(f, &found, path, NULL) == 0 && !found);
    go(f, 21, NULL);
    CHECK(fus_sdc_fit_save(f, path, NULL) == 0);
    go(f, 30, NULL);
    fus_sdc_fit_result(want, b, f);
    fus_sdc_fit_destroy(f);

    f = create(&s, &o);
    CHECK(fus_sdc_fit_load(f, &found, path, NULL) == 0 && found && fus_sdc_fit_steps(f) == 21);
    go(f, 30, NULL);
    fus_sdc_fit_result(w, b, f);
    CHECK(memcmp(w, want, sizeof w) == 0);
    fus_sdc_fit_destroy(f);

    FILE *file = fopen(path, "r+b");
    CHECK(file && fseek(file, -1000, SEEK_END) == 0 && fputc(77, file) == 77 && fputc(78, file) == 78 &&
          fclose(file) == 0);
    f = create(&s, &o);
    CHECK(fus_sdc_fit_load(f, &found, path, NULL) == 0 && !found && fus_sdc_fit_steps(f) == 0);
    go(f, 30, NULL);
    fus_sdc_fit_result(w, b, f);
    CHECK(memcmp(w, want, sizeof w) == 0);
    fus_sdc_fit_destroy(f);
    remove(path);
    close_small(&s);
}

/* Noise on the inputs takes weight from voxels without signal: those from D on. */
static void test_idle(void)
{
    enum { n = 300, voxels = 60 };
    static float x[n * voxels], y[n * D], w[voxels * D];
    static int32_t rows[n];
    static uint8_t split[n], usable[n];
    float b[D];
    double share[2];
    struct fus_sdc_data *data;
    struct fus_sdc_embedding e = {n, D, y, usable, ""};
    struct fus_rng r;
    fus_rng_seed(&r, 9);
    for (int i = 0; i < n; i++) {
        double squares = 0;
        for (int v = 0; v < voxels; v++)
            x[i * voxels + v] = (float)fus_rng_normal(&r);
        for (int j = 0; j < D; j++) {
            y[i * D + j] = x[i * voxels + j] + (float)fus_rng_normal(&r);
            squares += (double)y[i * D + j] * y[i * D + j];
        }
        for (int j = 0; j < D; j++)
            y[i * D + j] /= (float)sqrt(squares);
        rows[i] = i, usable[i] = 1;
    }
    CHECK(fus_sdc_data_of_array(&data, "s", x, n, voxels, n, rows, split, NULL) == 0);
    for (int noisy = 0; noisy < 2; noisy++) {
        const struct fus_sdc_fit_options o = {400, 64, 4e-3, 0.03, noisy, 0.5, false};
        const struct fus_sdc_fit_source source = {data, &e, rows, rows, n};
        double idle = 0, all = 0;
        struct fus_sdc_fit *f;
        CHECK(fus_sdc_fit_create(&f, &source, &o, 3, NULL) == 0);
        go(f, o.iterations, NULL);
        fus_sdc_fit_result(w, b, f);
        for (int i = 0; i < voxels * D; i++) {
            all += (double)w[i] * w[i];
            idle += i / D < D ? 0 : (double)w[i] * w[i];
        }
        share[noisy] = idle / all;
        fus_sdc_fit_destroy(f);
    }
    CHECK_MSG(share[1] < 0.65 * share[0], "%.3f, %.3f", share[0], share[1]);
    fus_sdc_data_close(data);
}

static void test_memory(const struct golden *g)
{
    struct small s;
    open_small(&s, g, "subj01");
    const struct fus_sdc_fit_source source = {s.data, &s.embedding, s.trials, s.image, N};
    for (long n = 1; n < 30; n++) {
        struct fus_sdc_fit *f;
        struct fus_error err = {0};
        fus_base_fail_allocation(n);
        int code = fus_sdc_fit_create(&f, &source, &plain, 1, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_OK || (code == FUS_ENOMEM && !f && err.msg[0]));
        fus_sdc_fit_destroy(f);
    }
    close_small(&s);
}

int main(void)
{
    struct golden g;
    fus_base_set_threads(1);
    test_gradient(false);
    test_gradient(true);
    if (!golden_open(&g, "tests/golden/sdc_fit.npz")) {
        CHECK(!"tests/golden/sdc_fit.npz");
        return test_end();
    }
    test_noise(&g);
    test_golden(&g);
    test_bits(&g);
    test_state(&g);
    test_idle();
    test_memory(&g);
    golden_close(&g);
    return test_end();
}
