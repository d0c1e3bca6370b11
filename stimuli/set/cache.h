/* Pictures remembered: see stimuli.h. Private to stimuli/. */
#ifndef FUS_CACHE_H
#define FUS_CACHE_H

#include "stimuli/image/raster.h"

/* Every crop of picture i that there is room for. reduced: fus_pixelstats_reduce's, or the picture itself, from which the
 * usual crop is cut without resizing it twice. */
int fus_cache_add(struct fus_cache *cache, int i, const struct fus_raster *picture, const struct fus_raster *reduced, struct fus_error *err);

#endif
