/* SPDX-License-Identifier: MIT */
/* Input tensors: every bit equals torchvision's. */
#include "tests/images.h"

static void little_endian(uint8_t *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, &in[i], 4);
        for (int b = 0; b < 4; b++)
            out[4 * i + (size_t)b] = (uint8_t)(v >> 8 * b);
    }
}

static void test_torchvision(void)
{
    FILE *f = fopen("tests/golden/img_preprocess.txt", "r");
    int w, h, seed, n = 0;
    char spec[128], want[FUS_SHA256_HEX], hex[FUS_SHA256_HEX];
    static float out[3 * 256 * 256];
    static uint8_t bytes[sizeof out];
    CHECK(f != NULL);
    while (f && fscanf(f, "%d %d %d %127s %64s", &w, &h, &seed, spec, want) == 5) {
        struct fus_image in = {0};
        struct fus_preprocess p = {0};
        test_noise(&in, w, h, (uint32_t)seed);
        CHECK(fus_preprocess_parse(&p, spec, NULL) == 0 && p.crop <= 256);
        CHECK(fus_preprocess_apply(out, &p, &in, NULL) == 0);
        size_t n_floats = 3 * (size_t)p.crop * (size_t)p.crop;
        little_endian(bytes, out, n_floats);
        test_sha256(hex, bytes, 4 * n_floats);
        CHECK_MSG(strcmp(hex, want) == 0, "%d x %d, %s", w, h, spec);
        fus_image_free(&in);
        n++;
    }
    CHECK(n >= 40);
    if (f)
        fclose(f);
}

static void test_parse(void)
{
    static const char *const bad[] = {"",
                                      "Torchvision",
                                      "resize=256",
                                      "resize=256,interp=bilinear,crop=224,mean=.485/.456/.406",
                                      "resize=0,interp=bilinear,crop=224,mean=0,std=1",
                                      "resize=9,interp=cubic,crop=224,mean=0,std=1",
                                      "resize=9,interp=bicubic,crop=224,mean=0/1,std=1",
                                      "resize=9,interp=bicubic,crop=224,mean=0,std=0",
                                      "resize=9,interp=bicubic,crop=224,mean=0,std=-1",
                                      "resize=9,interp=bicubic,crop=224,mean=nan,std=1",
                                      "resize=9,resize=9,interp=bicubic,crop=224,mean=0,std=1",
                                      "resize=9,interp=bicubic,crop=224,mean=0,std=1,",
                                      "resize=9,interp=bicubic,crop=99999,mean=0,std=1",
                                      "resize=9x,interp=bicubic,crop=9,mean=0,std=1",
                                      "resize=9,interp=bicubic,crop=9,mean=1e39,std=1",
                                      "resize=9,interp=bicubic,crop=9,mean=0,std=1e39"};
    struct fus_preprocess p = {0};
    struct fus_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(fus_preprocess_parse(&p, bad[i], &err) == FUS_EINVAL && p.crop == 0 &&
                      strstr(err.msg, "expected torchvision"),
                  "%s", bad[i]);
    char longer[400];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    CHECK(fus_preprocess_parse(&p, longer, &err) == FUS_EINVAL);
    CHECK(fus_preprocess_parse(&p, "std=.229/.224/.225,mean=.485/.456/.406,crop=224,resize=256,interp=bilinear",
                               &err) == 0);
    struct fus_preprocess preset = {0};
    CHECK(fus_preprocess_parse(&preset, "torchvision", &err) == 0 && memcmp(&preset, &p, sizeof p) == 0);
}

static void test_errors(void)
{
    struct fus_preprocess p = {0};
    struct fus_image in = {0};
    struct fus_error err = {0, -1, ""};
    static float out[3 * 32 * 32];
    CHECK(fus_preprocess_parse(&p, "cifar", NULL) == 0);
    test_noise(&in, 50, 40, 1);
    for (long k = 1; k < 30; k++) {
        fus_base_fail_allocation(k);
        int code = fus_preprocess_apply(out, &p, &in, &err);
        fus_base_fail_allocation(0);
        if (code == 0)
            break;
        CHECK(code == FUS_ENOMEM);
    }
    fus_image_free(&in);
    test_noise(&in, 1, 10000, 1);
    CHECK(fus_preprocess_apply(out, &p, &in, &err) == 0);
    CHECK(fus_preprocess_parse(&p, "torchvision", NULL) == 0 && fus_preprocess_apply(out, &p, &in, &err) == FUS_ELIMIT);
    fus_image_free(&in);
}

int main(void)
{
    test_torchvision();
    test_parse();
    test_errors();
    return test_end();
}
