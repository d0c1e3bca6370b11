/* SPDX-License-Identifier: MIT */
/* select.c, search.c, csi.c and spatial.c: against NumPy and SciPy (tests/golden), against the
 * plain computation for every label, planted units, shuffled labels, broken input. `test_select
 * bench` times a layer. */
#include "analysis/analysis.h"

#include <time.h>

#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double summary[][11] = {
#include "golden/stat_select.inc"
};
static const int8_t label[] = {
#include "golden/stat_label.inc"
};
enum { UNITS = 120, CATEGORIES = 5 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2};
static const struct fus_select_options usual = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH};

static void golden_moments(struct fus_moments *m)
{
    const float *x = responses;
    CHECK(fus_moments_create(m, CATEGORIES, UNITS, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++)
        for (int i = 0; i < pictures[c]; i++, x += UNITS)
            fus_moments_add(m, c, x);
    CHECK((size_t)(x - responses) == sizeof responses / sizeof *responses);
}

static void test_golden(void)
{
    struct fus_moments m;
    struct fus_layer_summary layer;
    golden_moments(&m);
    CHECK(fus_select_layer(&layer, &m, "layer4.2.relu", 6, 4, 5, &usual, NULL) == 0);
    CHECK(memcmp(layer.label, label, UNITS) == 0);
    CHECK(strcmp(layer.name, "layer4.2.relu") == 0 && layer.n_dead == 2 && layer.n_undefined == 0);
    CHECK(layer.n_units == UNITS && layer.n_categories == CATEGORIES && layer.height == 4 && layer.width == 5);
    for (int c = 0; c < layer.n_categories; c++) {
        const struct fus_category_summary *s = &layer.categories[c];
        const double got[11] = {(double)s->n_selective,
                                s->proportion,
                                (double)s->n_csi_undefined,
                                s->csi_mean,
                                s->csi_sd,
                                s->csi_sem,
                                s->dprime_mean,
                                s->variation_cv,
                                s->variation_sd,
                                s->gini,
                                s->entropy};
        static const char *const names[11] = {
            "selective units", "proportion",     "units without CSI", "mean CSI", "sd of CSI", "SEM of CSI",
            "mean d'",         "variation (cv)", "variation (sd)",    "Gini",     "entropy"};
        for (int i = 0; i < 11; i++)
            CHECK_MSG(test_near(names[i], got[i], summary[c][i], 1e-10), "category %d, column %d: %.17g not %.17g", c,
                      i, got[i], summary[c][i]);
        CHECK(s->n_csi + s->n_csi_undefined == s->n_selective && isnan(s->ci_low) && isnan(s->ci_high));
        double on_map = 0;
        for (int i = 0; i < 20; i++)
            on_map += s->map[i];
        CHECK(fabs(on_map * 6 - (double)s->n_selective) < 1e-5);
    }
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

/* Labels from public functions alone, in double, nothing left out. */
static void plain_labels(int8_t *out, const struct fus_moments *m, const struct fus_select_options *o)
{
    size_t n = m->n_units;
    double *p = fus_base_alloc(n, sizeof *p), *q = fus_base_alloc(n, sizeof *q);
    bool *above = fus_base_alloc(n, sizeof *above);
    memset(out, -1, n);
    for (int c = 0; c < m->n_groups; c++) {
        for (size_t u = 0; u < n; u++) {
            p[u] = 0;
            above[u] = true;
            bool defined = true;
            for (int k = 0; k < m->n_groups; k++) {
                const double *a = &m->mean[(size_t)c * n + u], *b = &m->mean[(size_t)k * n + u];
                double va = m->m2[(size_t)c * n + u] / (double)(m->n[c] - 1),
                       vb = m->m2[(size_t)k * n + u] / (double)(m->n[k] - 1);
                defined = defined && isfinite(*b);
                double one = fus_ttest_p(*a, va, (double)m->n[c], *b, vb, (double)m->n[k]), df;
                if (o->test == FUS_TEST_STUDENT && (va > 0 || vb > 0)) {
                    double t = fus_ttest_student(&df, *a, va, (double)m->n[c], *b, vb, (double)m->n[k]);
                    one = fus_special_t_sf(t, df);
                }
                if (o->test == FUS_TEST_BALANCED)
                    one = fus_select_pair_p(m, u, c, k, FUS_TEST_BALANCED);
                if (k != c) {
                    p[u] = one > p[u] ? one : p[u];
                    above[u] = above[u] && *a > *b && (va > 0 || vb > 0);
                }
            }
            p[u] = defined ? p[u] : 1;
        }
        CHECK(fus_multiple_adjust(q, p, n, o->correction, NULL) == 0);
        for (size_t u = 0; u < n; u++)
            if (q[u] <= o->alpha && above[u])
                out[u] = (int8_t)c;
    }
    fus_base_free(p);
    fus_base_free(q);
    fus_base_free(above);
}

/* Means and variances over many orders of magnitude; a share of the units prefers a
 * category; ties and zeros. */
static void random_moments(struct fus_moments *m, struct fus_rng *r, int groups, size_t n, double effect)
{
    CHECK(fus_moments_create(m, groups, n, NULL) == 0 && fus_moments_keep_third(m, NULL) == 0);
    for (int g = 0; g < groups; g++)
        m->n[g] = 2 + (long)fus_rng_below(r, 60);
    for (size_t u = 0; u < n; u++) {
        double scale = pow(10, 8 * fus_rng_uniform(r) - 4);
        int prefers = (int)fus_rng_below(r, 2 * (uint64_t)groups);
        for (int g = 0; g < groups; g++) {
            double sd = scale * (0.2 + fus_rng_uniform(r)), gain = prefers == g ? effect * fus_rng_uniform(r) : 0;
            if (fus_rng_below(r, 40) == 0)
                sd = 0;
            m->mean[(size_t)g * n + u] = fus_rng_below(r, 20) ? scale * (gain + 0.1 * fus_rng_normal(r)) : 0;
            m->m2[(size_t)g * n + u] = sd * sd * (double)(m->n[g] - 1);
            /* up to the largest skewness of so many numbers */
            double k = (double)m->n[g], var = m->m2[(size_t)g * n + u] / k,
                   skew = (2 * fus_rng_uniform(r) - 1) * (k - 2) / sqrt(k - 1);
            m->m3[(size_t)g * n + u] = (fus_rng_below(r, 3) ? 0.2 : 1) * skew * var * sqrt(var) * k;
        }
        if (u % 501 == 0)
            m->mean[(size_t)(u % (size_t)groups) * n + u] = u % 2 ? NAN : INFINITY;
    }
}

static void test_same_as_plain(void)
{
    const double alphas[] = {0.05, 0.001, 0.3, 0.4899, 0.49, 0.6, 0.95, 1e-12};
    struct fus_rng r;
    fus_rng_seed(&r, 11);
    size_t n_selective = 0;
    /* from 64 on so many units that most of those selected are certain without a p */
    for (int round = 0; round < 76; round++) {
        struct fus_select_options o = {.correction = (enum fus_correction)(round % 4),
                                       .alpha = alphas[round / 4 % 8],
                                       .test = (enum fus_test)(round % 3)};
        struct fus_moments m;
        struct fus_layer_summary layer;
        size_t n = 1 + (size_t)fus_rng_below(&r, 3000) + (round < 64 ? 0 : 9000);
        int groups = 2 + (int)fus_rng_below(&r, round < 64 ? 6 : 2);
        double effect = 0.5 + 3 * fus_rng_uniform(&r);
        random_moments(&m, &r, groups, n, effect);
        int8_t *want = fus_base_alloc(n, 1);
        plain_labels(want, &m, &o);
        CHECK(fus_select_layer(&layer, &m, "x", (int)n, 1, 1, &o, NULL) == 0);
        CHECK_MSG(memcmp(layer.label, want, n) == 0, "round %d", round);
        CHECK(layer.n_undefined == (n + 500) / 501);
        for (int c = 0; c < layer.n_categories; c++)
            n_selective += layer.categories[c].n_selective;
        fus_select_free(&layer);
        fus_moments_destroy(&m);
        fus_base_free(want);
    }
    CHECK_MSG(n_selective > 5000, "only %zu units were selective", n_selective);
}

/* Squares of every row of the table of kernels: the same bits, and the t of single units; units
 * that leave a rest in every vector width. */
static void test_kernels(void)
{
    enum { GROUPS = 4, N = 1023 };
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    static double squares[2][GROUPS + 2][FUS_SELECT_CHUNK];
    double weight[GROUPS * GROUPS];
    struct fus_rng r;
    struct fus_moments m;
    fus_rng_seed(&r, 16);
    random_moments(&m, &r, GROUPS, N, 2);
    for (int g = 0; g < GROUPS; g++)
        m.m2[g * N + 3] = 0;
    m.m2[N + 7] = INFINITY;
    fus_select_weights(weight, &m, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct fus_kernel *kernel = fus_kernels_pick(names[i], NULL);
        if (!kernel) {
            SKIP(names[i]);
            continue;
        }
        kernel->least_t(squares[i > 0][0], FUS_SELECT_CHUNK, m.mean, m.m2, N, weight, GROUPS, N);
        CHECK(memcmp(squares[0], squares[i > 0], sizeof squares[0]) == 0);
    }
    CHECK(squares[0][GROUPS + 1][3] == 0 && isnan(squares[0][GROUPS + 1][7]));
    for (size_t u = 0; u < N; u++) {
        bool defined = fus_select_defined(&m, u);
        double most = 0;
        CHECK(defined == !isnan(squares[0][GROUPS + 1][u]));
        for (int c = 0; c < GROUPS && defined; c++) {
            double t = fus_select_least_t(&m, u, c, false);
            CHECK(test_close(squares[0][c][u], t * fabs(t), 1e-13));
            most = fmax(most, squares[0][c][u]);
        }
        CHECK(!defined || squares[0][GROUPS][u] == most);
    }
    fus_moments_destroy(&m);
}

/* The same labels and the same sums whatever the number of threads. */
static void test_threads(void)
{
    struct fus_rng r;
    struct fus_moments m;
    struct fus_layer_summary one, three;
    fus_rng_seed(&r, 12);
    random_moments(&m, &r, 5, 30000, 2);
    fus_base_set_threads(1);
    CHECK(fus_select_layer(&one, &m, "x", 100, 15, 20, &usual, NULL) == 0);
    fus_base_set_threads(3);
    CHECK(fus_select_layer(&three, &m, "x", 100, 15, 20, &usual, NULL) == 0);
    fus_base_set_threads(0);
    CHECK(memcmp(one.label, three.label, 30000) == 0);
    for (int c = 0; c < 5; c++) {
        CHECK(one.categories[c].csi_mean == three.categories[c].csi_mean);
        CHECK(one.categories[c].dprime_mean == three.categories[c].dprime_mean);
        CHECK(one.categories[c].n_selective > 100);
    }
    fus_select_free(&one);
    fus_select_free(&three);
    fus_moments_destroy(&m);
}

/* Every table is float; q and t must lead to the labels of the layer. */
static void test_units(void)
{
    struct fus_moments m;
    static float table[6][CATEGORIES * UNITS];
    golden_moments(&m);
    m.mean[7] = NAN;
    struct fus_unit_tables out = {table[0], table[1], table[2], table[3], table[4], table[5]}, none = {0};
    CHECK(fus_select_units(&out, &m, &usual, NULL) == 0 && fus_select_units(&none, &m, &usual, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++)
        for (int u = 0; u < UNITS; u++) {
            int i = c * UNITS + u;
            CHECK((out.q[i] <= 0.05f && out.t[i] > 0) == (u != 7 && label[u] == c));
            CHECK(out.p[i] <= out.q[i] && out.q[i] <= 1);
            CHECK(u == 7 || out.mean[i] == (float)m.mean[i]);
        }
    CHECK(isnan(out.t[7]) && out.p[7] == 1 && out.q[7] == 1 && isnan(out.csi[7]));
    CHECK(out.p[0] == 1 && out.t[0] == 0); /* dead */
    fus_moments_destroy(&m);
}

/* Of 4000 units, 400 respond to one category; nothing else may be found beyond alpha, and nearly
 * all of them must be. */
static void test_planted(void)
{
    enum { N = 4000, PER_CATEGORY = 24, GROUPS = 5 };
    static float x[N];
    struct fus_rng r;
    struct fus_moments m, shuffled;
    struct fus_layer_summary layer;
    fus_rng_seed(&r, 13);
    CHECK(fus_moments_create(&m, GROUPS, N, NULL) == 0 && fus_moments_create(&shuffled, GROUPS, N, NULL) == 0);
    for (int i = 0; i < GROUPS * PER_CATEGORY; i++) {
        for (int u = 0; u < N; u++)
            x[u] = (float)(fus_rng_normal(&r) + (u < 400 && u % GROUPS == i % GROUPS ? 2.0 : 0.0));
        fus_moments_add(&m, i % GROUPS, x);
        fus_moments_add(&shuffled, i / GROUPS % GROUPS, x);
    }
    CHECK(fus_select_layer(&layer, &m, "x", N, 1, 1, &usual, NULL) == 0);
    int hits = 0, wrong = 0;
    for (int u = 0; u < N; u++)
        if (layer.label[u] >= 0)
            *(u < 400 && layer.label[u] == u % GROUPS ? &hits : &wrong) += 1;
    printf("planted: %d of 400 found, %d false\n", hits, wrong);
    CHECK(hits > 390 && wrong <= 0.05 * (hits + wrong));
    fus_select_free(&layer);
    CHECK(fus_select_layer(&layer, &shuffled, "x", N, 1, 1, &usual, NULL) == 0);
    for (int c = 0; c < GROUPS; c++)
        CHECK(layer.categories[c].n_selective <= 2);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    fus_moments_destroy(&shuffled);
}

/* Two categories, no correction, no effect: the share of units found is alpha for each. */
static void test_nominal(void)
{
    enum { N = 20000 };
    static float x[N];
    struct fus_rng r;
    struct fus_moments m;
    struct fus_layer_summary layer;
    struct fus_select_options o = {.correction = FUS_UNCORRECTED, .alpha = 0.05};
    fus_rng_seed(&r, 14);
    CHECK(fus_moments_create(&m, 2, N, NULL) == 0);
    for (int i = 0; i < 40; i++) {
        for (int u = 0; u < N; u++)
            x[u] = (float)fus_rng_normal(&r);
        fus_moments_add(&m, i % 2, x);
    }
    CHECK(fus_select_layer(&layer, &m, "x", N, 1, 1, &o, NULL) == 0);
    for (int c = 0; c < 2; c++) /* 4 standard errors: 4 sqrt(0.05 * 0.95 / 20000) = 0.0062 */
        CHECK_MSG(fabs(layer.categories[c].proportion - 0.05) < 0.0062, "%g", layer.categories[c].proportion);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

static void test_refusals(void)
{
    struct fus_moments m;
    struct fus_layer_summary layer;
    struct fus_unit_tables none = {0};
    struct fus_error err;
    struct fus_select_options bad = {.correction = FUS_BH, .alpha = 1};
    golden_moments(&m);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 6, &usual, &err) == FUS_EINVAL && !layer.label);
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &bad, &err) == FUS_EINVAL && strstr(err.msg, "alpha"));
    CHECK(fus_select_layer(&layer, &m, "a name with more than forty-eight characters in all", 6, 4, 5, &usual, &err) ==
          FUS_ELIMIT);
    m.n[4] = 1;
    CHECK(fus_select_layer(&layer, &m, "x", 6, 4, 5, &usual, &err) == FUS_EINVAL && strstr(err.msg, "category 4"));
    CHECK(fus_select_units(&none, &m, &usual, &err) == FUS_EINVAL);
    m.n[4] = 2;
    fus_base_set_threads(1); /* the n-th allocation is the same one */
    int code = FUS_ENOMEM;
    long n = 1;
    for (; code == FUS_ENOMEM && n < 100; n++) {
        fus_base_fail_allocation(n);
        code = fus_select_layer(&layer, &m, "x", 6, 4, 5, &usual, &err);
        fus_base_fail_allocation(0);
        CHECK(code == 0 || (code == FUS_ENOMEM && !layer.label && !layer.categories));
    }
    CHECK(code == 0 && n > 10);
    fus_select_free(&layer);
    float table[CATEGORIES * UNITS];
    none.q = table;
    for (code = FUS_ENOMEM, n = 1; code == FUS_ENOMEM && n < 100; n++) {
        fus_base_fail_allocation(n);
        code = fus_select_units(&none, &m, &usual, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0 && n > 3);
    fus_base_set_threads(0);
    fus_moments_destroy(&m);
}

static void bench(void)
{
    size_t n = 802816;
    struct fus_rng r;
    struct fus_moments m;
    struct fus_layer_summary layer;
    fus_rng_seed(&r, 15);
    random_moments(&m, &r, 5, n, 4);
    for (int g = 0; g < 5; g++)
        m.n[g] = 48;
    struct timespec a, b;
    timespec_get(&a, TIME_UTC);
    int code = fus_select_layer(&layer, &m, "x", 256, 56, 56, &usual, NULL);
    timespec_get(&b, TIME_UTC);
    double s = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    double share = 0;
    for (int c = 0; c < 5; c++)
        share += layer.categories[c].proportion;
    printf("%d: %.3f s for %zu units, %.0f%% selective; %.2f s for 6.3 million\n", code, s, n, 100 * share,
           s * 6322176 / (double)n);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0) {
        bench();
        return 0;
    }
    test_golden();
    test_same_as_plain();
    test_kernels();
    test_threads();
    test_units();
    test_planted();
    test_nominal();
    test_refusals();
    return test_end();
}
