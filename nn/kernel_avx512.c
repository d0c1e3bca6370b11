/* AVX-512: 14 pixels x 32 channels, 28 of 32 registers hold sums. */
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define VEC __m512
#define WIDTH 16
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPREAD(p) _mm512_set1_ps(*(p))
#define ZERO() _mm512_setzero_ps()
#define ADD(x, y) _mm512_add_ps(x, y)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define RELU(x) _mm512_max_ps(_mm512_setzero_ps(), x)
#define TILE_ROWS 14
#define TILE_BLOCKS 2
#define TILE_NAME tile_avx512
#include "gemm_tile.h"

static bool available(void)
{
    return __builtin_cpu_supports("avx512f");
}

const struct fus_kernel fus_kernel_avx512 = {"avx512", 14, 2, tile_avx512, available};
#endif
