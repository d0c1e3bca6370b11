/* SPDX-License-Identifier: MIT */
/* sweep.c and fus_criteria_count: every row is what the criterion itself finds
 * at that threshold. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "test.h"

enum { UNITS = 5003, CATEGORIES = 4 };

/* Half of the units prefer some category; two are undefined. */
static void make_moments(struct fus_moments *m, int units)
{
    struct fus_rng r;
    fus_rng_seed(&r, 5);
    CHECK(fus_moments_create(m, CATEGORIES, (size_t)units, NULL) == 0);
    for (int i = 0; i < 12 * CATEGORIES; i++) {
        float x[UNITS];
        for (int u = 0; u < units; u++)
            x[u] = (float)(2 + fus_rng_normal(&r) + (u % 8 == i % CATEGORIES ? 0.002 * u : 0));
        x[7] = x[units - 2] = NAN;
        fus_moments_add(m, i % CATEGORIES, x);
    }
}

static void test_rows(void)
{
    struct fus_moments m;
    size_t *n = fus_base_alloc(fus_sweep_count() * CATEGORIES, sizeof *n), found = 0;
    struct fus_error err;
    make_moments(&m, UNITS);
    for (int test = FUS_TEST_WELCH; test <= FUS_TEST_STUDENT; test++) {
        struct fus_select_options o = {.alpha = 0.2, .test = (enum fus_test)test};
        CHECK(fus_sweep_layer(n, &m, &o, &err) == FUS_OK);
        for (size_t i = 0; i < fus_sweep_count(); i++) {
            struct fus_sweep_threshold t = fus_sweep_threshold(i);
            bool own = (t.criterion == FUS_CRITERION_TDANN && t.threshold == 10) ||
                       (t.criterion == FUS_CRITERION_DPRIME && t.threshold == 1) ||
                       (t.criterion == FUS_CRITERION_RATIO && t.threshold == 1.0 / 3);
            if (t.criterion > FUS_CRITERION_PRINCE && !own)
                continue; /* a cut that the criterion itself does not have */
            struct fus_select_options at = {
                .correction = t.correction, .alpha = own ? 0.5 : t.threshold, .test = (enum fus_test)test};
            struct fus_layer_summary layer;
            CHECK_MSG(fus_criteria_layer(&layer, &m, "x", 1, UNITS, 1, t.criterion, &at, &err) == FUS_OK, "%s",
                      err.msg);
            for (size_t c = 0; c < CATEGORIES; c++) {
                CHECK_MSG(layer.categories[c].n_selective == n[c * fus_sweep_count() + i], "row %zu, category %zu", i,
                          c);
                found += layer.categories[c].n_selective;
            }
            fus_select_free(&layer);
        }
    }
    CHECK_MSG(found > 20000, "only %zu", found);
    fus_base_free(n);
    fus_moments_destroy(&m);
}

/* Higher cuts, fewer units; no cut at all, every defined unit once. */
static void test_count(void)
{
    const double cuts[] = {-INFINITY, 0, 0.5, 1, 2, INFINITY};
    struct fus_moments m;
    size_t n[CATEGORIES * 6], all = 0;
    struct fus_error err;
    make_moments(&m, UNITS);
    CHECK(fus_criteria_count(n, &m, FUS_CRITERION_DPRIME, cuts, 6, &err) == FUS_OK);
    for (int c = 0; c < CATEGORIES; c++) {
        all += n[c * 6];
        for (int k = 1; k < 6; k++)
            CHECK(n[c * 6 + k] <= n[c * 6 + k - 1]);
        CHECK(n[c * 6 + 3] > 100 && n[c * 6 + 5] == 0);
    }
    CHECK(all == UNITS - 2);
    fus_moments_destroy(&m);
}

static void test_failures(void)
{
    struct fus_moments m;
    struct fus_error err;
    int code = FUS_ENOMEM;
    make_moments(&m, 203);
    size_t *rows = fus_base_alloc(fus_sweep_count() * CATEGORIES, sizeof *rows);
    struct fus_select_options o = {.alpha = 0.05, .test = FUS_TEST_WELCH};
    for (long k = 1; code == FUS_ENOMEM && k < 2000; k++) {
        fus_base_fail_allocation(k);
        code = fus_sweep_layer(rows, &m, &o, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
    m.n_groups = 1;
    CHECK(fus_sweep_layer(rows, &m, &o, &err) == FUS_EINVAL);
    m.n_groups = CATEGORIES;
    fus_base_free(rows);
    fus_moments_destroy(&m);
}

int main(void)
{
    fus_base_set_threads(1); /* thousands of short loops: not worth a team each */
    test_rows();
    test_count();
    test_failures();
    return test_end();
}
