/* Where each picture's thumbnail lies on the sheet of a run: of each category at most so many, evenly chosen, in rows of
 * FUS_THUMBS_COLUMNS; a category begins a row. A place on the sheet is a square of FUS_THUMBS_SIDE pixels. It is decided by the numbers of
 * pictures alone, so that who draws the sheet (tools/run_sheet.c) and who cuts thumbnails out of it (detail.c) need not talk. */
#ifndef FUS_THUMBS_H
#define FUS_THUMBS_H

#include "nn/base/base.h"

#define FUS_THUMBS_SIDE 40
#define FUS_THUMBS_COLUMNS 20

struct fus_thumb {
    int picture, category, x, y; /* number in the run's list; pixels from the sheet's left and top */
};

struct fus_thumbs {
    int n, width, height;
    struct fus_thumb *items; /* [n], by picture */
};

int fus_thumbs_plan(struct fus_thumbs *t, const int *n_pictures, int n_categories, struct fus_error *err);
void fus_thumbs_free(struct fus_thumbs *t);
const struct fus_thumb *fus_thumbs_find(const struct fus_thumbs *t, int picture); /* NULL: not on the sheet */

#endif
