/* SPDX-License-Identifier: MIT */
/* Panels of figures, one after another; of lines, with their scales: see figures.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/figures.h"

struct fus_figures_panel *fus_figures_begin(struct fus_figures_figure *f, int group)
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

void fus_figures_end(struct fus_figures_figure *f, struct fus_figures_panel *panel, double width, double height)
{
    panel->n = f->body.n - panel->start;
    panel->width = width;
    panel->height = height;
}

void fus_figures_fold(struct fus_figures_figure *f, int group, int category)
{
    if (f->n_folds == f->fold_room) {
        size_t room = f->fold_room ? f->fold_room * 2 : 16;
        struct fus_figures_fold *folds = fus_base_resize(f->folds, room, sizeof *folds);
        if (!folds) {
            f->body.failed = true;
            return;
        }
        f->folds = folds;
        f->fold_room = room;
    }
    f->folds[f->n_folds++] = (struct fus_figures_fold){group, category};
}

static void widen(double *lo, double *hi, double v)
{
    if (!isfinite(v))
        return;
    *lo = isnan(*lo) || v < *lo ? v : *lo;
    *hi = isnan(*hi) || v > *hi ? v : *hi;
}

/* The smallest and largest value, error bars included, of one category in the figure's models;
 * NaN where undefined. few: of layers with few units, too. */
static void range_of(double *lo, double *hi, const struct fus_figures_figure *f, const struct fus_view *view,
                     enum fus_view_quantity quantity, int category, bool few)
{
    double most = NAN;
    *lo = *hi = NAN;
    for (int i = 0; i < f->n_which; i++)
        for (int l = 0; l < view->run->models[f->which[i]].n_layers; l++) {
            struct fus_view_point at = fus_view_at(view, quantity, f->which[i], l, category);
            if (!few && fus_view_few(view, quantity, f->which[i], l, category))
                continue;
            struct fus_view_band chance = fus_view_chance(view, quantity, f->which[i], l, category);
            const double values[5] = {at.value, at.low, at.high, chance.low, chance.high};
            for (int k = 0; k < 5; k++)
                widen(lo, hi, values[k]);
            most = at.value > most || isnan(most) ? at.value : most;
        }
    *hi = fus_view_limit(quantity, *hi, most);
}

/* Of the layers with few units alone if there are no others. */
static void category_range(double *lo, double *hi, const struct fus_figures_figure *f, const struct fus_view *view,
                           enum fus_view_quantity quantity, int category)
{
    range_of(lo, hi, f, view, quantity, category, false);
    if (isnan(*lo))
        range_of(lo, hi, f, view, quantity, category, true);
}

/* Nothing to draw: no value, or no unit anywhere. */
static bool is_empty(const struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity,
                     int category)
{
    for (int i = 0; i < f->n_which; i++)
        for (int l = 0; l < view->run->models[f->which[i]].n_layers; l++) {
            double v = fus_view_at(view, quantity, f->which[i], l, category).value;
            if (quantity == FUS_VIEW_PROPORTION ? v > 0 : isfinite(v))
                return false;
        }
    return true;
}

/* Zero belongs to the scale unless all values lie far from it. */
static struct fus_axis scale_for(struct fus_figures_figure *f, enum fus_view_quantity quantity, double lo, double hi)
{
    struct fus_axis axis = {.percent = quantity == FUS_VIEW_PROPORTION};
    if (isnan(lo))
        lo = 0, hi = 1;
    if (quantity == FUS_VIEW_PROPORTION && hi <= 0)
        hi = 0.01; /* nothing anywhere: 1% is scale enough */
    if (lo > 0 && (quantity == FUS_VIEW_PROPORTION || lo < 0.5 * hi))
        lo = 0;
    fus_axis_fit(&axis, lo, hi, 5);
    f->cut_scale |= axis.lo > 0;
    return axis;
}

/* One scale for all panels, unless the largest category is more than 6 times the smallest: then
 * each its own. */
static bool need_own_scales(const struct fus_figures_figure *f, const struct fus_view *view,
                            enum fus_view_quantity quantity, double *all_lo, double *all_hi)
{
    double least = NAN, most = NAN;
    *all_lo = *all_hi = NAN;
    for (int c = 0; c < view->run->n_categories; c++) {
        double lo, hi;
        category_range(&lo, &hi, f, view, quantity, c);
        widen(all_lo, all_hi, lo);
        widen(all_lo, all_hi, hi);
        if (hi > 0)
            widen(&least, &most, hi);
    }
    return least * 6 < most;
}

void fus_figures_describe(struct fus_figures_panel *panel, const struct fus_figures_figure *f,
                          const struct fus_view *view, int category)
{
    char name[4 * FUS_PANELS_NAME_CHARS + 1];
    fus_svg_shorten(name, view->run->categories[category], FUS_PANELS_NAME_CHARS);
    snprintf(panel->label, sizeof panel->label, "%s: %s", name, f->heading);
}

/* group: panels of another quantity of the same figure begin a new row. */
void fus_figures_lines(struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity,
                       int group)
{
    double lo, hi;
    f->columns = view->run->n_categories < 3 ? view->run->n_categories : 3;
    bool own_scales = need_own_scales(f, view, quantity, &lo, &hi);
    f->own_scales |= own_scales;
    for (int c = 0; c < view->run->n_categories; c++) {
        double low, high;
        if (is_empty(f, view, quantity, c)) {
            fus_figures_fold(f, group, c);
            continue;
        }
        struct fus_figures_panel *panel = fus_figures_begin(f, group);
        if (!panel)
            return;
        if (own_scales)
            category_range(&lo, &hi, f, view, quantity, c);
        struct fus_axis scale = scale_for(f, quantity, lo, hi);
        range_of(&low, &high, f, view, quantity, c, true);
        f->beyond |= high > scale.hi;
        double height = fus_panel_lines(&f->body, view, quantity, c, &scale, f->which, f->n_which);
        fus_figures_describe(panel, f, view, c);
        fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
    }
}

/* Proportion and CSI of each category against the number of pictures. */
void fus_figures_power(struct fus_figures_figure *f, const struct fus_view *view, const struct fus_power_plan *plan)
{
    f->columns = view->run->n_categories < 3 ? view->run->n_categories : 3;
    f->own_scales = true;
    for (int statistic = FUS_BOOTSTRAP_PROPORTION; statistic <= FUS_BOOTSTRAP_CSI; statistic++)
        for (int c = 0; c < view->run->n_categories; c++) {
            double lo, hi;
            fus_panel_power_range(&lo, &hi, view, plan, c, statistic);
            if (!(hi > 0)) {
                fus_figures_fold(f, statistic, c);
                continue;
            }
            struct fus_figures_panel *panel = fus_figures_begin(f, statistic);
            if (!panel)
                return;
            struct fus_axis scale =
                scale_for(f, statistic == FUS_BOOTSTRAP_PROPORTION ? FUS_VIEW_PROPORTION : FUS_VIEW_CSI, lo, hi);
            double height = fus_panel_power(&f->body, view, plan, c, statistic, &scale);
            fus_figures_describe(panel, f, view, c);
            fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
        }
}
