/* SPDX-License-Identifier: MIT */
/* See null.h. */
#include "analysis/sdc/null.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/eigen.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"

#define SHARE 0.999 /* of the trace that the axes hold */
enum { ROWS = 16 }; /* of a task */

/* ---- second moments ---- */

struct moments {
    const struct fus_sdc_vectors *v;
    double *sums; /* [d, d], the upper half */
};

static void sum_rows(void *context, int task, int thread)
{
    const struct moments *m = context;
    size_t d = m->v->d, first = (size_t)task * ROWS, end = first + ROWS < d ? first + ROWS : d;
    (void)thread;
    for (size_t i = 0; i < m->v->n; i++) {
        const float *u = m->v->unit + i * d;
        for (size_t r = first; r < end; r++) {
            double x = u[r], *to = m->sums + r * d;
            for (size_t j = r; j < d; j++)
                to[j] += x * u[j];
        }
    }
}

int fus_sdc_null_axes(struct fus_sdc_axes *axes, const struct fus_sdc_vectors *v, struct fus_error *err)
{
    size_t d = v->d, k = 0;
    double *sums = fus_base_alloc(d, d * sizeof *sums), *values = fus_base_alloc(d, sizeof *values), trace = 0,
           held = 0;
    struct moments m = {v, sums};
    *axes = (struct fus_sdc_axes){.d = d, .axis = fus_base_alloc(d, d * sizeof(double)), .spread = values};
    int code = sums && values && axes->axis
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for second moments of %zu dimensions", d);
    if (!code) {
        fus_threads_for((int)((d + ROWS - 1) / ROWS), sum_rows, &m);
        for (size_t i = 0; i < d; i++)
            for (size_t j = i; j < d; j++)
                sums[j * d + i] = sums[i * d + j] /= (double)(v->n ? v->n : 1);
        code = fus_eigen_symmetric(values, axes->axis, sums, d, err);
    }
    for (size_t i = 0; i < d && !code; i++)
        trace += values[i] > 0 ? values[i] : 0;
    while (!code && k < d && values[k] > 0 && held < SHARE * trace) {
        held += values[k];
        values[k] = sqrt(values[k]);
        k++;
    }
    axes->n = k;
    fus_sdc_noise_table(axes->noise, 1);
    fus_base_free(sums);
    return code;
}

void fus_sdc_null_free(struct fus_sdc_axes *axes)
{
    fus_base_free(axes->axis);
    fus_base_free(axes->spread);
    *axes = (struct fus_sdc_axes){0};
}

/* ---- a random rotation ---- */

/* Four sums side by side, joined as (0 + 2) + (1 + 3). */
static double dot(const double *x, const double *y, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* q [n, n]: rows are orthonormal; row c comes from column c of the noise. Twice is enough (Giraud,
 * Langou & Rozloznik 2005). */
static void orthogonalise(double *q, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        double *row = q + c * n;
        for (int pass = 0; pass < 2; pass++)
            for (size_t p = 0; p < c; p++) {
                double share = dot(q + p * n, row, n);
                for (size_t i = 0; i < n; i++)
                    row[i] -= share * q[p * n + i];
            }
        double length = sqrt(dot(row, row, n));
        for (size_t i = 0; i < n; i++)
            row[i] = length > 0 ? row[i] / length : i == c;
    }
}

static int draw_rotation(double *q, const struct fus_sdc_axes *axes, uint64_t seed, int replicate, int participant,
                         struct fus_error *err)
{
    size_t n = axes->n;
    const uint64_t parts[] = {seed, FUS_SDC_ROTATE, (uint64_t)replicate, (uint64_t)participant};
    float *row = fus_base_alloc(n + 1, sizeof *row);
    if (!row)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a rotation of %zu dimensions", n);
    for (size_t r = 0; r < n; r++) {
        memset(row, 0, n * sizeof *row);
        fus_sdc_noise_add(row, n, axes->noise, fus_rng_key(parts, 4), 0, r);
        for (size_t c = 0; c < n; c++)
            q[c * n + r] = row[c];
    }
    fus_base_free(row);
    orthogonalise(q, n);
    return FUS_OK;
}

/* ---- the matrix of a participant ---- */

struct turning {
    const struct fus_sdc_axes *axes;
    double *q;     /* [k, k], then L^-1/2 Q L^1/2 - 1 */
    double *half;  /* [k, d] that times the axes */
    float *matrix; /* [d, d] */
};

/* to [d] += sum over i of factor[i * step] rows[i]. */
static void add_rows(double *to, const double *factor, size_t step, const double *rows, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++) {
        double x = factor[i * step];
        for (size_t j = 0; j < d; j++)
            to[j] += x * rows[i * d + j];
    }
}

static void fill_half(void *context, int task, int thread)
{
    const struct turning *t = context;
    size_t i = (size_t)task, k = t->axes->n, d = t->axes->d;
    (void)thread;
    memset(t->half + i * d, 0, d * sizeof *t->half);
    add_rows(t->half + i * d, t->q + i * k, 1, t->axes->axis, k, d);
}

static void fill_matrix(void *context, int task, int thread)
{
    const struct turning *t = context;
    size_t a = (size_t)task, d = t->axes->d;
    double row[1024];
    (void)thread;
    for (size_t from = 0; from < d; from += 1024) {
        size_t n = d - from < 1024 ? d - from : 1024;
        for (size_t j = 0; j < n; j++)
            row[j] = from + j == a;
        for (size_t i = 0; i < t->axes->n; i++) {
            double x = t->axes->axis[i * d + a];
            for (size_t j = 0; j < n; j++)
                row[j] += x * t->half[i * d + from + j];
        }
        for (size_t j = 0; j < n; j++)
            t->matrix[a * d + from + j] = (float)row[j];
    }
}

/* Row vectors: a = u axes'; (a / spread) Q' spread axes. Row c of q holds column c of Q. */
static void make_matrix(struct turning *t)
{
    size_t k = t->axes->n;
    const double *spread = t->axes->spread;
    for (size_t i = 0; i < k; i++)
        for (size_t j = i; j < k; j++) {
            double upper = t->q[j * k + i] * spread[j] / spread[i], lower = t->q[i * k + j] * spread[i] / spread[j];
            t->q[i * k + j] = upper - (i == j);
            if (i != j)
                t->q[j * k + i] = lower;
        }
    fus_threads_for((int)k, fill_half, t);
    fus_threads_for((int)t->axes->d, fill_matrix, t);
}

int fus_sdc_null_rotate(float *unit, const struct fus_sdc_vectors *v, const struct fus_sdc_axes *axes, uint64_t seed,
                        int replicate, struct fus_error *err)
{
    size_t k = axes->n, d = v->d;
    struct turning t = {axes, fus_base_alloc(k + 1, (k + 1) * sizeof(double)),
                        fus_base_alloc(k + 1, d * sizeof(double)), fus_base_alloc(d, d * sizeof(float))};
    int code = t.q && t.half && t.matrix
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for a rotation of %zu dimensions", d);
    for (int s = 0; s < v->n_participants && !code; s++) {
        size_t first = v->first[s], n = v->first[s + 1] - first;
        code = draw_rotation(t.q, axes, seed, replicate, s, err);
        if (code)
            break;
        make_matrix(&t);
        code = fus_sdc_multiply(unit + first * d, v->unit + first * d, n, t.matrix, d, err);
        for (size_t i = first; i < first + n && !code; i++)
            fus_sdc_unit(unit + i * d, unit + i * d, d);
    }
    fus_base_free(t.q);
    fus_base_free(t.half);
    fus_base_free(t.matrix);
    return code;
}

/* ---- core voxels by chance ---- */

/* Adds to count [n_eps] the core voxels of these vectors. */
static int count_cores(double *count, const struct fus_sdc_clustering *c, const float *unit, struct fus_error *err)
{
    struct fus_sdc_vectors v = c->decoders.vectors;
    struct fus_sdc_pairs *p = NULL;
    float *kappa = fus_base_alloc(v.n + 1, sizeof *kappa);
    v.unit = unit;
    int code =
        kappa ? fus_sdc_pairs_create(&p, &v, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", v.n);
    if (!code)
        code = fus_sdc_core_distances(kappa, p, v.n, &c->rule, err);
    for (int e = 0; e < c->n_eps && !code; e++)
        for (size_t i = 0; i < v.n; i++)
            count[e] += kappa[i] < (float)c->eps[e].eps;
    fus_sdc_pairs_destroy(p);
    fus_base_free(kappa);
    return code;
}

static int count_rotated(double *count, int *n, const struct fus_sdc_clustering *c, float *unit, struct fus_error *err)
{
    struct fus_sdc_axes axes = {0};
    int code = fus_sdc_null_axes(&axes, &c->decoders.vectors, err);
    for (*n = 0; *n < c->o->replicates && !code; ++*n) {
        code = fus_sdc_null_rotate(unit, &c->decoders.vectors, &axes, c->o->seed, *n, err);
        if (!code)
            code = count_cores(count, c, unit, err);
        if (!code && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    }
    fus_sdc_null_free(&axes);
    return code;
}

/* The vectors of decoders number `replicate` of relabelled images. *found: every participant has
 * it. */
static int read_permuted(float *unit, bool *found, const struct fus_sdc_clustering *c, int replicate,
                         struct fus_error *err)
{
    size_t d = c->decoders.vectors.d;
    char file[40];
    int code = FUS_OK;
    snprintf(file, sizeof file, "permuted-%03d.npz", replicate);
    *found = true;
    for (int s = 0; s < c->decoders.n && !code && *found; s++) {
        size_t first = c->decoders.first[s], n = c->decoders.first[s + 1] - first;
        code = fus_sdc_decoders_run(unit + first * d, found, &c->decoders, s, c->o->folder, file, "weight", err);
        for (size_t i = first; i < first + n && !code && *found; i++)
            if (!fus_sdc_unit(unit + i * d, unit + i * d, d))
                code = fus_base_fail(err, FUS_EFORMAT, "%s/decoders/%s/%s: weights that are no finite numbers",
                                     c->o->folder, c->decoders.name[s], file);
    }
    return code;
}

static int count_permuted(double *count, int *n, const struct fus_sdc_clustering *c, float *unit, struct fus_error *err)
{
    bool found = true;
    int code = FUS_OK;
    for (*n = 0; !code; ++*n) {
        code = read_permuted(unit, &found, c, *n, err);
        if (code || !found)
            break;
        code = count_cores(count, c, unit, err);
    }
    if (!code && *n == 0)
        code = fus_base_fail(err, FUS_ENOTFOUND,
                             "%s: no decoders of relabelled images (decoders/%s/permuted-000.npz); `fusiform sdc fit "
                             "--permutations M` makes them",
                             c->o->folder, c->decoders.name[0]);
    return code;
}

static void choose(struct fus_sdc_clustering *c)
{
    for (int e = 0; e < c->n_eps; e++)
        if (c->eps[e].q <= FUS_SDC_NULL_LEVEL && c->eps[e].n_count > 0 &&
            (c->chosen < 0 || c->eps[e].n_count >= c->eps[c->chosen].n_count))
            c->chosen = e;
    if (c->chosen >= 0)
        c->eps[c->chosen].chosen = true;
}

int fus_sdc_null_choose(struct fus_sdc_clustering *c, struct fus_error *err)
{
    double count[FUS_SDC_MAX_EPS] = {0};
    size_t floats;
    int n = 0, code = FUS_OK;
    float *unit = NULL;
    c->chosen = -1;
    if (c->o->null == FUS_SDC_NULL_NONE)
        return FUS_OK;
    if (fus_base_mul(&floats, c->decoders.vectors.n + 1, c->decoders.vectors.d))
        unit = fus_base_alloc(floats, sizeof *unit);
    if (!unit)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", c->decoders.vectors.n);
    code = c->o->null == FUS_SDC_NULL_ROTATE ? count_rotated(count, &n, c, unit, err)
                                             : count_permuted(count, &n, c, unit, err);
    for (int e = 0; e < c->n_eps && !code; e++) {
        c->eps[e].null_core = count[e] / n;
        c->eps[e].q = c->eps[e].n_core ? c->eps[e].null_core / (double)c->eps[e].n_core : NAN;
    }
    if (!code)
        choose(c);
    fus_base_free(unit);
    return code;
}
