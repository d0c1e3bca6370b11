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
#include <math.h>
#include <stdatomic.h>
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
    m->mean = fus_base_streamed((size_t)n_groups * n_units, sizeof *m->mean);
    m->m2 = fus_base_streamed((size_t)n_groups * n_units, sizeof *m->m2);
    if (m->n && m->mean && m->m2)
        return FUS_OK;
    fus_moments_destroy(m);
    return fus_base_fail(err, FUS_ENOMEM, "moments: no memory for %d groups of %zu units (%zu bytes)", n_groups,
                         n_units, fus_moments_bytes(n_groups, n_units, false));
}

int fus_moments_keep_third(struct fus_moments *m, struct fus_error *err)
{
    m->m3 = fus_base_streamed((size_t)m->n_groups * m->n_units, sizeof *m->m3);
    return m->m3 ? FUS_OK
                 : fus_base_fail(err, FUS_ENOMEM, "moments: no memory for third ones of %d groups of %zu units",
                                 m->n_groups, m->n_units);
}

void fus_moments_destroy(struct fus_moments *m)
{
    fus_base_free(m->n);
    if (!m->is_lent) {
        fus_base_free(m->mean);
        fus_base_free(m->m2);
        fus_base_free(m->m3);
    }
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

/* How a group b enters group a: share = n_b / n, weight = n_a share. */
struct weights {
    const struct fus_kernel *kernel;
    double share, weight;
};

static struct weights weights_of(long n_a, long n_b)
{
    double share = (double)n_b / ((double)n_a + (double)n_b);
    return (struct weights){fus_kernels_here(), share, (double)n_a * share};
}

/* Of n units; m3 is NULL where it is not kept. */
static void merge_units(const struct weights *w, double *mean, double *m2, double *m3, const double *mean_b,
                        const double *m2_b, const double *m3_b, size_t n)
{
    if (w->share < 1 && m3) /* before mean and m2 change */
        w->kernel->moments_merge_third(m3, mean, m2, m3_b, mean_b, m2_b, w->share, w->weight, n);
    else if (m3)
        memcpy(m3, m3_b, n * sizeof *m3);
    if (w->share < 1)
        w->kernel->moments_merge(mean, m2, mean_b, m2_b, w->share, w->weight, n);
    else {
        memcpy(mean, mean_b, n * sizeof *mean);
        memcpy(m2, m2_b, n * sizeof *m2);
    }
}

struct merge_context {
    struct weights weights;
    size_t n_units;
    double *mean, *m2, *m3; /* m3: NULL, not kept */
    const double *mean_b, *m2_b, *m3_b;
};

static void merge_chunk(void *context, int chunk, int thread)
{
    const struct merge_context *a = context;
    size_t u = (size_t)chunk * CHUNK, n = a->n_units - u < CHUNK ? a->n_units - u : CHUNK;
    (void)thread;
    merge_units(&a->weights, a->mean + u, a->m2 + u, a->m3 ? a->m3 + u : NULL, a->mean_b + u, a->m2_b + u,
                a->m3 ? a->m3_b + u : NULL, n);
}

void fus_moments_merge_group(struct fus_moments *into, int group, const struct fus_moments *from, int from_group)
{
    size_t at = (size_t)group * into->n_units, at_b = (size_t)from_group * from->n_units;
    bool third = into->m3 && from->m3;
    if (from->n[from_group] == 0)
        return;
    struct merge_context a = {weights_of(into->n[group], from->n[from_group]),
                              into->n_units,
                              into->mean + at,
                              into->m2 + at,
                              third ? into->m3 + at : NULL,
                              from->mean + at_b,
                              from->m2 + at_b,
                              third ? from->m3 + at_b : NULL};
    fus_threads_for(n_chunks(into->n_units), merge_chunk, &a);
    into->n[group] += from->n[from_group];
}

/* ---- a block at once ---- */

struct block_context {
    struct fus_moments *m;
    int group;
    struct weights weights; /* of the block in the group */
    const float *x;         /* [n_rows], stride floats apart */
    size_t stride, n_rows;
    atomic_int bad; /* a mean is not finite */
};

static bool is_finite(const double *x, size_t n)
{
    const uint64_t exponent = (uint64_t)0x7ff << 52, one = (uint64_t)1 << 52;
    uint64_t carried = 0, bits[8];
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(bits, x + i, sizeof bits);
        for (int k = 0; k < 8; k++)
            carried |= (bits[k] & exponent) + one; /* into the sign, where all bits are set */
    }
    bool bad = carried >> 63;
    for (; i < n; i++)
        bad = bad || !isfinite(x[i]);
    return !bad;
}

/* The moments of all rows for n units from `first` on. */
static void add_rows(double *mean, double *m2, double *m3, const struct block_context *a, size_t first, size_t n)
{
    const float *x[ROWS_AT_ONCE];
    double w[ROWS_AT_ONCE], c[ROWS_AT_ONCE];
    for (size_t row = 0; row < a->n_rows;) {
        int here = 0;
        for (; here < ROWS_AT_ONCE && row < a->n_rows; here++, row++) {
            x[here] = a->x + row * a->stride + first;
            w[here] = 1.0 / (double)(row + 1);
            c[here] = fus_moments_weight((long)row + 1);
        }
        if (m3)
            a->weights.kernel->moments_add_third(mean, m2, m3, x, w, c, here, 0, n);
        else
            a->weights.kernel->moments_add(mean, m2, x, w, here, 0, n);
    }
}

static void add_block_chunk(void *context, int chunk, int thread)
{
    struct block_context *a = context;
    const struct fus_moments *m = a->m;
    size_t first = (size_t)chunk * CHUNK, n = m->n_units - first < CHUNK ? m->n_units - first : CHUNK,
           at = (size_t)a->group * m->n_units + first;
    double *mean = m->mean + at, *m2 = m->m2 + at, *m3 = m->m3 ? m->m3 + at : NULL, own[3 * CHUNK];
    bool empty = m->n[a->group] == 0;
    (void)thread;
    add_rows(empty ? mean : own, empty ? m2 : own + CHUNK, !m3 ? NULL : empty ? m3 : own + 2 * CHUNK, a, first, n);
    if (!is_finite(empty ? mean : own, n))
        atomic_store(&a->bad, 1);
    if (!empty)
        merge_units(&a->weights, mean, m2, m3, own, own + CHUNK, own + 2 * CHUNK, n);
}

bool fus_moments_add_block(struct fus_moments *m, int group, const float *x, size_t stride, size_t n_rows)
{
    struct block_context a = {.m = m,
                              .group = group,
                              .weights = weights_of(m->n[group], (long)n_rows),
                              .x = x,
                              .stride = stride,
                              .n_rows = n_rows};
    fus_threads_for(n_chunks(m->n_units), add_block_chunk, &a);
    m->n[group] += (long)n_rows;
    return !a.bad;
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
