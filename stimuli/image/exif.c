/* SPDX-License-Identifier: MIT */
/* The orientation that a camera writes into a JPEG file (Exif 2.3, tag 0x0112 of IFD0, in the first
 * APP1 segment "Exif"), and turning a picture by it. Everything is read through a bounded cursor; a
 * damaged or missing entry counts as 1, upright. torchvision's and CLIP's loaders do not turn
 * pictures, so a picture is turned only where the caller asks for it. */
#include <string.h>

#include "nn/base/bytes.h"
#include "stimuli/stimuli.h"

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, RST0 = 0xd0, RST7 = 0xd7, TEM = 0x01, APP1 = 0xe1 };
enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

static unsigned number(struct fus_bytes *b, int n_bytes, bool little)
{
    return (unsigned)(little ? fus_bytes_le(b, n_bytes) : fus_bytes_be(b, n_bytes));
}

/* A TIFF header and its first directory. */
static int orientation_of_tiff(struct fus_bytes b)
{
    const uint8_t *order = fus_bytes_take(&b, 2);
    if (!order || (memcmp(order, "II", 2) != 0 && memcmp(order, "MM", 2) != 0))
        return 1;
    bool little = order[0] == 'I';
    unsigned magic = number(&b, 2, little), directory = number(&b, 4, little);
    if (magic != 42 || !fus_bytes_seek(&b, directory))
        return 1;
    for (unsigned left = number(&b, 2, little); left && !b.overrun; left--) {
        unsigned tag = number(&b, 2, little), type = number(&b, 2, little), count = number(&b, 4, little);
        unsigned value = number(&b, 2, little);
        number(&b, 2, little);
        if (tag == TAG_ORIENTATION)
            return !b.overrun && type == TYPE_SHORT && count == 1 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int fus_exif_orientation(const uint8_t *bytes, size_t n)
{
    struct fus_bytes b = fus_bytes_of(bytes, n);
    if (fus_bytes_u8(&b) != 0xff || fus_bytes_u8(&b) != SOI)
        return 1;
    while (!b.overrun) {
        int marker = fus_bytes_u8(&b);
        if (marker != 0xff)
            continue; /* stray bytes, as the decoder passes over */
        while (marker == 0xff && !b.overrun)
            marker = fus_bytes_u8(&b);
        if (marker == SOS || marker == EOI)
            break;
        if (marker == 0 || marker == TEM || (marker >= RST0 && marker <= RST7))
            continue;
        size_t length = fus_bytes_u16be(&b);
        const uint8_t *body = length >= 2 ? fus_bytes_take(&b, length - 2) : NULL;
        if (!body)
            break;
        if (marker == APP1 && length >= 8 && memcmp(body, "Exif\0\0", 6) == 0)
            return orientation_of_tiff(fus_bytes_of(body + 6, length - 8));
    }
    return 1;
}

/* Pixel (x, y) of the upright picture in the stored one. */
static size_t source(const struct fus_image *in, int orientation, int x, int y)
{
    int w = in->width, h = in->height, sx = x, sy = y;
    switch (orientation) {
    case 2:
        sx = w - 1 - x;
        break;
    case 3:
        sx = w - 1 - x, sy = h - 1 - y;
        break;
    case 4:
        sy = h - 1 - y;
        break;
    case 5:
        sx = y, sy = x;
        break;
    case 6:
        sx = y, sy = h - 1 - x;
        break;
    case 7:
        sx = w - 1 - y, sy = h - 1 - x;
        break;
    case 8:
        sx = w - 1 - y, sy = x;
        break;
    default:
        break;
    }
    return (size_t)sy * (size_t)w + (size_t)sx;
}

int fus_exif_turn(struct fus_image *image, int orientation, struct fus_error *err)
{
    struct fus_image out = {0};
    if (orientation < 1 || orientation > 8)
        return fus_base_fail(err, FUS_EINVAL, "an orientation of %d; expected 1 to 8", orientation);
    bool across = orientation >= 5;
    int code =
        fus_image_create(&out, across ? image->height : image->width, across ? image->width : image->height, err);
    if (code)
        return code;
    uint8_t *to = out.pixels;
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++, to += 3)
            memcpy(to, image->pixels + 3 * source(image, orientation, x, y), 3);
    fus_image_free(image);
    *image = out;
    return FUS_OK;
}
