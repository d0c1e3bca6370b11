/* SPDX-License-Identifier: MIT */
/* AVX-512: 14 pixels x 32 channels, 28 of 32 registers hold sums. */
#include "nn/kernel/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define VEC __m512
#define WIDTH 16
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(p) _mm512_set1_ps(*(p))
#define CONSTANT(c) _mm512_set1_ps(c)
#define ZERO() _mm512_setzero_ps()
#define ADD(x, y) _mm512_add_ps(x, y)
#define SUB(x, y) _mm512_sub_ps(x, y)
#define MUL(x, y) _mm512_mul_ps(x, y)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define RELU(x) _mm512_max_ps(_mm512_setzero_ps(), x)
#define MOST(x, y) \
    _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(y, x, _CMP_NLE_UQ) & _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), y)
#define DIV(x, y) _mm512_div_ps(x, y)
#define ROOT(x) _mm512_sqrt_ps(x)
#define FLESS(x, y) _mm512_cmp_ps_mask(x, y, _CMP_LT_OQ)
#define FPICK(m, x, y) _mm512_mask_blend_ps(m, y, x)
#define LARGER(x, y) _mm512_max_ps(x, y)
#define SMALLER(x, y) _mm512_min_ps(x, y)
#define POWER2(m)        \
    _mm512_castsi512_ps( \
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_castps_si512(m), _mm512_set1_epi32(127 - 0x4b400000)), 23))
#define STEP_FENCE()
/* With 28 sums, gcc takes other forms of the instruction, then moves and spills: 12 % of the
 * time. */
#define ACCUMULATE(sum, x, w) __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w))
#define BF16_FLUSHES 1
#define TILE_ROWS 14
#define TILE_WIDEST TILE_ROWS
#define TILE_BLOCKS 2
#define DVEC __m512d
#define DOUBLES 8
#define DLOAD(p) _mm512_loadu_pd(p)
#define DSTORE(p, v) _mm512_storeu_pd(p, v)
#define DSPREAD(x) _mm512_set1_pd(x)
#define WIDEN(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define NARROW(p, v) _mm256_storeu_ps(p, _mm512_cvtpd_ps(v))
#define DADD(x, y) _mm512_add_pd(x, y)
#define DSUB(x, y) _mm512_sub_pd(x, y)
#define DMUL(x, y) _mm512_mul_pd(x, y)
#define DDIV(x, y) _mm512_div_pd(x, y)
#define DROOT(x) _mm512_sqrt_pd(x)
#define DLESS(x, y) _mm512_cmp_pd_mask(x, y, _CMP_LT_OQ)
#define DPICK(m, x, y) _mm512_mask_blend_pd(m, y, x)
/* clang-format off */
#include "nn/kernel/gemm_tile.h"
/* clang-format off */
#include "nn/kernel/winograd_tile.h"
#include "nn/kernel/pool_tile.h"
#include "nn/kernel/act_tile.h"
#include "nn/kernel/moments_tile.h"
#include "nn/kernel/token_tile.h"
#include "nn/kernel/grad_tile.h"
#include "nn/kernel/norm_tile.h"
#include "nn/kernel/pool_back_tile.h"
#include "nn/kernel/update_tile.h"
#include "nn/kernel/bf16_tile.h"
/* clang-format on */
/* clang-format on */

static bool available(void)
{
    return __builtin_cpu_supports("avx512f");
}

const struct fus_kernel fus_kernel_avx512 = {"avx512",   TILE_ROWS, TILE_BLOCKS, TILE_WIDEST, TILES,
                                             WINOGRAD,   pool_max,  ACTIVATE,    TOKENS,      MOMENTS,
                                             fma_chains, WIDTH,     available,   GRADIENTS,   BF16("avx512")};
#endif
