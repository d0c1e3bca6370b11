/* SPDX-License-Identifier: MIT */
/* One unit of a finished run: see explain.h. */
#include "analysis/localizer/explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv_read.h"
#include "analysis/run/run_dir.h"

bool fus_explain_shape(int *channels, int *height, int *width, const struct fus_run_read *run, const char *model,
                       const char *layer)
{
    for (int i = 0; i < run->n_rows; i++) {
        const struct fus_run_read_row *row = &run->rows[i];
        if (strcmp(row->model, model) != 0 || strcmp(row->layer.name, layer) != 0)
            continue;
        *channels = row->layer.channels, *height = row->layer.height, *width = row->layer.width;
        return true;
    }
    return false;
}

/* ---- run.json ---- */

static int read_options(struct fus_explain *x, struct fus_error *err)
{
    struct fus_run_options *o = &x->options;
    int code = fus_run_read_rule(o, x->run, err);
    x->relabelled = fus_run_options_relabels(o);
    o->permutations = x->relabelled ? 0 : o->permutations; /* else it is the test's number */
    x->full = o->full_units;
    o->full_units = false;
    return code;
}

static int read_pictures(struct fus_explain *x, struct fus_error *err)
{
    const struct fus_run_read *run = x->run;
    x->n_pictures = run->n_pictures;
    x->n_categories = run->n_categories;
    if (run->n_categories < 2 || run->n_categories > FUS_SELECT_CATEGORIES)
        return fus_base_fail(err, FUS_EFORMAT, "%s/run.json: %d categories found, 2 to %d expected", run->folder,
                             run->n_categories, FUS_SELECT_CATEGORIES);
    x->category = fus_base_alloc((size_t)run->n_pictures, sizeof *x->category);
    if (!x->category)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pictures", run->n_pictures);
    for (int i = 0; i < run->n_pictures; i++) {
        int c = 0;
        while (c < run->n_categories && strcmp(run->categories[c], run->pictures[i].category) != 0)
            c++;
        if (c == run->n_categories)
            return fus_base_fail(err, FUS_EFORMAT, "%s/run.json: picture %s has a category that is not listed: %s",
                                 run->folder, run->pictures[i].name, run->pictures[i].category);
        x->category[i] = c;
    }
    return FUS_OK;
}

/* ---- setting up ---- */

static int find_unit(struct fus_explain *x, const struct fus_explain_request *q, struct fus_error *err)
{
    for (int i = 0; i < x->run->n_models; i++)
        if (strcmp(x->run->models[i].name, q->model) == 0)
            x->model = &x->run->models[i];
    if (!x->model)
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: no model is called '%s'", x->run->folder, q->model);
    if (strlen(q->layer) >= sizeof x->layer ||
        !fus_explain_shape(&x->channels, &x->height, &x->width, x->run, q->model, q->layer))
        return fus_base_fail(err, FUS_ENOTFOUND, "%s: model %s has no layer '%s'", x->run->folder, q->model, q->layer);
    size_t places, units;
    if (x->channels < 1 || x->height < 1 || x->width < 1 ||
        !fus_base_mul(&places, (size_t)x->height, (size_t)x->width) ||
        !fus_base_mul(&units, places, (size_t)x->channels) || units > INT32_MAX)
        return fus_base_fail(err, FUS_EFORMAT, "%s/layers.csv: layer %s has %d x %d x %d units", x->run->folder,
                             q->layer, x->channels, x->height, x->width);
    if (q->channel < 0 || q->channel >= x->channels || q->y < 0 || q->y >= x->height || q->x < 0 || q->x >= x->width)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: layer %s has %d channels of %d x %d places: unit %d,%d,%d is not one of them",
                             x->run->folder, q->layer, x->channels, x->height, x->width, q->channel, q->y, q->x);
    snprintf(x->layer, sizeof x->layer, "%s", q->layer);
    x->channel = q->channel, x->y = q->y, x->x = q->x;
    x->n_units = units;
    x->unit = (size_t)q->channel * places + (size_t)q->y * (size_t)x->width + (size_t)q->x;
    return FUS_OK;
}

/* ---- the rest ---- */

static void count_map(struct fus_explain *x)
{
    size_t places = (size_t)x->height * (size_t)x->width;
    for (size_t u = 0; u < x->n_units && x->decision.category >= 0; u++) {
        bool selective = (int)x->labels[u] == x->decision.category;
        x->n_selective += selective;
        x->n_here += selective && u % places == x->unit % places;
    }
}

/* The row of the category in permutations.csv, if the run has one. */
static int read_permutations(struct fus_explain *x, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_csv_read t;
    if (!x->relabelled || x->decision.category < 0)
        return FUS_OK;
    fus_run_dir_path(path, x->run->folder, "permutations.csv");
    int code = fus_csv_read_open(&t, path, err);
    int model = fus_csv_read_column(&t, "model"), layer = fus_csv_read_column(&t, "layer"),
        category = fus_csv_read_column(&t, "category"), n = fus_csv_read_column(&t, "n_permutations"),
        critical = fus_csv_read_column(&t, "t_critical");
    while (!code && fus_csv_read_next(&t))
        if (strcmp(fus_csv_read_text(&t, model), x->model->name) == 0 &&
            strcmp(fus_csv_read_text(&t, layer), x->layer) == 0 &&
            strcmp(fus_csv_read_text(&t, category), x->run->categories[x->decision.category]) == 0) {
            x->n_permutations = fus_csv_read_count(&t, n, INT32_MAX);
            x->t_critical = fus_csv_read_number(&t, critical);
        }
    int found = fus_csv_read_close(&t, code ? NULL : err);
    return code ? code : found;
}

/* Whether units/ has all that the decision needs. */
static bool files_suffice(const struct fus_explain *x)
{
    enum fus_criterion criterion = x->options.select.criterion;
    return x->full && criterion != FUS_CRITERION_PRINCE && criterion != FUS_CRITERION_RANKSUM;
}

int fus_explain_unit(struct fus_explain *x, const struct fus_run_read *run, const struct fus_explain_request *request,
                     struct fus_error *err)
{
    memset(x, 0, sizeof *x);
    x->run = run;
    x->label = -1;
    int code = find_unit(x, request, err);
    if (!code)
        code = read_options(x, err);
    if (!code)
        code = read_pictures(x, err);
    if (!code)
        code = fus_explain_read_labels(x, err);
    if (!code && files_suffice(x) && !request->responses && !request->file && !request->stimuli)
        code = fus_explain_decide_from_files(x, request->category, err);
    else if (!code)
        code = fus_explain_measure(x, request, err);
    if (code)
        return code;
    count_map(x);
    code = read_permutations(x, err);
    return code ? code : fus_explain_check_files(x, err);
}

void fus_explain_free(struct fus_explain *x)
{
    fus_base_free(x->labels);
    fus_base_free(x->category);
    fus_base_free(x->half);
    fus_base_free(x->response);
    fus_moments_destroy(&x->moments);
    for (int h = 0; h < 2; h++)
        fus_moments_destroy(&x->halves[h].moments);
    fus_base_free(x->checks);
    memset(x, 0, sizeof *x);
}
