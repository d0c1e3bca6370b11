/* SPDX-License-Identifier: MIT */
/* multiple.c against NumPy, its threshold against its own q, and millions of p values
 * in reasonable time. */
#include "analysis/analysis.h"
#include "nn/base/rng.h"
#include "test.h"

static const double rows[][4] = {
#include "golden/stat_multiple.inc"
};
enum { N = sizeof rows / sizeof *rows };

static void test_golden(void)
{
    static const char *const names[3] = {"q by Benjamini-Hochberg", "q by Benjamini-Yekutieli", "p by Bonferroni"};
    const enum fus_correction kinds[3] = {FUS_BH, FUS_BY, FUS_BONFERRONI};
    double p[N], q[N];
    for (int i = 0; i < N; i++)
        p[i] = rows[i][0];
    for (int k = 0; k < 3; k++) {
        CHECK(fus_multiple_adjust(q, p, N, kinds[k], NULL) == 0);
        for (int i = 0; i < N; i++)
            CHECK_MSG(test_near(names[k], q[i], rows[i][k + 1], 1e-14), "correction %d, p %g: %.17g", k, p[i], q[i]);
    }
    CHECK(fus_multiple_adjust(q, p, N, FUS_UNCORRECTED, NULL) == 0 && memcmp(p, q, sizeof p) == 0);
    CHECK(fus_multiple_adjust(p, p, N, FUS_BH, NULL) == 0 && test_close(p[5], rows[5][1], 1e-14)); /* in place */
    CHECK(fus_multiple_adjust(NULL, NULL, 0, FUS_BH, NULL) == 0);
}

/* With any number of tests and any alpha, also with those p left out that are above it, or some
 * that are rejected, or not. */
static void test_threshold(void)
{
    struct fus_rng r;
    double p[200], q[200], some[200], open[200], scratch[200];
    fus_rng_seed(&r, 9);
    for (int round = 0; round < 400; round++) {
        size_t n = 1 + (size_t)fus_rng_below(&r, 200), kept = 0;
        double alpha = 0.2 * fus_rng_uniform(&r);
        enum fus_correction kind = (enum fus_correction)(round % 4);
        for (size_t i = 0; i < n; i++) {
            p[i] = fus_rng_uniform(&r);
            p[i] = round % 3 ? p[i] * p[i] * p[i] : (double)(int)(40 * p[i]) / 400; /* many ties */
            if (p[i] <= alpha)
                some[kept++] = p[i];
        }
        CHECK(fus_multiple_adjust(q, p, n, kind, NULL) == 0);
        double threshold = fus_multiple_threshold(some, scratch, kept, 0, n, alpha, kind);
        bool same = true;
        for (size_t i = 0; i < n; i++)
            same = same && (q[i] <= alpha) == (p[i] <= threshold);
        CHECK(same);
        size_t n_before = 0, n_open = 0;
        for (size_t i = 0; i < n; i++)
            if (i % 3)
                open[n_open++] = p[i];
            else
                n_before += q[i] <= alpha;
        threshold = fus_multiple_threshold(open, scratch, n_open, n_before, n, alpha, kind);
        for (size_t i = 0; i < n; i++)
            same = same && (i % 3 == 0 || (q[i] <= alpha) == (p[i] <= threshold));
        CHECK(same);
    }
}

static void test_many(void)
{
    size_t n = 1000000;
    double *p = fus_base_alloc(n, sizeof *p), *q = fus_base_alloc(n, sizeof *q);
    struct fus_rng r;
    fus_rng_seed(&r, 10);
    for (size_t i = 0; i < n; i++)
        p[i] = fus_rng_uniform(&r);
    p[7] = 1e-9;
    CHECK(fus_multiple_adjust(q, p, n, FUS_BH, NULL) == 0);
    CHECK(test_close(q[7], 1e-3, 1e-12));
    bool above = true;
    for (size_t i = 0; i < n; i++)
        above = above && q[i] >= p[i] * (1 - 1e-15) && q[i] <= 1;
    CHECK(above);
    fus_base_free(p);
    fus_base_free(q);
}

static void test_refusals(void)
{
    double p[3] = {0.1, NAN, 0.2}, q[3];
    struct fus_error err;
    CHECK(fus_multiple_adjust(q, p, 3, FUS_BH, &err) == FUS_EINVAL && strstr(err.msg, "p value 1"));
    p[1] = 1.5;
    CHECK(fus_multiple_adjust(q, p, 3, FUS_BONFERRONI, &err) == FUS_EINVAL);
    p[1] = -0.0;
    for (long n = 1; n <= 2; n++) {
        fus_base_fail_allocation(n);
        CHECK(fus_multiple_adjust(q, p, 3, FUS_BH, &err) == FUS_ENOMEM);
        fus_base_fail_allocation(0);
    }
    CHECK(fus_multiple_adjust(q, p, 3, FUS_BH, &err) == 0 && q[1] == 0);
}

int main(void)
{
    test_golden();
    test_threshold();
    test_many();
    test_refusals();
    return test_end();
}
