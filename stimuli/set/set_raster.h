/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: one picture of a set as a raster. */
#ifndef FUS_SET_RASTER_H
#define FUS_SET_RASTER_H

#include "stimuli/image/raster.h"

/* Picture i and the SHA-256 of the same bytes (hex NULL: none). A picture that the program made
 * has no file: its pixels are digested. */
int fus_set_raster(struct fus_raster *picture, char hex[65], const struct fus_set *set, int i, struct fus_error *err);

#endif
