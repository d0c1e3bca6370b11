/* The explanation of a unit as text: see explain_print.h. */
#include "tools/explain_print.h"

#include <math.h>
#include <string.h>

const char *fus_explain_print_section(const struct fus_explain *x, enum fus_explain_step step)
{
    static const char *const sections[FUS_EXPLAIN_STEPS] = {
        [FUS_EXPLAIN_RESPONSES] = "METHOD.md, \"Units and their moments\"",
        [FUS_EXPLAIN_MOMENTS] = "METHOD.md, \"Units and their moments\"",
        [FUS_EXPLAIN_PAIRS] = "METHOD.md, \"Two categories: Welch's t\"",
        [FUS_EXPLAIN_LARGEST] = "METHOD.md, \"Greater than all others: intersection-union\"",
        [FUS_EXPLAIN_CORRECTION] = "METHOD.md, \"Many units: Benjamini and Hochberg\"",
        [FUS_EXPLAIN_LABEL] = "METHOD.md, \"The label\"",
        [FUS_EXPLAIN_FAMILYWISE] = "METHOD.md, \"Permutation: what would chance select?\"",
        [FUS_EXPLAIN_CSI_STEP] = "METHOD.md, \"CSI\"",
        [FUS_EXPLAIN_DPRIME] = "METHOD.md, \"d'\"",
        [FUS_EXPLAIN_MAP] = "METHOD.md, \"Where: maps and their variation\"",
        [FUS_EXPLAIN_HALVES] = "METHOD.md, \"Measured on other pictures: cross-validation\"",
    };
    bool decision = step >= FUS_EXPLAIN_PAIRS && step <= FUS_EXPLAIN_LABEL;
    if (decision && x->options.select.criterion != FUS_CRITERION_IUT)
        return "METHOD.md, \"Other criteria\"";
    if (step == FUS_EXPLAIN_PAIRS && fus_explain_print_tests(x) == FUS_EXPLAIN_BALANCED)
        return "METHOD.md, \"Skewed responses and unequal numbers\"";
    if (step == FUS_EXPLAIN_PAIRS && fus_explain_print_tests(x) == FUS_EXPLAIN_RELABELLED)
        return "METHOD.md, \"The permutation test\"";
    return sections[step];
}

enum fus_explain_tests fus_explain_print_tests(const struct fus_explain *x)
{
    bool equal = true;
    for (int c = 0; c < x->n_categories && x->decision.category >= 0; c++)
        equal = equal && x->moments.n[c] == x->moments.n[x->decision.category];
    switch (x->options.select.criterion) {
    case FUS_CRITERION_IUT:
        break;
    case FUS_CRITERION_PRINCE:
        return FUS_EXPLAIN_TWO_SIDED;
    case FUS_CRITERION_RANKSUM:
        return FUS_EXPLAIN_RANKS;
    default:
        return FUS_EXPLAIN_STATISTIC;
    }
    if (x->options.select.test == FUS_TEST_PERMUTATION)
        return FUS_EXPLAIN_RELABELLED;
    return x->options.select.test == FUS_TEST_STUDENT          ? FUS_EXPLAIN_STUDENT
           : x->options.select.test == FUS_TEST_WELCH || equal ? FUS_EXPLAIN_WELCH
                                                               : FUS_EXPLAIN_BALANCED;
}

/* ---- parts of lines ---- */

struct page {
    FILE *f;
    const struct fus_explain *x;
    int n, width; /* steps so far; of the longest category's name */
};

static const char *name_of(const struct page *p, int category)
{
    return category < 0 ? "none" : p->x->run->categories[category];
}

static void head(struct page *p, enum fus_explain_step step, const char *what)
{
    fprintf(p->f, "\n%d. %s\n   (%s)\n", ++p->n, what, fus_explain_print_section(p->x, step));
}

/* A number in a column; a dash where there is none. */
static void cell(const struct page *p, const char *format, double x)
{
    char text[40];
    snprintf(text, sizeof text, format, x);
    fprintf(p->f, "  %10s", isnan(x) ? "-" : text);
}

static void row(const struct page *p, const char *name)
{
    fprintf(p->f, "   %-*s", p->width, name);
}

static void titles(const struct page *p, const char *const *names)
{
    row(p, "");
    for (; *names; names++)
        fprintf(p->f, "  %10s", *names);
    fprintf(p->f, "\n");
}

static double mean_of(const struct page *p, int category)
{
    return p->x->moments.mean[category];
}

static double variance_of(const struct page *p, int category)
{
    return p->x->moments.m2[category] / (double)(p->x->moments.n[category] - 1);
}

static double error_of(const struct page *p, int category)
{
    return variance_of(p, category) / (double)p->x->moments.n[category];
}

/* ---- 1, 2: responses and moments ---- */

static void print_responses(struct page *p)
{
    const struct fus_explain *x = p->x;
    enum { PER_LINE = 8 };
    const char *subcategory = "";
    int n = 0;
    head(p, FUS_EXPLAIN_RESPONSES, "Its responses, one number a picture, in the order of run.json");
    if (!x->measured)
        fprintf(p->f, "   These are not in the run's files, which hold means and variances: --responses runs the "
                      "network.\n");
    for (int i = 0; i < x->n_pictures && x->measured; i++) {
        const struct fus_run_read_picture *picture = &x->run->pictures[i];
        const char *sub = picture->subcategory ? picture->subcategory : picture->category;
        bool begins = i == 0 || x->category[i] != x->category[i - 1] || strcmp(sub, subcategory) != 0;
        if (begins && strcmp(sub, picture->category) == 0)
            fprintf(p->f, "%s   %s\n", i ? "\n" : "", picture->category);
        else if (begins)
            fprintf(p->f, "%s   %s, %s\n", i ? "\n" : "", picture->category, sub);
        n = begins ? 0 : n + 1;
        fprintf(p->f, "%s%10.5g", n == 0 ? "   " : n % PER_LINE == 0 ? "\n   " : "", (double)x->response[i]);
        subcategory = sub;
    }
    fprintf(p->f, x->measured ? "\n" : "");
}

static void print_moments(struct page *p)
{
    static const char *const names[] = {"n", "mean m", "s^2", "e = s^2/n", NULL};
    head(p, FUS_EXPLAIN_MOMENTS, "Number of pictures, mean and variance of each category");
    titles(p, names);
    for (int c = 0; c < p->x->n_categories; c++) {
        row(p, name_of(p, c));
        fprintf(p->f, "  %10ld", p->x->moments.n[c]);
        cell(p, "%.5g", mean_of(p, c));
        cell(p, "%.5g", variance_of(p, c));
        cell(p, "%.5g", error_of(p, c));
        fprintf(p->f, "\n");
    }
}

/* ---- 3: the category against each other one ---- */

static void print_pair(const struct page *p, const struct fus_decision_pair *pair, enum fus_explain_tests tests)
{
    const struct fus_balanced_terms *b = &pair->balanced;
    row(p, name_of(p, pair->rival));
    if (tests == FUS_EXPLAIN_RANKS) {
        cell(p, "%.1f", pair->u);
        cell(p, "%.4f", pair->auc);
    } else {
        cell(p, "%.5g", pair->t);
        cell(p, "%.5g", pair->df);
    }
    if (tests == FUS_EXPLAIN_BALANCED) {
        cell(p, "%.4g", b->welch);
        cell(p, "%.5g", b->h);
        cell(p, "%.4g", b->hall);
        cell(p, "%.4g", b->permutation);
    }
    cell(p, "%.4g", pair->p);
    if (tests == FUS_EXPLAIN_TWO_SIDED) {
        fprintf(p->f, "  %10zu", pair->rank.first);
        cell(p, "%.4g", pair->rank.q);
    }
    fprintf(p->f, "\n");
}

static void print_pairs(struct page *p)
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
    enum fus_explain_tests tests = fus_explain_print_tests(x);
    char what[160];
    snprintf(what, sizeof what, "%.60s against each other category", name_of(p, x->decision.category));
    head(p, FUS_EXPLAIN_PAIRS, what);
    fprintf(p->f, "   %s\n", lines[tests]);
    titles(p, columns[tests]);
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
static void print_statistics(struct page *p)
{
    const struct fus_explain *x = p->x;
    enum fus_criterion criterion = x->options.select.criterion;
    const char *columns[] = {criterion == FUS_CRITERION_TDANN    ? "t"
                             : criterion == FUS_CRITERION_DPRIME ? "d'"
                                                                 : "CSI",
                             NULL};
    head(p, FUS_EXPLAIN_PAIRS, "Each category against the others together");
    fprintf(
        p->f, "   %s\n",
        criterion == FUS_CRITERION_TDANN ? "t of its pictures against all other pictures pooled, variances divided by n"
        : criterion == FUS_CRITERION_DPRIME
            ? "d' = (m_c - m_p) / sqrt((s_c^2 + s_p^2) / 2); m_p, s_p^2: of all other pictures; variances divided by n"
            : "CSI = (m_c - m_o) / (m_c + m_o), m_o: mean of the other categories' means");
    titles(p, columns);
    for (int c = 0; c < x->n_categories; c++) {
        row(p, name_of(p, c));
        cell(p, "%.5g", x->decision.statistic[c]);
        fprintf(p->f, "\n");
    }
}

/* ---- 4 to 6: the largest p, its q, the label ---- */

static void print_largest(struct page *p)
{
    const struct fus_decision *c = &p->x->decision;
    const struct fus_decision_pair *worst = &c->pairs[c->worst];
    head(p, FUS_EXPLAIN_LARGEST, "The largest p counts: greater than every other category");
    if (isnan(worst->p))
        fprintf(p->f, "   p = %.4g, from the file; least t = %.5g\n", c->p, c->least_t);
    else
        fprintf(p->f, "   p = %.4g, against %s; least t = %.5g\n", c->p, name_of(p, worst->rival), c->least_t);
}

/* "12", or "12 to 15 (equal values)" */
static void print_rank(const struct page *p, const struct fus_decision_rank *r)
{
    if (r->first == r->last)
        fprintf(p->f, "number %zu", r->first);
    else
        fprintf(p->f, "number %zu to %zu (equal values)", r->first, r->last);
}

/* By the permutation test the p of other units count as 1 above alpha. */
static void print_above_alpha(const struct page *p)
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

static void print_correction(struct page *p)
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
    head(p, FUS_EXPLAIN_CORRECTION, what[correction]);
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

static void print_reason(struct page *p)
{
    const struct fus_explain *x = p->x;
    const struct fus_decision *c = &x->decision;
    const struct fus_select_options *o = &x->options.select;
    const char *name = name_of(p, c->category);
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

static void print_label(struct page *p)
{
    const struct fus_decision *c = &p->x->decision;
    head(p, FUS_EXPLAIN_LABEL, "The label");
    print_reason(p);
    fprintf(p->f, c->label >= 0 ? "selective for %s\n" : "not selective for %s\n", name_of(p, c->category));
}

static void print_familywise(struct page *p)
{
    const struct fus_explain *x = p->x;
    char what[200];
    if (!x->n_permutations)
        return;
    snprintf(what, sizeof what, "Family-wise, from %ld relabellings (permutations.csv)", x->n_permutations);
    head(p, FUS_EXPLAIN_FAMILYWISE, what);
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

/* ---- 8 to 10: indices, map, halves ---- */

static void print_csi(struct page *p)
{
    const struct fus_explain *x = p->x;
    int c = x->decision.category;
    double others = 0;
    for (int o = 0; o < x->n_categories; o++)
        others += o == c ? 0 : mean_of(p, o) / (x->n_categories - 1);
    head(p, FUS_EXPLAIN_CSI_STEP, "CSI = (m_c - m_o) / (m_c + m_o), m_o the mean of the other categories' means");
    if (isnan(x->csi))
        fprintf(p->f,
                "   m_c = %.5g, m_o = %.5g: undefined, since responses of this layer can be below 0 or all are 0\n",
                mean_of(p, c), others);
    else
        fprintf(p->f, "   (%.5g - %.5g) / (%.5g + %.5g) = %.5g\n", mean_of(p, c), others, mean_of(p, c), others,
                x->csi);
}

static void print_dprime(struct page *p)
{
    head(p, FUS_EXPLAIN_DPRIME,
         "d' = (m_c - m_p) / sqrt((s_c^2 + s_p^2) / 2); m_p, s_p^2: of all other pictures; variances divided by n");
    if (isnan(p->x->dprime))
        fprintf(p->f, "   undefined: the unit has no variance\n");
    else
        fprintf(p->f, "   d' = %.5g\n", p->x->dprime);
}

static void print_map(struct page *p)
{
    const struct fus_explain *x = p->x;
    int places = x->height * x->width;
    const char *name = name_of(p, x->decision.category);
    head(p, FUS_EXPLAIN_MAP, "Its cell of the map: share of the channels that are selective at its place");
    fprintf(p->f, "   At row %d, column %d, %zu of %d channels are selective for %s: P = %.5g\n", x->y, x->x, x->n_here,
            x->channels, name, (double)x->n_here / x->channels);
    fprintf(p->f, "   Over the %d place%s of the layer the mean is %.5g (%zu of %zu units).\n", places,
            places == 1 ? "" : "s", (double)x->n_selective / (double)x->n_units, x->n_selective, x->n_units);
}

static void print_half(const struct page *p, int h)
{
    const struct fus_explain_half *half = &p->x->halves[h];
    row(p, h ? "second half" : "first half");
    fprintf(p->f, "  %10ld", half->moments.n[p->x->decision.category]);
    cell(p, "%.4g", half->decision.p);
    cell(p, "%.5g", half->csi);
    cell(p, "%.5g", half->dprime);
    cell(p, "%.4f", half->auc);
    fprintf(p->f, "  %s\n", name_of(p, half->label));
}

static void print_halves(struct page *p)
{
    static const char *const columns[] = {"n", "largest p", "CSI", "d'", "AUC", "selects it for", NULL};
    const struct fus_explain *x = p->x;
    const char *name = name_of(p, x->decision.category);
    int width = p->width, n_chosen = 0;
    head(p, FUS_EXPLAIN_HALVES, "Selected in one half of the pictures, measured in the other");
    if (!x->measured || x->no_halves) {
        fprintf(p->f, x->measured ? "   None: %s.\n" : "   The files hold moments of all pictures alone: %s.\n",
                x->measured ? x->no_halves : "--responses runs the network");
        return;
    }
    p->width = width < 12 ? 12 : width;
    titles(p, columns);
    for (int h = 0; h < 2; h++)
        print_half(p, h);
    p->width = width;
    for (int h = 0; h < 2; h++) {
        const struct fus_explain_half *other = &x->halves[1 - h];
        if (x->halves[h].label != x->decision.category)
            continue;
        n_chosen++;
        fprintf(p->f, "   The %s half selects it for %s. Measured in the %s half: CSI %.5g, d' %.5g, AUC %.4f.\n",
                h ? "second" : "first", name, h ? "first" : "second", other->csi, other->dprime, other->auc);
    }
    if (n_chosen == 0)
        fprintf(p->f, "   Neither half selects it for %s by itself: it has no part in the cross-validated means.\n",
                name);
}

/* ---- the whole page ---- */

static void print_title(const struct page *p)
{
    const struct fus_explain *x = p->x;
    int c = x->decision.category;
    fprintf(p->f, "Unit %d,%d,%d of layer %s, model %s (%s)\n", x->channel, x->y, x->x, x->layer, x->model->name,
            x->run->folder);
    fprintf(p->f, "channel %d of %d, row %d of %d, column %d of %d, all from 0; one of %zu units\n", x->channel,
            x->channels, x->y, x->height, x->x, x->width, x->n_units);
    if (x->label >= 0)
        fprintf(p->f, "selective for %s", name_of(p, x->label));
    else
        fprintf(p->f, "not selective; it responds most to %s",
                name_of(p, fus_decision_category(&x->moments, 0, &x->options.select)));
    if (c >= 0 && c != x->label && x->label >= 0)
        fprintf(p->f, "; tested here for %s", name_of(p, c));
    fprintf(p->f, ". %s\n",
            x->measured ? "Numbers from the network, which was run again."
                        : "Numbers from the run's files, of 7 digits.");
}

static void print_checks(const struct page *p)
{
    const struct fus_explain *x = p->x;
    const char *files[] = {"units", "top_units.csv", "layers.csv"};
    int n_files = 0;
    if (x->n_differ)
        fprintf(p->f, "\nDISAGREES with the run's files in %zu of %zu numbers:\n", x->n_differ, x->n_checks);
    for (size_t i = 0; i < x->n_checks; i++)
        if (!x->checks[i].same)
            fprintf(p->f, "   %s (%s): %.9g here, %.9g there\n", x->checks[i].what, x->checks[i].file,
                    x->checks[i].here, x->checks[i].there);
    if (x->n_differ)
        return;
    fprintf(p->f, "\nAgrees with the run's files: %zu numbers in ", x->n_checks);
    for (int k = 0; k < 3; k++) {
        bool found = false;
        for (size_t i = 0; i < x->n_checks; i++)
            found = found || strcmp(x->checks[i].file, files[k]) == 0;
        if (found)
            fprintf(p->f, "%s%s", n_files++ ? ", " : "", files[k]);
    }
    fprintf(p->f, "%s.\n", x->measured && x->n_same ? "; so do all labels of the layer" : "");
}

void fus_explain_print_text(FILE *f, const struct fus_explain *x)
{
    struct page p = {.f = f, .x = x};
    enum fus_criterion criterion = x->options.select.criterion;
    for (int c = 0; c < x->n_categories; c++) {
        int n = (int)strlen(x->run->categories[c]);
        p.width = n > p.width ? n : p.width;
    }
    print_title(&p);
    print_responses(&p);
    print_moments(&p);
    if (x->decision.category < 0) {
        fprintf(f, "\nThe unit has a NaN or infinite response: p = 1, never selective.\n");
    } else {
        if (x->decision.n_pairs)
            print_pairs(&p);
        else
            print_statistics(&p);
        if (criterion == FUS_CRITERION_IUT) {
            print_largest(&p);
            print_correction(&p);
        }
        print_label(&p);
        print_familywise(&p);
        print_csi(&p);
        print_dprime(&p);
        print_map(&p);
        print_halves(&p);
    }
    print_checks(&p);
}
