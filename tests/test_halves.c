/* halves.c against NumPy, and what cross-validation is for: noise alone gives no cross-validated selectivity. */
#include "analysis/inference.h"
#include "nn/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double rows[5][9] = {
#include "golden/stat_halves.inc"
};
enum { UNITS = 120, CATEGORIES = 5 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2};
static const struct fus_select_options usual = {.correction = FUS_BH, .alpha = 0.05};

/* As in statistics.py: each category's pictures, then the same backwards with a ramp added; even and odd ones apart. */
static void make_halves(struct fus_moments *split, struct fus_moments *whole)
{
    const float *from = responses;
    CHECK(fus_moments_create(split, 2 * CATEGORIES, UNITS, NULL) == 0);
    CHECK(fus_moments_create(whole, CATEGORIES, UNITS, NULL) == 0);
    for (int c = 0; c < CATEGORIES; from += pictures[c++] * UNITS)
        for (int i = 0; i < 2 * pictures[c]; i++) {
            float x[UNITS];
            for (int u = 0; u < UNITS; u++)
                x[u] = i < pictures[c] ? from[i * UNITS + u]
                                       : from[(2 * pictures[c] - 1 - i) * UNITS + u] +
                                             0.125f * (float)(((i - pictures[c]) * UNITS + u) % 7);
            fus_moments_add(split, i % 2 * CATEGORIES + c, x);
            fus_moments_add(whole, c, x);
        }
}

static void test_golden(void)
{
    struct fus_moments m, whole, merged;
    struct fus_halves_category out[CATEGORIES];
    make_halves(&m, &whole);
    CHECK(fus_halves_layer(out, &m, FUS_CRITERION_IUT, &usual, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++) {
        const struct fus_halves_category *o = &out[c];
        const double got[9] = {(double)o->n_selected[0], (double)o->n_selected[1], o->csi_same, o->csi_cross, o->dprime_same,
                               o->dprime_cross, o->survival, o->dice, o->t_correlation};
        for (int i = 0; i < 9; i++)
            CHECK_MSG(test_close(got[i], rows[c][i], 1e-10), "category %d, column %d: %.17g not %.17g", c, i, got[i], rows[c][i]);
    }
    CHECK(fus_moments_create(&merged, CATEGORIES, UNITS, NULL) == 0);
    CHECK(fus_halves_merge(&merged, &m, NULL) == 0);
    for (int i = 0; i < CATEGORIES * UNITS; i++) {
        CHECK(fabs(merged.mean[i] - whole.mean[i]) <= 1e-14 * (1 + fabs(whole.mean[i])));
        CHECK(fabs(merged.m2[i] - whole.m2[i]) <= 1e-13 * (1 + whole.m2[i]));
    }
    struct fus_error err;
    CHECK(fus_halves_merge(&m, &whole, &err) == FUS_EINVAL && fus_halves_layer(out, &whole, FUS_CRITERION_IUT, &usual, &err) == FUS_EINVAL);
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 80; n++) {
        fus_base_fail_allocation(n);
        code = fus_halves_layer(out, &m, FUS_CRITERION_IUT, &usual, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    fus_moments_destroy(&m);
    fus_moments_destroy(&whole);
    fus_moments_destroy(&merged);
}

/* No category matters: d' of the units that chance selects is large where they were selected and nothing in the other half. */
static void test_double_dipping(void)
{
    enum { N = 8000 };
    static float x[N];
    struct fus_rng r;
    struct fus_moments m;
    struct fus_halves_category out[2];
    struct fus_select_options o = {.correction = FUS_UNCORRECTED, .alpha = 0.05};
    fus_rng_seed(&r, 21);
    CHECK(fus_moments_create(&m, 4, N, NULL) == 0);
    for (int i = 0; i < 48; i++) {
        for (int u = 0; u < N; u++)
            x[u] = (float)(5 + fus_rng_normal(&r));
        fus_moments_add(&m, i % 4, x);
    }
    CHECK(fus_halves_layer(out, &m, FUS_CRITERION_IUT, &o, NULL) == 0);
    for (int c = 0; c < 2; c++) {
        CHECK_MSG(out[c].dprime_same > 0.8 && fabs(out[c].dprime_cross) < 0.1, "d' %g, cross-validated %g", out[c].dprime_same,
                  out[c].dprime_cross);
        CHECK_MSG(fabs(out[c].survival - 0.05) < 0.04 && fabs(out[c].t_correlation) < 0.05, "%g %g", out[c].survival,
                  out[c].t_correlation);
    }
    fus_moments_destroy(&m);
}

int main(void)
{
    test_golden();
    test_double_dipping();
    return test_end();
}
