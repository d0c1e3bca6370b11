/* gzip files (RFC 1952) of one member, whole in memory. */
#ifndef FUS_GZIP_H
#define FUS_GZIP_H

#include "nn/base/base.h"

bool fus_gzip_is(const void *bytes, size_t n); /* by the first bytes */

/* bytes [n] -> *out [*n_out], which the caller frees and which has one more byte that is 0.
 * FUS_ELIMIT for more than max_bytes of contents, FUS_EFORMAT for a wrong header, checksum or size. */
int fus_gzip_unpack(uint8_t **out, size_t *n_out, const uint8_t *bytes, size_t n, size_t max_bytes,
                    struct fus_error *err);

#endif
