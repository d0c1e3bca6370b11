/* SPDX-License-Identifier: MIT */
/* Plain matrix products with the micro-kernels of the networks, for decoders.
 *
 * Layouts, with rows, k and columns of any size and the 16-wide index filled up with zeros:
 *   blocked   [ceil(columns/16), rows, 16]   of a matrix [rows, columns], as all operands are
 *
 * Every element of a product is one chain of fused multiply-adds in rising order of the summed
 * index, in float, for any instruction set and number of threads. */
#ifndef FUS_MATMUL_H
#define FUS_MATMUL_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_kernel; /* nn/kernel/kernels.h */

/* n rounded up to a multiple of 16. */
size_t fus_matmul_pad(size_t n);

/* Blocked layout of x [rows, columns], and of its transpose: to [ceil(rows/16), columns, 16]. */
void fus_matmul_pack(float *to, const float *x, size_t rows, size_t columns);
void fus_matmul_pack_transposed(float *to, const float *x, size_t rows, size_t columns);
void fus_matmul_unpack(float *x, const float *from, size_t rows, size_t columns);

/* out = a b + bias:  out[i, j] = sum_k a[i, k] b[k, j]
 *
 * a [k/16, rows, 16], b [columns/16, k, 16], bias [columns] or NULL, out [columns/16, rows, 16];
 * k and columns are multiples of 16
 *
 * onto            the chains continue from the values in out, else they start at 0
 * a_step, out_step  floats from a block of 16 to the next, in a larger matrix; 0: rows * 16 */
struct fus_matmul {
    size_t rows, k, columns;
    const float *a, *b, *bias;
    float *out;
    bool onto;
    size_t a_step, out_step;
};
void fus_matmul_run(const struct fus_matmul *m, const struct fus_kernel *kernel);

/* The product over rows:  out[v, j] = sum_i a[i, v] b[i, j]
 *
 * a     [k/16, rows, 16], b [columns/16, rows, 16], out [columns/16, k, 16]
 * onto  as above
 * lower tiles with v < j alone are left out, where out is symmetric
 * use   gets each tile [16 v, 16 j] while it is in the first-level cache, and out may be NULL:
 *       v0 = 16 times the tile's first index, block = j / 16. Called by several threads. */
struct fus_matmul_over_rows {
    size_t rows, k, columns;
    const float *a, *b;
    float *out;
    bool onto, lower;
    void (*use)(void *context, const float *tile, size_t block, size_t v0);
    void *context;
    size_t a_step, out_step; /* 0: rows * 16, k * 16 */
};
void fus_matmul_run_over_rows(const struct fus_matmul_over_rows *m, const struct fus_kernel *kernel);

#ifdef __cplusplus
}
#endif

#endif
