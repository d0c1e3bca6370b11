/* SPDX-License-Identifier: MIT */
/* How sure is the correlation of two layers' dissimilarities? Pairs of pictures are not
 * independent, pictures are: the same picture is in n - 1 pairs.
 *
 *   interval  pictures are drawn with replacement (redraw.c); a pair counts as often as its two
 *             pictures were drawn, pairs of a picture with itself are dropped (Nili et al. 2014).
 *             Pearson's r of the ranks of all pairs, which are not ranked anew in each draw
 *   p         Mantel 1967: one layer's pictures are relabelled; how often is r as large?
 *   ceiling   two layers cannot agree more than each with itself: the units are divided at random
 *             into halves, Spearman's r of the halves' dissimilarities is stepped up to the whole
 *             by Spearman & Brown's 2 r / (1 + r), and the ceiling of two layers is the geometric
 *             mean of theirs */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

/* ---- ranks ---- */

/* out [n, n]: centred ranks of the pairs of rdm [n (n-1) / 2]; NaN on the diagonal and for pairs
 * that are NaN. */
static int rank_pairs(double *out, const double *rdm, size_t n, struct fus_error *err)
{
    size_t pairs = n * (n - 1) / 2, kept = 0;
    double *values = fus_base_alloc(2 * pairs + 1, sizeof *values), *ranks = values ? values + pairs : NULL;
    if (!values)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pairs", pairs);
    for (size_t i = 0; i < pairs; i++)
        if (!isnan(rdm[i]))
            values[kept++] = rdm[i];
    int code = kept ? fus_order_ranks(ranks, values, kept, err) : FUS_OK;
    for (size_t i = 0, at = 0, used = 0; i < n && !code; i++) {
        out[i * n + i] = NAN;
        for (size_t j = i + 1; j < n; j++, at++)
            out[i * n + j] = out[j * n + i] = isnan(rdm[at]) ? NAN : ranks[used++] - ((double)kept + 1) / 2;
    }
    fus_base_free(values);
    return code;
}

/* Pearson's r of two squares over the pairs of places i < j that are defined, weighted by weight[i]
 * weight[j] (NULL: 1), picture `to[i]` (NULL: i) of b at place i. */
static double correlate(const double *a, const double *b, size_t n, const double *weight, const size_t *to)
{
    double w = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (size_t i = 0; i < n; i++) {
        const double *row = b + (to ? to[i] : i) * n;
        double wi = weight ? weight[i] : 1;
        for (size_t j = i + 1; j < n && wi > 0; j++) {
            double x = a[i * n + j], y = row[to ? to[j] : j], wij = wi * (weight ? weight[j] : 1);
            if (!(wij > 0) || isnan(x) || isnan(y))
                continue;
            w += wij, sa += wij * x, sb += wij * y;
            saa += wij * x * x, sbb += wij * y * y, sab += wij * x * y;
        }
    }
    double va = saa - sa * sa / w, vb = sbb - sb * sb / w;
    return va > 0 && vb > 0 ? (sab - sa * sb / w) / sqrt(va * vb) : NAN;
}

/* ---- interval and p ---- */

struct work {
    double *a, *b;               /* [n, n] */
    double *resampled, *scratch; /* [n_resamples] */
    double *weight;              /* [n] */
    size_t *place;               /* [n] */
};

static int create(struct work *w, size_t n, size_t n_resamples, struct fus_error *err)
{
    w->a = fus_base_alloc(n, 2 * n * sizeof *w->a);
    w->b = w->a ? w->a + n * n : NULL;
    w->resampled = fus_base_alloc(n_resamples + 1, 2 * sizeof *w->resampled);
    w->scratch = w->resampled ? w->resampled + n_resamples : NULL;
    w->weight = fus_base_alloc(n, sizeof *w->weight);
    w->place = fus_base_alloc(n, sizeof *w->place);
    return w->a && w->resampled && w->weight && w->place
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory to compare %zu pictures", n);
}

static void resample(struct fus_similarity *out, struct work *w, const struct fus_similarity_plan *plan,
                     const struct fus_redraw *draws, size_t n)
{
    for (size_t k = 0; k < plan->n_resamples; k++) {
        fus_redraw_places(w->place, draws, k + 1);
        memset(w->weight, 0, n * sizeof *w->weight);
        for (size_t i = 0; i < n; i++)
            w->weight[w->place[i]]++;
        w->resampled[k] = correlate(w->a, w->b, n, w->weight, NULL);
    }
    struct fus_interval interval;
    const struct fus_bootstrap_column column = {.estimate = out->r, .n = plan->n_resamples, .resampled = w->resampled};
    fus_bootstrap_interval(&interval, &column, FUS_INTERVAL_CENTRED, plan->alpha, w->scratch);
    out->low = interval.low < -1 ? -1 : interval.low;
    out->high = interval.high > 1 ? 1 : interval.high;
}

static double mantel(struct work *w, const struct fus_similarity_plan *plan, size_t n)
{
    double observed = correlate(w->a, w->b, n, NULL, NULL), reached = 0;
    if (isnan(observed))
        return NAN;
    for (size_t k = 0; k < plan->n_permutations; k++) {
        struct fus_rng rng;
        fus_rng_seed(&rng, plan->seed + (uint64_t)(k + 1) * 0xd1342543de82ef95u);
        for (size_t i = 0; i < n; i++)
            w->place[i] = i;
        for (size_t i = n; i-- > 1;) {
            size_t j = (size_t)fus_rng_below(&rng, i + 1), swap = w->place[i];
            w->place[i] = w->place[j];
            w->place[j] = swap;
        }
        reached += correlate(w->a, w->b, n, NULL, w->place) >= observed;
    }
    return (reached + 1) / ((double)plan->n_permutations + 1);
}

int fus_similarity_test(struct fus_similarity *out, const double *a, const double *b,
                        const struct fus_similarity_plan *plan, struct fus_error *err)
{
    size_t n = plan->pictures->n_images;
    struct work w = {0};
    struct fus_redraw draws = {0};
    *out = (struct fus_similarity){NAN, NAN, NAN, NAN};
    int code = fus_consistency_spearman(&out->r, a, b, n * (n - 1) / 2, err);
    if (code || (!plan->n_resamples && !plan->n_permutations))
        return code;
    code = create(&w, n, plan->n_resamples, err);
    if (!code)
        code = rank_pairs(w.a, a, n, err);
    if (!code)
        code = rank_pairs(w.b, b, n, err);
    if (!code && plan->n_resamples) {
        code = fus_redraw_create(&draws, plan->pictures, plan->seed, err);
        if (!code)
            resample(out, &w, plan, &draws, n);
        fus_redraw_destroy(&draws);
    }
    if (!code && plan->n_permutations)
        out->p = mantel(&w, plan, n);
    fus_base_free(w.a);
    fus_base_free(w.resampled);
    fus_base_free(w.weight);
    fus_base_free(w.place);
    return code;
}

/* ---- reliability ---- */

/* One half of a layer's units, in their order, as responses. */
struct half {
    const struct fus_responses *r;
    size_t *unit; /* [n] */
    size_t n;
};

static void read_half(void *context, float *to, size_t image, size_t first, size_t n)
{
    const struct half *h = context;
    float run[256];
    for (size_t i = 0; i < n;) { /* stretches of at most 256 units of the layer */
        size_t from = h->unit[first + i], end = i;
        while (end < n && h->unit[first + end] - from < 256)
            end++;
        fus_responses_row(run, h->r, image, from, h->unit[first + end - 1] - from + 1);
        for (; i < end; i++)
            to[i] = run[h->unit[first + i] - from];
    }
}

int fus_similarity_reliability(double *out, const struct fus_responses *r, uint64_t seed, struct fus_error *err)
{
    size_t pairs = r->n_images * (r->n_images - 1) / 2;
    struct half halves[2] = {{r, fus_base_alloc(r->n_units, sizeof(size_t)), 0},
                             {r, fus_base_alloc(r->n_units, sizeof(size_t)), 0}};
    double *rdm = fus_base_alloc(2 * pairs, sizeof *rdm), spearman = NAN;
    struct fus_rng rng;
    int code = halves[0].unit && halves[1].unit && rdm
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for halves of %zu units", r->n_units);
    fus_rng_seed(&rng, seed);
    for (size_t u = 0; u < r->n_units && !code; u++) {
        struct half *h = &halves[fus_rng_below(&rng, 2)];
        h->unit[h->n++] = u;
    }
    bool enough = halves[0].n > 1 && halves[1].n > 1;
    for (int k = 0; k < 2 && enough && !code; k++) {
        const struct fus_responses part = {
            .n_images = r->n_images, .n_units = halves[k].n, .read = read_half, .context = &halves[k]};
        code = fus_consistency_rdm_images(rdm + (size_t)k * pairs, &part, err);
    }
    if (enough && !code)
        code = fus_consistency_spearman(&spearman, rdm, rdm + pairs, pairs, err);
    *out = spearman > 0 ? 2 * spearman / (1 + spearman) : spearman;
    fus_base_free(halves[0].unit);
    fus_base_free(halves[1].unit);
    fus_base_free(rdm);
    return code;
}
