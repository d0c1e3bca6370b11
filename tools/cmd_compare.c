/* fusiform compare: two finished runs over the same pictures, layer by layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/csv.h"
#include "analysis/analysis.h"
#include "args.h"
#include "commands.h"
#include "past.h"

static const char help[] =
    "usage: fusiform compare RUN_A RUN_B [-o OUT.csv]\n\n"
    "Every model of the finished run RUN_A against every one of RUN_B, in the layers that both have: differences of proportion, CSI and\n"
    "variation, and the one-sided Welch test of the CSI of the selective units (\"A greater\"; units share weights and are no independent\n"
    "samples), q by Benjamini and Hochberg over the table. Refuses runs that saw other pictures or chose units by another rule.\n"
    "For intervals and p of the differences give both models to one `fusiform run --bootstrap`.\n\n"
    "  -o OUT.csv   instead of standard output\n\n"
    "example: fusiform compare out/untrained out/trained -o difference.csv\n";

struct pair {
    const struct fus_past_row *a, *b;
    double t, df, p, q;
};

/* The sd from the standard error; t, df and p stay NaN where a side has fewer than two indices. */
static void test_pair(struct pair *x)
{
    double n_a = x->a->n_selective - x->a->csi_undefined, n_b = x->b->n_selective - x->b->csi_undefined;
    double var_a = x->a->csi_sem * x->a->csi_sem * n_a, var_b = x->b->csi_sem * x->b->csi_sem * n_b;
    x->t = x->df = x->p = x->q = NAN;
    if (!(n_a >= 2 && n_b >= 2) || isnan(var_a) || isnan(var_b))
        return;
    x->t = fus_ttest_welch(&x->df, x->a->csi_mean, var_a, n_a, x->b->csi_mean, var_b, n_b);
    x->p = fus_ttest_p(x->a->csi_mean, var_a, n_a, x->b->csi_mean, var_b, n_b);
}

/* Rows of both that speak of the same layer and category, in the order of b's models, then of a's rows. *pairs is the caller's. */
static int pair_rows(struct pair **pairs, size_t *n, const struct fus_past *a, const struct fus_past *b, struct fus_error *err)
{
    *n = 0;
    for (int pass = 0; pass < 2; pass++) {
        size_t at = 0;
        for (int m = 0; m < b->n_models; m++)
            for (int i = 0; i < a->n_rows; i++)
                for (int k = 0; k < b->n_rows; k++) {
                    const struct fus_past_row *x = &a->rows[i], *y = &b->rows[k];
                    if (strcmp(y->model, b->models[m].name) || strcmp(x->layer, y->layer) || strcmp(x->category, y->category))
                        continue;
                    if (pass == 1)
                        (*pairs)[at] = (struct pair){.a = x, .b = y};
                    at++;
                }
        if (pass == 0 && !(*pairs = fus_base_alloc(at + 1, sizeof **pairs)))
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", at);
        *n = at;
    }
    return *n ? FUS_OK : fus_base_fail(err, FUS_ENOTFOUND, "%s and %s have no layer in common", a->folder, b->folder);
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
    fus_outfile_printf(f, "model_a,model_b,layer,category,proportion_a,proportion_b,proportion_difference,csi_a,csi_b,csi_difference,t,df,p,q,"
                          "variation_a,variation_b,variation_difference\n");
    for (size_t i = 0; i < n; i++) {
        const struct fus_past_row *a = pairs[i].a, *b = pairs[i].b;
        const double row[] = {a->proportion, b->proportion, a->proportion - b->proportion, a->csi_mean, b->csi_mean, a->csi_mean - b->csi_mean,
                              pairs[i].t, pairs[i].df, pairs[i].p, pairs[i].q,
                              a->variation_cv, b->variation_cv, a->variation_cv - b->variation_cv};
        fus_csv_name(f, "", a->model);
        fus_csv_name(f, ",", b->model);
        fus_csv_name(f, ",", a->layer);
        fus_csv_name(f, ",", a->category);
        for (size_t k = 0; k < sizeof row / sizeof *row; k++)
            fus_csv_number(f, row[k]);
        fus_outfile_printf(f, "\n");
    }
}

static int compare(const char *folder_a, const char *folder_b, const char *out, struct fus_error *err)
{
    struct fus_past a, b = {0};
    struct pair *pairs = NULL;
    struct fus_outfile f = {.file = stdout};
    size_t n = 0;
    int code = fus_past_open(&a, folder_a, true, err);
    if (!code)
        code = fus_past_open(&b, folder_b, true, err);
    if (!code)
        code = fus_past_same_pictures(&a, &b, err);
    if (!code)
        code = fus_past_same_options(&a, &b, err);
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
    fus_past_close(&a);
    fus_past_close(&b);
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
