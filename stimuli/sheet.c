/* A contact sheet of a set: every picture as a thumbnail on white, a group of rows for each category. */
#include <string.h>

#include "stimuli.h"

struct sheet {
    const struct fus_set *set;
    struct fus_image *image;
    int side, per_row, gap;
};

/* The row in which picture i's category begins, how many categories lie above, and its number in the category. */
static void find_place(const struct sheet *s, int i, int *row, int *group, int *number)
{
    const struct fus_picture *p = s->set->pictures;
    *row = *group = *number = 0;
    for (int k = 0; k < i; k++) {
        ++*number;
        if (p[k + 1].category != p[k].category) {
            *row += (*number + s->per_row - 1) / s->per_row;
            *number = 0;
            ++*group;
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
    int row, group, number, code = fus_set_picture(&picture, s->set, i, err);
    if (code)
        return code;
    int width = picture.width, height = picture.height;
    fit(&width, &height, s->side);
    code = fus_resize_image(&thumb, &picture, width, height, FUS_BILINEAR, err);
    fus_image_free(&picture);
    if (code)
        return code;
    find_place(s, i, &row, &group, &number);
    int step = s->side + s->gap / 4, left = s->gap + number % s->per_row * step + (s->side - width) / 2;
    int top = s->gap + (row + number / s->per_row) * step + group * s->gap + (s->side - height) / 2;
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
    struct sheet s = {set, &image, thumb_side, max_per_row, thumb_side / 6 + 4};
    int rows = 0, widest = 0, n = set->n_pictures, step = s.side + s.gap / 4;
    for (int i = 0, count = 0; i < n; i++) {
        count++;
        widest = count > widest ? count : widest;
        if (i + 1 == n || set->pictures[i + 1].category != set->pictures[i].category) {
            rows += (count + max_per_row - 1) / max_per_row;
            count = 0;
        }
    }
    widest = widest < max_per_row ? widest : max_per_row;
    long long height = (long long)rows * step + (long long)(set->n_categories + 1) * s.gap,
              width = (long long)widest * step + 2 * s.gap;
    if (height * width > (long long)FUS_IMAGE_MAX_PIXELS)
        return fus_base_fail(err, FUS_ELIMIT,
                             "a sheet of %d pictures at %d pixels would be %lld x %lld; take smaller thumbnails", n,
                             thumb_side, width, height);
    int code = fus_image_create(&image, (int)width, (int)height, err);
    if (code)
        return code;
    memset(image.pixels, 255, (size_t)width * (size_t)height * 3);
    code = fus_set_each(set, place_thumb, &s, err);
    if (code)
        fus_image_free(&image);
    else
        *sheet = image;
    return code;
}
