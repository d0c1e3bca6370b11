/* SPDX-License-Identifier: MIT */
/* A contact sheet of a set: every picture as a thumbnail on white, a group of rows for each
 * category. */
#include <string.h>

#include "stimuli/stimuli.h"

struct sheet {
    const struct fus_set *set;
    struct fus_image *image;
    int side, per_row, gap, n_rows, widest;
    int *first, *row; /* [n_categories] a category's first picture, and the row where it begins */
};

/* The beginning of each category; a set's pictures are ordered by category. */
static void lay_out(struct sheet *s)
{
    const struct fus_set *set = s->set;
    for (int i = 0, count = 0; i < set->n_pictures; i++) {
        int c = set->pictures[i].category;
        if (count++ == 0) {
            s->first[c] = i;
            s->row[c] = s->n_rows;
        }
        if (count <= s->per_row && count > s->widest)
            s->widest = count;
        if (i + 1 == set->n_pictures || set->pictures[i + 1].category != c) {
            s->n_rows += (count + s->per_row - 1) / s->per_row;
            count = 0;
        }
    }
}

/* Width and height fitted into the thumbnail, at least a pixel each. */
static void fit(int *width, int *height, int side)
{
    int longer = *width > *height ? *width : *height;
    *width = (int)((long long)*width * side / longer);
    *height = (int)((long long)*height * side / longer);
    *width = *width ? *width : 1;
    *height = *height ? *height : 1;
}

static int place_thumb(void *arg, int i, struct fus_error *err)
{
    const struct sheet *s = arg;
    struct fus_image picture = {0}, thumb = {0};
    int code = fus_set_picture(&picture, s->set, i, err);
    if (code)
        return code;
    int width = picture.width, height = picture.height;
    fit(&width, &height, s->side);
    code = fus_resize_image(&thumb, &picture, width, height, FUS_BILINEAR, err);
    fus_image_free(&picture);
    if (code)
        return code;
    int category = s->set->pictures[i].category, number = i - s->first[category];
    int step = s->side + s->gap / 4, left = s->gap + number % s->per_row * step + (s->side - width) / 2;
    int top = s->gap + (s->row[category] + number / s->per_row) * step + category * s->gap + (s->side - height) / 2;
    for (int y = 0; y < height; y++)
        memcpy(s->image->pixels + 3 * ((size_t)(top + y) * (size_t)s->image->width + (size_t)left),
               thumb.pixels + 3 * (size_t)y * (size_t)width, 3 * (size_t)width);
    fus_image_free(&thumb);
    return FUS_OK;
}

int fus_set_sheet(struct fus_image *sheet, const struct fus_set *set, int thumb_side, int max_per_row,
                  struct fus_error *err)
{
    if (thumb_side < 8 || thumb_side > 1024 || max_per_row < 1 || max_per_row > 1000)
        return fus_base_fail(err, FUS_EINVAL,
                             "a sheet of %d thumbnails of %d pixels in a row; 1 to 1000 of 8 to 1024 are drawn",
                             max_per_row, thumb_side);
    struct fus_image image = {0};
    struct sheet s = {
        .set = set, .image = &image, .side = thumb_side, .per_row = max_per_row, .gap = thumb_side / 6 + 4};
    int code = FUS_OK, n_categories = set->n_categories;
    s.first = fus_base_alloc((size_t)n_categories, sizeof *s.first);
    s.row = fus_base_alloc((size_t)n_categories, sizeof *s.row);
    if (!s.first || !s.row) {
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a contact sheet");
        goto out;
    }
    lay_out(&s);
    long long step = s.side + s.gap / 4, height = s.n_rows * step + (n_categories + 1LL) * s.gap;
    long long width = s.widest * step + 2 * s.gap;
    if (!fus_image_fits((double)width, (double)height)) {
        code = fus_base_fail(err, FUS_ELIMIT,
                             "a sheet of %d pictures at %d pixels would be %lld x %lld; take smaller thumbnails",
                             set->n_pictures, thumb_side, width, height);
        goto out;
    }
    code = fus_image_create(&image, (int)width, (int)height, err);
    if (code)
        goto out;
    memset(image.pixels, 255, (size_t)width * (size_t)height * 3);
    code = fus_set_each(0, set->n_pictures, place_thumb, &s, err);
    if (code)
        fus_image_free(&image);
    else
        *sheet = image;
out:
    fus_base_free(s.first);
    fus_base_free(s.row);
    return code;
}
