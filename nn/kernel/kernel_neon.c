/* SPDX-License-Identifier: MIT */
/* AArch64 Advanced SIMD: 6 pixels x 16 channels, 24 of 32 registers hold sums. */
#include "nn/kernel/kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>

#define TARGET
#define VEC float32x4_t
#define WIDTH 4
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define SPREAD(p) vld1q_dup_f32(p)
#define CONSTANT(c) vdupq_n_f32(c)
#define ZERO() vdupq_n_f32(0)
#define ADD(x, y) vaddq_f32(x, y)
#define SUB(x, y) vsubq_f32(x, y)
#define MUL(x, y) vmulq_f32(x, y)
#define FMA(x, y, z) vfmaq_f32(z, x, y)
#define RELU(x) vbslq_f32(vcltq_f32(x, vdupq_n_f32(0)), vdupq_n_f32(0), x)
#define MOST(x, y) vbslq_f32(vorrq_u32(vcleq_f32(y, x), vmvnq_u32(vceqq_f32(x, x))), x, y)
#define DIV(x, y) vdivq_f32(x, y)
#define ROOT(x) vsqrtq_f32(x)
#define FLESS(x, y) vcltq_f32(x, y)
#define FPICK(m, x, y) vbslq_f32(m, x, y)
#define LARGER(x, y) FPICK(FLESS(y, x), x, y)
#define SMALLER(x, y) FPICK(FLESS(x, y), x, y)
#define POWER2(m) \
    vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vreinterpretq_s32_f32(m), vdupq_n_s32(127 - 0x4b400000)), 23))
#define STEP_FENCE() __asm__ volatile("" ::: "memory")
#define BF16_FLUSHES 0
#define TILE_ROWS 6
#define TILE_WIDEST TILE_ROWS
#define TILE_BLOCKS 1
#define DVEC float64x2_t
#define DOUBLES 2
#define DLOAD(p) vld1q_f64(p)
#define DSTORE(p, v) vst1q_f64(p, v)
#define DSPREAD(x) vdupq_n_f64(x)
#define WIDEN(p) vcvt_f64_f32(vld1_f32(p))
#define NARROW(p, v) vst1_f32(p, vcvt_f32_f64(v))
#define DADD(x, y) vaddq_f64(x, y)
#define DSUB(x, y) vsubq_f64(x, y)
#define DMUL(x, y) vmulq_f64(x, y)
#define DDIV(x, y) vdivq_f64(x, y)
#define DROOT(x) vsqrtq_f64(x)
#define DLESS(x, y) vcltq_f64(x, y)
#define DPICK(m, x, y) vbslq_f64(m, x, y)
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
    return true; /* every AArch64 CPU that runs a hosted system has it */
}

const struct fus_kernel fus_kernel_neon = {"neon",     TILE_ROWS, TILE_BLOCKS, TILE_WIDEST, TILES,
                                           WINOGRAD,   pool_max,  ACTIVATE,    TOKENS,      MOMENTS,
                                           fma_chains, WIDTH,     available,   GRADIENTS,   BF16("neon")};
#endif
