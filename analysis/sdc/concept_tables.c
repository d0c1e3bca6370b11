/* SPDX-License-Identifier: MIT */
/* See concept_tables.h. */
#include "analysis/sdc/concept_tables.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/tables.h"
#include "stimuli/set/folder.h"

int fus_sdc_concept_table_open(struct fus_outfile *f, const char *folder, const char *name, const char *head,
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

static void put_count(struct fus_outfile *f, bool known, int n)
{
    if (known)
        fus_outfile_printf(f, ",%d", n);
    else
        fus_outfile_printf(f, ",");
}

/* ---- clusters ---- */

static bool has_networks(const struct fus_sdc_explained *x)
{
    bool any = false;
    for (int s = 0; s < x->p; s++)
        any = any || x->c->decoders.layer[s][0];
    return any;
}

static int write_clusters(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "clusters.csv", "cluster,n_voxels,n_core,n_participants", err);
    if (code)
        return code;
    for (int s = 0; s < x->p; s++) {
        fus_csv_name(&f, ",voxels_", x->c->decoders.name[s]);
    }
    fus_outfile_printf(&f, ",cohesion,separation,silhouette,jaccard,jaccard_halves,replicated_in,opposite,"
                           "opposite_cosine,label,label_auc,n_channels\n");
    for (int c = 0; c < x->k; c++) {
        const struct fus_sdc_fact *a = &x->fact[c];
        fus_outfile_printf(&f, "%d,%zu,%zu,%d", c + 1, a->n_voxels, a->n_core, a->n_participants);
        for (int s = 0; s < x->p; s++)
            fus_csv_count(&f, x->decoded[c * x->p + s].n_voxels);
        fus_csv_number(&f, a->cohesion);
        fus_csv_number(&f, a->separation);
        fus_csv_number(&f, a->silhouette);
        fus_csv_number(&f, a->jaccard);
        fus_csv_number(&f, a->jaccard_halves);
        put_count(&f, a->replicated_in >= 0, a->replicated_in);
        put_count(&f, a->opposite >= 0, a->opposite + 1);
        fus_csv_number(&f, a->opposite_cosine);
        fus_csv_name(&f, ",", a->label >= 0 ? x->label_name[a->label] : "");
        fus_csv_number(&f, a->label_auc);
        put_count(&f, has_networks(x), (int)a->n_channels);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}

static int write_stability(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "stability.csv", "compared,n,eps,rand,rand_core\n", err);
    for (int i = 0; i < x->n_agreements && !code; i++) {
        const struct fus_sdc_agreement *a = &x->agreement[i];
        fus_outfile_printf(&f, "%s,%d", a->with, a->n);
        fus_csv_number(&f, a->eps);
        fus_csv_number(&f, a->rand);
        fus_csv_number(&f, a->rand_core);
        fus_outfile_printf(&f, "\n");
    }
    return code ? code : fus_outfile_commit(&f, err);
}

static int write_opposites(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "opposites.csv", "cluster,opposite,cosine", err);
    if (code)
        return code;
    for (int s = 0; s < x->p; s++)
        fus_csv_name(&f, ",voxels_against_", x->c->decoders.name[s]);
    fus_outfile_printf(&f, "\n");
    for (int c = 0; c < x->k; c++) {
        fus_outfile_printf(&f, "%d", c + 1);
        put_count(&f, x->fact[c].opposite >= 0, x->fact[c].opposite + 1);
        fus_csv_number(&f, x->fact[c].opposite_cosine);
        for (int s = 0; s < x->p; s++)
            fus_csv_count(&f, x->decoded[c * x->p + s].n_against);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}

static int write_centroids(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    size_t k = (size_t)x->k, d = x->c->decoders.vectors.d;
    float *c = fus_base_alloc(k * d + 1, sizeof *c);
    struct fus_npy_array a = {.descr = "<f4", .n_dims = 2, .shape = {k, d}, .data = c};
    char *path = NULL;
    int code = c ? fus_folder_join(&path, folder, "centroids.npy", err)
                 : fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", x->k);
    for (size_t i = 0; i < k * d && !code; i++)
        c[i] = (float)x->centroid[i];
    if (!code)
        code = fus_npyout_npy(path, &a, err);
    fus_base_free(path);
    fus_base_free(c);
    return code;
}

/* ---- images ---- */

static void moments(double *mean, double *sd, const double *v, size_t n)
{
    double squares = 0;
    *mean = 0;
    for (size_t i = 0; i < n; i++)
        *mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (v[i] - *mean) * (v[i] - *mean);
    *sd = sqrt(squares / (double)n);
}

static int write_images(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    size_t n = x->pool->n, top = (size_t)x->c->o->top < n ? (size_t)x->c->o->top : n;
    int code = fus_sdc_concept_table_open(&f, folder, "images.csv", "cluster,side,rank,image,similarity,z\n", err);
    for (int c = 0; c < x->k && !code; c++) {
        const double *v = x->similarity + (size_t)c * n;
        double mean, sd;
        moments(&mean, &sd, v, n);
        for (int side = 0; side < 2; side++)
            for (size_t r = 0; r < top; r++) {
                size_t i = x->order[(size_t)c * n + (side ? n - 1 - r : r)];
                char text[32];
                fus_outfile_printf(&f, "%d,%s,%zu", c + 1, side ? "least" : "most", r + 1);
                fus_csv_name(&f, ",", fus_sdc_pool_name(text, x->pool, i));
                fus_csv_number(&f, v[i]);
                fus_csv_number(&f, sd > 0 ? (v[i] - mean) / sd : NAN);
                fus_outfile_printf(&f, "\n");
            }
    }
    return code ? code : fus_outfile_commit(&f, err);
}

/* ---- what tells two clusters apart ---- */

struct contrast {
    double difference;
    size_t i;
};

static int compare_contrasts(const void *a, const void *b)
{
    const struct contrast *x = a, *y = b;
    return x->difference != y->difference ? (x->difference > y->difference ? -1 : 1) : (x->i > y->i) - (x->i < y->i);
}

/* Images among the first m of both clusters, or of one, by falling difference; *shared: of both. */
static size_t list_contrast(struct contrast *list, size_t *shared, const struct fus_sdc_explained *x, int a, int b,
                            size_t m, uint8_t *seen)
{
    size_t n = x->pool->n, found = 0;
    *shared = 0;
    memset(seen, 0, n);
    for (int side = 0; side < 2; side++)
        for (size_t r = 0; r < m; r++) {
            size_t i = x->order[(size_t)(side ? b : a) * n + r];
            *shared += seen[i];
            if (!seen[i])
                list[found++] =
                    (struct contrast){x->similarity[(size_t)a * n + i] - x->similarity[(size_t)b * n + i], i};
            seen[i] = 1;
        }
    qsort(list, found, sizeof *list, compare_contrasts);
    return found;
}

/* Pairs whose nearest hundredths (at least ten images) share a third or more. */
static int write_contrasts(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    size_t n = x->pool->n, m = (n + 99) / 100 > 10 ? (n + 99) / 100 : n < 10 ? n : 10, shared;
    struct contrast *list = fus_base_alloc(2 * m + 1, sizeof *list);
    uint8_t *seen = fus_base_alloc(n + 1, 1);
    int code = list && seen ? fus_sdc_concept_table_open(&f, folder, "contrasts.csv",
                                                         "cluster_a,cluster_b,shared,of,rank,image,similarity_a,"
                                                         "similarity_b\n",
                                                         err)
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu images", n);
    bool open = !code;
    for (int a = 0; a < x->k && !code; a++)
        for (int b = a + 1; b < x->k; b++) {
            size_t found = list_contrast(list, &shared, x, a, b, m, seen);
            for (size_t r = 0; r < found && 3 * shared >= m; r++) {
                char text[32];
                fus_outfile_printf(&f, "%d,%d,%zu,%zu,%zu", a + 1, b + 1, shared, m, r + 1);
                fus_csv_name(&f, ",", fus_sdc_pool_name(text, x->pool, list[r].i));
                fus_csv_number(&f, x->similarity[(size_t)a * n + list[r].i]);
                fus_csv_number(&f, x->similarity[(size_t)b * n + list[r].i]);
                fus_outfile_printf(&f, "\n");
            }
        }
    fus_base_free(list);
    fus_base_free(seen);
    return open ? fus_outfile_commit(&f, err) : code;
}

static int write_labels(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(
        &f, folder, "labels.csv", "cluster,label,n_images,auc,n_top,p_top,q_top,n_bottom,p_bottom,q_bottom\n", err);
    for (int i = 0; i < x->k * x->n_labels && !code; i++) {
        const struct fus_sdc_label_row *r = &x->labels[i];
        fus_outfile_printf(&f, "%d", r->cluster + 1);
        fus_csv_name(&f, ",", x->label_name[r->label]);
        fus_csv_count(&f, r->n);
        fus_csv_number(&f, r->auc);
        fus_csv_count(&f, r->n_top);
        fus_csv_number(&f, r->p_top);
        fus_csv_number(&f, r->q_top);
        fus_csv_count(&f, r->n_bottom);
        fus_csv_number(&f, r->p_bottom);
        fus_csv_number(&f, r->q_bottom);
        fus_outfile_printf(&f, "\n");
    }
    return code ? code : fus_outfile_commit(&f, err);
}

/* ---- participants ---- */

static int write_decodability(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "decodability.csv",
                                          "cluster,participant,n_voxels,r,r_all,p,q,r_left_out,p_left_out,q_left_out,"
                                          "raw_top,sem_top,raw_bottom,sem_bottom,raw_all,sem_all\n",
                                          err);
    for (int i = 0; i < x->k * x->p && !code; i++) {
        const struct fus_sdc_decoded *d = &x->decoded[i];
        const double values[] = {d->r,          d->r_all,      d->p,      d->q,      d->r_left_out,
                                 d->p_left_out, d->q_left_out, d->raw[0], d->sem[0], d->raw[1],
                                 d->sem[1],     d->raw[2],     d->sem[2]};
        fus_outfile_printf(&f, "%d", i / x->p + 1);
        fus_csv_name(&f, ",", x->c->decoders.name[i % x->p]);
        fus_csv_count(&f, d->n_voxels);
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            fus_csv_number(&f, values[k]);
        fus_outfile_printf(&f, "\n");
    }
    return code ? code : fus_outfile_commit(&f, err);
}

int fus_sdc_concept_tables(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    int code = write_clusters(x, folder, err);
    if (!code && x->n_agreements)
        code = write_stability(x, folder, err);
    if (!code)
        code = write_opposites(x, folder, err);
    if (!code)
        code = write_centroids(x, folder, err);
    if (!code && x->pool->n)
        code = write_images(x, folder, err);
    if (!code && x->pool->n)
        code = write_contrasts(x, folder, err);
    if (!code && x->n_labels)
        code = write_labels(x, folder, err);
    if (!code && x->has_responses)
        code = write_decodability(x, folder, err);
    return code;
}
