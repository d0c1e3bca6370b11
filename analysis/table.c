/* The tables of a run as CSV (RFC 4180 with bare line feeds): one header line, numbers as %.9g with a point in every
 * locale, a missing value as an empty field, names in quotes only where they need them. */
#include <math.h>
#include <string.h>

#include "analysis.h"
#include "nn/outfile.h"
#include "stimuli/stimuli.h"

/* Whatever stands for the decimal point in the caller's locale becomes a point. */
static void put_number(struct fus_outfile *f, double x)
{
    char text[64];
    int n = isfinite(x) ? snprintf(text, sizeof text, "%.9g", x) : 0;
    bool pointed = false;
    fus_outfile_write(f, ",", 1);
    for (int i = 0; i < n; i++) {
        if (strchr("0123456789+-e", text[i]))
            fus_outfile_write(f, &text[i], 1);
        else if (!pointed) {
            fus_outfile_write(f, ".", 1);
            pointed = true;
        }
    }
}

static void put_count(struct fus_outfile *f, size_t n)
{
    fus_outfile_printf(f, ",%zu", n);
}

static void put_name(struct fus_outfile *f, const char *before, const char *name)
{
    fus_outfile_write(f, before, strlen(before));
    if (!name[strcspn(name, ",\"\r\n")]) {
        fus_outfile_write(f, name, strlen(name));
        return;
    }
    fus_outfile_write(f, "\"", 1);
    for (; *name; name++)
        fus_outfile_write(f, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    fus_outfile_write(f, "\"", 1);
}

static void layer_row(struct fus_outfile *f, const struct fus_layer_summary *layer, const struct fus_category_summary *s)
{
    put_count(f, layer->n_units);
    put_count(f, s->n_selective);
    put_number(f, s->proportion);
    put_number(f, s->ci_low);
    put_number(f, s->ci_high);
    put_number(f, s->csi_mean);
    put_number(f, s->csi_sem);
    put_count(f, s->n_csi_undefined);
    put_number(f, s->dprime_mean);
    put_number(f, s->variation_cv);
    put_number(f, s->variation_sd);
    put_number(f, s->gini);
    put_number(f, s->entropy);
    put_count(f, layer->n_dead);
    fus_outfile_printf(f, "\n");
}

int fus_table_layers(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "model,layer,category,n_units,n_selective,proportion,ci_low,ci_high,csi_mean,csi_sem,"
                           "csi_undefined,dprime_mean,variation_cv,variation_sd,gini,entropy,n_dead\n");
    for (int m = 0; m < run->n_models; m++)
        for (int i = 0; i < run->models[m].n_layers; i++) {
            const struct fus_layer_summary *layer = &run->models[m].layers[i];
            for (int c = 0; c < run->n_categories; c++) {
                put_name(&f, "", run->models[m].name);
                put_name(&f, ",", layer->name);
                put_name(&f, ",", run->categories[c]);
                layer_row(&f, layer, &layer->categories[c]);
            }
        }
    return fus_outfile_commit(&f, err);
}

/* q [n] by Benjamini-Hochberg over the rows that have a p; NaN for the others. */
static int comparison_q(double *q, const struct fus_csi_comparison *rows, size_t n, struct fus_error *err)
{
    size_t n_tests = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(rows[i].p))
            q[n_tests++] = rows[i].p;
    int code = fus_multiple_adjust(q, q, n_tests, FUS_BH, err);
    for (size_t i = n; i > 0; i--)
        q[i - 1] = isnan(rows[i - 1].p) ? NAN : q[--n_tests];
    return code;
}

static void comparison_row(struct fus_outfile *f, const struct fus_run_summary *run, const struct fus_csi_comparison *r,
                           double q)
{
    put_name(f, "", run->models[r->model_a].name);
    put_name(f, ",", run->models[r->model_b].name);
    put_name(f, ",", run->models[r->model_a].layers[r->layer_a].name);
    put_name(f, ",", run->categories[r->category]);
    put_number(f, r->proportion_difference);
    put_number(f, r->csi_difference);
    put_number(f, r->t);
    put_number(f, r->df);
    put_number(f, r->p);
    put_number(f, q);
    fus_outfile_printf(f, "\n");
}

int fus_table_compare(const char *path, const struct fus_run_summary *run, struct fus_error *err)
{
    struct fus_outfile f;
    struct fus_csi_comparison *rows;
    size_t n;
    int code = fus_compare_csi(&rows, &n, run, err);
    if (code)
        return code;
    double *q = fus_base_alloc(n + 1, sizeof *q);
    code = q ? comparison_q(q, rows, n, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu comparisons", n);
    if (!code)
        code = fus_outfile_open(&f, path, err);
    if (!code) {
        fus_outfile_printf(&f, "model_a,model_b,layer,category,proportion_difference,csi_difference,t,df,p,q\n");
        for (size_t i = 0; i < n; i++)
            comparison_row(&f, run, &rows[i], q[i]);
        code = fus_outfile_commit(&f, err);
    }
    fus_base_free(q);
    fus_base_free(rows);
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
        put_name(&f, "", run->categories[c]);
        put_count(&f, (size_t)p->n);
        put_number(&f, p->luminance_mean);
        put_number(&f, p->luminance_sd);
        put_number(&f, p->contrast_mean);
        put_number(&f, p->contrast_sd);
        put_number(&f, p->slope_mean);
        put_number(&f, p->slope_sd);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}
