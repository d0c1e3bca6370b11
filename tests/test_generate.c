/* SPDX-License-Identifier: MIT */
/* stimuli/generate*.c, draw.c, paint.c, sheet.c: the same bytes for the same arguments, everywhere;
 * every subcategory has something in it; captions; limits; memory. */
#include "stimuli/stimuli.h"

#include <limits.h>
#include <time.h>

#include "nn/base/sha256.h"
#include "test.h"

static struct fus_error err;
static const char *const names[] = {"adult", "child",  "body", "limb",       "house",    "corridor",
                                    "word",  "number", "car",  "instrument", "scrambled"};
#define N ((int)(sizeof names / sizeof *names))

static void hash(char hex[65], const char *name, int index, uint64_t seed, int side)
{
    struct fus_image image;
    struct fus_sha256 sha;
    int code = fus_generate_picture(&image, name, index, seed, side, &err);
    CHECK_MSG(code == FUS_OK, "%s %d: %s", name, index, err.msg);
    hex[0] = '\0';
    if (code)
        return;
    CHECK(image.width == side && image.height == side);
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, image.pixels, (size_t)side * (size_t)side * 3);
    fus_sha256_hex(&sha, hex);
    fus_image_free(&image);
}

/* The first eight pictures of each subcategory at 96 pixels with seed 1, then one at 224,
 * by one hash each. After a deliberate change of the drawings, take the new values from
 * this test's messages. */
static const char *const golden[N] = {
    "e081b8b9f2c1917a62f2f7c36ea6a510c392b399f3b33d783efc1633823db132",
    "e3efce7439cd6c1f3e71ebb0617608ed51bdab1dc804b791a868f69ee0838992",
    "baf8a0c37b30f3a7746d8c1310262ccbcc00621e0c1c93e92e41464d95fedbd3",
    "eecfd3a7ce73f16c4b436dbb732c777753aa81ef078da9e9d48d88f1818a0062",
    "c30f9e5881acdb89e832aca0de6651686bd99f349058c08c8e945b888311132c",
    "d5397763e1117b4299be0c7865f9642668ad9ff371c518d0ac88726adbf63e4c",
    "0db87b11e8f5b72de7a0881de313b8009ed3447258599041ca8bc9e89efa589f",
    "5d04f45918b699d5d803c64ee23bec711311f446d8fed91f92b8f74fafa77d59",
    "dd60366bd81fd45e32d5350d06bee66c9fdf1138546bbc7b4f1881f27557ae6f",
    "896754911b671819572abfe064125ffe83796daebeb86458d2c31a07d7d4d043",
    "64b7c6310b6c5d0c4da3240d09c08ebd9b8e75bea4b483f8ca51ae1ae06b0e11",
};

static void test_golden(void)
{
    for (int k = 0; k < N; k++) {
        struct fus_sha256 sha;
        char hex[65];
        fus_sha256_start(&sha);
        for (int i = 0; i < 8; i++) {
            hash(hex, names[k], i, 1, 96);
            fus_sha256_add(&sha, hex, 64);
        }
        hash(hex, names[k], 8, UINT64_MAX, 224);
        fus_sha256_add(&sha, hex, 64);
        fus_sha256_hex(&sha, hex);
        CHECK_MSG(strcmp(hex, golden[k]) == 0, "%s: \"%s\",", names[k], hex);
    }
}

static void test_distinct(void)
{
    for (int k = 0; k < N; k++) {
        char a[65], b[65];
        hash(a, names[k], 0, 1, 64);
        hash(b, names[k], 0, 1, 64);
        CHECK(strcmp(a, b) == 0);
        hash(b, names[k], 1, 1, 64);
        CHECK(strcmp(a, b) != 0);
        hash(b, names[k], 0, 2, 64);
        CHECK(strcmp(a, b) != 0);
        hash(b, names[k], INT_MAX, 1, 32);
        hash(b, names[k], 3, 0, 333);
    }
}

/* Grey, with contrast, and more of it in the middle than a flat background would have. */
static void test_contrast(void)
{
    enum { SIDE = 112 };
    for (int k = 0; k < N; k++)
        for (int i = 0; i < 12; i++) {
            struct fus_image image;
            if (fus_generate_picture(&image, names[k], i, 7, SIDE, &err)) {
                CHECK(false);
                continue;
            }
            double sum = 0, squares = 0;
            int low = 255, high = 0;
            bool grey = true;
            for (int p = 0; p < SIDE * SIDE; p++) {
                int v = image.pixels[3 * p];
                grey = grey && v == image.pixels[3 * p + 1] && v == image.pixels[3 * p + 2];
                sum += v;
                squares += (double)v * v;
                low = v < low ? v : low;
                high = v > high ? v : high;
            }
            double mean = sum / (SIDE * SIDE), deviation = sqrt(squares / (SIDE * SIDE) - mean * mean);
            CHECK(grey);
            CHECK_MSG(mean > 70 && mean < 190 && deviation > 18 && deviation < 85 && low < 70 && high > 165,
                      "%s %d: mean %.1f, deviation %.1f, %d..%d", names[k], i, mean, deviation, low, high);
            fus_image_free(&image);
        }
}

/* Boxes are only moved: the grey values are those of the picture that was scrambled. */
static void test_scrambled(void)
{
    enum { SIDE = 128 };
    struct fus_image a, b;
    int count[256] = {0};
    for (int k = 0; k < 10; k++) {
        if (fus_generate_picture(&a, names[k], 0, 5 ^ 0x5c3a, SIDE, &err) ||
            fus_generate_picture(&b, "scrambled", k, 5, SIDE, &err)) {
            CHECK(false);
            return;
        }
        memset(count, 0, sizeof count);
        for (int p = 0; p < SIDE * SIDE; p++) {
            count[a.pixels[3 * p]]++;
            count[b.pixels[3 * p]]--;
        }
        for (int v = 0; v < 256; v++)
            CHECK(count[v] == 0);
        CHECK(memcmp(a.pixels, b.pixels, (size_t)SIDE * SIDE * 3) != 0);
        fus_image_free(&a);
        fus_image_free(&b);
    }
}

static void test_captions(void)
{
    for (int k = 0; k < N; k++) {
        char first[300] = "";
        int different = 0;
        for (int i = 0; i < 300; i++) {
            char text[300] = "", small[20];
            CHECK(fus_generate_caption(text, sizeof text, names[k], i, 3) == FUS_OK);
            size_t n = strlen(text);
            CHECK_MSG(n > 5 && n < 239, "%s %d: %s", names[k], i, text);
            CHECK_MSG(!strstr(text, "  ") && !strstr(text, " ,") && text[n - 1] != ' ', "%s %d: %s", names[k], i, text);
            CHECK_MSG(text[0] == 'a' || text[0] == 't' || text[0] == 's', "%s", text);
            CHECK(fus_generate_caption(small, sizeof small, names[k], i, 3) == FUS_OK &&
                  strncmp(small, text, 19) == 0 && strlen(small) <= 19);
            if (i == 0)
                strcpy(first, text);
            different += strcmp(first, text) != 0;
        }
        CHECK_MSG(different > 200, "%s: %d", names[k], different);
    }
    char text[10];
    CHECK(fus_generate_caption(text, sizeof text, "dog", 0, 1) == FUS_ENOTFOUND);
    CHECK(fus_generate_caption(text, sizeof text, "car", -1, 1) == FUS_EINVAL);
    CHECK(fus_generate_caption(text, 0, "car", 0, 1) == FUS_EINVAL);
}

static void test_arguments(void)
{
    struct fus_image image = {.width = 7, .height = 8};
    CHECK(fus_generate_picture(&image, "dog", 0, 1, 64, &err) == FUS_ENOTFOUND && strstr(err.msg, "dog") &&
          strstr(err.msg, "scrambled"));
    CHECK(fus_generate_picture(&image, "car", -1, 1, 64, &err) == FUS_EINVAL);
    CHECK(fus_generate_picture(&image, "car", 0, 1, 31, &err) == FUS_EINVAL && strstr(err.msg, "32 to 4096"));
    CHECK(fus_generate_picture(&image, "car", 0, 1, 4097, NULL) == FUS_EINVAL);
    CHECK(image.width == 7 && image.height == 8 && image.pixels == NULL);
}

static void test_memory(void)
{
    struct fus_image image;
    for (int k = 0; k < N; k++) {
        long n = 1;
        for (;; n++) {
            fus_base_fail_allocation(n);
            int code = fus_generate_picture(&image, names[k], 0, 1, 64, &err);
            fus_base_fail_allocation(0);
            if (!code)
                break;
            CHECK_MSG(code == FUS_ENOMEM, "%s", err.msg);
        }
        CHECK(n > 5);
        fus_image_free(&image);
    }
}

/* Processor time, generous enough for an emulator; about 5 ms is usual. */
static void test_time(void)
{
    double worst = 0;
    for (int k = 0; k < N; k++)
        for (int i = 0; i < 15; i++) {
            char hex[65];
            clock_t start = clock();
            hash(hex, names[k], 100 + i, 9, 224);
            double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
            worst = seconds > worst ? seconds : worst;
        }
    CHECK_MSG(worst < 2, "%.2f s for a picture", worst);
}

static void test_sheet(void)
{
    struct fus_set set;
    struct fus_image sheet = {0};
    if (fus_set_open(&set, "builtin?per_category=5&seed=2", NULL, &err)) {
        CHECK(false);
        return;
    }
    CHECK(fus_set_sheet(&sheet, &set, 32, 3, &err) == FUS_OK);
    CHECK(sheet.width == 2 * 9 + 3 * 34 &&
          sheet.height == 6 * 9 + 10 * 34); /* gaps of 9 around, 2 between; 2 rows a category */
    CHECK(sheet.pixels && sheet.pixels[0] == 255);
    fus_image_free(&sheet);
    for (long n = 1; n < 60; n++) {
        fus_base_fail_allocation(n);
        int code = fus_set_sheet(&sheet, &set, 32, 3, &err);
        fus_base_fail_allocation(0);
        CHECK(code == FUS_ENOMEM);
    }
    CHECK(fus_set_sheet(&sheet, &set, 7, 3, &err) == FUS_EINVAL &&
          fus_set_sheet(&sheet, &set, 32, 0, &err) == FUS_EINVAL);
    fus_set_close(&set);
    if (!fus_set_open(&set, "builtin?per_category=20000", NULL, &err)) {
        CHECK(fus_set_sheet(&sheet, &set, 128, 10, &err) == FUS_ELIMIT && strstr(err.msg, "smaller"));
        fus_set_close(&set);
    }
}

int main(void)
{
    fus_base_set_threads(1);
    test_golden();
    test_distinct();
    test_contrast();
    test_scrambled();
    test_captions();
    test_arguments();
    test_memory();
    test_time();
    test_sheet();
    return test_end();
}
