/* SPDX-License-Identifier: MIT */
/* The decision on a unit as text, from the tests of pairs to the label: see explain_page.h. */
#include <math.h>

#include "tools/explain_page.h"

/* ---- 3: the category against each other one ---- */

static void print_pair(const struct fus_explain_page *p, const struct fus_decision_pair *pair,
                       enum fus_explain_tests tests)
{
    const struct fus_balanced_terms *b = &pair->balanced;
    fus_explain_page_row(p, fus_explain_page_name(p, pair->rival));
    if (tests == FUS_EXPLAIN_RANKS) {
        fus_explain_page_cell(p, "%.1f", pair->u);
        fus_explain_page_cell(p, "%.4f", pair->auc);
    } else {
        fus_explain_page_cell(p, "%.5g", pair->t);
        fus_explain_page_cell(p, "%.5g", pair->df);
    }
    if (tests == FUS_EXPLAIN_BALANCED) {
        fus_explain_page_cell(p, "%.4g", b->welch);
        fus_explain_page_cell(p, "%.5g", b->h);
        fus_explain_page_cell(p, "%.4g", b->hall);
        fus_explain_page_cell(p, "%.4g", b->permutation);
    }
    fus_explain_page_cell(p, "%.4g", pair->p);
    if (tests == FUS_EXPLAIN_TWO_SIDED) {
        fprintf(p->f, "  %10zu", pair->rank.first);
        fus_explain_page_cell(p, "%.4g", pair->rank.q);
    }
    fprintf(p->f, "\n");
}

static void print_pairs(struct fus_explain_page *p)
{
    static const char *const columns[][8] = {
        [FUS_EXPLAIN_WELCH] = {"t", "df", "p"},
        [FUS_EXPLAIN_BALANCED] = {"t", "df", "p_welch", "h", "p_hall", "p_perm", "p"},
        [FUS_EXPLAIN_STUDENT] = {"t", "df", "p"},
        [FUS_EXPLAIN_RELABELLED] = {"t", "df", "p"},
        [FUS_EXPLAIN_TWO_SIDED] = {"t", "df", "p", "rank of p", "q"},
        [FUS_EXPLAIN_RANKS] = {"U", "AUC", "p"},
    };
    static const char *const lines[] = {
        [FUS_EXPLAIN_WELCH] = "t = (m_c - m_k) / sqrt(e_c + e_k); df by Satterthwaite; p = P(T > t), one-sided "
                              "(METHOD.md, \"From t to p\").",
        [FUS_EXPLAIN_BALANCED] =
            "t and df are Welch's. Numbers of pictures differ, so p = max(p_perm, min(p_welch, p_hall)): h is t "
            "corrected\n   for skewness, p_perm is the chance over relabelled pictures; - where numbers are equal and "
            "p "
            "is p_welch.",
        [FUS_EXPLAIN_STUDENT] = "t with the pooled variance, df = n_c + n_k - 2; p = P(T > t), one-sided.",
        [FUS_EXPLAIN_RELABELLED] =
            "t is Welch's; p = (b + 1) / (M + 1): b of M relabellings of both categories' pictures "
            "reach it.",
        [FUS_EXPLAIN_TWO_SIDED] =
            "Student's t, df = n_c + n_k - 2; p two-sided; q over the units of the layer for that "
            "pair alone, by Benjamini-Yekutieli.",
        [FUS_EXPLAIN_RANKS] = "U counts the pairs of pictures in which the first category's is larger, AUC = U / (n_c "
                              "n_k); p two-sided.",
    };
    const struct fus_explain *x = p->x;
    enum fus_explain_tests tests = fus_explain_page_tests(x);
    char what[160];
    snprintf(what, sizeof what, "%.60s against each other category", fus_explain_page_name(p, x->decision.category));
    fus_explain_page_head(p, FUS_EXPLAIN_PAIRS, what);
    fprintf(p->f, "   %s\n", lines[tests]);
    fus_explain_page_titles(p, columns[tests]);
    for (int i = 0; i < x->decision.n_pairs; i++)
        print_pair(p, &x->decision.pairs[i], tests);
    if (tests == FUS_EXPLAIN_WELCH && x->options.select.test == FUS_TEST_BALANCED)
        fprintf(p->f, "   All have as many pictures, so the balanced test of this run is Welch's.\n");
    if (tests == FUS_EXPLAIN_RELABELLED && !x->measured)
        fprintf(p->f, "   The p of a pair needs single responses, which are not in the files: --responses runs the "
                      "network.\n");
    if (tests == FUS_EXPLAIN_BALANCED && !x->measured)
        fprintf(p->f, "   p_hall and p_perm need third moments, which are not in the files: --responses runs the "
                      "network.\n");
}

/* tdann, dprime, ratio. */
static void print_statistics(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    enum fus_criterion criterion = x->options.select.criterion;
    const char *columns[] = {criterion == FUS_CRITERION_TDANN    ? "t"
                             : criterion == FUS_CRITERION_DPRIME ? "d'"
                                                                 : "CSI",
                             NULL};
    fus_explain_page_head(p, FUS_EXPLAIN_PAIRS, "Each category against the others together");
    fprintf(
        p->f, "   %s\n",
        criterion == FUS_CRITERION_TDANN ? "t of its pictures against all other pictures pooled, variances divided by n"
        : criterion == FUS_CRITERION_DPRIME
            ? "d' = (m_c - m_p) / sqrt((s_c^2 + s_p^2) / 2); m_p, s_p^2: of all other pictures; variances divided by n"
            : "CSI = (m_c - m_o) / (m_c + m_o), m_o: mean of the other categories' means");
    fus_explain_page_titles(p, columns);
    for (int c = 0; c < x->n_categories; c++) {
        fus_explain_page_row(p, fus_explain_page_name(p, c));
        fus_explain_page_cell(p, "%.5g", x->decision.statistic[c]);
        fprintf(p->f, "\n");
    }
}

/* ---- 4 to 6: the largest p, its q, the label ---- */

static void print_largest(struct fus_explain_page *p)
{
    const struct fus_decision *c = &p->x->decision;
    const struct fus_decision_pair *worst = &c->pairs[c->worst];
    fus_explain_page_head(p, FUS_EXPLAIN_LARGEST, "The largest p counts: greater than every other category");
    if (isnan(worst->p))
        fprintf(p->f, "   p = %.4g, from the file; least t = %.5g\n", c->p, c->least_t);
    else
        fprintf(p->f, "   p = %.4g, against %s; least t = %.5g\n", c->p, fus_explain_page_name(p, worst->rival),
                c->least_t);
}

/* "12", or "12 to 15 (equal values)" */
static void print_rank(const struct fus_explain_page *p, const struct fus_decision_rank *r)
{
    if (r->first == r->last)
        fprintf(p->f, "number %zu", r->first);
    else
        fprintf(p->f, "number %zu to %zu (equal values)", r->first, r->last);
}

/* By the permutation test the p of other units count as 1 above alpha. */
static void print_above_alpha(const struct fus_explain_page *p)
{
    fprintf(p->f,
            "   p is above alpha = %g, and so is q: relabelling ended there for the other units, whose p are not "
            "known.\n",
            p->x->options.select.alpha);
}

static bool is_above_alpha(const struct fus_explain *x)
{
    const struct fus_select_options *o = &x->options.select;
    return x->measured && o->test == FUS_TEST_PERMUTATION && !(x->decision.p <= o->alpha);
}

static void print_correction(struct fus_explain_page *p)
{
    const struct fus_decision_rank *r = &p->x->decision.rank;
    enum fus_correction correction = p->x->options.select.correction;
    static const char *const what[] = {
        [FUS_BH] =
            "Corrected over the units of the layer by Benjamini and Hochberg: q = min over j >= rank of p_(j) n / j",
        [FUS_BY] =
            "Corrected over the units of the layer by Benjamini and Yekutieli: q = min over j >= rank of p_(j) n' / j",
        [FUS_BONFERRONI] = "Corrected over the units of the layer by Bonferroni: q = p n, at most 1",
        [FUS_UNCORRECTED] = "Not corrected over the units of the layer (--correction none): q = p",
    };
    fus_explain_page_head(p, FUS_EXPLAIN_CORRECTION, what[correction]);
    if (is_above_alpha(p->x)) {
        print_above_alpha(p);
        return;
    }
    fprintf(p->f, "   Sorted from the smallest, its p is ");
    print_rank(p, r);
    fprintf(p->f, " of n = %zu.\n", r->n);
    if (correction == FUS_BY)
        fprintf(p->f, "   n' = n (1 + 1/2 + ... + 1/n) = %.6g\n", r->scale);
    if (r->at)
        fprintf(p->f, "   q = p_(%zu) %.6g / %zu = %.4g %.6g / %zu = %.4g\n", r->at, r->scale, r->at, r->p_at, r->scale,
                r->at, r->q);
    else if (correction == FUS_BH || correction == FUS_BY)
        fprintf(p->f, "   No p_(j) %s / j is below 1: q = 1\n", correction == FUS_BY ? "n'" : "n");
    else
        fprintf(p->f, "   q = %.4g\n", r->q);
}

static void print_reason(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    const struct fus_decision *c = &x->decision;
    const struct fus_select_options *o = &x->options.select;
    const char *name = fus_explain_page_name(p, c->category);
    double most = c->category >= 0 ? c->statistic[c->category] : 0;
    if (o->criterion == FUS_CRITERION_IUT && is_above_alpha(x))
        fprintf(p->f, "   q is above alpha = %g: ", o->alpha);
    else if (o->criterion == FUS_CRITERION_IUT)
        fprintf(p->f, "   q = %.4g is %s alpha = %g, and the mean to %s is %s every other: ", c->rank.q,
                c->rank.q <= o->alpha ? "at most" : "above", o->alpha, name, c->least_t > 0 ? "above" : "not above");
    else if (o->criterion == FUS_CRITERION_PRINCE)
        fprintf(p->f, "   The largest q is %.4g, %s alpha = %g; the least t is %.5g: ", c->pairs[c->worst].rank.q,
                c->pairs[c->worst].rank.q <= o->alpha ? "at most" : "above", o->alpha, c->least_t);
    else if (o->criterion == FUS_CRITERION_RANKSUM)
        fprintf(p->f, "   The largest p is %.4g, %s .001: ", c->p, c->p < c->cut ? "below" : "not below");
    else
        fprintf(p->f, "   The largest is %s's, %.5g, %s %.5g: ", name, most, most > c->cut ? "above" : "not above",
                c->cut);
}

static void print_label(struct fus_explain_page *p)
{
    const struct fus_decision *c = &p->x->decision;
    fus_explain_page_head(p, FUS_EXPLAIN_LABEL, "The label");
    print_reason(p);
    fprintf(p->f, c->label >= 0 ? "selective for %s\n" : "not selective for %s\n",
            fus_explain_page_name(p, c->category));
}

static void print_familywise(struct fus_explain_page *p)
{
    const struct fus_explain *x = p->x;
    char what[200];
    if (!x->n_permutations)
        return;
    snprintf(what, sizeof what, "Family-wise, from %ld relabellings (permutations.csv)", x->n_permutations);
    fus_explain_page_head(p, FUS_EXPLAIN_FAMILYWISE, what);
    if (!isfinite(x->t_critical))
        fprintf(p->f, "   So few relabellings give no threshold of t.\n");
    else if (x->decision.least_t > x->t_critical)
        fprintf(p->f, "   The least t, %.5g, is above %.5g, the largest of the pairs' thresholds: it passes.\n",
                x->decision.least_t, x->t_critical);
    else
        fprintf(p->f,
                "   The least t, %.5g, is not above %.5g, the largest of the pairs' thresholds; the file does not have "
                "the others.\n",
                x->decision.least_t, x->t_critical);
}

void fus_explain_decision_print(struct fus_explain_page *p)
{
    if (p->x->decision.n_pairs)
        print_pairs(p);
    else
        print_statistics(p);
    if (p->x->options.select.criterion == FUS_CRITERION_IUT) {
        print_largest(p);
        print_correction(p);
    }
    print_label(p);
    print_familywise(p);
}
