/* SPDX-License-Identifier: MIT */
/* Do other decoders of the same participants give the same clusters?
 *
 *   reruns   reruns are drawn with replacement for each participant and averaged
 *   halves   decoders of odd and of even sessions (`sdc fit --halves`)
 *
 * They are clustered, reruns at the same eps, halves at the nearest eps that gives as many core
 * voxels, and compared: the adjusted Rand index of all labels and of
 * those of voxels that are core here, and of each cluster the mean of the best Jaccard index
 * (Hennig 2007: stable from 0.75 on, dissolved below 0.5). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/inference.h"
#include "analysis/sdc/explain.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"

enum { MAX_RUNS = 1000 };

struct resampling {
    struct fus_sdc_explained *x;
    int n_runs;
    float *unit, *run, *kappa; /* [n, d], of one participant, [n] */
    double *mean;              /* of one participant */
    int32_t *label, *pair;     /* [n], [2 n] */
    double *jaccard;           /* [k] sums of the best */
};

static void run_name(char file[32], int run)
{
    snprintf(file, 32, "run-%03d.npz", run);
}

/* The vectors of one participant in a file. *found: whether it has them. */
static int read_file(const struct resampling *r, bool *found, int s, const char *file, struct fus_error *err)
{
    const struct fus_sdc_clustering *c = r->x->c;
    return fus_sdc_decoders_run(r->run, found, &c->decoders, s, c->o->folder, file, c->which, err);
}

/* unit [n, d] of participant s from mean / divisor. */
static int take_mean(const struct resampling *r, int s, double divisor, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &r->x->c->decoders;
    size_t dim = d->vectors.d, first = d->first[s], n = d->first[s + 1] - first;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < dim; j++)
            r->run[j] = (float)(r->mean[i * dim + j] / divisor);
        if (!fus_sdc_unit(r->unit + (first + i) * dim, r->run, dim))
            return fus_base_fail(err, FUS_EFORMAT, "%s/decoders/%s: weights that are no finite numbers",
                                 r->x->c->o->folder, d->name[s]);
    }
    return FUS_OK;
}

/* ---- which files there are ---- */

/* Whether every participant has the file, of the right size. */
static int all_have(bool *all, const struct resampling *r, const char *file, struct fus_error *err)
{
    int code = FUS_OK;
    *all = true;
    for (int s = 0; s < r->x->p && *all && !code; s++)
        code = fus_sdc_decoders_run(NULL, all, &r->x->c->decoders, s, r->x->c->o->folder, file, r->x->c->which, err);
    return code;
}

/* Reruns that every participant has, from run-000 on. */
static int count_runs(struct resampling *r, struct fus_error *err)
{
    bool all = true;
    int code = FUS_OK;
    char file[32];
    while (r->n_runs < MAX_RUNS && !code) {
        run_name(file, r->n_runs);
        code = all_have(&all, r, file, err);
        if (!all)
            break;
        r->n_runs++;
    }
    return code;
}

/* ---- other vectors ---- */

/* The vectors of one participant from the mean of the runs times [n_runs] drawn. */
static int average(const struct resampling *r, int s, const int *times, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &r->x->c->decoders;
    size_t numbers = (d->first[s + 1] - d->first[s]) * d->vectors.d;
    int code = FUS_OK;
    memset(r->mean, 0, numbers * sizeof *r->mean);
    for (int i = 0; i < r->n_runs && !code; i++) {
        char file[32];
        bool found;
        if (!times[i])
            continue;
        run_name(file, i);
        code = read_file(r, &found, s, file, err);
        if (!code && !found)
            code =
                fus_base_fail(err, FUS_EIO, "%s/decoders/%s/%s: cannot be read", r->x->c->o->folder, d->name[s], file);
        for (size_t k = 0; k < numbers && !code; k++)
            r->mean[k] += times[i] * (double)r->run[k];
    }
    return code ? code : take_mean(r, s, r->n_runs, err);
}

/* Every participant's reruns, drawn. */
static int draw(const struct resampling *r, int replicate, struct fus_error *err)
{
    const struct fus_sdc_explained *x = r->x;
    int times[MAX_RUNS], code = FUS_OK;
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
    return code;
}

static int read_half(const struct resampling *r, const char *file, struct fus_error *err)
{
    const struct fus_sdc_decoders *d = &r->x->c->decoders;
    int code = FUS_OK;
    for (int s = 0; s < r->x->p && !code; s++) {
        size_t numbers = (d->first[s + 1] - d->first[s]) * d->vectors.d;
        bool found;
        code = read_file(r, &found, s, file, err);
        for (size_t k = 0; k < numbers && !code; k++)
            r->mean[k] = r->run[k];
        if (!code)
            code = take_mean(r, s, 1, err);
    }
    return code;
}

/* ---- their clusters ---- */

/* The eps nearest to this one at which as many voxels are core as here: of decoders of less data,
 * which are noisier, the same eps would judge the amount of data. */
static int match_core(double *eps, const struct resampling *r, struct fus_error *err)
{
    const struct fus_sdc_clustering *c = r->x->c;
    size_t n = c->decoders.vectors.n, n_core = c->eps[r->x->e].n_core;
    double *sorted = fus_base_alloc(n + 1, sizeof *sorted);
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = r->kappa[i];
    fus_order_sort(sorted, n);
    if (n_core && isfinite(sorted[n_core - 1]) && (float)*eps <= (float)sorted[n_core - 1])
        *eps = nextafterf((float)sorted[n_core - 1], 2);
    else if (n_core < n && (float)*eps > (float)sorted[n_core])
        *eps = sorted[n_core];
    fus_base_free(sorted);
    return FUS_OK;
}

/* match: at the eps of match_core, which *eps becomes. */
static int cluster(const struct resampling *r, int *n_clusters, double *eps, bool match, struct fus_error *err)
{
    const struct fus_sdc_clustering *c = r->x->c;
    struct fus_sdc_vectors v = c->decoders.vectors;
    struct fus_sdc_pairs *p = NULL;
    v.unit = r->unit;
    int code = fus_sdc_pairs_create(&p, &v, err);
    if (!code)
        code = fus_sdc_core_distances(r->kappa, p, v.n, &c->rule, err);
    *eps = c->eps[r->x->e].eps;
    if (!code && match)
        code = match_core(eps, r, err);
    if (!code)
        code = fus_sdc_cluster(r->label, n_clusters, NULL, p, r->kappa, eps, 1, c->o->border, err);
    fus_sdc_pairs_destroy(p);
    return code;
}

/* Adds to each cluster's sum the best Jaccard index with one of the others. */
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
        r->jaccard[a] += best;
    }
    fus_base_free(both);
    fus_base_free(size);
    return FUS_OK;
}

/* Adds the adjusted Rand indices of labels a [n] and b [n]. */
static void add_rand(struct fus_sdc_agreement *to, const struct resampling *r, const int32_t *a, const int32_t *b)
{
    const struct fus_sdc_clustering *c = r->x->c;
    size_t n = c->decoders.vectors.n, n_core = 0;
    int32_t *core = r->pair;
    for (size_t i = 0; i < n; i++)
        if (c->kappa[i] < (float)c->eps[r->x->e].eps) {
            core[n_core] = a[i];
            core[n + n_core++] = b[i];
        }
    to->n++;
    to->rand += fus_sdc_rand(a, b, n);
    to->rand_core += fus_sdc_rand(core, core + n, n_core);
}

/* Clusters the vectors at hand and compares. */
static int compare(struct fus_sdc_agreement *to, const struct resampling *r, bool match, struct fus_error *err)
{
    int n_clusters, code = cluster(r, &n_clusters, &to->eps, match, err);
    if (!code)
        code = add_jaccard(r, n_clusters, err);
    if (!code)
        add_rand(to, r, r->x->label, r->label);
    if (!code && fus_base_stopping())
        code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    return code;
}

static struct fus_sdc_agreement *add_agreement(struct fus_sdc_explained *x, const char *with)
{
    struct fus_sdc_agreement *a = &x->agreement[x->n_agreements++];
    *a = (struct fus_sdc_agreement){.with = with, .eps = NAN};
    return a;
}

static void finish(struct fus_sdc_agreement *a)
{
    a->rand /= a->n;
    a->rand_core /= a->n;
}

static int compare_reruns(struct resampling *r, struct fus_error *err)
{
    struct fus_sdc_explained *x = r->x;
    int code = count_runs(r, err), n = x->c->o->stability;
    if (code || r->n_runs < 2)
        return code;
    struct fus_sdc_agreement *a = add_agreement(x, "reruns");
    for (int i = 0; i < n && !code; i++) {
        code = draw(r, i, err);
        if (!code)
            code = compare(a, r, false, err);
    }
    finish(a);
    for (int c = 0; c < x->k; c++)
        x->fact[c].jaccard = r->jaccard[c] / n;
    return code;
}

static int compare_halves(struct resampling *r, struct fus_error *err)
{
    static const char *const files[] = {"odd.npz", "even.npz"}, *const names[] = {"odd sessions", "even sessions"};
    struct fus_sdc_explained *x = r->x;
    size_t n = x->c->decoders.vectors.n;
    bool all = true;
    int code = FUS_OK;
    for (int h = 0; h < 2 && all && !code; h++)
        code = all_have(&all, r, files[h], err);
    int32_t *first = code || !all ? NULL : fus_base_alloc(n + 1, sizeof *first);
    if (code || !all)
        return code;
    memset(r->jaccard, 0, (size_t)x->k * sizeof *r->jaccard);
    code = first ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", n);
    for (int h = 0; h < 2 && !code; h++) {
        struct fus_sdc_agreement *a = add_agreement(x, names[h]);
        code = read_half(r, files[h], err);
        if (!code)
            code = compare(a, r, true, err);
        if (h == 0 && !code)
            memcpy(first, r->label, n * sizeof *first);
    }
    if (!code)
        add_rand(add_agreement(x, "odd with even sessions"), r, first, r->label);
    for (int c = 0; c < x->k; c++)
        x->fact[c].jaccard_halves = r->jaccard[c] / 2;
    fus_base_free(first);
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
    r->pair = fus_base_alloc(2 * n + 1, sizeof *r->pair);
    r->jaccard = fus_base_alloc((size_t)r->x->k + 1, sizeof *r->jaccard);
    return r->unit && r->run && r->mean && r->kappa && r->label && r->pair && r->jaccard
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for other decoders of %zu voxels", n);
}

int fus_sdc_explain_stability(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct resampling r = {.x = x};
    if (!x->c->o->folder)
        return FUS_OK;
    int code = create(&r, err);
    if (!code)
        code = compare_reruns(&r, err);
    if (!code)
        code = compare_halves(&r, err);
    fus_base_free(r.unit);
    fus_base_free(r.run);
    fus_base_free(r.mean);
    fus_base_free(r.kappa);
    fus_base_free(r.label);
    fus_base_free(r.pair);
    fus_base_free(r.jaccard);
    return code;
}
