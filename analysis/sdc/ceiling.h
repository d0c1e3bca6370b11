/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: the noise ceiling of voxels. */
#ifndef FUS_SDC_CEILING_H
#define FUS_SDC_CEILING_H

#include "analysis/sdc/data.h"
#include "analysis/sdc/matrix.h"

/* nc [n_masked] in percent of the variance of single trials, from the training images of d with at
 * least `repeats` trials, their first `repeats`:
 *
 *   within = mean over images, in rising order, of the variance (repeats - 1) of x
 *   signal = max(0, 1 - within)     nc = 100 signal / (signal + within)
 *
 * x = float((raw - centre) factor) as in data.h, centre and factor [n_sessions, n_masked]. Voxels
 * whose fate is not FUS_SDC_KEPT get NaN. *n_images: how many; 0: all are NaN. */
int fus_sdc_ceiling(float *nc, size_t *n_images, const struct fus_sdc_data *d, const struct fus_sdc_matrix *all,
                    const double *centre, const double *factor, int repeats, struct fus_error *err);

#endif
