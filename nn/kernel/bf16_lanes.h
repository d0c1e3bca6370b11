/* SPDX-License-Identifier: MIT */
/* fus_bf16_round of BF16_LANES floats at a time, in the compiler's vectors; TARGET and INLINE as in
 * gemm_tile.h. Vectors wider than the registers are slow: gcc takes them apart into scalars. */
typedef uint32_t bf16_lanes __attribute__((vector_size(4 * BF16_LANES)));

/* The bits of a float with the lower half 0. */
INLINE void bf16_round_lanes(bf16_lanes *y, const float *from)
{
    bf16_lanes u;
    memcpy(&u, from, sizeof u);
    bf16_lanes size = u & 0x7fffffff, nan = (bf16_lanes)(size > 0x7f800000), tiny = (bf16_lanes)(size < 0x00800000);
    bf16_lanes x = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000;
    x = (x & ~nan) | ((u | 0x00400000) & 0xffff0000 & nan);
    *y = (x & ~tiny) | (u & 0x80000000 & tiny);
}
