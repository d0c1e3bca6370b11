/* SPDX-License-Identifier: MIT */
/* DEFLATE (RFC 1951) and zlib (RFC 1950) decompression, and the two checksums that go with them. */
#ifndef FUS_INFLATE_H
#define FUS_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

/* Raw DEFLATE: decompress into out, which has room for out_n bytes. *produced: bytes written;
 * *consumed: bytes of `in` used; a partly used last byte counts. More than out_n bytes of output, a
 * bad code or a stream that ends early: FUS_EFORMAT at the input byte. */
int fus_inflate_raw(uint8_t *out, size_t out_n, size_t *produced, const uint8_t *in, size_t in_n, size_t *consumed,
                    struct fus_error *err);

/* zlib wrapper around it, Adler-32 checked. */
int fus_inflate_zlib(uint8_t *out, size_t out_n, size_t *produced, const uint8_t *in, size_t in_n, size_t *consumed,
                     struct fus_error *err);

/* Raw DEFLATE of any length through a window of 128 kB. The input comes from `fill`, which puts at
 * most `room` bytes into `bytes` and says how many; none: the input ends.
 *
 *     begin      a DEFLATE stream begins at the current byte
 *     read       its next n bytes; *got < n: it has ended
 *     raw        n bytes of the input as they are, between streams; *got < n: the input has ended
 *     position   bytes of the input used so far
 *
 * After a failure only close is allowed. */
typedef int (*fus_inflate_fill)(void *context, uint8_t *bytes, size_t room, size_t *n, struct fus_error *err);
struct fus_inflate_stream;
int fus_inflate_stream_open(struct fus_inflate_stream **stream, fus_inflate_fill fill, void *context,
                            struct fus_error *err);
void fus_inflate_stream_close(struct fus_inflate_stream *stream); /* NULL allowed */
void fus_inflate_stream_begin(struct fus_inflate_stream *stream);
int fus_inflate_stream_read(struct fus_inflate_stream *stream, uint8_t *out, size_t n, size_t *got,
                            struct fus_error *err);
int fus_inflate_stream_raw(struct fus_inflate_stream *stream, uint8_t *bytes, size_t n, size_t *got,
                           struct fus_error *err);
uint64_t fus_inflate_stream_position(const struct fus_inflate_stream *stream);

/* Continue a checksum over n more bytes; start with crc = 0, adler = 1. */
uint32_t fus_inflate_crc32(uint32_t crc, const void *bytes, size_t n);
uint32_t fus_inflate_adler32(uint32_t adler, const void *bytes, size_t n);

#endif
