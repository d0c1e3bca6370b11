/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: a picture in memory, RGB or one channel. Grey pictures need a third. */
#ifndef FUS_RASTER_H
#define FUS_RASTER_H

#include "stimuli/stimuli.h"

struct fus_raster {
    uint8_t *pixels; /* [height, stride], in each row first [width, channels] */
    size_t stride;
    int width, height, channels; /* 3, or 1: grey */
    int dim;                     /* as fus_image's */
};

/* create: pixels are not initialised, rows are contiguous; FUS_ELIMIT as fus_image_create. of:
 * shares the image's pixels, so only one of the two may be freed. */
int fus_raster_create(struct fus_raster *r, int width, int height, int channels, struct fus_error *err);
void fus_raster_free(struct fus_raster *r);
struct fus_raster fus_raster_of(const struct fus_image *image);

int fus_jpeg_raster(struct fus_raster *r, const uint8_t *bytes, size_t n, struct fus_error *err);

/* Converts the raster to an image, which then owns the pixels. r is freed in any case. */
int fus_raster_image(struct fus_image *image, struct fus_raster *r, struct fus_error *err);

/* out [width, height, 1] if the three channels of r are equal; otherwise no pixels. */
int fus_raster_grey(struct fus_raster *out, const struct fus_raster *r, struct fus_error *err);

/* As fus_resize_image; out has one channel if the picture is grey. */
int fus_resize_raster(struct fus_raster *out, const struct fus_raster *in, int width, int height,
                      enum fus_filter filter, struct fus_error *err);

/* The resized and cropped input of a network: [crop, crop]. */
int fus_preprocess_raster(struct fus_raster *out, const struct fus_preprocess *p, const struct fus_raster *in,
                          struct fus_error *err);

#endif
