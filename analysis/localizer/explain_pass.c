/* SPDX-License-Identifier: MIT */
/* The numbers of one unit from the network: see explain_pass.h and explain.h. The run is that of
 * `fusiform run` for a single layer; the moments of all its units are there, so that p is corrected
 * over the layer as it was. Of single responses those of the unit alone are kept. */
#include "analysis/localizer/explain_pass.h"

#include <math.h>
#include <string.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/explain.h"
#include "nn/kernel/kernels.h"

struct fus_explain_pass {
    struct fus_explain *x;
    const struct fus_explain_request *request;
    const struct fus_tap *tap;
    size_t blocked_units, at; /* of a picture's responses, and the unit's place among them */
};

/* Categories have the numbers of run.json. */
static int check_categories(const struct fus_explain *x, const struct fus_set *set, struct fus_error *err)
{
    bool same = set->n_categories == x->n_categories;
    for (int c = 0; c < set->n_categories && same; c++)
        same = strcmp(set->categories[c], x->run->categories[c]) == 0;
    return same ? FUS_OK
                : fus_base_fail(err, FUS_EFORMAT, "%s/run.json: its %d categories are not those of its pictures (%d)",
                                x->run->folder, x->n_categories, set->n_categories);
}

int fus_explain_pass_begin(struct fus_localizer *run, struct fus_error *err)
{
    struct fus_explain_pass *p = run->explain;
    struct fus_explain *x = p->x;
    const struct fus_set *set = &run->pictures.set;
    p->tap = &run->models[0].taps[0];
    size_t places = (size_t)x->height * (size_t)x->width, place = x->unit % places;
    int code = FUS_OK;
    if (strcmp(run->summary.models[0].sha256, x->model->sha256) != 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: not the weights of model %s in %s: SHA-256 %s found, %s expected",
                             run->models[0].path, x->model->name, x->run->folder, run->summary.models[0].sha256,
                             x->model->sha256);
    if (!code)
        code = fus_run_read_shows(x->run, set, (const char(*)[65])run->pictures.sha256, err);
    if (!code)
        code = check_categories(x, set, err);
    if (!code && (p->tap->channels != x->channels || p->tap->height != x->height || p->tap->width != x->width))
        code = fus_base_fail(err, FUS_EINVAL, "%s: layer %s has %d x %d x %d units; %s says %d x %d x %d",
                             run->models[0].path, x->layer, p->tap->channels, p->tap->height, p->tap->width,
                             x->run->folder, x->channels, x->height, x->width);
    if (code)
        return code;
    p->blocked_units = fus_tensor_blocked_size(x->channels, places);
    p->at = ((size_t)(x->channel / FUS_LANES) * places + place) * FUS_LANES + (size_t)(x->channel % FUS_LANES);
    x->response = fus_base_alloc((size_t)x->n_pictures, sizeof *x->response);
    x->half = fus_base_alloc((size_t)x->n_pictures, sizeof *x->half);
    if (!x->response || !x->half)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d responses", x->n_pictures);
    for (int i = 0; i < x->n_pictures; i++)
        x->half[i] = set->pictures[i].half;
    return FUS_OK;
}

void fus_explain_pass_see(const struct fus_localizer *run, int first, int n, const float *blocked)
{
    const struct fus_explain_pass *p = run->explain;
    for (int i = 0; i < n; i++)
        p->x->response[run->pictures.blocks.order[first + i]] = blocked[(size_t)i * p->blocked_units + p->at];
}

/* ---- the decision ---- */

/* The moments of the one unit among those of the layer. */
static int take_unit(struct fus_moments *one, const struct fus_moments *m, size_t unit, struct fus_error *err)
{
    int code = fus_moments_create(one, m->n_groups, 1, err);
    if (!code && m->m3)
        code = fus_moments_keep_third(one, err);
    one->is_signed = m->is_signed;
    for (int g = 0; g < m->n_groups && !code; g++) {
        size_t at = (size_t)g * m->n_units + unit;
        one->n[g] = m->n[g], one->mean[g] = m->mean[at], one->m2[g] = m->m2[at];
        if (m->m3)
            one->m3[g] = m->m3[at];
    }
    return code;
}

/* Tests of the category, corrected over the layer. */
static int decide(struct fus_explain *x, const struct fus_moments *m, const struct fus_responses *layer, int category,
                  struct fus_error *err)
{
    const struct fus_select_options *o = &x->options.select;
    const struct fus_decision_responses r = {x->response, x->category, (size_t)x->n_pictures};
    category = category >= 0 ? category : fus_decision_category(m, x->unit, o);
    int code = fus_decision_pairs(&x->decision, m, x->unit, category, o, &r, err);
    return code ? code : fus_decision_correct(&x->decision, m, layer, x->unit, o, err);
}

static bool relabels(const struct fus_explain *x)
{
    return x->options.select.criterion == FUS_CRITERION_IUT && x->options.select.test == FUS_TEST_PERMUTATION;
}

/* Labels of the layer by the run's rule, which is not ranksum; in one half of the pictures, or in
 * all (-1). */
static int label_layer(struct fus_layer_summary *layer, const struct fus_explain *x, const struct fus_moments *m,
                       const struct fus_responses *r, int half, struct fus_error *err)
{
    const struct fus_select_options *o = &x->options.select;
    if (relabels(x))
        return half < 0 ? fus_relabel_label(layer, m, r, x->layer, o, NULL, err)
                        : fus_halves_relabel(layer, m, r, x->half, half, o, err);
    return fus_criteria_label(layer, m, x->layer, x->channels, x->height, x->width, o->criterion, o, err);
}

/* Labels of the layer that are the file's. */
static int count_same(struct fus_explain *x, const struct fus_moments *m, const struct fus_responses *r,
                      struct fus_error *err)
{
    struct fus_layer_summary layer = {0};
    int code = label_layer(&layer, x, m, r, -1, err);
    for (size_t u = 0; u < x->n_units && !code; u++)
        x->n_same += layer.label[u] == (int)x->labels[u];
    fus_select_free(&layer);
    return code;
}

/* ---- halves ---- */

static const char *why_no_halves(const struct fus_explain *x, const struct fus_moments *halves)
{
    if (!x->options.halves)
        return "the run was made with --halves none";
    if (x->options.select.criterion == FUS_CRITERION_RANKSUM)
        return "criterion ranksum is not cross-validated";
    for (int g = 0; g < halves->n_groups; g++)
        if (halves->n[g] < 2)
            return "a half has fewer than two pictures of a category";
    return NULL;
}

/* The chance that a picture of the category gives the larger response, among those of a half. */
static int measure_auc(double *auc, const struct fus_explain *x, int half, struct fus_error *err)
{
    size_t n = (size_t)x->n_pictures, n_category = 0, n_others = 0;
    float *of_category = fus_base_alloc(n, 3 * sizeof *of_category), *others = of_category ? of_category + n : NULL;
    if (!of_category)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", n);
    for (size_t i = 0; i < n; i++)
        if (x->half[i] == half && x->category[i] == x->decision.category)
            of_category[n_category++] = x->response[i];
        else if (x->half[i] == half)
            others[n_others++] = x->response[i];
    *auc = fus_ranksum_auc(of_category, n_category, others, n_others, others + n_others);
    fus_base_free(of_category);
    return FUS_OK;
}

/* Before the halves are merged. */
static int choose_in_half(struct fus_explain_half *out, const struct fus_explain *x, const struct fus_moments *halves,
                          const struct fus_responses *r, int half, struct fus_error *err)
{
    const struct fus_moments m = fus_halves_view(halves, half);
    struct fus_layer_summary layer = {0};
    int code = take_unit(&out->moments, &m, x->unit, err);
    if (!code)
        code = label_layer(&layer, x, &m, r, half, err);
    if (!code)
        out->label = layer.label[x->unit];
    fus_select_free(&layer);
    return code;
}

static int measure_in_half(struct fus_explain *x, int half, struct fus_error *err)
{
    struct fus_explain_half *h = &x->halves[half];
    int c = x->decision.category;
    h->csi = fus_csi_unit(&h->moments, 0, c);
    h->dprime = fus_csi_dprime(&h->moments, 0, c);
    int code = fus_decision_pairs(&h->decision, &h->moments, 0, c, &x->options.select, NULL, err);
    return code ? code : measure_auc(&h->auc, x, half, err);
}

int fus_explain_pass_decide(struct fus_localizer *run, int layer, struct fus_accumulator *a, struct fus_error *err)
{
    struct fus_explain *x = run->explain->x;
    struct fus_moments halves = {0};
    struct fus_responses r = {.category = x->category,
                              .n_images = (size_t)x->n_pictures,
                              .n_units = x->n_units,
                              .n_categories = x->n_categories,
                              .channels = x->channels,
                              .height = x->height,
                              .width = x->width};
    int code = fus_accumulator_finish(a, err);
    fus_accumulator_responses(&r, a);
    if (!code)
        code = fus_accumulator_moments(&halves, a, err);
    halves.is_signed = run->models[0].taps[layer].is_signed;
    x->no_halves = code ? NULL : why_no_halves(x, &halves);
    for (int h = 0; h < 2 && !code && !x->no_halves; h++)
        code = choose_in_half(&x->halves[h], x, &halves, &r, h, err);
    struct fus_moments m = x->options.halves ? fus_halves_view(&halves, 0) : halves;
    if (!code && x->options.halves)
        code = fus_halves_merge(&m, &halves, err); /* into the first half */
    if (!code)
        code = take_unit(&x->moments, &m, x->unit, err);
    if (!code)
        code = decide(x, &m, relabels(x) ? &r : NULL, run->explain->request->category, err);
    if (!code && x->options.select.criterion != FUS_CRITERION_RANKSUM)
        code = count_same(x, &m, &r, err);
    x->csi = x->dprime = NAN;
    if (!code && x->decision.category >= 0) {
        x->csi = fus_csi_unit(&x->moments, 0, x->decision.category);
        x->dprime = fus_csi_dprime(&x->moments, 0, x->decision.category);
    }
    for (int h = 0; h < 2 && !code && !x->no_halves && x->decision.category >= 0; h++)
        code = measure_in_half(x, h, err);
    if (!code)
        code = fus_accumulator_check_read(a, err);
    fus_moments_destroy(&halves);
    return code;
}

/* ---- the run ---- */

/* The options of the run that its numbers depend on. */
static void choose_options(struct fus_run_options *o, const struct fus_explain *x,
                           const struct fus_explain_request *request)
{
    *o = x->options;
    o->layers = x->layer;
    o->preprocesses = (struct fus_run_per_model){.items = {x->model->preprocess}, .n = 1};
    if (x->model->prefix)
        o->prefixes = (struct fus_run_per_model){.items = {x->model->prefix}, .n = 1};
    if (request->max_memory)
        o->max_memory = request->max_memory;
    o->stopping = request->stopping;
}

int fus_explain_measure(struct fus_explain *x, const struct fus_explain_request *request, struct fus_error *err)
{
    struct fus_explain_pass pass = {.x = x, .request = request};
    struct fus_localizer *run = NULL;
    struct fus_run_options o;
    char *spec = NULL, *map = NULL;
    const char *file = request->file ? request->file : x->model->source;
    int code = FUS_OK;
    choose_options(&o, x, request);
    x->measured = true;
    if (!request->file && fus_open_is_file(file))
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: model %s is a file (%s): --model FILE expected, which says where it is now",
                             x->run->folder, x->model->name, file);
    if (!code)
        code = fus_explain_find_set(&o, &spec, &map, x->run, request->stimuli, err);
    if (!code)
        code = fus_localizer_create(&run, &o, err);
    if (!code)
        code = fus_localizer_add_model(run, x->model->name, file, err);
    if (!code) {
        run->explain = &pass;
        code = fus_localizer_measure(run, request->listener, NULL, err);
    }
    fus_localizer_destroy(run);
    fus_base_free(spec);
    fus_base_free(map);
    return code;
}
