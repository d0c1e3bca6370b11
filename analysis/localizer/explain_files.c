/* SPDX-License-Identifier: MIT */
/* What a run's files say about one unit, and the comparison with what was computed for it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/explain.h"
#include "analysis/run/csv_read.h"
#include "analysis/run/run_dir.h"
#include "weights/weights.h"

#define DIGITS 1e-4 /* numbers computed from values of 7 digits agree to 4, unless they nearly cancel */

/* ---- units/MODEL/LAYER.npz ---- */

int fus_explain_read_labels(struct fus_explain *x, struct fus_error *err)
{
    x->labels = fus_base_alloc(x->n_units, sizeof *x->labels);
    if (!x->labels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", x->n_units);
    int code = fus_run_read_labels(x->labels, x->run, x->model->name, x->layer, x->channels, x->height, x->width, err);
    for (size_t u = 0; u < x->n_units && !code; u++)
        if (!(x->labels[u] >= -1 && x->labels[u] < (float)x->n_categories))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: layer %s: label %g found, -1 to %d expected", x->run->folder,
                                 x->layer, (double)x->labels[u], x->n_categories - 1);
    if (!code)
        x->label = (int)x->labels[x->unit];
    return code;
}

enum table { MEAN, VAR, T, P, Q, CSI };
static const char *const names[] = {"mean", "var", "t", "p", "q", "csi"};

/* of_unit [n_categories]: a table's values of the unit, NAN where absent. all [n_units]: of every
 * unit for x->decision.category; NULL allowed. */
static int read_table(double *of_unit, float *all, const struct fus_explain *x, enum table table, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    struct fus_store *store;
    const struct fus_tensor *t = NULL;
    size_t n = (size_t)x->n_categories * x->n_units;
    fus_run_dir_units(path, x->run->folder, x->model->name, x->layer);
    int code = fus_open_weights(&store, path, err);
    if (code)
        return code;
    for (size_t i = 0; i < fus_store_count(store); i++)
        t = strcmp(fus_store_tensor(store, i)->name, names[table]) == 0 ? fus_store_tensor(store, i) : t;
    const int64_t shape[] = {x->n_categories, x->channels, x->height, x->width};
    bool fits = t && t->n_dims == 4 && t->n_elements == n;
    for (int d = 0; d < 4 && fits; d++)
        fits = t->shape[d] == shape[d];
    if (!fits)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: no array '%s' of %d x %d x %d x %d numbers in it", path,
                             names[table], x->n_categories, x->channels, x->height, x->width);
    float *values = fits ? fus_base_alloc(n, sizeof *values) : NULL;
    if (fits && !values)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu numbers", path, n);
    if (!code)
        code = fus_store_read_f32(store, values, t, err);
    for (int c = 0; c < x->n_categories && !code; c++)
        of_unit[c] = (double)values[(size_t)c * x->n_units + x->unit];
    if (!code && all && x->decision.category >= 0)
        memcpy(all, values + (size_t)x->decision.category * x->n_units, x->n_units * sizeof *all);
    fus_base_free(values);
    fus_store_close(store);
    return code;
}

/* ---- the decision from the files ---- */

/* Moments of the one unit, and its tests. */
static int decide_by_moments(struct fus_explain *x, int category, struct fus_error *err)
{
    double mean[FUS_SELECT_CATEGORIES], var[FUS_SELECT_CATEGORIES];
    int code = fus_moments_create(&x->moments, x->n_categories, 1, err);
    for (int i = 0; i < x->n_pictures && !code; i++)
        x->moments.n[x->category[i]]++;
    for (int c = 0; c < x->n_categories && !code; c++)
        if (x->moments.n[c] < 2)
            code = fus_base_fail(err, FUS_EFORMAT, "%s/run.json: category %s has %ld pictures, 2 or more expected",
                                 x->run->folder, x->run->categories[c], x->moments.n[c]);
    if (!code)
        code = read_table(mean, NULL, x, MEAN, err);
    if (!code)
        code = read_table(var, NULL, x, VAR, err);
    for (int c = 0; c < x->n_categories && !code; c++) {
        x->moments.mean[c] = mean[c];
        x->moments.m2[c] = var[c] * (double)(x->moments.n[c] - 1);
    }
    if (code)
        return code;
    category = category >= 0   ? category
               : x->label >= 0 ? x->label
                               : fus_decision_category(&x->moments, 0, &x->options.select);
    return fus_decision_pairs(&x->decision, &x->moments, 0, category, &x->options.select, NULL, err);
}

/* p, its rank and q of iut, of the unit and from all units. */
static int take_p(struct fus_explain *x, struct fus_error *err)
{
    double p[FUS_SELECT_CATEGORIES], q[FUS_SELECT_CATEGORIES], t[FUS_SELECT_CATEGORIES];
    int c = x->decision.category;
    float *all = fus_base_alloc(x->n_units, sizeof *all);
    double *sorted = fus_base_alloc(x->n_units, sizeof *sorted);
    int code = all && sorted ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu p values", x->n_units);
    if (!code)
        code = read_table(p, all, x, P, err);
    if (!code)
        code = read_table(q, NULL, x, Q, err);
    if (!code)
        code = read_table(t, NULL, x, T, err);
    for (size_t i = 0; i < x->n_units && !code; i++) {
        sorted[i] = (double)all[i];
        if (!(sorted[i] >= 0 && sorted[i] <= 1))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: layer %s: p of unit %zu is %g, not in [0, 1]", x->run->folder,
                                 x->layer, i, sorted[i]);
    }
    if (!code) {
        fus_decision_rank(&x->decision.rank, p[c], sorted, x->n_units, x->options.select.correction);
        x->decision.p = p[c], x->decision.rank.q = q[c], x->decision.least_t = t[c];
    }
    fus_base_free(all);
    fus_base_free(sorted);
    return code;
}

int fus_explain_decide_from_files(struct fus_explain *x, int category, struct fus_error *err)
{
    double csi[FUS_SELECT_CATEGORIES];
    int code = decide_by_moments(x, category, err);
    if (!code && x->options.select.criterion == FUS_CRITERION_IUT && x->decision.category >= 0)
        code = take_p(x, err);
    if (!code)
        fus_decision_decide(&x->decision, &x->options.select);
    if (!code)
        code = read_table(csi, NULL, x, CSI, err);
    x->csi = x->dprime = NAN;
    if (!code && x->decision.category >= 0) {
        x->csi = csi[x->decision.category];
        x->dprime = fus_csi_dprime(&x->moments, 0, x->decision.category);
    }
    return code;
}

/* ---- comparison ---- */

static int compare(struct fus_explain *x, const char *file, double here, double there, bool same, struct fus_error *err,
                   const char *fmt, ...) FUS_PRINTF(7, 8);

static int compare(struct fus_explain *x, const char *file, double here, double there, bool same, struct fus_error *err,
                   const char *fmt, ...)
{
    struct fus_explain_check *more = fus_base_grow(x->checks, &x->room, x->n_checks, sizeof *more);
    va_list ap;
    if (!more)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the comparison with the run's files");
    x->checks = more;
    struct fus_explain_check *check = &more[x->n_checks++];
    *check = (struct fus_explain_check){.file = file, .here = here, .there = there, .same = same};
    va_start(ap, fmt);
    vsnprintf(check->what, sizeof check->what, fmt, ap);
    va_end(ap);
    x->n_differ += !same;
    return FUS_OK;
}

static bool equal(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Whether b, computed from the files' 7 digits, is a. */
static bool close_to(double a, double b)
{
    return equal(a, b) || fabs(a - b) <= DIGITS * fmax(fabs(a), fabs(b)) + DIGITS;
}

/* Tables with a value of each category: those that were computed of it. */
static int compare_table(struct fus_explain *x, enum table table, struct fus_error *err)
{
    double there[FUS_SELECT_CATEGORIES];
    int code = read_table(there, NULL, x, table, err);
    for (int c = 0; c < x->n_categories && !code; c++) {
        const struct fus_moments *m = &x->moments;
        bool defined = fus_select_defined(m, 0);
        double here = table == MEAN  ? m->mean[c]
                      : table == VAR ? m->m2[c] / (double)(m->n[c] - 1)
                      : !defined     ? (double)NAN
                                     : fus_csi_unit(m, 0, c);
        code = compare(x, "units", here, there[c], equal((double)(float)here, there[c]), err, "%s, %.60s", names[table],
                       x->run->categories[c]);
    }
    return code;
}

/* t, p, q of the category. */
static int compare_decision(struct fus_explain *x, enum table table, double here, struct fus_error *err)
{
    double there[FUS_SELECT_CATEGORIES];
    int code = read_table(there, NULL, x, table, err), c = x->decision.category;
    return code ? code
                : compare(x, "units", here, there[c], equal((double)(float)here, there[c]), err, "%s, %.60s",
                          names[table], x->run->categories[c]);
}

static int compare_units(struct fus_explain *x, struct fus_error *err)
{
    int code = FUS_OK;
    const enum table every[] = {MEAN, VAR, CSI};
    for (int i = 0; i < 3 && !code; i++)
        code = compare_table(x, every[i], err);
    if (code || x->options.select.criterion != FUS_CRITERION_IUT || x->decision.category < 0)
        return code;
    bool exact = x->options.select.test != FUS_TEST_PERMUTATION || x->decision.rank.q <= x->options.select.alpha;
    code = compare_decision(x, T, x->decision.least_t, err);
    if (!code)
        code = compare_decision(x, P, x->decision.p, err);
    return code || !exact ? code : compare_decision(x, Q, x->decision.rank.q, err);
}

/* What the files' rounded means and variances give, beside what else the files say. */
static int compare_rounded(struct fus_explain *x, struct fus_error *err)
{
    double t = INFINITY, p = 0;
    int code = FUS_OK;
    for (int i = 0; i < x->decision.n_pairs; i++) {
        t = x->decision.pairs[i].t < t ? x->decision.pairs[i].t : t;
        p = x->decision.pairs[i].p > p || isnan(x->decision.pairs[i].p) ? x->decision.pairs[i].p : p;
    }
    if (x->decision.n_pairs)
        code = compare(x, "units", t, x->decision.least_t, close_to(t, x->decision.least_t), err, "least t");
    if (!code && x->decision.n_pairs && !isnan(p))
        code = compare(x, "units", p, x->decision.p, close_to(p, x->decision.p), err, "largest p");
    if (!code && x->decision.category >= 0) {
        double csi = fus_csi_unit(&x->moments, 0, x->decision.category);
        bool is_signed = isnan(x->csi); /* the files do not say why */
        code = compare(x, "units", csi, x->csi, is_signed || close_to(csi, x->csi), err, "CSI");
    }
    return code;
}

/* A unit of top_units.csv: t, CSI, d', and the responses to its pictures. */
static int compare_top(struct fus_explain *x, struct fus_error *err)
{
    static const char *const columns[] = {"model", "layer", "category", "channel", "y",        "x",
                                          "t",     "csi",   "dprime",   "number",  "response", "place"};
    char path[FUS_RUN_DIR_PATH];
    struct fus_csv_read t;
    int at[12], code, n = 0;
    fus_run_dir_path(path, x->run->folder, "top_units.csv");
    FILE *there = fopen(path, "rb"); /* an older run has none */
    if (!there)
        return FUS_OK;
    fclose(there);
    code = fus_csv_read_open(&t, path, err);
    for (int i = 0; i < 12 && !code; i++)
        at[i] = fus_csv_read_column(&t, columns[i]);
    while (!code && x->decision.category >= 0 && fus_csv_read_next(&t)) {
        const int place[] = {x->channel, x->y, x->x};
        bool same = strcmp(fus_csv_read_text(&t, at[0]), x->model->name) == 0 &&
                    strcmp(fus_csv_read_text(&t, at[1]), x->layer) == 0 &&
                    strcmp(fus_csv_read_text(&t, at[2]), x->run->categories[x->decision.category]) == 0;
        for (int i = 0; i < 3 && same; i++)
            same = fus_csv_read_count(&t, at[3 + i], INT32_MAX) == place[i];
        if (!same)
            continue;
        double least = fus_select_least_t(&x->moments, 0, x->decision.category,
                                          x->options.select.test == FUS_TEST_STUDENT); /* whatever the criterion */
        const double here[] = {least, x->csi, x->dprime};
        static const char *const what[] = {"least t", "CSI", "d'"};
        for (int i = 0; i < 3 && n == 0 && !code; i++) {
            double value = fus_csv_read_number(&t, at[6 + i]);
            code = compare(x, "top_units.csv", here[i], value,
                           x->measured ? equal(here[i], value) : close_to(here[i], value), err, "%s", what[i]);
        }
        n++;
        long picture = fus_csv_read_count(&t, at[9], x->n_pictures) - 1;
        double response = fus_csv_read_number(&t, at[10]);
        if (!code && x->measured && picture >= 0)
            code = compare(x, "top_units.csv", (double)x->response[picture], response,
                           equal((double)x->response[picture], response), err, "response to %.70s",
                           x->run->pictures[picture].name);
    }
    int found = fus_csv_read_close(&t, code ? NULL : err);
    return code ? code : found;
}

/* The layer's selective units in layers.csv and by the labels. */
static int compare_counts(struct fus_explain *x, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < x->run->n_rows && x->decision.category >= 0 && !code; i++) {
        const struct fus_run_read_row *row = &x->run->rows[i];
        if (strcmp(row->model, x->model->name) == 0 && strcmp(row->layer.name, x->layer) == 0 &&
            strcmp(row->category, x->run->categories[x->decision.category]) == 0)
            code = compare(x, "layers.csv", (double)x->n_selective, (double)row->numbers.n_selective,
                           x->n_selective == row->numbers.n_selective, err, "units of the layer selective for %.40s",
                           row->category);
    }
    return code;
}

int fus_explain_check_files(struct fus_explain *x, struct fus_error *err)
{
    bool decided = x->decision.category >= 0 && (x->label < 0 || x->label == x->decision.category);
    int code = FUS_OK;
    if (decided)
        code = compare(x, "units", x->decision.label, x->label, x->decision.label == x->label, err, "label");
    if (!code && x->measured && x->n_same)
        code = compare(x, "units", (double)x->n_same, (double)x->n_units, x->n_same == x->n_units, err,
                       "labels of the layer");
    if (!code && x->full)
        code = x->measured ? compare_units(x, err) : compare_rounded(x, err);
    if (!code)
        code = compare_top(x, err);
    return code ? code : compare_counts(x, err);
}
