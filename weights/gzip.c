/* gzip files: see gzip.h. Left out: several members in one file. */
#include "weights/gzip.h"

#include "nn/base/bytes.h"
#include "nn/base/inflate.h"

enum { HAS_HEADER_CRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };
enum { METHOD_DEFLATE = 8, TRAILER_BYTES = 8, MOST_EXPANSION = 1032 }; /* deflate's largest ratio */

bool fus_gzip_is(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    return n >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* A text ended by 0, as a file name is stored. */
static void skip_text(struct fus_bytes *b)
{
    while (!b->overrun && fus_bytes_u8(b))
        continue;
}

static int read_header(struct fus_bytes *b, struct fus_error *err)
{
    fus_bytes_take(b, 2);
    int method = fus_bytes_u8(b), flags = fus_bytes_u8(b);
    fus_bytes_take(b, 6); /* time, level, system */
    if (!b->overrun && (method != METHOD_DEFLATE || flags & RESERVED))
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 2, "gzip with method %d, flags 0x%02x; deflate (8) expected",
                                method, (unsigned)flags);
    if (flags & HAS_EXTRA)
        fus_bytes_take(b, fus_bytes_u16le(b));
    if (flags & HAS_NAME)
        skip_text(b);
    if (flags & HAS_COMMENT)
        skip_text(b);
    if (flags & HAS_HEADER_CRC)
        fus_bytes_take(b, 2);
    if (b->overrun || fus_bytes_left(b) < TRAILER_BYTES)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)b->n, "the gzip file ends in its header: truncated copy?");
    return FUS_OK;
}

/* The deflated bytes at b, without the trailer, into out [size]; crc and size are checked. */
static int inflate(uint8_t *out, size_t size, uint32_t crc, const struct fus_bytes *b, struct fus_error *err)
{
    size_t n_deflated = fus_bytes_left(b) - TRAILER_BYTES, produced = 0, consumed = 0;
    int code = fus_inflate_raw(out, size, &produced, b->data + b->pos, n_deflated, &consumed, err);
    if (code)
        return fus_base_blame(err, "gzip: ");
    if (consumed != n_deflated)
        return fus_base_fail_at(err, FUS_EFORMAT, (long long)(b->pos + consumed),
                                "%zu bytes after the gzip file's contents: truncated copy, or several members?",
                                n_deflated - consumed);
    if (produced != size || fus_inflate_crc32(0, out, size) != crc)
        return fus_base_fail(err, FUS_EFORMAT, "gzip: the contents differ from their checksum: damaged copy?");
    return FUS_OK;
}

int fus_gzip_unpack(uint8_t **out, size_t *n_out, const uint8_t *bytes, size_t n, size_t max_bytes,
                    struct fus_error *err)
{
    struct fus_bytes b = fus_bytes_of(bytes, n);
    int code = read_header(&b, err);
    if (code)
        return code;
    struct fus_bytes trailer = fus_bytes_of(bytes + n - TRAILER_BYTES, TRAILER_BYTES);
    uint32_t crc = (uint32_t)fus_bytes_le(&trailer, 4);
    size_t size = (size_t)fus_bytes_le(&trailer, 4);
    if (size / MOST_EXPANSION > n)
        return fus_base_fail(err, FUS_EFORMAT, "gzip: the trailer says %zu bytes in a file of %zu: truncated copy?",
                             size, n);
    if (size > max_bytes)
        return fus_base_fail(err, FUS_ELIMIT, "gzip: the trailer says %zu bytes, at most %zu expected", size,
                             max_bytes);
    uint8_t *text = fus_base_alloc(size + 1, 1);
    code = text ? inflate(text, size, crc, &b, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes", size);
    if (code) {
        fus_base_free(text);
        return code;
    }
    *out = text;
    *n_out = size;
    return FUS_OK;
}
