/* SPDX-License-Identifier: MIT */
/* One category's statistic in the last block layer against the number of pictures (power.csv): a
 * line for each model, error bars of one SD over draws. See panels.h. */
#include "analysis/report/panels.h"

#include <math.h>
#include <stdio.h>

#include "analysis/run/tables.h"

#define LEFT 50.0
#define RIGHT 14.0
#define TOP 30.0
#define PLOT_HEIGHT 150.0

struct power {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    const struct fus_power_plan *plan;
    int category, statistic;
    struct fus_axis y;
    double x0, x1;
};

/* The number of pictures of a point: the sizes, then the whole set. */
static int pictures_at(const struct power *p, int point)
{
    return point < p->plan->n_sizes ? p->plan->sizes[point] : p->view->run->n_pictures[p->category];
}

/* Points are evenly spaced: numbers of pictures usually grow by factors. */
static double x_of(const struct power *p, int point)
{
    return p->x0 + (point + 0.5) * (p->x1 - p->x0) / (p->plan->n_sizes + 1);
}

static const struct fus_power_point *point_of(const struct fus_view *view, const struct fus_power_plan *plan, int model,
                                              int category, int point)
{
    const struct fus_power_point *all = fus_view_last(view, model)->power;
    return all ? &all[(size_t)category * (size_t)fus_power_count(plan) + (size_t)point] : NULL;
}

void fus_panel_power_range(double *lo, double *hi, const struct fus_view *view, const struct fus_power_plan *plan,
                           int category, int statistic)
{
    *lo = *hi = NAN;
    for (int m = 0; m < view->run->n_models; m++)
        for (int i = 0; i <= plan->n_sizes; i++) {
            const struct fus_power_point *p = point_of(view, plan, m, category, i);
            double sd = p && isfinite(p->sd[statistic]) ? p->sd[statistic] : 0;
            if (!p || !isfinite(p->mean[statistic]))
                continue;
            double low = p->mean[statistic] - sd > 0 ? p->mean[statistic] - sd : 0; /* neither is below 0 */
            *lo = isnan(*lo) || low < *lo ? low : *lo;
            *hi = isnan(*hi) || p->mean[statistic] + sd > *hi ? p->mean[statistic] + sd : *hi;
        }
}

/* "r50, 12 pictures: 3.4%" */
static void point_text(char *text, size_t bytes, const struct power *p, int model, int point, double v)
{
    bool share = p->statistic == FUS_BOOTSTRAP_PROPORTION;
    char name[4 * FUS_PANELS_NAME_CHARS + 1], number[FUS_SVG_NUMBER_BYTES];
    fus_svg_shorten(name, p->view->run->models[model].name, FUS_PANELS_NAME_CHARS);
    fus_svg_number(number, share ? 100 * v : v, 3);
    snprintf(text, bytes, "%s, %d pictures: %s%s", name, pictures_at(p, point), number, share ? "%" : "");
}

static void draw_model(const struct power *p, int model)
{
    char text[4 * FUS_PANELS_NAME_CHARS + 32 + FUS_SVG_NUMBER_BYTES];
    bool pen_down = false;
    fus_svg_put(p->out, "<path class=\"ln\"$s d=\"", fus_theme_dash(fus_view_look(p->view, model)));
    for (int i = 0; i <= p->plan->n_sizes; i++) {
        double v = point_of(p->view, p->plan, model, p->category, i)->mean[p->statistic];
        if (isfinite(v))
            fus_svg_put(p->out, "$s$f,$f", pen_down ? "L" : "M", x_of(p, i), fus_axis_at(&p->y, v));
        pen_down = isfinite(v);
    }
    fus_svg_put(p->out, "\"/>\n<path class=\"eb\" d=\"");
    for (int i = 0; i <= p->plan->n_sizes; i++) {
        const struct fus_power_point *at = point_of(p->view, p->plan, model, p->category, i);
        if (isfinite(at->mean[p->statistic]) && isfinite(at->sd[p->statistic]))
            fus_svg_put(p->out, "M$f,$fV$f", x_of(p, i),
                        fus_axis_at(&p->y, at->mean[p->statistic] - at->sd[p->statistic]),
                        fus_axis_at(&p->y, at->mean[p->statistic] + at->sd[p->statistic]));
    }
    fus_svg_put(p->out, "\"/>\n");
    for (int i = 0; i <= p->plan->n_sizes; i++) {
        double v = point_of(p->view, p->plan, model, p->category, i)->mean[p->statistic];
        if (!isfinite(v))
            continue;
        point_text(text, sizeof text, p, model, i, v);
        fus_theme_marker(p->out, fus_view_look(p->view, model), x_of(p, i), fus_axis_at(&p->y, v), 2.7, text);
    }
    fus_svg_put(p->out, "\n");
}

/* The numbers of pictures, as far as there is room; an x above where some models' order is
 * reversed. */
static void draw_bottom(const struct power *p, double bottom)
{
    double last = -100;
    for (int i = 0; i <= p->plan->n_sizes; i++) {
        bool reversed = false;
        char text[16];
        for (int m = 0; m < p->view->run->n_models; m++)
            reversed = reversed || fus_power_table_reversed(p->view->run, p->plan, m, p->view->last[m], p->category, i,
                                                            p->statistic);
        if (reversed)
            fus_svg_put(p->out, "<text class=\"st mid\" x=\"$f\" y=\"$f\">\xc3\x97</text>", x_of(p, i), TOP - 2);
        snprintf(text, sizeof text, "%d", pictures_at(p, i));
        if (x_of(p, i) - last < fus_svg_width(text, 11) + 8 && i < p->plan->n_sizes)
            continue;
        last = x_of(p, i);
        fus_svg_put(p->out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">$s</text>", last, bottom + 14, text);
    }
    fus_svg_put(p->out,
                "<path class=\"ax\" d=\"M$f,$fH$f\"/><text class=\"lb mid\" x=\"$f\" y=\"$f\">pictures of the "
                "category (last: all)</text>\n",
                p->x0, bottom, p->x1, (p->x0 + p->x1) / 2, bottom + 30);
}

double fus_panel_power(struct fus_text_buffer *out, const struct fus_view *view, const struct fus_power_plan *plan,
                       int category, int statistic, const struct fus_axis *scale)
{
    static const char *const titles[] = {"selective units (% of layer)", "CSI", "variation over places (CV)",
                                         "Morisita\xe2\x80\x99s index"};
    struct power p = {out, view, plan, category, statistic, *scale, LEFT, FUS_PANELS_WIDTH - RIGHT};
    double bottom = TOP + PLOT_HEIGHT;
    p.y.from = bottom;
    p.y.to = TOP;
    fus_panel_lines_title(out, view, category, LEFT, 15, FUS_PANELS_WIDTH - LEFT);
    fus_axis_left(out, &p.y, p.x0, p.x1, titles[statistic]);
    draw_bottom(&p, bottom);
    for (int m = view->run->n_models - 1; m >= 0; m--) {
        if (!fus_view_last(view, m)->power)
            continue;
        fus_svg_put(out, "<g class=\"");
        fus_theme_class(out, &view->theme, category, fus_view_look(view, m));
        fus_svg_put(out, "\">");
        draw_model(&p, m);
        fus_svg_put(out, "</g>\n");
    }
    return bottom + 36;
}
