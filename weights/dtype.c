/* SPDX-License-Identifier: MIT */
/* Element types of weight files: their sizes, their names, and the conversions to and from f32.
 *
 * Half precision is IEEE 754-2008 binary16; bf16 is the upper half of a binary32. Both
 * directions are integer arithmetic on the bits, so that no machine's flush-to-zero mode or
 * rounding mode changes a result. A NaN keeps its sign and as much of its payload as fits
 * (NumPy's rule), so f16 -> f32 -> f16 is the identity for all 65536. */
#include "weights/dtype.h"

#include <math.h>
#include <string.h>

#include "nn/base/bits.h"

static const struct {
    const char *name;
    size_t bytes;
} dtypes[FUS_N_DTYPES] = {
    [FUS_F32] = {"f32", 4},   [FUS_F16] = {"f16", 2}, [FUS_BF16] = {"bf16", 2}, [FUS_F64] = {"f64", 8},
    [FUS_I8] = {"i8", 1},     [FUS_U8] = {"u8", 1},   [FUS_I16] = {"i16", 2},   [FUS_U16] = {"u16", 2},
    [FUS_I32] = {"i32", 4},   [FUS_U32] = {"u32", 4}, [FUS_I64] = {"i64", 8},   [FUS_U64] = {"u64", 8},
    [FUS_BOOL] = {"bool", 1},
};

size_t fus_dtype_bytes(enum fus_dtype t)
{
    return dtypes[t].bytes;
}

const char *fus_dtype_name(enum fus_dtype t)
{
    return dtypes[t].name;
}

/* The f32 bits of a half. A subnormal half is a normal f32: its leading one is moved to where
 * f32 hides it. */
static uint32_t widen(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31)
        return sign | 0x7f800000 | fraction << 13;
    if (exponent != 0)
        return sign | (exponent + 112) << 23 | fraction << 13; /* biases: 127 - 15 */
    if (fraction == 0)
        return sign;
    exponent = 113;
    for (; !(fraction & 0x400); fraction <<= 1)
        exponent--;
    return sign | exponent << 23 | (fraction & 0x3ff) << 13;
}

float fus_dtype_f16_to_f32(uint16_t h)
{
    return fus_bits_to_float(widen(h));
}

/* x without its last n bits, rounded to nearest, ties to even; a carry runs on into the exponent
 * as it should. */
static uint32_t round_off(uint32_t x, int n)
{
    uint32_t half = (uint32_t)1 << (n - 1), odd = x >> n & 1;
    return (x + half - 1 + odd) >> n;
}

uint16_t fus_dtype_f32_to_f16(float x)
{
    uint32_t bits = fus_bits_of_float(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) {
        uint32_t payload = rest >> 13 & 0x3ff;
        return (uint16_t)(sign | 0x7c00 | (payload ? payload : 1));
    }
    if (rest >= 0x477ff000) /* 65520, half way between the largest half and 65536 */
        return (uint16_t)(sign | 0x7c00);
    if (rest >= 0x38800000) /* 2^-14, the smallest normal half */
        return (uint16_t)(sign | (round_off(rest, 13) - (112 << 10)));
    if (rest < 0x33000000) /* below 2^-25, half the smallest subnormal; 2^-25 itself ties to 0 */
        return (uint16_t)sign;
    uint32_t exponent = rest >> 23, significand = (rest & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | round_off(significand, 126 - (int)exponent));
}

uint16_t fus_dtype_f32_to_bf16(float x)
{
    uint32_t bits = fus_bits_of_float(x);
    if ((bits & 0x7fffffff) > 0x7f800000) {
        uint32_t payload = bits >> 16 & 0x7f;
        return (uint16_t)((bits >> 16 & 0xff80) | (payload ? payload : 1));
    }
    return (uint16_t)round_off(bits, 16);
}

static uint64_t load(const uint8_t *p, size_t n, bool big_endian)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[big_endian ? i : n - 1 - i];
    return v;
}

/* Unsigned bits of an n-byte integer -> its two's complement value. */
static int64_t sign_extend(uint64_t v, size_t n)
{
    uint64_t top = (uint64_t)1 << (8 * n - 1);
    v = (v ^ top) - top;
    int64_t out;
    memcpy(&out, &v, 8);
    return out;
}

static float f32_of_f64(uint64_t bits)
{
    return (float)fus_bits_to_double(bits);
}

static float f32_of_bits(uint64_t v, enum fus_dtype t)
{
    switch (t) {
    case FUS_F32:
        return fus_bits_to_float((uint32_t)v);
    case FUS_F64:
        return f32_of_f64(v);
    case FUS_BOOL:
        return v != 0;
    case FUS_U8:
    case FUS_U16:
    case FUS_U32:
    case FUS_U64:
        return (float)v;
    default:
        return (float)sign_extend(v, fus_dtype_bytes(t));
    }
}

void fus_dtype_to_f32(float *out, const uint8_t *raw, size_t n, enum fus_dtype t, bool big_endian)
{
    size_t size = fus_dtype_bytes(t), low = big_endian ? 1 : 0, high = 1 - low;
    if (t == FUS_F16) /* what people have: loops of their own are 3 times as fast */
        for (size_t i = 0; i < n; i++)
            out[i] = fus_bits_to_float(widen((uint16_t)(raw[2 * i + low] | raw[2 * i + high] << 8)));
    else if (t == FUS_BF16)
        for (size_t i = 0; i < n; i++)
            out[i] = fus_bits_to_float((uint32_t)raw[2 * i + low] << 16 | (uint32_t)raw[2 * i + high] << 24);
    else if (t == FUS_F64 && big_endian != fus_bits_little_endian())
        for (size_t i = 0; i < n; i++) {
            double x;
            memcpy(&x, raw + 8 * i, 8);
            out[i] = (float)x;
        }
    else
        for (size_t i = 0; i < n; i++)
            out[i] = f32_of_bits(load(raw + i * size, size, big_endian), t);
}

/* 16 bits of each float; `out` may be the same memory: writing forwards never overtakes reading. */
static size_t to_16_bits(uint8_t *out, const float *values, size_t n, uint16_t (*narrow)(float))
{
    for (size_t i = 0; i < n; i++) {
        uint16_t v = narrow(values[i]);
        out[2 * i] = (uint8_t)v;
        out[2 * i + 1] = (uint8_t)(v >> 8);
    }
    return 2 * n;
}

size_t fus_dtype_pack(float *values, size_t n, enum fus_dtype t)
{
    uint8_t *out = (uint8_t *)values;
    if (t == FUS_F16)
        return to_16_bits(out, values, n, fus_dtype_f32_to_f16);
    if (t == FUS_BF16)
        return to_16_bits(out, values, n, fus_dtype_f32_to_bf16);
    for (size_t i = 0; i < n && !fus_bits_little_endian(); i++) {
        uint32_t v = fus_bits_of_float(values[i]);
        for (size_t byte = 0; byte < 4; byte++)
            out[4 * i + byte] = (uint8_t)(v >> 8 * byte);
    }
    return 4 * n;
}

size_t fus_dtype_find_not_finite(const float *values, size_t n)
{
    enum { BLOCK = 1024 };
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t end = n - i < BLOCK ? n : i + BLOCK;
        uint32_t found = 0;
        /* whole blocks without a branch: compilers make vectors of it */
        for (size_t k = i; k < end; k++) {
            uint32_t bits = fus_bits_of_float(values[k]);
            found |= (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
        }
        for (size_t k = i; found && k < end; k++)
            if (!isfinite(values[k]))
                return k;
    }
    return n;
}
