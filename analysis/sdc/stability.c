/* Do other reruns of the decoders give the same clusters? Reruns are drawn with replacement, their
 * weights averaged and clustered at the same eps; the adjusted Rand index of all labels and of
 * those of core voxels, and of each cluster the mean over draws of the best Jaccard index (Hennig
 * 2007: stable from 0.75 on, dissolved below 0.5). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/explain.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"

enum { MAX_RUNS = 1000 };

struct resampling {
    struct fus_sdc_explained *x;
    int n_runs;
    float *unit, *run, *kappa; /* [n, d], of one participant, [n] */
    double *mean;              /* of one participant */
    int32_t *label;
    double rand, rand_core;
};

static void run_name(char file[32], int run)
{
    snprintf(file, 32, "run-%03d.npz", run);
}

/* Reruns that every participant has, from run-000 on. */
static int count_runs(int *n, const struct fus_sdc_explained *x)
{
    for (*n = 0; *n < MAX_RUNS; ++*n)
        for (int s = 0; s < x->p; s++) {
            char path[4096], file[32];
            run_name(file, *n);
            int length =
                snprintf(path, sizeof path, "%s/decoders/%s/%s", x->c->o->folder, x->c->decoders.name[s], file);
            FILE *f = length > 0 && (size_t)length < sizeof path ? fopen(path, "rb") : NULL;
            if (!f)
                return *n;
            fclose(f);
        }
    return *n;
}

/* The vectors of one participant from the mean of the runs times [n_runs] drawn. */
static int average(const struct resampling *r, int s, const int *times, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &r->x->c->decoders;
    size_t dim = d->vectors.d, first = d->first[s], n = d->first[s + 1] - first;
    int code = FUS_OK;
    memset(r->mean, 0, n * dim * sizeof *r->mean);
    for (int i = 0; i < r->n_runs && !code; i++) {
        char file[32];
        bool found;
        if (!times[i])
            continue;
        run_name(file, i);
        code = fus_sdc_decoders_run(r->run, &found, d, s, r->x->c->o->folder, file, err);
        if (!code && !found)
            code =
                fus_base_fail(err, FUS_EIO, "%s/decoders/%s/%s: cannot be read", r->x->c->o->folder, d->name[s], file);
        for (size_t k = 0; k < n * dim && !code; k++)
            r->mean[k] += times[i] * (double)r->run[k];
    }
    for (size_t i = 0; i < n && !code; i++) {
        for (size_t j = 0; j < dim; j++)
            r->run[j] = (float)(r->mean[i * dim + j] / r->n_runs);
        if (!fus_sdc_unit(r->unit + (first + i) * dim, r->run, dim))
            code = fus_base_fail(err, FUS_EFORMAT, "%s/decoders/%s: weights that are no finite numbers",
                                 r->x->c->o->folder, d->name[s]);
    }
    return code;
}

static int cluster(const struct resampling *r, int *n_clusters, struct fus_error *err)
{
    const struct fus_sdc_clustering *c = r->x->c;
    struct fus_sdc_vectors v = c->decoders.vectors;
    struct fus_sdc_pairs *p = NULL;
    v.unit = r->unit;
    int code = fus_sdc_pairs_create(&p, &v, err);
    if (!code)
        code = fus_sdc_core_distances(r->kappa, p, v.n, c->min_others, err);
    if (!code)
        code =
            fus_sdc_cluster(r->label, n_clusters, NULL, p, r->kappa, v.n, &c->eps[r->x->e].eps, 1, c->o->border, err);
    fus_sdc_pairs_destroy(p);
    return code;
}

/* Adds to each cluster's fact the best Jaccard index with one of the others. */
static int add_jaccard(const struct resampling *r, int n_clusters, struct fus_error *err)
{
    const struct fus_sdc_explained *x = r->x;
    size_t n = x->c->decoders.vectors.n, k = (size_t)n_clusters;
    uint32_t *both = fus_base_alloc((size_t)x->k + 1, (k + 1) * sizeof *both),
             *size = fus_base_alloc(k + 1, sizeof *size);
    if (!both || !size) {
        fus_base_free(both);
        fus_base_free(size);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", n_clusters);
    }
    for (size_t i = 0; i < n; i++) {
        if (r->label[i] >= 0)
            size[r->label[i]]++;
        if (r->label[i] >= 0 && x->label[i] >= 0)
            both[(size_t)x->label[i] * k + (size_t)r->label[i]]++;
    }
    for (size_t a = 0; a < (size_t)x->k; a++) {
        double best = 0;
        for (size_t b = 0; b < k; b++) {
            double common = both[a * k + b], share = common / ((double)x->fact[a].n_voxels + size[b] - common);
            best = share > best ? share : best;
        }
        x->fact[a].jaccard += best;
    }
    fus_base_free(both);
    fus_base_free(size);
    return FUS_OK;
}

/* The adjusted Rand index over voxels that are core in the clustering itself. */
static double rand_core(const struct resampling *r, int32_t *a, int32_t *b)
{
    const struct fus_sdc_explained *x = r->x;
    size_t n = 0;
    for (size_t i = 0; i < x->c->decoders.vectors.n; i++)
        if (x->c->kappa[i] < (float)x->c->eps[x->e].eps) {
            a[n] = x->label[i];
            b[n++] = r->label[i];
        }
    return fus_sdc_rand(a, b, n);
}

static int draw(struct resampling *r, int replicate, struct fus_error *err)
{
    const struct fus_sdc_explained *x = r->x;
    size_t n = x->c->decoders.vectors.n;
    int times[MAX_RUNS], n_clusters, code = FUS_OK;
    for (int s = 0; s < x->p && !code; s++) {
        const uint64_t parts[] = {x->c->o->seed, FUS_SDC_RESAMPLE, fus_sdc_noise_name(x->c->decoders.name[s]),
                                  (uint64_t)replicate};
        struct fus_rng rng;
        fus_rng_seed_counter(&rng, parts, 4);
        memset(times, 0, sizeof times);
        for (int i = 0; i < r->n_runs; i++)
            times[fus_rng_below(&rng, (uint64_t)r->n_runs)]++;
        code = average(r, s, times, err);
    }
    if (!code)
        code = cluster(r, &n_clusters, err);
    if (!code)
        code = add_jaccard(r, n_clusters, err);
    int32_t *a = fus_base_alloc(2 * n + 1, sizeof *a);
    if (!code && !a)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", n);
    if (!code) {
        r->rand += fus_sdc_rand(x->label, r->label, n);
        r->rand_core += rand_core(r, a, a + n);
    }
    fus_base_free(a);
    return code;
}

static int create(struct resampling *r, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &r->x->c->decoders;
    size_t most = 1, n = d->vectors.n, dim = d->vectors.d;
    for (int s = 0; s < d->n; s++)
        most = d->first[s + 1] - d->first[s] > most ? d->first[s + 1] - d->first[s] : most;
    r->unit = fus_base_alloc(n + 1, dim * sizeof *r->unit);
    r->run = fus_base_alloc(most, dim * sizeof *r->run);
    r->mean = fus_base_alloc(most, dim * sizeof *r->mean);
    r->kappa = fus_base_alloc(n + 1, sizeof *r->kappa);
    r->label = fus_base_alloc(n + 1, sizeof *r->label);
    return r->unit && r->run && r->mean && r->kappa && r->label
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for resampled reruns of %zu voxels", n);
}

int fus_sdc_explain_stability(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct resampling r = {.x = x};
    if (!x->c->o->folder || strcmp(x->c->which, "weight") != 0 || count_runs(&r.n_runs, x) < 2)
        return FUS_OK;
    int code = create(&r, err), n = x->c->o->stability;
    for (int c = 0; c < x->k; c++)
        x->fact[c].jaccard = 0;
    for (int i = 0; i < n && !code; i++) {
        code = draw(&r, i, err);
        if (!code && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    }
    for (int c = 0; c < x->k && !code; c++)
        x->fact[c].jaccard /= n;
    if (!code) {
        x->stability = r.rand / n;
        x->stability_core = r.rand_core / n;
        x->n_resamples = n;
    }
    fus_base_free(r.unit);
    fus_base_free(r.run);
    fus_base_free(r.mean);
    fus_base_free(r.kappa);
    fus_base_free(r.label);
    return code;
}
