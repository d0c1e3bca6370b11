/* SPDX-License-Identifier: MIT */
/* readout.c against NumPy; features that cannot be read. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "test.h"

static const float responses[] = {
#include "golden/stat_responses.inc"
};
static const double expected[3][70] = {
#include "golden/stat_readout.inc"
};
enum { UNITS = 117, CATEGORIES = 5, PICTURES = 29 };
static const int pictures[CATEGORIES] = {6, 7, 6, 8, 2};
static float x[PICTURES * UNITS];
static int category[PICTURES];
static size_t rows[PICTURES];

/* Every second picture, as in statistics.py. */
static struct fus_readout_data example(void)
{
    size_t n = 0;
    for (int c = 0, i = 0; c < CATEGORIES; c++)
        for (int k = 0; k < pictures[c]; k++, i++) {
            category[i] = c;
            memcpy(x + i * UNITS, responses + i * 120 + 3, UNITS * sizeof *x);
            if (i % 2 == 0)
                rows[n++] = (size_t)i;
        }
    return (struct fus_readout_data){x, category, rows, n, UNITS, CATEGORIES};
}

static double score(const struct fus_readout *r, int c, const float *of)
{
    double sum = r->bias[c];
    for (int f = 0; f < UNITS; f++)
        sum += r->weight[c * UNITS + f] * of[f];
    return sum;
}

static void test_golden(void)
{
    struct fus_readout_data d = example();
    struct fus_readout mean, ridge;
    double worst = 0;
    CHECK(fus_readout_mean(&mean, &d, NULL) == 0 && fus_readout_ridge(&ridge, &d, NULL) == 0);
    CHECK_MSG(test_close(ridge.lambda, expected[0][0], 1e-12), "%.17g", ridge.lambda);
    for (int k = 0; k < PICTURES / 2; k++) {
        const float *of = x + (2 * k + 1) * UNITS;
        int best = 0;
        CHECK_MSG(fus_readout_predict(&mean, of) == (int)expected[1][k], "picture %d", k);
        for (int c = 0; c < CATEGORIES; c++) {
            worst = fmax(worst, fabs(score(&ridge, c, of) - expected[2][k * CATEGORIES + c]));
            best = expected[2][k * CATEGORIES + c] > expected[2][k * CATEGORIES + best] ? c : best;
        }
        CHECK_MSG(fus_readout_predict(&ridge, of) == best, "picture %d", k);
    }
    CHECK_MSG(worst < 1e-11, "%g", worst); /* scores are about 1 */
    printf("largest relative error: %-46s %.1e   %d values\n", "ridge score (of scores about 1)", worst,
           PICTURES / 2 * CATEGORIES);
    fus_readout_destroy(&mean);
    fus_readout_destroy(&ridge);
}

static void test_edges(void)
{
    struct fus_readout_data d = example();
    struct fus_readout r;
    struct fus_error err;
    d.n_categories = CATEGORIES + 1; /* one without pictures */
    for (int which = 0; which < 2; which++) {
        CHECK((which ? fus_readout_ridge : fus_readout_mean)(&r, &d, NULL) == 0);
        CHECK(fus_readout_predict(&r, x) == 0 && isinf(r.bias[CATEGORIES]));
        x[0] = NAN;
        CHECK(fus_readout_predict(&r, x) == -1);
        x[0] = responses[3];
        fus_readout_destroy(&r);
    }
    memset(x, 0, sizeof x); /* nothing to tell by: no category before another, the first of equal ones */
    CHECK(fus_readout_ridge(&r, &d, NULL) == 0 && fus_readout_predict(&r, x) == 0);
    fus_readout_destroy(&r);
    x[5] = INFINITY;
    CHECK(fus_readout_ridge(&r, &d, &err) == FUS_EINVAL && strstr(err.msg, "not finite") && !r.weight);
    d.n = 2;
    CHECK(fus_readout_ridge(&r, &d, &err) == FUS_EINVAL && strstr(err.msg, "at least 3"));
    d.n = 0;
    CHECK(fus_readout_mean(&r, &d, &err) == FUS_EINVAL);
    d = example();
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 100; n++) {
        fus_base_fail_allocation(n);
        code = fus_readout_ridge(&r, &d, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    fus_readout_destroy(&r);
}

/* Two read-outs of two classes that differ along a direction of little variance: ridge finds it,
 * the class means do not. */
static void test_ridge_sees_more(void)
{
    enum { N = 80 };
    static float many[2 * N * 2];
    static int label[2 * N];
    size_t train[N], right[2] = {0, 0};
    struct fus_rng rng;
    fus_rng_seed(&rng, 11);
    for (int i = 0; i < 2 * N; i++) {
        label[i] = i % 2;
        double noise = 20 * fus_rng_normal(&rng);
        many[2 * i] = (float)(noise + fus_rng_normal(&rng) * 0.3);
        many[2 * i + 1] = (float)(noise + 2 * label[i]);
        if (i < N)
            train[i] = (size_t)i;
    }
    struct fus_readout_data d = {many, label, train, N, 2, 2};
    for (int which = 0; which < 2; which++) {
        struct fus_readout r;
        CHECK((which ? fus_readout_ridge : fus_readout_mean)(&r, &d, NULL) == 0);
        for (int i = N; i < 2 * N; i++)
            right[which] += fus_readout_predict(&r, many + 2 * i) == label[i];
        fus_readout_destroy(&r);
    }
    CHECK_MSG(right[1] > 75 && right[0] < 60, "%zu of 80 by ridge, %zu by the means", right[1], right[0]);
}

int main(void)
{
    test_golden();
    test_edges();
    test_ridge_sees_more();
    return test_end();
}
