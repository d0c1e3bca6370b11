/* SPDX-License-Identifier: MIT */
/* The accurate integer inverse DCT of libjpeg ("islow"): 8x8 dequantised coefficients -> samples.
 *
 * Loeffler, Ligtenberg & Moschytz (1989), 12 multiplications a row, constants in 13 fractional
 * bits; columns first, kept with 2 extra bits, then rows. The sums are those of libjpeg to the
 * bit, and for coefficients beyond any legal picture's too: as in its vector code, 16-bit
 * intermediates wrap or saturate where those do. Whole numbers: the plain way and those of AVX2
 * and NEON give the same. */
#include <string.h>

#include "nn/base/cpu.h"
#include "stimuli/image/jpeg.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* So that a constant `n` prunes the sums; without it the results are the same, only later. */
#if defined(__GNUC__)
#define PRUNED static inline __attribute__((always_inline))
#else
#define PRUNED static inline
#endif

enum { CONST_BITS = 13, PASS1_BITS = 2 };

/* round(2^13 * x) and their sums: x in the names, times 1000. */
enum {
    F_0541 = 4433,
    F_0765 = 6270,
    F_1847 = 15137,
    F_1175 = 9633,
    F_1961 = 16069,
    F_0390 = 3196,
    F_0298 = 2446,
    F_0899 = 7373,
    F_1501 = 12299,
    F_2053 = 16819,
    F_2562 = 20995,
    F_3072 = 25172
};

static inline int16_t saturate16(int32_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static inline int32_t descale(uint32_t v, int n)
{
    return (int32_t)(v + (1u << (n - 1))) >> n;
}

/* a * constant, modulo 2^32 as every sum here. */
static inline uint32_t times(int16_t a, int32_t constant)
{
    return (uint32_t)(a * constant);
}

/* The transform of all eight columns, sums[8k + x] with CONST_BITS more fractional bits; only
 * the first n rows may be other than zero. Compilers turn the loop into vector code. */
PRUNED void transform(uint32_t sums[restrict 64], const int16_t in[restrict 64], int n)
{
    for (int x = 0; x < 8; x++) {
        int16_t i0 = in[x], i1 = in[8 + x], i2 = in[16 + x], i3 = in[24 + x];
        int16_t i4 = n > 4 ? in[32 + x] : 0, i5 = n > 4 ? in[40 + x] : 0, i6 = n > 6 ? in[48 + x] : 0,
                i7 = n > 6 ? in[56 + x] : 0;

        uint32_t even0 = (uint32_t)(int16_t)(i0 + i4) << CONST_BITS;
        uint32_t even1 = (uint32_t)(int16_t)(i0 - i4) << CONST_BITS;
        uint32_t even2 = times(i2, F_0541) + times(i6, F_0541 - F_1847);
        uint32_t even3 = times(i2, F_0541 + F_0765) + times(i6, F_0541);
        uint32_t t0 = even0 + even3, t3 = even0 - even3, t1 = even1 + even2, t2 = even1 - even2;

        int16_t z3 = (int16_t)(i7 + i3), z4 = (int16_t)(i5 + i1);
        uint32_t a = times(z3, F_1175 - F_1961) + times(z4, F_1175);
        uint32_t b = times(z3, F_1175) + times(z4, F_1175 - F_0390);
        uint32_t odd0 = times(i7, F_0298 - F_0899) - times(i1, F_0899) + a;
        uint32_t odd1 = times(i5, F_2053 - F_2562) - times(i3, F_2562) + b;
        uint32_t odd2 = times(i3, F_3072 - F_2562) - times(i5, F_2562) + a;
        uint32_t odd3 = times(i1, F_1501 - F_0899) - times(i7, F_0899) + b;

        sums[x] = t0 + odd3, sums[56 + x] = t0 - odd3;
        sums[8 + x] = t1 + odd2, sums[48 + x] = t1 - odd2;
        sums[16 + x] = t2 + odd1, sums[40 + x] = t2 - odd1;
        sums[24 + x] = t3 + odd0, sums[32 + x] = t3 - odd0;
    }
}

/* Between the passes: descaled to 16 bits and transposed. Only damaged pictures go beyond 16
 * bits: they saturate, except where every column is constant. */
static void turn(int16_t work[restrict 64], const uint32_t sums[restrict 64], const int16_t block[64])
{
    int16_t straight[64];
    uint32_t beyond = 0;
    for (int i = 0; i < 64; i++) {
        int32_t v = descale(sums[i], CONST_BITS - PASS1_BITS);
        straight[i] = (int16_t)v;
        beyond |= (uint32_t)(v + 32768);
    }
    if (beyond > 65535) {
        int any = 0;
        for (int k = 8; k < 64; k++)
            any |= block[k];
        for (int i = 0; i < 64; i++)
            straight[i] = any ? saturate16(descale(sums[i], CONST_BITS - PASS1_BITS))
                              : (int16_t)((uint32_t)block[i % 8] << PASS1_BITS);
    }
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            work[8 * x + y] = straight[8 * y + x];
}

static inline uint8_t sample(int32_t v)
{
    v += 128;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

PRUNED void transform_both(uint8_t *out, size_t stride, const int16_t block[64], int n)
{
    uint32_t sums[64];
    int16_t work[64];
    transform(sums, block, n);
    turn(work, sums, block);
    transform(sums, work, n);
    for (int y = 0; y < 8; y++, out += stride)
        for (int x = 0; x < 8; x++)
            out[x] = sample(descale(sums[8 * x + y], CONST_BITS + PASS1_BITS + 3));
}

/* A block of its mean alone. */
static void fill(uint8_t *out, size_t stride, int16_t dc)
{
    int16_t shifted = (int16_t)((uint32_t)dc << PASS1_BITS);
    for (int y = 0; y < 8; y++)
        memset(out + (size_t)y * stride, sample(descale((uint32_t)shifted, PASS1_BITS + 3)), 8);
}

static void idct(uint8_t *out, size_t stride, const int16_t block[64], int last)
{
    if (last == 0)
        fill(out, stride, block[0]);
    else if (last < 10) /* the first 10 in zigzag order fill a corner of 4 x 4 */
        transform_both(out, stride, block, 4);
    else if (last < 21) /* the first 21 one of 6 x 6 */
        transform_both(out, stride, block, 6);
    else
        transform_both(out, stride, block, 8);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline __attribute__((target("avx2"), always_inline))

/* The constants of two products that are added: a in the lower half of each 32 bits, b in the
 * upper. */
AVX2_INLINE __m256i two(int a, int b)
{
    return _mm256_set1_epi32((int)((uint32_t)b << 16 | (uint16_t)a));
}

/* Two columns side by side, for the constants of two(): a in the lower half of each 32 bits. */
AVX2_INLINE __m256i beside(__m128i a, __m128i b)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi16(a, b)), _mm_unpackhi_epi16(a, b), 1);
}

/* transform(), with eight columns in a vector and descaled by `shift` bits, shift constant: rows
 * of 32 bits. */
AVX2_INLINE void transform_avx2(__m256i out[8], const __m128i in[8], int shift)
{
    __m256i rounding = _mm256_set1_epi32(1 << (shift - 1));
    __m256i sum = _mm256_cvtepi16_epi32(_mm_add_epi16(in[0], in[4])),
            difference = _mm256_cvtepi16_epi32(_mm_sub_epi16(in[0], in[4]));
    __m256i even0 = _mm256_add_epi32(_mm256_slli_epi32(sum, CONST_BITS), rounding);
    __m256i even1 = _mm256_add_epi32(_mm256_slli_epi32(difference, CONST_BITS), rounding);
    __m256i pair = beside(in[2], in[6]);
    __m256i even2 = _mm256_madd_epi16(pair, two(F_0541, F_0541 - F_1847));
    __m256i even3 = _mm256_madd_epi16(pair, two(F_0541 + F_0765, F_0541));
    __m256i t0 = _mm256_add_epi32(even0, even3), t3 = _mm256_sub_epi32(even0, even3);
    __m256i t1 = _mm256_add_epi32(even1, even2), t2 = _mm256_sub_epi32(even1, even2);

    pair = beside(_mm_add_epi16(in[7], in[3]), _mm_add_epi16(in[5], in[1]));
    __m256i a = _mm256_madd_epi16(pair, two(F_1175 - F_1961, F_1175)),
            b = _mm256_madd_epi16(pair, two(F_1175, F_1175 - F_0390));
    pair = beside(in[7], in[1]);
    __m256i odd0 = _mm256_add_epi32(_mm256_madd_epi16(pair, two(F_0298 - F_0899, -F_0899)), a);
    __m256i odd3 = _mm256_add_epi32(_mm256_madd_epi16(pair, two(-F_0899, F_1501 - F_0899)), b);
    pair = beside(in[5], in[3]);
    __m256i odd1 = _mm256_add_epi32(_mm256_madd_epi16(pair, two(F_2053 - F_2562, -F_2562)), b);
    __m256i odd2 = _mm256_add_epi32(_mm256_madd_epi16(pair, two(-F_2562, F_3072 - F_2562)), a);

    out[0] = _mm256_srai_epi32(_mm256_add_epi32(t0, odd3), shift),
    out[7] = _mm256_srai_epi32(_mm256_sub_epi32(t0, odd3), shift);
    out[1] = _mm256_srai_epi32(_mm256_add_epi32(t1, odd2), shift),
    out[6] = _mm256_srai_epi32(_mm256_sub_epi32(t1, odd2), shift);
    out[2] = _mm256_srai_epi32(_mm256_add_epi32(t2, odd1), shift),
    out[5] = _mm256_srai_epi32(_mm256_sub_epi32(t2, odd1), shift);
    out[3] = _mm256_srai_epi32(_mm256_add_epi32(t3, odd0), shift),
    out[4] = _mm256_srai_epi32(_mm256_sub_epi32(t3, odd0), shift);
}

/* Rows k and k + 4 in 16 bits, with saturation: columns 0 to 3 of both before 4 to 7. Written
 * without loops, so that all stays in registers. */
AVX2_INLINE void pack(__m256i rows[4], const __m256i sums[8])
{
    rows[0] = _mm256_packs_epi32(sums[0], sums[4]), rows[1] = _mm256_packs_epi32(sums[1], sums[5]);
    rows[2] = _mm256_packs_epi32(sums[2], sums[6]), rows[3] = _mm256_packs_epi32(sums[3], sums[7]);
}

/* turn(): packed rows -> columns. */
AVX2_INLINE void turn_avx2(__m128i out[8], const __m256i rows[4])
{
    __m256i r01 = _mm256_unpacklo_epi16(rows[0], rows[1]), r45 = _mm256_unpackhi_epi16(rows[0], rows[1]);
    __m256i r23 = _mm256_unpacklo_epi16(rows[2], rows[3]), r67 = _mm256_unpackhi_epi16(rows[2], rows[3]);
    __m256i upper01 = _mm256_unpacklo_epi32(r01, r23), upper23 = _mm256_unpackhi_epi32(r01, r23);
    __m256i lower01 = _mm256_unpacklo_epi32(r45, r67), lower23 = _mm256_unpackhi_epi32(r45, r67);
    __m256i c04 = _mm256_unpacklo_epi64(upper01, lower01), c15 = _mm256_unpackhi_epi64(upper01, lower01);
    __m256i c26 = _mm256_unpacklo_epi64(upper23, lower23), c37 = _mm256_unpackhi_epi64(upper23, lower23);
    out[0] = _mm256_castsi256_si128(c04), out[4] = _mm256_extracti128_si256(c04, 1);
    out[1] = _mm256_castsi256_si128(c15), out[5] = _mm256_extracti128_si256(c15, 1);
    out[2] = _mm256_castsi256_si128(c26), out[6] = _mm256_extracti128_si256(c26, 1);
    out[3] = _mm256_castsi256_si128(c37), out[7] = _mm256_extracti128_si256(c37, 1);
}

AVX2_INLINE void give_two(uint8_t *out, size_t stride, __m128i rows)
{
    _mm_storel_epi64((__m128i *)(void *)out, rows);
    _mm_storeh_pi((__m64 *)(void *)(out + stride), _mm_castsi128_ps(rows));
}

/* Packed rows of sums, which are columns of the picture -> samples. */
AVX2_INLINE void give(uint8_t *out, size_t stride, const __m256i rows[4])
{
    const __m256i middle = _mm256_set1_epi16(128);
    /* 0 4 1 5 */
    __m256i even = _mm256_packus_epi16(_mm256_add_epi16(rows[0], middle), _mm256_add_epi16(rows[1], middle));
    /* 2 6 3 7 */
    __m256i odd = _mm256_packus_epi16(_mm256_add_epi16(rows[2], middle), _mm256_add_epi16(rows[3], middle));
    __m256i r0246 = _mm256_unpacklo_epi8(even, odd), r1357 = _mm256_unpackhi_epi8(even, odd);
    __m256i r0123 = _mm256_unpacklo_epi8(r0246, r1357), r4567 = _mm256_unpackhi_epi8(r0246, r1357);
    __m256i y0145 = _mm256_unpacklo_epi32(r0123, r4567), y2367 = _mm256_unpackhi_epi32(r0123, r4567);
    give_two(out, stride, _mm256_castsi256_si128(y0145));
    give_two(out + 2 * stride, stride, _mm256_castsi256_si128(y2367));
    give_two(out + 4 * stride, stride, _mm256_extracti128_si256(y0145, 1));
    give_two(out + 6 * stride, stride, _mm256_extracti128_si256(y2367, 1));
}

AVX2_INLINE __m128i load(const int16_t *row)
{
    return _mm_loadu_si128((const __m128i *)(const void *)row);
}

AVX2 static void idct_avx2(uint8_t *out, size_t stride, const int16_t block[64], int last)
{
    if (last == 0) {
        fill(out, stride, block[0]);
        return;
    }
    __m128i in[8] = {load(block),      load(block + 8),  load(block + 16), load(block + 24),
                     load(block + 32), load(block + 40), load(block + 48), load(block + 56)};
    __m128i any = _mm_or_si128(_mm_or_si128(_mm_or_si128(in[1], in[2]), _mm_or_si128(in[3], in[4])),
                               _mm_or_si128(_mm_or_si128(in[5], in[6]), in[7]));
    __m256i sums[8], rows[4];
    transform_avx2(sums, in, CONST_BITS - PASS1_BITS);
    pack(rows, sums);
    if (_mm_testz_si128(any, any)) /* constant columns wrap */
        rows[0] = rows[1] = rows[2] = rows[3] =
            _mm256_permute4x64_epi64(_mm256_castsi128_si256(_mm_slli_epi16(in[0], PASS1_BITS)), 0x50);
    turn_avx2(in, rows);
    transform_avx2(sums, in, CONST_BITS + PASS1_BITS + 3);
    pack(rows, sums);
    give(out, stride, rows);
}
#endif

#if FUS_CPU_NEON
#include <arm_neon.h>

#define NEON_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* The multipliers of transform_neon; each is a lane of one of two registers. */
static const int16_t multipliers[16] = {
    F_0541,          F_0541 - F_1847, F_0541 + F_0765, F_1175 - F_1961, F_1175,          F_1175 - F_0390,
    F_0298 - F_0899, -F_0899,         F_2053 - F_2562, -F_2562,         F_3072 - F_2562, F_1501 - F_0899,
};
enum { M_EVEN2, M_EVEN26, M_EVEN3, M_A3, M_BOTH, M_B4, M_ODD0, M_ODD_OUTER, M_ODD1, M_ODD_INNER, M_ODD2, M_ODD3 };
#define TIMES(x, lane) vmull_laneq_s16(x, (lane) < 8 ? m->val[0] : m->val[1], (lane) % 8)
#define PLUS(sum, x, lane) vmlal_laneq_s16(sum, x, (lane) < 8 ? m->val[0] : m->val[1], (lane) % 8)

/* transform() of four columns, with half of 2^shift added for rounding. */
NEON_INLINE void transform_neon(int32x4_t out[8], const int16x4_t in[8], const int16x8x2_t *m, int shift)
{
    int32x4_t rounding = vdupq_n_s32(1 << (shift - 1));
    int32x4_t even0 = vaddq_s32(vshll_n_s16(vadd_s16(in[0], in[4]), CONST_BITS), rounding);
    int32x4_t even1 = vaddq_s32(vshll_n_s16(vsub_s16(in[0], in[4]), CONST_BITS), rounding);
    int32x4_t even2 = PLUS(TIMES(in[2], M_EVEN2), in[6], M_EVEN26);
    int32x4_t even3 = PLUS(TIMES(in[2], M_EVEN3), in[6], M_EVEN2);
    int32x4_t t0 = vaddq_s32(even0, even3), t3 = vsubq_s32(even0, even3);
    int32x4_t t1 = vaddq_s32(even1, even2), t2 = vsubq_s32(even1, even2);

    int16x4_t z3 = vadd_s16(in[7], in[3]), z4 = vadd_s16(in[5], in[1]);
    int32x4_t a = PLUS(TIMES(z3, M_A3), z4, M_BOTH), b = PLUS(TIMES(z3, M_BOTH), z4, M_B4);
    int32x4_t odd0 = PLUS(PLUS(a, in[7], M_ODD0), in[1], M_ODD_OUTER);
    int32x4_t odd1 = PLUS(PLUS(b, in[5], M_ODD1), in[3], M_ODD_INNER);
    int32x4_t odd2 = PLUS(PLUS(a, in[3], M_ODD2), in[5], M_ODD_INNER);
    int32x4_t odd3 = PLUS(PLUS(b, in[1], M_ODD3), in[7], M_ODD_OUTER);

    out[0] = vaddq_s32(t0, odd3), out[7] = vsubq_s32(t0, odd3);
    out[1] = vaddq_s32(t1, odd2), out[6] = vsubq_s32(t1, odd2);
    out[2] = vaddq_s32(t2, odd1), out[5] = vsubq_s32(t2, odd1);
    out[3] = vaddq_s32(t3, odd0), out[4] = vsubq_s32(t3, odd0);
}
#undef TIMES
#undef PLUS

NEON_INLINE void halves_of(int16x4_t low[8], int16x4_t high[8], const int16x8_t rows[8])
{
    UNROLL
    for (int i = 0; i < 8; i++) {
        low[i] = vget_low_s16(rows[i]);
        high[i] = vget_high_s16(rows[i]);
    }
}

/* turn(), of rows that are in 16 bits already. */
NEON_INLINE void turn_neon(int16x8_t r[8])
{
    int32x4_t pairs[8];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = vreinterpretq_s32_s16(vtrn1q_s16(r[i], r[i + 1]));
        pairs[i + 1] = vreinterpretq_s32_s16(vtrn2q_s16(r[i], r[i + 1]));
    }
    UNROLL
    for (int i = 0; i < 2; i++) {
        /* rows 0 .. 3 and 4 .. 7 of columns i and i + 4, then of i + 2 and i + 6 */
        int64x2_t upper = vreinterpretq_s64_s32(vtrn1q_s32(pairs[i], pairs[i + 2])),
                  lower = vreinterpretq_s64_s32(vtrn1q_s32(pairs[i + 4], pairs[i + 6]));
        r[i] = vreinterpretq_s16_s64(vtrn1q_s64(upper, lower));
        r[i + 4] = vreinterpretq_s16_s64(vtrn2q_s64(upper, lower));
        upper = vreinterpretq_s64_s32(vtrn2q_s32(pairs[i], pairs[i + 2]));
        lower = vreinterpretq_s64_s32(vtrn2q_s32(pairs[i + 4], pairs[i + 6]));
        r[i + 2] = vreinterpretq_s16_s64(vtrn1q_s64(upper, lower));
        r[i + 6] = vreinterpretq_s16_s64(vtrn2q_s64(upper, lower));
    }
}

/* Byte i of 64 moves to place 2 i modulo 63. */
NEON_INLINE void riffle(int8x16_t v[4])
{
    int8x16_t v0 = vzip1q_s8(v[0], v[2]), v1 = vzip2q_s8(v[0], v[2]), v2 = vzip1q_s8(v[1], v[3]),
              v3 = vzip2q_s8(v[1], v[3]);
    v[0] = v0, v[1] = v1, v[2] = v2, v[3] = v3;
}

/* The sums of the second pass, whose rows are columns of the picture -> samples. Their upper halves
 * are shifted by 16 bits already. */
NEON_INLINE void give_neon(uint8_t *out, size_t stride, const int32x4_t low[8], const int32x4_t high[8])
{
    enum { REST = CONST_BITS + PASS1_BITS + 3 - 16 };
    int16x8_t c[8];
    int8x16_t v[4];
    UNROLL
    for (int i = 0; i < 8; i++)
        c[i] = vuzp2q_s16(vreinterpretq_s16_s32(low[i]), vreinterpretq_s16_s32(high[i]));
    UNROLL
    for (int i = 0; i < 4; i++)
        v[i] = vqshrn_high_n_s16(vqshrn_n_s16(c[2 * i], REST), c[2 * i + 1], REST);
    riffle(v), riffle(v), riffle(v); /* place 8 x + y -> 8 y + x */
    UNROLL
    for (int i = 0; i < 4; i++) {
        uint8x16_t rows = veorq_u8(vreinterpretq_u8_s8(v[i]), vdupq_n_u8(128));
        vst1_u8(out + (size_t)(2 * i) * stride, vget_low_u8(rows));
        vst1_u8(out + (size_t)(2 * i + 1) * stride, vget_high_u8(rows));
    }
}

static void idct_neon(uint8_t *out, size_t stride, const int16_t block[64], int last)
{
    if (last == 0) {
        fill(out, stride, block[0]);
        return;
    }
    const int16x8x2_t m = {{vld1q_s16(multipliers), vld1q_s16(multipliers + 8)}};
    int16x8_t rows[8], any = vdupq_n_s16(0);
    int16x4_t in[2][8];
    int32x4_t low[8], high[8];
    UNROLL
    for (int i = 0; i < 8; i++)
        rows[i] = vld1q_s16(block + 8 * i);
    UNROLL
    for (int i = 1; i < 8; i++)
        any = vorrq_s16(any, rows[i]);
    if (vmaxvq_u16(vreinterpretq_u16_s16(any)) == 0) { /* constant columns wrap */
        rows[0] = vshlq_n_s16(rows[0], PASS1_BITS);
        UNROLL
        for (int i = 1; i < 8; i++)
            rows[i] = rows[0];
    } else {
        halves_of(in[0], in[1], rows);
        transform_neon(low, in[0], &m, CONST_BITS - PASS1_BITS);
        transform_neon(high, in[1], &m, CONST_BITS - PASS1_BITS);
        UNROLL
        for (int i = 0; i < 8; i++)
            rows[i] =
                vqshrn_high_n_s32(vqshrn_n_s32(low[i], CONST_BITS - PASS1_BITS), high[i], CONST_BITS - PASS1_BITS);
    }
    turn_neon(rows);
    halves_of(in[0], in[1], rows);
    transform_neon(low, in[0], &m, CONST_BITS + PASS1_BITS + 3);
    transform_neon(high, in[1], &m, CONST_BITS + PASS1_BITS + 3);
    give_neon(out, stride, low, high);
}
#endif

fus_jpeg_idct *fus_jpeg_idct_pick(void)
{
#if defined(__x86_64__)
    if (fus_cpu_has_avx2())
        return idct_avx2;
#endif
#if FUS_CPU_NEON
    if (fus_cpu_has_neon())
        return idct_neon;
#endif
    return idct;
}

int fus_jpeg_idct_planes(struct fus_jpeg *j)
{
    bool smooth = fus_jpeg_smooth_wanted(j);
    for (int i = 0; i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        size_t stride = (size_t)c->padded_x * 8;
        for (int y = 0; y < c->blocks_y; y++)
            for (int x = 0; x < c->blocks_x; x++) {
                int16_t *block = c->coefs + 64 * ((size_t)y * (size_t)c->padded_x + (size_t)x), estimated[64];
                int last = 63;
                if (smooth) { /* the neighbours want the block as it was decoded */
                    block = memcpy(estimated, block, sizeof estimated);
                    fus_jpeg_smooth(block, j, c, x, y);
                }
                while (last && !block[fus_jpeg_zigzag[last]])
                    last--;
                for (int k = 0; k < 64; k++)
                    block[fus_jpeg_zigzag[k]] = (int16_t)(block[fus_jpeg_zigzag[k]] * c->quant[k]);
                j->idct(c->plane + (size_t)y * 8 * stride + (size_t)x * 8, stride, block, last);
            }
    }
    return FUS_OK;
}
