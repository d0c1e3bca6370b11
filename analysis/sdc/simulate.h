/* SPDX-License-Identifier: MIT */
/* Simulated participants with planted concepts, written as files that `fit` reads: what the method
 * finds can be compared with what is there.
 *
 *   embedding.npy   [images, d] f32, from the kind of each drawn picture and the words of its
 * caption
 *   study.tsv       subj01/session*.nii (int16 = 300 x percent), subj01/mask.nii, subj01/trials.tsv
 *   truth.csv       participant, voxel (number in the file), i, j, k, concept, nc
 *   images.tsv      image (row of the embedding), path, labels: by fus_sdc_simulate_images
 *
 * A picture's embedding is the sum of orthonormal axes: its category (face, body, place, word,
 * number, car or instrument; 1 + 0.3 e), left or right (-1, 1; 0: neither) and glasses (1), each x
 * 1.2; of cars the paint (black -1, grey 0, white 1) and the view (front -1, side 0, rear 1), each
 * x 1.2 sqrt(3/2), which all others have x 0.2 e; one axis that all share (1); 0.25 e in all other
 * dimensions; e ~ N(0, 1). Rows then have length 1.
 *
 * A voxel's response to an image is its direction . (embedding - mean), of variance 1 over the
 * participant's images, times sqrt(nc), plus noise times sqrt(1 - nc): 80 % white, 20 % in five
 * factors of a session. nc = 8 + 52 Beta(1.2, 3) %. Gain 0.5 to 2 and an offset change with every
 * session. Directions: axis + 0.4 of a random unit vector. */
#ifndef FUS_SDC_SIMULATE_H
#define FUS_SDC_SIMULATE_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

/* What is planted in a voxel. The first eight are shared; `car by paint` voxels follow car +
 * paint, `car by view` voxels car + view, so these two have a cosine of 1/2. Instrument is there
 * in the first half of the participants (at least four), number in three, glasses in one. */
enum fus_sdc_concept {
    FUS_SDC_FACE,
    FUS_SDC_BODY,
    FUS_SDC_PLACE,
    FUS_SDC_WORD,
    FUS_SDC_INSTRUMENT,
    FUS_SDC_CAR_PAINT,
    FUS_SDC_CAR_VIEW,
    FUS_SDC_LEFT_RIGHT,
    FUS_SDC_N_SHARED,
    FUS_SDC_NUMBER = FUS_SDC_N_SHARED,
    FUS_SDC_GLASSES,
    FUS_SDC_N_CONCEPTS,
    FUS_SDC_MIXED = FUS_SDC_N_CONCEPTS, /* the sum of two of the participant's concepts */
    FUS_SDC_IDLE                        /* a direction of its own; half of these have no signal */
};
const char *fus_sdc_simulate_name(enum fus_sdc_concept c);

struct fus_sdc_simulate_options {
    uint64_t seed;
    int n_participants;            /* 8; 0: pictures and their embedding alone */
    size_t n_shared, n_own;        /* images seen by all, and by one participant: 150, 900 */
    int repeats, n_sessions;       /* of each image; 3, 6 */
    size_t d;                      /* dimensions; 64 */
    double scatter;                /* factor of every e in an embedding; 1 */
    size_t group, n_mixed, n_idle; /* voxels of a concept (24 +- 8), 40, 160 */
    bool alone;                    /* every participant's concepts have axes of their own: nothing is shared */
};
void fus_sdc_simulate_defaults(struct fus_sdc_simulate_options *o);

/* Writes all but images.tsv into the folder, which is made. */
int fus_sdc_simulate(const char *folder, const struct fus_sdc_simulate_options *o, struct fus_error *err);

/* images.tsv, and drawn [images] of the pictures, 64 pixels wide, in folder/pictures. */
int fus_sdc_simulate_images(const char *folder, const struct fus_sdc_simulate_options *o, const uint8_t *drawn,
                            struct fus_error *err);

#endif
