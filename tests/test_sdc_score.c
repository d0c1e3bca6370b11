/* SPDX-License-Identifier: MIT */
/* Retrieval scores: against sorting (golden/sdc_fit.py), against plain loops, at their limits. */
#include "analysis/sdc/score.h"
#include "golden_npz.h"
#include "nn/base/rng.h"
#include "test.h"

enum { N = 96, V = 37, D = 16 };

struct decoded {
    float z[N * D];
    int32_t image[N];
    struct fus_sdc_embedding e;
    struct fus_sdc_decoded decoded;
};

static void open_decoded(struct decoded *d, const struct golden *g)
{
    const float *x = golden_array(g, "x", N * V), *w = golden_array(g, "w300", V * D), *b = golden_array(g, "b300", D);
    const float *image = golden_array(g, "image", N);
    for (int i = 0; i < N; i++) {
        d->image[i] = (int32_t)image[i];
        for (int j = 0; j < D; j++) {
            double sum = b[j];
            for (int v = 0; v < V; v++)
                sum += (double)x[i * V + v] * w[v * D + j];
            d->z[i * D + j] = (float)sum;
        }
    }
    d->e = (struct fus_sdc_embedding){N, D, (float *)(uintptr_t)golden_array(g, "y", N * D), NULL, ""};
    d->decoded = (struct fus_sdc_decoded){N, D, d->z, d->image, &d->e};
}

static void test_golden(const struct golden *g)
{
    static struct decoded d;
    struct fus_sdc_scores s;
    int32_t rank[N];
    const float *want = golden_array(g, "rank", N);
    double first = 0, mean = 0;
    open_decoded(&d, g);
    CHECK(fus_sdc_score_ranks(rank, NULL, &d.decoded, NULL) == 0);
    for (int i = 0; i < N; i++) {
        CHECK_MSG(rank[i] == (int32_t)want[i], "trial %d: rank %d, %g expected", i, (int)rank[i], (double)want[i]);
        first += want[i] <= 5 ? 1.0 / N : 0;
        mean += want[i] / N;
    }
    CHECK(fus_sdc_score(&s, &d.decoded, 500, 7, NULL) == 0);
    CHECK(s.n_trials == N && s.n_images == N / 3);
    CHECK(test_close(fus_sdc_score_value(&s, "top", 5), first, 1e-12));
    CHECK(test_close(fus_sdc_score_value(&s, "mean_rank", 0), mean, 1e-6));
    CHECK(test_close(fus_sdc_score_value(&s, "cosine", 0), *golden_array(g, "cosine", 1), 1e-5));
    CHECK(test_close(fus_sdc_score_value(&s, "two_vs_two", 0), *golden_array(g, "two_vs_two", 1), 1e-6));
    CHECK(isnan(fus_sdc_score_value(&s, "top", 50)) && isnan(fus_sdc_score_value(&s, "top_1_among", 300)));
    for (int k = 0; k < s.n_metrics; k++) {
        const struct fus_sdc_metric *m = &s.metrics[k];
        CHECK_MSG(m->low < m->value + 1e-9 && m->value < m->high + 1e-9 && m->high - m->low < fabs(m->value) + 0.5,
                  "%s %d: %g in %g .. %g", m->name, m->k, m->value, m->low, m->high);
    }
}

/* Random vectors of many images: chance everywhere, and the expected share among 300 against
 * draws. */
static void test_chance(void)
{
    enum { n = 700, d = 20 };
    float *z = malloc(n * d * sizeof *z), *y = malloc(n * d * sizeof *y);
    int32_t image[n], rank[n];
    struct fus_sdc_scores s;
    struct fus_rng r;
    double among = 0;
    fus_rng_seed(&r, 2);
    for (int i = 0; i < n; i++) {
        double squares = 0;
        image[i] = i;
        for (int j = 0; j < d; j++) {
            y[i * d + j] = (float)fus_rng_normal(&r);
            z[i * d + j] = (float)fus_rng_normal(&r) + 0.2f * y[i * d + j];
            squares += (double)y[i * d + j] * y[i * d + j];
        }
        for (int j = 0; j < d; j++)
            y[i * d + j] /= (float)sqrt(squares);
    }
    struct fus_sdc_embedding e = {n, d, y, NULL, ""};
    const struct fus_sdc_decoded all = {n, d, z, image, &e};
    CHECK(fus_sdc_score_ranks(rank, NULL, &all, NULL) == 0 && fus_sdc_score(&s, &all, 0, 1, NULL) == 0);
    for (int i = 0; i < n; i++) {
        double p = 1;
        for (int t = 0; t < 299; t++)
            p *= n - rank[i] - t > 0 ? (double)(n - rank[i] - t) / (n - 1 - t) : 0;
        among += p / n;
    }
    CHECK(test_close(fus_sdc_score_value(&s, "top_1_among", 300), among, 1e-10));
    CHECK(fus_sdc_score_value(&s, "two_vs_two", 0) > 0.6 && isnan(s.metrics[0].low));
    free(z);
    free(y);
}

/* Equal similarities: the earlier image comes first. Means of trials. */
static void test_ties(void)
{
    static float unit[8] = {1, 0, 1, 0, 0, 1, 1, 0}, z[8] = {3, 0, 2, 0, 1, 0, 0, 4}, mean[8];
    static const int32_t image[4] = {3, 0, 1, 3};
    int32_t rank[4], images[4];
    size_t n = 0;
    double own[4];
    struct fus_sdc_embedding e = {4, 2, unit, NULL, ""};
    const struct fus_sdc_decoded all = {4, 2, z, image, &e};
    CHECK(fus_sdc_score_ranks(rank, own, &all, NULL) == 0);
    CHECK(rank[0] == 3 && rank[1] == 1 && rank[2] == 2 && rank[3] == 3 && own[0] == 1 && own[3] == 0);
    CHECK(fus_sdc_score_average(&n, mean, images, &all, NULL) == 0);
    CHECK(n == 3 && images[2] == 3 && mean[0] == 2 && mean[4] == 1.5f && mean[5] == 2);
}

int main(void)
{
    struct golden g;
    if (!golden_open(&g, "tests/golden/sdc_fit.npz")) {
        CHECK(!"tests/golden/sdc_fit.npz");
        return test_end();
    }
    test_golden(&g);
    test_chance();
    test_ties();
    golden_close(&g);
    return test_end();
}
