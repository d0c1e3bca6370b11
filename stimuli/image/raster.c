/* SPDX-License-Identifier: MIT */
/* Pictures of one channel or three: see raster.h. */
#include "stimuli/image/raster.h"

#include <string.h>

int fus_raster_create(struct fus_raster *r, int width, int height, int channels, struct fus_error *err)
{
    if (!fus_image_fits(width, height))
        return fus_base_fail(err, FUS_ELIMIT, "a picture of %d x %d pixels is too large to be made (--max-pixels)",
                             width, height);
    size_t stride = (size_t)width * (size_t)channels;
    uint8_t *pixels = fus_base_aligned((size_t)height, stride);
    if (!pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", width, height);
    *r = (struct fus_raster){pixels, stride, width, height, channels, 0};
    return FUS_OK;
}

void fus_raster_free(struct fus_raster *r)
{
    fus_base_free(r->pixels);
    memset(r, 0, sizeof *r);
}

struct fus_raster fus_raster_of(const struct fus_image *image)
{
    return (struct fus_raster){image->pixels, 3 * (size_t)image->width, image->width, image->height, 3, image->dim};
}

static void spread(uint8_t *restrict rgb, const uint8_t *restrict grey, int n)
{
    for (int x = 0; x < n - 1; x++, rgb += 3) {
        /* three bytes and one that the next pixel overwrites */
        uint32_t four = grey[x] * 0x01010101u;
        memcpy(rgb, &four, 4);
    }
    memset(rgb, grey[n - 1], 3);
}

int fus_raster_image(struct fus_image *image, struct fus_raster *r, struct fus_error *err)
{
    struct fus_raster rgb = {0};
    int code = FUS_OK;
    if (r->channels == 1) {
        code = fus_raster_create(&rgb, r->width, r->height, 3, err);
        for (int y = 0; y < r->height && !code; y++)
            spread(rgb.pixels + (size_t)y * rgb.stride, r->pixels + (size_t)y * r->stride, r->width);
        fus_raster_free(r);
        *r = rgb;
    }
    if (!code)
        *image = (struct fus_image){r->width, r->height, r->pixels, r->dim};
    memset(r, 0, sizeof *r);
    return code;
}

/* grey [n] = the first channel of pixels [n, 3]; false if the other channels differ; grey is then
 * invalid. */
static bool take_grey(uint8_t *restrict grey, const uint8_t *restrict pixels, int n)
{
    unsigned difference = 0;
    for (int x = 0; x < n; x++, pixels += 3) {
        grey[x] = pixels[0];
        difference |= (unsigned)(pixels[0] ^ pixels[1]) | (unsigned)(pixels[0] ^ pixels[2]);
    }
    return difference == 0;
}

int fus_raster_grey(struct fus_raster *out, const struct fus_raster *r, struct fus_error *err)
{
    struct fus_raster grey = {0};
    if (r->channels != 3)
        return FUS_OK;
    int code = fus_raster_create(&grey, r->width, r->height, 1, err);
    for (int y = 0; y < r->height && !code; y++)
        if (!take_grey(grey.pixels + (size_t)y * grey.stride, r->pixels + (size_t)y * r->stride, r->width)) {
            fus_raster_free(&grey);
            return FUS_OK;
        }
    *out = grey;
    return code;
}
