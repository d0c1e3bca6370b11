/* SPDX-License-Identifier: MIT */
/* Scrambled pictures: the same pixels or the same spectrum, and nothing to recognise.
 *
 * box: the picture is cut into grid x grid boxes that change places (Vogels 1999; fLoc's
 * scrambled pictures). Box i of a
 *     row of w pixels goes from floor(i w / grid) to floor((i + 1) w / grid), so where the grid
 *     does not divide w, boxes differ by one pixel; then each changes places with boxes of its own
 *     size only. No pixel is lost: an exact permutation.
 * phase: a random angle is added to the phase of every frequency, the opposite one to its mirror
 * image, so that the
 *     result is real and the power at every frequency is kept (Dakin et al. 2002). The angles are
 *     the same for all channels, which keeps their relation and so the colours. The mean is kept;
 *     frequencies that are their own mirror image keep or change their sign. What then lies
 *     outside 0..255 is clipped.
 *
 * All random choices follow from the seed and the picture's own pixels: a picture gives the same
 * result alone, in any folder and under any name, and two different pictures get different
 * choices. */
#include <math.h>
#include <string.h>

#include "nn/base/fmath.h"
#include "nn/base/rng.h"
#include "nn/base/sha256.h"
#include "stimuli/control/fft.h"
#include "stimuli/stimuli.h"

static void start_choices(struct fus_rng *rng, const struct fus_image *in, uint64_t seed)
{
    struct fus_sha256 sha;
    char text[64], hex[FUS_SHA256_HEX];
    uint64_t h = 0;
    for (int i = 0; i < 8; i++) {
        text[i] = (char)(seed >> (8 * i) & 255);
        text[8 + i] = (char)((uint64_t)in->width >> (8 * i) & 255);
    }
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, text, 16);
    fus_sha256_add(&sha, in->pixels, (size_t)in->width * (size_t)in->height * 3);
    fus_sha256_hex(&sha, hex);
    for (int i = 0; i < 16; i++)
        h = h << 4 | (uint64_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    fus_rng_seed(rng, h);
}

/* ---- boxes ---- */

/* Where box i of `grid` begins along a side of n pixels. */
static int edge(int i, int n, int grid)
{
    return (int)((long long)i * n / grid);
}

static int extent(int i, int n, int grid)
{
    return edge(i + 1, n, grid) - edge(i, n, grid);
}

/* from[box] = the box whose pixels go there: Fisher & Yates among the boxes of each size. list:
 * [grid * grid] working memory. */
static void shuffle(int *from, int *list, const struct fus_image *in, int grid, struct fus_rng *rng)
{
    for (int wide = 0; wide < 2; wide++)
        for (int high = 0; high < 2; high++) {
            int n = 0;
            for (int box = 0; box < grid * grid; box++)
                if (extent(box % grid, in->width, grid) == in->width / grid + wide &&
                    extent(box / grid, in->height, grid) == in->height / grid + high)
                    from[box] = list[n++] = box;
            for (int i = n - 1; i > 0; i--) {
                int k = (int)fus_rng_below(rng, (uint64_t)i + 1), a = list[i], b = list[k], swap = from[a];
                from[a] = from[b];
                from[b] = swap;
            }
        }
}

static void copy_box(struct fus_image *out, const struct fus_image *in, int to, int from, int grid)
{
    int width = extent(to % grid, in->width, grid), height = extent(to / grid, in->height, grid);
    int x = edge(to % grid, in->width, grid), y = edge(to / grid, in->height, grid);
    int sx = edge(from % grid, in->width, grid), sy = edge(from / grid, in->height, grid);
    for (int row = 0; row < height; row++)
        memcpy(out->pixels + 3 * ((size_t)(y + row) * (size_t)in->width + (size_t)x),
               in->pixels + 3 * ((size_t)(sy + row) * (size_t)in->width + (size_t)sx), 3 * (size_t)width);
}

int fus_scramble_box(struct fus_image *out, const struct fus_image *in, int grid, uint64_t seed, struct fus_error *err)
{
    struct fus_image image = {0};
    struct fus_rng rng;
    if (grid < 1 || grid > FUS_SCRAMBLE_MAX_GRID)
        return fus_base_fail(err, FUS_EINVAL, "a grid of %d x %d boxes; expected 1 to %d", grid, grid,
                             FUS_SCRAMBLE_MAX_GRID);
    if (grid > in->width || grid > in->height)
        return fus_base_fail(err, FUS_EINVAL,
                             "found %d x %d pixels, expected at least %d x %d for a grid of as many boxes", in->width,
                             in->height, grid, grid);
    int n = grid * grid, *from = fus_base_alloc(2 * (size_t)n, sizeof *from);
    int code = from ? fus_image_create(&image, in->width, in->height, err)
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for %d boxes", n);
    if (!code) {
        start_choices(&rng, in, seed);
        shuffle(from, from + n, in, grid, &rng);
        for (int to = 0; to < n; to++)
            copy_box(&image, in, to, from[to], grid);
        *out = image;
    }
    fus_base_free(from);
    return code;
}

/* ---- phases ---- */

static bool is_grey(const struct fus_image *in)
{
    const uint8_t *p = in->pixels;
    for (size_t i = (size_t)in->width * (size_t)in->height; i > 0; i--, p += 3)
        if (p[0] != p[1] || p[0] != p[2])
            return false;
    return true;
}

static void turn(struct fus_complex *z, double cosine, double sine)
{
    *z = (struct fus_complex){z->re * cosine - z->im * sine, z->re * sine + z->im * cosine};
}

/* The angles are drawn row by row, for the first of each pair of mirror images. */
static void turn_phases(struct fus_complex *x, int width, int height, struct fus_rng rng)
{
    for (int v = 0; v < height; v++)
        for (int u = 0; u < width; u++) {
            size_t i = (size_t)v * (size_t)width + (size_t)u;
            size_t mirror = (size_t)((height - v) % height) * (size_t)width + (size_t)((width - u) % width);
            double sine = 0, cosine = 1;
            if (mirror < i || i == 0)
                continue;
            if (mirror > i)
                fus_fmath_sincospi(&sine, &cosine, 2 * fus_rng_uniform(&rng));
            else if (fus_rng_u64(&rng) >> 63)
                cosine = -1;
            turn(&x[i], cosine, sine);
            if (mirror > i)
                turn(&x[mirror], cosine, -sine);
        }
}

int fus_scramble_phase_values(double *values, const struct fus_image *in, uint64_t seed, struct fus_error *err)
{
    size_t n = (size_t)in->width * (size_t)in->height;
    struct fus_complex *x = fus_base_alloc(n, sizeof *x);
    int code =
        x ? FUS_OK
          : fus_base_fail(err, FUS_ENOMEM, "no memory for the spectrum of %d x %d pixels", in->width, in->height);
    struct fus_rng rng;
    start_choices(&rng, in, seed);
    for (int c = 0, grey = is_grey(in); c < 3 && !code; c++) {
        if (c > 0 && grey) {
            memcpy(values + (size_t)c * n, values, n * sizeof *values);
            continue;
        }
        for (size_t i = 0; i < n; i++)
            x[i] = (struct fus_complex){in->pixels[3 * i + (size_t)c], 0};
        code = fus_fft_picture(x, in->width, in->height, false, err);
        if (!code) {
            turn_phases(x, in->width, in->height, rng);
            code = fus_fft_picture(x, in->width, in->height, true, err);
        }
        for (size_t i = 0; i < n && !code; i++)
            values[(size_t)c * n + i] = x[i].re;
    }
    fus_base_free(x);
    return code;
}

int fus_scramble_phase(struct fus_image *out, size_t *n_clipped, const struct fus_image *in, uint64_t seed,
                       struct fus_error *err)
{
    struct fus_image image = {0};
    size_t n = (size_t)in->width * (size_t)in->height, clipped = 0;
    double *values = fus_base_alloc(3 * n, sizeof *values);
    int code = values ? fus_scramble_phase_values(values, in, seed, err)
                      : fus_base_fail(err, FUS_ENOMEM, "no memory for %d x %d pixels", in->width, in->height);
    if (!code)
        code = fus_image_create(&image, in->width, in->height, err);
    for (size_t i = 0; i < 3 * n && !code; i++) {
        double v = floor(values[i] + 0.5);
        clipped += v < 0 || v > 255;
        image.pixels[3 * (i % n) + i / n] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    fus_base_free(values);
    if (code)
        return code;
    if (n_clipped)
        *n_clipped = clipped;
    *out = image;
    return FUS_OK;
}
