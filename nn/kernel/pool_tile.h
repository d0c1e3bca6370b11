/* SPDX-License-Identifier: MIT */
/* Max pooling, written once for all instruction sets with the macros of gemm_tile.h and
 *
 *   MOST(x, y)  x if y <= x or x is NaN, else y */
#include <math.h>

/* A row of outputs [width, 16] of one block of channels from a plane [in_height, in_width, 16]: the
 * largest of the kernel x kernel inputs inside the plane, from row y0 on; a NaN makes the result
 * NaN. */
TARGET static void pool_max(float *out, const float *plane, int width, int in_height, int in_width, int kernel,
                            int stride, int padding, int y0)
{
    const int y_from = y0 < 0 ? 0 : y0, y_end = y0 + kernel < in_height ? y0 + kernel : in_height;
    for (int x = 0; x < width; x++, out += FUS_LANES) {
        const int x0 = x * stride - padding, x_from = x0 < 0 ? 0 : x0,
                  x_end = x0 + kernel < in_width ? x0 + kernel : in_width;
        VEC most[PER_BLOCK];
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++)
            most[v] = CONSTANT(-INFINITY);
        for (int y = y_from; y < y_end; y++)
            for (int i = x_from; i < x_end; i++) {
                const float *in = plane + ((size_t)y * (size_t)in_width + (size_t)i) * FUS_LANES;
                UNROLL
                for (int v = 0; v < PER_BLOCK; v++)
                    most[v] = MOST(most[v], LOAD(in + v * WIDTH));
            }
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++)
            STORE(out + v * WIDTH, most[v]);
    }
}
