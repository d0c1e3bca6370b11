/* SPDX-License-Identifier: MIT */
/* The decision on one unit, step by step: see analysis/decision.h. Nothing is decided here that
 * select.c and criteria.c decide otherwise: tests/test_decision.c compares the labels. */
#include "analysis/decision.h"

#include <math.h>
#include <string.h>

static bool has_statistic(enum fus_criterion criterion)
{
    return criterion == FUS_CRITERION_TDANN || criterion == FUS_CRITERION_DPRIME || criterion == FUS_CRITERION_RATIO;
}

int fus_decision_category(const struct fus_moments *m, size_t unit, const struct fus_select_options *options)
{
    bool statistic = has_statistic(options->criterion);
    double most = -INFINITY;
    int best = -1;
    for (int c = 0; c < m->n_groups && fus_select_defined(m, unit); c++) {
        double mean = m->mean[(size_t)c * m->n_units + unit],
               value = statistic ? fus_criteria_statistic(m, unit, c, options->criterion) : mean;
        if (value > most)
            best = c, most = value;
    }
    return best < 0 && fus_select_defined(m, unit) ? 0 : best; /* no statistic is defined */
}

/* ---- pairs ---- */

static void test_pair(struct fus_decision_pair *pair, const struct fus_moments *m, size_t unit, int category,
                      enum fus_test test)
{
    bool third = test != FUS_TEST_BALANCED || m->m3 || m->n[category] == m->n[pair->rival];
    bool known = third && test != FUS_TEST_PERMUTATION;
    pair->t = fus_select_pair_t(&pair->df, m, unit, category, pair->rival, test == FUS_TEST_STUDENT);
    pair->p = known ? fus_select_pair_p(m, unit, category, pair->rival, test) : NAN;
    if (test == FUS_TEST_BALANCED) {
        const struct fus_ttest_group a = fus_select_group(m, unit, category),
                                     b = fus_select_group(m, unit, pair->rival);
        fus_balanced_terms(&pair->balanced, &a, &b);
        if (!third)
            pair->balanced.h = pair->balanced.hall = pair->balanced.permutation = NAN;
    }
}

/* The responses to one category, in the order of the pictures; returns their number. */
static size_t gather(float *to, const struct fus_decision_responses *r, int category)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_images; i++)
        if (r->category[i] == category)
            to[n++] = r->value[i];
    return n;
}

static int rank_pair(struct fus_decision_pair *pair, const struct fus_decision_responses *r, int category,
                     struct fus_error *err)
{
    float *a = fus_base_alloc(r->n_images, 3 * sizeof *a), *b = a ? a + r->n_images : NULL;
    if (!a)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", r->n_images);
    size_t n_a = gather(a, r, category), n_b = gather(b, r, pair->rival);
    pair->u = fus_ranksum_u(a, n_a, b, n_b, b + r->n_images);
    pair->auc = pair->u / ((double)n_a * (double)n_b);
    pair->p = fus_ranksum_two_sided(a, n_a, b, n_b, b + r->n_images);
    fus_base_free(a);
    return FUS_OK;
}

int fus_decision_pairs(struct fus_decision *out, const struct fus_moments *m, size_t unit, int category,
                       const struct fus_select_options *options, const struct fus_decision_responses *r,
                       struct fus_error *err)
{
    enum fus_criterion criterion = options->criterion;
    bool tested = criterion == FUS_CRITERION_IUT || criterion == FUS_CRITERION_PRINCE ||
                  (criterion == FUS_CRITERION_RANKSUM && r);
    int code = FUS_OK;
    memset(out, 0, sizeof *out);
    out->category = category;
    out->label = -1;
    out->p = out->least_t = NAN;
    out->cut = fus_criteria_cut(criterion);
    for (int c = 0; c < m->n_groups; c++)
        out->statistic[c] = has_statistic(criterion) ? fus_criteria_statistic(m, unit, c, criterion) : NAN;
    for (int k = 0; k < m->n_groups && category >= 0 && tested && !code; k++) {
        if (k == category)
            continue;
        struct fus_decision_pair *pair = &out->pairs[out->n_pairs++];
        *pair = (struct fus_decision_pair){k, NAN, NAN, NAN, {NAN, NAN, NAN, NAN, NAN}, {.q = NAN}, NAN, NAN};
        if (criterion == FUS_CRITERION_IUT)
            test_pair(pair, m, unit, category, options->test);
        else if (criterion == FUS_CRITERION_PRINCE)
            pair->p = fus_criteria_pair_p(&pair->t, &pair->df, m, unit, category, k);
        else
            code = rank_pair(pair, r, category, err);
        if (!(pair->t >= out->least_t))
            out->least_t = pair->t;
        if (out->n_pairs == 1 || isnan(pair->p) || pair->p > out->pairs[out->worst].p)
            out->worst = out->n_pairs - 1;
    }
    if (out->n_pairs)
        out->p = out->pairs[out->worst].p;
    return code;
}

/* ---- over the layer ---- */

void fus_decision_rank(struct fus_decision_rank *out, double value, double *p, size_t n, enum fus_correction correction)
{
    *out = (struct fus_decision_rank){.n = n, .scale = fus_multiple_scale(n, correction)};
    fus_order_sort(p, n);
    while (out->first < n && p[out->first] < value)
        out->first++;
    for (out->last = out->first; out->last < n && p[out->last] <= value;)
        out->last++;
    out->first++;
    out->q = value * out->scale < 1 ? value * out->scale : 1;
    if (correction != FUS_BH && correction != FUS_BY)
        return;
    double least = 1;
    for (size_t j = n; j >= out->last && j > 0; j--) { /* as fus_multiple_adjust */
        double q = p[j - 1] * out->scale / (double)j;
        if (q < least) {
            least = q;
            out->at = j;
            out->p_at = p[j - 1];
        }
    }
    out->q = least;
}

static void correct_pairs(struct fus_decision *out, const struct fus_moments *m, double *p)
{
    for (int i = 0; i < out->n_pairs; i++) {
        int a = out->category < out->pairs[i].rival ? out->category : out->pairs[i].rival,
            b = out->category + out->pairs[i].rival - a; /* as label_prince: the same bits */
        fus_criteria_pair(p, m, a, b);
        fus_decision_rank(&out->pairs[i].rank, out->pairs[i].p, p, m->n_units, FUS_BY);
        if (out->pairs[i].rank.q > out->pairs[out->worst].rank.q)
            out->worst = i;
    }
}

/* p of every unit for the category, and of the pairs of the permutation test. work [3, n_units]. */
static int test_layer(double **p, double *work, struct fus_decision *out, const struct fus_moments *m,
                      const struct fus_responses *r, size_t unit, const struct fus_select_options *options,
                      struct fus_error *err)
{
    double *q = work, *t = work + m->n_units, of_pairs[FUS_SELECT_CATEGORIES];
    *p = work + 2 * m->n_units;
    if (options->test != FUS_TEST_PERMUTATION) {
        int code = fus_select_check_third(m, options, err);
        return code ? code : fus_select_category(q, *p, t, m, out->category, options, err);
    }
    if (!r)
        return fus_base_fail(err, FUS_EINVAL, "the permutation test needs the responses of the layer");
    int code = fus_relabel_pairs(of_pairs, m, r, unit, out->category, options, err);
    for (int i = 0; i < out->n_pairs && !code; i++) {
        out->pairs[i].p = of_pairs[out->pairs[i].rival];
        if (i == 0 || out->pairs[i].p > out->pairs[out->worst].p)
            out->worst = i;
    }
    return code ? code : fus_relabel_category(*p, m, r, out->category, options, err);
}

int fus_decision_correct(struct fus_decision *out, const struct fus_moments *m, const struct fus_responses *r,
                         size_t unit, const struct fus_select_options *options, struct fus_error *err)
{
    double *work = fus_base_alloc(m->n_units, 3 * sizeof *work), *p;
    int code = work ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the p values of %zu units", m->n_units);
    if (!code && out->category >= 0 && options->criterion == FUS_CRITERION_IUT) {
        code = test_layer(&p, work, out, m, r, unit, options, err);
        out->p = code ? NAN : out->pairs[out->worst].p;
        if (!code)
            fus_decision_rank(&out->rank, p[unit], p, m->n_units, options->correction);
    }
    if (!code && out->category >= 0 && options->criterion == FUS_CRITERION_PRINCE)
        correct_pairs(out, m, work);
    if (!code)
        fus_decision_decide(out, options);
    fus_base_free(work);
    return code;
}

void fus_decision_decide(struct fus_decision *out, const struct fus_select_options *options)
{
    bool selective = out->category >= 0;
    if (options->criterion == FUS_CRITERION_IUT)
        selective = selective && out->rank.q <= options->alpha && out->least_t > 0;
    else if (has_statistic(options->criterion))
        selective = selective && out->statistic[out->category] > out->cut;
    for (int i = 0; i < out->n_pairs && selective; i++)
        if (options->criterion == FUS_CRITERION_PRINCE)
            selective = out->pairs[i].rank.q <= options->alpha && out->pairs[i].t > 0;
        else if (options->criterion == FUS_CRITERION_RANKSUM)
            selective = out->pairs[i].p < out->cut;
    out->label = selective ? out->category : -1;
}
