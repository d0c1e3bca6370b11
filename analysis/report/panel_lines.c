/* SPDX-License-Identifier: MIT */
/* One category across layers, one line a model (the paper's Figs 2B, 3B, 4C, 5): see panels.h.
 * Undefined values are gaps in the line; error bars are what view.h gives for the quantity. */
#include "analysis/report/panels.h"

#include <math.h>
#include <stdio.h>

#define LEFT 50.0
#define RIGHT 10.0
#define TITLE 26.0
#define STAR_ROW 11.0
#define PLOT_HEIGHT 176.0
#define ASIDE 3.0       /* from model to model at one layer */
#define MAX_TITLES 4000 /* points with a text of their own: more would make the report too large */

/* Everything one line panel needs, so that its parts are short functions. */
struct lines {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    enum fus_view_quantity quantity;
    int category;
    struct fus_axis y;
    double x0, x1, top, bottom, radius;
    double aside; /* of the model being drawn, so that error bars stand side by side */
    int every;    /* layers from marker to marker, if there is no room for all */
    bool titles;
    bool grouped; /* groups of trainings are drawn as such */
};

const char *fus_panel_lines_axis_title(const struct fus_view *view, enum fus_view_quantity quantity)
{
    switch (quantity) {
    case FUS_VIEW_CSI:
        if (view->dprime)
            return "d\xe2\x80\xb2 (mean)";
        return "CSI (mean \xc2\xb1 SEM)";
    case FUS_VIEW_PROPORTION:
        return "selective units (% of layer)";
    case FUS_VIEW_CROSSED:
        if (view->dprime)
            return "d\xe2\x80\xb2, other half (mean)";
        return "CSI, other half (mean)";
    case FUS_VIEW_MORISITA:
        return "Morisita\xe2\x80\x99s index (1: by chance)";
    case FUS_VIEW_VARIATION:
        break;
    }
    return "variation over places (CV)";
}

void fus_panel_lines_title(struct fus_text_buffer *out, const struct fus_view *view, int category, double x, double y,
                           double room)
{
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    int chars = FUS_PANELS_NAME_CHARS;
    do
        fus_svg_shorten(name, view->run->categories[category], chars);
    while (fus_svg_width(name, 13) > room - 16 && --chars >= 6);
    fus_svg_put(out, "<g class=\"");
    fus_theme_category_class(out, &view->theme, category);
    fus_svg_put(out, "\"><rect class=\"bf\" x=\"$f\" y=\"$f\" width=\"10\" height=\"10\" rx=\"2\"/></g>", x, y - 10);
    fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"$f\">$e</text>\n", x + 16, y, name);
}

static double x_of(const struct lines *p, int model, int layer)
{
    return p->x0 + fus_view_x(p->view, model, layer) * (p->x1 - p->x0) + p->aside;
}

/* Moves where the last value was undefined, so that gaps stay open; single points show by their
 * markers. */
static void curve(const struct lines *p, int model, const char *class)
{
    bool pen_down = false;
    fus_svg_put(p->out, "<path class=\"$s\"$s d=\"", class, fus_theme_dash(fus_view_look(p->view, model)));
    for (int l = 0; l < p->view->run->models[model].n_layers; l++) {
        struct fus_view_point at = fus_view_at(p->view, p->quantity, model, l, p->category);
        if (isfinite(at.value))
            fus_svg_put(p->out, "$s$f,$f", pen_down ? "L" : "M", x_of(p, model, l), fus_axis_at(&p->y, at.value));
        pen_down = isfinite(at.value);
    }
    fus_svg_put(p->out, "\"/>\n");
}

/* What chance gives, at most or at least: a dotted line. */
static void chance(const struct lines *p, int model, bool high)
{
    bool pen_down = false;
    fus_svg_put(p->out, "<path class=\"nl\" d=\"");
    for (int l = 0; l < p->view->run->models[model].n_layers; l++) {
        struct fus_view_band band = fus_view_chance(p->view, p->quantity, model, l, p->category);
        double v = high ? band.high : band.low;
        bool there = isfinite(v) && v <= p->y.hi;
        if (there)
            fus_svg_put(p->out, "$s$f,$f", pen_down ? "L" : "M", x_of(p, model, l), fus_axis_at(&p->y, v));
        pen_down = there;
    }
    fus_svg_put(p->out, "\"/>\n");
}

static void error_bars(const struct lines *p, int model)
{
    fus_svg_put(p->out, "<path class=\"eb\" d=\"");
    for (int l = 0; l < p->view->run->models[model].n_layers; l++) {
        struct fus_view_point at = fus_view_at(p->view, p->quantity, model, l, p->category);
        if (!isfinite(at.low))
            continue;
        double x = x_of(p, model, l), low = fus_axis_at(&p->y, at.low), high = fus_axis_at(&p->y, at.high),
               cap = p->radius * 0.8;
        fus_svg_put(p->out, "M$f,$fV$fM$f,$fh$f", x, low, high, x - cap, low, 2 * cap);
        if (at.high <= p->y.hi)
            fus_svg_put(p->out, "M$f,$fh$f", x - cap, high, 2 * cap);
    }
    fus_svg_put(p->out, "\"/>\n");
}

/* "r50, layer4.2.relu: 0.412 ± 0.003 (n = 1234)", the pointer's help. */
static void point_text(char *text, size_t bytes, const struct lines *p, int model, int layer, struct fus_view_point at)
{
    const struct fus_model_summary *m = &p->view->run->models[model];
    const struct fus_category_summary *s = fus_view_category(p->view, model, layer, p->category);
    char name[4 * FUS_PANELS_NAME_CHARS + 1], value[FUS_SVG_NUMBER_BYTES], error[FUS_SVG_NUMBER_BYTES];
    fus_svg_shorten(name, m->name, FUS_PANELS_NAME_CHARS);
    fus_svg_number(value, at.value * (p->quantity == FUS_VIEW_PROPORTION ? 100 : 1), 3);
    fus_svg_number(error, at.high - at.value, 3);
    if (p->quantity == FUS_VIEW_CSI && p->view->dprime)
        snprintf(text, bytes, "%s, %s: %s (n = %zu)", name, m->layers[layer].name, value, s->n_selective);
    else if (p->quantity == FUS_VIEW_CSI)
        snprintf(text, bytes, "%s, %s: %s \xc2\xb1 %s (n = %zu)", name, m->layers[layer].name, value, error, s->n_csi);
    else if (p->quantity == FUS_VIEW_PROPORTION)
        snprintf(text, bytes, "%s, %s: %s%% (%zu of %zu)", name, m->layers[layer].name, value, s->n_selective,
                 m->layers[layer].n_units);
    else
        snprintf(text, bytes, "%s, %s: %s", name, m->layers[layer].name, value);
}

/* On many layers every few points have a marker, models in turn; one without
 * neighbours always has. */
static bool has_marker(const struct lines *p, int model, int layer)
{
    int n = p->view->run->models[model].n_layers;
    bool before = layer > 0 && isfinite(fus_view_at(p->view, p->quantity, model, layer - 1, p->category).value);
    bool after = layer + 1 < n && isfinite(fus_view_at(p->view, p->quantity, model, layer + 1, p->category).value);
    return (layer + model * 2) % p->every == 0 || (!before && !after);
}

/* At the upper edge: a value beyond the scale. */
static void arrow(const struct lines *p, double x, const char *title)
{
    fus_svg_put(p->out, "<path class=\"mo\" d=\"M$f,$fl3.5,-7 3.5,7z\">", x - 3.5, p->y.to + 6);
    if (title)
        fus_svg_put(p->out, "<title>$e</title>", title);
    fus_svg_put(p->out, "</path>");
}

static int markers(const struct lines *p, int model)
{
    char text[4 * FUS_PANELS_NAME_CHARS + 48 + 3 * FUS_SVG_NUMBER_BYTES];
    int n = 0;
    for (int l = 0; l < p->view->run->models[model].n_layers; l++) {
        struct fus_view_point at = fus_view_at(p->view, p->quantity, model, l, p->category);
        if (!isfinite(at.value))
            continue;
        n++;
        if (!has_marker(p, model, l))
            continue;
        if (p->titles)
            point_text(text, sizeof text, p, model, l, at);
        if (at.value > p->y.hi)
            arrow(p, x_of(p, model, l), p->titles ? text : NULL);
        else
            fus_theme_marker(p->out, fus_view_look(p->view, model), x_of(p, model, l), fus_axis_at(&p->y, at.value),
                             p->radius, p->titles ? text : NULL);
    }
    fus_svg_put(p->out, "\n");
    return n;
}

/* ---- groups of trainings: thin lines, thick mean, untrained ones as a band ---- */

/* One end of a run of layers that have values; *n of them from `first` on. */
static int next_run(const struct lines *p, const struct fus_group *g, int first, int *n)
{
    int n_layers = p->view->run->models[g->model[0]].n_layers;
    while (first < n_layers && isnan(fus_view_group_at(p->view, p->quantity, g, first, p->category).value))
        first++;
    for (*n = 0; first + *n < n_layers; ++*n)
        if (isnan(fus_view_group_at(p->view, p->quantity, g, first + *n, p->category).value))
            break;
    return first;
}

static void group_band(const struct lines *p, const struct fus_group *g)
{
    int n;
    fus_svg_put(p->out, "<path class=\"bf\" fill-opacity=\"0.15\" d=\"");
    for (int first = next_run(p, g, 0, &n); n > 0; first = next_run(p, g, first + n, &n)) {
        for (int l = first; l < first + n; l++)
            fus_svg_put(p->out, "$s$f,$f", l == first ? "M" : "L", x_of(p, g->model[0], l),
                        fus_axis_at(&p->y, fus_view_group_at(p->view, p->quantity, g, l, p->category).high));
        for (int l = first + n - 1; l >= first; l--)
            fus_svg_put(p->out, "L$f,$f", x_of(p, g->model[0], l),
                        fus_axis_at(&p->y, fus_view_group_at(p->view, p->quantity, g, l, p->category).low));
        fus_svg_put(p->out, "Z");
    }
    fus_svg_put(p->out, "\"/>\n");
}

/* "with language, layer4.2.relu: 0.412 (0.40 to 0.43, 5 trainings)" */
static void group_text(char *text, size_t bytes, const struct lines *p, const struct fus_group *g, int layer)
{
    struct fus_view_point at = fus_view_group_at(p->view, p->quantity, g, layer, p->category);
    double scale = p->quantity == FUS_VIEW_PROPORTION ? 100 : 1;
    char name[4 * FUS_PANELS_NAME_CHARS + 1], number[3][FUS_SVG_NUMBER_BYTES];
    fus_svg_shorten(name, g->name, FUS_PANELS_NAME_CHARS);
    fus_svg_number(number[0], at.value * scale, 3);
    fus_svg_number(number[1], at.low * scale, 3);
    fus_svg_number(number[2], at.high * scale, 3);
    snprintf(text, bytes, "%s, %s: %s%s (%s to %s, %d trainings)", name,
             p->view->run->models[g->model[0]].layers[layer].name, number[0], scale > 1 ? "%" : "", number[1],
             number[2], g->n);
}

static int group_mean(const struct lines *p, const struct fus_group *g)
{
    char text[4 * FUS_PANELS_NAME_CHARS + 96 + 3 * FUS_SVG_NUMBER_BYTES];
    int look = fus_view_look(p->view, g->model[0]), n_points = 0;
    bool pen_down = false;
    fus_svg_put(p->out, "<path class=\"ln all\"$s d=\"", fus_theme_dash(look));
    for (int pass = 0; pass < 2; pass++) {
        for (int l = 0; l < p->view->run->models[g->model[0]].n_layers; l++) {
            double v = fus_view_group_at(p->view, p->quantity, g, l, p->category).value;
            double x = x_of(p, g->model[0], l), y = fus_axis_at(&p->y, v);
            if (isfinite(v) && pass == 0)
                fus_svg_put(p->out, "$s$f,$f", pen_down ? "L" : "M", x, y);
            else if (isfinite(v) && (l + look * 2) % p->every == 0) {
                group_text(text, sizeof text, p, g, l);
                fus_theme_marker(p->out, look, x, y, p->radius, p->titles ? text : NULL);
            }
            n_points += isfinite(v);
            pen_down = isfinite(v);
        }
        fus_svg_put(p->out, pass == 0 ? "\"/>\n" : "\n");
    }
    return n_points;
}

static int put_group(const struct lines *p, const struct fus_group *g)
{
    fus_svg_put(p->out, "<g class=\"");
    fus_theme_class(p->out, &p->view->theme, p->category, fus_view_look(p->view, g->model[0]));
    fus_svg_put(p->out, "\">");
    if (fus_view_group_untrained(p->view, g))
        group_band(p, g);
    else
        for (int i = 0; i < g->n; i++)
            curve(p, g->model[i], "one");
    int n = group_mean(p, g);
    fus_svg_put(p->out, "</g>\n");
    return n;
}

/* One row of asterisks for each other model, in its class if there are several; a key marker at the
 * left. */
static void stars(const struct lines *p, int model_b, double y, bool key)
{
    if (key) {
        fus_svg_put(p->out, "<g class=\"");
        fus_theme_class(p->out, &p->view->theme, p->category, model_b);
        fus_svg_put(p->out, "\"><text class=\"tk end\" x=\"$f\" y=\"$f\">&gt;</text>", p->x0 - 13, y);
        fus_theme_marker(p->out, model_b, p->x0 - 8, y - 3.5, 2.6, NULL);
        fus_svg_put(p->out, "</g>");
    }
    for (int l = 0; l < p->view->run->models[0].n_layers; l++) {
        const struct fus_csi_comparison *row = fus_view_comparison(p->view, model_b, l, p->category);
        if (row && row->p < 0.05 && fus_view_comparable(p->view, row))
            fus_svg_put(p->out, "<text class=\"$s mid\" x=\"$f\" y=\"$f\">*</text>", p->every > 1 ? "sm" : "st",
                        x_of(p, 0, l), y + (p->every > 1 ? 2 : 3));
    }
    fus_svg_put(p->out, "\n");
}

/* Rows of asterisks that the panel has room for: CSI panels that show the first
 * model and another. */
static int n_star_rows(const struct lines *p, const unsigned char *which, int n_which)
{
    return p->quantity == FUS_VIEW_CSI && !p->view->dprime && !p->grouped && n_which > 1 && which[0] == 0 ? n_which - 1
                                                                                                          : 0;
}

static int put_model(const struct lines *p, int model)
{
    fus_svg_put(p->out, "<g class=\"");
    fus_theme_class(p->out, &p->view->theme, p->category, fus_view_look(p->view, model));
    fus_svg_put(p->out, "\">");
    if (p->quantity == FUS_VIEW_VARIATION || p->quantity == FUS_VIEW_MORISITA)
        chance(p, model, false);
    if (p->quantity != FUS_VIEW_CSI && p->quantity != FUS_VIEW_CROSSED)
        chance(p, model, true);
    error_bars(p, model);
    curve(p, model, "ln");
    int n = markers(p, model);
    fus_svg_put(p->out, "</g>\n");
    return n;
}

double fus_panel_lines(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity,
                       int category, const struct fus_axis *scale, const unsigned char *which, int n_which)
{
    struct lines p = {.out = out, .view = view, .quantity = quantity, .category = category, .y = *scale};
    p.grouped = view->run->groups.n > 0 && n_which == view->run->n_models;
    int n_stars = n_star_rows(&p, which, n_which), n_points = 0;
    p.x0 = LEFT;
    p.x1 = FUS_PANELS_WIDTH - RIGHT;
    p.top = TITLE + (n_stars > 0 ? n_stars * STAR_ROW + 6 : 4);
    p.bottom = p.top + PLOT_HEIGHT;
    p.y.from = p.bottom;
    p.y.to = p.top;
    double spacing = (p.x1 - p.x0) / view->most_layers;
    p.every = spacing >= 8 ? 1 : (int)(9 / spacing) + 1;
    p.radius = spacing >= 24 ? 3.1 : spacing >= 12 ? 2.7 : 2.3;
    p.titles = (long)view->most_layers * view->run->n_categories * n_which <= MAX_TITLES / 3;
    fus_panel_lines_title(out, view, category, LEFT, 15, FUS_PANELS_WIDTH - LEFT);
    fus_axis_layers(out, view, p.x0, p.x1, p.top, p.bottom);
    fus_axis_left(out, &p.y, p.x0, p.x1, fus_panel_lines_axis_title(view, quantity));
    for (int i = 0; i < n_stars; i++)
        stars(&p, which[i + 1], TITLE + (i + 0.75) * STAR_ROW, n_stars > 1);
    for (int g = view->run->groups.n - 1; p.grouped && g >= 0; g--)
        n_points += put_group(&p, &view->run->groups.group[g]);
    for (int i = n_which - 1; i >= 0; i--) { /* the first model on top */
        p.aside = view->same_layers && n_which * ASIDE < spacing ? (i - (n_which - 1) / 2.0) * ASIDE : 0;
        if (!p.grouped || !fus_view_group(view, which[i]))
            n_points += put_model(&p, which[i]);
    }
    if (n_points == 0)
        fus_svg_put(out, "<text class=\"lb mid\" x=\"$f\" y=\"$f\">undefined: no unit is selective$s</text>",
                    (p.x0 + p.x1) / 2, (p.top + p.bottom) / 2, quantity == FUS_VIEW_CROSSED ? " in a half" : "");
    return p.bottom + fus_axis_layers_height(view, p.x1 - p.x0);
}
