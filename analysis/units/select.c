/* SPDX-License-Identifier: MIT */
/* Which units are selective, from the moments of their categories (METHOD.md,
 * "Which units are selective").
 *
 * For category c the p of a unit is the largest of the one-sided p (balanced, Welch's or Student's)
 * of c against each other category ("greater than ALL others": an intersection-union test, Berger
 * 1982), corrected over the units of the layer. Selective: q <= alpha and c's mean above every
 * other. A unit with zero variance in both of two categories has p = 1 for that pair; one with a
 * NaN or infinite response has p = 1 throughout.
 *
 * This file is the plain computation and the frame around it; search.c finds the same labels
 * faster. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define CHUNK FUS_SELECT_CHUNK /* units a thread takes at a time */

static int n_chunks(size_t n_units)
{
    return (int)((n_units + CHUNK - 1) / CHUNK);
}

double fus_select_pair_t(double *df, const struct fus_moments *m, size_t unit, int a, int b, bool student)
{
    double n_a = (double)m->n[a], n_b = (double)m->n[b];
    size_t i = (size_t)a * m->n_units + unit, j = (size_t)b * m->n_units + unit;
    double var_a = m->m2[i] / (n_a - 1), var_b = m->m2[j] / (n_b - 1);
    return student ? fus_ttest_student(df, m->mean[i], var_a, n_a, m->mean[j], var_b, n_b)
                   : fus_ttest_welch(df, m->mean[i], var_a, n_a, m->mean[j], var_b, n_b);
}

const char *fus_select_test_name(enum fus_test test)
{
    static const char *const names[] = {"balanced", "welch", "student", "permutation"};
    return names[test];
}

bool fus_select_needs_third(const struct fus_select_options *options, const long *n, int n_groups)
{
    bool unequal = false;
    for (int g = 1; g < n_groups; g++)
        unequal = unequal || n[g] != n[0];
    return unequal && options->test == FUS_TEST_BALANCED;
}

struct fus_ttest_group fus_select_group(const struct fus_moments *m, size_t unit, int category)
{
    size_t at = (size_t)category * m->n_units + unit;
    return (struct fus_ttest_group){(double)m->n[category], m->mean[at], m->m2[at], m->m3 ? m->m3[at] : 0};
}

double fus_select_pair_p(const struct fus_moments *m, size_t unit, int a, int b, enum fus_test test)
{
    if (test == FUS_TEST_BALANCED) {
        const struct fus_ttest_group of_a = fus_select_group(m, unit, a), of_b = fus_select_group(m, unit, b);
        return fus_balanced_p(&of_a, &of_b);
    }
    double df, t = fus_select_pair_t(&df, m, unit, a, b, test == FUS_TEST_STUDENT);
    bool constant = m->m2[(size_t)a * m->n_units + unit] == 0 && m->m2[(size_t)b * m->n_units + unit] == 0;
    return constant ? 1 : fus_special_t_sf(t, df);
}

/* The p of one unit and category: the largest over pairs; *least_t the least t. */
static double unit_p(double *least_t, const struct fus_moments *m, size_t unit, int category, enum fus_test test)
{
    double worst = 0, least = INFINITY;
    for (int k = 0; k < m->n_groups; k++) {
        if (k == category)
            continue;
        double df, t = fus_select_pair_t(&df, m, unit, category, k, test == FUS_TEST_STUDENT),
                   p = fus_select_pair_p(m, unit, category, k, test);
        worst = p > worst ? p : worst;
        least = t < least ? t : least;
    }
    *least_t = least;
    return worst;
}

bool fus_select_defined(const struct fus_moments *m, size_t unit)
{
    for (int g = 0; g < m->n_groups; g++)
        if (!isfinite(m->mean[(size_t)g * m->n_units + unit]) || !isfinite(m->m2[(size_t)g * m->n_units + unit]))
            return false;
    return true;
}

double fus_select_least_t(const struct fus_moments *m, size_t unit, int category, bool student)
{
    if (!fus_select_defined(m, unit))
        return NAN;
    double least = INFINITY;
    for (int k = 0; k < m->n_groups; k++) {
        double df, t = k == category ? INFINITY : fus_select_pair_t(&df, m, unit, category, k, student);
        least = t < least ? t : least;
    }
    return least;
}

void fus_select_weights(double *weight, const struct fus_moments *m, bool student)
{
    size_t n = (size_t)m->n_groups;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            double n_a = (double)m->n[a], n_b = (double)m->n[b];
            weight[a * n + b] = student ? (1 / n_a + 1 / n_b) / (n_a + n_b - 2) : 1 / (n_a * (n_a - 1));
        }
}

void fus_select_squares(double *squares, const struct fus_moments *m, const double *weight, size_t from, size_t n)
{
    fus_kernels_here()->least_t(squares, CHUNK, m->mean + from, m->m2 + from, m->n_units, weight, m->n_groups, n);
}

/* The tests of one category against the others. */
struct category_test {
    double *p, *t;
    const struct fus_moments *m;
    int category;
    enum fus_test test;
};

static void test_chunk(void *context, int chunk, int thread)
{
    const struct category_test *a = context;
    size_t from = (size_t)chunk * CHUNK, end = a->m->n_units - from < CHUNK ? a->m->n_units : from + CHUNK;
    (void)thread;
    for (size_t u = from; u < end; u++) {
        bool defined = fus_select_defined(a->m, u);
        a->t[u] = NAN;
        a->p[u] = defined ? unit_p(&a->t[u], a->m, u, a->category, a->test) : 1;
    }
}

int fus_select_check_third(const struct fus_moments *m, const struct fus_select_options *options, struct fus_error *err)
{
    if (m->m3 || !fus_select_needs_third(options, m->n, m->n_groups))
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL, "the balanced test of categories of unequal size needs their third moments");
}

int fus_select_category(double *q, double *p, double *t, const struct fus_moments *m, int category,
                        const struct fus_select_options *options, struct fus_error *err)
{
    struct category_test a = {p, t, m, category, options->test};
    fus_threads_for(n_chunks(m->n_units), test_chunk, &a);
    return fus_multiple_adjust(q, p, m->n_units, options->correction, err);
}

/* One pass over the units of a layer, chunk by chunk. */
struct chunk_scan {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    struct fus_search *search; /* NULL: units are only counted */
    double *weight;
    double *squares; /* [threads, n_categories + 2, CHUNK] */
    /* [threads] units without variance; with a NaN or infinite response */
    size_t *dead, *undefined;
};

static void scan_chunk(void *context, int chunk, int thread)
{
    const struct chunk_scan *a = context;
    size_t from = (size_t)chunk * CHUNK, rest = a->m->n_units - from, n = rest < CHUNK ? rest : CHUNK;
    size_t groups = (size_t)a->m->n_groups;
    double *squares = a->squares + (size_t)thread * (groups + 2) * CHUNK, *spread = squares + (groups + 1) * CHUNK;
    fus_select_squares(squares, a->m, a->weight, from, n);
    size_t dead = 0, undefined = 0;
    for (size_t u = 0; u < n; u++) {
        dead += spread[u] == 0;
        undefined += isnan(spread[u]);
    }
    a->dead[thread] += dead;
    a->undefined[thread] += undefined;
    if (a->search)
        fus_search_chunk(a->search, chunk, thread, squares);
    else
        memset(a->out->label + from, -1, n);
}

/* Counts dead and undefined units; passes the squares of each chunk to the search, if there is
 * one. */
static int scan_units(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_search *search,
                      bool student, struct fus_error *err)
{
    size_t groups = (size_t)m->n_groups, threads = (size_t)fus_base_threads();
    struct chunk_scan a = {out,
                           m,
                           search,
                           fus_base_alloc(groups, groups * sizeof *a.weight),
                           fus_base_aligned(threads * CHUNK, (groups + 2) * sizeof *a.squares),
                           fus_base_alloc(threads, sizeof *a.dead),
                           fus_base_alloc(threads, sizeof *a.undefined)};
    bool all = a.weight && a.squares && a.dead && a.undefined;
    int code = all ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to test %zu units", m->n_units);
    if (!code) {
        fus_select_weights(a.weight, m, student);
        fus_threads_for(n_chunks(m->n_units), scan_chunk, &a);
        out->n_dead = out->n_undefined = 0;
        for (size_t t = 0; t < threads; t++) {
            out->n_dead += a.dead[t];
            out->n_undefined += a.undefined[t];
        }
    }
    fus_base_free(a.weight);
    fus_base_free(a.squares);
    fus_base_free(a.dead);
    fus_base_free(a.undefined);
    return code;
}

int fus_select_count(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err)
{
    return scan_units(out, m, NULL, false, err);
}

static int label_by_search(struct fus_layer_summary *out, const struct fus_moments *m,
                           const struct fus_select_options *options, struct fus_error *err)
{
    struct fus_search *search;
    int code = fus_search_create(&search, out->label, m, options, err);
    if (!code)
        code = scan_units(out, m, search, options->test == FUS_TEST_STUDENT || fus_search_is_balanced(search), err);
    if (!code)
        code = fus_search_finish(search, err);
    fus_search_destroy(search);
    return code;
}

/* For a large alpha: every p of every category. */
static int label_plainly(struct fus_layer_summary *out, const struct fus_moments *m,
                         const struct fus_select_options *options, struct fus_error *err)
{
    int code = fus_select_check_third(m, options, err);
    double *work = code ? NULL : fus_base_alloc(m->n_units, 3 * sizeof *work);
    if (!work)
        return code ? code : fus_base_fail(err, FUS_ENOMEM, "no memory for the p values of %zu units", m->n_units);
    double *q = work, *p = work + m->n_units, *t = work + 2 * m->n_units;
    code = fus_select_count(out, m, err);
    for (int c = 0; c < m->n_groups && !code; c++) {
        code = fus_select_category(q, p, t, m, c, options, err);
        for (size_t u = 0; u < m->n_units && !code; u++)
            if (q[u] <= options->alpha && t[u] > 0)
                out->label[u] = (int8_t)c;
    }
    fus_base_free(work);
    return code;
}

int fus_select_check(const struct fus_moments *m, const struct fus_select_options *options, struct fus_error *err)
{
    if (m->n_groups < 2 || m->n_groups > FUS_SELECT_CATEGORIES)
        return fus_base_fail(err, FUS_EINVAL, "%d categories: selectivity needs 2 to %d", m->n_groups,
                             FUS_SELECT_CATEGORIES);
    for (int g = 0; g < m->n_groups; g++)
        if (m->n[g] < 2)
            return fus_base_fail(err, FUS_EINVAL, "category %d has %ld pictures: a variance needs at least 2", g,
                                 m->n[g]);
    if (!(options->alpha > 0 && options->alpha < 1))
        return fus_base_fail(err, FUS_EINVAL, "alpha is %g, expected a number between 0 and 1", options->alpha);
    return FUS_OK;
}

int fus_select_create(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                      int height, int width, struct fus_error *err)
{
    size_t places, units;
    memset(out, 0, sizeof *out);
    if (channels < 1 || height < 1 || width < 1 || !fus_base_mul(&places, (size_t)height, (size_t)width) ||
        !fus_base_mul(&units, places, (size_t)channels) || units != m->n_units)
        return fus_base_fail(err, FUS_EINVAL, "layer %s: %d x %d x %d is not %zu units", name, channels, height, width,
                             m->n_units);
    if (strlen(name) >= sizeof out->name)
        return fus_base_fail(err, FUS_ELIMIT, "layer name %s is longer than %zu bytes", name, sizeof out->name - 1);
    snprintf(out->name, sizeof out->name, "%s", name);
    out->channels = channels, out->height = height, out->width = width;
    out->n_units = units;
    out->categories = fus_base_alloc((size_t)m->n_groups, sizeof *out->categories);
    out->label = fus_base_alloc(units, sizeof *out->label);
    bool all = out->categories && out->label;
    out->n_categories = out->categories ? m->n_groups : 0;
    for (int c = 0; c < m->n_groups && all; c++) {
        struct fus_category_summary *category = &out->categories[c];
        category->ci_low = category->ci_high = category->csi_same = category->csi_cv = category->dprime_cv =
            category->auc_cv = category->survival = NAN;
        category->split_half_r = category->dice = category->csi_low = category->csi_high = NAN;
        category->variation_low = category->variation_high = category->morisita_low = category->morisita_high = NAN;
        category->map = fus_base_alloc(places, sizeof *category->map);
        all = category->map != NULL;
    }
    return all ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "layer %s: no memory for %zu labels", name, units);
}

struct summary_context {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    int *code;               /* [n_categories] */
    struct fus_error *error; /* [n_categories] */
};

static void summarise_category(void *context, int c, int thread)
{
    const struct summary_context *a = context;
    struct fus_layer_summary *out = a->out;
    size_t n_places = (size_t)out->height * (size_t)out->width;
    (void)thread;
    a->code[c] = fus_csi_summarise(&out->categories[c], a->m, out->label, c, &a->error[c]);
    if (!a->code[c])
        a->code[c] = fus_spatial_summarise(&out->categories[c], out->label, out->channels, n_places, c, &a->error[c]);
}

int fus_select_summarise(struct fus_layer_summary *out, const struct fus_moments *m, struct fus_error *err)
{
    size_t n = (size_t)m->n_groups;
    struct summary_context a = {out, m, fus_base_alloc(n, sizeof *a.code), fus_base_alloc(n, sizeof *a.error)};
    int code = a.code && a.error ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to summarise %zu categories", n);
    if (!code)
        fus_threads_for(m->n_groups, summarise_category, &a);
    for (size_t c = 0; c < n && !code; c++)
        if (a.code[c])
            code = fus_base_fail(err, a.code[c], "%s", a.error[c].msg);
    fus_base_free(a.code);
    fus_base_free(a.error);
    return code;
}

/* The permutation test has no p without single responses. */
static int check_test(const struct fus_select_options *options, struct fus_error *err)
{
    if (options->test != FUS_TEST_PERMUTATION)
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL,
                         "the permutation test needs single responses, not their moments: keep them, or take the "
                         "balanced test");
}

int fus_select_correct(int8_t *label, const double *p, size_t n_units, int n_categories,
                       const struct fus_select_options *options, struct fus_error *err)
{
    double *tested = fus_base_alloc(n_units, 2 * sizeof *tested);
    if (!tested)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to sort %zu p values", n_units);
    for (int c = 0; c < n_categories; c++) {
        size_t n = 0;
        for (size_t u = 0; u < n_units; u++)
            if (label[u] == c)
                tested[n++] = p[u];
        double most =
            fus_multiple_threshold(tested, tested + n_units, n, 0, n_units, options->alpha, options->correction);
        for (size_t u = 0; u < n_units; u++)
            if (label[u] == c && p[u] > most)
                label[u] = -1;
    }
    fus_base_free(tested);
    return FUS_OK;
}

int fus_select_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                     int height, int width, const struct fus_select_options *options, struct fus_error *err)
{
    int code = fus_select_create(out, m, name, channels, height, width, err);
    if (!code)
        code = fus_select_check(m, options, err);
    if (!code)
        code = check_test(options, err);
    if (!code)
        code = fus_search_suits(options) ? label_by_search(out, m, options, err) : label_plainly(out, m, options, err);
    if (code)
        fus_select_free(out);
    return code;
}

int fus_select_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                     int height, int width, const struct fus_select_options *options, struct fus_error *err)
{
    int code = fus_select_label(out, m, name, channels, height, width, options, err);
    if (!code)
        code = fus_select_summarise(out, m, err);
    if (code)
        fus_select_free(out);
    return code;
}

void fus_select_free(struct fus_layer_summary *layer)
{
    for (int c = 0; c < layer->n_categories; c++)
        fus_base_free(layer->categories[c].map);
    fus_base_free(layer->categories);
    fus_base_free(layer->label);
    memset(layer, 0, sizeof *layer);
}

static void fill_simple_tables(struct fus_unit_tables *out, const struct fus_moments *m, int category)
{
    size_t first = (size_t)category * m->n_units;
    for (size_t u = 0; u < m->n_units; u++) {
        if (out->mean)
            out->mean[first + u] = (float)m->mean[first + u];
        if (out->var)
            out->var[first + u] = (float)(m->m2[first + u] / (double)(m->n[category] - 1));
        if (out->csi)
            out->csi[first + u] = fus_select_defined(m, u) ? (float)fus_csi_unit(m, u, category) : NAN;
    }
}

static void round_to(float *out, size_t first, const double *x, size_t n)
{
    for (size_t i = 0; out && i < n; i++)
        out[first + i] = (float)x[i];
}

int fus_select_units(struct fus_unit_tables *out, const struct fus_moments *m, const struct fus_select_options *options,
                     struct fus_error *err)
{
    int code = fus_select_check(m, options, err);
    if (!code)
        code = check_test(options, err);
    if (!code)
        code = fus_select_check_third(m, options, err);
    if (code)
        return code;
    double *work = fus_base_alloc(m->n_units, 3 * sizeof *work);
    if (!work)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the tables of %zu units", m->n_units);
    double *q = work, *p = work + m->n_units, *t = work + 2 * m->n_units;
    for (int c = 0; c < m->n_groups && !code; c++) {
        fill_simple_tables(out, m, c);
        if (!out->t && !out->p && !out->q)
            continue;
        code = fus_select_category(q, p, t, m, c, options, err);
        if (!code) {
            round_to(out->t, (size_t)c * m->n_units, t, m->n_units);
            round_to(out->p, (size_t)c * m->n_units, p, m->n_units);
            round_to(out->q, (size_t)c * m->n_units, q, m->n_units);
        }
    }
    fus_base_free(work);
    return code;
}
