/* SPDX-License-Identifier: MIT */
/* chain.c: the sweep of a study of networks in which eps .30 has most clusters and one of them has
 * three quarters of the voxels. */
#include "analysis/sdc/chain.h"

#include <math.h>

#include "test.h"

/* eps .15, .175, .20, .225, .25, .275, .30 */
static const struct fus_sdc_chain_eps sweep[] = {{4, 4, 0, NAN},       {44, 16, 1, 0},       {856, 144, 15, 0},
                                                 {1388, 235, 16, .06}, {2119, 1060, 16, 0},  {2987, 1827, 13, 0},
                                                 {4154, 3154, 20, 2e-5}};

static void test_found(void)
{
    CHECK(fus_sdc_chain_found(&sweep[6]) && fus_sdc_chain_found(&sweep[5]));
    CHECK(fus_sdc_chain_found(&sweep[4])); /* 1,060 of 2,119 are just more than half */
    CHECK(!fus_sdc_chain_found(&sweep[3]));
    const struct fus_sdc_chain_eps half = {2120, 1060, 16, 0}, single = {100, 100, 1, 0}, none = {0, 0, 0, NAN};
    CHECK(!fus_sdc_chain_found(&half) && !fus_sdc_chain_found(&single) && !fus_sdc_chain_found(&none));
}

static void test_smaller(void)
{
    CHECK(fus_sdc_chain_smaller(sweep, 6) == 2); /* .275 and .25 are no better, .225 does not pass the null */
    CHECK(fus_sdc_chain_smaller(sweep, 3) == 2);
    CHECK(fus_sdc_chain_smaller(sweep, 2) == -1); /* .175: one cluster counts; .15: no q */
    CHECK(fus_sdc_chain_smaller(sweep, 0) == -1);
}

int main(void)
{
    test_found();
    test_smaller();
    return test_end();
}
