/* SPDX-License-Identifier: MIT */
/* Entropy-coded data of a JPEG scan (ITU-T T.81, annexes F.2 and G.2): Huffman codes ->
 * coefficients.
 *
 * The bit buffer holds the next bits at its top. Behind the data's end (a marker or the file's
 * end) it is filled with zeros and `count` goes below zero: one check per block finds every
 * early end. A sequential block is dequantised on the way and transformed at once; progressive
 * scans add to stored coefficients. */
#include <string.h>

#include "nn/base/bytes.h"
#include "stimuli/image/jpeg_arith.h"

enum { MAX_SCANS = 1000 }; /* usual are 1 to 14; each may cost a whole picture's time */

struct reader {
    uint64_t bits;
    int count;
    const uint8_t *p, *end;
};

/* Of one component of a sequential scan. */
struct tables {
    const struct fus_jpeg_code *dc, *ac;
    const struct fus_jpeg_pair *pairs; /* of ac */
    const int16_t *quant;
};

struct scan {
    struct fus_jpeg *j;
    struct reader reader;
    struct tables tables[4];
    int n_components, components[4], dc_table[4], ac_table[4];
    int16_t last_dc[4];
    int first, last, high, low; /* spectral selection Ss..Se, successive approximation Ah, Al */
    int end_of_band_run;
    int restarts_left, next_restart;
    struct fus_jpeg_arith arith;
};

/* At least 56 bits, or all there are before the next marker; ff 00 stands for ff. */
static inline void refill(struct reader *r)
{
    if (r->end - r->p >= 8) {
        const uint8_t *p = r->p;
        uint64_t v = (uint64_t)p[7] | (uint64_t)p[6] << 8 | (uint64_t)p[5] << 16 | (uint64_t)p[4] << 24 |
                     (uint64_t)p[3] << 32 | (uint64_t)p[2] << 40 | (uint64_t)p[1] << 48 | (uint64_t)p[0] << 56;
        if (!((~v - 0x0101010101010101u) & v & 0x8080808080808080u)) { /* none of the eight is ff */
            r->bits |= v >> r->count;
            r->p += (63 - r->count) >> 3;
            r->count |= 56;
            return;
        }
    }
    while (r->count <= 56 && r->p < r->end) {
        if (*r->p == 0xff && (r->end - r->p < 2 || r->p[1] != 0))
            return;
        r->bits |= (uint64_t)*r->p << (56 - r->count);
        r->count += 8;
        r->p += *r->p == 0xff ? 2 : 1;
    }
}

static inline void need(struct reader *r)
{
    if (r->count < 32)
        refill(r);
}

static inline void drop(struct reader *r, int n)
{
    r->bits <<= n;
    r->count -= n;
}

/* n = 0..16 bits, which need() has provided. */
static inline int take(struct reader *r, int n)
{
    int v = (int)(r->bits >> 1 >> (63 - n));
    drop(r, n);
    return v;
}

static inline int take_signed(struct reader *r, int n)
{
    int v = take(r, n);
    return v < 1 << n >> 1 ? v - (1 << n) + 1 : v;
}

/* The next symbol, or -1 if the bits are not a code. */
static inline int symbol(struct reader *r, const struct fus_jpeg_code *c)
{
    int e = c->look[r->bits >> (64 - FUS_JPEG_LOOK)];
    if (e) {
        drop(r, e >> 8);
        return e & 255;
    }
    for (int l = FUS_JPEG_LOOK + 1; l <= 16; l++) {
        int32_t code = (int32_t)(r->bits >> (64 - l));
        if (code <= c->max_code[l]) {
            drop(r, l);
            return c->symbols[c->offset[l] + code];
        }
    }
    return -1;
}

/* One block of a sequential scan, dequantised. Returns the zigzag index of its last coefficient,
 * or -1. */
static int sequential_block(struct reader *from, int16_t *last_dc, int16_t block[64], const struct tables *t)
{
    struct reader r = *from;
    const struct fus_jpeg_pair *pairs = t->pairs;
    const int16_t *quant = t->quant;
    need(&r);
    int size = symbol(&r, t->dc), k = 0, last = 0;
    if (size < 0)
        return -1;
    *last_dc = (int16_t)(*last_dc + take_signed(&r, size));
    block[0] = (int16_t)(*last_dc * quant[0]);
    while (k < 63) {
        need(&r);
        const struct fus_jpeg_pair *p = &pairs[r.bits >> (64 - FUS_JPEG_PAIR)];
        if (k + p->step[1] + p->end < 64) {
            int first = k + p->step[0];
            k = last = k + p->step[1];
            block[fus_jpeg_zigzag[first]] = (int16_t)(p->value[0] * quant[first]);
            block[fus_jpeg_zigzag[last]] = (int16_t)(p->value[1] * quant[last]);
            drop(&r, p->bits);
            if (p->end)
                break;
            continue;
        }
        int s = symbol(&r, t->ac);
        if (s < 0)
            return -1;
        k += (s >> 4) + 1;
        if (s & 15) {
            int value = take_signed(&r, s & 15);
            last = k;
            if (k < 64)
                block[fus_jpeg_zigzag[k]] = (int16_t)(value * quant[k]);
        } else if (s >> 4 != 15)
            break;
    }
    *from = r;
    return last < 64 ? last : -1;
}

static bool dc_block(struct scan *s, int i, int16_t *block)
{
    struct reader *r = &s->reader;
    need(r);
    if (s->high) {
        if (take(r, 1))
            block[0] = (int16_t)(block[0] | 1 << s->low);
        return true;
    }
    int size = symbol(r, &s->j->dc[s->dc_table[i]]);
    if (size < 0)
        return false;
    s->last_dc[i] = (int16_t)(s->last_dc[i] + take_signed(r, size));
    block[0] = (int16_t)(s->last_dc[i] * (1 << s->low));
    return true;
}

/* First scan of a band of AC coefficients (annex G.1.2.2). */
static bool ac_first_block(struct scan *s, int16_t *block)
{
    struct reader *r = &s->reader;
    if (s->end_of_band_run) {
        s->end_of_band_run--;
        return true;
    }
    for (int k = s->first; k <= s->last; k++) {
        need(r);
        int e = symbol(r, &s->j->ac[s->ac_table[0]]), run = e >> 4, size = e & 15;
        if (e < 0)
            return false;
        if (!size && run != 15) {
            s->end_of_band_run = (1 << run) - 1 + (run ? take(r, run) : 0);
            return true;
        }
        k += run;
        if (!size)
            continue;
        if (k > s->last)
            return false;
        block[fus_jpeg_zigzag[k]] = (int16_t)(take_signed(r, size) * (1 << s->low));
    }
    return true;
}

/* One more bit for a coefficient that is not zero. */
static inline void correct(struct scan *s, int16_t *coef)
{
    need(&s->reader);
    int bit = 1 << s->low;
    if (take(&s->reader, 1) && !(*coef & bit))
        *coef = (int16_t)(*coef >= 0 ? *coef + bit : *coef - bit);
}

/* Refinement of a band (annex G.1.2.3). */
static bool ac_refine_block(struct scan *s, int16_t *block)
{
    struct reader *r = &s->reader;
    int k = s->first;
    for (; !s->end_of_band_run && k <= s->last; k++) {
        need(r);
        int e = symbol(r, &s->j->ac[s->ac_table[0]]), run = e >> 4, size = e & 15, value = 0;
        if (e < 0 || size > 1)
            return false;
        if (size) {
            value = take(r, 1) ? 1 << s->low : -(1 << s->low);
        } else if (run != 15) {
            s->end_of_band_run = (1 << run) + (run ? take(r, run) : 0);
            break;
        }
        for (; k <= s->last; k++) {
            int16_t *coef = &block[fus_jpeg_zigzag[k]];
            if (*coef)
                correct(s, coef);
            else if (run-- == 0)
                break;
        }
        if (value && k > s->last)
            return false;
        if (value)
            block[fus_jpeg_zigzag[k]] = (int16_t)value;
    }
    if (s->end_of_band_run) {
        for (; k <= s->last; k++)
            if (block[fus_jpeg_zigzag[k]])
                correct(s, &block[fus_jpeg_zigzag[k]]);
        s->end_of_band_run--;
    }
    return true;
}

/* The same by arithmetic coding. Returns the zigzag index of the last coefficient of a
 * sequential block, or -1. */
static int arithmetic_block(struct scan *s, int i, int16_t block[64], const int16_t quant[64])
{
    const struct fus_jpeg *j = s->j;
    int dc = s->dc_table[i], ac = s->ac_table[i];
    block[0] = (int16_t)fus_jpeg_arith_dc(&s->arith, i, dc, &j->conditioning[dc]);
    int last = fus_jpeg_arith_ac(&s->arith, block, ac, &j->conditioning[ac], 1, 63, 0);
    for (int k = 0; k <= last; k++)
        block[fus_jpeg_zigzag[k]] = (int16_t)(block[fus_jpeg_zigzag[k]] * quant[k]);
    return s->arith.bad || s->arith.dry ? -1 : last;
}

static bool arithmetic_progressive_block(struct scan *s, int i, int16_t *block)
{
    const struct fus_jpeg *j = s->j;
    struct fus_jpeg_arith *d = &s->arith;
    int dc = s->dc_table[i], ac = s->ac_table[i];
    if (s->first == 0 && !s->high)
        block[0] = (int16_t)((uint32_t)fus_jpeg_arith_dc(d, i, dc, &j->conditioning[dc]) << s->low);
    else if (s->first == 0)
        block[0] = (int16_t)(block[0] | fus_jpeg_arith_bit(d) << s->low);
    else if (!s->high)
        fus_jpeg_arith_ac(d, block, ac, &j->conditioning[ac], s->first, s->last, s->low);
    else
        fus_jpeg_arith_refine(d, block, ac, s->first, s->last, s->low);
    return !d->bad && !d->dry;
}

typedef int16_t row __attribute__((vector_size(8 * sizeof(int16_t))));
union block {
    row rows[8];
    int16_t coefs[64];
};

/* Eight stores: of an initialiser gcc makes `rep stos`, which takes longer to start than they do
 * altogether. */
static inline void clear(union block *b)
{
    const row zero = {0};
    b->rows[0] = b->rows[1] = b->rows[2] = b->rows[3] = zero;
    b->rows[4] = b->rows[5] = b->rows[6] = b->rows[7] = zero;
}

/* Block (x, y) of the i-th component of the scan. */
static bool decode_block(struct scan *s, int i, int x, int y)
{
    struct fus_jpeg *j = s->j;
    struct fus_jpeg_component *c = &j->components[s->components[i]];
    size_t index = (size_t)y * (size_t)c->padded_x + (size_t)x;
    if (j->progressive) {
        int16_t *block = c->coefs + 64 * index;
        if (j->arithmetic)
            return arithmetic_progressive_block(s, i, block);
        return s->first == 0 ? dc_block(s, i, block) : s->high ? ac_refine_block(s, block) : ac_first_block(s, block);
    }
    union block b;
    int16_t *block = b.coefs;
    clear(&b);
    int last = j->arithmetic ? arithmetic_block(s, i, block, c->quant)
                             : sequential_block(&s->reader, &s->last_dc[i], block, &s->tables[i]);
    size_t stride = (size_t)c->padded_x * 8;
    uint8_t *out = c->plane + (size_t)y * 8 * stride + (size_t)x * 8;
    if (last < 0)
        return false;
    j->idct(out, stride, block, last);
    return true;
}

static bool decode_mcu(struct scan *s, int x, int y)
{
    if (s->n_components == 1)
        return decode_block(s, 0, x, y);
    for (int i = 0; i < s->n_components; i++) {
        const struct fus_jpeg_component *c = &s->j->components[s->components[i]];
        for (int v = 0; v < c->v; v++)
            for (int h = 0; h < c->h; h++)
                if (!decode_block(s, i, x * c->h + h, y * c->v + v))
                    return false;
    }
    return true;
}

static int fail_block(const struct scan *s, int x, int y)
{
    const struct fus_jpeg *j = s->j;
    long long at = (j->arithmetic ? s->arith.p : s->reader.p) - j->bytes;
    if (s->arith.dry)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                                "found the end of the file in MCU (%d, %d) of a scan, expected more: truncated copy?",
                                x, y);
    if (s->reader.count >= 0)
        return fus_base_fail_at(j->err, FUS_EFORMAT, at,
                                "found bits that are no code in MCU (%d, %d) of a scan: damaged file?", x, y);
    if (j->n - (size_t)at < 2)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                                "found the end of the file in MCU (%d, %d) of a scan, expected more: truncated copy?",
                                x, y);
    return fus_base_fail_at(j->err, FUS_EFORMAT, at,
                            "found marker ff%02x in MCU (%d, %d) of a scan, expected more data: damaged file?",
                            j->bytes[at + 1], x, y);
}

/* Between two restart intervals: the marker RSTn, n counting 0..7 (annex F.2.1.3.1). */
static int restart(struct scan *s)
{
    struct fus_jpeg *j = s->j;
    struct reader *r = &s->reader;
    if (j->arithmetic)
        r->p = s->arith.p;
    const uint8_t *limit = r->end - r->p > 16 ? r->p + 16 : r->end; /* padding of some encoders */
    while (r->p < limit && (*r->p != 0xff || (r->end - r->p >= 2 && (r->p[1] == 0xff || r->p[1] == 0))))
        r->p++;
    if (r->end - r->p < 2)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                                "found the end of the file, expected a restart marker: truncated copy?");
    if (r->p[0] != 0xff || r->p[1] != 0xd0 + s->next_restart)
        return fus_base_fail_at(j->err, FUS_EFORMAT, r->p - j->bytes,
                                "found %02x %02x, expected restart marker ff %02x: damaged file?", r->p[0], r->p[1],
                                0xd0 + s->next_restart);
    r->p += 2;
    r->bits = 0;
    r->count = 0;
    memset(s->last_dc, 0, sizeof s->last_dc);
    s->end_of_band_run = 0;
    s->next_restart = (s->next_restart + 1) & 7;
    s->restarts_left = j->restart_interval;
    if (j->arithmetic)
        fus_jpeg_arith_start(&s->arith, r->p, r->end);
    return FUS_OK;
}

static int decode_scan(struct scan *s)
{
    struct fus_jpeg *j = s->j;
    const struct fus_jpeg_component *only = &j->components[s->components[0]];
    int n_x = s->n_components == 1 ? only->blocks_x : j->mcus_x;
    int n_y = s->n_components == 1 ? only->blocks_y : j->mcus_y;
    s->reader = (struct reader){0, 0, j->bytes + j->pos, j->bytes + j->n};
    s->restarts_left = j->restart_interval;
    if (j->arithmetic)
        fus_jpeg_arith_start(&s->arith, s->reader.p, s->reader.end);
    for (int y = 0; y < n_y; y++)
        for (int x = 0; x < n_x; x++) {
            if (j->restart_interval && s->restarts_left-- == 0) {
                int code = restart(s);
                if (code)
                    return code;
                s->restarts_left--;
            }
            if (!decode_mcu(s, x, y) || s->reader.count < 0)
                return fail_block(s, x, y);
        }
    j->pos = (size_t)((j->arithmetic ? s->arith.p : s->reader.p) - j->bytes);
    j->n_behind = j->arithmetic ? 0 : s->reader.count / 8;
    j->whole = !j->progressive && s->n_components == j->n_components;
    return FUS_OK;
}

static int bad_scan(const struct fus_jpeg *j, const char *what)
{
    return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->pos, "found a scan header with %s: damaged file?", what);
}

/* Progression (annex G.1.1.1): which coefficients and bits this scan may carry. Where one before
 * it is missing, those bits stay zero, as in libjpeg. */
static int check_progression(struct scan *s)
{
    struct fus_jpeg *j = s->j;
    if (s->last > 63 || s->first > s->last || (s->first == 0 && s->last != 0) || (s->first && s->n_components != 1) ||
        s->low > 13 || (s->high && s->low != s->high - 1))
        return bad_scan(j, "a band or precision that progressive coding does not allow");
    for (int i = 0; i < s->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[s->components[i]];
        for (int k = s->first; k <= s->last; k++)
            c->precision[k] = (int8_t)s->low;
    }
    return FUS_OK;
}

static int check_tables(struct scan *s)
{
    struct fus_jpeg *j = s->j;
    bool wants_dc = !j->progressive || (s->first == 0 && !s->high), wants_ac = !j->progressive || s->first;
    for (int i = 0; i < s->n_components; i++) {
        struct fus_jpeg_component *c = &j->components[s->components[i]];
        if (!j->arithmetic &&
            ((wants_dc && !j->dc[s->dc_table[i]].defined) || (wants_ac && !j->ac[s->ac_table[i]].defined)))
            return bad_scan(j, "a Huffman table that was not defined");
        if (c->seen && !j->progressive)
            return bad_scan(j, "a component that was coded before");
        if (c->seen)
            continue;
        if (!j->has_quant[c->table])
            return bad_scan(j, "a quantisation table that was not defined");
        for (int k = 0; k < 64; k++)
            c->quant[k] = (int16_t)j->quant[c->table][k];
        c->seen = true;
    }
    return FUS_OK;
}

static int read_header(struct scan *s, struct fus_bytes *b)
{
    struct fus_jpeg *j = s->j;
    s->n_components = fus_bytes_u8(b);
    if (s->n_components < 1 || s->n_components > j->n_components || b->n != (size_t)s->n_components * 2 + 4)
        return bad_scan(j, "a length that does not fit its components");
    int blocks = 0;
    for (int i = 0; i < s->n_components; i++) {
        int id = fus_bytes_u8(b), tables = fus_bytes_u8(b), at = 0;
        while (at < j->n_components && j->components[at].id != id)
            at++;
        for (int before = 0; before < i && at < j->n_components; before++)
            if (s->components[before] == at)
                at = j->n_components;
        if (at >= j->n_components)
            return bad_scan(j, "a component that is not in the frame, or twice in the scan");
        s->components[i] = at;
        s->dc_table[i] = tables >> 4;
        s->ac_table[i] = tables & 15;
        if (!j->arithmetic && (tables >> 4 > 3 || (tables & 15) > 3))
            return bad_scan(j, "a Huffman table past 3");
        blocks += j->components[at].h * j->components[at].v;
    }
    if (s->n_components > 1 && blocks > 10)
        return bad_scan(j, "more than 10 blocks in an MCU");
    s->first = fus_bytes_u8(b);
    s->last = fus_bytes_u8(b);
    int approximation = fus_bytes_u8(b);
    s->high = approximation >> 4;
    s->low = approximation & 15;
    int code = j->progressive ? check_progression(s) : FUS_OK;
    if (!code)
        code = check_tables(s);
    for (int i = 0; i < s->n_components && !code && !j->progressive && !j->arithmetic; i++) {
        int ac = s->ac_table[i];
        fus_jpeg_code_pair(j->pairs[ac], &j->ac[ac]);
        s->tables[i] =
            (struct tables){&j->dc[s->dc_table[i]], &j->ac[ac], j->pairs[ac], j->components[s->components[i]].quant};
    }
    return code;
}

int fus_jpeg_scan(struct fus_jpeg *j)
{
    if (++j->n_scans > MAX_SCANS)
        return fus_base_fail_at(j->err, FUS_ELIMIT, (long long)j->pos, "found more than %d scans: damaged file?",
                                MAX_SCANS);
    struct fus_bytes all = fus_bytes_of(j->bytes, j->n);
    struct scan s = {0};
    s.j = j;
    fus_bytes_seek(&all, j->pos);
    size_t length = fus_bytes_u16be(&all);
    const uint8_t *p = length >= 2 ? fus_bytes_take(&all, length - 2) : NULL;
    if (all.overrun)
        return fus_base_fail_at(j->err, FUS_EFORMAT, (long long)j->n,
                                "found the end of the file, expected a scan header: truncated copy?");
    if (!p)
        return bad_scan(j, "a length below 2");
    struct fus_bytes b = fus_bytes_of(p, length - 2);
    int code = read_header(&s, &b);
    j->pos = all.pos;
    return code ? code : decode_scan(&s);
}
