/* SPDX-License-Identifier: MIT */
/* The moments of many draws of the same pictures. Responses are read from memory once for a batch
 * of draws: a strip of units of all pictures stays in cache while the moments of every draw of the
 * batch are computed from it. Then each draw is measured by one thread, if there are enough draws
 * for all threads. Memory: a set of moments for every draw of a batch, BATCH_BYTES in all (but one
 * set at least). */
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define BATCH_BYTES ((size_t)64 << 20)
#define MAX_DRAWS 64 /* of a batch: more would save no time */
/* units whose moments are taken at a time: 192 pictures' responses are 197 kB */
#define STRIP 256

struct draw {
    struct fus_moments m;
    size_t *rows;  /* [n_images] category after category, within each as they were drawn */
    size_t *first; /* [n_categories + 1] where each begins */
    int code;
    struct fus_error err;
};

struct batch {
    const struct fus_resampling *plan;
    const struct fus_responses *r;
    const struct fus_kernel *kernel;
    struct draw *draws; /* [most] */
    size_t most, first, n;
    float *strips;      /* [threads, n_images, STRIP] */
    const float **rows; /* [threads, n_images] */
    double *weights;    /* [n_images] 1, 1/2, 1/3, ... */
    double *thirds;     /* [n_images] those of m3 */
    size_t *order;      /* [n_images] */
    int *category;      /* [n_images] */
};

static size_t batch_size(const struct fus_resampling *plan, const struct fus_responses *r)
{
    size_t fit = BATCH_BYTES / fus_moments_bytes(r->n_categories, r->n_units, plan->third);
    fit = fit < 1 ? 1 : fit > MAX_DRAWS ? MAX_DRAWS : fit;
    return fit < plan->n_draws ? fit : plan->n_draws;
}

static void destroy_batch(struct batch *b)
{
    for (size_t k = 0; b->draws && k < b->most; k++) {
        fus_moments_destroy(&b->draws[k].m);
        fus_base_free(b->draws[k].rows);
    }
    fus_base_free(b->draws);
    fus_base_free(b->strips);
    fus_base_free(b->rows);
    fus_base_free(b->weights);
    fus_base_free(b->order);
    fus_base_free(b->category);
}

static int create_batch(struct batch *b, struct fus_error *err)
{
    size_t n = b->r->n_images, groups = (size_t)b->r->n_categories, threads = (size_t)fus_base_threads();
    int code = FUS_OK;
    b->most = batch_size(b->plan, b->r);
    b->draws = fus_base_alloc(b->most, sizeof *b->draws);
    b->strips = fus_base_aligned(n, threads * STRIP * sizeof *b->strips);
    b->rows = fus_base_alloc(n, threads * sizeof *b->rows);
    b->weights = fus_base_alloc(n, 2 * sizeof *b->weights);
    b->thirds = b->weights ? b->weights + n : NULL;
    b->order = fus_base_alloc(n, sizeof *b->order);
    b->category = fus_base_alloc(n, sizeof *b->category);
    if (!b->draws || !b->strips || !b->rows || !b->weights || !b->order || !b->category)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to draw from %zu pictures", n);
    for (size_t i = 0; i < n && !code; i++)
        b->weights[i] = 1.0 / (double)(i + 1), b->thirds[i] = fus_moments_weight((long)i + 1);
    for (size_t k = 0; k < b->most && !code; k++) {
        struct draw *d = &b->draws[k];
        code = fus_moments_create(&d->m, b->r->n_categories, b->r->n_units, err);
        d->m.is_signed = b->r->is_signed;
        if (!code && b->plan->third)
            code = fus_moments_keep_third(&d->m, err);
        d->rows = fus_base_alloc(n + groups + 1, sizeof *d->rows);
        d->first = d->rows ? d->rows + n : NULL;
        if (!code && !d->rows)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory to draw from %zu pictures", n);
    }
    return code;
}

/* The pictures of draw k, sorted by category. */
static void choose(struct draw *d, struct batch *b, size_t k)
{
    size_t n = b->plan->choose(b->plan->context, k, b->order, b->category), groups = (size_t)b->r->n_categories;
    memset(d->first, 0, (groups + 1) * sizeof *d->first);
    for (size_t i = 0; i < n; i++)
        d->first[b->category[i] + 1]++;
    for (size_t g = 0; g < groups; g++) {
        d->m.n[g] = (long)d->first[g + 1];
        d->first[g + 1] += d->first[g];
    }
    for (size_t i = 0; i < n; i++)
        d->rows[d->first[b->category[i]]++] = b->order[i];
    /* each had moved on to the next one's begin */
    memmove(d->first + 1, d->first, groups * sizeof *d->first);
    d->first[0] = 0;
}

/* One strip of units under every draw of the batch. */
static void take_strip(void *context, int strip, int thread)
{
    const struct batch *b = context;
    size_t n_units = b->r->n_units, n_images = b->r->n_images, at = (size_t)strip * STRIP,
           n = n_units - at < STRIP ? n_units - at : STRIP;
    float *x = b->strips + (size_t)thread * n_images * STRIP;
    const float **rows = b->rows + (size_t)thread * n_images;
    fus_responses_strip(x, STRIP, b->r, at, n);
    for (size_t k = 0; k < b->n; k++) {
        const struct draw *d = &b->draws[k];
        for (size_t i = 0; i < d->first[b->r->n_categories]; i++)
            rows[i] = x + d->rows[i] * STRIP;
        for (int g = 0; g < b->r->n_categories; g++) {
            double *mean = d->m.mean + (size_t)g * n_units + at, *m2 = d->m.m2 + (size_t)g * n_units + at;
            double *m3 = d->m.m3 ? d->m.m3 + (size_t)g * n_units + at : NULL;
            memset(mean, 0, n * sizeof *mean);
            memset(m2, 0, n * sizeof *m2);
            if (m3)
                memset(m3, 0, n * sizeof *m3);
            if (m3)
                b->kernel->moments_add_third(mean, m2, m3, rows + d->first[g], b->weights, b->thirds, (int)d->m.n[g], 0,
                                             n);
            else
                b->kernel->moments_add(mean, m2, rows + d->first[g], b->weights, (int)d->m.n[g], 0, n);
        }
    }
}

static void measure_draw(void *context, int k, int thread)
{
    const struct batch *b = context;
    struct draw *d = &b->draws[k];
    (void)thread;
    d->code = fus_base_stopping() ? fus_base_fail(&d->err, FUS_ESTOPPED, "stopped at resample %zu of %zu",
                                                  b->first + (size_t)k + 1, b->plan->n_draws)
                                  : b->plan->measure(b->plan->context, b->first + (size_t)k, &d->m, &d->err);
}

static int run_batch(struct batch *b, struct fus_error *err)
{
    for (size_t k = 0; k < b->n; k++)
        choose(&b->draws[k], b, b->first + k);
    fus_threads_for((int)((b->r->n_units + STRIP - 1) / STRIP), take_strip, b);
    bool alone = b->n >= (size_t)fus_base_threads(); /* else the threads share a draw's own loops */
    if (alone)
        fus_threads_for((int)b->n, measure_draw, b);
    for (size_t k = 0; k < b->n && !alone; k++)
        measure_draw(b, (int)k, 0);
    for (size_t k = 0; k < b->n; k++)
        if (b->draws[k].code) {
            if (err)
                *err = b->draws[k].err;
            return b->draws[k].code;
        }
    return FUS_OK;
}

bool fus_resample_needs_third(const struct fus_responses *r, const struct fus_select_options *options)
{
    long n[FUS_SELECT_CATEGORIES] = {0};
    for (size_t i = 0; i < r->n_images; i++)
        n[r->category[i]]++;
    return options->criterion == FUS_CRITERION_IUT && fus_select_needs_third(options, n, r->n_categories);
}

int fus_resample_run(const struct fus_resampling *plan, const struct fus_responses *r, struct fus_error *err)
{
    struct batch b = {.plan = plan, .r = r, .kernel = fus_kernels_pick(NULL, err)};
    int code = b.kernel ? create_batch(&b, err) : FUS_EUNSUPPORTED;
    for (; b.first < plan->n_draws && !code; b.first += b.n) {
        b.n = plan->n_draws - b.first < b.most ? plan->n_draws - b.first : b.most;
        code = run_batch(&b, err);
        if (!code && plan->progress)
            plan->progress->tell(plan->progress->context, b.first + b.n, plan->n_draws);
    }
    destroy_batch(&b);
    return code;
}
