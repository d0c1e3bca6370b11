/* SPDX-License-Identifier: MIT */
/* Losses of a batch and their gradients, in double, pictures in batch order (METHOD.md,
 * "Learning").
 *
 *   cross-entropy   p = softmax(l)       dl = (p - q) / N     q = (1 - e) one-hot + e / classes
 *   1 - cosine      mean_n (1 - u^.t^)   du = -(t^ - u^ (u^.t^)) / |u| / N
 *   MSE             mean_n |u - t|^2/D   du = 2 (u - t) / (N D)
 *   InfoNCE         L = s E F', s = exp(scale); half the cross-entropy of the rows of L, half that
 *                   of its columns */
#ifndef FUS_LOSS_H
#define FUS_LOSS_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* of InfoNCE: the fixed value, or the initial value if it is learned (Radford et al. 2021) */
#define FUS_LOSS_TEMPERATURE 0.07

/* Each returns the loss; gradient arrays may be NULL. label[i] in 0 .. n_classes-1; -1: not counted
 * (its gradient is 0; N is still n). */
double fus_loss_cross_entropy(double *d_logits, const double *logits, const int *label, int n, int n_classes,
                              double smooth);
double fus_loss_cosine(double *du, const double *u, const double *target, int n, int dim);
double fus_loss_mse(double *du, const double *u, const double *target, int n, int dim);
/* u, v [n, dim] before unit length; *d_scale: of the logarithm of the inverse temperature.
 * scratch: 3 n n + 2 n dim. */
double fus_loss_infonce(double *du, double *dv, double *d_scale, const double *u, const double *v, double scale, int n,
                        int dim, double *scratch);

#ifdef __cplusplus
}
#endif

#endif
