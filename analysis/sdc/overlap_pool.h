/* SPDX-License-Identifier: MIT */
/* Is a cluster one of the localizer's categories? All networks that take part together.
 *
 *   DIR/clusters/EPS/categories.csv   cluster, category, n_networks, n_units, n_selective, n_both,
 *                                     expected, p, q
 *
 * n_both: the cluster's units that are selective for the category, over all networks that have
 * units in the cluster. Chance: in each network the labels are shifted over channels, around the
 * end, by a number of channels of its own; every number is equally likely. The distribution of the
 * sum is the convolution of the networks' own. p is the chance of n_both or more, so that three
 * networks of 256 channels can reach 256^-3; q by Benjamini & Hochberg over all rows. */
#ifndef FUS_SDC_OVERLAP_POOL_H
#define FUS_SDC_OVERLAP_POOL_H

#include "nn/base/base.h"

struct fus_sdc_overlap_pool;
int fus_sdc_overlap_pool_create(struct fus_sdc_overlap_pool **pool, int n_clusters, int n_categories,
                                struct fus_error *err);
void fus_sdc_overlap_pool_destroy(struct fus_sdc_overlap_pool *pool); /* NULL allowed */

/* A network with n_units units in a cluster. both [n_shifts]: how many of them are selective after
 * each shift, the first without one. */
int fus_sdc_overlap_pool_add(struct fus_sdc_overlap_pool *pool, int cluster, int category, size_t n_units,
                             size_t n_selective, const size_t *both, int n_shifts, struct fus_error *err);

/* The chance of n_both or more; 1 where nothing was added. */
double fus_sdc_overlap_pool_p(const struct fus_sdc_overlap_pool *pool, int cluster, int category);

int fus_sdc_overlap_pool_write(const struct fus_sdc_overlap_pool *pool, char *const *categories, const char *folder,
                               struct fus_error *err);

#endif
