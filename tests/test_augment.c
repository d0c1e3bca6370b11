/* SPDX-License-Identifier: MIT */
/* stimuli/augment.c: boxes and their pixels against Pillow, every choice uniform over counters,
 * each transform by itself. */
#include "stimuli/augment.h"

#include "tests/images.h"

static struct fus_error err;

static void test_parse(void)
{
    static const char *const bad[] = {"",
                                      "crops",
                                      "crop=0",
                                      "crop=1.1",
                                      "crop=.5,.4",
                                      "crop=.1,.2,.3",
                                      "shift",
                                      "shift=0",
                                      "shift=1.5",
                                      "shift=9999",
                                      "flip=1",
                                      "flip,flip",
                                      "jitter",
                                      "jitter=0",
                                      "jitter=1.1",
                                      "jitter=nan",
                                      "none,flip",
                                      "flip,",
                                      "flip;crop",
                                      "crop,crop",
                                      "shift=2,shift=2",
                                      "jitter=.1,jitter=.1",
                                      " flip"};
    struct fus_augment a = {.shift = 77};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(fus_augment_parse(&a, bad[i], &err) == FUS_EINVAL && a.shift == 77 &&
                      strstr(err.msg, "expected `none`"),
                  "`%s`", bad[i]);
    CHECK(fus_augment_parse(&a, "none", &err) == 0 && !a.crop && !a.flip && a.shift == 0 && a.jitter == 0);
    CHECK(fus_augment_parse(&a, "crop,shift=3,flip,jitter=.4", &err) == 0 && a.crop && a.flip && a.shift == 3 &&
          a.jitter == .4);
    CHECK(a.crop_low == .08 && a.crop_high == 1);
    CHECK(fus_augment_parse(&a, "crop=.25,flip", &err) == 0 && a.crop_low == .25 && a.crop_high == 1 && a.flip);
    CHECK(fus_augment_parse(&a, "jitter=1,crop=.2,.3,shift=1024", &err) == 0 && a.crop_low == .2 && a.crop_high == .3 &&
          a.shift == 1024);
}

/* Pillow's crop and resize of the same boxes: tests/golden/train_data.py. */
static void test_boxes(void)
{
    FILE *f = fopen("tests/golden/train_crop.txt", "r");
    int w, h, seed, side, n = 0;
    struct fus_augment_choice c = {0};
    char filter[16], want[FUS_SHA256_HEX], hex[FUS_SHA256_HEX];
    CHECK(f != NULL);
    while (f && fscanf(f, "%d %d %d %d %d %d %d %d %15s %64s", &w, &h, &seed, &c.left, &c.top, &c.width, &c.height,
                       &side, filter, want) == 10) {
        struct fus_image in = {0}, image = {0};
        struct fus_raster out = {0};
        test_noise(&in, w, h, (uint32_t)seed);
        struct fus_raster whole = fus_raster_of(&in);
        CHECK(fus_augment_crop(&out, &whole, &c, side, strcmp(filter, "bicubic") ? FUS_BILINEAR : FUS_BICUBIC, &err) ==
              0);
        CHECK(fus_raster_image(&image, &out, &err) == 0);
        test_pixels_sha256(hex, &image);
        CHECK_MSG(strcmp(hex, want) == 0, "box %d of train_crop.txt", n + 1);
        fus_image_free(&in);
        fus_image_free(&image);
        n++;
    }
    CHECK(n == 24);
    if (f)
        fclose(f);
}

/* The sum over bins of (found - expected)^2 / expected, all bins as likely. */
static double chi_square(const int *count, int n_bins, int n)
{
    double sum = 0, expected = (double)n / n_bins;
    for (int i = 0; i < n_bins; i++)
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    return sum;
}

static int bin(double x, double low, double high, int n)
{
    int i = (int)floor((x - low) / (high - low) * n);
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* 10,000 counters that differ in the epoch, in the item, and in the seed; limits: p =
 * 1e-4 of chi-square. */
static void test_uniform(void)
{
    struct fus_augment a = {0};
    CHECK(fus_augment_parse(&a, "crop=.25,.75,shift=3,flip,jitter=.4", &err) == 0);
    for (int which = 0; which < 3; which++) {
        int flips[2] = {0}, dx[7] = {0}, dy[7] = {0}, contrast[10] = {0}, brightness[10] = {0}, area[10] = {0},
            left[5] = {0};
        for (int i = 0; i < 10000; i++) {
            struct fus_augment_choice c;
            uint64_t k = (uint64_t)i;
            fus_augment_choose(&c, &a, 1000, 1000, which == 2 ? k : 5, which == 0 ? k : 2, which == 1 ? k : 9);
            CHECK(c.dx >= -3 && c.dx <= 3 && c.dy >= -3 && c.dy <= 3 && c.contrast >= .6 && c.contrast <= 1.4 &&
                  fabs(c.brightness) <= .2);
            CHECK(c.left >= 0 && c.top >= 0 && c.left + c.width <= 1000 && c.top + c.height <= 1000);
            flips[c.flip]++, dx[c.dx + 3]++, dy[c.dy + 3]++;
            contrast[bin(c.contrast, .6, 1.4, 10)]++, brightness[bin(c.brightness, -.2, .2, 10)]++;
            area[bin(c.width * (double)c.height, 250000, 750000, 10)]++;
            left[bin(c.left, 0, 1001 - c.width, 5)]++;
        }
        CHECK_MSG(chi_square(flips, 2, 10000) < 15.2, "%g", chi_square(flips, 2, 10000));
        CHECK_MSG(chi_square(dx, 7, 10000) < 27.9 && chi_square(dy, 7, 10000) < 27.9, "%g %g", chi_square(dx, 7, 10000),
                  chi_square(dy, 7, 10000));
        CHECK_MSG(chi_square(contrast, 10, 10000) < 33.8, "%g", chi_square(contrast, 10, 10000));
        CHECK_MSG(chi_square(brightness, 10, 10000) < 33.8, "%g", chi_square(brightness, 10, 10000));
        CHECK_MSG(chi_square(area, 10, 10000) < 33.8, "%g", chi_square(area, 10, 10000));
        CHECK_MSG(chi_square(left, 5, 10000) < 23.6, "%g", chi_square(left, 5, 10000));
    }
}

/* Switching one change off leaves the others' choices; sides that no box fits get the
 * largest in the middle. */
static void test_choices(void)
{
    struct fus_augment all = {0}, less = {0};
    CHECK(fus_augment_parse(&all, "crop,shift=3,flip,jitter=.4", NULL) == 0 &&
          fus_augment_parse(&less, "flip,jitter=.4", NULL) == 0);
    for (uint64_t i = 0; i < 50; i++) {
        struct fus_augment_choice a, b;
        fus_augment_choose(&a, &all, 60, 40, 1, 2, i);
        fus_augment_choose(&b, &less, 60, 40, 1, 2, i);
        CHECK(a.flip == b.flip && a.contrast == b.contrast && a.brightness == b.brightness && b.dx == 0 && b.dy == 0 &&
              b.width == 60 && b.height == 40);
    }
    struct fus_augment whole = {.crop = true, .crop_low = 1, .crop_high = 1};
    struct fus_augment_choice c;
    fus_augment_choose(&c, &whole, 300, 10, 1, 0, 0); /* no ratio from 3/4 to 4/3 has this area */
    CHECK(c.width == 13 && c.height == 10 && c.left == 143 && c.top == 0);
    fus_augment_choose(&c, &whole, 10, 300, 1, 0, 0);
    CHECK(c.width == 10 && c.height == 13 && c.top == 143);
}

static void test_apply(void)
{
    enum { SIDE = 6 };
    struct fus_image in = {0};
    struct fus_preprocess p = {SIDE, FUS_BILINEAR, SIDE, {.1f, .2f, .3f}, {.5f, .25f, .125f}};
    float plain[3 * SIDE * SIDE], out[3 * SIDE * SIDE];
    test_noise(&in, SIDE, SIDE, 3);
    struct fus_raster r = fus_raster_of(&in);
    struct fus_augment_choice c = {.contrast = 1};
    fus_preprocess_normalise(plain, &p, in.pixels, 3);
    fus_augment_apply(out, &c, &p, &r);
    CHECK(memcmp(out, plain, sizeof out) == 0);
    c = (struct fus_augment_choice){.contrast = 1, .dx = 2, .dy = -1, .flip = true};
    fus_augment_apply(out, &c, &p, &r);
    for (int k = 0; k < 3; k++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                int sx = SIDE - 1 - x - 2, sy = y + 1; /* shifted first, mirrored then; edges repeated */
                sx = sx < 0 ? 0 : sx, sy = sy >= SIDE ? SIDE - 1 : sy;
                CHECK(out[(k * SIDE + y) * SIDE + x] == plain[(k * SIDE + sy) * SIDE + sx]);
            }
    c = (struct fus_augment_choice){.contrast = 1.3, .brightness = -.1};
    double mean = 0;
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        mean += in.pixels[i] / 255.0 / (3 * SIDE * SIDE);
    fus_augment_apply(out, &c, &p, &r);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double v = (in.pixels[3 * i + 1] / 255.0 - mean) * 1.3 + mean - .1;
        v = v < 0 ? 0 : v > 1 ? 1 : v;
        CHECK(fabs(out[SIDE * SIDE + i] - (v - .2) / .25) < 1e-5);
    }
    fus_image_free(&in);
}

int main(void)
{
    test_parse();
    test_boxes();
    test_uniform();
    test_choices();
    test_apply();
    return test_end();
}
