/* SPDX-License-Identifier: MIT */
/* power.csv: the statistics against pictures per category and against alpha
 * (analysis/units/power.c), written and read back. `reversed` names the statistics in which this
 * model and another one have the other order than with all pictures at the run's alpha. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/summary_file.h"
#include "analysis/run/tables.h"

static const char *const names[FUS_BOOTSTRAP_STATISTICS] = {"proportion", "csi_mean", "variation_cv", "morisita"};

static const struct fus_power_point *point_of(const struct fus_run_summary *run, const struct fus_power_plan *plan,
                                              int model, int layer, int category, int point)
{
    const struct fus_power_point *all = run->models[model].layers[layer].power;
    return all ? &all[(size_t)category * (size_t)fus_power_count(plan) + (size_t)point] : NULL;
}

bool fus_power_table_reversed(const struct fus_run_summary *run, const struct fus_power_plan *plan, int model,
                              int layer, int category, int point, int statistic)
{
    const struct fus_power_point *here = point_of(run, plan, model, layer, category, point),
                                 *whole = point_of(run, plan, model, layer, category, plan->n_sizes);
    for (int other = 0; here && other < run->n_models; other++) {
        int at = other == model ? -1 : fus_compare_layer(&run->models[model], layer, &run->models[other]);
        const struct fus_power_point *a = at < 0 ? NULL : point_of(run, plan, other, at, category, point),
                                     *b = at < 0 ? NULL : point_of(run, plan, other, at, category, plan->n_sizes);
        if (a && b && (here->mean[statistic] - a->mean[statistic]) * (whole->mean[statistic] - b->mean[statistic]) < 0)
            return true;
    }
    return false;
}

static void put_row(struct fus_outfile *f, const struct fus_run_summary *run, const struct fus_power_plan *plan,
                    int model, int layer, int category, int point)
{
    const struct fus_power_point *p = point_of(run, plan, model, layer, category, point);
    char reversed[80] = "";
    bool sized = point<plan->n_sizes, level = point> plan->n_sizes;
    fus_csv_name(f, "", run->models[model].name);
    fus_csv_name(f, ",", run->models[model].layers[layer].name);
    fus_csv_name(f, ",", run->categories[category]);
    fus_csv_name(f, ",", level ? "alpha" : "pictures");
    fus_csv_count(f, (size_t)(sized ? plan->sizes[point] : run->n_pictures[category]));
    fus_csv_number(f, level ? fus_power_alpha(plan, point) : run->options.alpha);
    fus_csv_count(f, sized ? FUS_POWER_DRAWS : 1);
    for (int k = 0; k < FUS_BOOTSTRAP_STATISTICS; k++) {
        fus_csv_number(f, p->mean[k]);
        fus_csv_number(f, p->sd[k]);
        if (fus_power_table_reversed(run, plan, model, layer, category, point, k))
            snprintf(reversed + strlen(reversed), sizeof reversed - strlen(reversed), "%s%s", reversed[0] ? " " : "",
                     names[k]);
    }
    fus_csv_name(f, ",", reversed);
    fus_outfile_printf(f, "\n");
}

int fus_power_table_write(const char *path, const struct fus_run_summary *run, const struct fus_power_plan *plan,
                          struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "model,layer,category,by,pictures,alpha,n_draws");
    for (int k = 0; k < FUS_BOOTSTRAP_STATISTICS; k++)
        fus_outfile_printf(&f, ",%s,%s_sd", names[k], names[k]);
    fus_outfile_printf(&f, ",reversed\n");
    for (int m = 0; m < run->n_models; m++)
        for (int l = 0; l < run->models[m].n_layers; l++)
            for (int c = 0; c < run->n_categories; c++)
                for (int i = 0; i < fus_power_count(plan); i++)
                    put_row(&f, run, plan, m, l, c, i);
    return fus_outfile_commit(&f, err);
}

/* ---- reading ---- */

/* Rows in the order of writing: the next point of the category, or a message. */
static struct fus_power_point *next_point(struct fus_run_summary_file *r, struct fus_csv_read *t,
                                          const struct fus_power_plan *plan, const int name[3], int *n_read)
{
    struct fus_run_summary *s = &r->summary;
    int m = fus_summary_file_model_in(r, t, name[0]), l = fus_summary_file_layer_in(r, t, m, name[1]),
        c = fus_summary_file_category_in(r, t, name[2]), count = fus_power_count(plan);
    if (l < 0)
        return NULL;
    struct fus_layer_summary *layer = &s->models[m].layers[l];
    if (!layer->power) {
        layer->power = fus_summary_file_take(r, (size_t)s->n_categories * (size_t)count, sizeof *layer->power);
        *n_read = 0;
    }
    if (!layer->power)
        return NULL;
    if (*n_read / count != c || *n_read >= s->n_categories * count) {
        fus_csv_read_fail(t, "category %s is out of order", s->categories[c]);
        return NULL;
    }
    return &layer->power[(*n_read)++];
}

void fus_power_table_read(struct fus_run_summary_file *r, const struct fus_power_plan *plan)
{
    struct fus_csv_read t;
    int at[2 * FUS_BOOTSTRAP_STATISTICS], name[3], n_read = 0;
    if (!fus_summary_file_open_table(r, &t, "power.csv"))
        return;
    name[0] = fus_csv_read_column(&t, "model");
    name[1] = fus_csv_read_column(&t, "layer");
    name[2] = fus_csv_read_column(&t, "category");
    for (int k = 0; k < FUS_BOOTSTRAP_STATISTICS; k++) {
        char sd[24];
        snprintf(sd, sizeof sd, "%s_sd", names[k]);
        at[2 * k] = fus_csv_read_column(&t, names[k]);
        at[2 * k + 1] = fus_csv_read_column(&t, sd);
    }
    while (!r->code && fus_csv_read_next(&t)) {
        struct fus_power_point *p = next_point(r, &t, plan, name, &n_read);
        for (int k = 0; p && k < FUS_BOOTSTRAP_STATISTICS; k++) {
            p->mean[k] = fus_csv_read_number(&t, at[2 * k]);
            p->sd[k] = fus_csv_read_number(&t, at[2 * k + 1]);
        }
        if (!p)
            break;
    }
    fus_summary_file_close_table(r, &t);
}
