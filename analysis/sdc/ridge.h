/* SPDX-License-Identifier: MIT */
/* Ridge regression from responses to unit embeddings, the baseline of the contrastive decoder:
 *
 *   W = (X'X + a I)^-1 X'Y           of V voxels <= n trials
 *   W = X' (XX' + a I)^-1 Y          else; X and Y centred over the training trials
 *   b = mean y - W' mean x
 *
 * The smaller matrix is made once and factored for every penalty a: float chains on the networks'
 * kernels, a Cholesky factorisation in blocks of 64 whose columns are in double. */
#ifndef FUS_SDC_RIDGE_H
#define FUS_SDC_RIDGE_H

#include "analysis/sdc/fit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_sdc_ridge;

int fus_sdc_ridge_open(struct fus_sdc_ridge **r, const struct fus_sdc_fit_source *source, struct fus_error *err);
int fus_sdc_ridge_solve(float *w, float *b, struct fus_sdc_ridge *r, double alpha, struct fus_error *err);
void fus_sdc_ridge_close(struct fus_sdc_ridge *r); /* NULL allowed */
size_t fus_sdc_ridge_bytes(const struct fus_sdc_fit_source *source);

#ifdef __cplusplus
}
#endif

#endif
