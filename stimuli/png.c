/* PNG (W3C Recommendation, second edition) -> RGB: every colour type, depth and interlacing.
 *
 * Chunks are checked by their CRC, pixels by the Adler-32 of the compressed stream. As Pillow's convert("RGB") does,
 * alpha and tRNS are dropped, not blended, and no gamma or colour profile is applied; of 16 bits the high byte counts (Pillow
 * instead clips 16-bit grey at 255). The file must be whole, IEND included. */
#include <stdlib.h>
#include <string.h>

#include "nn/bytes.h"
#include "nn/inflate.h"
#include "stimuli/stimuli.h"

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGB_ALPHA = 6 };

struct png {
    struct fus_bytes b;
    int width, height, depth, type, channels;
    bool interlaced, has_header;
    uint8_t palette[256][3];
    bool has_palette;
    uint8_t *data; /* all IDAT bodies, joined */
    size_t data_n, data_at; /* data_at: the file's offset of the first one, for messages */
    struct fus_error *err;
};

/* A pass of Adam7 takes pixels (x0 + i * dx, y0 + j * dy); a picture that is not interlaced is one pass of all. */
struct pass {
    int x0, y0, dx, dy;
};

static const struct pass adam7[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
static const struct pass whole[1] = {{0, 0, 1, 1}};

static int fail_short(const struct png *p, const char *expected)
{
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.n, "found the end of the file, expected %s: truncated copy?", expected);
}

static int read_header(struct png *p, struct fus_bytes *c, size_t at)
{
    uint32_t width = fus_bytes_u32be(c), height = fus_bytes_u32be(c);
    p->depth = fus_bytes_u8(c);
    p->type = fus_bytes_u8(c);
    int compression = fus_bytes_u8(c), filter = fus_bytes_u8(c), interlace = fus_bytes_u8(c);
    if (c->n != 13 || p->has_header)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at, "found an IHDR chunk of %zu bytes, expected one of 13: damaged file?", c->n);
    if (!width || !height || width > INT32_MAX || height > INT32_MAX)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at, "found %lu x %lu pixels, expected 1 to 2^31-1: damaged file?",
                                (unsigned long)width, (unsigned long)height);
    int code = fus_image_check(width, height, (long long)at, p->err);
    if (code)
        return code;
    bool power = p->depth == 1 || p->depth == 2 || p->depth == 4 || p->depth == 8 || p->depth == 16;
    bool ok = p->type == GREY      ? power
              : p->type == PALETTE ? power && p->depth < 16
                                   : (p->type == RGB || p->type == GREY_ALPHA || p->type == RGB_ALPHA) && power && p->depth >= 8;
    if (!ok || compression || filter || interlace > 1)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
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
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at, "found a PLTE chunk of %zu bytes, expected one of 3 to 768: damaged file?", c->n);
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

/* One chunk: length, type, body, CRC of type and body. *end: it was IEND. */
static int read_chunk(struct png *p, bool *end)
{
    struct fus_bytes *b = &p->b;
    size_t at = b->pos;
    uint32_t length = fus_bytes_u32be(b);
    const uint8_t *type = fus_bytes_take(b, 4), *body = fus_bytes_take(b, length);
    uint32_t want = fus_bytes_u32be(b);
    if (length > INT32_MAX)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at, "found a chunk of %lu bytes: damaged file?", (unsigned long)length);
    if (b->overrun)
        return fail_short(p, "the rest of a chunk");
    uint32_t got = fus_inflate_crc32(0, type, (size_t)length + 4);
    if (got != want)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)(b->pos - 4), "found CRC %08lx of chunk %.4s, expected %08lx: damaged file?",
                                (unsigned long)want, (const char *)type, (unsigned long)got);
    struct fus_bytes c = fus_bytes_of(body, length);
    bool header = memcmp(type, "IHDR", 4) == 0;
    if (!header && !p->has_header)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at, "found chunk %.4s, expected IHDR first: damaged file?", (const char *)type);
    if (header)
        return read_header(p, &c, at + 8);
    if (memcmp(type, "PLTE", 4) == 0)
        return read_palette(p, &c, at + 8);
    if (memcmp(type, "IDAT", 4) == 0)
        append(p, &c, at + 8);
    else if (memcmp(type, "IEND", 4) == 0)
        *end = true;
    else if (!(type[0] & 0x20))
        return fus_base_fail_at(p->err, FUS_EUNSUPPORTED, (long long)at, "found the critical chunk %.4s, which is not known: not supported",
                                (const char *)type);
    return FUS_OK;
}

static int read_chunks(struct png *p)
{
    p->data = fus_base_alloc(p->b.n, 1);
    if (!p->data)
        return fus_base_fail(p->err, FUS_ENOMEM, "no memory for the picture's compressed data");
    for (bool end = false; !end;) {
        int code = read_chunk(p, &end);
        if (code)
            return code;
    }
    if (!p->data_n)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.pos, "found IEND, expected IDAT chunks before: damaged file?");
    if (p->type == PALETTE && !p->has_palette)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.pos, "found no PLTE chunk, expected a palette: damaged file?");
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

/* Undo a row's filter in place (section 9); above: the row before, NULL for the first; step: bytes of a pixel. */
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

static int read_passes(const struct png *p, uint8_t *rgb, uint8_t *raw)
{
    const struct pass *passes = p->interlaced ? adam7 : whole;
    size_t step = (size_t)p->channels * (size_t)p->depth / 8;
    for (int i = 0; i < (p->interlaced ? 7 : 1); i++) {
        const struct pass *s = &passes[i];
        int n_x = pass_width(p, s), n_y = n_x ? pass_height(p, s) : 0;
        size_t n = row_bytes(p, n_x);
        const uint8_t *above = NULL;
        for (int y = 0; y < n_y; y++, raw += n + 1) {
            if (!unfilter(raw[0], raw + 1, above, n, step ? step : 1))
                return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at, "found row filter %d in the data, expected 0 to 4: damaged file?",
                                        raw[0]);
            above = raw + 1;
            expand(p, rgb + 3 * ((size_t)(s->y0 + y * s->dy) * (size_t)p->width + (size_t)s->x0), raw + 1, n_x, s->dx);
        }
    }
    return FUS_OK;
}

static int read_pixels(const struct png *p, struct fus_image *image)
{
    const struct pass *passes = p->interlaced ? adam7 : whole;
    size_t raw_n = 0, produced, consumed;
    for (int i = 0; i < (p->interlaced ? 7 : 1); i++)
        if (pass_width(p, &passes[i]))
            raw_n += (row_bytes(p, pass_width(p, &passes[i])) + 1) * (size_t)pass_height(p, &passes[i]);
    if (raw_n / 1032 > p->data_n) /* 1032: the best that DEFLATE can do */
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at, "found %zu bytes of data for %d x %d pixels, which is too little: truncated copy?",
                                p->data_n, p->width, p->height);
    uint8_t *raw = fus_base_alloc(raw_n, 1);
    if (!raw)
        return fus_base_fail(p->err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", p->width, p->height);
    int code = fus_inflate_zlib(raw, raw_n, &produced, p->data, p->data_n, &consumed, p->err);
    if (code)
        fus_base_blame(p->err, "compressed pixels, ");
    else if (produced < raw_n)
        code = fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->data_at, "found %zu bytes of pixels, expected %zu: truncated copy?", produced, raw_n);
    if (!code)
        code = fus_image_create(image, p->width, p->height, p->err);
    if (!code)
        code = read_passes(p, image->pixels, raw);
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
