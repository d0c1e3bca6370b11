/* SPDX-License-Identifier: MIT */
/* Pictures remembered between their check and the networks, and from one network to the next:
 * see stimuli.h.
 *
 * What is kept is the resized and cropped picture before it becomes numbers: 3 bytes a pixel, or 1
 * where it is grey, 50 kB for a grey input of 224 x 224 instead of a file to decode. Models with
 * the same resizing and crop share it, whatever their mean and std. Which pictures find room may
 * depend on the threads; what a network sees does not. */
#include "stimuli/set/cache.h"

#include <stdatomic.h>
#include <string.h>

#include "stimuli/set/set_raster.h"

struct kept {
    uint8_t *pixels; /* [crop, crop, channels], NULL: not kept */
    int channels;
};

struct fus_cache {
    int n_pictures, n_crops;
    struct fus_preprocess *crops; /* [n_crops] mean and std are the first model's, and not used */
    struct kept *kept;            /* [n_crops, n_pictures] */
    size_t max_bytes;
    atomic_size_t bytes;
};

/* The crop that p makes, or -1. */
static int find_crop(const struct fus_cache *c, const struct fus_preprocess *p)
{
    for (int k = 0; k < c->n_crops; k++)
        if (c->crops[k].resize == p->resize && c->crops[k].filter == p->filter && c->crops[k].crop == p->crop)
            return k;
    return -1;
}

int fus_cache_create(struct fus_cache **cache, int n_pictures, size_t max_bytes, struct fus_error *err)
{
    struct fus_cache *c = fus_base_alloc(1, sizeof *c);
    if (!c)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to remember pictures in");
    c->n_pictures = n_pictures;
    c->max_bytes = max_bytes;
    *cache = c;
    return FUS_OK;
}

int fus_cache_want(struct fus_cache *c, const struct fus_preprocess *p, struct fus_error *err)
{
    if (find_crop(c, p) >= 0)
        return FUS_OK;
    size_t n = (size_t)c->n_crops, n_pictures = (size_t)c->n_pictures;
    struct fus_preprocess *crops = fus_base_resize(c->crops, n + 1, sizeof *crops);
    c->crops = crops ? crops : c->crops;
    struct kept *kept = crops ? fus_base_resize(c->kept, (n + 1) * n_pictures, sizeof *kept) : NULL;
    if (!kept)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to remember %d pictures", c->n_pictures);
    c->kept = kept;
    memset(kept + n * n_pictures, 0, n_pictures * sizeof *kept);
    crops[c->n_crops++] = *p;
    return FUS_OK;
}

void fus_cache_free(struct fus_cache *c)
{
    if (!c)
        return;
    for (size_t k = 0; k < (size_t)c->n_crops * (size_t)c->n_pictures; k++)
        fus_base_free(c->kept[k].pixels);
    fus_base_free(c->kept);
    fus_base_free(c->crops);
    fus_base_free(c);
}

size_t fus_cache_bytes(const struct fus_cache *c)
{
    return c ? atomic_load(&c->bytes) : 0;
}

/* pixels [crop, crop] of picture i, if there is room; otherwise nothing happens. */
static int keep(struct fus_cache *c, int crop, int i, const struct fus_raster *pixels, struct fus_error *err)
{
    struct kept *k = &c->kept[(size_t)crop * (size_t)c->n_pictures + (size_t)i];
    struct fus_raster grey = {0};
    if (k->pixels)
        return FUS_OK;
    int code = fus_raster_grey(&grey, pixels, err);
    const struct fus_raster *small = grey.pixels ? &grey : pixels;
    size_t n = (size_t)small->height * small->stride;
    if (!code && atomic_fetch_add(&c->bytes, n) + n <= c->max_bytes)
        k->pixels = fus_base_aligned(n, 1);
    if (k->pixels) {
        k->channels = small->channels;
        memcpy(k->pixels, small->pixels, n);
    } else if (!code)
        atomic_fetch_sub(&c->bytes, n);
    fus_raster_free(&grey);
    return code;
}

/* The crop of a picture, kept where it is wanted and there is room, and as input where input is
 * not NULL. */
static int cut(float *input, struct fus_cache *c, int i, const struct fus_preprocess *p,
               const struct fus_raster *picture, struct fus_error *err)
{
    int crop = c ? find_crop(c, p) : -1;
    struct fus_raster pixels = {0};
    int code = fus_preprocess_raster(&pixels, p, picture, err);
    if (!code && crop >= 0)
        code = keep(c, crop, i, &pixels, err);
    if (!code && input)
        fus_preprocess_normalise(input, p, pixels.pixels, pixels.channels);
    fus_raster_free(&pixels);
    return code;
}

int fus_cache_add(struct fus_cache *c, int i, const struct fus_raster *picture, const struct fus_raster *reduced,
                  struct fus_error *err)
{
    int code = FUS_OK;
    for (int k = 0; k < c->n_crops && !code; k++) {
        const struct fus_preprocess *p = &c->crops[k];
        bool same = p->resize == FUS_PIXELSTATS_SIDE && p->filter == FUS_BILINEAR;
        code = cut(NULL, c, i, p, same ? reduced : picture, err);
    }
    return code;
}

/* Picture i, checked against its digest hex; drawn ones cannot change. */
static int read_again(struct fus_raster *picture, const struct fus_set *set, int i, const char (*hex)[65],
                      struct fus_error *err)
{
    char found[65];
    int code = fus_set_raster(picture, hex && !set->drawn ? found : NULL, set, i, err);
    if (!code && hex && !set->drawn && strcmp(found, hex[i]) != 0)
        code = fus_base_fail(err, FUS_EINVAL, "%s: changed since it was checked: SHA-256 %s found, %s expected",
                             set->pictures[i].path, found, hex[i]);
    return code;
}

int fus_cache_input(float *input, struct fus_cache *c, const struct fus_set *set, int i, const struct fus_preprocess *p,
                    const char (*hex)[65], struct fus_error *err)
{
    int crop = c ? find_crop(c, p) : -1;
    const struct kept *k = crop >= 0 ? &c->kept[(size_t)crop * (size_t)c->n_pictures + (size_t)i] : NULL;
    if (k && k->pixels) {
        fus_preprocess_normalise(input, p, k->pixels, k->channels);
        return FUS_OK;
    }
    struct fus_raster picture = {0};
    int code = read_again(&picture, set, i, hex, err);
    if (!code && (code = cut(input, c, i, p, &picture, err)))
        fus_base_blame(err, "%s: ", set->pictures[i].path);
    fus_raster_free(&picture);
    return code;
}
