/* SPDX-License-Identifier: MIT */
/* One picture of a set as a raster, and its digest. */
#include "stimuli/set/set_raster.h"

#include "nn/base/sha256.h"
#include "stimuli/image/decode.h"

/* A picture made by the program has no file: its pixels are digested. */
static int take_made(struct fus_raster *picture, struct fus_sha256 *sha, const struct fus_set *set, int i,
                     struct fus_error *err)
{
    struct fus_image image = {0};
    int code = fus_set_picture(&image, set, i, err);
    if (code)
        return code;
    *picture = fus_raster_of(&image);
    if (sha)
        fus_sha256_add(sha, image.pixels, (size_t)image.width * (size_t)image.height * 3);
    return FUS_OK;
}

static int take_file(struct fus_raster *picture, struct fus_sha256 *sha, const char *path, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    int code = fus_base_read_file(&bytes, &n, path, FUS_IMAGE_MAX_BYTES, err);
    if (!code)
        code = fus_decode_raster(picture, bytes, n, err);
    if (code)
        fus_base_blame(err, "%s: ", path);
    else if (sha)
        fus_sha256_add(sha, bytes, n);
    if (!code)
        fus_image_note_dim(path, picture->dim);
    fus_base_free(bytes);
    return code;
}

int fus_set_raster(struct fus_raster *picture, char hex[65], const struct fus_set *set, int i, struct fus_error *err)
{
    struct fus_sha256 digest, *sha = hex ? &digest : NULL;
    const struct fus_picture *p = &set->pictures[i];
    fus_sha256_start(&digest);
    int code =
        set->drawn || p->source >= 0 ? take_made(picture, sha, set, i, err) : take_file(picture, sha, p->path, err);
    if (!code && hex)
        fus_sha256_hex(sha, hex);
    return code;
}
