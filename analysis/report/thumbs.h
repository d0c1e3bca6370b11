/* SPDX-License-Identifier: MIT */
/* The layout of the thumbnails on a run's contact sheet: a limited number from each category,
 * evenly spaced, in rows of FUS_THUMBS_COLUMNS; each category starts a new row. A thumbnail is a
 * square of FUS_THUMBS_SIDE pixels. The layout depends on the numbers of pictures alone, so the
 * code that draws the sheet and the code that cuts thumbnails from it (detail.c) compute the
 * same. */
#ifndef FUS_THUMBS_H
#define FUS_THUMBS_H

#include "nn/base/base.h"

#define FUS_THUMBS_SIDE 40
#define FUS_THUMBS_COLUMNS 20

struct fus_thumb {
    /* number in the run's list; pixels from the sheet's left and top */
    int picture, category, x, y;
};

struct fus_thumbs {
    int n, width, height;
    struct fus_thumb *items; /* [n], by picture */
};

int fus_thumbs_plan(struct fus_thumbs *t, const int *n_pictures, int n_categories, struct fus_error *err);
void fus_thumbs_free(struct fus_thumbs *t);
/* NULL: not on the sheet */
const struct fus_thumb *fus_thumbs_find(const struct fus_thumbs *t, int picture);

#endif
