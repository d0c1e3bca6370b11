/* SPDX-License-Identifier: MIT */
/* validate.csv: the units chosen with the first set of pictures, measured in a second one
 * (analysis/units/heldout.c), written and read back. */
#include <stdio.h>

#include "analysis/run/csv.h"
#include "analysis/run/summary_file.h"
#include "analysis/run/tables.h"

static const char *const names[FUS_HELDOUT_STATISTICS] = {"share_preferring", "csi_mean", "dprime_mean", "auc_mean"};

static void put_row(struct fus_outfile *f, const struct fus_run_summary *run, int model, int layer, int category)
{
    const struct fus_heldout_category *h = &run->models[model].layers[layer].heldout[category];
    fus_csv_name(f, "", run->models[model].name);
    fus_csv_name(f, ",", run->models[model].layers[layer].name);
    fus_csv_name(f, ",", run->categories[category]);
    fus_csv_count(f, h->n);
    for (int k = 0; k < FUS_HELDOUT_STATISTICS; k++) {
        fus_csv_number(f, h->value[k].estimate);
        fus_csv_number(f, h->value[k].low);
        fus_csv_number(f, h->value[k].high);
    }
    fus_csv_number(f, h->dice);
    fus_outfile_printf(f, "\n");
}

int fus_validate_table_write(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "model,layer,category,n_units");
    for (int k = 0; k < FUS_HELDOUT_STATISTICS; k++)
        fus_outfile_printf(&f, ",%s,%s_low,%s_high", names[k], names[k], names[k]);
    fus_outfile_printf(&f, ",dice\n");
    for (int m = 0; m < run->n_models; m++)
        for (int l = 0; l < run->models[m].n_layers; l++)
            for (int c = 0; c < run->n_categories; c++)
                put_row(&f, run, m, l, c);
    return fus_outfile_commit(&f, err);
}

/* ---- reading ---- */

struct columns {
    int model, layer, category, n, value[FUS_HELDOUT_STATISTICS][3], dice;
};

static void find_columns(struct columns *at, struct fus_csv_read *t)
{
    static const char *const ends[3] = {"", "_low", "_high"};
    char name[40];
    at->model = fus_csv_read_column(t, "model");
    at->layer = fus_csv_read_column(t, "layer");
    at->category = fus_csv_read_column(t, "category");
    at->n = fus_csv_read_column(t, "n_units");
    for (int k = 0; k < FUS_HELDOUT_STATISTICS; k++)
        for (int e = 0; e < 3; e++) {
            snprintf(name, sizeof name, "%s%s", names[k], ends[e]);
            at->value[k][e] = fus_csv_read_column(t, name);
        }
    at->dice = fus_csv_read_column(t, "dice");
}

/* Rows in the order of writing; *n_read of them so far. */
static void read_row(struct fus_run_summary_file *r, struct fus_csv_read *t, const struct columns *at, int *n_read)
{
    struct fus_run_summary *s = &r->summary;
    int m = fus_summary_file_model_in(r, t, at->model), l = fus_summary_file_layer_in(r, t, m, at->layer),
        c = fus_summary_file_category_in(r, t, at->category);
    if (l < 0)
        return;
    struct fus_layer_summary *layer = &s->models[m].layers[l];
    if (!layer->heldout &&
        !(layer->heldout = fus_summary_file_take(r, (size_t)s->n_categories, sizeof *layer->heldout)))
        return;
    if (c != *n_read % s->n_categories)
        fus_csv_read_fail(t, "category %s is out of order", s->categories[c]);
    ++*n_read;
    struct fus_heldout_category *h = &layer->heldout[c];
    h->n = (size_t)fus_csv_read_count(t, at->n, INT32_MAX);
    for (int k = 0; k < FUS_HELDOUT_STATISTICS; k++) {
        h->value[k].estimate = fus_csv_read_number(t, at->value[k][0]);
        h->value[k].low = fus_csv_read_number(t, at->value[k][1]);
        h->value[k].high = fus_csv_read_number(t, at->value[k][2]);
    }
    h->dice = fus_csv_read_number(t, at->dice);
}

void fus_validate_table_read(struct fus_run_summary_file *r)
{
    struct fus_csv_read t;
    struct columns at;
    int n_read = 0;
    if (!fus_summary_file_open_table(r, &t, "validate.csv"))
        return;
    find_columns(&at, &t);
    while (!r->code && fus_csv_read_next(&t))
        read_row(r, &t, &at, &n_read);
    fus_summary_file_close_table(r, &t);
    if (!r->code && n_read != r->n_layers * r->summary.n_categories)
        fus_summary_file_fail(r, "validate.csv", "rows are missing: an incomplete copy?");
}
