/* SPDX-License-Identifier: MIT */
/* A linear decoder applied: decoded embeddings of trials, and the pattern of each voxel. */
#ifndef FUS_SDC_DECODER_H
#define FUS_SDC_DECODER_H

#include "analysis/sdc/data.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_sdc_decoder {
    size_t n_voxels, d;
    const float *w, *b; /* [V, d], [d] */
};

/* z [n, d] = W' x + b of trials [n]: float chains over voxels, as in the fit. */
int fus_sdc_decoder_apply(float *z, const struct fus_sdc_decoder *decoder, const struct fus_sdc_data *data,
                          const int32_t *trials, size_t n, struct fus_error *err);

/* out [n, d]: z less the mean of its rows; may be z. */
void fus_sdc_decoder_centre(float *out, const float *z, size_t n, size_t d);

/* a_v = mean over trials of (x_v - mean x_v) (z - mean z), [V, d]: what voxel v's activity goes
 * with in the decoded embedding (Haufe et al. 2014, without the factor cov(z)^-1). z [n, d] from
 * apply. Float chains over 128 trials at a time, their sums in double. */
int fus_sdc_decoder_pattern(float *pattern, const float *z, size_t d, const struct fus_sdc_data *data,
                            const int32_t *trials, size_t n, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
