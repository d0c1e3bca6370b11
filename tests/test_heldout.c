/* SPDX-License-Identifier: MIT */
/* analysis/units/heldout.c: units chosen with one set of pictures, measured with another. */
#include "test.h"

#include "analysis/contrast.h"
#include "nn/base/rng.h"

enum { N = 30, UNITS = 60, CATEGORIES = 3 };
static float x[N * UNITS];
static int category[N], stratum[N];
static int8_t chosen[UNITS], again[UNITS];

/* Unit u prefers category u % 3 more the larger u is; every fourth unit is chosen for another. In
 * the first set the categories have another order: its 0, 1, 2, 3 are here 2, none, 0, 1. */
static const int there[4] = {2, -1, 0, 1};

static struct fus_responses example(void)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, 9);
    for (int i = 0; i < N; i++) {
        category[i] = i < 8 ? 0 : i < 18 ? 1 : 2;
        stratum[i] = i / 2;
        for (int u = 0; u < UNITS; u++) {
            double value = 2 + (category[i] == u % 3) * 1.5 * u / UNITS + fus_rng_normal(&rng);
            x[i * UNITS + u] = value < 1 ? 1 : (float)value; /* ties */
        }
    }
    for (int u = 0; u < UNITS; u++) {
        static const int8_t of[3] = {2, 3, 0};
        chosen[u] = (int8_t)(u < 20 ? -1 : u % 4 == 0 ? 0 : of[u % 3]);
        again[u] = (int8_t)(u < 30 ? -1 : u % 3);
    }
    chosen[1] = 1; /* of a category that the second set lacks */
    return (struct fus_responses){.x = x,
                                  .category = category,
                                  .n_images = N,
                                  .n_units = UNITS,
                                  .n_categories = CATEGORIES,
                                  .channels = UNITS,
                                  .height = 1,
                                  .width = 1,
                                  .stratum = stratum};
}

static struct fus_heldout_plan plan_of(size_t n_resamples)
{
    return (struct fus_heldout_plan){.chosen = chosen,
                                     .again = again,
                                     .n_categories = 4,
                                     .category = there,
                                     .n_resamples = n_resamples,
                                     .seed = 3,
                                     .alpha = 0.05,
                                     .max_bytes = 1 << 20};
}

/* A unit's responses to the pictures of the category, and to all others. */
static void split(float *own, size_t *n_own, float *others, size_t *n_others, int unit, int c)
{
    *n_own = *n_others = 0;
    for (int i = 0; i < N; i++)
        if (category[i] == c)
            own[(*n_own)++] = x[i * UNITS + unit];
        else
            others[(*n_others)++] = x[i * UNITS + unit];
}

static double mean_for(int unit, int c)
{
    double sum = 0, n = 0;
    for (int i = 0; i < N; i++)
        if (category[i] == c)
            sum += x[i * UNITS + unit], n++;
    return sum / n;
}

static bool close_to(double found, double expected)
{
    return fabs(found - expected) <= 1e-12;
}

/* Unit by unit, from the definitions. */
static void test_values(void)
{
    struct fus_responses r = example();
    struct fus_heldout_plan plan = plan_of(0);
    struct fus_heldout_category out[4];
    CHECK(fus_heldout_layer(out, &r, &plan, NULL, NULL) == FUS_OK);
    for (int k = 0; k < 4; k++) {
        double share = 0, csi = 0, auc = 0, n = 0, both = 0, sum = 0;
        int c = there[k];
        for (int u = 0; u < UNITS && c >= 0; u++) {
            both += chosen[u] == k && again[u] == c;
            sum += (chosen[u] == k) + (again[u] == c);
            if (chosen[u] != k)
                continue;
            float own[N], others[N], scratch[N];
            size_t n_own, n_others;
            double best = mean_for(u, c), a = mean_for(u, (c + 1) % 3), b = mean_for(u, (c + 2) % 3);
            split(own, &n_own, others, &n_others, u, c);
            auc += fus_ranksum_auc(own, n_own, others, n_others, scratch);
            share += best > a && best > b;
            csi += (best - (a + b) / 2) / (best + (a + b) / 2);
            n++;
        }
        CHECK(c < 0 ? out[k].n == 1 : (double)out[k].n == n && n > 5);
        if (c < 0) {
            CHECK(isnan(out[k].value[0].estimate) && isnan(out[k].value[3].estimate) && isnan(out[k].dice));
            continue;
        }
        CHECK(close_to(out[k].value[FUS_HELDOUT_SHARE].estimate, share / n));
        CHECK(close_to(out[k].value[FUS_HELDOUT_CSI].estimate, csi / n));
        CHECK(close_to(out[k].value[FUS_HELDOUT_AUC].estimate, auc / n));
        CHECK(close_to(out[k].dice, 2 * both / sum));
        CHECK(isnan(out[k].value[0].low) && isnan(out[k].value[3].high));
    }
    CHECK(out[0].value[FUS_HELDOUT_SHARE].estimate < out[2].value[FUS_HELDOUT_SHARE].estimate);
}

/* Intervals of every method hold the estimate, and are the same when responses are read each
 * time. */
static void test_intervals(void)
{
    struct fus_responses r = example();
    for (int method = 0; method < 3; method++) {
        struct fus_heldout_plan plan = plan_of(200), small = plan;
        struct fus_heldout_category out[4], read[4];
        plan.method = small.method = (enum fus_interval_method)method;
        small.max_bytes = 0;
        CHECK(fus_heldout_layer(out, &r, &plan, NULL, NULL) == FUS_OK);
        CHECK(fus_heldout_layer(read, &r, &small, NULL, NULL) == FUS_OK);
        for (int k = 0; k < 4; k++)
            for (int s = 0; s < FUS_HELDOUT_STATISTICS; s++) {
                const struct fus_interval *v = &out[k].value[s], *w = &read[k].value[s];
                if (there[k] < 0)
                    continue;
                CHECK_MSG(v->low <= v->estimate && v->estimate <= v->high && v->low < v->high, "%d %d %d", method, k,
                          s);
                CHECK(v->low == w->low && v->high == w->high && v->estimate == w->estimate);
            }
    }
}

/* No unit is chosen; one picture of a category is too few. */
static void test_edges(void)
{
    struct fus_responses r = example();
    struct fus_heldout_plan plan = plan_of(20);
    struct fus_heldout_category out[4];
    struct fus_error err = {0};
    memset(chosen, -1, sizeof chosen);
    memset(again, -1, sizeof again);
    CHECK(fus_heldout_layer(out, &r, &plan, NULL, NULL) == FUS_OK);
    CHECK(out[0].n == 0 && isnan(out[0].value[FUS_HELDOUT_SHARE].estimate) && isnan(out[0].dice));
    for (int i = 0; i < 7; i++)
        category[i] = 1;
    CHECK(fus_heldout_layer(out, &r, &plan, NULL, &err) == FUS_EINVAL);
}

int main(void)
{
    test_values();
    test_intervals();
    test_edges();
    return test_end();
}
