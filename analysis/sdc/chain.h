/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: whether clusters have run together at the eps that was chosen.
 *
 * eps is chosen by the number of clusters that count. As eps grows, chains of near voxels join
 * concepts into one large cluster while small clusters go on appearing, so the number can be
 * largest where most voxels are in one cluster. Chance does not tell: turned at random, vectors
 * have hardly a core voxel there. The rule of choice stays as it is; such an eps is named, and the
 * next smaller one beside it. */
#ifndef FUS_SDC_CHAIN_H
#define FUS_SDC_CHAIN_H

#include <stdbool.h>

#define FUS_SDC_CHAIN_SHARE 0.5 /* of the clustered voxels in one cluster, above which it is said */

/* What eps.csv has of one eps. clustered: core and border voxels. */
struct fus_sdc_chain_eps {
    double clustered, largest, n_count, q;
};

/* Two clusters or more count, and one of them has more than the share. */
bool fus_sdc_chain_found(const struct fus_sdc_chain_eps *e);

/* Among e[0] .. e[chosen - 1] the last that passes the null and has two clusters or more that
 * count, none of them with more than the share; -1: there is none. */
int fus_sdc_chain_smaller(const struct fus_sdc_chain_eps *e, int chosen);

#endif
