/* SPDX-License-Identifier: MIT */
/* The micro-kernel of weight gradients (struct fus_grad_tile in kernels.h), one source for all
 * instruction sets with the macros of gemm_tile.h. Vectors run over output channels, sums stay in
 * registers along places: one chain of fused multiply-adds for each weight. */

#define GRAD_ROWS (TILE_ROWS < 8 ? TILE_ROWS : 8)
#define GRAD_VECTORS (TILE_BLOCKS * PER_BLOCK)

/* One place. */
INLINE void grad_step(VEC sums[GRAD_ROWS][GRAD_VECTORS], const float *a, const float *b, size_t b_step, const int rows,
                      const int blocks)
{
    VEC w[GRAD_VECTORS];
    UNROLL
    for (int v = 0; v < blocks * PER_BLOCK; v++)
        w[v] = LOAD(b + (size_t)(v / PER_BLOCK) * b_step + v % PER_BLOCK * WIDTH);
    UNROLL
    for (int r = 0; r < rows; r++) {
        VEC x = SPREAD(a + r);
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++)
            sums[r][v] = FMA(x, w[v], sums[r][v]);
    }
}

INLINE void grad_of(const struct fus_grad_tile *t, const int rows, const int blocks)
{
    VEC sums[GRAD_ROWS][GRAD_VECTORS];
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++)
            sums[r][v] = LOAD(t->c + (size_t)(v / PER_BLOCK) * t->c_step + r * FUS_LANES + v % PER_BLOCK * WIDTH);
    }
    const size_t step = t->a_place, b_step = t->b_step;
    for (int p = 0; p < t->n_pictures; p++)
        for (int y = 0; y < t->n_rows; y++) {
            const float *a = t->a + (size_t)p * t->a_picture + (size_t)y * t->a_row;
            const float *b = t->b + (size_t)p * t->b_picture + (size_t)y * t->b_row;
            int x = t->n_places;
            for (; x > 1; x -= 2, a += 2 * step, b += 2 * FUS_LANES) {
                grad_step(sums, a, b, b_step, rows, blocks);
                grad_step(sums, a + step, b + FUS_LANES, b_step, rows, blocks);
            }
            if (x)
                grad_step(sums, a, b, b_step, rows, blocks);
        }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < blocks * PER_BLOCK; v++)
            STORE(t->c + (size_t)(v / PER_BLOCK) * t->c_step + r * FUS_LANES + v % PER_BLOCK * WIDTH, sums[r][v]);
    }
}

#define GRAD_CASE(r)                                                          \
    case r:                                                                   \
        if (r <= GRAD_ROWS && (TILE_BLOCKS == 1 || t->blocks == TILE_BLOCKS)) \
            grad_of(t, r <= GRAD_ROWS ? r : 1, TILE_BLOCKS);                  \
        else if (r <= GRAD_ROWS)                                              \
            grad_of(t, r <= GRAD_ROWS ? r : 1, 1);                            \
        break;

TARGET static void grad_tile(const struct fus_grad_tile *t)
{
    switch (t->rows) {
        GRAD_CASE(1) GRAD_CASE(2) GRAD_CASE(3) GRAD_CASE(4) GRAD_CASE(5) GRAD_CASE(6) GRAD_CASE(7) GRAD_CASE(8)
    }
}
