/* SPDX-License-Identifier: MIT */
/* fusiform compare: two finished runs over the same pictures, layer by layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/report.h"
#include "analysis/run/csv.h"
#include "analysis/run/run_read.h"
#include "tools/args.h"
#include "tools/commands.h"

static const char help[] =
    "usage: fusiform compare RUN_A RUN_B [-o OUT.csv]\n\n"
    "Every model of the finished run RUN_A against every one of RUN_B, in the layers that correspond (by\n"
    "name, or by relative depth where the networks' blocks differ): differences of proportion, CSI,\n"
    "variation and Morisita's index, and the one-sided Welch test of the CSI of the selective units (\"A greater\"; "
    "units share weights and "
    "are no independent\n"
    "samples), q by Benjamini and Hochberg over the table. Refuses runs that saw other pictures or chose units by "
    "another rule.\n"
    "For intervals and p of the differences give both models to one `fusiform run --bootstrap`.\n\n"
    "  -o OUT.csv   instead of standard output\n\n"
    "example: fusiform compare out/untrained out/trained -o difference.csv\n";

struct pair {
    const struct fus_run_read_row *a, *b;
    double t, df, p, q;
};

/* The sd from the standard error; t, df and p stay NaN where a side has fewer than two indices. */
static void test_pair(struct pair *x)
{
    const struct fus_category_summary *a = &x->a->numbers, *b = &x->b->numbers;
    double n_a = (double)a->n_csi, n_b = (double)b->n_csi;
    double var_a = a->csi_sem * a->csi_sem * n_a, var_b = b->csi_sem * b->csi_sem * n_b;
    x->t = x->df = x->p = x->q = NAN;
    if (!(n_a >= 2 && n_b >= 2) || isnan(var_a) || isnan(var_b))
        return;
    x->t = fus_ttest_welch(&x->df, a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
    x->p = fus_ttest_p(a->csi_mean, var_a, n_a, b->csi_mean, var_b, n_b);
}

/* The layers of a run's model, in order: names, sizes and depths alone; the caller's. */
static int list_layers(struct fus_model_summary *m, const struct fus_run_read *run, const char *model,
                       struct fus_error *err)
{
    *m = (struct fus_model_summary){.layers = fus_base_alloc((size_t)run->n_rows + 1, sizeof *m->layers)};
    if (!m->layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d layers", run->n_rows);
    for (int i = 0; i < run->n_rows; i++) {
        const struct fus_run_read_row *row = &run->rows[i];
        struct fus_layer_summary *last = m->n_layers ? &m->layers[m->n_layers - 1] : NULL;
        if (strcmp(row->model, model) != 0 || (last && strcmp(last->name, row->layer.name) == 0))
            continue;
        last = &m->layers[m->n_layers++];
        snprintf(last->name, sizeof last->name, "%s", row->layer.name);
        last->depth = row->layer.depth;
    }
    return FUS_OK;
}

static const struct fus_run_read_row *find_row(const struct fus_run_read *run, const char *model, const char *layer,
                                               const char *category)
{
    for (int i = 0; i < run->n_rows; i++)
        if (strcmp(run->rows[i].model, model) == 0 && strcmp(run->rows[i].layer.name, layer) == 0 &&
            strcmp(run->rows[i].category, category) == 0)
            return &run->rows[i];
    return NULL;
}

/* The row of b's model that a's row is compared with, or NULL. layers: of a's and b's model. */
static const struct fus_run_read_row *partner(const struct fus_model_summary *layers_a,
                                              const struct fus_model_summary *layers_b, const struct fus_run_read *b,
                                              const char *model, const struct fus_run_read_row *row)
{
    int i = 0;
    while (i < layers_a->n_layers && strcmp(layers_a->layers[i].name, row->layer.name) != 0)
        i++;
    int j = layers_b->n_layers ? fus_compare_layer(layers_a, i, layers_b) : -1;
    return j < 0 ? NULL : find_row(b, model, layers_b->layers[j].name, row->category);
}

/* One model of a with one of b. */
static int pair_models(struct pair *pairs, size_t *n, const struct fus_run_read *a, const char *model_a,
                       const struct fus_run_read *b, const char *model_b, struct fus_error *err)
{
    struct fus_model_summary layers_a, layers_b = {0};
    int code = list_layers(&layers_a, a, model_a, err);
    if (!code)
        code = list_layers(&layers_b, b, model_b, err);
    for (int i = 0; i < a->n_rows && !code; i++) {
        const struct fus_run_read_row *x = &a->rows[i], *y = strcmp(x->model, model_a) == 0
                                                                 ? partner(&layers_a, &layers_b, b, model_b, x)
                                                                 : NULL;
        if (y)
            pairs[(*n)++] = (struct pair){.a = x, .b = y};
    }
    fus_base_free(layers_a.layers);
    fus_base_free(layers_b.layers);
    return code;
}

/* Rows of both whose layers correspond, of one category, in the order of b's models, then of a's
 * rows. *pairs is the caller's. */
static int pair_rows(struct pair **pairs, size_t *n, const struct fus_run_read *a, const struct fus_run_read *b,
                     struct fus_error *err)
{
    *n = 0;
    *pairs = fus_base_alloc((size_t)b->n_models * (size_t)a->n_rows + 1, sizeof **pairs);
    int code = *pairs ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d comparisons", a->n_rows);
    for (int m = 0; m < b->n_models; m++)
        for (int k = 0; k < a->n_models && !code; k++)
            code = pair_models(*pairs, n, a, a->models[k].name, b, b->models[m].name, err);
    if (code || *n)
        return code;
    return fus_base_fail(err, FUS_ENOTFOUND, "%s and %s have no layers that correspond", a->folder, b->folder);
}

static int test_pairs(struct pair *pairs, size_t n, struct fus_error *err)
{
    size_t tests = 0;
    double *q = fus_base_alloc(n, sizeof *q);
    if (!q)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", n);
    for (size_t i = 0; i < n; i++) {
        test_pair(&pairs[i]);
        if (!isnan(pairs[i].p))
            q[tests++] = pairs[i].p;
    }
    int code = fus_multiple_adjust(q, q, tests, FUS_BH, err);
    for (size_t i = 0, k = 0; i < n; i++)
        if (!isnan(pairs[i].p))
            pairs[i].q = q[k++];
    fus_base_free(q);
    return code;
}

static void write_rows(struct fus_outfile *f, const struct pair *pairs, size_t n)
{
    fus_outfile_printf(
        f, "model_a,model_b,layer,category,proportion_a,proportion_b,proportion_difference,csi_a,csi_b,"
           "csi_difference,t,df,p,q,"
           "variation_a,variation_b,variation_difference,layer_b,morisita_a,morisita_b,morisita_difference\n");
    for (size_t i = 0; i < n; i++) {
        const struct fus_run_read_row *a = pairs[i].a, *b = pairs[i].b;
        const struct fus_category_summary *x = &a->numbers, *y = &b->numbers;
        const double row[] = {x->proportion,
                              y->proportion,
                              x->proportion - y->proportion,
                              x->csi_mean,
                              y->csi_mean,
                              x->csi_mean - y->csi_mean,
                              pairs[i].t,
                              pairs[i].df,
                              pairs[i].p,
                              pairs[i].q,
                              x->variation_cv,
                              y->variation_cv,
                              x->variation_cv - y->variation_cv};
        fus_csv_name(f, "", a->model);
        fus_csv_name(f, ",", b->model);
        fus_csv_name(f, ",", a->layer.name);
        fus_csv_name(f, ",", a->category);
        for (size_t k = 0; k < sizeof row / sizeof *row; k++)
            fus_csv_number(f, row[k]);
        fus_csv_name(f, ",", b->layer.name);
        fus_csv_number(f, x->morisita);
        fus_csv_number(f, y->morisita);
        fus_csv_number(f, x->morisita - y->morisita);
        fus_outfile_printf(f, "\n");
    }
}

static int compare(const char *folder_a, const char *folder_b, const char *out, struct fus_error *err)
{
    struct fus_run_read a, b = {0};
    struct pair *pairs = NULL;
    struct fus_outfile f = {.file = stdout};
    size_t n = 0;
    int code = fus_run_read_open(&a, folder_a, true, err);
    if (!code)
        code = fus_run_read_open(&b, folder_b, true, err);
    if (!code)
        code = fus_run_read_same_pictures(&a, &b, err);
    if (!code)
        code = fus_run_read_same_options(&a, &b, err);
    if (!code)
        code = pair_rows(&pairs, &n, &a, &b, err);
    if (!code)
        code = test_pairs(pairs, n, err);
    if (!code && out)
        code = fus_outfile_open(&f, out, err);
    if (!code)
        write_rows(&f, pairs, n);
    if (!code && out)
        code = fus_outfile_commit(&f, err);
    fus_base_free(pairs);
    fus_run_read_close(&a);
    fus_run_read_close(&b);
    return code;
}

int fus_cmd_compare(int argc, char **argv)
{
    const char *out = NULL;
    const struct fus_arg args[] = {{"-o", FUS_ARG_TEXT, &out}, {"--out", FUS_ARG_TEXT, &out}, {0}};
    struct fus_texts runs;
    struct fus_error err = {0};
    int status = fus_args_parse("compare", help, args, &runs, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (runs.n != 2)
        return fus_args_usage("compare", "two folders of finished runs expected, %d found", runs.n);
    return compare(runs.items[0], runs.items[1], out, &err) ? fus_args_failed(&err) : 0;
}
