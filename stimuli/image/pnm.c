/* SPDX-License-Identifier: MIT */
/* Portable anymaps (netpbm's pbm, pgm and ppm manual pages): P1 to P6 -> RGB, and writing P6.
 *
 * Samples are scaled to 255 and rounded, halves to even, as Pillow does: round(v / maxval * 255).
 * Where Pillow clips 16-bit grey at 255 when it converts, the value is scaled here like any other.
 * Bytes after the raster are ignored. */
#include <math.h>
#include <string.h>

#include "nn/base/bytes.h"
#include "nn/base/outfile.h"
#include "stimuli/stimuli.h"

struct pnm {
    struct fus_bytes b;
    int kind; /* 1..6 */
    int width, height, maxval;
    struct fus_error *err;
};

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whitespace and comments, which run from # to the end of a line. */
static void skip_space(struct fus_bytes *b)
{
    while (b->pos < b->n) {
        int c = b->data[b->pos];
        if (c == '#')
            while (b->pos < b->n && b->data[b->pos] != '\n' && b->data[b->pos] != '\r')
                b->pos++;
        else if (is_space(c))
            b->pos++;
        else
            break;
    }
}

static int fail_short(struct pnm *p, const char *expected)
{
    return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)p->b.n,
                            "found the end of the file, expected %s: truncated copy?", expected);
}

/* A decimal number of at most `limit`; what names it in messages. */
static int number(struct pnm *p, int *out, int limit, const char *what)
{
    struct fus_bytes *b = &p->b;
    skip_space(b);
    size_t start = b->pos;
    int64_t v = 0;
    while (b->pos < b->n && b->data[b->pos] >= '0' && b->data[b->pos] <= '9' && v <= limit)
        v = v * 10 + (b->data[b->pos++] - '0');
    if (b->pos == b->n && b->pos == start)
        return fail_short(p, what);
    if (b->pos == start || (b->pos < b->n && v <= limit && !is_space(b->data[b->pos]) && b->data[b->pos] != '#'))
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)b->pos, "found byte %02x, expected %s: damaged file?",
                                b->data[b->pos], what);
    if (v > limit)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)start,
                                "found a number past %d, expected %s: damaged file?", limit, what);
    *out = (int)v;
    return FUS_OK;
}

static int read_header(struct pnm *p)
{
    struct fus_bytes *b = &p->b;
    int code;
    if (b->n < 2 || b->data[0] != 'P' || b->data[1] < '1' || b->data[1] > '6')
        return fus_base_fail_at(p->err, FUS_EFORMAT, 0, "found no P1 to P6, expected a PNM file: another format?");
    p->kind = b->data[1] - '0';
    p->maxval = 1;
    b->pos = 2;
    if (b->pos < b->n && !is_space(b->data[2]) && b->data[2] != '#')
        return fus_base_fail_at(p->err, FUS_EFORMAT, 2,
                                "found byte %02x behind P%d, expected white space: not a PNM file?", b->data[2],
                                p->kind);
    if ((code = number(p, &p->width, (int)FUS_IMAGE_PIXELS_LIMIT, "a width")) != 0 ||
        (code = number(p, &p->height, (int)FUS_IMAGE_PIXELS_LIMIT, "a height")) != 0)
        return code;
    size_t at = b->pos;
    if (p->kind != 1 && p->kind != 4 && (code = number(p, &p->maxval, 65535, "a maximum of 1 to 65535")) != 0)
        return code;
    if (!p->width || !p->height || !p->maxval)
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)at,
                                "found %d x %d pixels with maximum %d, expected at least 1 each: damaged file?",
                                p->width, p->height, p->maxval);
    if ((code = fus_image_check((size_t)p->width, (size_t)p->height, (long long)at, p->err)) != 0)
        return code;
    if (b->pos >= b->n)
        return fail_short(p, "pixels");
    if (!is_space(b->data[b->pos++]))
        return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)b->pos - 1,
                                "found byte %02x, expected white space before the pixels: damaged file?",
                                b->data[b->pos - 1]);
    return FUS_OK;
}

/* to255[v] for every v that fits the file's samples. */
static void scale_table(uint8_t *to255, int n, int maxval)
{
    for (int v = 0; v < n; v++) {
        double x = (double)v / maxval * 255, whole = floor(x), rest = x - whole;
        int y = (int)whole + (rest > 0.5 || (rest == 0.5 && (int)whole % 2));
        to255[v] = (uint8_t)(y > 255 ? 255 : y);
    }
}

static void store(uint8_t *rgb, size_t i, int channels, uint8_t v)
{
    if (channels == 3)
        rgb[i] = v;
    else
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = v;
}

/* P1 to P3: decimal numbers; those of P1 are single digits that need nothing between them. */
static int read_text(struct pnm *p, uint8_t *rgb, size_t n, int channels, const uint8_t *to255)
{
    struct fus_bytes *b = &p->b;
    for (size_t i = 0; i < n; i++) {
        int v;
        if (p->kind != 1) {
            int code = number(p, &v, p->maxval, "a sample up to the maximum");
            if (code)
                return code;
            store(rgb, i, channels, to255[v]);
            continue;
        }
        skip_space(b);
        if (b->pos >= b->n)
            return fail_short(p, "0 or 1");
        v = b->data[b->pos++];
        if (v != '0' && v != '1')
            return fus_base_fail_at(p->err, FUS_EFORMAT, (long long)b->pos - 1,
                                    "found byte %02x, expected 0 or 1: damaged file?", (unsigned)v);
        store(rgb, i, channels, v == '0' ? 255 : 0);
    }
    return FUS_OK;
}

static void read_binary(const struct pnm *p, uint8_t *rgb, const uint8_t *from, size_t n, int channels,
                        const uint8_t *to255)
{
    if (p->kind == 4) {
        size_t row = ((size_t)p->width + 7) / 8, i = 0;
        for (int y = 0; y < p->height; y++, from += row)
            for (int x = 0; x < p->width; x++)
                store(rgb, i++, 1, from[x / 8] >> (7 - x % 8) & 1 ? 0 : 255);
    } else if (p->maxval == 255 && channels == 3) {
        memcpy(rgb, from, n);
    } else if (p->maxval < 256) {
        for (size_t i = 0; i < n; i++)
            store(rgb, i, channels, to255[from[i]]);
    } else {
        for (size_t i = 0; i < n; i++)
            store(rgb, i, channels, to255[from[2 * i] << 8 | from[2 * i + 1]]);
    }
}

int fus_pnm_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct pnm p = {fus_bytes_of(bytes, n), 0, 0, 0, 0, err};
    struct fus_image made = {0};
    uint8_t *to255 = NULL;
    int code = read_header(&p);
    if (code)
        return code;
    int channels = p.kind % 3 == 0 ? 3 : 1;
    size_t n_samples = (size_t)p.width * (size_t)p.height * (size_t)channels;
    size_t want = p.kind < 4    ? n_samples
                  : p.kind == 4 ? ((size_t)p.width + 7) / 8 * (size_t)p.height
                                : n_samples * (p.maxval < 256 ? 1 : 2);
    if (fus_bytes_left(&p.b) < want)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)n,
                                "found the end of the file, expected %zu bytes of pixels, not %zu: truncated copy?",
                                want, fus_bytes_left(&p.b));
    int n_values = p.maxval < 256 ? 256 : 65536;
    to255 = fus_base_alloc((size_t)n_values, 1);
    if (!to255)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a table");
    scale_table(to255, n_values, p.maxval);
    code = fus_image_create(&made, p.width, p.height, err);
    if (!code && p.kind < 4)
        code = read_text(&p, made.pixels, n_samples, channels, to255);
    else if (!code)
        read_binary(&p, made.pixels, p.b.data + p.b.pos, n_samples, channels, to255);
    fus_base_free(to255);
    if (code)
        fus_image_free(&made);
    else
        *image = made;
    return code;
}

int fus_pnm_write(const char *path, const struct fus_image *image, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "P6\n%d %d\n255\n", image->width, image->height);
    fus_outfile_write(&f, image->pixels, 3 * (size_t)image->width * (size_t)image->height);
    return fus_outfile_commit(&f, err);
}
