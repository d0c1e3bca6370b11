/* SPDX-License-Identifier: MIT */
/* Spherical k-means of the vectors of all participants: see beside.h. */
#include <math.h>
#include <string.h>

#include "analysis/sdc/beside.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"
#include "nn/matmul.h"

enum { STARTS = 4, ROUNDS = 50 };

struct means {
    const struct fus_sdc_vectors *v;
    size_t n, d, d_pad, k, k_pad;
    uint8_t *used;                           /* [n] */
    float *packed, *rows, *columns, *cosine; /* [d_pad/16, n, 16]; [k, d]; [k_pad/16, d_pad, 16]; [k_pad/16, n, 16] */
    double *centroid, *far;                  /* [k, d]; [n] 1 - the largest cosine with a centre */
    int32_t *label;                          /* [n] */
};

static void free_means(struct means *m)
{
    fus_base_free(m->used);
    fus_base_free(m->packed);
    fus_base_free(m->rows);
    fus_base_free(m->columns);
    fus_base_free(m->cosine);
    fus_base_free(m->centroid);
    fus_base_free(m->far);
    fus_base_free(m->label);
}

static bool is_zero(const float *u, size_t d)
{
    for (size_t j = 0; j < d; j++)
        if (u[j] != 0)
            return false;
    return true;
}

static int create(struct means *m, const struct fus_sdc_vectors *v, int k, int skip, struct fus_error *err)
{
    size_t cells;
    *m = (struct means){.v = v, .n = v->n, .d = v->d, .k = (size_t)k};
    m->d_pad = fus_matmul_pad(m->d), m->k_pad = fus_matmul_pad(m->k);
    if (fus_base_mul(&cells, m->n + 1, m->d_pad))
        m->packed = fus_base_aligned(cells, sizeof *m->packed);
    if (fus_base_mul(&cells, m->n + 1, m->k_pad))
        m->cosine = fus_base_aligned(cells, sizeof *m->cosine);
    m->used = fus_base_alloc(m->n + 1, 1);
    m->rows = fus_base_alloc(m->k, m->d * sizeof *m->rows);
    m->columns = fus_base_aligned(m->k_pad * m->d_pad, sizeof *m->columns);
    m->centroid = fus_base_alloc(m->k, m->d * sizeof *m->centroid);
    m->far = fus_base_alloc(m->n + 1, sizeof *m->far);
    m->label = fus_base_alloc(m->n + 1, sizeof *m->label);
    if (!m->packed || !m->cosine || !m->used || !m->rows || !m->columns || !m->centroid || !m->far || !m->label)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for k-means of %zu voxels", m->n);
    for (int s = 0; s < v->n_participants; s++)
        for (size_t i = v->first[s]; i < v->first[s + 1]; i++)
            m->used[i] = s != skip && !is_zero(v->unit + i * m->d, m->d);
    fus_matmul_pack(m->packed, v->unit, m->n, m->d);
    return FUS_OK;
}

/* ---- a start ---- */

/* Eight sums side by side, joined in pairs. */
static double dot(const float *x, const float *y, size_t d)
{
    double sum[8] = {0};
    size_t j = 0;
    for (; j + 8 <= d; j += 8)
        for (size_t i = 0; i < 8; i++)
            sum[i] += (double)x[j + i] * y[j + i];
    for (; j < d; j++)
        sum[0] += (double)x[j] * y[j];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* A voxel drawn with the probability of `far`. */
static size_t draw(const struct means *m, struct fus_rng *rng)
{
    double all = 0, sum = 0;
    size_t last = 0;
    for (size_t i = 0; i < m->n; i++)
        all += m->used[i] ? m->far[i] : 0;
    double at = fus_rng_uniform(rng) * all;
    for (size_t i = 0; i < m->n; i++) {
        if (!m->used[i] || !(m->far[i] > 0))
            continue;
        sum += m->far[i];
        last = i;
        if (sum > at)
            break;
    }
    return last;
}

static void start(struct means *m, struct fus_rng *rng)
{
    for (size_t i = 0; i < m->n; i++)
        m->far[i] = 1;
    for (size_t c = 0; c < m->k; c++) {
        const float *centre = m->v->unit + draw(m, rng) * m->d;
        for (size_t j = 0; j < m->d; j++)
            m->centroid[c * m->d + j] = centre[j];
        for (size_t i = 0; i < m->n && c + 1 < m->k; i++) {
            double far = m->used[i] ? 1 - dot(m->v->unit + i * m->d, centre, m->d) : 0;
            far = far > 0 ? far : 0;
            m->far[i] = c == 0 || far < m->far[i] ? far : m->far[i];
        }
    }
}

/* ---- rounds ---- */

/* Each voxel's nearest centroid. *changed: some label did. Returns the sum of cosines. */
static double assign(struct means *m, bool *changed)
{
    double sum = 0;
    *changed = false;
    for (size_t i = 0; i < m->k * m->d; i++)
        m->rows[i] = (float)m->centroid[i];
    memset(m->columns, 0, m->k_pad * m->d_pad * sizeof *m->columns);
    for (size_t c = 0; c < m->k; c++)
        for (size_t j = 0; j < m->d; j++)
            m->columns[(c / 16 * m->d_pad + j) * 16 + c % 16] = m->rows[c * m->d + j];
    fus_matmul_run(&(struct fus_matmul){m->n, m->d_pad, m->k_pad, m->packed, m->columns, NULL, m->cosine, false, 0, 0},
                   fus_kernels_here());
    for (size_t i = 0; i < m->n; i++) {
        float most = -2;
        int32_t best = -1;
        for (size_t c = 0; c < m->k && m->used[i]; c++) {
            float x = m->cosine[(c / 16 * m->n + i) * 16 + c % 16];
            best = x > most ? (int32_t)c : best;
            most = x > most ? x : most;
        }
        *changed = *changed || best != m->label[i];
        m->label[i] = best;
        sum += m->used[i] ? most : 0;
    }
    return sum;
}

/* The mean of each cluster's vectors, of length 1. */
static int move(struct means *m, struct fus_error *err)
{
    size_t bytes = m->k * m->d * sizeof *m->centroid;
    double *before = fus_base_alloc(bytes + 1, 1);
    if (!before)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu centroids", m->k);
    memcpy(before, m->centroid, bytes);
    int code = fus_sdc_centroids(m->centroid, NULL, m->v, m->label, (int)m->k, false, err);
    for (size_t c = 0; c < m->k && !code; c++) {
        bool empty = true;
        for (size_t j = 0; j < m->d && empty; j++)
            empty = m->centroid[c * m->d + j] == 0;
        if (empty)
            memcpy(m->centroid + c * m->d, before + c * m->d, m->d * sizeof *before);
    }
    fus_base_free(before);
    return code;
}

/* To a fixed point. *sum: of cosines. */
static int run(struct means *m, double *sum, struct fus_error *err)
{
    bool changed;
    int code = FUS_OK;
    *sum = assign(m, &changed);
    changed = true;
    for (int round = 0; round < ROUNDS && changed && !code; round++) {
        code = move(m, err);
        if (!code)
            *sum = assign(m, &changed);
        if (!code && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    }
    return code;
}

int fus_sdc_beside_means(int32_t *label, double *centroid, const struct fus_sdc_vectors *v, int k, int skip,
                         uint64_t seed, struct fus_error *err)
{
    struct means m;
    double best = -INFINITY, sum;
    int code = create(&m, v, k, skip, err);
    for (int i = 0; i < STARTS && !code; i++) {
        const uint64_t parts[] = {seed, FUS_SDC_MEANS, (uint64_t)(skip + 1), (uint64_t)i};
        struct fus_rng rng;
        fus_rng_seed_counter(&rng, parts, 4);
        start(&m, &rng);
        code = run(&m, &sum, err);
        if (!code && sum > best) {
            best = sum;
            memcpy(label, m.label, m.n * sizeof *label);
            memcpy(centroid, m.centroid, m.k * m.d * sizeof *centroid);
        }
    }
    free_means(&m);
    return code;
}
