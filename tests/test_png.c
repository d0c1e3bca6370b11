/* SPDX-License-Identifier: MIT */
/* PNG: pixels equal Pillow's (16-bit grey: the high byte), what is written reads back, damage. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "tests/images.h"

static void check_written(const char *path, const struct fus_image *image, const char *what)
{
    struct fus_image back = {0};
    struct fus_error err = {0, -1, ""};
    CHECK_MSG(fus_png_write(path, image, &err) == 0 && fus_decode_file(&back, path, &err) == 0, "%s: %s", what,
              err.msg);
    size_t n = 3 * (size_t)image->width * (size_t)image->height;
    CHECK_MSG(back.pixels && back.width == image->width && back.height == image->height &&
                  memcmp(back.pixels, image->pixels, n) == 0,
              "%s", what);
    fus_image_free(&back);
}

static void test_write(void)
{
    char path[64];
    snprintf(path, sizeof path, "build/test-png-%ld.png", (long)getpid());
    for (int i = 0; i < 60; i++) {
        struct fus_image image = {0};
        test_noise(&image, 1 + i * 7 % 50, 1 + i * 11 % 37, (uint32_t)i);
        size_t n = 3 * (size_t)image.width * (size_t)image.height;
        for (size_t k = 0; k < n; k++) /* noise, few colours, stripes, one colour */
            image.pixels[k] = (uint8_t)(i % 4 == 0   ? image.pixels[k]
                                        : i % 4 == 1 ? image.pixels[k] & 0x80
                                        : i % 4 == 2 ? k / 9
                                                     : 200);
        check_written(path, &image, "small");
        fus_image_free(&image);
    }
    struct fus_image large = {0};
    CHECK(fus_image_create(&large, 700, 500, NULL) == 0);
    for (size_t k = 0; k < 700 * 500 * 3; k++)
        large.pixels[k] = (uint8_t)(k / 2100 * (k % 2100) >> 9);
    check_written(path, &large, "large");
    for (long k = 1; k <= 3; k++) {
        fus_base_fail_allocation(k);
        CHECK(fus_png_write(path, &large, NULL) == FUS_ENOMEM);
        fus_base_fail_allocation(0);
    }
    fus_image_free(&large);
    remove(path);
    struct fus_error err = {0, -1, ""};
    test_noise(&large, 2, 2, 1);
    CHECK(fus_png_write("build/no-such-folder/x.png", &large, &err) == FUS_EIO && strstr(err.msg, "no-such-folder"));
    fus_image_free(&large);
}

static void check_dim(const char *name, int want, int n_want, const char *first_want, int dim_want)
{
    struct fus_image image = {0};
    const char *first;
    int dim, n;
    CHECK(fus_decode_file(&image, name, NULL) == 0);
    CHECK_MSG(image.dim == want, "%s: %d", name, image.dim);
    fus_image_free(&image);
    n = fus_image_noted_dim(&first, &dim);
    CHECK_MSG(n == n_want && strcmp(first, first_want) == 0 && dim == dim_want, "%d, %s, %d", n, first, dim);
}

/* Pictures of 16 bits that use 12 or fewer are noted, each once. */
static void test_dim(void)
{
    const char *a = "tests/golden/img_dim_16.png", *b = "tests/golden/img_dim_8_16.png", *first;
    int dim;
    check_dim("tests/golden/img_full_16.png", 0, 0, "", 0);
    check_dim("tests/golden/img_grey_16.png", 0, 0, "", 0);
    check_dim("tests/golden/img_grey_8.png", 0, 0, "", 0);
    check_dim(b, 255, 1, b, 255);
    check_dim(a, 4095, 2, a, 4095);
    check_dim(b, 255, 2, a, 4095);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            char made[16];
            snprintf(made, sizeof made, "z%d", i);
            fus_image_note_dim(made, 1);
        }
    CHECK(fus_image_noted_dim(&first, &dim) == 202 && strcmp(first, a) == 0);
}

int main(void)
{
    test_golden(".png", 45);
    test_bad(".png", 17);
    test_dim();
    test_write();
    return test_end();
}
