/* SPDX-License-Identifier: MIT */
/* matched.c: two planted networks of equal selectivity and unequal noise differ in the CSI of their
 * selective units and not in as many of them; a direct computation with sorting; interpolation. */
#include "analysis/contrast.h"
#include "nn/base/rng.h"
#include "test.h"

enum {
    CATEGORIES = 5,
    EACH = 12,
    PICTURES = CATEGORIES * EACH,
    CHANNELS = 60,
    SIDE = 6,
    PLACES = SIDE * SIDE,
    UNITS = CHANNELS * PLACES
};
static int category[PICTURES], stratum[PICTURES], half[PICTURES];
static const struct fus_select_options strict = {.correction = FUS_UNCORRECTED, .alpha = 0.001};

/* Every unit prefers one category: its mean response is 1.73 to that and 1 to the others, a CSI of
 * .267. */
static struct fus_responses network(float *x, double noise, uint64_t seed)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed);
    for (int i = 0; i < PICTURES; i++) {
        category[i] = i / EACH, stratum[i] = i / (EACH / 2), half[i] = i % 2;
        for (int u = 0; u < UNITS; u++)
            x[i * UNITS + u] =
                (float)(1 + (u * 7 % CATEGORIES == category[i] ? 0.73 : 0) + noise * fus_rng_normal(&rng));
    }
    return (struct fus_responses){x,    category, PICTURES, UNITS, CATEGORIES,          CHANNELS, SIDE,
                                  SIDE, stratum,  NULL,     NULL,  FUS_REDRAW_PICTURES, false};
}

static void select_units(struct fus_layer_summary *layer, size_t n[CATEGORIES], const struct fus_responses *r)
{
    struct fus_moments m;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(layer, &m, "x", CHANNELS, SIDE, SIDE, &strict, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++)
        n[c] = layer->categories[c].n_selective;
    fus_moments_destroy(&m);
}

static void test_planted(void)
{
    enum { RESAMPLES = 200 };
    static float x[2][PICTURES * UNITS];
    static const double noise[2] = {0.6, 0.3};
    struct fus_matched m[2];
    double plain[2] = {0}, matched[2] = {0}, scratch[4 * RESAMPLES];
    static double values[2][2 * RESAMPLES];
    int n_clear = 0, n_compared = 0;
    for (int k = 0; k < 2; k++) {
        struct fus_responses r = network(x[k], noise[k], 5 + (uint64_t)k);
        struct fus_layer_summary layer;
        size_t n[CATEGORIES];
        select_units(&layer, n, &r);
        for (int c = 0; c < CATEGORIES; c++)
            plain[k] += layer.categories[c].csi_mean / CATEGORIES;
        CHECK(fus_matched_create(&m[k], &r, half, n, RESAMPLES, FUS_INTERVAL_CENTRED, 1, NULL, NULL) == 0);
        fus_select_free(&layer);
    }
    for (int c = 0; c < CATEGORIES; c++) {
        size_t list[FUS_MATCHED_MOST];
        int n = fus_matched_list(list, &m[0], &m[1], c);
        CHECK(n >= 1 && (n < 2 || list[0] == 25));
        for (int i = 0; i < n; i++) {
            struct fus_bootstrap_column a = fus_matched_column(values[0], &m[0], c, list[i], FUS_MATCHED_CSI),
                                        b = fus_matched_column(values[1], &m[1], c, list[i], FUS_MATCHED_CSI);
            struct fus_interval d;
            fus_bootstrap_subtract(&d, &a, &b, FUS_INTERVAL_CENTRED, 0.05, scratch);
            n_clear += d.low > 0 || d.high < 0;
            n_compared++;
            if (i == n - 1)
                matched[0] += a.estimate / CATEGORIES, matched[1] += b.estimate / CATEGORIES;
        }
    }
    printf("CSI of the selective units %.3f and %.3f, of as many %.3f and %.3f; %d of %d differences clear\n", plain[0],
           plain[1], matched[0], matched[1], n_clear, n_compared);
    CHECK(plain[0] - plain[1] > 0.05);
    CHECK(fabs(matched[0] - matched[1]) < 0.02 && fabs(matched[1] - 0.267) < 0.02);
    CHECK(n_clear * 5 <= n_compared);
    for (int k = 0; k < 2; k++)
        fus_matched_destroy(&m[k]);
}

/* The units by index, sorted by insertion; the CSI of the k first in the other half. */
static double plain_csi(const struct fus_moments *halves, int c, size_t k)
{
    double mean[2];
    for (int h = 0; h < 2; h++) {
        struct fus_moments chosen = fus_halves_view(halves, h), other = fus_halves_view(halves, 1 - h);
        static size_t order[UNITS];
        static double t[UNITS];
        for (size_t u = 0; u < UNITS; u++) {
            double value = fus_select_least_t(&chosen, u, c, false);
            size_t at = u;
            for (; at > 0 && t[at - 1] < value; at--)
                t[at] = t[at - 1], order[at] = order[at - 1];
            t[at] = value, order[at] = u;
        }
        double sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += fus_csi_unit(&other, order[i], c);
        mean[h] = sum / (double)k;
    }
    return (mean[0] + mean[1]) / 2;
}

static void test_plain(void)
{
    static float x[PICTURES * UNITS];
    static int groups[PICTURES];
    struct fus_responses r = network(x, 1.5, 9), halves = r;
    size_t n[CATEGORIES] = {200, 2, 3, 25, 26};
    struct fus_matched m;
    struct fus_moments moments;
    CHECK(fus_matched_create(&m, &r, half, n, 0, FUS_INTERVAL_CENTRED, 1, NULL, NULL) == 0);
    CHECK(m.first[1] == 7 && m.first[2] == 7 && m.first[3] == 8 && m.first[4] == 12 && m.first[5] == 17);
    for (int i = 0; i < PICTURES; i++)
        groups[i] = half[i] * CATEGORIES + category[i];
    halves.category = groups, halves.n_categories = 2 * CATEGORIES;
    CHECK(fus_moments_create(&moments, 2 * CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&moments, &halves, NULL, PICTURES, NULL);
    for (int c = 0; c < CATEGORIES; c++)
        for (size_t i = m.first[c]; i < m.first[c + 1]; i++) {
            double want = plain_csi(&moments, c, m.k[i]), got = m.bootstrap.estimate[2 * i];
            CHECK_MSG(test_close(got, want, 1e-12), "category %d, k %zu: %.17g not %.17g", c, m.k[i], got, want);
        }
    double values[8];
    struct fus_bootstrap_column between = fus_matched_column(values, &m, 0, 60, FUS_MATCHED_CSI),
                                at = fus_matched_column(values, &m, 0, 50, FUS_MATCHED_CSI),
                                after = fus_matched_column(values, &m, 0, 100, FUS_MATCHED_CSI);
    double share = log(60 / 50.0) / log(2.0);
    CHECK(test_close(between.estimate, at.estimate + share * (after.estimate - at.estimate), 1e-12));
    fus_moments_destroy(&moments);
    fus_matched_destroy(&m);
}

static void test_refusals(void)
{
    static float x[PICTURES * UNITS];
    struct fus_responses r = network(x, 1, 1);
    size_t n[CATEGORIES] = {9, 9, 9, 9, 9};
    struct fus_matched m;
    int code = FUS_ENOMEM;
    long nth = 1;
    for (; code == FUS_ENOMEM && nth < 200; nth++) {
        fus_base_fail_allocation(nth);
        code = fus_matched_create(&m, &r, half, n, 2, FUS_INTERVAL_CENTRED, 1, NULL, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK && nth > 4);
    fus_matched_destroy(&m);
    memset(half, 0, sizeof half);
    CHECK(fus_matched_create(&m, &r, half, n, 2, FUS_INTERVAL_CENTRED, 1, NULL, NULL) == FUS_EINVAL);
}

int main(void)
{
    test_planted();
    test_plain();
    test_refusals();
    return test_end();
}
