/* SPDX-License-Identifier: MIT */
/* Reading finished runs: see run_read.h. */
#include "analysis/run/run_read.h"

#include <stdio.h>
#include <string.h>

#include "analysis/run/columns.h"
#include "analysis/run/csv_read.h"
#include "analysis/run/run_dir.h"
#include "nn/base/json.h"
#include "weights/weights.h"

#define MAX_BYTES ((size_t)1 << 28) /* of run.json: a million pictures */
#define MAX_MODELS 64

/* Appends a zeroed item to *items [*n]; capacity doubles. */
static void *grow(void **items, int *n, size_t size)
{
    if ((*n & (*n - 1)) == 0) {
        void *more = fus_base_resize(*items, *n ? 2 * (size_t)*n : 1, size);
        if (!more)
            return NULL;
        *items = more;
    }
    void *item = (char *)*items + (size_t)(*n)++ * size;
    memset(item, 0, size);
    return item;
}

/* ---- run.json ---- */

static char *copy_raw(struct fus_json *j)
{
    size_t from = j->b.pos;
    fus_json_skip(j);
    size_t n = j->b.pos - from;
    char *text = fus_base_alloc(n + 1, 1);
    if (text)
        memcpy(text, j->b.data + from, n);
    while (text && (*text == ' ' || *text == '\n'))
        memmove(text, text + 1, strlen(text));
    return text;
}

static void read_texts(struct fus_json *j, const char *const *names, char **const *to, int n)
{
    for (fus_json_enter(j, '{'); fus_json_next(j);) {
        const char *key = fus_json_key(j);
        int i = 0;
        while (i < n && strcmp(key, names[i]) != 0)
            i++;
        if (i == n || *to[i])
            fus_json_skip(j);
        else
            *to[i] = fus_base_strdup(fus_json_string(j));
    }
}

static void read_pictures(struct fus_run_read *p, struct fus_json *j)
{
    static const char *const names[] = {"picture", "category", "sha256", "subcategory"};
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        void *items = p->pictures;
        struct fus_run_read_picture *one = grow(&items, &p->n_pictures, sizeof *one);
        p->pictures = items;
        if (!one) {
            fus_json_fail(j, "no memory for its pictures");
            return;
        }
        char **const to[] = {&one->name, &one->category, &one->sha256, &one->subcategory};
        read_texts(j, names, to, 4);
        if (!one->name || !one->category || !one->sha256)
            fus_json_fail(j, "a picture without name, category or sha256");
    }
}

static void read_models(struct fus_run_read *p, struct fus_json *j)
{
    static const char *const names[] = {"name", "sha256", "source", "architecture", "preprocess", "prefix"};
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        void *items = p->models;
        struct fus_run_read_model *one = p->n_models < MAX_MODELS ? grow(&items, &p->n_models, sizeof *one) : NULL;
        p->models = items;
        if (!one) {
            fus_json_fail(j, "more than %d models, or no memory for them", MAX_MODELS);
            return;
        }
        char **const to[] = {&one->name,         &one->sha256,     &one->source,
                             &one->architecture, &one->preprocess, &one->prefix};
        read_texts(j, names, to, 6);
        for (int i = 0; i < 5; i++)
            if (!*to[i])
                fus_json_fail(j, "a model without its %s", names[i]);
    }
}

static void read_categories(struct fus_run_read *p, struct fus_json *j)
{
    for (fus_json_enter(j, '['); fus_json_next(j);) {
        void *items = p->categories;
        char **one = grow(&items, &p->n_categories, sizeof *one);
        p->categories = items;
        if (one)
            *one = fus_base_strdup(fus_json_string(j));
        if (!one || !*one) {
            fus_json_fail(j, "no memory for its categories");
            return;
        }
    }
}

static void read_option(struct fus_run_read *p, struct fus_json *j, const char *name)
{
    void *items = p->options;
    struct fus_run_read_option *one = grow(&items, &p->n_options, sizeof *one);
    p->options = items;
    if (one)
        one->name = fus_base_strdup(name);
    if (one)
        one->value = copy_raw(j);
    if (!one || !one->name || !one->value)
        fus_json_fail(j, "no memory for its options");
}

static int read_json(struct fus_run_read *p, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    uint8_t *data;
    size_t n;
    struct fus_json j;
    fus_run_dir_path(path, p->folder, "run.json");
    int code = fus_base_read_file(&data, &n, path, MAX_BYTES, err);
    if (code)
        return fus_base_blame(err, "%s: not a finished run: ", path);
    fus_json_start(&j, data, n, 0, err);
    j.file_names = true;
    for (fus_json_enter(&j, '{'); fus_json_next(&j);) {
        const char *key = fus_json_key(&j);
        if (strcmp(key, "pictures") == 0)
            read_pictures(p, &j);
        else if (strcmp(key, "models") == 0)
            read_models(p, &j);
        else if (strcmp(key, "categories") == 0)
            read_categories(p, &j);
        else
            read_option(p, &j, key);
    }
    code = fus_json_end(&j);
    fus_base_free(data);
    if (!code && p->n_pictures == 0)
        code = fus_base_fail(err, FUS_EFORMAT, "it names no pictures");
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

const char *fus_run_read_option(const struct fus_run_read *p, const char *name)
{
    for (int i = 0; i < p->n_options; i++)
        if (strcmp(p->options[i].name, name) == 0)
            return p->options[i].value;
    return NULL;
}

int fus_run_read_text(char **to, const struct fus_run_read *p, const char *name, struct fus_error *err)
{
    const char *value = fus_run_read_option(p, name);
    struct fus_json j;
    *to = NULL;
    if (!value || strcmp(value, "null") == 0)
        return FUS_OK;
    fus_json_start(&j, value, strlen(value), 0, err);
    j.file_names = true;
    *to = fus_base_strdup(fus_json_string(&j));
    int code = fus_json_end(&j);
    if (!code && !*to)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory");
    return code ? fus_base_blame(err, "%s/run.json: %s: ", p->folder, name) : FUS_OK;
}

static int not_known(const struct fus_run_read *p, const char *name, const char *text, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT, "%s/run.json: %s is %.200s, which is not a known value", p->folder, name,
                         text);
}

/* The options without which some models cannot be opened. */
static int read_model_options(struct fus_run_read *p, struct fus_error *err)
{
    int code = fus_run_read_text(&p->lang_head, p, "lang-head", err);
    if (!code)
        code = fus_run_read_text(&p->activation, p, "activation", err);
    if (!code && p->activation && strcmp(p->activation, "quickgelu") != 0 && strcmp(p->activation, "gelu") != 0)
        code = not_known(p, "activation", p->activation, err);
    return code;
}

/* An option that is not a text: a word or a number. */
static int read_setting(struct fus_run_options *o, const struct fus_run_read *p, const char *name,
                        struct fus_error *err)
{
    const char *text = fus_run_read_option(p, name);
    char *word = NULL;
    int code = text && *text == '"' ? fus_run_read_text(&word, p, name, err) : FUS_OK;
    bool known = code || !text || fus_run_options_set(o, name, word ? word : text);
    fus_base_free(word);
    return known ? code : not_known(p, name, text, err);
}

int fus_run_read_rule(struct fus_run_options *o, const struct fus_run_read *p, struct fus_error *err)
{
    static const char *const names[] = {"criterion", "alpha",     "halves", "seed", "permutations",
                                        "conv",      "precision", "units",  "test", "correction"};
    int n = sizeof names / sizeof *names, code = FUS_OK;
    *o = fus_run_options_defaults;
    for (int i = 0; i < n && !code; i++) {
        if (i >= n - 2 && o->select.criterion != FUS_CRITERION_IUT)
            break; /* other criteria prescribe test and correction */
        code = read_setting(o, p, names[i], err);
    }
    fus_run_options_settle(o);
    o->lang_head = p->lang_head, o->activation = p->activation;
    if (!code && !(o->select.alpha > 0 && o->select.alpha < 1))
        code = fus_base_fail(err, FUS_EFORMAT, "%s/run.json: alpha is %g, a number between 0 and 1 expected", p->folder,
                             o->select.alpha);
    return code;
}

/* ---- layers.csv ---- */

static void read_row(struct fus_run_read_row *row, struct fus_csv_read *t, const struct fus_columns_found *at)
{
    row->model = fus_base_strdup(fus_csv_read_text(t, at->model));
    row->category = fus_base_strdup(fus_csv_read_text(t, at->category));
    snprintf(row->layer.name, sizeof row->layer.name, "%s", fus_csv_read_text(t, at->layer));
    fus_columns_read_layer(&row->layer, t, at);
    fus_columns_read_category(&row->numbers, t, at);
}

static int read_layers(struct fus_run_read *p, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_columns_found at;
    struct fus_csv_read t;
    fus_run_dir_path(path, p->folder, "layers.csv");
    int code = fus_csv_read_open(&t, path, err);
    fus_columns_find(&at, &t);
    while (!code && fus_csv_read_next(&t)) {
        void *items = p->rows;
        struct fus_run_read_row *row = grow(&items, &p->n_rows, sizeof *row);
        p->rows = items;
        if (row)
            read_row(row, &t, &at);
        if (!row || !row->model || !row->category)
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its rows", path);
    }
    int found = fus_csv_read_close(&t, code ? NULL : err);
    return code ? code : found;
}

/* ---- units ---- */

int fus_run_read_labels(float *label, const struct fus_run_read *p, const char *model, const char *layer, int channels,
                        int height, int width, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_store *store;
    fus_run_dir_units(path, p->folder, model, layer);
    int code = fus_open_weights(&store, path, err);
    if (code)
        return code;
    const struct fus_tensor *t = NULL;
    for (size_t i = 0; i < fus_store_count(store); i++)
        t = strcmp(fus_store_tensor(store, i)->name, "label") == 0 ? fus_store_tensor(store, i) : t;
    if (!t || t->n_dims != 3 || t->shape[0] != channels || t->shape[1] != height || t->shape[2] != width)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: no array 'label' of %d x %d x %d units in it", path, channels,
                             height, width);
    if (!code)
        code = fus_store_read_f32(store, label, t, err);
    fus_store_close(store);
    return code;
}

int fus_run_read_open(struct fus_run_read *p, const char *folder, bool with_layers, struct fus_error *err)
{
    memset(p, 0, sizeof *p);
    p->folder = folder;
    if (strlen(folder) > 3000)
        return fus_base_fail(err, FUS_EINVAL, "a path of %zu characters; at most 3000 are possible", strlen(folder));
    int code = read_json(p, err);
    if (!code)
        code = read_model_options(p, err);
    return code || !with_layers ? code : read_layers(p, err);
}

void fus_run_read_close(struct fus_run_read *p)
{
    for (int i = 0; i < p->n_options; i++) {
        fus_base_free(p->options[i].name);
        fus_base_free(p->options[i].value);
    }
    for (int i = 0; i < p->n_pictures; i++) {
        fus_base_free(p->pictures[i].name);
        fus_base_free(p->pictures[i].category);
        fus_base_free(p->pictures[i].sha256);
        fus_base_free(p->pictures[i].subcategory);
    }
    for (int i = 0; i < p->n_rows; i++) {
        fus_base_free(p->rows[i].model);
        fus_base_free(p->rows[i].category);
    }
    for (int i = 0; i < p->n_models; i++) {
        char *const texts[] = {p->models[i].name,         p->models[i].sha256,     p->models[i].source,
                               p->models[i].architecture, p->models[i].preprocess, p->models[i].prefix};
        for (int k = 0; k < 6; k++)
            fus_base_free(texts[k]);
    }
    for (int i = 0; i < p->n_categories; i++)
        fus_base_free(p->categories[i]);
    fus_base_free(p->lang_head);
    fus_base_free(p->activation);
    fus_base_free(p->options);
    fus_base_free(p->pictures);
    fus_base_free(p->models);
    fus_base_free(p->categories);
    fus_base_free(p->rows);
    memset(p, 0, sizeof *p);
}

/* ---- may two runs be compared? ---- */

int fus_run_read_same_pictures(const struct fus_run_read *a, const struct fus_run_read *b, struct fus_error *err)
{
    int n = a->n_pictures > b->n_pictures ? a->n_pictures : b->n_pictures;
    for (int i = 0; i < n; i++) {
        if (i >= a->n_pictures || i >= b->n_pictures)
            return fus_base_fail(err, FUS_EINVAL,
                                 "%s and %s were not shown the same pictures: %s, the %d. of %s, is not in the other",
                                 a->folder, b->folder, (i < a->n_pictures ? a : b)->pictures[i].name, i + 1,
                                 (i < a->n_pictures ? a : b)->folder);
        const struct fus_run_read_picture *x = &a->pictures[i], *y = &b->pictures[i];
        const char *what = strcmp(x->name, y->name)           ? "names"
                           : strcmp(x->category, y->category) ? "categories"
                                                              : "contents (sha256)";
        if (strcmp(x->name, y->name) || strcmp(x->category, y->category) || strcmp(x->sha256, y->sha256))
            return fus_base_fail(
                err, FUS_EINVAL,
                "%s and %s were not shown the same pictures: the %d. is %s (%s) and %s (%s), different %s", a->folder,
                b->folder, i + 1, x->name, x->category, y->name, y->category, what);
    }
    return FUS_OK;
}

int fus_run_read_same_options(const struct fus_run_read *a, const struct fus_run_read *b, struct fus_error *err)
{
    static const char *const names[] = {"criterion", "test", "correction", "alpha"};
    for (int i = 0; i < 4; i++) {
        const char *x = fus_run_read_option(a, names[i]), *y = fus_run_read_option(b, names[i]);
        x = x ? x : "null";
        y = y ? y : "null";
        if (strcmp(x, y) != 0)
            return fus_base_fail(err, FUS_EINVAL, "%s and %s chose units differently: %s is %s and %s", a->folder,
                                 b->folder, names[i], x, y);
    }
    return FUS_OK;
}

int fus_run_read_shows(const struct fus_run_read *p, const struct fus_set *set, const char (*sha256)[65],
                       struct fus_error *err)
{
    for (int i = 0; i < set->n_pictures && i < p->n_pictures; i++)
        if (strcmp(p->pictures[i].sha256, sha256[i]) ||
            strcmp(p->pictures[i].category, set->categories[set->pictures[i].category]))
            return fus_base_fail(err, FUS_EINVAL, "%s was shown other pictures: its %d. is %s, here it is %s",
                                 p->folder, i + 1, p->pictures[i].name, set->pictures[i].path);
    if (set->n_pictures != p->n_pictures)
        return fus_base_fail(err, FUS_EINVAL, "%s was shown %d pictures, here are %d", p->folder, p->n_pictures,
                             set->n_pictures);
    return FUS_OK;
}
