/* SPDX-License-Identifier: MIT */
/* Label volumes that FreeSurfer, nilearn, nibabel and pycortex open. `fit` writes the space of each
 * participant once, so that `cluster` needs none of the response files.
 *
 *   DIR/voxels/NAME_mask.nii           int16, 1 where a voxel was kept; space of the responses
 *   DIR/voxels/NAME_lh_mask.mgh ...    int32, surfaces, one file for each hemisphere
 *   nothing                            responses are a plain array
 *
 *   OUT/NAME_labels.nii                int16, 0 none, cluster numbers from 1, intent label
 *   OUT/NAME_expanded.nii              the same, 4-d: one volume a cluster, 0 or 1
 *   OUT/NAME_lh_labels.mgh ...         int32
 *   OUT/labels.ctab                    FreeSurfer's colour table */
#ifndef FUS_SDC_VOLUMES_H
#define FUS_SDC_VOLUMES_H

#include "analysis/sdc/data.h"

/* Called by `fit`. Does nothing for plain arrays. */
int fus_sdc_volumes_write_mask(const char *dir, const struct fus_sdc_data *d, struct fus_error *err);

/* Called by `cluster`. label [n]: -1 none, else the cluster from 0, of the voxels that `fit` kept,
 * in order. *written: false if DIR has no mask of this participant. */
int fus_sdc_volumes_write_labels(bool *written, const char *dir, const char *out, const char *name,
                                 const int32_t *label, size_t n, struct fus_error *err);
/* member [n_clusters, n] 0 or 1. */
int fus_sdc_volumes_write_expanded(bool *written, const char *dir, const char *out, const char *name,
                                   const uint8_t *member, int n_clusters, size_t n, struct fus_error *err);
/* Whether the responses of two participants of DIR lie in one space: volumes or surfaces of the
 * same grids and geometry. */
int fus_sdc_volumes_same_space(bool *same, const char *dir, const char *a, const char *b, struct fus_error *err);
/* Voxels of a participant's responses, kept or not; 0: a plain array, of which DIR says nothing. */
int fus_sdc_volumes_places(size_t *n, const char *dir, const char *name, struct fus_error *err);
/* Names are "sdc-1", ..., and "sdc-1-kind:face" of a cluster that is called "kind:face". names
 * [n_clusters], or NULL; NULL entries: not called anything. */
int fus_sdc_volumes_write_colours(const char *out, int n_clusters, const char *const *names, struct fus_error *err);
/* The colour of cluster c, from 0. */
void fus_sdc_volumes_colour(uint8_t rgb[3], int c);

#endif
