/* SPDX-License-Identifier: MIT */
/* Clusters of voxels of several participants: shared decodable concepts.
 *
 *   near_s(u)  least D from u to a voxel of participant s
 *   kappa(u)   the min_others-th smallest near_s(u) over the other participants; with `require`,
 *              the least distance within which the rule of pairs.h holds
 *   core       kappa(u) < eps
 *   cluster    a connected component of core voxels under D < eps, numbered by its first core voxel
 *   border     not core, with a core neighbour; all else is noise, -1
 *
 * Rule of Efird, Murphy, Zylberberg & Fyshe (ICLR 2025), a density search after Ester, Kriegel,
 * Sander & Xu (1996). u and v are linked at eps where max(kappa(u), kappa(v), D(u, v)) < eps, the
 * mutual reachability of Campello, Moulavi & Sander (2013): clusters of rising eps are nested. */
#ifndef FUS_SDC_CLUSTER_H
#define FUS_SDC_CLUSTER_H

#include "analysis/sdc/pairs.h"

#define FUS_SDC_MAX_EPS 64

enum fus_sdc_border {
    FUS_SDC_NEAREST, /* to the cluster of the nearest core voxel, of equally near ones of the first */
    FUS_SDC_LAST     /* to the highest-numbered cluster among core neighbours, as the authors' search */
};

/* Pass B (and, for LAST, C). label [n_eps, vectors]: cluster from 0, -1 noise; n_clusters, near
 * [n_eps]: clusters, and pairs whose distance is within 1e-6 of eps (near may be NULL). eps [n_eps]
 * ascending, at most FUS_SDC_MAX_EPS; a distance counts if it is smaller than float(eps). */
int fus_sdc_cluster(int32_t *label, int *n_clusters, uint64_t *near, const struct fus_sdc_pairs *p, const float *kappa,
                    const double *eps, int n_eps, enum fus_sdc_border border, struct fus_error *err);

/* Expansion: member [n_clusters, n_vectors] is 1 for a cluster's voxels and, within each
 * participant, for voxels nearer than eps to one of them. */
int fus_sdc_expand(uint8_t *member, const struct fus_sdc_pairs *p, const int32_t *label, int n_clusters,
                   size_t n_vectors, double eps, struct fus_error *err);

#endif
