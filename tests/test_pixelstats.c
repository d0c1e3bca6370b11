/* SPDX-License-Identifier: MIT */
/* stimuli/control/pixelstats.c against NumPy, spectra of known slope, and the
 * means over categories. */
#include "nn/base/rng.h"
#include "stimuli/control/fft.h"
#include "stimuli/stimuli.h"
#include "test.h"

static struct fus_error err;

/* As `picture` and `smooth` in tests/golden/controls.py. */
static struct fus_image picture(int width, int height, bool smooth)
{
    struct fus_image image = {0};
    size_t w = (size_t)width, n = w * (size_t)height;
    unsigned v = (unsigned)(width + height);
    int64_t *sums = calloc(3 * n, sizeof *sums);
    if (!sums || fus_image_create(&image, width, height, &err))
        exit(1);
    for (size_t i = 0; i < 3 * n; i++) {
        v = v * 1103515245u + 12345u;
        image.pixels[i] = (uint8_t)(v >> 24);
        size_t x = i / 3 % w, y = i / 3 / w;
        sums[i] =
            image.pixels[i] + (x ? sums[i - 3] : 0) + (y ? sums[i - 3 * w] : 0) - (x && y ? sums[i - 3 * w - 3] : 0);
        if (smooth)
            image.pixels[i] = (uint8_t)(sums[i] / 997 % 256);
    }
    free(sums);
    return image;
}

static const struct {
    int width, height, smooth;
    double luminance, contrast, slope;
} golden[] = {
#include "golden/control_pixels.inc"
};

static void test_numpy(void)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct fus_image image = picture(golden[i].width, golden[i].height, golden[i].smooth);
        struct fus_pixelstats got = {0};
        CHECK(fus_pixelstats_measure(&got, &image, &err) == FUS_OK);
        CHECK(test_close(got.luminance, golden[i].luminance, 1e-12) &&
              test_close(got.contrast, golden[i].contrast, 1e-12));
        /* a slope near 0 is a difference of sums of size 1: absolute there */
        CHECK_MSG(fabs(got.slope - golden[i].slope) < 1e-10 || (isnan(got.slope) && isnan(golden[i].slope)),
                  "%d x %d: %.17g instead of %.17g", golden[i].width, golden[i].height, got.slope, golden[i].slope);
        fus_image_free(&image);
    }
}

/* A picture with power r^-2 at every frequency has that slope, up to the rounding of its pixels. */
static void test_known_slope(void)
{
    enum { S = 128 };
    struct fus_complex *x = calloc(S * S, sizeof *x);
    struct fus_image image = {0};
    struct fus_pixelstats got;
    struct fus_rng rng;
    double largest = 0;
    if (!x || fus_image_create(&image, S, S, &err))
        exit(1);
    fus_rng_seed(&rng, 1);
    for (int i = 1; i < S * S; i++) {
        int u = i % S, v = i / S;
        double fx = u <= S / 2 ? u : S - u, fy = v <= S / 2 ? v : S - v,
               angle = 2 * 3.14159265358979 * fus_rng_uniform(&rng);
        int mirror = (S - v) % S * S + (S - u) % S;
        if (mirror <= i)
            continue;
        double size = 1 / sqrt(fx * fx + fy * fy);
        x[i] = (struct fus_complex){size * cos(angle), size * sin(angle)};
        x[mirror] = (struct fus_complex){x[i].re, -x[i].im};
    }
    CHECK(fus_fft_picture(x, S, S, true, &err) == FUS_OK);
    for (int i = 0; i < S * S; i++)
        largest = fmax(largest, fabs(x[i].re));
    for (int i = 0; i < S * S; i++)
        memset(image.pixels + 3 * i, (int)floor(128 + 127 * x[i].re / largest), 3);
    CHECK(fus_pixelstats_measure(&got, &image, &err) == FUS_OK);
    CHECK_MSG(fabs(got.slope + 2) < 0.05, "slope %g", got.slope);
    fus_image_free(&image);
    free(x);
}

static void test_edges(void)
{
    struct fus_image image = {0};
    struct fus_pixelstats got = {0};
    CHECK(fus_image_create(&image, 50, 40, &err) == FUS_OK);
    memset(image.pixels, 51, 6000);
    CHECK(fus_pixelstats_measure(&got, &image, &err) == FUS_OK && fabs(got.luminance - 0.2) < 1e-12 &&
          got.contrast < 1e-12 && isnan(got.slope));
    for (long n = 1;; n++) {
        image.pixels[0] = 0;
        fus_base_fail_allocation(n);
        int code = fus_pixelstats_measure(&got, &image, &err);
        fus_base_fail_allocation(0);
        if (!code)
            break;
        CHECK(code == FUS_ENOMEM);
    }
    fus_image_free(&image);
}

static void test_categories(void)
{
    struct fus_picture pictures[5] = {
        {.category = 0}, {.category = 0}, {.category = 0}, {.category = 1}, {.category = 1}};
    struct fus_set set = {.n_pictures = 5, .n_categories = 2, .pictures = pictures};
    struct fus_pixelstats stats[5] = {{.1, .2, -2}, {.2, .2, NAN}, {.6, .5, -3}, {.5, .1, NAN}, {.7, .1, -1}};
    struct fus_pixelstats_category got[2];
    fus_pixelstats_summarise(got, &set, stats);
    CHECK(got[0].n == 3 && test_close(got[0].luminance_mean, .3, 1e-14) &&
          test_close(got[0].luminance_sd, sqrt(.07), 1e-14));
    CHECK(test_close(got[0].slope_mean, -2.5, 1e-14) && test_close(got[0].slope_sd, sqrt(.5), 1e-14));
    CHECK(got[1].n == 2 && got[1].contrast_sd == 0 && got[1].slope_mean == -1 && isnan(got[1].slope_sd));
}

int main(void)
{
    test_numpy();
    test_known_slope();
    test_edges();
    test_categories();
    return test_end();
}
