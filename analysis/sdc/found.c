/* SPDX-License-Identifier: MIT */
/* Clusters against planted concepts: see found.h. */
#include "analysis/sdc/found.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/csv_read.h"
#include "analysis/sdc/clustering.h"
#include "weights/weights.h"

/* Kept voxels of all participants in order. */
struct voxels {
    size_t n, cap_planted, cap_label;
    int32_t *planted; /* enum fus_sdc_concept */
    int32_t *label;
};

/* An array of one dimension as whole numbers, n of them. */
static int read_array(float **x, size_t *n, const char *path, const char *name, struct fus_error *err)
{
    struct fus_store *s;
    const struct fus_tensor *t = NULL;
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    for (size_t i = 0; i < fus_store_count(s) && !t; i++)
        if (strcmp(fus_store_tensor(s, i)->name, name) == 0 && fus_store_tensor(s, i)->n_dims == 1)
            t = fus_store_tensor(s, i);
    *x = t ? fus_base_alloc(t->n_elements + 1, sizeof **x) : NULL;
    if (!t)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: has no array %s of one dimension", path, name);
    else if (!*x)
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory", path);
    else
        code = fus_store_read_f32(s, *x, t, err);
    *n = t ? t->n_elements : 0;
    fus_store_close(s);
    return code;
}

static int push(struct voxels *v, int32_t planted, int32_t label)
{
    void *a = fus_base_grow(v->planted, &v->cap_planted, v->n, sizeof *v->planted);
    v->planted = a ? a : v->planted;
    void *b = fus_base_grow(v->label, &v->cap_label, v->n, sizeof *v->label);
    v->label = b ? b : v->label;
    if (!a || !b)
        return FUS_ENOMEM;
    v->planted[v->n] = planted;
    v->label[v->n++] = label;
    return FUS_OK;
}

/* One participant's kept voxels and labels. */
struct kept {
    char name[64];
    float *voxel, *label;
    size_t n, next;
};

static int open_kept(struct kept *k, const char *name, const char *dir, const char *labels, struct fus_error *err)
{
    char path[4096];
    size_t n_labels;
    fus_base_free(k->voxel);
    fus_base_free(k->label);
    *k = (struct kept){0};
    snprintf(k->name, sizeof k->name, "%s", name);
    snprintf(path, sizeof path, "%s/decoders/%s.npz", dir, name);
    int code = read_array(&k->voxel, &k->n, path, "voxel", err);
    snprintf(path, sizeof path, "%s/%s_labels.npy", labels, name);
    if (!code)
        code = read_array(&k->label, &n_labels, path, "array", err);
    if (!code && n_labels != k->n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: has %zu labels, expected %zu", path, n_labels, k->n);
    return code;
}

static int32_t concept_of(const char *name)
{
    for (int c = 0; c <= FUS_SDC_IDLE; c++)
        if (strcmp(fus_sdc_simulate_name((enum fus_sdc_concept)c), name) == 0)
            return c;
    return FUS_SDC_IDLE;
}

/* Walks down truth.csv, whose voxels rise within a participant as the kept ones do. */
static int join(struct voxels *v, const char *truth, const char *dir, const char *labels, struct fus_error *err)
{
    struct fus_csv_read t;
    struct kept k = {0};
    int code = fus_csv_read_open(&t, truth, err);
    int name = fus_csv_read_column(&t, "participant"), voxel = fus_csv_read_column(&t, "voxel"),
        planted = fus_csv_read_column(&t, "concept");
    while (!code && fus_csv_read_next(&t)) {
        const char *who = fus_csv_read_text(&t, name);
        if (strcmp(who, k.name) != 0)
            code = open_kept(&k, who, dir, labels, err);
        if (!code && k.next < k.n && k.voxel[k.next] == (float)fus_csv_read_number(&t, voxel)) {
            code = push(v, concept_of(fus_csv_read_text(&t, planted)), (int32_t)k.label[k.next]);
            if (code)
                fus_base_fail(err, code, "%s: no memory", truth);
            k.next++;
        }
    }
    fus_base_free(k.voxel);
    fus_base_free(k.label);
    int closed = fus_csv_read_close(&t, code ? NULL : err);
    return code ? code : closed;
}

/* The cluster that overlaps most with a concept. */
static void find_best(struct fus_sdc_found_concept *best, const struct voxels *v, int32_t planted, int n_clusters)
{
    *best = (struct fus_sdc_found_concept){.cluster = -1};
    for (size_t i = 0; i < v->n; i++)
        best->n_voxels += v->planted[i] == planted;
    for (int c = 0; c < n_clusters; c++) {
        size_t both = 0, n = 0;
        for (size_t i = 0; i < v->n; i++) {
            n += v->label[i] == c;
            both += v->label[i] == c && v->planted[i] == planted;
        }
        double jaccard = both ? (double)both / (double)(n + best->n_voxels - both) : 0;
        if (jaccard > best->jaccard) {
            best->jaccard = jaccard;
            best->cluster = c;
            best->n_cluster = n;
            best->n_both = both;
        }
    }
}

static int score_rand(struct fus_sdc_found *f, const struct voxels *v, struct fus_error *err)
{
    int32_t *a = fus_base_alloc(v->n + 1, sizeof *a), *b = fus_base_alloc(v->n + 1, sizeof *b);
    if (!a || !b) {
        fus_base_free(a);
        fus_base_free(b);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", v->n);
    }
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->planted[i] < FUS_SDC_N_SHARED) {
            a[n] = v->planted[i];
            b[n++] = v->label[i];
        }
    f->rand_planted = fus_sdc_rand(a, b, n);
    for (size_t i = 0; i < v->n; i++)
        a[i] = v->planted[i] < FUS_SDC_N_SHARED ? v->planted[i] : -1;
    f->rand_all = fus_sdc_rand(a, v->label, v->n);
    fus_base_free(a);
    fus_base_free(b);
    return FUS_OK;
}

int fus_sdc_found_score(struct fus_sdc_found *f, const char *truth, const char *dir, const char *labels,
                        struct fus_error *err)
{
    struct voxels v = {0};
    int code = join(&v, truth, dir, labels, err);
    f->n_clusters = f->n_found = f->n_planted = f->n_unwanted = 0;
    for (size_t i = 0; i < v.n; i++)
        f->n_clusters = v.label[i] >= f->n_clusters ? v.label[i] + 1 : f->n_clusters;
    for (int c = 0; !code && c < FUS_SDC_N_CONCEPTS; c++) {
        struct fus_sdc_found_concept *best = &f->concept[c];
        find_best(best, &v, c, f->n_clusters);
        f->n_planted += c < FUS_SDC_N_SHARED && best->n_voxels > 0;
        f->n_found += c < FUS_SDC_N_SHARED && best->jaccard >= 0.5;
        f->n_unwanted += c >= FUS_SDC_N_SHARED && best->jaccard >= 0.5;
    }
    const struct fus_sdc_found_concept *paint = &f->concept[FUS_SDC_CAR_PAINT], *view = &f->concept[FUS_SDC_CAR_VIEW];
    f->apart = !code && paint->jaccard >= 0.5 && view->jaccard >= 0.5 && paint->cluster != view->cluster;
    if (!code)
        code = score_rand(f, &v, err);
    fus_base_free(v.planted);
    fus_base_free(v.label);
    return code;
}

/* ---- tables ---- */

static int write_concepts(const char *dir, const struct fus_sdc_found *found, int n, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    snprintf(path, sizeof path, "%s/found.csv", dir);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "vectors,concept,n_voxels,cluster,n_cluster,n_both,jaccard,purity,found\n");
    for (int i = 0; i < n; i++)
        for (int c = 0; c < FUS_SDC_N_CONCEPTS; c++) {
            const struct fus_sdc_found_concept *k = &found[i].concept[c];
            fus_outfile_printf(&f, "%s,%s", found[i].vectors, fus_sdc_simulate_name((enum fus_sdc_concept)c));
            fus_csv_count(&f, k->n_voxels);
            fus_csv_number(&f, k->cluster < 0 ? NAN : k->cluster + 1);
            fus_csv_count(&f, k->n_cluster);
            fus_csv_count(&f, k->n_both);
            fus_csv_number(&f, k->jaccard);
            fus_csv_number(&f, k->n_cluster ? (double)k->n_both / (double)k->n_cluster : NAN);
            fus_csv_count(&f, k->jaccard >= 0.5);
            fus_outfile_printf(&f, "\n");
        }
    return fus_outfile_commit(&f, err);
}

int fus_sdc_found_write(const char *dir, const struct fus_sdc_found *found, int n, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    int code = write_concepts(dir, found, n, err);
    snprintf(path, sizeof path, "%s/demo.csv", dir);
    if (!code)
        code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "vectors,eps,q,n_clusters,n_found,n_planted,apart,unwanted,rand_planted,rand_all\n");
    for (int i = 0; i < n; i++) {
        fus_outfile_printf(&f, "%s", found[i].vectors);
        fus_csv_number(&f, found[i].eps);
        fus_csv_number(&f, found[i].q);
        fus_csv_count(&f, (size_t)found[i].n_clusters);
        fus_csv_count(&f, (size_t)found[i].n_found);
        fus_csv_count(&f, (size_t)found[i].n_planted);
        fus_csv_count(&f, found[i].apart);
        fus_csv_count(&f, (size_t)found[i].n_unwanted);
        fus_csv_number(&f, found[i].rand_planted);
        fus_csv_number(&f, found[i].rand_all);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}
