/* SPDX-License-Identifier: MIT */
/* What chance gives: participants who share nothing, and the eps that chance does not reach.
 *
 * rotate: U, L are the principal axes and second moments of all vectors together, the first k that
 * hold 99.9 % of the trace. Each participant's vectors are scaled to equal variance there, turned
 * by a random orthogonal Q of its own and scaled back,
 *
 *   u' = u + U (L^1/2 Q' L^-1/2 - 1) U' u,   then of length 1 again.
 *
 * What all have in common in second moments stays, vectors of one participant that were alike stay
 * alike, what participants share is gone. Q: Gram-Schmidt of the columns of a matrix of noise
 * (noise.h), its key (seed, ROTATE, replicate, participant). */
#ifndef FUS_SDC_NULL_H
#define FUS_SDC_NULL_H

#include "analysis/sdc/clustering.h"
#include "analysis/sdc/noise.h"

struct fus_sdc_axes {
    size_t d, n;    /* dimensions; axes kept */
    double *axis;   /* [n, d] of length 1, by falling second moment */
    double *spread; /* [n] roots of the second moments */
    float noise[FUS_SDC_NOISE_LEVELS];
};
int fus_sdc_null_axes(struct fus_sdc_axes *axes, const struct fus_sdc_vectors *v, struct fus_error *err);
void fus_sdc_null_free(struct fus_sdc_axes *axes);

/* unit [n, d]: the vectors, each participant's turned. */
int fus_sdc_null_rotate(float *unit, const struct fus_sdc_vectors *v, const struct fus_sdc_axes *axes, uint64_t seed,
                        int replicate, struct fus_error *err);

#define FUS_SDC_NULL_LEVEL 0.05 /* the largest q that passes */

/* null_core, q and chosen of every eps, and chosen: of the eps with q <= 0.05 the one with most
 * clusters that count, of equal ones the largest. With FUS_SDC_NULL_PAIRING from decoders whose
 * training images were relabelled, which the fit's folder must have. */
int fus_sdc_null_choose(struct fus_sdc_clustering *c, struct fus_error *err);

#endif
