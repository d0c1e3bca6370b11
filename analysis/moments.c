/* Mean and sum of squared deviations of every unit in every group, one picture at a time (Welford 1962), so that memory
 * does not grow with the number of pictures. For the n-th picture of a group, in double,
 *
 *     w = 1.0 / n (once a picture)     d = x - mean     mean += d * w     m2 += d * (x - mean)
 *
 * in this order and with these roundings. Every unit is its own chain over the pictures, so neither threads nor vector
 * width can change a bit. A response that is NaN or infinite makes its unit's mean and m2 non-finite for good. */
#include <string.h>

#include "analysis.h"
#include "nn/team.h"

#define LANES 16            /* a fixed count lets compilers vectorise the inner loop even at -O2 */
#define ROWS_CHUNK 1024 /* units: five groups' moments of them are 80 kB */
#define MOST_GROUPS 256
#define CHUNK 16384         /* units that one thread takes at a time */

size_t fus_moments_bytes(int n_groups, size_t n_units)
{
    size_t values, bytes, counts;
    if (n_groups < 0 || !fus_base_mul(&values, (size_t)n_groups, n_units) ||
        !fus_base_mul(&bytes, values, 2 * sizeof(double)) ||
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
    if (fus_moments_bytes(n_groups, n_units) == SIZE_MAX)
        return fus_base_fail(err, FUS_ENOMEM, "moments: %d groups of %zu units do not fit an address", n_groups,
                             n_units);
    m->n_groups = n_groups;
    m->n_units = n_units;
    m->n = fus_base_alloc((size_t)n_groups, sizeof *m->n);
    m->mean = fus_base_alloc((size_t)n_groups * n_units, sizeof *m->mean);
    m->m2 = fus_base_alloc((size_t)n_groups * n_units, sizeof *m->m2);
    if (m->n && m->mean && m->m2)
        return FUS_OK;
    fus_moments_destroy(m);
    return fus_base_fail(err, FUS_ENOMEM, "moments: no memory for %d groups of %zu units (%zu bytes)", n_groups,
                         n_units, fus_moments_bytes(n_groups, n_units));
}

void fus_moments_destroy(struct fus_moments *m)
{
    fus_base_free(m->n);
    fus_base_free(m->mean);
    fus_base_free(m->m2);
    memset(m, 0, sizeof *m);
}

static void add_lanes(double *restrict mean, double *restrict m2, const float *restrict x, double w)
{
    for (int j = 0; j < LANES; j++) {
        double value = x[j], d = value - mean[j], moved = mean[j] + d * w;
        m2[j] += d * (value - moved);
        mean[j] = moved;
    }
}

struct adding {
    double *mean, *m2, w;
    const float *x;
    size_t n_units;
};

static void add_units(const struct adding *a, size_t u, size_t end)
{
    for (; u + LANES <= end; u += LANES)
        add_lanes(a->mean + u, a->m2 + u, a->x + u, a->w);
    for (; u < end; u++) {
        double value = a->x[u], d = value - a->mean[u], moved = a->mean[u] + d * a->w;
        a->m2[u] += d * (value - moved);
        a->mean[u] = moved;
    }
}

static void add_chunk(void *context, int chunk, int thread)
{
    const struct adding *a = context;
    size_t u = (size_t)chunk * CHUNK;
    (void)thread;
    add_units(a, u, a->n_units - u < CHUNK ? a->n_units : u + CHUNK);
}

void fus_moments_add(struct fus_moments *m, int group, const float *x)
{
    size_t first = (size_t)group * m->n_units;
    struct adding a = {m->mean + first, m->m2 + first, 1.0 / (double)++m->n[group], x, m->n_units};
    fus_team_for((int)((m->n_units + CHUNK - 1) / CHUNK), add_chunk, &a);
}

struct adding_rows {
    struct fus_moments *m;
    const float *x;
    const int *group;
    const size_t *order;
    size_t n;
};

/* All pictures for one chunk of units, whose moments stay near the processor meanwhile. */
static void add_rows_chunk(void *context, int chunk, int thread)
{
    const struct adding_rows *a = context;
    size_t first = (size_t)chunk * ROWS_CHUNK, n_units = a->m->n_units;
    size_t count = n_units - first < ROWS_CHUNK ? n_units - first : ROWS_CHUNK;
    long seen[MOST_GROUPS];
    (void)thread;
    memcpy(seen, a->m->n, (size_t)a->m->n_groups * sizeof *seen);
    for (size_t i = 0; i < a->n; i++) {
        size_t row = a->order ? a->order[i] : i, at = (size_t)a->group[row] * n_units + first;
        struct adding one = {a->m->mean + at, a->m->m2 + at, 1.0 / (double)++seen[a->group[row]],
                             a->x + row * n_units + first, count};
        add_units(&one, 0, count);
    }
}

void fus_moments_add_rows(struct fus_moments *m, const float *x, const int *group, const size_t *order, size_t n)
{
    if (m->n_groups > MOST_GROUPS) {
        for (size_t i = 0; i < n; i++)
            fus_moments_add(m, group[order ? order[i] : i], x + (order ? order[i] : i) * m->n_units);
        return;
    }
    struct adding_rows a = {m, x, group, order, n};
    fus_team_for((int)((m->n_units + ROWS_CHUNK - 1) / ROWS_CHUNK), add_rows_chunk, &a);
    for (size_t i = 0; i < n; i++)
        m->n[group[order ? order[i] : i]]++;
}

/* One group: block b of [n_blocks, P, 16] covers the same memory as channels 16b .. 16b+15 of [C, P], so each block is
 * turned through a copy of its own. temporary [P, 16]. */
static void unblock_group(double *values, double *temporary, int channels, size_t n_places)
{
    for (int c = 0; c < channels; c += 16) {
        double *block = values + (size_t)c * n_places;
        int here = channels - c < 16 ? channels - c : 16;
        memcpy(temporary, block, n_places * 16 * sizeof *block);
        for (int j = 0; j < here; j++)
            for (size_t i = 0; i < n_places; i++)
                block[(size_t)j * n_places + i] = temporary[i * 16 + (size_t)j];
    }
}

/* Needs a temporary of 16 * n_places doubles (1.6 MB for 112 x 112 places). */
int fus_moments_unblock(struct fus_moments *m, int channels, size_t n_places, struct fus_error *err)
{
    size_t blocked, old = m->n_units;
    if (channels < 1 || n_places < 1 || !fus_base_mul(&blocked, ((size_t)channels + 15) / 16 * 16, n_places) ||
        blocked != old)
        return fus_base_fail(err, FUS_EINVAL, "moments: %zu units are not blocks of 16 of %d channels x %zu places", old,
                             channels, n_places);
    double *temporary = fus_base_alloc(n_places, 16 * sizeof *temporary);
    if (!temporary)
        return fus_base_fail(err, FUS_ENOMEM, "moments: no memory to reorder %zu places", n_places);
    size_t n_units = (size_t)channels * n_places;
    for (int g = 0; g < m->n_groups; g++) {
        double *mean = m->mean + (size_t)g * old, *m2 = m->m2 + (size_t)g * old;
        unblock_group(mean, temporary, channels, n_places);
        unblock_group(m2, temporary, channels, n_places);
        memmove(m->mean + (size_t)g * n_units, mean, n_units * sizeof *mean);
        memmove(m->m2 + (size_t)g * n_units, m2, n_units * sizeof *m2);
    }
    m->n_units = n_units;
    fus_base_free(temporary);
    return FUS_OK;
}
