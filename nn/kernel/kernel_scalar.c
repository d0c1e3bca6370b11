/* SPDX-License-Identifier: MIT */
/* The row of the table that every machine has. */
#define TARGET
#include "nn/kernel/kernel_scalar.h"

static bool available(void)
{
    return true;
}

const struct fus_kernel fus_kernel_scalar = {"scalar",   TILE_ROWS, TILE_BLOCKS, TILE_WIDEST, TILES,
                                             WINOGRAD,   pool_max,  ACTIVATE,    TOKENS,      MOMENTS,
                                             fma_chains, WIDTH,     available,   GRADIENTS,   BF16("scalar")};
