/* SPDX-License-Identifier: MIT */
/* permute.c and order.c: against NumPy with the same relabellings, planted units,
 * nominal false positives. */
#include "golden_layer.h"
#include "nn/base/rng.h"
#include "test.h"

static const double rows[5][7] = {
#include "golden/stat_permute.inc"
};
static const struct fus_select_options usual = {.correction = FUS_BH, .alpha = 0.05, .test = FUS_TEST_WELCH},
                                       uncorrected = {
                                           .correction = FUS_UNCORRECTED, .alpha = 0.05, .test = FUS_TEST_WELCH};

static void test_golden(void)
{
    int category[PICTURES];
    struct fus_responses r = golden_layer(category);
    struct fus_permute_category out[CATEGORIES];
    struct fus_error err;
    CHECK(fus_permute_layer(out, &r, 99, 7, &uncorrected, NULL, NULL) == 0);
    for (int c = 0; c < CATEGORIES; c++) {
        const double got[7] = {out[c].proportion,   out[c].csi,        out[c].null_mean,           out[c].null_high,
                               out[c].p_proportion, out[c].t_critical, (double)out[c].n_familywise};
        static const char *const names[7] = {"proportion",          "mean CSI",   "null mean",        "null quantile",
                                             "p of the proportion", "critical t", "units family-wise"};
        for (int i = 0; i < 7; i++)
            CHECK_MSG(test_near(names[i], got[i], rows[c][i], 1e-10), "category %d, column %d: %.17g not %.17g", c, i,
                      got[i], rows[c][i]);
    }
    CHECK(fus_permute_layer(out, &r, 3, 7, &usual, NULL, NULL) == 0 && isinf(out[0].t_critical) &&
          out[0].n_familywise == 0);
    CHECK(fus_permute_layer(out, &r, 0, 7, &usual, NULL, &err) == FUS_EINVAL);
    fus_base_set_threads(1); /* the n-th allocation is the same one */
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 400; n++) {
        fus_base_fail_allocation(n);
        code = fus_permute_layer(out, &r, 1, 7, &usual, NULL, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == 0);
    fus_base_set_threads(0);
}

/* Units that share noise, as a network's do: the family-wise rate over 100 layers stays near alpha;
 * planted units are found. */
static void test_familywise(void)
{
    enum { N = 60, IMAGES = 24, LAYERS = 100 };
    static float x[IMAGES * N];
    int category[IMAGES], false_layers = 0;
    struct fus_rng rng;
    fus_rng_seed(&rng, 31);
    for (int i = 0; i < IMAGES; i++)
        category[i] = i % 3;
    struct fus_responses r = {x, category, IMAGES, N, 3, N, 1, 1, NULL, NULL, NULL, FUS_REDRAW_PICTURES, false};
    struct fus_permute_category out[3];
    for (int layer = 0; layer <= LAYERS; layer++) {
        for (int i = 0; i < IMAGES; i++) {
            double shared = fus_rng_normal(&rng);
            for (int u = 0; u < N; u++)
                x[i * N + u] =
                    (float)(3 + shared + fus_rng_normal(&rng) + (layer == LAYERS && u < 5 && category[i] == 1 ? 8 : 0));
        }
        CHECK(fus_permute_layer(out, &r, 59, (uint64_t)layer, &usual, NULL, NULL) == 0);
        if (layer < LAYERS)
            false_layers += out[0].n_familywise > 0;
    }
    CHECK_MSG(false_layers <= 13, "%d of %d layers", false_layers, LAYERS); /* binomial(100, 0.05): P(> 13) = 0.0005 */
    CHECK_MSG(out[1].n_familywise == 5 && test_close(out[1].p_proportion, 1.0 / 60, 1e-12), "%zu %g",
              out[1].n_familywise, out[1].p_proportion);
    CHECK_MSG(out[0].n_familywise <= 1 && out[0].p_proportion > 0.05, "%zu %g", out[0].n_familywise,
              out[0].p_proportion);
}

static void test_order(void)
{
    double x[8] = {3, -1, 2, 2, 0, 5, 2, -1}, ranks[8];
    const double want[8] = {7, 1.5, 5, 5, 3, 8, 5, 1.5};
    CHECK(fus_order_ranks(ranks, x, 8, NULL) == 0 && memcmp(ranks, want, sizeof want) == 0);
    fus_order_sort(x, 8);
    CHECK(x[0] == -1 && x[1] == -1 && x[2] == 0 && x[6] == 3 && x[7] == 5);
    CHECK(fus_order_quantile(x, 8, 0) == -1 && fus_order_quantile(x, 8, 1) == 5 && fus_order_quantile(x, 8, 0.5) == 2);
    CHECK(fus_order_quantile(x, 8, 13.0 / 14) == 4 && isnan(fus_order_quantile(x, 0, 0.5)));
    struct fus_rng rng;
    double many[500];
    fus_rng_seed(&rng, 3);
    for (int n = 0; n < 500; n += 7) {
        bool sorted = true;
        for (int i = 0; i < n; i++)
            many[i] = floor(50 * fus_rng_uniform(&rng));
        fus_order_sort(many, (size_t)n);
        for (int i = 1; i < n; i++)
            sorted = sorted && many[i - 1] <= many[i];
        CHECK(sorted);
    }
}

int main(void)
{
    test_golden();
    test_familywise();
    test_order();
    return test_end();
}
