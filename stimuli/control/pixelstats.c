/* SPDX-License-Identifier: MIT */
/* Low-level properties of pictures: do categories differ before any network has seen them?
 *
 * The picture is looked at as networks are shown it: where the shorter side has more than 256
 * pixels it is reduced to 256 (bilinear), and the square in the middle, of s x s pixels, is
 * taken. Of its luminance Y in 0..1 (shine.c):
 *
 *   luminance  the mean            contrast  the standard deviation (n): RMS contrast (Peli 1990)
 *   slope      of log P(r) on log r, least squares over r = 1 .. floor((s - 1) / 2): P(r) is the
 *              mean of |F|^2 over the frequencies whose distance from 0, rounded, is r (as in
 *              SHINE, Willenbockel et al. 2010). Near -2 for natural pictures (Field 1987).
 *              Undefined (NaN) for pictures with fewer than 3 such r of any power.
 *
 * No window is applied. Sums run over rows, pictures in the set's order: the
 * same bits everywhere. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "stimuli/control/fft.h"
#include "stimuli/control/pixelstats.h"

/* x [side, n]: Y of the middle of the picture, in 0..1. */
static void take_middle(double *x, size_t n, const struct fus_raster *picture, int side)
{
    int left = (picture->width - side) / 2, top = (picture->height - side) / 2;
    double grey[256];
    for (int v = 0; v < 256; v++)
        grey[v] = 1000.0 * v / 255000;
    for (int row = 0; row < side; row++, x += n) {
        const uint8_t *p =
            picture->pixels + (size_t)(top + row) * picture->stride + (size_t)left * (size_t)picture->channels;
        for (int column = 0; column < side; column++, p += picture->channels)
            x[column] = picture->channels == 1 ? grey[*p] : (299.0 * p[0] + 587.0 * p[1] + 114.0 * p[2]) / 255000;
    }
}

static void measure_light(struct fus_pixelstats *out, const double *x, size_t n, int side)
{
    double sum = 0, squares = 0, n_pixels = (double)side * side;
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column++)
            sum += x[(size_t)row * n + (size_t)column];
    out->luminance = sum / n_pixels;
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column++) {
            double d = x[(size_t)row * n + (size_t)column] - out->luminance;
            squares += d * d;
        }
    out->contrast = sqrt(squares / n_pixels);
}

/* Least squares of log P on log r. power, count: [n] for r = 0 .. n - 1 */
static double slope_of(const double *power, const int *count, int n)
{
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    int used = 0;
    for (int r = 1; r < n; r++) {
        if (!(power[r] > 0))
            continue;
        double x = fus_fmath_log(r), y = fus_fmath_log(power[r] / count[r]);
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        used++;
    }
    return used < 3 ? NAN : (sxy - sx * sy / used) / (sxx - sx * sx / used);
}

/* ring[fx] = the distance of frequency (fx, fy) from 0, rounded, for fx = 0 .. half: r where (r
 * - 1/2)^2 < fx^2 + fy^2 < (r + 1/2)^2. */
static void find_rings(int *ring, int fy, int half)
{
    for (int fx = 0, r = fy; fx <= half; fx++) {
        while ((2 * r + 1) * (2 * r + 1) < 4 * (fx * fx + fy * fy))
            r++;
        ring[fx] = r;
    }
}

/* x [side, n]: Y, becomes its power. */
static int measure_slope(struct fus_pixelstats *out, double *x, size_t n, int side, struct fus_error *err)
{
    double power[FUS_PIXELSTATS_SIDE / 2 + 1] = {0};
    int count[FUS_PIXELSTATS_SIDE / 2 + 1] = {0}, ring[FUS_PIXELSTATS_SIDE / 2 + 1], n_rings = (side - 1) / 2 + 1;
    int code = fus_fft_power(x, side, err);
    for (int v = 0; v < side && !code; v++) {
        find_rings(ring, v <= side / 2 ? v : side - v, side / 2);
        for (int u = 0; u < side; u++) {
            int r = ring[u <= side / 2 ? u : side - u];
            if (r >= n_rings)
                continue;
            power[r] += x[(size_t)v * n + (size_t)u];
            count[r]++;
        }
    }
    out->slope = slope_of(power, count, n_rings);
    return code;
}

/* The longer side in proportion, rounded down, as torchvision's Resize. */
int fus_pixelstats_reduce(struct fus_raster *small, const struct fus_raster *picture, struct fus_error *err)
{
    long long w = picture->width, h = picture->height, shorter = w < h ? w : h;
    if (shorter <= FUS_PIXELSTATS_SIDE)
        return FUS_OK;
    return fus_resize_raster(small, picture, (int)(w * FUS_PIXELSTATS_SIDE / shorter),
                             (int)(h * FUS_PIXELSTATS_SIDE / shorter), FUS_BILINEAR, err);
}

int fus_pixelstats_raster(struct fus_pixelstats *out, const struct fus_raster *reduced, struct fus_error *err)
{
    struct fus_pixelstats found = {0};
    int code = FUS_OK, side = reduced->width < reduced->height ? reduced->width : reduced->height;
    size_t n = fus_fft_padded(side);
    double *x = fus_base_alloc(n * n, sizeof *x);
    if (!x)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a spectrum of %d x %d", side, side);
    take_middle(x, n, reduced, side);
    measure_light(&found, x, n, side);
    /* what rounding leaves of a flat picture's spectrum is no power */
    found.slope = NAN;
    if (found.contrast > 1e-9)
        code = measure_slope(&found, x, n, side, err);
    fus_base_free(x);
    if (!code)
        *out = found;
    return code;
}

int fus_pixelstats_measure(struct fus_pixelstats *out, const struct fus_image *image, struct fus_error *err)
{
    struct fus_raster picture = fus_raster_of(image), small = {0};
    int code = fus_pixelstats_reduce(&small, &picture, err);
    if (!code)
        code = fus_pixelstats_raster(out, small.pixels ? &small : &picture, err);
    fus_raster_free(&small);
    return code;
}

/* Mean and SD (n - 1) of one of the numbers over the pictures of a category; NaN where there are
 * too few. */
static void summarise(double *mean, double *sd, const struct fus_set *set, const struct fus_pixelstats *stats,
                      int category, size_t offset)
{
    double sum = 0, squares = 0;
    int n = 0;
    for (int second = 0; second < 2; second++) {
        for (int i = 0; i < set->n_pictures; i++) {
            double v;
            memcpy(&v, (const char *)&stats[i] + offset, sizeof v);
            if (set->pictures[i].category != category || isnan(v))
                continue;
            n += !second;
            sum += second ? 0 : v;
            squares += second ? (v - *mean) * (v - *mean) : 0;
        }
        *mean = n ? sum / n : NAN;
    }
    *sd = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

void fus_pixelstats_summarise(struct fus_pixelstats_category *out, const struct fus_set *set,
                              const struct fus_pixelstats *stats)
{
    for (int c = 0; c < set->n_categories; c++) {
        struct fus_pixelstats_category *o = &out[c];
        o->n = 0;
        for (int i = 0; i < set->n_pictures; i++)
            o->n += set->pictures[i].category == c;
        summarise(&o->luminance_mean, &o->luminance_sd, set, stats, c, offsetof(struct fus_pixelstats, luminance));
        summarise(&o->contrast_mean, &o->contrast_sd, set, stats, c, offsetof(struct fus_pixelstats, contrast));
        summarise(&o->slope_mean, &o->slope_sd, set, stats, c, offsetof(struct fus_pixelstats, slope));
    }
}
