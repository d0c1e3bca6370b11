/* SPDX-License-Identifier: MIT */
/* How alike two models' layers sort the pictures (v1 of the paper: representational
 * consistency): see panels.h. A cell is the rank correlation of two layers' dissimilarities,
 * from -1 to 1; undefined ones are left open. */
#include <math.h>

#include "analysis/report/panels.h"

#define TOP 26.0
#define LABEL_CHARS 16
#define MAX_LABELS 20
#define BOLD_13 15.0 /* size of regular letters as wide as bold ones of 13 pixels */

struct matrix {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    const double *values; /* from the first layers of both models on */
    size_t stride;        /* layers of all models */
    const struct fus_model_summary *a, *b;
    double low, left, below, width, height;
};

static size_t first_layer(const struct fus_view *view, int model)
{
    size_t n = 0;
    for (int m = 0; m < model; m++)
        n += (size_t)view->run->models[m].n_layers;
    return n;
}

/* 0 .. FUS_THEME_HEAT_LEVELS - 1; -1: undefined. */
static int level_at(const struct matrix *p, int row, int column)
{
    double r = p->values[(size_t)row * p->stride + (size_t)column];
    int level = isfinite(r) ? (int)floor((r - p->low) / (1 - p->low) * FUS_THEME_HEAT_LEVELS) : -1;
    return level >= FUS_THEME_HEAT_LEVELS ? FUS_THEME_HEAT_LEVELS - 1 : level;
}

/* Cells of one level as one path, runs along a row as one rectangle. */
static void draw_level(const struct matrix *p, int level)
{
    bool open = false;
    for (int row = 0; row < p->a->n_layers; row++)
        for (int from = 0, end; from < p->b->n_layers; from = end) {
            end = from + 1;
            if (level_at(p, row, from) != level)
                continue;
            while (end < p->b->n_layers && level_at(p, row, end) == level)
                end++;
            if (!open)
                fus_svg_put(p->out, "<path class=\"q$d\" d=\"", level);
            open = true;
            fus_svg_put(p->out, "M$d,$dh$dv1h$dz", from, row, end - from, from - end);
        }
    if (open)
        fus_svg_put(p->out, "\"/>");
}

static double label_room(const struct fus_model_summary *model)
{
    char name[4 * LABEL_CHARS + 1];
    double most = 20;
    for (int l = 0; l < model->n_layers; l++) {
        fus_svg_shorten(name, model->layers[l].name, LABEL_CHARS);
        double w = fus_svg_width(name, 9);
        most = w > most ? w : most;
    }
    return most;
}

/* Every layer's name, or every n-th if there are too many. */
static void labels(const struct matrix *p, const struct fus_model_summary *model, bool rows)
{
    char name[4 * LABEL_CHARS + 1];
    int every = (model->n_layers + MAX_LABELS - 1) / MAX_LABELS;
    double step = (rows ? p->height : p->width) / model->n_layers;
    for (int l = 0; l < model->n_layers; l += every) {
        double at = (l + 0.5) * step;
        fus_svg_shorten(name, model->layers[l].name, LABEL_CHARS);
        if (rows)
            fus_svg_put(p->out, "<text class=\"tl tk end\" x=\"$f\" y=\"$f\">$e</text>", p->left - 5, TOP + at + 3,
                        name);
        else
            fus_svg_put(p->out, "<text class=\"tl tk end\" transform=\"translate($f $f) rotate(-55)\">$e</text>",
                        p->left + at + 4, p->below + 10, name);
    }
}

/* "r50 x clip" (or "r50" alone), as long as there is room beside the title at the right. */
static void heading(const struct matrix *p, const char *title)
{
    char names[2][4 * FUS_PANELS_NAME_CHARS + 1];
    bool alone = p->a == p->b;
    double room =
        FUS_PANELS_WIDTH - 6 - fus_svg_width(title, 10) - 12 - (alone ? 0 : fus_svg_width(" \xc3\x97 ", BOLD_13));
    int chars = FUS_PANELS_NAME_CHARS + 1;
    do {
        chars--;
        fus_svg_shorten(names[0], p->a->name, chars);
        fus_svg_shorten(names[1], p->b->name, chars);
    } while (fus_svg_width(names[0], BOLD_13) + (alone ? 0 : fus_svg_width(names[1], BOLD_13)) > room && chars > 5);
    fus_svg_put(p->out, "<text class=\"tt\" x=\"0\" y=\"14\">$e", names[0]);
    if (!alone)
        fus_svg_put(p->out, " \xc3\x97 $e", names[1]);
    fus_svg_put(p->out, "</text><text class=\"tk end\" x=\"$f\" y=\"14\">$s</text>\n", FUS_PANELS_WIDTH - 6, title);
}

double fus_panel_matrix(struct fus_text_buffer *out, const struct fus_view *view, const double *values, int a, int b,
                        double low, const char *title)
{
    struct matrix p = {.out = out, .view = view, .low = low, .a = &view->run->models[a], .b = &view->run->models[b]};
    size_t start_a = first_layer(view, a), start_b = first_layer(view, b);
    p.stride = first_layer(view, view->run->n_models);
    p.values = values + start_a * p.stride + start_b;
    p.left = label_room(p.a) + 8;
    p.width = FUS_PANELS_WIDTH - p.left - 6;
    p.height = p.width * p.a->n_layers / p.b->n_layers;
    if (p.height > 1.5 * p.width || p.height < p.width / 1.5)
        p.height = p.width;
    p.below = TOP + p.height;
    heading(&p, title);
    fus_svg_put(out, "<g class=\"hm\" transform=\"translate($f $f) scale($4 $4)\">", p.left, TOP,
                p.width / p.b->n_layers, p.height / p.a->n_layers);
    for (int level = 0; level < FUS_THEME_HEAT_LEVELS; level++)
        draw_level(&p, level);
    fus_svg_put(out, "</g><rect class=\"ax\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", p.left, TOP, p.width,
                p.height);
    labels(&p, p.a, true);
    labels(&p, p.b, false);
    return p.below + label_room(p.b) * 0.82 + 18;
}
