/* A picture as the program itself works on it: RGB, or one channel where it is grey, which costs a third. Private to stimuli/. */
#ifndef FUS_RASTER_H
#define FUS_RASTER_H

#include "stimuli/stimuli.h"

struct fus_raster {
    uint8_t *pixels;             /* [height, stride], in each row first [width, channels] */
    size_t stride;
    int width, height, channels; /* 3, or 1: grey */
    int dim;                     /* as fus_image's */
};

/* create: pixels not set, rows without a gap; FUS_ELIMIT as fus_image_create. of: the same pixels, to be freed with one of the two. */
int fus_raster_create(struct fus_raster *r, int width, int height, int channels, struct fus_error *err);
void fus_raster_free(struct fus_raster *r);
struct fus_raster fus_raster_of(const struct fus_image *image);

int fus_jpeg_raster(struct fus_raster *r, const uint8_t *bytes, size_t n, struct fus_error *err);

/* The raster as an image, which owns its pixels afterwards; r is freed in any case. */
int fus_raster_image(struct fus_image *image, struct fus_raster *r, struct fus_error *err);

/* out [width, height, 1] where the three channels of r are the same; else no pixels. */
int fus_raster_grey(struct fus_raster *out, const struct fus_raster *r, struct fus_error *err);

/* fus_resize_image; out has one channel where the picture is grey. */
int fus_resize_raster(struct fus_raster *out, const struct fus_raster *in, int width, int height, enum fus_filter filter,
                      struct fus_error *err);

/* The resized and cropped picture that networks take: [crop, crop]. */
int fus_preprocess_raster(struct fus_raster *out, const struct fus_preprocess *p, const struct fus_raster *in, struct fus_error *err);

#endif
