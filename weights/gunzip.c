/* SPDX-License-Identifier: MIT */
/* Gzipped and plain files as one stream of bytes: see gunzip.h.
 *
 * A gzip member (RFC 1952) is a header, a DEFLATE stream and a trailer with the CRC-32 and the
 * length of what it unpacks to. Left out: nothing; reserved flags are an error. */
#define _POSIX_C_SOURCE 200809L
#include "weights/gunzip.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/inflate.h"

#define MAX_RATIO 1032                      /* of deflate */
#define PROGRESS_BYTES ((uint64_t)64 << 20) /* of the file, between two reports */

enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

struct fus_gunzip {
    FILE *file;           /* NULL: bytes */
    const uint8_t *bytes; /* [n_bytes] */
    uint64_t n_bytes, n_taken;
    char *path; /* NULL: bytes */
    struct fus_inflate_stream *stream;
    bool packed, in_member, any, ended; /* any: a member has ended */
    uint64_t position, member_bytes;
    uint32_t crc, head_crc;
};

static int fill(void *context, uint8_t *bytes, size_t room, size_t *n, struct fus_error *err)
{
    struct fus_gunzip *g = context;
    if (fus_base_stopping())
        return fus_base_fail(err, FUS_ESTOPPED, "stopped");
    if (!g->file) {
        *n = g->n_bytes - g->n_taken < room ? (size_t)(g->n_bytes - g->n_taken) : room;
        memcpy(bytes, g->bytes + g->n_taken, *n);
        g->n_taken += *n;
        return FUS_OK;
    }
    errno = 0;
    *n = fread(bytes, 1, room, g->file);
    if (*n < room && ferror(g->file))
        return fus_base_fail_at(err, FUS_EIO, (long long)g->n_taken, "cannot be read: %s", strerror(errno));
    if (g->n_bytes > PROGRESS_BYTES && g->n_taken / PROGRESS_BYTES != (g->n_taken + *n) / PROGRESS_BYTES)
        fus_base_progress("reading", g->path, g->n_taken + *n, g->n_bytes);
    g->n_taken += *n;
    return FUS_OK;
}

static int blame(struct fus_gunzip *g, struct fus_error *err, int code)
{
    if (code && g->path)
        fus_base_blame(err, "%s: ", g->path);
    return code;
}

static int fail(struct fus_gunzip *g, struct fus_error *err, const char *what)
{
    return fus_base_fail_at(err, FUS_EFORMAT, (long long)fus_inflate_stream_position(g->stream), "%s", what);
}

/* n bytes of a header; *whole becomes false where the file ends. */
static int take(struct fus_gunzip *g, uint8_t *bytes, size_t n, bool *whole, struct fus_error *err)
{
    size_t got = 0;
    int code = *whole ? fus_inflate_stream_raw(g->stream, bytes, n, &got, err) : FUS_OK;
    *whole = *whole && got == n;
    g->head_crc = fus_inflate_crc32(g->head_crc, bytes, got);
    return code;
}

static int skip_text(struct fus_gunzip *g, bool *whole, struct fus_error *err)
{
    uint8_t byte = 1;
    int code = FUS_OK;
    while (!code && *whole && byte)
        code = take(g, &byte, 1, whole, err);
    return code;
}

static int skip_extra(struct fus_gunzip *g, bool *whole, struct fus_error *err)
{
    uint8_t bytes[256] = {0};
    int code = take(g, bytes, 2, whole, err);
    size_t left = (size_t)bytes[0] | (size_t)bytes[1] << 8;
    while (!code && *whole && left) {
        size_t part = left < sizeof bytes ? left : sizeof bytes;
        code = take(g, bytes, part, whole, err);
        left -= part;
    }
    return code;
}

/* The rest of a header after its first ten bytes. */
static int skip_options(struct fus_gunzip *g, int flags, bool *whole, struct fus_error *err)
{
    uint8_t crc[2] = {0, 0};
    int code = flags & FLAG_EXTRA ? skip_extra(g, whole, err) : FUS_OK;
    if (!code && flags & FLAG_NAME)
        code = skip_text(g, whole, err);
    if (!code && flags & FLAG_COMMENT)
        code = skip_text(g, whole, err);
    uint32_t expected = g->head_crc & 0xffff;
    if (!code && flags & FLAG_CRC)
        code = take(g, crc, 2, whole, err);
    if (!code && *whole && flags & FLAG_CRC && expected != ((uint32_t)crc[0] | (uint32_t)crc[1] << 8))
        code = fail(g, err, "found a gzip header with a wrong checksum: damaged copy?");
    return code;
}

/* Zeros up to the end may follow the last member, as tapes and some file systems leave them. */
static int skip_zeros(struct fus_gunzip *g, struct fus_error *err)
{
    uint8_t byte = 0;
    size_t got = 1;
    int code = FUS_OK;
    while (!code && got && !byte)
        code = fus_inflate_stream_raw(g->stream, &byte, 1, &got, err);
    if (!code && got)
        code = fail(g, err, "found bytes after the last gzip member: damaged copy?");
    g->ended = true;
    return code;
}

/* The header of the next member, or the end. */
static int begin_member(struct fus_gunzip *g, struct fus_error *err)
{
    uint8_t h[10];
    size_t got;
    bool whole = true;
    int code = fus_inflate_stream_raw(g->stream, h, 1, &got, err);
    if (code)
        return code;
    g->ended = !got;
    if (!got)
        return FUS_OK;
    if (!h[0] && g->any)
        return skip_zeros(g, err);
    g->head_crc = fus_inflate_crc32(0, h, 1);
    code = take(g, h + 1, 9, &whole, err);
    if (!code && whole && (h[0] != 0x1f || h[1] != 0x8b || h[2] != 8 || h[3] & FLAGS_RESERVED))
        return fail(g, err, "no gzip member (1f 8b 08) before this byte: damaged copy?");
    if (!code)
        code = skip_options(g, h[3], &whole, err);
    if (!code && !whole)
        code = fail(g, err, "found the end in a gzip header: truncated copy?");
    fus_inflate_stream_begin(g->stream);
    g->in_member = true;
    g->crc = 0;
    g->member_bytes = 0;
    return code;
}

static int end_member(struct fus_gunzip *g, struct fus_error *err)
{
    uint8_t t[8];
    size_t got;
    int code = fus_inflate_stream_raw(g->stream, t, 8, &got, err);
    g->in_member = false;
    g->any = true;
    if (code)
        return code;
    if (got < 8)
        return fail(g, err, "found the end, expected a checksum: truncated copy?");
    uint32_t crc = (uint32_t)t[0] | (uint32_t)t[1] << 8 | (uint32_t)t[2] << 16 | (uint32_t)t[3] << 24;
    uint32_t size = (uint32_t)t[4] | (uint32_t)t[5] << 8 | (uint32_t)t[6] << 16 | (uint32_t)t[7] << 24;
    if (crc != g->crc)
        return fail(g, err, "the checksum (CRC-32) before this byte is not that of the data: damaged copy?");
    if (size != (uint32_t)g->member_bytes)
        return fail(g, err, "the size before this byte is not that of the data: damaged copy?");
    return FUS_OK;
}

static int read_packed(struct fus_gunzip *g, uint8_t *out, size_t n, size_t *got, struct fus_error *err)
{
    for (*got = 0; *got < n && !g->ended;) {
        size_t part = 0;
        if (!g->in_member) {
            int code = begin_member(g, err);
            if (code)
                return code;
            continue;
        }
        int code = fus_inflate_stream_read(g->stream, out + *got, n - *got, &part, err);
        g->crc = fus_inflate_crc32(g->crc, out + *got, part);
        g->member_bytes += part;
        g->position += part;
        *got += part;
        if (!code && *got < n)
            code = end_member(g, err);
        if (code)
            return code;
    }
    return FUS_OK;
}

int fus_gunzip_read(struct fus_gunzip *g, void *out, size_t n, size_t *got, struct fus_error *err)
{
    if (g->packed)
        return blame(g, err, read_packed(g, out, n, got, err));
    int code = fus_inflate_stream_raw(g->stream, out, n, got, err);
    g->position += *got;
    return blame(g, err, code);
}

uint64_t fus_gunzip_position(const struct fus_gunzip *g)
{
    return g->position;
}

bool fus_gunzip_packed(const struct fus_gunzip *g)
{
    return g->packed;
}

uint64_t fus_gunzip_most(const struct fus_gunzip *g)
{
    return !g->packed ? g->n_bytes : g->n_bytes < UINT64_MAX / MAX_RATIO ? g->n_bytes * MAX_RATIO : UINT64_MAX;
}

static int start(struct fus_gunzip **g, struct fus_gunzip *made, bool packed, struct fus_error *err)
{
    int code = fus_inflate_stream_open(&made->stream, fill, made, err);
    made->packed = packed;
    if (code) {
        blame(made, err, code);
        fus_gunzip_close(made);
    } else
        *g = made;
    return code;
}

static bool is_packed(const uint8_t *head, size_t n)
{
    return n >= 2 && head[0] == 0x1f && head[1] == 0x8b;
}

int fus_gunzip_open_bytes(struct fus_gunzip **g, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_gunzip *made = fus_base_alloc(1, sizeof *made);
    if (!made)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to read");
    made->bytes = bytes;
    made->n_bytes = n;
    return start(g, made, is_packed(bytes, n), err);
}

int fus_gunzip_open(struct fus_gunzip **g, const char *path, struct fus_error *err)
{
    struct stat st;
    uint8_t head[2] = {0, 0};
    struct fus_gunzip *made = fus_base_alloc(1, sizeof *made);
    if (made)
        made->path = fus_base_strdup(path);
    if (!made || !made->path) {
        fus_gunzip_close(made);
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory to read it", path);
    }
    made->file = fus_base_open(path, err);
    int code = made->file ? FUS_OK : FUS_EIO;
    if (!code && (fstat(fileno(made->file), &st) != 0 || fseeko(made->file, 0, SEEK_SET) != 0))
        code = fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
    if (code) {
        blame(made, err, code);
        fus_gunzip_close(made);
        return code;
    }
    made->n_bytes = (uint64_t)st.st_size;
    size_t n = fread(head, 1, 2, made->file);
    rewind(made->file);
    return start(g, made, is_packed(head, n), err);
}

void fus_gunzip_close(struct fus_gunzip *g)
{
    if (!g)
        return;
    if (g->file)
        fclose(g->file);
    fus_inflate_stream_close(g->stream);
    fus_base_free(g->path);
    fus_base_free(g);
}
