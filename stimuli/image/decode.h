/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: decoding to a raster. */
#ifndef FUS_DECODE_H
#define FUS_DECODE_H

#include "stimuli/image/raster.h"

/* As fus_decode_picture; one channel if the file has no more. */
int fus_decode_raster(struct fus_raster *r, const uint8_t *bytes, size_t n, struct fus_error *err);

#endif
