/* SPDX-License-Identifier: MIT */
/* analysis/sdc/pairs.c and cluster.c: golden labels of NumPy; the authors' breadth-first search,
 * run step by step over all distances, equals the border rule `last`; what must not change the
 * labels. */
#include "analysis/sdc/cluster.h"
#include "analysis/sdc/clustering.h"

#include "nn/base/rng.h"
#include "tests/golden/sdc_cluster.inc"
#include "tests/test.h"

enum { MOST = 400, MOST_D = 40, MOST_P = 60 };

static struct fus_error err;

/* ---- sets of vectors ---- */

struct sample {
    int p, others, require[FUS_SDC_KINDS];
    uint8_t kind[MOST_P];
    size_t n, d, first[MOST_P + 1];
    float unit[MOST * MOST_D];
    int participant[MOST];
    float distance[MOST * MOST], kappa[MOST];
};

static struct fus_sdc_vectors vectors_of(const struct sample *s)
{
    return (struct fus_sdc_vectors){s->p, s->first, s->n, s->d, s->unit};
}

static struct fus_sdc_rule rule_of(const struct sample *s)
{
    struct fus_sdc_rule rule = {.min_others = s->others, .kind = s->kind};
    memcpy(rule.require, s->require, sizeof rule.require);
    return rule;
}

/* Whether the rule holds for a voxel of participant `own` within distance t of the nearest voxels
 * near [p] of the others. */
static bool holds(const struct sample *s, const float *near, int own, float t)
{
    int others = 0, kinds[FUS_SDC_KINDS] = {0};
    for (int q = 0; q < s->p; q++) {
        others += q != own && near[q] <= t;
        kinds[s->kind[q]] += q == own || near[q] <= t;
    }
    bool good = others >= s->others;
    for (int k = 0; k < FUS_SDC_KINDS; k++)
        good = good && kinds[k] >= s->require[k];
    return good;
}

/* Distances and core distances, one chain at a time. */
static void measure(struct sample *s)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->n; k++) {
            float c = 0;
            for (size_t j = 0; j < s->d; j++)
                c = fmaf(s->unit[i * s->d + j], s->unit[k * s->d + j], c);
            s->distance[i * s->n + k] = 1.0f - c;
        }
    for (size_t i = 0; i < s->n; i++) {
        float near[MOST_P];
        int own = s->participant[i];
        for (int q = 0; q < s->p; q++) {
            near[q] = INFINITY;
            for (size_t k = s->first[q]; k < s->first[q + 1]; k++)
                near[q] = fminf(near[q], s->distance[i * s->n + k]);
        }
        s->kappa[i] = INFINITY;
        for (int q = 0; q < s->p; q++)
            if (q != own && near[q] < s->kappa[i] && holds(s, near, own, near[q]))
                s->kappa[i] = near[q];
    }
}

/* Groups of voxels around common directions, some voxels without a direction, some equal. */
static void draw(struct sample *s, uint64_t seed)
{
    struct fus_rng r;
    float centre[8 * MOST_D], w[MOST_D];
    fus_rng_seed(&r, seed);
    s->p = 2 + (int)fus_rng_below(&r, 6);
    s->d = 3 + fus_rng_below(&r, MOST_D - 2);
    s->others = 1 + (int)fus_rng_below(&r, (uint64_t)s->p - 1);
    double noise = 0.3 + fus_rng_uniform(&r);
    for (size_t i = 0; i < 8 * s->d; i++)
        centre[i] = (float)fus_rng_normal(&r);
    s->n = 0;
    for (int q = 0; q < s->p; q++) {
        size_t size = 1 + fus_rng_below(&r, 16);
        s->first[q] = s->n;
        for (size_t i = 0; i < size; i++, s->n++) {
            size_t kind = fus_rng_below(&r, 9); /* 8: of length 0 */
            for (size_t j = 0; j < s->d; j++)
                w[j] = kind < 8 ? centre[kind * s->d + j] + (float)(noise * fus_rng_normal(&r)) : 0;
            if (i > 0 && fus_rng_below(&r, 8) == 0) /* the same as the one before */
                memcpy(s->unit + s->n * s->d, s->unit + (s->n - 1) * s->d, s->d * sizeof *w);
            else
                CHECK(fus_sdc_unit(s->unit + s->n * s->d, w, s->d));
            s->participant[s->n] = q;
        }
    }
    s->first[s->p] = s->n;
    for (int q = 0; q < s->p; q++) /* of a third of the sets, participants of two kinds */
        s->kind[q] = seed % 3 == 0 ? (uint8_t)fus_rng_below(&r, 2) : 0;
    for (int k = 0; k < FUS_SDC_KINDS; k++)
        s->require[k] = seed % 3 == 0 ? (int)fus_rng_below(&r, 4) : 0;
    measure(s);
}

static void cluster(int32_t *label, int *n_clusters, const struct sample *s, const double *eps, int n_eps,
                    enum fus_sdc_border border)
{
    static float kappa[MOST];
    struct fus_sdc_pairs *p = NULL;
    struct fus_sdc_vectors v = vectors_of(s);
    struct fus_sdc_rule rule = rule_of(s);
    CHECK(fus_sdc_pairs_create(&p, &v, &err) == 0);
    CHECK(fus_sdc_core_distances(kappa, p, s->n, &rule, &err) == 0);
    for (size_t i = 0; i < s->n; i++)
        if (!(kappa[i] == s->kappa[i])) {
            CHECK_MSG(false, "voxel %zu: core distance %g, expected %g", i, (double)kappa[i], (double)s->kappa[i]);
            break;
        }
    CHECK(fus_sdc_cluster(label, n_clusters, NULL, p, kappa, eps, n_eps, border, &err) == 0);
    fus_sdc_pairs_destroy(p);
}

/* The authors' search: from each unexplored voxel, breadth first. */
static void search(int32_t *label, const struct sample *s, double eps)
{
    static size_t queue[MOST * MOST];
    bool waiting[MOST] = {false};
    int k = 0;
    for (size_t i = 0; i < s->n; i++)
        label[i] = -2;
    for (size_t seed = 0; seed < s->n; seed++) {
        size_t head = 0, tail = 0;
        int n_core = 0;
        if (label[seed] != -2)
            continue;
        queue[tail++] = seed;
        while (head < tail) {
            size_t v = queue[head++];
            bool core = s->kappa[v] < (float)eps;
            waiting[v] = false;
            n_core += core;
            label[v] = core || n_core ? k : -1;
            for (size_t u = 0; core && u < s->n; u++)
                if (u != v && s->distance[v * s->n + u] < (float)eps && !waiting[u] && label[u] != k) {
                    queue[tail++] = u;
                    waiting[u] = true;
                }
        }
        k += n_core > 0;
    }
}

static bool same(const int32_t *a, const int32_t *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* ---- tests ---- */

static void test_golden(void)
{
    static struct sample s;
    static int32_t label[GOLDEN_EPS * MOST];
    int n_clusters[GOLDEN_EPS];
    s = (struct sample){.p = GOLDEN_P, .others = GOLDEN_OTHERS, .n = GOLDEN_P * GOLDEN_N, .d = GOLDEN_D};
    for (int q = 0; q <= GOLDEN_P; q++)
        s.first[q] = (size_t)(q * GOLDEN_N);
    for (size_t i = 0; i < s.n; i++) {
        s.participant[i] = (int)i / GOLDEN_N;
        CHECK(fus_sdc_unit(s.unit + i * s.d, golden_w + i * s.d, s.d));
    }
    measure(&s);
    for (size_t i = 0; i < s.n; i++)
        CHECK(golden_kappa[i] < 0 ? s.kappa[i] == INFINITY : fabsf(s.kappa[i] - golden_kappa[i]) < 1e-6f);
    for (int border = 0; border < 2; border++) {
        const int *want = border ? golden_last : golden_nearest;
        cluster(label, n_clusters, &s, golden_eps, GOLDEN_EPS, (enum fus_sdc_border)border);
        for (size_t i = 0; i < GOLDEN_EPS * s.n; i++)
            CHECK_MSG(label[i] == want[i], "border %d, label %zu: %d, expected %d", border, i, (int)label[i], want[i]);
    }
}

static void test_search(void)
{
    enum { N_EPS = 5 };
    static const double eps[N_EPS] = {0.15, 0.35, 0.6, 1, 1.2};
    static struct sample s;
    static int32_t label[N_EPS * MOST], want[MOST], one[MOST], nearest[N_EPS * MOST];
    int n_clusters[N_EPS], differ = 0, alone = 0, nested = 0, cores = 0, found = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        draw(&s, seed);
        fus_base_set_threads(seed % 20 ? 1 : 3);
        cluster(label, n_clusters, &s, eps, N_EPS, FUS_SDC_LAST);
        cluster(nearest, n_clusters, &s, eps, N_EPS, FUS_SDC_NEAREST);
        for (int e = 0; e < N_EPS; e++) {
            const int32_t *here = label + (size_t)e * s.n, *near = nearest + (size_t)e * s.n,
                          *before = nearest + (size_t)(e ? e - 1 : 0) * s.n;
            search(want, &s, eps[e]);
            differ += !same(here, want, s.n);
            found += n_clusters[e];
            int n;
            cluster(one, &n, &s, &eps[e], 1, FUS_SDC_NEAREST);
            alone += !same(one, near, s.n);
            for (size_t i = 0; i < s.n; i++)
                cores += s.kappa[i] < (float)eps[e] ? here[i] != near[i] : (here[i] < 0) != (near[i] < 0);
            for (size_t i = 0; e > 0 && i < s.n; i++) /* voxels of one cluster stay together */
                for (size_t k = 0; k < i; k++)
                    nested += s.kappa[i] < (float)eps[e - 1] && s.kappa[k] < (float)eps[e - 1] &&
                              before[i] == before[k] && near[i] != near[k];
        }
    }
    fus_base_set_threads(0);
    CHECK_MSG(differ == 0, "%d of 1000 differ from the search", differ);
    CHECK_MSG(alone == 0, "%d of 1000 differ from the same eps alone", alone);
    CHECK_MSG(nested == 0 && cores == 0 && found > 400, "%d clusters", found);
}

static void test_order(void)
{
    static struct sample s, t;
    static int32_t label[2 * MOST], moved[2 * MOST], back[MOST];
    static const double eps[] = {0.3, 0.5};
    int n[2], m[2];
    for (uint64_t seed = 300; seed < 330; seed++) {
        draw(&s, seed);
        cluster(label, n, &s, eps, 2, FUS_SDC_NEAREST);
        t = s; /* participants and their voxels backwards */
        for (int q = 0; q <= s.p; q++)
            t.first[q] = s.n - s.first[s.p - q];
        for (int q = 0; q < s.p; q++)
            t.kind[q] = s.kind[s.p - 1 - q];
        for (size_t i = 0; i < s.n; i++) {
            memcpy(t.unit + (s.n - 1 - i) * s.d, s.unit + i * s.d, s.d * sizeof *s.unit);
            t.participant[s.n - 1 - i] = s.p - 1 - s.participant[i];
        }
        measure(&t);
        cluster(moved, m, &t, eps, 2, FUS_SDC_NEAREST);
        for (int e = 0; e < 2; e++) {
            for (size_t i = 0; i < s.n; i++)
                back[i] = moved[(size_t)e * s.n + s.n - 1 - i];
            CHECK(n[e] == m[e] && fus_sdc_rand(label + (size_t)e * s.n, back, s.n) == 1);
        }
    }
}

/* Small sets whose labels can be seen. */
static void test_small(void)
{
    static struct sample s;
    static int32_t label[MOST];
    double eps = 0.1;
    int n;
    /* Two participants: (1, 0) in both, (0, 1) in both and, between them, one that is 45 degrees
     * from each. */
    s = (struct sample){.p = 2, .others = 1, .n = 5, .d = 2, .first = {0, 3, 5}, .participant = {0, 0, 0, 1, 1}};
    memcpy(s.unit, (float[]){1, 0, 0, 1, 0.70710678f, 0.70710678f, 1, 0, 0, 1}, 10 * sizeof *s.unit);
    measure(&s);
    cluster(label, &n, &s, &eps, 1, FUS_SDC_NEAREST);
    CHECK(n == 2 && same(label, (int32_t[]){0, 1, -1, 0, 1}, 5));
    eps = 0.3;
    cluster(label, &n, &s, &eps, 1, FUS_SDC_LAST); /* it is core itself now and joins them */
    CHECK(n == 1 && same(label, (int32_t[]){0, 0, 0, 0, 0}, 5));
    /* A vector of zeros is at distance 1 from all: it has no neighbour up to eps = 1, and above it
     * joins (1, 0) and (-1, 0). */
    s = (struct sample){.p = 2, .others = 1, .n = 5, .d = 2, .first = {0, 3, 5}, .participant = {0, 0, 0, 1, 1}};
    memcpy(s.unit, (float[]){1, 0, 0, 0, -1, 0, 1, 0, -1, 0}, 10 * sizeof *s.unit);
    measure(&s);
    eps = 1;
    cluster(label, &n, &s, &eps, 1, FUS_SDC_LAST);
    CHECK(n == 2 && same(label, (int32_t[]){0, -1, 1, 0, 1}, 5));
    eps = 1.2;
    cluster(label, &n, &s, &eps, 1, FUS_SDC_LAST);
    CHECK(n == 1 && same(label, (int32_t[]){0, 0, 0, 0, 0}, 5));
    eps = 0.3;
    /* No other participant, more others than there are, no vector at all. */
    s = (struct sample){.p = 1, .others = 1, .n = 2, .d = 1, .first = {0, 2}, .unit = {1, 1}};
    measure(&s);
    cluster(label, &n, &s, &eps, 1, FUS_SDC_NEAREST);
    CHECK(n == 0 && label[0] == -1 && label[1] == -1);
    s = (struct sample){.p = 3, .others = 2, .n = 0, .d = 4};
    cluster(label, &n, &s, &eps, 1, FUS_SDC_LAST);
    CHECK(n == 0);
}

/* A border voxel as near to two clusters. */
static void test_tie(void)
{
    static struct sample s;
    static int32_t label[MOST];
    double eps = 0.35;
    int n;
    /* The x axis and the y axis in three people each, and in the first a voxel with cosine 0.7 to
     * both, which is said not to be core. */
    s = (struct sample){
        .p = 3, .others = 2, .n = 7, .d = 3, .first = {0, 3, 5, 7}, .participant = {0, 0, 0, 1, 1, 2, 2}};
    memcpy(s.unit, (float[]){0.7f, 0.7f, 0.14142136f, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0},
           21 * sizeof *s.unit);
    measure(&s);
    s.kappa[0] = INFINITY;
    struct fus_sdc_pairs *p = NULL;
    struct fus_sdc_vectors v = vectors_of(&s);
    uint64_t near;
    CHECK(fus_sdc_pairs_create(&p, &v, &err) == 0);
    CHECK(fus_sdc_cluster(label, &n, &near, p, s.kappa, &eps, 1, FUS_SDC_NEAREST, &err) == 0);
    CHECK(n == 2 && label[0] == 0 && near == 0);
    CHECK(fus_sdc_cluster(label, &n, &near, p, s.kappa, &eps, 1, FUS_SDC_LAST, &err) == 0);
    CHECK(n == 2 && label[0] == 1);
    eps = (double)s.distance[1];
    CHECK(fus_sdc_cluster(label, &n, &near, p, s.kappa, &eps, 1, FUS_SDC_LAST, &err) == 0);
    CHECK(label[0] == -1 && near == 6); /* the six pairs at that very distance are no neighbours */
    eps = -1;
    CHECK(fus_sdc_cluster(label, &n, &near, p, s.kappa, &eps, 1, FUS_SDC_LAST, &err) == FUS_EINVAL);
    fus_sdc_pairs_destroy(p);
}

static void test_expand(void)
{
    static struct sample s;
    static int32_t label[MOST];
    static uint8_t member[MOST * MOST];
    double eps = 0.35;
    int n, wrong = 0;
    for (uint64_t seed = 400; seed < 420; seed++) {
        struct fus_sdc_pairs *p = NULL;
        draw(&s, seed);
        struct fus_sdc_vectors v = vectors_of(&s);
        cluster(label, &n, &s, &eps, 1, FUS_SDC_NEAREST);
        CHECK(fus_sdc_pairs_create(&p, &v, &err) == 0);
        CHECK(fus_sdc_expand(member, p, label, n, s.n, 0.4, &err) == 0);
        for (int c = 0; c < n; c++)
            for (size_t i = 0; i < s.n; i++) {
                bool in = label[i] == c;
                for (size_t k = 0; k < s.n; k++)
                    in = in || (label[k] == c && s.participant[k] == s.participant[i] && k != i &&
                                s.distance[i * s.n + k] < 0.4f);
                wrong += member[(size_t)c * s.n + i] != in;
            }
        fus_sdc_pairs_destroy(p);
    }
    CHECK_MSG(wrong == 0, "%d members differ", wrong);
}

static void test_multiply(void)
{
    static float in[300 * 19], matrix[19 * 19], out[300 * 19];
    struct fus_rng r;
    int wrong = 0;
    fus_rng_seed(&r, 5);
    for (size_t i = 0; i < 300 * 19; i++)
        in[i] = (float)fus_rng_normal(&r);
    for (size_t i = 0; i < 19 * 19; i++)
        matrix[i] = (float)fus_rng_normal(&r);
    CHECK(fus_sdc_multiply(out, in, 300, matrix, 19, &err) == 0);
    for (size_t i = 0; i < 300; i++)
        for (size_t j = 0; j < 19; j++) {
            float sum = 0;
            for (size_t k = 0; k < 19; k++)
                sum = fmaf(in[i * 19 + k], matrix[k * 19 + j], sum);
            wrong += out[i * 19 + j] != sum;
        }
    CHECK(wrong == 0);
}

static void test_rand(void)
{
    CHECK(fus_sdc_rand((int32_t[]){0, 0, 1, 1}, (int32_t[]){1, 1, 0, 0}, 4) == 1);
    CHECK(test_close(fus_sdc_rand((int32_t[]){0, 0, 1, 1}, (int32_t[]){0, 1, 0, 1}, 4), -0.5, 1e-15));
    CHECK(fus_sdc_rand((int32_t[]){-1, -1}, (int32_t[]){-1, -1}, 2) == 1);
}

static void test_memory(void)
{
    static struct sample s;
    static int32_t label[MOST];
    double eps = 0.5;
    int n, code = 1;
    draw(&s, 7);
    struct fus_sdc_vectors v = vectors_of(&s);
    struct fus_sdc_rule rule = rule_of(&s);
    for (long fail = 1; fail < 60 && code; fail++) {
        struct fus_sdc_pairs *p = NULL;
        fus_base_fail_allocation(fail);
        code = fus_sdc_pairs_create(&p, &v, &err);
        if (!code)
            code = fus_sdc_core_distances(s.kappa, p, s.n, &rule, &err);
        if (!code)
            code = fus_sdc_cluster(label, &n, NULL, p, s.kappa, &eps, 1, FUS_SDC_LAST, &err);
        fus_base_fail_allocation(0);
        CHECK(code == 0 || code == FUS_ENOMEM);
        fus_sdc_pairs_destroy(p);
    }
    CHECK(code == 0);
}

int main(void)
{
    test_golden();
    test_search();
    test_order();
    test_small();
    test_tie();
    test_expand();
    test_multiply();
    test_rand();
    test_memory();
    return test_end();
}
