/* SPDX-License-Identifier: MIT */
/* A file read once from beginning to end, unpacked if it is gzipped (RFC 1952: several members,
 * zeros after the last one; checksum and size of each are verified). Needs 200 kB at any size. */
#ifndef FUS_GUNZIP_H
#define FUS_GUNZIP_H

#include "nn/base/base.h"

struct fus_gunzip;

int fus_gunzip_open(struct fus_gunzip **g, const char *path, struct fus_error *err); /* messages start with the path */
/* Of bytes in memory, which must stay. */
int fus_gunzip_open_bytes(struct fus_gunzip **g, const uint8_t *bytes, size_t n, struct fus_error *err);
void fus_gunzip_close(struct fus_gunzip *g); /* NULL allowed */

bool fus_gunzip_packed(const struct fus_gunzip *g);
/* What the file can hold at most, unpacked: deflate spends at least 2 bits on a copy of 258 bytes.
 */
uint64_t fus_gunzip_most(const struct fus_gunzip *g);

/* The next n bytes; *got < n: the end, with everything verified. */
int fus_gunzip_read(struct fus_gunzip *g, void *out, size_t n, size_t *got, struct fus_error *err);
/* Bytes read so far, unpacked. */
uint64_t fus_gunzip_position(const struct fus_gunzip *g);

#endif
