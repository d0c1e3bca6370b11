/* SPDX-License-Identifier: MIT */
/* Random changes of a training picture. Every choice is drawn from the counter (seed, epoch,
 * picture), not from one continuing stream. So pictures may be prepared in any order on any thread,
 * and a resumed training needs no generator state.
 *
 *   crop=LOW,HIGH  a box of LOW to HIGH of the picture's area, ratio 3/4 to 4/3, resized to the
 *                  input (torchvision's RandomResizedCrop with Pillow's arithmetic); default .08,1.
 *                  Without it: resize and centre crop
 *   shift=N        up to N pixels each way, edges repeated
 *   flip           mirrored left to right with probability 1/2
 *   jitter=J       values become (v - m) c + m + b, clamped to 0..1: m the picture's mean, c in
 *                  1-J..1+J, b in -J/2..J/2
 *
 * Order: crop, shift, flip, jitter, normalise. */
#ifndef FUS_AUGMENT_H
#define FUS_AUGMENT_H

#include "stimuli/image/raster.h"

struct fus_augment {
    bool crop, flip;
    double crop_low, crop_high, jitter; /* jitter 0: none */
    int shift;
};

/* The random choices for one picture. */
struct fus_augment_choice {
    int left, top, width, height; /* the crop's box */
    int dx, dy;                   /* the picture moves to the right and down */
    bool flip;
    double contrast, brightness; /* 1, 0: unchanged */
};

/* "crop=.08,1,shift=3,flip,jitter=.4" in any order, or "none". FUS_EINVAL names the expected
 * text. */
int fus_augment_parse(struct fus_augment *a, const char *text, struct fus_error *err);

/* width, height: of the picture before any resizing; all choices are always drawn, in a fixed
 * order, so that switching one on or off does not change the others. */
void fus_augment_choose(struct fus_augment_choice *c, const struct fus_augment *a, int width, int height, uint64_t seed,
                        uint64_t epoch, uint64_t item);

/* The crop of a picture, resized to side x side; creates out. */
int fus_augment_crop(struct fus_raster *out, const struct fus_raster *in, const struct fus_augment_choice *c, int side,
                     enum fus_filter filter, struct fus_error *err);

/* out  [3, side, side]  from pixels [side, side]: shift, flip, jitter, normalise (side =
 *                       p->crop). With no change the
 * same bits as fus_preprocess_normalise. */
void fus_augment_apply(float *out, const struct fus_augment_choice *c, const struct fus_preprocess *p,
                       const struct fus_raster *pixels);

#endif
