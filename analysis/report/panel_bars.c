/* SPDX-License-Identifier: MIT */
/* The last block layer in bars, one a category and model (the paper's Figs 3A and 4B): see
 * panels.h. Bars are horizontal, so that names stay readable for any number of categories. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/panels.h"

#define TOP 32.0
#define BELOW 38.0
#define VALUE_ROOM 50.0
#define CATEGORY_CHARS 14

struct bars {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    enum fus_view_quantity quantity;
    struct fus_axis x;
    double x0, thick, pitch;
};

/* few: of models with few units for the category, too. */
static double largest_of(const struct fus_view *view, enum fus_view_quantity quantity, bool few)
{
    double most = 0, high = 0;
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++) {
            struct fus_view_point at = fus_view_at(view, quantity, m, view->last[m], c);
            double chance = fus_view_chance(view, quantity, m, view->last[m], c).high;
            if (!few && fus_view_few(view, quantity, m, view->last[m], c))
                continue;
            most = at.value > most ? at.value : most;
            high = at.high > high ? at.high : high;
            high = chance > high ? chance : high;
        }
    return fus_view_limit(quantity, high > most ? high : most, most);
}

static double largest(const struct fus_view *view, enum fus_view_quantity quantity)
{
    double most = largest_of(view, quantity, false);
    most = most > 0 ? most : largest_of(view, quantity, true);
    return quantity == FUS_VIEW_PROPORTION && most <= 0 ? 0.01 : most;
}

static double label_room(const struct fus_view *view)
{
    char name[4 * CATEGORY_CHARS + 1];
    double most = 30;
    for (int c = 0; c < view->run->n_categories; c++) {
        fus_svg_shorten(name, view->run->categories[c], CATEGORY_CHARS);
        double w = fus_svg_width(name, 11);
        most = w > most ? w : most;
    }
    return most + 12;
}

/* "r50, face: 6.2% (5.8% to 6.6%)" */
static void bar_text(char *text, size_t bytes, const struct bars *p, int model, int category, struct fus_view_point at)
{
    double scale = p->quantity == FUS_VIEW_PROPORTION ? 100 : 1;
    const char *unit = scale > 1 ? "%" : "";
    char name[2][4 * FUS_PANELS_NAME_CHARS + 1], number[3][FUS_SVG_NUMBER_BYTES];
    fus_svg_shorten(name[0], p->view->run->models[model].name, FUS_PANELS_NAME_CHARS);
    fus_svg_shorten(name[1], p->view->run->categories[category], FUS_PANELS_NAME_CHARS);
    fus_svg_number(number[0], at.value * scale, 3);
    fus_svg_number(number[1], at.low * scale, 3);
    fus_svg_number(number[2], at.high * scale, 3);
    int n = snprintf(text, bytes, "%s, %s: %s%s", name[0], name[1], number[0], unit);
    if (isfinite(at.low))
        snprintf(text + n, bytes - (size_t)n, " (%s%s to %s%s)", number[1], unit, number[2], unit);
}

static void bar(const struct bars *p, int model, int category, double y)
{
    char text[8 * FUS_PANELS_NAME_CHARS + 4 * FUS_SVG_NUMBER_BYTES];
    int look = fus_view_look(p->view, model);
    struct fus_view_point at = fus_view_at(p->view, p->quantity, model, p->view->last[model], category);
    double middle = y + p->thick / 2, end = isfinite(at.value) ? fus_axis_at(&p->x, at.value) : p->x0, after = end;
    fus_svg_put(p->out, "<g class=\"");
    fus_theme_class(p->out, &p->view->theme, category, look);
    fus_svg_put(p->out, "\">");
    if (isfinite(at.value)) {
        bar_text(text, sizeof text, p, model, category, at);
        fus_svg_put(p->out, "<rect class=\"$s\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"><title>$e</title></rect>",
                    fus_theme_filled(look) ? "bf" : "bo", p->x0, y + 1, end - p->x0, p->thick - 2, text);
    }
    if (isfinite(at.low)) {
        double low = fus_axis_at(&p->x, at.low), high = fus_axis_at(&p->x, at.high);
        fus_svg_put(p->out, "</g><path class=\"ax\" d=\"M$f,$fH$fM$f,$fv6", low, middle, high, low, middle - 3);
        if (at.high <= p->x.hi)
            fus_svg_put(p->out, "M$f,$fv6", high, middle - 3);
        fus_svg_put(p->out, "\"/><g class=\"");
        fus_theme_class(p->out, &p->view->theme, category, look);
        fus_svg_put(p->out, "\">");
        after = high;
    }
    struct fus_view_band chance = fus_view_chance(p->view, p->quantity, model, p->view->last[model], category);
    for (int end_of = 0; end_of < 2; end_of++) {
        double value = end_of ? chance.high : chance.low, x = fus_axis_at(&p->x, value);
        if (!isfinite(value))
            continue;
        fus_svg_put(p->out, "<path class=\"nh\" d=\"M$f,$fv$f\"/><path class=\"nl\" d=\"M$f,$fv$f\"/>", x, y, p->thick,
                    x, y, p->thick);
        after = x > after ? x : after;
    }
    if (at.value > p->x.hi) /* the bar ends in an open triangle: it is longer */
        fus_svg_put(p->out, "<path class=\"mo\" d=\"M$f,$fl7,3.5 -7,3.5z\"/>", end - 7, middle - 3.5);
    fus_theme_marker(p->out, look, after + 8, middle, 2.6, NULL);
    fus_svg_put(p->out, "</g><text class=\"tk\" x=\"$f\" y=\"$f\">", after + 15, middle + 3.5);
    fus_svg_put(p->out, !isfinite(at.value) ? "undefined" : p->quantity == FUS_VIEW_PROPORTION ? "$p" : "$r", at.value);
    fus_svg_put(p->out, "</text>\n");
}

static void category_name(const struct bars *p, int category, double y)
{
    char name[4 * CATEGORY_CHARS + 1];
    fus_svg_shorten(name, p->view->run->categories[category], CATEGORY_CHARS);
    fus_svg_put(p->out, "<text class=\"lb end\" x=\"$f\" y=\"$f\">$e</text>", p->x0 - 7, y + 4, name);
}

static bool same_last(const struct fus_view *view)
{
    for (int m = 1; m < view->run->n_models; m++)
        if (strcmp(fus_view_last(view, m)->name, fus_view_last(view, 0)->name) != 0)
            return false;
    return true;
}

double fus_panel_bars(struct fus_text_buffer *out, const struct fus_view *view, enum fus_view_quantity quantity,
                      double min_height, bool *beyond)
{
    int n_models = view->run->n_models, n = view->run->n_categories;
    struct bars p = {.out = out, .view = view, .quantity = quantity};
    p.thick = n_models <= 2 ? 14 : n_models <= 4 ? 11.5 : 10.5;
    p.pitch = n_models * p.thick + 8;
    if (p.pitch * n < min_height - TOP - BELOW)
        p.pitch = (min_height - TOP - BELOW) / n;
    p.x0 = label_room(view);
    p.x.percent = quantity == FUS_VIEW_PROPORTION;
    p.x.from = p.x0;
    p.x.to = FUS_PANELS_WIDTH - VALUE_ROOM;
    fus_axis_fit(&p.x, 0, largest(view, quantity), 4);
    *beyond |= largest_of(view, quantity, true) > p.x.hi;
    double bottom = TOP + p.pitch * n;
    fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"15\">$e</text>\n", p.x0,
                same_last(view) ? fus_view_last(view, 0)->name : "last block layer");
    fus_axis_bottom(out, &p.x, TOP - 6, bottom, fus_panel_lines_axis_title(view, quantity));
    for (int c = 0; c < n; c++) {
        double middle = TOP + (c + 0.5) * p.pitch;
        category_name(&p, c, middle);
        for (int look = 0, at = 0; at < n_models; look++)
            for (int m = 0; m < n_models; m++) /* trainings of a group side by side */
                if (fus_view_look(view, m) == look)
                    bar(&p, m, c, middle + (at++ - n_models / 2.0) * p.thick);
    }
    fus_svg_put(out, "<path class=\"ax\" d=\"M$f,$fV$f\"/>", p.x0, TOP - 6, bottom);
    return bottom + BELOW;
}
