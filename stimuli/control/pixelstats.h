/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: pixel statistics of rasters. */
#ifndef FUS_PIXELSTATS_H
#define FUS_PIXELSTATS_H

#include "stimuli/image/raster.h"

/* The picture with its shorter side reduced to FUS_PIXELSTATS_SIDE; no pixels if
 * it is not longer. */
int fus_pixelstats_reduce(struct fus_raster *small, const struct fus_raster *picture, struct fus_error *err);
/* The statistics of that, or of the picture itself if it was not reduced. */
int fus_pixelstats_raster(struct fus_pixelstats *out, const struct fus_raster *reduced, struct fus_error *err);

#endif
