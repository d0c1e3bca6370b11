/* SPDX-License-Identifier: MIT */
/* Clusters of one kind of vectors, from files to labels: see clustering.h. */
#include "analysis/sdc/clustering.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/sdc/clusters_write.h"
#include "analysis/sdc/groups.h"
#include "analysis/sdc/null.h"
#include "analysis/sdc/page.h"
#include "analysis/sdc/rois.h"
#include "nn/base/number.h"
#include "nn/base/threads.h"
#include "stimuli/set/folder.h"

void fus_sdc_cluster_defaults(struct fus_sdc_cluster_options *o)
{
    *o = (struct fus_sdc_cluster_options){.of = FUS_SDC_WEIGHTS,
                                          .border = FUS_SDC_NEAREST,
                                          .null = FUS_SDC_NULL_ROTATE,
                                          .replicates = 20,
                                          .stability = 20,
                                          .compare = true,
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
    int n_participants, n_kind[FUS_SDC_KINDS], last;
};

static bool counts(const struct tally *t, const struct fus_sdc_rule *rule)
{
    bool enough = t->n_voxels >= FUS_SDC_LEAST_VOXELS && t->n_participants > rule->min_others;
    for (int k = 0; k < FUS_SDC_KINDS; k++)
        enough = enough && t->n_kind[k] >= rule->require[k];
    return enough;
}

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
            k->n_kind[c->rule.kind ? c->rule.kind[s] : FUS_SDC_PEOPLE] += k->last != s + 1;
            k->last = s + 1;
        }
    for (int k = 0; k < at->n_clusters; k++) {
        at->largest = t[k].n_voxels > at->largest ? t[k].n_voxels : at->largest;
        at->n_count += counts(&t[k], &c->rule);
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
        code = fus_sdc_core_distances(c->kappa, c->pairs, n, &c->rule, err);
    fus_sdc_phases_end(c->phases, "core distances");
    if (!code)
        code = fus_sdc_cluster(c->label, n_clusters, near, c->pairs, c->kappa, eps, c->n_eps, c->o->border, err);
    fus_sdc_phases_end(c->phases, "links");
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

/* Too few participants for the rule. */
static void note_too_few(const struct fus_sdc_clustering *c, const int n_kind[FUS_SDC_KINDS])
{
    static const char *const names[] = {"people", "networks"};
    char line[200] = "";
    if (c->rule.min_others > c->decoders.n - 1)
        snprintf(line, sizeof line, "%d participants: no voxel has neighbours in %d others, so there are no clusters",
                 c->decoders.n, c->rule.min_others);
    for (int k = 0; k < FUS_SDC_KINDS; k++)
        if (c->rule.require[k] > n_kind[k])
            snprintf(line, sizeof line, "%d %s: %d are required, so there are no clusters", n_kind[k], names[k],
                     c->rule.require[k]);
    if (*line && c->o->note)
        c->o->note(line);
}

static int set_rule(struct fus_sdc_clustering *c, struct fus_error *err)
{
    const struct fus_sdc_cluster_options *o = c->o;
    int others = c->decoders.n - 1, required = 0, n_kind[FUS_SDC_KINDS] = {0};
    c->kind = fus_base_alloc((size_t)c->decoders.n + 1, 1);
    if (!c->kind)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d participants", c->decoders.n);
    for (int s = 0; s < c->decoders.n; s++) {
        c->kind[s] = c->decoders.layer[s][0] ? FUS_SDC_NETWORKS : FUS_SDC_PEOPLE;
        n_kind[c->kind[s]]++;
    }
    for (int k = 0; k < FUS_SDC_KINDS; k++) {
        c->rule.require[k] = o->require[k];
        required += o->require[k];
    }
    int usual = required > 1 ? required - 1 : others < 3 ? others : 3;
    c->rule.min_others = o->min_others ? o->min_others : usual > 1 ? usual : 1;
    c->rule.kind = c->kind;
    note_too_few(c, n_kind);
    return FUS_OK;
}

static int check_groups(const struct fus_sdc_clustering *c, struct fus_error *err)
{
    int *group = fus_base_alloc((size_t)c->decoders.n + 1, sizeof *group);
    int code = group ? fus_sdc_groups_find(group, c->o->groups, c->o->n_groups, &c->decoders, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory for %d participants", c->decoders.n);
    fus_base_free(group);
    return code;
}

static int open_vectors(struct fus_sdc_clustering *c, struct fus_error *err)
{
    const struct fus_sdc_cluster_options *o = c->o;
    int code = o->folder ? fus_sdc_decoders_open(&c->decoders, o->folder, c->which, err)
                         : fus_sdc_decoders_read(&c->decoders, o->vectors, o->n_vectors, o->transposed, err);
    if (!code)
        code = check_groups(c, err);
    return code ? code : set_rule(c, err);
}

static int name_folder(struct fus_sdc_clustering *c, struct fus_error *err)
{
    const char *out = c->o->out ? c->o->out : c->o->folder;
    return fus_folder_join(&c->out, out, strcmp(c->which, "pattern") == 0 ? "clusters-pattern" : "clusters", err);
}

static void destroy(struct fus_sdc_clustering *c)
{
    fus_sdc_decoders_close(&c->decoders);
    fus_sdc_pairs_destroy(c->pairs);
    fus_base_free(c->out);
    fus_base_free(c->kind);
    fus_base_free(c->kappa);
    fus_base_free(c->label);
}

/* Both kinds are opened and checked before the first is clustered. */
struct kind {
    struct fus_sdc_clustering c;
    struct fus_sdc_pool pool;
    struct fus_sdc_phases phases;
    struct fus_text_buffer record;
};

static int open_kind(struct kind *k, const struct fus_sdc_cluster_options *o, const char *which, struct fus_error *err)
{
    struct fus_sdc_clustering *c = &k->c;
    *c = (struct fus_sdc_clustering){.o = o, .which = which, .phases = &k->phases};
    fus_sdc_phases_start(&k->phases);
    set_grid(c);
    int code = open_vectors(c, err);
    if (!code)
        code = name_folder(c, err);
    if (!code)
        code = fus_sdc_pool_open(&k->pool, c, err);
    if (!code && o->rois)
        code = fus_sdc_rois_check(c, o->rois, err);
    if (!code)
        code = fus_sdc_cluster_record_make(&k->record, c, &k->pool, err);
    if (!code && o->keep)
        code = fus_sdc_cluster_record_check(&k->record, c, err);
    fus_sdc_phases_end(&k->phases, "read vectors and images");
    return code;
}

static void close_kind(struct kind *k)
{
    fus_sdc_pool_close(&k->pool);
    destroy(&k->c);
    fus_sdc_phases_free(&k->phases);
    fus_text_free(&k->record);
}

/* Everything into a folder beside the one that is wanted, which then takes its place. */
static int write_kind(struct kind *k, struct fus_error *err)
{
    struct fus_sdc_clustering *c = &k->c;
    char *out = c->out, *fresh = fus_base_alloc(strlen(out) + sizeof FUS_SDC_CLUSTERS_NEW, 1);
    if (!fresh)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its path", out);
    strcpy(fresh, out);
    strcat(fresh, FUS_SDC_CLUSTERS_NEW);
    c->out = fresh;
    int code = fus_sdc_clusters_write(c, &k->pool, err);
    if (!code)
        code = fus_sdc_cluster_record_write(&k->record, c, err);
    c->out = out;
    if (!code)
        code = fus_sdc_clusters_replace(out, fresh, err);
    else
        fus_sdc_clusters_remove(fresh);
    fus_base_free(fresh);
    return code;
}

static int cluster_kind(struct kind *k, struct fus_sdc_cluster_result *result, struct fus_error *err)
{
    struct fus_sdc_clustering *c = &k->c;
    int code = cluster(c, err);
    if (!code)
        code = choose(c, err);
    fus_sdc_phases_end(&k->phases, "chance");
    if (!code)
        code = write_kind(k, err);
    fus_sdc_phases_end(&k->phases, "eps.csv, voxels, cluster.json");
    if (code)
        return code;
    int i = result->n++;
    result->of[i].which = c->which, result->of[i].n_eps = c->n_eps, result->of[i].chosen = c->chosen;
    result->of[i].n_participants = c->decoders.n, result->of[i].n_voxels = c->decoders.vectors.n;
    result->of[i].min_others = c->rule.min_others;
    result->of[i].judged = c->o->null != FUS_SDC_NULL_NONE;
    memcpy(result->of[i].eps, c->eps, sizeof c->eps);
    return FUS_OK;
}

struct running {
    const struct fus_sdc_cluster_options *o;
    struct fus_sdc_cluster_result *result;
    struct fus_error *err;
    int code;
};

static int work_through(const struct fus_sdc_cluster_options *o, struct fus_sdc_cluster_result *result,
                        struct fus_error *err)
{
    static const char *const names[] = {"weight", "pattern"};
    struct kind *kinds = fus_base_alloc(2, sizeof *kinds);
    int n = 0, code = kinds ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a clustering");
    result->n = 0;
    for (int i = 0; i < 2 && !code; i++)
        if ((int)o->of & (1 << i))
            code = open_kind(&kinds[n++], o, names[i], err);
    for (int i = 0; i < n && !code; i++) {
        fus_sdc_phases_resume(&kinds[i].phases); /* without what the other kind took */
        code = cluster_kind(&kinds[i], result, err);
    }
    if (n)
        fus_sdc_phases_resume(&kinds[n - 1].phases);
    if (!code)
        code = fus_sdc_page_write(o->out ? o->out : o->folder, err);
    if (n)
        fus_sdc_phases_end(&kinds[n - 1].phases, "report");
    for (int i = 0; i < n && !code; i++)
        code = fus_sdc_cluster_record_log(&kinds[i].phases, kinds[i].c.out, kinds[i].c.eps, kinds[i].c.n_eps, err);
    for (int i = 0; i < n; i++)
        close_kind(&kinds[i]);
    fus_base_free(kinds);
    return code;
}

static void run_all(void *context)
{
    struct running *r = context;
    r->code = work_through(r->o, r->result, r->err);
}

int fus_sdc_cluster_folder(const struct fus_sdc_cluster_options *o, struct fus_sdc_cluster_result *result,
                           struct fus_error *err)
{
    struct running r = {o, result, err, FUS_OK};
    fus_threads_run(run_all, &r); /* one start of the threads for all loops */
    return r.code;
}
