/* SPDX-License-Identifier: MIT */
/* Clusters of all participants but one, matched with those of all: see explain.h. */
#include <math.h>
#include <string.h>

#include "analysis/sdc/explain.h"

struct others {
    struct fus_sdc_vectors v;
    size_t *first;
    struct fus_sdc_rule rule;
    uint8_t *kind;
    float *unit, *kappa;
    int32_t *label;
    double *centroid; /* [k, d] */
    int k;
};

static void free_others(struct others *o)
{
    fus_base_free(o->first);
    fus_base_free(o->kind);
    fus_base_free(o->unit);
    fus_base_free(o->kappa);
    fus_base_free(o->label);
    fus_base_free(o->centroid);
}

static int copy_others(struct others *o, const struct fus_sdc_vectors *v, int left_out, struct fus_error *err)
{
    size_t from = v->first[left_out], to = v->first[left_out + 1], n = v->n - (to - from);
    o->first = fus_base_alloc((size_t)v->n_participants + 1, sizeof *o->first);
    o->unit = fus_base_alloc(n + 1, v->d * sizeof *o->unit);
    o->kappa = fus_base_alloc(n + 1, sizeof *o->kappa);
    o->label = fus_base_alloc(n + 1, sizeof *o->label);
    if (!o->first || !o->unit || !o->kappa || !o->label)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", n);
    memcpy(o->unit, v->unit, from * v->d * sizeof *o->unit);
    memcpy(o->unit + from * v->d, v->unit + to * v->d, (v->n - to) * v->d * sizeof *o->unit);
    for (int s = 0, i = 1; s < v->n_participants; s++)
        if (s != left_out)
            o->first[i++] = v->first[s + 1] - (s > left_out ? to - from : 0);
    o->v = (struct fus_sdc_vectors){v->n_participants - 1, o->first, n, v->d, o->unit};
    return FUS_OK;
}

/* The rule asks for no more participants than there are. */
static int adapt_rule(struct others *o, const struct fus_sdc_rule *rule, int left_out, struct fus_error *err)
{
    int n = o->v.n_participants, n_kind[FUS_SDC_KINDS] = {0};
    o->kind = fus_base_alloc((size_t)n + 1, 1);
    if (!o->kind)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d participants", n);
    for (int s = 0; s < n; s++) {
        o->kind[s] = rule->kind ? rule->kind[s + (s >= left_out)] : FUS_SDC_PEOPLE;
        n_kind[o->kind[s]]++;
    }
    o->rule = *rule;
    o->rule.kind = o->kind;
    o->rule.min_others = rule->min_others < n - 1 ? rule->min_others : n - 1;
    for (int k = 0; k < FUS_SDC_KINDS; k++)
        o->rule.require[k] = rule->require[k] < n_kind[k] ? rule->require[k] : n_kind[k];
    return FUS_OK;
}

static int cluster_others(struct others *o, const struct fus_sdc_clustering *c, double eps, struct fus_error *err)
{
    struct fus_sdc_pairs *p = NULL;
    int code = fus_sdc_pairs_create(&p, &o->v, err);
    if (!code)
        code = fus_sdc_core_distances(o->kappa, p, o->v.n, &o->rule, err);
    if (!code)
        code = fus_sdc_cluster(o->label, &o->k, NULL, p, o->kappa, &eps, 1, c->o->border, err);
    fus_sdc_pairs_destroy(p);
    if (code)
        return code;
    o->centroid = fus_base_alloc((size_t)o->k + 1, o->v.d * sizeof *o->centroid);
    if (!o->centroid)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", o->k);
    return fus_sdc_centroids(o->centroid, NULL, &o->v, o->label, o->k, c->o->by_participant, err);
}

void fus_sdc_explain_match(double *centroid, uint8_t *found, const double *own, int k, const double *others,
                           int k_others, size_t d, double eps)
{
    for (int a = 0; a < k; a++) {
        double most = 1 - (double)(float)eps;
        found[a] = 0;
        for (int b = 0; b < k_others; b++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += own[(size_t)a * d + j] * others[(size_t)b * d + j];
            if (sum > most) {
                most = sum;
                found[a] = 1;
                memcpy(centroid + (size_t)a * d, others + (size_t)b * d, d * sizeof *centroid);
            }
        }
    }
}

int fus_sdc_explain_left_out(double *centroid, uint8_t *found, const struct fus_sdc_explained *x, int participant,
                             struct fus_error *err)
{
    struct others o = {0};
    int code = copy_others(&o, &x->c->decoders.vectors, participant, err);
    if (!code)
        code = adapt_rule(&o, &x->c->rule, participant, err);
    if (!code)
        code = cluster_others(&o, x->c, x->c->eps[x->e].eps, err);
    if (!code)
        fus_sdc_explain_match(centroid, found, x->centroid, x->k, o.centroid, o.k, o.v.d, x->c->eps[x->e].eps);
    free_others(&o);
    return code;
}
