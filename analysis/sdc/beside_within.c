/* SPDX-License-Identifier: MIT */
/* DBSCAN within one participant: see beside.h. The core distance of a voxel is its `others`-th
 * smallest distance to other voxels of the participant; with it fus_sdc_cluster links voxels as it
 * links those of several people. */
#include <math.h>
#include <string.h>

#include "analysis/sdc/beside.h"

struct nearest {
    size_t most;     /* kept of each voxel */
    float **largest; /* [threads][n, most] falling cosines */
};

/* Into falling x [n]. */
static void insert(float *x, size_t n, float value)
{
    size_t i = n;
    for (; i > 0 && x[i - 1] < value; i--)
        if (i < n)
            x[i] = x[i - 1];
    if (i < n)
        x[i] = value;
}

static void note_pairs(void *context, const struct fus_sdc_strip *s, int thread)
{
    const struct nearest *near = context;
    float *to = near->largest[thread];
    for (int r = 0; r < s->rows; r++)
        for (int c = 0; c < s->columns; c++) {
            size_t row = s->row + (size_t)r, column = s->column + (size_t)c;
            if (row >= column)
                continue; /* another strip's, or the voxel itself */
            insert(to + row * near->most, near->most, s->cosine[r * 16 + c]);
            insert(to + column * near->most, near->most, s->cosine[r * 16 + c]);
        }
}

static int open_nearest(struct nearest *near, size_t n, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t cells;
    bool good = fus_base_mul(&cells, n + 1, near->most);
    near->largest = fus_base_alloc((size_t)threads, sizeof *near->largest);
    for (int t = 0; t < threads && near->largest && good; t++) {
        near->largest[t] = fus_base_alloc(cells, sizeof **near->largest);
        good = near->largest[t] != NULL;
        for (size_t i = 0; good && i < cells; i++)
            near->largest[t][i] = -2;
    }
    return near->largest && good ? FUS_OK
                                 : fus_base_fail(err, FUS_ENOMEM, "no memory for the nearest of %zu voxels", n);
}

static void close_nearest(struct nearest *near)
{
    for (int t = 0; near->largest && t < fus_base_threads(); t++)
        fus_base_free(near->largest[t]);
    fus_base_free(near->largest);
}

/* kappa [n_vectors]. */
static int core_distances(float *kappa, const struct fus_sdc_pairs *p, size_t n_vectors, int others,
                          struct fus_error *err)
{
    struct nearest near = {.most = (size_t)others};
    size_t n = fus_sdc_pairs_count(p);
    int code = open_nearest(&near, n, err);
    for (size_t i = 0; i < n_vectors; i++)
        kappa[i] = INFINITY;
    if (!code)
        code = fus_sdc_pairs_each(p, FUS_SDC_WITHIN, note_pairs, &near, err);
    for (size_t i = 0; i < n && !code; i++) {
        float *all = near.largest[0] + i * near.most;
        for (int t = 1; t < fus_base_threads(); t++)
            for (size_t j = 0; j < near.most; j++)
                insert(all, near.most, near.largest[t][i * near.most + j]);
        if (all[near.most - 1] >= -1.5f)
            kappa[i] = 1.0f - all[near.most - 1];
    }
    close_nearest(&near);
    return code;
}

int fus_sdc_beside_within(int32_t *label, int *n_clusters, const struct fus_sdc_vectors *v, int s, int others,
                          double eps, struct fus_error *err)
{
    size_t n = v->first[s + 1] - v->first[s], first[] = {0, n};
    const struct fus_sdc_vectors own = {1, first, n, v->d, v->unit + v->first[s] * v->d};
    struct fus_sdc_pairs *p = NULL;
    float *kappa = fus_base_alloc(n + 1, sizeof *kappa);
    int code =
        kappa ? fus_sdc_pairs_create(&p, &own, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", n);
    if (!code)
        code = core_distances(kappa, p, n, others, err);
    if (!code)
        code = fus_sdc_cluster(label, n_clusters, NULL, p, kappa, &eps, 1, FUS_SDC_NEAREST, err);
    fus_sdc_pairs_destroy(p);
    fus_base_free(kappa);
    return code;
}
