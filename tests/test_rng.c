/* SPDX-License-Identifier: MIT */
/* rng.c: the published sequences, ranges, moments of the draws. */
#include "nn/base/rng.h"

#include "test.h"

/* Counters that differ in any place, in length or in order give streams that differ; the same
 * one gives the same. */
static void test_counter(void)
{
    const uint64_t counters[][4] = {{1, 2, 3, 4}, {1, 2, 3, 5}, {1, 2, 4, 4}, {1, 3, 3, 4},
                                    {2, 2, 3, 4}, {4, 3, 2, 1}, {0, 0, 0, 0}, {1, 2, 0, 0}};
    uint64_t first[9];
    struct fus_rng r;
    for (int i = 0; i < 9; i++) {
        fus_rng_seed_counter(&r, counters[i < 8 ? i : 0], i < 8 ? 4 : 3);
        first[i] = fus_rng_u64(&r);
        for (int k = 0; k < i; k++)
            CHECK(first[k] != first[i]);
    }
    fus_rng_seed_counter(&r, counters[0], 4);
    CHECK(fus_rng_u64(&r) == first[0]);
}

/* Fills are single draws, and the stream goes on behind them. */
static void check_fills(void)
{
    struct fus_rng a, b;
    float uniform[100], normal[100];
    int same = 0;
    fus_rng_seed(&a, 5);
    fus_rng_seed(&b, 5);
    fus_rng_fill_uniform(&a, uniform, 100, 0.25);
    fus_rng_fill_normal(&a, normal, 100, 3.0);
    for (int i = 0; i < 100; i++)
        same += uniform[i] == (float)(0.25 * (2 * fus_rng_uniform(&b) - 1));
    for (int i = 0; i < 100; i++)
        same += normal[i] == (float)(3.0 * fus_rng_normal(&b));
    CHECK(same == 200 && fus_rng_u64(&a) == fus_rng_u64(&b));
}

int main(void)
{
    check_fills();
    /* xoshiro256** from the state 1, 2, 3, 4: the authors' C code */
    struct fus_rng r = {{1, 2, 3, 4}};
    CHECK(fus_rng_u64(&r) == 11520u && fus_rng_u64(&r) == 0 && fus_rng_u64(&r) == 1509978240u);
    CHECK(fus_rng_u64(&r) == 1215971899390074240u);
    /* SplitMix64 from 1234567, as printed by the author's C code */
    fus_rng_seed(&r, 1234567);
    CHECK(r.s[0] == 6457827717110365317u && r.s[1] == 3203168211198807973u);
    double sum = 0, squares = 0, normal = 0, normal_squares = 0;
    const int n = 100000;
    int counts[7] = {0};
    for (int i = 0; i < n; i++) {
        double u = fus_rng_uniform(&r), z = fus_rng_normal(&r);
        if (!(u >= 0 && u < 1))
            CHECK(false);
        sum += u, squares += u * u, normal += z, normal_squares += z * z;
        counts[fus_rng_below(&r, 7)]++;
    }
    /* five standard errors each */
    CHECK(fabs(sum / n - 0.5) < 5 * 0.2887 / sqrt(n) && fabs(squares / n - 1.0 / 3) < 5 * 0.2981 / sqrt(n));
    CHECK(fabs(normal / n) < 5 / sqrt(n) && fabs(normal_squares / n - 1) < 5 * 1.4142 / sqrt(n));
    for (int i = 0; i < 7; i++)
        CHECK(fabs(counts[i] - n / 7.0) < 5 * sqrt(n / 7.0));
    CHECK(fus_rng_below(&r, 1) == 0);
    test_counter();
    return test_end();
}
