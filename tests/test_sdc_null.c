/* SPDX-License-Identifier: MIT */
/* analysis/sdc/null.c and eigen.c: eigenvectors by what defines them; rotated vectors keep the
 * second moments of all; without sharing no eps is chosen, with sharing one is. */
#include "analysis/sdc/null.h"

#include "analysis/sdc/eigen.h"
#include "nn/base/rng.h"
#include "tests/test.h"

enum { MOST_D = 24, P = 5, EACH = 48, N = P * EACH };

static struct fus_error err;

/* ---- eigenvectors ---- */

static void check_eigen(const double *a, size_t n, double tolerance)
{
    static double copy[64 * 64], values[64], vectors[64 * 64];
    double worst = 0, largest = 0;
    memcpy(copy, a, n * n * sizeof *a);
    CHECK(fus_eigen_symmetric(values, vectors, copy, n, &err) == 0);
    for (size_t i = 0; i < n * n; i++)
        largest = fmax(largest, fabs(a[i]));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double product = 0, both = 0;
            for (size_t k = 0; k < n; k++) {
                product += a[j * n + k] * vectors[i * n + k];
                both += vectors[i * n + k] * vectors[j * n + k];
            }
            worst = fmax(worst, fabs(product - values[i] * vectors[i * n + j]) / (largest > 0 ? largest : 1));
            worst = fmax(worst, fabs(both - (i == j)));
            CHECK(i == 0 || values[i] <= values[i - 1]);
        }
    CHECK_MSG(worst < tolerance, "n %zu: error %g", n, worst);
}

static void test_eigen(void)
{
    static double a[64 * 64], values[2], vectors[4];
    static const size_t sizes[] = {1, 2, 3, 5, 17, 64};
    struct fus_rng r;
    fus_rng_seed(&r, 1);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int kind = 0; kind < 5; kind++) {
            size_t n = sizes[k];
            for (size_t i = 0; i < n; i++)
                for (size_t j = i; j < n; j++)
                    a[i * n + j] = a[j * n + i] = kind == 0   ? fus_rng_normal(&r)
                                                  : kind == 1 ? 1 /* of rank 1 */
                                                  : kind == 2
                                                      ? (i == j) * (double)(1 + i % 3) /* diagonal, with equals */
                                                  : kind == 3 ? 0
                                                              : fus_rng_normal(&r) * 1e-9 + (i == j);
            check_eigen(a, n, 1e-12);
        }
    memcpy(a, (double[]){2, 1, 1, 2}, 4 * sizeof *a);
    CHECK(fus_eigen_symmetric(values, vectors, a, 2, &err) == 0);
    CHECK(test_close(values[0], 3, 1e-15) && test_close(values[1], 1, 1e-15));
    CHECK(test_close(vectors[0], sqrt(0.5), 1e-15) && vectors[0] == vectors[1] && vectors[2] > 0);
}

/* ---- vectors ---- */

static size_t first[P + 1];
static float unit[N * MOST_D];

/* Groups around common directions: 12 for all, or 12 of each participant's own; d dimensions. */
static struct fus_sdc_vectors draw(uint64_t seed, size_t d, bool shared, double noise)
{
    struct fus_rng r;
    static float centre[12 * MOST_D];
    fus_rng_seed(&r, seed);
    for (int s = 0; s < P; s++) {
        for (size_t i = 0; (s == 0 || !shared) && i < 12 * d; i++)
            centre[i] = (float)fus_rng_normal(&r);
        first[s + 1] = first[s] + EACH;
        for (size_t i = first[s]; i < first[s + 1]; i++) {
            float w[MOST_D];
            for (size_t j = 0; j < d; j++)
                w[j] = centre[(i % 12) * d + j] + (float)(noise * fus_rng_normal(&r));
            fus_sdc_unit(unit + i * d, w, d);
        }
    }
    return (struct fus_sdc_vectors){P, first, N, d, unit};
}

static void test_moments(void)
{
    enum { D = 6, REPLICATES = 200 };
    static float turned[N * D];
    double before[D * D] = {0}, after[D * D] = {0}, trace = 0, worst = 0, within = 0;
    struct fus_sdc_vectors v = draw(7, D, true, 1.0);
    struct fus_sdc_axes axes;
    CHECK(fus_sdc_null_axes(&axes, &v, &err) == 0 && axes.n == D);
    for (int k = 0; k < REPLICATES; k++) {
        CHECK(fus_sdc_null_rotate(turned, &v, &axes, 1, k, &err) == 0);
        for (size_t i = 0; i < N; i++)
            for (size_t a = 0; a < D; a++)
                for (size_t b = 0; b < D; b++) {
                    before[a * D + b] += (double)unit[i * D + a] * unit[i * D + b] / N / REPLICATES;
                    after[a * D + b] += (double)turned[i * D + a] * turned[i * D + b] / N / REPLICATES;
                }
        double c = 0; /* two of one group of one participant stay alike */
        for (size_t j = 0; j < D; j++)
            c += (double)turned[0 * D + j] * turned[12 * D + j];
        within += c / REPLICATES;
    }
    for (size_t a = 0; a < D; a++)
        trace += before[a * D + a];
    for (size_t i = 0; i < D * D; i++)
        worst = fmax(worst, fabs(after[i] - before[i]) / trace);
    CHECK_MSG(worst < 0.02, "second moments differ by %g of the trace", worst);
    double c = 0;
    for (size_t j = 0; j < D; j++)
        c += (double)unit[0 * D + j] * unit[12 * D + j];
    CHECK_MSG(fabs(within - c) < 0.15, "cosine %g, was %g", within, c);
    fus_sdc_null_free(&axes);
}

/* The eps that is chosen; -1: none. */
static int choose(const struct fus_sdc_vectors *v, double *eps, int *n_count)
{
    static float kappa[N];
    static int32_t label[FUS_SDC_MAX_EPS * N];
    int n_clusters[FUS_SDC_MAX_EPS], others = 2;
    struct fus_sdc_cluster_options o;
    struct fus_sdc_clustering c = {.o = &o, .rule = {.min_others = others}, .n_eps = 8, .chosen = -1};
    double grid[8];
    fus_sdc_cluster_defaults(&o);
    o.replicates = 3;
    c.decoders.vectors = *v;
    c.decoders.n = P, c.decoders.first = first;
    for (int e = 0; e < 8; e++)
        c.eps[e].eps = grid[e] = (e + 1) / 10.0;
    CHECK(fus_sdc_pairs_create(&c.pairs, v, &err) == 0);
    CHECK(fus_sdc_core_distances(kappa, c.pairs, N, &c.rule, &err) == 0);
    CHECK(fus_sdc_cluster(label, n_clusters, NULL, c.pairs, kappa, grid, 8, FUS_SDC_NEAREST, &err) == 0);
    c.kappa = kappa, c.label = label;
    for (int e = 0; e < 8; e++)
        c.eps[e].n_clusters = n_clusters[e];
    CHECK(fus_sdc_clustering_count(&c, &err) == 0);
    CHECK(fus_sdc_null_choose(&c, &err) == 0);
    *eps = c.chosen < 0 ? 0 : c.eps[c.chosen].eps;
    *n_count = c.chosen < 0 ? 0 : c.eps[c.chosen].n_count;
    fus_sdc_pairs_destroy(c.pairs);
    return c.chosen;
}

static void test_choice(void)
{
    double eps;
    int chosen = 0, n_count;
    fus_base_set_threads(1);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fus_sdc_vectors v = draw(seed, 24, false, 0.6);
        chosen += choose(&v, &eps, &n_count) >= 0;
    }
    CHECK_MSG(chosen == 0, "an eps is chosen in %d of 20 sets without sharing", chosen);
    for (uint64_t seed = 21; seed <= 25; seed++) {
        struct fus_sdc_vectors v = draw(seed, 24, true, 0.6);
        CHECK_MSG(choose(&v, &eps, &n_count) >= 0 && n_count >= 9, "eps %g, %d clusters count", eps, n_count);
    }
    fus_base_set_threads(0);
}

int main(void)
{
    test_eigen();
    test_moments();
    test_choice();
    return test_end();
}
