/* SPDX-License-Identifier: MIT */
/* The vectors that are clustered: decoders of a fit, or .npy files from anywhere. */
#ifndef FUS_SDC_DECODERS_H
#define FUS_SDC_DECODERS_H

#include "analysis/sdc/pairs.h"

struct fus_sdc_decoders {
    int n;       /* participants */
    char **name; /* [n] */
    char **path; /* [n] */
    char (*sha256)[65];
    struct fus_sdc_vectors vectors;
    size_t *first;       /* [n + 1], as in vectors */
    float *unit;         /* [vectors.n, d], as in vectors */
    int32_t *voxel;      /* [vectors.n] its number in the participant's responses */
    size_t n_zero;       /* vectors of length 0 */
    int32_t (*layer)[3]; /* [n] of a network: channels, height, width (decode.h); all 0: a person */
};

/* specs [n]: NAME=FILE, a .npy [voxels, d] or, transposed, [d, voxels]. */
int fus_sdc_decoders_read(struct fus_sdc_decoders *d, const char *const *specs, int n, bool transposed,
                          struct fus_error *err);

/* DIR/decoders/NAME.npz in the order of the study (sdc.json), else in natural order: its array
 * `which` ("weight", "pattern"). */
int fus_sdc_decoders_open(struct fus_sdc_decoders *d, const char *dir, const char *which, struct fus_error *err);

/* w [voxels, d] of one participant: the array `which` of DIR/decoders/NAME/FILE, a single run or a
 * half. *found: false if there is no such file or array. w NULL: only whether there is. */
int fus_sdc_decoders_run(float *w, bool *found, const struct fus_sdc_decoders *d, int participant, const char *dir,
                         const char *file, const char *which, struct fus_error *err);
void fus_sdc_decoders_close(struct fus_sdc_decoders *d);

#endif
