/* SPDX-License-Identifier: MIT */
/* Scales and axes: see axis.h. Slanted labels get their slope from the SVG's transform, so no
 * sine is needed here. */
#include "analysis/report/axis.h"

#include <math.h>
#include <string.h>

#define LAYER_SIZE 9.0 /* of layer names, which are many */
#define SLANT 0.70711  /* sine of 45 degrees, the angle of long labels */
#define LABEL_CHARS 15

static double tick_value(const struct fus_axis *axis, int i)
{
    return (floor(axis->lo / axis->step + 0.5) + i) * axis->step;
}

void fus_axis_fit(struct fus_axis *axis, double lo, double hi, int ticks)
{
    static const double nice[5] = {1, 2, 2.5, 5, 10};
    if (!(hi > lo)) {
        double pad = lo == 0 ? 1 : fabs(lo) * 0.1;
        hi = lo + pad;
        lo = lo < 0 ? lo - pad : lo;
    }
    double rough = (hi - lo) / ticks * (axis->percent ? 100 : 1), power = 1;
    int decimals = 0;
    while (rough >= 10 * power && power < 1e300)
        power *= 10;
    while (rough < power && power > 1e-300) {
        power /= 10;
        decimals++;
    }
    int k = 0;
    while (k < 4 && nice[k] * power < rough * 0.999999)
        k++;
    if (nice[k] == 10 && decimals > 0)
        decimals--;
    if (nice[k] == 2.5 && power < 10)
        decimals++;
    axis->decimals = decimals > 6 ? 6 : decimals;
    axis->step = nice[k] * power / (axis->percent ? 100 : 1);
    axis->lo = floor(lo / axis->step + 1e-9) * axis->step;
    axis->hi = -floor(-hi / axis->step + 1e-9) * axis->step;
}

double fus_axis_at(const struct fus_axis *axis, double v)
{
    double part = (v - axis->lo) / (axis->hi - axis->lo);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return axis->from + part * (axis->to - axis->from);
}

double fus_axis_tick(const struct fus_axis *axis, int i)
{
    return tick_value(axis, i);
}

bool fus_axis_has(const struct fus_axis *axis, int i)
{
    return i < 40 && tick_value(axis, i) <= axis->hi + axis->step * 0.01;
}

static void tick_text(char text[FUS_SVG_NUMBER_BYTES], const struct fus_axis *axis, int i)
{
    fus_svg_number(text, tick_value(axis, i) * (axis->percent ? 100 : 1), axis->decimals);
}

void fus_axis_left(struct fus_text_buffer *out, const struct fus_axis *axis, double x0, double x1, const char *title)
{
    char text[FUS_SVG_NUMBER_BYTES];
    fus_svg_put(out, "<path class=\"gr\" d=\"");
    for (int i = 0; fus_axis_has(axis, i); i++)
        fus_svg_put(out, "M$f,$fH$f", x0, fus_axis_at(axis, tick_value(axis, i)), x1);
    fus_svg_put(out, "\"/>\n<g class=\"tk end\">");
    for (int i = 0; fus_axis_has(axis, i); i++) {
        tick_text(text, axis, i);
        fus_svg_put(out, "<text x=\"$f\" y=\"$f\">$e</text>", x0 - 5, fus_axis_at(axis, tick_value(axis, i)) + 3.5,
                    text);
    }
    fus_svg_put(out, "</g>");
    double middle = (axis->from + axis->to) / 2;
    fus_svg_put(out, "<text class=\"lb mid\" transform=\"translate(11 $f) rotate(-90)\">$e</text>\n", middle, title);
}

void fus_axis_bottom(struct fus_text_buffer *out, const struct fus_axis *axis, double y0, double y1, const char *title)
{
    char text[FUS_SVG_NUMBER_BYTES];
    fus_svg_put(out, "<path class=\"gr\" d=\"");
    for (int i = 0; fus_axis_has(axis, i); i++)
        fus_svg_put(out, "M$f,$fV$f", fus_axis_at(axis, tick_value(axis, i)), y0, y1);
    fus_svg_put(out, "\"/>\n");
    for (int i = 0; fus_axis_has(axis, i); i++) {
        tick_text(text, axis, i);
        fus_svg_put(out, "<text class=\"tk mid\" x=\"$f\" y=\"$f\">$e</text>", fus_axis_at(axis, tick_value(axis, i)),
                    y1 + 14, text);
    }
    fus_svg_put(out, "<text class=\"lb mid\" x=\"$f\" y=\"$f\">$e</text>\n", (axis->from + axis->to) / 2, y1 + 30,
                title);
}

/* ---- layers ---- */

/* What fits: level labels where all names fit side by side, else slanted ones; every `every`-th. */
struct layer_labels {
    bool slanted;
    int every;
    double widest;
};

static struct layer_labels plan_labels(const struct fus_view *view, double width)
{
    const struct fus_model_summary *model = &view->run->models[0];
    char text[4 * LABEL_CHARS + 1];
    struct layer_labels plan = {false, 1, 0};
    double spacing = width / model->n_layers;
    for (int l = 0; l < model->n_layers; l++) {
        fus_svg_shorten(text, model->layers[l].name, LABEL_CHARS);
        double w = fus_svg_width(text, LAYER_SIZE);
        plan.widest = w > plan.widest ? w : plan.widest;
    }
    plan.slanted = plan.widest + 6 > spacing;
    if (plan.slanted)
        while (plan.every * spacing < LAYER_SIZE * 1.25 / SLANT)
            plan.every++;
    return plan;
}

double fus_axis_layers_height(const struct fus_view *view, double width)
{
    if (!view->same_layers)
        return 38;
    struct layer_labels plan = plan_labels(view, width);
    return plan.slanted ? plan.widest * SLANT + 34 : 38;
}

/* The part of a layer's name before the first dot. */
static size_t stage_length(const char *name)
{
    return strcspn(name, ".");
}

static void stage_bands(struct fus_text_buffer *out, const struct fus_model_summary *model, double x0, double x1,
                        double y0, double y1)
{
    double spacing = (x1 - x0) / model->n_layers;
    bool shaded = false;
    for (int l = 0, end; l < model->n_layers; l = end, shaded = !shaded) {
        size_t n = stage_length(model->layers[l].name);
        for (end = l + 1; end < model->n_layers; end++)
            if (stage_length(model->layers[end].name) != n ||
                strncmp(model->layers[l].name, model->layers[end].name, n) != 0)
                break;
        if (shaded)
            fus_svg_put(out, "<rect class=\"bd\" x=\"$f\" y=\"$f\" width=\"$f\" height=\"$f\"/>", x0 + l * spacing, y0,
                        (end - l) * spacing, y1 - y0);
    }
}

/* Counted from the last layer, which always has its name. */
static bool is_named(struct layer_labels plan, int n, int layer)
{
    return (n - 1 - layer) % plan.every == 0;
}

static void layer_names(struct fus_text_buffer *out, const struct fus_model_summary *model, struct layer_labels plan,
                        double x0, double x1, double y1)
{
    char text[4 * LABEL_CHARS + 1];
    int n = model->n_layers;
    double spacing = (x1 - x0) / n;
    fus_svg_put(out, "<path class=\"ax\" d=\"");
    for (int l = 0; l < n; l++)
        fus_svg_put(out, "M$f,$fv$s", x0 + (l + 0.5) * spacing, y1, is_named(plan, n, l) ? "4" : "2");
    fus_svg_put(out, "\"/><g class=\"tk tl $s\">", plan.slanted ? "end" : "mid");
    for (int l = 0; l < n; l++) {
        double x = x0 + (l + 0.5) * spacing;
        if (!is_named(plan, n, l))
            continue;
        fus_svg_shorten(text, model->layers[l].name, LABEL_CHARS);
        if (plan.slanted)
            fus_svg_put(out, "<text transform=\"translate($f $f) rotate(-45)\">$e</text>", x + 3, y1 + 12, text);
        else
            fus_svg_put(out, "<text x=\"$f\" y=\"$f\">$e</text>", x, y1 + 15, text);
    }
    fus_svg_put(out, "</g>\n");
}

static void depth_ticks(struct fus_text_buffer *out, double x0, double x1, double y1)
{
    static const char *const names[5] = {"0", "0.25", "0.5", "0.75", "1"};
    for (int i = 0; i < 5; i++) {
        double x = x0 + (x1 - x0) * (0.02 + 0.24 * i);
        fus_svg_put(out, "<path class=\"ax\" d=\"M$f,$fv4\"/><text class=\"tk mid\" x=\"$f\" y=\"$f\">$s</text>", x, y1,
                    x, y1 + 15, names[i]);
    }
}

void fus_axis_layers(struct fus_text_buffer *out, const struct fus_view *view, double x0, double x1, double y0,
                     double y1)
{
    double height = fus_axis_layers_height(view, x1 - x0), middle = (x0 + x1) / 2;
    const char *title = "relative depth in the network (1 = last layer)";
    if (view->same_layers) {
        title = "layer, from input to output";
        stage_bands(out, &view->run->models[0], x0, x1, y0, y1);
        layer_names(out, &view->run->models[0], plan_labels(view, x1 - x0), x0, x1, y1);
    } else
        depth_ticks(out, x0, x1, y1);
    fus_svg_put(out, "<path class=\"ax\" d=\"M$f,$fH$f\"/><text class=\"lb mid\" x=\"$f\" y=\"$f\">$s</text>\n", x0, y1,
                x1, middle, y1 + height - 5, title);
}
