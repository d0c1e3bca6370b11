/* SPDX-License-Identifier: MIT */
/* analysis/sdc/overlap_pool.c against all combinations of shifts. */
#include "analysis/sdc/overlap_pool.h"

#include <math.h>

#include "tests/test.h"

static struct fus_error err;

enum { SHIFTS = 7 };

/* Three networks: the share of the 7 x 7 x 7 combinations with as many units as without a shift. */
static void test_combinations(void)
{
    static const size_t both[3][SHIFTS] = {{3, 0, 1, 0, 2, 3, 0}, {1, 0, 0, 0, 1, 0, 0}, {2, 2, 0, 1, 0, 0, 0}};
    struct fus_sdc_overlap_pool *pool = NULL;
    int as_many = 0;
    CHECK(fus_sdc_overlap_pool_create(&pool, 2, 2, &err) == FUS_OK);
    for (int s = 0; s < 3; s++)
        CHECK(fus_sdc_overlap_pool_add(pool, 1, 0, 4, 5, both[s], SHIFTS, &err) == FUS_OK);
    for (int i = 0; i < SHIFTS * SHIFTS * SHIFTS; i++)
        as_many += both[0][i % SHIFTS] + both[1][i / SHIFTS % SHIFTS] + both[2][i / SHIFTS / SHIFTS] >= 6;
    CHECK(fabs(fus_sdc_overlap_pool_p(pool, 1, 0) - as_many / 343.0) < 1e-12);
    CHECK(fus_sdc_overlap_pool_p(pool, 0, 0) == 1 && fus_sdc_overlap_pool_p(pool, 1, 1) == 1);
    fus_sdc_overlap_pool_destroy(pool);
}

/* Many networks that agree: p is 7 to the minus n, without the loss of 1 - P. */
static void test_small(void)
{
    static const size_t both[SHIFTS] = {9, 0, 0, 1, 0, 0, 0}, none[SHIFTS] = {0};
    struct fus_sdc_overlap_pool *pool = NULL;
    CHECK(fus_sdc_overlap_pool_create(&pool, 1, 2, &err) == FUS_OK);
    for (int s = 0; s < 20; s++) {
        CHECK(fus_sdc_overlap_pool_add(pool, 0, 0, 9, 9, both, SHIFTS, &err) == FUS_OK);
        CHECK(fus_sdc_overlap_pool_add(pool, 0, 1, 9, 9, none, SHIFTS, &err) == FUS_OK);
    }
    CHECK(fabs(fus_sdc_overlap_pool_p(pool, 0, 0) * pow(7, 20) - 1) < 1e-10);
    CHECK(fus_sdc_overlap_pool_p(pool, 0, 1) == 1);
    fus_sdc_overlap_pool_destroy(pool);
}

static void test_memory(void)
{
    static const size_t both[SHIFTS] = {2, 0, 1, 0, 0, 0, 0};
    for (long n = 1; n <= 4; n++) {
        struct fus_sdc_overlap_pool *pool = NULL;
        fus_base_fail_allocation(n);
        int code = fus_sdc_overlap_pool_create(&pool, 1, 1, &err);
        if (!code)
            code = fus_sdc_overlap_pool_add(pool, 0, 0, 3, 3, both, SHIFTS, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_ENOMEM);
        fus_sdc_overlap_pool_destroy(pool);
    }
}

int main(void)
{
    test_combinations();
    test_small();
    test_memory();
    return test_end();
}
