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

/* Continue a checksum over n more bytes; start with crc = 0, adler = 1. */
uint32_t fus_inflate_crc32(uint32_t crc, const void *bytes, size_t n);
uint32_t fus_inflate_adler32(uint32_t adler, const void *bytes, size_t n);

#endif
