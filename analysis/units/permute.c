/* SPDX-License-Identifier: MIT */
/* How much selectivity arises by chance? The labels of the pictures are permuted while responses
 * stay the same. One relabelling applies to all units, which keeps the correlation between units.
 *
 * Two questions with two null hypotheses. The proportion is compared with relabellings of all
 * pictures: the global null, no category differs from any other. A unit is selective if it responds
 * more to its category than to every other one, so its null is that at least one other category is
 * as good (the conjunction null: Nichols, Brett, Andersson, Wager & Poline 2005). Therefore each
 * pair of categories is relabelled alone, and the largest t of the layer in each relabelling gives
 * family-wise control over units (Nichols & Holmes 2002, "max statistic"). */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

#define MARGIN 1e-9 /* far above the rounding of a t */

/* Draw 0 is the original run, the others are relabellings. */
struct work {
    const struct fus_responses *r;
    const struct fus_select_options *options;
    struct fus_permute_category *out; /* [n_categories] */
    uint64_t seed;
    long n;
    double *null_proportion; /* [n_categories, n] */
    /* In the original run: the category with the largest mean, -1 once a pair's threshold is not
     * passed. */
    int8_t *best; /* [n_units] */
    /* the pair of categories that is being relabelled: */
    int pair[2];
    long number;    /* 0, 1, ... of the pair */
    double *t;      /* [n_units] of pair[0] against pair[1] in the original run */
    double *null_t; /* [2, n] the largest t of either against the other, or 0 */
    size_t done, of;
    const struct fus_progress *progress;
};

static bool pools(const struct work *w)
{
    return w->options->test == FUS_TEST_STUDENT;
}

static int create_work(struct work *w, struct fus_error *err)
{
    size_t values, bytes;
    if (w->n < 1 || !fus_base_mul(&values, (size_t)w->n, (size_t)w->r->n_categories) ||
        !fus_base_mul(&bytes, values, sizeof(double)))
        return fus_base_fail(err, FUS_EINVAL, "%ld relabellings", w->n);
    w->t = fus_base_alloc(w->r->n_units, sizeof *w->t);
    w->best = fus_base_alloc(w->r->n_units, sizeof *w->best);
    w->null_proportion = fus_base_alloc(values, sizeof(double));
    w->null_t = fus_base_alloc((size_t)w->n, 2 * sizeof(double));
    if (!w->t || !w->best || !w->null_proportion || !w->null_t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %ld relabellings of %zu units", w->n, w->r->n_units);
    return FUS_OK;
}

static void destroy_work(struct work *w)
{
    fus_base_free(w->t);
    fus_base_free(w->best);
    fus_base_free(w->null_proportion);
    fus_base_free(w->null_t);
}

void fus_permute_shuffle(int *x, size_t n, uint64_t seed, long b)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed + ((uint64_t)b + 1) * 0xd1342543de82ef95u);
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)fus_rng_below(&rng, i + 1);
        int swap = x[i];
        x[i] = x[j], x[j] = swap;
    }
}

/* ---- all categories ---- */

static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    for (size_t i = 0; i < w->r->n_images; i++) {
        order[i] = i;
        category[i] = w->r->category[i];
    }
    if (draw > 0)
        fus_permute_shuffle(category, w->r->n_images, w->seed, (long)draw - 1);
    return w->r->n_images;
}

static int largest_mean(const struct fus_moments *m, size_t unit)
{
    int most = 0;
    for (int c = 1; c < m->n_groups; c++)
        if (m->mean[(size_t)c * m->n_units + unit] > m->mean[(size_t)most * m->n_units + unit])
            most = c;
    return most;
}

static int measure(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    struct work *w = context;
    struct fus_layer_summary layer;
    const struct fus_responses *r = w->r;
    int code =
        fus_criteria_layer(&layer, m, "null", r->channels, r->height, r->width, w->options->criterion, w->options, err);
    if (code)
        return code;
    for (int c = 0; c < r->n_categories; c++) {
        if (draw > 0)
            w->null_proportion[(size_t)c * (size_t)w->n + draw - 1] = layer.categories[c].proportion;
        else
            w->out[c].proportion = layer.categories[c].proportion, w->out[c].csi = layer.categories[c].csi_mean;
    }
    fus_select_free(&layer);
    for (size_t u = 0; u < r->n_units && draw == 0; u++)
        w->best[u] = (int8_t)(fus_select_defined(m, u) ? largest_mean(m, u) : -1);
    return FUS_OK;
}

/* Sets what is known of the proportion, from the observed value in out and its null
 * distribution. */
static void conclude(struct fus_permute_category *out, struct work *w, int category)
{
    double *proportion = w->null_proportion + (size_t)category * (size_t)w->n, sum = 0, reached = 0, n = (double)w->n;
    for (long b = 0; b < w->n; b++) {
        sum += proportion[b];
        reached += proportion[b] >= out->proportion;
    }
    out->p_proportion = (reached + 1) / (n + 1);
    out->null_mean = sum / n;
    fus_order_sort(proportion, (size_t)w->n);
    out->null_high = fus_order_quantile(proportion, (size_t)w->n, 1 - w->options->alpha);
    out->t_critical = 0;
    out->n_familywise = 0;
}

/* ---- pairs of categories ---- */

/* The pictures of the pair alone, as categories 0 and 1. */
static size_t choose_pair(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    size_t n = 0;
    for (size_t i = 0; i < w->r->n_images; i++)
        if (w->r->category[i] == w->pair[0] || w->r->category[i] == w->pair[1]) {
            order[n] = i;
            category[n++] = w->r->category[i] == w->pair[1];
        }
    if (draw > 0)
        fus_permute_shuffle(category, n, w->seed, (w->number + 1) * w->n + (long)draw - 1);
    return n;
}

/* The largest t of each category of the pair in relabelling b, or 0: compares squares first, and
 * computes t itself only if it may be the largest. */
static int find_largest_t(struct work *w, const struct fus_moments *m, long b, struct fus_error *err)
{
    double weight[4], most[2] = {0, 0}, *squares = fus_base_aligned(4 * FUS_SELECT_CHUNK, sizeof *squares);
    if (!squares)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the t of relabelling %ld", b + 1);
    fus_select_weights(weight, m, pools(w));
    for (size_t from = 0; from < m->n_units; from += FUS_SELECT_CHUNK) {
        size_t n = m->n_units - from < FUS_SELECT_CHUNK ? m->n_units - from : FUS_SELECT_CHUNK;
        fus_select_squares(squares, m, weight, from, n);
        for (int c = 0; c < 2; c++)
            for (size_t u = 0; u < n; u++)
                if (squares[(size_t)c * FUS_SELECT_CHUNK + u] > most[c] * most[c] * (1 - MARGIN)) {
                    double t = fus_select_least_t(m, from + u, c, pools(w));
                    most[c] = t > most[c] ? t : most[c];
                }
    }
    w->null_t[b] = most[0], w->null_t[w->n + b] = most[1];
    fus_base_free(squares);
    return FUS_OK;
}

static int measure_pair(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    struct work *w = context;
    if (draw > 0)
        return find_largest_t(w, m, (long)draw - 1, err);
    for (size_t u = 0; u < m->n_units; u++)
        w->t[u] = fus_select_least_t(m, u, 0, pools(w));
    return FUS_OK;
}

/* p <= alpha needs (reached + 1) <= alpha (n + 1): t must pass all but `allowed` of the maxima. */
static double critical_t(double *most, long n, double alpha)
{
    double allowed = floor(alpha * ((double)n + 1) * (1 + 1e-12)) - 1;
    fus_order_sort(most, (size_t)n);
    return allowed < 0 ? INFINITY : allowed >= (double)n ? 0 : most[n - 1 - (long)allowed];
}

/* The pair's thresholds at alpha / (n_categories - 1), since a category has so many pairs. */
static void compare_pair(struct work *w)
{
    double alpha = w->options->alpha / (w->r->n_categories - 1);
    for (int c = 0; c < 2; c++) {
        double critical = critical_t(w->null_t + c * w->n, w->n, alpha);
        struct fus_permute_category *out = &w->out[w->pair[c]];
        out->t_critical = critical > out->t_critical ? critical : out->t_critical;
        for (size_t u = 0; u < w->r->n_units; u++)
            if (w->best[u] == w->pair[c] && !((c ? -w->t[u] : w->t[u]) > critical))
                w->best[u] = -1;
    }
}

static void tell(void *context, size_t done, size_t of)
{
    const struct work *w = context;
    (void)of;
    w->progress->tell(w->progress->context, w->done + done, w->of);
}

static int relabel_pair(struct work *w, int a, int b, struct fus_error *err)
{
    struct fus_responses two = *w->r;
    const struct fus_progress progress = {tell, w};
    two.n_categories = 2;
    w->pair[0] = a, w->pair[1] = b;
    int code = fus_resample_run(
        &(struct fus_resampling){(size_t)w->n + 1, choose_pair, measure_pair, w, w->progress ? &progress : NULL, false},
        &two, err);
    if (!code)
        compare_pair(w);
    w->number++;
    w->done += (size_t)w->n + 1;
    return code;
}

int fus_permute_layer(struct fus_permute_category *out, const struct fus_responses *r, long n_permutations,
                      uint64_t seed, const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err)
{
    size_t n = (size_t)r->n_categories, n_draws = (size_t)n_permutations + 1;
    struct work w = {.r = r, .options = options, .out = out, .seed = seed, .n = n_permutations, .progress = progress};
    const struct fus_progress all = {tell, &w};
    int code = fus_responses_check(r, err);
    if (!code)
        code = create_work(&w, err);
    w.of = (1 + n * (n - 1) / 2) * n_draws;
    if (!code)
        code = fus_resample_run(&(struct fus_resampling){n_draws, choose, measure, &w, progress ? &all : NULL,
                                                         fus_resample_needs_third(r, options)},
                                r, err);
    for (int c = 0; c < r->n_categories && !code; c++)
        conclude(&out[c], &w, c);
    w.done = n_draws;
    for (int a = 0; a < r->n_categories; a++)
        for (int b = a + 1; b < r->n_categories && !code; b++)
            code = relabel_pair(&w, a, b, err);
    for (size_t u = 0; u < r->n_units && !code; u++)
        if (w.best[u] >= 0)
            out[w.best[u]].n_familywise++;
    destroy_work(&w);
    return code;
}
