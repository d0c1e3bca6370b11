/* SPDX-License-Identifier: MIT */
/* A run as the figures look at it: see view.h. */
#include "analysis/report/view.h"

#include "analysis/inference.h"
#include "analysis/report/report.h"

#include <math.h>
#include <string.h>

#define FUS_VIEW_MAX_MODELS 64 /* far more than a panel can tell apart */

static int layer_named(const struct fus_model_summary *model, const char *name)
{
    for (int l = 0; l < model->n_layers; l++)
        if (strcmp(model->layers[l].name, name) == 0)
            return l;
    return -1;
}

/* Profiles name only layers and categories that exist. A model without pictures has none. */
static int check_profiles(const struct fus_run_summary *run, struct fus_error *err)
{
    for (int m = 0; m < run->n_models; m++) {
        const struct fus_response_profile *p = &run->profiles[m];
        if (p->n_pictures > 0 && layer_named(&run->models[m], p->layer) < 0)
            return fus_base_fail(err, FUS_EINVAL, "model %s: a response profile of layer %s, which the run has not",
                                 run->models[m].name, p->layer);
        if (p->n_pictures < 0 || (p->n_pictures > 0 && (!p->category || !p->response)))
            return fus_base_fail(err, FUS_EINVAL, "model %s: a response profile without its numbers",
                                 run->models[m].name);
        for (int i = 0; i < p->n_pictures; i++)
            if (p->category[i] < 0 || p->category[i] >= run->n_categories)
                return fus_base_fail(err, FUS_EINVAL,
                                     "model %s: response profile: picture %d is of category %d, the run has %d",
                                     run->models[m].name, i, p->category[i], run->n_categories);
    }
    return FUS_OK;
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Width and height of a PNG are at bytes 16 and 20. */
static int plan_sheet(struct fus_view *view, const struct fus_run_summary *run, struct fus_error *err)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (run->sheet_bytes < 33 || memcmp(run->sheet_png, signature, 8) != 0)
        return fus_base_fail(err, FUS_EINVAL, "the contact sheet is no PNG file");
    uint32_t width = big_endian(run->sheet_png + 16), height = big_endian(run->sheet_png + 20);
    int code = fus_thumbs_plan(&view->thumbs, run->n_pictures, run->n_categories, err);
    if (!code && (width != (uint32_t)view->thumbs.width || height != (uint32_t)view->thumbs.height))
        code = fus_base_fail(err, FUS_EINVAL, "a contact sheet of %u x %u pixels, %d x %d expected", (unsigned)width,
                             (unsigned)height, view->thumbs.width, view->thumbs.height);
    return code;
}

/* Top units name models, layers, categories and pictures that exist. */
static int check_top(const struct fus_run_summary *run, struct fus_error *err)
{
    int n_pictures = 0;
    for (int c = 0; c < run->n_categories; c++)
        n_pictures += run->n_pictures[c];
    for (size_t i = 0; i < run->n_top; i++) {
        const struct fus_top_unit *u = &run->top[i];
        bool ok = u->model >= 0 && u->model < run->n_models && u->layer >= 0 &&
                  u->layer < run->models[u->model].n_layers && u->category >= 0 && u->category < run->n_categories &&
                  u->n_pictures >= 0 && u->n_pictures <= FUS_TOP_PICTURES && run->pictures;
        for (int k = 0; ok && k < u->n_pictures; k++)
            ok = u->most[k] >= 0 && u->most[k] < n_pictures && u->least[k] >= 0 && u->least[k] < n_pictures;
        if (!ok)
            return fus_base_fail(err, FUS_EINVAL, "top unit %zu is not one of the run's", i);
    }
    return FUS_OK;
}

static int check(const struct fus_run_summary *run, struct fus_error *err)
{
    if (run->n_models < 1 || run->n_models > FUS_VIEW_MAX_MODELS)
        return fus_base_fail(err, FUS_EINVAL, "a report is about 1 to %d models, not %d", FUS_VIEW_MAX_MODELS,
                             run->n_models);
    if (run->n_categories < 1 || run->n_categories > FUS_THEME_MAX_CATEGORIES)
        return fus_base_fail(err, FUS_EINVAL, "a report is about 1 to %d categories, not %d", FUS_THEME_MAX_CATEGORIES,
                             run->n_categories);
    for (int m = 0; m < run->n_models; m++) {
        const struct fus_model_summary *model = &run->models[m];
        if (model->n_layers < 1)
            return fus_base_fail(err, FUS_EINVAL, "model %s has no layer to report", model->name);
        for (int l = 0; l < model->n_layers; l++)
            if (model->layers[l].n_categories != run->n_categories)
                return fus_base_fail(err, FUS_EINVAL, "model %s, layer %s: %d categories, the run has %d", model->name,
                                     model->layers[l].name, model->layers[l].n_categories, run->n_categories);
    }
    int code = run->profiles ? check_profiles(run, err) : FUS_OK;
    return code == FUS_OK ? check_top(run, err) : code;
}

static bool same_names(const struct fus_model_summary *a, const struct fus_model_summary *b)
{
    if (a->n_layers != b->n_layers)
        return false;
    for (int l = 0; l < a->n_layers; l++)
        if (strcmp(a->layers[l].name, b->layers[l].name) != 0)
            return false;
    return true;
}

static void note_extras(struct fus_view *view, const struct fus_layer_summary *layer)
{
    view->permuted |= layer->permuted != NULL;
    for (int c = 0; c < layer->n_categories; c++) {
        const struct fus_category_summary *s = &layer->categories[c];
        view->intervals |= isfinite(s->ci_low) && isfinite(s->ci_high);
        view->variation_intervals |= isfinite(s->variation_low) && isfinite(s->variation_high);
        bool no_csi = s->n_selective > 0 && s->n_csi == 0 && isfinite(s->dprime_mean);
        view->dprime |= no_csi;
        view->crossed |= isfinite(s->csi_cv) || (no_csi && isfinite(s->dprime_cv));
    }
}

/* The index of a layer's first category in view->squares. */
static size_t first_band(const struct fus_view *view, int model, int layer)
{
    size_t n = (size_t)layer;
    for (int m = 0; m < model; m++)
        n += (size_t)view->run->models[m].n_layers;
    return n * (size_t)view->run->n_categories;
}

static void fill_bands(struct fus_view *view, int model, int layer)
{
    const struct fus_layer_summary *l = &view->run->models[model].layers[layer];
    struct fus_view_band *band = view->squares + first_band(view, model, layer);
    double half = view->run->options.alpha / 2;
    size_t places = (size_t)l->height * (size_t)l->width;
    for (int c = 0; c < l->n_categories; c++) {
        size_t n = l->categories[c].n_selective;
        band[c] = (struct fus_view_band){NAN, NAN};
        if (n > 1 && n <= l->n_units && places > 1)
            band[c] = (struct fus_view_band){fus_placement_squares(half, n, l->channels, places),
                                             fus_placement_squares(1 - half, n, l->channels, places)};
    }
}

int fus_view_create(struct fus_view *view, const struct fus_run_summary *run, struct fus_error *err)
{
    memset(view, 0, sizeof *view);
    int code = check(run, err);
    if (code)
        return code;
    view->run = run;
    view->same_layers = true;
    view->matched = run->n_matched > 0;
    view->last = fus_base_alloc((size_t)run->n_models * 2, sizeof *view->last);
    view->profile_layer = view->last ? view->last + run->n_models : NULL;
    if (!view->last)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the report of %d models", run->n_models);
    for (int m = 0; m < run->n_models; m++) {
        const struct fus_model_summary *model = &run->models[m];
        view->last[m] = fus_compare_last_block(model);
        if (run->profiles && run->profiles[m].n_pictures > 0)
            view->profile_layer[m] = layer_named(model, run->profiles[m].layer);
        if (model->n_layers > view->most_layers)
            view->most_layers = model->n_layers;
        if (!same_names(&run->models[0], model))
            view->same_layers = false;
        for (int l = 0; l < model->n_layers; l++)
            note_extras(view, &model->layers[l]);
    }
    view->squares = fus_base_alloc(first_band(view, run->n_models, 0), sizeof *view->squares);
    if (!view->squares)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the report of %d models", run->n_models);
    for (int m = 0; m < run->n_models && !code; m++)
        for (int l = 0; l < run->models[m].n_layers; l++)
            fill_bands(view, m, l);
    fus_theme_create(&view->theme, run->categories, run->n_categories, run->n_models);
    if (run->sheet_png && !code)
        code = plan_sheet(view, run, err);
    if (!code && run->n_models > 1)
        code = fus_compare_csi(&view->rows, &view->n_rows, run, err);
    if (code)
        fus_view_free(view);
    return code;
}

void fus_view_free(struct fus_view *view)
{
    fus_base_free(view->last);
    fus_base_free(view->rows);
    fus_base_free(view->squares);
    fus_thumbs_free(&view->thumbs);
    memset(view, 0, sizeof *view);
}

const struct fus_category_summary *fus_view_category(const struct fus_view *view, int model, int layer, int category)
{
    return &view->run->models[model].layers[layer].categories[category];
}

const struct fus_layer_summary *fus_view_last(const struct fus_view *view, int model)
{
    return &view->run->models[model].layers[view->last[model]];
}

struct fus_view_point fus_view_at(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer,
                                  int category)
{
    const struct fus_category_summary *s = fus_view_category(view, model, layer, category);
    struct fus_view_point p = {NAN, NAN, NAN};
    if (quantity == FUS_VIEW_PROPORTION)
        p = (struct fus_view_point){s->proportion, s->ci_low, s->ci_high};
    else if (quantity == FUS_VIEW_VARIATION)
        p = (struct fus_view_point){s->variation_cv, s->variation_low, s->variation_high};
    else if (quantity == FUS_VIEW_MORISITA)
        p = (struct fus_view_point){s->morisita, s->morisita_low, s->morisita_high};
    else if (quantity == FUS_VIEW_CROSSED)
        p.value = view->dprime ? s->dprime_cv : s->csi_cv;
    else if (view->dprime)
        p.value = s->dprime_mean;
    else if (s->n_csi > 0)
        p = (struct fus_view_point){s->csi_mean, s->csi_mean - s->csi_sem, s->csi_mean + s->csi_sem};
    if (!isfinite(p.value))
        p.value = NAN;
    if (!isfinite(p.value) || !isfinite(p.low) || !isfinite(p.high))
        p.low = p.high = NAN;
    return p;
}

bool fus_view_few(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer, int category)
{
    const struct fus_layer_summary *l = &view->run->models[model].layers[layer];
    size_t n = l->categories[category].n_selective, places = (size_t)l->height * (size_t)l->width;
    if (quantity == FUS_VIEW_VARIATION)
        return n < FUS_VIEW_FEW_UNITS || n < places / FUS_VIEW_FEW_PLACES;
    return quantity == FUS_VIEW_MORISITA && n < FUS_VIEW_FEW_UNITS;
}

double fus_view_limit(enum fus_view_quantity quantity, double high, double most)
{
    bool places = quantity == FUS_VIEW_VARIATION || quantity == FUS_VIEW_MORISITA;
    return places && high > 1.5 * most ? 1.5 * most : high;
}

struct fus_view_band fus_view_chance(const struct fus_view *view, enum fus_view_quantity quantity, int model, int layer,
                                     int category)
{
    const struct fus_layer_summary *l = &view->run->models[model].layers[layer];
    struct fus_view_band out = {NAN, NAN}, squares = view->squares[first_band(view, model, layer) + (size_t)category];
    size_t n = l->categories[category].n_selective, places = (size_t)l->height * (size_t)l->width;
    if (quantity == FUS_VIEW_PROPORTION && l->permuted)
        out.high = l->permuted[category].null_high;
    if (isnan(squares.low))
        return out;
    if (quantity == FUS_VIEW_VARIATION)
        out =
            (struct fus_view_band){fus_placement_cv(squares.low, n, places), fus_placement_cv(squares.high, n, places)};
    if (quantity == FUS_VIEW_MORISITA)
        out = (struct fus_view_band){fus_placement_morisita(squares.low, n, places),
                                     fus_placement_morisita(squares.high, n, places)};
    return out;
}

const struct fus_model_difference *fus_view_difference(const struct fus_view *view, int model_b, int category)
{
    const struct fus_run_summary *run = view->run;
    for (size_t i = 0; i < run->n_differences; i++) {
        const struct fus_model_difference *d = &run->differences[i];
        if (d->model_a == 0 && d->model_b == model_b && d->layer_a == view->last[0] &&
            d->layer_b == view->last[model_b] && d->category == category)
            return d;
    }
    return NULL;
}

double fus_view_x(const struct fus_view *view, int model, int layer)
{
    int n = view->run->models[model].n_layers;
    if (view->same_layers)
        return (layer + 0.5) / n;
    return n == 1 ? 0.98 : 0.02 + 0.96 * layer / (n - 1);
}

const struct fus_csi_comparison *fus_view_comparison(const struct fus_view *view, int model_b, int layer_a,
                                                     int category)
{
    for (size_t i = 0; i < view->n_rows; i++) {
        const struct fus_csi_comparison *row = &view->rows[i];
        if (row->model_a == 0 && row->model_b == model_b && row->layer_a == layer_a && row->category == category)
            return row;
    }
    return NULL;
}

bool fus_view_comparable(const struct fus_view *view, const struct fus_csi_comparison *row)
{
    return fabs(fus_view_x(view, row->model_a, row->layer_a) - fus_view_x(view, row->model_b, row->layer_b)) < 0.01;
}

bool fus_view_untrained(const struct fus_view *view, int model)
{
    const char *source = view->run->models[model].source;
    return source && strncmp(source, "random:", 7) == 0;
}

const char *fus_view_name(const struct fus_view *view, int model)
{
    return view->run->models[model].name;
}

double fus_view_share(const struct fus_view *view, int model, int category)
{
    return fus_view_category(view, model, view->last[model], category)->proportion;
}

size_t fus_view_n_selective(const struct fus_view *view, int model)
{
    size_t n = 0;
    for (int c = 0; c < view->run->n_categories; c++)
        n += fus_view_category(view, model, view->last[model], c)->n_selective;
    return n;
}

int fus_view_only_category(const struct fus_view *view, int model)
{
    int only = -1;
    for (int c = 0; c < view->run->n_categories; c++)
        if (fus_view_share(view, model, c) > 0) {
            if (only >= 0)
                return -1;
            only = c;
        }
    return only;
}

double fus_view_map_most(const struct fus_view *view, int model, int layer, int category)
{
    const struct fus_layer_summary *l = &view->run->models[model].layers[layer];
    const float *map = l->categories[category].map;
    double most = 0;
    for (size_t i = 0; map && i < (size_t)l->height * (size_t)l->width; i++)
        most = map[i] > most ? map[i] : most;
    return most;
}

bool fus_view_scrambled(const struct fus_view *view, int category)
{
    static const char prefix[] = "scramb";
    return strncmp(view->run->categories[category], prefix, sizeof prefix - 1) == 0;
}

const struct fus_group *fus_view_group(const struct fus_view *view, int model)
{
    const struct fus_groups *g = &view->run->groups;
    for (int k = 0; k < g->n; k++)
        for (int i = 0; i < g->group[k].n; i++)
            if (g->group[k].model[i] == model)
                return &g->group[k];
    return NULL;
}

bool fus_view_group_untrained(const struct fus_view *view, const struct fus_group *group)
{
    for (int i = 0; i < group->n; i++)
        if (!fus_view_untrained(view, group->model[i]))
            return false;
    return true;
}

struct fus_view_point fus_view_group_at(const struct fus_view *view, enum fus_view_quantity quantity,
                                        const struct fus_group *group, int layer, int category)
{
    const struct fus_model_summary *models = view->run->models, *first = &models[group->model[0]];
    struct fus_view_point out = {NAN, NAN, NAN};
    double sum = 0, n = 0;
    for (int i = 0; i < group->n; i++) {
        int m = group->model[i], l = i == 0 ? layer : fus_compare_layer(first, layer, &models[m]);
        double v = l < 0 ? NAN : fus_view_at(view, quantity, m, l, category).value;
        if (isnan(v))
            continue;
        sum += v, n++;
        out.low = n == 1 || v < out.low ? v : out.low;
        out.high = n == 1 || v > out.high ? v : out.high;
    }
    out.value = sum / n;
    return out;
}

int fus_view_look(const struct fus_view *view, int model)
{
    const struct fus_group *group = fus_view_group(view, model);
    int look = view->run->groups.n;
    if (group)
        return (int)(group - view->run->groups.group);
    for (int m = 0; m < model; m++)
        look += !fus_view_group(view, m);
    return look;
}
