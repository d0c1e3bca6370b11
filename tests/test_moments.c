/* SPDX-License-Identifier: MIT */
/* moments.c against two passes in long double, and the same bits for any number of threads and
 * every instruction set. `test_moments bench` times it. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/analysis.h"

#include <time.h>

#include "nn/base/cpu.h"
#include "nn/base/rng.h"
#include "test.h"

static void test_against_two_passes(void)
{
    enum { UNITS = 37, PICTURES = 50 };
    static float x[PICTURES][UNITS];
    struct fus_moments m;
    struct fus_rng r;
    fus_rng_seed(&r, 5);
    CHECK(fus_moments_create(&m, 2, UNITS, NULL) == 0 && fus_moments_keep_third(&m, NULL) == 0);
    for (int u = 0; u < UNITS; u++)
        m.mean[u] = m.m2[u] = NAN; /* of no picture: neither read nor written */
    for (int i = 0; i < PICTURES; i++) {
        for (int u = 0; u < UNITS; u++)
            x[i][u] = (float)(1000.0 * u + exp(fus_rng_normal(&r)));
        fus_moments_add(&m, 1, x[i]);
    }
    CHECK(m.n[0] == 0 && m.n[1] == PICTURES);
    for (int u = 0; u < UNITS; u++) {
        long double sum = 0, m2 = 0, m3 = 0;
        for (int i = 0; i < PICTURES; i++)
            sum += x[i][u];
        for (int i = 0; i < PICTURES; i++)
            m2 += (x[i][u] - sum / PICTURES) * (x[i][u] - sum / PICTURES);
        CHECK(test_close(m.mean[UNITS + u], (double)(sum / PICTURES), 1e-15));
        for (int i = 0; i < PICTURES; i++)
            m3 += (x[i][u] - sum / PICTURES) * (x[i][u] - sum / PICTURES) * (x[i][u] - sum / PICTURES);
        CHECK(test_close(m.m2[UNITS + u], (double)m2, 1e-10));
        CHECK(test_close(m.m3[UNITS + u], (double)m3, 1e-10));
        CHECK(isnan(m.mean[u]) && isnan(m.m2[u]));
    }
    float constant[UNITS];
    for (int u = 0; u < UNITS; u++)
        constant[u] = 0.1f * (float)u;
    for (int i = 0; i < 7; i++)
        fus_moments_add(&m, 0, constant);
    for (int u = 0; u < UNITS; u++)
        CHECK(m.m2[u] == 0 && m.m3[u] == 0 && m.mean[u] == (double)constant[u]); /* constant units are exactly dead */
    fus_moments_destroy(&m);
    CHECK(!m.mean && !m.n && !m.m3);
}

static void test_threads(void)
{
    enum { UNITS = 40003 };
    static float x[UNITS];
    struct fus_moments a, b;
    struct fus_rng r;
    fus_rng_seed(&r, 6);
    CHECK(fus_moments_create(&a, 1, UNITS, NULL) == 0 && fus_moments_create(&b, 1, UNITS, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        for (int u = 0; u < UNITS; u++)
            x[u] = (float)fus_rng_normal(&r);
        fus_base_set_threads(1);
        fus_moments_add(&a, 0, x);
        fus_base_set_threads(3);
        fus_moments_add(&b, 0, x);
    }
    fus_base_set_threads(0);
    CHECK(memcmp(a.mean, b.mean, UNITS * sizeof *a.mean) == 0 && memcmp(a.m2, b.m2, UNITS * sizeof *a.m2) == 0);
    fus_moments_destroy(&a);
    fus_moments_destroy(&b);
}

/* Rows at once: the bits of one by one, in any order, with repeats. */
static void test_rows(void)
{
    enum { UNITS = 2500, ROWS = 12 };
    static float x[ROWS * UNITS];
    int group[ROWS];
    size_t order[20];
    struct fus_moments a, b;
    struct fus_rng r;
    fus_rng_seed(&r, 7);
    for (int i = 0; i < ROWS * UNITS; i++)
        x[i] = (float)fus_rng_normal(&r);
    for (int i = 0; i < ROWS; i++)
        group[i] = i * 5 % 3;
    for (int i = 0; i < 20; i++)
        order[i] = (size_t)fus_rng_below(&r, ROWS);
    CHECK(fus_moments_create(&a, 3, UNITS, NULL) == 0 && fus_moments_create(&b, 3, UNITS, NULL) == 0);
    CHECK(fus_moments_keep_third(&a, NULL) == 0 && fus_moments_keep_third(&b, NULL) == 0);
    for (int i = 0; i < ROWS; i++)
        fus_moments_add(&a, group[i], x + i * UNITS);
    for (int i = 0; i < 20; i++)
        fus_moments_add(&a, group[order[i]], x + order[i] * UNITS);
    fus_moments_add_rows(&b, x, group, NULL, ROWS);
    fus_moments_add_rows(&b, x, group, order, 20);
    CHECK(memcmp(a.mean, b.mean, 3 * UNITS * sizeof *a.mean) == 0 && memcmp(a.m2, b.m2, 3 * UNITS * sizeof *a.m2) == 0);
    CHECK(memcmp(a.m3, b.m3, 3 * UNITS * sizeof *a.m3) == 0);
    CHECK(a.n[0] == b.n[0] && a.n[1] == b.n[1] && a.n[2] == b.n[2]);
    fus_moments_destroy(&a);
    fus_moments_destroy(&b);
}

static void test_unblock(void)
{
    for (int channels = 1; channels <= 40; channels += 13) {
        size_t n_places = 6, blocks = ((size_t)channels + 15) / 16, n = blocks * n_places * 16;
        struct fus_moments m;
        CHECK(fus_moments_create(&m, 3, n, NULL) == 0 && fus_moments_keep_third(&m, NULL) == 0);
        for (int g = 0; g < 3; g++)
            for (size_t u = 0; u < n; u++) {
                size_t c = u / (16 * n_places) * 16 + u % 16, place = u / 16 % n_places;
                m.mean[(size_t)g * n + u] = (double)(g * 1000000 + (int)c * 1000 + (int)place);
                m.m2[(size_t)g * n + u] = 0.5 * m.mean[(size_t)g * n + u];
                m.m3[(size_t)g * n + u] = 0.25 * m.mean[(size_t)g * n + u];
            }
        CHECK(fus_moments_unblock(&m, channels, n_places, NULL) == 0);
        CHECK(m.n_units == (size_t)channels * n_places);
        bool right = true;
        for (int g = 0; g < 3; g++)
            for (int c = 0; c < channels; c++)
                for (size_t p = 0; p < n_places; p++) {
                    size_t i = (size_t)g * m.n_units + (size_t)c * n_places + p;
                    double want = (double)(g * 1000000 + c * 1000 + (int)p);
                    right = right && m.mean[i] == want && m.m2[i] == 0.5 * want && m.m3[i] == 0.25 * want;
                }
        CHECK(right);
        fus_moments_destroy(&m);
    }
}

static void test_refusals(void)
{
    struct fus_moments m;
    struct fus_error err;
    CHECK(fus_moments_bytes(5, 1000, false) == 5 * 1000 * 16 + 5 * sizeof(long));
    CHECK(fus_moments_bytes(5, 1000, true) == 5 * 1000 * 24 + 5 * sizeof(long));
    CHECK(fus_moments_bytes(5, SIZE_MAX / 8, false) == SIZE_MAX);
    CHECK(fus_moments_create(&m, 0, 1, &err) == FUS_EINVAL && fus_moments_create(&m, 1, 0, &err) == FUS_EINVAL);
    CHECK(fus_moments_create(&m, 2, SIZE_MAX / 2, &err) == FUS_ENOMEM);
    for (long n = 1; n <= 3; n++) {
        fus_base_fail_allocation(n);
        CHECK(fus_moments_create(&m, 2, 32, &err) == FUS_ENOMEM);
        fus_base_fail_allocation(0);
    }
    CHECK(fus_moments_create(&m, 2, 32, &err) == 0);
    fus_base_fail_allocation(1);
    CHECK(fus_moments_keep_third(&m, &err) == FUS_ENOMEM);
    fus_base_fail_allocation(0);
    CHECK(fus_moments_unblock(&m, 40, 2, &err) == FUS_EINVAL);
    fus_base_fail_allocation(1);
    CHECK(fus_moments_unblock(&m, 3, 2, &err) == FUS_ENOMEM);
    fus_base_fail_allocation(0);
    CHECK(fus_moments_unblock(&m, 3, 2, &err) == 0);
    fus_moments_destroy(&m);
}

/* The same bits from every row of the table of kernels: counts of units that leave a rest in
 * every vector width. */
static void test_kernels(void)
{
    enum { UNITS = 1071, ROWS = 21 };
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    static float x[ROWS * UNITS];
    struct fus_moments want = {0}, m;
    struct fus_rng r;
    int group[ROWS];
    fus_rng_seed(&r, 8);
    for (int i = 0; i < ROWS * UNITS; i++)
        x[i] = (float)(3 + fus_rng_normal(&r));
    for (int i = 0; i < ROWS; i++)
        group[i] = i < 19 ? i / 3 % 2 : 2;
    x[5] = INFINITY;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fus_error err;
        fus_cpu_set_isa(names[i]);
        int code = fus_moments_create(&m, 4, UNITS, &err);
        if (code) {
            CHECK(code == FUS_EUNSUPPORTED && strstr(err.msg, names[i]));
            SKIP(err.msg);
            continue;
        }
        CHECK(fus_moments_keep_third(&m, NULL) == 0);
        fus_moments_add_rows(&m, x, group, NULL, ROWS);
        for (int g = 0; g < 4; g++)
            fus_moments_merge_group(&m, 3, &m, g); /* 3: empty at first, and at last joined with itself */
        if (!want.mean) {
            want = m;
            continue;
        }
        CHECK(memcmp(want.n, m.n, 4 * sizeof *m.n) == 0 && memcmp(want.mean, m.mean, 4 * UNITS * sizeof *m.mean) == 0);
        CHECK(memcmp(want.m2, m.m2, 4 * UNITS * sizeof *m.m2) == 0);
        CHECK(memcmp(want.m3, m.m3, 4 * UNITS * sizeof *m.m3) == 0);
        fus_moments_destroy(&m);
    }
    fus_cpu_set_isa(NULL);
    CHECK(want.n[3] == 2 * ROWS);
    fus_moments_destroy(&want);
}

/* Parts joined are the whole, up to rounding; joined to nothing they are a copy, and nothing
 * joined changes nothing. */
static void test_merge(void)
{
    enum { UNITS = 5000, ROWS = 40 };
    static float x[ROWS * UNITS];
    struct fus_moments whole, parts;
    struct fus_rng r;
    fus_rng_seed(&r, 9);
    for (int i = 0; i < ROWS * UNITS; i++)
        x[i] = (float)(100 + fus_rng_normal(&r));
    CHECK(fus_moments_create(&whole, 1, UNITS, NULL) == 0 && fus_moments_create(&parts, 5, UNITS, NULL) == 0);
    CHECK(fus_moments_keep_third(&whole, NULL) == 0 && fus_moments_keep_third(&parts, NULL) == 0);
    for (int i = 0; i < ROWS; i++) {
        fus_moments_add(&whole, 0, x + (size_t)i * UNITS);
        fus_moments_add(&parts, i < 7 ? 0 : i < 8 ? 1 : 2, x + (size_t)i * UNITS);
    }
    fus_moments_merge_group(&parts, 4, &parts, 0);
    CHECK(parts.n[4] == 7 && memcmp(parts.mean, parts.mean + 4 * UNITS, UNITS * sizeof *parts.mean) == 0);
    CHECK(memcmp(parts.m2, parts.m2 + 4 * UNITS, UNITS * sizeof *parts.m2) == 0);
    CHECK(memcmp(parts.m3, parts.m3 + 4 * UNITS, UNITS * sizeof *parts.m3) == 0);
    fus_moments_merge_group(&parts, 4, &parts, 3);
    CHECK(parts.n[4] == 7 && memcmp(parts.mean, parts.mean + 4 * UNITS, UNITS * sizeof *parts.mean) == 0);
    fus_moments_merge_group(&parts, 4, &parts, 1);
    fus_moments_merge_group(&parts, 4, &parts, 2);
    CHECK(parts.n[4] == ROWS);
    for (int u = 0; u < UNITS; u++) {
        CHECK(test_close(parts.mean[4 * UNITS + u], whole.mean[u], 1e-15));
        CHECK(test_close(parts.m2[4 * UNITS + u], whole.m2[u], 1e-11));
        CHECK(fabs(parts.m3[4 * UNITS + u] - whole.m3[u]) <= 1e-10 * whole.m2[u]);
    }
    fus_moments_destroy(&whole);
    fus_moments_destroy(&parts);
}

/* Blocks added at once: the bits of a chain of their own that is merged, in every row of the
 * table of kernels; a response that is not finite is noticed. */
static void test_blocks(void)
{
    enum { UNITS = 2300, STRIDE = 2304, ROWS = 21 };
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    static float x[ROWS * STRIDE];
    struct fus_rng r;
    fus_rng_seed(&r, 10);
    for (int i = 0; i < ROWS * STRIDE; i++)
        x[i] = (float)(3 + fus_rng_normal(&r));
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        struct fus_moments whole, block, m;
        struct fus_error err;
        const bool third = i % 2;
        fus_cpu_set_isa(names[i / 2]);
        if (fus_moments_create(&m, 2, UNITS, &err)) {
            SKIP(err.msg);
            continue;
        }
        CHECK(fus_moments_create(&whole, 2, UNITS, NULL) == 0);
        CHECK(!third || (fus_moments_keep_third(&whole, NULL) == 0 && fus_moments_keep_third(&m, NULL) == 0));
        for (int row = 0, n = 2; row < ROWS; row += n, n = n == 2 ? 18 : 1) { /* 2, 18 and 1 rows */
            CHECK(fus_moments_create(&block, 1, UNITS, NULL) == 0 &&
                  (!third || fus_moments_keep_third(&block, NULL) == 0));
            for (int k = row; k < row + n; k++)
                fus_moments_add(&block, 0, x + (size_t)k * STRIDE);
            fus_moments_merge_group(&whole, 1, &block, 0);
            fus_moments_destroy(&block);
            CHECK(fus_moments_add_block(&m, 1, x + (size_t)row * STRIDE, STRIDE, (size_t)n));
        }
        CHECK(m.n[1] == ROWS && memcmp(m.mean + UNITS, whole.mean + UNITS, UNITS * sizeof *m.mean) == 0);
        CHECK(memcmp(m.m2 + UNITS, whole.m2 + UNITS, UNITS * sizeof *m.m2) == 0);
        CHECK(!third || memcmp(m.m3 + UNITS, whole.m3 + UNITS, UNITS * sizeof *m.m3) == 0);
        const float before = x[STRIDE + UNITS - 1];
        x[STRIDE + UNITS - 1] = i % 2 ? NAN : INFINITY;
        CHECK(!fus_moments_add_block(&m, 0, x, STRIDE, 3) && !fus_moments_add_block(&m, 1, x, STRIDE, 3));
        x[STRIDE + UNITS - 1] = before;
        fus_moments_destroy(&whole);
        fus_moments_destroy(&m);
    }
    fus_cpu_set_isa(NULL);
}

static double seconds(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bench(int rows, bool third)
{
    size_t n = 802816;
    struct fus_moments m;
    static int group[64];
    float *x = fus_base_alloc((size_t)rows * n, sizeof *x);
    if (!x || fus_moments_create(&m, 8, n, NULL) != 0 || (third && fus_moments_keep_third(&m, NULL)))
        return;
    double best = 1;
    for (int i = 0; i < 64; i++) { /* each time another group: the state comes from memory */
        for (int r = 0; r < rows; r++)
            group[r] = i % 8;
        double start = seconds();
        fus_moments_add_rows(&m, x, group, NULL, (size_t)rows);
        double s = (seconds() - start) / rows;
        best = i > 8 && s < best ? s : best;
    }
    printf("%d rows%s: %.3f ms a picture of %zu units, %.2f GB/s, %d threads\n", rows, third ? " with m3" : "",
           1e3 * best, n, (double)n * (4 + 32.0 / rows) * 1e-9 / best, fus_base_threads());
    fus_moments_destroy(&m);
    fus_base_free(x);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        for (int rows = 1; rows <= 16; rows *= 2)
            bench(rows, false), bench(rows, true);
        return 0;
    }
    test_against_two_passes();
    test_threads();
    test_rows();
    test_unblock();
    test_kernels();
    test_merge();
    test_blocks();
    test_refusals();
    return test_end();
}
