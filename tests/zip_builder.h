/* SPDX-License-Identifier: MIT */
/* For tests: zip archives as different programs write them. */
#ifndef FUS_ZIP_BUILDER_H
#define FUS_ZIP_BUILDER_H

#include <stdbool.h>
#include <string.h>

#include "nn/base/inflate.h"

struct zip_file {
    const char *name;
    const void *data;
    size_t n;
    bool deflated;    /* as one stored block of DEFLATE: n <= 65535 */
    bool descriptor;  /* sizes behind the data, 0 in the local header */
    bool zip64;       /* sizes and offset in extra field 1 */
    bool no_checksum; /* 0 in its place */
    int padding;      /* bytes of a local extra field, at least 4 if not 0 */
};

static inline void zip_put(uint8_t **to, uint64_t v, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        *(*to)++ = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
}

static inline void zip_put_bytes(uint8_t **to, const void *bytes, size_t n)
{
    memcpy(*to, bytes, n);
    *to += n;
}

static inline size_t zip_stored_bytes(const struct zip_file *f)
{
    return f->deflated ? f->n + 5 : f->n;
}

static inline uint32_t zip_checksum(const struct zip_file *f)
{
    return f->no_checksum ? 0 : fus_inflate_crc32(0, f->data, f->n);
}

/* Version to name length: what a local header and a directory entry share, but for the sizes. */
static inline void zip_put_common(uint8_t **to, const struct zip_file *f, uint64_t stored, uint64_t n, uint32_t crc)
{
    zip_put(to, 20, 2);
    zip_put(to, f->descriptor ? 8 : 0, 2);
    zip_put(to, f->deflated ? 8 : 0, 2);
    zip_put(to, 0, 4);
    zip_put(to, crc, 4);
    zip_put(to, stored, 4);
    zip_put(to, n, 4);
    zip_put(to, strlen(f->name), 2);
}

static inline void zip_put_local(uint8_t **to, const struct zip_file *f)
{
    zip_put(to, 0x04034b50, 4);
    if (f->descriptor)
        zip_put_common(to, f, 0, 0, 0);
    else
        zip_put_common(to, f, zip_stored_bytes(f), f->n, zip_checksum(f));
    zip_put(to, (uint64_t)f->padding, 2);
    zip_put_bytes(to, f->name, strlen(f->name));
    if (f->padding) {
        zip_put(to, 0x4246, 2); /* PyTorch's "FB" */
        zip_put(to, (uint64_t)f->padding - 4, 2);
        memset(*to, 'Z', (size_t)f->padding - 4);
        *to += f->padding - 4;
    }
    if (f->deflated) {
        zip_put(to, 1, 1);
        zip_put(to, f->n, 2);
        zip_put(to, ~f->n, 2);
    }
    zip_put_bytes(to, f->data, f->n);
    if (f->descriptor) {
        zip_put(to, 0x08074b50, 4);
        zip_put(to, zip_checksum(f), 4);
        zip_put(to, zip_stored_bytes(f), 4);
        zip_put(to, f->n, 4);
    }
}

static inline void zip_put_entry(uint8_t **to, const struct zip_file *f, uint64_t header)
{
    zip_put(to, 0x02014b50, 4);
    zip_put(to, 20, 2);
    zip_put_common(to, f, f->zip64 ? UINT32_MAX : zip_stored_bytes(f), f->zip64 ? UINT32_MAX : f->n, zip_checksum(f));
    zip_put(to, f->zip64 ? 6 + 28 : 0, 2);
    zip_put(to, 0, 2 + 2 + 2 + 4);
    zip_put(to, f->zip64 ? UINT32_MAX : header, 4);
    zip_put_bytes(to, f->name, strlen(f->name));
    if (f->zip64) {
        zip_put(to, 0x9999, 2); /* some other extra field first */
        zip_put(to, 2, 2);
        zip_put(to, 0, 2);
        zip_put(to, 0x0001, 2);
        zip_put(to, 24, 2);
        zip_put(to, f->n, 8);
        zip_put(to, zip_stored_bytes(f), 8);
        zip_put(to, header, 8);
    }
}

/* The archive at out, which has room; its length. zip64_end: an end record of zip64, with ones
 * in the plain one. */
static inline size_t zip_build(uint8_t *out, const struct zip_file *files, int n_files, const char *comment,
                               bool zip64_end)
{
    uint8_t *to = out;
    uint64_t headers[16];
    for (int i = 0; i < n_files && i < 16; i++) {
        headers[i] = (uint64_t)(to - out);
        zip_put_local(&to, &files[i]);
    }
    uint64_t directory = (uint64_t)(to - out);
    for (int i = 0; i < n_files && i < 16; i++)
        zip_put_entry(&to, &files[i], headers[i]);
    uint64_t end = (uint64_t)(to - out);
    if (zip64_end) {
        zip_put(&to, 0x06064b50, 4);
        zip_put(&to, 44, 8);
        zip_put(&to, 0, 2 + 2 + 4 + 4);
        zip_put(&to, (uint64_t)n_files, 8);
        zip_put(&to, (uint64_t)n_files, 8);
        zip_put(&to, end - directory, 8);
        zip_put(&to, directory, 8);
        zip_put(&to, 0x07064b50, 4);
        zip_put(&to, 0, 4);
        zip_put(&to, end, 8);
        zip_put(&to, 1, 4);
    }
    zip_put(&to, 0x06054b50, 4);
    zip_put(&to, 0, 4);
    zip_put(&to, zip64_end ? 0xffff : (uint64_t)n_files, 2);
    zip_put(&to, zip64_end ? 0xffff : (uint64_t)n_files, 2);
    zip_put(&to, zip64_end ? UINT32_MAX : end - directory, 4);
    zip_put(&to, zip64_end ? UINT32_MAX : directory, 4);
    zip_put(&to, strlen(comment), 2);
    zip_put_bytes(&to, comment, strlen(comment));
    return (size_t)(to - out);
}

#endif
