/* SPDX-License-Identifier: MIT */
/* matched.csv: every two models by as many units of each, in corresponding layers (contrast.h). */
#include <math.h>

#include "analysis/contrast.h"
#include "analysis/run/csv.h"
#include "analysis/run/tables.h"

const char *const fus_matched_columns[FUS_MATCHED_COLUMNS] = {
    "csi_a",           "csi_a_low",           "csi_a_high",      "csi_b",         "csi_b_low",
    "csi_b_high",      "csi_difference",      "csi_low",         "csi_high",      "csi_p",
    "morisita_a",      "morisita_a_low",      "morisita_a_high", "morisita_b",    "morisita_b_low",
    "morisita_b_high", "morisita_difference", "morisita_low",    "morisita_high", "morisita_p"};

void fus_matched_numbers(double *to[FUS_MATCHED_COLUMNS], struct fus_matched_row *row)
{
    for (int s = 0, n = 0; s < FUS_MATCHED_STATISTICS; s++)
        for (int i = 0; i < 3; i++) {
            struct fus_interval *x = i == 0 ? &row->a[s] : i == 1 ? &row->b[s] : &row->difference[s];
            to[n++] = &x->estimate;
            to[n++] = &x->low;
            to[n++] = &x->high;
            if (i == 2)
                to[n++] = &x->p;
        }
}

/* Memory for the columns of two models and for intervals. */
struct room {
    double *values[2], *scratch;
};

static void compare_at(struct fus_matched_row *row, const struct fus_matched *a, const struct fus_matched *b,
                       double alpha, const struct room *room)
{
    enum fus_interval_method method = a->bootstrap.method;
    for (int s = 0; s < FUS_MATCHED_STATISTICS; s++) {
        struct fus_bootstrap_column x = fus_matched_column(room->values[0], a, row->category, row->k,
                                                           (enum fus_matched_statistic)s),
                                    y = fus_matched_column(room->values[1], b, row->category, row->k,
                                                           (enum fus_matched_statistic)s);
        fus_bootstrap_interval(&row->a[s], &x, method, alpha, room->scratch);
        fus_bootstrap_interval(&row->b[s], &y, method, alpha, room->scratch);
        fus_bootstrap_subtract(&row->difference[s], &x, &y, method, alpha, room->scratch);
    }
}

static void put_row(struct fus_outfile *f, const struct fus_run_summary *run, struct fus_matched_row *row)
{
    double *numbers[FUS_MATCHED_COLUMNS];
    fus_matched_numbers(numbers, row);
    fus_csv_name(f, "", run->models[row->model_a].name);
    fus_csv_name(f, ",", run->models[row->model_b].name);
    fus_csv_name(f, ",", run->models[row->model_a].layers[row->layer_a].name);
    fus_csv_name(f, ",", run->models[row->model_b].layers[row->layer_b].name);
    fus_csv_name(f, ",", run->categories[row->category]);
    fus_csv_count(f, row->k);
    for (int i = 0; i < FUS_MATCHED_COLUMNS; i++)
        fus_csv_number(f, *numbers[i]);
    fus_outfile_printf(f, "\n");
}

/* All categories and counts of two layers. */
static int put_layers(struct fus_outfile *f, const struct fus_run_summary *run, const struct fus_matched_row *which,
                      struct fus_error *err)
{
    const struct fus_matched *a = run->models[which->model_a].layers[which->layer_a].matched,
                             *b = run->models[which->model_b].layers[which->layer_b].matched;
    size_t n = fus_matched_room(a), n_scratch = fus_bootstrap_scratch(&a->bootstrap) + 1;
    struct room room = {.values = {fus_base_alloc(2 * n + n_scratch, sizeof *room.scratch)}};
    if (!room.values[0])
        return fus_base_fail(err, FUS_ENOMEM, "no memory to compare two models");
    room.values[1] = room.values[0] + n;
    room.scratch = room.values[1] + n;
    for (int c = 0; c < run->n_categories; c++) {
        size_t k[FUS_MATCHED_MOST];
        int n_k = fus_matched_list(k, a, b, c);
        for (int i = 0; i < n_k; i++) {
            struct fus_matched_row row = *which;
            row.category = c, row.k = k[i];
            compare_at(&row, a, b, run->options.alpha, &room);
            put_row(f, run, &row);
        }
    }
    fus_base_free(room.values[0]);
    return FUS_OK;
}

static int put_pair(struct fus_outfile *f, const struct fus_run_summary *run, int a, int b, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < run->models[a].n_layers && !code; i++) {
        int j = fus_compare_layer(&run->models[a], i, &run->models[b]);
        if (j >= 0 && run->models[a].layers[i].matched && run->models[b].layers[j].matched)
            code = put_layers(f, run, &(struct fus_matched_row){.model_a = a, .model_b = b, .layer_a = i, .layer_b = j},
                              err);
    }
    return code;
}

int fus_table_matched(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "model_a,model_b,layer,layer_b,category,k");
    for (int i = 0; i < FUS_MATCHED_COLUMNS; i++)
        fus_outfile_printf(&f, ",%s", fus_matched_columns[i]);
    fus_outfile_printf(&f, "\n");
    for (int a = 0; a < run->n_models; a++)
        for (int b = a + 1; b < run->n_models && !code; b++)
            code = put_pair(&f, run, a, b, err);
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}
