/* SPDX-License-Identifier: MIT */
/* bootstrap.c against NumPy with the same draws and against scipy.stats.bootstrap;
 * coverage; pairing. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double rows[20][10] = {
#include "golden/stat_bootstrap.inc"
};
static const double bca[3][200] = {
#include "golden/stat_bca.inc"
};
enum { UNITS = 120, CATEGORIES = 5, PICTURES = 31, RESAMPLES = 40 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 4};
static const struct fus_select_options uncorrected = {
    .correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_WELCH};
static float x[PICTURES * UNITS];
static int category[PICTURES];

/* As in statistics.py: the two pictures of the last category once more, 0.25 higher. */
static struct fus_responses example(void)
{
    memcpy(x, responses, sizeof responses);
    for (int u = 0; u < 2 * UNITS; u++)
        x[29 * UNITS + u] = x[27 * UNITS + u] + 0.25f;
    for (int c = 0, i = 0; c < CATEGORIES; c++)
        for (int k = 0; k < pictures[c]; k++)
            category[i++] = c;
    return (struct fus_responses){x, category, PICTURES, UNITS, CATEGORIES,          6,    4,
                                  5, NULL,     NULL,     NULL,  FUS_REDRAW_PICTURES, false};
}

static struct fus_interval interval_of(const struct fus_bootstrap_column *c, enum fus_interval_method method,
                                       double alpha)
{
    double scratch[200];
    struct fus_interval out;
    fus_bootstrap_interval(&out, c, method, alpha, scratch);
    return out;
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            sum += v[i], kept++;
    return sum / kept;
}

static double sd_of_pairs(const double *v, size_t n)
{
    double sum = 0, kept = 0;
    for (size_t i = 0; i < n; i += 2)
        if (!isnan(v[i] - v[i + 1]))
            sum += (v[i] - v[i + 1]) * (v[i] - v[i + 1]) / 2, kept++;
    return sqrt(sum / kept);
}

static void test_golden(void)
{
    struct fus_responses r = example();
    struct fus_bootstrap b, twice;
    CHECK(fus_bootstrap_create(&b, &r, RESAMPLES, FUS_INTERVAL_BCA, 3, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_create(&twice, &r, RESAMPLES, FUS_INTERVAL_CENTRED, 3, &uncorrected, NULL, NULL) == 0);
    CHECK(memcmp(b.resampled, twice.resampled, 20 * RESAMPLES * sizeof *b.resampled) == 0 && !b.nested &&
          !twice.left_out);
    for (size_t k = 0; k < 20; k++) {
        const struct fus_bootstrap_column once = fus_bootstrap_column(&b, k), c = fus_bootstrap_column(&twice, k);
        struct fus_interval plain = interval_of(&once, FUS_INTERVAL_PERCENTILE, 0.05),
                            corrected = interval_of(&once, FUS_INTERVAL_BCA, 0.05),
                            centred = interval_of(&c, FUS_INTERVAL_CENTRED, 0.05);
        const double got[10] = {plain.estimate,
                                mean_of(once.resampled, RESAMPLES),
                                plain.low,
                                plain.high,
                                mean_of(once.left_out, PICTURES),
                                corrected.low,
                                corrected.high,
                                centred.low,
                                centred.high,
                                sd_of_pairs(c.nested, c.n_nested)};
        static const char *const names[10] = {
            "estimate", "mean of resamples", "percentile, low", "percentile, high", "mean of jackknife",
            "BCa, low", "BCa, high",         "centred, low",    "centred, high",    "sd of nested resamples"};
        for (int i = 0; i < 10; i++)
            CHECK_MSG(test_near(names[i], got[i], rows[k][i], 1e-10), "row %d, column %d: %.17g not %.17g", (int)k, i,
                      got[i], rows[k][i]);
    }
    fus_bootstrap_destroy(&twice);
    struct fus_layer_summary layer;
    struct fus_moments m;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &uncorrected, NULL) == 0);
    CHECK(fus_bootstrap_fill(&layer, &b, 0.05, NULL) == 0);
    CHECK(test_close(layer.categories[2].ci_low, rows[8][5], 1e-10) &&
          test_close(layer.categories[2].ci_high, rows[8][6], 1e-10));
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    fus_bootstrap_destroy(&b);
}

static void test_bca(void)
{
    struct fus_bootstrap_column c = {
        .estimate = bca[0][0], .n = 200, .n_left = 30, .resampled = bca[2], .left_out = bca[1]};
    struct fus_interval i = interval_of(&c, FUS_INTERVAL_BCA, 0.05);
    CHECK_MSG(test_near("BCa of scipy.stats.bootstrap", i.low, bca[0][1], 1e-10) &&
                  test_near("BCa of scipy.stats.bootstrap", i.high, bca[0][2], 1e-10),
              "%.17g %.17g", i.low, i.high);
    c.estimate = 100; /* all values below */
    i = interval_of(&c, FUS_INTERVAL_BCA, 0.05);
    CHECK(isfinite(i.low) && isfinite(i.high));
    c.estimate = NAN;
    i = interval_of(&c, FUS_INTERVAL_PERCENTILE, 0.05);
    CHECK(isnan(i.low) && isnan(i.high));
    const double lost[3] = {NAN, 1, NAN};
    i = interval_of(&(struct fus_bootstrap_column){.estimate = 1, .n = 3, .resampled = lost}, FUS_INTERVAL_PERCENTILE,
                    0.05);
    CHECK(isnan(i.low));
}

/* Of two models of which one hears the other's noise, differences are far narrower than the
 * numbers themselves. */
static void test_pairing(void)
{
    static float other[PICTURES * UNITS];
    struct fus_responses a = example(), b = example();
    struct fus_bootstrap one, two;
    struct fus_interval difference[20];
    for (int i = 0; i < PICTURES * UNITS; i++)
        other[i] = i % UNITS < 40 ? 2 * x[i] + 1 : x[i];
    b.x = other;
    CHECK(fus_bootstrap_create(&one, &a, 200, FUS_INTERVAL_CENTRED, 5, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_create(&two, &b, 200, FUS_INTERVAL_CENTRED, 5, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_difference(difference, &one, &two, 0.05, NULL) == 0);
    for (size_t c = 0; c < CATEGORIES; c++) {
        struct fus_bootstrap_column column = fus_bootstrap_column(&one, 4 * c);
        struct fus_interval single = interval_of(&column, FUS_INTERVAL_PERCENTILE, 0.05);
        CHECK(difference[4 * c].estimate == 0 && difference[4 * c].low == 0 && difference[4 * c].high == 0 &&
              difference[4 * c].p == 1);
        CHECK(single.high > single.low);
    }
    struct fus_error err;
    two.n_resamples = 100;
    CHECK(fus_bootstrap_difference(difference, &one, &two, 0.05, &err) == FUS_EINVAL);
    fus_bootstrap_destroy(&one);
    fus_bootstrap_destroy(&two);
}

/* Centred: moved to the estimate, and as wide as the run's spread is, where resamples
 * of resamples tell. */
static void test_centred(void)
{
    const double values[5] = {4, 2, NAN, 3, 3}; /* variance 2/3 about the mean 3; ranks 1.25 and 3.75: 2.25 and 3.75 */
    /* variances 4/3, 0, .. */
    const double wider[6] = {0, 2, NAN, 5, 3, 3 + 2 / sqrt(3)}, even[2] = {1, 1}, narrow[2] = {0, 0.1},
                 wide[2] = {0, 9};
    struct fus_bootstrap_column c = {.estimate = 10, .n = 5, .resampled = values};
    struct fus_interval i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(i.low == 9.25 && i.high == 10.75 && i.estimate == 10);
    c.nested = wider, c.n_nested = 6;
    i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(test_close(i.low, 10 - 0.75 * sqrt(0.5), 1e-12) && test_close(i.high, 10 + 0.75 * sqrt(0.5), 1e-12));
    c.nested = even, c.n_nested = 2;
    i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(i.low == 9.25 && i.high == 10.75);
    c.nested = narrow;
    i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(test_close(i.low, 10 - 0.75 * sqrt(2), 1e-12));
    c.nested = wide;
    i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(test_close(i.high, 10 + 0.75 * sqrt(0.5), 1e-12));
    c.estimate = NAN;
    i = interval_of(&c, FUS_INTERVAL_CENTRED, 0.5);
    CHECK(isnan(i.low) && isnan(i.high));
}

/* Of a mean, resamples from strata of n pictures have 1 - 1/n of a run's variance and nested ones 1
 * - 1/n of theirs, which the correction undoes: here 2/3. */
static void test_narrowness(void)
{
    enum { N = 4000 };
    static double resampled[N], nested[N / 2], scratch[N];
    const double strata[6] = {-1, 1, 3, 10, 15, 11};
    struct fus_rng rng;
    fus_rng_seed(&rng, 4);
    for (int k = 0; k < N; k++) {
        double once[6], sum = 0;
        for (int i = 0; i < 6; i++)
            sum += once[i] = strata[i / 3 * 3 + (int)fus_rng_below(&rng, 3)];
        resampled[k] = sum / 6;
        for (int j = 2 * k; j < 2 * k + 2 && j < N / 2; j++) {
            nested[j] = 0;
            for (int i = 0; i < 6; i++)
                nested[j] += once[i / 3 * 3 + (int)fus_rng_below(&rng, 3)] / 6;
        }
    }
    struct fus_bootstrap_column c = {
        .estimate = 0, .n = N, .n_nested = N / 2, .resampled = resampled, .nested = nested};
    struct fus_interval corrected, plain;
    fus_bootstrap_interval(&corrected, &c, FUS_INTERVAL_CENTRED, 0.05, scratch);
    c.nested = NULL, c.n_nested = 0;
    fus_bootstrap_interval(&plain, &c, FUS_INTERVAL_CENTRED, 0.05, scratch);
    double scale = (corrected.high - corrected.low) / (plain.high - plain.low);
    CHECK_MSG(fabs(scale - sqrt(1.5)) < 0.08, "%g", scale); /* 2.5 standard errors: those of two variances */
}

/* Moved to the estimate, cut where a proportion ends, and p as the interval says. */
static void test_methods(void)
{
    enum fus_interval_method method;
    struct fus_error err;
    for (int i = 0; i < 3; i++)
        CHECK(fus_bootstrap_parse(&method, fus_bootstrap_name((enum fus_interval_method)i), NULL) == 0 &&
              (int)method == i);
    CHECK(fus_bootstrap_parse(&method, "wald", &err) == FUS_EINVAL && strstr(err.msg, "centred, percentile, bca"));
    struct fus_responses r = example();
    struct fus_bootstrap a, b;
    struct fus_layer_summary layer;
    struct fus_interval difference[20];
    struct fus_moments m;
    CHECK(fus_bootstrap_create(&a, &r, 40, FUS_INTERVAL_CENTRED, 3, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_create(&b, &r, 40, FUS_INTERVAL_CENTRED, 3, &uncorrected, NULL, NULL) == 0);
    /* the first proportion: 0.01 against resamples of 0.3 and more; its difference: 0.01
     * against -0.5 and less */
    for (int k = 0; k < 40; k++) {
        a.resampled[k] = 0.3 + 0.001 * k;
        b.resampled[k] = 0.8 + 0.002 * k;
    }
    for (int k = 0; k < 20; k++)
        a.nested[k] = k % 2; /* as wide as can be: half the variance */
    a.estimate[0] = 0.01, b.estimate[0] = 0;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &uncorrected, NULL) == 0 &&
          fus_bootstrap_fill(&layer, &a, 0.05, NULL) == 0);
    CHECK(layer.categories[0].ci_low == 0 &&
          test_close(layer.categories[0].ci_high, 0.01 + 0.019475 * sqrt(0.5), 1e-12));
    CHECK(fus_bootstrap_difference(difference, &a, &b, 0.05, NULL) == 0);
    CHECK(difference[0].low < 0 && difference[0].high > 0.01 && difference[0].p > 0.05);
    a.method = b.method = FUS_INTERVAL_PERCENTILE;
    CHECK(fus_bootstrap_difference(difference, &a, &b, 0.05, NULL) == 0);
    CHECK(difference[0].high < -0.5 && test_close(difference[0].p, 2.0 / 41, 1e-12));
    b.method = FUS_INTERVAL_CENTRED;
    CHECK(fus_bootstrap_difference(difference, &a, &b, 0.05, &err) == FUS_EINVAL);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    fus_bootstrap_destroy(&a);
    fus_bootstrap_destroy(&b);
}

static void test_refusals(void)
{
    struct fus_responses r = example();
    struct fus_bootstrap b;
    struct fus_error err;
    int stratum[PICTURES];
    for (int i = 0; i < PICTURES; i++)
        stratum[i] = i; /* every picture its own subcategory: each resample is the original */
    r.stratum = stratum;
    CHECK(fus_bootstrap_create(&b, &r, 3, FUS_INTERVAL_CENTRED, 1, &uncorrected, NULL, NULL) == 0);
    CHECK(b.resampled[0] == b.estimate[0] && b.resampled[2] == b.estimate[0] && !b.left_out);
    fus_bootstrap_destroy(&b);
    stratum[3] = PICTURES;
    CHECK(fus_bootstrap_create(&b, &r, 3, FUS_INTERVAL_CENTRED, 1, &uncorrected, NULL, &err) == FUS_EINVAL);
    r.stratum = NULL;
    CHECK(fus_bootstrap_create(&b, &r, 0, FUS_INTERVAL_CENTRED, 1, &uncorrected, NULL, &err) == FUS_EINVAL);
    r.n_images = 29;
    CHECK(fus_bootstrap_create(&b, &r, 3, FUS_INTERVAL_BCA, 1, &uncorrected, NULL, &err) == FUS_EINVAL &&
          strstr(err.msg, "leaving one out"));
    r.n_images = PICTURES;
    fus_base_set_threads(1); /* the n-th allocation is the same one */
    int code = FUS_ENOMEM;
    long n = 1;
    for (; code == FUS_ENOMEM && n < 5000; n++) {
        fus_base_fail_allocation(n);
        code = fus_bootstrap_create(&b, &r, 1, FUS_INTERVAL_BCA, 1, &uncorrected, NULL, &err);
        fus_base_fail_allocation(0);
        if (code != 0 && b.estimate)
            CHECK(false);
    }
    CHECK(code == 0 && n > 10);
    fus_base_set_threads(0);
    fus_bootstrap_destroy(&b);
}

int main(void)
{
    test_golden();
    test_bca();
    test_centred();
    test_narrowness();
    test_pairing();
    test_methods();
    test_refusals();
    return test_end();
}
