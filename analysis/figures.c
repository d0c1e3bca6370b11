/* Which panels make which of the paper's figures, and how they are put together: see figures.h. */
#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GAP 18.0
#define MARGIN 16.0
#define FONTS "\"Helvetica Neue\",Helvetica,Arial,\"Liberation Sans\",sans-serif"

/* ---- building ---- */

static struct fus_figures_panel *begin_panel(struct fus_figures_figure *f, int group)
{
    if (f->n_panels == f->room) {
        size_t room = f->room ? f->room * 2 : 16;
        struct fus_figures_panel *panels = fus_base_resize(f->panels, room, sizeof *panels);
        if (!panels) {
            f->body.failed = true;
            return NULL;
        }
        f->panels = panels;
        f->room = room;
    }
    struct fus_figures_panel *panel = &f->panels[f->n_panels++];
    memset(panel, 0, sizeof *panel);
    panel->start = f->body.n;
    panel->group = group;
    return panel;
}

static void end_panel(struct fus_figures_figure *f, struct fus_figures_panel *panel, double width, double height)
{
    panel->n = f->body.n - panel->start;
    panel->width = width;
    panel->height = height;
}

static void widen(double *lo, double *hi, double v)
{
    if (!isfinite(v))
        return;
    *lo = isnan(*lo) || v < *lo ? v : *lo;
    *hi = isnan(*hi) || v > *hi ? v : *hi;
}

/* The smallest and largest value, error bars included, of one category; NaN where nothing is defined. */
static void category_range(double *lo, double *hi, const struct fus_view *view, enum fus_view_quantity quantity, int category)
{
    *lo = *hi = NAN;
    for (int m = 0; m < view->run->n_models; m++)
        for (int l = 0; l < view->run->models[m].n_layers; l++) {
            struct fus_view_point at = fus_view_at(view, quantity, m, l, category);
            widen(lo, hi, at.value);
            widen(lo, hi, at.low);
            widen(lo, hi, at.high);
        }
}

/* Zero belongs to the scale unless all values lie far from it. */
static struct fus_axis scale_for(enum fus_view_quantity quantity, double lo, double hi)
{
    struct fus_axis axis = {.percent = quantity == FUS_VIEW_PROPORTION};
    if (isnan(lo))
        lo = 0, hi = 1;
    if (lo > 0 && (quantity == FUS_VIEW_PROPORTION || lo < 0.5 * hi))
        lo = 0;
    fus_axis_fit(&axis, lo, hi, 5);
    return axis;
}

/* One scale for all panels, unless the largest category is more than 6 times the smallest: then each its own. */
static bool need_own_scales(const struct fus_view *view, enum fus_view_quantity quantity, double *all_lo, double *all_hi)
{
    double least = NAN, most = NAN;
    *all_lo = *all_hi = NAN;
    for (int c = 0; c < view->run->n_categories; c++) {
        double lo, hi;
        category_range(&lo, &hi, view, quantity, c);
        widen(all_lo, all_hi, lo);
        widen(all_lo, all_hi, hi);
        if (hi > 0)
            widen(&least, &most, hi);
    }
    return least * 6 < most;
}

static void describe_lines(struct fus_figures_panel *panel, const struct fus_figures_figure *f, const struct fus_view *view, int category)
{
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    fus_svg_shorten(name, view->run->categories[category], FUS_PANELS_NAME_CHARS);
    snprintf(panel->label, sizeof panel->label, "%s: %s; the numbers are in the table below", name, f->heading);
}

static void add_lines(struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity)
{
    double lo, hi;
    int which[64];
    f->own_scales = need_own_scales(view, quantity, &lo, &hi);
    for (int m = 0; m < view->run->n_models; m++)
        which[m] = m;
    for (int c = 0; c < view->run->n_categories; c++) {
        struct fus_figures_panel *panel = begin_panel(f, 0);
        if (!panel)
            return;
        if (f->own_scales)
            category_range(&lo, &hi, view, quantity, c);
        struct fus_axis scale = scale_for(quantity, lo, hi);
        double height = fus_panels_lines(&f->body, view, quantity, c, &scale, which, view->run->n_models);
        describe_lines(panel, f, view, c);
        end_panel(f, panel, FUS_PANELS_WIDTH, height);
    }
}

static void add_bars(struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity)
{
    struct fus_figures_panel *panel = begin_panel(f, 0);
    if (!panel)
        return;
    double height = fus_panels_bars(&f->body, view, quantity, 230);
    snprintf(panel->label, sizeof panel->label, "%s; the numbers are in the table below", f->heading);
    end_panel(f, panel, FUS_PANELS_WIDTH, height);
}

static double largest_in_maps(const struct fus_view *view)
{
    double most = 0;
    for (int m = 0; m < view->run->n_models; m++) {
        const struct fus_layer_summary *layer = fus_view_last(view, m);
        for (int c = 0; c < view->run->n_categories; c++)
            for (size_t i = 0; layer->categories[c].map && i < (size_t)layer->height * (size_t)layer->width; i++)
                most = layer->categories[c].map[i] > most ? layer->categories[c].map[i] : most;
    }
    return most;
}

static void add_maps(struct fus_figures_figure *f, const struct fus_view *view)
{
    struct fus_axis scale = {.percent = true};
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    fus_axis_fit(&scale, 0, largest_in_maps(view), 4);
    f->heat_top = scale.hi;
    f->model_groups = true;
    for (int m = 0; m < view->run->n_models; m++) {
        if (fus_view_last(view, m)->height > 32 || fus_view_last(view, m)->width > 32)
            f->coarse = true;
        for (int c = 0; c < view->run->n_categories; c++) {
            struct fus_figures_panel *panel = begin_panel(f, m);
            if (!panel)
                return;
            double height = fus_panels_map(&f->body, view, m, c, f->heat_top);
            fus_svg_shorten(name, view->run->categories[c], FUS_PANELS_NAME_CHARS);
            snprintf(panel->label, sizeof panel->label, "map of the units selective for %s", name);
            end_panel(f, panel, FUS_PANELS_MAP_WIDTH, height);
        }
    }
}

static void name_figure(struct fus_figures_figure *f, const char *file, const char *number, const char *heading, int columns)
{
    snprintf(f->file, sizeof f->file, "%s", file);
    snprintf(f->number, sizeof f->number, "%s", number);
    f->heading = heading;
    f->columns = columns;
}

int fus_figures_create(struct fus_figures *set, const struct fus_view *view, struct fus_error *err)
{
    int columns = view->run->n_categories < 3 ? view->run->n_categories : 3;
    int map_columns = view->run->n_categories < 7 ? view->run->n_categories : 7;
    memset(set, 0, sizeof *set);
    set->figures = fus_base_alloc(6, sizeof *set->figures);
    if (!set->figures)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the figures");
    set->n_figures = 6;
    struct fus_figures_figure *f = set->figures;
    name_figure(&f[0], "fig2b", "2B", "Category selectivity index (CSI) across layers", columns);
    add_lines(&f[0], view, FUS_VIEW_CSI);
    name_figure(&f[1], "fig3a", "3A", "Proportion of selective units in the last block layer", 1);
    add_bars(&f[1], view, FUS_VIEW_PROPORTION);
    name_figure(&f[2], "fig3b", "3B", "Proportion of selective units across layers", columns);
    add_lines(&f[2], view, FUS_VIEW_PROPORTION);
    name_figure(&f[3], "fig4a", "4A", "Where selective units lie in the last block layer", map_columns);
    add_maps(&f[3], view);
    name_figure(&f[4], "fig4b", "4B", "Variation over places in the last block layer", 1);
    add_bars(&f[4], view, FUS_VIEW_VARIATION);
    name_figure(&f[5], "fig4c", "4C", "Variation over places across layers", columns);
    add_lines(&f[5], view, FUS_VIEW_VARIATION);
    for (int i = 0; i < set->n_figures; i++)
        if (f[i].body.failed)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for figure %s", f[i].number);
    return FUS_OK;
}

void fus_figures_free(struct fus_figures *set)
{
    for (int i = 0; i < set->n_figures; i++) {
        fus_svg_free(&set->figures[i].body);
        fus_base_free(set->figures[i].panels);
    }
    fus_base_free(set->figures);
    memset(set, 0, sizeof *set);
}

/* ---- legends ---- */

static void key(struct fus_svg *out, const struct fus_view *view, int model, double x, double y)
{
    fus_svg_put(out, "<g class=\"");
    fus_theme_class(out, &view->theme, -1, model);
    fus_svg_put(out, "\"><path class=\"ln\"$s d=\"M$f,$fh30\"/>", fus_theme_dash(model), x, y);
    fus_theme_marker(out, model, x + 15, y, 3, NULL);
    fus_svg_put(out, "</g>");
}

void fus_figures_legend(struct fus_svg *out, const struct fus_view *view)
{
    fus_svg_put(out, "<ul class=\"legend\">");
    for (int m = 0; m < view->run->n_models; m++) {
        fus_svg_put(out, "<li><svg width=\"34\" height=\"14\" viewBox=\"0 0 34 14\" aria-hidden=\"true\">");
        key(out, view, m, 2, 7);
        fus_svg_put(out, "</svg> $e$s</li>", view->run->models[m].name, fus_view_untrained(view, m) ? " (untrained control)" : "");
    }
    fus_svg_put(out, "</ul>\n");
}

/* The keys in rows no wider than `width`; returns the height used. */
static double draw_keys(struct fus_svg *out, const struct fus_view *view, double width, double top)
{
    double x = MARGIN, y = top + 8;
    char name[4 * FUS_PANELS_NAME_CHARS + 32];
    for (int m = 0; m < view->run->n_models; m++) {
        fus_svg_shorten(name, view->run->models[m].name, FUS_PANELS_NAME_CHARS);
        if (fus_view_untrained(view, m))
            strcat(name, " (untrained)");
        double w = 38 + fus_svg_width(name, 11) + 16;
        if (x + w > width && x > MARGIN) {
            x = MARGIN;
            y += 18;
        }
        key(out, view, m, x, y);
        fus_svg_put(out, "<text class=\"lb\" x=\"$f\" y=\"$f\">$e</text>\n", x + 37, y + 4, name);
        x += w;
    }
    return y + 14 - top;
}

/* ---- the file ---- */

/* Places of the panels: rows of at most `columns`, a new row and a heading where the group changes. */
struct layout {
    double width, height; /* of the panels together */
};

static struct layout place_panels(struct fus_svg *out, const struct fus_figures_figure *f, const struct fus_view *view, double top)
{
    struct layout size = {0, 0};
    double x = 0, y = 0, row = 0;
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    int in_row = 0;
    for (size_t i = 0; i < f->n_panels; i++) {
        const struct fus_figures_panel *panel = &f->panels[i];
        bool new_group = i == 0 || panel->group != f->panels[i - 1].group;
        if (i > 0 && (new_group || in_row == f->columns)) {
            y += row + GAP;
            x = row = 0;
            in_row = 0;
        }
        if (new_group && f->model_groups) {
            fus_svg_shorten(name, view->run->models[panel->group].name, FUS_PANELS_NAME_CHARS);
            if (out)
                fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"$f\">$e: $e</text>\n", MARGIN, top + y + 14, name,
                            fus_view_last(view, panel->group)->name);
            y += 26;
        }
        if (out) {
            fus_svg_put(out, "<g transform=\"translate($f $f)\">", MARGIN + x, top + y);
            fus_svg_bytes(out, f->body.text + panel->start, panel->n);
            fus_svg_put(out, "</g>\n");
        }
        x += panel->width;
        size.width = x > size.width ? x : size.width;
        x += GAP;
        row = panel->height > row ? panel->height : row;
        in_row++;
    }
    size.height = y + row;
    return size;
}

static double draw_head(struct fus_svg *out, const struct fus_figures_figure *f, const struct fus_view *view, double width)
{
    double top = 38;
    fus_svg_put(out, "<text class=\"tt\" x=\"$f\" y=\"24\">$s</text>\n", MARGIN, f->heading);
    if (f->heat_top > 0) {
        struct fus_axis scale = {.percent = true};
        fus_axis_fit(&scale, 0, f->heat_top, 4);
        fus_svg_put(out, "<g transform=\"translate($f $f)\">", MARGIN - 12, top);
        top += fus_panels_scale(out, &scale, 280) + 14;
        fus_svg_put(out, "</g>");
    } else
        top += draw_keys(out, view, width, top);
    return top + 8;
}

static double at_least(double a, double b)
{
    return a > b ? a : b;
}

void fus_figures_standalone(struct fus_svg *out, const struct fus_figures_figure *f, const struct fus_view *view)
{
    struct fus_svg head = {0};
    struct layout size = place_panels(NULL, f, view, 0);
    double width = at_least(size.width + 2 * MARGIN, fus_svg_width(f->heading, 13) + 2 * MARGIN);
    double top = draw_head(&head, f, view, width), height = top + size.height + MARGIN;
    fus_svg_put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $f $f\" width=\"$f\" "
                     "height=\"$f\" font-family='$s' role=\"img\">\n<title>$s</title>\n<style>\n", width, height, width, height, FONTS, f->heading);
    fus_theme_css(out, &view->theme, FUS_THEME_LIGHT, f->heat_top > 0);
    fus_svg_put(out, "</style>\n<rect class=\"pg\" width=\"$f\" height=\"$f\"/>\n", width, height);
    if (head.text)
        fus_svg_bytes(out, head.text, head.n);
    place_panels(out, f, view, top);
    fus_svg_put(out, "</svg>\n");
    out->failed |= head.failed;
    fus_svg_free(&head);
}

/* ---- inside the report ---- */

static void inline_panel(struct fus_svg *out, const struct fus_figures_figure *f, const struct fus_figures_panel *panel)
{
    fus_svg_put(out, "<svg viewBox=\"0 0 $f $f\" role=\"img\" aria-label=\"$e\">", panel->width, panel->height, panel->label);
    fus_svg_bytes(out, f->body.text + panel->start, panel->n);
    fus_svg_put(out, "</svg>\n");
}

static void inline_scale(struct fus_svg *out, const struct fus_figures_figure *f)
{
    struct fus_axis scale = {.percent = true};
    fus_axis_fit(&scale, 0, f->heat_top, 4);
    fus_svg_put(out, "<svg class=\"scale\" viewBox=\"0 0 300 50\" role=\"img\" aria-label=\"colour scale\">");
    fus_panels_scale(out, &scale, 300);
    fus_svg_put(out, "</svg>\n");
}

void fus_figures_inline(struct fus_svg *out, const struct fus_figures_figure *f, const struct fus_view *view)
{
    int group = -1;
    if (f->heat_top > 0)
        inline_scale(out, f);
    for (size_t i = 0; i < f->n_panels; i++) {
        if (f->panels[i].group != group) {
            if (group >= 0)
                fus_svg_put(out, "</div>\n");
            group = f->panels[i].group;
            if (f->model_groups)
                fus_svg_put(out, "<h4>$e: $e</h4>\n", view->run->models[group].name, fus_view_last(view, group)->name);
            fus_svg_put(out, "<div class=\"$s\">\n", f->model_groups ? "maps" : "grid");
        }
        inline_panel(out, f, &f->panels[i]);
    }
}
