/* SPDX-License-Identifier: MIT */
/* Centroids and what follows from them: see explain.h. */
#include "analysis/sdc/explain.h"

#include <math.h>
#include <string.h>

#include "nn/base/threads.h"

/* ---- centroids ---- */

/* sum [k, d] += factor times the vectors of one participant's members. */
static void add_members(double *sum, const struct fus_sdc_vectors *v, const int32_t *label, int s, const double *factor)
{
    for (size_t i = v->first[s]; i < v->first[s + 1]; i++) {
        if (label[i] < 0)
            continue;
        double *to = sum + (size_t)label[i] * v->d, f = factor ? factor[label[i]] : 1;
        for (size_t j = 0; j < v->d; j++)
            to[j] += f * v->unit[i * v->d + j];
    }
}

static void make_unit(double *x, size_t d)
{
    double squares = 0;
    for (size_t j = 0; j < d; j++)
        squares += x[j] * x[j];
    for (size_t j = 0; j < d; j++)
        x[j] = squares > 0 ? x[j] / sqrt(squares) : 0;
}

int fus_sdc_centroids(double *centroid, size_t *n_voxels, const struct fus_sdc_vectors *v, const int32_t *label, int k,
                      bool by_participant, struct fus_error *err)
{
    size_t n = (size_t)k, p = (size_t)v->n_participants;
    double *factor = fus_base_alloc(n + 1, sizeof *factor);
    if (!factor)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", k);
    memset(centroid, 0, n * v->d * sizeof *centroid);
    for (int s = 0; s < v->n_participants; s++) {
        memset(factor, 0, n * sizeof *factor);
        for (size_t i = v->first[s]; i < v->first[s + 1]; i++)
            if (label[i] >= 0)
                factor[label[i]]++;
        for (size_t c = 0; c < n; c++) {
            if (n_voxels)
                n_voxels[c * p + (size_t)s] = (size_t)factor[c];
            factor[c] = factor[c] > 0 ? 1 / factor[c] : 0;
        }
        add_members(centroid, v, label, s, by_participant ? factor : NULL);
    }
    for (size_t c = 0; c < n; c++)
        make_unit(centroid + c * v->d, v->d);
    fus_base_free(factor);
    return FUS_OK;
}

static double dot(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += a[j] * b[j];
    return sum;
}

/* ---- each voxel and the centroids ---- */

struct placing {
    const struct fus_sdc_explained *x;
    double *cosine, *silhouette; /* [n]; NaN for noise */
};

enum { CHUNK = 64 };

static void place_voxels(void *context, int task, int thread)
{
    const struct placing *p = context;
    const struct fus_sdc_explained *x = p->x;
    const struct fus_sdc_vectors *v = &x->c->decoders.vectors;
    size_t end = (size_t)(task + 1) * CHUNK < v->n ? (size_t)(task + 1) * CHUNK : v->n;
    (void)thread;
    for (size_t i = (size_t)task * CHUNK; i < end; i++) {
        double own = 0, other = INFINITY;
        p->cosine[i] = p->silhouette[i] = NAN;
        if (x->label[i] < 0)
            continue;
        for (int c = 0; c < x->k; c++) {
            double sum = 0;
            for (size_t j = 0; j < v->d; j++)
                sum += v->unit[i * v->d + j] * x->centroid[(size_t)c * v->d + j];
            if (c == x->label[i])
                own = sum;
            else if (1 - sum < other)
                other = 1 - sum;
        }
        double a = 1 - own, most = a > other ? a : other;
        p->cosine[i] = own;
        p->silhouette[i] = x->k > 1 && most > 0 ? (other - a) / most : NAN;
    }
}

static int place_all(struct fus_sdc_explained *x, struct fus_error *err)
{
    size_t n = x->c->decoders.vectors.n;
    struct placing p = {x, fus_base_alloc(n + 1, sizeof(double)), fus_base_alloc(n + 1, sizeof(double))};
    int code = p.cosine && p.silhouette ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", n);
    if (!code)
        fus_threads_for((int)((n + CHUNK - 1) / CHUNK), place_voxels, &p);
    for (size_t i = 0; i < n && !code; i++)
        if (x->label[i] >= 0) {
            struct fus_sdc_fact *f = &x->fact[x->label[i]];
            f->cohesion += p.cosine[i];
            f->silhouette += p.silhouette[i];
            f->n_voxels++;
            f->n_core += x->c->kappa[i] < (float)x->c->eps[x->e].eps;
        }
    for (int c = 0; c < x->k; c++) {
        x->fact[c].cohesion /= (double)x->fact[c].n_voxels;
        x->fact[c].silhouette /= (double)x->fact[c].n_voxels;
    }
    for (size_t i = 0; i < n && !code; i++)
        p.cosine[i] = 1 - p.cosine[i];
    if (!code)
        x->distance = p.cosine;
    else
        fus_base_free(p.cosine);
    fus_base_free(p.silhouette);
    return code;
}

static void compare_centroids(struct fus_sdc_explained *x)
{
    size_t d = x->c->decoders.vectors.d;
    for (int a = 0; a < x->k; a++) {
        struct fus_sdc_fact *f = &x->fact[a];
        f->separation = f->opposite_cosine = NAN;
        f->opposite = -1;
        for (int b = 0; b < x->k; b++) {
            if (b == a)
                continue;
            double c = dot(x->centroid + (size_t)a * d, x->centroid + (size_t)b * d, d);
            if (!(c <= f->separation))
                f->separation = c;
            if (!(c >= f->opposite_cosine)) {
                f->opposite_cosine = c;
                f->opposite = b;
            }
        }
    }
}

/* Voxels nearer than eps to the opposite of a centroid: of each participant. */
static void count_against(struct fus_sdc_explained *x)
{
    const struct fus_sdc_vectors *v = &x->c->decoders.vectors;
    double eps = (float)x->c->eps[x->e].eps;
    for (int s = 0; s < x->p; s++)
        for (size_t i = v->first[s]; i < v->first[s + 1]; i++)
            for (int c = 0; c < x->k; c++) {
                double sum = 0;
                for (size_t j = 0; j < v->d; j++)
                    sum += v->unit[i * v->d + j] * x->centroid[(size_t)c * v->d + j];
                x->decoded[c * x->p + s].n_against += 1 + sum < eps;
            }
}

/* ---- all ---- */

static int create(struct fus_sdc_explained *x, struct fus_error *err)
{
    size_t k = (size_t)x->k, p = (size_t)x->p, d = x->c->decoders.vectors.d, cells;
    if (fus_base_mul(&cells, k + 1, d))
        x->centroid = fus_base_alloc(cells, sizeof *x->centroid);
    x->fact = fus_base_alloc(k + 1, sizeof *x->fact);
    if (fus_base_mul(&cells, k + 1, p))
        x->decoded = fus_base_alloc(cells, sizeof *x->decoded);
    if (!x->centroid || !x->fact || !x->decoded)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", x->k);
    for (size_t i = 0; i < k * p; i++) {
        struct fus_sdc_decoded *c = &x->decoded[i];
        c->r = c->p = c->q = c->r_all = c->r_left_out = c->p_left_out = c->q_left_out = NAN;
        for (int j = 0; j < 3; j++)
            c->raw[j] = c->sem[j] = NAN;
    }
    for (size_t i = 0; i < k; i++) {
        x->fact[i].jaccard = x->fact[i].jaccard_halves = x->fact[i].label_auc = NAN;
        x->fact[i].replicated_in = x->fact[i].label = -1;
    }
    return FUS_OK;
}

/* Channels of networks with a unit in each cluster. */
static int count_channels(struct fus_sdc_explained *x, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &x->c->decoders;
    for (int s = 0; s < d->n; s++) {
        size_t channels = (size_t)d->layer[s][0], places = (size_t)d->layer[s][1] * (size_t)d->layer[s][2], cells;
        if (!channels)
            continue;
        uint8_t *seen = fus_base_mul(&cells, channels, (size_t)x->k) ? fus_base_alloc(cells + 1, 1) : NULL;
        if (!seen)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu channels of %d clusters", channels, x->k);
        for (size_t i = d->first[s]; i < d->first[s + 1]; i++) {
            if (x->label[i] < 0)
                continue;
            uint8_t *at = &seen[(size_t)x->label[i] * channels + (size_t)d->voxel[i] / places];
            x->fact[x->label[i]].n_channels += !*at;
            *at = 1;
        }
        fus_base_free(seen);
    }
    return FUS_OK;
}

static int measure(struct fus_sdc_explained *x, struct fus_error *err)
{
    size_t cells = (size_t)x->k * (size_t)x->p, *n_voxels = fus_base_alloc(cells + 1, sizeof *n_voxels);
    int code = n_voxels ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", x->k);
    if (!code)
        code = fus_sdc_centroids(x->centroid, n_voxels, &x->c->decoders.vectors, x->label, x->k,
                                 x->c->o->by_participant, err);
    for (size_t i = 0; i < cells && !code; i++) {
        x->decoded[i].n_voxels = n_voxels[i];
        x->fact[i / (size_t)x->p].n_participants += n_voxels[i] > 0;
    }
    fus_base_free(n_voxels);
    if (!code)
        code = place_all(x, err);
    if (!code) {
        compare_centroids(x);
        count_against(x);
        code = count_channels(x, err);
    }
    return code;
}

int fus_sdc_explain(struct fus_sdc_explained *x, const struct fus_sdc_clustering *c, int e,
                    const struct fus_sdc_pool *pool, struct fus_error *err)
{
    *x = (struct fus_sdc_explained){.c = c, .pool = pool, .e = e, .k = c->eps[e].n_clusters, .p = c->decoders.n};
    x->label = c->label + (size_t)e * c->decoders.vectors.n;
    int code = create(x, err);
    if (!code)
        code = measure(x, err);
    fus_sdc_phases_end(c->phases, "eps %g: centroids", c->eps[e].eps);
    if (!code && pool->n)
        code = fus_sdc_explain_images(x, err);
    if (!code && pool->n)
        code = fus_sdc_explain_labels(x, err);
    if (!code && pool->n)
        code = fus_sdc_explain_responses(x, err);
    fus_sdc_phases_end(c->phases, "eps %g: images, decoding, left-out participants", c->eps[e].eps);
    if (!code && c->o->compare && x->has_left_out)
        code = fus_sdc_explain_beside(x, err);
    fus_sdc_phases_end(c->phases, "eps %g: other ways of clustering", c->eps[e].eps);
    if (!code && c->o->stability)
        code = fus_sdc_explain_stability(x, err);
    fus_sdc_phases_end(c->phases, "eps %g: stability", c->eps[e].eps);
    if (code)
        fus_sdc_explain_free(x);
    return code;
}

void fus_sdc_explain_free(struct fus_sdc_explained *x)
{
    fus_base_free(x->centroid);
    fus_base_free(x->distance);
    fus_base_free(x->beside.cluster);
    fus_base_free(x->fact);
    fus_base_free(x->decoded);
    fus_base_free(x->similarity);
    fus_base_free(x->order);
    fus_base_free(x->labels);
    for (int i = 0; x->label_name && i < x->n_labels; i++)
        fus_base_free(x->label_name[i]);
    fus_base_free(x->label_name);
    *x = (struct fus_sdc_explained){0};
}
