/* SPDX-License-Identifier: MIT */
/* What clusters found of what a simulation planted.
 *
 *   found.csv   vectors, concept, n_voxels, cluster, n_cluster, n_both, jaccard, purity, found
 *   demo.csv    vectors, eps, q, n_clusters, n_found, n_planted, apart, unwanted, rand_planted,
 * rand_all
 *
 * A concept is found if a cluster's voxels overlap with its own by a Jaccard index of 1/2 or more;
 * purity is the share of that cluster's voxels in which it is planted. apart: both halves of the
 * split concept (car by paint, car by view) are found, in two clusters. unwanted: concepts of too
 * few participants (number, glasses) that are found. Adjusted Rand indices: of the voxels with a
 * shared concept, and of all voxels, where what is not shared is one part. */
#ifndef FUS_SDC_FOUND_H
#define FUS_SDC_FOUND_H

#include "analysis/sdc/simulate.h"

struct fus_sdc_found {
    const char *vectors; /* "weight", "pattern" */
    double eps, q;       /* NaN: no eps was chosen */
    int n_clusters, n_found, n_planted, n_unwanted;
    bool apart;
    double rand_planted, rand_all;
    struct fus_sdc_found_concept {
        size_t n_voxels, n_cluster, n_both;
        int cluster; /* from 0; -1: none overlaps */
        double jaccard;
    } concept[FUS_SDC_N_CONCEPTS];
};

/* The folder `labels` has subj01_labels.npy ... of one eps, dir/decoders/subj01.npz the voxels that
 * were kept, truth the file that fus_sdc_simulate wrote. Fills all but vectors, eps and q. */
int fus_sdc_found_score(struct fus_sdc_found *found, const char *truth, const char *dir, const char *labels,
                        struct fus_error *err);
/* Both tables, of found [n]. */
int fus_sdc_found_write(const char *dir, const struct fus_sdc_found *found, int n, struct fus_error *err);

#endif
