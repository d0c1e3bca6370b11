/* SPDX-License-Identifier: MIT */
/* analysis/units/similarity.c: intervals, p and ceiling of the correlation of dissimilarities. */
#include "test.h"

#include "analysis/inference.h"
#include "nn/base/rng.h"

enum { N = 40, PAIRS = N * (N - 1) / 2, UNITS = 700 };
static float first[N * UNITS], second[N * UNITS];
static double a[PAIRS], b[PAIRS];
static int category[N];

/* Two layers that see the same eight hidden variables with noise; share 0: unrelated ones. */
static void make(double share, double noise)
{
    struct fus_rng rng;
    double hidden[2][N][8];
    fus_rng_seed(&rng, 12);
    for (int i = 0; i < 2 * N * 8; i++)
        hidden[i / (N * 8)][i / 8 % N][i % 8] = fus_rng_normal(&rng);
    for (int u = 0; u < UNITS; u++) {
        double w[2][8];
        for (int k = 0; k < 16; k++)
            w[k / 8][k % 8] = fus_rng_normal(&rng);
        for (int i = 0; i < N; i++) {
            double x = 0, y = 0;
            for (int k = 0; k < 8; k++) {
                x += w[0][k] * hidden[0][i][k];
                y += w[1][k] * (share * hidden[0][i][k] + (1 - share) * hidden[1][i][k]);
            }
            first[i * UNITS + u] = (float)(x + noise * fus_rng_normal(&rng));
            second[i * UNITS + u] = (float)(y + noise * fus_rng_normal(&rng));
            category[i] = 0;
        }
    }
    CHECK(fus_consistency_rdm(a, first, N, UNITS, NULL) == FUS_OK);
    CHECK(fus_consistency_rdm(b, second, N, UNITS, NULL) == FUS_OK);
}

static struct fus_similarity test(size_t resamples, size_t permutations)
{
    const struct fus_responses pictures = {.category = category, .n_images = N};
    const struct fus_similarity_plan plan = {&pictures, resamples, permutations, 3, 0.05};
    struct fus_similarity s;
    CHECK(fus_similarity_test(&s, a, b, &plan, NULL) == FUS_OK);
    return s;
}

static void test_related(void)
{
    make(1, 2);
    struct fus_similarity s = test(200, 99), plain = test(0, 0);
    CHECK_MSG(s.r > 0.5 && s.low < s.r && s.high > s.r && s.low > 0.2 && s.high <= 1, "%g: %g to %g", s.r, s.low,
              s.high);
    CHECK(s.p == 0.01); /* none of 99 relabellings */
    CHECK(plain.r == s.r && isnan(plain.low) && isnan(plain.p));
    double halves[2], ceiling;
    const struct fus_responses r[2] = {{.x = first, .n_images = N, .n_units = UNITS},
                                       {.x = second, .n_images = N, .n_units = UNITS}};
    for (int k = 0; k < 2; k++)
        CHECK(fus_similarity_reliability(&halves[k], &r[k], 1, NULL) == FUS_OK);
    ceiling = sqrt(halves[0] * halves[1]);
    CHECK_MSG(ceiling < 1 && fabs(ceiling - s.r) < 0.05, "%g of %g", s.r, ceiling); /* they share all but noise */
    memcpy(b, a, sizeof a);
    s = test(50, 9);
    CHECK(s.r == 1 && test_close(s.low, 1, 1e-12) && test_close(s.high, 1, 1e-12) && s.p == 0.1);
}

static void test_unrelated(void)
{
    make(0, 2);
    struct fus_similarity s = test(200, 99);
    CHECK_MSG(fabs(s.r) < 0.2 && s.low < 0 && s.high > 0 && s.p > 0.05, "%g: %g to %g, %g", s.r, s.low, s.high, s.p);
}

/* Pairs that are NaN are left out; nothing but them gives NaN. */
static void test_undefined(void)
{
    make(1, 2);
    for (int i = 0; i < PAIRS; i += 3)
        a[i] = NAN;
    struct fus_similarity s = test(50, 19);
    CHECK(s.r > 0.4 && s.low < s.r && s.high > s.r && s.p == 0.05);
    for (int i = 0; i < PAIRS; i++)
        a[i] = NAN;
    s = test(10, 9);
    CHECK(isnan(s.r) && isnan(s.low) && isnan(s.p));
    make(1, 2);
    const struct fus_responses pictures = {.category = category, .n_images = N};
    const struct fus_similarity_plan plan = {&pictures, 9, 9, 3, 0.05};
    int code = FUS_ENOMEM;
    for (long fail = 1; code == FUS_ENOMEM && fail < 40; fail++) {
        fus_base_fail_allocation(fail);
        code = fus_similarity_test(&s, a, b, &plan, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
}

int main(void)
{
    test_related();
    test_unrelated();
    test_undefined();
    return test_end();
}
