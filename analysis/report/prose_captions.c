/* SPDX-License-Identifier: MIT */
/* Captions of figures: see prose.h. */
#include <math.h>
#include <string.h>

#include "analysis/report/prose.h"

void fus_prose_signed(struct fus_text_buffer *out)
{
    fus_svg_put(out, "Outputs of a transformer\xe2\x80\x99s layers may be negative, so the sum of two mean responses "
                     "says nothing about their size and an index of sums, CSI, is not defined; d\xe2\x80\xb2 takes its "
                     "place here, for every model.");
}

static void caption_csi(struct fus_text_buffer *out, const struct fus_view *view)
{
    if (view->dprime) {
        fus_svg_put(out, "Mean d\xe2\x80\xb2 of the units selective for each category. Gaps: no selective unit. ");
        fus_prose_signed(out);
        return;
    }
    fus_svg_put(out, "Mean CSI of the units selective for each category; error bars are \xc2\xb1 1 SEM over these "
                     "units (no bar: smaller than the "
                     "marker, or a single unit). Gaps: no selective unit with a defined CSI.");
    if (view->run->n_models < 2 || view->run->groups.n)
        return;
    fus_svg_put(out,
                " <b>*</b> CSI of $e greater than that of $s, p\xc2\xa0&lt;\xc2\xa0.05, by the paper\xe2\x80\x99s "
                "one-sided test over the selective units of the "
                "layer (Welch, not corrected for the number of layers and categories; units share weights and are not "
                "independent samples, so "
                "read it as a description).",
                view->run->models[0].name,
                view->run->n_models == 2 ? "the other model" : "the model whose marker heads the row of asterisks");
    if (!view->same_layers)
        fus_svg_put(out, " Layers are paired by name, or by relative depth where the blocks of the networks differ; "
                         "only pairs at the same depth have an asterisk, the others are in the table.");
}

/* "95%" of alpha 0.05. */
static void put_coverage(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "$t%", 100 * (1 - view->run->options.alpha));
}

/* Categories and models that a panel is missing for, and why. */
static void caption_missing_dots(struct fus_text_buffer *out, const struct fus_view *view)
{
    const struct fus_run_summary *run = view->run;
    for (int m = 0; m < run->n_models; m++) {
        const struct fus_response_profile *p = &run->profiles[m];
        int n = 0;
        if (p->n_pictures == 0)
            fus_svg_put(out, " Of $e no single responses were kept: those of its layer would take more than 1 GB.",
                        run->models[m].name);
        for (int c = 0; c < run->n_categories; c++)
            if (p->n_pictures && fus_view_category(view, m, view->profile_layer[m], c)->n_selective == 0) {
                if (n++ == 0)
                    fus_svg_put(out, " In $e no unit is selective for ", run->models[m].name);
                else
                    fus_svg_put(out, " or ");
                fus_svg_put(out, "$e", run->categories[c]);
            }
        fus_svg_put(out, n ? "." : "");
    }
}

static void caption_dots(struct fus_text_buffer *out, const struct fus_view *view,
                         const struct fus_figures_figure *figure)
{
    fus_svg_put(out, "Each panel: the units of the layer that are selective for one category (shaded column). Each "
                     "dot: their mean response to "
                     "one picture; lines: mean over the pictures of a category. Panels of one model have the same "
                     "scale; models have their own.");
    if (figure->dots_every > 1)
        fus_svg_put(
            out,
            " Of large categories only a part of the pictures is drawn, down to one in $d; the means are over all.",
            figure->dots_every);
    caption_missing_dots(out, view);
}

static void caption_map(struct fus_text_buffer *out, const struct fus_figures_figure *figure)
{
    fus_svg_put(out, "Share of the channels whose unit at this place of the feature map is selective for the category. "
                     "All maps have the same colour "
                     "scale; anything above 0 differs from the colour of 0.");
    if (figure->clipped)
        fus_svg_put(out, " The scrambled control does not set it: what lies beyond has the last colour.");
    if (figure->coarse)
        fus_svg_put(out, " Maps larger than 32 \xc3\x97 32 places are averaged to that for the drawing.");
}

static void caption_matched(struct fus_text_buffer *out, const struct fus_view *view)
{
    fus_svg_put(out, "The first model and another by as many units of each: the k units whose least t over the other "
                     "categories is largest, chosen in one half of the pictures; their mean CSI in the other half; "
                     "mean of both ways. Curves that coincide say that the units are equally selective, and that a "
                     "model has more of them above a threshold because its responses are less noisy, or because it "
                     "has more such units beyond k.");
    fus_svg_put(out, view->run->method && view->run->method->bootstrap ? " Bands: "
                                                                       : " No bands: intervals need "
                                                                         "--bootstrap.");
    if (view->run->method && view->run->method->bootstrap) {
        put_coverage(out, view);
        fus_svg_put(out, " intervals of a bootstrap over pictures, drawn within halves.");
    }
}

/* What a figure shows. */
static void caption_what(struct fus_text_buffer *out, const struct fus_view *view,
                         const struct fus_figures_figure *figure)
{
    const char *n = figure->number;
    if (strcmp(n, "2A") == 0)
        caption_dots(out, view, figure);
    else if (n[0] == '5')
        fus_svg_put(out, "The curves of figure $s for these two models alone$s",
                    strcmp(n, "5A") == 0   ? "2B"
                    : strcmp(n, "5B") == 0 ? "3B"
                                           : "4C",
                    strcmp(n, "5A") == 0 ? ", with the same error bars and asterisks." : ".");
    else if (strcmp(n, "2B") == 0)
        caption_csi(out, view);
    else if (strcmp(n, "3A") == 0)
        fus_svg_put(out, "Units selective for each category, as a share of all units of the last block layer.");
    else if (strcmp(n, "3B") == 0)
        fus_svg_put(out, "Units selective for each category, as a share of all units of the layer.");
    else if (strcmp(n, "4A") == 0)
        caption_map(out, figure);
    else if (strcmp(n, "4B") == 0)
        fus_svg_put(out, "How unevenly selective units are spread over the places of the last block layer: the "
                         "standard deviation of the map above "
                         "divided by its mean (coefficient of variation, CV). 0 means the same share everywhere. "
                         "Few units vary more by chance alone, so that the CV follows their number. Beside it "
                         "Morisita\xe2\x80\x99s index, which does not: how many times likelier two of the units share "
                         "a place than by chance.");
    else if (strcmp(n, "2B\xe2\x80\xb2") == 0 && view->dprime)
        fus_svg_put(out, "Units selective in one half of the pictures, their mean d\xe2\x80\xb2 in the other half; "
                         "mean of both directions. Figure 2B is no measure of what choosing and measuring on the same "
                         "pictures adds, since all pictures select other units than half of them do. layers.csv has "
                         "the area under the ROC curve there too (auc_cv).");
    else if (strcmp(n, "2B\xe2\x80\xb2") == 0)
        fus_svg_put(out, "Units selective in one half of the pictures, their mean CSI in the other half; mean of both "
                         "directions. Choosing and measuring on the same pictures would give the larger csi_same of "
                         "layers.csv; figure 2B is no measure of that, since all pictures select other units than half "
                         "of them do. No error bars: two halves give "
                         "none. Gaps: a half has no selective unit.");
    else if (strcmp(n, "p1") == 0)
        fus_prose_validity_power(out);
    else if (strcmp(n, "m1") == 0)
        caption_matched(out, view);
    else if (strcmp(n, "v1") == 0)
        fus_svg_put(out, "Each cell: Spearman\xe2\x80\x99s rank correlation of two layers\xe2\x80\x99 dissimilarities "
                         "(1 \xe2\x88\x92 Pearson\xe2\x80\x99s r of two response "
                         "patterns over all units of the layer), between the mean patterns of the categories or "
                         "between single pictures. 1: both layers sort them alike. Open "
                         "cells are undefined. Layers run from input (top, left) to output; of two models the one "
                         "named first has the rows.");
    else
        fus_svg_put(out, "The same coefficient of variation in every layer, and below it Morisita\xe2\x80\x99s index. "
                         "Gaps: no selective unit, so no variation; for the index fewer than two.");
}

void fus_prose_caption(struct fus_text_buffer *out, const struct fus_view *view,
                       const struct fus_figures_figure *figure)
{
    const char *n = figure->number;
    caption_what(out, view, figure);
    bool proportion = n[0] == '3' || strcmp(n, "5B") == 0,
         variation = strcmp(n, "4B") == 0 || strcmp(n, "4C") == 0 || strcmp(n, "5C") == 0;
    if ((proportion && view->intervals) || (variation && view->variation_intervals)) {
        fus_svg_put(out, " Error bars: ");
        put_coverage(out, view);
        fus_svg_put(out, " intervals of a bootstrap over pictures.");
    } else if (proportion || variation)
        fus_svg_put(out, " No error bars: intervals need --bootstrap.");
    if (variation) {
        fus_svg_put(out, " Dotted: what ");
        put_coverage(out, view);
        fus_svg_put(out, " of maps lie within that have as many units at random places.");
    }
    if (proportion && view->permuted) {
        fus_svg_put(out, " Dotted: what ");
        put_coverage(out, view);
        fus_svg_put(out, " of relabellings of the pictures stay below, so what chance gives.");
    }
    if (view->run->groups.n && (strcmp(n, "2B") == 0 || strcmp(n, "3B") == 0 || strcmp(n, "4C") == 0))
        fus_svg_put(out, " Groups of trainings: thin lines are single trainings, thick ones their mean; of untrained "
                         "networks the band that they lie in.");
    if (figure->cut_scale)
        fus_svg_put(out, " The vertical scale does not start at 0.");
    if (figure->beyond)
        fus_svg_put(out,
                    " Open triangles at the edge: values beyond the scale, which layers with few units for the "
                    "category (fewer than $d, or of the CV less than one for $d places) do not set; the table has "
                    "them.",
                    FUS_VIEW_FEW_UNITS, FUS_VIEW_FEW_PLACES);
    if (figure->own_scales)
        fus_svg_put(out, " <b>Each panel has a scale of its own</b>, because the categories differ too much for one.");
}

/* ---- panels that would have been empty ---- */

/* Why, of the panels of a group. */
static const char *why_empty(const struct fus_figures_figure *f, int group)
{
    const char *n = f->number;
    if (strcmp(n, "4A") == 0)
        return "no unit of the last block layer is selective there";
    if (strcmp(n, "p1") == 0)
        return "no unit of the last block layer is selective with any number of pictures";
    if (strcmp(n, "2B\xe2\x80\xb2") == 0)
        return "no layer has a unit that one half of the pictures selects and the other can measure";
    if (strcmp(n, "4C") == 0 && group == 1)
        return "no layer has two selective units";
    if (strcmp(n, "2B") == 0 || strcmp(n, "5A") == 0)
        return "no layer has a selective unit with a defined value";
    return "no unit of any layer is selective";
}

/* "face and body", of one group. */
static void list_folds(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *f,
                       int group)
{
    int n = 0, at = 0;
    for (size_t i = 0; i < f->n_folds; i++)
        n += f->folds[i].group == group;
    for (size_t i = 0; i < f->n_folds; i++)
        if (f->folds[i].group == group)
            fus_svg_put(out, "$e$s", view->run->categories[f->folds[i].category], fus_prose_separator(at++, n));
}

/* Whether the group before has the same categories, for the same reason. */
static bool repeats(const struct fus_view *view, const struct fus_figures_figure *f, size_t i)
{
    struct fus_text_buffer before = {0}, now = {0};
    if (i == 0 || f->model_groups || why_empty(f, f->folds[i].group) != why_empty(f, f->folds[i - 1].group))
        return false;
    list_folds(&before, view, f, f->folds[i - 1].group);
    list_folds(&now, view, f, f->folds[i].group);
    bool same = before.s && now.s && strcmp(before.s, now.s) == 0;
    fus_text_free(&before);
    fus_text_free(&now);
    return same;
}

void fus_prose_folds(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_figures_figure *f)
{
    for (size_t i = 0; i < f->n_folds; i++) {
        int group = f->folds[i].group;
        if ((i > 0 && group == f->folds[i - 1].group) || repeats(view, f, i))
            continue;
        if (i == 0 || !f->model_groups)
            fus_svg_put(out, "$sNot drawn, since $s: ", i ? " " : "", why_empty(f, group));
        else
            fus_svg_put(out, "; ");
        if (f->model_groups)
            fus_svg_put(out, "$e, ", view->run->models[group].name);
        list_folds(out, view, f, group);
        fus_svg_put(out, f->model_groups ? "" : ".");
    }
    fus_svg_put(out, f->n_folds && f->model_groups ? "." : "");
}
