/* SPDX-License-Identifier: MIT */
/* The statistics of every resample as files: see draws.h. */
#include "analysis/run/draws.h"

#include <stdio.h>
#include <string.h>

#include "analysis/run/run_dir.h"
#include "analysis/run/tables.h"
#include "nn/base/outfile.h"
#include "weights/weights.h"

/* ---- writing ---- */

static void add(struct fus_npy_array *list, int *n, const char *name, size_t rows, size_t columns, const void *data)
{
    if (data && rows && columns)
        list[(*n)++] = (struct fus_npy_array){name, "<f8", columns == 1 ? 1 : 2, {rows, columns}, data};
}

static void add_resamples(struct fus_npy_array *list, int *n, const char *const names[4], size_t columns,
                          const struct fus_bootstrap *b)
{
    add(list, n, names[0], columns, 1, b->estimate);
    add(list, n, names[1], columns, b->n_resamples, b->resampled);
    add(list, n, names[2], columns, fus_bootstrap_n_nested(b->n_resamples), b->nested);
    add(list, n, names[3], columns, b->n_images, b->left_out);
}

static const char *const of_bootstrap[4] = {"bootstrap_estimate", "bootstrap_resampled", "bootstrap_nested",
                                            "bootstrap_left_out"},
                         *const of_matched[4] = {"matched_estimate", "matched_resampled", "matched_nested",
                                                 "matched_left_out"};

static int write_layer(const char *path, const struct fus_layer_summary *layer, struct fus_error *err)
{
    struct fus_npy_array list[2 + 2 * 4];
    const struct fus_matched *m = layer->matched;
    size_t n_categories = (size_t)layer->n_categories, points = m ? m->first[n_categories] : 0;
    double *counts = fus_base_alloc(n_categories + 1 + points, sizeof *counts);
    int n = 0;
    if (!counts)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu counts", path, points);
    if (layer->bootstrap)
        add_resamples(list, &n, of_bootstrap, n_categories * FUS_BOOTSTRAP_STATISTICS, layer->bootstrap);
    for (size_t i = 0; m && i <= n_categories; i++)
        counts[i] = (double)m->first[i];
    for (size_t i = 0; m && i < points; i++)
        counts[n_categories + 1 + i] = (double)m->k[i];
    if (m) {
        add(list, &n, "matched_first", n_categories + 1, 1, counts);
        add(list, &n, "matched_k", points, 1, counts + n_categories + 1);
        add_resamples(list, &n, of_matched, points * FUS_MATCHED_STATISTICS, &m->bootstrap);
    }
    int code = fus_npyout_npz(path, list, n, err);
    fus_base_free(counts);
    return code;
}

int fus_draws_write(const char *folder, const struct fus_run_summary *run, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    int code = FUS_OK;
    for (int i = 0; i < run->n_models && !code; i++) {
        const struct fus_model_summary *model = &run->models[i];
        fus_run_dir_draws(path, folder, model->name, NULL);
        code = fus_outfile_mkdirs(path, err);
        for (int l = 0; l < model->n_layers && !code; l++) {
            fus_run_dir_draws(path, folder, model->name, model->layers[l].name);
            code = write_layer(path, &model->layers[l], err);
        }
    }
    return code;
}

/* ---- reading ---- */

bool fus_draws_exist(const char *folder, const char *model, const char *layer)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_draws(path, folder, model, layer);
    FILE *f = fus_base_open(path, NULL);
    if (f)
        fclose(f);
    return f != NULL;
}

struct reader {
    struct fus_store *store;
    int code; /* the first failure */
    struct fus_error *err;
};

/* An array of rows x columns; NULL after a failure, or if it is empty. */
static double *read_array(struct reader *r, const char *name, size_t rows, size_t columns)
{
    const struct fus_tensor *t = NULL;
    size_t n;
    if (r->code || !rows || !columns)
        return NULL;
    for (size_t i = 0; i < fus_store_count(r->store) && !t; i++)
        if (strcmp(fus_store_tensor(r->store, i)->name, name) == 0)
            t = fus_store_tensor(r->store, i);
    bool fits = t && fus_base_mul(&n, rows, columns) && t->n_elements == n && t->n_dims == (columns == 1 ? 1 : 2) &&
                (size_t)t->shape[0] == rows;
    if (!fits) {
        r->code = fus_base_fail(r->err, FUS_EFORMAT, "%s: no array '%s' of %zu x %zu numbers in it",
                                fus_store_path(r->store), name, rows, columns);
        return NULL;
    }
    double *out = fus_base_alloc(n, sizeof *out);
    r->code = out ? fus_store_read_f64(r->store, out, t, r->err)
                  : fus_base_fail(r->err, FUS_ENOMEM, "%s: no memory for %zu numbers", fus_store_path(r->store), n);
    return out;
}

static void read_resamples(struct reader *r, struct fus_bootstrap *b, const char *const names[4], size_t columns)
{
    b->estimate = read_array(r, names[0], columns, 1);
    b->resampled = read_array(r, names[1], columns, b->n_resamples);
    if (b->method == FUS_INTERVAL_CENTRED)
        b->nested = read_array(r, names[2], columns, fus_bootstrap_n_nested(b->n_resamples));
    if (b->method == FUS_INTERVAL_BCA)
        b->left_out = read_array(r, names[3], columns, b->n_images);
}

/* An array of n whole numbers, at most `most`. */
static size_t *whole_numbers(struct reader *r, const char *name, size_t n, double most)
{
    double *read = read_array(r, name, n, 1);
    size_t *out = r->code ? NULL : fus_base_alloc(n + 1, sizeof *out);
    if (!r->code && !out)
        r->code = fus_base_fail(r->err, FUS_ENOMEM, "no memory for %zu counts", n);
    for (size_t i = 0; i < n && !r->code; i++) {
        if (!(read[i] >= 0 && read[i] <= most && read[i] == (double)(size_t)read[i]))
            r->code = fus_base_fail(r->err, FUS_EFORMAT, "%s: array '%s': number %zu is no count",
                                    fus_store_path(r->store), name, i + 1);
        else
            out[i] = (size_t)read[i];
    }
    fus_base_free(read);
    return out;
}

/* The points of each category grow from FUS_MATCHED_LEAST to its count of selective units. */
static void check_points(struct reader *r, const struct fus_matched *m, const struct fus_layer_summary *layer)
{
    size_t points = m->first[m->n_categories];
    bool fits = m->first[0] == 0;
    for (int c = 0; c < m->n_categories && fits; c++) {
        size_t from = m->first[c], end = m->first[c + 1], n = layer->categories[c].n_selective;
        fits = end >= from && end <= points && (end > from) == (n >= FUS_MATCHED_LEAST);
        for (size_t i = from; i < end && fits; i++)
            fits = i > from ? m->k[i] > m->k[i - 1] : m->k[i] == FUS_MATCHED_LEAST;
        fits = fits && (end == from || m->k[end - 1] == n);
    }
    if (!fits)
        r->code = fus_base_fail(r->err, FUS_EFORMAT, "%s: its counts of units are not those of layers.csv",
                                fus_store_path(r->store));
}

static void read_matched(struct reader *r, struct fus_layer_summary *layer, const struct fus_draws_shape *shape)
{
    struct fus_matched *m = layer->matched = fus_base_alloc(1, sizeof *m);
    size_t n = shape->n_categories;
    if (!m) {
        r->code = fus_base_fail(r->err, FUS_ENOMEM, "no memory for resamples");
        return;
    }
    m->n_categories = (int)n;
    m->bootstrap =
        (struct fus_bootstrap){.n_categories = 2 * (int)n,
                               .n_resamples = shape->n_resamples,
                               .n_images = shape->n_images,
                               .method = shape->method == FUS_INTERVAL_BCA ? FUS_INTERVAL_PERCENTILE : shape->method};
    m->first = whole_numbers(r, "matched_first", n + 1, (double)n * FUS_MATCHED_MOST);
    size_t points = r->code ? 0 : m->first[n];
    m->k = whole_numbers(r, "matched_k", points, 4294967296.0);
    if (!r->code)
        check_points(r, m, layer);
    read_resamples(r, &m->bootstrap, of_matched, points * FUS_MATCHED_STATISTICS);
}

static void read_bootstrap(struct reader *r, struct fus_layer_summary *layer, const struct fus_draws_shape *shape)
{
    struct fus_bootstrap *b = layer->bootstrap = fus_base_alloc(1, sizeof *b);
    if (!b) {
        r->code = fus_base_fail(r->err, FUS_ENOMEM, "no memory for resamples");
        return;
    }
    *b = (struct fus_bootstrap){.n_categories = (int)shape->n_categories,
                                .n_resamples = shape->n_resamples,
                                .n_images = shape->n_images,
                                .method = shape->method};
    read_resamples(r, b, of_bootstrap, shape->n_categories * FUS_BOOTSTRAP_STATISTICS);
}

int fus_draws_read(struct fus_layer_summary *layer, const char *folder, const char *model,
                   const struct fus_draws_shape *shape, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct reader r = {.err = err};
    fus_run_dir_draws(path, folder, model, layer->name);
    r.code = fus_open_weights(&r.store, path, err);
    if (r.code)
        return r.code;
    if (shape->n_resamples)
        read_bootstrap(&r, layer, shape);
    if (shape->matched && !r.code)
        read_matched(&r, layer, shape);
    fus_store_close(r.store);
    return r.code;
}

void fus_draws_free(struct fus_layer_summary *layer)
{
    if (layer->bootstrap)
        fus_bootstrap_destroy(layer->bootstrap);
    if (layer->matched)
        fus_matched_destroy(layer->matched);
    fus_base_free(layer->bootstrap);
    fus_base_free(layer->matched);
    layer->bootstrap = NULL;
    layer->matched = NULL;
}
