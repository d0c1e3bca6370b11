/* SPDX-License-Identifier: MIT */
/* Clusters against regions of interest: label images that the study's column `rois` names.
 *
 *   SET=FILE[:NAMES];SET=FILE[:NAMES]...
 *
 *   FILE     a volume, surface or array of whole numbers in the grid of the participant's
 *            responses; 0 and numbers below it are no region (NSD: -1 is not cortex). Paths start
 *            at the study's folder. A SET that is given twice has its files side by side, as the
 *            hemispheres of the responses
 *   NAMES    names of the numbers, a file that ends in .tsv, .ctab or .txt (roi_names.h); without
 *            it FILE.ctab or FILE.tsv, with FILE's ending or in place of it, if there is one
 *
 *   rois.csv            cluster, participant, set, roi (the number), name (empty: none), n_voxels
 *                       (of the cluster), n_roi (kept voxels), n_both, share_cluster, share_roi,
 *                       dice, log_odds (1/2 added to each count); rows with n_both > 0 */
#ifndef FUS_SDC_ROIS_H
#define FUS_SDC_ROIS_H

#include "analysis/sdc/explain.h"

/* Before anything is clustered: reads every file that is named for one of the participants. */
int fus_sdc_rois_check(const struct fus_sdc_clustering *c, const char *study, struct fus_error *err);
int fus_sdc_rois_write(const struct fus_sdc_explained *x, const char *study, const char *folder, struct fus_error *err);

#endif
