/* The result in plain language: see prose.h. The methods and captions are in prose_methods.c. */
#include "analysis/report/prose.h"

#include <math.h>

#include "analysis/inference.h"
#include "analysis/report/report.h"

/* Between the i-th and the next of n items. */
static const char *separator(int i, int n)
{
    return i + 1 >= n ? "" : i + 2 == n ? " and " : ", ";
}

static const char *name_of(const struct fus_view *view, int model)
{
    return view->run->models[model].name;
}

static double share(const struct fus_view *view, int model, int category)
{
    return fus_view_category(view, model, view->last[model], category)->proportion;
}

static size_t n_selective_in_last(const struct fus_view *view, int model)
{
    size_t n = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        n += fus_view_category(view, model, view->last[model], c)->n_selective;
    return n;
}

void fus_prose_title(struct fus_text_buffer *out, const struct fus_view *view)
{
    int n = view->run->n_models;
    fus_svg_put(out, "Category-selective units in ");
    if (n > 3)
        fus_svg_put(out, "$d networks", n);
    else
        for (int m = 0; m < n; m++)
            fus_svg_put(out, "$e$s", name_of(view, m), separator(m, n));
}

/* "for face (12.3%) and body (8.1%)": the categories of one model's last layer
 * whose share is `v`. */
static void categories_with_share(struct fus_text_buffer *out, const struct fus_view *view, int model, double v)
{
    int n = 0, at = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        n += share(view, model, c) == v;
    for (int c = 0; c < view->run->n_categories; c++)
        if (share(view, model, c) == v)
            fus_svg_put(out, "$e$s", view->run->categories[c], separator(at++, n));
    if (v > 0)
        fus_svg_put(out, n > 1 ? " ($p each)" : " ($p)", v);
}

/* The one category that has selective units in the last layer, or -1. */
static int only_category(const struct fus_view *view, int model)
{
    int only = -1;
    for (int c = 0; c < view->run->n_categories; c++)
        if (share(view, model, c) > 0) {
            if (only >= 0)
                return -1;
            only = c;
        }
    return only;
}

static void say_extremes(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    double most = 0, least = INFINITY;
    bool none = false;
    if (only_category(view, model) >= 0) {
        fus_svg_put(out, " All of them are selective for $e.", view->run->categories[only_category(view, model)]);
        return;
    }
    for (int c = 0; c < view->run->n_categories; c++) {
        double v = share(view, model, c);
        most = v > most ? v : most;
        least = v > 0 && v < least ? v : least;
        none |= !(v > 0);
    }
    if (most == least && !none) {
        fus_svg_put(out, " Every category has the same share ($p).", most);
        return;
    }
    fus_svg_put(out, " The largest share is selective for ");
    categories_with_share(out, view, model, most);
    if (least < most) {
        fus_svg_put(out, ", the smallest for ");
        categories_with_share(out, view, model, least);
    }
    if (none) {
        fus_svg_put(out, "; no unit is selective for ");
        categories_with_share(out, view, model, 0);
    }
    fus_svg_put(out, ".");
}

/* The first layer where the category's share is largest, or -1 where it is
 * nowhere above `least`. */
static int peak_layer(const struct fus_view *view, int model, int category, double least)
{
    int best = -1;
    double most = least;
    for (int l = 0; l < view->run->models[model].n_layers; l++) {
        double v = fus_view_category(view, model, l, category)->proportion;
        if (v > most) {
            most = v;
            best = l;
        }
    }
    return best;
}

static double largest_share(const struct fus_view *view, int model)
{
    double most = 0;
    for (int l = 0; l < view->run->models[model].n_layers; l++)
        for (int c = 0; c < view->run->n_categories; c++) {
            double v = fus_view_category(view, model, l, c)->proportion;
            most = v > most ? v : most;
        }
    return most;
}

/* The categories whose share peaks in layer l, with that share: "face (18.2%) and body (8.8%)". */
static void categories_peaking(struct fus_text_buffer *out, const struct fus_view *view, int model, int l, double least)
{
    int n = 0, at = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        n += peak_layer(view, model, c, least) == l;
    for (int c = 0; c < view->run->n_categories; c++)
        if (peak_layer(view, model, c, least) == l)
            fus_svg_put(out, "$e ($p)$s", view->run->categories[c], fus_view_category(view, model, l, c)->proportion,
                        separator(at++, n));
}

/* "Across its 17 layers, the shares peak between layer3.1.relu, for face (18.2%), and
 * layer4.1.relu, for word (6.5%)." */
static void say_peaks(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    const struct fus_model_summary *m = &view->run->models[model];
    int first = m->n_layers, last = -1, n = 0, n_small = 0;
    double least = largest_share(view, model) / 10;
    for (int c = 0; c < view->run->n_categories; c++) {
        n_small += peak_layer(view, model, c, 0) >= 0 && peak_layer(view, model, c, least) < 0;
        int l = peak_layer(view, model, c, least);
        n += l >= 0;
        first = l >= 0 && l < first ? l : first;
        last = l > last ? l : last;
    }
    if (m->n_layers < 2 || last < 0)
        return;
    fus_svg_put(out,
                n == 1 ? " Across its $d layers, the share peaks in " : " Across its $d layers, the shares peak $s",
                m->n_layers, first < last ? "between " : "in ");
    fus_svg_put(out, first < last ? "$e, for " : "$e for ", m->layers[first].name);
    categories_peaking(out, view, model, first, least);
    if (first < last) {
        fus_svg_put(out, ", and $e, for ", m->layers[last].name);
        categories_peaking(out, view, model, last, least);
    }
    fus_svg_put(out, n_small ? " (categories that never reach a tenth of its largest share left aside)." : ".");
}

/* Categories of the last layer whose share is (or is not) beyond what relabelled pictures give;
 * returns how many were said. */
static int categories_by_chance(struct fus_text_buffer *out, const struct fus_view *view, int model, bool beyond,
                                const char *before)
{
    int n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_permute_category *p = &fus_view_last(view, model)->permuted[c];
            if (share(view, model, c) == 0 || !isfinite(p->p_proportion) ||
                (p->p_proportion <= view->run->options.alpha) != beyond)
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(out, at == 0 ? before : "");
                fus_svg_put(out, "$e (p $v)$s", view->run->categories[c], p->p_proportion, separator(at++, n));
            }
        }
    return n;
}

static void say_chance(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    if (!fus_view_last(view, model)->permuted || n_selective_in_last(view, model) == 0)
        return;
    int n = categories_by_chance(out, view, model, true, " The share is larger than relabelled pictures give for ");
    n += categories_by_chance(out, view, model, false,
                              n ? ", but not for " : " The share is not larger than relabelled pictures give for ");
    fus_svg_put(out, n ? "." : "");
}

/* "Chosen in one half of the pictures and measured in the other, their mean CSI is 0.31 for face
 * (0.36 on all pictures)." */
static void say_halves(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    int n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_category_summary *s = fus_view_category(view, model, view->last[model], c);
            if (!isfinite(s->csi_cv) || !isfinite(s->csi_mean))
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(
                    out, at == 0
                             ? " The mean CSI of units chosen in one half of the pictures and measured in the other is "
                             : "");
                fus_svg_put(out, "$3 for $e (on all pictures $3)$s", s->csi_cv, view->run->categories[c], s->csi_mean,
                            separator(at++, n));
            }
        }
    fus_svg_put(out, n ? "." : "");
}

static void say_model(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    const struct fus_layer_summary *last = fus_view_last(view, model);
    size_t n_selective = n_selective_in_last(view, model);
    if (fus_view_untrained(view, model))
        fus_svg_put(out,
                    "<b>$e</b> is an untrained control: its weights are random, so what it shows comes from the "
                    "pictures and the "
                    "architecture, not from learning. ",
                    name_of(view, model));
    const char *others = view->run->n_categories == 2 ? "the other" : "each of the others";
    if (n_selective == 0) {
        fus_svg_put(out,
                    "In <b>$e</b>, none of the $z units of the last block layer ($e) is selective for any category.",
                    name_of(view, model), last->n_units, last->name);
    } else {
        fus_svg_put(out, "In <b>$e</b>, $p of the $z units of the last block layer ($e) ", name_of(view, model),
                    (double)n_selective / (double)last->n_units, last->n_units, last->name);
        fus_svg_put(out,
                    view->run->criterion ? "are selective for one category."
                                         : "respond significantly more to one category than to $s.",
                    others);
        say_extremes(out, view, model);
    }
    say_chance(out, view, model);
    say_halves(out, view, model);
    say_peaks(out, view, model);
}

/* Categories where the first model's share is larger (sign 1), smaller (-1) or equal (0), with
 * both numbers; categories without units in both are passed over. */
static int say_shares(struct fus_text_buffer *out, const struct fus_view *view, int other, int sign, const char *before)
{
    int n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < view->run->n_categories; c++) {
            double a = share(view, 0, c), b = share(view, other, c);
            if ((a > b) - (a < b) != sign || a + b == 0)
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(out, at == 0 ? before : "");
                fus_svg_put(out, "$e ", view->run->categories[c]);
                fus_svg_put(out, sign ? "($p against $p)" : "($p)", a, b);
                fus_svg_put(out, "$s", separator(at++, n));
            }
        }
    return n;
}

/* What the rows of the comparison with one other model come to; same_depth leaves out layers of
 * equal name elsewhere. */
struct tally {
    int n_rows, n_tested, n_greater, n_mean;
};

static struct tally tally_csi(const struct fus_view *view, int other, bool same_depth)
{
    struct tally t = {0, 0, 0, 0};
    for (size_t i = 0; i < view->n_rows; i++) {
        const struct fus_csi_comparison *row = &view->rows[i];
        if (row->model_a != 0 || row->model_b != other || (same_depth && !fus_view_comparable(view, row)))
            continue;
        t.n_rows++;
        t.n_tested += isfinite(row->p) != 0;
        t.n_greater += isfinite(row->p) && row->p < 0.05;
        t.n_mean += isfinite(row->p) && row->csi_difference > 0;
    }
    return t;
}

static void say_csi(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    struct tally t = tally_csi(view, other, false), near = tally_csi(view, other, true);
    if (t.n_rows == 0)
        fus_svg_put(
            out, " No layers of the two correspond, by name or by relative depth, so no test of their CSI pairs them.");
    else if (t.n_tested == 0)
        fus_svg_put(out, " No layer has enough units selective for the same category in both to test their CSI.");
    else {
        fus_svg_put(out,
                    " $she mean CSI of $e is higher in $d of the $d comparisons (one layer, one category) that can be "
                    "tested, and greater at "
                    "p\xc2\xa0&lt;\xc2\xa0.05 in $d of them",
                    near.n_rows < t.n_rows ? "Between corresponding layers, some of which lie at other depths, t" : "T",
                    name_of(view, 0), t.n_mean, t.n_tested, t.n_greater);
        fus_svg_put(out, " (one-sided, not corrected for their number; chance alone would give about $1).",
                    0.05 * t.n_tested);
    }
}

static void say_comparison(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    if (n_selective_in_last(view, 0) + n_selective_in_last(view, other) == 0) {
        fus_svg_put(out, "Neither $e nor $e has a selective unit in the last block layer.", name_of(view, 0),
                    name_of(view, other));
        say_csi(out, view, other);
        return;
    }
    fus_svg_put(out, "Compared with $e, $e has in the last block layer", name_of(view, other), name_of(view, 0));
    int n = say_shares(out, view, other, 1, " more selective units for ");
    int fewer = say_shares(out, view, other, -1, n ? "; fewer for " : " fewer selective units for ");
    say_shares(out, view, other, 0, n + fewer ? "; the same share for " : " the same share of selective units for ");
    fus_svg_put(out, ".");
    say_csi(out, view, other);
}

/* "25.1% of the units of resnet50 are selective for a category, place above all (7.8%)" */
static void lead_model(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    const struct fus_layer_summary *last = fus_view_last(view, model);
    const char *untrained = fus_view_untrained(view, model) ? ", an untrained control," : "";
    size_t n_selective = n_selective_in_last(view, model);
    double most = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        most = share(view, model, c) > most ? share(view, model, c) : most;
    if (n_selective == 0) {
        fus_svg_put(out, "no unit of $e$s is selective for any category", name_of(view, model), untrained);
        return;
    }
    if (only_category(view, model) >= 0) {
        fus_svg_put(out, "$p of the units of $e$s are selective for $e, none for any other category", most,
                    name_of(view, model), untrained, view->run->categories[only_category(view, model)]);
        return;
    }
    fus_svg_put(out, "$p of the units of $e$s are selective for a category, above all ",
                (double)n_selective / (double)last->n_units, name_of(view, model), untrained);
    categories_with_share(out, view, model, most);
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
    /* there is an interval of the ratio, or of the difference; it lies above 1, or 0 */
    bool bounded, clear;
};

static struct contrast contrast_of(const struct fus_view *view, int other, int category)
{
    const struct fus_model_difference *d = fus_view_difference(view, other, category);
    double a = share(view, 0, category), b = share(view, other, category);
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
        double v = !isfinite(x.ratio) || (*any_interval && !x.clear) ? 0
                   : *any_interval                                   ? x.ratio
                                                                     : share(view, x.larger, c);
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
                view->run->categories[best], name_of(view, x.larger), x.csi_low > 0 ? "higher" : "lower",
                name_of(view, x.smaller));
    put_csi(out, view, &x);
    fus_svg_put(out, ".");
}

/* "r50 has 1.4 times the share of face-selective units of clip (6.2% against 4.4%; 95% interval
 * of the ratio 1.2 to 1.6), with a lower mean CSI (...)." */
static void lead_contrast(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    bool any_interval;
    int c = telling_category(view, other, &any_interval);
    if (c < 0 && any_interval) {
        fus_svg_put(out, " No category that both $e and $e have units for clearly differs in its share: every ",
                    name_of(view, 0), name_of(view, other));
        put_coverage(out, view);
        fus_svg_put(out, " includes no difference.");
        lead_csi(out, view, other);
    }
    if (c < 0)
        return;
    struct contrast x = contrast_of(view, other, c);
    double larger = share(view, x.larger, c), smaller = share(view, x.smaller, c);
    if (x.ratio < 1.05)
        fus_svg_put(out, " $e and $e have $sthe same share of $e-selective units ($p and $p", name_of(view, x.larger),
                    name_of(view, x.smaller), larger == smaller ? "" : "about ", view->run->categories[c], larger,
                    smaller);
    else
        fus_svg_put(out, " $e has $1 times the share of $e-selective units of $e ($p against $p",
                    name_of(view, x.larger), x.ratio, view->run->categories[c], name_of(view, x.smaller), larger,
                    smaller);
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
}

#define MAX_LEAD_CONTRASTS 2 /* others are in the paragraphs below */

/* The headline: shares in the last layer, then the first model against the others. */
static void lead(struct fus_text_buffer *out, const struct fus_view *view)
{
    int n = view->run->n_models;
    fus_svg_put(out, "<p class=\"lead\">In the last block layer, ");
    for (int m = 0; m < n; m++) {
        lead_model(out, view, m);
        fus_svg_put(out, m + 1 < n ? "; " : ".");
    }
    for (int m = 1; m < n && m <= MAX_LEAD_CONTRASTS; m++)
        lead_contrast(out, view, m);
    fus_svg_put(out, "</p>\n");
}

void fus_prose_result(struct fus_text_buffer *out, const struct fus_view *view)
{
    bool many = view->run->n_models > 2;
    lead(out, view);
    fus_svg_put(out, many ? "<details><summary>Model by model</summary>\n" : "");
    for (int m = 0; m < view->run->n_models; m++) {
        fus_svg_put(out, "<p>");
        say_model(out, view, m);
        fus_svg_put(out, "</p>\n");
    }
    for (int m = 1; m < view->run->n_models; m++) {
        fus_svg_put(out, "<p>");
        say_comparison(out, view, m);
        fus_svg_put(out, "</p>\n");
    }
    fus_svg_put(out, many ? "</details>\n" : "");
}
