/* SPDX-License-Identifier: MIT */
/* Is crossing people needed? Beside the shared clusters, which ask for neighbours in other people:
 *
 *   within    DBSCAN in each participant alone at the same eps (beside_within.c)
 *   k-means   of all vectors, with as many clusters (beside_means.c)
 *
 * All three by the test that has no circularity: is a cluster decoded in a participant who had no
 * part in it? A cluster of one participant is tested in all others; of k-means as the shared ones
 * are, by a clustering without the participant, matched by centroids. A cluster of ten voxels or
 * more is replicated if r > 0 at q < 0.05 (Benjamini & Hochberg over the tests of one way) in more
 * than min_others participants, or in all others if these are fewer. */
#include "analysis/sdc/beside.h"

#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"

static const char *const ways[] = {"shared", "within participants", "k-means"};

/* One way at work: tests [k, p]. */
struct way {
    struct fus_sdc_explained *x;
    enum fus_sdc_way way;
    int k;
    double *centroid; /* [k, d] */
    struct fus_sdc_outside *test;
    size_t first; /* its clusters in x->beside.cluster */
};

static struct fus_sdc_beside_cluster *add_cluster(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct fus_sdc_beside *b = &x->beside;
    struct fus_sdc_beside_cluster *grown = fus_base_grow(b->cluster, &b->room, b->n, sizeof *grown);
    if (!grown) {
        fus_base_fail(err, FUS_ENOMEM, "no memory for clusters to compare");
        return NULL;
    }
    b->cluster = grown;
    grown[b->n] = (struct fus_sdc_beside_cluster){.participant = -1, .r = NAN};
    return &grown[b->n++];
}

static int more_than(int others, int most)
{
    return others + 1 < most ? others + 1 : most;
}

/* ---- the shared clusters ---- */

static int add_shared(struct fus_sdc_explained *x, struct fus_error *err)
{
    for (int c = 0; c < x->k; c++) {
        x->beside.n_clustered[FUS_SDC_SHARED] += x->fact[c].n_voxels;
        if (x->fact[c].n_voxels < FUS_SDC_LEAST_VOXELS)
            continue;
        struct fus_sdc_beside_cluster *to = add_cluster(x, err);
        double sum = 0;
        if (!to)
            return FUS_ENOMEM;
        to->way = FUS_SDC_SHARED, to->cluster = c;
        to->n_voxels = x->fact[c].n_voxels, to->n_participants = x->fact[c].n_participants;
        to->replicated_in = x->fact[c].replicated_in, to->needed = x->c->rule.min_others + 1;
        for (int s = 0; s < x->p; s++)
            if (isfinite(x->decoded[c * x->p + s].r_left_out)) {
                sum += x->decoded[c * x->p + s].r_left_out;
                to->n_tested++;
            }
        to->r = to->n_tested ? sum / to->n_tested : NAN;
    }
    x->beside.n_clusters[FUS_SDC_SHARED] = x->k;
    x->beside.rand[FUS_SDC_SHARED] = 1;
    return FUS_OK;
}

/* ---- tests ---- */

static int open_tests(struct way *w, struct fus_error *err)
{
    size_t cells = (size_t)w->k * (size_t)w->x->p;
    w->test = fus_base_alloc(cells + 1, sizeof *w->test);
    if (!w->test)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu tests", cells);
    for (size_t i = 0; i < cells; i++)
        w->test[i].r = w->test[i].p = NAN;
    return FUS_OK;
}

/* Centroids [k, d] in participant s, by the clusters' places in w->test. */
static int test_participant(struct way *w, int s, const double *centroid, const uint8_t *wanted, struct fus_error *err)
{
    struct fus_sdc_outside *out = fus_base_alloc((size_t)w->k + 1, sizeof *out);
    bool there = false;
    int code = out ? fus_sdc_explain_outside(out, &there, w->x, s, centroid, wanted, w->k, 1 + (int)w->way, err)
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %d tests", w->k);
    for (int c = 0; c < w->k && there && !code; c++)
        w->test[c * w->x->p + s] = out[c];
    fus_base_free(out);
    if (!code && fus_base_stopping())
        code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    return code;
}

/* What the tests say of the clusters from w->first on; place [..] of each in w->test. */
static int judge(struct way *w, const int *place, struct fus_error *err)
{
    struct fus_sdc_beside *b = &w->x->beside;
    size_t p = (size_t)w->x->p, n = 0, at = 0;
    double *q = fus_base_alloc((size_t)w->k * p + 1, sizeof *q);
    if (!q)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu tests", (size_t)w->k * p);
    for (size_t i = w->first; i < b->n; i++)
        for (size_t s = 0; s < p; s++)
            if (isfinite(w->test[(size_t)place[i - w->first] * p + s].p))
                q[n++] = w->test[(size_t)place[i - w->first] * p + s].p;
    int code = n ? fus_multiple_adjust(q, q, n, FUS_BH, err) : FUS_OK;
    for (size_t i = w->first; i < b->n && !code; i++) {
        struct fus_sdc_beside_cluster *to = &b->cluster[i];
        double sum = 0;
        for (size_t s = 0; s < p; s++) {
            const struct fus_sdc_outside *t = &w->test[(size_t)place[i - w->first] * p + s];
            if (!isfinite(t->p))
                continue;
            sum += t->r;
            to->n_tested++;
            to->replicated_in += t->r > 0 && q[at++] < 0.05;
        }
        to->r = to->n_tested ? sum / to->n_tested : NAN;
    }
    fus_base_free(q);
    return code;
}

static void close_way(struct way *w)
{
    fus_base_free(w->centroid);
    fus_base_free(w->test);
}

/* ---- within participants ---- */

/* The participant's clusters of ten voxels or more: appended with their centroids. */
static int cluster_within(struct way *w, size_t *room, int s, struct fus_error *err)
{
    struct fus_sdc_explained *x = w->x;
    const struct fus_sdc_vectors *v = &x->c->decoders.vectors;
    size_t n = v->first[s + 1] - v->first[s], first[] = {0, n};
    const struct fus_sdc_vectors own = {1, first, n, v->d, v->unit + v->first[s] * v->d};
    int32_t *label = fus_base_alloc(n + 1, sizeof *label);
    double *centroid = NULL;
    size_t *size = NULL;
    int k = 0, code = label ? fus_sdc_beside_within(label, &k, v, s, x->c->rule.min_others, x->c->eps[x->e].eps, err)
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu voxels", n);
    if (!code) {
        centroid = fus_base_alloc((size_t)k + 1, v->d * sizeof *centroid);
        size = fus_base_alloc((size_t)k + 1, sizeof *size);
        code = centroid && size ? fus_sdc_centroids(centroid, size, &own, label, k, false, err)
                                : fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", k);
    }
    if (!code)
        x->beside.rand[w->way] += fus_sdc_rand(label, x->label + v->first[s], n) / x->p;
    x->beside.n_clusters[w->way] += k;
    for (int c = 0; c < k && !code; c++) {
        x->beside.n_clustered[w->way] += size[c];
        if (size[c] < FUS_SDC_LEAST_VOXELS)
            continue;
        double *grown = fus_base_grow(w->centroid, room, (size_t)w->k, v->d * sizeof *grown);
        struct fus_sdc_beside_cluster *to = grown ? add_cluster(x, err) : NULL;
        w->centroid = grown ? grown : w->centroid;
        if (!to) {
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", w->k + 1);
            break;
        }
        memcpy(w->centroid + (size_t)w->k++ * v->d, centroid + (size_t)c * v->d, v->d * sizeof *centroid);
        to->way = w->way, to->participant = s, to->cluster = c, to->n_voxels = size[c], to->n_participants = 1;
        to->needed = more_than(x->c->rule.min_others, x->p - 1);
    }
    fus_base_free(label);
    fus_base_free(centroid);
    fus_base_free(size);
    return code;
}

static int compare_within(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct way w = {.x = x, .way = FUS_SDC_WITHIN_PEOPLE, .first = x->beside.n};
    size_t room = 0;
    int code = FUS_OK;
    for (int s = 0; s < x->p && !code; s++)
        code = cluster_within(&w, &room, s, err);
    uint8_t *wanted = fus_base_alloc((size_t)w.k + 1, 1);
    int *place = fus_base_alloc((size_t)w.k + 1, sizeof *place);
    if (!code && (!wanted || !place))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d tests", w.k);
    if (!code)
        code = open_tests(&w, err);
    for (int s = 0; s < x->p && !code && w.k; s++) {
        for (int c = 0; c < w.k; c++) {
            wanted[c] = x->beside.cluster[w.first + (size_t)c].participant != s;
            place[c] = c;
        }
        code = test_participant(&w, s, w.centroid, wanted, err);
    }
    if (!code)
        code = judge(&w, place, err);
    fus_base_free(wanted);
    fus_base_free(place);
    close_way(&w);
    return code;
}

/* ---- k-means ---- */

/* place [..]: of the clusters of ten voxels or more. */
static int list_means(struct way *w, int *place, const int32_t *label, struct fus_error *err)
{
    struct fus_sdc_explained *x = w->x;
    const struct fus_sdc_vectors *v = &x->c->decoders.vectors;
    for (int c = 0, n = 0; c < w->k; c++) {
        struct fus_sdc_beside_cluster one = {.way = w->way, .participant = -1, .cluster = c, .r = NAN};
        for (int s = 0; s < x->p; s++) {
            size_t before = one.n_voxels;
            for (size_t i = v->first[s]; i < v->first[s + 1]; i++)
                one.n_voxels += label[i] == c;
            one.n_participants += one.n_voxels > before;
        }
        x->beside.n_clustered[w->way] += one.n_voxels;
        if (one.n_voxels < FUS_SDC_LEAST_VOXELS)
            continue;
        struct fus_sdc_beside_cluster *to = add_cluster(x, err);
        if (!to)
            return FUS_ENOMEM;
        one.needed = x->c->rule.min_others + 1;
        *to = one;
        place[n++] = c;
    }
    return FUS_OK;
}

/* k-means without participant s, matched with the whole and tested in s. */
static int test_means(struct way *w, int s, int32_t *label, double *others, double *matched, uint8_t *found,
                      struct fus_error *err)
{
    const struct fus_sdc_clustering *c = w->x->c;
    int code = fus_sdc_beside_means(label, others, &c->decoders.vectors, w->k, s, c->o->seed, err);
    if (code)
        return code;
    fus_sdc_explain_match(matched, found, w->centroid, w->k, others, w->k, c->decoders.vectors.d, c->eps[w->x->e].eps);
    return test_participant(w, s, matched, found, err);
}

static int compare_means(struct fus_sdc_explained *x, struct fus_error *err)
{
    struct way w = {.x = x, .way = FUS_SDC_K_MEANS, .k = x->k, .first = x->beside.n};
    const struct fus_sdc_vectors *v = &x->c->decoders.vectors;
    size_t k = (size_t)x->k, row = v->d * sizeof(double);
    int32_t *label = fus_base_alloc(v->n + 1, sizeof *label);
    double *others = fus_base_alloc(k + 1, row), *matched = fus_base_alloc(k + 1, row);
    uint8_t *found = fus_base_alloc(k + 1, 1);
    int *place = fus_base_alloc(k + 1, sizeof *place);
    w.centroid = fus_base_alloc(k + 1, row);
    int code = label && others && matched && found && place && w.centroid
                   ? open_tests(&w, err)
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %d centroids", w.k);
    if (!code)
        code = fus_sdc_beside_means(label, w.centroid, v, w.k, -1, x->c->o->seed, err);
    if (!code)
        code = list_means(&w, place, label, err);
    if (!code)
        x->beside.rand[w.way] = fus_sdc_rand(label, x->label, v->n);
    x->beside.n_clusters[w.way] = w.k;
    for (int s = 0; s < x->p && !code; s++)
        code = test_means(&w, s, label, others, matched, found, err);
    if (!code)
        code = judge(&w, place, err);
    fus_base_free(label);
    fus_base_free(others);
    fus_base_free(matched);
    fus_base_free(found);
    fus_base_free(place);
    close_way(&w);
    return code;
}

int fus_sdc_explain_beside(struct fus_sdc_explained *x, struct fus_error *err)
{
    int code = x->k ? add_shared(x, err) : FUS_OK;
    if (!code && x->k)
        code = compare_within(x, err);
    return code || !x->k ? code : compare_means(x, err);
}

/* ---- tables ---- */

static int write_clusters(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "comparison_clusters.csv",
                                          "way,participant,cluster,n_voxels,n_participants,n_tested,r_left_out,"
                                          "replicated_in,needed,replicated\n",
                                          err);
    for (size_t i = 0; i < x->beside.n && !code; i++) {
        const struct fus_sdc_beside_cluster *c = &x->beside.cluster[i];
        fus_outfile_printf(&f, "%s", ways[c->way]);
        fus_csv_name(&f, ",", c->participant < 0 ? "" : x->c->decoders.name[c->participant]);
        fus_outfile_printf(&f, ",%d,%zu,%d,%d", c->cluster + 1, c->n_voxels, c->n_participants, c->n_tested);
        fus_csv_number(&f, c->r);
        fus_outfile_printf(&f, ",%d,%d,%d\n", c->replicated_in, c->needed, c->replicated_in >= c->needed);
    }
    return code ? code : fus_outfile_commit(&f, err);
}

static int write_ways(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(
        &f, folder, "comparison.csv",
        "way,n_clusters,n_count,n_voxels,rand_with_shared,n_replicated,share_replicated,r_left_out\n", err);
    for (int way = 0; way < FUS_SDC_WAYS && !code; way++) {
        int n = 0, replicated = 0, tested = 0;
        double r = 0;
        for (size_t i = 0; i < x->beside.n; i++) {
            const struct fus_sdc_beside_cluster *c = &x->beside.cluster[i];
            if ((int)c->way != way)
                continue;
            n++;
            replicated += c->replicated_in >= c->needed;
            tested += isfinite(c->r);
            r += isfinite(c->r) ? c->r : 0;
        }
        fus_outfile_printf(&f, "%s,%d,%d,%zu", ways[way], x->beside.n_clusters[way], n, x->beside.n_clustered[way]);
        fus_csv_number(&f, x->beside.rand[way]);
        fus_outfile_printf(&f, ",%d", replicated);
        fus_csv_number(&f, n ? (double)replicated / n : NAN);
        fus_csv_number(&f, tested ? r / tested : NAN);
        fus_outfile_printf(&f, "\n");
    }
    return code ? code : fus_outfile_commit(&f, err);
}

int fus_sdc_beside_write(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    int code = write_ways(x, folder, err);
    return code ? code : write_clusters(x, folder, err);
}
