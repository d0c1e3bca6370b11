/* SPDX-License-Identifier: MIT */
/* How many independent units has a layer? The participation ratio of its responses: with the
 * eigenvalues l of the units' covariance over pictures,
 *
 *   (sum l)^2 / sum l^2 = trace(K)^2 / sum_ij K_ij^2,   K = X X'
 *
 * X [pictures, units], each unit centred (Gao et al. 2017). Thousands of units that respond alike
 * are a few dimensions. Sums over units run in their order, in strips; threads share rows of K. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

enum { STRIP = 256 };

struct gram {
    const struct fus_responses *r;
    const struct fus_kernel *kernel;
    size_t wide;  /* n_images and zeros, a multiple of FUS_LANES */
    double *k;    /* [wide, wide] the lower triangle */
    double *x;    /* [STRIP, wide] of the units of a strip, centred */
    float *strip; /* [n_images, STRIP] as they are */
    size_t n_here;
};

static void centre(void *context, int unit, int thread)
{
    const struct gram *g = context;
    size_t n = g->r->n_images;
    double *x = g->x + (size_t)unit * g->wide, sum = 0;
    (void)thread;
    for (size_t i = 0; i < n; i++)
        sum += x[i] = g->strip[i * STRIP + (size_t)unit];
    for (size_t i = 0; i < n; i++)
        x[i] -= sum / (double)n;
}

static void add_rows(void *context, int i, int thread)
{
    const struct gram *g = context;
    (void)thread;
    g->kernel->gram(g->k, g->x, g->wide, (size_t)i * FUS_GRAM_ROWS, g->n_here);
}

static double ratio(const struct gram *g)
{
    size_t n = g->r->n_images;
    double trace = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        const double *row = g->k + i * g->wide;
        trace += row[i];
        for (size_t j = 0; j < i; j++)
            squares += 2 * row[j] * row[j];
        squares += row[i] * row[i];
    }
    return squares > 0 ? trace * trace / squares : NAN;
}

int fus_dimensions_layer(double *out, const struct fus_responses *r, struct fus_error *err)
{
    size_t n = r->n_images, wide = (n + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
    struct gram g = {.r = r, .kernel = fus_kernels_here(), .wide = wide};
    int code = FUS_OK;
    *out = NAN;
    if (n > FUS_DIMENSIONS_IMAGES)
        return FUS_OK;
    g.k = fus_base_alloc(wide, wide * sizeof *g.k);
    g.x = fus_base_alloc(wide, STRIP * sizeof *g.x);
    g.strip = fus_base_alloc(n, STRIP * sizeof *g.strip);
    if (!g.k || !g.x || !g.strip)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the covariance of %zu pictures", n);
    for (size_t first = 0; first < r->n_units && !code; first += STRIP) {
        g.n_here = r->n_units - first < STRIP ? r->n_units - first : STRIP;
        fus_responses_strip(g.strip, STRIP, r, first, g.n_here);
        fus_threads_for((int)g.n_here, centre, &g);
        fus_threads_for((int)((n + FUS_GRAM_ROWS - 1) / FUS_GRAM_ROWS), add_rows, &g);
    }
    if (!code)
        *out = ratio(&g);
    fus_base_free(g.k);
    fus_base_free(g.x);
    fus_base_free(g.strip);
    return code;
}
