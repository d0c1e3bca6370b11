/* SPDX-License-Identifier: MIT */
/* layers.csv, compare.csv and pixels.csv (csv.h). Columns are added at the end, so that older
 * readers go on working. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/run/columns.h"
#include "analysis/run/csv.h"
#include "analysis/run/tables.h"
#include "nn/base/fmath.h"
#include "stimuli/stimuli.h"

int fus_table_layers(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_columns_write_header(&f);
    for (int m = 0; m < run->n_models; m++)
        for (int i = 0; i < run->models[m].n_layers; i++) {
            const struct fus_layer_summary *layer = &run->models[m].layers[i];
            for (int c = 0; c < run->n_categories; c++)
                fus_columns_write_row(&f, run->models[m].name, run->categories[c], layer, &layer->categories[c]);
        }
    return fus_outfile_commit(&f, err);
}

#define N_STATISTICS FUS_BOOTSTRAP_STATISTICS
#define N_COLUMNS (1 + N_STATISTICS) /* of p: the paper's test, then the bootstrap of each statistic */

struct comparison {
    struct fus_csi_comparison *rows;
    size_t n;
    struct fus_interval *intervals; /* [n, N_STATISTICS]; NaN without a bootstrap */
    struct fus_interval *ratios;    /* [n] of the proportions, first over other */
    struct fus_interval *wide;      /* [n] the same with coverage 1 - 2 alpha, if there is a sesoi */
    double *q;                      /* [n, N_COLUMNS] */
};

static double *p_of(const struct comparison *c, size_t row, int column)
{
    return column == 0 ? &c->rows[row].p : &c->intervals[row * N_STATISTICS + (size_t)column - 1].p;
}

/* q of one column by Benjamini-Hochberg over the rows that have a p; NaN for the
 * others. scratch [n]. */
static int adjust_column(struct comparison *c, int column, double *scratch, struct fus_error *err)
{
    size_t n_tests = 0;
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(*p_of(c, i, column)))
            scratch[n_tests++] = *p_of(c, i, column);
    int code = fus_multiple_adjust(scratch, scratch, n_tests, FUS_BH, err);
    for (size_t i = c->n; i > 0; i--)
        c->q[(i - 1) * N_COLUMNS + (size_t)column] = isnan(*p_of(c, i - 1, column)) ? NAN : scratch[--n_tests];
    return code;
}

/* log(x / y), NaN where either is 0; true if none is NaN. */
static bool log_ratios(double *log, const double *x, const double *y, size_t n)
{
    bool defined = true;
    for (size_t i = 0; i < n; i++) {
        bool here = x[i] > 0 && y[i] > 0;
        log[i] = here ? fus_fmath_log(x[i] / y[i]) : NAN;
        defined = defined && here;
    }
    return defined;
}

/* First proportion over the other, paired by resample; the interval is computed on logarithms, so
 * that "twice" and "half" are equally far from 1. NaN if the other proportion is 0; the interval is
 * also NaN if either is 0 in some resample. */
static int fill_ratio(struct fus_interval *out, const struct fus_bootstrap *a, const struct fus_bootstrap *b,
                      int category, double alpha, struct fus_error *err)
{
    struct fus_bootstrap_column x = fus_bootstrap_column(a, (size_t)category * N_STATISTICS),
                                y = fus_bootstrap_column(b, (size_t)category * N_STATISTICS);
    double *values = fus_base_alloc(2 * x.n + x.n_nested, sizeof *values);
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu resamples", x.n);
    double *nested = values + x.n, *scratch = nested + x.n_nested;
    if (out->estimate > 0 && log_ratios(values, x.resampled, y.resampled, x.n)) {
        struct fus_bootstrap_column c = {.estimate = fus_fmath_log(out->estimate),
                                         .n = x.n,
                                         .n_nested = x.n_nested,
                                         .resampled = values,
                                         .nested = x.nested ? nested : NULL};
        struct fus_interval log;
        log_ratios(nested, x.nested, y.nested, x.n_nested);
        fus_bootstrap_interval(&log, &c,
                               a->method == FUS_INTERVAL_CENTRED ? FUS_INTERVAL_CENTRED : FUS_INTERVAL_PERCENTILE,
                               alpha, scratch);
        out->low = fus_fmath_exp(log.low);
        out->high = fus_fmath_exp(log.high);
    }
    fus_base_free(values);
    return FUS_OK;
}

static double ratio_of(const struct fus_run_summary *run, const struct fus_csi_comparison *r)
{
    double other = run->models[r->model_b].layers[r->layer_b].categories[r->category].proportion;
    return other > 0 ? run->models[r->model_a].layers[r->layer_a].categories[r->category].proportion / other : NAN;
}

/* Rows of one layer come together: all categories of the pair of models. */
static int fill_intervals(struct comparison *c, const struct fus_run_summary *run, struct fus_error *err)
{
    for (size_t i = 0; i < c->n * N_STATISTICS; i++)
        c->intervals[i] = (struct fus_interval){NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < c->n; i += (size_t)run->n_categories) {
        const struct fus_csi_comparison *r = &c->rows[i];
        const struct fus_bootstrap *a = run->models[r->model_a].layers[r->layer_a].bootstrap;
        const struct fus_bootstrap *b = run->models[r->model_b].layers[r->layer_b].bootstrap;
        int code =
            a && b ? fus_bootstrap_difference(&c->intervals[i * N_STATISTICS], a, b, run->options.alpha, err) : FUS_OK;
        for (int k = 0; k < run->n_categories && !code; k++) {
            struct fus_interval *ratio = &c->ratios[i + (size_t)k];
            *ratio = (struct fus_interval){ratio_of(run, &c->rows[i + (size_t)k]), NAN, NAN, NAN};
            c->wide[i + (size_t)k] = *ratio;
            if (a && b)
                code = fill_ratio(ratio, a, b, k, run->options.alpha, err);
            if (a && b && run->sesoi > 0 && !code)
                code = fill_ratio(&c->wide[i + (size_t)k], a, b, k, 2 * run->options.alpha, err);
        }
        if (code)
            return code;
    }
    return FUS_OK;
}

static void put_interval(struct fus_outfile *f, const struct fus_interval *interval, double q)
{
    fus_csv_number(f, interval->low);
    fus_csv_number(f, interval->high);
    fus_csv_number(f, interval->p);
    fus_csv_number(f, q);
}

static void comparison_row(struct fus_outfile *f, const struct fus_run_summary *run, const struct comparison *c,
                           size_t i)
{
    const struct fus_csi_comparison *r = &c->rows[i];
    const struct fus_interval *interval = &c->intervals[i * N_STATISTICS];
    const double *q = &c->q[i * N_COLUMNS];
    const struct fus_category_summary *a = &run->models[r->model_a].layers[r->layer_a].categories[r->category],
                                      *b = &run->models[r->model_b].layers[r->layer_b].categories[r->category];
    fus_csv_name(f, "", run->models[r->model_a].name);
    fus_csv_name(f, ",", run->models[r->model_b].name);
    fus_csv_name(f, ",", run->models[r->model_a].layers[r->layer_a].name);
    fus_csv_name(f, ",", run->categories[r->category]);
    const double paper[] = {r->proportion_difference, r->csi_difference, r->t, r->df, r->p, q[0]};
    for (int k = 0; k < 6; k++)
        fus_csv_number(f, paper[k]);
    fus_csv_number(f, a->variation_cv - b->variation_cv);
    for (int k = 0; k < FUS_BOOTSTRAP_MORISITA; k++)
        put_interval(f, &interval[k], q[1 + k]);
    fus_csv_number(f, c->ratios[i].estimate);
    fus_csv_number(f, c->ratios[i].low);
    fus_csv_number(f, c->ratios[i].high);
    fus_csv_name(f, ",", run->models[r->model_b].layers[r->layer_b].name);
    fus_csv_number(f, a->morisita - b->morisita);
    put_interval(f, &interval[FUS_BOOTSTRAP_MORISITA], q[1 + FUS_BOOTSTRAP_MORISITA]);
    fus_csv_number(f, c->wide[i].low);
    fus_csv_number(f, c->wide[i].high);
    fus_outfile_printf(f, ",%s\n", fus_summary_equivalence(c->wide[i].low, c->wide[i].high, run->sesoi));
}

static int write_comparison(const char *path, const struct fus_run_summary *run, const struct comparison *c,
                            struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(
        &f, "model_a,model_b,layer,category,proportion_difference,csi_difference,t,df,p,q,variation_difference,"
            "proportion_low,proportion_high,proportion_p,proportion_q,csi_low,csi_high,csi_p,csi_q,"
            "variation_low,variation_high,variation_p,variation_q,proportion_ratio,ratio_low,ratio_high,layer_b,"
            "morisita_difference,morisita_low,morisita_high,morisita_p,morisita_q,"
            "equivalence_low,equivalence_high,equivalence\n");
    for (size_t i = 0; i < c->n; i++)
        comparison_row(&f, run, c, i);
    return fus_outfile_commit(&f, err);
}

int fus_table_compare(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct comparison c = {0};
    int code = fus_compare_csi(&c.rows, &c.n, run, err);
    if (code)
        return code;
    double *scratch = fus_base_alloc(c.n + 1, sizeof *scratch);
    c.q = fus_base_alloc(c.n + 1, N_COLUMNS * sizeof *c.q);
    c.intervals = fus_base_alloc(c.n + 1, N_STATISTICS * sizeof *c.intervals);
    c.ratios = fus_base_alloc(c.n + 1, 2 * sizeof *c.ratios);
    c.wide = c.ratios ? c.ratios + c.n : NULL;
    if (!scratch || !c.q || !c.intervals || !c.ratios)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", c.n);
    if (!code)
        code = fill_intervals(&c, run, err);
    for (int k = 0; k < N_COLUMNS && !code; k++)
        code = adjust_column(&c, k, scratch, err);
    if (!code)
        code = write_comparison(path, run, &c, err);
    fus_base_free(scratch);
    fus_base_free(c.q);
    fus_base_free(c.intervals);
    fus_base_free(c.ratios);
    fus_base_free(c.rows);
    return code;
}

int fus_table_pixels(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "category,n,luminance_mean,luminance_sd,contrast_mean,contrast_sd,slope_mean,slope_sd\n");
    for (int c = 0; c < run->n_categories; c++) {
        const struct fus_pixelstats_category *p = &run->pixels[c];
        fus_csv_name(&f, "", run->categories[c]);
        fus_csv_count(&f, (size_t)p->n);
        fus_csv_number(&f, p->luminance_mean);
        fus_csv_number(&f, p->luminance_sd);
        fus_csv_number(&f, p->contrast_mean);
        fus_csv_number(&f, p->contrast_sd);
        fus_csv_number(&f, p->slope_mean);
        fus_csv_number(&f, p->slope_sd);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}
