/* SPDX-License-Identifier: MIT */
/* analysis/units/power.c and dimensions.c: fewer pictures, other levels; how many dimensions. */
#include "test.h"

#include "analysis/inference.h"
#include "nn/base/cpu.h"
#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"

enum { N = 60, UNITS = 400, CATEGORIES = 3 };
static float x[N * UNITS];
static int category[N], stratum[N];

/* Units that prefer category 0 by 0 to 2 SD. */
static struct fus_responses example(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 4);
    for (int i = 0; i < N; i++) {
        category[i] = i / 20;
        stratum[i] = i / 10;
        for (int u = 0; u < UNITS; u++)
            x[i * UNITS + u] = (float)(3 + (category[i] == 0) * 2.0 * u / UNITS + fus_rng_normal(&rng));
    }
    return (struct fus_responses){.x = x,
                                  .category = category,
                                  .n_images = N,
                                  .n_units = UNITS,
                                  .n_categories = CATEGORIES,
                                  .channels = 4,
                                  .height = 10,
                                  .width = 10,
                                  .stratum = stratum};
}

static void test_parse(void)
{
    struct fus_power_plan plan;
    struct fus_error err = {0};
    CHECK(fus_power_parse(&plan, "8,12,16", NULL) == FUS_OK && plan.n_sizes == 3 && plan.sizes[2] == 16);
    CHECK(fus_power_count(&plan) == 9 && isnan(fus_power_alpha(&plan, 3)) && fus_power_alpha(&plan, 4) == 0.1);
    static const char *const bad[] = {
        "", "8,", "8,8", "12,8", "1,4", "x", "8;9", "8,12,99999999", "2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(fus_power_parse(&plan, bad[i], &err) == FUS_EINVAL && strstr(err.msg, "as in 8,12,16"), "%s", bad[i]);
}

/* More pictures: more units, of less selectivity. The whole set is what the selection itself gives,
 * and so is the largest size, which leaves nothing to draw. */
static void test_layer(void)
{
    struct fus_responses r = example();
    struct fus_power_plan plan;
    struct fus_power_point p[CATEGORIES * 16], again[CATEGORIES * 16];
    struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05};
    struct fus_layer_summary layer;
    struct fus_moments m;
    CHECK(fus_power_parse(&plan, "6,10,20", NULL) == FUS_OK);
    CHECK(fus_power_layer(p, &r, &plan, 1, &options, NULL, NULL) == FUS_OK);
    CHECK(p[0].mean[0] < p[1].mean[0] && p[1].mean[0] < p[2].mean[0] && p[0].mean[1] > p[1].mean[1] &&
          p[1].mean[1] > p[2].mean[1]);
    CHECK(p[1].sd[0] > 0 && p[2].sd[0] < 1e-12 && isnan(p[3].sd[0]));
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == FUS_OK);
    fus_responses_moments(&m, &r, NULL, N, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 4, 10, 10, &options, NULL) == FUS_OK);
    CHECK(p[3].mean[0] == layer.categories[0].proportion && p[3].mean[1] == layer.categories[0].csi_mean &&
          p[3].mean[2] == layer.categories[0].variation_cv && p[3].mean[3] == layer.categories[0].morisita);
    CHECK(test_close(p[2].mean[0], p[3].mean[0], 1e-12) && p[5].mean[0] == p[3].mean[0]);
    CHECK(p[4].mean[0] > p[5].mean[0] && p[5].mean[0] > p[6].mean[0] && p[6].mean[0] > p[8].mean[0]);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    CHECK(fus_power_layer(again, &r, &plan, 1, &options, NULL, NULL) == FUS_OK);
    CHECK(memcmp(p, again, sizeof(struct fus_power_point) * (size_t)(CATEGORIES * fus_power_count(&plan))) == 0);
    options.criterion = FUS_CRITERION_RATIO;
    CHECK(fus_power_layer(again, &r, &plan, 1, &options, NULL, NULL) == FUS_OK && isnan(again[4].mean[0]));
    struct fus_error err = {0};
    CHECK(fus_power_parse(&plan, "21", NULL) == FUS_OK);
    CHECK(fus_power_layer(again, &r, &plan, 1, &options, NULL, &err) == FUS_EINVAL && strstr(err.msg, "one has 20"));
}

/* k independent directions of equal variance in many units: k dimensions. */
static void test_dimensions(void)
{
    struct fus_responses r = example();
    double d;
    for (int k = 1; k <= 7; k += 3) {
        for (int i = 0; i < N; i++)
            for (int u = 0; u < UNITS; u++) /* +1 on one picture, -1 on another, for each direction */
                x[i * UNITS + u] = (float)(u % k * 2 == i) - (float)(u % k * 2 + 1 == i);
        r.n_units = (size_t)(UNITS / k * k);
        CHECK(fus_dimensions_layer(&d, &r, NULL) == FUS_OK);
        CHECK_MSG(k == 1 || r.n_units == UNITS ? test_close(d, k, 1e-9) : d > k - 1, "%d: %g", k, d);
        r.n_units = UNITS;
    }
    memset(x, 0, sizeof x);
    CHECK(fus_dimensions_layer(&d, &r, NULL) == FUS_OK && isnan(d));
    int code = FUS_ENOMEM;
    for (long fail = 1; code == FUS_ENOMEM && fail < 20; fail++) {
        fus_base_fail_allocation(fail);
        code = fus_dimensions_layer(&d, &r, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
}

/* The participation ratio of the pictures of r, each sum one chain over the units in their
 * order. */
static double plain_dimensions(const struct fus_responses *r)
{
    static double k[N * N];
    double trace = 0, squares = 0;
    memset(k, 0, sizeof k);
    for (size_t u = 0; u < r->n_units; u++) {
        double v[N], sum = 0;
        for (int i = 0; i < N; i++)
            sum += v[i] = r->x[(size_t)i * r->n_units + u];
        for (int i = 0; i < N; i++)
            v[i] -= sum / N;
        for (int i = 0; i < N; i++)
            for (int j = 0; j <= i; j++)
                k[i * N + j] += v[i] * v[j];
    }
    for (int i = 0; i < N; i++) {
        trace += k[i * N + i];
        for (int j = 0; j < i; j++)
            squares += 2 * k[i * N + j] * k[i * N + j];
        squares += k[i * N + i] * k[i * N + i];
    }
    return trace * trace / squares;
}

/* Every row of the table of kernels and any number of threads give its very bits. */
static void test_kernels(void)
{
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    struct fus_responses r = example();
    struct fus_error err = {0};
    double d, plain = plain_dimensions(&r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fus_cpu_set_isa(names[i]);
        if (!fus_kernels_pick(NULL, &err)) {
            SKIP(err.msg);
            continue;
        }
        for (int threads = 1; threads <= 3; threads += 2) {
            fus_base_set_threads(threads);
            CHECK(fus_dimensions_layer(&d, &r, NULL) == FUS_OK);
            CHECK_MSG(d == plain, "%s: %.17g, %.17g expected", names[i], d, plain);
        }
    }
    fus_base_set_threads(0);
    fus_cpu_set_isa(NULL);
}

int main(void)
{
    test_parse();
    test_layer();
    test_kernels();
    test_dimensions();
    return test_end();
}
