/* SPDX-License-Identifier: MIT */
/* groups.csv: every two groups of trainings in every layer, category and statistic (contrast.h).
 * Layers are those of the first group's first model that correspond to one of every other model. */
#include <math.h>
#include <string.h>

#include "analysis/contrast.h"
#include "analysis/run/csv.h"
#include "analysis/run/tables.h"

enum statistic { PROPORTION, CSI, CSI_CV, VARIATION, MORISITA, MATCHED_CSI, MATCHED_MORISITA };
enum { DRAWS = 2000 }; /* of models, if the run has no resamples of pictures */

const char *const fus_group_statistics[FUS_GROUP_STATISTICS] = {
    "proportion", "csi_mean", "csi_cv", "variation_cv", "morisita", "matched_csi", "matched_morisita"};
const char *const fus_group_columns[FUS_GROUP_NUMBERS] = {"mean_a", "mean_b", "sd_a", "sd_b",    "difference",
                                                          "low",    "high",   "p",    "p_family"};

void fus_group_numbers(double *to[FUS_GROUP_NUMBERS], struct fus_group_row *row)
{
    double *const numbers[FUS_GROUP_NUMBERS] = {&row->mean_a, &row->mean_b, &row->sd_a, &row->sd_b,    &row->difference,
                                                &row->low,    &row->high,   &row->p,    &row->p_family};
    memcpy(to, numbers, sizeof numbers);
}

/* Two groups: their models, first those of a; the layers that correspond, by model. */
struct pair {
    const struct fus_run_summary *run;
    const struct fus_group *a, *b;
    int n, model[2 * FUS_GROUPS_MODELS];
    int n_layers;
    int *layer; /* [n_layers, n] */
    uint64_t seed;
    double *value, *p, *p_family; /* [n_layers, n], [n_layers], [n_layers] */
    double *scratch, *columns;    /* [n_draws]; interpolated columns of all models */
    size_t n_draws, room;
};

static const struct fus_layer_summary *layer_of(const struct pair *x, int layer, int i)
{
    return &x->run->models[x->model[i]].layers[x->layer[layer * x->n + i]];
}

/* The smallest count of selective units over the models: at so many all are compared. */
static size_t matched_count(const struct pair *x, int layer, int category)
{
    size_t least = SIZE_MAX;
    for (int i = 0; i < x->n; i++) {
        const struct fus_layer_summary *l = layer_of(x, layer, i);
        size_t n = l->matched ? l->categories[category].n_selective : 0;
        least = n < least ? n : least;
    }
    return least >= FUS_MATCHED_LEAST ? least : 0;
}

/* One model's statistic with its resamples; NaN: undefined. */
static struct fus_bootstrap_column column_of(const struct pair *x, int layer, int i, int category,
                                             enum statistic statistic)
{
    const struct fus_layer_summary *l = layer_of(x, layer, i);
    const struct fus_category_summary *c = &l->categories[category];
    const double values[] = {c->proportion, c->csi_mean, c->csi_cv, c->variation_cv, c->morisita};
    static const int resampled[] = {FUS_BOOTSTRAP_PROPORTION, FUS_BOOTSTRAP_CSI, -1, FUS_BOOTSTRAP_VARIATION,
                                    FUS_BOOTSTRAP_MORISITA};
    struct fus_bootstrap_column out = {.estimate = NAN};
    if (statistic >= MATCHED_CSI) {
        size_t k = matched_count(x, layer, category);
        return k ? fus_matched_column(x->columns + (size_t)i * x->room, l->matched, category, k,
                                      statistic == MATCHED_CSI ? FUS_MATCHED_CSI : FUS_MATCHED_MORISITA)
                 : out;
    }
    if (l->bootstrap && resampled[statistic] >= 0)
        out = fus_bootstrap_column(l->bootstrap,
                                   (size_t)category * FUS_BOOTSTRAP_STATISTICS + (size_t)resampled[statistic]);
    out.estimate = values[statistic];
    return out;
}

/* Over the defined ones. */
static void mean_and_sd(double *mean, double *sd, const double *v, int n)
{
    double sum = 0, squares = 0, kept = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(v[i]))
            sum += v[i], kept++;
    for (int i = 0; i < n; i++)
        if (!isnan(v[i]))
            squares += (v[i] - sum / kept) * (v[i] - sum / kept);
    *mean = sum / kept;
    *sd = kept > 1 ? sqrt(squares / (kept - 1)) : NAN;
}

static void fill_row(struct fus_group_row *row, const struct pair *x, int layer)
{
    struct fus_bootstrap_column column[2 * FUS_GROUPS_MODELS];
    struct fus_interval interval;
    const double *v = x->value + layer * x->n;
    for (int i = 0; i < x->n; i++)
        column[i] = column_of(x, layer, i, row->category, (enum statistic)row->statistic);
    fus_groups_interval(&interval, column, x->a->n, x->b->n, x->n_draws, x->seed, x->run->options.alpha, x->scratch);
    mean_and_sd(&row->mean_a, &row->sd_a, v, x->a->n);
    mean_and_sd(&row->mean_b, &row->sd_b, v + x->a->n, x->b->n);
    row->difference = row->mean_a - row->mean_b;
    row->low = interval.low, row->high = interval.high;
    row->p = x->p[layer], row->p_family = x->p_family[layer];
}

static void put_row(struct fus_outfile *f, const struct pair *x, struct fus_group_row *row)
{
    double *numbers[FUS_GROUP_NUMBERS];
    fus_group_numbers(numbers, row);
    fus_csv_name(f, "", x->a->name);
    fus_csv_name(f, ",", x->b->name);
    fus_csv_name(f, ",", layer_of(x, row->layer, 0)->name);
    fus_csv_name(f, ",", x->run->categories[row->category]);
    fus_outfile_printf(f, ",%s,%d,%d", fus_group_statistics[row->statistic], x->a->n, x->b->n);
    for (int i = 0; i < FUS_GROUP_NUMBERS; i++)
        fus_csv_number(f, *numbers[i]);
    fus_csv_count(f, (size_t)(row->relabellings < 0 ? -row->relabellings : row->relabellings));
    fus_outfile_printf(f, ",%s\n", row->relabellings < 0 ? "drawn" : "all");
}

/* One statistic of one category: all layers, whose p come together. */
static int put_statistic(struct fus_outfile *f, const struct pair *x, int category, int statistic,
                         struct fus_error *err)
{
    for (int l = 0; l < x->n_layers; l++)
        for (int i = 0; i < x->n; i++)
            x->value[l * x->n + i] = column_of(x, l, i, category, (enum statistic)statistic).estimate;
    long n = fus_groups_permute(x->p, x->p_family, x->value, x->n_layers, x->a->n, x->b->n, x->seed);
    if (n == 0)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to relabel %d models", x->n);
    for (int l = 0; l < x->n_layers; l++) {
        struct fus_group_row row = {.layer = l, .category = category, .statistic = statistic, .relabellings = n};
        fill_row(&row, x, l);
        put_row(f, x, &row);
    }
    return FUS_OK;
}

/* The layers of the first model that every other model has one for. */
static void list_layers(struct pair *x)
{
    const struct fus_model_summary *first = &x->run->models[x->model[0]];
    for (int l = 0; l < first->n_layers; l++) {
        int *at = x->layer + x->n_layers * x->n;
        bool all = true;
        for (int i = 0; i < x->n; i++) {
            at[i] = x->model[i] == x->model[0] ? l : fus_compare_layer(first, l, &x->run->models[x->model[i]]);
            all = all && at[i] >= 0;
        }
        x->n_layers += all;
    }
}

static int create_pair(struct pair *x, struct fus_error *err)
{
    const struct fus_model_summary *first = &x->run->models[x->a->model[0]];
    for (int i = 0; i < x->a->n; i++)
        x->model[x->n++] = x->a->model[i];
    for (int i = 0; i < x->b->n; i++)
        x->model[x->n++] = x->b->model[i];
    size_t layers = (size_t)first->n_layers, n = (size_t)x->n;
    const struct fus_bootstrap *b = layers ? first->layers[0].bootstrap : NULL;
    x->n_draws = b ? b->n_resamples : DRAWS;
    x->room = b && first->layers[0].matched ? fus_matched_room(first->layers[0].matched) : 1;
    x->layer = fus_base_alloc(layers + 1, n * sizeof *x->layer);
    x->value = fus_base_alloc(layers + 1, (n + 2) * sizeof *x->value);
    x->scratch = fus_base_alloc(x->n_draws + n * x->room, sizeof *x->scratch);
    if (!x->layer || !x->value || !x->scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to compare %d models", x->n);
    x->p = x->value + layers * n;
    x->p_family = x->p + layers;
    x->columns = x->scratch + x->n_draws;
    list_layers(x);
    return FUS_OK;
}

static void destroy_pair(struct pair *x)
{
    fus_base_free(x->layer);
    fus_base_free(x->value);
    fus_base_free(x->scratch);
}

static int put_pair(struct fus_outfile *f, struct pair *x, struct fus_error *err)
{
    int code = create_pair(x, err);
    for (int s = 0; s < FUS_GROUP_STATISTICS && !code; s++)
        for (int c = 0; c < x->run->n_categories && !code; c++)
            if (s < MATCHED_CSI || layer_of(x, 0, 0)->matched)
                code = put_statistic(f, x, c, s, err);
    destroy_pair(x);
    return code;
}

bool fus_table_groups_apart(int pair[2], const struct fus_run_summary *run, const struct fus_groups *groups)
{
    bool apart = false;
    for (int a = 0; a < groups->n && !apart; a++)
        for (int b = a + 1; b < groups->n && !apart; b++) {
            struct pair x = {.run = run, .a = &groups->group[a], .b = &groups->group[b]};
            apart = !create_pair(&x, NULL) && x.n_layers == 0;
            destroy_pair(&x);
            pair[0] = a, pair[1] = b;
        }
    return apart;
}

int fus_table_groups(const char *path, const struct fus_run_summary *run, const struct fus_groups *groups,
                     uint64_t seed, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "group_a,group_b,layer,category,statistic,n_a,n_b");
    for (int i = 0; i < FUS_GROUP_NUMBERS; i++)
        fus_outfile_printf(&f, ",%s", fus_group_columns[i]);
    fus_outfile_printf(&f, ",relabellings,which\n");
    for (int a = 0; a < groups->n; a++)
        for (int b = a + 1; b < groups->n && !code; b++) {
            struct pair x = {.run = run, .a = &groups->group[a], .b = &groups->group[b], .seed = seed};
            code = put_pair(&f, &x, err);
        }
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}
