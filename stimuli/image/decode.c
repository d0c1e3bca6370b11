/* SPDX-License-Identifier: MIT */
/* Decodes a picture file. The first bytes say the format; the file's name does not matter. */
#include "stimuli/image/decode.h"

#include <string.h>

static bool starts_with(const uint8_t *bytes, size_t n, const char *magic, size_t magic_n)
{
    return n >= magic_n && memcmp(bytes, magic, magic_n) == 0;
}

/* The name of a format that is recognised but not read, or NULL. */
static const char *unsupported_format(const uint8_t *bytes, size_t n)
{
    if (starts_with(bytes, n, "GIF8", 4))
        return "GIF";
    if (starts_with(bytes, n, "II*\0", 4) || starts_with(bytes, n, "MM\0*", 4))
        return "TIFF";
    if (n >= 12 && starts_with(bytes, n, "RIFF", 4) && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "WebP";
    if (n >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0)
        return "HEIF/AVIF or video";
    if (starts_with(bytes, n, "\0\0\0\x0cjP  ", 8) || starts_with(bytes, n, "\xff\x4f\xff\x51", 4))
        return "JPEG 2000";
    if (starts_with(bytes, n, "%PDF", 4))
        return "PDF";
    return NULL;
}

int fus_decode_picture(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    if (n == 0)
        return fus_base_fail_at(err, FUS_EFORMAT, 0, "found an empty file, expected a picture: truncated copy?");
    if (starts_with(bytes, n, "\xff\xd8", 2))
        return fus_jpeg_decode(image, bytes, n, err);
    if (starts_with(bytes, n, "\x89PNG", 4))
        return fus_png_decode(image, bytes, n, err);
    if (n >= 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6')
        return fus_pnm_decode(image, bytes, n, err);
    if (starts_with(bytes, n, "BM", 2))
        return fus_bmp_decode(image, bytes, n, err);
    const char *unsupported = unsupported_format(bytes, n);
    if (unsupported)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 0,
                                "found a %s file, expected JPEG, PNG, PNM or BMP: convert it first", unsupported);
    return fus_base_fail_at(err, FUS_EFORMAT, 0,
                            "found %02x %02x, expected a picture (JPEG, PNG, PNM or BMP): not a picture?", bytes[0],
                            n > 1 ? bytes[1] : 0);
}

int fus_decode_file(struct fus_image *image, const char *path, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    int code = fus_base_read_file(&bytes, &n, path, FUS_IMAGE_MAX_BYTES, err);
    if (!code)
        code = fus_decode_picture(image, bytes, n, err);
    fus_base_free(bytes);
    if (code)
        fus_base_blame(err, "%s: ", path);
    else
        fus_image_note_dim(path, image->dim);
    return code;
}

int fus_decode_raster(struct fus_raster *r, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_image image = {0};
    if (n >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8)
        return fus_jpeg_raster(r, bytes, n, err);
    int code = fus_decode_picture(&image, bytes, n, err);
    if (!code)
        *r = fus_raster_of(&image);
    return code;
}
