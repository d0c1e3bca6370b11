/* SPDX-License-Identifier: MIT */
/* Component planes of a JPEG -> RGB: up-sampling to the full size, then colour conversion, row
 * by row.
 *
 * Components at half the width or height are interpolated by libjpeg's triangle filter (weights
 * 3/4 and 1/4, rounding alternately down and up); other ratios are repeated. Rows and columns
 * outside the component repeat its edge. Colours: YCbCr (JFIF 1.02, 16-bit fixed point), RGB,
 * CMYK and YCCK (Adobe, stored inverted) as Pillow converts them. */
#include <string.h>

#include "stimuli/image/jpeg.h"

static const uint8_t *row_of(const struct fus_jpeg_component *c, int y)
{
    y = y < 0 ? 0 : y >= c->height ? c->height - 1 : y;
    return c->plane + (size_t)y * (size_t)c->padded_x * 8;
}

static void repeat(uint8_t *out, const uint8_t *in, int n, int factor)
{
    if (factor == 1) {
        memcpy(out, in, (size_t)n);
        return;
    }
    for (int x = 0; x < n; x++)
        memset(out + (size_t)x * (size_t)factor, in[x], (size_t)factor);
}

/* Twice as wide: each output is 3/4 of the nearer and 1/4 of the farther input. */
static void widen(uint8_t *out, const uint8_t *in, int n)
{
    out[0] = in[0];
    for (int x = 0; x + 1 < n; x++) {
        out[2 * x + 1] = (uint8_t)((in[x] * 3 + in[x + 1] + 2) >> 2);
        out[2 * x + 2] = (uint8_t)((in[x + 1] * 3 + in[x] + 1) >> 2);
    }
    out[2 * n - 1] = in[n - 1];
}

/* The same with a vertical blend before: near and far row, sums of 3 near + 1 far. */
static void widen_blend(uint8_t *out, const uint8_t *near, const uint8_t *far, int n)
{
    int this = near[0] * 3 + far[0];
    out[0] = (uint8_t)((this * 4 + 8) >> 4);
    for (int x = 0; x + 1 < n; x++) {
        int next = near[x + 1] * 3 + far[x + 1];
        out[2 * x + 1] = (uint8_t)((this * 3 + next + 7) >> 4);
        out[2 * x + 2] = (uint8_t)((next * 3 + this + 8) >> 4);
        this = next;
    }
    out[2 * n - 1] = (uint8_t)((this * 4 + 7) >> 4);
}

/* Row y of the picture's samples of one component, in `out` (padded width) or in place. */
static const uint8_t *full_row(uint8_t *out, const struct fus_jpeg *j, const struct fus_jpeg_component *c, int y)
{
    int h = j->max_h / c->h, v = j->max_v / c->v;
    const uint8_t *near = row_of(c, y / v), *far = row_of(c, y % 2 ? y / 2 + 1 : y / 2 - 1);
    if (h == 1 && v == 1)
        return near;
    if (h == 1 && v == 2) {
        int bias = y % 2 ? 2 : 1;
        for (int x = 0; x < c->width; x++)
            out[x] = (uint8_t)((near[x] * 3 + far[x] + bias) >> 2);
    } else if (h == 2 && v == 1 && c->width > 2) {
        widen(out, near, c->width);
    } else if (h == 2 && v == 2 && c->width > 2) {
        widen_blend(out, near, far, c->width);
    } else {
        repeat(out, near, c->width, h);
    }
    return out;
}

static inline uint8_t clamp(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Y Cb Cr -> RGB: 1.402, 0.34414, 0.71414 and 1.772 times 2^16. */
static inline void ycc_pixel(uint8_t *rgb, int y, int cb, int cr)
{
    cb -= 128;
    cr -= 128;
    rgb[0] = clamp(y + ((91881 * cr + 32768) >> 16));
    rgb[1] = clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
    rgb[2] = clamp(y + ((116130 * cb + 32768) >> 16));
}

static void ycc_row(uint8_t *rgb, const uint8_t *const in[4], int n)
{
    for (int x = 0; x < n; x++)
        ycc_pixel(rgb + 3 * (size_t)x, in[0][x], in[1][x], in[2][x]);
}

static void rgb_row(uint8_t *rgb, const uint8_t *const in[4], int n)
{
    for (int x = 0; x < n; x++)
        for (int i = 0; i < 3; i++)
            rgb[3 * (size_t)x + (size_t)i] = in[i][x];
}

/* a * b / 255, rounded. */
static inline int times255(int a, int b)
{
    int t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/* Stored values are 255 - ink: white is 255. */
static void cmyk_row(uint8_t *rgb, const uint8_t *const in[4], int n)
{
    for (int x = 0; x < n; x++)
        for (int i = 0; i < 3; i++) {
            int paper = in[3][x], ink = 255 - in[i][x];
            rgb[3 * (size_t)x + (size_t)i] = clamp(paper - times255(ink, paper));
        }
}

static void ycck_row(uint8_t *rgb, const uint8_t *const in[4], int n)
{
    for (int x = 0; x < n; x++) {
        uint8_t cmy[3];
        ycc_pixel(cmy, in[0][x], in[1][x], in[2][x]);
        for (int i = 0; i < 3; i++) {
            int paper = in[3][x], ink = cmy[i]; /* YCCK holds the inverted inks' complement */
            rgb[3 * (size_t)x + (size_t)i] = clamp(paper - times255(ink, paper));
        }
    }
}

/* What the components are, by libjpeg's rules: markers first, then the components' names. */
static void (*converter(const struct fus_jpeg *j))(uint8_t *, const uint8_t *const[4], int)
{
    if (j->n_components == 4)
        return j->saw_adobe && j->adobe_transform != 0 ? ycck_row : cmyk_row;
    if (j->saw_jfif)
        return ycc_row;
    if (j->saw_adobe)
        return j->adobe_transform == 0 ? rgb_row : ycc_row;
    const struct fus_jpeg_component *c = j->components;
    return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' ? rgb_row : ycc_row;
}

int fus_jpeg_color(struct fus_raster *rgb, const struct fus_jpeg *j)
{
    void (*convert)(uint8_t *, const uint8_t *const[4], int) = converter(j);
    size_t padded = (size_t)j->mcus_x * 8 * (size_t)j->max_h;
    uint8_t *rows = fus_base_alloc(4, padded);
    if (!rows)
        return fus_base_fail(j->err, FUS_ENOMEM, "no memory for four rows of %zu pixels", padded);
    for (int y = 0; y < j->height; y++) {
        const uint8_t *in[4] = {0};
        for (int i = 0; i < j->n_components; i++)
            in[i] = full_row(rows + (size_t)i * padded, j, &j->components[i], y);
        convert(rgb->pixels + (size_t)y * rgb->stride, in, j->width);
    }
    fus_base_free(rows);
    return FUS_OK;
}
