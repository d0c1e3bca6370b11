/* SPDX-License-Identifier: MIT */
/* The micro-kernel, one source for all instruction sets. Each kernel_*.c defines
 *
 *   VEC, WIDTH              a vector of WIDTH floats
 *   LOAD(p) STORE(p, v)     unaligned
 *   SPREAD(p)               *p in every lane
 *   ZERO()  ADD(x, y)  FMA(x, y, z) = x*y + z rounded once
 *   RELU(x)                 x < 0 ? 0 : x  (NaN stays NaN)
 *   TILE_ROWS, TILE_BLOCKS  the sums fill all but two or three registers
 *   TILE_WIDEST             as TILE_ROWS, or more: a tile of a whole row of pixels; the weights do
 *                           not all fit beside its sums and are read once for each pixel
 *   STEP_FENCE()            empty, or a barrier that keeps the compiler from hoisting loads
 *                           until registers spill
 *   TARGET                  function attribute that enables the instructions
 *
 * and includes this file and the other *_tile.h. A tile is up to TILE_ROWS pixels x TILE_BLOCKS*16
 * channels with its sums in registers. There is one instance for each number of rows, so that
 * partial tiles at an edge compute no padding rows. Vectors run over channels, never along k. */

#define PER_BLOCK (FUS_LANES / WIDTH)

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif
#define INLINE static inline __attribute__((always_inline)) TARGET

/* The compiler may not move or merge loads and stores across it. Between the sums and c it keeps
 * clang from making a memcpy of a tile with one row, for which the sums would be in memory. */
#define FENCE() __asm__ volatile("" ::: "memory")

/* n steps of k: sums[rows][vectors] += a[row][k] * b[k][vector]. */
INLINE void steps(VEC sums[TILE_WIDEST][TILE_BLOCKS * PER_BLOCK], const float *a, const int a_row, const float *b,
                  size_t b_step, const int rows, const int blocks, const int n)
{
    const int held = rows > TILE_ROWS ? 1 : blocks * PER_BLOCK; /* vectors of weights in registers */
    UNROLL
    for (int k = 0; k < n; k++) {
        VEC w[TILE_BLOCKS * PER_BLOCK];
        UNROLL
        for (int v = 0; v < held; v++)
            w[v] = LOAD(b + (size_t)(v / PER_BLOCK) * b_step + k * FUS_LANES + v % PER_BLOCK * WIDTH);
        UNROLL
        for (int r = 0; r < rows; r++) {
            if (rows > TILE_ROWS)
                FENCE();
            STEP_FENCE();
            VEC x = SPREAD(a + r * a_row + k);
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++) {
                const float *p = b + (size_t)(v / PER_BLOCK) * b_step + k * FUS_LANES + v % PER_BLOCK * WIDTH;
                sums[r][v] = FMA(x, v < held ? w[v] : LOAD(p), sums[r][v]);
            }
        }
    }
}

/* Software prefetch of n cache lines `step` floats apart: into the first-level cache, or the
 * second. */
INLINE void fetch(const float *p, size_t step, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        __builtin_prefetch(p + (size_t)i * step);
}

INLINE void fetch_far(const float *p, size_t step, const int n)
{
    UNROLL
    for (int i = 0; i < n; i++)
        __builtin_prefetch(p + (size_t)i * step, 0, 2);
}

/* With software prefetch: A one slice ahead, C and the addend, and the next panel of B at
 * t->ahead. */
INLINE void tile_of(const struct fus_tile *t, const int rows, const int blocks, const int a_row, const int n)
{
    VEC sums[TILE_WIDEST][TILE_BLOCKS * PER_BLOCK];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++)
            sums[r][v] = ZERO();
    }
    if (!t->first) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++) {
                if (rows == 1)
                    FENCE();
                sums[r][v] = LOAD(t->c + (size_t)(v / PER_BLOCK) * t->c_step + r * FUS_LANES + v % PER_BLOCK * WIDTH);
            }
        }
    }
    const float *a = t->a, *b = t->b, *ahead = t->ahead;
    const bool once = t->first && t->last; /* else C is in cache already: prefetch C of the next tile */
    const float *c = t->c + (once ? 0 : rows * FUS_LANES), *addend = once && t->addend ? t->addend : c;
    const int slice = a_row % FUS_LANES ? t->slice : FUS_LANES;
    const int a_lines =
        a_row % FUS_LANES ? 0 : (rows * n + FUS_LANES - 1) / FUS_LANES; /* for each n of a slice's 16 k */
    int c_rows = rows;
    for (int k = t->k; k > 0; k -= slice, a += t->a_step) {
        const float *a_next = k > slice ? a + t->a_step : t->a + rows * a_row; /* usually the next tile's */
        for (int i = 0; i < slice; i += n, b += n * FUS_LANES) {
            fetch(a_next + i / n * a_lines * a_row, a_row, a_lines);
            if (c_rows-- > 0) {
                fetch(c, t->c_step, blocks);
                fetch(addend, t->c_step, blocks);
                c += FUS_LANES;
                addend += FUS_LANES;
            }
            for (int line = 0; line < t->ahead_lines; line++, ahead += FUS_LANES)
                fetch_far(ahead, t->b_step, blocks);
            steps(sums, a + i, a_row, b, t->b_step, rows, blocks, n);
        }
    }
    if (t->last) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++) {
                size_t at = (size_t)(v / PER_BLOCK) * t->c_step + (size_t)(r * FUS_LANES + v % PER_BLOCK * WIDTH);
                VEC y = ADD(sums[r][v], LOAD(t->bias + v * WIDTH));
                if (t->addend)
                    y = ADD(y, LOAD(t->addend + at));
                STORE(t->c + at, t->relu ? RELU(y) : y);
            }
        }
    } else {
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int v = 0; v < blocks * PER_BLOCK; v++) {
                if (rows == 1)
                    FENCE();
                STORE(t->c + (size_t)(v / PER_BLOCK) * t->c_step + r * FUS_LANES + v % PER_BLOCK * WIDTH, sums[r][v]);
            }
        }
    }
}

#define ROWS_CASE(r)                                                            \
    case r:                                                                     \
        if (r <= TILE_WIDEST && (TILE_BLOCKS == 1 || t->blocks == TILE_BLOCKS)) \
            tile_of(t, r <= TILE_WIDEST ? r : 1, TILE_BLOCKS, A_ROW, STEPS);    \
        else if (r <= TILE_WIDEST)                                              \
            tile_of(t, r <= TILE_WIDEST ? r : 1, 1, A_ROW, STEPS);              \
        break;
#define ANY_ROWS                                                                                                     \
    switch (t->rows) {                                                                                               \
        ROWS_CASE(1)                                                                                                 \
        ROWS_CASE(2)                                                                                                 \
        ROWS_CASE(3)                                                                                                 \
        ROWS_CASE(4)                                                                                                 \
        ROWS_CASE(5)                                                                                                 \
        ROWS_CASE(6)                                                                                                 \
        ROWS_CASE(7) ROWS_CASE(8) ROWS_CASE(9) ROWS_CASE(10) ROWS_CASE(11) ROWS_CASE(12) ROWS_CASE(13) ROWS_CASE(14) \
    }

#define STEPS 4
#define A_ROW FUS_LANES
TARGET static void tile_blocked(const struct fus_tile *t)
{
    ANY_ROWS;
}
#undef A_ROW

#define A_ROW (2 * FUS_LANES)
TARGET static void tile_blocked_second(const struct fus_tile *t)
{
    ANY_ROWS;
}
#undef A_ROW
#undef STEPS

#define STEPS 3
#define A_ROW 3
TARGET static void tile_picture(const struct fus_tile *t)
{
    ANY_ROWS;
}
#undef A_ROW

#define A_ROW 6
TARGET static void tile_picture_second(const struct fus_tile *t)
{
    ANY_ROWS;
}
#undef A_ROW
#undef STEPS

/* clang-format off */
#define TILES {tile_blocked, tile_blocked_second, tile_picture, tile_picture_second} /* enum fus_tile_kind */
/* clang-format on */
#undef ANY_ROWS
#undef ROWS_CASE

/* The CPU's limit: chains of multiply-adds that touch no memory. */
TARGET static float fma_chains(long n)
{
    VEC sums[FUS_FMA_CHAINS], x = CONSTANT(0.999f), y = CONSTANT(0.001f);
    float out[FUS_LANES], total = 0;
    UNROLL
    for (int i = 0; i < FUS_FMA_CHAINS; i++)
        sums[i] = CONSTANT((float)(i + 2)); /* not 1, which stays 1: a compiler may see that */
    for (; n > 0; n--) {
        UNROLL
        for (int i = 0; i < FUS_FMA_CHAINS; i++)
            sums[i] = FMA(sums[i], x, y);
    }
    UNROLL
    for (int i = 0; i < FUS_FMA_CHAINS; i++) {
        STORE(out, sums[i]);
        total += out[0];
    }
    return total;
}
