/* SPDX-License-Identifier: MIT */
/* The passes of batch norm over a plane [n, 16] (struct fus_kernel_grad in kernels.h), one source
 * for all instruction sets with the macros of gemm_tile.h and moments_tile.h. Vectors run over
 * channels. Sums are double, one chain for each channel along places; the product of two floats
 * is exact in double. */

#define PER_DOUBLE (FUS_LANES / DOUBLES)

INLINE void add_places(DVEC sums[PER_DOUBLE], DVEC products[PER_DOUBLE], const float *x, const float *y)
{
    UNROLL
    for (int v = 0; v < PER_DOUBLE; v++) {
        DVEC value = WIDEN(x + v * DOUBLES);
        sums[v] = DADD(sums[v], value);
        products[v] = DADD(products[v], DMUL(value, WIDEN(y + v * DOUBLES)));
    }
}

INLINE void store_sums(double *to, DVEC sums[PER_DOUBLE], DVEC products[PER_DOUBLE])
{
    UNROLL
    for (int v = 0; v < PER_DOUBLE; v++) {
        DSTORE(to + v * DOUBLES, sums[v]);
        DSTORE(to + FUS_LANES + v * DOUBLES, products[v]);
    }
}

TARGET static void norm_sums(double *to, const float *z, size_t n)
{
    DVEC sums[PER_DOUBLE], squares[PER_DOUBLE];
    UNROLL
    for (int v = 0; v < PER_DOUBLE; v++)
        sums[v] = squares[v] = DSPREAD(0.0);
    for (size_t i = 0; i < n; i++, z += FUS_LANES)
        add_places(sums, squares, z, z);
    store_sums(to, sums, squares);
}

/* gain (z - mean) + shift */
INLINE VEC norm_of(VEC z, const struct fus_norm_lanes *v, const int at)
{
    return FMA(SUB(z, LOAD(v->mean + at)), LOAD(v->gain + at), LOAD(v->shift + at));
}

INLINE void apply_plane(float *out, const float *z, const float *addend, const struct fus_norm_lanes *lanes, size_t n,
                        const bool relu)
{
    for (size_t i = 0; i < n * FUS_LANES; i += FUS_LANES) {
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            VEC y = norm_of(LOAD(z + i + v * WIDTH), lanes, v * WIDTH);
            if (addend)
                y = ADD(y, LOAD(addend + i + v * WIDTH));
            STORE(out + i + v * WIDTH, relu ? RELU(y) : y);
        }
    }
}

TARGET static void norm_apply(float *out, const float *z, const float *addend, const struct fus_norm_lanes *v, size_t n)
{
    if (v->relu)
        apply_plane(out, z, addend, v, n, true);
    else
        apply_plane(out, z, addend, v, n, false);
}

/* The gradient through the ReLU: 0 where its output is 0. */
INLINE VEC through_relu(VEC g, VEC a)
{
    return FPICK(FLESS(ZERO(), a), g, ZERO());
}

INLINE VEC gradient_at(const float *g, const float *z, const float *a, const struct fus_norm_lanes *lanes, const int at,
                       const bool relu)
{
    VEC x = LOAD(g);
    if (!relu)
        return x;
    return through_relu(x, a ? LOAD(a) : norm_of(LOAD(z), lanes, at));
}

INLINE VEC zhat_at(const float *z, const struct fus_norm_lanes *lanes, const int at)
{
    return MUL(SUB(LOAD(z), LOAD(lanes->mean + at)), LOAD(lanes->rstd + at));
}

INLINE void back_sums_plane(double *to, const float *g, const float *z, const float *a,
                            const struct fus_norm_lanes *lanes, size_t n, const bool relu)
{
    DVEC sums[PER_DOUBLE], products[PER_DOUBLE];
    UNROLL
    for (int v = 0; v < PER_DOUBLE; v++)
        sums[v] = products[v] = DSPREAD(0.0);
    for (size_t i = 0; i < n * FUS_LANES; i += FUS_LANES) {
        float dy[FUS_LANES], zhat[FUS_LANES];
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            STORE(dy + v * WIDTH, gradient_at(g + i + v * WIDTH, z + i + v * WIDTH, a ? a + i + v * WIDTH : NULL, lanes,
                                              v * WIDTH, relu));
            STORE(zhat + v * WIDTH, zhat_at(z + i + v * WIDTH, lanes, v * WIDTH));
        }
        add_places(sums, products, dy, zhat);
    }
    store_sums(to, sums, products);
}

TARGET static void norm_back_sums(double *to, const float *g, const float *z, const float *a,
                                  const struct fus_norm_lanes *v, size_t n)
{
    if (v->relu && a)
        back_sums_plane(to, g, z, a, v, n, true);
    else if (v->relu)
        back_sums_plane(to, g, z, NULL, v, n, true);
    else
        back_sums_plane(to, g, z, NULL, v, n, false);
}

INLINE void back_plane(float *dz, float *side, const bool onto, const float *g, const float *z, const float *a,
                       const struct fus_norm_lanes *lanes, size_t n, const bool relu)
{
    for (size_t i = 0; i < n * FUS_LANES; i += FUS_LANES) {
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            const int at = v * WIDTH;
            VEC dy = gradient_at(g + i + at, z + i + at, a ? a + i + at : NULL, lanes, at, relu);
            VEC level = SUB(dy, LOAD(lanes->level + at));
            VEC d = SUB(level, MUL(zhat_at(z + i + at, lanes, at), LOAD(lanes->slope + at)));
            if (side)
                STORE(side + i + at, onto ? ADD(LOAD(side + i + at), dy) : dy);
            STORE(dz + i + at, MUL(d, LOAD(lanes->gain + at)));
        }
    }
}

TARGET static void norm_back(float *dz, float *side, bool onto, const float *g, const float *z, const float *a,
                             const struct fus_norm_lanes *v, size_t n)
{
    if (v->relu && a)
        back_plane(dz, side, onto, g, z, a, v, n, true);
    else if (v->relu)
        back_plane(dz, side, onto, g, z, NULL, v, n, true);
    else
        back_plane(dz, side, onto, g, z, NULL, v, n, false);
}
