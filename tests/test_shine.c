/* SPDX-License-Identifier: MIT */
/* stimuli/control/shine.c: NumPy's pixels; after matching, means and contrasts, or
 * histograms, are the same. */
#include "nn/base/sha256.h"
#include "stimuli/stimuli.h"
#include "test.h"

enum { N = 4 };
static struct fus_error err;

/* As `picture` in tests/golden/controls.py, times `a` over `b` plus `c`. */
static struct fus_image picture(int width, int height, bool grey, int a, int b, int c)
{
    struct fus_image image = {0};
    unsigned v = (unsigned)(width + height);
    if (fus_image_create(&image, width, height, &err))
        exit(1);
    for (size_t i = 0; i < 3 * (size_t)width * (size_t)height; i++) {
        v = v * 1103515245u + 12345u;
        image.pixels[i] = grey && i % 3 ? image.pixels[i - 1] : (uint8_t)((int)(v >> 24) / b * a + c);
    }
    return image;
}

/* As `shine_set` there. */
static void make_set(struct fus_image *in, struct fus_shine_target *target, struct fus_shine_light *light)
{
    in[0] = picture(24, 16, true, 1, 3, 0);
    in[1] = picture(24, 16, false, 1, 2, 100);
    in[2] = picture(13, 29, false, 2, 4, 0);
    in[3] = picture(24, 16, true, 0, 1, 90);
    for (int i = 0; i < N; i++)
        fus_shine_measure(&light[i], &in[i]);
    fus_shine_average(target, light, N);
}

static const struct {
    double mean, sd;
    const char *matched, *exact;
} golden[N] = {
#include "golden/control_shine.inc"
};

static bool has_digest(const struct fus_image *image, const char *want)
{
    struct fus_sha256 sha;
    char hex[FUS_SHA256_HEX];
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, image->pixels, 3 * (size_t)image->width * (size_t)image->height);
    fus_sha256_hex(&sha, hex);
    return strcmp(hex, want) == 0;
}

static void test_numpy(void)
{
    struct fus_image in[N], out = {0};
    struct fus_shine_light light[N];
    struct fus_shine_target target;
    make_set(in, &target, light);
    for (int i = 0; i < N; i++) {
        CHECK(test_close(light[i].mean, golden[i].mean, 1e-13));
        CHECK(golden[i].sd < 1e-9 ? light[i].sd == 0 : test_close(light[i].sd, golden[i].sd, 1e-12));
        CHECK(fus_shine_luminance(&out, NULL, &in[i], &target, &err) == FUS_OK);
        CHECK_MSG(has_digest(&out, golden[i].matched), "luminance, picture %d", i);
        fus_image_free(&out);
        CHECK(fus_shine_histogram(&out, NULL, &in[i], &target, &err) == FUS_OK);
        CHECK_MSG(has_digest(&out, golden[i].exact), "histogram, picture %d", i);
        fus_image_free(&out);
    }
    for (int i = 0; i < N; i++)
        fus_image_free(&in[i]);
}

/* Grey pictures of one size: one histogram for all, to the pixel; means and SDs to the
 * rounding of pixels. */
static void test_same(void)
{
    struct fus_image in[3] = {picture(40, 30, true, 1, 4, 90), picture(40, 30, true, 1, 2, 60),
                              picture(40, 30, true, 1, 3, 110)},
                     out = {0};
    struct fus_shine_light light[3], after[3];
    struct fus_shine_target target;
    size_t clipped = 1;
    for (size_t i = 0; i < 1200 * 3; i++)
        in[2].pixels[i] = (uint8_t)(120 + i / 3 / 40); /* a ramp: whole rows tie */
    for (int i = 0; i < 3; i++)
        fus_shine_measure(&light[i], &in[i]);
    fus_shine_average(&target, light, 3);
    for (int i = 0; i < 3; i++) {
        CHECK(fus_shine_luminance(&out, &clipped, &in[i], &target, &err) == FUS_OK && clipped == 0);
        fus_shine_measure(&after[i], &out);
        CHECK_MSG(fabs(after[i].mean - target.mean) < 0.1 && fabs(after[i].sd - target.sd) < 0.1, "%d: %g %g", i,
                  after[i].mean, after[i].sd);
        fus_image_free(&out);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(fus_shine_histogram(&out, &clipped, &in[i], &target, &err) == FUS_OK && clipped == 0);
        fus_shine_measure(&after[i], &out);
        CHECK(memcmp(after[i].histogram, after[0].histogram, sizeof after[0].histogram) == 0);
        bool ordered = true; /* no pixel overtakes a darker one */
        for (size_t a = 0; a < 1200; a += 7)
            for (size_t b = 0; b < 1200; b++)
                ordered =
                    ordered && !(in[i].pixels[3 * a] < in[i].pixels[3 * b] && out.pixels[3 * a] > out.pixels[3 * b]);
        CHECK(ordered);
        fus_image_free(&out);
    }
    for (int i = 0; i < 3; i++)
        fus_image_free(&in[i]);
}

static void test_errors(void)
{
    struct fus_image in = picture(8, 8, false, 1, 1, 0), out = {0};
    struct fus_shine_light light;
    struct fus_shine_target target;
    fus_shine_measure(&light, &in);
    fus_shine_average(&target, &light, 1);
    for (long n = 1; n <= 2; n++) {
        fus_base_fail_allocation(n);
        CHECK(fus_shine_histogram(&out, NULL, &in, &target, &err) == FUS_ENOMEM && !out.pixels);
        fus_base_fail_allocation(0);
    }
    fus_base_fail_allocation(1);
    CHECK(fus_shine_luminance(&out, NULL, &in, &target, &err) == FUS_ENOMEM && !out.pixels);
    fus_base_fail_allocation(0);
    fus_image_free(&in);
}

int main(void)
{
    test_numpy();
    test_same();
    test_errors();
    return test_end();
}
