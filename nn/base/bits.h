/* SPDX-License-Identifier: MIT */
/* Bits of floating-point numbers, and the order of bytes in memory. */
#ifndef FUS_BITS_H
#define FUS_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t fus_bits_of_float(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float fus_bits_to_float(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline uint64_t fus_bits_of_double(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double fus_bits_to_double(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline bool fus_bits_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

#endif
