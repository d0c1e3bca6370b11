/* SPDX-License-Identifier: MIT */
/* What the pictures of this run allow to be concluded: see prose.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/prose.h"

static void say_subcategories(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    int single = 0;
    fus_svg_put(out, " Subcategories (folders): ");
    for (int c = 0; c < run->n_categories; c++) {
        fus_svg_put(out, "$e $d$s", run->categories[c], run->n_subcategories[c],
                    c + 1 < run->n_categories ? ", " : ".");
        single += run->n_subcategories[c] == 1;
    }
    if (single)
        fus_svg_put(out,
                    " $s shown by one subcategory: what is peculiar to its pictures cannot be told from the category, "
                    "so that nothing here generalises to other exemplars of it.",
                    single == run->n_categories ? "Every category is"
                    : single == 1               ? "One category is"
                                                : "Some are");
}

/* ---- few pictures ---- */

#define FEW_PICTURES 40

static int fewest_pictures(const struct fus_view *view)
{
    int n = view->run->n_pictures[0];
    for (int c = 1; c < view->run->n_categories; c++)
        n = view->run->n_pictures[c] < n ? view->run->n_pictures[c] : n;
    return n;
}

bool fus_prose_validity_few(const struct fus_view *view)
{
    return view->run->n_categories > 1 && fewest_pictures(view) < FEW_PICTURES;
}

/* The difference of two categories of n pictures, in standard deviations, that reaches the level
 * by a one-sided t test: t of 2n - 2 degrees of freedom times the root of 2 / n. */
static double least_difference(int n, double alpha)
{
    double low = 0, high = 1e6;
    for (int i = 0; i < 80; i++) {
        double t = (low + high) / 2;
        if (fus_special_t_sf(t, 2.0 * n - 2) > alpha)
            low = t;
        else
            high = t;
    }
    return high * sqrt(2.0 / n);
}

void fus_prose_validity_hint(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_method *how = view->run->method;
    int n = fewest_pictures(view);
    fus_svg_put(out, "<li><strong>$d picture$s of a category $s few</strong>: ", n, n == 1 ? "" : "s",
                n == 1 ? "is" : "are");
    if (!view->run->criterion && n > 1)
        fus_svg_put(out,
                    "to be found, a unit must differ between two such categories by about $1 standard deviations, "
                    "even before the correction for the number of units. ",
                    least_difference(n, view->run->options.alpha));
    fus_svg_put(out, "Weaker units are missed, and those found look more selective than they are. Shares grow with "
                     "the number of pictures: compare runs with equal numbers");
    fus_svg_put(out, how && how->subsample ? " (figure p1).</li>\n"
                                           : " (<code>--subsample</code> shows the growth).</li>\n");
}

/* ---- the methods ---- */

void fus_prose_validity_pictures(struct fus_text_buffer *out, const struct fus_run_summary *run)
{
    if (run->n_subcategories)
        say_subcategories(out, run);
    if (!run->method || run->method->near_duplicates < 0)
        return;
    if (run->method->near_duplicates == 0)
        fus_svg_put(out, " No two pictures are nearly the same (r above 0.98 of their 32 \xc3\x97 32 grey levels).");
    else
        fus_svg_put(
            out,
            " <b>$z pair$s of pictures $s nearly the same</b> (r above 0.98 of their 32 \xc3\x97 32 grey levels; "
            "run.json lists them): they are not independent samples, which makes every p too small.",
            (size_t)run->method->near_duplicates, run->method->near_duplicates == 1 ? "" : "s",
            run->method->near_duplicates == 1 ? "is" : "are");
}

void fus_prose_validity_resamples(struct fus_text_buffer *out, const char *over)
{
    if (over && strcmp(over, "subcategories") == 0)
        fus_svg_put(out, "drawn as whole subcategories with replacement within their category, so that intervals "
                         "speak of other exemplars of it");
    else if (over && strcmp(over, "both") == 0)
        fus_svg_put(out, "drawn with replacement, first the subcategory within its category, then the pictures within "
                         "the subcategory, so that intervals speak of other exemplars, too");
    else
        fus_svg_put(out, "drawn with replacement within their subcategory, so that intervals speak of other pictures "
                         "of these very subcategories");
}

void fus_prose_validity_power(struct fus_text_buffer *out)
{
    fus_svg_put(
        out,
        "The last block layer of the same networks on random draws of fewer pictures of each category: mean and "
        "\xc2\xb1 1 SD over $d draws, without replacement and evenly from the subcategories; at the right all "
        "pictures. More pictures, like less noise, make more units pass, weaker ones among them: a proportion "
        "rises and a CSI falls without any change in the network. <b>\xc3\x97</b> two models have the other "
        "order here than with all pictures. power.csv has every layer, variation, Morisita\xe2\x80\x99s "
        "index, and other levels of alpha.",
        FUS_POWER_DRAWS);
}

void fus_prose_validity_dimensions(struct fus_text_buffer *out, const struct fus_view *view)
{
    bool any = false;
    for (int m = 0; m < view->run->n_models; m++) {
        const struct fus_layer_summary *layer = fus_view_last(view, m);
        if (!isfinite(layer->dimensions))
            continue;
        fus_svg_put(out,
                    any ? "; $e, $e: $z units, $t dimensions"
                        : " Units respond alike: in $e, $e, $z vary in "
                          "effectively $t dimensions",
                    view->run->models[m].name, layer->name, layer->n_units, floor(layer->dimensions * 10 + 0.5) / 10);
        any = true;
    }
    if (any)
        fus_svg_put(out, " (participation ratio of their covariance over the pictures).");
}
