/* SPDX-License-Identifier: MIT */
/* The sheet of thumbnails, pictures.png: see run.h. A thumbnail is drawn when its picture is
 * checked, so that the picture is decoded only once. A shard's sheet also has pictures that the
 * shard does not check; they are read when the sheet is written. */
#include <string.h>

#include "analysis/localizer/run.h"
#include "analysis/report/thumbs.h"

struct fus_sheet {
    struct fus_thumbs plan;
    struct fus_image image;
    uint8_t *drawn; /* [plan.n] */
};

static int count_pictures(int **n_pictures, const struct fus_set *set, struct fus_error *err)
{
    *n_pictures = fus_base_alloc((size_t)set->n_categories, sizeof **n_pictures);
    if (!*n_pictures)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", set->n_categories);
    for (int i = 0; i < set->n_pictures; i++)
        (*n_pictures)[set->pictures[i].category]++;
    return FUS_OK;
}

int fus_sheet_create(struct fus_localizer *run, struct fus_error *err)
{
    int *n_pictures, code = count_pictures(&n_pictures, &run->pictures.set, err);
    struct fus_sheet *s = run->pictures.sheet = code ? NULL : fus_base_alloc(1, sizeof *s);
    if (!code && !s)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a sheet of thumbnails");
    if (!code)
        code = fus_thumbs_plan(&s->plan, n_pictures, run->pictures.set.n_categories, err);
    fus_base_free(n_pictures);
    if (!code)
        code = fus_image_create(&s->image, s->plan.width, s->plan.height, err);
    if (code)
        return code;
    memset(s->image.pixels, 255, 3 * (size_t)s->plan.width * (size_t)s->plan.height);
    s->drawn = fus_base_alloc((size_t)s->plan.n + 1, sizeof *s->drawn);
    return s->drawn ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d thumbnails", s->plan.n);
}

void fus_sheet_free(struct fus_localizer *run)
{
    struct fus_sheet *s = run->pictures.sheet;
    if (!s)
        return;
    fus_thumbs_free(&s->plan);
    fus_image_free(&s->image);
    fus_base_free(s->drawn);
    fus_base_free(s);
    run->pictures.sheet = NULL;
}

/* The whole picture, scaled to fit the square of a thumbnail with a white border of one pixel. */
int fus_sheet_draw(void *run, int i, const struct fus_image *picture, struct fus_error *err)
{
    struct fus_sheet *s = ((struct fus_localizer *)run)->pictures.sheet;
    const struct fus_thumb *at = fus_thumbs_find(&s->plan, i);
    struct fus_image thumb = {0};
    if (!at)
        return FUS_OK;
    int room = FUS_THUMBS_SIDE - 2, longer = picture->width > picture->height ? picture->width : picture->height;
    int width = (int)((long long)picture->width * room / longer),
        height = (int)((long long)picture->height * room / longer);
    int code = fus_resize_image(&thumb, picture, width ? width : 1, height ? height : 1, FUS_BILINEAR, err);
    if (code)
        return code;
    size_t left = (size_t)(at->x + (FUS_THUMBS_SIDE - thumb.width) / 2),
           top = (size_t)(at->y + (FUS_THUMBS_SIDE - thumb.height) / 2);
    for (size_t y = 0; y < (size_t)thumb.height; y++)
        memcpy(s->image.pixels + 3 * ((top + y) * (size_t)s->image.width + left),
               thumb.pixels + 3 * y * (size_t)thumb.width, 3 * (size_t)thumb.width);
    fus_image_free(&thumb);
    s->drawn[at - s->plan.items] = 1;
    return FUS_OK;
}

static int draw_missing(void *context, int thumb, struct fus_error *err)
{
    struct fus_localizer *run = context;
    int i = run->pictures.sheet->plan.items[thumb].picture;
    return run->pictures.sheet->drawn[thumb]
               ? FUS_OK
               : fus_set_check_range(&run->pictures.set, i, i + 1,
                                     &(struct fus_set_consumers){.consume = fus_sheet_draw, .context = run}, err);
}

int fus_sheet_write(const char *path, struct fus_localizer *run, struct fus_error *err)
{
    int code = fus_set_each(0, run->pictures.sheet->plan.n, draw_missing, run, err);
    return code ? code : fus_png_write(path, &run->pictures.sheet->image, err);
}
