/* SPDX-License-Identifier: MIT */
/* decision.c: the decision on one unit is that of select.c and criteria.c on its layer, by every
 * criterion, test and correction. Its numbers against SciPy: tests/cli_explain.sh. */
#include "analysis/decision.h"
#include "golden_layer.h"
#include "test.h"

static int category[PICTURES];

static void make_moments(struct fus_moments *m, bool third)
{
    const struct fus_responses r = golden_layer(category);
    CHECK(fus_moments_create(m, CATEGORIES, UNITS, NULL) == 0);
    if (third)
        CHECK(fus_moments_keep_third(m, NULL) == 0);
    fus_responses_moments(m, &r, NULL, PICTURES, NULL);
}

/* Every step-th unit's label, and what it comes from, against the layer's. Returns the number of
 * selective units. */
static int check_layer(const struct fus_moments *m, const struct fus_select_options *o, size_t step)
{
    struct fus_layer_summary layer;
    struct fus_decision d;
    static double p[CATEGORIES][UNITS], q[CATEGORIES][UNITS], t[CATEGORIES][UNITS];
    int n = 0;
    for (int c = 0; c < CATEGORIES && o->criterion == FUS_CRITERION_IUT; c++)
        CHECK(fus_select_category(q[c], p[c], t[c], m, c, o, NULL) == 0);
    CHECK(fus_criteria_label(&layer, m, "x", 6, 4, 5, o->criterion, o, NULL) == 0);
    for (size_t u = 0; u < UNITS; u += step) {
        int c = fus_decision_category(m, u, o);
        CHECK(fus_decision_pairs(&d, m, u, c, o, NULL, NULL) == 0);
        CHECK(fus_decision_correct(&d, m, NULL, u, o, NULL) == 0);
        CHECK_MSG(d.label == layer.label[u], "%s %s %s, unit %zu: %d not %d", fus_criteria_name(o->criterion),
                  fus_select_test_name(o->test), fus_multiple_name(o->correction), u, d.label, layer.label[u]);
        n += d.label >= 0;
        if (o->criterion != FUS_CRITERION_IUT || c < 0)
            continue;
        CHECK(d.p == p[c][u] && d.least_t == t[c][u] && d.rank.q == q[c][u] && d.n_pairs == CATEGORIES - 1);
        CHECK(d.rank.first <= d.rank.last && d.rank.last <= UNITS && d.pairs[d.worst].p == d.p);
        if (d.rank.at)
            CHECK(d.rank.p_at * d.rank.scale / (double)d.rank.at == d.rank.q && d.rank.at >= d.rank.last);
    }
    fus_select_free(&layer);
    return n;
}

static void test_labels(void)
{
    struct fus_moments m;
    int n = 0;
    make_moments(&m, true);
    for (int test = FUS_TEST_BALANCED; test <= FUS_TEST_STUDENT; test++)
        for (int correction = FUS_BH; correction <= FUS_UNCORRECTED; correction++) {
            const struct fus_select_options o = {
                .correction = (enum fus_correction)correction, .alpha = 0.2, .test = (enum fus_test)test};
            n += check_layer(&m, &o, test == FUS_TEST_BALANCED ? 8 : 1);
        }
    CHECK(n > 20);
    for (int k = FUS_CRITERION_PRINCE; k <= FUS_CRITERION_RATIO; k++) {
        const struct fus_select_options o = {.alpha = 0.2, .test = FUS_TEST_WELCH, .criterion = (enum fus_criterion)k};
        CHECK(check_layer(&m, &o, 1) > 1);
    }
    m.mean[5] = NAN;
    const struct fus_select_options usual = {.alpha = 0.2};
    CHECK(fus_decision_category(&m, 5, &usual) == -1);
    check_layer(&m, &usual, 5);
    fus_moments_destroy(&m);
}

/* The parts of the balanced p are those that it is made of. */
static void test_terms(void)
{
    struct fus_moments m;
    int n = 0;
    make_moments(&m, true);
    for (size_t u = 0; u < UNITS; u++)
        for (int b = 1; b < CATEGORIES; b++) {
            const struct fus_ttest_group one = fus_select_group(&m, u, 0), other = fus_select_group(&m, u, b);
            struct fus_balanced_terms terms;
            double p = fus_balanced_p(&one, &other);
            fus_balanced_terms(&terms, &one, &other);
            if (isnan(terms.welch)) {
                CHECK(p == 1);
                continue;
            }
            double hall = terms.hall < terms.welch ? terms.hall : terms.welch;
            double most = isnan(terms.h) ? terms.welch : terms.permutation > hall ? terms.permutation : hall;
            if (one.mean > other.mean)
                CHECK(p == most);
            CHECK(isnan(terms.h) == (one.n == other.n));
            n++;
        }
    CHECK(n > 300);
    fus_moments_destroy(&m);
}

/* The labels by relabelling, from single responses. */
static void test_permutation(void)
{
    const struct fus_responses r = golden_layer(category);
    const struct fus_select_options o = {
        .correction = FUS_UNCORRECTED, .alpha = 0.2, .test = FUS_TEST_PERMUTATION, .relabellings = 199, .seed = 3};
    struct fus_layer_summary layer;
    struct fus_moments m;
    struct fus_decision d;
    int n = 0;
    make_moments(&m, false);
    CHECK(fus_relabel_label(&layer, &m, &r, "x", &o, NULL, NULL) == 0);
    for (size_t u = 0; u < UNITS; u += 5) {
        CHECK(fus_decision_pairs(&d, &m, u, fus_decision_category(&m, u, &o), &o, NULL, NULL) == 0);
        CHECK(isnan(d.p) && fus_decision_correct(&d, &m, &r, u, &o, NULL) == 0);
        CHECK_MSG(d.label == layer.label[u], "unit %zu: %d not %d", u, d.label, layer.label[u]);
        CHECK(d.p >= 1.0 / 200 && d.p <= 1 && d.p == d.pairs[d.worst].p);
        n += d.label >= 0;
    }
    CHECK(n > 2);
    CHECK(fus_decision_correct(&d, &m, NULL, 0, &o, NULL) == FUS_EINVAL);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

static void test_ranksum(void)
{
    enum { COPIES = 8 };
    static float x[PICTURES * COPIES * UNITS], value[PICTURES * COPIES];
    static int of[PICTURES * COPIES];
    struct fus_responses r = golden_layer(category);
    const struct fus_select_options o = {.criterion = FUS_CRITERION_RANKSUM};
    const struct fus_decision_responses one = {value, of, PICTURES * COPIES};
    struct fus_layer_summary layer;
    struct fus_moments m;
    struct fus_decision d;
    int n = 0;
    for (int copy = 0; copy < COPIES; copy++)
        for (int i = 0; i < PICTURES; i++) {
            of[copy * PICTURES + i] = category[i];
            memcpy(x + (size_t)(copy * PICTURES + i) * UNITS, responses + (size_t)i * UNITS, UNITS * sizeof *x);
        }
    r.x = x, r.category = of, r.n_images = PICTURES * COPIES;
    CHECK(fus_criteria_ranksum(&layer, &r, "x", NULL) == 0);
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == 0);
    fus_responses_moments(&m, &r, NULL, r.n_images, NULL);
    for (size_t u = 0; u < UNITS; u++) {
        for (size_t i = 0; i < r.n_images; i++)
            value[i] = x[i * UNITS + u];
        CHECK(fus_decision_pairs(&d, &m, u, fus_decision_category(&m, u, &o), &o, &one, NULL) == 0);
        fus_decision_decide(&d, &o);
        CHECK_MSG(d.label == layer.label[u], "unit %zu: %d not %d", u, d.label, layer.label[u]);
        n += d.label >= 0;
    }
    CHECK(n > 5);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

/* Without third moments there is no p of unequal numbers; no memory is an error. */
static void test_failures(void)
{
    const struct fus_select_options o = {.alpha = 0.2};
    struct fus_moments m;
    struct fus_decision d;
    make_moments(&m, false);
    CHECK(fus_decision_pairs(&d, &m, 3, 0, &o, NULL, NULL) == 0);
    for (int i = 0; i < d.n_pairs; i++) {
        bool equal = pictures[d.pairs[i].rival] == pictures[0];
        CHECK(isnan(d.pairs[i].p) == !equal && isnan(d.pairs[i].balanced.hall) && !isnan(d.pairs[i].balanced.welch));
    }
    CHECK(fus_decision_correct(&d, &m, NULL, 3, &o, NULL) == FUS_EINVAL);
    const struct fus_select_options welch = {.alpha = 0.2, .test = FUS_TEST_WELCH};
    fus_base_fail_allocation(1);
    CHECK(fus_decision_correct(&d, &m, NULL, 3, &welch, NULL) == FUS_ENOMEM);
    fus_base_fail_allocation(0);
    fus_moments_destroy(&m);
}

/* By hand: ten p, three of them equal. */
static void test_rank(void)
{
    const double given[] = {0.5, 0.01, 0.04, 0.9, 0.04, 0.001, 0.3, 0.04, 0.8, 0.2};
    struct fus_decision_rank r;
    double p[10];
    memcpy(p, given, sizeof p);
    fus_decision_rank(&r, 0.04, p, 10, FUS_BH);
    CHECK(r.first == 3 && r.last == 5 && r.at == 5 && r.p_at == 0.04 && r.q == 0.04 * 10 / 5);
    fus_decision_rank(&r, 0.01, p, 10, FUS_BONFERRONI);
    CHECK(r.first == 2 && r.last == 2 && r.at == 0 && r.q == 0.01 * 10);
    fus_decision_rank(&r, 0.9, p, 10, FUS_BONFERRONI);
    CHECK(r.q == 1);
    fus_decision_rank(&r, 0.9, p, 10, FUS_BY);
    CHECK(r.q == 1 && r.at == 0);
    fus_decision_rank(&r, 0.3, p, 10, FUS_UNCORRECTED);
    CHECK(r.q == 0.3 && r.first == 7);
}

int main(void)
{
    test_labels();
    test_terms();
    test_permutation();
    test_ranksum();
    test_failures();
    test_rank();
    return test_end();
}
