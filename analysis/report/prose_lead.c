/* SPDX-License-Identifier: MIT */
/* The headline of the result, a list of three at most: shares in the last layer, then the first
 * model against another in a sentence that begins with the finding, then what to be wary of. */
#include <math.h>

#include "analysis/inference.h"
#include "analysis/report/prose.h"

/* The share of a model's last block layer that is selective for any category but the scrambled. */
static double share_of_categories(const struct fus_view *view, int model)
{
    size_t n = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        if (!fus_view_scrambled(view, c))
            n += fus_view_category(view, model, view->last[model], c)->n_selective;
    return (double)n / (double)fus_view_last(view, model)->n_units;
}

/* "25.1% of the units of resnet50 are selective for a category, place above all (7.8%)" */
static void lead_model(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    const char *untrained = fus_view_untrained(view, model) ? ", an untrained control," : "";
    size_t n_selective = fus_view_n_selective(view, model);
    int only = fus_view_only_category(view, model);
    double most = 0, share = share_of_categories(view, model);
    for (int c = 0; c < view->run->n_categories; c++)
        if (!fus_view_scrambled(view, c))
            most = fus_view_share(view, model, c) > most ? fus_view_share(view, model, c) : most;
    if (n_selective == 0)
        fus_svg_put(out, "<strong>no unit of $e</strong>$s is selective for any category", fus_view_name(view, model),
                    untrained);
    else if (only >= 0)
        fus_svg_put(out, "<strong>$p of the units of $e</strong>$s are selective for $e, none for any other category",
                    fus_view_share(view, model, only), fus_view_name(view, model), untrained,
                    view->run->categories[only]);
    else {
        fus_svg_put(out, "<strong>$p of the units of $e</strong>$s are selective for a category", share,
                    fus_view_name(view, model), untrained);
        if (share * (double)fus_view_last(view, model)->n_units + 0.5 < (double)n_selective)
            fus_svg_put(out, " other than the scrambled control");
        fus_svg_put(out, ", above all ");
        fus_prose_categories(out, view, model, most);
    }
}

#define MAX_NAMED 4 /* categories */

/* "25.7% (vision), 25.2% (control) and 11.7% (untrained, an untrained control) of the units are
 * selective for face, body, place or word" */
static void lead_many(struct fus_text_buffer *out, const struct fus_view *view)
{
    int n = view->run->n_models, n_named = 0, at = 0;
    fus_svg_put(out, "<strong>");
    for (int m = 0; m < n; m++)
        fus_svg_put(out, "$p ($e$s)$s", share_of_categories(view, m), fus_view_name(view, m),
                    fus_view_untrained(view, m) ? ", an untrained control" : "", fus_prose_separator(m, n));
    fus_svg_put(out, "</strong> of the units are selective for ");
    for (int c = 0; c < view->run->n_categories; c++)
        n_named += !fus_view_scrambled(view, c);
    if (n_named > MAX_NAMED)
        fus_svg_put(out, "a category");
    for (int c = 0; n_named <= MAX_NAMED && c < view->run->n_categories; c++)
        if (!fus_view_scrambled(view, c)) {
            at++;
            fus_svg_put(out, "$e$s", view->run->categories[c], at == n_named ? "" : at == n_named - 1 ? " or " : ", ");
        }
}

/* ---- one comparison in a sentence ---- */

/* Two models in their last block layers and one category, seen from the model with the larger
 * share. */
struct contrast {
    int larger, smaller, category;
    /* of the shares, larger over smaller; NaN where unknown */
    double ratio, ratio_low, ratio_high;
    double more_low, more_high; /* interval of their difference */
    /* interval of the difference of the mean CSI, larger less smaller */
    double csi_low, csi_high;
    /* there is an interval of the ratio, or of the difference; it is above 1, or 0 */
    bool bounded, clear;
};

static struct contrast contrast_of(const struct fus_view *view, int other, int category)
{
    const struct fus_model_difference *d = fus_view_difference(view, other, category);
    double a = fus_view_share(view, 0, category), b = fus_view_share(view, other, category);
    bool first = a >= b;
    struct contrast x = {
        first ? 0 : other, first ? other : 0, category, NAN, NAN, NAN, NAN, NAN, NAN, NAN, false, false};
    x.ratio = a > 0 && b > 0 ? (first ? a / b : b / a) : NAN;
    if (!d)
        return x;
    if (isfinite(x.ratio) && d->ratio_low > 0 && isfinite(d->ratio_high)) {
        x.ratio_low = first ? d->ratio_low : 1 / d->ratio_high;
        x.ratio_high = first ? d->ratio_high : 1 / d->ratio_low;
    }
    x.more_low = first ? d->proportion_low : -d->proportion_high;
    x.more_high = first ? d->proportion_high : -d->proportion_low;
    x.bounded = isfinite(x.ratio_low) || (isfinite(x.more_low) && isfinite(x.more_high));
    x.clear = isfinite(x.ratio_low) ? x.ratio_low > 1 : x.more_low > 0;
    if (isfinite(d->csi_low) && isfinite(d->csi_high)) {
        x.csi_low = first ? d->csi_low : -d->csi_high;
        x.csi_high = first ? d->csi_high : -d->csi_low;
    }
    return x;
}

/* The category to speak of: the largest ratio among those that clearly differ; without any
 * interval, the one with the largest share. */
static int telling_category(const struct fus_view *view, int other, bool *any_interval)
{
    int best = -1;
    double most = 0;
    *any_interval = false;
    for (int c = 0; c < view->run->n_categories; c++)
        *any_interval |= contrast_of(view, other, c).bounded;
    for (int c = 0; c < view->run->n_categories; c++) {
        struct contrast x = contrast_of(view, other, c);
        double v = !isfinite(x.ratio) || fus_view_scrambled(view, c) || (*any_interval && !x.clear) ? 0
                   : *any_interval                                                                  ? x.ratio
                                   : fus_view_share(view, x.larger, c);
        if (v > most) {
            most = v;
            best = c;
        }
    }
    return best;
}

static void put_coverage(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "$t% interval", 100 * (1 - view->run->options.alpha));
}

/* "(0.58 against 0.14; 95% interval of the difference 0.36 to 0.46)". */
static void put_csi(struct fus_text_buffer *out, const struct fus_view *view, const struct contrast *x)
{
    fus_svg_put(out, " ($2 against $2; ",
                fus_view_category(view, x->larger, view->last[x->larger], x->category)->csi_mean,
                fus_view_category(view, x->smaller, view->last[x->smaller], x->category)->csi_mean);
    put_coverage(out, view);
    fus_svg_put(out, " of the difference $2 to $2)", x->csi_low, x->csi_high);
}

/* What is known of the CSI of those units; nothing where either side has none. */
static void say_csi_of(struct fus_text_buffer *out, const struct fus_view *view, const struct contrast *x)
{
    double larger = fus_view_category(view, x->larger, view->last[x->larger], x->category)->csi_mean;
    double smaller = fus_view_category(view, x->smaller, view->last[x->smaller], x->category)->csi_mean;
    if (!isfinite(larger) || !isfinite(smaller))
        return;
    if (!isfinite(x->csi_low) || !isfinite(x->csi_high)) {
        fus_svg_put(out, ", with a mean CSI of $2 against $2", larger, smaller);
        return;
    }
    fus_svg_put(out, x->csi_low > 0    ? ", with a higher mean CSI"
                     : x->csi_high < 0 ? ", with a lower mean CSI"
                                       : ", with a mean CSI that does not clearly differ");
    put_csi(out, view, x);
}

/* Where no share clearly differs, a mean CSI may: the category with the largest
 * clear difference. */
static void lead_csi(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    int best = -1;
    double most = 0;
    for (int c = 0; c < view->run->n_categories; c++) {
        struct contrast x = contrast_of(view, other, c);
        double v = x.csi_low > 0 ? x.csi_low : x.csi_high < 0 ? -x.csi_high : 0;
        if (v > most) {
            most = v;
            best = c;
        }
    }
    if (best < 0)
        return;
    struct contrast x = contrast_of(view, other, best);
    fus_svg_put(out, " But the $e-selective units of $e have a $s mean CSI than those of $e",
                view->run->categories[best], fus_view_name(view, x.larger), x.csi_low > 0 ? "higher" : "lower",
                fus_view_name(view, x.smaller));
    put_csi(out, view, &x);
    fus_svg_put(out, ".");
}

/* "r50 has 1.4 times the share of face-selective units of clip (6.2% against 4.4%; 95% interval
 * of the ratio 1.2 to 1.6), with a lower mean CSI (...)." Whether it says that one has more. */
static bool lead_contrast(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    bool any_interval;
    int c = telling_category(view, other, &any_interval);
    if (c < 0 && any_interval) {
        fus_svg_put(out,
                    "<li><strong>No category that both $e and $e have units for clearly differs in its share</strong>: "
                    "every ",
                    fus_view_name(view, 0), fus_view_name(view, other));
        put_coverage(out, view);
        fus_svg_put(out, " includes no difference.");
        lead_csi(out, view, other);
        fus_prose_equivalence(out, view, other);
        fus_svg_put(out, "</li>\n");
    }
    if (c < 0)
        return false;
    struct contrast x = contrast_of(view, other, c);
    double larger = fus_view_share(view, x.larger, c), smaller = fus_view_share(view, x.smaller, c);
    if (x.ratio < 1.05)
        fus_svg_put(out, "<li><strong>$e and $e have $sthe same share of $e-selective units</strong> ($p and $p",
                    fus_view_name(view, x.larger), fus_view_name(view, x.smaller), larger == smaller ? "" : "about ",
                    view->run->categories[c], larger, smaller);
    else
        fus_svg_put(out, "<li><strong>$e has $1 times the share of $e-selective units of $e</strong> ($p against $p",
                    fus_view_name(view, x.larger), x.ratio, view->run->categories[c], fus_view_name(view, x.smaller),
                    larger, smaller);
    if (x.bounded) {
        fus_svg_put(out, "; ");
        put_coverage(out, view);
        fus_svg_put(out,
                    isfinite(x.ratio_low) ? " of the ratio $2 to $2" : " of the difference $2 to $2 percentage points",
                    isfinite(x.ratio_low) ? x.ratio_low : 100 * x.more_low,
                    isfinite(x.ratio_low) ? x.ratio_high : 100 * x.more_high);
    }
    fus_svg_put(out, any_interval ? ")" : "; no interval was computed)");
    say_csi_of(out, view, &x);
    fus_svg_put(out, ".");
    fus_prose_matched(out, view, other, c);
    fus_prose_equivalence(out, view, other);
    fus_svg_put(out, "</li>\n");
    return x.ratio >= 1.05;
}

/* The model to compare the first with: among trained ones, if there is any, that whose telling
 * category has the largest ratio. */
static int telling_model(const struct fus_view *view)
{
    int best = 1;
    double most = -1;
    for (int untrained = 0; untrained < 2 && most < 0; untrained++)
        for (int m = 1; m < view->run->n_models; m++) {
            bool any_interval;
            int c = fus_view_untrained(view, m) == untrained ? telling_category(view, m, &any_interval) : -1;
            double ratio = c < 0 ? -1 : contrast_of(view, m, c).ratio;
            if (ratio > most) {
                most = ratio;
                best = m;
            }
        }
    return best;
}

/* One model: of which category the units are most selective, and in the other half. */
static void lead_selectivity(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_category_summary *best = NULL;
    int at = -1;
    for (int c = 0; c < view->run->n_categories; c++) {
        const struct fus_category_summary *s = fus_view_category(view, 0, view->last[0], c);
        if (!fus_view_scrambled(view, c) && isfinite(s->csi_mean) && (!best || s->csi_mean > best->csi_mean)) {
            best = s;
            at = c;
        }
    }
    if (at < 0 || view->dprime)
        return;
    fus_svg_put(out, "<li><strong>The units for $e are the most selective</strong>, by a mean CSI of $2",
                view->run->categories[at], best->csi_mean);
    if (isfinite(best->csi_cv))
        fus_svg_put(out, " ($2 if chosen in one half of the pictures and measured in the other)", best->csi_cv);
    fus_svg_put(out, ".</li>\n");
}

/* One model: the shares of units that the other half of the pictures chooses again. */
static void lead_survival(struct fus_text_buffer *out, const struct fus_view *view)
{
    double low = INFINITY, high = -INFINITY;
    for (int c = 0; c < view->run->n_categories; c++) {
        double v = fus_view_category(view, 0, view->last[0], c)->survival;
        if (fus_view_scrambled(view, c) || !isfinite(v))
            continue;
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    if (low > high)
        return;
    fus_svg_put(out, "<li><strong>$p", low);
    if (high > low)
        fus_svg_put(out, " to $p", high);
    fus_svg_put(out, " of a category\xe2\x80\x99s units are found again</strong>: chosen in one half of the pictures, "
                     "the other half chooses them too.</li>\n");
}

static void put_not_compared(struct fus_text_buffer *out, const struct fus_view *view, const char *tag)
{
    if (view->matched && view->run->groups.n)
        return;
    fus_svg_put(out, "<$s>", tag);
    fus_prose_not_compared(out, view);
    fus_svg_put(out, "</$s>\n", tag);
}

/* Three items at most: how many units, the comparison (or how selective), what to be wary of. */
int fus_prose_lead(struct fus_text_buffer *out, const struct fus_view *view)
{
    int n = view->run->n_models, other = 0;
    bool more = false, few = fus_prose_validity_few(view);
    fus_svg_put(out, "<ul class=\"lead\">\n<li>In the last block layer, ");
    for (int m = 0; n <= 2 && m < n; m++) {
        lead_model(out, view, m);
        fus_svg_put(out, m + 1 < n ? "; " : ".");
    }
    if (n > 2) {
        lead_many(out, view);
        fus_svg_put(out, ".");
    }
    fus_svg_put(out, "</li>\n");
    if (n == 1)
        lead_selectivity(out, view);
    else if (!fus_prose_groups(out, view)) {
        other = telling_model(view);
        more = lead_contrast(out, view, other);
    }
    if (few)
        fus_prose_validity_hint(out, view);
    else if (n == 1)
        lead_survival(out, view);
    else if (more)
        put_not_compared(out, view, "li");
    fus_svg_put(out, "</ul>\n");
    if (few && more)
        put_not_compared(out, view, "p");
    return other;
}
