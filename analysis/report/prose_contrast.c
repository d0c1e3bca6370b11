/* What stands beside "more units": as many units of each model, the maps against chance, groups of
 * trainings: see prose.h. */
#include <math.h>

#include "analysis/report/prose.h"

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

void fus_prose_not_compared(struct fus_text_buffer *out, const struct fus_view *view)
{
    if (view->run->n_models < 2 || (view->matched && view->run->groups.n))
        return;
    fus_svg_put(out, "<li>A larger share of selective units does not say why: less noise or more pictures raise it as "
                     "well as selectivity does. ");
    if (!view->matched)
        fus_svg_put(out, "As many units of each model (--matched) were not compared. ");
    if (!view->run->groups.n)
        fus_svg_put(out, "One network of a kind stands here for all its trainings: several of each (--group) were not "
                         "compared.");
    fus_svg_put(out, "</li>\n");
}
