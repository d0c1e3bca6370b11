/* SPDX-License-Identifier: MIT */
/* Sums of products of bf16 numbers held as floats (bf16.h), one source for all instruction sets, in
 * the manner of gemm_tile.h, whose macros it uses. A tile's even and odd sums are in registers, so
 * it has half as many pixels as a tile of floats.
 *
 * BF16_FLUSHES: 1 if bf16_enter makes the CPU flush subnormals as bf16.h says, 0 if it cannot. x86
 * detects them after rounding, AArch64 before. */

/* sum = FMA(x, w, sum). A row may define it by an instruction that keeps the sum in its
 * register. */
#ifndef ACCUMULATE
#define ACCUMULATE(sum, x, w) (sum) = FMA(x, w, sum)
#endif

#define BF16_ROWS (TILE_ROWS > 1 ? TILE_ROWS / 2 : 1)
#define BF16_SUMS BF16_ROWS][TILE_BLOCKS *PER_BLOCK

/* n steps of k from an even one on. */
INLINE void bf16_steps(VEC even[BF16_SUMS], VEC odd[BF16_SUMS], const float *a, const int a_row, const float *b,
                       size_t b_step, const int rows, const int blocks, const int n)
{
    UNROLL
    for (int k = 0; k < n; k++) {
        VEC w[TILE_BLOCKS * PER_BLOCK];
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++)
            w[v] = LOAD(b + (size_t)(v / PER_BLOCK) * b_step + k * FUS_LANES + v % PER_BLOCK * WIDTH);
        UNROLL
        for (int r = 0; r < rows; r++) {
            STEP_FENCE();
            VEC x = SPREAD(a + r * a_row + k);
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++) {
                if (k % 2)
                    ACCUMULATE(odd[r][v], x, w[v]);
                else
                    ACCUMULATE(even[r][v], x, w[v]);
            }
        }
    }
}

/* c = c + (e + o). The k that fill up the tile would make a sum of -0 +0, and change nothing else:
 * e + o is the same if only e's becomes +0. */
INLINE void bf16_add_up(const struct fus_bf16_tile *t, VEC even[BF16_SUMS], VEC odd[BF16_SUMS], const int rows,
                        const int blocks, bool first, bool filled)
{
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++) {
            float *c = t->c + (size_t)(v / PER_BLOCK) * t->c_step + r * FUS_LANES + v % PER_BLOCK * WIDTH;
            VEC e = filled ? ADD(even[r][v], ZERO()) : even[r][v];
            VEC from = ZERO();
            if (!first)
                from = LOAD(c);
            STORE(c, ADD(from, ADD(e, odd[r][v])));
        }
    }
}

/* With software prefetch, as tile_of, where there are enough products to hide it: A half a step
 * ahead, C, and other weights. */
INLINE void bf16_tile_of(const struct fus_bf16_tile *t, const int rows, const int blocks, const int a_row)
{
    const float *b = t->b, *c = t->c, *ahead = t->ahead;
    const int a_lines = (rows * 4 + FUS_LANES - 1) / FUS_LANES; /* for each 4 k */
    const bool fetches = rows * blocks * PER_BLOCK > 8;
    int c_rows = rows;
    for (int i = 0; i < t->n_steps; i++) {
        VEC even[BF16_SUMS], odd[BF16_SUMS];
        const float *a = (const float *)t->a + t->steps[i].in;
        const int depth = t->steps[i].depth;
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++)
                even[r][v] = odd[r][v] = ZERO();
        }
        if (a_row % FUS_LANES == 0) {
            for (int half = 0; half < depth; half += FUS_LANES, a += t->a_half) {
                const float *a_next = half + FUS_LANES < depth ? a + t->a_half
                                      : i + 1 < t->n_steps     ? (const float *)t->a + t->steps[i + 1].in
                                                               : (const float *)t->a + rows * a_row;
                for (int k = 0; k < FUS_LANES; k += 4, b += 4 * FUS_LANES) {
                    if (fetches)
                        fetch(a_next + k / 4 * a_lines * a_row, (size_t)a_row, a_lines);
                    if (fetches && c_rows-- > 0) {
                        fetch(c, t->c_step, blocks);
                        c += FUS_LANES;
                    }
                    if (fetches && ahead) {
                        fetch_far(ahead, t->b_step, blocks);
                        ahead += FUS_LANES;
                    }
                    bf16_steps(even, odd, a + k, a_row, b, t->b_step, rows, blocks, 4);
                }
            }
        } else {
            int k = 0;
            for (; k + 2 <= depth; k += 2, b += 2 * FUS_LANES)
                bf16_steps(even, odd, a + k, a_row, b, t->b_step, rows, blocks, 2);
            for (; k < depth; k++, b += FUS_LANES)
                bf16_steps(even, odd, a + k, a_row, b, t->b_step, rows, blocks, 1);
        }
        bf16_add_up(t, even, odd, rows, blocks, i == 0 && t->first, depth < FUS_BF16_DEPTH);
    }
}

#define BF16_CASE(r)                                                          \
    case r:                                                                   \
        if (r <= BF16_ROWS && (TILE_BLOCKS == 1 || t->blocks == TILE_BLOCKS)) \
            bf16_tile_of(t, r <= BF16_ROWS ? r : 1, TILE_BLOCKS, A_ROW);      \
        else if (r <= BF16_ROWS)                                              \
            bf16_tile_of(t, r <= BF16_ROWS ? r : 1, 1, A_ROW);                \
        break;
#define BF16_ANY_ROWS                                                                              \
    switch (t->rows) {                                                                             \
        BF16_CASE(1) BF16_CASE(2) BF16_CASE(3) BF16_CASE(4) BF16_CASE(5) BF16_CASE(6) BF16_CASE(7) \
    }

#define A_ROW FUS_LANES
TARGET static void bf16_tile(const struct fus_bf16_tile *t)
{
    BF16_ANY_ROWS;
}
#undef A_ROW

#define A_ROW (2 * FUS_LANES)
TARGET static void bf16_tile_second(const struct fus_bf16_tile *t)
{
    BF16_ANY_ROWS;
}
#undef A_ROW

#define A_ROW 3
TARGET static void bf16_tile_picture(const struct fus_bf16_tile *t)
{
    BF16_ANY_ROWS;
}
#undef A_ROW

#define A_ROW 6
TARGET static void bf16_tile_picture_second(const struct fus_bf16_tile *t)
{
    BF16_ANY_ROWS;
}
#undef A_ROW

#define BF16_LANES (WIDTH < 4 ? 4 : WIDTH)
/* clang-format off */
#include "nn/kernel/bf16_lanes.h"
/* clang-format on */

TARGET static void bf16_round(void *to, const float *from, size_t n)
{
    float *out = to;
    for (size_t i = 0; i < n * FUS_LANES; i += BF16_LANES) {
        bf16_lanes y;
        bf16_round_lanes(&y, from + i);
        memcpy(out + i, &y, sizeof y);
    }
}

#if BF16_FLUSHES
/* MXCSR: flush to zero, denormals are zero. */
TARGET static unsigned bf16_enter(void)
{
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | 0x8040);
    __asm__ volatile("" ::: "memory");
    return state;
}

TARGET static void bf16_leave(unsigned state)
{
    __asm__ volatile("" ::: "memory");
    _mm_setcsr(state);
}
#define BF16_MODE bf16_enter, bf16_leave
#else
#define BF16_MODE NULL, NULL
#endif

/* clang-format off */
#define BF16(name) {name, BF16_ROWS, TILE_BLOCKS, 8, false, BF16_FLUSHES, \
                    {bf16_tile, bf16_tile_second, bf16_tile_picture, bf16_tile_picture_second}, bf16_round, BF16_MODE}
/* clang-format on */
