/* The row of the table that every machine has. */
#define TARGET
#include "kernel_scalar.h"

static bool available(void)
{
    return true;
}

const struct fus_kernel fus_kernel_scalar = {"scalar", TILE_ROWS, TILE_BLOCKS, gemm_tile, winograd_in, winograd_out,
                                             moments_add, moments_merge, moments_spread, least_t, roots, fma_chains, WIDTH, available};
