/* SPDX-License-Identifier: MIT */
/* Files of a run -> its summary: see run_summary.h. Everything read is checked against run.json.
 * The tables beside layers.csv are read in summary_tables.c. */
#include "analysis/run/run_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/run/columns.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/run_options.h"
#include "analysis/run/summary_file.h"
#include "nn/base/number.h"

#define MAX_SHEET_BYTES ((size_t)1 << 26)
#define MAX_LABELS 128 /* int8 */

/* ---- run.json ---- */

static const char *option_text(struct fus_run_summary_file *r, const char *name)
{
    char *text = NULL;
    if (!r->code)
        r->code = fus_run_read_text(&text, &r->file, name, r->err);
    return text ? fus_summary_file_own(r, text) : NULL;
}

static int by_subcategory(const void *a, const void *b)
{
    const struct fus_run_read_picture *const *x = a, *const *y = b;
    int c = strcmp((*x)->category, (*y)->category);
    return c ? c : strcmp((*x)->subcategory, (*y)->subcategory);
}

static void count_subcategories(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    int *n = fus_summary_file_take(r, (size_t)s->n_categories, sizeof *n);
    const struct fus_run_read_picture **sorted = fus_summary_file_take(r, (size_t)r->file.n_pictures, sizeof *sorted);
    for (int i = 0; i < r->file.n_pictures && !r->code; i++) {
        sorted[i] = &r->file.pictures[i];
        if (!sorted[i]->subcategory)
            return;
    }
    if (r->code)
        return;
    qsort(sorted, (size_t)r->file.n_pictures, sizeof *sorted, by_subcategory);
    for (int i = 0; i < r->file.n_pictures; i++)
        if (i == 0 || by_subcategory(&sorted[i - 1], &sorted[i]))
            n[fus_summary_file_category_named(r, sorted[i]->category)]++;
    s->n_subcategories = n;
}

static void count_pictures(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    s->n_pictures = fus_summary_file_take(r, (size_t)s->n_categories, sizeof *s->n_pictures);
    s->pictures = fus_summary_file_take(r, (size_t)r->file.n_pictures, sizeof *s->pictures);
    for (int i = 0, last = 0; i < r->file.n_pictures && !r->code; i++) {
        int c = fus_summary_file_category_named(r, r->file.pictures[i].category);
        if (c < last) {
            fus_summary_file_fail(r, "run.json", "its pictures are not in the order of its categories");
            return;
        }
        last = c;
        s->n_pictures[c]++;
        s->pictures[i] = r->file.pictures[i].name;
    }
}

/* -1: null or missing. */
static long count_option(const struct fus_run_summary_file *r, const char *name)
{
    const char *text = fus_run_read_option(&r->file, name);
    uint64_t n;
    return text && fus_number_whole(&n, text, NULL) && n <= INT32_MAX ? (long)n : -1;
}

/* Every option of run.json as text into the options: run_options.h. */
static void read_options(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    struct fus_run_options o = fus_run_options_defaults;
    o.select.correction = FUS_UNCORRECTED;
    for (int i = 0; i < r->file.n_options && !r->code; i++) {
        const char *name = r->file.options[i].name, *value = r->file.options[i].value;
        const char *text = *value == '"' ? option_text(r, name) : value;
        if (text && !fus_run_options_set(&o, name, text) && strcmp(name, "alpha") == 0)
            fus_summary_file_fail(r, "run.json", "alpha is no number");
    }
    s->version = option_text(r, "version");
    s->stimuli = (char *)option_text(r, "stimuli");
    s->criterion = option_text(r, "rule");
    fus_run_options_settle(&o);
    s->options = o.select;
    s->sesoi = o.sesoi;
    r->method = (struct fus_run_method){.layers = option_text(r, "layers"),
                                        .conv = option_text(r, "conv"),
                                        .precision = option_text(r, "precision"),
                                        .halves = option_text(r, "halves"),
                                        .interval = option_text(r, "interval"),
                                        .seed = fus_run_read_option(&r->file, "seed"),
                                        .subsample = option_text(r, "subsample"),
                                        .validate = option_text(r, "validate"),
                                        .over = option_text(r, "bootstrap-over"),
                                        .equal_n = o.equal_n,
                                        .bootstrap = o.bootstrap,
                                        .near_duplicates = count_option(r, "near_duplicates"),
                                        .permutations = fus_run_options_relabels(&o) ? o.permutations : 0};
    s->method = &r->method;
    r->groups = o.groups;
}

static void read_models(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    s->n_models = r->file.n_models;
    s->models = fus_summary_file_take(r, (size_t)s->n_models, sizeof *s->models);
    for (int m = 0; m < s->n_models && !r->code; m++) {
        const struct fus_run_read_model *from = &r->file.models[m];
        s->models[m] = (struct fus_model_summary){.name = from->name,
                                                  .source = from->source,
                                                  .architecture = from->architecture,
                                                  .preprocess = from->preprocess};
        snprintf(s->models[m].sha256, sizeof s->models[m].sha256, "%s", from->sha256);
    }
    if (!r->code)
        r->code = fus_summary_groups(&s->groups, s, r->groups, r->err);
}

static void read_run(struct fus_run_summary_file *r)
{
    r->summary.n_categories = r->file.n_categories;
    r->summary.categories = r->file.categories;
    if (r->file.n_categories == 0 || r->file.n_models == 0 || !fus_run_read_option(&r->file, "consistency"))
        fus_summary_file_fail(
            r, "run.json",
            "no models, no categories or no 'consistency' in it: written by another version? Run it again");
    if (!r->code)
        count_pictures(r);
    if (!r->code)
        count_subcategories(r);
    if (!r->code)
        read_options(r);
    if (!r->code)
        read_models(r);
}

/* ---- layers.csv ---- */

static void category_row(struct fus_csv_read *t, const struct fus_columns_found *at,
                         const struct fus_layer_summary *layer, struct fus_category_summary *c)
{
    struct fus_layer_summary again = {.n_units = 0};
    fus_columns_read_category(c, t, at);
    fus_columns_read_layer(&again, t, at);
    if (again.n_units != layer->n_units)
        fus_csv_read_fail(t, "n_units: '%zu' found, %zu as in the layer's first line expected", again.n_units,
                          layer->n_units);
}

/* The first row of a layer: its name and shape. */
static struct fus_layer_summary *begin_layer(struct fus_run_summary_file *r, struct fus_csv_read *t,
                                             const struct fus_columns_found *at, struct fus_model_summary *m)
{
    if ((m->n_layers & (m->n_layers - 1)) == 0) {
        struct fus_layer_summary *more =
            fus_summary_file_take(r, m->n_layers ? 2 * (size_t)m->n_layers : 1, sizeof *more);
        if (!more)
            return NULL;
        if (m->n_layers)
            memcpy(more, m->layers, (size_t)m->n_layers * sizeof *more);
        m->layers = more;
    }
    struct fus_layer_summary *layer = &m->layers[m->n_layers];
    *layer = (struct fus_layer_summary){.n_categories = r->summary.n_categories};
    fus_columns_read_layer(layer, t, at);
    snprintf(layer->name, sizeof layer->name, "%s", fus_csv_read_text(t, at->layer));
    if ((uint64_t)layer->channels * (uint64_t)layer->height * (uint64_t)layer->width != layer->n_units ||
        layer->n_units == 0)
        fus_csv_read_fail(t, "%zu units are not %d x %d x %d", layer->n_units, layer->channels, layer->height,
                          layer->width);
    layer->categories = fus_summary_file_take(r, (size_t)layer->n_categories, sizeof *layer->categories);
    if (!layer->categories)
        return NULL;
    m->n_layers++;
    r->n_layers++;
    return layer;
}

/* Rows come model by model, layer by layer, and a layer has all categories in their order. */
static void read_layers(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct fus_columns_found at;
    struct fus_layer_summary *layer = NULL;
    int expected = 0;
    if (!fus_summary_file_open_table(r, &t, "layers.csv"))
        return;
    fus_columns_find(&at, &t);
    while (!r->code && fus_csv_read_next(&t)) {
        int m = fus_summary_file_model_in(r, &t, at.model), c = fus_summary_file_category_in(r, &t, at.category);
        if (expected == 0)
            layer = begin_layer(r, &t, &at, &r->summary.models[m]);
        if (c != expected || (layer && strcmp(layer->name, fus_csv_read_text(&t, at.layer)) != 0))
            fus_csv_read_fail(&t, "category %s of one layer expected here", r->summary.categories[expected]);
        else if (layer)
            category_row(&t, &at, layer, &layer->categories[c]);
        expected = (expected + 1) % r->summary.n_categories;
    }
    fus_summary_file_close_table(r, &t);
    for (int m = 0; m < r->summary.n_models && !r->code; m++)
        if (r->summary.models[m].n_layers == 0 || expected != 0)
            fus_summary_file_fail(r, "layers.csv", "rows are missing: an incomplete copy?");
}

/* ---- maps ---- */

/* Labels of a layer as small integers; the caller's to free. */
static int8_t *read_labels(struct fus_run_summary_file *r, const struct fus_model_summary *model,
                           const struct fus_layer_summary *layer)
{
    float *label = fus_base_alloc(layer->n_units, sizeof *label);
    int8_t *label8 = fus_base_alloc(layer->n_units, sizeof *label8);
    r->code = label && label8 ? fus_run_read_labels(label, &r->file, model->name, layer->name, layer->channels,
                                                    layer->height, layer->width, r->err)
                              : fus_base_fail(r->err, FUS_ENOMEM, "no memory for %zu labels", layer->n_units);
    for (size_t u = 0; u < layer->n_units && !r->code; u++)
        label8[u] = label[u] >= 0 && label[u] < MAX_LABELS ? (int8_t)label[u] : -1;
    fus_base_free(label);
    return label8;
}

/* With what the maps are summarised by: the reference layer's. */
static void read_last_maps(struct fus_run_summary_file *r, const struct fus_model_summary *model,
                           struct fus_layer_summary *layer)
{
    size_t places = (size_t)layer->height * (size_t)layer->width;
    int8_t *label = read_labels(r, model, layer);
    for (int c = 0; c < layer->n_categories && !r->code; c++) {
        layer->categories[c].map = fus_summary_file_take(r, places, sizeof(float));
        if (!r->code)
            r->code = fus_spatial_summarise(&layer->categories[c], label, layer->channels, places, c, r->err);
    }
    fus_base_free(label);
}

static bool has_units(const struct fus_run_summary_file *r, const char *model, const char *layer)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_units(path, r->file.folder, model, layer);
    return fus_base_opens(path);
}

/* The maps alone, of another layer whose labels are still there. */
static void read_other_maps(struct fus_run_summary_file *r, const struct fus_model_summary *model,
                            struct fus_layer_summary *layer)
{
    size_t places = (size_t)layer->height * (size_t)layer->width;
    int8_t *label = read_labels(r, model, layer);
    for (int c = 0; c < layer->n_categories && !r->code; c++)
        layer->categories[c].map = fus_summary_file_take(r, places, sizeof(float));
    for (size_t u = 0; u < layer->n_units && !r->code; u++)
        if (label[u] >= 0 && label[u] < layer->n_categories)
            layer->categories[label[u]].map[u % places]++;
    for (int c = 0; c < layer->n_categories && !r->code; c++)
        for (size_t i = 0; i < places; i++)
            layer->categories[c].map[i] /= (float)layer->channels;
    fus_base_free(label);
}

#define MAX_MAP_FLOATS ((size_t)1 << 24) /* of layers beside the reference ones */

static void read_maps(struct fus_run_summary_file *r)
{
    size_t left = MAX_MAP_FLOATS;
    for (int m = 0; m < r->summary.n_models && !r->code; m++) {
        const struct fus_model_summary *model = &r->summary.models[m];
        int last = fus_compare_last_block(model);
        for (int l = 0; l < model->n_layers && !r->code; l++) {
            struct fus_layer_summary *layer = &model->layers[l];
            size_t n = (size_t)layer->height * (size_t)layer->width * (size_t)layer->n_categories;
            if (l == last)
                read_last_maps(r, model, layer);
            else if (layer->height > 1 && layer->width > 1 && n <= left && has_units(r, model->name, layer->name)) {
                left -= n;
                read_other_maps(r, model, layer);
            }
        }
    }
}

/* ---- all of it ---- */

static void read_sheet(struct fus_run_summary_file *r)
{
    char path[4096];
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t *data = NULL;
    size_t n;
    snprintf(path, sizeof path, "%s/pictures.png", r->file.folder);
    if (r->code)
        return;
    r->code = fus_base_read_file(&data, &n, path, MAX_SHEET_BYTES, r->err);
    if (r->code) {
        fus_base_blame(r->err, "%s: ", path);
        return;
    }
    if (n < 33 || memcmp(data, signature, sizeof signature) != 0)
        fus_summary_file_fail(r, "pictures.png", "no PNG file");
    r->summary.sheet_png = fus_summary_file_own(r, data);
    r->summary.sheet_bytes = n;
}

static void read_all(struct fus_run_summary_file *r, const char *folder)
{
    static void (*const steps[])(struct fus_run_summary_file * r) = {read_run, read_layers, read_maps,
                                                                     fus_summary_tables_read, read_sheet};
    r->code = fus_run_read_open(&r->file, folder, false, r->err);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r->code; i++)
        steps[i](r);
}

int fus_run_summary_open(struct fus_run_summary_file **file, const char *folder, struct fus_error *err)
{
    struct fus_run_summary_file *r = fus_base_alloc(1, sizeof *r);
    *file = NULL;
    if (!r)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its summary", folder);
    r->err = err;
    read_all(r, folder);
    int code = r->code;
    if (code)
        fus_run_summary_close(r);
    else
        *file = r;
    return code;
}

const struct fus_run_summary *fus_run_summary_get(const struct fus_run_summary_file *file)
{
    return &file->summary;
}

void fus_run_summary_close(struct fus_run_summary_file *file)
{
    if (!file)
        return;
    for (int i = 0; i < file->n_owned; i++)
        fus_base_free(file->owned[i]);
    fus_base_free(file->owned);
    fus_run_read_close(&file->file);
    fus_base_free(file);
}
