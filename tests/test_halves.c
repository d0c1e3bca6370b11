/* SPDX-License-Identifier: MIT */
/* halves.c against NumPy, and what cross-validation is for: noise alone gives no
 * cross-validated selectivity. */
#include "analysis/inference.h"
#include "nn/base/cpu.h"
#include "nn/base/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double rows[5][10] = {
#include "golden/stat_halves.inc"
};
enum { UNITS = 120, CATEGORIES = 5, PICTURES = 29 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2};
static const struct fus_select_options usual = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH};

static float every[2 * PICTURES * UNITS];
static int category_of[2 * PICTURES], half_of[2 * PICTURES];
static const struct fus_responses all = {.x = every,
                                         .category = category_of,
                                         .n_images = 2 * PICTURES,
                                         .n_units = UNITS,
                                         .n_categories = CATEGORIES,
                                         .channels = UNITS,
                                         .height = 1,
                                         .width = 1};

/* As in statistics.py: each category's pictures, then the same backwards with a ramp added; even
 * and odd ones apart. */
static void make_halves(struct fus_moments *split, struct fus_moments *whole)
{
    int row = 0;
    const float *from = responses;
    CHECK(fus_moments_create(split, 2 * CATEGORIES, UNITS, NULL) == 0);
    CHECK(fus_moments_create(whole, CATEGORIES, UNITS, NULL) == 0);
    for (int c = 0; c < CATEGORIES; from += pictures[c++] * UNITS)
        for (int i = 0; i < 2 * pictures[c]; i++, row++) {
            float *x = every + row * UNITS;
            for (int u = 0; u < UNITS; u++)
                x[u] = i < pictures[c] ? from[i * UNITS + u]
                                       : from[(2 * pictures[c] - 1 - i) * UNITS + u] +
                                             0.125f * (float)(((i - pictures[c]) * UNITS + u) % 7);
            fus_moments_add(split, i % 2 * CATEGORIES + c, x);
            fus_moments_add(whole, c, x);
            category_of[row] = c, half_of[row] = i % 2;
        }
}

static void test_golden(void)
{
    struct fus_moments m, whole, merged;
    struct fus_halves_category out[CATEGORIES];
    make_halves(&m, &whole);
    CHECK(fus_halves_layer(out, &m, &all, half_of, FUS_CRITERION_IUT, &usual, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++) {
        const struct fus_halves_category *o = &out[c];
        const double got[10] = {(double)o->n_selected[0],
                                (double)o->n_selected[1],
                                o->csi_same,
                                o->csi_cross,
                                o->dprime_same,
                                o->dprime_cross,
                                o->survival,
                                o->dice,
                                o->t_correlation,
                                o->auc_cross};
        static const char *const names[10] = {"units of half 0", "units of half 1", "CSI, same half", "CSI, other half",
                                              "d', same half",   "d', other half",  "survival",       "Dice",
                                              "r of t maps",     "AUC, other half"};
        for (int i = 0; i < 10; i++)
            CHECK_MSG(test_near(names[i], got[i], rows[c][i], 1e-10), "category %d, column %d: %.17g not %.17g", c, i,
                      got[i], rows[c][i]);
    }
    CHECK(fus_moments_create(&merged, CATEGORIES, UNITS, NULL) == 0);
    CHECK(fus_halves_merge(&merged, &m, NULL) == 0);
    for (int i = 0; i < CATEGORIES * UNITS; i++) {
        CHECK(fabs(merged.mean[i] - whole.mean[i]) <= 1e-14 * (1 + fabs(whole.mean[i])));
        CHECK(fabs(merged.m2[i] - whole.m2[i]) <= 1e-13 * (1 + whole.m2[i]));
    }
    struct fus_error err;
    CHECK(fus_halves_merge(&m, &whole, &err) == FUS_EINVAL &&
          fus_halves_layer(out, &whole, NULL, NULL, FUS_CRITERION_IUT, &usual, &err) == FUS_EINVAL);
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 80; n++) {
        fus_base_fail_allocation(n);
        code = fus_halves_layer(out, &m, &all, half_of, FUS_CRITERION_IUT, &usual, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    CHECK(fus_halves_layer(out, &m, NULL, NULL, FUS_CRITERION_IUT, &usual, NULL) == 0 && isnan(out[0].auc_cross));
    fus_moments_destroy(&m);
    fus_moments_destroy(&whole);
    fus_moments_destroy(&merged);
}

/* No category matters: d' of the units that chance selects is large where they were selected
 * and nothing in the other half, and a picture of the category drives them more than another
 * one half of the time. */
static void test_double_dipping(void)
{
    enum { N = 8000, IMAGES = 48 };
    static float x[IMAGES * N];
    static int category[IMAGES], half[IMAGES];
    struct fus_rng random;
    struct fus_moments m;
    struct fus_halves_category out[2];
    const struct fus_responses r = {.x = x,
                                    .category = category,
                                    .n_images = IMAGES,
                                    .n_units = N,
                                    .n_categories = 2,
                                    .channels = N,
                                    .height = 1,
                                    .width = 1};
    struct fus_select_options o = {.correction = FUS_UNCORRECTED, .alpha = 0.05};
    fus_rng_seed(&random, 21);
    CHECK(fus_moments_create(&m, 4, N, NULL) == 0);
    for (int i = 0; i < IMAGES; i++) {
        for (int u = 0; u < N; u++)
            x[i * N + u] = (float)(5 + fus_rng_normal(&random));
        category[i] = i % 2, half[i] = i / 2 % 2;
        fus_moments_add(&m, i % 4, x + i * N);
    }
    CHECK(fus_halves_layer(out, &m, &r, half, FUS_CRITERION_IUT, &o, NULL) == 0);
    for (int c = 0; c < 2; c++) {
        CHECK_MSG(out[c].dprime_same > 0.8 && fabs(out[c].dprime_cross) < 0.1, "d' %g, cross-validated %g",
                  out[c].dprime_same, out[c].dprime_cross);
        CHECK_MSG(fabs(out[c].survival - 0.05) < 0.04 && fabs(out[c].t_correlation) < 0.05, "%g %g", out[c].survival,
                  out[c].t_correlation);
        CHECK_MSG(fabs(out[c].auc_cross - 0.5) < 0.02, "AUC %g", out[c].auc_cross);
    }
    fus_moments_destroy(&m);
}

/* r of the t maps, plainly. */
static double plain_correlation(const struct fus_moments *m, int category)
{
    struct fus_moments a = fus_halves_view(m, 0), b = fus_halves_view(m, 1);
    double n = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t u = 0; u < m->n_units; u++) {
        double x = fus_select_least_t(&a, u, category, false), y = fus_select_least_t(&b, u, category, false);
        if (isnan(x) || isnan(y))
            continue;
        double dx = x - mean_x, dy = y - mean_y; /* Welford's */
        n++;
        mean_x += dx / n, mean_y += dy / n;
        xx += dx * (x - mean_x), yy += dy * (y - mean_y), xy += dx * (y - mean_y);
    }
    return xy / sqrt(xx * yy);
}

/* Chunks with undefined units in one half or the other, one of nothing else, and a rest: the same
 * bits from every row of the table of kernels. */
static void test_undefined(void)
{
    enum { N = 2 * FUS_SELECT_CHUNK + 1013, GROUPS = 6 };
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    static float x[N];
    struct fus_rng random;
    struct fus_moments m;
    struct fus_halves_category out[GROUPS / 2], first[GROUPS / 2];
    fus_rng_seed(&random, 22);
    CHECK(fus_moments_create(&m, GROUPS, N, NULL) == 0);
    for (int i = 0; i < 30; i++) {
        for (int u = 0; u < N; u++) {
            bool broken = i == 7 && u < 40 ? u % 3 == 1 : i == 9 && (u == 20 || u / FUS_SELECT_CHUNK == 1);
            x[u] = broken ? NAN : (float)(fus_rng_normal(&random) + (u % 3 == i % 3 ? 0.5 * (u % 7) : 0));
        }
        fus_moments_add(&m, i % GROUPS, x);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fus_error err;
        struct fus_moments none;
        fus_cpu_set_isa(names[i]);
        if (fus_moments_create(&none, 1, 1, &err) == FUS_EUNSUPPORTED) {
            SKIP(err.msg);
            continue;
        }
        fus_moments_destroy(&none);
        CHECK(fus_halves_layer(i ? out : first, &m, NULL, NULL, FUS_CRITERION_IUT, &usual, NULL) == 0);
        for (int c = 0; c < GROUPS / 2; c++)
            CHECK(i == 0 ||
                  (out[c].t_correlation == first[c].t_correlation && out[c].n_selected[0] == first[c].n_selected[0]));
    }
    fus_cpu_set_isa(NULL);
    for (int c = 0; c < GROUPS / 2; c++) {
        CHECK_MSG(test_close(first[c].t_correlation, plain_correlation(&m, c), 1e-12), "%g", first[c].t_correlation);
        CHECK(first[c].t_correlation > 0.1 && first[c].n_selected[0] > 0);
    }
    fus_moments_destroy(&m);
}

int main(void)
{
    test_golden();
    test_double_dipping();
    test_undefined();
    return test_end();
}
