/* SPDX-License-Identifier: MIT */
/* Max pooling backward, one source for all instruction sets with the macros of gemm_tile.h and
 * pool_tile.h: adds the gradients [height, width, 16] of a plane's windows to dx
 * [in_height, in_width, 16], each to the window's first largest place in raster order. */

/* The largest of a window: rows y .. y_end-1, columns x .. x_end-1. */
INLINE VEC window_most(const float *plane, int in_width, int y, int y_end, int x, int x_end)
{
    VEC most = CONSTANT(-INFINITY);
    for (int i = y; i < y_end; i++)
        for (int j = x; j < x_end; j++)
            most = MOST(most, LOAD(plane + ((size_t)i * (size_t)in_width + (size_t)j) * FUS_LANES));
    return most;
}

TARGET static void pool_max_back(float *dx, const float *dout, const float *plane, const struct fus_pool_shape *s)
{
    for (int row = 0; row < s->height; row++)
        for (int column = 0; column < s->width; column++, dout += FUS_LANES) {
            const int y0 = row * s->stride - s->padding, x0 = column * s->stride - s->padding;
            const int y = y0 < 0 ? 0 : y0, y_end = y0 + s->kernel < s->in_height ? y0 + s->kernel : s->in_height;
            const int x = x0 < 0 ? 0 : x0, x_end = x0 + s->kernel < s->in_width ? x0 + s->kernel : s->in_width;
            for (int lane = 0; lane < FUS_LANES; lane += WIDTH) {
                VEC most = window_most(plane + lane, s->in_width, y, y_end, x, x_end), left = LOAD(dout + lane);
                for (int i = y; i < y_end; i++)
                    for (int j = x; j < x_end; j++) {
                        size_t at = ((size_t)i * (size_t)s->in_width + (size_t)j) * FUS_LANES + (size_t)lane;
                        VEC value = LOAD(plane + at);
                        STORE(dx + at, ADD(LOAD(dx + at), FPICK(FLESS(value, most), ZERO(), left)));
                        left = FPICK(FLESS(value, most), left, ZERO());
                    }
            }
        }
}
