/* SPDX-License-Identifier: MIT */
/* consistency.csv: Spearman's r of the dissimilarities of every two layers, between categories and,
 * where single responses were kept, between pictures with interval, p and ceiling
 * (analysis/units/similarity.c). */
#include <math.h>
#include <stdatomic.h>

#include "analysis/run/csv.h"
#include "analysis/run/run_options.h"
#include "analysis/run/tables.h"
#include "nn/base/threads.h"
#include "stimuli/stimuli.h"

struct layers {
    const struct fus_run_summary *run;
    struct fus_similarity_plan plan;
    struct fus_similarity *found; /* [n, n] */
    int *model, *layer;           /* [n] of all models in turn */
    int n;
    atomic_int code; /* of any failure */
};

static const struct fus_layer_summary *layer_at(const struct layers *l, int i)
{
    return &l->run->models[l->model[i]].layers[l->layer[i]];
}

/* One pair; both its rows get the same numbers. */
static void compare(void *context, int task, int thread)
{
    struct layers *l = context;
    int i = task / l->n, j = task % l->n;
    (void)thread;
    if (j < i)
        return;
    int code = fus_similarity_test(&l->found[i * l->n + j], layer_at(l, i)->picture_rdm, layer_at(l, j)->picture_rdm,
                                   &l->plan, NULL);
    l->found[j * l->n + i] = l->found[i * l->n + j];
    if (code)
        l->code = code;
}

static int list_layers(struct layers *l, struct fus_error *err)
{
    int n = 0;
    for (int m = 0; m < l->run->n_models; m++)
        n += l->run->models[m].n_layers;
    l->found = fus_base_alloc((size_t)n, (size_t)n * sizeof *l->found);
    l->model = fus_base_alloc((size_t)n, 2 * sizeof *l->model);
    if (!l->found || !l->model)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to compare %d layers", n);
    l->layer = l->model + n;
    for (int m = 0; m < l->run->n_models; m++)
        for (int k = 0; k < l->run->models[m].n_layers; k++) {
            l->model[l->n] = m;
            l->layer[l->n++] = k;
        }
    return FUS_OK;
}

static void put_row(struct fus_outfile *f, const struct layers *l, int i, int j, bool pictures, double r)
{
    const struct fus_similarity *s = &l->found[i * l->n + j];
    double a = layer_at(l, i)->reliability, b = layer_at(l, j)->reliability;
    fus_outfile_printf(f, "%s", pictures ? "picture" : "category");
    fus_csv_name(f, ",", l->run->models[l->model[i]].name);
    fus_csv_name(f, ",", layer_at(l, i)->name);
    fus_csv_name(f, ",", l->run->models[l->model[j]].name);
    fus_csv_name(f, ",", layer_at(l, j)->name);
    fus_csv_number(f, r);
    fus_csv_number(f, pictures ? s->low : NAN);
    fus_csv_number(f, pictures ? s->high : NAN);
    fus_csv_number(f, pictures ? s->p : NAN);
    fus_csv_number(f, pictures && a >= 0 && b >= 0 ? sqrt(a * b) : NAN);
    fus_outfile_printf(f, "\n");
}

static int put_categories(struct fus_outfile *f, const struct layers *l, struct fus_error *err)
{
    size_t n = (size_t)l->run->n_categories;
    int code = FUS_OK;
    for (int i = 0; i < l->n; i++)
        for (int j = 0; j < l->n && !code; j++) {
            double r;
            code = fus_consistency_spearman(&r, layer_at(l, i)->rdm, layer_at(l, j)->rdm, n * (n - 1) / 2, err);
            put_row(f, l, i, j, false, r);
        }
    return code;
}

static int put_pictures(struct fus_outfile *f, struct layers *l, struct fus_error *err)
{
    if (!layer_at(l, 0)->picture_rdm)
        return FUS_OK;
    fus_threads_for(l->n * l->n, compare, l);
    for (int i = 0; i < l->n && !l->code; i++)
        for (int j = 0; j < l->n; j++)
            put_row(f, l, i, j, true, l->found[i * l->n + j].r);
    return l->code ? fus_base_fail(err, l->code, "no memory to compare %d layers", l->n) : FUS_OK;
}

int fus_consistency_table_write(const char *path, const struct fus_run_summary *run, const struct fus_set *set,
                                const struct fus_run_options *options, struct fus_error *err)
{
    size_t n = (size_t)set->n_pictures;
    int *numbers = fus_base_alloc(n, 2 * sizeof *numbers);
    struct fus_outfile f;
    if (!numbers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    for (size_t i = 0; i < n; i++) {
        numbers[i] = set->pictures[i].category;
        numbers[n + i] = set->pictures[i].subcategory;
    }
    const struct fus_responses pictures = {
        .category = numbers, .n_images = n, .stratum = numbers + n, .over = options->over};
    struct layers l = {.run = run,
                       .plan = {.pictures = &pictures,
                                .n_resamples = (size_t)options->bootstrap,
                                .n_permutations = (size_t)options->permutations,
                                .seed = options->seed,
                                .alpha = options->select.alpha}};
    int code = list_layers(&l, err);
    bool opened = !code && (code = fus_outfile_open(&f, path, err)) == FUS_OK;
    if (opened) {
        fus_outfile_printf(&f, "level,model_a,layer_a,model_b,layer_b,spearman,low,high,p_mantel,ceiling\n");
        code = put_categories(&f, &l, err);
    }
    if (!code)
        code = put_pictures(&f, &l, err);
    if (!code)
        code = fus_outfile_commit(&f, err);
    else if (opened)
        fus_outfile_discard(&f);
    fus_base_free(l.found);
    fus_base_free(l.model);
    fus_base_free(numbers);
    return code;
}
