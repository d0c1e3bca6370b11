/* SPDX-License-Identifier: MIT */
/* Matching the light of a set of pictures, as the SHINE toolbox does (Willenbockel et al. 2010):
 * after it, categories cannot be told apart by their mean luminance and contrast, or not by
 * their whole histograms.
 *
 *   luminance  Y = .299 R + .587 G + .114 B (ITU-R BT.601), kept in whole
 *              thousandths: sums are exact
 *   luminance matching:  v' = (v - m) S / s + M      m, s: mean and SD (n) of the picture's Y; M,
 *                                                    S: means over the set
 *   exact histogram specification (Coltuc, Bolon & Chassery 2006): the pixels are put in a
 *   strict order, and the
 *     r-th of n gets the grey level at which the set's average histogram reaches (r + 1/2) / n. The
 *     order is by Y, then by the sums of Y over 3 x 3 and 5 x 5 neighbours (border pixels
 *     repeated), then by a hash of the pixel's number: ties are broken the same way everywhere, and
 *     a flat field gets no gradient.
 *
 * Colour pictures keep their chroma: all three channels are moved by as much as Y. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stimuli/stimuli.h"

static uint32_t luminance(const uint8_t *p)
{
    return 299u * p[0] + 587u * p[1] + 114u * p[2];
}

static size_t n_pixels(const struct fus_image *image)
{
    return (size_t)image->width * (size_t)image->height;
}

void fus_shine_measure(struct fus_shine_light *out, const struct fus_image *image)
{
    uint64_t sum = 0, squares = 0; /* at most 1e8 pixels of 255000: 6.5e18 < 2^63 */
    memset(out, 0, sizeof *out);
    out->n_pixels = n_pixels(image);
    for (size_t i = 0; i < out->n_pixels; i++) {
        uint64_t y = luminance(image->pixels + 3 * i);
        sum += y;
        squares += y * y;
        out->histogram[(y + 500) / 1000]++;
    }
    double n = (double)out->n_pixels, mean = (double)sum / n, variance = (double)squares / n - mean * mean;
    out->mean = mean / 1000;
    out->sd = variance > 0 ? sqrt(variance) / 1000 : 0;
}

void fus_shine_average(struct fus_shine_target *out, const struct fus_shine_light *pictures, int n)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < n; i++) {
        out->mean += pictures[i].mean;
        out->sd += pictures[i].sd;
        double below = 0;
        for (int v = 0; v < 256; v++) {
            below += (double)pictures[i].histogram[v];
            out->below[v] += below / (double)pictures[i].n_pixels;
        }
    }
    out->mean /= n;
    out->sd /= n;
    for (int v = 0; v < 256; v++)
        out->below[v] /= n;
}

static uint8_t clip(double v, size_t *n_clipped)
{
    v = floor(v + 0.5);
    *n_clipped += v < 0 || v > 255;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

int fus_shine_luminance(struct fus_image *out, size_t *n_clipped, const struct fus_image *in,
                        const struct fus_shine_target *to, struct fus_error *err)
{
    struct fus_image image = {0};
    struct fus_shine_light light;
    size_t clipped = 0;
    int code = fus_image_create(&image, in->width, in->height, err);
    if (code)
        return code;
    fus_shine_measure(&light, in);
    /* a flat picture has no contrast to raise */
    double gain = light.sd > 0 ? to->sd / light.sd : 0;
    for (size_t i = 0; i < n_pixels(in); i++)
        for (size_t c = 0; c < 3; c++) {
            double v = in->pixels[3 * i + c], about = light.sd > 0 ? light.mean : v;
            image.pixels[3 * i + c] = clip((v - about) * gain + to->mean, &clipped);
        }
    if (n_clipped)
        *n_clipped = clipped;
    *out = image;
    return FUS_OK;
}

/* ---- exact histogram specification ---- */

struct rank {
    uint64_t key; /* Y, 18 bits; its sum over 3 x 3, 22 bits; over 5 x 5, 23 bits */
    uint32_t tie, pixel;
};

static int by_rank(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->tie != y->tie)
        return x->tie < y->tie ? -1 : 1;
    return (x->pixel > y->pixel) - (x->pixel < y->pixel);
}

/* SplitMix64's finisher. */
static uint32_t hash(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static int within(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Sum of Y over the (2k+1) x (2k+1) pixels around (x, y). */
static uint64_t neighbours(const struct fus_image *in, int x, int y, int k)
{
    uint64_t sum = 0;
    for (int dy = -k; dy <= k; dy++) {
        const uint8_t *row = in->pixels + 3 * (size_t)within(y + dy, in->height) * (size_t)in->width;
        for (int dx = -k; dx <= k; dx++)
            sum += luminance(row + 3 * (size_t)within(x + dx, in->width));
    }
    return sum;
}

static void rank_pixels(struct rank *ranks, const struct fus_image *in)
{
    size_t i = 0;
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++, i++) {
            ranks[i].key =
                (uint64_t)luminance(in->pixels + 3 * i) << 45 | neighbours(in, x, y, 1) << 23 | neighbours(in, x, y, 2);
            ranks[i].tie = hash(i);
            ranks[i].pixel = (uint32_t)i;
        }
    qsort(ranks, i, sizeof *ranks, by_rank);
}

int fus_shine_histogram(struct fus_image *out, size_t *n_clipped, const struct fus_image *in,
                        const struct fus_shine_target *to, struct fus_error *err)
{
    struct fus_image image = {0};
    size_t n = n_pixels(in), clipped = 0, r = 0;
    struct rank *ranks = fus_base_alloc(n, sizeof *ranks);
    int code = ranks ? fus_image_create(&image, in->width, in->height, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory for the order of %zu pixels", n);
    if (!code) {
        rank_pixels(ranks, in);
        for (int level = 0; level < 256; level++) {
            size_t until = level == 255 ? n : (size_t)floor(to->below[level] * (double)n + 0.5);
            for (; r < until && r < n; r++) {
                const uint8_t *p = in->pixels + 3 * (size_t)ranks[r].pixel;
                for (size_t c = 0; c < 3; c++) /* grey: exactly `level` */
                    image.pixels[3 * (size_t)ranks[r].pixel + c] =
                        clip((1000.0 * p[c] - (double)luminance(p)) / 1000 + level, &clipped);
            }
        }
        if (n_clipped)
            *n_clipped = clipped;
        *out = image;
    }
    fus_base_free(ranks);
    return code;
}
