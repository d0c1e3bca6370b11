/* SPDX-License-Identifier: MIT */
/* A picture -> the input tensor of a network, as torchvision's transforms make it from a Pillow
 * image.
 *
 *   Resize(n): the shorter side becomes n, the longer int(n * long / short); CenterCrop(n): offset
 *   round((side - n) / 2), ties to even, black added first where the picture is smaller; ToTensor:
 *   v / 255; Normalize: (v - mean) / std, channel by channel, each operation in float. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "stimuli/image/raster.h"

enum { MAX_SIDE = 16384 }; /* of an input: 16384^2 x 3 floats are 3 GB */

#define IMAGENET_MEAN          \
    {                          \
        0.485f, 0.456f, 0.406f \
    }
#define IMAGENET_STD           \
    {                          \
        0.229f, 0.224f, 0.225f \
    }

static const struct {
    const char *name;
    struct fus_preprocess preprocess;
} presets[] = {
    {"torchvision", {256, FUS_BILINEAR, 224, IMAGENET_MEAN, IMAGENET_STD}},
    {"torchvision-v2", {232, FUS_BILINEAR, 224, IMAGENET_MEAN, IMAGENET_STD}},
    {"clip", {224, FUS_BICUBIC, 224, {0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}}},
    {"cifar", {32, FUS_BILINEAR, 32, IMAGENET_MEAN, IMAGENET_STD}},
};

static bool parse_side(int *out, const char *text)
{
    uint64_t v;
    if (!fus_number_whole(&v, text, NULL) || v < 1 || v > MAX_SIDE)
        return false;
    *out = (int)v;
    return true;
}

/* "a/b/c", or one number for all three. */
static bool parse_three(float out[3], const char *text, bool positive)
{
    for (int i = 0; i < 3; i++) {
        const char *end;
        double v;
        if (!fus_number_real(&v, text, &end) || !(fabs(v) <= FLT_MAX) || (positive && !((float)v > 0)))
            return false;
        out[i] = (float)v;
        if (i == 0 && !*end) {
            out[1] = out[2] = out[0];
            return true;
        }
        if (*end != (i < 2 ? '/' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

static bool parse_filter(enum fus_filter *out, const char *text)
{
    *out = strcmp(text, "bicubic") == 0 ? FUS_BICUBIC : FUS_BILINEAR;
    return strcmp(text, "bicubic") == 0 || strcmp(text, "bilinear") == 0;
}

/* One `key=value`; seen has a bit for each key. */
static bool parse_pair(struct fus_preprocess *p, unsigned *seen, const char *pair)
{
    static const char *const keys[] = {"resize=", "interp=", "crop=", "mean=", "std="};
    unsigned key = 0;
    while (key < 5 && strncmp(pair, keys[key], strlen(keys[key])) != 0)
        key++;
    if (key == 5 || *seen & 1u << key)
        return false;
    *seen |= 1u << key;
    const char *value = pair + strlen(keys[key]);
    switch (key) {
    case 0:
        return parse_side(&p->resize, value);
    case 1:
        return parse_filter(&p->filter, value);
    case 2:
        return parse_side(&p->crop, value);
    case 3:
        return parse_three(p->mean, value, false);
    default:
        return parse_three(p->std, value, true);
    }
}

static int fail_spec(struct fus_error *err, const char *spec)
{
    return fus_base_fail(err, FUS_EINVAL,
                         "preprocessing `%s`: expected torchvision, torchvision-v2, clip, cifar, or all of "
                         "`resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225`",
                         spec);
}

int fus_preprocess_parse(struct fus_preprocess *p, const char *spec, struct fus_error *err)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(spec, presets[i].name) == 0) {
            *p = presets[i].preprocess;
            return FUS_OK;
        }
    struct fus_preprocess made = {0};
    unsigned seen = 0;
    for (const char *at = spec;;) {
        char pair[128];
        size_t n = strcspn(at, ",");
        if (n >= sizeof pair)
            return fail_spec(err, spec);
        memcpy(pair, at, n);
        pair[n] = 0;
        if (!parse_pair(&made, &seen, pair))
            return fail_spec(err, spec);
        at += n;
        if (!*at)
            break;
        at++;
    }
    if (seen != 31)
        return fail_spec(err, spec);
    *p = made;
    return FUS_OK;
}

/* int(resize * long / short) as Python computes it: one division of exact integers, in double. */
static int resized(int *width, int *height, const struct fus_raster *image, int resize, struct fus_error *err)
{
    bool wide = image->width > image->height;
    int shorter = wide ? image->height : image->width, longer = wide ? image->width : image->height;
    double side = floor((double)resize * longer / shorter);
    if (!fus_image_fits(side, resize))
        return fus_base_fail(err, FUS_ELIMIT,
                             "a picture of %d x %d pixels, shorter side resized to %d: too many pixels (--max-pixels)",
                             image->width, image->height, resize);
    *width = wide ? (int)side : resize;
    *height = wide ? resize : (int)side;
    return FUS_OK;
}

/* First row or column of the crop; negative where black is added: (crop - side) / 2 of it before
 * the picture, rounded down. */
static int crop_start(int side, int crop)
{
    if (side < crop)
        return -((crop - side) / 2);
    int extra = side - crop, half = extra / 2;
    return half + (extra & 1 & half); /* x.5 goes to the even neighbour */
}

/* out [crop, crop]: the crop of a picture that has its final size; black beside it. */
static void cut(struct fus_raster *out, const struct fus_raster *in)
{
    int crop = out->width, left = crop_start(in->width, crop), top = crop_start(in->height, crop);
    int from = left < 0 ? 0 : left, end = left + crop < in->width ? left + crop : in->width;
    size_t pixel = (size_t)in->channels;
    memset(out->pixels, 0, (size_t)crop * out->stride);
    for (int y = 0; y < crop; y++)
        if (top + y >= 0 && top + y < in->height)
            memcpy(out->pixels + (size_t)y * out->stride + pixel * (size_t)(from - left),
                   in->pixels + (size_t)(top + y) * in->stride + pixel * (size_t)from, pixel * (size_t)(end - from));
}

int fus_preprocess_raster(struct fus_raster *out, const struct fus_preprocess *p, const struct fus_raster *in,
                          struct fus_error *err)
{
    int width = 0, height = 0, code = resized(&width, &height, in, p->resize, err);
    struct fus_raster small = {0}, made = {0};
    if (!code && (width != in->width || height != in->height))
        code = fus_resize_raster(&small, in, width, height, p->filter, err);
    const struct fus_raster *whole = small.pixels ? &small : in;
    if (!code)
        code = fus_raster_create(&made, p->crop, p->crop, whole->channels, err);
    if (!code) {
        cut(&made, whole);
        *out = made;
    }
    fus_raster_free(&small);
    return code;
}

void fus_preprocess_normalise(float *out, const struct fus_preprocess *p, const uint8_t *pixels, int channels)
{
    size_t n = (size_t)p->crop * (size_t)p->crop, step = (size_t)channels;
    for (int c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++) {
            float unit = (float)v / 255.0f, centred = unit - p->mean[c];
            table[v] = centred / p->std[c];
        }
        for (size_t i = 0; i < n; i++)
            out[(size_t)c * n + i] = table[pixels[i * step + (channels == 3 ? (size_t)c : 0)]];
    }
}

int fus_preprocess_apply(float *out, const struct fus_preprocess *p, const struct fus_image *image,
                         struct fus_error *err)
{
    struct fus_raster whole = fus_raster_of(image), cropped = {0};
    int code = fus_preprocess_raster(&cropped, p, &whole, err);
    if (!code)
        fus_preprocess_normalise(out, p, cropped.pixels, cropped.channels);
    fus_raster_free(&cropped);
    return code;
}
