/* SPDX-License-Identifier: MIT */
/* The tables of a run: see run_write.h. */
#include "analysis/run/run_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/draws.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/run_options.h"
#include "analysis/run/tables.h"

struct tables {
    const char *folder;
    const struct fus_run_summary *summary;
    const struct fus_set *set;
    const struct fus_run_options *options;
};

static int open_table(struct fus_outfile *f, const char *folder, const char *name, const char *header,
                      struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_path(path, folder, name);
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

static int write_permutations(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    struct fus_outfile f;
    int code = open_table(&f, t->folder, "permutations.csv",
                          "model,layer,category,n_permutations,proportion,null_mean,null_high,"
                          "p_proportion_global_null,csi_mean,t_critical,n_familywise",
                          err);
    if (code)
        return code;
    for (int i = 0; i < s->n_models; i++)
        for (int l = 0; l < s->models[i].n_layers; l++)
            for (int c = 0; c < s->n_categories; c++) {
                const struct fus_permute_category *p = &s->models[i].layers[l].permuted[c];
                begin_row(&f, s, i, l, c);
                fus_csv_count(&f, (size_t)t->options->permutations);
                const double row[] = {p->proportion,   p->null_mean, p->null_high,
                                      p->p_proportion, p->csi,       p->t_critical};
                for (int k = 0; k < 6; k++)
                    fus_csv_number(&f, row[k]);
                fus_csv_count(&f, p->n_familywise);
                fus_outfile_printf(&f, "\n");
            }
    return fus_outfile_commit(&f, err);
}

static int write_equal_n(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    struct fus_outfile f;
    int least = s->n_pictures[0],
        code = open_table(&f, t->folder, "equal_n.csv",
                          "model,layer,category,n_pictures,n_drawn,n_draws,n_selective,proportion,csi_mean,"
                          "variation_cv,morisita,n_selective_all,n_both",
                          err);
    for (int c = 1; c < s->n_categories; c++)
        least = s->n_pictures[c] < least ? s->n_pictures[c] : least;
    if (code)
        return code;
    for (int i = 0; i < s->n_models; i++)
        for (int l = 0; l < s->models[i].n_layers; l++)
            for (int c = 0; c < s->n_categories; c++) {
                const struct fus_equaln_category *e = &s->models[i].layers[l].equal_n[c];
                const double row[] = {e->proportion, e->csi_mean, e->variation_cv, e->morisita};
                begin_row(&f, s, i, l, c);
                fus_csv_count(&f, (size_t)s->n_pictures[c]);
                fus_csv_count(&f, (size_t)least);
                fus_csv_count(&f, FUS_EQUALN_DRAWS);
                fus_csv_count(&f, e->n_selective);
                for (int k = 0; k < 4; k++)
                    fus_csv_number(&f, row[k]);
                fus_csv_count(&f, s->models[i].layers[l].categories[c].n_selective);
                fus_csv_count(&f, e->n_both);
                fus_outfile_printf(&f, "\n");
            }
    return fus_outfile_commit(&f, err);
}

static int write_sweep(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    struct fus_outfile f;
    int code = open_table(&f, t->folder, "sweep.csv",
                          "model,layer,category,criterion,correction,threshold,n_selective,proportion", err);
    if (code)
        return code;
    for (int i = 0; i < s->n_models; i++)
        for (int l = 0; l < s->models[i].n_layers; l++)
            for (int c = 0; c < s->n_categories; c++)
                for (size_t k = 0; k < fus_sweep_count(); k++) {
                    struct fus_sweep_threshold cut = fus_sweep_threshold(k);
                    size_t n = s->models[i].layers[l].sweep[(size_t)c * fus_sweep_count() + k];
                    begin_row(&f, s, i, l, c);
                    fus_outfile_printf(&f, ",%s,%s", fus_criteria_name(cut.criterion),
                                       fus_multiple_name(cut.correction));
                    fus_csv_number(&f, cut.threshold);
                    fus_csv_count(&f, n);
                    fus_csv_number(&f, (double)n / (double)s->models[i].layers[l].n_units);
                    fus_outfile_printf(&f, "\n");
                }
    return fus_outfile_commit(&f, err);
}

/* ---- models across layers ---- */

enum { ACROSS = 4 };

static double statistic(const struct fus_category_summary *c, int which)
{
    const double values[ACROSS] = {c->proportion, c->csi_mean, c->variation_cv, c->morisita};
    return values[which];
}

/* Mean difference over corresponding layers (fus_compare_layer); *n: how many have one. */
static double mean_difference(size_t *n, const struct fus_model_summary *a, const struct fus_model_summary *b,
                              int category, int which)
{
    double sum = 0;
    *n = 0;
    for (int i = 0; i < a->n_layers; i++) {
        int j = fus_compare_layer(a, i, b);
        double d = j < 0 ? NAN
                         : statistic(&a->layers[i].categories[category], which) -
                               statistic(&b->layers[j].categories[category], which);
        if (!isnan(d))
            sum += d, ++*n;
    }
    return *n ? sum / (double)*n : NAN;
}

static void signflip_rows(struct fus_outfile *f, const struct fus_run_summary *s, int a, int b)
{
    static const char *const names[ACROSS] = {"proportion", "csi_mean", "variation_cv", "morisita"};
    for (int c = 0; c < s->n_categories; c++)
        for (int which = 0; which < ACROSS; which++) {
            size_t n;
            double mean = mean_difference(&n, &s->models[a], &s->models[b], c, which);
            fus_csv_name(f, "", s->models[a].name);
            fus_csv_name(f, ",", s->models[b].name);
            fus_csv_name(f, ",", s->categories[c]);
            fus_csv_name(f, ",", names[which]);
            fus_csv_count(f, n);
            fus_csv_number(f, mean);
            fus_outfile_printf(f, "\n");
        }
}

/* Differences alone: the layers of one network are one sample, so that their signs give no p
 * (groups.csv has one over trainings). */
static int write_signflip(const struct tables *t, struct fus_error *err)
{
    struct fus_outfile f;
    int code =
        open_table(&f, t->folder, "signflip.csv", "model_a,model_b,category,statistic,n_layers,mean_difference", err);
    if (code)
        return code;
    for (int a = 0; a < t->summary->n_models; a++)
        for (int b = a + 1; b < t->summary->n_models; b++)
            signflip_rows(&f, t->summary, a, b);
    return fus_outfile_commit(&f, err);
}

/* Two layers in every category that both have units for. */
static int agreement_rows(struct fus_outfile *f, const struct tables *t, const int at[4], const int *numbers,
                          struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    size_t n = (size_t)t->set->n_pictures;
    const struct fus_layer_summary *a = &s->models[at[0]].layers[at[2]], *b = &s->models[at[1]].layers[at[3]];
    int code = FUS_OK;
    for (int c = 0; c < s->n_categories && !code; c++) {
        size_t first = (size_t)c * FUS_AGREEMENT_UNITS * n;
        struct fus_agreement x;
        code = fus_agreement_compare(&x, a->agreement + first, b->agreement + first, numbers, numbers + n, n,
                                     s->n_categories, err);
        if (code || isnan(x.r))
            continue;
        fus_csv_name(f, "", s->models[at[0]].name);
        fus_csv_name(f, ",", s->models[at[1]].name);
        fus_csv_name(f, ",", a->name);
        fus_csv_name(f, ",", b->name);
        fus_csv_name(f, ",", s->categories[c]);
        const double row[] = {x.r, x.ceiling, x.r_within, x.ceiling_within};
        for (int k = 0; k < 4; k++)
            fus_csv_number(f, row[k]);
        fus_outfile_printf(f, "\n");
    }
    return code;
}

static int write_agreement(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    size_t n = (size_t)t->set->n_pictures;
    struct fus_outfile f;
    int *numbers = fus_base_alloc(n, 2 * sizeof *numbers); /* category and half of each picture */
    int code = numbers ? open_table(&f, t->folder, "agreement.csv",
                                    "model_a,model_b,layer,layer_b,category,r,ceiling,r_within,ceiling_within", err)
                       : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n);
    if (code) {
        fus_base_free(numbers);
        return code;
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = t->set->pictures[i].category;
        numbers[n + i] = t->set->pictures[i].half;
    }
    for (int a = 0; a < s->n_models; a++)
        for (int b = a + 1; b < s->n_models; b++)
            for (int i = 0; i < s->models[a].n_layers && !code; i++) {
                int j = fus_compare_layer(&s->models[a], i, &s->models[b]);
                if (j >= 0 && s->models[a].layers[i].agreement && s->models[b].layers[j].agreement)
                    code = agreement_rows(&f, t, (const int[]){a, b, i, j}, numbers, err);
            }
    fus_base_free(numbers);
    if (!code)
        return fus_outfile_commit(&f, err);
    fus_outfile_discard(&f);
    return code;
}

static int write_groups(const struct tables *t, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_groups groups;
    fus_run_dir_path(path, t->folder, "groups.csv");
    int code = fus_summary_groups(&groups, t->summary, t->options->groups, err);
    return code ? code : fus_table_groups(path, t->summary, &groups, t->options->seed, err);
}

/* ---- single pictures and units ---- */

void fus_run_write_picture_name(char name[1024], const struct fus_set *set, int picture)
{
    const struct fus_picture *p = &set->pictures[picture];
    const char *slash = strrchr(p->path, '/');
    if (set->drawn)
        snprintf(name, 1024, "%s", p->path);
    else
        snprintf(name, 1024, "%s/%s", set->subcategories[p->subcategory], slash ? slash + 1 : p->path);
}

static void put_picture(struct fus_outfile *f, const struct tables *t, int picture)
{
    char name[1024];
    fus_run_write_picture_name(name, t->set, picture);
    fus_csv_count(f, (size_t)picture + 1);
    fus_csv_name(f, ",", name);
    fus_csv_name(f, ",", t->set->categories[t->set->pictures[picture].category]);
}

static void profile_rows(struct fus_outfile *f, const struct tables *t, const char *model, const char *layer,
                         const double *profile)
{
    int n = t->set->n_pictures;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < t->set->n_categories; c++) {
            fus_csv_name(f, "", model);
            fus_csv_name(f, ",", layer);
            put_picture(f, t, i);
            fus_csv_name(f, ",", t->set->categories[c]);
            fus_csv_number(f, profile[(size_t)c * (size_t)n + (size_t)i]);
            fus_outfile_printf(f, "\n");
        }
}

static void top_rows(struct fus_outfile *f, const struct tables *t, const char *model, const char *layer,
                     const struct fus_top_unit *u, int rank)
{
    for (int most = 1; most >= 0; most--)
        for (int i = 0; i < u->n_pictures; i++) {
            fus_csv_name(f, "", model);
            fus_csv_name(f, ",", layer);
            fus_csv_name(f, ",", t->set->categories[u->category]);
            fus_outfile_printf(f, ",%d,%d,%d,%d", rank, u->channel, u->y, u->x);
            fus_csv_number(f, u->t);
            fus_csv_number(f, u->csi);
            fus_csv_number(f, u->dprime);
            fus_outfile_printf(f, ",%s,%d", most ? "most" : "least", i + 1);
            put_picture(f, t, most ? u->most[i] : u->least[i]);
            fus_csv_number(f, most ? u->most_response[i] : u->least_response[i]);
            fus_outfile_printf(f, "\n");
        }
}

static int write_tops(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    struct fus_outfile f;
    int code = open_table(
        &f, t->folder, "top_units.csv",
        "model,layer,category,rank,channel,y,x,t,csi,dprime,kind,place,number,picture,picture_category,response", err);
    if (code)
        return code;
    for (int m = 0; m < s->n_models; m++)
        for (int l = 0; l < s->models[m].n_layers; l++) {
            const struct fus_layer_summary *layer = &s->models[m].layers[l];
            for (int i = 0, rank = 1; i < layer->n_top; i++, rank++) {
                rank = i > 0 && layer->top[i].category != layer->top[i - 1].category ? 1 : rank;
                top_rows(&f, t, s->models[m].name, s->models[m].layers[l].name, &layer->top[i], rank);
            }
        }
    return fus_outfile_commit(&f, err);
}

static int write_profiles(const struct tables *t, struct fus_error *err)
{
    const struct fus_run_summary *s = t->summary;
    struct fus_outfile f;
    int code =
        open_table(&f, t->folder, "profiles.csv", "model,layer,number,picture,category,selective_for,response", err);
    if (code)
        return code;
    for (int m = 0; m < s->n_models; m++)
        for (int l = 0; l < s->models[m].n_layers; l++)
            if (s->models[m].layers[l].profile)
                profile_rows(&f, t, s->models[m].name, s->models[m].layers[l].name, s->models[m].layers[l].profile);
    code = fus_outfile_commit(&f, err);
    return code ? code : write_tops(t, err);
}

int fus_run_write_tables(const char *folder, const struct fus_run_summary *summary, const struct fus_set *set,
                         const struct fus_run_options *options, struct fus_error *err)
{
    static const struct {
        const char *name;
        int (*write)(const char *path, const struct fus_run_summary *run, struct fus_error *err);
    } always[] = {
        {"layers.csv", fus_table_layers}, {"pixels.csv", fus_table_pixels}, {"compare.csv", fus_table_compare}};
    const struct tables t = {folder, summary, set, options};
    char path[FUS_RUN_DIR_PATH];
    int code = FUS_OK;
    for (int i = 0; i < 3 && !code; i++) {
        fus_run_dir_path(path, folder, always[i].name);
        code = always[i].write(path, summary, err);
    }
    if (fus_run_options_relabels(options) && !code)
        code = write_permutations(&t, err);
    if (options->sweep && !code)
        code = write_sweep(&t, err);
    if (options->subsample && !code) {
        struct fus_power_plan plan;
        fus_run_dir_path(path, folder, "power.csv");
        code = fus_power_parse(&plan, options->subsample, err);
        if (!code)
            code = fus_power_table_write(path, summary, &plan, err);
    }
    fus_run_dir_path(path, folder, "validate.csv");
    if (options->validate && !code)
        code = fus_validate_table_write(path, summary, err);
    if (options->equal_n && !code)
        code = write_equal_n(&t, err);
    if (options->consistency && !code) {
        fus_run_dir_path(path, folder, "consistency.csv");
        code = fus_consistency_table_write(path, summary, set, options, err);
    }
    if (summary->n_models > 1 && !code)
        code = write_signflip(&t, err);
    fus_run_dir_path(path, folder, "matched.csv");
    if (options->matched && !code)
        code = fus_table_matched(path, summary, err);
    if (options->matched && !code)
        code = write_agreement(&t, err);
    if (options->groups && !code)
        code = write_groups(&t, err);
    if (options->draws && !code)
        code = fus_draws_write(folder, summary, err);
    return code ? code : write_profiles(&t, err);
}
