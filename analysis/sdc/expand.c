/* SPDX-License-Identifier: MIT */
/* Clusters expanded within each participant: see cluster.h. */
#include "analysis/sdc/cluster.h"

struct growth {
    const int32_t *label;
    uint64_t **bits; /* [threads][n, words] clusters that a voxel is near to */
    size_t words;
    float eps;
};

static void grow_strip(void *context, const struct fus_sdc_strip *s, int thread)
{
    const struct growth *g = context;
    for (int r = 0; r < s->rows; r++)
        for (int i = 0; i < s->columns; i++) {
            size_t u = s->row + (size_t)r, v = s->column + (size_t)i;
            if (u >= v || !(1.0f - s->cosine[r * 16 + i] < g->eps))
                continue;
            int32_t a = g->label[u], b = g->label[v];
            if (a >= 0)
                g->bits[thread][v * g->words + (size_t)a / 64] |= (uint64_t)1 << (a % 64);
            if (b >= 0)
                g->bits[thread][u * g->words + (size_t)b / 64] |= (uint64_t)1 << (b % 64);
        }
}

static void write_members(uint8_t *member, const struct growth *g, int threads, int n_clusters, size_t n_vectors)
{
    for (size_t u = 0; u < n_vectors; u++)
        for (int c = 0; c < n_clusters; c++) {
            uint64_t bits = g->label[u] == c;
            for (int t = 0; t < threads && !bits; t++)
                bits = g->bits[t][u * g->words + (size_t)c / 64] >> (c % 64) & 1;
            member[(size_t)c * n_vectors + u] = (uint8_t)bits;
        }
}

int fus_sdc_expand(uint8_t *member, const struct fus_sdc_pairs *p, const int32_t *label, int n_clusters,
                   size_t n_vectors, double eps, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t words = (size_t)(n_clusters + 63) / 64, cells;
    struct growth g = {label, fus_base_alloc((size_t)threads, sizeof *g.bits), words, (float)eps};
    bool good = g.bits && fus_base_mul(&cells, n_vectors + 1, words + 1);
    for (int t = 0; good && t < threads; t++)
        good = (g.bits[t] = fus_base_alloc(cells, sizeof **g.bits)) != NULL;
    int code = good ? fus_sdc_pairs_each(p, FUS_SDC_WITHIN, grow_strip, &g, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for %d expanded clusters", n_clusters);
    if (!code)
        write_members(member, &g, threads, n_clusters, n_vectors);
    for (int t = 0; g.bits && t < threads; t++)
        fus_base_free(g.bits[t]);
    fus_base_free(g.bits);
    return code;
}
