/* SPDX-License-Identifier: MIT */
/* analysis/lsa.c against NumPy (tests/golden/train_data.py), and eigenvectors by
 * what defines them. */
#include "analysis/lsa.h"

#include "nn/base/rng.h"
#include "stimuli/text/captions.h"
#include "tests/golden/train_lsa.inc"
#include "tests/test.h"

static struct fus_error err;

/* Relative to the largest value of the array. */
static void near(const char *name, const double *got, const double *want, size_t n, double tolerance)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(want[i]));
        worst = fmax(worst, fabs(got[i] - want[i]));
    }
    CHECK_MSG(worst <= tolerance * largest, "%s: %g of %g", name, worst, largest);
    test_near(name, largest + worst, largest, 1);
}

static void test_numpy(void)
{
    struct fus_vocabulary v = {0};
    struct fus_bags b = {0};
    struct fus_lsa l = {0};
    double scratch[GOLDEN_WORDS];
    CHECK(fus_vocabulary_count(&v, golden_captions, GOLDEN_TEXTS, 5, 0, &err) == 0 && v.n == GOLDEN_WORDS);
    for (int i = 0; i < v.n && i < GOLDEN_WORDS; i++)
        CHECK(strcmp(v.words[i], golden_vocabulary[i]) == 0);
    CHECK(fus_vocabulary_bags(&b, &v, golden_captions, GOLDEN_TEXTS, &err) == 0);
    CHECK(fus_lsa_fit(&l, b.start, b.words, b.n, v.n, GOLDEN_DIM, &err) == 0);
    near("idf", l.idf, golden_idf, GOLDEN_WORDS, 1e-10);
    near("mean", l.mean, golden_mean, GOLDEN_WORDS, 1e-10);
    near("eigenvalues", l.values, golden_values, GOLDEN_DIM, 1e-10);
    near("axes", l.axes, golden_axes, (size_t)GOLDEN_DIM * GOLDEN_WORDS, 1e-10);
    CHECK(fabs(l.share - golden_share) < 1e-10);
    for (size_t t = 0; t < b.n; t++) {
        float out[GOLDEN_DIM];
        CHECK(fus_lsa_embed(out, &l, b.words + b.start[t], b.start[t + 1] - b.start[t], scratch));
        for (int i = 0; i < GOLDEN_DIM; i++)
            CHECK(fabs(out[i] - golden_embedding[t * GOLDEN_DIM + (size_t)i]) < 1e-7); /* rounded to float */
    }
    float out[GOLDEN_DIM] = {1};
    CHECK(!fus_lsa_embed(out, &l, NULL, 0, scratch) && out[0] == 0);
    fus_lsa_free(&l);
    fus_vocabulary_free_bags(&b);
    fus_vocabulary_free(&v);
}

/* A v = value v, v orthonormal, values descending, the largest entry positive: random matrices,
 * repeated eigenvalues too. */
static void test_eigen(void)
{
    static double a[40 * 40], keep[40 * 40], v[40 * 40], values[40];
    for (int n = 1; n <= 40; n += 13) {
        struct fus_rng rng;
        fus_rng_seed(&rng, (uint64_t)n);
        for (int i = 0; i < n; i++)
            for (int k = 0; k <= i; k++)
                a[i * n + k] = a[k * n + i] = n == 14 ? i == k ? 2 : 0 : fus_rng_normal(&rng);
        memcpy(keep, a, sizeof a);
        fus_lsa_eigen(values, v, a, n);
        double worst = 0;
        for (int e = 0; e < n; e++) {
            double largest = 0;
            for (int i = 0; i < n; i++) {
                double sum = 0, dot = 0;
                for (int k = 0; k < n; k++) {
                    sum += keep[i * n + k] * v[e * n + k];
                    dot += v[e * n + k] * v[i * n + k];
                }
                worst = fmax(worst, fmax(fabs(sum - values[e] * v[e * n + i]), fabs(dot - (i == e))));
                largest = fabs(v[e * n + i]) > fabs(largest) ? v[e * n + i] : largest;
            }
            CHECK(largest > 0 && (e == 0 || values[e] <= values[e - 1]));
        }
        CHECK_MSG(worst < 1e-13 * (n + 10), "n %d: %g", n, worst);
    }
}

static void test_errors(void)
{
    static const size_t start[] = {0, 2, 4};
    static const int words[] = {0, 1, 1, 2};
    struct fus_lsa l = {.dim = 77};
    CHECK(fus_lsa_fit(&l, start, words, 2, 3, 4, &err) == FUS_EINVAL && strstr(err.msg, "expected 1 to 3") &&
          l.dim == 77);
    CHECK(fus_lsa_fit(&l, start, words, 2, 3, 0, &err) == FUS_EINVAL);
    CHECK(fus_lsa_fit(&l, start, words, 1, 3, 2, &err) == FUS_EINVAL && strstr(err.msg, "1 captions"));
    CHECK(fus_lsa_fit(&l, start, words, 2, FUS_LSA_MAX_WORDS + 1, 2, &err) == FUS_ELIMIT);
    for (long k = 1; k < 30; k++) {
        fus_base_fail_allocation(k);
        int code = fus_lsa_fit(&l, start, words, 2, 3, 2, &err);
        fus_base_fail_allocation(0);
        if (code == 0)
            break;
        CHECK(code == FUS_ENOMEM && k < 29);
    }
    CHECK(l.idf[1] == 0 && l.dim == 2); /* a word of every text says nothing */
    float out[2];
    double scratch[3];
    CHECK(!fus_lsa_embed(out, &l, words + 1, 1, scratch));
    fus_lsa_free(&l);
}

int main(void)
{
    test_numpy();
    test_eigen();
    test_errors();
    return test_end();
}
