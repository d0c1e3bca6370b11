/* SPDX-License-Identifier: MIT */
/* Tables beside layers.csv -> the summary: see run_summary.h. Everything read is checked against
 * run.json. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/run/summary_file.h"
#include "analysis/run/tables.h"

enum { DIFFERENCES = 13 };

static void difference_row(struct fus_model_difference *d, struct fus_csv_read *t, const int column[DIFFERENCES])
{
    double *const to[DIFFERENCES] = {&d->ratio,           &d->ratio_low,    &d->ratio_high,    &d->proportion_low,
                                     &d->proportion_high, &d->csi_low,      &d->csi_high,      &d->variation_low,
                                     &d->variation_high,  &d->morisita_low, &d->morisita_high, &d->equivalence_low,
                                     &d->equivalence_high};
    for (int i = 0; i < DIFFERENCES; i++)
        *to[i] = fus_csv_read_number(t, column[i]);
}

static void read_differences(struct fus_run_summary_file *r)
{
    static const char *const names[DIFFERENCES] = {
        "proportion_ratio", "ratio_low",       "ratio_high",      "proportion_low", "proportion_high",
        "csi_low",          "csi_high",        "variation_low",   "variation_high", "morisita_low",
        "morisita_high",    "equivalence_low", "equivalence_high"};
    struct fus_csv_read t;
    int column[DIFFERENCES];
    size_t room = (size_t)r->n_layers * (size_t)r->summary.n_categories * (size_t)r->summary.n_models;
    struct fus_model_difference *rows = fus_summary_file_take(r, room, sizeof *rows);
    if (!rows || !fus_summary_file_open_table(r, &t, "compare.csv"))
        return;
    int model = fus_csv_read_column(&t, "model_a"), other = fus_csv_read_column(&t, "model_b"),
        layer = fus_csv_read_column(&t, "layer"), category = fus_csv_read_column(&t, "category"),
        layer_b = fus_csv_read_column(&t, "layer_b");
    for (int i = 0; i < DIFFERENCES; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t)) {
        struct fus_model_difference *d = &rows[r->summary.n_differences];
        if (r->summary.n_differences == room) {
            fus_csv_read_fail(&t, "more rows than models, layers and categories give");
            break;
        }
        d->model_a = fus_summary_file_model_in(r, &t, model);
        d->model_b = fus_summary_file_model_in(r, &t, other);
        d->layer_a = fus_summary_file_layer_in(r, &t, d->model_a, layer);
        d->layer_b = fus_summary_file_layer_in(r, &t, d->model_b, layer_b);
        d->category = fus_summary_file_category_in(r, &t, category);
        difference_row(d, &t, column);
        r->summary.n_differences++;
    }
    fus_summary_file_close_table(r, &t);
    r->summary.differences = rows;
}

enum { MAX_MATCHED = 1 << 22 };

static void read_matched(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    int column[FUS_MATCHED_COLUMNS];
    struct fus_matched_row *rows = NULL;
    size_t room = 0;
    if (!fus_summary_file_open_table(r, &t, "matched.csv"))
        return;
    int model = fus_csv_read_column(&t, "model_a"), other = fus_csv_read_column(&t, "model_b"),
        layer = fus_csv_read_column(&t, "layer"), layer_b = fus_csv_read_column(&t, "layer_b"),
        category = fus_csv_read_column(&t, "category"), k = fus_csv_read_column(&t, "k");
    for (int i = 0; i < FUS_MATCHED_COLUMNS; i++)
        column[i] = fus_csv_read_column(&t, fus_matched_columns[i]);
    while (!r->code && fus_csv_read_next(&t)) {
        if (r->summary.n_matched == room) {
            struct fus_matched_row *more = fus_summary_file_take(r, room ? 2 * room : 256, sizeof *more);
            if (!more || room >= MAX_MATCHED)
                break;
            if (room)
                memcpy(more, rows, room * sizeof *rows);
            rows = more;
            room = room ? 2 * room : 256;
        }
        struct fus_matched_row *row = &rows[r->summary.n_matched++];
        double *numbers[FUS_MATCHED_COLUMNS];
        row->model_a = fus_summary_file_model_in(r, &t, model);
        row->model_b = fus_summary_file_model_in(r, &t, other);
        row->layer_a = fus_summary_file_layer_in(r, &t, row->model_a, layer);
        row->layer_b = fus_summary_file_layer_in(r, &t, row->model_b, layer_b);
        row->category = fus_summary_file_category_in(r, &t, category);
        row->k = (size_t)fus_csv_read_count(&t, k, INT_MAX);
        fus_matched_numbers(numbers, row);
        for (int i = 0; i < FUS_MATCHED_COLUMNS; i++)
            *numbers[i] = fus_csv_read_number(&t, column[i]);
    }
    fus_summary_file_close_table(r, &t);
    r->summary.matched = rows;
}

static int group_in(const struct fus_run_summary_file *r, struct fus_csv_read *t, int column)
{
    const struct fus_groups *g = &r->summary.groups;
    for (int k = 0; k < g->n; k++)
        if (strcmp(g->group[k].name, fus_csv_read_text(t, column)) == 0)
            return k;
    fus_csv_read_fail(t, "no group of run.json is called '%.60s'", fus_csv_read_text(t, column));
    return 0;
}

static int statistic_in(struct fus_csv_read *t, int column)
{
    for (int s = 0; s < FUS_GROUP_STATISTICS; s++)
        if (strcmp(fus_group_statistics[s], fus_csv_read_text(t, column)) == 0)
            return s;
    fus_csv_read_fail(t, "no statistic is called '%.60s'", fus_csv_read_text(t, column));
    return 0;
}

static void group_row(struct fus_run_summary_file *r, struct fus_csv_read *t, struct fus_group_row *row,
                      const int at[7], const int column[FUS_GROUP_NUMBERS])
{
    double *numbers[FUS_GROUP_NUMBERS];
    row->a = group_in(r, t, at[0]);
    row->b = group_in(r, t, at[1]);
    row->layer = fus_summary_file_layer_in(r, t, r->summary.groups.group[row->a].model[0], at[2]);
    row->category = fus_summary_file_category_in(r, t, at[3]);
    row->statistic = statistic_in(t, at[4]);
    row->relabellings = (long)fus_csv_read_count(t, at[5], INT_MAX);
    if (strcmp(fus_csv_read_text(t, at[6]), "drawn") == 0)
        row->relabellings = -row->relabellings;
    fus_group_numbers(numbers, row);
    for (int i = 0; i < FUS_GROUP_NUMBERS; i++)
        *numbers[i] = fus_csv_read_number(t, column[i]);
}

static void read_groups(struct fus_run_summary_file *r)
{
    static const char *const names[7] = {"group_a",   "group_b",      "layer", "category",
                                         "statistic", "relabellings", "which"};
    struct fus_csv_read t;
    int at[7], column[FUS_GROUP_NUMBERS];
    size_t n = (size_t)r->summary.groups.n,
           room = n * (n - 1) / 2 * (size_t)r->n_layers * (size_t)r->summary.n_categories * FUS_GROUP_STATISTICS;
    struct fus_group_row *rows = fus_summary_file_take(r, room, sizeof *rows);
    if (!rows || !fus_summary_file_open_table(r, &t, "groups.csv"))
        return;
    for (int i = 0; i < 7; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    for (int i = 0; i < FUS_GROUP_NUMBERS; i++)
        column[i] = fus_csv_read_column(&t, fus_group_columns[i]);
    while (!r->code && fus_csv_read_next(&t)) {
        if (r->summary.n_group_rows == room) {
            fus_csv_read_fail(&t, "more rows than groups, layers and categories give");
            break;
        }
        group_row(r, &t, &rows[r->summary.n_group_rows++], at, column);
    }
    fus_summary_file_close_table(r, &t);
    r->summary.group_rows = rows;
}

static void read_pixels(struct fus_run_summary_file *r)
{
    static const char *const names[] = {"luminance_mean", "luminance_sd", "contrast_mean",
                                        "contrast_sd",    "slope_mean",   "slope_sd"};
    struct fus_csv_read t;
    int column[6], n_rows = 0;
    struct fus_pixelstats_category *pixels = fus_summary_file_take(r, (size_t)r->summary.n_categories, sizeof *pixels);
    if (!pixels || !fus_summary_file_open_table(r, &t, "pixels.csv"))
        return;
    int category = fus_csv_read_column(&t, "category"), n = fus_csv_read_column(&t, "n");
    for (int i = 0; i < 6; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    for (; fus_csv_read_next(&t); n_rows++) {
        struct fus_pixelstats_category *p = &pixels[fus_summary_file_category_in(r, &t, category)];
        double *const to[] = {&p->luminance_mean, &p->luminance_sd, &p->contrast_mean,
                              &p->contrast_sd,    &p->slope_mean,   &p->slope_sd};
        p->n = (int)fus_csv_read_count(&t, n, INT_MAX);
        for (int i = 0; i < 6; i++)
            *to[i] = fus_csv_read_number(&t, column[i]);
    }
    fus_summary_file_close_table(r, &t);
    if (n_rows != r->summary.n_categories)
        fus_summary_file_fail(r, "pixels.csv", "one row for each category expected");
    r->summary.pixels = pixels;
}

/* A model's rows are its pictures in order, each with all categories; a model may have none. */
static void read_profiles(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct fus_run_summary *s = &r->summary;
    size_t n_pictures = (size_t)r->file.n_pictures,
           *n_rows = fus_summary_file_take(r, (size_t)s->n_models, sizeof *n_rows);
    struct fus_response_profile *profiles = fus_summary_file_take(r, (size_t)s->n_models, sizeof *profiles);
    int *categories = fus_summary_file_take(r, n_pictures, sizeof *categories);
    if (r->code || !fus_summary_file_open_table(r, &t, "profiles.csv"))
        return;
    for (size_t i = 0; i < n_pictures; i++)
        categories[i] = fus_summary_file_category_named(r, r->file.pictures[i].category);
    int model = fus_csv_read_column(&t, "model"), layer = fus_csv_read_column(&t, "layer"),
        number = fus_csv_read_column(&t, "number");
    int selective = fus_csv_read_column(&t, "selective_for"), response = fus_csv_read_column(&t, "response");
    while (!r->code && fus_csv_read_next(&t)) {
        int m = fus_summary_file_model_in(r, &t, model), c = fus_summary_file_category_in(r, &t, selective),
            i = fus_summary_file_picture_in(r, &t, number);
        struct fus_response_profile *p = &profiles[m];
        if (!p->response) {
            p->response = fus_summary_file_take(r, n_pictures * (size_t)s->n_categories, sizeof *p->response);
            p->n_pictures = r->file.n_pictures;
            p->category = categories;
            snprintf(p->layer, sizeof p->layer, "%s", fus_csv_read_text(&t, layer));
        }
        if (fus_summary_file_layer_in(r, &t, m, layer) >= 0 &&
            n_rows[m]++ != (size_t)i * (size_t)s->n_categories + (size_t)c)
            fus_csv_read_fail(&t, "picture %d and category %s are out of order", i + 1, s->categories[c]);
        if (!r->code)
            ((double *)p->response)[(size_t)c * n_pictures + (size_t)i] = fus_csv_read_number(&t, response);
    }
    fus_summary_file_close_table(r, &t);
    for (int m = 0; m < s->n_models && !r->code; m++)
        if (n_rows[m] != 0 && n_rows[m] != n_pictures * (size_t)s->n_categories)
            fus_summary_file_fail(r, "profiles.csv", "rows are missing: an incomplete copy?");
    s->profiles = profiles;
}

/* The rows of a unit follow one another: the pictures of largest response, then of smallest, each
 * from rank 1. */
static void read_tops(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct fus_run_summary *s = &r->summary;
    size_t room = (size_t)r->n_layers * (size_t)s->n_categories * FUS_TOP_UNITS;
    struct fus_top_unit *top = fus_summary_file_take(r, room, sizeof *top);
    if (r->code || !fus_summary_file_open_table(r, &t, "top_units.csv"))
        return;
    static const char *const names[] = {"model", "layer",  "category", "channel", "y",      "x",       "t",
                                        "csi",   "dprime", "kind",     "place",   "number", "response"};
    int at[13];
    for (int i = 0; i < 13; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    while (fus_csv_read_next(&t)) {
        bool most = strcmp(fus_csv_read_text(&t, at[9]), "most") == 0;
        int place = (int)fus_csv_read_count(&t, at[10], FUS_TOP_PICTURES),
            picture = fus_summary_file_picture_in(r, &t, at[11]), m = fus_summary_file_model_in(r, &t, at[0]);
        if (most && place == 1 && s->n_top < room)
            top[s->n_top++] = (struct fus_top_unit){.model = m,
                                                    .layer = fus_summary_file_layer_in(r, &t, m, at[1]),
                                                    .category = fus_summary_file_category_in(r, &t, at[2]),
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
    fus_summary_file_close_table(r, &t);
    s->top = top;
}

static void read_permutations(struct fus_run_summary_file *r)
{
    static const char *const names[] = {"proportion", "null_mean", "null_high", "p_proportion_global_null",
                                        "csi_mean",   "t_critical"};
    struct fus_csv_read t;
    int column[6];
    if (!fus_summary_file_open_table(r, &t, "permutations.csv"))
        return;
    int model = fus_csv_read_column(&t, "model"), layer = fus_csv_read_column(&t, "layer"),
        category = fus_csv_read_column(&t, "category");
    int familywise = fus_csv_read_column(&t, "n_familywise");
    for (int i = 0; i < 6; i++)
        column[i] = fus_csv_read_column(&t, names[i]);
    while (!r->code && fus_csv_read_next(&t)) {
        int m = fus_summary_file_model_in(r, &t, model), l = fus_summary_file_layer_in(r, &t, m, layer),
            c = fus_summary_file_category_in(r, &t, category);
        struct fus_layer_summary *of = l < 0 ? NULL : &r->summary.models[m].layers[l];
        if (of && !of->permuted) {
            struct fus_permute_category *empty =
                fus_summary_file_take(r, (size_t)r->summary.n_categories, sizeof *empty);
            for (int i = 0; empty && i < r->summary.n_categories; i++)
                empty[i] = (struct fus_permute_category){NAN, NAN, NAN, NAN, NAN, NAN, 0};
            of->permuted = empty;
        }
        if (!of || !of->permuted)
            break;
        struct fus_permute_category *p = (struct fus_permute_category *)&of->permuted[c];
        double *const to[] = {&p->proportion, &p->null_mean, &p->null_high, &p->p_proportion, &p->csi, &p->t_critical};
        for (int i = 0; i < 6; i++)
            *to[i] = fus_csv_read_number(&t, column[i]);
        p->n_familywise = (size_t)fus_csv_read_count(&t, familywise, LONG_MAX);
    }
    fus_summary_file_close_table(r, &t);
}

/* Index of layer `layer` of `model` among the layers of all models. */
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
    double *matrix[2] = {fus_summary_file_take(r, n * n, sizeof **matrix),
                         fus_summary_file_take(r, n * n, sizeof **matrix)};
    if (r->code || !fus_summary_file_open_table(r, &t, "consistency.csv"))
        return;
    static const char *const names[] = {"level", "model_a", "layer_a", "model_b", "layer_b", "spearman"};
    int at[6];
    for (int i = 0; i < 6; i++)
        at[i] = fus_csv_read_column(&t, names[i]);
    for (size_t i = 0; i < n * n; i++)
        matrix[0][i] = matrix[1][i] = NAN;
    while (fus_csv_read_next(&t)) {
        int pictures = strcmp(fus_csv_read_text(&t, at[0]), "picture") == 0;
        int a = fus_summary_file_model_in(r, &t, at[1]), k = fus_summary_file_layer_in(r, &t, a, at[2]),
            b = fus_summary_file_model_in(r, &t, at[3]), l = fus_summary_file_layer_in(r, &t, b, at[4]);
        if (k < 0 || l < 0)
            break;
        matrix[pictures][global_layer(r, a, k) * n + global_layer(r, b, l)] = fus_csv_read_number(&t, at[5]);
        r->summary.consistency[pictures] = matrix[pictures];
    }
    fus_summary_file_close_table(r, &t);
}

static bool option_is(const struct fus_run_summary_file *r, const char *name, const char *value)
{
    const char *found = fus_run_read_option(&r->file, name);
    return found && strcmp(found, value) == 0;
}

void fus_summary_tables_read(struct fus_run_summary_file *r)
{
    static void (*const steps[])(struct fus_run_summary_file * r) = {read_differences, read_pixels, read_profiles,
                                                                     read_tops};
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r->code; i++)
        steps[i](r);
    if (!r->code && r->method.permutations)
        read_permutations(r);
    struct fus_power_plan plan;
    if (!r->code && r->method.subsample && (r->code = fus_power_parse(&plan, r->method.subsample, r->err)) == FUS_OK)
        fus_power_table_read(r, &plan);
    if (!r->code && r->method.validate)
        fus_validate_table_read(r);
    if (!r->code && option_is(r, "matched", "true"))
        read_matched(r);
    if (!r->code && r->summary.groups.n)
        read_groups(r);
    if (!r->code && option_is(r, "consistency", "true"))
        read_consistency(r);
}
