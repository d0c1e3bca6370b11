/* SPDX-License-Identifier: MIT */
/* Representational dissimilarity matrices and their rank correlation. Units are taken in blocks of
 * BLOCK, centred and transposed so that the patterns are adjacent. Each pair's sum over units is
 * one chain in the order of units, through all blocks. */
#include <math.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"

#define BLOCK 128 /* units: 192 patterns of doubles are 197 kB */
#define LANES 8   /* pairs (i, j .. j+7) whose sums run side by side */

struct patterns {
    const struct fus_responses *r; /* either [n, n_units] in float ... */
    const double *means;           /* ... or in double */
    size_t n, n_units;
};

/* Units first .. first+count-1, at most BLOCK, of pattern i. */
static void load(double *to, const struct patterns *p, size_t i, size_t first, size_t count)
{
    float x[BLOCK];
    if (p->r)
        fus_responses_row(x, p->r, i, first, count);
    for (size_t u = 0; u < count; u++)
        to[u] = p->r ? (double)x[u] : p->means[i * p->n_units + first + u];
}

/* buffer [count, wide]: units first .. first+count-1 of every pattern less its mean; columns
 * past n stay 0. */
static void fill(double *buffer, size_t wide, const struct patterns *p, const double *mean, size_t first, size_t count)
{
    double x[BLOCK];
    for (size_t i = 0; i < p->n; i++) {
        load(x, p, i, first, count);
        for (size_t u = 0; u < count; u++)
            buffer[u * wide + i] = x[u] - mean[i];
    }
}

struct products {
    double *gram;         /* [n, wide] */
    const double *buffer; /* [count, wide] */
    size_t wide, count;
};

/* Row i of gram += products over the buffer's units, for j >= i rounded down to LANES. */
static void add_row(void *context, int i, int thread)
{
    const struct products *a = context;
    double *gram = a->gram + (size_t)i * a->wide;
    (void)thread;
    for (size_t j = (size_t)i / LANES * LANES; j < a->wide; j += LANES) {
        double sum[LANES];
        for (int k = 0; k < LANES; k++)
            sum[k] = gram[j + (size_t)k];
        for (size_t u = 0; u < a->count; u++) {
            const double *row = a->buffer + u * a->wide;
            double value = row[i];
            for (int k = 0; k < LANES; k++)
                sum[k] += value * row[j + (size_t)k];
        }
        for (int k = 0; k < LANES; k++)
            gram[j + (size_t)k] = sum[k];
    }
}

/* A pattern's mean; NaN if the pattern is constant, since subtracting its rounded mean would leave
 * rounding noise. */
static double mean_of(const struct patterns *p, size_t i)
{
    double x[BLOCK], one = 0, sum = 0;
    bool varies = false;
    for (size_t first = 0; first < p->n_units; first += BLOCK) {
        size_t count = p->n_units - first < BLOCK ? p->n_units - first : BLOCK;
        load(x, p, i, first, count);
        one = first ? one : x[0];
        for (size_t u = 0; u < count; u++) {
            sum += x[u];
            varies = varies || x[u] != one;
        }
    }
    return varies ? sum / (double)p->n_units : NAN;
}

static int build_rdm(double *rdm, const struct patterns *p, struct fus_error *err)
{
    size_t wide = (p->n + LANES - 1) / LANES * LANES, n = p->n, values;
    if (n < 2 || n > INT32_MAX || p->n_units < 2)
        return fus_base_fail(err, FUS_EINVAL, "%zu patterns of %zu units: dissimilarity needs at least 2 of both", n,
                             p->n_units);
    if (!fus_base_mul(&values, n + BLOCK + 1, wide))
        return fus_base_fail(err, FUS_ENOMEM, "too many patterns: %zu", n);
    double *gram = fus_base_alloc(values, sizeof *gram);
    if (!gram)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu patterns", n);
    double *buffer = gram + n * wide, *mean = buffer + BLOCK * wide;
    for (size_t i = 0; i < n; i++)
        mean[i] = mean_of(p, i);
    for (size_t first = 0; first < p->n_units; first += BLOCK) {
        size_t count = p->n_units - first < BLOCK ? p->n_units - first : BLOCK;
        fill(buffer, wide, p, mean, first, count);
        fus_threads_for((int)n, add_row, &(struct products){gram, buffer, wide, count});
    }
    for (size_t i = 0, at = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++, at++) {
            double scale = sqrt(gram[i * wide + i]) * sqrt(gram[j * wide + j]);
            rdm[at] = scale > 0 && isfinite(scale) ? 1 - gram[i * wide + j] / scale : NAN;
        }
    fus_base_free(gram);
    return FUS_OK;
}

int fus_consistency_rdm(double *rdm, const float *x, size_t n, size_t n_units, struct fus_error *err)
{
    const struct fus_responses r = {.x = x, .n_images = n, .n_units = n_units};
    return fus_consistency_rdm_images(rdm, &r, err);
}

int fus_consistency_rdm_images(double *rdm, const struct fus_responses *r, struct fus_error *err)
{
    const struct patterns p = {r, NULL, r->n_images, r->n_units};
    return build_rdm(rdm, &p, err);
}

int fus_consistency_rdm_means(double *rdm, const struct fus_moments *m, struct fus_error *err)
{
    const struct patterns p = {NULL, m->mean, (size_t)m->n_groups, m->n_units};
    return build_rdm(rdm, &p, err);
}

static double pearson(const double *a, const double *b, size_t n)
{
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++)
        sum_a += a[i], sum_b += b[i];
    double mean_a = sum_a / (double)n, mean_b = sum_b / (double)n;
    for (size_t i = 0; i < n; i++) {
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
        ab += (a[i] - mean_a) * (b[i] - mean_b);
    }
    return aa > 0 && bb > 0 ? ab / (sqrt(aa) * sqrt(bb)) : NAN;
}

int fus_consistency_spearman(double *r, const double *a, const double *b, size_t n, struct fus_error *err)
{
    *r = NAN;
    double *kept = fus_base_alloc(n + 1, 4 * sizeof *kept);
    if (!kept)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to rank %zu pairs", n);
    double *kept_b = kept + n, *rank_a = kept + 2 * n, *rank_b = kept + 3 * n;
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(a[i]) && !isnan(b[i]))
            kept[n_kept] = a[i], kept_b[n_kept++] = b[i];
    int code = fus_order_ranks(rank_a, kept, n_kept, err);
    if (!code)
        code = fus_order_ranks(rank_b, kept_b, n_kept, err);
    if (!code)
        *r = pearson(rank_a, rank_b, n_kept);
    fus_base_free(kept);
    return code;
}
