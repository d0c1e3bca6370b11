/* Plain C: one pixel x 16 channels with fmaf. On x86-64 a second instance may use the FMA instruction, which spares a
 * call of libm's fmaf (same bits) for every product. */
#include <math.h>

#include "kernels.h"

#define TARGET
#define VEC float
#define WIDTH 1
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define SPREAD(p) (*(p))
#define ZERO() 0.0f
#define ADD(x, y) ((x) + (y))
#define FMA(x, y, z) fmaf(x, y, z)
#define RELU(x) ((x) < 0 ? 0.0f : (x))
#define TILE_ROWS 1
#define TILE_BLOCKS 1
#define TILE_NAME tile_scalar
#define steps steps_scalar
#define tile_of tile_of_scalar
#include "gemm_tile.h"
#undef steps
#undef tile_of

#if defined(__x86_64__)
#define TARGET __attribute__((target("fma")))
#define VEC float
#define WIDTH 1
#define LOAD(p) (*(p))
#define STORE(p, v) (*(p) = (v))
#define SPREAD(p) (*(p))
#define ZERO() 0.0f
#define ADD(x, y) ((x) + (y))
#define FMA(x, y, z) __builtin_fmaf(x, y, z)
#define RELU(x) ((x) < 0 ? 0.0f : (x))
#define TILE_ROWS 1
#define TILE_BLOCKS 1
#define TILE_NAME tile_scalar_fma
#define steps steps_scalar_fma
#define tile_of tile_of_scalar_fma
#include "gemm_tile.h"
#undef steps
#undef tile_of

static void tile(const struct fus_tile *t)
{
    if (__builtin_cpu_supports("fma"))
        tile_scalar_fma(t);
    else
        tile_scalar(t);
}
#else
#define tile tile_scalar
#endif

static bool available(void)
{
    return true;
}

const struct fus_kernel fus_kernel_scalar = {"scalar", 1, 1, tile, available};
