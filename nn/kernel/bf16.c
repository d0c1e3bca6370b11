/* SPDX-License-Identifier: MIT */
/* Sums of products of bf16 numbers, one operation at a time: see bf16.h. */
#include "nn/kernel/bf16.h"

#include <float.h>
#include <math.h>

#include "nn/base/bits.h"
#include "nn/kernel/kernels.h"

float fus_bf16_round(float x)
{
    uint32_t u = fus_bits_of_float(x), size = u & 0x7fffffff;
    if (size > 0x7f800000)
        return fus_bits_to_float((u | 0x00400000) & 0xffff0000);
    if (size < 0x00800000)
        return fus_bits_to_float(u & 0x80000000);
    return fus_bits_to_float((u + 0x7fff + (u >> 16 & 1)) & 0xffff0000);
}

static float zero_of(float x)
{
    return fus_bits_to_float(fus_bits_of_float(x) & 0x80000000);
}

/* fmaf rounds a subnormal to a multiple of 2^-149, and may give 2^-126 for a sum that is below it
 * once rounded to 24 bits: below the middle between 2^-126 and the next number of 24 bits. A sum
 * of exactly a bf16 product has fewer bits, so c is not 0, and both sides of the comparison are
 * exact in double. */
float fus_bf16_fma(float a, float b, float c)
{
    const double middle = (double)FLT_MIN * (1 - 0x1p-25);
    float y = fmaf(a, b, c);
    if (!(fabsf(y) <= FLT_MIN))
        return y;
    if (fabsf(y) < FLT_MIN)
        return zero_of(y);
    double product = (double)a * b, sign = y < 0 ? -1 : 1;
    return sign * product < middle - sign * (double)c ? zero_of(y) : y;
}

/* The sum of two floats is exact where it is subnormal. */
float fus_bf16_add(float a, float b)
{
    float y = a + b;
    return fabsf(y) < FLT_MIN ? zero_of(y) : y;
}

static float dot(const struct fus_bf16_tile *t, const float *a, const float *b, const struct fus_bf16_step *s)
{
    float sums[2] = {0, 0};
    for (int k = 0; k < FUS_BF16_DEPTH; k++) {
        bool there = k < s->depth;
        size_t half = (size_t)(k / FUS_LANES) * t->a_half;
        float x = there ? a[half + (size_t)(k % FUS_LANES)] : 0, w = there ? b[k * FUS_LANES] : 0;
        sums[k % 2] = fus_bf16_fma(x, w, sums[k % 2]);
    }
    return fus_bf16_add(sums[0], sums[1]);
}

void fus_bf16_tile_exact(const struct fus_bf16_tile *t)
{
    for (int j = 0; j < t->blocks; j++)
        for (int row = 0; row < t->rows; row++) {
            float *c = t->c + (size_t)j * t->c_step + row * FUS_LANES;
            const float *a = (const float *)t->a + (size_t)row * t->a_pixel,
                        *b = (const float *)t->b + (size_t)j * t->b_step;
            for (int i = 0; i < t->n_steps; b += t->steps[i++].depth * FUS_LANES)
                for (int lane = 0; lane < FUS_LANES; lane++) {
                    float from = i == 0 && t->first ? 0 : c[lane];
                    c[lane] = fus_bf16_add(from, dot(t, a + t->steps[i].in, b + lane, &t->steps[i]));
                }
        }
}

uint32_t fus_bf16_least(const float *x, size_t n)
{
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        uint32_t below = (fus_bits_of_float(x[i]) & 0x7fffffff) - 1; /* of 0: UINT32_MAX */
        least = below < least ? below : least;
    }
    return least == UINT32_MAX ? least : least + 1;
}

bool fus_bf16_is_safe(uint32_t least_a, uint32_t least_b)
{
    int a = (int)(least_a >> 23), b = (int)(least_b >> 23); /* exponents + 127 */
    return least_a == UINT32_MAX || least_b == UINT32_MAX || (a - 127 - 7) + (b - 127 - 7) >= -126;
}
