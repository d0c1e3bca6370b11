/* SPDX-License-Identifier: MIT */
/* analysis/units/subsample.c and equaln.c: the same selection from as many pictures of each
 * category. */
#include "test.h"

#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"

enum { N = 60, UNITS = 1200, CATEGORIES = 3 };
static const int sizes[CATEGORIES] = {30, 18, 12};
static float x[N * UNITS];
static int category[N], stratum[N];

/* Rectified units that prefer category unit % CATEGORIES by 0 to 2 SD; every seventh is 0, one has
 * a NaN. */
static struct fus_responses example(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 4);
    for (int c = 0, i = 0; c < CATEGORIES; c++)
        for (int k = 0; k < sizes[c]; k++, i++)
            category[i] = c, stratum[i] = 2 * c + (k >= sizes[c] / 3);
    for (int i = 0; i < N; i++)
        for (int u = 0; u < UNITS; u++) {
            double v = (category[i] == u % CATEGORIES) * 2.0 * u / UNITS + fus_rng_normal(&rng);
            x[i * UNITS + u] = v > 0 && u % 7 ? (float)v : 0;
        }
    x[5 * UNITS + 11] = NAN;
    return (struct fus_responses){.x = x,
                                  .category = category,
                                  .n_images = N,
                                  .n_units = UNITS,
                                  .n_categories = CATEGORIES,
                                  .channels = 12,
                                  .height = 10,
                                  .width = 10,
                                  .stratum = stratum};
}

static void test_subsample(void)
{
    struct fus_responses r = example();
    struct fus_subsample s;
    size_t order[N], other[N];
    int of[N];
    CHECK(fus_subsample_create(&s, &r, 3, NULL) == FUS_OK);
    CHECK(fus_subsample_draw(order, of, &s, 1, 12) == 36);
    int n[CATEGORIES] = {0}, parts[2 * CATEGORIES] = {0};
    for (int i = 0; i < 36; i++) {
        CHECK(of[i] == category[order[i]] && (i == 0 || order[i] > order[i - 1]));
        n[of[i]]++;
        parts[stratum[order[i]]]++;
    }
    for (int c = 0; c < CATEGORIES; c++)
        CHECK(n[c] == 12);
    CHECK(parts[0] == 6 && parts[1] == 6 && parts[2] == 6 && parts[3] == 6 && parts[4] == 4 && parts[5] == 8);
    CHECK(fus_subsample_draw(other, of, &s, 2, 12) == 36 && memcmp(order, other, 36 * sizeof *order) != 0);
    CHECK(fus_subsample_draw(other, of, &s, 1, 12) == 36 && memcmp(order, other, 36 * sizeof *order) == 0);
    fus_subsample_destroy(&s);
}

/* p [CATEGORIES, UNITS]: every p of every draw, from its moments. */
static void plain(double *p, const struct fus_responses *r, enum fus_test test)
{
    static double of_draw[CATEGORIES][CATEGORIES][UNITS][FUS_EQUALN_DRAWS];
    struct fus_subsample s;
    size_t order[N];
    int of[N];
    CHECK(fus_subsample_create(&s, r, 9, NULL) == FUS_OK);
    for (int d = 0; d < FUS_EQUALN_DRAWS; d++) {
        struct fus_moments m;
        size_t n = fus_subsample_draw(order, of, &s, (size_t)d + 1, 12);
        CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == FUS_OK);
        fus_responses_moments(&m, r, order, n, NULL);
        for (int u = 0; u < UNITS; u++)
            for (int a = 0; a < CATEGORIES; a++)
                for (int b = 0; b < CATEGORIES; b++)
                    of_draw[a][b][u][d] = a == b ? 0 : fus_select_pair_p(&m, (size_t)u, a, b, test);
        fus_moments_destroy(&m);
    }
    fus_subsample_destroy(&s);
    for (int u = 0; u < UNITS; u++)
        for (int a = 0; a < CATEGORIES; a++) {
            double *worst = &p[a * UNITS + u];
            *worst = u == 11 ? 1 : 0;
            for (int b = 0; b < CATEGORIES && u != 11; b++) {
                double *all = of_draw[a][b][u];
                fus_order_sort(all, FUS_EQUALN_DRAWS);
                double median = 0.5 * (all[FUS_EQUALN_DRAWS / 2 - 1] + all[FUS_EQUALN_DRAWS / 2]);
                *worst = a != b && median > *worst ? median : *worst;
            }
        }
}

static void take_row(void *context, float *to, size_t image, size_t first, size_t n)
{
    memcpy(to, (const float *)context + image * UNITS + first, n * sizeof *to);
}

static void test_against_plain(void)
{
    static const struct {
        enum fus_correction correction;
        double alpha;
        enum fus_test test;
    } cases[] = {{FUS_BH, 0.05, FUS_TEST_BALANCED},
                 {FUS_UNCORRECTED, 0.05, FUS_TEST_STUDENT},
                 {FUS_BONFERRONI, 0.2, FUS_TEST_WELCH},
                 {FUS_BY, 0.1, FUS_TEST_BALANCED},
                 {FUS_UNCORRECTED, 0.9, FUS_TEST_BALANCED}};
    static double p[CATEGORIES * UNITS], q[CATEGORIES * UNITS];
    struct fus_responses r = example(), elsewhere = r;
    struct fus_moments m;
    elsewhere.x = NULL, elsewhere.read = take_row, elsewhere.context = x;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == FUS_OK && fus_moments_keep_third(&m, NULL) == FUS_OK);
    fus_responses_moments(&m, &r, NULL, N, NULL);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct fus_select_options options = {
            .correction = cases[k].correction, .alpha = cases[k].alpha, .test = cases[k].test};
        struct fus_equaln_category out[CATEGORIES], again[CATEGORIES];
        struct fus_layer_summary layer;
        size_t n[CATEGORIES] = {0}, both[CATEGORIES] = {0};
        plain(p, &r, options.test == FUS_TEST_STUDENT ? FUS_TEST_STUDENT : FUS_TEST_WELCH);
        for (int c = 0; c < CATEGORIES; c++)
            for (int u = 0; u < UNITS; u++) { /* a unit counts for its least p */
                bool least = true;
                for (int o = 0; o < CATEGORIES; o++)
                    least = least && (o == c || p[c * UNITS + u] < p[o * UNITS + u] ||
                                      (p[c * UNITS + u] == p[o * UNITS + u] && c < o));
                q[c * UNITS + u] = least ? p[c * UNITS + u] : 1;
            }
        CHECK(fus_select_layer(&layer, &m, "x", 12, 10, 10, &options, NULL) == FUS_OK);
        for (int c = 0; c < CATEGORIES; c++) {
            CHECK(fus_multiple_adjust(q + c * UNITS, q + c * UNITS, UNITS, options.correction, NULL) == FUS_OK);
            for (int u = 0; u < UNITS; u++) {
                n[c] += q[c * UNITS + u] <= options.alpha;
                both[c] += q[c * UNITS + u] <= options.alpha && layer.label[u] == c;
            }
        }
        CHECK(fus_equaln_layer(out, &r, &layer, &m, 9, &options, NULL, NULL) == FUS_OK);
        for (int c = 0; c < CATEGORIES; c++)
            CHECK_MSG(out[c].n_selective == n[c] && out[c].n_both == both[c] && n[c] > 0, "case %d: %d of %d", (int)k,
                      (int)out[c].n_selective, (int)n[c]);
        CHECK(out[0].proportion == (double)n[0] / UNITS && isfinite(out[0].csi_mean) && isfinite(out[0].morisita));
        CHECK(fus_equaln_layer(again, &elsewhere, &layer, &m, 9, &options, NULL, NULL) == FUS_OK);
        CHECK(memcmp(out, again, sizeof out) == 0);
        fus_select_free(&layer);
    }
    fus_moments_destroy(&m);
}

/* Pure noise behind a ReLU, 70 % zeros, 48 and 24 pictures: as many units pass as should. */
static void test_level(void)
{
    enum { PICTURES = 72, NOISE = 20000 };
    static const struct fus_select_options options = {.correction = FUS_UNCORRECTED, .alpha = 0.05};
    float *noise = fus_base_alloc((size_t)PICTURES * NOISE, sizeof *noise);
    int of[PICTURES];
    struct fus_equaln_category out[2];
    struct fus_layer_summary layer;
    struct fus_moments m;
    struct fus_rng rng;
    fus_rng_seed(&rng, 8);
    for (int i = 0; i < PICTURES; i++)
        of[i] = i >= 48;
    for (int i = 0; i < PICTURES * NOISE; i++) {
        double v = fus_rng_normal(&rng) - 0.5244;
        noise[i] = v > 0 ? (float)v : 0;
    }
    struct fus_responses r = {.x = noise,
                              .category = of,
                              .n_images = PICTURES,
                              .n_units = NOISE,
                              .n_categories = 2,
                              .channels = NOISE,
                              .height = 1,
                              .width = 1};
    CHECK(fus_moments_create(&m, 2, NOISE, NULL) == FUS_OK && fus_moments_keep_third(&m, NULL) == FUS_OK);
    fus_responses_moments(&m, &r, NULL, PICTURES, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", NOISE, 1, 1, &options, NULL) == FUS_OK);
    CHECK(fus_equaln_layer(out, &r, &layer, &m, 1, &options, NULL, NULL) == FUS_OK);
    double share = (out[0].proportion + out[1].proportion) / 2;
    printf("median p of noise <= .05: %.4f and %.4f of the units\n", out[0].proportion, out[1].proportion);
    CHECK(share < 0.05 + 4 * sqrt(0.05 * 0.95 / NOISE / 2));
    fus_select_free(&layer);
    fus_moments_destroy(&m);
    fus_base_free(noise);
}

/* Nothing to draw: the labels of all pictures, and no response is read. */
static void test_equal(void)
{
    struct fus_responses r = example();
    struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05};
    struct fus_equaln_category out[CATEGORIES];
    struct fus_layer_summary layer;
    struct fus_moments m;
    for (int i = 0; i < N; i++)
        category[i] = i / 20;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == FUS_OK);
    fus_responses_moments(&m, &r, NULL, N, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 12, 10, 10, &options, NULL) == FUS_OK);
    r.x = NULL;
    CHECK(fus_equaln_layer(out, &r, &layer, &m, 1, &options, NULL, NULL) == FUS_OK);
    for (int c = 0; c < CATEGORIES; c++)
        CHECK(out[c].n_selective == layer.categories[c].n_selective && out[c].n_both == out[c].n_selective);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

static void test_memory(void)
{
    struct fus_responses r = example();
    struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH};
    struct fus_equaln_category out[CATEGORIES];
    struct fus_layer_summary layer;
    struct fus_moments m;
    CHECK(fus_moments_create(&m, CATEGORIES, UNITS, NULL) == FUS_OK);
    fus_responses_moments(&m, &r, NULL, N, NULL);
    CHECK(fus_select_layer(&layer, &m, "x", 12, 10, 10, &options, NULL) == FUS_OK);
    int code = FUS_ENOMEM;
    for (long fail = 1; code == FUS_ENOMEM && fail < 60; fail++) {
        fus_base_fail_allocation(fail);
        code = fus_equaln_layer(out, &r, &layer, &m, 1, &options, NULL, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
    fus_select_free(&layer);
    fus_moments_destroy(&m);
}

/* draw_sums and draw_counts: every row of the table of kernels has the bits of plain C. */
static void test_kernels(void)
{
    enum { WIDE = 64, ROWS = 7 };
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    static const size_t rows[ROWS] = {8, 1, 3, 0, 5, 6, 2};
    const struct fus_draw_bounds b = {1.0f / ROWS, 0.17f, 0.01f, 1e-36f};
    float mean[2][WIDE], low[2][WIDE], error[WIDE], counts[2][WIDE], want[2][WIDE];
    struct fus_error err = {0};
    example();
    for (int u = 0; u < WIDE; u++)
        error[u] = 0.001f * (float)(u % 3);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct fus_kernel *kernel = fus_kernels_pick(names[i], &err);
        if (!kernel) {
            SKIP(err.msg);
            continue;
        }
        memset(counts, 0, sizeof counts);
        for (int k = 0; k < 2; k++) {
            kernel->draw_sums(mean[k], low[k], x + 30 * k * UNITS, UNITS, rows, ROWS, &b, WIDE);
            for (int u = 0; u < WIDE; u++) {
                float sum = 0, square = 0;
                for (int r = 0; r < ROWS; r++) {
                    float value = x[(30 * (size_t)k + rows[r]) * UNITS + (size_t)u];
                    sum += value, square += value * value;
                }
                float m = sum * b.share, bound = (square - sum * m) * b.least - (square * b.slack + b.tiny);
                CHECK(memcmp(&m, &mean[k][u], sizeof m) == 0 || (isnan(m) && isnan(mean[k][u])));
                CHECK(memcmp(&bound, &low[k][u], sizeof m) == 0 || (isnan(bound) && isnan(low[k][u])));
            }
        }
        kernel->draw_counts(counts[0], counts[1], mean[0], low[0], mean[1], low[1], error, WIDE);
        for (int u = 0; u < WIDE; u++)
            for (int k = 0; k < 2; k++) {
                float d = mean[k][u] - mean[1 - k][u] + error[u], bound = low[0][u] + low[1][u];
                want[k][u] = !(d < 0) && !(d * d < bound);
            }
        CHECK(memcmp(counts, want, sizeof want) == 0);
    }
}

int main(void)
{
    test_kernels();
    test_subsample();
    test_against_plain();
    test_level();
    test_equal();
    test_memory();
    return test_end();
}
