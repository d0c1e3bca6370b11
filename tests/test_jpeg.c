/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
/* JPEG: pixels equal Pillow's; fLoc's pictures where they are; damage. */
#include <dirent.h>

#include "nn/base/cpu.h"
#include "nn/base/inflate.h"
#include "stimuli/image/decode.h"
#include "stimuli/image/jpeg.h"
#include "tests/images.h"

/* Forward cosine transform of each coefficient alone: the integer inverse must be within 1
 * of the exact one. */
static void test_idct(fus_jpeg_idct *idct)
{
    const double pi = 3.14159265358979323846;
    int worst = 0;
    for (int k = 0; k < 64; k++) {
        int16_t block[64] = {0};
        uint8_t out[64];
        int natural = fus_jpeg_zigzag[k], u = natural % 8, v = natural / 8;
        block[natural] = 500;
        idct(out, 8, block, k);
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 8; x++) {
                double e = 500 / 4.0 * (u ? 1 : sqrt(0.5)) * (v ? 1 : sqrt(0.5)) * cos((2 * x + 1) * u * pi / 16) *
                           cos((2 * y + 1) * v * pi / 16);
                int error = abs((int)out[8 * y + x] - (int)fmin(fmax(floor(e + 128.5), 0), 255));
                worst = error > worst ? error : worst;
            }
    }
    CHECK_MSG(worst <= 1, "an inverse DCT is off by %d", worst);
}

/* Leaving out sums that are zero changes nothing: a claimed last coefficient of 63 gives
 * the same block. Nor does the instruction set, for coefficients of any size, in rows or
 * columns alone too. */
static void test_pruning(fus_jpeg_idct *plain, fus_jpeg_idct *idct)
{
    uint32_t r = 7;
    for (int n = 0; n < 60000; n++) {
        int16_t block[64] = {0};
        uint8_t pruned[64], full[64], other[64];
        int last = n % 64, lines = n / 768 % 8;
        for (int k = 0; k <= last; k++) {
            int natural = fus_jpeg_zigzag[k];
            r = r * 1664525u + 1013904223u;
            if ((lines != 1 || natural < 8) && (lines != 2 || natural % 8 == 0))
                block[natural] = (int16_t)((int32_t)r >> (16 + n / 64 % 12));
        }
        idct(pruned, 8, block, last);
        idct(full, 8, block, 63);
        plain(other, 8, block, last);
        if (!CHECK(memcmp(pruned, full, 64) == 0 && memcmp(pruned, other, 64) == 0))
            return;
    }
}

static void test_transforms(void)
{
    fus_cpu_set_isa("scalar");
    fus_jpeg_idct *plain = fus_jpeg_idct_pick();
    fus_cpu_set_isa(NULL);
    test_idct(plain);
    test_idct(fus_jpeg_idct_pick());
    test_pruning(plain, plain);
    test_pruning(plain, fus_jpeg_idct_pick());
}

static bool same_pixels(const struct fus_raster *r, const struct fus_image *image)
{
    bool same = r->width == image->width && r->height == image->height;
    for (int y = 0; y < image->height && same; y++)
        for (int i = 0; i < 3 * image->width && same; i++)
            same = r->pixels[(size_t)y * r->stride + (size_t)(r->channels == 3 ? i : i / 3)] ==
                   image->pixels[3 * (size_t)y * (size_t)image->width + (size_t)i];
    return same;
}

/* As a raster a picture has one channel where it is grey, and the same pixels; so has what
 * is resized from it. */
static void test_raster(const char *name, bool grey)
{
    struct fus_raster r = {0}, small = {0};
    struct fus_image image = {0}, resized = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s", name);
    CHECK(fus_base_read_file(&bytes, &n, path, 1 << 20, NULL) == 0);
    CHECK(fus_decode_raster(&r, bytes, n, NULL) == 0 && fus_decode_picture(&image, bytes, n, NULL) == 0);
    CHECK(r.channels == (grey ? 1 : 3) && same_pixels(&r, &image));
    CHECK(fus_resize_raster(&small, &r, 20, 7, FUS_BILINEAR, NULL) == 0 &&
          fus_resize_image(&resized, &image, 20, 7, FUS_BILINEAR, NULL) == 0);
    CHECK(small.channels == r.channels && same_pixels(&small, &resized));
    fus_raster_free(&r);
    fus_raster_free(&small);
    fus_image_free(&image);
    fus_image_free(&resized);
    fus_base_free(bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* CRC-32 over the pixels of all 264 fLoc pictures, one after another in the order of their paths:
 * Pillow gives the same. */
static void test_floc(void)
{
    static const char *const folders[] = {"adult",      "body", "car",    "child",     "corridor", "house",
                                          "instrument", "limb", "number", "scrambled", "word"};
    static char paths[400][512];
    char *sorted[400], root[1024];
    int n = 0;
    if (!test_shared("floc/adult/adult-1.jpg")) {
        SKIP("the fLoc pictures are not here");
        return;
    }
    snprintf(root, sizeof root, "%s", test_shared("floc/adult/adult-1.jpg"));
    root[strlen(root) - strlen("adult/adult-1.jpg")] = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char folder[1200];
        snprintf(folder, sizeof folder, "%s%s", root, folders[i]);
        DIR *d = opendir(folder);
        struct dirent *e;
        while (d && n < 400 && (e = readdir(d)))
            if (test_ends_with(e->d_name, ".jpg")) {
                snprintf(paths[n], sizeof paths[n], "%.20s/%.200s", folders[i], e->d_name);
                sorted[n] = paths[n];
                n++;
            }
        if (d)
            closedir(d);
    }
    qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    uint32_t crc = 0;
    for (int i = 0; i < n; i++) {
        struct fus_image image = {0};
        struct fus_error err;
        char path[2048];
        snprintf(path, sizeof path, "%s%s", root, sorted[i]);
        int code = fus_decode_file(&image, path, &err);
        CHECK_MSG(code == 0, "%s", err.msg);
        if (!code)
            crc = fus_inflate_crc32(crc, image.pixels, 3 * (size_t)image.width * (size_t)image.height);
        fus_image_free(&image);
    }
    if (n == 264)
        CHECK_MSG(crc == 0x8920fe81u, "CRC-32 %08x", (unsigned)crc);
    else
        SKIP("not the 264 fLoc pictures whose hash is known");
}

int main(void)
{
    test_transforms();
    test_raster("img_grey_33x18.jpg", true);
    test_raster("img_grey_22.jpg", true);
    test_raster("img_progressive_grey.jpg", true);
    test_raster("img_420_33x18.jpg", false);
    test_golden(".jpg", 64);
    test_bad(".jpg", 20);
    test_floc();
    return test_end();
}
