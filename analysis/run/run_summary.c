/* Files of a run -> its summary: see run_summary.h. Everything read is checked against run.json. */
#include "analysis/run/run_summary.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/run/columns.h"
#include "analysis/run/csv_read.h"
#include "analysis/run/run_options.h"
#include "analysis/run/run_read.h"

#define MAX_SHEET_BYTES ((size_t)1 << 26)

struct fus_run_summary_file {
    struct fus_run_read file;
    struct fus_run_summary summary;
    struct fus_run_method method;
    void **owned; /* [n_owned] everything that was made for the summary */
    int n_owned, room;
    int n_layers; /* of all models */
    struct fus_error *err;
    int code; /* the first failure */
};

/* ---- memory and texts, kept until the end ---- */

static void *own(struct fus_run_summary_file *r, void *p)
{
    if (r->n_owned == r->room) {
        int room = r->room ? 2 * r->room : 64;
        void **more = fus_base_resize(r->owned, (size_t)room, sizeof *more);
        if (!more) {
            fus_base_free(p);
            p = NULL;
        } else {
            r->owned = more;
            r->room = room;
        }
    }
    if (p)
        r->owned[r->n_owned++] = p;
    else if (!r->code)
        r->code = fus_base_fail(r->err, FUS_ENOMEM, "%s: no memory for its summary", r->file.folder);
    return p;
}

static void *take(struct fus_run_summary_file *r, size_t n, size_t size)
{
    return own(r, fus_base_alloc(n ? n : 1, size));
}

static const char *option_text(struct fus_run_summary_file *r, const char *name)
{
    char *text = NULL;
    if (!r->code)
        r->code = fus_run_read_text(&text, &r->file, name, r->err);
    return text ? own(r, text) : NULL;
}

static bool option_is(const struct fus_run_summary_file *r, const char *name, const char *value)
{
    const char *found = fus_run_read_option(&r->file, name);
    return found && strcmp(found, value) == 0;
}

static bool fail(struct fus_run_summary_file *r, const char *file, const char *why)
{
    if (!r->code)
        r->code = fus_base_fail(r->err, FUS_EFORMAT, "%s/%s: %s", r->file.folder, file, why);
    return false;
}

/* ---- run.json ---- */

static int category_named(const struct fus_run_summary_file *r, const char *name)
{
    for (int c = 0; c < r->summary.n_categories; c++)
        if (strcmp(r->summary.categories[c], name) == 0)
            return c;
    return -1;
}

static void count_pictures(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    s->n_pictures = take(r, (size_t)s->n_categories, sizeof *s->n_pictures);
    s->pictures = take(r, (size_t)r->file.n_pictures, sizeof *s->pictures);
    for (int i = 0, last = 0; i < r->file.n_pictures && !r->code; i++) {
        int c = category_named(r, r->file.pictures[i].category);
        if (c < last) {
            fail(r, "run.json", "its pictures are not in the order of its categories");
            return;
        }
        last = c;
        s->n_pictures[c]++;
        s->pictures[i] = r->file.pictures[i].name;
    }
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
            fail(r, "run.json", "alpha is no number");
    }
    s->version = option_text(r, "version");
    s->stimuli = (char *)option_text(r, "stimuli");
    s->criterion = option_text(r, "rule");
    s->options = o.select;
    r->method = (struct fus_run_method){.layers = option_text(r, "layers"),
                                        .conv = option_text(r, "conv"),
                                        .halves = option_text(r, "halves"),
                                        .interval = option_text(r, "interval"),
                                        .seed = fus_run_read_option(&r->file, "seed"),
                                        .bootstrap = o.bootstrap,
                                        .permutations = o.permutations};
    s->method = &r->method;
}

static void read_models(struct fus_run_summary_file *r)
{
    struct fus_run_summary *s = &r->summary;
    s->n_models = r->file.n_models;
    s->models = take(r, (size_t)s->n_models, sizeof *s->models);
    for (int m = 0; m < s->n_models && !r->code; m++) {
        const struct fus_run_read_model *from = &r->file.models[m];
        s->models[m] = (struct fus_model_summary){.name = from->name,
                                                  .source = from->source,
                                                  .architecture = from->architecture,
                                                  .preprocess = from->preprocess};
        snprintf(s->models[m].sha256, sizeof s->models[m].sha256, "%s", from->sha256);
    }
}

static void read_run(struct fus_run_summary_file *r)
{
    r->summary.n_categories = r->file.n_categories;
    r->summary.categories = r->file.categories;
    if (r->file.n_categories == 0 || r->file.n_models == 0 || !fus_run_read_option(&r->file, "consistency"))
        fail(r, "run.json",
             "no models, no categories or no 'consistency' in it: written by another version? Run it again");
    if (!r->code)
        count_pictures(r);
    if (!r->code)
        read_options(r);
    if (!r->code)
        read_models(r);
}

/* ---- tables ---- */

static bool open_table(struct fus_run_summary_file *r, struct fus_csv_read *t, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", r->file.folder, name);
    *t = (struct fus_csv_read){0};
    if (!r->code)
        r->code = fus_csv_read_open(t, path, r->err);
    return !r->code;
}

static void close_table(struct fus_run_summary_file *r, struct fus_csv_read *t)
{
    int code = fus_csv_read_close(t, r->code ? NULL : r->err);
    r->code = r->code ? r->code : code;
}

static int model_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    for (int m = 0; m < r->summary.n_models; m++)
        if (strcmp(r->summary.models[m].name, fus_csv_read_text(t, column)) == 0)
            return m;
    fus_csv_read_fail(t, "no model of run.json is called '%.60s'", fus_csv_read_text(t, column));
    return 0;
}

static int category_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    int c = category_named(r, fus_csv_read_text(t, column));
    if (c < 0)
        fus_csv_read_fail(t, "no category of run.json is called '%.60s'", fus_csv_read_text(t, column));
    return c < 0 ? 0 : c;
}

/* -1 after a failure, also where the model has no layer at all. */
static int layer_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int model, int column)
{
    const struct fus_model_summary *m = &r->summary.models[model];
    for (int l = 0; l < m->n_layers; l++)
        if (strcmp(m->layers[l].name, fus_csv_read_text(t, column)) == 0)
            return l;
    fus_csv_read_fail(t, "no layer of %.60s in layers.csv is called '%.60s'", m->name, fus_csv_read_text(t, column));
    return -1;
}

static int picture_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    long n = fus_csv_read_count(t, column, r->file.n_pictures);
    if (n == 0)
        fus_csv_read_fail(t, "picture number 0 found; they begin with 1");
    return n ? (int)n - 1 : 0;
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
        struct fus_layer_summary *more = take(r, m->n_layers ? 2 * (size_t)m->n_layers : 1, sizeof *more);
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
    layer->categories = take(r, (size_t)layer->n_categories, sizeof *layer->categories);
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
    if (!open_table(r, &t, "layers.csv"))
        return;
    fus_columns_find(&at, &t);
    while (!r->code && fus_csv_read_next(&t)) {
        int m = model_in(r, &t, at.model), c = category_in(r, &t, at.category);
        if (expected == 0)
            layer = begin_layer(r, &t, &at, &r->summary.models[m]);
        if (c != expected || (layer && strcmp(layer->name, fus_csv_read_text(&t, at.layer)) != 0))
            fus_csv_read_fail(&t, "category %s of one layer expected here", r->summary.categories[expected]);
        else if (layer)
            category_row(&t, &at, layer, &layer->categories[c]);
        expected = (expected + 1) % r->summary.n_categories;
    }
    close_table(r, &t);
    for (int m = 0; m < r->summary.n_models && !r->code; m++)
        if (r->summary.models[m].n_layers == 0 || expected != 0)
            fail(r, "layers.csv", "rows are missing: an incomplete copy?");
}

/* ---- maps of the reference layers ---- */

static void read_maps(struct fus_run_summary_file *r)
{
    for (int m = 0; m < r->summary.n_models && !r->code; m++) {
        const struct fus_model_summary *model = &r->summary.models[m];
        struct fus_layer_summary *layer = &model->layers[fus_compare_last_block(model)];
        size_t places = (size_t)layer->height * (size_t)layer->width;
        float *label = fus_base_alloc(layer->n_units, sizeof *label);
        int8_t *label8 = fus_base_alloc(layer->n_units, sizeof *label8);
        r->code = label && label8 ? fus_run_read_labels(label, &r->file, model->name, layer->name, layer->channels,
                                                        layer->height, layer->width, r->err)
                                  : fus_base_fail(r->err, FUS_ENOMEM, "no memory for %zu labels", layer->n_units);
        for (size_t u = 0; u < layer->n_units && !r->code; u++)
            label8[u] = (int8_t)label[u];
        for (int c = 0; c < layer->n_categories && !r->code; c++) {
            layer->categories[c].map = take(r, places, sizeof(float));
            if (!r->code)
                r->code = fus_spatial_summarise(&layer->categories[c], label8, layer->channels, places, c, r->err);
        }
        fus_base_free(label);
        fus_base_free(label8);
    }
}

/* ---- what lies beside them ---- */

static void read_differences(struct fus_run_summary_file *r)
{
    static const char *const names[] = {"proportion_ratio", "ratio_low",       "ratio_high",
                                        "proportion_low",   "proportion_high", "csi_low",
                                        "csi_high",         "variation_low",   "variation_high"};
    struct fus_csv_read t;
    int column[9];
    size_t room = (size_t)r->n_layers * (size_t)r->summary.n_categories * (size_t)r->summary.n_models;
    struct fus_model_difference *rows = take(r, room, sizeof *rows);
    if (!rows || !open_table(r, &t, "compare.csv"))
        return;
    int other = fus_csv_read_column(&t, "model_b"), layer = fus_csv_read_column(&t, "layer"),
        category = fus_csv_read_column(&t, "category");
    int layer_b = fus_csv_read_column(&t, "layer_b");
    for (int i = 0; i < 9; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t)) {
        struct fus_model_difference *d = &rows[r->summary.n_differences];
        if (r->summary.n_differences == room) {
            fus_csv_read_fail(&t, "more rows than models, layers and categories give");
            break;
        }
        double *const to[] = {&d->ratio,   &d->ratio_low, &d->ratio_high,    &d->proportion_low, &d->proportion_high,
                              &d->csi_low, &d->csi_high,  &d->variation_low, &d->variation_high};
        d->model_b = model_in(r, &t, other);
        d->layer_a = layer_in(r, &t, 0, layer);
        d->layer_b = layer_in(r, &t, d->model_b, layer_b);
        d->category = category_in(r, &t, category);
        for (int i = 0; i < 9; i++)
            *to[i] = fus_csv_read_number(&t, column[i]);
        r->summary.n_differences++;
    }
    close_table(r, &t);
    r->summary.differences = rows;
}

static void read_pixels(struct fus_run_summary_file *r)
{
    static const char *const names[] = {"luminance_mean", "luminance_sd", "contrast_mean",
                                        "contrast_sd",    "slope_mean",   "slope_sd"};
    struct fus_csv_read t;
    int column[6], n_rows = 0;
    struct fus_pixelstats_category *pixels = take(r, (size_t)r->summary.n_categories, sizeof *pixels);
    if (!pixels || !open_table(r, &t, "pixels.csv"))
        return;
    int category = fus_csv_read_column(&t, "category"), n = fus_csv_read_column(&t, "n");
    for (int i = 0; i < 6; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    for (; fus_csv_read_next(&t); n_rows++) {
        struct fus_pixelstats_category *p = &pixels[category_in(r, &t, category)];
        double *const to[] = {&p->luminance_mean, &p->luminance_sd, &p->contrast_mean,
                              &p->contrast_sd,    &p->slope_mean,   &p->slope_sd};
        p->n = (int)fus_csv_read_count(&t, n, INT_MAX);
        for (int i = 0; i < 6; i++)
            *to[i] = fus_csv_read_number(&t, column[i]);
    }
    close_table(r, &t);
    if (n_rows != r->summary.n_categories)
        fail(r, "pixels.csv", "one row for each category expected");
    r->summary.pixels = pixels;
}

/* A model's rows are its pictures in order, each with all categories; a model may have none. */
static void read_profiles(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct fus_run_summary *s = &r->summary;
    size_t n_pictures = (size_t)r->file.n_pictures, *n_rows = take(r, (size_t)s->n_models, sizeof *n_rows);
    struct fus_response_profile *profiles = take(r, (size_t)s->n_models, sizeof *profiles);
    int *categories = take(r, n_pictures, sizeof *categories);
    if (r->code || !open_table(r, &t, "profiles.csv"))
        return;
    for (size_t i = 0; i < n_pictures; i++)
        categories[i] = category_named(r, r->file.pictures[i].category);
    int model = fus_csv_read_column(&t, "model"), layer = fus_csv_read_column(&t, "layer"),
        number = fus_csv_read_column(&t, "number");
    int selective = fus_csv_read_column(&t, "selective_for"), response = fus_csv_read_column(&t, "response");
    while (!r->code && fus_csv_read_next(&t)) {
        int m = model_in(r, &t, model), c = category_in(r, &t, selective), i = picture_in(r, &t, number);
        struct fus_response_profile *p = &profiles[m];
        if (!p->response) {
            p->response = take(r, n_pictures * (size_t)s->n_categories, sizeof *p->response);
            p->n_pictures = r->file.n_pictures;
            p->category = categories;
            snprintf(p->layer, sizeof p->layer, "%s", fus_csv_read_text(&t, layer));
        }
        if (layer_in(r, &t, m, layer) >= 0 && n_rows[m]++ != (size_t)i * (size_t)s->n_categories + (size_t)c)
            fus_csv_read_fail(&t, "picture %d and category %s are out of order", i + 1, s->categories[c]);
        if (!r->code)
            ((double *)p->response)[(size_t)c * n_pictures + (size_t)i] = fus_csv_read_number(&t, response);
    }
    close_table(r, &t);
    for (int m = 0; m < s->n_models && !r->code; m++)
        if (n_rows[m] != 0 && n_rows[m] != n_pictures * (size_t)s->n_categories)
            fail(r, "profiles.csv", "rows are missing: an incomplete copy?");
    s->profiles = profiles;
}

/* The rows of a unit follow one another: the pictures that drive it most, then least,
 * each from place 1. */
static void read_tops(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct fus_run_summary *s = &r->summary;
    size_t room = (size_t)r->n_layers * (size_t)s->n_categories * FUS_TOP_UNITS;
    struct fus_top_unit *top = take(r, room, sizeof *top);
    if (r->code || !open_table(r, &t, "top_units.csv"))
        return;
    static const char *const names[] = {"model", "layer",  "category", "channel", "y",      "x",       "t",
                                        "csi",   "dprime", "kind",     "place",   "number", "response"};
    int at[13];
    for (int i = 0; i < 13; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t)) {
        bool most = strcmp(fus_csv_read_text(&t, at[9]), "most") == 0;
        int place = (int)fus_csv_read_count(&t, at[10], FUS_TOP_PICTURES), picture = picture_in(r, &t, at[11]),
            m = model_in(r, &t, at[0]);
        if (most && place == 1 && s->n_top < room)
            top[s->n_top++] = (struct fus_top_unit){.model = m,
                                                    .layer = layer_in(r, &t, m, at[1]),
                                                    .category = category_in(r, &t, at[2]),
                                                    .channel = (int)fus_csv_read_count(&t, at[3], INT_MAX),
                                                    .y = (int)fus_csv_read_count(&t, at[4], INT_MAX),
                                                    .x = (int)fus_csv_read_count(&t, at[5], INT_MAX),
                                                    .t = fus_csv_read_number(&t, at[6]),
                                                    .csi = fus_csv_read_number(&t, at[7]),
                                                    .dprime = fus_csv_read_number(&t, at[8])};
        if (s->n_top == 0 || place == 0) {
            fus_csv_read_fail(&t, "place 1 of a unit's pictures expected first");
            break;
        }
        struct fus_top_unit *u = &top[s->n_top - 1];
        (most ? u->most : u->least)[place - 1] = picture;
        (most ? u->most_response : u->least_response)[place - 1] = fus_csv_read_number(&t, at[12]);
        u->n_pictures = place > u->n_pictures ? place : u->n_pictures;
    }
    close_table(r, &t);
    s->top = top;
}

static void read_permutations(struct fus_run_summary_file *r)
{
    static const char *const names[] = {"proportion", "null_mean", "null_high", "p_proportion",
                                        "csi_mean",   "p_csi",     "t_critical"};
    struct fus_csv_read t;
    int column[7];
    if (!open_table(r, &t, "permutations.csv"))
        return;
    int model = fus_csv_read_column(&t, "model"), layer = fus_csv_read_column(&t, "layer"),
        category = fus_csv_read_column(&t, "category");
    int familywise = fus_csv_read_column(&t, "n_familywise");
    for (int i = 0; i < 7; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    while (!r->code && fus_csv_read_next(&t)) {
        int m = model_in(r, &t, model), l = layer_in(r, &t, m, layer), c = category_in(r, &t, category);
        struct fus_layer_summary *of = l < 0 ? NULL : &r->summary.models[m].layers[l];
        if (of && !of->permuted) {
            struct fus_permute_category *empty = take(r, (size_t)r->summary.n_categories, sizeof *empty);
            for (int i = 0; empty && i < r->summary.n_categories; i++)
                empty[i] = (struct fus_permute_category){NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0};
            of->permuted = empty;
        }
        if (!of || !of->permuted)
            break;
        struct fus_permute_category *p = (struct fus_permute_category *)&of->permuted[c];
        double *const to[] = {&p->proportion, &p->null_mean, &p->null_high, &p->p_proportion,
                              &p->csi,        &p->p_csi,     &p->t_critical};
        for (int i = 0; i < 7; i++)
            *to[i] = fus_csv_read_number(&t, column[i]);
        p->n_familywise = (size_t)fus_csv_read_count(&t, familywise, LONG_MAX);
    }
    close_table(r, &t);
}

/* Of layer `layer` of `model` among all layers of all models. */
static size_t global_layer(const struct fus_run_summary_file *r, int model, int layer)
{
    size_t n = (size_t)layer;
    for (int m = 0; m < model; m++)
        n += (size_t)r->summary.models[m].n_layers;
    return n;
}

static void read_consistency(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    size_t n = (size_t)r->n_layers;
    double *matrix[2] = {take(r, n * n, sizeof **matrix), take(r, n * n, sizeof **matrix)};
    if (r->code || !open_table(r, &t, "consistency.csv"))
        return;
    static const char *const names[] = {"level", "model_a", "layer_a", "model_b", "layer_b", "spearman"};
    int at[6];
    for (int i = 0; i < 6; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    for (size_t i = 0; i < n * n; i++)
        matrix[0][i] = matrix[1][i] = NAN;
    while (fus_csv_read_next(&t)) {
        int pictures = strcmp(fus_csv_read_text(&t, at[0]), "picture") == 0;
        int a = model_in(r, &t, at[1]), k = layer_in(r, &t, a, at[2]), b = model_in(r, &t, at[3]),
            l = layer_in(r, &t, b, at[4]);
        if (k < 0 || l < 0)
            break;
        matrix[pictures][global_layer(r, a, k) * n + global_layer(r, b, l)] = fus_csv_read_number(&t, at[5]);
        r->summary.consistency[pictures] = matrix[pictures];
    }
    close_table(r, &t);
}

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
        fail(r, "pictures.png", "no PNG file");
    r->summary.sheet_png = own(r, data);
    r->summary.sheet_bytes = n;
}

static void read_all(struct fus_run_summary_file *r, const char *folder)
{
    static void (*const steps[])(struct fus_run_summary_file * r) = {
        read_run, read_layers, read_maps, read_differences, read_pixels, read_profiles, read_tops};
    r->code = fus_run_read_open(&r->file, folder, false, r->err);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r->code; i++)
        steps[i](r);
    if (!r->code && r->method.permutations)
        read_permutations(r);
    if (!r->code && option_is(r, "consistency", "true"))
        read_consistency(r);
    if (!r->code)
        read_sheet(r);
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
