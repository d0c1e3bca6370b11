/* SPDX-License-Identifier: MIT */
/* Plain C: one pixel x 16 channels with fmaf. Included by kernel_scalar.c for any CPU and by
 * kernel_fma.c for x86 and ARM CPUs with an FMA instruction, which replaces a call of libm's fmaf
 * per product (same bits). */
#include <math.h>

#include "nn/kernel/kernels.h"

#define VEC float
#define WIDTH 1
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define SPREAD(p) (*(p))
#define CONSTANT(c) ((float)(c))
#define ZERO() 0.0f
#define ADD(x, y) ((x) + (y))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((x) * (y))
#define FMA(x, y, z) __builtin_fmaf(x, y, z)
#define RELU(x) ((x) < 0 ? 0.0f : (x))
#define MOST(x, y) ((y) <= (x) || (x) != (x) ? (x) : (y))
#define DIV(x, y) ((x) / (y))
#define ROOT(x) sqrtf(x)
#define FLESS(x, y) ((x) < (y))
#define FPICK(m, x, y) ((m) ? (x) : (y))
#define LARGER(x, y) FPICK(FLESS(y, x), x, y)
#define SMALLER(x, y) FPICK(FLESS(x, y), x, y)
#define POWER2(m) fus_fmath_power2f(m)
#define STEP_FENCE()
#define BF16_FLUSHES 0
#define TILE_ROWS 1
#define TILE_WIDEST TILE_ROWS
#define TILE_BLOCKS 1
#define DVEC double
#define DOUBLES 1
#define DLOAD(p) (*(p))
#define DSTORE(p, v) (*(p) = (v))
#define DSPREAD(x) (x)
#define WIDEN(p) ((double)*(p))
#define NARROW(p, v) (*(p) = (float)(v))
#define DADD(x, y) ((x) + (y))
#define DSUB(x, y) ((x) - (y))
#define DMUL(x, y) ((x) * (y))
#define DDIV(x, y) ((x) / (y))
#define DROOT(x) sqrt(x)
#define DLESS(x, y) ((x) < (y))
#define DPICK(m, x, y) ((m) ? (x) : (y))
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
