/* SPDX-License-Identifier: MIT */
/* The objective of a decoder: symmetric InfoNCE on cosines (METHOD.md,
 * "The decoder and its loss").
 *
 *   z_i = W' x_i + b,  p_i = z_i / |z_i|,  s_ij = p_i . y_j / tau
 *   L = 1/2 mean_i (log sum_j e^s_ij - s_ii) + 1/2 mean_j (log sum_i e^s_ij - s_jj) */
#ifndef FUS_SDC_LOSS_H
#define FUS_SDC_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A batch in double. w [V, d], b [d]; x [n, V], y [n, d] rows of length 1; image [n] or NULL:
 * trials of the same image are left out of each other's sums. */
struct fus_sdc_batch {
    size_t n, n_voxels, d;
    const double *w, *b, *x, *y;
    const int32_t *image;
    double temperature;
};

/* The loss, and its gradient in dw [V, d] and db [d] where they are not NULL: loops as the formulas
 * are read, for small sizes. scratch: 2 n d + 3 n n + d numbers. fit.c is the same in float. */
double fus_sdc_loss(double *dw, double *db, const struct fus_sdc_batch *batch, double *scratch);

#ifdef __cplusplus
}
#endif

#endif
