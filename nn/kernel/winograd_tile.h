/* SPDX-License-Identifier: MIT */
/* Winograd's F(4x4, 3x3) and F(2x2, 3x3) for one tile of one block of 16 channels (Lavin & Gray
 * 2016), the former with the points 0, +-5/8, +-3/2 and infinity: about twice the rounding error
 * of the direct sum instead of the four or five times of 0, +-1, +-2 (winograd.c). Written once
 * for all instruction sets with the macros of gemm_tile.h; each expression below is fixed. */

#define A2 0.390625f /* (5/8)^2 */
#define B2 2.25f     /* (3/2)^2 */
#define A2B2 0.87890625f
#define A2_PLUS_B2 2.640625f
#define AA 0.625f
#define BB 1.5f

/* y = B' x of F(4x4): six values `step` apart in x and y. */
INLINE void winograd_in_line_4(VEC *y, const VEC *x, const int step)
{
    VEC x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step], x4 = x[4 * step], x5 = x[5 * step];
    VEC even_a = FMA(CONSTANT(-B2), x2, x4), odd_a = MUL(CONSTANT(AA), FMA(CONSTANT(-B2), x1, x3));
    VEC even_b = FMA(CONSTANT(-A2), x2, x4), odd_b = MUL(CONSTANT(BB), FMA(CONSTANT(-A2), x1, x3));
    y[0] = FMA(CONSTANT(A2B2), x0, FMA(CONSTANT(-A2_PLUS_B2), x2, x4));
    y[step] = ADD(even_a, odd_a);
    y[2 * step] = SUB(even_a, odd_a);
    y[3 * step] = ADD(even_b, odd_b);
    y[4 * step] = SUB(even_b, odd_b);
    y[5 * step] = FMA(CONSTANT(A2B2), x1, FMA(CONSTANT(-A2_PLUS_B2), x3, x5));
}

/* y = A' m of F(4x4): four values from six. */
INLINE void winograd_out_line_4(VEC *y, const VEC *m, const int y_step, const int m_step)
{
    VEC plus_a = ADD(m[m_step], m[2 * m_step]), minus_a = SUB(m[m_step], m[2 * m_step]);
    VEC plus_b = ADD(m[3 * m_step], m[4 * m_step]), minus_b = SUB(m[3 * m_step], m[4 * m_step]);
    y[0] = ADD(m[0], ADD(plus_a, plus_b));
    y[y_step] = FMA(CONSTANT(BB), minus_b, MUL(CONSTANT(AA), minus_a));
    y[2 * y_step] = FMA(CONSTANT(B2), plus_b, MUL(CONSTANT(A2), plus_a));
    y[3 * y_step] = ADD(FMA(CONSTANT(BB * B2), minus_b, MUL(CONSTANT(AA * A2), minus_a)), m[5 * m_step]);
}

/* The same of F(2x2): four values, and two from four. */
INLINE void winograd_in_line_2(VEC *y, const VEC *x, const int step)
{
    VEC x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step];
    y[0] = SUB(x0, x2);
    y[step] = ADD(x1, x2);
    y[2 * step] = SUB(x2, x1);
    y[3 * step] = SUB(x3, x1);
}

INLINE void winograd_out_line_2(VEC *y, const VEC *m, const int y_step, const int m_step)
{
    VEC plus = ADD(m[m_step], m[2 * m_step]), minus = SUB(m[m_step], m[2 * m_step]);
    y[0] = ADD(m[0], plus);
    y[y_step] = ADD(minus, m[3 * m_step]);
}

INLINE void winograd_in_line(VEC *y, const VEC *x, const int step, const int tile)
{
    if (tile == 4)
        winograd_in_line_4(y, x, step);
    else
        winograd_in_line_2(y, x, step);
}

INLINE void winograd_out_line(VEC *y, const VEC *m, const int y_step, const int m_step, const int tile)
{
    if (tile == 4)
        winograd_out_line_4(y, m, y_step, m_step);
    else
        winograd_out_line_2(y, m, y_step, m_step);
}

/* Row i of the n x n pixels from (y0, x0) on; zeros outside. */
INLINE void winograd_row(VEC *d, const float *plane, int side, int y0, int x0, const bool inside, int i, const int n)
{
    const float *row = plane + ((ptrdiff_t)(y0 + i) * side + x0) * FUS_LANES;
    const bool row_inside = y0 + i >= 0 && y0 + i < side;
    UNROLL
    for (int j = 0; j < n; j++)
        d[j] = inside || (row_inside && x0 + j >= 0 && x0 + j < side) ? LOAD(row + j * FUS_LANES) : ZERO();
}

/* Row i of the n x n components from B' d. */
INLINE void winograd_components(float *v, size_t step, const VEC *t, int i, const int tile)
{
    const int n = tile + 2;
    VEC y[6];
    winograd_in_line(y, t, 1, tile);
    UNROLL
    for (int j = 0; j < n; j++)
        STORE(v + (size_t)(n * i + j) * step, y[j]);
}

/* v[n*n components at `step` floats] = B' d B of the n x n pixels, n = tile + 2, from (y0, x0) on
 * of a plane [side, side, 16]; zeros outside. */
INLINE void winograd_in(float *v, size_t step, const float *plane, int side, int y0, int x0, const int tile)
{
    const int n = tile + 2;
    const bool inside = y0 >= 0 && x0 >= 0 && y0 + n <= side && x0 + n <= side;
    for (int lane = 0; lane < FUS_LANES; lane += WIDTH) {
        VEC d[36], t[36];
        if (inside && tile == 2) { /* 16 vectors, most of them in registers */
            UNROLL
            for (int i = 0; i < n; i++)
                winograd_row(d + n * i, plane + lane, side, y0, x0, true, i, n);
        } else {
            for (int i = 0; i < n; i++)
                winograd_row(d + n * i, plane + lane, side, y0, x0, inside, i, n);
        }
        UNROLL
        for (int j = 0; j < n; j++)
            winograd_in_line(t + j, d + j, n, tile);
        if (tile == 2) {
            UNROLL
            for (int i = 0; i < n; i++)
                winograd_components(v + lane, step, t + n * i, i, tile);
        } else {
            for (int i = 0; i < n; i++)
                winograd_components(v + lane, step, t + n * i, i, tile);
        }
    }
}

/* The tile of pixels from (y0, x0) on of a plane [side, side, 16]: relu?(A' m A + bias + addend);
 * pixels outside the plane are not written. */
INLINE void winograd_out(float *plane, const float *m, size_t step, const float *bias, const float *addend, bool relu,
                         int side, int y0, int x0, const int tile)
{
    const int n = tile + 2;
    for (int lane = 0; lane < FUS_LANES; lane += WIDTH) {
        VEC d[36], t[24];
        UNROLL
        for (int i = 0; i < n * n; i++)
            d[i] = LOAD(m + (size_t)i * step + lane);
        UNROLL
        for (int j = 0; j < n; j++)
            winograd_out_line(t + j, d + j, n, n, tile);
        for (int i = 0; i < tile && y0 + i < side; i++) {
            VEC y[4];
            winograd_out_line(y, t + n * i, 1, 1, tile);
            for (int j = 0; j < tile && x0 + j < side; j++) {
                size_t at = ((size_t)(y0 + i) * (size_t)side + (size_t)(x0 + j)) * FUS_LANES + (size_t)lane;
                VEC value = ADD(y[j], LOAD(bias + lane));
                if (addend)
                    value = ADD(value, LOAD(addend + at));
                STORE(plane + at, relu ? RELU(value) : value);
            }
        }
    }
}

TARGET static void winograd_in_2(float *v, size_t step, const float *plane, int side, int y0, int x0)
{
    winograd_in(v, step, plane, side, y0, x0, 2);
}

TARGET static void winograd_in_4(float *v, size_t step, const float *plane, int side, int y0, int x0)
{
    winograd_in(v, step, plane, side, y0, x0, 4);
}

TARGET static void winograd_out_2(float *plane, const float *m, size_t step, const float *bias, const float *addend,
                                  bool relu, int side, int y0, int x0)
{
    winograd_out(plane, m, step, bias, addend, relu, side, y0, x0, 2);
}

TARGET static void winograd_out_4(float *plane, const float *m, size_t step, const float *bias, const float *addend,
                                  bool relu, int side, int y0, int x0)
{
    winograd_out(plane, m, step, bias, addend, relu, side, y0, x0, 4);
}

/* clang-format off */
#define WINOGRAD {winograd_in_2, winograd_in_4}, {winograd_out_2, winograd_out_4}
/* clang-format on */
