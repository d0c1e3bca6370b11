/* SPDX-License-Identifier: MIT */
/* The update rules (optimise.h), element by element in float, each operation rounded once; n is
 * a multiple of 16. One source for all instruction sets with the macros of gemm_tile.h and
 * ROOT(x), the square root. */
TARGET static void sgd(float *w, float *momentum, const float *g, const struct fus_update *u, size_t n)
{
    const VEC rate = CONSTANT(-u->rate), decay = CONSTANT(u->decay), keep = CONSTANT(u->momentum);
    for (size_t i = 0; i < n; i += WIDTH) {
        VEC x = LOAD(w + i), d = FMA(decay, x, LOAD(g + i));
        VEC v = FMA(keep, LOAD(momentum + i), d);
        STORE(momentum + i, v);
        STORE(w + i, FMA(rate, u->nesterov ? FMA(keep, v, d) : v, x));
    }
}

TARGET static void adamw(float *w, float *m, float *v, const float *g, const struct fus_update *u, size_t n)
{
    const VEC step = CONSTANT(-u->step), root = CONSTANT(u->root), epsilon = CONSTANT(u->epsilon),
              decay = CONSTANT(u->decay);
    const VEC keep1 = CONSTANT(u->keep1), keep2 = CONSTANT(u->keep2);
    for (size_t i = 0; i < n; i += WIDTH) {
        VEC d = LOAD(g + i), mean = LOAD(m + i), square = LOAD(v + i);
        mean = FMA(keep1, SUB(d, mean), mean);
        square = FMA(keep2, SUB(MUL(d, d), square), square);
        STORE(m + i, mean);
        STORE(v + i, square);
        VEC by = DIV(mean, ADD(ROOT(DIV(square, root)), epsilon));
        STORE(w + i, FMA(step, by, MUL(LOAD(w + i), decay)));
    }
}

TARGET static void follow(float *average, const float *w, float share, size_t n)
{
    const VEC by = CONSTANT(share);
    for (size_t i = 0; i < n; i += WIDTH) {
        VEC e = LOAD(average + i);
        STORE(average + i, FMA(by, SUB(LOAD(w + i), e), e));
    }
}

/* clang-format off */
#define GRADIENTS {GRAD_ROWS, TILE_BLOCKS, grad_tile, norm_sums, norm_apply, norm_back_sums, norm_back, \
    pool_max_back, sgd, adamw, follow}
/* clang-format on */
