/* SPDX-License-Identifier: MIT */
/* The scalar row where the compiler may not take a fused multiply-add for granted and the CPU has
 * it: x86 with FMA, 32-bit ARM with VFPv4. There fmaf is a call of libm by default, some 20 times
 * as slow.
 *
 * On 32-bit ARM this is the fastest row there can be. Its NEON unit flushes subnormal numbers to
 * zero regardless of FPSCR (ARM Architecture Reference Manual for ARMv7-A, A2.7.1), so that its
 * sums have other bits; the scalar instructions of VFPv4 keep to IEEE 754. With 32 single-precision
 * registers they hold the tile of 16 sums. */
#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE2_MATH__))
#define TARGET __attribute__((target("fma")))
#include "nn/kernel/kernel_scalar.h"

static bool available(void)
{
    return __builtin_cpu_supports("fma");
}
#define HAVE_ROW
#elif defined(__arm__) && !defined(__SOFTFP__) && !defined(__ARM_FEATURE_FMA) && defined(__linux__) && \
    defined(__GNUC__) && !defined(__clang__)
#include <sys/auxv.h>

#define TARGET __attribute__((target("fpu=vfpv4-d16")))
#include "nn/kernel/kernel_scalar.h"

#define HWCAP_VFP4 (1ul << 16) /* linux/arch/arm/include/uapi/asm/hwcap.h: HWCAP_VFPv4 */

static bool available(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_VFP4) != 0;
}
#define HAVE_ROW
#endif

#ifdef HAVE_ROW
const struct fus_kernel fus_kernel_fma = {"scalar",   TILE_ROWS, TILE_BLOCKS, TILE_WIDEST, TILES,
                                          WINOGRAD,   pool_max,  ACTIVATE,    TOKENS,      MOMENTS,
                                          fma_chains, WIDTH,     available,   GRADIENTS,   BF16("scalar")};
#else
#include "nn/kernel/kernels.h"

static bool available(void)
{
    return false;
}

const struct fus_kernel fus_kernel_fma = {.name = "scalar", .available = available};
#endif
