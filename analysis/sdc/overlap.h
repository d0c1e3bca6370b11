/* SPDX-License-Identifier: MIT */
/* Clusters of networks' units against the selective units that `fusiform run` found with other
 * pictures. No label of any picture entered the clusters.
 *
 *   DIR/clusters/EPS/overlap.csv   cluster, model, layer, units (channels, single), category,
 *                                  n_units, n_channels (of the cluster in this model), n_selective,
 *                                  n_both, dice, log_odds, expected, p, q
 *
 * A participant takes part if the run has a model of its name with the layer. Its units are
 * channels (the fit's default: a channel counts as selective if at least half of its places are)
 * or all units. Chance: the run's labels shifted over channels, around the end, by every number of
 * channels; expected is the mean of n_both over these, p = (1 + shifts with at least n_both) /
 * (channels), corrected over all rows (Benjamini & Hochberg). log_odds: of the 2 x 2 table with
 * 1/2 added to each count. */
#ifndef FUS_SDC_OVERLAP_H
#define FUS_SDC_OVERLAP_H

#include "analysis/sdc/explain.h"

int fus_sdc_overlap_write(const struct fus_sdc_explained *x, const char *run, const char *layer, const char *folder,
                          struct fus_error *err);

#endif
