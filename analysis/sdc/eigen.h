/* SPDX-License-Identifier: MIT */
/* Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to a tridiagonal one,
 * then QL steps with implicit shifts (Golub & Van Loan, Matrix Computations, section 8.3). About 5
 * n^3 operations; + - * / and sqrt alone, so the same bits on every machine. */
#ifndef FUS_EIGEN_H
#define FUS_EIGEN_H

#include <stddef.h>

#include "nn/base/base.h"

/* values [n] descending; vectors [n, n], a row each of length 1, its entry of largest size
 * positive. a [n, n] is destroyed. */
int fus_eigen_symmetric(double *values, double *vectors, double *a, size_t n, struct fus_error *err);

#endif
