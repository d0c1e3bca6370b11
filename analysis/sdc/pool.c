/* SPDX-License-Identifier: MIT */
/* Images and test trials that explain clusters: see explain.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/data.h"
#include "analysis/sdc/explain.h"
#include "nn/base/json.h"
#include "stimuli/set/folder.h"
#include "weights/weights.h"

/* ---- arrays ---- */

static const struct fus_tensor *find(const struct fus_store *s, const char *name)
{
    for (size_t i = 0; s && i < fus_store_count(s); i++)
        if (strcmp(fus_store_tensor(s, i)->name, name) == 0)
            return fus_store_tensor(s, i);
    return NULL;
}

/* The array as floats in new memory; rows, columns: its shape, where they are not 0 already. */
static int read_floats(float **x, size_t *rows, size_t *columns, struct fus_store *s, const char *name,
                       struct fus_error *err)
{
    const struct fus_tensor *t = find(s, name);
    int n_dims = columns ? 2 : 1;
    if (!t || t->n_dims != n_dims)
        return fus_base_fail(err, FUS_EFORMAT, "%s: an array %s of %d dimensions expected", fus_store_path(s), name,
                             n_dims);
    size_t shape[2] = {(size_t)t->shape[0], columns ? (size_t)t->shape[1] : 1};
    if (!*rows && columns && *columns && shape[1] != *columns)
        return fus_base_fail(err, FUS_EFORMAT, "%s: array %s is [%zu, %zu], %zu columns expected", fus_store_path(s),
                             name, shape[0], shape[1], *columns);
    if ((*rows && shape[0] != *rows) || (columns && *columns && shape[1] != *columns))
        return fus_base_fail(err, FUS_EFORMAT, "%s: array %s is [%zu, %zu], [%zu, %zu] expected", fus_store_path(s),
                             name, shape[0], shape[1], *rows, columns ? *columns : 1);
    *rows = shape[0];
    if (columns)
        *columns = shape[1];
    *x = fus_base_alloc(t->n_elements + 1, sizeof **x);
    return *x ? fus_store_read_f32(s, *x, t, err)
              : fus_base_fail(err, FUS_ENOMEM, "no memory for array %s of %zu numbers", name, t->n_elements);
}

/* The same as whole numbers 0 .. below - 1. */
static int read_indices(int32_t **out, size_t *n, struct fus_store *s, const char *name, size_t below,
                        struct fus_error *err)
{
    float *x = NULL;
    int code = read_floats(&x, n, NULL, s, name, err);
    if (!code && !(*out = fus_base_alloc(*n + 1, sizeof **out)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for array %s", name);
    for (size_t i = 0; i < *n && !code; i++) {
        if (!(x[i] >= 0 && (double)x[i] < (double)below && x[i] < 0x1p24f && x[i] == floorf(x[i])))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: array %s: %g found at %zu, a whole number below %zu expected",
                                 fus_store_path(s), name, (double)x[i], i, below);
        else
            (*out)[i] = (int32_t)x[i];
    }
    fus_base_free(x);
    return code;
}

/* *s NULL: the fit wrote no such file. */
static int open_responses(struct fus_store **s, const struct fus_sdc_clustering *c, int participant,
                          struct fus_error *err)
{
    char path[4096];
    *s = NULL;
    int n = snprintf(path, sizeof path, "%s/responses/%s_test.npz", c->o->folder, c->decoders.name[participant]);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    if (!f)
        return FUS_OK;
    fclose(f);
    return fus_open_weights(s, path, err);
}

/* ---- the pool ---- */

/* One of the inputs in sdc.json: {"what": "embedding", "file": ...}. */
static void read_input(struct fus_json *j, char **file, const char *what)
{
    char *name = NULL;
    bool wanted = false;
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j);
        if (strcmp(key, "what") == 0)
            wanted = strcmp(fus_json_string(j), what) == 0;
        else if (strcmp(key, "file") == 0 && !name)
            name = fus_base_strdup(fus_json_string(j));
        else
            fus_json_skip(j);
    }
    if (wanted && !*file) {
        *file = name;
        name = NULL;
    }
    fus_base_free(name);
}

/* *path NULL: there is no such file in the folder. */
static int locate_in(char **path, const char *dir, const char *file, struct fus_error *err)
{
    int code = fus_folder_join(path, dir, file, err);
    if (!code && !fus_base_opens(*path)) {
        fus_base_free(*path);
        *path = NULL;
    }
    return code;
}

/* The file as given, else in the fit's folder; *path NULL: neither is there. */
static int locate(char **path, const char *dir, const char *file, struct fus_error *err)
{
    *path = NULL;
    if (file && fus_base_opens(file))
        return (*path = fus_base_strdup(file)) ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
    return !file || *file == '/' ? FUS_OK : locate_in(path, dir, file, err);
}

/* The file `what` of the fit, which sdc.json names. */
static int find_input(char **path, const char *dir, const char *what, struct fus_error *err)
{
    char record[4096], *file = NULL;
    uint8_t *text = NULL;
    size_t n;
    struct fus_json j;
    int length = snprintf(record, sizeof record, "%s/sdc.json", dir);
    *path = NULL;
    if (length < 0 || (size_t)length >= sizeof record || !fus_base_opens(record))
        return FUS_OK;
    int code = fus_base_read_file(&text, &n, record, (size_t)1 << 26, err);
    if (code)
        return fus_base_blame(err, "%s: ", record);
    fus_json_start(&j, text, n, 0, err);
    j.file_names = true;
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        if (strcmp(fus_json_key(&j), "inputs") != 0) {
            fus_json_skip(&j);
            continue;
        }
        for (fus_json_enter(&j, '['); fus_json_next(&j);)
            read_input(&j, &file, what);
    }
    code = fus_json_end(&j);
    fus_base_free(text);
    code = code ? fus_base_blame(err, "%s: ", record) : locate(path, dir, file, err);
    fus_base_free(file);
    return code;
}

/* used [n]: 1 for images of test trials of any participant; *any: there are responses. */
static int mark_tested(uint8_t *used, bool *any, size_t n, const struct fus_sdc_clustering *c, struct fus_error *err)
{
    int code = FUS_OK;
    *any = false;
    for (int s = 0; c->o->folder && s < c->decoders.n && !code; s++) {
        struct fus_store *store;
        int32_t *image = NULL;
        size_t trials = 0;
        code = open_responses(&store, c, s, err);
        if (!store)
            continue;
        *any = true;
        code = read_indices(&image, &trials, store, "image", n, err);
        for (size_t i = 0; i < trials && !code; i++)
            used[image[i]] = 1;
        fus_base_free(image);
        fus_store_close(store);
    }
    return code;
}

static int take_rows(struct fus_sdc_pool *pool, const struct fus_sdc_embedding *e, const struct fus_sdc_clustering *c,
                     struct fus_error *err)
{
    bool any = false;
    uint8_t *used = fus_base_alloc(e->n + 1, 1);
    int code = used ? mark_tested(used, &any, e->n, c, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for images");
    if (!code) {
        pool->row = fus_base_alloc(e->n + 1, sizeof *pool->row);
        pool->unit = fus_base_alloc(e->n + 1, e->d * sizeof *pool->unit);
        if (!pool->row || !pool->unit)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", e->n);
    }
    pool->d = e->d;
    for (size_t i = 0; i < e->n && !code; i++)
        if (e->usable[i] && (used[i] || !any)) {
            memcpy(pool->unit + pool->n * e->d, e->unit + i * e->d, e->d * sizeof *e->unit);
            pool->row[pool->n++] = (int32_t)i;
        }
    fus_base_free(used);
    return code;
}

/* Given, in the fit's folder under a name of its own, or as sdc.json names it. */
static int find_file(char **path, const char *given, const char *dir, const char *own, const char *what,
                     struct fus_error *err)
{
    *path = NULL;
    if (given)
        return (*path = fus_base_strdup(given)) ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
    if (!dir)
        return FUS_OK;
    int code = locate_in(path, dir, own, err);
    return code || *path ? code : find_input(path, dir, what, err);
}

/* pool.npz of a fit: embeddings [n, d] of the images that tested or validated, and their rows. */
static int open_own_pool(struct fus_sdc_pool *pool, struct fus_error *err)
{
    struct fus_store *s = NULL;
    int code = fus_open_weights(&s, pool->embedding, err);
    if (!code)
        code = read_floats(&pool->unit, &pool->n, &pool->d, s, "embedding", err);
    if (!code)
        code = read_indices(&pool->row, &pool->n, s, "image", INT32_MAX, err);
    for (size_t i = 1; i < pool->n && !code; i++)
        if (pool->row[i] <= pool->row[i - 1])
            code = fus_base_fail(err, FUS_EFORMAT, "%s: array image: rising numbers expected", pool->embedding);
    for (size_t i = 0; i < pool->n && !code; i++)
        if (!fus_sdc_unit(pool->unit + i * pool->d, pool->unit + i * pool->d, pool->d))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: row %zu has values that are no finite numbers", pool->embedding,
                                 i);
    if (!code)
        code = fus_store_sha256(s, pool->sha256, err);
    fus_store_close(s);
    return code;
}

/* The table has a line for each row of the embedding. */
static int open_images(struct fus_sdc_pool *pool, size_t n_rows, struct fus_error *err)
{
    int code = fus_sdc_images_open(&pool->images, pool->table, err);
    pool->has_images = !code;
    if (!code && pool->images.n < n_rows)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: %zu images found, %zu expected, the rows of %s", pool->table,
                             pool->images.n, n_rows, pool->embedding);
    return code;
}

static int open_embedding(struct fus_sdc_pool *pool, size_t *n_rows, const struct fus_sdc_clustering *c,
                          struct fus_error *err)
{
    struct fus_sdc_embedding e = {0};
    int code = fus_sdc_embedding_open(&e, pool->embedding, err);
    if (code)
        return code;
    memcpy(pool->sha256, e.sha256, sizeof pool->sha256);
    code = take_rows(pool, &e, c, err);
    *n_rows = e.n;
    fus_sdc_embedding_close(&e);
    return code;
}

int fus_sdc_pool_open(struct fus_sdc_pool *pool, const struct fus_sdc_clustering *c, struct fus_error *err)
{
    static const char own[] = "pool.npz";
    const struct fus_sdc_cluster_options *o = c->o;
    size_t n_rows = 0;
    *pool = (struct fus_sdc_pool){0};
    int code = find_file(&pool->embedding, o->embedding, o->folder, own, "embedding", err);
    if (!code)
        code = find_file(&pool->table, o->images, o->folder, "images.tsv", "images", err);
    if (code || !pool->embedding)
        return code;
    size_t length = strlen(pool->embedding), end = sizeof own - 1;
    if (!o->embedding && length >= end && strcmp(pool->embedding + length - end, own) == 0)
        code = open_own_pool(pool, err);
    else
        code = open_embedding(pool, &n_rows, c, err);
    if (!code && pool->n && !n_rows)
        n_rows = (size_t)pool->row[pool->n - 1] + 1;
    if (!code && pool->d != c->decoders.vectors.d)
        code =
            fus_base_fail(err, FUS_EFORMAT, "%s: embeddings of %zu dimensions found, %zu expected, as the vectors have",
                          pool->embedding, pool->d, c->decoders.vectors.d);
    return !code && pool->table ? open_images(pool, n_rows, err) : code;
}

void fus_sdc_pool_close(struct fus_sdc_pool *pool)
{
    fus_base_free(pool->row);
    fus_base_free(pool->unit);
    fus_base_free(pool->embedding);
    fus_base_free(pool->table);
    if (pool->has_images)
        fus_sdc_images_close(&pool->images);
    *pool = (struct fus_sdc_pool){0};
}

const char *fus_sdc_pool_name(char text[32], const struct fus_sdc_pool *pool, size_t i)
{
    if (pool->has_images)
        return pool->images.id[pool->row[i]];
    snprintf(text, 32, "%d", (int)pool->row[i]);
    return text;
}

/* ---- test trials ---- */

static int find_in_pool(int32_t *at, const struct fus_sdc_pool *pool, int32_t row)
{
    size_t low = 0, high = pool->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pool->row[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    *at = (int32_t)low;
    return low < pool->n && pool->row[low] == row;
}

/* t->image, at, repeats from the rows [n_trials] of the embedding. */
static int list_images(struct fus_sdc_tested *t, const int32_t *row, const struct fus_sdc_pool *pool, const char *path,
                       struct fus_error *err)
{
    int32_t *place = fus_base_alloc(pool->n + 1, sizeof *place);
    t->at = fus_base_alloc(t->n_trials + 1, sizeof *t->at);
    t->image = fus_base_alloc(pool->n + 1, sizeof *t->image);
    t->repeats = fus_base_alloc(pool->n + 1, sizeof *t->repeats);
    int code =
        place && t->at && t->image && t->repeats ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for trials");
    for (size_t i = 0; i < t->n_trials && !code; i++) {
        if (find_in_pool(&t->at[i], pool, row[i]))
            place[t->at[i]] = 1;
        else
            code = fus_base_fail(err, FUS_EFORMAT, "%s: image %d of trial %zu has no usable embedding", path,
                                 (int)row[i], i + 1);
    }
    for (size_t i = 0; i < pool->n && !code; i++)
        if (place[i]) {
            t->image[t->n_images] = (int32_t)i;
            place[i] = (int32_t)t->n_images++;
        }
    for (size_t i = 0; i < t->n_trials && !code; i++) {
        t->at[i] = place[t->at[i]];
        t->repeats[t->at[i]]++;
    }
    fus_base_free(place);
    return code;
}

static int read_trials(struct fus_sdc_tested *t, struct fus_store *s, const struct fus_sdc_pool *pool,
                       struct fus_error *err)
{
    int32_t *row = NULL;
    int code = read_floats(&t->z, &t->n_trials, &t->n_voxels, s, "z", err);
    if (!code)
        code = read_indices(&row, &t->n_trials, s, "image", INT32_MAX, err);
    if (!code)
        code = list_images(t, row, pool, fus_store_path(s), err);
    fus_base_free(row);
    if (code || !find(s, "mean") || !find(s, "sd"))
        return code;
    code = read_floats(&t->mean, &t->n_sessions, &t->n_voxels, s, "mean", err);
    if (!code)
        code = read_floats(&t->sd, &t->n_sessions, &t->n_voxels, s, "sd", err);
    return code ? code : read_indices(&t->session, &t->n_trials, s, "session", t->n_sessions, err);
}

static int read_weights(struct fus_sdc_tested *t, const struct fus_sdc_clustering *c, int participant,
                        struct fus_error *err)
{
    struct fus_store *s = NULL;
    size_t d = c->decoders.vectors.d;
    int code = fus_open_weights(&s, c->decoders.path[participant], err);
    if (!code)
        code = read_floats(&t->weight, &t->n_voxels, &d, s, "weight", err);
    fus_store_close(s);
    return code;
}

int fus_sdc_tested_read(struct fus_sdc_tested *t, bool *found, const struct fus_sdc_clustering *c,
                        const struct fus_sdc_pool *pool, int participant, struct fus_error *err)
{
    struct fus_store *s = NULL;
    *t = (struct fus_sdc_tested){.n_voxels = c->decoders.first[participant + 1] - c->decoders.first[participant]};
    *found = false;
    if (!c->o->folder)
        return FUS_OK;
    int code = open_responses(&s, c, participant, err);
    if (!code && s) {
        *found = true;
        code = read_trials(t, s, pool, err);
        if (!code)
            code = read_weights(t, c, participant, err);
    }
    fus_store_close(s);
    return code;
}

void fus_sdc_tested_free(struct fus_sdc_tested *t)
{
    fus_base_free(t->z);
    fus_base_free(t->mean);
    fus_base_free(t->sd);
    fus_base_free(t->session);
    fus_base_free(t->at);
    fus_base_free(t->image);
    fus_base_free(t->repeats);
    fus_base_free(t->weight);
    *t = (struct fus_sdc_tested){0};
}
