/* SPDX-License-Identifier: MIT */
/* AVX2 with FMA: 6 pixels x 16 channels, 12 of 16 registers hold sums. */
#include "nn/kernel/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define VEC __m256
#define WIDTH 8
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPREAD(p) _mm256_broadcast_ss(p)
#define CONSTANT(c) _mm256_set1_ps(c)
#define ZERO() _mm256_setzero_ps()
#define ADD(x, y) _mm256_add_ps(x, y)
#define SUB(x, y) _mm256_sub_ps(x, y)
#define MUL(x, y) _mm256_mul_ps(x, y)
#define FMA(x, y, z) _mm256_fmadd_ps(x, y, z)
#define RELU(x) _mm256_max_ps(_mm256_setzero_ps(), x)
#define MOST(x, y) \
    _mm256_blendv_ps(x, y, _mm256_and_ps(_mm256_cmp_ps(y, x, _CMP_NLE_UQ), _mm256_cmp_ps(x, x, _CMP_ORD_Q)))
#define DIV(x, y) _mm256_div_ps(x, y)
#define ROOT(x) _mm256_sqrt_ps(x)
#define FLESS(x, y) _mm256_cmp_ps(x, y, _CMP_LT_OQ)
#define FPICK(m, x, y) _mm256_blendv_ps(y, x, m)
#define LARGER(x, y) _mm256_max_ps(x, y)
#define SMALLER(x, y) _mm256_min_ps(x, y)
#define POWER2(m)        \
    _mm256_castsi256_ps( \
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_castps_si256(m), _mm256_set1_epi32(127 - 0x4b400000)), 23))
#define STEP_FENCE()
#define BF16_FLUSHES 1
#define TILE_ROWS 6
#define TILE_WIDEST 7
#define TILE_BLOCKS 1
#define DVEC __m256d
#define DOUBLES 4
#define DLOAD(p) _mm256_loadu_pd(p)
#define DSTORE(p, v) _mm256_storeu_pd(p, v)
#define DSPREAD(x) _mm256_set1_pd(x)
#define WIDEN(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define NARROW(p, v) _mm_storeu_ps(p, _mm256_cvtpd_ps(v))
#define DADD(x, y) _mm256_add_pd(x, y)
#define DSUB(x, y) _mm256_sub_pd(x, y)
#define DMUL(x, y) _mm256_mul_pd(x, y)
#define DDIV(x, y) _mm256_div_pd(x, y)
#define DROOT(x) _mm256_sqrt_pd(x)
#define DLESS(x, y) _mm256_cmp_pd(x, y, _CMP_LT_OQ)
#define DPICK(m, x, y) _mm256_blendv_pd(y, x, m)
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
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

const struct fus_kernel fus_kernel_avx2 = {"avx2",     TILE_ROWS, TILE_BLOCKS, TILE_WIDEST, TILES,
                                           WINOGRAD,   pool_max,  ACTIVATE,    TOKENS,      MOMENTS,
                                           fma_chains, WIDTH,     available,   GRADIENTS,   BF16("avx2")};
#endif
