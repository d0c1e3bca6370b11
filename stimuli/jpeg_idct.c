/* The accurate integer inverse DCT of libjpeg ("islow"): 8x8 dequantised coefficients -> samples.
 *
 * Loeffler, Ligtenberg & Moschytz (1989), 12 multiplications a row, constants in 13 fractional bits; columns first, kept with
 * 2 extra bits, then rows. The sums are those of libjpeg to the bit, and for coefficients beyond any legal
 * picture's too: as in its vector code, 16-bit intermediates wrap or saturate where those do. */
#include <string.h>

#include "stimuli/jpeg.h"

/* So that a constant `n` prunes the sums; without it the results are the same, only later. */
#if defined(__GNUC__)
#define PRUNED static inline __attribute__((always_inline))
#else
#define PRUNED static inline
#endif

enum { CONST_BITS = 13, PASS1_BITS = 2 };

/* round(2^13 * x) and their sums: x in the names, times 1000. */
enum { F_0541 = 4433, F_0765 = 6270, F_1847 = 15137, F_1175 = 9633, F_1961 = 16069, F_0390 = 3196, F_0298 = 2446,
       F_0899 = 7373, F_1501 = 12299, F_2053 = 16819, F_2562 = 20995, F_3072 = 25172 };

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

/* The transform of all eight columns, sums[8k + x] with CONST_BITS more fractional bits; only the first n rows may be
 * other than zero. Compilers turn the loop into vector code. */
PRUNED void transform(uint32_t sums[restrict 64], const int16_t in[restrict 64], int n)
{
    for (int x = 0; x < 8; x++) {
        int16_t i0 = in[x], i1 = in[8 + x], i2 = in[16 + x], i3 = in[24 + x];
        int16_t i4 = n > 4 ? in[32 + x] : 0, i5 = n > 4 ? in[40 + x] : 0, i6 = n > 6 ? in[48 + x] : 0, i7 = n > 6 ? in[56 + x] : 0;

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

/* Between the passes: descaled to 16 bits and transposed. Only damaged pictures go beyond 16 bits: they saturate,
 * except where every column is constant. */
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
            straight[i] = any ? saturate16(descale(sums[i], CONST_BITS - PASS1_BITS)) : (int16_t)((uint32_t)block[i % 8] << PASS1_BITS);
    }
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            work[8 * x + y] = straight[8 * y + x];
}

PRUNED void transform_both(uint8_t *out, size_t stride, const int16_t block[64], int n, const uint8_t *limit)
{
    uint32_t sums[64];
    int16_t work[64];
    transform(sums, block, n);
    turn(work, sums, block);
    transform(sums, work, n);
    for (int y = 0; y < 8; y++, out += stride)
        for (int x = 0; x < 8; x++)
            out[x] = limit[descale(sums[8 * x + y], CONST_BITS + PASS1_BITS + 3)];
}

void fus_jpeg_idct_limit(uint8_t table[FUS_JPEG_LIMIT])
{
    for (int i = 0; i < FUS_JPEG_LIMIT; i++) {
        int v = i - FUS_JPEG_LIMIT / 2 + 128;
        table[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

void fus_jpeg_idct(uint8_t *out, size_t stride, const int16_t block[64], int last, const uint8_t table[FUS_JPEG_LIMIT])
{
    const uint8_t *limit = table + FUS_JPEG_LIMIT / 2;
    if (last == 0) {
        int16_t shifted = (int16_t)((uint32_t)block[0] << PASS1_BITS);
        for (int y = 0; y < 8; y++)
            memset(out + (size_t)y * stride, limit[descale((uint32_t)shifted, PASS1_BITS + 3)], 8);
    } else if (last < 10) { /* the first 10 in zigzag order fill a corner of 4 x 4 */
        transform_both(out, stride, block, 4, limit);
    } else if (last < 21) { /* the first 21 one of 6 x 6 */
        transform_both(out, stride, block, 6, limit);
    } else {
        transform_both(out, stride, block, 8, limit);
    }
}

int fus_jpeg_render(struct fus_jpeg *j)
{
    for (int i = 0; i < j->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[i];
        size_t stride = (size_t)c->padded_x * 8;
        for (int y = 0; y < c->blocks_y; y++)
            for (int x = 0; x < c->blocks_x; x++) {
                int16_t *block = c->coefs + 64 * ((size_t)y * (size_t)c->padded_x + (size_t)x);
                int last = 63;
                while (last && !block[fus_jpeg_zigzag[last]])
                    last--;
                for (int k = 0; k < 64; k++)
                    block[k] = (int16_t)(block[k] * c->quant[k]);
                fus_jpeg_idct(c->plane + (size_t)y * 8 * stride + (size_t)x * 8, stride, block, last, j->limit);
            }
    }
    return FUS_OK;
}
