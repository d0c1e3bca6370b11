/* Tables and arrays of clusters: see clustering.h. */
#include "analysis/sdc/clusters_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/tables.h"
#include "nn/base/json.h"
#include "nn/base/outfile.h"
#include "stimuli/set/folder.h"

static int open_table(struct fus_outfile *f, const char *folder, const char *name, const char *head,
                      struct fus_error *err)
{
    char *path = NULL;
    int code = fus_folder_join(&path, folder, name, err);
    if (!code)
        code = fus_outfile_open(f, path, err);
    fus_base_free(path);
    if (!code)
        fus_outfile_printf(f, "%s", head);
    return code;
}

/* ---- eps.csv ---- */

static int write_sweep(const struct fus_sdc_clustering *c, struct fus_error *err)
{
    struct fus_outfile f;
    int code = open_table(
        &f, c->out, "eps.csv",
        "eps,n_core,n_border,n_clusters,n_count,largest,null_core,q,chosen,ari_next,pairs_within_1e-6\n", err);
    if (code)
        return code;
    for (int e = 0; e < c->n_eps; e++) {
        const struct fus_sdc_eps *at = &c->eps[e];
        char name[32];
        fus_sdc_clustering_name(name, at->eps);
        fus_outfile_printf(&f, "%s,%zu,%zu,%d,%d,%zu", name, at->n_core, at->n_border, at->n_clusters, at->n_count,
                           at->largest);
        fus_csv_number(&f, at->null_core);
        fus_csv_number(&f, at->q);
        fus_outfile_printf(&f, ",%d", at->chosen);
        fus_csv_number(&f, at->rand_next);
        fus_outfile_printf(&f, ",%llu\n", (unsigned long long)at->near);
    }
    return fus_outfile_commit(&f, err);
}

/* ---- arrays ---- */

static int write_array(const char *folder, const char *name, const char *end, const char *descr, const void *data,
                       size_t rows, size_t columns, struct fus_error *err)
{
    char file[300], *path = NULL;
    snprintf(file, sizeof file, "%s%s", name, end);
    struct fus_npy_array a = {.descr = descr, .n_dims = columns ? 2 : 1, .shape = {rows, columns}, .data = data};
    int code = fus_folder_join(&path, folder, file, err);
    if (!code)
        code = fus_npyout_npy(path, &a, err);
    fus_base_free(path);
    return code;
}

/* NAME_labels.npy of every participant. */
static int write_labels(const struct fus_sdc_clustering *c, int e, const char *folder, struct fus_error *err)
{
    int code = FUS_OK;
    for (int s = 0; s < c->decoders.n && !code; s++) {
        size_t first = c->decoders.first[s], n = c->decoders.first[s + 1] - first;
        code = write_array(folder, c->decoders.name[s], "_labels.npy", "<i4",
                           c->label + (size_t)e * c->decoders.vectors.n + first, n, 0, err);
    }
    return code;
}

static double expand_eps(const struct fus_sdc_cluster_options *o, double eps)
{
    return o->expand > 0 ? o->expand : eps + 0.05 < 0.65 ? eps + 0.05 : 0.65;
}

/* NAME_expanded.npy [clusters, voxels]. */
static int write_expanded(const struct fus_sdc_clustering *c, int e, const char *folder, struct fus_error *err)
{
    size_t n = c->decoders.vectors.n, k = (size_t)c->eps[e].n_clusters, cells;
    uint8_t *member = NULL, *part = NULL;
    if (c->o->expand < 0)
        return FUS_OK;
    if (fus_base_mul(&cells, n, k)) {
        member = fus_base_alloc(cells + 1, 1);
        part = fus_base_alloc(cells + 1, 1);
    }
    int code = member && part ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu expanded clusters", k);
    if (!code)
        code =
            fus_sdc_expand(member, c->pairs, c->label + (size_t)e * n, (int)k, n, expand_eps(c->o, c->eps[e].eps), err);
    for (int s = 0; s < c->decoders.n && !code; s++) {
        size_t first = c->decoders.first[s], m = c->decoders.first[s + 1] - first;
        for (size_t i = 0; i < k; i++)
            memcpy(part + i * m, member + i * n + first, m);
        struct fus_npy_array a = {.descr = "|u1", .n_dims = 2, .shape = {k, m}, .data = part};
        char file[300], *path = NULL;
        snprintf(file, sizeof file, "%s_expanded.npy", c->decoders.name[s]);
        code = fus_folder_join(&path, folder, file, err);
        if (!code)
            code = fus_npyout_npy(path, &a, err);
        fus_base_free(path);
    }
    fus_base_free(member);
    fus_base_free(part);
    return code;
}

static int write_eps(const struct fus_sdc_clustering *c, int e, struct fus_error *err)
{
    char name[32], *folder = NULL;
    fus_sdc_clustering_name(name, c->eps[e].eps);
    int code = fus_folder_join(&folder, c->out, name, err);
    if (!code)
        code = fus_outfile_mkdirs(folder, err);
    if (!code)
        code = write_labels(c, e, folder, err);
    if (!code)
        code = write_expanded(c, e, folder, err);
    fus_base_free(folder);
    return code;
}

int fus_sdc_clusters_write(const struct fus_sdc_clustering *c, struct fus_error *err)
{
    int code = write_sweep(c, err);
    for (int e = 0; e < c->n_eps && !code; e++)
        if (c->eps[e].written)
            code = write_eps(c, e, err);
    return code;
}
