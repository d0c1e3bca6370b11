/* SPDX-License-Identifier: MIT */
/* Retrieval scores: see score.h. Similarities are float chains (nn/matmul.h) of the unit vectors,
 * as in the fit; everything after them is in double. */
#include "analysis/sdc/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"
#include "nn/matmul.h"

#define BLOCK 128 /* trials whose similarities are computed together */

static const int tops[] = {1, 5, 10, 50, 100, 500};
enum { N_TOPS = 6 };

struct scoring {
    const struct fus_sdc_decoded *z;
    size_t n, d_pad, m;   /* trials, candidates */
    int32_t *candidates;  /* [m] images, rising */
    int32_t *own;         /* [n] the own image among them */
    float *y;             /* [m_pad/16, d_pad, 16] candidates, transposed */
    float *p, *packed;    /* of a block: [BLOCK, d_pad], [d_pad/16, BLOCK, 16] */
    float *s;             /* [m_pad/16, BLOCK, 16] similarities of a block */
    float *all;           /* [n, m]; NULL: too many */
    int32_t *rank;        /* [n] */
    double *cosine;       /* [n] */
    double *wins, *pairs; /* [n] of two_vs_two */
    size_t first;         /* trial of the block at work */
};

/* ---- candidates ---- */

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* The distinct numbers of image [n], rising; returns how many. */
static size_t list_images(int32_t *out, const int32_t *image, size_t n)
{
    size_t m = 0;
    memcpy(out, image, n * sizeof *out);
    qsort(out, n, sizeof *out, by_number);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || out[i] != out[m - 1])
            out[m++] = out[i];
    return m;
}

static int32_t find_image(const int32_t *candidates, size_t m, int32_t image)
{
    const int32_t *at = bsearch(&image, candidates, m, sizeof image, by_number);
    return (int32_t)(at - candidates);
}

static void close_scoring(struct scoring *s)
{
    void *const all[] = {s->candidates, s->own, s->y, s->p, s->packed, s->s, s->all, s->rank, s->cosine, s->wins};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fus_base_free(all[i]);
}

static int open_scoring(struct scoring *s, const struct fus_sdc_decoded *z, bool matrix, struct fus_error *err)
{
    size_t n = z->n, m_pad;
    *s = (struct scoring){.z = z, .n = n, .d_pad = fus_matmul_pad(z->d)};
    s->candidates = fus_base_alloc(n + 1, sizeof *s->candidates);
    s->own = fus_base_alloc(n + 1, sizeof *s->own);
    if (!s->candidates || !s->own)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the scores of %zu trials", n);
    s->m = list_images(s->candidates, z->image, n);
    m_pad = fus_matmul_pad(s->m);
    for (size_t i = 0; i < n; i++)
        s->own[i] = find_image(s->candidates, s->m, z->image[i]);
    float *unit = fus_base_alloc(s->m * s->d_pad + 1, sizeof *unit);
    s->y = fus_base_alloc(m_pad * s->d_pad + 1, sizeof *s->y);
    s->p = fus_base_alloc(BLOCK * s->d_pad, sizeof *s->p);
    s->packed = fus_base_alloc(BLOCK * s->d_pad, sizeof *s->packed);
    s->s = fus_base_alloc(m_pad * BLOCK + 1, sizeof *s->s);
    s->rank = fus_base_alloc(n + 1, sizeof *s->rank);
    s->cosine = fus_base_alloc(n + 1, sizeof *s->cosine);
    s->wins = fus_base_alloc(2 * n + 1, sizeof *s->wins);
    if (matrix && s->m <= FUS_SDC_SCORE_MATRIX / (n + 1))
        s->all = fus_base_alloc(n * s->m + 1, sizeof *s->all);
    bool failed = !unit || !s->y || !s->p || !s->packed || !s->s || !s->rank || !s->cosine || !s->wins;
    for (size_t c = 0; c < s->m && !failed; c++)
        memcpy(unit + c * s->d_pad, z->embedding->unit + (size_t)s->candidates[c] * z->d, z->d * sizeof *unit);
    if (!failed)
        fus_matmul_pack_transposed(s->y, unit, s->m, s->d_pad);
    fus_base_free(unit);
    s->pairs = failed ? NULL : s->wins + n;
    return failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for the scores of %zu trials", n) : FUS_OK;
}

/* ---- ranks ---- */

/* Row i of the block, of unit length. */
static void normalise(void *context, int task, int thread)
{
    struct scoring *s = context;
    const float *z = s->z->z + (s->first + (size_t)task) * s->z->d;
    float *p = s->p + (size_t)task * s->d_pad;
    double squares = 0;
    (void)thread;
    for (size_t j = 0; j < s->z->d; j++)
        squares += (double)z[j] * z[j];
    for (size_t j = 0; j < s->z->d; j++)
        p[j] = squares > 0 ? (float)(z[j] / sqrt(squares)) : 0;
}

static void rank_trial(void *context, int task, int thread)
{
    struct scoring *s = context;
    size_t i = s->first + (size_t)task, own = (size_t)s->own[i];
    const float *row = s->s + (size_t)task * 16; /* of candidate c: [c / 16 * BLOCK * 16 + c % 16] */
    float mine = row[own / 16 * BLOCK * 16 + own % 16];
    int32_t rank = 1;
    (void)thread;
    for (size_t c = 0; c < s->m; c++) {
        float x = row[c / 16 * BLOCK * 16 + c % 16];
        rank += x > mine || (x == mine && c < own);
        if (s->all)
            s->all[i * s->m + c] = x;
    }
    s->rank[i] = rank;
    s->cosine[i] = mine;
}

static void rank_all(struct scoring *s)
{
    const struct fus_kernel *kernel = fus_kernels_here();
    const struct fus_matmul compare = {BLOCK, s->d_pad, fus_matmul_pad(s->m), s->packed, s->y, NULL, s->s, false, 0, 0};
    for (s->first = 0; s->first < s->n; s->first += BLOCK) {
        int rows = (int)(s->n - s->first < BLOCK ? s->n - s->first : BLOCK);
        fus_threads_for(rows, normalise, s);
        fus_matmul_pack(s->packed, s->p, BLOCK, s->d_pad);
        fus_matmul_run(&compare, kernel);
        fus_threads_for(rows, rank_trial, s);
    }
}

/* Trial i against all others of different images. */
static void compare_pairs(void *context, int task, int thread)
{
    struct scoring *s = context;
    size_t i = (size_t)task, own = (size_t)s->own[i], m = s->m, pairs = 0, wins = 0;
    const float *row = s->all + i * m, *column = s->all + own;
    double cosine = s->cosine[i];
    (void)thread;
    for (size_t j = 0; j < s->n; j++) {
        size_t other = (size_t)s->own[j], counts = other != own;
        pairs += counts;
        wins += counts & (size_t)(cosine + s->cosine[j] > (double)row[other] + (double)column[j * m]);
    }
    s->pairs[i] = (double)pairs, s->wins[i] = (double)wins;
}

int fus_sdc_score_ranks(int32_t *rank, double *own, const struct fus_sdc_decoded *z, struct fus_error *err)
{
    struct scoring s;
    int code = open_scoring(&s, z, false, err);
    if (!code) {
        rank_all(&s);
        if (rank)
            memcpy(rank, s.rank, z->n * sizeof *rank);
        if (own)
            memcpy(own, s.cosine, z->n * sizeof *own);
    }
    close_scoring(&s);
    return code;
}

/* ---- metrics ---- */

/* Every metric but median_rank is a ratio of two sums over trials. */
struct sums {
    double of, by;
};

/* chance [m + 1]: of a trial of rank r, C(m - r, k - 1) / C(m - 1, k - 1). */
static void chances_among(double *chance, size_t m, size_t k)
{
    double p = 1;
    for (size_t r = 1; r <= m; r++) {
        chance[r] = p;
        p = m - r >= k ? p * (double)(m - r - (k - 1)) / (double)(m - r) : 0;
    }
}

static void add_metric(struct fus_sdc_scores *out, const char *name, int k, double chance)
{
    out->metrics[out->n_metrics++] = (struct fus_sdc_metric){name, k, NAN, NAN, NAN, chance};
}

static void list_metrics(struct fus_sdc_scores *out, const struct scoring *s)
{
    double m = (double)s->m;
    out->n_trials = s->n, out->n_images = s->m, out->n_metrics = 0;
    for (int i = 0; i < N_TOPS; i++)
        if ((size_t)tops[i] < s->m)
            add_metric(out, "top", tops[i], tops[i] / m);
    if (s->m >= FUS_SDC_SCORE_AMONG)
        add_metric(out, "top_1_among", FUS_SDC_SCORE_AMONG, 1.0 / FUS_SDC_SCORE_AMONG);
    if (s->all && s->m > 1)
        add_metric(out, "two_vs_two", 0, 0.5);
    add_metric(out, "cosine", 0, NAN);
    add_metric(out, "mean_rank", 0, (m + 1) / 2);
    add_metric(out, "median_rank", 0, (m + 1) / 2);
}

/* What trial i adds to a metric. */
static struct sums term(const struct fus_sdc_metric *metric, const struct scoring *s, const double *among, size_t i)
{
    if (strcmp(metric->name, "top") == 0)
        return (struct sums){s->rank[i] <= metric->k, 1};
    if (strcmp(metric->name, "top_1_among") == 0)
        return (struct sums){among[s->rank[i]], 1};
    if (strcmp(metric->name, "two_vs_two") == 0)
        return (struct sums){s->wins[i], s->pairs[i]};
    return (struct sums){strcmp(metric->name, "cosine") == 0 ? s->cosine[i] : s->rank[i], 1};
}

static bool is_median(const struct fus_sdc_metric *metric)
{
    return strcmp(metric->name, "median_rank") == 0;
}

/* by_rank [m + 1]: weight of the trials of each rank; total: of all. The mean of the middle two. */
static double median_rank(const double *by_rank, size_t m, double total)
{
    double below = 0, lower = NAN;
    for (size_t r = 1; r <= m; r++) {
        below += by_rank[r];
        if (isnan(lower) && below >= total / 2 && below > 0)
            lower = (double)r;
        if (below > total / 2)
            return (lower + (double)r) / 2;
    }
    return lower;
}

struct resampling {
    const struct scoring *s;
    struct fus_sdc_scores *out;
    struct sums *by_image; /* [n_metrics, m] */
    size_t *first;         /* [m + 1] trials of each image in `order` */
    int32_t *order;        /* [n] trials by image */
    double *values;        /* [n_metrics, n_resamples] */
    int n_resamples;
    uint64_t key;
    bool failed[1024]; /* by thread: no memory */
};

/* The metrics with image c counted count[c] times; the value of two_vs_two moves twice as far as
 * the mean of its trials, since both trials of a pair vary. */
static void measure(double *values, const struct resampling *r, const double *count, double *by_rank)
{
    const struct scoring *s = r->s;
    for (int k = 0; k < r->out->n_metrics; k++) {
        const struct sums *sums = r->by_image + (size_t)k * s->m;
        const struct fus_sdc_metric *metric = &r->out->metrics[k];
        double of = 0, by = 0;
        for (size_t c = 0; c < s->m; c++)
            of += count[c] * sums[c].of, by += count[c] * sums[c].by;
        values[k] = of / by;
        if (strcmp(metric->name, "two_vs_two") == 0 && !isnan(metric->value))
            values[k] = fmin(fmax(metric->value + 2 * (values[k] - metric->value), 0), 1);
        if (!is_median(metric))
            continue;
        memset(by_rank, 0, (s->m + 1) * sizeof *by_rank);
        for (size_t c = 0; c < s->m; c++)
            for (size_t i = r->first[c]; i < r->first[c + 1] && count[c] > 0; i++)
                by_rank[s->rank[r->order[i]]] += count[c];
        values[k] = median_rank(by_rank, s->m, by);
    }
}

static void resample(void *context, int task, int thread)
{
    struct resampling *r = context;
    const uint64_t parts[] = {r->key, FUS_SDC_RESAMPLE, (uint64_t)task};
    double values[FUS_SDC_SCORE_METRICS], *count = fus_base_alloc(2 * r->s->m + 1, sizeof *count);
    struct fus_rng g;
    if (!count) {
        r->failed[thread % 1024] = true;
        return;
    }
    fus_rng_seed_counter(&g, parts, 3);
    for (size_t c = 0; c < r->s->m; c++)
        count[fus_rng_below(&g, r->s->m)]++;
    measure(values, r, count, count + r->s->m);
    for (int k = 0; k < r->out->n_metrics; k++)
        r->values[(size_t)k * (size_t)r->n_resamples + (size_t)task] = values[k];
    fus_base_free(count);
}

static int sum_by_image(struct resampling *r, struct fus_error *err)
{
    const struct scoring *s = r->s;
    double *among = fus_base_alloc(s->m + 2, sizeof *among);
    size_t *used = fus_base_alloc(s->m + 1, sizeof *used);
    r->by_image = fus_base_alloc((size_t)r->out->n_metrics * s->m + 1, sizeof *r->by_image);
    r->first = fus_base_alloc(s->m + 2, sizeof *r->first);
    r->order = fus_base_alloc(s->n + 1, sizeof *r->order);
    bool failed = !among || !used || !r->by_image || !r->first || !r->order;
    if (!failed) {
        if (s->m >= FUS_SDC_SCORE_AMONG)
            chances_among(among, s->m, FUS_SDC_SCORE_AMONG);
        for (size_t i = 0; i < s->n; i++)
            r->first[s->own[i] + 1]++;
        for (size_t c = 0; c < s->m; c++)
            r->first[c + 1] += r->first[c];
        for (size_t i = 0; i < s->n; i++)
            r->order[r->first[s->own[i]] + used[s->own[i]]++] = (int32_t)i;
        for (int k = 0; k < r->out->n_metrics; k++)
            for (size_t i = 0; i < s->n; i++) {
                struct sums t = term(&r->out->metrics[k], s, among, i);
                struct sums *to = &r->by_image[(size_t)k * s->m + (size_t)s->own[i]];
                to->of += t.of, to->by += t.by;
            }
    }
    fus_base_free(among);
    fus_base_free(used);
    return failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for the scores of %zu trials", s->n) : FUS_OK;
}

static int find_values(struct resampling *r, struct fus_error *err)
{
    double values[FUS_SDC_SCORE_METRICS], *count = fus_base_alloc(2 * r->s->m + 1, sizeof *count);
    if (!count)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", r->s->m);
    for (size_t c = 0; c < r->s->m; c++)
        count[c] = 1;
    measure(values, r, count, count + r->s->m);
    for (int k = 0; k < r->out->n_metrics; k++)
        r->out->metrics[k].value = values[k];
    fus_base_free(count);
    return FUS_OK;
}

static int find_intervals(struct resampling *r, struct fus_error *err)
{
    size_t n = (size_t)r->n_resamples;
    bool failed = false;
    r->values = fus_base_alloc((size_t)r->out->n_metrics * n + 1, sizeof *r->values);
    if (!r->values)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d resamples", r->n_resamples);
    fus_threads_for(r->n_resamples, resample, r);
    for (int i = 0; i < 1024; i++)
        failed |= r->failed[i];
    for (int k = 0; k < r->out->n_metrics && !failed; k++) {
        double *values = r->values + (size_t)k * n;
        fus_order_sort(values, n);
        r->out->metrics[k].low = fus_order_quantile(values, n, 0.025);
        r->out->metrics[k].high = fus_order_quantile(values, n, 0.975);
    }
    return failed ? fus_base_fail(err, FUS_ENOMEM, "no memory for %d resamples", r->n_resamples) : FUS_OK;
}

int fus_sdc_score(struct fus_sdc_scores *out, const struct fus_sdc_decoded *z, int n_resamples, uint64_t key,
                  struct fus_error *err)
{
    struct scoring s;
    struct resampling r = {.s = &s, .out = out, .n_resamples = n_resamples, .key = key};
    int code = open_scoring(&s, z, true, err);
    memset(out, 0, sizeof *out);
    if (!code && z->n > 0) {
        rank_all(&s);
        if (s.all)
            fus_threads_for((int)s.n, compare_pairs, &s);
        list_metrics(out, &s);
        code = sum_by_image(&r, err);
        if (!code)
            code = find_values(&r, err);
        if (!code && n_resamples > 0)
            code = find_intervals(&r, err);
    }
    fus_base_free(r.by_image);
    fus_base_free(r.first);
    fus_base_free(r.order);
    fus_base_free(r.values);
    close_scoring(&s);
    return code;
}

int fus_sdc_score_average(size_t *n_images, float *z, int32_t *image, const struct fus_sdc_decoded *trials,
                          struct fus_error *err)
{
    size_t d = trials->d, m = *n_images = list_images(image, trials->image, trials->n);
    double *sums = fus_base_alloc(m * (d + 1) + 1, sizeof *sums), *counts = sums ? sums + m * d : NULL;
    if (!sums)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the means of %zu images", m);
    for (size_t i = 0; i < trials->n; i++) {
        size_t c = (size_t)find_image(image, m, trials->image[i]);
        counts[c]++;
        for (size_t j = 0; j < d; j++)
            sums[c * d + j] += trials->z[i * d + j];
    }
    for (size_t c = 0; c < m; c++)
        for (size_t j = 0; j < d; j++)
            z[c * d + j] = (float)(sums[c * d + j] / counts[c]);
    fus_base_free(sums);
    return FUS_OK;
}

double fus_sdc_score_value(const struct fus_sdc_scores *s, const char *name, int k)
{
    for (int i = 0; i < s->n_metrics; i++)
        if (strcmp(s->metrics[i].name, name) == 0 && s->metrics[i].k == k)
            return s->metrics[i].value;
    return NAN;
}
