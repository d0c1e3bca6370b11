/* SPDX-License-Identifier: MIT */
/* Mean and sums of squared and cubed deviations of every unit in every group, one picture at a time
 * (Welford 1962; m3: Pebay 2008), so that memory does not grow with the number of pictures.
 * For the n-th picture of a group, in double,
 *
 *     w = 1.0 / n     c = (n - 1) * w * ((n - 2) * w)     (once a picture)
 *     d = x - mean    m3 = (m3 + d * d * (d * c)) - d * w * 3 * m2    mean += d * w    m2 += d * (x
 * - mean)
 *
 * in this order and with these roundings; m3 only if it is kept. Every unit is its own chain over
 * the pictures, so neither threads nor vector width can change a bit. A response that is NaN or
 * infinite makes its unit's mean and m2 non-finite for good. */
#include <string.h>

#include "analysis/analysis.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define CHUNK 1024     /* units a thread takes at a time: a group's moments of them are 16 kB */
#define MAX_ROWS 256   /* pictures that are put in order together */
#define ROWS_AT_ONCE 8 /* pictures read side by side */
#define PLACES 8       /* doubles in a cache line */

static int n_chunks(size_t n_units)
{
    return (int)((n_units + CHUNK - 1) / CHUNK);
}

size_t fus_moments_bytes(int n_groups, size_t n_units, bool third)
{
    size_t values, bytes, counts;
    if (n_groups < 0 || !fus_base_mul(&values, (size_t)n_groups, n_units) ||
        !fus_base_mul(&bytes, values, (third ? 3 : 2) * sizeof(double)) ||
        !fus_base_mul(&counts, (size_t)n_groups, sizeof(long)) || !fus_base_add(&bytes, bytes, counts))
        return SIZE_MAX;
    return bytes;
}

int fus_moments_create(struct fus_moments *m, int n_groups, size_t n_units, struct fus_error *err)
{
    memset(m, 0, sizeof *m);
    if (n_groups < 1 || n_units < 1)
        return fus_base_fail(err, FUS_EINVAL, "moments: %d groups of %zu units: both must be at least 1", n_groups,
                             n_units);
    if (fus_moments_bytes(n_groups, n_units, false) == SIZE_MAX)
        return fus_base_fail(err, FUS_ENOMEM, "moments: %d groups of %zu units do not fit an address", n_groups,
                             n_units);
    if (!fus_kernels_pick(NULL, err))
        return FUS_EUNSUPPORTED;
    m->n_groups = n_groups;
    m->n_units = n_units;
    m->n = fus_base_alloc((size_t)n_groups, sizeof *m->n);
    m->mean = fus_base_aligned((size_t)n_groups * n_units, sizeof *m->mean);
    m->m2 = fus_base_aligned((size_t)n_groups * n_units, sizeof *m->m2);
    if (m->n && m->mean && m->m2)
        return FUS_OK;
    fus_moments_destroy(m);
    return fus_base_fail(err, FUS_ENOMEM, "moments: no memory for %d groups of %zu units (%zu bytes)", n_groups,
                         n_units, fus_moments_bytes(n_groups, n_units, false));
}

int fus_moments_keep_third(struct fus_moments *m, struct fus_error *err)
{
    m->m3 = fus_base_aligned((size_t)m->n_groups * m->n_units, sizeof *m->m3);
    return m->m3 ? FUS_OK
                 : fus_base_fail(err, FUS_ENOMEM, "moments: no memory for third ones of %d groups of %zu units",
                                 m->n_groups, m->n_units);
}

void fus_moments_destroy(struct fus_moments *m)
{
    fus_base_free(m->n);
    fus_base_free(m->mean);
    fus_base_free(m->m2);
    fus_base_free(m->m3);
    memset(m, 0, sizeof *m);
}

double fus_moments_weight(long n)
{
    double w = 1.0 / (double)n;
    return (double)(n - 1) * w * ((double)(n - 2) * w);
}

/* Some of the pictures that enter, at most MAX_ROWS, those of a group together
 * and in their order. */
struct slice {
    struct fus_moments *m;
    const struct fus_kernel *kernel;
    const float *x[MAX_ROWS];
    double w[MAX_ROWS], c[MAX_ROWS];
    int group[MAX_ROWS], n;
};

/* Stable: pictures come mostly in order already. */
static void fill_slice(struct slice *s, const float *x, const int *group, const size_t *order, size_t from)
{
    for (int i = 0; i < s->n; i++) {
        size_t row = order ? order[from + (size_t)i] : from + (size_t)i;
        int j = i, g = group[row];
        for (; j > 0 && s->group[j - 1] > g; j--)
            s->group[j] = s->group[j - 1], s->x[j] = s->x[j - 1], s->w[j] = s->w[j - 1], s->c[j] = s->c[j - 1];
        s->group[j] = g;
        s->x[j] = x + row * s->m->n_units;
        s->w[j] = 1.0 / (double)++s->m->n[g];
        s->c[j] = fus_moments_weight(s->m->n[g]);
    }
}

/* All pictures of the slice for one chunk of units, whose moments stay in cache. */
static void add_chunk(void *context, int chunk, int thread)
{
    const struct slice *s = context;
    size_t from = (size_t)chunk * CHUNK, end = s->m->n_units - from < CHUNK ? s->m->n_units : from + CHUNK;
    (void)thread;
    for (int i = 0, next; i < s->n; i = next) {
        size_t at = (size_t)s->group[i] * s->m->n_units;
        for (next = i + 1; next < s->n && next - i < ROWS_AT_ONCE && s->group[next] == s->group[i];)
            next++;
        if (s->m->m3)
            s->kernel->moments_add_third(s->m->mean + at, s->m->m2 + at, s->m->m3 + at, s->x + i, s->w + i, s->c + i,
                                         next - i, from, end);
        else
            s->kernel->moments_add(s->m->mean + at, s->m->m2 + at, s->x + i, s->w + i, next - i, from, end);
    }
}

void fus_moments_add_rows(struct fus_moments *m, const float *x, const int *group, const size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i += MAX_ROWS) {
        struct slice s = {.m = m, .kernel = fus_kernels_here(), .n = (int)(n - i < MAX_ROWS ? n - i : MAX_ROWS)};
        fill_slice(&s, x, group, order, i);
        fus_threads_for(n_chunks(m->n_units), add_chunk, &s);
    }
}

void fus_moments_add(struct fus_moments *m, int group, const float *x)
{
    const size_t row = 0;
    fus_moments_add_rows(m, x, &group, &row, 1);
}

struct merge_context {
    const struct fus_kernel *kernel;
    double *mean, *m2, share, weight;
    const double *mean_b, *m2_b;
    size_t n_units;
    double *m3; /* NULL: not kept */
    const double *m3_b;
};

static void merge_chunk(void *context, int chunk, int thread)
{
    const struct merge_context *a = context;
    size_t u = (size_t)chunk * CHUNK, n = a->n_units - u < CHUNK ? a->n_units - u : CHUNK;
    (void)thread;
    if (a->share < 1 && a->m3) /* before mean and m2 change */
        a->kernel->moments_merge_third(a->m3 + u, a->mean + u, a->m2 + u, a->m3_b + u, a->mean_b + u, a->m2_b + u,
                                       a->share, a->weight, n);
    else if (a->m3)
        memcpy(a->m3 + u, a->m3_b + u, n * sizeof *a->m3);
    if (a->share < 1)
        a->kernel->moments_merge(a->mean + u, a->m2 + u, a->mean_b + u, a->m2_b + u, a->share, a->weight, n);
    else {
        memcpy(a->mean + u, a->mean_b + u, n * sizeof *a->mean);
        memcpy(a->m2 + u, a->m2_b + u, n * sizeof *a->m2);
    }
}

void fus_moments_merge_group(struct fus_moments *into, int group, const struct fus_moments *from, int from_group)
{
    double n_a = (double)into->n[group], n_b = (double)from->n[from_group], share = n_b / (n_a + n_b);
    size_t at = (size_t)group * into->n_units, at_b = (size_t)from_group * from->n_units;
    if (n_b == 0)
        return;
    struct merge_context a = {fus_kernels_here(), into->mean + at, into->m2 + at, share, n_a * share,
                              from->mean + at_b,  from->m2 + at_b, into->n_units, NULL,  NULL};
    if (into->m3 && from->m3)
        a.m3 = into->m3 + at, a.m3_b = from->m3 + at_b;
    fus_threads_for(n_chunks(into->n_units), merge_chunk, &a);
    into->n[group] += from->n[from_group];
}

struct unblock_context {
    double *values, *temporary; /* temporary [threads, n_places, 16] */
    int channels, n_blocks;
    size_t n_places;
};

/* PLACES at a time: lines are read and written whole. */
void fus_moments_unblock_channels(double *out, const double *blocked, int n_channels, size_t n_places)
{
    for (size_t place = 0; place < n_places; place += PLACES)
        for (int j = 0; j < n_channels; j++)
            for (size_t i = place; i < place + PLACES && i < n_places; i++)
                out[(size_t)j * n_places + i] = blocked[i * FUS_LANES + (size_t)j];
}

/* Block b of [n_blocks, P, 16] covers the same memory as channels 16b .. 16b+15 of [C, P], so
 * each block is turned through a copy of its own. */
static void unblock_task(void *context, int task, int thread)
{
    const struct unblock_context *a = context;
    size_t size = a->n_places * FUS_LANES;
    int first = task % a->n_blocks * FUS_LANES,
        n_lanes = a->channels - first < FUS_LANES ? a->channels - first : FUS_LANES;
    double *to = a->values + (size_t)task * size, *from = a->temporary + (size_t)thread * size;
    memcpy(from, to, size * sizeof *to);
    fus_moments_unblock_channels(to, from, n_lanes, a->n_places);
}

/* values [n_groups, old] to [n_groups, n_units], closing the gaps that blocks filled up with
 * zeros leave. */
static void unblock(struct unblock_context *a, double *values, int n_groups, size_t old, size_t n_units)
{
    a->values = values;
    fus_threads_for(n_groups * a->n_blocks, unblock_task, a);
    for (int g = 1; g < n_groups && n_units < old; g++)
        memmove(values + (size_t)g * n_units, values + (size_t)g * old, n_units * sizeof *values);
}

/* Needs 16 * n_places doubles a thread (1.6 MB for 112 x 112 places). */
int fus_moments_unblock(struct fus_moments *m, int channels, size_t n_places, struct fus_error *err)
{
    struct unblock_context a = {NULL, NULL, channels, (channels - 1) / FUS_LANES + 1, n_places};
    size_t blocked, size;
    if (channels < 1 || n_places < 1 || !fus_base_mul(&size, n_places, FUS_LANES) ||
        !fus_base_mul(&blocked, (size_t)a.n_blocks, size) || blocked != m->n_units)
        return fus_base_fail(err, FUS_EINVAL, "moments: %zu units are not blocks of 16 of %d channels x %zu places",
                             m->n_units, channels, n_places);
    a.temporary = fus_base_aligned(size, (size_t)fus_base_threads() * sizeof *a.temporary);
    if (!a.temporary)
        return fus_base_fail(err, FUS_ENOMEM, "moments: no memory to reorder %zu places", n_places);
    size_t n_units = (size_t)channels * n_places;
    unblock(&a, m->mean, m->n_groups, m->n_units, n_units);
    unblock(&a, m->m2, m->n_groups, m->n_units, n_units);
    if (m->m3)
        unblock(&a, m->m3, m->n_groups, m->n_units, n_units);
    m->n_units = n_units;
    fus_base_free(a.temporary);
    return FUS_OK;
}
