/* SPDX-License-Identifier: MIT */
/* Resizing: every byte equals Pillow's. */
#include "nn/base/cpu.h"
#include "tests/images.h"

static void test_pillow(void)
{
    FILE *f = fopen("tests/golden/img_resize.txt", "r");
    int w, h, seed, to_w, to_h, n = 0;
    char filter[16], want[FUS_SHA256_HEX], hex[FUS_SHA256_HEX];
    CHECK(f != NULL);
    while (f && fscanf(f, "%d %d %d %d %d %15s %64s", &w, &h, &seed, &to_w, &to_h, filter, want) == 7) {
        struct fus_image in = {0}, out = {0};
        test_noise(&in, w, h, (uint32_t)seed);
        CHECK(fus_resize_image(&out, &in, to_w, to_h, strcmp(filter, "bicubic") == 0 ? FUS_BICUBIC : FUS_BILINEAR,
                               NULL) == 0);
        test_pixels_sha256(hex, &out);
        CHECK_MSG(out.width == to_w && out.height == to_h && strcmp(hex, want) == 0, "%d x %d -> %d x %d %s", w, h,
                  to_w, to_h, filter);
        fus_image_free(&in);
        fus_image_free(&out);
        n++;
    }
    CHECK(n >= 20);
    if (f)
        fclose(f);
}

/* A grey picture takes a shorter way, with the same result as the first channel of a colour one. */
static void test_grey(void)
{
    struct fus_image grey = {0}, colour = {0}, a = {0}, b = {0};
    test_noise(&grey, 45, 31, 5);
    for (size_t i = 0; i < 45 * 31; i++)
        memset(grey.pixels + 3 * i, grey.pixels[3 * i], 3);
    test_noise(&colour, 45, 31, 6);
    for (size_t i = 0; i < 45 * 31; i++)
        colour.pixels[3 * i] = grey.pixels[3 * i];
    CHECK(fus_resize_image(&a, &grey, 17, 40, FUS_BICUBIC, NULL) == 0 &&
          fus_resize_image(&b, &colour, 17, 40, FUS_BICUBIC, NULL) == 0);
    bool same = a.pixels && b.pixels;
    for (size_t i = 0; same && i < 17 * 40; i++)
        same = a.pixels[3 * i] == b.pixels[3 * i] && a.pixels[3 * i + 2] == b.pixels[3 * i];
    CHECK(same);
    fus_image_free(&grey);
    fus_image_free(&colour);
    fus_image_free(&a);
    fus_image_free(&b);
}

static void test_errors(void)
{
    struct fus_image in = {0}, out = {0};
    struct fus_error err = {0, -1, ""};
    test_noise(&in, 20, 10, 1);
    CHECK(fus_resize_image(&out, &in, 0, 5, FUS_BILINEAR, &err) == FUS_EINVAL);
    CHECK(fus_resize_image(&out, &in, 100000, 100000, FUS_BILINEAR, &err) == FUS_ELIMIT);
    for (int to = 0; to < 4; to++) {
        for (long k = 1; k < 30; k++) {
            fus_base_fail_allocation(k);
            int code = fus_resize_image(&out, &in, to & 1 ? 7 : 20, to & 2 ? 5 : 10, FUS_BILINEAR, &err);
            fus_base_fail_allocation(0);
            if (code == 0)
                break;
            CHECK(code == FUS_ENOMEM && !out.pixels);
        }
        CHECK(out.pixels != NULL);
        fus_image_free(&out);
    }
    fus_image_free(&in);
}

int main(void)
{
    test_pillow();
    fus_cpu_set_isa("scalar"); /* the plain way */
    test_pillow();
    test_grey();
    fus_cpu_set_isa(NULL);
    test_grey();
    test_errors();
    return test_end();
}
