/* SPDX-License-Identifier: MIT */
/* PNM and BMP: pixels equal Pillow's, what is written reads back, damage; files of
 * other kinds are named. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "tests/images.h"

static void test_write(void)
{
    struct fus_image image = {0}, back = {0};
    struct fus_error err = {0, -1, ""};
    char path[64];
    snprintf(path, sizeof path, "build/test-pnm-%ld.ppm", (long)getpid());
    test_noise(&image, 19, 7, 3);
    CHECK(fus_pnm_write(path, &image, &err) == 0 && fus_decode_file(&back, path, &err) == 0);
    CHECK(back.pixels && back.width == 19 && back.height == 7 && memcmp(back.pixels, image.pixels, 19 * 7 * 3) == 0);
    fus_image_free(&back);
    remove(path);
    CHECK(fus_pnm_write("build/no-such-folder/x.ppm", &image, &err) == FUS_EIO && strstr(err.msg, "no-such-folder"));
    fus_image_free(&image);
}

static void test_read(void)
{
    struct fus_image image = {0};
    struct fus_error err = {0, -1, ""};
    CHECK(fus_decode_file(&image, "build/no-such-picture.jpg", &err) == FUS_EIO &&
          strstr(err.msg, "no-such-picture.jpg: "));
    CHECK(fus_decode_file(&image, "tests", &err) == FUS_EIO && strstr(err.msg, "tests: is a folder"));
    CHECK(fus_image_create(&image, 0, 5, &err) == FUS_EINVAL);
    CHECK(fus_image_create(&image, 100000, 100000, &err) == FUS_ELIMIT);
    CHECK(!image.pixels);
}

/* The limit of pixels holds for what is read, in every format; what the program makes may
 * have as many as ever. */
static void test_limit(void)
{
    static const char *const files[] = {"img_grey_33x18.jpg", "img_grey_16.png", "img_win_8.bmp", "net_grey.pgm"};
    for (int i = 0; i < 4; i++, fus_image_set_max_pixels(FUS_IMAGE_MAX_PIXELS)) {
        struct fus_image image = {0};
        struct fus_error err = {0, -1, ""};
        char path[128], found[64];
        snprintf(path, sizeof path, "tests/golden/%s", files[i]);
        CHECK_MSG(fus_decode_file(&image, path, &err) == 0, "%s", err.msg);
        size_t n = (size_t)image.width * (size_t)image.height;
        snprintf(found, sizeof found, "found %d x %d pixels, at most %zu are read", image.width, image.height, n - 1);
        fus_image_free(&image);
        fus_image_set_max_pixels(n - 1);
        CHECK_MSG(fus_decode_file(&image, path, &err) == FUS_ELIMIT && strstr(err.msg, found) && !image.pixels, "%s",
                  err.msg);
        CHECK(fus_image_create(&image, 1000, 1000, &err) == 0);
        fus_image_free(&image);
        fus_image_set_max_pixels(n);
        CHECK_MSG(fus_decode_file(&image, path, &err) == 0, "%s", err.msg);
        fus_image_free(&image);
    }
    fus_image_set_max_pixels((size_t)-1); /* as far as it goes */
    CHECK(fus_image_check(50000, 40000, 0, NULL) == 0 && fus_image_check(50001, 40000, 0, NULL) == FUS_ELIMIT);
    CHECK(fus_image_fits(50000, 40000) && !fus_image_fits(50001, 40000));
    fus_image_set_max_pixels(FUS_IMAGE_MAX_PIXELS);
    CHECK(fus_image_fits(10000, 10000) && !fus_image_fits(10001, 10000));
}

/* A jump in a run-length coded bitmap leaves colour 0; rows run from the bottom. */
static void test_jump(void)
{
    static const uint8_t file[] = {'B', 'M', 0,  0,  0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40, 0, 0, 0, 3,
                                   0,   0,   0,  3,  0, 0, 0, 1, 0, 8, 0,  1, 0, 0, 0,  0, 0, 0, 0,
                                   0,   0,   0,  0,  0, 0, 0, 0, 2, 0, 0,  0, 0, 0, 0,  0, 9, 9, 9,
                                   0,   30,  20, 10, 0, 1, 1, 0, 2, 1, 1,  1, 1, 0, 0,  0, 0, 0, 1};
    static const uint8_t want[9] = {9, 9, 9, 9, 9, 10, 10, 9, 9}; /* red */
    struct fus_image image = {0};
    struct fus_error err = {0, -1, ""};
    CHECK_MSG(fus_decode_picture(&image, file, sizeof file, &err) == 0, "%s", err.msg);
    for (int i = 0; image.pixels && i < 9; i++)
        CHECK_MSG(image.pixels[3 * i] == want[i], "pixel %d: %d", i, image.pixels[3 * i]);
    fus_image_free(&image);
}

int main(void)
{
    test_golden(".pbm", 2);
    test_golden(".pgm", 9);
    test_golden(".ppm", 10);
    test_golden(".bmp", 16);
    test_bad(".pgm", 2);
    test_bad(".ppm", 4);
    test_bad(".bmp", 9);
    test_bad(".txt", 1);
    test_bad(".gif", 1);
    test_bad(".tif", 1);
    test_bad(".webp", 1);
    test_write();
    test_read();
    test_limit();
    test_jump();
    return test_end();
}
