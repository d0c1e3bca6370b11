/* SPDX-License-Identifier: MIT */
/* Clusters that have run together: see chain.h. */
#include "analysis/sdc/chain.h"

#include "analysis/sdc/null.h"

static bool is_large(const struct fus_sdc_chain_eps *e)
{
    return e->largest > FUS_SDC_CHAIN_SHARE * e->clustered;
}

bool fus_sdc_chain_found(const struct fus_sdc_chain_eps *e)
{
    return e->n_count > 1 && is_large(e);
}

int fus_sdc_chain_smaller(const struct fus_sdc_chain_eps *e, int chosen)
{
    int i = chosen - 1;
    while (i >= 0 && !(e[i].q <= FUS_SDC_NULL_LEVEL && e[i].n_count > 1 && !is_large(&e[i])))
        i--;
    return i;
}
