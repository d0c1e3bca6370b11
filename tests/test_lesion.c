/* SPDX-License-Identifier: MIT */
/* fusiform lesion's choice of units and its table (analysis/localizer/lesion.c,
 * analysis/localizer/lesion_table.c), by hand-made numbers. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "analysis/localizer/lesion.h"
#include "analysis/run/run_options.h"

/* Every set has as many units as are selective, none of them selective, none of them twice; matched
 * ones are near in mean. */
static void test_choose(void)
{
    enum { N = 400, CONTROLS = 7 };
    int8_t label[N];
    double mean[N];
    size_t n = 0;
    for (int u = 0; u < N; u++) {
        label[u] = (int8_t)(u % 17 == 3 ? 1 : u % 5 == 0 ? 0 : -1);
        mean[u] = (u * 37 % N) / 10.0;
        n += label[u] == 1;
    }
    struct fus_lesion_sets sets, again;
    struct fus_error err = {0};
    CHECK(fus_lesion_choose(&sets, label, mean, N, 1, CONTROLS, 5, &err) == FUS_OK);
    CHECK(sets.n_sets == 1 + 2 * CONTROLS && sets.n_chosen == n);
    for (size_t k = 0; k < sets.n_sets; k++) {
        bool seen[N] = {false};
        for (size_t i = 0; i < n; i++) {
            size_t u = sets.units[k * n + i];
            CHECK_MSG(u < N && !seen[u] && (label[u] == 1) == (k == 0), "set %zu, unit %zu", k, u);
            seen[u] = true;
            if (k > CONTROLS) /* among the 100 others nearest in mean, or near to those */
                CHECK_MSG(fabs(mean[u] - mean[sets.units[i]]) < 12, "set %zu: %g for %g", k, mean[u],
                          mean[sets.units[i]]);
        }
    }
    CHECK(fus_lesion_choose(&again, label, mean, N, 1, CONTROLS, 5, &err) == FUS_OK);
    CHECK(memcmp(sets.units, again.units, sets.n_sets * n * sizeof *sets.units) == 0);
    fus_lesion_free(&sets);
    fus_lesion_free(&again);
    CHECK(fus_lesion_choose(&sets, label, mean, N, 2, CONTROLS, 5, &err) == FUS_ENOTFOUND &&
          strstr(err.msg, "nothing to silence"));
    CHECK(fus_lesion_choose(&sets, label, mean, 10, -1, CONTROLS, 5, &err) == FUS_ELIMIT &&
          strstr(err.msg, "not as many others"));
}

/* Two categories, three controls of each kind:
 * [intact, lesion, 3 random, 3 matched] x [face, house]. */
static const double accuracy[16] = {0.9, 0.8, 0.5, 0.8, 0.7, 0.8, 0.5, 0.6, 0.9, 0.7, 0.4, 0.8, 0.3, 0.9, 0.8, 1.0};
static const double features[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void test_compare(void)
{
    struct fus_lesion_row rows[2];
    CHECK(fus_lesion_compare(rows, accuracy, features, 2, 3, NULL) == FUS_OK);
    CHECK(rows[0].intact == 0.9 && rows[0].lesion == 0.5 && rows[1].intact == 0.8 && rows[1].lesion == 0.8);
    /* 0.7 0.5 0.9: one of 3 is no better */
    CHECK(test_close(rows[0].random.mean, 0.7, 1e-15) && rows[0].random.p == 0.5);
    CHECK(test_close(rows[0].random.low, 0.51, 1e-14) && test_close(rows[0].random.high, 0.89, 1e-14));
    CHECK(test_close(rows[0].matched.mean, 0.5, 1e-15) && rows[0].matched.p == 0.75); /* 0.4 0.3 0.8 */
    CHECK(rows[1].random.p == 1 && rows[1].matched.p == 0.5);                         /* 0.8 0.6 0.7; 0.8 0.9 1.0 */
    CHECK(rows[0].feature_intact == 1 && rows[1].feature_lesion == 4 && rows[0].feature_random == 7 &&
          rows[1].feature_matched == 14);
    /* faces fall by 0.4 and houses by 0: 0.4; the random sets' 0.2 - 0, 0.4 - 0.2, 0 - 0.1 */
    CHECK(test_close(rows[0].interaction, 0.4, 1e-14) && test_close(rows[1].interaction, -0.4, 1e-14));
    CHECK(test_close(rows[0].random.interaction, 0.1, 1e-14) && rows[0].random.p_interaction == 0.25);
    CHECK(rows[0].matched.p_interaction == 0.75); /* 0.5 - 0, 0.6 + 0.1, 0.1 + 0.2 */
    fus_base_fail_allocation(1);
    CHECK(fus_lesion_compare(rows, accuracy, features, 2, 3, NULL) == FUS_ENOMEM);
    fus_base_fail_allocation(0);
}

static void check_printed(const struct fus_lesion_table *t, const char *const *has, size_t n)
{
    char text[4096];
    FILE *f = tmpfile();
    CHECK(f != NULL);
    if (!f)
        return;
    fus_lesion_print(f, t);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < n; i++)
        CHECK_MSG(strstr(text, has[i]), "no '%s' in: %s", has[i], text);
}

static void test_print(void)
{
    char face[] = "face", house[] = "house", *names[2] = {face, house};
    struct fus_picture pictures[5] = {
        {.category = 0}, {.category = 0}, {.category = 1}, {.category = 1}, {.category = 1}};
    struct fus_set set = {.n_categories = 2, .categories = names, .n_pictures = 5, .pictures = pictures};
    struct fus_lesion_row rows[2];
    struct fus_lesion_table t = {.layer = "relu",
                                 .silenced = "face",
                                 .mode = "zero",
                                 .readout = "mean",
                                 .n_silenced = {7, 9},
                                 .n_units = 100,
                                 .n_controls = 3,
                                 .set = &set,
                                 .rows = rows};
    CHECK(fus_lesion_compare(rows, accuracy, features, 2, 3, NULL) == FUS_OK);
    static const char *const falls[] = {
        "relu: 7 of 100 units are selective for face in one half of the pictures, 9 in the other; each half is read "
        "with the other's set to 0. The accuracy for face falls from 90.0 % to 50.0 %;",
        "the mean fall of the other categories: 40.0 points; with as many other units 10.0 (random, p = 0.250) and ",
        "it is 70.0 % on average (random, p = 0.500) and 50.0 % (matched in mean activation, p = 0.750).",
        "  face             2    90.0    50.0    70.0   51.0 to  89.0  0.500     50.0   ",
        "  house            3    80.0    80.0 ",
        "read out by the nearest class mean; controls: 3 sets"};
    check_printed(&t, falls, sizeof falls / sizeof *falls);
    t.silenced = "house", t.mode = "mean", t.readout = "ridge", t.top = 7;
    static const char *const stays[] = {"the 7 of 100 units with the largest t for house are chosen;",
                                        "set to their mean. The accuracy for house stays at 80.0 %;",
                                        "read out by ridge regression"};
    check_printed(&t, stays, sizeof stays / sizeof *stays);
    rows[1].lesion = 0.95;
    static const char *const rises[] = {"The accuracy for house rises from 80.0 % to 95.0 %;"};
    check_printed(&t, rises, sizeof rises / sizeof *rises);
}

/* Twelve units, two categories of three pictures: those chosen by rank of t, the first of equal
 * ones; and means that weigh categories equally. */
static void test_top(void)
{
    enum { N = 12 };
    struct fus_moments m;
    struct fus_tap tap = {.name = "relu", .channels = N, .height = 1, .width = 1};
    struct fus_lesion_rule rule = {fus_run_options_defaults.select, 3};
    int8_t label[N];
    double mean[N];
    size_t n = 0;
    CHECK(fus_moments_create(&m, 2, N, NULL) == FUS_OK && fus_moments_keep_third(&m, NULL) == FUS_OK);
    for (int i = 0; i < 8; i++) { /* 3 of category 0, 5 of category 1 */
        float x[N];
        for (int u = 0; u < N; u++)
            x[u] = (float)((i < 3 ? (u == 4 ? 9 : u == 7 || u == 2 || u == 10 ? 6 : 1) : 1) + 0.25 * (i % 2));
        fus_moments_add(&m, i >= 3, x);
    }
    CHECK(fus_lesion_label(label, &m, NULL, &tap, 0, &rule, NULL) == FUS_OK);
    for (int u = 0; u < N; u++)
        n += label[u] == 0;
    CHECK(n == 3 && label[4] == 0 && label[2] == 0 && label[7] == 0);
    rule.top = 0;
    CHECK(fus_lesion_label(label, &m, NULL, &tap, 0, &rule, NULL) == FUS_OK);
    CHECK(label[4] == 0 && label[10] == 0 && label[0] == -1);
    fus_lesion_unit_means(mean, &m);
    CHECK(test_close(mean[0], (1 + 0.25 / 3 + 1 + 0.25 * 3 / 5) / 2, 1e-12));
    fus_moments_destroy(&m);
}

int main(void)
{
    test_top();
    test_choose();
    test_compare();
    test_print();
    return test_end();
}
