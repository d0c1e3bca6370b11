/* SPDX-License-Identifier: MIT */
/* Clusters against regions of interest: label images that the study's column `rois` names.
 *
 *   SET=FILE;SET=FILE   each FILE a volume, surface or array of whole numbers, 0 no region, in the
 *                       grid of the participant's responses; paths start at the study's folder
 *
 *   rois.csv            cluster, participant, set, roi, n_voxels (of the cluster), n_roi (kept
 *                       voxels), n_both, share_cluster, share_roi, dice, log_odds (1/2 added to
 *                       each count); rows with n_both > 0 */
#ifndef FUS_SDC_ROIS_H
#define FUS_SDC_ROIS_H

#include "analysis/sdc/explain.h"

int fus_sdc_rois_write(const struct fus_sdc_explained *x, const char *study, const char *folder, struct fus_error *err);

#endif
