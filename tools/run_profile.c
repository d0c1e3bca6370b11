/* Single pictures, for the report: how the selective units of the reference layer respond to each (profiles.csv, Fig 2A), which units a
 * category drives most reliably and by which pictures (top_units.csv), and the pictures small (pictures.png, Fig 1B). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "nn/base/threads.h"
#include "tools/run.h"

#define MOST_RESPONSE_BYTES ((size_t)1 << 30) /* of a reference layer: beyond it the report goes without */

/* ---- which layer ---- */

int fus_run_choose_reference(struct fus_run_model *m, const struct fus_run *run, struct fus_error *err)
{
    struct fus_model_summary shape = {.layers = fus_base_alloc((size_t)m->n_layers, sizeof *shape.layers)};
    if (!shape.layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    for (int i = 0; i < m->n_layers; i++) {
        const struct fus_tap *tap = &m->taps[i];
        struct fus_layer_summary *layer = &shape.layers[shape.n_layers++];
        snprintf(layer->name, sizeof layer->name, "%s", tap->name);
        layer->height = tap->height;
        layer->width = tap->width;
        layer->n_units = (size_t)tap->channels * (size_t)tap->height * (size_t)tap->width;
    }
    const struct fus_layer_summary *reference = &shape.layers[fus_compare_last_block(&shape)];
    memcpy(m->reference, reference->name, sizeof m->reference);
    m->keeps_reference = reference->n_units <= MOST_RESPONSE_BYTES / sizeof(float) / (size_t)run->set.n_pictures;
    fus_base_free(shape.layers);
    return FUS_OK;
}

bool fus_run_keeps_tap(const struct fus_run *run, int model, const struct fus_tap *tap)
{
    const struct fus_run_model *m = &run->models[model];
    return fus_run_keeps_responses(run) || (m->keeps_reference && strcmp(tap->name, m->reference) == 0);
}

/* ---- profile ---- */

struct profile {
    double *out; /* [n_categories, n_images] */
    const struct fus_responses *r;
    float *rows;                 /* [threads, n_units] */
    const size_t *units, *start; /* units selective for category c: units[start[c]] .. units[start[c + 1] - 1] */
};

/* One picture: the mean over each category's units, added in their order; NaN where there is none. */
static void profile_picture(void *context, int picture, int thread)
{
    const struct profile *p = context;
    float *x = p->rows + (size_t)thread * p->r->n_units;
    fus_responses_row(x, p->r, (size_t)picture, 0, p->r->n_units);
    for (int c = 0; c < p->r->n_categories; c++) {
        double sum = 0;
        for (size_t i = p->start[c]; i < p->start[c + 1]; i++)
            sum += x[p->units[i]];
        p->out[(size_t)c * p->r->n_images + (size_t)picture] = p->start[c + 1] > p->start[c] ? sum / (double)(p->start[c + 1] - p->start[c]) : NAN;
    }
}

/* Selective units by category; units [n_units], start [n_categories + 1]. */
static void list_units(size_t *units, size_t *start, const struct fus_layer_summary *layer)
{
    size_t n = 0;
    for (int c = 0; c < layer->n_categories; c++) {
        start[c] = n;
        for (size_t u = 0; u < layer->n_units; u++)
            if (layer->label[u] == c)
                units[n++] = u;
    }
    start[layer->n_categories] = n;
}

/* ---- top units ---- */

/* Keeps the `room` largest of what is offered, largest first, the earlier among equal ones; *n grows up to room. */
static void offer(double *values, size_t *items, int *n, int room, double value, size_t item)
{
    int at = *n;
    while (at > 0 && values[at - 1] < value)
        at--;
    if (at == room)
        return;
    *n += *n < room;
    for (int i = *n - 1; i > at; i--)
        values[i] = values[i - 1], items[i] = items[i - 1];
    values[at] = value, items[at] = item;
}

/* The pictures that drive a unit, responses x [n_images], most (sign 1) or least (-1). Returns how many. */
static int extreme_pictures(int *pictures, double *responses, const float *x, size_t n_images, int sign)
{
    double values[FUS_TOP_PICTURES];
    size_t items[FUS_TOP_PICTURES];
    int n = 0;
    for (size_t i = 0; i < n_images; i++)
        offer(values, items, &n, FUS_TOP_PICTURES, sign * (double)x[i], i);
    for (int i = 0; i < n; i++)
        pictures[i] = (int)items[i], responses[i] = sign * values[i];
    return n;
}

static void describe_unit(struct fus_top_unit *top, const struct fus_layer_summary *layer, const struct fus_moments *m, const struct fus_responses *r,
                          float *column, int category, size_t unit, double t)
{
    size_t places = (size_t)layer->height * (size_t)layer->width;
    *top = (struct fus_top_unit){.category = category, .channel = (int)(unit / places), .y = (int)(unit % places / (size_t)layer->width),
                                 .x = (int)(unit % (size_t)layer->width), .t = t, .csi = fus_csi_unit(m, unit, category),
                                 .dprime = fus_csi_dprime(m, unit, category)};
    fus_responses_strip(column, 1, r, unit, 1);
    top->n_pictures = extreme_pictures(top->most, top->most_response, column, r->n_images, 1);
    extreme_pictures(top->least, top->least_response, column, r->n_images, -1);
}

/* The largest least t of each category's selective units. */
static int find_top(struct fus_run_layer *extra, const struct fus_layer_summary *layer, const struct fus_run *run, const struct fus_moments *m,
                    const struct profile *p, struct fus_error *err)
{
    extra->top = fus_base_alloc((size_t)layer->n_categories * FUS_TOP_UNITS, sizeof *extra->top);
    float *column = fus_base_alloc(p->r->n_images, sizeof *column);
    if (!extra->top || !column) {
        fus_base_free(column);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the units of %d categories", layer->n_categories);
    }
    for (int c = 0; c < layer->n_categories; c++) {
        double t[FUS_TOP_UNITS];
        size_t units[FUS_TOP_UNITS];
        int n = 0;
        for (size_t i = p->start[c]; i < p->start[c + 1]; i++)
            offer(t, units, &n, FUS_TOP_UNITS, fus_select_least_t(m, p->units[i], c, run->select.student), p->units[i]);
        for (int i = 0; i < n; i++)
            describe_unit(&extra->top[extra->n_top++], layer, m, p->r, column, c, units[i], t[i]);
    }
    fus_base_free(column);
    return FUS_OK;
}

int fus_run_profile(struct fus_run_layer *extra, const struct fus_layer_summary *layer, const struct fus_run *run, int model,
                    const struct fus_moments *m, const struct fus_responses *r, struct fus_error *err)
{
    size_t *units = fus_base_alloc(layer->n_units, sizeof *units), *start = fus_base_alloc((size_t)layer->n_categories + 1, sizeof *start);
    struct profile p = {.r = r, .units = units, .start = start};
    int code = units && start ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units", layer->n_units);
    if (!code)
        list_units(units, start, layer);
    if (!code && strcmp(layer->name, run->models[model].reference) == 0) {
        p.out = extra->profile = fus_base_alloc((size_t)r->n_categories * r->n_images, sizeof *p.out);
        p.rows = fus_base_aligned((size_t)fus_base_threads() * r->n_units, sizeof *p.rows);
        if (p.out && p.rows)
            fus_threads_for((int)r->n_images, profile_picture, &p);
        else
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for the profile of %zu pictures", r->n_images);
    }
    if (!code)
        code = find_top(extra, layer, run, m, &p, err);
    fus_base_free(p.rows);
    fus_base_free(units);
    fus_base_free(start);
    return code;
}

/* ---- files ---- */

void fus_run_picture_name(char name[1024], const struct fus_set *set, int picture)
{
    const struct fus_picture *p = &set->pictures[picture];
    const char *slash = strrchr(p->path, '/');
    if (set->drawn)
        snprintf(name, 1024, "%s", p->path);
    else
        snprintf(name, 1024, "%s/%s", set->subcategories[p->subcategory], slash ? slash + 1 : p->path);
}

static void put_picture(struct fus_outfile *f, const struct fus_run *run, int picture)
{
    char name[1024];
    fus_run_picture_name(name, &run->set, picture);
    fus_csv_count(f, (size_t)picture + 1);
    fus_csv_name(f, ",", name);
    fus_csv_name(f, ",", run->set.categories[run->set.pictures[picture].category]);
}

static void profile_rows(struct fus_outfile *f, const struct fus_run *run, const char *model, const char *layer, const double *profile)
{
    int n = run->set.n_pictures;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < run->set.n_categories; c++) {
            fus_csv_name(f, "", model);
            fus_csv_name(f, ",", layer);
            put_picture(f, run, i);
            fus_csv_name(f, ",", run->set.categories[c]);
            fus_csv_number(f, profile[(size_t)c * (size_t)n + (size_t)i]);
            fus_outfile_printf(f, "\n");
        }
}

static void top_rows(struct fus_outfile *f, const struct fus_run *run, const char *model, const char *layer, const struct fus_top_unit *u, int rank)
{
    for (int most = 1; most >= 0; most--)
        for (int i = 0; i < u->n_pictures; i++) {
            fus_csv_name(f, "", model);
            fus_csv_name(f, ",", layer);
            fus_csv_name(f, ",", run->set.categories[u->category]);
            fus_outfile_printf(f, ",%d,%d,%d,%d", rank, u->channel, u->y, u->x);
            fus_csv_number(f, u->t);
            fus_csv_number(f, u->csi);
            fus_csv_number(f, u->dprime);
            fus_outfile_printf(f, ",%s,%d", most ? "most" : "least", i + 1);
            put_picture(f, run, most ? u->most[i] : u->least[i]);
            fus_csv_number(f, most ? u->most_response[i] : u->least_response[i]);
            fus_outfile_printf(f, "\n");
        }
}

static int write_tops(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_run_open_table(&f, run, "top_units.csv", "model,layer,category,rank,channel,y,x,t,csi,dprime,kind,place,number,picture,picture_category,response", err);
    if (code)
        return code;
    for (int m = 0; m < s->n_models; m++)
        for (int l = 0; l < run->models[m].n_layers; l++) {
            const struct fus_run_layer *layer = &run->models[m].layers[l];
            for (int i = 0, rank = 1; i < layer->n_top; i++, rank++) {
                rank = i > 0 && layer->top[i].category != layer->top[i - 1].category ? 1 : rank;
                top_rows(&f, run, s->models[m].name, s->models[m].layers[l].name, &layer->top[i], rank);
            }
        }
    return fus_outfile_commit(&f, err);
}

int fus_run_write_profiles(const struct fus_run *run, const struct fus_run_summary *s, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_run_open_table(&f, run, "profiles.csv", "model,layer,number,picture,category,selective_for,response", err);
    if (code)
        return code;
    for (int m = 0; m < s->n_models; m++)
        for (int l = 0; l < run->models[m].n_layers; l++)
            if (run->models[m].layers[l].profile)
                profile_rows(&f, run, s->models[m].name, s->models[m].layers[l].name, run->models[m].layers[l].profile);
    code = fus_outfile_commit(&f, err);
    return code ? code : write_tops(run, s, err);
}
