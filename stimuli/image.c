/* Pictures in memory, and which decoder a file needs: see stimuli.h.
 *
 * The format is told by the first bytes, never by the name. */
#include <string.h>

#include "nn/base.h"
#include "stimuli/stimuli.h"

static size_t max_pixels = FUS_IMAGE_MAX_PIXELS;

void fus_image_set_max_pixels(size_t n)
{
    max_pixels = n < FUS_IMAGE_MOST_PIXELS ? n : FUS_IMAGE_MOST_PIXELS;
}

int fus_image_check(size_t width, size_t height, long long offset, struct fus_error *err)
{
    if (width <= max_pixels / height)
        return FUS_OK;
    return fus_base_fail_at(err, FUS_ELIMIT, offset, "found %zu x %zu pixels, at most %zu are read; --max-pixels N allows more", width,
                            height, max_pixels);
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
        return fus_base_fail(err, FUS_ELIMIT, "a picture of %d x %d pixels is too large to be made (--max-pixels)", width, height);
    uint8_t *pixels = fus_base_alloc((size_t)width * (size_t)height, 3);
    if (!pixels)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a picture of %d x %d pixels", width, height);
    image->width = width;
    image->height = height;
    image->pixels = pixels;
    return FUS_OK;
}

void fus_image_free(struct fus_image *image)
{
    fus_base_free(image->pixels);
    memset(image, 0, sizeof *image);
}

static bool starts_with(const uint8_t *bytes, size_t n, const char *magic, size_t magic_n)
{
    return n >= magic_n && memcmp(bytes, magic, magic_n) == 0;
}

/* The name of a format that is recognised but not read, or NULL. */
static const char *known_stranger(const uint8_t *bytes, size_t n)
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

int fus_image_decode(struct fus_image *image, const uint8_t *bytes, size_t n, struct fus_error *err)
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
    const char *stranger = known_stranger(bytes, n);
    if (stranger)
        return fus_base_fail_at(err, FUS_EUNSUPPORTED, 0, "found a %s file, expected JPEG, PNG, PNM or BMP: convert it first",
                                stranger);
    return fus_base_fail_at(err, FUS_EFORMAT, 0, "found %02x %02x, expected a picture (JPEG, PNG, PNM or BMP): not a picture?",
                            bytes[0], n > 1 ? bytes[1] : 0);
}

int fus_image_read(struct fus_image *image, const char *path, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n;
    int code = fus_base_read_file(&bytes, &n, path, FUS_IMAGE_MAX_BYTES, err);
    if (!code)
        code = fus_image_decode(image, bytes, n, err);
    fus_base_free(bytes);
    if (code)
        fus_base_blame(err, "%s: ", path);
    return code;
}
