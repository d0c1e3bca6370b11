/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: discrete Fourier transforms of any size, in double, bit-identical on every
 * machine.
 *
 *   X_k = sum_j x_j exp(-2 pi i j k / n)        inverse: exp(+...), divided by n
 *                                               (numpy.fft's conventions) */
#ifndef FUS_FFT_H
#define FUS_FFT_H

#include "nn/base/base.h"

struct fus_complex {
    double re, im;
};

struct fus_fft; /* tables for one size, and working memory; one for each thread */

int fus_fft_create(struct fus_fft **f, int n, struct fus_error *err);     /* 1 <= n <= 2^28 */
void fus_fft_free(struct fus_fft *f);                                     /* NULL allowed */
void fus_fft_run(struct fus_fft *f, struct fus_complex *x, bool inverse); /* x [n], in place */

/* x [height, width], in place: rows, then columns, as numpy.fft.fft2. */
int fus_fft_picture(struct fus_complex *x, int width, int height, bool inverse, struct fus_error *err);

/* The power |X|^2 of a real square picture, in place: x [n, n], n = fus_fft_padded(side). The
 * picture is [side, side], the rest is 0 and undefined afterwards. Bit-identical to
 * fus_fft_picture. */
size_t fus_fft_padded(int side);
int fus_fft_power(double *x, int side, struct fus_error *err);

#endif
