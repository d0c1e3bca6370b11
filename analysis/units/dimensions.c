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

enum { STRIP = 256 };

struct gram {
    const struct fus_responses *r;
    double *k;    /* [n, n] the lower triangle */
    double *x;    /* [STRIP, n] of the units of a strip, centred */
    float *strip; /* [n, STRIP] as they are */
    size_t n_here;
};

static void centre(void *context, int unit, int thread)
{
    const struct gram *g = context;
    size_t n = g->r->n_images;
    double *x = g->x + (size_t)unit * n, sum = 0;
    (void)thread;
    for (size_t i = 0; i < n; i++)
        sum += x[i] = g->strip[i * STRIP + (size_t)unit];
    for (size_t i = 0; i < n; i++)
        x[i] -= sum / (double)n;
}

static void add_row(void *context, int i, int thread)
{
    const struct gram *g = context;
    size_t n = g->r->n_images;
    double *row = g->k + (size_t)i * n;
    (void)thread;
    for (size_t u = 0; u < g->n_here; u++) {
        const double *x = g->x + u * n;
        double scale = x[i];
        for (size_t j = 0; j <= (size_t)i; j++)
            row[j] += scale * x[j];
    }
}

static double ratio(const struct gram *g)
{
    size_t n = g->r->n_images;
    double trace = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        trace += g->k[i * n + i];
        for (size_t j = 0; j < i; j++)
            squares += 2 * g->k[i * n + j] * g->k[i * n + j];
        squares += g->k[i * n + i] * g->k[i * n + i];
    }
    return squares > 0 ? trace * trace / squares : NAN;
}

int fus_dimensions_layer(double *out, const struct fus_responses *r, struct fus_error *err)
{
    struct gram g = {.r = r};
    size_t n = r->n_images;
    int code = FUS_OK;
    *out = NAN;
    if (n > FUS_DIMENSIONS_IMAGES)
        return FUS_OK;
    g.k = fus_base_alloc(n, n * sizeof *g.k);
    g.x = fus_base_alloc(n, STRIP * sizeof *g.x);
    g.strip = fus_base_alloc(n, STRIP * sizeof *g.strip);
    if (!g.k || !g.x || !g.strip)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the covariance of %zu pictures", n);
    for (size_t first = 0; first < r->n_units && !code; first += STRIP) {
        g.n_here = r->n_units - first < STRIP ? r->n_units - first : STRIP;
        fus_responses_strip(g.strip, STRIP, r, first, g.n_here);
        fus_threads_for((int)g.n_here, centre, &g);
        fus_threads_for((int)n, add_row, &g);
    }
    if (!code)
        *out = ratio(&g);
    fus_base_free(g.k);
    fus_base_free(g.x);
    fus_base_free(g.strip);
    return code;
}
