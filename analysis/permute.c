/* What selectivity would chance give? The pictures keep their responses and get each other's labels; one relabelling serves all
 * units, so their correlation stays as it is. Besides proportion and CSI, the largest least-t of the layer in each relabelling gives
 * family-wise control over units (Nichols & Holmes 2002, "max statistic"). Time: n_permutations times the moments of
 * all pictures; memory: one set of moments and labels. */
#include <math.h>
#include <string.h>

#include "inference.h"
#include "nn/rng.h"
#include "nn/team.h"

#define CHUNK 4096 /* units a thread takes at a time */

/* Everything that one call allocates. null_*: [n_categories, n_permutations]. */
struct work {
    struct fus_moments m;
    double *t;       /* [n_units] */
    int8_t *best;    /* [n_units] */
    int *relabel;    /* [n_images] */
    double *null_proportion, *null_csi, *null_t;
    long n;
    bool student;
};

static int create_work(struct work *w, const struct fus_responses *r, long n, struct fus_error *err)
{
    size_t values, bytes;
    memset(w, 0, sizeof *w);
    if (n < 1 || !fus_base_mul(&values, (size_t)n, (size_t)r->n_categories) || !fus_base_mul(&bytes, values, 3 * sizeof(double)))
        return fus_base_fail(err, FUS_EINVAL, "%ld relabellings", n);
    int code = fus_moments_create(&w->m, r->n_categories, r->n_units, err);
    if (code)
        return code;
    w->n = n;
    w->t = fus_base_alloc(r->n_units, sizeof *w->t);
    w->best = fus_base_alloc(r->n_units, sizeof *w->best);
    w->relabel = fus_base_alloc(r->n_images, sizeof *w->relabel);
    w->null_proportion = fus_base_alloc(values, 3 * sizeof(double));
    if (!w->t || !w->best || !w->relabel || !w->null_proportion)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %ld relabellings of %zu units", n, r->n_units);
    w->null_csi = w->null_proportion + values;
    w->null_t = w->null_csi + values;
    return FUS_OK;
}

static void destroy_work(struct work *w)
{
    fus_moments_destroy(&w->m);
    fus_base_free(w->t);
    fus_base_free(w->best);
    fus_base_free(w->relabel);
    fus_base_free(w->null_proportion);
}

/* For a chunk of units: the category with the largest mean and its least t; no other category's least t is positive. */
static void best_chunk(void *context, int chunk, int thread)
{
    struct work *w = context;
    const struct fus_moments *m = &w->m;
    size_t from = (size_t)chunk * CHUNK, end = m->n_units - from < CHUNK ? m->n_units : from + CHUNK;
    (void)thread;
    for (size_t u = from; u < end; u++) {
        int most = 0;
        for (int c = 1; c < m->n_groups; c++)
            if (m->mean[(size_t)c * m->n_units + u] > m->mean[(size_t)most * m->n_units + u])
                most = c;
        w->best[u] = (int8_t)most;
        w->t[u] = fus_select_least_t(m, u, most, w->student);
    }
}

static void best_t(struct work *w)
{
    fus_team_for((int)((w->m.n_units + CHUNK - 1) / CHUNK), best_chunk, w);
}

/* One relabelling's three statistics per category, from the moments that w holds. */
static int measure(struct work *w, const struct fus_responses *r, long b, const struct fus_select_options *options,
                   struct fus_error *err)
{
    struct fus_layer_summary layer;
    int code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped at relabelling %ld of %ld", b + 1, w->n)
                                   : fus_criteria_layer(&layer, &w->m, "null", r->channels, r->height, r->width, options->criterion,
                                                        options, err);
    if (code)
        return code;
    best_t(w);
    for (int c = 0; c < r->n_categories; c++) {
        size_t at = (size_t)c * (size_t)w->n + (size_t)b;
        w->null_proportion[at] = layer.categories[c].proportion;
        w->null_csi[at] = layer.categories[c].csi_mean;
        w->null_t[at] = 0;
    }
    for (size_t u = 0; u < r->n_units; u++) {
        double *most = &w->null_t[(size_t)w->best[u] * (size_t)w->n + (size_t)b];
        if (w->t[u] > *most)
            *most = w->t[u];
    }
    fus_select_free(&layer);
    return FUS_OK;
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

/* p of the observed value among n null values, NaN ones left out. */
static double p_of(double observed, const double *null, long n)
{
    double reached = 0, defined = 0;
    for (long b = 0; b < n; b++)
        if (!isnan(null[b]))
            defined++, reached += null[b] >= observed;
    return isnan(observed) ? NAN : (reached + 1) / (defined + 1);
}

/* The observed side must be in out and w already: t and best of the real labels. */
static void conclude(struct fus_permute_category *out, struct work *w, size_t n_units, int category, double alpha)
{
    double *proportion = w->null_proportion + (size_t)category * (size_t)w->n, *most = w->null_t + (size_t)category * (size_t)w->n;
    double sum = 0, n = (double)w->n;
    out->p_proportion = p_of(out->proportion, proportion, w->n);
    out->p_csi = p_of(out->csi, w->null_csi + (size_t)category * (size_t)w->n, w->n);
    for (long b = 0; b < w->n; b++)
        sum += proportion[b];
    out->null_mean = sum / n;
    fus_order_sort(proportion, (size_t)w->n);
    out->null_high = fus_order_quantile(proportion, (size_t)w->n, 1 - alpha);
    fus_order_sort(most, (size_t)w->n);
    /* p <= alpha needs (reached + 1) <= alpha (n + 1): t must pass all but `allowed` of the maxima */
    double allowed = floor(alpha * (n + 1) * (1 + 1e-12)) - 1;
    out->t_critical = allowed < 0 ? INFINITY : allowed >= n ? 0 : most[w->n - 1 - (long)allowed];
    out->n_familywise = 0;
    for (size_t u = 0; u < n_units; u++)
        out->n_familywise += w->best[u] == category && w->t[u] > out->t_critical;
}

int fus_permute_layer(struct fus_permute_category *out, const struct fus_responses *r, long n_permutations, uint64_t seed,
                      const struct fus_select_options *options, struct fus_error *err)
{
    struct work w = {0};
    struct fus_layer_summary layer = {.channels = 0};
    int code = fus_responses_check(r, err);
    if (!code)
        code = create_work(&w, r, n_permutations, err);
    w.student = options->student;
    for (long b = 0; b < n_permutations && !code; b++) {
        memcpy(w.relabel, r->category, r->n_images * sizeof *w.relabel);
        shuffle(w.relabel, r->n_images, seed, b);
        fus_responses_moments(&w.m, r, NULL, r->n_images, w.relabel);
        code = measure(&w, r, b, options, err);
    }
    if (!code) {
        fus_responses_moments(&w.m, r, NULL, r->n_images, NULL);
        code = fus_criteria_layer(&layer, &w.m, "observed", r->channels, r->height, r->width, options->criterion, options, err);
    }
    if (!code) {
        best_t(&w);
        for (int c = 0; c < r->n_categories; c++) {
            out[c].proportion = layer.categories[c].proportion;
            out[c].csi = layer.categories[c].csi_mean;
            conclude(&out[c], &w, r->n_units, c, options->alpha);
        }
    }
    fus_select_free(&layer);
    destroy_work(&w);
    return code;
}
