/* SPDX-License-Identifier: MIT */
/* What the tests of picture formats share: golden lists, noise, and the damage every
 * decoder must survive. */
#ifndef FUS_TESTS_IMAGES_H
#define FUS_TESTS_IMAGES_H

#include "nn/base/base.h"
#include "nn/base/sha256.h"
#include "stimuli/stimuli.h"
#include "tests/test.h"

static inline void test_sha256(char hex[FUS_SHA256_HEX], const void *bytes, size_t n)
{
    struct fus_sha256 s;
    fus_sha256_start(&s);
    fus_sha256_add(&s, bytes, n);
    fus_sha256_hex(&s, hex);
}

static inline void test_pixels_sha256(char hex[FUS_SHA256_HEX], const struct fus_image *image)
{
    test_sha256(hex, image->pixels, 3 * (size_t)image->width * (size_t)image->height);
}

/* The pixels of `noise` in tests/golden/images.py. */
static inline void test_noise(struct fus_image *image, int width, int height, uint32_t v)
{
    CHECK(fus_image_create(image, width, height, NULL) == 0);
    for (size_t i = 0; i < 3 * (size_t)width * (size_t)height; i++) {
        v = v * 1103515245u + 12345u;
        image->pixels[i] = (uint8_t)(v >> 16);
    }
}

static inline bool test_ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* A damaged file must fail with a message, or give a picture: this decodes it and says which. */
static inline int test_damaged(const uint8_t *bytes, size_t n, char hex[FUS_SHA256_HEX])
{
    struct fus_image image = {0};
    struct fus_error err = {0, -1, ""};
    uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees the end */
    memcpy(exact, bytes, n);
    int code = fus_decode_picture(&image, exact, n, &err);
    if (code) {
        CHECK_MSG(err.code == code && err.msg[0] && !image.pixels, "code %d, message `%s`", code, err.msg);
    } else {
        test_pixels_sha256(hex, &image);
        fus_image_free(&image);
    }
    free(exact);
    return code;
}

/* Every prefix fails or, where only padding is missing, gives the same pixels; 2000 single-byte
 * changes end in order; whichever allocation fails, FUS_ENOMEM comes back. */
static inline void test_damage(const char *name, uint8_t *bytes, size_t n, const char *want)
{
    char hex[FUS_SHA256_HEX];
    /* PNG: IEND, checksums and chunks behind the pixels */
    int accepted = 0, at_most = test_ends_with(name, ".png") ? 140 : 40;
    for (size_t i = 0; i < n; i += TEST_DAMAGE_STEP)
        if (test_damaged(bytes, i, hex) == 0) {
            CHECK_MSG(strcmp(hex, want) == 0, "%s: the first %zu of %zu bytes give another picture", name, i, n);
            accepted++;
        }
    CHECK_MSG(accepted <= at_most, "%s: %d prefixes are accepted", name, accepted);
    uint32_t r = 1;
    for (int i = 0; i < 2000; i += TEST_DAMAGE_STEP) {
        r = r * 1664525u + 1013904223u;
        size_t at = (size_t)(r >> 8) % n;
        uint8_t old = bytes[at];
        bytes[at] ^= (uint8_t)(1 + i % 255);
        test_damaged(bytes, n, hex);
        bytes[at] = old;
    }
    for (long k = 1;; k++) {
        struct fus_image image = {0};
        fus_base_fail_allocation(k);
        int code = fus_decode_picture(&image, bytes, n, NULL);
        fus_base_fail_allocation(0);
        if (code == 0) {
            fus_image_free(&image);
            break;
        }
        if (!CHECK(code == FUS_ENOMEM && !image.pixels) || k > 100)
            break;
    }
}

/* Every picture in img_list.txt that ends so. */
static inline void test_golden(const char *end, int at_least)
{
    FILE *f = fopen("tests/golden/img_list.txt", "r");
    char name[128], want[FUS_SHA256_HEX], path[256];
    int width, height, n_files = 0;
    CHECK(f != NULL);
    while (f && fscanf(f, "%127s %d %d %64s", name, &width, &height, want) == 4) {
        if (!test_ends_with(name, end))
            continue;
        struct fus_image image = {0};
        struct fus_error err = {0, -1, ""};
        uint8_t *bytes = NULL;
        size_t n;
        char hex[FUS_SHA256_HEX];
        snprintf(path, sizeof path, "tests/golden/%s", name);
        int code = fus_base_read_file(&bytes, &n, path, 1 << 20, &err);
        if (!code)
            code = fus_decode_picture(&image, bytes, n, &err);
        CHECK_MSG(code == 0, "%s: %s", name, err.msg);
        n_files++;
        if (!code) {
            test_pixels_sha256(hex, &image);
            CHECK_MSG(image.width == width && image.height == height && strcmp(hex, want) == 0,
                      "%s: pixels differ from Pillow's", name);
            test_damage(name, bytes, n, want);
        }
        fus_image_free(&image);
        fus_base_free(bytes);
    }
    CHECK(n_files >= at_least);
    if (f)
        fclose(f);
}

/* Every file in tests/bad/img_list.txt that ends so: its code, and its text in the message. */
static inline void test_bad(const char *end, int at_least)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {{"format", FUS_EFORMAT}, {"unsupported", FUS_EUNSUPPORTED}, {"limit", FUS_ELIMIT}};
    FILE *f = fopen("tests/bad/img_list.txt", "r");
    char name[128], word[32], text[128], path[256];
    int n_files = 0;
    CHECK(f != NULL);
    while (f && fscanf(f, "%127s %31s %127[^\n]", name, word, text) == 3) {
        if (!test_ends_with(name, end))
            continue;
        struct fus_image image = {0};
        struct fus_error err = {0, -1, ""};
        int want = -1;
        for (int i = 0; i < 3; i++)
            if (strcmp(word, codes[i].name) == 0)
                want = codes[i].code;
        snprintf(path, sizeof path, "tests/bad/%s", name);
        int code = fus_decode_file(&image, path, &err);
        CHECK_MSG(code == want && strstr(err.msg, text) && strncmp(err.msg, path, strlen(path)) == 0 && !image.pixels,
                  "%s: code %d, message `%s`", name, code, err.msg);
        fus_image_free(&image);
        n_files++;
    }
    CHECK(n_files >= at_least);
    if (f)
        fclose(f);
}

#endif
