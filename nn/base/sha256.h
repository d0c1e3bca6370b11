/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), streamed. */
#ifndef FUS_SHA256_H
#define FUS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FUS_SHA256_HEX 65 /* 64 hex digits and the end */

struct fus_sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    uint8_t block[64];
};

void fus_sha256_start(struct fus_sha256 *s);
void fus_sha256_add(struct fus_sha256 *s, const void *bytes, size_t n);
void fus_sha256_add_floats(struct fus_sha256 *s, const float *x, size_t n); /* their bits, little-endian */
void fus_sha256_hex(struct fus_sha256 *s, char hex[FUS_SHA256_HEX]);        /* ends the stream */
int fus_sha256_file(char hex[FUS_SHA256_HEX], const char *path, struct fus_error *err);

#ifdef __cplusplus
}
#endif

#endif
