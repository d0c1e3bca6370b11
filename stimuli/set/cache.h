/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the cache of preprocessed pictures, see stimuli.h. */
#ifndef FUS_CACHE_H
#define FUS_CACHE_H

#include "stimuli/image/raster.h"

/* Adds every registered crop of picture i that fits. reduced: from fus_pixelstats_reduce, or the
 * picture itself; the usual crop is taken from it, so the picture is not resized twice. */
int fus_cache_add(struct fus_cache *cache, int i, const struct fus_raster *picture, const struct fus_raster *reduced,
                  struct fus_error *err);

#endif
