/* SPDX-License-Identifier: MIT */
/* Criteria of selectivity other than the default, each as its source states it:
 *   prince   Prince, Alvarez & Konkle 2024 (Science Advances 10, eadl1776)
 *   tdann    Margalit, Lee, Finzi, DiCarlo, Grill-Spector & Yamins 2024 (Neuron 112, 2435)
 *   dprime   Afraz, Boyden & DiCarlo 2015 (PNAS 112, 6730)
 *   ratio    Tsao, Freiwald, Tootell & Livingstone 2006 (Science 311, 670): index above 1/3, twice
 *            the others' response
 *   ranksum  Baek, Song, Jang, Kim & Paik 2021 (Nature Communications 12, 7328)
 * A unit with a NaN or infinite response is never selective. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"

#define TDANN_T 10.0
#define DPRIME 1.0
#define RATIO (1.0 / 3)
#define STRIP 16 /* units whose responses are gathered together: a cache line */
#define RANKSUM_P 0.001
#define CHUNK 4096 /* units a thread takes at a time */

static const char *const names[] = {"iut", "prince", "tdann", "dprime", "ratio", "ranksum"};

int fus_criteria_parse(enum fus_criterion *out, const char *name, struct fus_error *err)
{
    for (int i = 0; i < 6; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum fus_criterion)i;
            return FUS_OK;
        }
    return fus_base_fail(err, FUS_EINVAL,
                         "criterion '%s' is unknown; there are iut, prince, tdann, dprime, ratio, ranksum", name);
}

const char *fus_criteria_name(enum fus_criterion criterion)
{
    return names[criterion];
}

/* (mu_c - mu_o) / sqrt(s_c^2/n_c + s_o^2/n_o), o = all pictures of the others, variances with n.
 * 0 if both are 0, as in TDANN's code. */
static double pooled_t(const struct fus_moments *m, size_t unit, int category)
{
    double n = 0, sum = 0, squares = 0, n_c = (double)m->n[category];
    for (int o = 0; o < m->n_groups; o++)
        if (o != category) {
            n += (double)m->n[o];
            sum += (double)m->n[o] * m->mean[(size_t)o * m->n_units + unit];
        }
    double mean = sum / n;
    for (int o = 0; o < m->n_groups; o++)
        if (o != category) {
            double d = m->mean[(size_t)o * m->n_units + unit] - mean;
            squares += m->m2[(size_t)o * m->n_units + unit] + (double)m->n[o] * d * d;
        }
    size_t preferred = (size_t)category * m->n_units + unit;
    double difference = m->mean[preferred] - mean, error = m->m2[preferred] / n_c / n_c + squares / n / n;
    return error > 0 ? difference / sqrt(error) : 0;
}

double fus_criteria_statistic(const struct fus_moments *m, size_t unit, int category, enum fus_criterion criterion)
{
    if (criterion == FUS_CRITERION_TDANN)
        return pooled_t(m, unit, category);
    if (criterion == FUS_CRITERION_DPRIME)
        return fus_csi_dprime(m, unit, category);
    return fus_csi_unit(m, unit, category);
}

double fus_criteria_cut(enum fus_criterion criterion)
{
    return criterion == FUS_CRITERION_TDANN     ? TDANN_T
           : criterion == FUS_CRITERION_DPRIME  ? DPRIME
           : criterion == FUS_CRITERION_RATIO   ? RATIO
           : criterion == FUS_CRITERION_RANKSUM ? RANKSUM_P
                                                : NAN;
}

/* The context of the loops over chunks of units; only pair_chunk uses q, a and b. */
struct work {
    struct fus_layer_summary *out;
    const struct fus_moments *m;
    enum fus_criterion criterion;
    double *q;
    int a, b;
};

static size_t chunk_end(size_t from, size_t n)
{
    return n - from < CHUNK ? n : from + CHUNK;
}

/* The category with the largest statistic above the cut, or -1; *value its statistic. */
static int best_above(double *value, const struct fus_moments *m, size_t unit, enum fus_criterion criterion, double cut)
{
    int best = -1;
    *value = cut;
    for (int c = 0; c < m->n_groups && fus_select_defined(m, unit); c++) {
        double value_of_c = fus_criteria_statistic(m, unit, c, criterion);
        if (value_of_c > *value) {
            *value = value_of_c;
            best = c;
        }
    }
    return best;
}

static void cut_chunk(void *context, int chunk, int thread)
{
    const struct work *w = context;
    double cut = fus_criteria_cut(w->criterion), value;
    size_t from = (size_t)chunk * CHUNK, end = chunk_end(from, w->m->n_units);
    (void)thread;
    for (size_t u = from; u < end; u++)
        w->out->label[u] = (int8_t)best_above(&value, w->m, u, w->criterion, cut);
}

struct count_context {
    const struct fus_moments *m;
    enum fus_criterion criterion;
    const double *cuts;
    size_t n_cuts, *count; /* [n_chunks, n_categories, n_cuts] */
};

static void count_chunk(void *context, int chunk, int thread)
{
    const struct count_context *a = context;
    size_t from = (size_t)chunk * CHUNK, end = chunk_end(from, a->m->n_units);
    size_t *count = a->count + (size_t)chunk * (size_t)a->m->n_groups * a->n_cuts;
    (void)thread;
    for (size_t u = from; u < end; u++) {
        double value;
        int c = best_above(&value, a->m, u, a->criterion, -INFINITY);
        for (size_t k = 0; k < a->n_cuts && c >= 0; k++)
            count[(size_t)c * a->n_cuts + k] += value > a->cuts[k];
    }
}

int fus_criteria_count(size_t *count, const struct fus_moments *m, enum fus_criterion criterion, const double *cuts,
                       size_t n_cuts, struct fus_error *err)
{
    size_t n = (size_t)m->n_groups * n_cuts, n_chunks = (m->n_units + CHUNK - 1) / CHUNK;
    struct count_context a = {m, criterion, cuts, n_cuts, fus_base_alloc(n_chunks, n * sizeof *count)};
    if (!a.count)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to count units above %zu thresholds", n_cuts);
    fus_threads_for((int)n_chunks, count_chunk, &a);
    memset(count, 0, n * sizeof *count);
    for (size_t i = 0; i < n_chunks * n; i++)
        count[i % n] += a.count[i];
    fus_base_free(a.count);
    return FUS_OK;
}

double fus_criteria_pair_p(double *t, double *df, const struct fus_moments *m, size_t unit, int a, int b)
{
    *t = fus_select_pair_t(df, m, unit, a, b, true);
    bool constant = m->m2[(size_t)a * m->n_units + unit] == 0 && m->m2[(size_t)b * m->n_units + unit] == 0;
    /* rounding may pass 1 */
    return constant || !fus_select_defined(m, unit) ? 1 : fmin(1, 2 * fus_special_t_sf(fabs(*t), *df));
}

/* q [n_units] = two-sided p of category a against b. */
static void pair_chunk(void *context, int chunk, int thread)
{
    const struct work *w = context;
    size_t from = (size_t)chunk * CHUNK, end = chunk_end(from, w->m->n_units);
    double t, df;
    (void)thread;
    for (size_t u = from; u < end; u++)
        w->q[u] = fus_criteria_pair_p(&t, &df, w->m, u, w->a, w->b);
}

void fus_criteria_pair(double *p, const struct fus_moments *m, int a, int b)
{
    struct work w = {NULL, m, FUS_CRITERION_PRINCE, p, a, b};
    fus_threads_for((int)((m->n_units + CHUNK - 1) / CHUNK), pair_chunk, &w);
}

/* Two-sided tests of every pair, each pair corrected alone; a category keeps the unit while all
 * its pairs are rejected with t > 0. */
static int label_prince(struct fus_layer_summary *out, const struct fus_moments *m, double alpha, struct fus_error *err)
{
    size_t n = m->n_units;
    double *q = fus_base_alloc(n, sizeof *q);
    int8_t *won = fus_base_alloc(n, (size_t)m->n_groups); /* pairs won by each category */
    int code = q && won ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the p values of %zu units", n);
    for (int a = 0; a < m->n_groups && !code; a++)
        for (int b = a + 1; b < m->n_groups && !code; b++) {
            fus_criteria_pair(q, m, a, b);
            code = fus_multiple_adjust(q, q, n, FUS_BY, err);
            for (size_t u = 0; u < n && !code; u++)
                if (q[u] <= alpha)
                    won[(size_t)(m->mean[(size_t)a * n + u] > m->mean[(size_t)b * n + u] ? a : b) * n + u]++;
        }
    for (int c = 0; c < m->n_groups && !code; c++)
        for (size_t u = 0; u < n; u++)
            if (won[(size_t)c * n + u] == m->n_groups - 1)
                out->label[u] = (int8_t)c;
    fus_base_free(q);
    fus_base_free(won);
    return code;
}

int fus_criteria_label(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                       int height, int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err)
{
    if (criterion == FUS_CRITERION_IUT)
        return fus_select_label(out, m, name, channels, height, width, options, err);
    int code = fus_select_create(out, m, name, channels, height, width, err);
    if (!code)
        code = fus_select_check(m, options, err);
    if (!code && criterion == FUS_CRITERION_RANKSUM)
        code = fus_base_fail(err, FUS_EINVAL, "criterion ranksum needs the single responses, not their moments");
    if (!code)
        code = fus_select_count(out, m, err);
    if (!code && criterion == FUS_CRITERION_PRINCE)
        code = label_prince(out, m, options->alpha, err);
    else if (!code)
        fus_threads_for((int)((m->n_units + CHUNK - 1) / CHUNK), cut_chunk,
                        &(struct work){out, m, criterion, NULL, 0, 0});
    if (code)
        fus_select_free(out);
    return code;
}

int fus_criteria_layer(struct fus_layer_summary *out, const struct fus_moments *m, const char *name, int channels,
                       int height, int width, enum fus_criterion criterion, const struct fus_select_options *options,
                       struct fus_error *err)
{
    int code = fus_criteria_label(out, m, name, channels, height, width, criterion, options, err);
    if (!code)
        code = fus_select_summarise(out, m, err);
    if (code)
        fus_select_free(out);
    return code;
}

/* ---- single responses ---- */

int fus_responses_check(const struct fus_responses *r, struct fus_error *err)
{
    if (r->n_categories < 2 || r->n_categories > 127)
        return fus_base_fail(err, FUS_EINVAL, "%d categories, expected 2 to 127", r->n_categories);
    size_t count[127] = {0}, places, units;
    if (r->channels < 1 || r->height < 1 || r->width < 1 ||
        !fus_base_mul(&places, (size_t)r->height, (size_t)r->width) ||
        !fus_base_mul(&units, places, (size_t)r->channels) || units != r->n_units)
        return fus_base_fail(err, FUS_EINVAL, "%d x %d x %d is not %zu units", r->channels, r->height, r->width,
                             r->n_units);
    for (size_t i = 0; i < r->n_images; i++) {
        if (r->category[i] < 0 || r->category[i] >= r->n_categories)
            return fus_base_fail(err, FUS_EINVAL, "picture %zu has category %d of %d", i, r->category[i],
                                 r->n_categories);
        if (r->stratum && (r->stratum[i] < 0 || (size_t)r->stratum[i] >= r->n_images))
            return fus_base_fail(err, FUS_EINVAL, "picture %zu has subcategory %d", i, r->stratum[i]);
        count[r->category[i]]++;
    }
    for (int c = 0; c < r->n_categories; c++)
        if (count[c] < 2)
            return fus_base_fail(err, FUS_EINVAL, "category %d has %zu pictures: a variance needs at least 2", c,
                                 count[c]);
    return FUS_OK;
}

void fus_responses_row(float *to, const struct fus_responses *r, size_t image, size_t first, size_t n)
{
    if (r->x)
        memcpy(to, r->x + image * r->n_units + first, n * sizeof *to);
    else
        r->read(r->context, to, image, first, n);
}

void fus_responses_strip(float *to, size_t stride, const struct fus_responses *r, size_t first, size_t n)
{
    for (size_t i = 0; i < r->n_images; i++)
        fus_responses_row(to + i * stride, r, i, first, n);
}

void fus_responses_moments(struct fus_moments *m, const struct fus_responses *r, const size_t *order, size_t n,
                           const int *relabel)
{
    size_t values = (size_t)m->n_groups * m->n_units;
    memset(m->n, 0, (size_t)m->n_groups * sizeof *m->n);
    memset(m->mean, 0, values * sizeof *m->mean);
    memset(m->m2, 0, values * sizeof *m->m2);
    if (m->m3)
        memset(m->m3, 0, values * sizeof *m->m3);
    fus_moments_add_rows(m, r->x, relabel ? relabel : r->category, order, n);
}

/* Adds the moments of all images, one after another through row [n_units] if x is not in memory. */
static void add_images(struct fus_moments *m, const struct fus_responses *r, float *row)
{
    if (r->x) {
        fus_responses_moments(m, r, NULL, r->n_images, NULL);
        return;
    }
    for (size_t i = 0; i < r->n_images; i++) {
        fus_responses_row(row, r, i, 0, r->n_units);
        fus_moments_add_rows(m, row, &r->category[i], NULL, 1);
    }
}

/* One unit's responses, category after category: sorted [n_images], first [n_categories + 1];
 * strip [n_images, STRIP]. */
static void gather(float *sorted, const size_t *first, const struct fus_responses *r, const float *strip)
{
    size_t next[128];
    memcpy(next, first, (size_t)r->n_categories * sizeof *next);
    for (size_t i = 0; i < r->n_images; i++)
        sorted[next[r->category[i]]++] = strip[i * STRIP];
}

static int ranksum_label(const float *values, float *scratch, const size_t *first, const struct fus_moments *m,
                         size_t unit)
{
    int best = 0;
    for (int c = 1; c < m->n_groups; c++)
        if (m->mean[(size_t)c * m->n_units + unit] > m->mean[(size_t)best * m->n_units + unit])
            best = c;
    for (int o = 0; o < m->n_groups; o++)
        if (o != best && !(fus_ranksum_two_sided(values + first[best], first[best + 1] - first[best], values + first[o],
                                                 first[o + 1] - first[o], scratch) < RANKSUM_P))
            return -1;
    return best;
}

bool fus_criteria_needs_responses(const struct fus_select_options *options)
{
    return options->criterion == FUS_CRITERION_RANKSUM ||
           (options->criterion == FUS_CRITERION_IUT && options->test == FUS_TEST_PERMUTATION);
}

int fus_criteria_responses(struct fus_layer_summary *out, const struct fus_moments *m, const struct fus_responses *r,
                           const char *name, const struct fus_select_options *options,
                           const struct fus_progress *progress, struct fus_error *err)
{
    if (options->criterion == FUS_CRITERION_RANKSUM)
        return fus_criteria_ranksum(out, r, name, err);
    int code = fus_relabel_label(out, m, r, name, options, progress, err);
    if (!code)
        code = fus_select_summarise(out, m, err);
    if (code)
        fus_select_free(out);
    return code;
}

int fus_criteria_ranksum(struct fus_layer_summary *out, const struct fus_responses *r, const char *name,
                         struct fus_error *err)
{
    struct fus_moments m = {0};
    size_t first[129] = {0};
    float *values = NULL, *row = NULL, *strip;
    memset(out, 0, sizeof *out);
    int code = fus_responses_check(r, err);
    if (!code)
        code = fus_moments_create(&m, r->n_categories, r->n_units, err);
    m.is_signed = r->is_signed;
    if (!code)
        code = fus_select_create(out, &m, name, r->channels, r->height, r->width, err);
    if (!code && (!(values = fus_base_alloc(r->n_images, (2 + STRIP) * sizeof *values)) ||
                  !(row = fus_base_alloc(r->n_units, sizeof *row))))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", r->n_images);
    if (!code) {
        strip = values + 2 * r->n_images;
        add_images(&m, r, row);
        code = fus_select_count(out, &m, err);
        for (int c = 0; c < r->n_categories; c++)
            first[c + 1] = first[c] + (size_t)m.n[c];
        for (size_t u = 0; u < r->n_units && !code; u++) {
            if (u % STRIP == 0)
                fus_responses_strip(strip, STRIP, r, u, r->n_units - u < STRIP ? r->n_units - u : STRIP);
            if (fus_select_defined(&m, u)) {
                gather(values, first, r, strip + u % STRIP);
                out->label[u] = (int8_t)ranksum_label(values, values + r->n_images, first, &m, u);
            }
        }
    }
    if (!code)
        code = fus_select_summarise(out, &m, err);
    if (code)
        fus_select_free(out);
    fus_base_free(values);
    fus_base_free(row);
    fus_moments_destroy(&m);
    return code;
}
