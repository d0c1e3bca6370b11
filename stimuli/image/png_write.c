/* SPDX-License-Identifier: MIT */
/* Writing PNG: 8-bit RGB, rows filtered by their difference to the left or above, compressed
 * with DEFLATE's fixed code.
 *
 * Matches are sought greedily through one hash table of the last place of each three bytes, so
 * the same pixels always give the same file. Good for figures and contact sheets; an optimiser
 * saves perhaps another third. */
#include <stdlib.h>
#include <string.h>

#include "nn/base/inflate.h"
#include "nn/base/outfile.h"
#include "stimuli/stimuli.h"

enum { HASH_BITS = 15, WINDOW = 32768, MAX_MATCH = 258, MIN_MATCH = 4 };

struct writer {
    uint8_t *out;
    size_t n;
    uint64_t bits;
    int count;
};

static void put(struct writer *w, uint32_t v, int n)
{
    w->bits |= (uint64_t)v << w->count;
    w->count += n;
    for (; w->count >= 8; w->count -= 8, w->bits >>= 8)
        w->out[w->n++] = (uint8_t)w->bits;
}

/* A Huffman code: its first bit comes first. */
static void put_code(struct writer *w, uint32_t code, int n)
{
    uint32_t r = 0;
    for (int i = 0; i < n; i++)
        r |= (code >> i & 1) << (n - 1 - i);
    put(w, r, n);
}

/* RFC 1951, 3.2.6. */
static void put_symbol(struct writer *w, uint32_t s)
{
    if (s < 144)
        put_code(w, 0x30 + s, 8);
    else if (s < 256)
        put_code(w, 0x190 + s - 144, 9);
    else if (s < 280)
        put_code(w, s - 256, 7);
    else
        put_code(w, 0xc0 + s - 280, 8);
}

/* RFC 1951, 3.2.5: length 3..258 and distance 1..32768 as symbol and extra bits. */
static void put_match(struct writer *w, uint32_t length, uint32_t distance)
{
    uint32_t v = length - 3, extra = 0;
    if (length == MAX_MATCH) {
        put_symbol(w, 285);
    } else {
        while (v >> extra >= 8)
            extra++;
        put_symbol(w, 257 + 4 * extra + (v >> extra));
        put(w, v & ((1u << extra) - 1), (int)extra);
    }
    v = distance - 1;
    extra = 0;
    while (v >> extra >= 4)
        extra++;
    put_code(w, 2 * extra + (v >> extra), 5);
    put(w, v & ((1u << extra) - 1), (int)extra);
}

static uint32_t hash(const uint8_t *p)
{
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    return v * 2654435761u >> (32 - HASH_BITS);
}

/* in -> zlib stream; out has room for n + n / 7 + 16 bytes (a literal is 9 bits at most). */
static void compress(struct writer *w, uint32_t *last, const uint8_t *in, size_t n)
{
    w->out[w->n++] = 0x78;
    w->out[w->n++] = 0x01;
    put(w, 1, 1);
    put(w, 1, 2);
    for (size_t i = 0; i < n;) {
        size_t length = 0, distance = 0;
        if (n - i >= MIN_MATCH) {
            uint32_t *slot = &last[hash(in + i)];
            size_t limit = n - i < MAX_MATCH ? n - i : MAX_MATCH;
            distance = *slot ? i + 1 - *slot : 0; /* slots hold position + 1 */
            if (distance && distance <= WINDOW)
                while (length < limit && in[i + length] == in[i + length - distance])
                    length++;
            *slot = (uint32_t)(i + 1);
        }
        if (length < MIN_MATCH) {
            put_symbol(w, in[i++]);
            continue;
        }
        put_match(w, (uint32_t)length, (uint32_t)distance);
        for (size_t end = i + length; ++i < end;)
            if (n - i >= MIN_MATCH)
                last[hash(in + i)] = (uint32_t)(i + 1);
    }
    put_symbol(w, 256);
    put(w, 0, 7);
    uint32_t adler = fus_inflate_adler32(1, in, n);
    for (int i = 24; i >= 0; i -= 8)
        w->out[w->n++] = (uint8_t)(adler >> i);
}

/* Each row with the filter of the smaller sum of differences, signed bytes: 1
 * (left) or 2 (above). */
static void filter_rows(uint8_t *out, const struct fus_image *image)
{
    size_t n = 3 * (size_t)image->width;
    for (int y = 0; y < image->height; y++, out += n + 1) {
        const uint8_t *row = image->pixels + (size_t)y * n, *before = y ? row - n : NULL;
        uint64_t left = 0, above = 0;
        for (size_t i = 0; i < n; i++) {
            left += (uint64_t)abs((int8_t)(row[i] - (i < 3 ? 0 : row[i - 3])));
            above += (uint64_t)abs((int8_t)(row[i] - (before ? before[i] : 0)));
        }
        out[0] = above < left ? 2 : 1;
        for (size_t i = 0; i < n; i++)
            out[1 + i] = (uint8_t)(row[i] - (out[0] == 2 ? (before ? before[i] : 0) : (i < 3 ? 0 : row[i - 3])));
    }
}

static void write_chunk(struct fus_outfile *f, const char *type, const uint8_t *body, size_t n)
{
    uint8_t head[8] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(head + 4, type, 4);
    uint32_t crc = fus_inflate_crc32(fus_inflate_crc32(0, type, 4), body, n);
    uint8_t tail[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    fus_outfile_write(f, head, 8);
    fus_outfile_write(f, body, n);
    fus_outfile_write(f, tail, 4);
}

static int write_file(const char *path, const struct fus_image *image, const uint8_t *data, size_t n,
                      struct fus_error *err)
{
    struct fus_outfile f;
    uint32_t w = (uint32_t)image->width, h = (uint32_t)image->height;
    uint8_t header[13] = {(uint8_t)(w >> 24),
                          (uint8_t)(w >> 16),
                          (uint8_t)(w >> 8),
                          (uint8_t)w,
                          (uint8_t)(h >> 24),
                          (uint8_t)(h >> 16),
                          (uint8_t)(h >> 8),
                          (uint8_t)h,
                          8,
                          2,
                          0,
                          0,
                          0};
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_write(&f, "\x89PNG\r\n\x1a\n", 8);
    write_chunk(&f, "IHDR", header, sizeof header);
    for (size_t at = 0; at < n; at += 1u << 20)
        write_chunk(&f, "IDAT", data + at, n - at < 1u << 20 ? n - at : 1u << 20);
    write_chunk(&f, "IEND", header, 0);
    return fus_outfile_commit(&f, err);
}

int fus_png_write(const char *path, const struct fus_image *image, struct fus_error *err)
{
    size_t raw_n = (3 * (size_t)image->width + 1) * (size_t)image->height;
    uint8_t *raw = fus_base_alloc(raw_n, 1), *out = fus_base_alloc(raw_n + raw_n / 7 + 16, 1);
    uint32_t *last = fus_base_alloc((size_t)1 << HASH_BITS, sizeof *last);
    int code;
    if (raw && out && last) {
        struct writer w = {out, 0, 0, 0};
        filter_rows(raw, image);
        compress(&w, last, raw, raw_n);
        code = write_file(path, image, out, w.n, err);
    } else {
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d x %d pixels", path, image->width, image->height);
    }
    fus_base_free(raw);
    fus_base_free(out);
    fus_base_free(last);
    return code;
}
