/* SPDX-License-Identifier: MIT */
/* The result in plain language: see prose.h. The headline is in prose_lead.c, the methods and
 * captions in prose_methods.c. */
#include "analysis/report/prose.h"

#include <math.h>

#include "analysis/inference.h"

const char *fus_prose_separator(int i, int n)
{
    return i + 1 >= n ? "" : i + 2 == n ? " and " : ", ";
}

void fus_prose_title(struct fus_text_buffer *out, const struct fus_view *view)
{
    int n = view->run->n_models;
    fus_svg_put(out, "Category-selective units in ");
    if (n > 3)
        fus_svg_put(out, "$d networks", n);
    else
        for (int m = 0; m < n; m++)
            fus_svg_put(out, "$e$s", fus_view_name(view, m), fus_prose_separator(m, n));
}

void fus_prose_categories(struct fus_text_buffer *out, const struct fus_view *view, int model, double v)
{
    int n = 0, at = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        n += fus_view_share(view, model, c) == v;
    for (int c = 0; c < view->run->n_categories; c++)
        if (fus_view_share(view, model, c) == v)
            fus_svg_put(out, "$e$s", view->run->categories[c], fus_prose_separator(at++, n));
    if (v > 0)
        fus_svg_put(out, n > 1 ? " ($p each)" : " ($p)", v);
}

static void say_extremes(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    double most = 0, least = INFINITY;
    bool none = false;
    if (fus_view_only_category(view, model) >= 0) {
        fus_svg_put(out, " All of them are selective for $e.",
                    view->run->categories[fus_view_only_category(view, model)]);
        return;
    }
    for (int c = 0; c < view->run->n_categories; c++) {
        double v = fus_view_share(view, model, c);
        most = v > most ? v : most;
        least = v > 0 && v < least ? v : least;
        none |= !(v > 0);
    }
    if (most == least && !none) {
        fus_svg_put(out, " Every category has the same share ($p).", most);
        return;
    }
    fus_svg_put(out, " The largest share is selective for ");
    fus_prose_categories(out, view, model, most);
    if (least < most) {
        fus_svg_put(out, ", the smallest for ");
        fus_prose_categories(out, view, model, least);
    }
    if (none) {
        fus_svg_put(out, "; no unit is selective for ");
        fus_prose_categories(out, view, model, 0);
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
                        fus_prose_separator(at++, n));
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

/* Categories of the last layer whose share is (or is not) above that of relabelled pictures;
 * returns how many were said. */
static int categories_by_chance(struct fus_text_buffer *out, const struct fus_view *view, int model, bool beyond,
                                const char *before)
{
    int n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_permute_category *p = &fus_view_last(view, model)->permuted[c];
            if (fus_view_share(view, model, c) == 0 || !isfinite(p->p_proportion) ||
                (p->p_proportion <= view->run->options.alpha) != beyond)
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(out, at == 0 ? before : "");
                fus_svg_put(out, "$e (p $v)$s", view->run->categories[c], p->p_proportion,
                            fus_prose_separator(at++, n));
            }
        }
    return n;
}

static void say_chance(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    if (!fus_view_last(view, model)->permuted || fus_view_n_selective(view, model) == 0)
        return;
    int n = categories_by_chance(out, view, model, true, " The share is larger than relabelled pictures give for ");
    n += categories_by_chance(out, view, model, false,
                              n ? ", but not for " : " The share is not larger than relabelled pictures give for ");
    fus_svg_put(out, n ? "." : "");
}

/* "Chosen in one half of the pictures and measured in the other, their mean CSI is 0.31 for face
 * (0.36 in the same half)." */
static void say_halves(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    int n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int c = 0; c < view->run->n_categories; c++) {
            const struct fus_category_summary *s = fus_view_category(view, model, view->last[model], c);
            if (!isfinite(s->csi_cv) || !isfinite(s->csi_same))
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(
                    out, at == 0
                             ? " The mean CSI of units chosen in one half of the pictures and measured in the other is "
                             : "");
                fus_svg_put(out, "$3 for $e (in the same half $3)$s", s->csi_cv, view->run->categories[c], s->csi_same,
                            fus_prose_separator(at++, n));
            }
        }
    fus_svg_put(out, n ? "." : "");
}

static void say_model(struct fus_text_buffer *out, const struct fus_view *view, int model)
{
    const struct fus_layer_summary *last = fus_view_last(view, model);
    size_t n_selective = fus_view_n_selective(view, model);
    if (fus_view_untrained(view, model))
        fus_svg_put(out,
                    "<b>$e</b> is an untrained control: its weights are random, so what it shows comes from the "
                    "pictures and the "
                    "architecture, not from learning. ",
                    fus_view_name(view, model));
    const char *others = view->run->n_categories == 2 ? "the other" : "each of the others";
    if (n_selective == 0) {
        fus_svg_put(out,
                    "In <b>$e</b>, none of the $z units of the last block layer ($e) is selective for any category.",
                    fus_view_name(view, model), last->n_units, last->name);
    } else {
        fus_svg_put(out, "In <b>$e</b>, $p of the $z units of the last block layer ($e) ", fus_view_name(view, model),
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
            double a = fus_view_share(view, 0, c), b = fus_view_share(view, other, c);
            if ((a > b) - (a < b) != sign || a + b == 0)
                continue;
            if (pass == 0)
                n++;
            else {
                fus_svg_put(out, at == 0 ? before : "");
                fus_svg_put(out, "$e ", view->run->categories[c]);
                fus_svg_put(out, sign ? "($p against $p)" : "($p)", a, b);
                fus_svg_put(out, "$s", fus_prose_separator(at++, n));
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
    if (view->dprime)
        return;
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
                    fus_view_name(view, 0), t.n_mean, t.n_tested, t.n_greater);
        fus_svg_put(out, " (one-sided, not corrected for their number; chance alone would give about $1).",
                    0.05 * t.n_tested);
    }
}

static void say_comparison(struct fus_text_buffer *out, const struct fus_view *view, int other)
{
    if (fus_view_n_selective(view, 0) + fus_view_n_selective(view, other) == 0) {
        fus_svg_put(out, "Neither $e nor $e has a selective unit in the last block layer.", fus_view_name(view, 0),
                    fus_view_name(view, other));
        say_csi(out, view, other);
        return;
    }
    fus_svg_put(out, "Compared with $e, $e has in the last block layer", fus_view_name(view, other),
                fus_view_name(view, 0));
    int n = say_shares(out, view, other, 1, " more selective units for ");
    int fewer = say_shares(out, view, other, -1, n ? "; fewer for " : " fewer selective units for ");
    say_shares(out, view, other, 0, n + fewer ? "; the same share for " : " the same share of selective units for ");
    fus_svg_put(out, ".");
    say_csi(out, view, other);
}

void fus_prose_result(struct fus_text_buffer *out, const struct fus_view *view)
{
    bool many = view->run->n_models > 2;
    int compared = fus_prose_lead(out, view);
    fus_svg_put(out, many ? "<details><summary>Model by model</summary>\n" : "");
    for (int m = 0; m < view->run->n_models; m++) {
        fus_svg_put(out, "<p>");
        say_model(out, view, m);
        fus_svg_put(out, "</p>\n");
    }
    for (int m = 1; m < view->run->n_models; m++) {
        fus_svg_put(out, "<p>");
        say_comparison(out, view, m);
        if (m != compared)
            fus_prose_equivalence(out, view, m);
        fus_svg_put(out, "</p>\n");
    }
    fus_svg_put(out, many ? "</details>\n" : "");
}
