/* SPDX-License-Identifier: MIT */
/* A bounded cursor over bytes from a file: the only way file bytes are read.
 *
 * Reading past the end returns 0 and sets `overrun`, which stays set; a parser may read a whole
 * header and check once. Positions are offsets from the start of `data`, for messages. */
#ifndef FUS_BYTES_H
#define FUS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fus_bytes {
    const uint8_t *data;
    size_t n, pos;
    bool overrun;
};

static inline struct fus_bytes fus_bytes_of(const void *data, size_t n)
{
    struct fus_bytes b = {(const uint8_t *)data, n, 0, false};
    return b;
}

static inline size_t fus_bytes_left(const struct fus_bytes *b)
{
    return b->n - b->pos;
}

/* The next n bytes in place, or NULL (and overrun) if there are fewer. */
static inline const uint8_t *fus_bytes_take(struct fus_bytes *b, size_t n)
{
    if (b->overrun || n > b->n - b->pos) {
        b->overrun = true;
        return NULL;
    }
    const uint8_t *p = b->data + b->pos;
    b->pos += n;
    return p;
}

static inline bool fus_bytes_seek(struct fus_bytes *b, size_t pos)
{
    if (pos > b->n) {
        b->overrun = true;
        return false;
    }
    b->pos = pos;
    return true;
}

static inline uint64_t fus_bytes_le(struct fus_bytes *b, int n_bytes)
{
    const uint8_t *p = fus_bytes_take(b, (size_t)n_bytes);
    uint64_t v = 0;
    for (int i = n_bytes - 1; p && i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static inline uint64_t fus_bytes_be(struct fus_bytes *b, int n_bytes)
{
    const uint8_t *p = fus_bytes_take(b, (size_t)n_bytes);
    uint64_t v = 0;
    for (int i = 0; p && i < n_bytes; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint8_t fus_bytes_u8(struct fus_bytes *b)
{
    return (uint8_t)fus_bytes_le(b, 1);
}

static inline uint16_t fus_bytes_u16le(struct fus_bytes *b)
{
    return (uint16_t)fus_bytes_le(b, 2);
}

static inline uint16_t fus_bytes_u16be(struct fus_bytes *b)
{
    return (uint16_t)fus_bytes_be(b, 2);
}

static inline uint32_t fus_bytes_u32le(struct fus_bytes *b)
{
    return (uint32_t)fus_bytes_le(b, 4);
}

static inline uint32_t fus_bytes_u32be(struct fus_bytes *b)
{
    return (uint32_t)fus_bytes_be(b, 4);
}

static inline uint64_t fus_bytes_u64le(struct fus_bytes *b)
{
    return fus_bytes_le(b, 8);
}

#endif
