/* SPDX-License-Identifier: MIT */
/* In whom a cluster can be decoded: test trials. Of cluster c with centroid u_c, in one
 * participant,
 *
 *   a_i = sum over its voxels v of x_iv (w_v . u_c)      r = Pearson(a_i, y_i . u_c) over trials i
 *
 * with x the z-scores, w the decoder, y the embedding of the trial's image. p: one-sided, from
 * permutations of the images (999), corrected over clusters and participants (Benjamini &
 * Hochberg). Without circularity: the same with the centroid of a clustering that left the
 * participant out, and the voxels nearer than eps to it. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/sdc/explain.h"
#include "analysis/sdc/noise.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"

enum { PERMUTATIONS = 999 };

struct room {
    double *a;       /* [n_trials] */
    double *sums;    /* [n_images] of a */
    double *y;       /* [n_images] */
    uint32_t *order; /* [n_images] */
    double *factor;  /* [n_voxels] w_v . u_c of the voxels used, else 0 */
};

struct decoding {
    const struct fus_sdc_explained *x;
    const struct fus_sdc_tested *t;
    int participant;
    const double *left_out; /* [k, d] centroids, NULL: none */
    const uint8_t *found;   /* [k] */
    struct fus_sdc_outside *outside;
    int kind;
    struct room *rooms; /* [threads] */
};

/* ---- Pearson's r over trials, images permuted ---- */

struct sums {
    double n, a, aa, y, yy; /* of a and y over trials */
};

static double correlate(const struct room *room, const struct fus_sdc_tested *t, const struct sums *s)
{
    double y = 0, yy = 0, ay = 0;
    for (size_t m = 0; m < t->n_images; m++) {
        double v = room->y[room->order[m]], n = (double)t->repeats[m];
        y += n * v;
        yy += n * v * v;
        ay += room->sums[m] * v;
    }
    double var = (s->aa - s->a * s->a / s->n) * (yy - y * y / s->n);
    return var > 0 ? (ay - s->a * y / s->n) / sqrt(var) : NAN;
}

/* r, and p if it is wanted; a [n_trials] and y [n_images] are there. */
static double test_r(double *p, const struct room *room, const struct fus_sdc_tested *t, struct fus_rng *rng)
{
    struct sums s = {.n = (double)t->n_trials};
    memset(room->sums, 0, t->n_images * sizeof *room->sums);
    for (size_t i = 0; i < t->n_trials; i++) {
        room->sums[t->at[i]] += room->a[i];
        s.a += room->a[i];
        s.aa += room->a[i] * room->a[i];
    }
    for (size_t m = 0; m < t->n_images; m++)
        room->order[m] = (uint32_t)m;
    double r = correlate(room, t, &s);
    int above = 0;
    for (int k = 0; k < PERMUTATIONS && p && isfinite(r); k++) {
        for (size_t i = t->n_images; i-- > 1;) {
            size_t j = (size_t)fus_rng_below(rng, i + 1);
            uint32_t keep = room->order[i];
            room->order[i] = room->order[j], room->order[j] = keep;
        }
        above += correlate(room, t, &s) >= r;
    }
    if (p)
        *p = isfinite(r) ? (above + 1.0) / (PERMUTATIONS + 1) : NAN;
    return r;
}

/* ---- one cluster ---- */

/* a_i = sum over v of z_iv factor_v. */
static void project(const struct room *room, const struct fus_sdc_tested *t)
{
    for (size_t i = 0; i < t->n_trials; i++) {
        const float *z = t->z + i * t->n_voxels;
        double sum[4] = {0};
        for (size_t v = 0; v < t->n_voxels; v++)
            sum[v % 4] += z[v] * room->factor[v];
        room->a[i] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
}

static double along(const float *w, const double *c, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += w[j] * c[j];
    return sum;
}

static void start_stream(struct fus_rng *rng, const struct decoding *d, int cluster, int kind)
{
    const struct fus_sdc_clustering *c = d->x->c;
    const uint64_t parts[] = {c->o->seed, FUS_SDC_PAIRING, fus_sdc_noise_name(c->decoders.name[d->participant]),
                              (uint64_t)cluster, (uint64_t)kind};
    fus_rng_seed_counter(rng, parts, 5);
}

/* r of the cluster's own voxels, of all voxels. */
static void decode_own(struct fus_sdc_decoded *out, const struct decoding *d, const struct room *room, int cluster)
{
    const struct fus_sdc_explained *x = d->x;
    const struct fus_sdc_tested *t = d->t;
    size_t dim = x->pool->d;
    const int32_t *label = x->label + x->c->decoders.first[d->participant];
    const double *c = x->centroid + (size_t)cluster * dim;
    struct fus_rng rng;
    for (size_t m = 0; m < t->n_images; m++)
        room->y[m] = x->similarity[(size_t)cluster * x->pool->n + (size_t)t->image[m]];
    for (size_t v = 0; v < t->n_voxels; v++)
        room->factor[v] = along(t->weight + v * dim, c, dim);
    project(room, t);
    out->r_all = test_r(NULL, room, t, NULL);
    if (!out->n_voxels)
        return;
    for (size_t v = 0; v < t->n_voxels; v++)
        room->factor[v] = label[v] == cluster ? room->factor[v] : 0;
    project(room, t);
    start_stream(&rng, d, cluster, 0);
    out->r = test_r(&out->p, room, t, &rng);
}

/* r and p of the participant's voxels nearer than eps to a centroid of others. */
static void test_centroid(double *r, double *p, const struct decoding *d, const struct room *room, int cluster,
                          int kind)
{
    const struct fus_sdc_explained *x = d->x;
    const struct fus_sdc_tested *t = d->t;
    size_t dim = x->pool->d, any = 0;
    const float *unit = x->c->decoders.unit + x->c->decoders.first[d->participant] * dim;
    const double *c = d->left_out + (size_t)cluster * dim;
    double eps = (float)x->c->eps[x->e].eps;
    struct fus_rng rng;
    if (!d->found[cluster])
        return;
    for (size_t v = 0; v < t->n_voxels; v++) {
        bool near = 1 - along(unit + v * dim, c, dim) < eps;
        room->factor[v] = near ? along(t->weight + v * dim, c, dim) : 0;
        any += near;
    }
    if (!any)
        return;
    for (size_t m = 0; m < t->n_images; m++)
        room->y[m] = along(x->pool->unit + (size_t)t->image[m] * dim, c, dim);
    project(room, t);
    start_stream(&rng, d, cluster, kind);
    *r = test_r(p, room, t, &rng);
}

/* Mean and standard error over images order[from .. end-1] of value [n_images]. */
static void summarise(double *mean, double *sem, const double *value, const uint32_t *order, size_t from, size_t end)
{
    double n = (double)(end - from), squares = 0;
    *mean = 0;
    for (size_t i = from; i < end; i++)
        *mean += value[order[i]] / n;
    for (size_t i = from; i < end; i++)
        squares += (value[order[i]] - *mean) * (value[order[i]] - *mean);
    *sem = n > 1 ? sqrt(squares / (n - 1) / n) : NAN;
}

/* Raw responses of the cluster's voxels, in units of the input, to the images nearest, farthest,
 * all. */
static void measure_raw(struct fus_sdc_decoded *out, const struct decoding *d, const struct room *room, int cluster)
{
    const struct fus_sdc_explained *x = d->x;
    const struct fus_sdc_tested *t = d->t;
    const int32_t *label = x->label + x->c->decoders.first[d->participant];
    const uint32_t *pool_order = x->order + (size_t)cluster * x->pool->n;
    size_t n = t->n_images, tenth = (n + 9) / 10, at = 0;
    if (!t->mean || !out->n_voxels || n == 0)
        return;
    memset(room->sums, 0, n * sizeof *room->sums);
    for (size_t i = 0; i < t->n_trials; i++) {
        const float *z = t->z + i * t->n_voxels;
        size_t session = (size_t)t->session[i] * t->n_voxels;
        double sum = 0;
        for (size_t v = 0; v < t->n_voxels; v++)
            if (label[v] == cluster)
                sum += (double)z[v] * t->sd[session + v] + t->mean[session + v];
        room->sums[t->at[i]] += sum / (double)out->n_voxels / (double)t->repeats[t->at[i]];
    }
    for (size_t i = 0; i < x->pool->n; i++) { /* this participant's images, by falling similarity */
        size_t low = 0, high = n;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if ((uint32_t)t->image[middle] < pool_order[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low < n && (uint32_t)t->image[low] == pool_order[i])
            room->order[at++] = (uint32_t)low;
    }
    summarise(&out->raw[0], &out->sem[0], room->sums, room->order, 0, tenth);
    summarise(&out->raw[1], &out->sem[1], room->sums, room->order, n - tenth, n);
    summarise(&out->raw[2], &out->sem[2], room->sums, room->order, 0, n);
}

static void decode_cluster(void *context, int task, int thread)
{
    const struct decoding *d = context;
    struct fus_sdc_decoded *out = &d->x->decoded[task * d->x->p + d->participant];
    decode_own(out, d, &d->rooms[thread], task);
    measure_raw(out, d, &d->rooms[thread], task);
    if (d->left_out)
        test_centroid(&out->r_left_out, &out->p_left_out, d, &d->rooms[thread], task, 1);
}

/* ---- all ---- */

static void free_rooms(struct room *rooms, int threads)
{
    for (int i = 0; rooms && i < threads; i++) {
        fus_base_free(rooms[i].a);
        fus_base_free(rooms[i].sums);
        fus_base_free(rooms[i].y);
        fus_base_free(rooms[i].order);
        fus_base_free(rooms[i].factor);
    }
    fus_base_free(rooms);
}

static struct room *make_rooms(int threads, const struct fus_sdc_tested *t)
{
    struct room *rooms = fus_base_alloc((size_t)threads, sizeof *rooms);
    bool good = rooms != NULL;
    for (int i = 0; good && i < threads; i++) {
        struct room *r = &rooms[i];
        r->a = fus_base_alloc(t->n_trials + 1, sizeof *r->a);
        r->sums = fus_base_alloc(t->n_images + 1, sizeof *r->sums);
        r->y = fus_base_alloc(t->n_images + 1, sizeof *r->y);
        r->order = fus_base_alloc(t->n_images + 1, sizeof *r->order);
        r->factor = fus_base_alloc(t->n_voxels + 1, sizeof *r->factor);
        good = r->a && r->sums && r->y && r->order && r->factor;
    }
    if (!good)
        free_rooms(rooms, threads);
    return good ? rooms : NULL;
}

static int decode_participant(struct fus_sdc_explained *x, int s, double *left_out, uint8_t *found,
                              struct fus_error *err)
{
    struct fus_sdc_tested t = {0};
    struct decoding d = {.x = x, .t = &t, .participant = s, .found = found};
    int threads = fus_base_threads();
    bool there;
    int code = fus_sdc_tested_read(&t, &there, x->c, x->pool, s, err);
    if (!code && there && x->p > 2) {
        code = fus_sdc_explain_left_out(left_out, found, x, s, err);
        d.left_out = left_out;
        x->has_left_out = true;
    }
    if (!code && there) {
        d.rooms = make_rooms(threads, &t);
        code = d.rooms ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", t.n_trials);
        x->has_responses = true;
    }
    if (!code && there)
        fus_threads_for(x->k, decode_cluster, &d);
    free_rooms(d.rooms, threads);
    fus_sdc_tested_free(&t);
    return code;
}

static void test_outside(void *context, int task, int thread)
{
    const struct decoding *d = context;
    struct fus_sdc_outside *out = &d->outside[task];
    out->r = out->p = NAN;
    test_centroid(&out->r, &out->p, d, &d->rooms[thread], task, d->kind);
}

int fus_sdc_explain_outside(struct fus_sdc_outside *out, bool *there, const struct fus_sdc_explained *x,
                            int participant, const double *centroid, const uint8_t *wanted, int k, int kind,
                            struct fus_error *err)
{
    struct fus_sdc_tested t = {0};
    struct decoding d = {.x = x,
                         .t = &t,
                         .participant = participant,
                         .left_out = centroid,
                         .found = wanted,
                         .outside = out,
                         .kind = kind};
    int threads = fus_base_threads(), code = fus_sdc_tested_read(&t, there, x->c, x->pool, participant, err);
    if (!code && *there) {
        d.rooms = make_rooms(threads, &t);
        code = d.rooms ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", t.n_trials);
    }
    if (!code && *there)
        fus_threads_for(k, test_outside, &d);
    free_rooms(d.rooms, threads);
    fus_sdc_tested_free(&t);
    return code;
}

/* q of p over all clusters and participants in which p is known. */
static int correct(struct fus_sdc_explained *x, bool left_out, struct fus_error *err)
{
    size_t n = (size_t)x->k * (size_t)x->p, kept = 0;
    double *p = fus_base_alloc(n + 1, sizeof *p);
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu tests", n);
    for (size_t i = 0; i < n; i++) {
        double v = left_out ? x->decoded[i].p_left_out : x->decoded[i].p;
        if (isfinite(v))
            p[kept++] = v;
    }
    int code = kept ? fus_multiple_adjust(p, p, kept, FUS_BH, err) : FUS_OK;
    kept = 0;
    for (size_t i = 0; i < n && !code; i++) {
        struct fus_sdc_decoded *d = &x->decoded[i];
        if (isfinite(left_out ? d->p_left_out : d->p))
            *(left_out ? &d->q_left_out : &d->q) = p[kept++];
    }
    fus_base_free(p);
    return code;
}

int fus_sdc_explain_responses(struct fus_sdc_explained *x, struct fus_error *err)
{
    double *left_out = fus_base_alloc((size_t)x->k + 1, x->pool->d * sizeof *left_out);
    uint8_t *found = fus_base_alloc((size_t)x->k + 1, 1);
    int code = left_out && found ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d clusters", x->k);
    for (int s = 0; s < x->p && !code && x->k; s++) {
        code = decode_participant(x, s, left_out, found, err);
        if (!code && fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
    }
    if (!code)
        code = correct(x, false, err);
    if (!code)
        code = correct(x, true, err);
    for (int c = 0; c < x->k && !code && x->has_left_out; c++) {
        x->fact[c].replicated_in = 0;
        for (int s = 0; s < x->p; s++)
            x->fact[c].replicated_in +=
                x->decoded[c * x->p + s].r_left_out > 0 && x->decoded[c * x->p + s].q_left_out < 0.05;
    }
    fus_base_free(left_out);
    fus_base_free(found);
    return code;
}
