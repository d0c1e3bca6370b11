/* SPDX-License-Identifier: MIT */
/* consistency.c and signflip.c against NumPy and SciPy. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double expected[3][10] = {
#include "golden/stat_consistency.inc"
};
static const struct {
    size_t n;
    double greater, two_sided, d[13];
} flips[] = {
#include "golden/stat_signflip.inc"
};
enum { UNITS = 117, PICTURES = 29, PAIRS = PICTURES * (PICTURES - 1) / 2, CATEGORIES = 5 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2};

static void test_golden(void)
{
    static float x[PICTURES * UNITS], half[PICTURES * UNITS], cut[PICTURES * UNITS];
    double rdm[PAIRS], other[PAIRS], r;
    struct fus_moments m;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    for (int i = 0, c = 0, seen = 0; i < PICTURES; i++, seen++) {
        for (int u = 0; u < UNITS; u++) {
            x[i * UNITS + u] = responses[i * 120 + 3 + u];
            cut[i * UNITS + u] = fmaxf(x[i * UNITS + u], 1.25f);
            if (u % 2 == 0)
                half[i * 59 + u / 2] = x[i * UNITS + u];
        }
        if (seen == pictures[c])
            c++, seen = 0;
        fus_moments_add(&m, c, x + i * UNITS);
    }
    CHECK(fus_consistency_rdm_means(rdm, &m, NULL) == 0);
    for (int i = 0; i < 10; i++)
        CHECK_MSG(test_near("dissimilarity of categories", rdm[i], expected[0][i], 1e-12), "means %d: %.17g", i,
                  rdm[i]);
    CHECK(fus_consistency_rdm(rdm, x, PICTURES, UNITS, NULL) == 0);
    for (int i = 0; i < 10; i++)
        CHECK_MSG(test_near("dissimilarity of pictures", rdm[i], expected[1][i], 1e-12), "pictures %d: %.17g", i,
                  rdm[i]);
    CHECK(fus_consistency_rdm(other, half, PICTURES, 59, NULL) == 0);
    CHECK(fus_consistency_spearman(&r, rdm, other, PAIRS, NULL) == 0 &&
          test_near("Spearman's r", r, expected[2][0], 1e-12));
    CHECK(fus_consistency_rdm(other, cut, PICTURES, UNITS, NULL) == 0);
    CHECK(fus_consistency_spearman(&r, rdm, other, PAIRS, NULL) == 0 &&
          test_near("Spearman's r", r, expected[2][1], 1e-12));
    CHECK(fus_consistency_spearman(&r, rdm, rdm, PAIRS, NULL) == 0 && test_close(r, 1, 1e-15));
    other[5] = NAN;
    CHECK(fus_consistency_spearman(&r, rdm, other, PAIRS, NULL) == 0 && fabs(r - expected[2][1]) < 0.01);
    fus_moments_destroy(&m);
}

static void test_edges(void)
{
    const float x[4 * 3] = {1, 2, 3, 0.1f, 0.1f, 0.1f, 6, 4, 2, 1, NAN, 2};
    double rdm[6], r;
    struct fus_error err;
    CHECK(fus_consistency_rdm(rdm, x, 4, 3, NULL) == 0);
    CHECK(isnan(rdm[0]) && test_close(rdm[1], 2, 1e-15) && isnan(rdm[2]) && isnan(rdm[3]) && isnan(rdm[4]) &&
          isnan(rdm[5]));
    CHECK(fus_consistency_rdm(rdm, x, 1, 12, &err) == FUS_EINVAL);
    const double same[3] = {1, 1, 1}, up[3] = {1, 2, 3};
    CHECK(fus_consistency_spearman(&r, same, up, 3, NULL) == 0 && isnan(r));
    for (long n = 1; n <= 3; n++) {
        fus_base_fail_allocation(n);
        CHECK(fus_consistency_spearman(&r, up, up, 3, &err) == FUS_ENOMEM);
        CHECK(n > 1 || fus_consistency_rdm(rdm, x, 4, 3, &err) == FUS_ENOMEM);
        fus_base_fail_allocation(0);
    }
}

static void test_threads(void)
{
    enum { N = 40, WIDE = 1000 };
    static float x[N * WIDE];
    static double one[N * (N - 1) / 2], three[N * (N - 1) / 2];
    struct fus_rng r;
    fus_rng_seed(&r, 41);
    for (int i = 0; i < N * WIDE; i++)
        x[i] = (float)fus_rng_normal(&r);
    fus_base_set_threads(1);
    CHECK(fus_consistency_rdm(one, x, N, WIDE, NULL) == 0);
    fus_base_set_threads(3);
    CHECK(fus_consistency_rdm(three, x, N, WIDE, NULL) == 0);
    fus_base_set_threads(0);
    CHECK(memcmp(one, three, sizeof one) == 0);
}

static void test_signflip(void)
{
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        CHECK_MSG(
            test_near("p by sign flips", fus_signflip_p(flips[i].d, flips[i].n, false, 1), flips[i].greater, 1e-14),
            "n %zu", flips[i].n);
        CHECK_MSG(
            test_near("p by sign flips", fus_signflip_p(flips[i].d, flips[i].n, true, 1), flips[i].two_sided, 1e-14),
            "n %zu", flips[i].n);
    }
    double d[30], exact = fus_signflip_p((const double[]){1, NAN, 1, 1}, 4, false, 1);
    CHECK(exact == 0.125 && fus_signflip_p(NULL, 0, true, 1) == 1);
    struct fus_rng r;
    fus_rng_seed(&r, 42);
    for (int i = 0; i < 30; i++)
        d[i] = fus_rng_normal(&r) + 0.3;
    exact = fus_signflip_p(d, 24, false, 1);
    for (int i = 24; i < 30; i++)
        d[i] = 0; /* the same test, but past the size that is enumerated */
    double drawn = fus_signflip_p(d, 30, false, 1);
    CHECK_MSG(fabs(drawn - exact) < 5 * sqrt(exact * (1 - exact) / 99999) + 1e-5, "%g %g", drawn, exact);
    CHECK(drawn == fus_signflip_p(d, 30, false, 1));
}

int main(void)
{
    test_golden();
    test_edges();
    test_threads();
    test_signflip();
    return test_end();
}
