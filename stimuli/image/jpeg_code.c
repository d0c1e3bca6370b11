/* SPDX-License-Identifier: MIT */
/* Huffman codes of JPEG as look-up tables (ITU-T T.81, annex C). */
#include <string.h>

#include "stimuli/image/jpeg.h"

bool fus_jpeg_code_build(struct fus_jpeg_code *c, const uint8_t counts[17], const uint8_t *symbols, bool dc)
{
    memset(c, 0, sizeof *c);
    int32_t code = 0, k = 0;
    for (int l = 1; l <= 16; l++, code <<= 1) {
        c->offset[l] = k - code;
        for (int i = 0; i < counts[l]; i++, k++, code++) {
            c->symbols[k] = symbols[k];
            if (code >= 1 << l || (dc && symbols[k] > 15))
                return false;
            int rest = FUS_JPEG_LOOK - l;
            for (int32_t at = 0; rest >= 0 && at < 1 << rest; at++)
                c->look[code << rest | at] = (uint16_t)(l << 8 | symbols[k]);
        }
        c->max_code[l] = counts[l] ? code - 1 : -1;
    }
    c->defined = true;
    return true;
}

/* The AC coefficient, or the end of the block, that FUS_JPEG_PAIR bits begin with. */
enum { TOO_LONG = 64 };
struct word {
    int16_t value;
    uint8_t step, bits; /* bits: of code and value together; TOO_LONG if they do not fit */
    bool end;
};

static struct word first_word(const struct fus_jpeg_code *c, int bits)
{
    int e = c->look[bits >> (FUS_JPEG_PAIR - FUS_JPEG_LOOK)], length = e >> 8, run = e >> 4 & 15, size = e & 15;
    int left = FUS_JPEG_PAIR - length - size, value = left < 0 ? 0 : bits >> left & ((1 << size) - 1);
    if (!e || left < 0 || (!size && run == 15))
        return (struct word){.bits = TOO_LONG};
    return (struct word){(int16_t)(value < 1 << size >> 1 ? value - (1 << size) + 1 : value), (uint8_t)(run + 1),
                         (uint8_t)(length + size), !size};
}

/* The bits `at` begin with the coefficient `first`: with a second one behind it, or not, and the
 * end behind them, or not. */
static inline struct fus_jpeg_pair pair_of(struct word first, const struct word *words, int at)
{
    struct word next = words[at << first.bits & (FUS_JPEG_PAIRS - 1)];
    int value = first.value, step = first.step, bits = first.bits;
    if (!next.end && bits + next.bits <= FUS_JPEG_PAIR) {
        value = next.value;
        step += next.step;
        bits += next.bits;
        next = words[at << bits & (FUS_JPEG_PAIRS - 1)];
    }
    bool end = next.end && bits + next.bits <= FUS_JPEG_PAIR;
    bits += end ? next.bits : 0;
    return (struct fus_jpeg_pair){{first.value, (int16_t)value}, {first.step, (uint8_t)step}, (uint8_t)bits, end};
}

void fus_jpeg_code_pair(struct fus_jpeg_pair pairs[FUS_JPEG_PAIRS], const struct fus_jpeg_code *c)
{
    struct word words[FUS_JPEG_PAIRS];
    for (int at = 0; at < FUS_JPEG_PAIRS;) {
        struct word w = first_word(c, at);
        for (int end = at + (w.bits < TOO_LONG ? FUS_JPEG_PAIRS >> w.bits : 1); at < end; at++)
            words[at] = w;
    }
    for (int at = 0; at < FUS_JPEG_PAIRS;) {
        struct word first = words[at];
        bool fits = first.bits < TOO_LONG && !first.end;
        for (int end = at + (fits ? FUS_JPEG_PAIRS >> first.bits : 1); at < end; at++)
            pairs[at] = fits ? pair_of(first, words, at) : (struct fus_jpeg_pair){.step = {64, 64}};
    }
}
