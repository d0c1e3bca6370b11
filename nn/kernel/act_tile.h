/* SPDX-License-Identifier: MIT */
/* Smooth activations, written once for all instruction sets with the macros of gemm_tile.h and
 *
 *   DIV(x, y)               IEEE division
 *   FLESS(x, y)             x < y, a mask; false for NaN
 *   FPICK(mask, x, y)       x where the mask is set, else y
 *   LARGER(x, y)            x where y < x, else y: y if one is NaN
 *   SMALLER(x, y)           x where x < y, else y: y if one is NaN
 *   POWER2(m)               2^k for m = 1.5 * 2^23 + k, -126 <= k <= 127: integer steps on its bits
 *
 * Each expression is that of fus_fmath_expf and fus_fmath_erff (fmath.c), so
 * that the bits agree. */
#include "nn/base/fmath.h"

INLINE VEC act_exp(VEC x)
{
    const VEC low = CONSTANT(FUS_FMATH_EXPF_LOW), high = CONSTANT(FUS_FMATH_EXPF_HIGH),
              shift = CONSTANT(FUS_FMATH_EXPF_SHIFT);
    static const float tail[] = {FUS_FMATH_EXPF_TAIL};
    x = SMALLER(high, LARGER(low, x));
    VEC m = FMA(x, CONSTANT(FUS_FMATH_EXPF_LOG2_E), shift), k = SUB(m, shift);
    VEC r = FMA(k, CONSTANT(-FUS_FMATH_EXPF_LN2_HIGH), x), p = CONSTANT(tail[0]);
    r = FMA(k, CONSTANT(-FUS_FMATH_EXPF_LN2_LOW), r);
    UNROLL
    for (int i = 1; i < 6; i++)
        p = FMA(p, r, CONSTANT(tail[i]));
    VEC y = ADD(FMA(MUL(r, r), p, r), CONSTANT(1.0f));
    return MUL(y, POWER2(m));
}

INLINE VEC act_erf(VEC x)
{
    static const float near[] = {FUS_FMATH_ERFF_NEAR}, far[] = {FUS_FMATH_ERFF_FAR};
    VEC z = LARGER(SUB(ZERO(), x), x), p = CONSTANT(near[6]), q = CONSTANT(far[9]);
    z = SMALLER(CONSTANT(4.0f), z);
    VEC square = MUL(z, z);
    UNROLL
    for (int i = 5; i >= 0; i--)
        p = FMA(p, square, CONSTANT(near[i]));
    UNROLL
    for (int i = 8; i >= 0; i--)
        q = FMA(q, z, CONSTANT(far[i]));
    VEC y = FPICK(FLESS(z, CONSTANT(1.0f)), MUL(z, p), SUB(CONSTANT(1.0f), act_exp(SUB(ZERO(), q))));
    return FPICK(FLESS(x, ZERO()), SUB(ZERO(), y), y);
}

/* n a multiple of 16; out may be in. */
TARGET static void act_gelu(float *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        VEC x = LOAD(in + i), one_more = ADD(CONSTANT(1.0f), act_erf(MUL(x, CONSTANT(FUS_FMATH_ROOT_HALF))));
        STORE(out + i, MUL(MUL(CONSTANT(0.5f), x), one_more));
    }
}

INLINE void act_sigmoid(float *out, const float *in, size_t n, const float slope)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        VEC x = LOAD(in + i);
        STORE(out + i, DIV(x, ADD(CONSTANT(1.0f), act_exp(MUL(CONSTANT(-slope), x)))));
    }
}

TARGET static void act_quickgelu(float *out, const float *in, size_t n)
{
    act_sigmoid(out, in, n, FUS_FMATH_QUICKGELU_SLOPE);
}

TARGET static void act_silu(float *out, const float *in, size_t n)
{
    act_sigmoid(out, in, n, 1.0f);
}

/* clang-format off */
#define ACTIVATE {act_gelu, act_quickgelu, act_silu} /* enum fus_act from FUS_ACT_GELU on */
/* clang-format on */
