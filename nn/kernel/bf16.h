/* SPDX-License-Identifier: MIT */
/* Sums of products of bf16 numbers (`--precision bf16`), with the bits of Intel's AMX, on any
 * machine.
 *
 * A bf16 number is a float whose lower 16 bits are 0. k runs in tiles of 32. With e and o starting
 * at 0 in each tile, and FMA a fused multiply-add:
 *
 *   e = FMA(a[k], b[k], e) over the tile's even k;  o = the same over its odd k;
 *   c = c + (e + o) after each tile; c starts at 0
 *
 * k that fill up a tile have a = b = 0. Each operation rounds to nearest even. Subnormal operands
 * count as 0, and a result below 2^-126 once rounded to 24 bits becomes a 0 of its sign. This is
 * TDPBF16PS of Intel's Software Developer's Manual (volume 2, "DAZ=FTZ=1, RNE rounding"). */
#ifndef FUS_BF16_H
#define FUS_BF16_H

#include "nn/base/base.h"

#define FUS_BF16_DEPTH 32 /* k of a tile */

/* A tile of k: its place in the input, and how many of its k are there (16, 32, or an image's
 * kernel row); the others are 0. */
struct fus_bf16_step {
    ptrdiff_t in; /* elements from a pixel's input window */
    int depth;
};

/* Some pixels x some blocks of 16 channels: c[j, i, :] = (c[j, i, :] or 0) + the sums over k.
 * Elements of a and b are floats that hold bf16 numbers, or 16-bit ones (`packed`).
 *
 * a  pixels a_pixel elements apart; k 16 .. 31 of a step lie a_half after k 0 .. 15; packed: all 32
 *    lie together
 * b  [blocks] b_step elements apart, each [n_steps, depth, 16]; packed: [n_steps, 16, 16, 2], k in
 *    pairs
 * c  [blocks] c_step floats apart, each [rows, 16]
 * ahead  weights to prefetch, 16 floats of each block for every 4 k; NULL: none */
struct fus_bf16_tile {
    const void *a, *b;
    const float *ahead;
    float *c;
    const struct fus_bf16_step *steps;
    size_t a_pixel, a_half, b_step, c_step;
    int n_steps, rows, blocks; /* rows and blocks at most the kernel's */
    bool first;                /* c starts at 0 */
};

struct fus_kernel_bf16 {
    const char *name;
    int rows, blocks; /* largest tile */
    int slice;        /* steps of a call for which b stays in cache */
    bool packed;
    /* flushes subnormals; else `tile` is exact only where there are none, and fus_bf16_tile_exact
     * does the rest */
    bool flushes;
    void (*tile[4])(const struct fus_bf16_tile *t); /* enum fus_tile_kind */
    /* n times 16 floats to bf16; packed: 32 elements apart */
    void (*round)(void *to, const float *from, size_t n);
    /* Around calls of tile, on each thread: sets what it needs of the CPU's state, and restores it.
     * NULL: nothing. */
    unsigned (*enter)(void);
    void (*leave)(unsigned state);
};

/* To nearest, ties to even; subnormals to 0 of their sign; NaN stays NaN. */
float fus_bf16_round(float x);
/* a b + c and a + b as above. No argument is subnormal; a and b of the first are bf16. */
float fus_bf16_fma(float a, float b, float c);
float fus_bf16_add(float a, float b);

/* A tile of floats, one operation after the other: the rule in its plainest form, and the kernel
 * where subnormals may occur and no other kernel flushes them. */
void fus_bf16_tile_exact(const struct fus_bf16_tile *t);

/* The least absolute value other than 0 among n bf16 numbers, as bits; UINT32_MAX: there is
 * none. */
uint32_t fus_bf16_least(const float *x, size_t n);

/* Whether no sum of products of numbers of at least these absolute values can be subnormal. a and b
 * are multiples of 2^-7 times the power of two at or below their least ones, so that every sum is
 * a multiple of the product of these two, which is at least 2^-126. */
bool fus_bf16_is_safe(uint32_t least_a, uint32_t least_b);

#endif
