/* SPDX-License-Identifier: MIT */
/* Arithmetic coding of JPEG coefficients (ITU-T T.81, annexes D.2, F.2.4 and G.2): the binary
 * decoder, its statistics and the decisions that make up a coefficient.
 *
 * The decoder reads ahead. Behind the data's end, at a marker, it goes on with zero bytes, which
 * encoders leave out (D.1.8); behind the file's end it does too, and `dry` says so. A decision
 * that no encoder makes sets `bad`. */
#include "stimuli/image/jpeg_arith.h"

#include <string.h>

/* Table D.3: Qe, the next state after the less and after the more probable symbol, and whether
 * these two symbols are exchanged. The last one stands for even odds and never changes. */
static const struct {
    uint16_t qe;
    uint8_t less, more, change;
} states[114] = {
    {0x5a1d, 1, 1, 1},     {0x2586, 14, 2, 0},    {0x1114, 16, 3, 0},    {0x080b, 18, 4, 0},    {0x03d8, 20, 5, 0},
    {0x01da, 23, 6, 0},    {0x00e5, 25, 7, 0},    {0x006f, 28, 8, 0},    {0x0036, 30, 9, 0},    {0x001a, 33, 10, 0},
    {0x000d, 35, 11, 0},   {0x0006, 9, 12, 0},    {0x0003, 10, 13, 0},   {0x0001, 12, 13, 0},   {0x5a7f, 15, 15, 1},
    {0x3f25, 36, 16, 0},   {0x2cf2, 38, 17, 0},   {0x207c, 39, 18, 0},   {0x17b9, 40, 19, 0},   {0x1182, 42, 20, 0},
    {0x0cef, 43, 21, 0},   {0x09a1, 45, 22, 0},   {0x072f, 46, 23, 0},   {0x055c, 48, 24, 0},   {0x0406, 49, 25, 0},
    {0x0303, 51, 26, 0},   {0x0240, 52, 27, 0},   {0x01b1, 54, 28, 0},   {0x0144, 56, 29, 0},   {0x00f5, 57, 30, 0},
    {0x00b7, 59, 31, 0},   {0x008a, 60, 32, 0},   {0x0068, 62, 33, 0},   {0x004e, 63, 34, 0},   {0x003b, 32, 35, 0},
    {0x002c, 33, 9, 0},    {0x5ae1, 37, 37, 1},   {0x484c, 64, 38, 0},   {0x3a0d, 65, 39, 0},   {0x2ef1, 67, 40, 0},
    {0x261f, 68, 41, 0},   {0x1f33, 69, 42, 0},   {0x19a8, 70, 43, 0},   {0x1518, 72, 44, 0},   {0x1177, 73, 45, 0},
    {0x0e74, 74, 46, 0},   {0x0bfb, 75, 47, 0},   {0x09f8, 77, 48, 0},   {0x0861, 78, 49, 0},   {0x0706, 79, 50, 0},
    {0x05cd, 48, 51, 0},   {0x04de, 50, 52, 0},   {0x040f, 50, 53, 0},   {0x0363, 51, 54, 0},   {0x02d4, 52, 55, 0},
    {0x025c, 53, 56, 0},   {0x01f8, 54, 57, 0},   {0x01a4, 55, 58, 0},   {0x0160, 56, 59, 0},   {0x0125, 57, 60, 0},
    {0x00f6, 58, 61, 0},   {0x00cb, 59, 62, 0},   {0x00ab, 61, 63, 0},   {0x008f, 61, 32, 0},   {0x5b12, 65, 65, 1},
    {0x4d04, 80, 66, 0},   {0x412c, 81, 67, 0},   {0x37d8, 82, 68, 0},   {0x2fe8, 83, 69, 0},   {0x293c, 84, 70, 0},
    {0x2379, 86, 71, 0},   {0x1edf, 87, 72, 0},   {0x1aa9, 87, 73, 0},   {0x174e, 72, 74, 0},   {0x1424, 72, 75, 0},
    {0x119c, 74, 76, 0},   {0x0f6b, 74, 77, 0},   {0x0d51, 75, 78, 0},   {0x0bb6, 77, 79, 0},   {0x0a40, 77, 48, 0},
    {0x5832, 80, 81, 1},   {0x4d1c, 88, 82, 0},   {0x438e, 89, 83, 0},   {0x3bdd, 90, 84, 0},   {0x34ee, 91, 85, 0},
    {0x2eae, 92, 86, 0},   {0x299a, 93, 87, 0},   {0x2516, 86, 71, 0},   {0x5570, 88, 89, 1},   {0x4ca9, 95, 90, 0},
    {0x44d9, 96, 91, 0},   {0x3e22, 97, 92, 0},   {0x3824, 99, 93, 0},   {0x32b4, 99, 94, 0},   {0x2e17, 93, 86, 0},
    {0x56a8, 95, 96, 1},   {0x4f46, 101, 97, 0},  {0x47e5, 102, 98, 0},  {0x41cf, 103, 99, 0},  {0x3c3d, 104, 100, 0},
    {0x375e, 99, 93, 0},   {0x5231, 105, 102, 0}, {0x4c0f, 106, 103, 0}, {0x4639, 107, 104, 0}, {0x415e, 103, 99, 0},
    {0x5627, 105, 106, 1}, {0x50e7, 108, 107, 0}, {0x4b85, 109, 103, 0}, {0x5597, 110, 109, 0}, {0x504f, 111, 107, 0},
    {0x5a10, 110, 111, 1}, {0x5522, 112, 109, 0}, {0x59eb, 112, 111, 1}, {0x5a1d, 113, 113, 0},
};

enum { EVEN = 113, SENSE = 0x80, MAX_MAGNITUDE = 0x8000 };
/* places of decisions in the statistics */
enum { DC_SIZES = 20, AC_SIZES_LOW = 189, AC_SIZES_HIGH = 217, VALUE_BITS = 14 };

void fus_jpeg_arith_start(struct fus_jpeg_arith *d, const uint8_t *p, const uint8_t *end)
{
    memset(d, 0, sizeof *d);
    d->p = p;
    d->end = end;
    d->shift = -16;
    d->even = EVEN;
}

static uint32_t next_byte(struct fus_jpeg_arith *d)
{
    while (d->end - d->p >= 2 && d->p[0] == 0xff && d->p[1] == 0xff)
        d->p++;
    if (d->p >= d->end || (*d->p == 0xff && d->end - d->p < 2)) {
        d->dry = true;
        return 0;
    }
    if (*d->p != 0xff)
        return *d->p++;
    if (d->p[1] != 0)
        return 0;
    d->p += 2;
    return 0xff;
}

/* Until the interval is at least half of its range (D.2.6); at the start this also fills the
 * register. */
static void renormalise(struct fus_jpeg_arith *d)
{
    while (d->range < 0x8000) {
        if (--d->shift < 0) {
            d->code = d->code << 8 | next_byte(d);
            d->shift += 8;
            if (d->shift < 0 && ++d->shift == 0)
                d->range = 0x8000;
        }
        d->range <<= 1;
    }
}

/* One binary decision by the statistics `bin`: its state and, as the top bit, the more probable
 * symbol (D.2.4). */
static int decide(struct fus_jpeg_arith *d, uint8_t *bin)
{
    renormalise(d);
    int state = *bin & 0x7f, sense = *bin & SENSE;
    uint32_t qe = states[state].qe;
    d->range -= qe;
    bool upper = d->code >= d->range << d->shift, smaller = d->range < qe;
    if (!upper && d->range >= 0x8000)
        return sense >> 7;
    if (upper) {
        d->code -= d->range << d->shift;
        d->range = qe;
    }
    /* the more probable symbol, which has the larger part of the interval */
    if (upper == smaller) {
        *bin = (uint8_t)(sense | states[state].more);
        return sense >> 7;
    }
    *bin = (uint8_t)((states[state].change ? sense ^ SENSE : sense) | states[state].less);
    return (sense ^ SENSE) >> 7;
}

/* The size category of a magnitude that is past the first decisions, as its top bit; 0 and `bad` if
 * it is too large. */
static int category(struct fus_jpeg_arith *d, uint8_t **bin, int top)
{
    while (decide(d, *bin)) {
        if ((top <<= 1) == MAX_MAGNITUDE) {
            d->bad = true;
            return 0;
        }
        ++*bin;
    }
    return top;
}

/* The bits below the top one, then the sign (F.1.4.4.1.3). */
static int magnitude(struct fus_jpeg_arith *d, uint8_t *bin, int top, int negative)
{
    int v = top;
    for (int bit = top >> 1; bit; bit >>= 1)
        if (decide(d, bin + VALUE_BITS))
            v |= bit;
    return negative ? -(v + 1) : v + 1;
}

int fus_jpeg_arith_dc(struct fus_jpeg_arith *d, int component, int table, const struct fus_jpeg_conditioning *c)
{
    uint8_t *bins = d->dc[table], *bin = bins + d->context[component];
    int top = 0, low = 1 << c->low >> 1, high = 1 << c->high >> 1;
    if (!decide(d, bin)) {
        d->context[component] = 0;
        return d->last_dc[component];
    }
    int negative = decide(d, bin + 1);
    bin += 2 + negative;
    if (decide(d, bin)) {
        bin = bins + DC_SIZES;
        top = category(d, &bin, 1);
    }
    d->context[component] = (uint8_t)(top < low ? 0 : 4 + 4 * negative + (top > high ? 8 : 0));
    d->last_dc[component] = (int16_t)(d->last_dc[component] + magnitude(d, bin, top, negative));
    return d->last_dc[component];
}

/* The value of AC coefficient k, which is not zero. */
static int ac_value(struct fus_jpeg_arith *d, uint8_t *bins, int k, int split)
{
    uint8_t *bin = bins + 3 * (k - 1) + 2;
    int negative = decide(d, &d->even), top = decide(d, bin);
    if (top && decide(d, bin)) {
        bin = bins + (k <= split ? AC_SIZES_LOW : AC_SIZES_HIGH);
        top = category(d, &bin, 2);
    }
    return magnitude(d, bin, top, negative);
}

int fus_jpeg_arith_ac(struct fus_jpeg_arith *d, int16_t block[64], int table, const struct fus_jpeg_conditioning *c,
                      int first, int last, int shift)
{
    uint8_t *bins = d->ac[table];
    int found = 0;
    for (int k = first; k <= last && !decide(d, bins + 3 * (k - 1)); k++) {
        while (!decide(d, bins + 3 * (k - 1) + 1))
            if (++k > last) {
                d->bad = true;
                return found;
            }
        block[fus_jpeg_zigzag[k]] = (int16_t)((uint32_t)ac_value(d, bins, k, c->split) << shift);
        found = k;
    }
    return found;
}

int fus_jpeg_arith_bit(struct fus_jpeg_arith *d)
{
    return decide(d, &d->even);
}

/* Coefficient k gets one more bit, or its first one. False if it stays zero. */
static bool refine(struct fus_jpeg_arith *d, int16_t *coef, uint8_t *bins, int k, int bit)
{
    if (*coef) {
        if (decide(d, bins + 3 * (k - 1) + 2))
            *coef = (int16_t)(*coef < 0 ? *coef - bit : *coef + bit);
        return true;
    }
    if (!decide(d, bins + 3 * (k - 1) + 1))
        return false;
    *coef = (int16_t)(decide(d, &d->even) ? -bit : bit);
    return true;
}

void fus_jpeg_arith_refine(struct fus_jpeg_arith *d, int16_t block[64], int table, int first, int last, int shift)
{
    uint8_t *bins = d->ac[table];
    int end = last; /* of the block at the scan before */
    while (end > 0 && !block[fus_jpeg_zigzag[end]])
        end--;
    for (int k = first; k <= last; k++) {
        if (k > end && decide(d, bins + 3 * (k - 1)))
            return;
        while (!refine(d, &block[fus_jpeg_zigzag[k]], bins, k, 1 << shift))
            if (++k > last) {
                d->bad = true;
                return;
            }
    }
}
