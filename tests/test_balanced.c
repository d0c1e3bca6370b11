/* SPDX-License-Identifier: MIT */
/* balanced.c: against NumPy and SciPy, its bounds, and its level for skewed responses where Welch's
 * test fails. */
#include <math.h>

#include "analysis/analysis.h"
#include "nn/base/rng.h"
#include "test.h"

static const double rows[][9] = {
#include "golden/stat_balanced.inc"
};
static const double gammas[][3] = {
#include "golden/stat_gamma.inc"
};
enum { ROWS = sizeof rows / sizeof *rows, GAMMAS = sizeof gammas / sizeof *gammas };

static void test_golden(void)
{
    for (int i = 0; i < ROWS; i++) {
        const double *r = rows[i];
        const struct fus_ttest_group a = {r[0], r[1], r[2], r[3]}, b = {r[4], r[5], r[6], r[7]};
        CHECK_MSG(test_near("balanced p", fus_balanced_p(&a, &b), r[8], 1e-10), "row %d: %.17g not %.17g", i,
                  fus_balanced_p(&a, &b), r[8]);
        CHECK(a.n != b.n ||
              fus_balanced_p(&a, &b) == fus_ttest_p(a.mean, a.m2 / (a.n - 1), a.n, b.mean, b.m2 / (b.n - 1), b.n));
    }
    for (int i = 0; i < GAMMAS; i++)
        CHECK_MSG(test_near("gamma tail", fus_special_gamma_sf(gammas[i][0], gammas[i][1]), gammas[i][2], 1e-11),
                  "Q(%.17g, %.17g) is %.17g not %.17g", gammas[i][0], gammas[i][1],
                  fus_special_gamma_sf(gammas[i][0], gammas[i][1]), gammas[i][2]);
    CHECK(fus_special_gamma_sf(3, 0) == 1 && fus_special_gamma_sf(3, -1) == 1 && fus_special_gamma_sf(2, 1e308) == 0);
    CHECK(isnan(fus_special_gamma_sf(0, 1)) && isnan(fus_special_gamma_sf(1, NAN)));
}

static void test_special_cases(void)
{
    const struct fus_ttest_group constant = {5, 1, 0, 0}, lower = {9, 0, 0, 0}, spread = {9, 0, 4, 1},
                                 same = {5, 0, 0, 0};
    const struct fus_ttest_group most = {8, 9, 1e-60, 0}, least = {40, -9, 1e-60, 0};
    CHECK(fus_balanced_p(&constant, &lower) == 1);
    CHECK(fus_balanced_p(&constant, &spread) < 0.1 && fus_balanced_p(&spread, &constant) > 0.9);
    CHECK(fus_balanced_p(&same, &spread) >= 0.5);
    CHECK(fus_balanced_p(&most, &least) >= 0 && fus_balanced_p(&most, &least) < 1e-3);
}

/* A group of responses with 70 % zeros, from the generator, and their moments. */
static struct fus_ttest_group draw(struct fus_rng *rng, int n, double sign)
{
    struct fus_ttest_group g = {.n = n};
    double x[300];
    for (int i = 0; i < n; i++)
        x[i] = sign * fmax(0, fus_rng_normal(rng) - 0.524), g.mean += x[i] / n;
    for (int i = 0; i < n; i++) {
        double d = x[i] - g.mean;
        g.m2 += d * d, g.m3 += d * d * d;
    }
    return g;
}

/* low <= p <= high for the t of every draw; both fall with t. */
static void test_bounds(void)
{
    static const int sizes[][2] = {{24, 24}, {48, 24}, {24, 48},   {5, 60},  {60, 5},
                                   {2, 3},   {2, 90},  {144, 145}, {288, 24}};
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    for (int i = 0; i < 9; i++) {
        double n_a = sizes[i][0], n_b = sizes[i][1];
        for (int k = 0; k < 1500; k++) {
            struct fus_ttest_group a = draw(&rng, sizes[i][0], k % 2 ? 1 : -1),
                                   b = draw(&rng, sizes[i][1], k % 2 ? 1 : -1);
            a.mean += 0.05 * (k % 50);
            double df, t = fus_ttest_student(&df, a.mean, a.m2 / (n_a - 1), n_a, b.mean, b.m2 / (n_b - 1), n_b);
            if (!(t > 0) || a.m2 + b.m2 == 0)
                continue;
            double p = fus_balanced_p(&a, &b), low = fus_balanced_low(t, n_a, n_b),
                   high = fus_balanced_high(t, n_a, n_b);
            CHECK_MSG(low <= p && p <= high, "%g against %g, t %g: %g <= %g <= %g", n_a, n_b, t, low, p, high);
        }
        for (double t = 0; t < 30; t += 0.25)
            CHECK(fus_balanced_low(t + 0.25, n_a, n_b) <= fus_balanced_low(t, n_a, n_b) &&
                  fus_balanced_high(t + 0.25, n_a, n_b) <= fus_balanced_high(t, n_a, n_b));
    }
}

/* Two categories that respond alike: rates at .05 and .001, for which Welch's test gives many
 * more where n_a > n_b. Standard errors are .07 and .5 of the nominal rate. */
static void test_level(void)
{
    static const int sizes[][2] = {{48, 24}, {24, 48}, {144, 24}, {24, 144}};
    enum { DRAWS = 4000 };
    struct fus_rng rng;
    fus_rng_seed(&rng, 23);
    for (int i = 0; i < 4; i++) {
        int at[2] = {0, 0}, welch = 0;
        for (int k = 0; k < DRAWS; k++) {
            struct fus_ttest_group a = draw(&rng, sizes[i][0], 1), b = draw(&rng, sizes[i][1], 1);
            double p = fus_balanced_p(&a, &b);
            at[0] += p <= 0.05, at[1] += p <= 0.001;
            welch += fus_ttest_p(a.mean, a.m2 / (a.n - 1), a.n, b.mean, b.m2 / (b.n - 1), b.n) <= 0.001;
        }
        CHECK_MSG(at[0] <= 1.25 * 0.05 * DRAWS && at[1] <= 10, "%d against %d: %d and %d of %d", sizes[i][0],
                  sizes[i][1], at[0], at[1], DRAWS);
        CHECK_MSG(sizes[i][0] < sizes[i][1] || welch > 10, "Welch's: %d of %d", welch, DRAWS);
    }
}

int main(void)
{
    test_golden();
    test_special_cases();
    test_bounds();
    test_level();
    return test_end();
}
