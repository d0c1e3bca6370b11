/* SPDX-License-Identifier: MIT */
/* Two models by as many units of each: mean CSI against the number of units k, on a logarithmic
 * scale, with the band of its interval: see panels.h. */
#include <math.h>
#include <stdio.h>

#include "analysis/report/panels.h"
#include "nn/base/fmath.h"

#define LEFT 50.0
#define RIGHT 14.0
#define TOP 30.0
#define PLOT_HEIGHT 176.0
#define BELOW 40.0
#define LABEL_WIDTH 30.0

struct matched {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    const struct fus_matched_row *rows; /* [n] */
    int n;
    struct fus_axis y;
    double x0, x1;
};

int fus_panel_matched_rows(const struct fus_matched_row **rows, const struct fus_view *view, int model_b, int category)
{
    const struct fus_run_summary *run = view->run;
    int n = 0;
    for (size_t i = 0; i < run->n_matched; i++) {
        const struct fus_matched_row *row = &run->matched[i];
        if (row->model_a != 0 || row->model_b != model_b || row->layer_a != view->last[0] ||
            row->layer_b != view->last[model_b] || row->category != category)
            continue;
        if (n++ == 0)
            *rows = row;
    }
    return n; /* they follow one another in the file */
}

static double x_of(const struct matched *p, int i)
{
    if (p->n == 1)
        return 0.5 * (p->x0 + p->x1);
    double first = (double)p->rows[0].k, range = fus_fmath_log((double)p->rows[p->n - 1].k / first);
    return p->x0 + 12 + fus_fmath_log((double)p->rows[i].k / first) / range * (p->x1 - p->x0 - 24);
}

static const struct fus_interval *side_of(const struct matched *p, int i, bool second)
{
    return second ? &p->rows[i].b[FUS_MATCHED_CSI] : &p->rows[i].a[FUS_MATCHED_CSI];
}

/* The interval as a band, there and back; a single count has a bar. */
static void band(const struct matched *p, bool second)
{
    for (int i = 0; i < p->n; i++)
        if (!isfinite(side_of(p, i, second)->low) || !isfinite(side_of(p, i, second)->high))
            return;
    fus_svg_put(p->out, p->n == 1 ? "<path class=\"eb\" d=\"" : "<path class=\"bf\" fill-opacity=\"0.15\" d=\"");
    for (int i = 0; i < p->n; i++)
        fus_svg_put(p->out, "$s$f,$f", i ? "L" : "M", x_of(p, i), fus_axis_at(&p->y, side_of(p, i, second)->high));
    for (int i = p->n - 1; i >= 0; i--)
        fus_svg_put(p->out, "L$f,$f", x_of(p, i), fus_axis_at(&p->y, side_of(p, i, second)->low));
    fus_svg_put(p->out, p->n == 1 ? "\"/>\n" : "Z\"/>\n");
}

static void curve(const struct matched *p, int model, bool second)
{
    char name[4 * FUS_PANELS_NAME_CHARS + 1], number[FUS_SVG_NUMBER_BYTES];
    char text[4 * FUS_PANELS_NAME_CHARS + 40 + FUS_SVG_NUMBER_BYTES];
    bool pen_down = false;
    fus_svg_put(p->out, "<path class=\"ln\"$s d=\"", fus_theme_dash(fus_view_look(p->view, model)));
    for (int i = 0; i < p->n; i++) {
        double v = side_of(p, i, second)->estimate;
        if (isfinite(v))
            fus_svg_put(p->out, "$s$f,$f", pen_down ? "L" : "M", x_of(p, i), fus_axis_at(&p->y, v));
        pen_down = isfinite(v);
    }
    fus_svg_put(p->out, "\"/>\n");
    for (int i = 0; i < p->n; i++)
        if (isfinite(side_of(p, i, second)->estimate)) {
            fus_svg_shorten(name, p->view->run->models[model].name, FUS_PANELS_NAME_CHARS);
            fus_svg_number(number, side_of(p, i, second)->estimate, 3);
            snprintf(text, sizeof text, "%s, %zu units: %s", name, p->rows[i].k, number);
            fus_theme_marker(p->out, fus_view_look(p->view, model), x_of(p, i),
                             fus_axis_at(&p->y, side_of(p, i, second)->estimate), 2.6, text);
        }
}

static void put_model(const struct matched *p, int model, int category, bool second)
{
    fus_svg_put(p->out, "<g class=\"");
    fus_theme_class(p->out, &p->view->theme, category, fus_view_look(p->view, model));
    fus_svg_put(p->out, "\">");
    band(p, second);
    curve(p, model, second);
    fus_svg_put(p->out, "</g>\n");
}

/* Counts below the plot, those that do not touch the one before. */
static void bottom(const struct matched *p, double y)
{
    double last = -LABEL_WIDTH;
    fus_svg_put(p->out, "<path class=\"ax\" d=\"M$f,$fH$f\"/>", p->x0, y, p->x1);
    for (int i = p->n - 1; i >= 0; i--) {
        double x = x_of(p, i);
        fus_svg_put(p->out, "<path class=\"ax\" d=\"M$f,$fv3\"/>", x, y);
        if (last >= 0 && last - x < LABEL_WIDTH)
            continue;
        fus_svg_put(p->out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">$z</text>", x, y + 14, p->rows[i].k);
        last = x;
    }
    fus_svg_put(p->out, "<text class=\"lb mid\" x=\"$f\" y=\"$f\">units of each model (k)</text>\n",
                (p->x0 + p->x1) / 2, y + 31);
}

static void fit_scale(struct matched *p)
{
    double lo = 0, hi = 0;
    for (int i = 0; i < p->n; i++)
        for (int second = 0; second < 2; second++) {
            const struct fus_interval *s = side_of(p, i, second);
            const double values[3] = {s->estimate, s->low, s->high};
            for (int k = 0; k < 3; k++) {
                lo = isfinite(values[k]) && values[k] < lo ? values[k] : lo;
                hi = isfinite(values[k]) && values[k] > hi ? values[k] : hi;
            }
        }
    fus_axis_fit(&p->y, lo, hi > lo ? hi : lo + 0.1, 5);
    p->y.from = TOP + PLOT_HEIGHT;
    p->y.to = TOP;
}

double fus_panel_matched(struct fus_text_buffer *out, const struct fus_view *view, int model_b, int category)
{
    struct matched p = {.out = out, .view = view, .x0 = LEFT, .x1 = FUS_PANELS_WIDTH - RIGHT};
    p.n = fus_panel_matched_rows(&p.rows, view, model_b, category);
    fit_scale(&p);
    fus_panel_lines_title(out, view, category, LEFT, 15, FUS_PANELS_WIDTH - LEFT);
    fus_axis_left(out, &p.y, p.x0, p.x1, "CSI, other half (mean)");
    bottom(&p, TOP + PLOT_HEIGHT);
    put_model(&p, model_b, category, true);
    put_model(&p, 0, category, false);
    return TOP + PLOT_HEIGHT + BELOW;
}
