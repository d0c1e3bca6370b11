/* Clusters of one kind of vectors, from files to labels: see clustering.h. */
#include "analysis/sdc/clustering.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/clusters_write.h"
#include "analysis/sdc/null.h"
#include "analysis/sdc/page.h"
#include "nn/base/number.h"
#include "nn/base/outfile.h"
#include "stimuli/set/folder.h"

enum { LEAST_VOXELS = 10 }; /* of a cluster that counts */

void fus_sdc_cluster_defaults(struct fus_sdc_cluster_options *o)
{
    *o = (struct fus_sdc_cluster_options){.of = FUS_SDC_WEIGHTS,
                                          .border = FUS_SDC_NEAREST,
                                          .null = FUS_SDC_NULL_ROTATE,
                                          .replicates = 20,
                                          .stability = 20,
                                          .top = 16,
                                          .seed = 1};
}

void fus_sdc_clustering_name(char name[32], double eps)
{
    char text[FUS_NUMBER_BYTES];
    fus_number_print(text, eps);
    snprintf(name, 32, "%.28s%s", text, strlen(text) == 3 ? "0" : ""); /* 0.5: 0.50 */
}

/* 0.05, 0.075, ... 0.5, 0.55, ... 0.75: where clusters part, 0.05 more doubles the core voxels. */
static void set_grid(struct fus_sdc_clustering *c)
{
    c->n_eps = c->o->n_eps;
    for (int e = 0; e < c->o->n_eps; e++)
        c->eps[e].eps = c->o->eps[e];
    for (int k = 50; k <= 750 && c->o->n_eps == 0; k += k < 500 ? 25 : 50)
        c->eps[c->n_eps++].eps = k / 1000.0;
    for (int e = 0; e < c->n_eps; e++)
        c->eps[e].null_core = c->eps[e].q = c->eps[e].rand_next = NAN;
}

/* ---- counts ---- */

struct tally {
    size_t n_voxels;
    int n_participants, last;
};

/* Voxels, and participants, of each cluster at one eps. */
static int count_clusters(struct fus_sdc_clustering *c, int e, struct fus_error *err)
{
    struct fus_sdc_eps *at = &c->eps[e];
    const int32_t *label = c->label + (size_t)e * c->decoders.vectors.n;
    struct tally *t = fus_base_alloc((size_t)at->n_clusters + 1, sizeof *t);
    if (!t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", at->n_clusters);
    for (int s = 0; s < c->decoders.n; s++)
        for (size_t i = c->decoders.first[s]; i < c->decoders.first[s + 1]; i++) {
            bool core = c->kappa[i] < (float)at->eps;
            at->n_core += core;
            at->n_border += !core && label[i] >= 0;
            if (label[i] < 0)
                continue;
            struct tally *k = &t[label[i]];
            k->n_voxels++;
            k->n_participants += k->last != s + 1;
            k->last = s + 1;
        }
    for (int k = 0; k < at->n_clusters; k++) {
        at->largest = t[k].n_voxels > at->largest ? t[k].n_voxels : at->largest;
        at->n_count += t[k].n_voxels >= LEAST_VOXELS && t[k].n_participants > c->min_others;
    }
    fus_base_free(t);
    return FUS_OK;
}

int fus_sdc_clustering_count(struct fus_sdc_clustering *c, struct fus_error *err)
{
    size_t n = c->decoders.vectors.n;
    int code = FUS_OK;
    for (int e = 0; e < c->n_eps && !code; e++) {
        code = count_clusters(c, e, err);
        if (e + 1 < c->n_eps)
            c->eps[e].rand_next = fus_sdc_rand(c->label + (size_t)e * n, c->label + (size_t)(e + 1) * n, n);
    }
    return code;
}

/* ---- clusters ---- */

static int cluster(struct fus_sdc_clustering *c, struct fus_error *err)
{
    size_t n = c->decoders.vectors.n, cells;
    double eps[FUS_SDC_MAX_EPS];
    int n_clusters[FUS_SDC_MAX_EPS];
    uint64_t near[FUS_SDC_MAX_EPS];
    c->kappa = fus_base_alloc(n + 1, sizeof *c->kappa);
    if (fus_base_mul(&cells, n + 1, (size_t)c->n_eps))
        c->label = fus_base_alloc(cells, sizeof *c->label);
    if (!c->kappa || !c->label)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the labels of %zu voxels", n);
    for (int e = 0; e < c->n_eps; e++)
        eps[e] = c->eps[e].eps;
    int code = fus_sdc_pairs_create(&c->pairs, &c->decoders.vectors, err);
    if (!code)
        code = fus_sdc_core_distances(c->kappa, c->pairs, n, c->min_others, err);
    if (!code)
        code = fus_sdc_cluster(c->label, n_clusters, near, c->pairs, c->kappa, n, eps, c->n_eps, c->o->border, err);
    for (int e = 0; e < c->n_eps && !code; e++) {
        c->eps[e].n_clusters = n_clusters[e];
        c->eps[e].near = near[e];
    }
    return code ? code : fus_sdc_clustering_count(c, err);
}

/* Every eps of a list gets a folder; of the grid, the chosen one. */
static int choose(struct fus_sdc_clustering *c, struct fus_error *err)
{
    int code = fus_sdc_null_choose(c, err);
    for (int e = 0; e < c->n_eps && !code; e++)
        c->eps[e].written = c->o->n_eps > 0 || e == c->chosen;
    return code;
}

/* ---- one kind of vectors ---- */

static int open_vectors(struct fus_sdc_clustering *c, struct fus_error *err)
{
    const struct fus_sdc_cluster_options *o = c->o;
    int code = o->folder ? fus_sdc_decoders_open(&c->decoders, o->folder, c->which, err)
                         : fus_sdc_decoders_read(&c->decoders, o->vectors, o->n_vectors, o->transposed, err);
    int others = c->decoders.n - 1;
    c->min_others = o->min_others ? o->min_others : others < 3 ? (others > 1 ? others : 1) : 3;
    if (!code && c->min_others > others && o->note) {
        char line[200];
        snprintf(line, sizeof line, "%d participants: no voxel has neighbours in %d others, so there are no clusters",
                 c->decoders.n, c->min_others);
        o->note(line);
    }
    return code;
}

static int make_folder(struct fus_sdc_clustering *c, struct fus_error *err)
{
    const char *out = c->o->out ? c->o->out : c->o->folder;
    int code = fus_folder_join(&c->out, out, strcmp(c->which, "pattern") == 0 ? "clusters-pattern" : "clusters", err);
    return code ? code : fus_outfile_mkdirs(c->out, err);
}

static void destroy(struct fus_sdc_clustering *c)
{
    fus_sdc_decoders_close(&c->decoders);
    fus_sdc_pairs_destroy(c->pairs);
    fus_base_free(c->out);
    fus_base_free(c->kappa);
    fus_base_free(c->label);
}

static int cluster_kind(const struct fus_sdc_cluster_options *o, const char *which,
                        struct fus_sdc_cluster_result *result, struct fus_error *err)
{
    struct fus_sdc_clustering c = {.o = o, .which = which};
    struct fus_sdc_pool pool = {0};
    set_grid(&c);
    int code = open_vectors(&c, err);
    if (!code)
        code = make_folder(&c, err);
    if (!code)
        code = cluster(&c, err);
    if (!code)
        code = choose(&c, err);
    if (!code)
        code = fus_sdc_pool_open(&pool, &c, err);
    if (!code)
        code = fus_sdc_clusters_write(&c, &pool, err);
    if (!code) {
        int i = result->n++;
        result->of[i].which = which, result->of[i].n_eps = c.n_eps, result->of[i].chosen = c.chosen;
        result->of[i].n_participants = c.decoders.n, result->of[i].n_voxels = c.decoders.vectors.n;
        result->of[i].min_others = c.min_others;
        result->of[i].judged = o->null != FUS_SDC_NULL_NONE;
        memcpy(result->of[i].eps, c.eps, sizeof c.eps);
    }
    fus_sdc_pool_close(&pool);
    destroy(&c);
    return code;
}

int fus_sdc_cluster_folder(const struct fus_sdc_cluster_options *o, struct fus_sdc_cluster_result *result,
                           struct fus_error *err)
{
    int code = FUS_OK;
    result->n = 0;
    if (o->of & FUS_SDC_WEIGHTS)
        code = cluster_kind(o, "weight", result, err);
    if (!code && o->of & FUS_SDC_PATTERN)
        code = cluster_kind(o, "pattern", result, err);
    return code ? code : fus_sdc_page_write(o->out ? o->out : o->folder, err);
}
