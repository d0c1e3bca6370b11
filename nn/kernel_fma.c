/* The scalar row on an x86-64 CPU with fused multiply-add. */
#if defined(__x86_64__)
#define TARGET __attribute__((target("fma")))
#include "kernel_scalar.h"

static bool available(void)
{
    return __builtin_cpu_supports("fma");
}

const struct fus_kernel fus_kernel_fma = {"scalar", TILE_ROWS, TILE_BLOCKS, TILES, WINOGRAD, pool_max, ACTIVATE, MOMENTS, fma_chains, WIDTH, available};
#else
typedef int fus_kernel_fma_is_for_x86_64; /* a translation unit needs a declaration */
#endif
