/* SPDX-License-Identifier: MIT */
/* See overlap_pool.h. */
#include "analysis/sdc/overlap_pool.h"

#include <string.h>

#include "analysis/analysis.h"
#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"

/* A cluster and a category. */
struct cell {
    int n_networks;
    size_t n_units, n_selective, n_both, most; /* most: the largest n_both that is possible */
    double *chance;                            /* [most + 1]; NULL: no network yet */
};

struct fus_sdc_overlap_pool {
    int n_clusters, n_categories;
    struct cell *cells; /* [n_clusters, n_categories] */
};

int fus_sdc_overlap_pool_create(struct fus_sdc_overlap_pool **pool, int n_clusters, int n_categories,
                                struct fus_error *err)
{
    struct fus_sdc_overlap_pool *made = fus_base_alloc(1, sizeof *made);
    if (made) {
        *made = (struct fus_sdc_overlap_pool){.n_clusters = n_clusters, .n_categories = n_categories};
        made->cells = fus_base_alloc((size_t)n_clusters * (size_t)n_categories + 1, sizeof *made->cells);
    }
    if (!made || !made->cells) {
        fus_base_free(made);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", n_clusters);
    }
    *pool = made;
    return FUS_OK;
}

void fus_sdc_overlap_pool_destroy(struct fus_sdc_overlap_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < (size_t)pool->n_clusters * (size_t)pool->n_categories; i++)
        fus_base_free(pool->cells[i].chance);
    fus_base_free(pool->cells);
    fus_base_free(pool);
}

static struct cell *cell_of(const struct fus_sdc_overlap_pool *pool, int cluster, int category)
{
    return &pool->cells[(size_t)cluster * (size_t)pool->n_categories + (size_t)category];
}

/* to [n + n_more + 1] = a [n + 1] convolved with b [n_more + 1]. */
static void convolve(double *to, const double *a, size_t n, const double *b, size_t n_more)
{
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= n_more; j++)
            to[i + j] += a[i] * b[j];
}

int fus_sdc_overlap_pool_add(struct fus_sdc_overlap_pool *pool, int cluster, int category, size_t n_units,
                             size_t n_selective, const size_t *both, int n_shifts, struct fus_error *err)
{
    struct cell *c = cell_of(pool, cluster, category);
    static const double certain[] = {1};
    size_t most = 0;
    for (int i = 0; i < n_shifts; i++)
        most = both[i] > most ? both[i] : most;
    double *own = fus_base_alloc(most + 1, sizeof *own), *sum = fus_base_alloc(c->most + most + 1, sizeof *sum);
    int code = own && sum ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the chance of %zu units", most);
    if (!code) {
        for (int i = 0; i < n_shifts; i++)
            own[both[i]] += 1.0 / n_shifts;
        convolve(sum, c->chance ? c->chance : certain, c->most, own, most);
        fus_base_free(c->chance);
        c->chance = sum;
        c->most += most;
        c->n_networks++;
        c->n_units += n_units;
        c->n_selective += n_selective;
        c->n_both += both[0];
    } else
        fus_base_free(sum);
    fus_base_free(own);
    return code;
}

double fus_sdc_overlap_pool_p(const struct fus_sdc_overlap_pool *pool, int cluster, int category)
{
    const struct cell *c = cell_of(pool, cluster, category);
    double p = 0;
    for (size_t i = c->most + 1; c->chance && i-- > c->n_both;)
        p += c->chance[i]; /* the smallest first */
    return !c->chance || c->n_both == 0 || p > 1 ? 1 : p;
}

static double expected(const struct cell *c)
{
    double sum = 0;
    for (size_t i = 1; c->chance && i <= c->most; i++)
        sum += (double)i * c->chance[i];
    return sum;
}

static int write(const struct fus_sdc_overlap_pool *pool, const double *p, const double *q, char *const *categories,
                 const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "categories.csv",
                                          "cluster,category,n_networks,n_units,n_selective,n_both,expected,p,q\n", err);
    for (int k = 0; k < pool->n_clusters && !code; k++)
        for (int j = 0; j < pool->n_categories; j++) {
            const struct cell *c = cell_of(pool, k, j);
            size_t i = (size_t)k * (size_t)pool->n_categories + (size_t)j;
            fus_outfile_printf(&f, "%d", k + 1);
            fus_csv_name(&f, ",", categories[j]);
            fus_outfile_printf(&f, ",%d", c->n_networks);
            fus_csv_count(&f, c->n_units);
            fus_csv_count(&f, c->n_selective);
            fus_csv_count(&f, c->n_both);
            fus_csv_number(&f, expected(c));
            fus_csv_number(&f, p[i]);
            fus_csv_number(&f, q[i]);
            fus_outfile_printf(&f, "\n");
        }
    return code ? code : fus_outfile_commit(&f, err);
}

int fus_sdc_overlap_pool_write(const struct fus_sdc_overlap_pool *pool, char *const *categories, const char *folder,
                               struct fus_error *err)
{
    size_t n = (size_t)pool->n_clusters * (size_t)pool->n_categories;
    double *p = fus_base_alloc(2 * n + 1, sizeof *p), *q = p ? p + n : NULL;
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu tests", n);
    for (int k = 0; k < pool->n_clusters; k++)
        for (int j = 0; j < pool->n_categories; j++)
            p[(size_t)k * (size_t)pool->n_categories + (size_t)j] = fus_sdc_overlap_pool_p(pool, k, j);
    int code = n ? fus_multiple_adjust(q, p, n, FUS_BH, err) : FUS_OK;
    if (!code)
        code = write(pool, p, q, categories, folder, err);
    fus_base_free(p);
    return code;
}
