/* SPDX-License-Identifier: MIT */
/* Tables and arrays of clusters: see clustering.h. */
#include "analysis/sdc/clusters_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/run/tables.h"
#include "analysis/sdc/beside.h"
#include "analysis/sdc/concept_tables.h"
#include "analysis/sdc/groups.h"
#include "analysis/sdc/overlap.h"
#include "analysis/sdc/rois.h"
#include "analysis/sdc/volumes.h"
#include "nn/base/outfile.h"
#include "stimuli/set/folder.h"

/* ---- eps.csv ---- */

static int write_sweep(const struct fus_sdc_clustering *c, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(
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
        bool written;
        if (!code && c->o->folder && k)
            code = fus_sdc_volumes_write_expanded(&written, c->o->folder, folder, c->decoders.name[s], part, (int)k, m,
                                                  err);
    }
    fus_base_free(member);
    fus_base_free(part);
    return code;
}

/* NAME_labels.nii or .mgh, where the fit knows the space of the responses. *any: one is written. */
static int write_volumes(bool *any, const struct fus_sdc_clustering *c, int e, const char *folder,
                         struct fus_error *err)
{
    bool written;
    int code = FUS_OK;
    *any = false;
    for (int s = 0; c->o->folder && s < c->decoders.n && !code; s++) {
        size_t first = c->decoders.first[s], n = c->decoders.first[s + 1] - first;
        code = fus_sdc_volumes_write_labels(&written, c->o->folder, folder, c->decoders.name[s],
                                            c->label + (size_t)e * c->decoders.vectors.n + first, n, err);
        *any = *any || (!code && written);
    }
    return code;
}

/* labels.ctab, in which clusters are called by the label that fits best. */
static int write_colours(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    const char **names = fus_base_alloc((size_t)x->k + 1, sizeof *names);
    if (!names)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the names of %d clusters", x->k);
    for (int c = 0; c < x->k; c++)
        names[c] = x->fact[c].label >= 0 ? x->label_name[x->fact[c].label] : NULL;
    int code = fus_sdc_volumes_write_colours(folder, x->k, names, err);
    fus_base_free(names);
    return code;
}

/* distance [n]: of each voxel to the centroid of its cluster. */
static int explain_eps(const struct fus_sdc_clustering *c, int e, const struct fus_sdc_pool *pool, const char *folder,
                       bool volumes, double *distance, struct fus_error *err)
{
    struct fus_sdc_explained x;
    int code = fus_sdc_explain(&x, c, e, pool, err);
    if (code)
        return code;
    memcpy(distance, x.distance, c->decoders.vectors.n * sizeof *distance);
    code = fus_sdc_concept_tables(&x, folder, err);
    if (!code && volumes)
        code = write_colours(&x, folder, err);
    if (!code)
        code = fus_sdc_concept_thumbs(&x, folder, err);
    if (!code)
        code = fus_sdc_concept_presence(&x, folder, err);
    if (!code && c->o->folder)
        code = fus_sdc_concept_dice(&x, folder, err);
    if (!code && x.beside.n)
        code = fus_sdc_beside_write(&x, folder, err);
    if (!code && c->o->rois)
        code = fus_sdc_rois_write(&x, c->o->rois, folder, err);
    if (!code && c->o->n_groups)
        code = fus_sdc_groups_write(&x, folder, err);
    if (!code && c->o->run)
        code = fus_sdc_overlap_write(&x, c->o->run, c->o->layer, folder, err);
    fus_sdc_explain_free(&x);
    fus_sdc_phases_end(c->phases, "eps %g: tables", c->eps[e].eps);
    return code;
}

static int write_eps(const struct fus_sdc_clustering *c, int e, const struct fus_sdc_pool *pool, double *distance,
                     struct fus_error *err)
{
    char name[32], *folder = NULL;
    bool volumes = false;
    fus_sdc_clustering_name(name, c->eps[e].eps);
    int code = fus_folder_join(&folder, c->out, name, err);
    if (!code)
        code = fus_outfile_mkdirs(folder, err);
    if (!code)
        code = write_labels(c, e, folder, err);
    if (!code)
        code = write_expanded(c, e, folder, err);
    if (!code)
        code = write_volumes(&volumes, c, e, folder, err);
    fus_sdc_phases_end(c->phases, "eps %g: labels, expansion, volumes", c->eps[e].eps);
    if (!code)
        code = explain_eps(c, e, pool, folder, volumes, distance, err);
    fus_base_free(folder);
    return code;
}

/* ---- voxels ---- */

/* A fit's table of voxels, of which the kept ones are the decoder's. */
struct fit_voxels {
    bool there;
    struct fus_csv_read t;
    int voxel, kept, copied[4]; /* i, j, k, nc */
};

static int open_fit_voxels(struct fit_voxels *v, const struct fus_sdc_clustering *c, int s, struct fus_error *err)
{
    static const char *const names[] = {"i", "j", "k", "nc"};
    char path[4096];
    v->there = false;
    int n = c->o->folder ? snprintf(path, sizeof path, "%s/voxels/%s.csv", c->o->folder, c->decoders.name[s]) : -1;
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    if (!f)
        return FUS_OK;
    fclose(f);
    v->there = true;
    int code = fus_csv_read_open(&v->t, path, err);
    v->voxel = fus_csv_read_column(&v->t, "voxel"), v->kept = fus_csv_read_column(&v->t, "kept");
    for (int i = 0; i < 4; i++)
        v->copied[i] = fus_csv_read_column(&v->t, names[i]);
    return code;
}

/* ",i,j,k,nc" of the next voxel that was kept; empty fields without a table. */
static void copy_place(struct fus_outfile *f, struct fit_voxels *v, int32_t voxel)
{
    bool found = false;
    while (v->there && !found && fus_csv_read_next(&v->t))
        found = fus_csv_read_count(&v->t, v->kept, 1) == 1;
    if (found && fus_csv_read_count(&v->t, v->voxel, INT32_MAX) != voxel)
        fus_csv_read_fail(&v->t, "voxel %s found, the decoder has voxel %ld next", fus_csv_read_text(&v->t, v->voxel),
                          (long)voxel);
    for (int i = 0; i < 4; i++)
        fus_csv_number(f, found ? fus_csv_read_number(&v->t, v->copied[i]) : NAN);
}

static void write_voxel(struct fus_outfile *f, const struct fus_sdc_clustering *c, size_t i, const double *distance)
{
    size_t n = c->decoders.vectors.n;
    fus_csv_number(f, c->kappa[i]);
    for (int e = 0; e < c->n_eps; e++)
        if (c->eps[e].written) {
            int32_t label = c->label[(size_t)e * n + i];
            fus_outfile_printf(f, ",%ld", (long)(label < 0 ? 0 : label + 1));
            fus_csv_number(f, distance[(size_t)e * n + i]);
        }
    fus_outfile_printf(f, "\n");
}

/* voxels/NAME.csv: cluster numbers from 1, 0 none. */
static int write_participant(const struct fus_sdc_clustering *c, int s, const char *folder, const double *distance,
                             struct fus_error *err)
{
    struct fit_voxels place;
    struct fus_outfile f;
    char file[300];
    snprintf(file, sizeof file, "%s.csv", c->decoders.name[s]);
    int code = open_fit_voxels(&place, c, s, err), opened = FUS_EINVAL;
    if (!code)
        code = opened = fus_sdc_concept_table_open(&f, folder, file, "voxel,i,j,k,nc,core_distance", err);
    for (int e = 0; e < c->n_eps && !code; e++) {
        char name[32];
        fus_sdc_clustering_name(name, c->eps[e].eps);
        if (c->eps[e].written)
            fus_outfile_printf(&f, ",cluster_%s,distance_%s", name, name);
    }
    if (!code)
        fus_outfile_printf(&f, "\n");
    for (size_t i = c->decoders.first[s]; i < c->decoders.first[s + 1] && !code; i++) {
        fus_outfile_printf(&f, "%ld", (long)c->decoders.voxel[i]);
        copy_place(&f, &place, c->decoders.voxel[i]);
        write_voxel(&f, c, i, distance);
    }
    int read = place.there ? fus_csv_read_close(&place.t, code ? NULL : err) : FUS_OK;
    code = code ? code : read;
    if (!opened && code)
        fus_outfile_discard(&f);
    return code ? code : fus_outfile_commit(&f, err);
}

static int write_voxels(const struct fus_sdc_clustering *c, const double *distance, struct fus_error *err)
{
    char *folder = NULL;
    int code = fus_folder_join(&folder, c->out, "voxels", err);
    if (!code)
        code = fus_outfile_mkdirs(folder, err);
    for (int s = 0; s < c->decoders.n && !code; s++)
        code = write_participant(c, s, folder, distance, err);
    fus_base_free(folder);
    return code;
}

int fus_sdc_clusters_write(const struct fus_sdc_clustering *c, const struct fus_sdc_pool *pool, struct fus_error *err)
{
    size_t cells, n = c->decoders.vectors.n;
    double *distance = NULL;
    fus_sdc_clusters_remove(c->out);
    if (fus_base_mul(&cells, n + 1, (size_t)c->n_eps))
        distance = fus_base_alloc(cells, sizeof *distance);
    int code = distance ? fus_outfile_mkdirs(c->out, err)
                        : fus_base_fail(err, FUS_ENOMEM, "no memory for the distances of %zu voxels", n);
    for (int e = 0; e < c->n_eps && !code; e++)
        if (c->eps[e].written)
            code = write_eps(c, e, pool, distance + (size_t)e * n, err);
    if (!code)
        code = write_voxels(c, distance, err);
    if (!code)
        code = write_sweep(c, err);
    fus_base_free(distance);
    return code;
}
