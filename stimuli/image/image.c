/* SPDX-License-Identifier: MIT */
/* Pictures in memory: their size limits, and notes about very dark ones. */
#include <stdio.h>
#include <string.h>

#include "nn/base/base.h"
#include "stimuli/stimuli.h"

static size_t max_pixels = FUS_IMAGE_MAX_PIXELS;

void fus_image_set_max_pixels(size_t n)
{
    max_pixels = n < FUS_IMAGE_PIXELS_LIMIT ? n : FUS_IMAGE_PIXELS_LIMIT;
}

int fus_image_check(size_t width, size_t height, long long offset, struct fus_error *err)
{
    if (width <= max_pixels / height)
        return FUS_OK;
    return fus_base_fail_at(err, FUS_ELIMIT, offset,
                            "found %zu x %zu pixels, at most %zu are read; --max-pixels N allows more", width, height,
                            max_pixels);
}

bool fus_image_fits(double width, double height)
{
    return width * height <= (double)(max_pixels > FUS_IMAGE_MAX_PIXELS ? max_pixels : FUS_IMAGE_MAX_PIXELS);
}

int fus_image_create(struct fus_image *image, int width, int height, struct fus_error *err)
{
    if (width < 1 || height < 1)
        return fus_base_fail(err, FUS_EINVAL, "a picture of %d x %d pixels: expected at least 1 x 1", width, height);
    if (!fus_image_fits(width, height))
        return fus_base_fail(err, FUS_ELIMIT, "a picture of %d x %d pixels is too large to be made (--max-pixels)",
                             width, height);
    uint8_t *pixels = fus_base_alloc((size_t)width * (size_t)height, 3);
    if (!pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", width, height);
    image->width = width;
    image->height = height;
    image->pixels = pixels;
    image->dim = 0;
    return FUS_OK;
}

void fus_image_free(struct fus_image *image)
{
    fus_base_free(image->pixels);
    memset(image, 0, sizeof *image);
}

enum { MAX_NAME = 1024 };

/* Files that were noted, each once: by a hash of its name, as a run reads most
 * files several times. */
static struct {
    uint64_t *hashes;
    int n, room, dim;
    char first[MAX_NAME];
} dim_files;

/* The slot of h, or a free one. */
static int place_of(const uint64_t *hashes, int room, uint64_t h)
{
    int at = (int)(h % (uint64_t)room);
    while (hashes[at] && hashes[at] != h)
        at = (at + 1) % room;
    return at;
}

static bool grow(void)
{
    int room = dim_files.room ? 2 * dim_files.room : 64;
    uint64_t *more = fus_base_alloc((size_t)room, sizeof *more);
    for (int i = 0; more && i < dim_files.room; i++)
        if (dim_files.hashes[i])
            more[place_of(more, room, dim_files.hashes[i])] = dim_files.hashes[i];
    if (!more)
        return false;
    fus_base_free(dim_files.hashes);
    dim_files.hashes = more;
    dim_files.room = room;
    return true;
}

static bool add_hash(uint64_t h)
{
    if (2 * dim_files.n >= dim_files.room && !grow())
        return false; /* a note is not worth an error */
    int at = place_of(dim_files.hashes, dim_files.room, h);
    if (dim_files.hashes[at])
        return false;
    dim_files.hashes[at] = h;
    dim_files.n++;
    return true;
}

void fus_image_note_dim(const char *path, int dim)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (const char *p = path; dim && *p; p++)
        h = (h ^ (uint8_t)*p) * 1099511628211u;
    if (!dim)
        return;
    h += !h; /* 0 is a free place */
#ifdef _OPENMP
#pragma omp critical(fus_image_dim)
#endif
    if (add_hash(h) && (dim_files.n == 1 || strcmp(path, dim_files.first) < 0)) {
        snprintf(dim_files.first, sizeof dim_files.first, "%s", path);
        dim_files.dim = dim;
    }
}

int fus_image_noted_dim(const char **first, int *dim)
{
    *first = dim_files.first;
    *dim = dim_files.dim;
    return dim_files.n;
}
