/* bootstrap.c against NumPy with the same draws and against scipy.stats.bootstrap; coverage; pairing. */
#include "analysis/inference.h"
#include "nn/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double rows[15][7] = {
#include "golden/stat_bootstrap.inc"
};
static const double bca[3][200] = {
#include "golden/stat_bca.inc"
};
enum { UNITS = 120, CATEGORIES = 5, PICTURES = 31, RESAMPLES = 40 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 4};
static const struct fus_select_options uncorrected = {.correction = FUS_UNCORRECTED, .alpha = 0.05};
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
    return (struct fus_responses){x, category, PICTURES, UNITS, CATEGORIES, 6, 4, 5, NULL};
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0, kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            sum += v[i], kept++;
    return sum / kept;
}

static void test_golden(void)
{
    struct fus_responses r = example();
    struct fus_bootstrap b;
    double scratch[RESAMPLES];
    CHECK(fus_bootstrap_create(&b, &r, RESAMPLES, FUS_INTERVAL_BCA, 3, &uncorrected, NULL, NULL) == 0);
    for (int k = 0; k < 15; k++) {
        const double *values = b.resampled + k * RESAMPLES, *left = b.left_out + k * PICTURES;
        struct fus_interval plain, corrected;
        fus_bootstrap_percentile(&plain, b.estimate[k], values, RESAMPLES, 0.05, scratch);
        fus_bootstrap_bca(&corrected, b.estimate[k], values, RESAMPLES, left, PICTURES, 0.05, scratch);
        const double got[7] = {plain.estimate, mean_of(values, RESAMPLES), plain.low, plain.high, mean_of(left, PICTURES),
                               corrected.low, corrected.high};
        static const char *const names[7] = {"estimate", "mean of resamples", "percentile, low", "percentile, high", "mean of jackknife", "BCa, low",
                                             "BCa, high"};
        for (int i = 0; i < 7; i++)
            CHECK_MSG(test_near(names[i], got[i], rows[k][i], 1e-10), "row %d, column %d: %.17g not %.17g", k, i, got[i], rows[k][i]);
        fus_bootstrap_centred(&plain, b.estimate[k], values, RESAMPLES, 0.05, scratch);
        CHECK(test_near("centred, low", plain.low, rows[k][0] + rows[k][2] - rows[k][1], 1e-10));
        CHECK(test_near("centred, high", plain.high, rows[k][0] + rows[k][3] - rows[k][1], 1e-10));
    }
    struct fus_layer_summary layer;
    struct fus_moments m;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &uncorrected, NULL) == 0);
    CHECK(fus_bootstrap_fill(&layer, &b, 0.05, NULL) == 0);
    CHECK(test_close(layer.categories[2].ci_low, rows[6][5], 1e-10) && test_close(layer.categories[2].ci_high, rows[6][6], 1e-10));
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    fus_bootstrap_destroy(&b);
}

static void test_bca(void)
{
    double scratch[200];
    struct fus_interval i;
    fus_bootstrap_bca(&i, bca[0][0], bca[2], 200, bca[1], 30, 0.05, scratch);
    CHECK_MSG(test_near("BCa of scipy.stats.bootstrap", i.low, bca[0][1], 1e-10) && test_near("BCa of scipy.stats.bootstrap", i.high, bca[0][2], 1e-10), "%.17g %.17g", i.low, i.high);
    fus_bootstrap_bca(&i, 100, bca[2], 200, bca[1], 30, 0.05, scratch); /* all values below */
    CHECK(isfinite(i.low) && isfinite(i.high));
    fus_bootstrap_percentile(&i, NAN, bca[2], 200, 0.05, scratch);
    CHECK(isnan(i.low) && isnan(i.high));
    const double lost[3] = {NAN, 1, NAN};
    fus_bootstrap_percentile(&i, 1, lost, 3, 0.05, scratch);
    CHECK(isnan(i.low));
}

/* Of two models of which one hears the other's noise, differences are far narrower than the numbers themselves. */
static void test_pairing(void)
{
    static float other[PICTURES * UNITS];
    struct fus_responses a = example(), b = example();
    struct fus_bootstrap one, two;
    struct fus_interval difference[15], single;
    double scratch[200];
    for (int i = 0; i < PICTURES * UNITS; i++)
        other[i] = i % UNITS < 40 ? 2 * x[i] + 1 : x[i];
    b.x = other;
    CHECK(fus_bootstrap_create(&one, &a, 200, FUS_INTERVAL_CENTRED, 5, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_create(&two, &b, 200, FUS_INTERVAL_CENTRED, 5, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_difference(difference, &one, &two, 0.05, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++) {
        CHECK(difference[3 * c].estimate == 0 && difference[3 * c].low == 0 && difference[3 * c].high == 0 && difference[3 * c].p == 1);
        fus_bootstrap_percentile(&single, one.estimate[3 * c], one.resampled + 3 * c * 200, 200, 0.05, scratch);
        CHECK(single.high > single.low);
    }
    struct fus_error err;
    two.n_resamples = 100;
    CHECK(fus_bootstrap_difference(difference, &one, &two, 0.05, &err) == FUS_EINVAL);
    fus_bootstrap_destroy(&one);
    fus_bootstrap_destroy(&two);
}

/* Moved to the estimate, cut where a proportion ends, and p as the interval says. */
static void test_methods(void)
{
    enum fus_interval_method method;
    struct fus_error err;
    for (int i = 0; i < 3; i++)
        CHECK(fus_bootstrap_parse(&method, fus_bootstrap_name((enum fus_interval_method)i), NULL) == 0 && (int)method == i);
    CHECK(fus_bootstrap_parse(&method, "wald", &err) == FUS_EINVAL && strstr(err.msg, "centred, percentile, bca"));
    double scratch[5], values[5] = {4, 2, NAN, 3, 3};
    struct fus_interval i;
    fus_bootstrap_centred(&i, 10, values, 5, 0.5, scratch);
    CHECK(i.low == 9.75 && i.high == 10.25 && i.estimate == 10); /* quartiles 2.75 and 3.25 about the mean 3 */
    fus_bootstrap_centred(&i, NAN, values, 5, 0.5, scratch);
    CHECK(isnan(i.low) && isnan(i.high));

    struct fus_responses r = example();
    struct fus_bootstrap a, b;
    struct fus_layer_summary layer;
    struct fus_interval difference[15];
    struct fus_moments m;
    CHECK(fus_bootstrap_create(&a, &r, 40, FUS_INTERVAL_CENTRED, 3, &uncorrected, NULL, NULL) == 0);
    CHECK(fus_bootstrap_create(&b, &r, 40, FUS_INTERVAL_CENTRED, 3, &uncorrected, NULL, NULL) == 0);
    for (int k = 0; k < 40; k++) { /* the first proportion: 0.01 against resamples of 0.3 and more; its difference: 0.01 against -0.5 and less */
        a.resampled[k] = 0.3 + 0.001 * k;
        b.resampled[k] = 0.8 + 0.002 * k;
    }
    a.estimate[0] = 0.01, b.estimate[0] = 0;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &uncorrected, NULL) == 0 && fus_bootstrap_fill(&layer, &a, 0.05, NULL) == 0);
    CHECK(layer.categories[0].ci_low == 0 && test_close(layer.categories[0].ci_high, 0.01 + 0.0185250, 1e-6));
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
    CHECK(fus_bootstrap_create(&b, &r, 3, FUS_INTERVAL_BCA, 1, &uncorrected, NULL, &err) == FUS_EINVAL && strstr(err.msg, "leaving one out"));
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
    test_pairing();
    test_methods();
    test_refusals();
    return test_end();
}
