/* SPDX-License-Identifier: MIT */
/* DEFLATE and zlib decompression, whole or streamed: see inflate.h.
 *
 * Follows RFC 1951 (DEFLATE) and RFC 1950 (zlib). Codes of up to ROOT_BITS bits are decoded by one
 * look-up, longer and therefore rare ones bit by bit in canonical order. The bit buffer is filled
 * with zeros past the input's end, and `count` may then go below zero: one check per symbol finds
 * every early end.
 *
 * The output may be whole in memory; nothing is then allocated. inflate_stream.c has a window of
 * output: decoding pauses between two symbols when the window is full, and goes on when its last
 * 32 kB have moved to its beginning. */
#include "nn/base/inflate_state.h"

#include <string.h>

/* An entry says what a symbol means: bits 0-3 length of its code, 4-7 extra bits, 8-9 kind, 16-31
 * value. */
enum { KIND_LITERAL = 0 << 8, KIND_BASE = 1 << 8, KIND_END = 2 << 8, KIND_BAD = 3 << 8, KIND_MASK = 3 << 8 };

static int fail(struct fus_inflate_state *s, const char *what)
{
    if (s->fill_code)
        return s->fill_code;
    return fus_base_fail_at(s->err, FUS_EFORMAT, (long long)(s->base + fus_inflate_position(s)), "%s", what);
}

static int fail_short(struct fus_inflate_state *s)
{
    if (s->fill_code)
        return s->fill_code;
    return fus_base_fail_at(s->err, FUS_EFORMAT, (long long)(s->base + s->in_n),
                            "found the end of the compressed data, expected more: truncated copy?");
}

/* At least 56 bits, or all that are left. */
static inline void refill(struct fus_inflate_state *s)
{
    if (s->in_n - s->in_pos >= 8 && s->count >= 0) {
        const uint8_t *p = s->in + s->in_pos;
        uint64_t v = (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
                     (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
        s->bits |= v << s->count;
        s->in_pos += (size_t)(63 - s->count) >> 3;
        s->count |= 56;
        return;
    }
    if (s->in_n - s->in_pos < 8)
        fus_inflate_more_input(s);
    while (s->count >= 0 && s->count <= 56 && s->in_pos < s->in_n) {
        s->bits |= (uint64_t)s->in[s->in_pos++] << s->count;
        s->count += 8;
    }
}

static inline uint32_t take(struct fus_inflate_state *s, int n)
{
    uint32_t v = (uint32_t)(s->bits & (((uint64_t)1 << n) - 1));
    s->bits >>= n;
    s->count -= n;
    return v;
}

static uint32_t reverse(uint32_t code, int n)
{
    uint32_t r = 0;
    for (int i = 0; i < n; i++, code >>= 1)
        r = r << 1 | (code & 1);
    return r;
}

/* Canonical code from lengths (RFC 1951, 3.2.2); meaning[symbol] is its entry without a length.
 * False if the lengths are over-subscribed or incomplete: only a single code of one bit, or none at
 * all, may be incomplete. */
static bool build(struct fus_inflate_code *c, const uint8_t *lengths, const uint32_t *meaning, int n)
{
    uint32_t next[MAX_BITS + 2] = {0}, index[MAX_BITS + 2] = {0};
    memset(c->root, 0, sizeof c->root);
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < n; i++)
        c->count[lengths[i]]++;
    c->count[0] = 0;
    long left = 1;
    int used = 0;
    for (int l = 1; l <= MAX_BITS; l++) {
        left = left * 2 - c->count[l];
        if (left < 0)
            return false;
        used += c->count[l];
        next[l + 1] = (next[l] + c->count[l]) << 1;
        index[l + 1] = index[l] + c->count[l];
    }
    if (left > 0 && !(used == 0 || (used == 1 && c->count[1] == 1)))
        return false;
    for (int i = 0; i < n; i++) {
        int l = lengths[i];
        if (!l)
            continue;
        uint32_t entry = meaning[i] | (uint32_t)l;
        c->sorted[index[l]++] = entry;
        uint32_t code = reverse(next[l]++, l);
        for (uint32_t at = code; l <= ROOT_BITS && at < 1u << ROOT_BITS; at += 1u << l)
            c->root[at] = entry;
    }
    return true;
}

/* Consumes the next code and returns its entry; 0 if the bits are not a code. */
static uint32_t decode_long(struct fus_inflate_state *s, const struct fus_inflate_code *c)
{
    int32_t code = 0, first = 0, index = 0;
    for (int l = 1; l <= MAX_BITS; l++) {
        code |= (int32_t)(s->bits >> (l - 1) & 1);
        int32_t n = c->count[l];
        if (code - first < n) {
            take(s, l);
            return c->sorted[index + code - first];
        }
        index += n;
        first = (first + n) << 1;
        code <<= 1;
    }
    return 0;
}

static inline uint32_t decode(struct fus_inflate_state *s, const struct fus_inflate_code *c)
{
    uint32_t e = c->root[s->bits & ((1 << ROOT_BITS) - 1)];
    if (!e)
        return decode_long(s, c);
    take(s, (int)(e & 15));
    return e;
}

static void literal_meanings(uint32_t m[N_LITLEN])
{
    for (uint32_t i = 0; i < 256; i++)
        m[i] = KIND_LITERAL | i << 16;
    m[256] = KIND_END;
    uint32_t base = 3;
    for (uint32_t i = 257; i < 285; i++) {
        uint32_t extra = i < 265 ? 0 : (i - 261) / 4;
        m[i] = KIND_BASE | extra << 4 | base << 16;
        base += 1u << extra;
    }
    m[285] = KIND_BASE | 258u << 16;
    m[286] = m[287] = KIND_BAD;
}

static void distance_meanings(uint32_t m[N_DIST])
{
    uint32_t base = 1;
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t extra = i < 4 ? 0 : (i - 2) / 2;
        m[i] = KIND_BASE | extra << 4 | base << 16;
        base += 1u << extra;
    }
    m[30] = m[31] = KIND_BAD;
}

static bool build_both(struct fus_inflate_state *s, const uint8_t *lengths, int n_litlen, int n_dist)
{
    uint32_t litlen[N_LITLEN], dist[N_DIST];
    literal_meanings(litlen);
    distance_meanings(dist);
    return build(&s->litlen, lengths, litlen, n_litlen) && build(&s->dist, lengths + n_litlen, dist, n_dist);
}

static void fixed_code(struct fus_inflate_state *s)
{
    uint8_t lengths[N_LITLEN + N_DIST];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(lengths + N_LITLEN, 5, N_DIST);
    build_both(s, lengths, N_LITLEN, N_DIST);
}

/* The lengths of both codes, themselves run-length and Huffman coded (RFC 1951, 3.2.7). */
static int read_lengths(struct fus_inflate_state *s, uint8_t *lengths, int n)
{
    for (int i = 0; i < n;) {
        refill(s);
        uint32_t e = decode(s, &s->dist);
        uint32_t symbol = e >> 16;
        if (s->count < 0)
            return fail_short(s);
        if (!e)
            return fail(s, "found bits that are no code of a code length: damaged data?");
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16 && i == 0)
            return fail(s, "found a repeated code length before the first one: damaged data?");
        uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
        int run = symbol == 16 ? 3 + (int)take(s, 2) : symbol == 17 ? 3 + (int)take(s, 3) : 11 + (int)take(s, 7);
        if (s->count < 0)
            return fail_short(s);
        if (run > n - i)
            return fail(s, "found more code lengths than announced: damaged data?");
        memset(lengths + i, value, (size_t)run);
        i += run;
    }
    return FUS_OK;
}

static int dynamic_code(struct fus_inflate_state *s)
{
    static const uint8_t order[N_CODELEN] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[N_LITLEN + N_DIST] = {0}, first[N_CODELEN] = {0};
    uint32_t meaning[N_CODELEN];
    refill(s);
    int n_litlen = 257 + (int)take(s, 5), n_dist = 1 + (int)take(s, 5), n_first = 4 + (int)take(s, 4);
    for (int i = 0; i < n_first; i++) {
        refill(s);
        first[order[i]] = (uint8_t)take(s, 3);
    }
    if (s->count < 0)
        return fail_short(s);
    if (n_litlen > 286)
        return fail(s, "found more than 286 length codes: damaged data?");
    for (uint32_t i = 0; i < N_CODELEN; i++)
        meaning[i] = i << 16;
    if (!build(&s->dist, first, meaning, N_CODELEN))
        return fail(s, "found code lengths that are no code: damaged data?");
    int code = read_lengths(s, lengths, n_litlen + n_dist);
    if (code)
        return code;
    if (!lengths[256])
        return fail(s, "found a block without an end code: damaged data?");
    if (!build_both(s, lengths, n_litlen, n_dist))
        return fail(s, "found lengths of codes that are no code: damaged data?");
    return FUS_OK;
}

/* out[pos..pos+n) = the bytes `distance` before: may overlap, and then repeats. */
static inline void copy_match(uint8_t *out, size_t pos, size_t distance, size_t n, size_t room)
{
    uint8_t *to = out + pos;
    const uint8_t *from = to - distance;
    if (distance >= 8 && room >= n + 7) {
        for (size_t i = 0; i < n; i += 8)
            memcpy(to + i, from + i, 8);
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

static int inflate_codes(struct fus_inflate_state *s)
{
    uint8_t *out = s->out;
    size_t pos = s->out_pos, out_n = s->out_n;
    int code = FUS_OK;
    for (;;) {
        if (pos >= s->pause)
            break;
        refill(s);
        uint32_t e = decode(s, &s->litlen);
        uint32_t kind = e & KIND_MASK;
        if (s->count < 0) {
            code = fail_short(s);
            break;
        }
        if (e && kind == KIND_LITERAL && pos < out_n) {
            out[pos++] = (uint8_t)(e >> 16);
            continue;
        }
        if (kind == KIND_END) {
            s->mode = MODE_BLOCK;
            break;
        }
        if (!e || kind == KIND_BAD) {
            code = fail(s, "found bits that are no code: damaged data?");
            break;
        }
        size_t n = (e >> 16) + take(s, (int)(e >> 4 & 15)), distance = 0;
        if (kind == KIND_BASE) {
            uint32_t d = decode(s, &s->dist);
            distance = (d >> 16) + take(s, (int)(d >> 4 & 15));
            if (s->count < 0) {
                code = fail_short(s);
                break;
            }
            if (!d || (d & KIND_MASK) == KIND_BAD || distance > pos) {
                code = fail(s, "found a distance to before the beginning: damaged data?");
                break;
            }
        }
        if (kind == KIND_LITERAL || n > out_n - pos) {
            code = fail(s, "found more data than expected: damaged data or a wrong size in the header?");
            break;
        }
        copy_match(out, pos, distance, n, out_n - pos);
        pos += n;
    }
    s->out_pos = pos;
    return code;
}

/* The lengths of a stored block. */
static int begin_stored(struct fus_inflate_state *s)
{
    s->in_pos = fus_inflate_position(s); /* whole bytes go back; the rest of the current one is skipped */
    s->bits = 0;
    s->count = 0;
    if (s->in_n - s->in_pos < 4)
        fus_inflate_more_input(s);
    if (s->in_n - s->in_pos < 4)
        return fail_short(s);
    const uint8_t *p = s->in + s->in_pos;
    size_t n = (size_t)p[0] | (size_t)p[1] << 8, check = (size_t)p[2] | (size_t)p[3] << 8;
    if (n != (check ^ 0xffff))
        return fail(s, "found a stored block whose two lengths disagree: damaged data?");
    s->in_pos += 4;
    s->stored = n;
    if (!s->fill && n > s->in_n - s->in_pos)
        return fail_short(s);
    if (!s->fill && n > s->out_n - s->out_pos)
        return fail(s, "found more data than expected: damaged data or a wrong size in the header?");
    return FUS_OK;
}

static int inflate_stored(struct fus_inflate_state *s)
{
    if (s->stored && s->in_pos == s->in_n)
        fus_inflate_more_input(s);
    size_t n = s->stored, ready = s->in_n - s->in_pos, room = s->out_n - s->out_pos;
    n = n < ready ? n : ready;
    n = n < room ? n : room;
    if (s->stored && !ready)
        return fail_short(s);
    if (n)
        memcpy(s->out + s->out_pos, s->in + s->in_pos, n);
    s->in_pos += n;
    s->out_pos += n;
    s->stored -= n;
    if (!s->stored)
        s->mode = MODE_BLOCK;
    return FUS_OK;
}

static int begin_block(struct fus_inflate_state *s)
{
    if (s->last) {
        s->mode = MODE_ENDED;
        return FUS_OK;
    }
    if (fus_base_stopping())
        return fus_base_fail(s->err, FUS_ESTOPPED, "stopped");
    refill(s);
    s->last = take(s, 1);
    uint32_t type = take(s, 2);
    if (s->count < 0)
        return fail_short(s);
    if (type == 3)
        return fail(s, "found block type 3, expected 0, 1 or 2: damaged data?");
    s->mode = type == 0 ? MODE_STORED : MODE_CODES;
    if (type == 0)
        return begin_stored(s);
    if (type == 2)
        return dynamic_code(s);
    fixed_code(s);
    return FUS_OK;
}

int fus_inflate_on(struct fus_inflate_state *s)
{
    int code = FUS_OK;
    while (!code && s->mode != MODE_ENDED && s->out_pos < s->pause) {
        if (s->mode == MODE_BLOCK)
            code = begin_block(s);
        else
            code = s->mode == MODE_STORED ? inflate_stored(s) : inflate_codes(s);
    }
    return code;
}

int fus_inflate_raw(uint8_t *out, size_t out_n, size_t *produced, const uint8_t *in, size_t in_n, size_t *consumed,
                    struct fus_error *err)
{
    struct fus_inflate_state s;
    s.in = in, s.in_n = in_n, s.in_pos = 0;
    s.bits = 0, s.count = 0;
    s.out = out, s.out_n = out_n, s.out_pos = 0, s.pause = SIZE_MAX;
    s.mode = MODE_BLOCK, s.last = false;
    s.err = err;
    s.fill = NULL, s.base = 0, s.fill_code = FUS_OK;
    int code = fus_inflate_on(&s);
    *produced = s.out_pos;
    *consumed = fus_inflate_position(&s);
    return code;
}

int fus_inflate_zlib(uint8_t *out, size_t out_n, size_t *produced, const uint8_t *in, size_t in_n, size_t *consumed,
                     struct fus_error *err)
{
    *produced = *consumed = 0;
    if (in_n < 2)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)in_n,
                                "found the end, expected a zlib header: truncated copy?");
    if ((in[0] & 15) != 8 || in[0] >> 4 > 7 || (in[0] * 256 + in[1]) % 31 != 0 || (in[1] & 0x20))
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "found %02x %02x, expected a zlib header: damaged data?", in[0],
                                in[1]);
    int code = fus_inflate_raw(out, out_n, produced, in + 2, in_n - 2, consumed, err);
    *consumed += 2;
    if (code) {
        if (err && err->offset >= 0) { /* the same message, counted from the header */
            char msg[FUS_MESSAGE_BYTES];
            const char *rest = strstr(err->msg, ": ");
            memcpy(msg, rest ? rest + 2 : err->msg, strlen(rest ? rest + 2 : err->msg) + 1);
            return fus_base_fail_at(err, code, err->offset + 2, "%s", msg);
        }
        return code;
    }
    if (in_n - *consumed < 4)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)in_n,
                                "found the end, expected a checksum: truncated copy?");
    const uint8_t *p = in + *consumed;
    uint32_t want = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    uint32_t got = fus_inflate_adler32(1, out, *produced);
    if (want != got)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)*consumed,
                                "found Adler-32 %08x, expected %08x of the data: damaged data?", (unsigned)want,
                                (unsigned)got);
    *consumed += 4;
    return FUS_OK;
}
