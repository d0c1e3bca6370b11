/* SPDX-License-Identifier: MIT */
/* How the units selective for one category respond to every picture (the paper's Fig 2A): see
 * panels.h. Dots are spread sideways by a fixed sequence, so that equal runs give equal
 * pictures. */
#include <math.h>

#include "analysis/report/frame.h"
#include "analysis/report/panels.h"

#define LEFT 50.0
#define RIGHT 8.0
#define TOP 30.0
#define PLOT_HEIGHT 176.0
#define MAX_DOTS 150 /* to a column; more would only blacken it */
#define LABEL_CHARS 12

struct dots {
    struct fus_text_buffer *out;
    const struct fus_view *view;
    const struct fus_response_profile *profile;
    const double *response; /* [n_pictures] */
    struct fus_axis y;
    double spacing, widest;
    bool slanted, small;
};

struct fus_axis fus_panel_dots_scale(const struct fus_view *view, int model)
{
    const struct fus_response_profile *p = &view->run->profiles[model];
    double lo = 0, hi = 0;
    for (size_t i = 0; i < (size_t)p->n_pictures * (size_t)view->run->n_categories; i++) {
        lo = isfinite(p->response[i]) && p->response[i] < lo ? p->response[i] : lo;
        hi = isfinite(p->response[i]) && p->response[i] > hi ? p->response[i] : hi;
    }
    struct fus_axis axis = {.percent = false};
    fus_axis_fit(&axis, lo, hi, 5);
    return axis;
}

/* 0 <= x < 1, evenly spread and never periodic: multiples of the golden ratio's fraction. */
static double spread(int i)
{
    double x = i * 0.6180339887498949;
    return x - floor(x);
}

/* One column: the pictures of one category, and a line at the mean of all of them. Returns the
 * step between dots. */
static int column(const struct dots *p, int category)
{
    double left = LEFT + (category + 0.16) * p->spacing, width = p->spacing * 0.68, sum = 0;
    int n = 0, at = 0;
    for (int i = 0; i < p->profile->n_pictures; i++)
        if (p->profile->category[i] == category && isfinite(p->response[i])) {
            sum += p->response[i];
            n++;
        }
    if (n == 0)
        return 1;
    int every = (n + MAX_DOTS - 1) / MAX_DOTS;
    fus_svg_put(p->out, "<g class=\"");
    fus_theme_category_class(p->out, &p->view->theme, category);
    fus_svg_put(p->out, "\"><path class=\"dot\" data-n=\"$e\"", p->view->run->categories[category]);
    fus_frame_axis(p->out, &p->y);
    fus_svg_put(p->out, " d=\"");
    for (int i = 0; i < p->profile->n_pictures; i++) {
        if (p->profile->category[i] != category || !isfinite(p->response[i]))
            continue;
        if (at % every == 0)
            fus_svg_put(p->out, "M$f,$fh0", left + width * spread(at), fus_axis_at(&p->y, p->response[i]));
        at++;
    }
    fus_svg_put(p->out, "\"/></g><path class=\"mean\" d=\"M$f,$fh$f\"/>\n", left, fus_axis_at(&p->y, sum / n), width);
    return every;
}

static void plan_labels(struct dots *p)
{
    char text[4 * LABEL_CHARS + 1];
    double widest = 0;
    for (int c = 0; c < p->view->run->n_categories; c++) {
        fus_svg_shorten(text, p->view->run->categories[c], LABEL_CHARS);
        double w = fus_svg_width(text, 10);
        widest = w > widest ? w : widest;
    }
    p->small = widest > p->spacing && 0.9 * widest <= p->spacing;
    p->widest = p->small ? 0.9 * widest : widest;
    p->slanted = p->widest > p->spacing;
}

static void labels(const struct dots *p, double bottom)
{
    char text[4 * LABEL_CHARS + 1];
    for (int c = 0; c < p->view->run->n_categories; c++) {
        double x = LEFT + (c + 0.5) * p->spacing;
        fus_svg_shorten(text, p->view->run->categories[c], LABEL_CHARS);
        if (p->slanted)
            fus_svg_put(p->out, "<text class=\"tk end\" transform=\"translate($f $f) rotate(-45)\">$e</text>", x + 3,
                        bottom + 12, text);
        else
            fus_svg_put(p->out, "<text class=\"tk $smid\" x=\"$f\" y=\"$f\">$e</text>", p->small ? "tl " : "", x,
                        bottom + 15, text);
    }
}

double fus_panel_dots(struct fus_text_buffer *out, const struct fus_view *view, int model, int category,
                      const struct fus_axis *scale, int *every)
{
    const struct fus_response_profile *profile = &view->run->profiles[model];
    int n = view->run->n_categories;
    size_t n_units = fus_view_category(view, model, view->profile_layer[model], category)->n_selective;
    struct dots p = {.out = out,
                     .view = view,
                     .profile = profile,
                     .response = profile->response + (size_t)category * (size_t)profile->n_pictures,
                     .y = *scale,
                     .spacing = (FUS_PANELS_WIDTH - LEFT - RIGHT) / n};
    double bottom = TOP + PLOT_HEIGHT;
    p.y.from = bottom;
    p.y.to = TOP;
    plan_labels(&p);
    double height = p.slanted ? p.widest * 0.70711 + 34 : 38;
    fus_panel_lines_title(out, view, category, LEFT, 15, FUS_PANELS_WIDTH - LEFT - 90);
    fus_svg_put(out, "<text class=\"tk end\" x=\"$f\" y=\"15\">$z selective unit$s</text>", FUS_PANELS_WIDTH - RIGHT,
                n_units, n_units == 1 ? "" : "s");
    fus_svg_put(out, "<rect class=\"bd\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", LEFT + category * p.spacing,
                TOP, p.spacing, PLOT_HEIGHT);
    fus_axis_left(out, &p.y, LEFT, FUS_PANELS_WIDTH - RIGHT, "mean response (activation)");
    for (int c = 0; c < n; c++) {
        int step = column(&p, c);
        *every = step > *every ? step : *every;
    }
    labels(&p, bottom);
    fus_svg_put(out,
                "<path class=\"ax\" d=\"M$f,$fH$f\"/><text class=\"lb mid\" x=\"$f\" y=\"$f\">pictures of</text>\n",
                LEFT, bottom, FUS_PANELS_WIDTH - RIGHT, (LEFT + FUS_PANELS_WIDTH - RIGHT) / 2, bottom + height - 5);
    return bottom + height;
}
