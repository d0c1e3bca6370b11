/* SPDX-License-Identifier: MIT */
/* stimuli/set/near.c: pictures that are nearly the same, by sums done by hand. */
#include "test.h"

#include "nn/base/rng.h"
#include "stimuli/set/near.h"

static uint8_t grey[5][FUS_NEAR_BYTES];

static double pearson(const uint8_t *a, const uint8_t *b)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < FUS_NEAR_BYTES; i++)
        ma += a[i] / (double)FUS_NEAR_BYTES, mb += b[i] / (double)FUS_NEAR_BYTES;
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        ab += (a[i] - ma) * (b[i] - mb);
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

/* 1 is 0 with a little noise, 2 is another picture, 3 is flat, 4 is 0 at another brightness. */
static void test_find(void)
{
    struct fus_rng rng;
    struct fus_near_pair *pairs;
    int n;
    fus_rng_seed(&rng, 3);
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        grey[0][i] = (uint8_t)(60 + fus_rng_below(&rng, 120));
        grey[1][i] = (uint8_t)(grey[0][i] + fus_rng_below(&rng, 20));
        grey[2][i] = (uint8_t)fus_rng_below(&rng, 256);
        grey[3][i] = 255;
        grey[4][i] = (uint8_t)(grey[0][i] / 2 + 10);
    }
    CHECK(fus_near_find(&pairs, &n, grey[0], 5, FUS_NEAR_R, NULL) == FUS_OK && n == 3);
    CHECK(n == 3 && pairs[0].a == 0 && pairs[0].b == 1 && pairs[1].a == 0 && pairs[1].b == 4 && pairs[2].a == 1 &&
          pairs[2].b == 4);
    for (int i = 0; i < n; i++)
        CHECK(test_close(pairs[i].r, pearson(grey[pairs[i].a], grey[pairs[i].b]), 1e-12));
    fus_base_free(pairs);
    CHECK(fus_near_find(&pairs, &n, grey[0], 5, 0.9999, NULL) == FUS_OK && n == 0 && !pairs);
    int code = FUS_ENOMEM;
    for (long fail = 1; code == FUS_ENOMEM && fail < 20; fail++) {
        fus_base_fail_allocation(fail);
        code = fus_near_find(&pairs, &n, grey[0], 5, FUS_NEAR_R, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK && n == 3);
    fus_base_free(pairs);
}

/* Blocks of one colour, each a pixel of the reduced picture; grey levels as Pillow's "L". */
static void test_reduce(void)
{
    static const struct {
        uint8_t rgb[3], grey;
    } colours[] = {{{255, 0, 0}, 76}, {{0, 255, 0}, 150}, {{0, 0, 255}, 29}, {{255, 255, 255}, 255}, {{1, 2, 3}, 2}};
    struct fus_image picture;
    uint8_t out[FUS_NEAR_BYTES];
    for (size_t k = 0; k < sizeof colours / sizeof *colours; k++) {
        CHECK(fus_image_create(&picture, 50, 70, NULL) == FUS_OK);
        for (int i = 0; i < 50 * 70; i++)
            memcpy(picture.pixels + 3 * i, colours[k].rgb, 3);
        CHECK(fus_near_reduce(out, &picture, NULL) == FUS_OK);
        for (int i = 0; i < FUS_NEAR_BYTES; i++)
            CHECK_MSG(out[i] == colours[k].grey, "%d for colour %zu", out[i], k);
        fus_image_free(&picture);
    }
}

int main(void)
{
    test_find();
    test_reduce();
    return test_end();
}
