/* SPDX-License-Identifier: MIT */
/* Windows and OS/2 bitmaps -> RGB: 1, 4, 8, 16, 24 and 32 bits, bit fields, RLE4 and RLE8,
 * either way up.
 *
 * Follows Microsoft's BITMAPINFOHEADER pages (headers of 12, 40, 52, 56, 64, 108 and 124 bytes).
 * Alpha is dropped; n-bit channels become v * 255 / (2^n - 1), rounded down, as in Pillow.
 * Pixels that a run-length coded picture skips have colour 0. Left out: embedded JPEG and PNG,
 * the OS/2 codings Huffman 1D and RLE24. */
#include <string.h>

#include "nn/base/bytes.h"
#include "stimuli/stimuli.h"

enum { RAW = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHABITFIELDS = 6 };

struct bmp {
    struct fus_bytes b;
    int header_bytes, width, height, bits;
    bool top_down;
    uint32_t compression, n_colors, mask[3];
    size_t pixels_at;
    uint8_t palette[256][3];
    struct fus_error *err;
};

static int fail_short(const struct bmp *p, const char *expected)
{
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.n,
                            "found the end of the file, expected %s: truncated copy?", expected);
}

/* The header after its size, position 18. */
static int read_header(struct bmp *p)
{
    struct fus_bytes *b = &p->b;
    int64_t width, height;
    if (p->header_bytes == 12) {
        width = fus_bytes_u16le(b);
        height = fus_bytes_u16le(b);
        fus_bytes_u16le(b);
        p->bits = fus_bytes_u16le(b);
    } else {
        uint32_t w = fus_bytes_u32le(b), h = fus_bytes_u32le(b);
        width = w;
        height = h > INT32_MAX ? (int64_t)h - ((int64_t)1 << 32) : (int64_t)h;
        fus_bytes_u16le(b);
        p->bits = fus_bytes_u16le(b);
        p->compression = fus_bytes_u32le(b);
        fus_bytes_take(b, 12);
        p->n_colors = fus_bytes_u32le(b);
        fus_bytes_u32le(b);
    }
    if (b->overrun)
        return fail_short(p, "the rest of a bitmap header");
    p->top_down = height < 0;
    height = height < 0 ? -height : height;
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return fus_base_fail_at(p->err, FUS_EFORMAT, 18,
                                "found %lld x %lld pixels, expected at least 1 x 1: damaged file?", (long long)width,
                                (long long)height);
    p->width = (int)width;
    p->height = (int)height;
    return fus_image_check((size_t)width, (size_t)height, 18, p->err);
}

static int check_coding(struct bmp *p)
{
    int bits = p->bits;
    uint32_t c = p->compression;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return fus_base_fail_at(p->err, FUS_EUNSUPPORTED, 28, "found %d bits a pixel, expected 1, 4, 8, 16, 24 or 32",
                                bits);
    bool os2 = p->header_bytes == 64 && c > RLE4;
    bool ok = c == RAW || (c == RLE8 && bits == 8) || (c == RLE4 && bits == 4) ||
              ((c == BITFIELDS || c == ALPHABITFIELDS) && !os2 && bits >= 16);
    if (!ok)
        return fus_base_fail_at(p->err, FUS_EUNSUPPORTED, 30,
                                "found compression %lu with %d bits a pixel: not supported", (unsigned long)c, bits);
    if (p->top_down && (c == RLE8 || c == RLE4))
        return fus_base_fail_at(p->err, FUS_EFORMAT, 22,
                                "found a run-length coded picture with a negative height: damaged file?");
    return FUS_OK;
}

/* Which bits of a pixel are red, green and blue: given, or the usual ones. They stand in or
 * right behind the header. */
static int read_masks(struct bmp *p)
{
    static const uint32_t usual16[3] = {0x7c00, 0x3e0, 0x1f}, usual32[3] = {0xff0000, 0xff00, 0xff};
    memcpy(p->mask, p->bits == 16 ? usual16 : usual32, sizeof p->mask);
    if (p->compression != BITFIELDS && p->compression != ALPHABITFIELDS) {
        fus_bytes_seek(&p->b, 14 + (size_t)p->header_bytes);
        return FUS_OK;
    }
    uint32_t mask[3];
    for (int i = 0; i < 3; i++)
        mask[i] = fus_bytes_u32le(&p->b);
    if (p->compression == ALPHABITFIELDS && p->header_bytes == 40)
        fus_bytes_u32le(&p->b);
    if (p->header_bytes > 40)
        fus_bytes_seek(&p->b, 14 + (size_t)p->header_bytes);
    if (p->b.overrun)
        return fail_short(p, "bit masks");
    if (!mask[0] && !mask[1] && !mask[2])
        return FUS_OK;
    for (int i = 0; i < 3; i++) {
        uint32_t low = mask[i] & (~mask[i] + 1), ones = mask[i] ? mask[i] / low : 0;
        if (!mask[i] || (ones & (ones + 1)) || (p->bits < 32 && mask[i] >> p->bits))
            return fus_base_fail_at(p->err, FUS_EFORMAT, 54,
                                    "found bit mask %08lx, expected neighbouring bits of %d: damaged file?",
                                    (unsigned long)mask[i], p->bits);
        p->mask[i] = mask[i];
    }
    return FUS_OK;
}

static int read_palette(struct bmp *p)
{
    for (int i = 0; i < 256; i++)
        memset(p->palette[i], i, 3); /* Pillow's colours past a short palette */
    size_t entry = p->header_bytes == 12 ? 3 : 4, start = p->b.pos;
    if (p->bits > 8) {
        p->pixels_at = p->pixels_at ? p->pixels_at : start;
        return FUS_OK;
    }
    size_t n = p->n_colors ? p->n_colors : (size_t)1 << p->bits;
    if (n > 65536)
        return fus_base_fail_at(p->err, FUS_EFORMAT, 46,
                                "found a palette of %zu colours, expected at most 256: damaged file?", n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bgr = fus_bytes_take(&p->b, entry);
        if (!bgr)
            return fail_short(p, "the rest of a palette");
        for (int c = 0; c < 3 && i < 256; c++)
            p->palette[i][c] = bgr[2 - c];
    }
    /* some writers forget the palette when they count */
    if (!p->pixels_at || p->pixels_at == start)
        p->pixels_at = p->b.pos;
    return FUS_OK;
}

static uint8_t *output_row(const struct bmp *p, uint8_t *rgb, int y)
{
    return rgb + 3 * (size_t)(p->top_down ? y : p->height - 1 - y) * (size_t)p->width;
}

static void indexed_row(const struct bmp *p, uint8_t *rgb, const uint8_t *row)
{
    int per_byte = 8 / p->bits, mask = (1 << p->bits) - 1;
    for (int x = 0; x < p->width; x++, rgb += 3)
        memcpy(rgb, p->palette[row[x / per_byte] >> (8 - p->bits - x % per_byte * p->bits) & mask], 3);
}

static void direct_row(const struct bmp *p, uint8_t *rgb, const uint8_t *row)
{
    int bytes = p->bits / 8;
    uint32_t low[3], max[3];
    for (int c = 0; c < 3; c++) {
        low[c] = p->mask[c] & (~p->mask[c] + 1);
        max[c] = p->mask[c] / low[c];
    }
    for (int x = 0; x < p->width; x++, rgb += 3, row += bytes) {
        uint32_t v = 0;
        for (int i = bytes - 1; i >= 0; i--)
            v = v << 8 | row[i];
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)((uint64_t)((v & p->mask[c]) / low[c]) * 255 / max[c]);
    }
}

static int read_raw(const struct bmp *p, uint8_t *rgb)
{
    size_t row = ((size_t)p->width * (size_t)p->bits + 7) / 8, stride = (row + 3) / 4 * 4;
    const uint8_t *from = p->b.data + p->pixels_at;
    for (int y = 0; y < p->height; y++, from += stride) {
        if (p->bits <= 8)
            indexed_row(p, output_row(p, rgb, y), from);
        else
            direct_row(p, output_row(p, rgb, y), from);
    }
    return FUS_OK;
}

/* A run's n pixels: of two colours in turn (RLE4: the byte's halves), or of the bytes at `list`. */
static void put_run(const struct bmp *p, uint8_t *rgb, int n, int byte, const uint8_t *list)
{
    for (int i = 0; i < n; i++, rgb += 3) {
        int v = p->bits == 8 ? (list ? list[i] : byte) : (list ? list[i / 2] : byte) >> (i % 2 ? 0 : 4) & 15;
        memcpy(rgb, p->palette[v], 3);
    }
}

/* The end code before all pixels are coded or skipped. */
static int fail_early(const struct bmp *p, size_t at, int x, int y)
{
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                            "found the end of the runs in row %d, column %d, expected %d x %d pixels: damaged file?", y,
                            x, p->width, p->height);
}

/* Run-length codes: n colour | 0 0 end of row | 0 1 end | 0 2 dx dy move | 0 n list, padded to
 * 16 bits. */
static int read_runs(struct bmp *p, uint8_t *rgb)
{
    struct fus_bytes *b = &p->b;
    int x = 0, y = 0;
    fus_bytes_seek(b, p->pixels_at);
    while (y < p->height && !(y == p->height - 1 && x == p->width)) {
        size_t at = b->pos;
        int n = fus_bytes_u8(b), v = fus_bytes_u8(b);
        if (b->overrun)
            return fail_short(p, "more runs");
        if (n) {
            n = n < p->width - x ? n : p->width - x; /* past the row: left out, as in Pillow */
            put_run(p, output_row(p, rgb, y) + 3 * (size_t)x, n, v, NULL);
            x += n;
        } else if (v == 0) {
            x = 0;
            y++;
        } else if (v == 1) {
            return fail_early(p, at, x, y);
        } else if (v == 2) {
            x += fus_bytes_u8(b);
            y += fus_bytes_u8(b);
        } else {
            size_t n_bytes = p->bits == 8 ? (size_t)v : ((size_t)v + 1) / 2;
            const uint8_t *list = fus_bytes_take(b, n_bytes + n_bytes % 2);
            if (list && v <= p->width - x)
                put_run(p, output_row(p, rgb, y) + 3 * (size_t)x, v, 0, list);
            x += v;
        }
        if (b->overrun)
            return fail_short(p, "more runs");
        if (x > p->width)
            return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                                    "found a run that ends in column %d, expected at most %d: damaged file?", x,
                                    p->width);
    }
    return FUS_OK;
}

/* Enough bytes for the pixels that are promised? Two bytes of a run code at most 255 pixels; 64
 * times as many may be skipped. */
static int check_size(const struct bmp *p)
{
    size_t row = ((size_t)p->width * (size_t)p->bits + 7) / 8, want = (row + 3) / 4 * 4 * (size_t)(p->height - 1) + row;
    bool coded = p->compression == RLE8 || p->compression == RLE4;
    if (coded)
        want = (size_t)p->width * (size_t)p->height / (128 * 64);
    if (p->pixels_at > p->b.n || p->b.n - p->pixels_at < want)
        return fus_base_fail_at(
            p->err, FUS_EFORMAT, (long long)p->b.n,
            "found the end of the file, expected %zu bytes of pixels from byte %zu: truncated copy?", want,
            p->pixels_at);
    return FUS_OK;
}

int fus_bmp_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct bmp p = {0};
    struct fus_image made = {0};
    p.b = fus_bytes_of(bytes, n);
    p.err = err;
    if (n < 2 || bytes[0] != 'B' || bytes[1] != 'M')
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "found no BM, expected a BMP file: another format?");
    fus_bytes_seek(&p.b, n < 10 ? n : 10);
    p.pixels_at = fus_bytes_u32le(&p.b);
    uint32_t size = fus_bytes_u32le(&p.b);
    if (p.b.overrun)
        return fail_short(&p, "a file header of 18 bytes");
    if (size != 12 && size != 40 && size != 52 && size != 56 && size != 64 && size != 108 && size != 124)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 14,
                                "found a bitmap header of %lu bytes, expected 12, 40, 52, 56, 64, 108 or 124",
                                (unsigned long)size);
    p.header_bytes = (int)size;
    int code = read_header(&p);
    if (!code)
        code = check_coding(&p);
    if (!code)
        code = read_masks(&p);
    if (!code)
        code = read_palette(&p);
    if (!code)
        code = check_size(&p);
    if (!code)
        code = fus_image_create(&made, p.width, p.height, err);
    for (size_t i = 0; !code && i < (size_t)p.width * (size_t)p.height && p.bits <= 8; i++)
        memcpy(made.pixels + 3 * i, p.palette[0], 3);
    if (!code)
        code = p.compression == RLE8 || p.compression == RLE4 ? read_runs(&p, made.pixels) : read_raw(&p, made.pixels);
    if (code)
        fus_image_free(&made);
    else
        *image = made;
    return code;
}
