/* SPDX-License-Identifier: MIT */
/* criteria.c and ranksum.c against NumPy and SciPy. */
#include "golden_layer.h"
#include "test.h"

static const int8_t labels[5][120] = {
#include "golden/stat_criteria.inc"
};
static const struct {
    size_t n_a, n_b;
    double u, p;
    float values[80];
} ranks[] = {
#include "golden/stat_ranks.inc"
};
static const struct fus_select_options usual = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH};

static void test_labels(void)
{
    int category[PICTURES];
    struct fus_moments m;
    struct fus_layer_summary layer;
    struct fus_error err;
    struct fus_responses r = golden_layer(category);
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    for (int k = FUS_CRITERION_PRINCE; k <= FUS_CRITERION_RATIO; k++) {
        CHECK(fus_criteria_layer(&layer, &m, "x", 6, 4, 5, (enum fus_criterion)k, &usual, NULL) == 0);
        size_t n = 0;
        for (int u = 0; u < UNITS; u++) {
            CHECK_MSG(layer.label[u] == labels[k - 1][u], "%s, unit %d: %d not %d",
                      fus_criteria_name((enum fus_criterion)k), u, layer.label[u], labels[k - 1][u]);
            n += layer.label[u] >= 0;
        }
        CHECK(n > 1 && layer.n_dead == 2);
        fus_select_free(&layer);
    }
    CHECK(fus_criteria_layer(&layer, &m, "x", 6, 4, 5, FUS_CRITERION_IUT, &usual, NULL) == 0);
    fus_select_free(&layer);
    CHECK(fus_criteria_layer(&layer, &m, "x", 6, 4, 5, FUS_CRITERION_RANKSUM, &usual, &err) == FUS_EINVAL);
    m.mean[5] = NAN;
    CHECK(fus_criteria_layer(&layer, &m, "x", 6, 4, 5, FUS_CRITERION_TDANN, &usual, NULL) == 0);
    CHECK(layer.label[5] == -1 && layer.n_undefined == 1);
    fus_select_free(&layer);
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 60; n++) {
        fus_base_fail_allocation(n);
        code = fus_criteria_layer(&layer, &m, "x", 6, 4, 5, FUS_CRITERION_PRINCE, &usual, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

/* Six copies of every response, half of them shifted by steps of 0.001 that differ from
 * picture to picture. */
static void test_ranksum_labels(void)
{
    enum { COPIES = 6 };
    static float x[PICTURES * COPIES * UNITS];
    static int category[PICTURES * COPIES];
    const float *from = responses;
    float *to = x;
    int at = 0;
    for (int c = 0; c < CATEGORIES; c++, from += pictures[c - 1] * UNITS)
        for (int copy = 0; copy < COPIES; copy++)
            for (int i = 0; i < pictures[c] * UNITS; i++) {
                *to++ = copy % 2 ? (float)(from[i] + fmod(0.001 * i, 0.1)) : from[i];
                category[at] = c;
                at += i % UNITS == UNITS - 1;
            }
    struct fus_responses r = {x,    category, PICTURES * COPIES,   UNITS, CATEGORIES, 6, 4, 5, NULL,
                              NULL, NULL,     FUS_REDRAW_PICTURES, false};
    struct fus_layer_summary layer;
    struct fus_error err;
    CHECK(fus_criteria_ranksum(&layer, &r, "x", NULL) == 0);
    size_t n = 0;
    for (int u = 0; u < UNITS; u++) {
        CHECK_MSG(layer.label[u] == labels[4][u], "unit %d: %d not %d", u, layer.label[u], labels[4][u]);
        n += layer.label[u] >= 0;
    }
    CHECK(n > 5);
    fus_select_free(&layer);
    int code = FUS_ENOMEM;
    for (long k = 1; code == FUS_ENOMEM && k < 60; k++) {
        fus_base_fail_allocation(k);
        code = fus_criteria_ranksum(&layer, &r, "x", &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    fus_select_free(&layer);
    r.width = 6;
    CHECK(fus_criteria_ranksum(&layer, &r, "x", &err) == FUS_EINVAL);
    r.width = 5;
    category[0] = 5;
    CHECK(fus_criteria_ranksum(&layer, &r, "x", &err) == FUS_EINVAL);
}

static void test_ranks(void)
{
    float scratch[80];
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        const float *a = ranks[i].values, *b = a + ranks[i].n_a;
        CHECK(test_near("Mann-Whitney U", fus_ranksum_u(a, ranks[i].n_a, b, ranks[i].n_b, scratch), ranks[i].u, 0));
        double p = fus_ranksum_p(a, ranks[i].n_a, b, ranks[i].n_b, scratch);
        CHECK_MSG(test_near("p by ranks", p, ranks[i].p, 1e-10), "row %zu (%zu, %zu): %.17g not %.17g", i, ranks[i].n_a,
                  ranks[i].n_b, p, ranks[i].p);
        double auc = fus_ranksum_auc(a, ranks[i].n_a, b, ranks[i].n_b, scratch);
        CHECK(test_near("AUC", auc, ranks[i].u / (double)(ranks[i].n_a * ranks[i].n_b), 0));
        CHECK(test_close(auc + fus_ranksum_auc(b, ranks[i].n_b, a, ranks[i].n_a, scratch), 1, 1e-15));
    }
    const float same[4] = {1, 1, 1, 1};
    CHECK(fus_ranksum_p(same, 2, same + 2, 2, scratch) == 1 && fus_ranksum_auc(same, 2, same, 2, scratch) == 0.5);
}

static void test_names(void)
{
    enum fus_criterion c;
    struct fus_error err;
    CHECK(fus_criteria_parse(&c, "tdann", NULL) == 0 && c == FUS_CRITERION_TDANN);
    CHECK(fus_criteria_parse(&c, "t", &err) == FUS_EINVAL && strstr(err.msg, "prince"));
}

int main(void)
{
    test_labels();
    test_ranksum_labels();
    test_ranks();
    test_names();
    return test_end();
}
