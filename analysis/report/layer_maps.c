/* SPDX-License-Identifier: MIT */
/* The maps of every layer, small: a table a layer, a row a model and a column a category. The
 * script shows one layer at a time; without it they stand below each other. See compose.h. */
#include "analysis/report/compose.h"

#define MAX_MAPS 700 /* of more, every second, third ... layer is shown: a map takes about 1 kB */

static double largest_share(const struct fus_view *view, bool scrambled)
{
    double most = 0;
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++)
            for (int c = 0; c < view->run->n_categories; c++) {
                double v = fus_view_scrambled(view, c) == scrambled ? fus_view_map_most(view, m, l, c) : 0;
                most = v > most ? v : most;
            }
    return most;
}

/* Whether a layer has maps of more than one place. */
static bool has_maps(const struct fus_layer_summary *layer)
{
    return layer->n_categories > 0 && layer->categories[0].map && layer->height > 1 && layer->width > 1;
}

static int count_layers(const struct fus_view *view, int model)
{
    int n = 0;
    for (int l = 0; l < view->run->models[model].n_layers; l++)
        n += has_maps(&view->run->models[model].layers[l]);
    return n;
}

bool fus_layer_maps_any(const struct fus_view *view)
{
    for (int m = 0; m < view->run->n_models; m++)
        if (count_layers(view, m) > 1)
            return true;
    return false;
}

static void put_row(struct fus_text_buffer *out, const struct fus_view *view, int model, int layer, double top)
{
    const struct fus_layer_summary *l = &view->run->models[model].layers[layer];
    fus_svg_put(out, "<tr><th scope=\"row\">$e</th>", view->run->models[model].name);
    for (int c = 0; c < view->run->n_categories; c++) {
        fus_svg_put(out, "<td>");
        if (l->categories[c].n_selective > 0)
            fus_panel_map_small(out, l, c, top);
        fus_svg_put(out, l->categories[c].n_selective > 0 ? "<span>$p</span></td>" : "<span>none</span></td>",
                    l->categories[c].proportion);
    }
    fus_svg_put(out, "</tr>\n");
}

/* A layer of one model, or, model -1, of all. */
static void put_layer(struct fus_text_buffer *out, const struct fus_view *view, int model, int layer, double top)
{
    const struct fus_layer_summary *l = &view->run->models[model < 0 ? 0 : model].layers[layer];
    fus_svg_put(out,
                "<div class=\"scroll\" tabindex=\"0\" data-name=\"$e\"><table class=\"small\"><caption>$e, $d \xc3\x97 "
                "$d places</caption>\n<thead><tr><th scope=\"col\">model</th>",
                l->name, l->name, l->height, l->width);
    for (int c = 0; c < view->run->n_categories; c++)
        fus_svg_put(out, "<th scope=\"col\">$e</th>", view->run->categories[c]);
    fus_svg_put(out, "</tr></thead><tbody>\n");
    for (int m = model < 0 ? 0 : model; m < (model < 0 ? view->run->n_models : model + 1); m++)
        put_row(out, view, m, layer, top);
    fus_svg_put(out, "</tbody></table></div>\n");
}

/* Every `every`-th layer counted from the last. */
static void put_layers(struct fus_text_buffer *out, const struct fus_view *view, int model, int every, double top)
{
    const struct fus_model_summary *m = &view->run->models[model < 0 ? 0 : model];
    int left = count_layers(view, model < 0 ? 0 : model);
    fus_svg_put(out, "<div class=\"slide\">\n");
    for (int l = 0; l < m->n_layers; l++)
        if (has_maps(&m->layers[l]) && --left % every == 0)
            put_layer(out, view, model, l, top);
    fus_svg_put(out, "</div>\n");
}

static int step_of(const struct fus_view *view)
{
    long n = 0;
    for (int m = 0; m < view->run->n_models; m++)
        n += (long)count_layers(view, m) * view->run->n_categories;
    return (int)((n + MAX_MAPS - 1) / MAX_MAPS);
}

void fus_layer_maps_put(struct fus_text_buffer *out, const struct fus_view *view)
{
    struct fus_axis scale = {.percent = true};
    double most = largest_share(view, false), control = largest_share(view, true);
    int every = step_of(view);
    fus_axis_fit(&scale, 0, most > 0 ? most : control, 4);
    fus_svg_put(out, "<details id=\"every-layer\"><summary>Maps of every layer</summary>\n"
                     "<svg class=\"scale\" viewBox=\"0 0 300 50\" role=\"img\" aria-label=\"colour scale\">");
    fus_panel_map_scale(out, &scale, "channels selective at this place (%)", 300);
    fus_svg_put(out,
                "</svg>\n<p class=\"note\">One scale for all layers, not that of figure 4A; at most 16 \xc3\x97 16 "
                "cells a map. Below each map: the share of the layer.");
    if (control > scale.hi)
        fus_svg_put(out, " Of the scrambled control, what lies beyond the scale has its last colour.");
    if (every > 1)
        fus_svg_put(out, " So that the page stays small: one layer of $d, the last among them.", every);
    fus_svg_put(out, "</p>\n");
    for (int m = 0; m < (view->same_layers ? 1 : view->run->n_models); m++)
        if (count_layers(view, m) > 0)
            put_layers(out, view, view->same_layers ? -1 : m, every, scale.hi);
    fus_svg_put(out, "</details>\n");
}
