/* SPDX-License-Identifier: MIT */
/* Distances between all voxels of all participants, in blocks: no distance is kept.
 *
 * A voxel's vector u has unit length. The distance of two is D(u, v) = float(1 - c), where c is
 * the chain of float multiply-adds u_j v_j over j: the same whichever of the two comes first.
 * A vector of length 0 has the distance 1 from every vector, so up to eps = 1 it has no
 * neighbour. */
#ifndef FUS_SDC_PAIRS_H
#define FUS_SDC_PAIRS_H

#include "nn/base/base.h"

#define FUS_SDC_MAX_PARTICIPANTS 4096
#define FUS_SDC_MAX_DIMENSIONS 65536

/* The vectors of participant s are first[s] .. first[s + 1] - 1. */
struct fus_sdc_vectors {
    int n_participants;
    const size_t *first; /* [n_participants + 1] */
    size_t n, d;
    const float *unit; /* [n, d] of length 1, or all 0 */
};

/* unit [d] = float(w / |w|), the length in double over j = 0 .. d-1; zeros for a vector of zeros.
 * False: not all of w is finite. */
bool fus_sdc_unit(float *unit, const float *w, size_t d);

/* The vectors, packed for the micro-kernel of nn/kernel/gemm_tile.h: as many floats again. */
struct fus_sdc_pairs;
int fus_sdc_pairs_create(struct fus_sdc_pairs **p, const struct fus_sdc_vectors *v, struct fus_error *err);
void fus_sdc_pairs_destroy(struct fus_sdc_pairs *p); /* NULL allowed */

size_t fus_sdc_pairs_count(const struct fus_sdc_pairs *p); /* vectors */

/* Cosines of `rows` voxels of one participant with up to 16 of one participant (the same or a
 * later one). Of a participant's own pairs a strip may hold both (u, v) and (v, u), and (u, u):
 * only those with row < column count. */
struct fus_sdc_strip {
    const float *cosine; /* [rows, 16] */
    size_t row, column;  /* vectors of the first row and column */
    int rows, columns;
    int row_participant, column_participant;
};
typedef void (*fus_sdc_strip_fn)(void *context, const struct fus_sdc_strip *strip, int thread);

enum fus_sdc_which { FUS_SDC_ACROSS = 1, FUS_SDC_WITHIN = 2, FUS_SDC_ALL = 3 };

/* Calls visit for all pairs of different participants, of the same one, or both: each pair once, on
 * any thread, in any order. */
int fus_sdc_pairs_each(const struct fus_sdc_pairs *p, enum fus_sdc_which which, fus_sdc_strip_fn visit, void *context,
                       struct fus_error *err);

/* Who must be near a core voxel. */
enum fus_sdc_kind { FUS_SDC_PEOPLE, FUS_SDC_NETWORKS, FUS_SDC_KINDS };
struct fus_sdc_rule {
    int min_others;             /* other participants, of any kind */
    int require[FUS_SDC_KINDS]; /* participants of each kind, the voxel's own counted; 0: any number */
    const uint8_t *kind;        /* [n_participants] enum fus_sdc_kind; NULL: all are people */
};

/* Pass A. kappa [v->n]: the core distance of each vector, the smallest distance within which the
 * rule holds. Without `require` it is the min_others-th smallest of the distances to the nearest
 * vector of each other participant. Infinity where there are too few participants. */
int fus_sdc_core_distances(float *kappa, const struct fus_sdc_pairs *p, size_t n_vectors,
                           const struct fus_sdc_rule *rule, struct fus_error *err);

/* out [n, d] = in [n, d] times matrix [d, d], each element a float chain over the matrix's rows. */
int fus_sdc_multiply(float *out, const float *in, size_t n, const float *matrix, size_t d, struct fus_error *err);

#endif
