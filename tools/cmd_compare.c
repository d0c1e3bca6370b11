/* SPDX-License-Identifier: MIT */
/* fusiform compare: finished runs over the same pictures, layer by layer; by as many units of each,
 * and in groups of trainings, as one run of all their models. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/report/report.h"
#include "analysis/run/csv.h"
#include "analysis/run/joint.h"
#include "analysis/run/run_read.h"
#include "analysis/run/tables.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/run_args.h"

static const char help[] =
    "usage: fusiform compare RUN_A RUN_B [RUN...] [-o OUT.csv] [--matched MATCHED.csv]\n"
    "                        [--group NAME=MODEL,... --group NAME=MODEL,... --groups GROUPS.csv]\n\n"
    "Every model of a finished run against every one of a later run in the list, in the layers that correspond (by\n"
    "name, or by relative depth where the networks' blocks differ): differences of proportion, CSI,\n"
    "variation and Morisita's index, and the one-sided Welch test of the CSI of the selective units (\"A greater\"; "
    "units share weights and "
    "are no independent\n"
    "samples), q by Benjamini and Hochberg over the table. Refuses runs that saw other pictures or chose units by "
    "another rule.\n"
    "For intervals and p of these differences give the models to one `fusiform run --bootstrap`.\n\n"
    "  -o OUT.csv            instead of standard output\n"
    "  --matched FILE.csv    what one run of all models would write as matched.csv: as many units of each. The runs "
    "need\n"
    "                        --matched --draws, and the same --bootstrap\n"
    "  --groups FILE.csv     what it would write as groups.csv: trainings of one kind, named by --group. With --draws "
    "in\n"
    "                        all runs, intervals over pictures too, and matched statistics\n"
    "  --group NAME=M,M,...  models by their names; for each kind one --group\n\n"
    "example: fusiform compare out/untrained out/trained -o difference.csv --matched matched.csv\n";

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

/* The finished runs and the pairs of their rows. */
struct comparison {
    struct fus_run_read runs[FUS_GROUPS_MODELS];
    int n;
    struct pair *pairs;
    size_t n_pairs;
};

static int room_for_pairs(size_t *room, const struct comparison *x, struct fus_error *err)
{
    *room = 1;
    for (int i = 0; i < x->n; i++)
        for (int k = i + 1; k < x->n; k++) {
            size_t n;
            if (!fus_base_mul(&n, (size_t)x->runs[k].n_models, (size_t)x->runs[i].n_rows) ||
                !fus_base_add(room, *room, n))
                return fus_base_fail(err, FUS_ENOMEM, "too many rows to compare");
        }
    return FUS_OK;
}

/* Rows of two runs whose layers correspond, of one category: for each two runs in the order of the
 * other's models, then of the first's rows. */
static int pair_rows(struct comparison *x, struct fus_error *err)
{
    size_t room;
    int code = room_for_pairs(&room, x, err);
    if (!code && !(x->pairs = fus_base_alloc(room, sizeof *x->pairs)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", room);
    for (int i = 0; i < x->n; i++)
        for (int k = i + 1; k < x->n; k++) {
            const struct fus_run_read *a = &x->runs[i], *b = &x->runs[k];
            for (int m = 0; m < b->n_models; m++)
                for (int l = 0; l < a->n_models && !code; l++)
                    code = pair_models(x->pairs, &x->n_pairs, a, a->models[l].name, b, b->models[m].name, err);
        }
    if (code || x->n_pairs)
        return code;
    return fus_base_fail(err, FUS_ENOTFOUND, "%s and %s have no layers that correspond", x->runs[0].folder,
                         x->runs[1].folder);
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

/* What is asked for. */
struct request {
    const char *out, *matched, *groups;
    const char *group_list; /* of all --group; NULL: none */
};

static int open_runs(struct comparison *x, const struct fus_texts *folders, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < folders->n && !code; i++) {
        code = fus_run_read_open(&x->runs[i], folders->items[i], true, err);
        x->n++;
        if (!code && i)
            code = fus_run_read_same_pictures(&x->runs[0], &x->runs[i], err);
        if (!code && i)
            code = fus_run_read_same_options(&x->runs[0], &x->runs[i], err);
    }
    return code;
}

static int write_pairs(const struct comparison *x, const char *out, struct fus_error *err)
{
    struct fus_outfile f = {.file = stdout};
    int code = out ? fus_outfile_open(&f, out, err) : FUS_OK;
    if (code)
        return code;
    write_rows(&f, x->pairs, x->n_pairs);
    return out ? fus_outfile_commit(&f, err) : FUS_OK;
}

/* The tables of one run of all models. */
static int write_joint(const struct fus_joint *joint, const struct request *r, struct fus_error *err)
{
    const struct fus_run_summary *run = fus_joint_summary(joint);
    const char *without = fus_joint_without_draws(joint);
    struct fus_groups groups = {0};
    int code = r->groups ? fus_summary_groups(&groups, run, r->group_list, err) : FUS_OK;
    if (!code && without)
        fus_args_tell("fusiform compare: %s has no draws: %s is made without resampled pictures; --draws in all runs "
                      "would add them",
                      without, r->groups);
    if (!code && r->matched)
        code = fus_table_matched(r->matched, run, err);
    if (!code && r->groups)
        code = fus_table_groups(r->groups, run, &groups, fus_joint_seed(joint), err);
    int apart[2];
    if (!code && fus_table_groups_apart(apart, run, &groups))
        fus_args_tell(
            "fusiform compare: warning: groups %s and %s: no layer corresponds in all their models, so %s has "
            "no rows of them",
            groups.group[apart[0]].name, groups.group[apart[1]].name, r->groups);
    return code;
}

static int compare(const struct fus_texts *folders, const struct request *r, struct fus_error *err)
{
    struct comparison x = {.n = 0};
    struct fus_joint *joint = NULL;
    int code = open_runs(&x, folders, err);
    if (!code)
        code = pair_rows(&x, err);
    if (!code)
        code = test_pairs(x.pairs, x.n_pairs, err);
    if (!code && (r->matched || r->groups))
        code = fus_joint_open(&joint, folders->items, folders->n, r->matched, err);
    if (!code && joint)
        code = write_joint(joint, r, err);
    if (!code)
        code = write_pairs(&x, r->out, err);
    fus_joint_close(joint);
    fus_base_free(x.pairs);
    for (int i = 0; i < x.n; i++)
        fus_run_read_close(&x.runs[i]);
    return code;
}

int fus_cmd_compare(int argc, char **argv)
{
    char list[FUS_RUN_ARGS_GROUPS];
    const char *listed[FUS_GROUPS_MAX];
    struct fus_texts runs, groups = {listed, 0, FUS_GROUPS_MAX};
    struct request r = {NULL, NULL, NULL, NULL};
    const struct fus_arg args[] = {{"-o", FUS_ARG_TEXT, &r.out},
                                   {"--out", FUS_ARG_TEXT, &r.out},
                                   {"--matched", FUS_ARG_TEXT, &r.matched},
                                   {"--group", FUS_ARG_LIST, &groups},
                                   {"--groups", FUS_ARG_TEXT, &r.groups},
                                   {0}};
    struct fus_error err = {0};
    int status = fus_args_parse("compare", help, args, &runs, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (runs.n < 2 || runs.n > FUS_GROUPS_MODELS)
        return fus_args_usage("compare", "two to %d folders of finished runs expected, %d found", FUS_GROUPS_MODELS,
                              runs.n);
    if (!r.groups != !groups.n)
        return fus_args_usage("compare", "--groups FILE.csv and --group NAME=MODEL,... go together");
    if (groups.n && !(r.group_list = fus_run_args_groups(list, &groups, &err)))
        return fus_args_usage("compare", "%s", err.msg);
    return compare(&runs, &r, &err) ? fus_args_failed(&err) : 0;
}
