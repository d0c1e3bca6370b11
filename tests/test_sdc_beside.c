/* SPDX-License-Identifier: MIT */
/* analysis/sdc/beside_*.c: DBSCAN within participants against golden labels of NumPy; spherical
 * k-means: planted groups, and a fixed point by plain loops. */
#include "analysis/sdc/beside.h"

#include "nn/base/rng.h"
#include "tests/golden/sdc_cluster.inc"
#include "tests/test.h"

enum { P = 4, EACH = 60, N = P * EACH, D = 24, K = 5 };

static struct fus_error err;

static void test_within(void)
{
    static float unit[GOLDEN_P * GOLDEN_N * GOLDEN_D];
    size_t first[GOLDEN_P + 1];
    const struct fus_sdc_vectors v = {GOLDEN_P, first, GOLDEN_P * GOLDEN_N, GOLDEN_D, unit};
    int found = 0;
    for (int s = 0; s <= GOLDEN_P; s++)
        first[s] = (size_t)(s * GOLDEN_N);
    for (size_t i = 0; i < v.n; i++)
        CHECK(fus_sdc_unit(unit + i * v.d, golden_w + i * v.d, v.d));
    for (int threads = 1; threads <= 3; threads += 2) {
        fus_base_set_threads(threads);
        for (int e = 0; e < GOLDEN_EPS; e++)
            for (int s = 0; s < GOLDEN_P; s++) {
                int32_t label[GOLDEN_N];
                int n;
                CHECK(fus_sdc_beside_within(label, &n, &v, s, GOLDEN_OTHERS, golden_eps[e], &err) == 0);
                found += n;
                for (int i = 0; i < GOLDEN_N; i++)
                    CHECK(label[i] == golden_within[e * (int)v.n + s * GOLDEN_N + i]);
            }
    }
    CHECK_MSG(found > 20, "%d clusters", found);
    fus_base_set_threads(0);
}

/* Groups around K directions, by voxel; one vector of length 0. */
static struct fus_sdc_vectors draw(float *unit, size_t *first, double noise)
{
    struct fus_rng r;
    float centre[K * D], w[D];
    fus_rng_seed(&r, 5);
    for (int i = 0; i < K * D; i++)
        centre[i] = (float)fus_rng_normal(&r);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++)
            w[j] = i == 7 ? 0 : centre[i % K * D + j] + (float)(noise * fus_rng_normal(&r));
        CHECK(fus_sdc_unit(unit + i * D, w, D));
    }
    for (int s = 0; s <= P; s++)
        first[s] = (size_t)s * EACH;
    return (struct fus_sdc_vectors){P, first, N, D, unit};
}

static double along(const float *u, const double *c)
{
    double sum = 0;
    for (int j = 0; j < D; j++)
        sum += u[j] * c[j];
    return sum;
}

/* Every centroid is the mean of its members, and every voxel has its nearest centroid. */
static void check_fixed_point(const struct fus_sdc_vectors *v, const int32_t *label, const double *centroid, int skip)
{
    for (int c = 0; c < K; c++) {
        double mean[D] = {0}, length = 0;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < D && label[i] == c; j++)
                mean[j] += v->unit[i * D + j];
        for (int j = 0; j < D; j++)
            length += mean[j] * mean[j];
        for (int j = 0; j < D && length > 0; j++)
            CHECK(fabs(centroid[c * D + j] - mean[j] / sqrt(length)) < 1e-12);
    }
    for (int i = 0; i < N; i++) {
        bool out = i == 7 || i / EACH == skip;
        CHECK((label[i] < 0) == out);
        for (int c = 0; c < K && !out; c++)
            CHECK(along(v->unit + i * D, centroid + c * D) <= along(v->unit + i * D, centroid + label[i] * D) + 1e-6);
    }
}

static void test_means(void)
{
    static float unit[N * D];
    static int32_t label[N], again[N], planted[N];
    static double centroid[K * D], other[K * D];
    size_t first[P + 1];
    struct fus_sdc_vectors v = draw(unit, first, 0.3);
    for (int i = 0; i < N; i++)
        planted[i] = i == 7 ? -1 : i % K;
    fus_base_set_threads(3);
    CHECK(fus_sdc_beside_means(label, centroid, &v, K, -1, 1, &err) == 0);
    fus_base_set_threads(1);
    CHECK(fus_sdc_beside_means(again, other, &v, K, -1, 1, &err) == 0);
    CHECK(memcmp(label, again, sizeof label) == 0 && memcmp(centroid, other, sizeof centroid) == 0);
    CHECK(fus_sdc_rand(label, planted, N) == 1);
    v = draw(unit, first, 1.5); /* groups that overlap */
    CHECK(fus_sdc_beside_means(label, centroid, &v, K, -1, 2, &err) == 0);
    check_fixed_point(&v, label, centroid, -1);
    CHECK(fus_sdc_beside_means(label, centroid, &v, K, 2, 1, &err) == 0);
    check_fixed_point(&v, label, centroid, 2);
    fus_base_set_threads(0);
}

static void test_memory(void)
{
    static float unit[N * D];
    static int32_t label[N];
    static double centroid[K * D];
    size_t first[P + 1];
    struct fus_sdc_vectors v = draw(unit, first, 0.3);
    int code = 1, n;
    fus_base_set_threads(1);
    for (long fail = 1; fail < 400 && code; fail++) {
        fus_base_fail_allocation(fail);
        code = fus_sdc_beside_means(label, centroid, &v, K, -1, 1, &err);
        if (!code)
            code = fus_sdc_beside_within(label, &n, &v, 1, 3, 0.3, &err);
        fus_base_fail_allocation(0);
        CHECK(code == 0 || code == FUS_ENOMEM);
    }
    CHECK(code == 0);
    fus_base_set_threads(0);
}

int main(void)
{
    test_within();
    test_means();
    test_memory();
    return test_end();
}
