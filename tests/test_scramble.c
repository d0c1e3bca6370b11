/* SPDX-License-Identifier: MIT */
/* stimuli/control/scramble.c: NumPy's pixels for the same random choices; boxes are a permutation;
 * phases keep the spectrum. */
#include "nn/base/sha256.h"
#include "stimuli/control/fft.h"
#include "stimuli/stimuli.h"
#include "test.h"

static struct fus_error err;

/* As `picture` in tests/golden/controls.py. */
static struct fus_image picture(int width, int height)
{
    struct fus_image image = {0};
    unsigned v = (unsigned)(width + height);
    if (fus_image_create(&image, width, height, &err))
        exit(1);
    for (size_t i = 0; i < 3 * (size_t)width * (size_t)height; i++) {
        v = v * 1103515245u + 12345u;
        image.pixels[i] = (uint8_t)(v >> 24);
    }
    return image;
}

/* Bands and a disc, as real pictures are: most power at low frequencies. */
static struct fus_image scene(int width, int height)
{
    struct fus_image image = picture(width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.pixels + 3 * ((size_t)y * (size_t)width + (size_t)x);
            int dx = 2 * x - width, dy = 2 * y - height, disc = dx * dx + dy * dy < width * width / 4;
            p[0] = (uint8_t)(disc ? 200 - y * 60 / height : 60 + x * 100 / width + p[0] / 32);
            p[1] = (uint8_t)(disc ? 150 : 90 + p[1] / 32);
            p[2] = (uint8_t)(disc ? 120 : 40 + y * 100 / height);
        }
    return image;
}

static const struct {
    int width, height, grid;
    uint64_t seed;
    const char *sha256;
} golden[] = {
#include "golden/control_scramble.inc"
};

static void test_numpy(void)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        struct fus_image in = picture(golden[i].width, golden[i].height), out = {0};
        struct fus_sha256 sha;
        char hex[FUS_SHA256_HEX];
        int code = golden[i].grid ? fus_scramble_box(&out, &in, golden[i].grid, golden[i].seed, &err)
                                  : fus_scramble_phase(&out, NULL, &in, golden[i].seed, &err);
        CHECK_MSG(code == FUS_OK && out.width == in.width && out.height == in.height, "%s", err.msg);
        if (code)
            continue;
        fus_sha256_start(&sha);
        fus_sha256_add(&sha, out.pixels, 3 * (size_t)in.width * (size_t)in.height);
        fus_sha256_hex(&sha, hex);
        CHECK_MSG(strcmp(hex, golden[i].sha256) == 0, "%d x %d, grid %d", in.width, in.height, golden[i].grid);
        fus_image_free(&in);
        fus_image_free(&out);
    }
}

static uint32_t pixel(const struct fus_image *image, size_t i)
{
    const uint8_t *p = image->pixels + 3 * i;
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Each pixel carries its own number, so that where it went can be read off. */
static void test_boxes(void)
{
    static const struct {
        int width, height, grid;
    } cases[] = {{64, 64, 16}, {224, 224, 16}, {100, 67, 16}, {17, 33, 16}, {40, 40, 40}, {31, 90, 7}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int w = cases[k].width, h = cases[k].height, g = cases[k].grid, moved = 0;
        struct fus_image in = picture(w, h), out = {0}, other = {0};
        size_t n = (size_t)w * (size_t)h;
        for (size_t i = 0; i < n; i++)
            for (int c = 0; c < 3; c++)
                in.pixels[3 * i + (size_t)c] = (uint8_t)(i >> (8 * (2 - c)));
        CHECK(fus_scramble_box(&out, &in, g, 5, &err) == FUS_OK && fus_scramble_box(&other, &in, g, 6, &err) == FUS_OK);
        CHECK(memcmp(out.pixels, other.pixels, 3 * n) != 0);
        bool together = true;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) { /* neighbours in one box stay neighbours */
                size_t i = (size_t)y * (size_t)w + (size_t)x;
                moved += pixel(&out, i) != i;
                bool begins = false;
                for (int b = 0; b < g; b++)
                    begins = begins || x == b * w / g;
                together = together && (begins || pixel(&out, i) == pixel(&out, i - 1) + 1);
            }
        CHECK_MSG(together, "%d x %d in %d", w, h, g);
        CHECK(moved > (int)n * 3 / 4);
        uint32_t *all = calloc(n, sizeof *all);
        if (!all)
            exit(1);
        for (size_t i = 0; i < n; i++)
            all[i] = pixel(&out, i);
        qsort(all, n, sizeof *all, by_value);
        bool permutation = true;
        for (size_t i = 0; i < n; i++)
            permutation = permutation && all[i] == i;
        CHECK(permutation);
        free(all);
        fus_image_free(&in), fus_image_free(&out), fus_image_free(&other);
    }
}

static void test_spectrum(void)
{
    static const int sizes[][2] = {{224, 224}, {64, 48}, {75, 50}, {37, 41}};
    double worst = 0, worst_mean = 0;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int w = sizes[k][0], h = sizes[k][1];
        size_t n = (size_t)w * (size_t)h;
        struct fus_image in = scene(w, h);
        double *values = calloc(3 * n, sizeof *values), difference = 0;
        struct fus_complex *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
        if (!values || !a || !b)
            exit(1);
        CHECK(fus_scramble_phase_values(values, &in, 3, &err) == FUS_OK);
        for (size_t c = 0; c < 3; c++) {
            double largest = 0;
            for (size_t i = 0; i < n; i++) {
                a[i] = (struct fus_complex){in.pixels[3 * i + c], 0};
                b[i] = (struct fus_complex){values[c * n + i], 0};
                difference += fabs(a[i].re - b[i].re) / (double)n;
            }
            CHECK(fus_fft_picture(a, w, h, false, &err) == FUS_OK && fus_fft_picture(b, w, h, false, &err) == FUS_OK);
            worst_mean = fmax(worst_mean, fabs(a[0].re - b[0].re) / (double)n);
            for (size_t i = 1; i < n; i++)
                largest = fmax(largest, hypot(a[i].re, a[i].im));
            for (size_t i = 1; i < n; i++) { /* relative, but to rounding errors where there is no power */
                double before = hypot(a[i].re, a[i].im), after = hypot(b[i].re, b[i].im);
                worst =
                    fmax(worst, fabs(after * after - before * before) / (before * before + 1e-12 * largest * largest));
            }
        }
        CHECK(difference > 10);
        free(values), free(a), free(b);
        fus_image_free(&in);
    }
    printf("phase scrambling: power at each frequency kept within %.2g, mean within %.2g grey levels\n", worst,
           worst_mean);
    CHECK(worst < 1e-3 && worst_mean < 1e-9);
}

/* Grey stays grey; the same choices for the same pixels; clipped values are counted. */
static void test_phase(void)
{
    struct fus_image in = picture(20, 30), one = {0}, two = {0};
    size_t clipped = 0, at_ends = 0;
    for (size_t i = 0; i < 600; i++)
        memset(in.pixels + 3 * i, in.pixels[3 * i] < 128 ? 0 : 255, 3);
    CHECK(fus_scramble_phase(&one, &clipped, &in, 1, &err) == FUS_OK &&
          fus_scramble_phase(&two, NULL, &in, 1, &err) == FUS_OK);
    CHECK(memcmp(one.pixels, two.pixels, 1800) == 0);
    for (size_t i = 0; i < 1800; i++)
        at_ends += one.pixels[i] == 0 || one.pixels[i] == 255;
    CHECK(clipped > 10 && clipped <= at_ends);
    for (size_t i = 0; i < 600; i++)
        CHECK(one.pixels[3 * i] == one.pixels[3 * i + 1] && one.pixels[3 * i] == one.pixels[3 * i + 2]);
    fus_image_free(&two);
    CHECK(fus_scramble_phase(&two, NULL, &in, 2, &err) == FUS_OK && memcmp(one.pixels, two.pixels, 1800) != 0);
    fus_image_free(&in), fus_image_free(&one), fus_image_free(&two);
}

static void test_errors(void)
{
    struct fus_image in = picture(20, 10), out = {0};
    CHECK(fus_scramble_box(&out, &in, 16, 1, &err) == FUS_EINVAL &&
          strstr(err.msg, "found 20 x 10 pixels, expected at least 16 x 16"));
    CHECK(fus_scramble_box(&out, &in, 0, 1, &err) == FUS_EINVAL &&
          fus_scramble_box(&out, &in, 5000, 1, NULL) == FUS_EINVAL);
    for (int method = 0; method < 2; method++)
        for (long n = 1;; n++) {
            fus_base_fail_allocation(n);
            int code = method ? fus_scramble_phase(&out, NULL, &in, 1, &err) : fus_scramble_box(&out, &in, 4, 1, &err);
            fus_base_fail_allocation(0);
            if (!code) {
                fus_image_free(&out);
                break;
            }
            CHECK(code == FUS_ENOMEM && out.pixels == NULL);
        }
    fus_image_free(&in);
}

int main(void)
{
    test_numpy();
    test_boxes();
    test_spectrum();
    test_phase();
    test_errors();
    return test_end();
}
