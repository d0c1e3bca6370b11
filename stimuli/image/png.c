/* SPDX-License-Identifier: MIT */
/* PNG (W3C Recommendation, second edition) -> RGB: every colour type, depth and interlacing.
 *
 * As Pillow's convert("RGB") does, alpha and tRNS are dropped, not blended, and no gamma or
 * colour profile is applied; of 16 bits the high byte counts (Pillow instead clips 16-bit grey
 * at 255). Chunks up to the pixels are checked by their CRC, the pixels by the Adler-32 of the
 * compressed stream, or where that is missing by the CRC of the IDAT chunks.
 *
 * What Pillow forgives where all pixels are there is forgiven: ancillary chunks before IHDR;
 * behind the pixels wrong CRCs, and the end of the file in place of IEND; a compressed stream
 * that is too long, or without its checksum. IDAT chunks must follow one another. */
#include <stdlib.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "nn/base/inflate.h"
#include "stimuli/stimuli.h"

enum { MAX_DIM = 4095 }; /* 12 bits */
enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

struct png {
    struct fus_bytes b;
    int width, height, depth, type, channels;
    bool interlaced, has_header;
    uint8_t palette[256][3];
    bool has_palette;
    uint8_t *data;          /* all IDAT bodies, joined */
    size_t data_n, data_at; /* data_at: the file's offset of the first one, for messages */
    /* of an IDAT chunk: of its CRC, if wrong; if others stand before it. 0: none */
    size_t bad_crc_at, apart_at;
    struct fus_error *err;
};

/* A pass of Adam7 takes pixels (x0 + i * dx, y0 + j * dy); a picture that is not interlaced is
 * one pass of all. */
struct pass {
    int x0, y0, dx, dy;
};

static const struct pass adam7[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
static const struct pass whole[1] = {{0, 0, 1, 1}};

static int fail_short(const struct png *p, const char *expected)
{
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.n,
                            "found the end of the file, expected %s: truncated copy?", expected);
}

static int read_header(struct png *p, struct fus_bytes *c, size_t at)
{
    uint32_t width = fus_bytes_u32be(c), height = fus_bytes_u32be(c);
    p->depth = fus_bytes_u8(c);
    p->type = fus_bytes_u8(c);
    int compression = fus_bytes_u8(c), filter = fus_bytes_u8(c), interlace = fus_bytes_u8(c);
    if (c->n != 13 || p->has_header)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                                "found an IHDR chunk of %zu bytes, expected one of 13: damaged file?", c->n);
    if (!width || !height || width > INT32_MAX || height > INT32_MAX)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                                "found %lu x %lu pixels, expected 1 to 2^31-1: damaged file?", (unsigned long)width,
                                (unsigned long)height);
    int code = fus_image_check(width, height, (long long)at, p->err);
    if (code)
        return code;
    bool power = p->depth == 1 || p->depth == 2 || p->depth == 4 || p->depth == 8 || p->depth == 16;
    bool ok = p->type == GREY ? power
              : p->type == PALETTE
                  ? power && p->depth < 16
                  : (p->type == RGB || p->type == GREY_ALPHA || p->type == RGB_ALPHA) && power && p->depth >= 8;
    if (!ok || compression || filter || interlace > 1)
        return fus_base_fail_at(
            p->err, FUS_EFORMAT, (long long)at,
            "found colour type %d, depth %d, compression %d, filter %d, interlace %d: no such PNG, damaged file?",
            p->type, p->depth, compression, filter, interlace);
    p->width = (int)width;
    p->height = (int)height;
    p->interlaced = interlace == 1;
    p->channels = p->type == RGB ? 3 : p->type == GREY_ALPHA ? 2 : p->type == RGB_ALPHA ? 4 : 1;
    p->has_header = true;
    return FUS_OK;
}

static int read_palette(struct png *p, const struct fus_bytes *c, size_t at)
{
    if (c->n == 0 || c->n % 3 || c->n > 768 || p->has_palette)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                                "found a PLTE chunk of %zu bytes, expected one of 3 to 768: damaged file?", c->n);
    memcpy(p->palette, c->data, c->n);
    p->has_palette = true;
    return FUS_OK;
}

static void append(struct png *p, const struct fus_bytes *c, size_t at)
{
    if (!p->data_n)
        p->data_at = at;
    if (c->n)
        memcpy(p->data + p->data_n, c->data, c->n);
    p->data_n += c->n;
}

struct chunk {
    size_t at;
    const uint8_t *type;
    struct fus_bytes body;
    bool cut, crc_wrong; /* the file ends in the body; the CRC is there, and another one */
    uint32_t crc;
};

static bool is_type(const struct chunk *c, const char *name)
{
    return memcmp(c->type, name, 4) == 0;
}

static bool is_name(const uint8_t *type)
{
    bool ok = true;
    for (int i = 0; i < 4; i++)
        ok &= (type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z') ||
              (type[i] >= '0' && type[i] <= '9') || type[i] == '_';
    return ok;
}

/* The next chunk: length, type, body, CRC of type and body. False where no length and name
 * stand, or the file ends in them. */
static bool next_chunk(struct png *p, struct chunk *c)
{
    struct fus_bytes *b = &p->b;
    *c = (struct chunk){.at = b->pos};
    size_t length = fus_bytes_u32be(b);
    c->type = fus_bytes_take(b, 4);
    if (!c->type || !is_name(c->type))
        return false;
    size_t left = b->n - b->pos, n = length < left ? length : left;
    c->cut = n < length;
    c->body = fus_bytes_of(fus_bytes_take(b, n), n);
    if (b->n - b->pos < 4) {
        fus_bytes_seek(b, b->n);
        return true;
    }
    uint32_t want = fus_bytes_u32be(b);
    c->crc = fus_inflate_crc32(0, c->type, n + 4);
    c->crc_wrong = want != c->crc;
    return true;
}

static int fail_crc(const struct png *p, const struct chunk *c)
{
    const uint8_t *want = c->body.data + c->body.n;
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)(c->at + 8 + c->body.n),
                            "found CRC %02x%02x%02x%02x of chunk %.4s, expected %08lx: damaged file?", want[0], want[1],
                            want[2], want[3], (const char *)c->type, (unsigned long)c->crc);
}

/* A chunk before the pixels. */
static int read_chunk(struct png *p, struct chunk *c)
{
    long long at = (long long)c->at;
    if (c->cut || p->b.n - c->at < 12 + c->body.n)
        return fail_short(p, "the rest of a chunk");
    if (c->crc_wrong)
        return fail_crc(p, c);
    if (is_type(c, "IHDR"))
        return read_header(p, &c->body, c->at + 8);
    if (c->type[0] & 0x20)
        return FUS_OK;
    if (!p->has_header)
        return fus_base_fail_at(p->err, FUS_EFORMAT, at, "found chunk %.4s, expected IHDR before: damaged file?",
                                (const char *)c->type);
    if (is_type(c, "PLTE"))
        return read_palette(p, &c->body, c->at + 8);
    if (is_type(c, "IEND"))
        return fus_base_fail_at(p->err, FUS_EFORMAT, at, "found IEND, expected IDAT chunks before: damaged file?");
    return fus_base_fail_at(p->err, FUS_EUNSUPPORTED, at,
                            "found the critical chunk %.4s, which is not known: not supported", (const char *)c->type);
}

/* Up to the first IDAT chunk, which is left in *c. */
static int read_head(struct png *p, struct chunk *c)
{
    for (;;) {
        if (!next_chunk(p, c))
            return p->b.overrun
                       ? fail_short(p, "a chunk")
                       : fus_base_fail_at(p->err, FUS_EFORMAT, (long long)c->at, "found no chunk: damaged file?");
        if (p->has_header && is_type(c, "IDAT"))
            break;
        int code = read_chunk(p, c);
        if (code)
            return code;
    }
    if (p->type == PALETTE && !p->has_palette)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)c->at,
                                "found no PLTE chunk, expected a palette: damaged file?");
    return FUS_OK;
}

static int read_chunks(struct png *p)
{
    struct chunk c = {0};
    int code = read_head(p, &c);
    if (code)
        return code;
    p->data = fus_base_alloc(p->b.n, 1);
    if (!p->data)
        return fus_base_fail(p->err, FUS_ENOMEM, "no memory for the picture's compressed data");
    bool more = true;
    for (; more && is_type(&c, "IDAT"); more = next_chunk(p, &c)) {
        append(p, &c.body, c.at + 8);
        if (c.crc_wrong && !p->bad_crc_at)
            p->bad_crc_at = c.at + 8 + c.body.n;
    }
    for (; more && !is_type(&c, "IEND"); more = next_chunk(p, &c)) {
        if (c.cut)
            return fail_short(p, "the rest of a chunk");
        if (is_type(&c, "IDAT") && !p->apart_at)
            p->apart_at = c.at;
    }
    return FUS_OK;
}

static int pass_width(const struct png *p, const struct pass *s)
{
    return p->width > s->x0 ? (p->width - s->x0 + s->dx - 1) / s->dx : 0;
}

static int pass_height(const struct png *p, const struct pass *s)
{
    return p->height > s->y0 ? (p->height - s->y0 + s->dy - 1) / s->dy : 0;
}

/* Bytes of a row of n pixels, its filter byte not counted. */
static size_t row_bytes(const struct png *p, int n)
{
    return ((size_t)n * (size_t)p->channels * (size_t)p->depth + 7) / 8;
}

static inline uint8_t paeth(int a, int b, int c)
{
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/* Undo a row's filter in place (section 9); above: the row before, NULL for the first; step:
 * bytes of a pixel. */
static bool unfilter(int filter, uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    size_t first = step < n ? step : n;
    switch (filter) {
    case 0:
        return true;
    case 1:
        for (size_t i = step; i < n; i++)
            row[i] = (uint8_t)(row[i] + row[i - step]);
        return true;
    case 2:
        for (size_t i = 0; above && i < n; i++)
            row[i] = (uint8_t)(row[i] + above[i]);
        return true;
    case 3:
        for (size_t i = 0; i < n; i++)
            row[i] = (uint8_t)(row[i] + ((i < step ? 0 : row[i - step]) + (above ? above[i] : 0)) / 2);
        return true;
    case 4:
        for (size_t i = 0; above && i < first; i++)
            row[i] = (uint8_t)(row[i] + above[i]);
        for (size_t i = step; i < n; i++)
            row[i] = (uint8_t)(row[i] + (above ? paeth(row[i - step], above[i], above[i - step]) : row[i - step]));
        return true;
    default:
        return false;
    }
}

/* Sample i of a row with less than 8 bits each. */
static inline int packed_sample(const uint8_t *row, int i, int depth)
{
    int per_byte = 8 / depth;
    return row[i / per_byte] >> (8 - depth - i % per_byte * depth) & ((1 << depth) - 1);
}

/* One unfiltered row -> every dx-th pixel of `rgb`. */
static void expand(const struct png *p, uint8_t *rgb, const uint8_t *row, int n, int dx)
{
    size_t bytes = p->depth == 16 ? 2 : 1, pixel = bytes * (size_t)p->channels, step = 3 * (size_t)dx;
    int scale = p->depth < 8 ? 255 / ((1 << p->depth) - 1) : 1;
    if (p->type == RGB && dx == 1 && p->depth == 8) {
        memcpy(rgb, row, 3 * (size_t)n);
        return;
    }
    for (int x = 0; x < n; x++, rgb += step) {
        const uint8_t *from = row + (size_t)x * pixel;
        if (p->type == PALETTE) {
            memcpy(rgb, p->palette[p->depth == 8 ? row[x] : packed_sample(row, x, p->depth)], 3);
        } else if (p->type & RGB) {
            rgb[0] = from[0];
            rgb[1] = from[bytes];
            rgb[2] = from[2 * bytes];
        } else {
            rgb[0] = rgb[1] = rgb[2] = p->depth < 8 ? (uint8_t)(packed_sample(row, x, p->depth) * scale) : from[0];
        }
    }
}

/* The largest of a row's samples of 16 bits, alpha left out, and `most`. */
static int largest(const struct png *p, const uint8_t *row, int n, int most)
{
    int colours = p->type & RGB ? 3 : 1;
    for (int x = 0; x < n; x++, row += 2 * p->channels)
        for (int i = 0; i < colours; i++) {
            int v = row[2 * i] << 8 | row[2 * i + 1];
            most = v > most ? v : most;
        }
    return most;
}

static int read_passes(const struct png *p, uint8_t *rgb, uint8_t *raw, int *dim)
{
    int most = 0;
    const struct pass *passes = p->interlaced ? adam7 : whole;
    size_t step = (size_t)p->channels * (size_t)p->depth / 8;
    for (int i = 0; i < (p->interlaced ? 7 : 1); i++) {
        const struct pass *s = &passes[i];
        int n_x = pass_width(p, s), n_y = n_x ? pass_height(p, s) : 0;
        size_t n = row_bytes(p, n_x);
        const uint8_t *above = NULL;
        for (int y = 0; y < n_y; y++, raw += n + 1) {
            if (!unfilter(raw[0], raw + 1, above, n, step ? step : 1))
                return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at,
                                        "found row filter %d in the data, expected 0 to 4: damaged file?", raw[0]);
            above = raw + 1;
            if (p->depth == 16 && most <= MAX_DIM)
                most = largest(p, raw + 1, n_x, most);
            expand(p, rgb + 3 * ((size_t)(s->y0 + y * s->dy) * (size_t)p->width + (size_t)s->x0), raw + 1, n_x, s->dx);
        }
    }
    *dim = most <= MAX_DIM ? most : 0;
    return FUS_OK;
}

static int fail_pixels(const struct png *p, size_t produced, size_t wanted)
{
    if (p->apart_at)
        return fus_base_fail_at(
            p->err, FUS_EFORMAT, (long long)p->apart_at,
            "found an IDAT chunk apart from those before, which hold %zu of %zu bytes of pixels: damaged file?",
            produced, wanted);
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at,
                            "found %zu bytes of pixels, expected %zu: truncated copy?", produced, wanted);
}

/* Checks that the pixels are intact. `produced` bytes came of the first `consumed` of the data;
 * ended: the stream's end is there. */
static int check_sums(const struct png *p, const uint8_t *raw, size_t produced, size_t consumed, bool ended)
{
    if (ended && p->data_n - consumed >= 4) {
        const uint8_t *b = p->data + consumed;
        uint32_t want = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        uint32_t got = fus_inflate_adler32(1, raw, produced);
        if (want == got)
            return FUS_OK;
        return fus_base_fail_at(
            p->err, FUS_EFORMAT, (long long)p->data_at,
            "compressed pixels, byte %zu: found Adler-32 %08lx, expected %08lx of the data: damaged file?", consumed,
            (unsigned long)want, (unsigned long)got);
    }
    if (p->bad_crc_at)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->bad_crc_at,
                                "found a wrong CRC of chunk IDAT, and no Adler-32 of the pixels: damaged file?");
    return FUS_OK;
}

/* A match or stored block may extend beyond the last pixel: room for the longest. */
enum { MAX_BEYOND = 65536 };

static int inflate(const struct png *p, uint8_t *raw, size_t raw_n)
{
    const uint8_t *d = p->data;
    size_t produced = 0, consumed = 0;
    if (p->data_n < 2)
        return fail_pixels(p, 0, raw_n);
    if ((d[0] & 15) != 8 || d[0] >> 4 > 7 || (d[0] * 256 + d[1]) % 31 != 0 || (d[1] & 0x20))
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at,
                                "compressed pixels: found %02x %02x, expected a zlib header: damaged file?", d[0],
                                d[1]);
    int code = fus_inflate_raw(raw, raw_n + MAX_BEYOND, &produced, d + 2, p->data_n - 2, &consumed, p->err);
    if (produced < raw_n && (!code || p->apart_at))
        return fail_pixels(p, produced, raw_n);
    if (produced < raw_n) {
        fus_base_blame(p->err, "compressed pixels, ");
        return code;
    }
    if (p->err)
        *p->err = (struct fus_error){.offset = -1};
    return check_sums(p, raw, produced, consumed + 2, !code);
}

static int read_pixels(const struct png *p, struct fus_image *image)
{
    const struct pass *passes = p->interlaced ? adam7 : whole;
    size_t raw_n = 0;
    for (int i = 0; i < (p->interlaced ? 7 : 1); i++)
        if (pass_width(p, &passes[i]))
            raw_n += (row_bytes(p, pass_width(p, &passes[i])) + 1) * (size_t)pass_height(p, &passes[i]);
    if (raw_n / 1032 > p->data_n) /* 1032: the best that DEFLATE can do */
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at,
                                "found %zu bytes of data for %d x %d pixels, which is too little: truncated copy?",
                                p->data_n, p->width, p->height);
    uint8_t *raw = fus_base_alloc(raw_n + MAX_BEYOND, 1);
    if (!raw)
        return fus_base_fail(p->err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", p->width, p->height);
    int code = inflate(p, raw, raw_n);
    if (!code)
        code = fus_image_create(image, p->width, p->height, p->err);
    if (!code)
        code = read_passes(p, image->pixels, raw, &image->dim);
    fus_base_free(raw);
    return code;
}

int fus_png_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct png p = {0};
    struct fus_image made = {0};
    p.b = fus_bytes_of(bytes, n);
    p.err = err;
    for (int i = 0; i < 256; i++)
        memset(p.palette[i], i, 3); /* Pillow's colours past a short palette */
    const uint8_t *head = fus_bytes_take(&p.b, 8);
    if (!head)
        return fail_short(&p, "the 8 bytes of a PNG signature");
    if (memcmp(head, signature, 8) != 0)
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "found no PNG signature: another format, or copied as text?");
    int code = read_chunks(&p);
    if (!code)
        code = read_pixels(&p, &made);
    fus_base_free(p.data);
    if (code)
        fus_image_free(&made);
    else
        *image = made;
    return code;
}
