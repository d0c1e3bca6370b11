/* SPDX-License-Identifier: MIT */
/* Ordinary ways of clustering, beside the shared clusters. */
#ifndef FUS_SDC_BESIDE_H
#define FUS_SDC_BESIDE_H

#include "analysis/sdc/explain.h"

/* Spherical k-means (Dhillon & Modha 2001) of all vectors but those of participant `skip` (-1: of
 * all): label [v->n], -1 where a vector takes no part; centroid [k, d] of length 1. Of four starts
 * by the rule of k-means++ (Arthur & Vassilvitskii 2007), with 1 - cosine for the squared distance,
 * the one with the largest sum of cosines. Equal cosines: the first cluster. At most 50 rounds; a
 * cluster without members keeps its centroid. */
int fus_sdc_beside_means(int32_t *label, double *centroid, const struct fus_sdc_vectors *v, int k, int skip,
                         uint64_t seed, struct fus_error *err);

/* DBSCAN (Ester et al. 1996) within participant s: a voxel is core if at least `others` other
 * voxels of the participant are nearer than eps. label [first[s + 1] - first[s]] as of
 * fus_sdc_cluster, with border voxels to the nearest core voxel. */
int fus_sdc_beside_within(int32_t *label, int *n_clusters, const struct fus_sdc_vectors *v, int s, int others,
                          double eps, struct fus_error *err);

/* comparison.csv, a row for each way; comparison_clusters.csv, for each cluster. */
int fus_sdc_beside_write(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err);

#endif
