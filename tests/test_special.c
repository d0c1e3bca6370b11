/* SPDX-License-Identifier: MIT */
/* special.c against mpmath (tests/golden/statistics.py). With a file of rows `t df P(T>t)` as its
 * argument (statistics.py --grid 10000) it measures t_sf over that grid instead. */
#include "analysis/analysis.h"
#include "nn/base/bits.h"
#include "nn/base/rng.h"
#include "test.h"

static const struct {
    char what;
    double a, b, c, want;
} rows[] = {
#include "golden/stat_special.inc"
};

static double value(char what, double a, double b, double c)
{
    switch (what) {
    case 't':
        return fus_special_t_sf(a, b);
    case 'b':
        return fus_special_incbeta(a, b, c);
    case 'g':
        return fus_special_lgamma(a);
    case 'n':
        return fus_special_normal_sf(a);
    default:
        return fus_special_normal_quantile(a);
    }
}

static const char *name(char what)
{
    return what == 't'   ? "tail of Student's t"
           : what == 'b' ? "incomplete beta"
           : what == 'g' ? "log-gamma"
           : what == 'n' ? "tail of the normal"
                         : "normal quantile";
}

static void test_golden(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double got = value(rows[i].what, rows[i].a, rows[i].b, rows[i].c);
        CHECK_MSG(test_near(name(rows[i].what), got, rows[i].want, 1e-12), "%c(%.17g, %.17g, %.17g) = %.17g, not %.17g",
                  rows[i].what, rows[i].a, rows[i].b, rows[i].c, got, rows[i].want);
    }
}

static void test_edges(void)
{
    CHECK(fus_special_t_sf(INFINITY, 3) == 0 && fus_special_t_sf(-INFINITY, 3) == 1 && fus_special_t_sf(0, 3) == 0.5);
    CHECK(isnan(fus_special_t_sf(NAN, 3)) && isnan(fus_special_t_sf(1, 0)) && isnan(fus_special_t_sf(1, NAN)));
    CHECK(fus_special_t_sf(2, INFINITY) == fus_special_normal_sf(2));
    CHECK(test_close(fus_special_t_sf(2, 1e17), fus_special_normal_sf(2), 1e-12));
    CHECK(fus_special_t_sf(1e-200, 3) == 0.5 && fus_special_t_sf(1e300, 300) == 0);
    CHECK(test_close(fus_special_t_sf(1e300, 1), 1 / 3.14159265358979323846 * 1e-300, 1e-12));
    CHECK(fus_special_incbeta(2, 3, 0) == 0 && fus_special_incbeta(2, 3, 1) == 1 &&
          isnan(fus_special_incbeta(2, 3, 1.5)));
    CHECK(isnan(fus_special_incbeta(0, 3, 0.5)) && test_close(fus_special_incbeta(1, 1, 0.3), 0.3, 1e-15));
    CHECK(isnan(fus_special_lgamma(0)) && isinf(fus_special_lgamma(INFINITY)) && fus_special_lgamma(2) == 0);
    CHECK(fus_special_lgamma(1) == 0 && test_close(fus_special_lgamma(0.5), 0.57236494292470008707, 1e-15));
    CHECK(fus_special_normal_sf(0) == 0.5 && fus_special_normal_sf(INFINITY) == 0 &&
          fus_special_normal_sf(-INFINITY) == 1);
    CHECK(isnan(fus_special_normal_sf(NAN)));
    CHECK(fus_special_normal_quantile(0.5) == 0 && isnan(fus_special_normal_quantile(-0.1)));
    CHECK(isinf(fus_special_normal_quantile(0)) && fus_special_normal_quantile(1) == INFINITY);
    /* mpmath; 1e-320 is 2024 * 2^-1074 */
    CHECK(test_close(fus_special_normal_quantile(1e-320), -38.26912534303265102, 1e-14));
}

/* p falls with t and with df: what select.c builds on. */
static void test_monotone(void)
{
    for (double df = 1; df < 1e6; df *= 1.7) {
        bool falls = true, heavier = true;
        for (double t = 0.01; t < 30; t *= 1.05) {
            double p = fus_special_t_sf(t, df);
            falls =
                falls && fus_special_t_sf(t * (1 + 1e-9), df) < p && fus_special_t_sf(t, 1.01 * df) <= p * (1 + 1e-12);
            heavier = heavier && p >= fus_special_normal_sf(t) * (1 - 1e-12);
        }
        CHECK_MSG(falls && heavier, "df %g", df);
    }
}

/* The bits themselves, folded over a sweep: every compiler, optimisation and machine must
 * give this number. */
static void test_bits(void)
{
    uint64_t hash = 14695981039346656037u;
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (int i = 0; i < 20000; i++) {
        double u = fus_rng_uniform(&r), v = fus_rng_uniform(&r), w = fus_rng_uniform(&r);
        const double values[5] = {fus_special_t_sf(60 * u * u, 1 + 300 * v),
                                  fus_special_incbeta(0.1 + 30 * u, 0.1 + 30 * v, w), fus_special_lgamma(100 * u),
                                  fus_special_normal_sf(40 * u - 3), fus_special_normal_quantile(v)};
        for (int k = 0; k < 5; k++) {
            hash = (hash ^ fus_bits_of_double(values[k])) * 1099511628211u;
            hash ^= hash >> 29;
        }
    }
    CHECK_MSG(hash == 0x89c50cd373dd2974u, "hash %016llx", (unsigned long long)hash);
}

static int measure(const char *path)
{
    FILE *f = fopen(path, "r");
    double t, df, p, worst = 0;
    int n = 0;
    if (!f)
        return 1;
    for (; fscanf(f, "%lf %lf %lf", &t, &df, &p) == 3; n++)
        worst = fmax(worst, fabs(fus_special_t_sf(t, df) / p - 1));
    fclose(f);
    printf("%d rows: largest relative error %.2e\n", n, worst);
    return worst > 1e-12;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return measure(argv[1]);
    test_golden();
    test_edges();
    test_monotone();
    test_bits();
    return test_end();
}
