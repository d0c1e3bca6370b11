/* SPDX-License-Identifier: MIT */
/* Which panels make which of the paper's figures: see figures.h. How they are put together:
 * compose.c. */
#include "analysis/report/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_bars(struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity)
{
    struct fus_figures_panel *panel = fus_figures_begin(f, 0);
    if (!panel)
        return;
    double height = fus_panel_bars(&f->body, view, quantity, 230, &f->beyond);
    snprintf(panel->label, sizeof panel->label, "%s", f->heading);
    fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
}

static double largest_of(const struct fus_view *view, bool scrambled)
{
    double most = 0;
    for (int m = 0; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++)
            if (fus_view_scrambled(view, c) == scrambled) {
                double v = fus_view_map_most(view, m, view->last[m], c);
                most = v > most ? v : most;
            }
    return most;
}

static void add_maps(struct fus_figures_figure *f, const struct fus_view *view)
{
    struct fus_axis scale = {.percent = true};
    double most = largest_of(view, false), control = largest_of(view, true);
    if (most <= 0)
        most = control > 0 ? control : 0.01;
    fus_axis_fit(&scale, 0, most, 4);
    f->clipped = control > scale.hi;
    f->columns = view->run->n_categories < 7 ? view->run->n_categories : 7;
    f->heat_title = "channels selective at this place (%)";
    f->heat_shares = true;
    f->heat_top = scale.hi;
    f->model_groups = true;
    f->group_layer = view->last;
    for (int m = 0; m < view->run->n_models; m++) {
        if (fus_view_last(view, m)->height > 32 || fus_view_last(view, m)->width > 32)
            f->coarse = true;
        for (int c = 0; c < view->run->n_categories; c++) {
            if (fus_view_category(view, m, view->last[m], c)->n_selective == 0) {
                fus_figures_fold(f, m, c);
                continue;
            }
            struct fus_figures_panel *panel = fus_figures_begin(f, m);
            if (!panel)
                return;
            double height = fus_panel_map(&f->body, view, m, c, f->heat_top);
            fus_figures_describe(panel, f, view, c);
            fus_figures_end(f, panel, FUS_PANELS_MAP_WIDTH, height);
        }
    }
}

static bool has_response(const struct fus_response_profile *p, int category)
{
    for (int i = 0; i < p->n_pictures; i++)
        if (isfinite(p->response[(size_t)category * (size_t)p->n_pictures + (size_t)i]))
            return true;
    return false;
}

#define MAX_MATRIX_MODELS 4 /* of more models each is compared with itself alone */

/* For each model with a profile, a panel a category that units are selective for; one scale a
 * model. */
static void add_dots(struct fus_figures_figure *f, const struct fus_view *view)
{
    f->columns = view->run->n_categories < 3 ? view->run->n_categories : 3;
    f->model_groups = true;
    f->group_layer = view->profile_layer;
    f->dots_every = 1;
    for (int m = 0; m < view->run->n_models; m++) {
        if (view->run->profiles[m].n_pictures == 0)
            continue;
        struct fus_axis scale = fus_panel_dots_scale(view, m);
        for (int c = 0; c < view->run->n_categories; c++) {
            struct fus_figures_panel *panel = has_response(&view->run->profiles[m], c) ? fus_figures_begin(f, m) : NULL;
            if (!panel)
                continue;
            double height = fus_panel_dots(&f->body, view, m, c, &scale, &f->dots_every);
            fus_figures_describe(panel, f, view, c);
            fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
        }
    }
}

#define MAX_MATCHED_PANELS 30

/* The first model with one other after another, a panel a category that both have units for. */
static void add_matched(struct fus_figures_figure *f, const struct fus_view *view)
{
    const struct fus_matched_row *rows;
    f->columns = 3;
    for (int m = 1; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories && f->n_panels < MAX_MATCHED_PANELS; c++) {
            struct fus_figures_panel *panel =
                fus_panel_matched_rows(&rows, view, m, c) ? fus_figures_begin(f, m) : NULL;
            if (!panel)
                continue;
            double height = fus_panel_matched(&f->body, view, m, c);
            fus_figures_describe(panel, f, view, c);
            fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
        }
}

static bool any_matched(const struct fus_view *view)
{
    const struct fus_matched_row *rows;
    for (int m = 1; m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++)
            if (fus_panel_matched_rows(&rows, view, m, c))
                return true;
    return false;
}

/* Rounded down to halves, so that the scale has round ends. */
static double lowest_correlation(const struct fus_view *view)
{
    size_t n = 0;
    double least = 0.5;
    for (int m = 0; m < view->run->n_models; m++)
        n += (size_t)view->run->models[m].n_layers;
    for (int level = 0; level < 2; level++)
        for (size_t i = 0; view->run->consistency[level] && i < n * n; i++)
            least = view->run->consistency[level][i] < least ? view->run->consistency[level][i] : least;
    return floor(2 * least) / 2 > -1 ? floor(2 * least) / 2 : -1;
}

/* Each model with itself, then, of few models, each pair; by categories and, where single
 * responses were kept, by pictures. */
static void add_matrices(struct fus_figures_figure *f, const struct fus_view *view)
{
    static const char *const levels[2] = {"by categories", "by pictures"};
    int n = view->run->n_models;
    f->columns = 3;
    f->heat_title = "rank correlation of dissimilarities";
    f->heat_low = lowest_correlation(view);
    f->heat_top = 1;
    for (int level = 0; level < 2; level++)
        for (int away = 0; view->run->consistency[level] && away < (n <= MAX_MATRIX_MODELS ? n : 1); away++)
            for (int a = 0; a + away < n; a++) {
                struct fus_figures_panel *panel = fus_figures_begin(f, 0);
                if (!panel)
                    return;
                double height = fus_panel_matrix(&f->body, view, view->run->consistency[level], a, a + away,
                                                 f->heat_low, levels[level]);
                snprintf(panel->label, sizeof panel->label, "%s, %s, models %d and %d", f->heading, levels[level],
                         a + 1, a + away + 1);
                fus_figures_end(f, panel, FUS_PANELS_WIDTH, height);
            }
}

/* The next figure of the set, about all models; the caller adds its panels. There is room: see
 * MAX_FIGURES. */
static struct fus_figures_figure *next(struct fus_figures *set, const struct fus_view *view, const char *section,
                                       const char *number, const char *heading)
{
    struct fus_figures_figure *f = &set->figures[set->n_figures++];
    snprintf(f->number, sizeof f->number, "%s", number);
    snprintf(f->file, sizeof f->file, "fig%c%c", number[0], number[1] >= 'A' ? number[1] + ('a' - 'A') : number[1]);
    f->section = section;
    f->heading = heading;
    f->columns = 1;
    f->n_which = view->run->n_models;
    for (int m = 0; m < f->n_which; m++)
        f->which[m] = (unsigned char)m;
    return f;
}

static const char dprime_heading[] = "Selectivity (d\xe2\x80\xb2) across layers",
                  csi_heading[] = "Category selectivity index (CSI) across layers",
                  share_heading[] = "Proportion of selective units across layers",
                  variation_heading[] = "Variation over places across layers";

/* Figs 5A-C: the first model with one other at a time, the curves of Figs 2B, 3B and 4C. */
static void add_pairs(struct fus_figures *set, const struct fus_view *view)
{
    const struct {
        const char *number, *heading;
        enum fus_view_quantity quantity;
    } curves[3] = {{"5A", view->dprime ? dprime_heading : csi_heading, FUS_VIEW_CSI},
                   {"5B", share_heading, FUS_VIEW_PROPORTION},
                   {"5C", variation_heading, FUS_VIEW_VARIATION}};
    for (int m = 1; m < view->run->n_models; m++)
        for (int i = 0; i < 3; i++) {
            struct fus_figures_figure *f = next(set, view, "Pairs of models", curves[i].number, curves[i].heading);
            snprintf(f->file, sizeof f->file, "fig5%c-%d", 'a' + i, m + 1);
            f->n_which = 2;
            f->which[0] = 0;
            f->which[1] = (unsigned char)m;
            fus_figures_lines(f, view, curves[i].quantity, 0);
        }
}

/* With more panels than this the pairs are left out: every curve is in the figures before. */
#define MAX_PAIR_PANELS 75
#define MAX_FIGURES (12 + MAX_PAIR_PANELS)

static void add_all(struct fus_figures *set, const struct fus_view *view)
{
    static const char selective[] = "How selective", many[] = "How many", where[] = "Where", sure[] = "How reliable",
                      alike[] = "How alike";
    bool any_profile = false;
    for (int m = 0; view->run->profiles && m < view->run->n_models; m++)
        for (int c = 0; c < view->run->n_categories; c++)
            any_profile |= has_response(&view->run->profiles[m], c);
    if (any_profile)
        add_dots(next(set, view, selective, "2A", "Responses of selective units, one dot a picture"), view);
    fus_figures_lines(next(set, view, selective, "2B", view->dprime ? dprime_heading : csi_heading), view, FUS_VIEW_CSI,
                      0);
    add_bars(next(set, view, many, "3A", "Proportion of selective units in the last block layer"), view,
             FUS_VIEW_PROPORTION);
    fus_figures_lines(next(set, view, many, "3B", share_heading), view, FUS_VIEW_PROPORTION, 0);
    add_maps(next(set, view, where, "4A", "Where selective units lie in the last block layer"), view);
    struct fus_figures_figure *last = next(set, view, where, "4B", "Variation over places in the last block layer");
    add_bars(last, view, FUS_VIEW_VARIATION);
    add_bars(last, view, FUS_VIEW_MORISITA);
    last->columns = 2;
    struct fus_figures_figure *across = next(set, view, where, "4C", variation_heading);
    fus_figures_lines(across, view, FUS_VIEW_VARIATION, 0);
    fus_figures_lines(across, view, FUS_VIEW_MORISITA, 1);
    if (view->crossed) {
        struct fus_figures_figure *f =
            next(set, view, sure, "2B",
                 view->dprime ? "Selectivity (d\xe2\x80\xb2) in the pictures that did not choose the units"
                              : "CSI in the pictures that did not choose the units");
        snprintf(f->file, sizeof f->file, "fig2b-crossed");
        snprintf(f->number, sizeof f->number, "2B\xe2\x80\xb2");
        fus_figures_lines(f, view, FUS_VIEW_CROSSED, 0);
    }
    struct fus_power_plan plan;
    const struct fus_run_method *how = view->run->method;
    if (how && how->subsample && fus_power_parse(&plan, how->subsample, NULL) == FUS_OK)
        fus_figures_power(next(set, view, sure, "p1", "The same networks shown fewer pictures"), view, &plan);
    if (any_matched(view))
        add_matched(next(set, view, sure, "m1", "As many units of each model: CSI in the other half"), view);
    if (view->run->consistency[0] || view->run->consistency[1])
        add_matrices(next(set, view, alike, "v1", "Representational consistency of layers"), view);
    int n_pairs = view->run->n_models - 1;
    if (n_pairs >= 2 && (long)n_pairs * 3 * view->run->n_categories <= MAX_PAIR_PANELS)
        add_pairs(set, view);
}

int fus_figures_create(struct fus_figures *set, const struct fus_view *view, struct fus_error *err)
{
    memset(set, 0, sizeof *set);
    set->figures = fus_base_alloc(MAX_FIGURES, sizeof *set->figures);
    if (!set->figures)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the figures");
    add_all(set, view);
    for (int i = 0; i < set->n_figures; i++)
        if (set->figures[i].body.failed)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for figure %s", set->figures[i].number);
    return FUS_OK;
}

void fus_figures_free(struct fus_figures *set)
{
    for (int i = 0; i < set->n_figures; i++) {
        fus_text_free(&set->figures[i].body);
        fus_base_free(set->figures[i].panels);
        fus_base_free(set->figures[i].folds);
    }
    fus_base_free(set->figures);
    memset(set, 0, sizeof *set);
}
