/* SPDX-License-Identifier: MIT */
/* The report's sentences on comparisons that numbers of units do not decide: equally many units of
 * each model, the maps against chance, groups of trainings. See prose.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/prose.h"
#include "nn/base/fmath.h"

static void put_coverage(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "$t% interval", 100 * (1 - view->run->options.alpha));
}

/* "(0.52 against 0.55; 95% interval of the difference -0.10 to 0.02)" */
static void put_numbers(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_matched_row *row,
                        enum fus_matched_statistic statistic)
{
    const struct fus_interval *d = &row->difference[statistic];
    fus_svg_put(out, " ($2 against $2", row->a[statistic].estimate, row->b[statistic].estimate);
    if (isfinite(d->low) && isfinite(d->high)) {
        fus_svg_put(out, "; ");
        put_coverage(out, view);
        fus_svg_put(out, " of the difference $2 to $2)", d->low, d->high);
    } else
        fus_svg_put(out, "; no interval was computed)");
}

/* " is higher in one than in two": what the interval bears out. */
static void put_verdict(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_matched_row *row,
                        enum fus_matched_statistic statistic)
{
    const struct fus_interval *d = &row->difference[statistic];
    const char *a = fus_view_name(view, row->model_a), *b = fus_view_name(view, row->model_b);
    if (!isfinite(d->low) || !isfinite(d->high))
        fus_svg_put(out, " of $e is compared with that of $e", a, b);
    else if (d->low > 0 || d->high < 0)
        fus_svg_put(out, " is $s in $e than in $e", d->low > 0 ? "higher" : "lower", a, b);
    else
        fus_svg_put(out, " does not clearly differ between $e and $e", a, b);
    put_numbers(out, view, row, statistic);
}

void fus_prose_matched(struct fus_text_buffer *out, const struct fus_view *view, int other, int category)
{
    const struct fus_matched_row *rows = NULL;
    int n = fus_panel_matched_rows(&rows, view, other, category);
    if (n == 0)
        return;
    const struct fus_matched_row *row = &rows[n - 1];
    fus_svg_put(out,
                " By as many units of each, the $z of largest t, chosen in one half of the pictures, the mean CSI "
                "in the other half",
                row->k);
    put_verdict(out, view, row, FUS_MATCHED_CSI);
    fus_svg_put(out, ", and their clustering (Morisita\xe2\x80\x99s index)");
    put_verdict(out, view, row, FUS_MATCHED_MORISITA);
    fus_svg_put(out, ".");
}

/* Categories whose shares are found so, with the intervals of their ratio; returns how many. */
static int list_equivalent(struct fus_text_buffer *out, const struct fus_view *view, int other, const char *word)
{
    int n = 0;
    for (int c = 0; c < view->run->n_categories; c++) {
        const struct fus_model_difference *d = fus_view_difference(view, other, c);
        if (!d || strcmp(fus_summary_equivalence(d->equivalence_low, d->equivalence_high, view->run->sesoi), word) != 0)
            continue;
        fus_svg_put(out, "$s$e ($2 to $2)", n++ ? ", " : "", view->run->categories[c], d->equivalence_low,
                    d->equivalence_high);
    }
    return n;
}

void fus_prose_equivalence(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    static const char *const words[3] = {"equivalent", "different", "undecided"};
    static const char *const before[3] = {"equivalent for ", "different by more than that for ", "undecided for "};
    int n = 0;
    for (int i = 0; i < 3 && view->run->sesoi > 0; i++) {
        struct fus_text_buffer part = {0};
        if (list_equivalent(&part, view, other, words[i]) > 0) {
            fus_svg_put(out, n++ ? "; $s" : " The shares are $s", before[i]);
            fus_text_append(out, part.s, part.n);
        }
        out->failed |= part.failed;
        fus_text_free(&part);
    }
    if (n)
        fus_svg_put(out,
                    ", by the $t% interval of their ratio and a factor of $2 as the smallest of interest (two "
                    "one-sided tests at $t).",
                    100 * (1 - 2 * view->run->options.alpha), fus_fmath_exp(view->run->sesoi),
                    view->run->options.alpha);
}

/* The row of two groups' shares in the last block layer with the smallest p, or NULL. */
static const struct fus_group_row *telling_row(const struct fus_view *view, int a, int b)
{
    const struct fus_group_row *best = NULL;
    for (size_t i = 0; i < view->run->n_group_rows; i++) {
        const struct fus_group_row *row = &view->run->group_rows[i];
        bool here = row->a == a && row->b == b && row->statistic == 0 && !isnan(row->p) &&
                    row->layer == view->last[view->run->groups.group[a].model[0]];
        if (here && (!best || row->p < best->p))
            best = row;
    }
    return best;
}

static void say_groups(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_group_row *row)
{
    const struct fus_group *a = &view->run->groups.group[row->a], *b = &view->run->groups.group[row->b];
    bool clear = row->p <= view->run->options.alpha;
    fus_svg_put(out,
                "<li><strong>Over $d trainings of $e and $d of $e the share of $e-selective units $s</strong> (mean "
                "$p against $p",
                a->n, a->name, b->n, b->name, view->run->categories[row->category],
                clear ? "differs" : "does not clearly differ", row->mean_a, row->mean_b);
    if (isfinite(row->low) && isfinite(row->high)) {
        fus_svg_put(out, "; ");
        put_coverage(out, view);
        fus_svg_put(out, " of the difference $2 to $2 percentage points", 100 * row->low, 100 * row->high);
    }
    fus_svg_put(out, "; p $v over relabelled trainings, $v for all layers together", row->p, row->p_family);
    double least = (a->n == b->n ? 2.0 : 1.0) / (double)row->relabellings;
    if (row->relabellings > 0 && least > view->run->options.alpha)
        fus_svg_put(out, "; with so few trainings no p below $2 is possible", least);
    fus_svg_put(out, "). Of the categories this one differs most reliably.</li>\n");
}

/* Of all pairs of groups that whose shares differ most reliably. */
bool fus_prose_groups(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_group_row *best = NULL;
    for (int a = 0; a < view->run->groups.n; a++)
        for (int b = a + 1; b < view->run->groups.n; b++) {
            const struct fus_group_row *row = telling_row(view, a, b);
            if (row && (!best || row->p < best->p))
                best = row;
        }
    if (best)
        say_groups(out, view, best);
    return best != NULL;
}

void fus_prose_not_compared(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "<strong>A larger share of selective units does not say why</strong>: less noise or more pictures "
                     "raise it as well as selectivity does. ");
    if (!view->matched)
        fus_svg_put(out, "As many units of each model (<code>--matched</code>) were not compared. ");
    if (!view->run->groups.n)
        fus_svg_put(
            out,
            "One network of a kind stands here for all its trainings: several of each (<code>--group</code>) were not "
            "compared.");
}

void fus_prose_beside(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_groups *g = &view->run->groups;
    fus_svg_put(out,
                view->matched
                    ? "As many units of each model: the k units whose least t (Welch) over the other categories is "
                      "largest, k = 25, 50, 100, \xe2\x80\xa6 and the smaller of the two counts, chosen in one half of "
                      "the pictures, CSI measured in the other, mean of both ways; Morisita\xe2\x80\x99s index of the "
                      "same units; resamples drawn within halves. "
                    : "As many units of each model were not compared (--matched). ");
    for (int k = 0; k < g->n; k++)
        fus_svg_put(out, "$s$e, $d trainings$s", k ? "" : "Groups: ", g->group[k].name, g->group[k].n,
                    k + 1 < g->n ? "; " : ". ");
    fus_svg_put(out, g->n ? "Their means are tested by relabelling trainings, two-sided, and by the largest difference "
                            "over layers in units of its sd; intervals resample trainings (n \xe2\x88\x92 1 of n) and "
                            "pictures. "
                          : "Several trainings of a kind were not compared (--group): no p here speaks of other "
                            "trainings. ");
    if (view->run->sesoi > 0)
        fus_svg_put(out,
                    "Equivalence within a factor of $2, stated before the run: two one-sided tests (Schuirmann "
                    "1987).",
                    fus_fmath_exp(view->run->sesoi));
    else
        fus_svg_put(out, "No smallest difference of interest was stated (--sesoi), so no difference is called absent.");
}
