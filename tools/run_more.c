/* The tables beside layers.csv and compare.csv: permutations.csv, sweep.csv, consistency.csv, signflip.csv. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "tools/run.h"

int fus_run_open_table(struct fus_outfile *f, const struct fus_run *run, const char *name, const char *header, struct fus_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", run->out, name);
    int code = fus_outfile_open(f, path, err);
    if (!code)
        fus_outfile_printf(f, "%s\n", header);
    return code;
}

static void begin_row(struct fus_outfile *f, const struct fus_run_summary *s, int model, int layer, int category)
{
    fus_csv_name(f, "", s->models[model].name);
    fus_csv_name(f, ",", s->models[model].layers[layer].name);
    fus_csv_name(f, ",", s->categories[category]);
}

static int write_permutations(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_run_open_table(&f, run, "permutations.csv", "model,layer,category,n_permutations,proportion,null_mean,null_high,p_proportion,"
                          "csi_mean,p_csi,t_critical,n_familywise", err);
    if (code)
        return code;
    for (int i = 0; i < s->n_models; i++)
        for (int l = 0; l < s->models[i].n_layers; l++)
            for (int c = 0; c < s->n_categories; c++) {
                const struct fus_permute_category *p = &run->models[i].layers[l].permuted[c];
                begin_row(&f, s, i, l, c);
                fus_csv_count(&f, (size_t)run->permutations);
                const double row[] = {p->proportion, p->null_mean, p->null_high, p->p_proportion, p->csi, p->p_csi, p->t_critical};
                for (int k = 0; k < 7; k++)
                    fus_csv_number(&f, row[k]);
                fus_csv_count(&f, p->n_familywise);
                fus_outfile_printf(&f, "\n");
            }
    return fus_outfile_commit(&f, err);
}

static int write_sweep(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    static const char *const correction[] = {"bh", "by", "bonferroni", "none"};
    struct fus_outfile f;
    int code = fus_run_open_table(&f, run, "sweep.csv", "model,layer,category,criterion,correction,threshold,n_selective,proportion", err);
    if (code)
        return code;
    for (int i = 0; i < s->n_models; i++)
        for (int l = 0; l < s->models[i].n_layers; l++)
            for (int c = 0; c < s->n_categories; c++)
                for (size_t k = 0; k < fus_sweep_count(); k++) {
                    struct fus_sweep_threshold t = fus_sweep_threshold(k);
                    size_t n = run->models[i].layers[l].sweep[(size_t)c * fus_sweep_count() + k];
                    begin_row(&f, s, i, l, c);
                    fus_outfile_printf(&f, ",%s,%s", fus_criteria_name(t.criterion), correction[t.correction]);
                    fus_csv_number(&f, t.threshold);
                    fus_csv_count(&f, n);
                    fus_csv_number(&f, (double)n / (double)s->models[i].layers[l].n_units);
                    fus_outfile_printf(&f, "\n");
                }
    return fus_outfile_commit(&f, err);
}

/* ---- consistency ---- */

static const double *rdm_of(const struct fus_run *run, int model, int layer, bool pictures)
{
    const struct fus_run_layer *l = &run->models[model].layers[layer];
    return pictures ? l->picture_rdm : l->rdm;
}

/* One layer against all layers of all models. */
static int consistency_rows(struct fus_outfile *f, const struct fus_run *run, const struct fus_run_summary *s, int model, int layer,
                            bool pictures, struct fus_error *err)
{
    size_t n = (size_t)(pictures ? run->set.n_pictures : s->n_categories);
    int code = FUS_OK;
    for (int j = 0; j < s->n_models; j++)
        for (int k = 0; k < s->models[j].n_layers && !code; k++) {
            double r;
            code = fus_consistency_spearman(&r, rdm_of(run, model, layer, pictures), rdm_of(run, j, k, pictures), n * (n - 1) / 2, err);
            fus_outfile_printf(f, "%s", pictures ? "picture" : "category");
            fus_csv_name(f, ",", s->models[model].name);
            fus_csv_name(f, ",", s->models[model].layers[layer].name);
            fus_csv_name(f, ",", s->models[j].name);
            fus_csv_name(f, ",", s->models[j].layers[k].name);
            fus_csv_number(f, r);
            fus_outfile_printf(f, "\n");
        }
    return code;
}

static int write_consistency(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_run_open_table(&f, run, "consistency.csv", "level,model_a,layer_a,model_b,layer_b,spearman", err);
    if (code)
        return code;
    for (int pictures = 0; pictures < (fus_run_keeps_responses(run) ? 2 : 1); pictures++)
        for (int i = 0; i < s->n_models; i++)
            for (int l = 0; l < s->models[i].n_layers && !code; l++)
                code = consistency_rows(&f, run, s, i, l, pictures, err);
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}

/* ---- models across layers ---- */

static double statistic(const struct fus_category_summary *c, int which)
{
    return which == 0 ? c->proportion : which == 1 ? c->csi_mean : c->variation_cv;
}

/* Differences of the layers that correspond (fus_compare_layer); [n_layers of the first]. Returns how many are defined. */
static size_t pair_layers(double *d, const struct fus_model_summary *a, const struct fus_model_summary *b, int category, int which)
{
    size_t n = 0;
    for (int i = 0; i < a->n_layers; i++) {
        int j = fus_compare_layer(a, i, b);
        double x = j < 0 ? NAN : statistic(&a->layers[i].categories[category], which) - statistic(&b->layers[j].categories[category], which);
        if (!isnan(x))
            d[n++] = x;
    }
    return n;
}

static int write_signflip(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    static const char *const names[] = {"proportion", "csi_mean", "variation_cv"};
    struct fus_outfile f;
    const struct fus_model_summary *a = &s->models[0];
    double *d = fus_base_alloc((size_t)a->n_layers + 1, sizeof *d);
    if (!d)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d layers", a->n_layers);
    int code = fus_run_open_table(&f, run, "signflip.csv", "model_a,model_b,category,statistic,n_layers,mean_difference,p", err);
    for (int b = 1; b < s->n_models && !code; b++)
        for (int c = 0; c < s->n_categories; c++)
            for (int which = 0; which < 3; which++) {
                size_t n = pair_layers(d, a, &s->models[b], c, which);
                double sum = 0;
                for (size_t i = 0; i < n; i++)
                    sum += d[i];
                fus_csv_name(&f, "", a->name);
                fus_csv_name(&f, ",", s->models[b].name);
                fus_csv_name(&f, ",", s->categories[c]);
                fus_csv_name(&f, ",", names[which]);
                fus_csv_count(&f, n);
                fus_csv_number(&f, n ? sum / (double)n : NAN);
                fus_csv_number(&f, n ? fus_signflip_p(d, n, true, run->seed) : NAN);
                fus_outfile_printf(&f, "\n");
            }
    fus_base_free(d);
    return code ? code : fus_outfile_commit(&f, err);
}

int fus_run_write_more(const struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err)
{
    int code = FUS_OK;
    if (run->permutations)
        code = write_permutations(run, summary, err);
    if (run->sweep && !code)
        code = write_sweep(run, summary, err);
    if (run->consistency && !code)
        code = write_consistency(run, summary, err);
    if (summary->n_models > 1 && !code)
        code = write_signflip(run, summary, err);
    return code;
}
