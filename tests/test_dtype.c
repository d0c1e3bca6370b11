/* SPDX-License-Identifier: MIT */
/* weights/dtype.c: all halves, both roundings, against NumPy and PyTorch
 * (tests/golden/weights_make.py). */
#include <float.h>

#include "nn/base/bits.h"
#include "weights_help.h"

/* IEEE 754-2008, 3.4: the value from sign, exponent and fraction. */
static void test_all_halves_widen(void)
{
    size_t wrong = 0, back = 0, back_bf16 = 0;
    struct fus_sha256 sha;
    char hex[FUS_SHA256_HEX];
    fus_sha256_start(&sha);
    for (uint32_t h = 0; h < 65536; h++) {
        int exponent = h >> 10 & 31, fraction = h & 1023;
        float x = fus_dtype_f16_to_f32((uint16_t)h);
        double want = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (exponent == 31)
            want = fraction ? NAN : INFINITY;
        wrong += !(isnan(want) ? isnan(x) : x == (h >> 15 ? -want : want)) || fus_bits_of_float(x) >> 31 != h >> 15;
        back += fus_dtype_f32_to_f16(x) != h;
        back_bf16 += fus_dtype_f32_to_bf16(fus_bits_to_float(h << 16)) != h;
        uint8_t le[4] = {(uint8_t)fus_bits_of_float(x), (uint8_t)(fus_bits_of_float(x) >> 8),
                         (uint8_t)(fus_bits_of_float(x) >> 16), (uint8_t)(fus_bits_of_float(x) >> 24)};
        fus_sha256_add(&sha, le, 4);
    }
    fus_sha256_hex(&sha, hex);
    CHECK_MSG(wrong == 0, "%zu halves", wrong);
#if defined(__i386__)
    SKIP("a float that a function returns passes the x87, which makes signalling NaNs quiet");
    return;
#endif
    CHECK_MSG(back == 0, "%zu halves do not come back from f32", back);
    CHECK_MSG(back_bf16 == 0, "%zu bf16 do not come back from f32", back_bf16);
    size_t n;
    uint8_t *golden = help_read("tests/golden/weights_halves.txt", &n);
    CHECK(n == 65 && memcmp(golden, hex, 64) == 0);
    fus_base_free(golden);
}

static void test_rounding_golden(void)
{
    size_t n, wrong = 0;
    uint8_t *data = help_read("tests/golden/weights_halves.bin", &n);
    struct fus_bytes b = fus_bytes_of(data, n);
    CHECK(n % 8 == 0 && n > 20000);
    while (fus_bytes_left(&b)) {
        uint32_t bits = fus_bytes_u32le(&b);
        uint16_t f16 = fus_bytes_u16le(&b), bf16 = fus_bytes_u16le(&b);
        wrong += fus_dtype_f32_to_f16(fus_bits_to_float(bits)) != f16 ||
                 fus_dtype_f32_to_bf16(fus_bits_to_float(bits)) != bf16;
    }
    CHECK_MSG(wrong == 0, "%zu values are rounded differently than by NumPy and PyTorch", wrong);
    fus_base_free(data);
}

/* Nearest, ties to even: |x - rounded| is at most |x - either neighbour|, for every 101st float. */
static void test_rounding_nearest(void)
{
    size_t wrong = 0;
    for (uint64_t bits = 0; bits < 0x7f800000; bits += 101) {
        float x = fus_bits_to_float((uint32_t)bits);
        uint16_t h = fus_dtype_f32_to_f16(x);
        double here = h == 0x7c00 ? 65536 : fus_dtype_f16_to_f32(h), off = fabs(x - here);
        double below = h ? fus_dtype_f16_to_f32((uint16_t)(h - 1)) : -1;
        double above = h >= 0x7bff ? 65536 : fus_dtype_f16_to_f32((uint16_t)(h + 1));
        bool tie = off == fabs(x - below) || (off == fabs(x - above) && above != here);
        wrong += x < 65520 && (off > fabs(x - below) || off > fabs(x - above) || (tie && h & 1));
        wrong += x >= 65520 && h != 0x7c00;
        wrong += fus_dtype_f32_to_f16(-x) != (h | 0x8000);
    }
    CHECK_MSG(wrong == 0, "%zu", wrong);
}

static void test_nan(void)
{
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0x7f802000};
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        uint16_t h = fus_dtype_f32_to_f16(fus_bits_to_float(nans[i])),
                 b = fus_dtype_f32_to_bf16(fus_bits_to_float(nans[i]));
        CHECK((h & 0x7fff) > 0x7c00 && h >> 15 == nans[i] >> 31);
        CHECK((b & 0x7fff) > 0x7f80 && b >> 15 == nans[i] >> 31);
    }
}

static void test_names_and_sizes(void)
{
    static const char *const names[] = {"f32", "f16", "bf16", "f64", "i8",  "u8",  "i16",
                                        "u16", "i32", "u32",  "i64", "u64", "bool"};
    static const size_t sizes[] = {4, 2, 2, 8, 1, 1, 2, 2, 4, 4, 8, 8, 1};
    for (int t = 0; t < FUS_N_DTYPES; t++)
        CHECK(strcmp(fus_dtype_name((enum fus_dtype)t), names[t]) == 0 &&
              fus_dtype_bytes((enum fus_dtype)t) == sizes[t]);
}

/* Every dtype in both byte orders; the integers' own extremes. */
static void test_byte_orders(void)
{
    static const struct {
        enum fus_dtype t;
        uint64_t bits;
        float want;
    } cases[] = {
        {FUS_F32, 0xc0490fdb, -3.14159274f},
        {FUS_F16, 0x3555, 0.333251953125f},
        {FUS_BF16, 0xbf80, -1},
        {FUS_F64, 0x3ff0000010000000, 1},
        {FUS_F64, 0x3ff0000010000001, 1.00000012f},
        {FUS_F64, 0x7e37e43c8800759c, INFINITY},
        {FUS_I8, 0x80, -128},
        {FUS_U8, 0x80, 128},
        {FUS_I16, 0x8001, -32767},
        {FUS_U16, 0x8001, 32769},
        {FUS_I32, 0x80000000, -2147483648.0f},
        {FUS_U32, 0xffffffff, 4294967296.0f},
        {FUS_I32, 0x01000001, 16777216},
        {FUS_I64, 0xffffffffffffffff, -1},
        {FUS_U64, 0xffffffffffffffff, 18446744073709551616.0f},
        {FUS_I64, 0x01000003, 16777220},
        {FUS_BOOL, 2, 1},
        {FUS_BOOL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = fus_dtype_bytes(cases[i].t);
        uint8_t le[8], be[8];
        for (size_t k = 0; k < n; k++)
            le[k] = be[n - 1 - k] = (uint8_t)(cases[i].bits >> 8 * k);
        float a = 7, b = 7;
        fus_dtype_to_f32(&a, le, 1, cases[i].t, false);
        fus_dtype_to_f32(&b, be, 1, cases[i].t, true);
        CHECK_MSG(a == cases[i].want && b == a, "case %zu: %.9g %.9g, want %.9g", i, a, b, cases[i].want);
    }
}

static void test_pack(void)
{
    float v[3] = {1.5f, -2, 65504}, w[3], x[3];
    uint8_t raw[12];
    memcpy(w, v, sizeof v);
    memcpy(x, v, sizeof v);
    CHECK(fus_dtype_pack(v, 3, FUS_F32) == 12);
    memcpy(raw, v, 12);
    CHECK(raw[0] == 0 && raw[2] == 0xc0 && raw[3] == 0x3f);
    CHECK(fus_dtype_pack(w, 3, FUS_F16) == 6);
    memcpy(raw, w, 6);
    CHECK(memcmp(raw, "\x00\x3e\x00\xc0\xff\x7b", 6) == 0);
    CHECK(fus_dtype_pack(x, 3, FUS_BF16) == 6);
    memcpy(raw, x, 6);
    CHECK(memcmp(raw, "\xc0\x3f\x00\xc0\x80\x47", 6) == 0);
}

static void test_not_finite(void)
{
    static float x[3000];
    CHECK(fus_dtype_find_not_finite(x, 0) == 0 && fus_dtype_find_not_finite(x, 3000) == 3000);
    x[0] = FLT_MAX, x[1] = -FLT_MAX, x[2999] = FLT_MIN / 2;
    CHECK(fus_dtype_find_not_finite(x, 3000) == 3000);
    x[2999] = -INFINITY;
    CHECK(fus_dtype_find_not_finite(x, 3000) == 2999 && fus_dtype_find_not_finite(x, 2999) == 2999);
    x[1023] = fus_bits_to_float(0x7f800001); /* a signalling NaN */
    CHECK(fus_dtype_find_not_finite(x, 3000) == 1023);
    x[0] = NAN;
    CHECK(fus_dtype_find_not_finite(x, 1) == 0);
}

int main(void)
{
    test_all_halves_widen();
    test_rounding_golden();
    test_rounding_nearest();
    test_nan();
    test_names_and_sizes();
    test_byte_orders();
    test_pack();
    test_not_finite();
    return test_end();
}
