/* The accurate integer inverse DCT of libjpeg ("islow"): 8x8 dequantised coefficients -> samples.
 *
 * Loeffler, Ligtenberg & Moschytz (1989), 12 multiplications a row, constants in 13 fractional bits; columns first, kept with
 * 2 extra bits, then rows. The sums are those of libjpeg to the bit, and for coefficients beyond any legal
 * picture's too: as in its vector code, 16-bit intermediates wrap or saturate where those do. */
#include <string.h>

#include "stimuli/jpeg.h"

enum { CONST_BITS = 13, PASS1_BITS = 2 };

/* round(2^13 * x) and their sums: x in the names, times 1000. */
enum { F_0541 = 4433, F_0765 = 6270, F_1847 = 15137, F_1175 = 9633, F_1961 = 16069, F_0390 = 3196, F_0298 = 2446,
       F_0899 = 7373, F_1501 = 12299, F_2053 = 16819, F_2562 = 20995, F_3072 = 25172 };

static inline int16_t saturate16(int32_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static inline uint8_t saturate8(int32_t v)
{
    return (uint8_t)((v < -128 ? -128 : v > 127 ? 127 : v) + 128);
}

/* a * constant, modulo 2^32 as every sum here. */
static inline uint32_t times(int16_t a, int32_t constant)
{
    return (uint32_t)(a * constant);
}

/* Eight values in -> eight sums with CONST_BITS fractional bits more, in place. */
static inline void transform(uint32_t out[8], const int16_t in[8])
{
    uint32_t even0 = (uint32_t)(int16_t)(in[0] + in[4]) << CONST_BITS;
    uint32_t even1 = (uint32_t)(int16_t)(in[0] - in[4]) << CONST_BITS;
    uint32_t even2 = times(in[2], F_0541) + times(in[6], F_0541 - F_1847);
    uint32_t even3 = times(in[2], F_0541 + F_0765) + times(in[6], F_0541);
    uint32_t t0 = even0 + even3, t3 = even0 - even3, t1 = even1 + even2, t2 = even1 - even2;

    int16_t z3 = (int16_t)(in[7] + in[3]), z4 = (int16_t)(in[5] + in[1]);
    uint32_t a = times(z3, F_1175 - F_1961) + times(z4, F_1175);
    uint32_t b = times(z3, F_1175) + times(z4, F_1175 - F_0390);
    uint32_t odd0 = times(in[7], F_0298 - F_0899) - times(in[1], F_0899) + a;
    uint32_t odd1 = times(in[5], F_2053 - F_2562) - times(in[3], F_2562) + b;
    uint32_t odd2 = times(in[3], F_3072 - F_2562) - times(in[5], F_2562) + a;
    uint32_t odd3 = times(in[1], F_1501 - F_0899) - times(in[7], F_0899) + b;

    out[0] = t0 + odd3, out[7] = t0 - odd3;
    out[1] = t1 + odd2, out[6] = t1 - odd2;
    out[2] = t2 + odd1, out[5] = t2 - odd1;
    out[3] = t3 + odd0, out[4] = t3 - odd0;
}

static inline int32_t descale(uint32_t v, int n)
{
    return (int32_t)(v + (1u << (n - 1))) >> n;
}

void fus_jpeg_idct_dc(uint8_t *out, size_t stride, int16_t dc)
{
    int16_t column = (int16_t)((uint32_t)dc << PASS1_BITS);
    uint8_t v = saturate8(descale((uint32_t)column, PASS1_BITS + 3));
    for (int y = 0; y < 8; y++)
        memset(out + (size_t)y * stride, v, 8);
}

/* Columns -> work [8][8], rows of it still to be done. A column without AC coefficients is constant; where all are, the
 * vector code shifts without saturation. */
static void columns(int16_t work[64], const int16_t block[64])
{
    int16_t ac[8] = {0}, any = 0;
    for (int y = 1; y < 8; y++)
        for (int x = 0; x < 8; x++)
            ac[x] = (int16_t)(ac[x] | block[8 * y + x]);
    for (int x = 0; x < 8; x++)
        any = (int16_t)(any | ac[x]);
    for (int x = 0; x < 8; x++) {
        if (!ac[x]) {
            int32_t shifted = block[x] * (1 << PASS1_BITS);
            int16_t v = any ? saturate16(shifted) : (int16_t)shifted;
            for (int y = 0; y < 8; y++)
                work[8 * y + x] = v;
            continue;
        }
        int16_t in[8];
        uint32_t sums[8];
        for (int y = 0; y < 8; y++)
            in[y] = block[8 * y + x];
        transform(sums, in);
        for (int y = 0; y < 8; y++)
            work[8 * y + x] = saturate16(descale(sums[y], CONST_BITS - PASS1_BITS));
    }
}

void fus_jpeg_idct(uint8_t *out, size_t stride, const int16_t block[64])
{
    int16_t work[64];
    columns(work, block);
    for (int y = 0; y < 8; y++, out += stride) {
        uint32_t sums[8];
        transform(sums, work + 8 * y);
        for (int x = 0; x < 8; x++)
            out[x] = saturate8(descale(sums[x], CONST_BITS + PASS1_BITS + 3));
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
                for (int k = 0; k < 64; k++)
                    block[k] = (int16_t)(block[k] * c->quant[k]);
                fus_jpeg_idct(c->plane + (size_t)y * 8 * stride + (size_t)x * 8, stride, block);
            }
    }
    return FUS_OK;
}
