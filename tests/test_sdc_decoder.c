/* SPDX-License-Identifier: MIT */
/* Decoders applied, patterns and ridge regression: against NumPy (golden/sdc_fit.py), and against
 * the normal equations at sizes of several blocks. */
#include "analysis/sdc/decoder.h"
#include "analysis/sdc/ridge.h"
#include "golden_npz.h"
#include "nn/base/rng.h"
#include "test.h"

enum { N = 96, V = 37, D = 16 };

static double worst(const float *a, const float *b, size_t n)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i] - b[i]));
        largest = fmax(largest, fabs(b[i]));
    }
    return most / largest;
}

static void test_golden(const struct golden *g)
{
    static float z[N * D], pattern[V * D], w[V * D], b[D];
    const float *x = golden_array(g, "x", N * V), *want_w = golden_array(g, "w300", V * D),
                *want_b = golden_array(g, "b300", D);
    int32_t rows[N];
    uint8_t split[N] = {0};
    struct fus_sdc_data *data;
    struct fus_sdc_embedding e = {N, D, (float *)(uintptr_t)golden_array(g, "y", N * D), NULL, ""};
    double off = 0;
    for (int i = 0; i < N; i++)
        rows[i] = i;
    CHECK(fus_sdc_data_of_array(&data, "s", x, N, V, N, rows, split, NULL) == 0);
    const struct fus_sdc_decoder decoder = {V, D, want_w, want_b};
    CHECK(fus_sdc_decoder_apply(z, &decoder, data, rows, N, NULL) == 0);
    for (int i = 0; i < N * D; i++) {
        double sum = want_b[i % D];
        for (int v = 0; v < V; v++)
            sum += (double)x[i / D * V + v] * want_w[v * D + i % D];
        off = fmax(off, fabs(z[i] - sum));
    }
    CHECK_MSG(off < 1e-5, "%.1e", off);
    CHECK(fus_sdc_decoder_pattern(pattern, z, D, data, rows, N, NULL) == 0);
    CHECK_MSG(worst(pattern, golden_array(g, "pattern", V * D), V * D) < 1e-5, "%.1e",
              worst(pattern, golden_array(g, "pattern", V * D), V * D));
    static const char *const names[] = {"ridge_primal", "ridge_dual"};
    for (int dual = 0; dual < 2; dual++) {
        const struct fus_sdc_fit_source source = {data, &e, rows, rows, dual ? 20 : N};
        struct fus_sdc_ridge *r;
        CHECK(fus_sdc_ridge_open(&r, &source, NULL) == 0 && fus_sdc_ridge_solve(w, b, r, 10, NULL) == 0);
        off = worst(w, golden_array(g, names[dual], V * D), V * D);
        CHECK_MSG(off < 1e-5, "%s: %.1e", names[dual], off);
        fus_sdc_ridge_close(r);
    }
    fus_sdc_data_close(data);
}

/* (X'X + a I) W = X'Y with centred X and Y, or what follows from it for the dual: both ways give
 * one W. */
static void test_large(size_t n, size_t voxels)
{
    enum { d = 5 };
    const double alpha = 30;
    float *x = malloc(n * voxels * sizeof *x), *y = malloc(n * d * sizeof *y), *w = malloc(voxels * d * sizeof *w),
          b[d];
    int32_t *rows = malloc(n * sizeof *rows);
    uint8_t *split = calloc(n, 1);
    double *mean = calloc(voxels + d, sizeof *mean), *residual = malloc(n * d * sizeof *residual), off = 0, largest = 0;
    struct fus_sdc_data *data;
    struct fus_sdc_ridge *r;
    struct fus_rng g;
    fus_rng_seed(&g, 3);
    for (size_t i = 0; i < n * voxels; i++)
        x[i] = (float)(fus_rng_normal(&g) + 0.3);
    for (size_t i = 0; i < n * d; i++)
        y[i] = (float)fus_rng_normal(&g) + x[i / d * voxels + i % d];
    for (size_t i = 0; i < n; i++) {
        rows[i] = (int32_t)i;
        for (size_t v = 0; v < voxels; v++)
            mean[v] += x[i * voxels + v] / (double)n;
        for (size_t j = 0; j < d; j++)
            mean[voxels + j] += y[i * d + j] / (double)n;
    }
    struct fus_sdc_embedding e = {n, d, y, NULL, ""};
    CHECK(fus_sdc_data_of_array(&data, "s", x, n, voxels, n, rows, split, NULL) == 0);
    const struct fus_sdc_fit_source source = {data, &e, rows, rows, n};
    CHECK(fus_sdc_ridge_open(&r, &source, NULL) == 0 && fus_sdc_ridge_solve(w, b, r, alpha, NULL) == 0);
    for (size_t i = 0; i < n * d; i++) { /* y - x w - b, of centred x the same as of centred both */
        residual[i] = y[i] - (double)b[i % d];
        for (size_t v = 0; v < voxels; v++)
            residual[i] -= (double)x[i / d * voxels + v] * w[v * d + i % d];
    }
    for (size_t v = 0; v < voxels; v++) /* a W = X' (Y - X W) */
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += (x[i * voxels + v] - mean[v]) * residual[i * d + j];
            off = fmax(off, fabs(sum - alpha * w[v * d + j]));
            largest = fmax(largest, alpha * fabs(w[v * d + j]));
        }
    CHECK_MSG(off < 2e-3 * largest, "%zu trials, %zu voxels: %.1e of %.1e", n, voxels, off, largest);
    fus_sdc_ridge_close(r);
    fus_sdc_data_close(data);
    void *const blocks[] = {x, y, w, rows, split, mean, residual};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

int main(void)
{
    struct golden g;
    if (!golden_open(&g, "tests/golden/sdc_fit.npz")) {
        CHECK(!"tests/golden/sdc_fit.npz");
        return test_end();
    }
    test_golden(&g);
    test_large(400, 347);
    test_large(170, 200);
    golden_close(&g);
    return test_end();
}
