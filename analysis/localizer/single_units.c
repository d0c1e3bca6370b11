/* SPDX-License-Identifier: MIT */
/* Single pictures, for the report: how the selective units of the reference layer respond to each
 * (profiles.csv, Fig 2A), and which units respond most reliably to a category, and to which
 * pictures (top_units.csv). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/run.h"
#include "nn/base/threads.h"

/* ---- profile ---- */

struct profile {
    double *out; /* [n_categories, n_images] */
    const struct fus_responses *r;
    float *rows;                 /* [threads, n_units] */
    const size_t *units, *start; /* units selective for category c: units[start[c]] .. units[start[c + 1] - 1] */
};

/* One picture: the mean over each category's units, added in their order; NaN if there are none. */
static void profile_picture(void *context, int picture, int thread)
{
    const struct profile *p = context;
    float *x = p->rows + (size_t)thread * p->r->n_units;
    fus_responses_row(x, p->r, (size_t)picture, 0, p->r->n_units);
    for (int c = 0; c < p->r->n_categories; c++) {
        double sum = 0;
        for (size_t i = p->start[c]; i < p->start[c + 1]; i++)
            sum += x[p->units[i]];
        p->out[(size_t)c * p->r->n_images + (size_t)picture] =
            p->start[c + 1] > p->start[c] ? sum / (double)(p->start[c + 1] - p->start[c]) : NAN;
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

/* Keeps the `room` largest values offered so far, largest first, of equal ones the earlier first;
 * *n grows up to room. */
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

/* The pictures with the largest (sign 1) or smallest (-1) responses of a unit, x [n_images].
 * Returns their number. */
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

static void describe_unit(struct fus_top_unit *top, const struct fus_layer_summary *layer, const struct fus_moments *m,
                          const struct fus_responses *r, float *column, int category, size_t unit, double t)
{
    size_t places = (size_t)layer->height * (size_t)layer->width;
    *top = (struct fus_top_unit){.category = category,
                                 .channel = (int)(unit / places),
                                 .y = (int)(unit % places / (size_t)layer->width),
                                 .x = (int)(unit % (size_t)layer->width),
                                 .t = t,
                                 .csi = fus_csi_unit(m, unit, category),
                                 .dprime = fus_csi_dprime(m, unit, category)};
    fus_responses_strip(column, 1, r, unit, 1);
    top->n_pictures = extreme_pictures(top->most, top->most_response, column, r->n_images, 1);
    extreme_pictures(top->least, top->least_response, column, r->n_images, -1);
}

/* The largest least t of each category's selective units. */
static int find_top(struct fus_layer_summary *layer, const struct fus_localizer *run, const struct fus_moments *m,
                    const struct profile *p, struct fus_error *err)
{
    layer->top = fus_base_alloc((size_t)layer->n_categories * FUS_TOP_UNITS, sizeof *layer->top);
    float *column = fus_base_alloc(p->r->n_images, sizeof *column);
    if (!layer->top || !column) {
        fus_base_free(column);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the units of %d categories", layer->n_categories);
    }
    for (int c = 0; c < layer->n_categories; c++) {
        double t[FUS_TOP_UNITS];
        size_t units[FUS_TOP_UNITS];
        int n = 0;
        for (size_t i = p->start[c]; i < p->start[c + 1]; i++)
            offer(t, units, &n, FUS_TOP_UNITS,
                  fus_select_least_t(m, p->units[i], c, run->options.select.test == FUS_TEST_STUDENT), p->units[i]);
        for (int i = 0; i < n; i++)
            describe_unit(&layer->top[layer->n_top++], layer, m, p->r, column, c, units[i], t[i]);
    }
    fus_base_free(column);
    return FUS_OK;
}

int fus_single_units_find(struct fus_layer_summary *layer, const struct fus_localizer *run, int model,
                          const struct fus_moments *m, const struct fus_responses *r, struct fus_error *err)
{
    size_t *units = fus_base_alloc(layer->n_units, sizeof *units),
           *start = fus_base_alloc((size_t)layer->n_categories + 1, sizeof *start);
    struct profile p = {.r = r, .units = units, .start = start};
    int code = units && start ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu units", layer->n_units);
    if (!code)
        list_units(units, start, layer);
    if (!code && strcmp(layer->name, run->models[model].reference) == 0) {
        p.out = layer->profile = fus_base_alloc((size_t)r->n_categories * r->n_images, sizeof *p.out);
        p.rows = fus_base_aligned((size_t)fus_base_threads() * r->n_units, sizeof *p.rows);
        if (p.out && p.rows)
            fus_threads_for((int)r->n_images, profile_picture, &p);
        else
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for the profile of %zu pictures", r->n_images);
    }
    if (!code)
        code = find_top(layer, run, m, &p, err);
    fus_base_free(p.rows);
    fus_base_free(units);
    fus_base_free(start);
    return code;
}
