/* How much selectivity arises by chance? The labels of the pictures are permuted while responses
 * stay the same. One relabelling applies to all units, which keeps the correlation between units.
 * Besides proportion and CSI, the largest least-t of the layer in each relabelling gives
 * family-wise control over units (Nichols & Holmes 2002, "max statistic"). */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

#define MARGIN 1e-9 /* far above the rounding of a t */

/* Draw 0 is the original run, the others are relabellings. null_*: [n_categories, n]. */
struct work {
    const struct fus_responses *r;
    const struct fus_select_options *options;
    struct fus_permute_category *out; /* [n_categories] */
    uint64_t seed;
    long n;
    /* [n_units] in the original run: least t of the category with the largest mean; no other
     * category has a positive one */
    double *t;
    int8_t *best; /* [n_units] that category */
    double *null_proportion, *null_csi, *null_t;
};

static int create_work(struct work *w, struct fus_error *err)
{
    size_t values, bytes;
    if (w->n < 1 || !fus_base_mul(&values, (size_t)w->n, (size_t)w->r->n_categories) ||
        !fus_base_mul(&bytes, values, 3 * sizeof(double)))
        return fus_base_fail(err, FUS_EINVAL, "%ld relabellings", w->n);
    w->t = fus_base_alloc(w->r->n_units, sizeof *w->t);
    w->best = fus_base_alloc(w->r->n_units, sizeof *w->best);
    w->null_proportion = fus_base_alloc(values, 3 * sizeof(double));
    if (!w->t || !w->best || !w->null_proportion)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %ld relabellings of %zu units", w->n, w->r->n_units);
    w->null_csi = w->null_proportion + values;
    w->null_t = w->null_csi + values;
    return FUS_OK;
}

static void destroy_work(struct work *w)
{
    fus_base_free(w->t);
    fus_base_free(w->best);
    fus_base_free(w->null_proportion);
}

static void shuffle(int *x, size_t n, uint64_t seed, long b)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed + ((uint64_t)b + 1) * 0xd1342543de82ef95u);
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)fus_rng_below(&rng, i + 1);
        int swap = x[i];
        x[i] = x[j], x[j] = swap;
    }
}

static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct work *w = context;
    for (size_t i = 0; i < w->r->n_images; i++) {
        order[i] = i;
        category[i] = w->r->category[i];
    }
    if (draw > 0)
        shuffle(category, w->r->n_images, w->seed, (long)draw - 1);
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

/* The largest least t of each category in relabelling b, or 0: compares squares first, and computes
 * t itself only if it may be the largest. */
static int find_largest_t(struct work *w, const struct fus_moments *m, long b, struct fus_error *err)
{
    size_t n_squares = ((size_t)m->n_groups + 2) * FUS_SELECT_CHUNK,
           n_weights = (size_t)m->n_groups * (size_t)m->n_groups;
    double *squares = fus_base_aligned(n_squares + n_weights, sizeof *squares);
    if (!squares)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the t of relabelling %ld", b + 1);
    double *weight = squares + n_squares;
    fus_select_weights(weight, m, w->options->student);
    for (size_t from = 0; from < m->n_units; from += FUS_SELECT_CHUNK) {
        size_t n = m->n_units - from < FUS_SELECT_CHUNK ? m->n_units - from : FUS_SELECT_CHUNK;
        fus_select_squares(squares, m, weight, from, n);
        for (int c = 0; c < m->n_groups; c++) {
            double *most = &w->null_t[(size_t)c * (size_t)w->n + (size_t)b];
            for (size_t u = 0; u < n; u++)
                if (squares[(size_t)c * FUS_SELECT_CHUNK + u] > *most * *most * (1 - MARGIN)) {
                    double t = fus_select_least_t(m, from + u, c, w->options->student);
                    *most = t > *most ? t : *most;
                }
        }
    }
    fus_base_free(squares);
    return FUS_OK;
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
        size_t at = (size_t)c * (size_t)w->n + draw - 1;
        *(draw > 0 ? &w->null_proportion[at] : &w->out[c].proportion) = layer.categories[c].proportion;
        *(draw > 0 ? &w->null_csi[at] : &w->out[c].csi) = layer.categories[c].csi_mean;
    }
    fus_select_free(&layer);
    if (draw > 0)
        return find_largest_t(w, m, (long)draw - 1, err);
    for (size_t u = 0; u < r->n_units; u++) {
        w->best[u] = (int8_t)largest_mean(m, u);
        w->t[u] = fus_select_least_t(m, u, w->best[u], w->options->student);
    }
    return FUS_OK;
}

/* p of the observed value among n null values, NaN ones left out. */
static double p_of(double observed, const double *null, long n)
{
    double reached = 0, defined = 0;
    for (long b = 0; b < n; b++)
        if (!isnan(null[b]))
            defined++, reached += null[b] >= observed;
    return isnan(observed) ? NAN : (reached + 1) / (defined + 1);
}

/* Computes the results from the observed values in out, t and best, and from the null
 * distribution. */
static void conclude(struct fus_permute_category *out, struct work *w, size_t n_units, int category, double alpha)
{
    double *proportion = w->null_proportion + (size_t)category * (size_t)w->n,
           *most = w->null_t + (size_t)category * (size_t)w->n;
    double sum = 0, n = (double)w->n;
    out->p_proportion = p_of(out->proportion, proportion, w->n);
    out->p_csi = p_of(out->csi, w->null_csi + (size_t)category * (size_t)w->n, w->n);
    for (long b = 0; b < w->n; b++)
        sum += proportion[b];
    out->null_mean = sum / n;
    fus_order_sort(proportion, (size_t)w->n);
    out->null_high = fus_order_quantile(proportion, (size_t)w->n, 1 - alpha);
    fus_order_sort(most, (size_t)w->n);
    /* p <= alpha needs (reached + 1) <= alpha (n + 1): t must pass all but
     * `allowed` of the maxima */
    double allowed = floor(alpha * (n + 1) * (1 + 1e-12)) - 1;
    out->t_critical = allowed < 0 ? INFINITY : allowed >= n ? 0 : most[w->n - 1 - (long)allowed];
    out->n_familywise = 0;
    for (size_t u = 0; u < n_units; u++)
        out->n_familywise += w->best[u] == category && w->t[u] > out->t_critical;
}

int fus_permute_layer(struct fus_permute_category *out, const struct fus_responses *r, long n_permutations,
                      uint64_t seed, const struct fus_select_options *options, const struct fus_progress *progress,
                      struct fus_error *err)
{
    struct work w = {.r = r, .options = options, .out = out, .seed = seed, .n = n_permutations};
    int code = fus_responses_check(r, err);
    if (!code)
        code = create_work(&w, err);
    if (!code)
        code = fus_resample_run(&(struct fus_resampling){(size_t)n_permutations + 1, choose, measure, &w, progress}, r,
                                err);
    for (int c = 0; c < r->n_categories && !code; c++)
        conclude(&out[c], &w, r->n_units, c, options->alpha);
    destroy_work(&w);
    return code;
}
