/* SPDX-License-Identifier: MIT */
/* stimuli/image/exif.c: orientations and upright pixels as Pillow has them, and damage
 * that does no harm. */
#include "nn/base/sha256.h"
#include "stimuli/stimuli.h"
#include "test.h"

static struct fus_error err;

static void test_golden(void)
{
    char name[64], path[100], want[80], hex[FUS_SHA256_HEX];
    int orientation, width, height, n = 0;
    FILE *f = fopen("tests/golden/exif_list.txt", "r");
    CHECK(f != NULL);
    while (f && fscanf(f, "%63s %d %d %d %79s", name, &orientation, &width, &height, want) == 5) {
        struct fus_image image = {0};
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        snprintf(path, sizeof path, "tests/golden/%s", name);
        CHECK(fus_base_read_file(&bytes, &n_bytes, path, FUS_IMAGE_MAX_BYTES, &err) == FUS_OK);
        CHECK_MSG(fus_exif_orientation(bytes, n_bytes) == orientation, "%s", name);
        CHECK(fus_decode_picture(&image, bytes, n_bytes, &err) == FUS_OK && image.width == 5 && image.height == 3);
        CHECK(fus_exif_turn(&image, orientation, &err) == FUS_OK && image.width == width && image.height == height);
        struct fus_sha256 sha;
        fus_sha256_start(&sha);
        fus_sha256_add(&sha, image.pixels, 45);
        fus_sha256_hex(&sha, hex);
        CHECK_MSG(strcmp(hex, want) == 0, "%s", name);
        fus_image_free(&image);
        fus_base_free(bytes);
        n++;
    }
    if (f)
        fclose(f);
    CHECK(n == 8);
}

/* Prefixes and changed bytes; each in memory of its own size, so that a sanitizer sees
 * one byte too far. */
static void test_damage(void)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    unsigned state = 1;
    CHECK(fus_base_read_file(&bytes, &n, "tests/golden/exif_6.jpg", FUS_IMAGE_MAX_BYTES, &err) == FUS_OK);
    for (size_t k = 0; k <= n && k < 200; k++) {
        uint8_t *part = malloc(k ? k : 1);
        CHECK(part != NULL);
        if (!part)
            break;
        memcpy(part, bytes, k);
        int got = fus_exif_orientation(part, k);
        CHECK(got == 1 || got == 6);
        free(part);
    }
    for (int i = 0; i < 5000; i++) {
        uint8_t *part = malloc(200);
        CHECK(part != NULL);
        if (!part)
            break;
        memcpy(part, bytes, 200);
        for (int k = 0; k < 1 + i % 4; k++) {
            state = state * 1103515245u + 12345u;
            part[2 + (state >> 16) % 150] = (uint8_t)(state >> 8);
        }
        int got = fus_exif_orientation(part, 200);
        CHECK(got >= 1 && got <= 8);
        free(part);
    }
    fus_base_free(bytes);
    CHECK(fus_exif_orientation((const uint8_t *)"", 0) == 1);
    static const uint8_t fill[8] = {0xff, 0xd8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    CHECK(fus_exif_orientation(fill, sizeof fill) == 1);
}

static void test_wrong_files(void)
{
    struct fus_image image = {0};
    CHECK(fus_image_create(&image, 2, 1, &err) == FUS_OK);
    CHECK(fus_exif_turn(&image, 0, &err) == FUS_EINVAL && fus_exif_turn(&image, 9, &err) == FUS_EINVAL);
    fus_base_fail_allocation(1);
    CHECK(fus_exif_turn(&image, 6, &err) == FUS_ENOMEM && image.width == 2);
    fus_base_fail_allocation(0);
    fus_image_free(&image);
}

int main(void)
{
    test_golden();
    test_damage();
    test_wrong_files();
    return test_end();
}
