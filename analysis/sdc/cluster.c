/* SPDX-License-Identifier: MIT */
/* Clusters of every eps from one pass over all pairs: see cluster.h.
 *
 * A pair links two core voxels at all eps above its mutual reachability. It is entered in the
 * forest of the smallest such eps; the forest of each eps then takes over that of the one before.
 * Likewise the nearest core voxel of a border voxel: entered at the smallest eps, carried to
 * larger ones. Each thread has its own forests and minima, which are joined at the end: components
 * and minima do not depend on the order. */
#include "analysis/sdc/cluster.h"

#include <math.h>
#include <string.h>

#define NEAR_EPS 1e-6f
#define NONE UINT32_MAX

struct nearest_core {
    float distance;
    uint32_t vector;
};

/* What one thread has seen. */
struct found {
    uint32_t *parent;          /* [n_eps, n] */
    struct nearest_core *core; /* [n_eps, n] */
    uint64_t near[FUS_SDC_MAX_EPS];
};

struct linking {
    size_t n;
    int n_eps;
    float eps[FUS_SDC_MAX_EPS], limit; /* limit: no larger distance matters */
    uint8_t *from;                     /* [n] the first eps at which a voxel is core; n_eps: none */
    struct found *found;               /* [threads] */
};

/* ---- forests ---- */

static uint32_t find_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

/* The smaller number becomes the root. */
static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find_root(parent, a), b = find_root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* ---- pass B ---- */

/* The first eps that is larger than x; n_eps if none is. */
static int first_above(const struct linking *l, float x)
{
    int e = l->n_eps;
    while (e > 0 && x < l->eps[e - 1])
        e--;
    return e;
}

static void offer(struct nearest_core *to, float distance, uint32_t vector)
{
    if (distance < to->distance || (distance == to->distance && vector < to->vector))
        *to = (struct nearest_core){distance, vector};
}

/* Pairs so near to eps that another rounding of D could decide otherwise. above: the first eps
 * above the distance. */
static void count_near(struct found *f, const struct linking *l, float distance, int above)
{
    for (int e = above; e < l->n_eps && l->eps[e] - distance <= NEAR_EPS; e++)
        f->near[e]++;
    for (int e = above - 1; e >= 0 && distance - l->eps[e] <= NEAR_EPS; e--)
        f->near[e]++;
}

static void link_pair(struct found *f, const struct linking *l, uint32_t u, uint32_t v, float distance)
{
    int e = first_above(l, distance), at_u = l->from[u], at_v = l->from[v];
    count_near(f, l, distance, e);
    int u_core = at_u > e ? at_u : e, v_core = at_v > e ? at_v : e; /* from there on a core voxel that near */
    int both = u_core > v_core ? u_core : v_core;
    if (both < l->n_eps)
        join(f->parent + (size_t)both * l->n, u, v);
    if (v_core < at_u)
        offer(&f->core[(size_t)v_core * l->n + u], distance, v);
    if (u_core < at_v)
        offer(&f->core[(size_t)u_core * l->n + v], distance, u);
}

static float largest(const float *x)
{
    float most[4] = {x[0], x[1], x[2], x[3]};
    for (int i = 4; i < 16; i += 4)
        for (int k = 0; k < 4; k++)
            most[k] = x[i + k] > most[k] ? x[i + k] : most[k];
    most[0] = most[1] > most[0] ? most[1] : most[0];
    most[2] = most[3] > most[2] ? most[3] : most[2];
    return most[2] > most[0] ? most[2] : most[0];
}

/* Columns before the row itself are other strips' pairs. */
static int first_column(const struct fus_sdc_strip *s, size_t row)
{
    return row < s->column ? 0 : (int)(row - s->column < 16 ? row - s->column + 1 : 16);
}

static void link_strip(void *context, const struct fus_sdc_strip *s, int thread)
{
    const struct linking *l = context;
    struct found *f = &l->found[thread];
    for (int r = 0; r < s->rows; r++) {
        const float *x = s->cosine + r * 16;
        size_t row = s->row + (size_t)r;
        if (1.0f - largest(x) >= l->limit) /* columns past the last are 0 */
            continue;
        for (int i = first_column(s, row); i < s->columns; i++) {
            float distance = 1.0f - x[i];
            if (distance < l->limit)
                link_pair(f, l, (uint32_t)row, (uint32_t)(s->column + (size_t)i), distance);
        }
    }
}

/* ---- the end of it ---- */

static void free_found(struct found *f, int threads)
{
    for (int t = 0; f && t < threads; t++) {
        fus_base_free(f[t].parent);
        fus_base_free(f[t].core);
    }
    fus_base_free(f);
}

static struct found *make_found(const struct linking *l, int threads)
{
    struct found *f = fus_base_alloc((size_t)threads, sizeof *f);
    size_t cells = (size_t)l->n_eps * l->n; /* below 2^37 */
    bool good = f && cells / (size_t)l->n_eps == l->n;
    for (int t = 0; good && t < threads; t++) {
        f[t].parent = fus_base_alloc(cells, sizeof *f->parent);
        f[t].core = fus_base_alloc(cells, sizeof *f->core);
        good = f[t].parent && f[t].core;
        for (size_t i = 0; good && i < cells; i++) {
            f[t].parent[i] = (uint32_t)(i % l->n);
            f[t].core[i] = (struct nearest_core){INFINITY, NONE};
        }
    }
    if (!good)
        free_found(f, threads);
    return good ? f : NULL;
}

/* Everything into the first thread's, and from each eps into the next. */
static void join_found(const struct linking *l, int threads)
{
    struct found *into = &l->found[0];
    for (int e = 0; e < l->n_eps; e++) {
        size_t at = (size_t)e * l->n;
        for (int t = 1; t < threads; t++)
            into->near[e] += l->found[t].near[e];
        for (size_t i = 0; i < l->n; i++) {
            for (int t = 1; t < threads; t++) {
                const struct nearest_core *other = &l->found[t].core[at + i];
                join(into->parent + at, (uint32_t)i, l->found[t].parent[at + i]);
                offer(&into->core[at + i], other->distance, other->vector);
            }
            if (e > 0) {
                join(into->parent + at, (uint32_t)i, into->parent[at - l->n + i]);
                offer(&into->core[at + i], into->core[at - l->n + i].distance, into->core[at - l->n + i].vector);
            }
        }
    }
}

/* Labels of core voxels: components numbered by their first voxel, which is their root. */
static int number_cores(int32_t *label, const struct linking *l, int e)
{
    uint32_t *parent = l->found[0].parent + (size_t)e * l->n;
    int n = 0;
    for (size_t i = 0; i < l->n; i++) {
        label[i] = -1;
        if (l->from[i] <= e) {
            uint32_t root = find_root(parent, (uint32_t)i);
            label[i] = root == i ? n++ : label[root];
        }
    }
    return n;
}

static void label_nearest(int32_t *label, const struct linking *l, int e)
{
    const struct nearest_core *core = l->found[0].core + (size_t)e * l->n;
    for (size_t i = 0; i < l->n; i++)
        if (l->from[i] > e && core[i].vector != NONE)
            label[i] = label[core[i].vector]; /* a core voxel's label, which is final */
}

/* ---- pass C: the last cluster ---- */

struct last {
    const struct linking *l;
    const int32_t *core_label; /* [n_eps, n]; -1: not core */
    int32_t **label;           /* [threads][n_eps, n] */
};

static void offer_last(int32_t *label, const struct last *c, uint32_t u, uint32_t v, float distance)
{
    const struct linking *l = c->l;
    int e = first_above(l, distance);
    for (e = l->from[v] > e ? l->from[v] : e; e < l->from[u]; e++) {
        size_t at = (size_t)e * l->n;
        label[at + u] = c->core_label[at + v] > label[at + u] ? c->core_label[at + v] : label[at + u];
    }
}

static void label_strip(void *context, const struct fus_sdc_strip *s, int thread)
{
    const struct last *c = context;
    for (int r = 0; r < s->rows; r++) {
        const float *x = s->cosine + r * 16;
        size_t row = s->row + (size_t)r;
        if (1.0f - largest(x) >= c->l->limit)
            continue;
        for (int i = first_column(s, row); i < s->columns; i++) {
            float distance = 1.0f - x[i];
            uint32_t column = (uint32_t)(s->column + (size_t)i);
            if (!(distance < c->l->limit))
                continue;
            offer_last(c->label[thread], c, (uint32_t)row, column, distance);
            offer_last(c->label[thread], c, column, (uint32_t)row, distance);
        }
    }
}

/* label [n_eps, n]: labels of cores, to which those of borders are added. */
static int label_last(int32_t *label, const struct linking *l, const struct fus_sdc_pairs *p, struct fus_error *err)
{
    int threads = fus_base_threads();
    size_t cells = (size_t)l->n_eps * l->n;
    struct last c = {l, label, fus_base_alloc((size_t)threads, sizeof *c.label)};
    bool good = c.label != NULL;
    for (int t = 0; good && t < threads; t++) {
        c.label[t] = fus_base_alloc(cells, sizeof **c.label);
        good = c.label[t] != NULL;
        for (size_t i = 0; good && i < cells; i++)
            c.label[t][i] = -1;
    }
    int code = good ? fus_sdc_pairs_each(p, FUS_SDC_ALL, label_strip, &c, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for the labels of %zu voxels", l->n);
    for (int t = 0; !code && t < threads; t++)
        for (size_t i = 0; i < cells; i++)
            label[i] = c.label[t][i] > label[i] ? c.label[t][i] : label[i];
    for (int t = 0; c.label && t < threads; t++)
        fus_base_free(c.label[t]);
    fus_base_free(c.label);
    return code;
}

/* ---- from kappa to labels ---- */

static int check(const double *eps, int n_eps, struct fus_error *err)
{
    if (n_eps < 1 || n_eps > FUS_SDC_MAX_EPS)
        return fus_base_fail(err, FUS_ELIMIT, "%d values of eps found, 1 to %d expected", n_eps, FUS_SDC_MAX_EPS);
    for (int e = 0; e < n_eps; e++)
        if (!(eps[e] > 0 && eps[e] <= 2) || (e > 0 && !(eps[e - 1] < eps[e])))
            return fus_base_fail(err, FUS_EINVAL, "eps %g found, ascending values above 0 and at most 2 expected",
                                 eps[e]);
    return FUS_OK;
}

static int start(struct linking *l, const struct fus_sdc_pairs *p, const float *kappa, const double *eps, int n_eps,
                 int threads, struct fus_error *err)
{
    *l = (struct linking){.n = fus_sdc_pairs_count(p), .n_eps = n_eps};
    for (int e = 0; e < n_eps; e++)
        l->eps[e] = (float)eps[e];
    l->limit = l->eps[n_eps - 1] + 2 * NEAR_EPS;
    l->from = fus_base_alloc(l->n + 1, sizeof *l->from);
    l->found = l->n ? make_found(l, threads) : NULL;
    if (!l->from || (l->n && !l->found))
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the clusters of %zu voxels at %d values of eps", l->n,
                             n_eps);
    for (size_t i = 0; i < l->n; i++)
        l->from[i] = (uint8_t)first_above(l, kappa[i]);
    return FUS_OK;
}

static int label_vectors(int32_t *label, int *n_clusters, const struct linking *l, const struct fus_sdc_pairs *p,
                         enum fus_sdc_border border, struct fus_error *err)
{
    for (int e = 0; e < l->n_eps; e++) {
        n_clusters[e] = number_cores(label + (size_t)e * l->n, l, e);
        if (border == FUS_SDC_NEAREST)
            label_nearest(label + (size_t)e * l->n, l, e);
    }
    return border == FUS_SDC_LAST ? label_last(label, l, p, err) : FUS_OK;
}

int fus_sdc_cluster(int32_t *label, int *n_clusters, uint64_t *near, const struct fus_sdc_pairs *p, const float *kappa,
                    const double *eps, int n_eps, enum fus_sdc_border border, struct fus_error *err)
{
    int threads = fus_base_threads(), code = check(eps, n_eps, err);
    struct linking l = {0};
    if (code)
        return code;
    code = start(&l, p, kappa, eps, n_eps, threads, err);
    if (!code)
        code = fus_sdc_pairs_each(p, FUS_SDC_ALL, link_strip, &l, err);
    if (!code && l.n) {
        join_found(&l, threads);
        code = label_vectors(label, n_clusters, &l, p, border, err);
    }
    for (int e = 0; e < n_eps && !code; e++) {
        if (near)
            near[e] = l.n ? l.found[0].near[e] : 0;
        if (!l.n)
            n_clusters[e] = 0;
    }
    fus_base_free(l.from);
    free_found(l.found, threads);
    return code;
}
