/* SPDX-License-Identifier: MIT */
/* analysis/units/redraw.c: what each kind of resample holds. */
#include "test.h"

#include "analysis/inference.h"

/* Category 0: subcategories 0 and 1 of 4 pictures; category 1: subcategories 2 (3 pictures) and 3
 * (2), mixed in the list. */
enum { N = 13, DRAWS = 400 };
static const int category[N] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
static const int stratum[N] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 2, 3, 2};

static void check_category(const size_t *place)
{
    for (int i = 0; i < N; i++)
        CHECK(place[i] < N && category[place[i]] == category[i]);
}

static void test_kinds(void)
{
    for (int over = FUS_REDRAW_PICTURES; over <= FUS_REDRAW_BOTH; over++) {
        struct fus_responses r = {.category = category,
                                  .n_images = N,
                                  .n_units = 1,
                                  .n_categories = 2,
                                  .stratum = stratum,
                                  .over = (enum fus_redraw_over)over,
                                  false};
        struct fus_redraw d;
        size_t place[N], again[N];
        int other = 0, whole = 0, repeated = 0;
        CHECK(fus_redraw_create(&d, &r, 5, NULL) == FUS_OK);
        for (size_t draw = 1; draw <= DRAWS; draw++) {
            fus_redraw_places(place, &d, draw);
            check_category(place);
            bool seen[N] = {false}, twice = false;
            for (int i = 0; i < 4; i++) {
                CHECK(stratum[place[i]] == stratum[place[0]]); /* the places of a subcategory stay together */
                twice = twice || seen[place[i]];
                seen[place[i]] = true;
            }
            other += stratum[place[0]] != 0;
            whole += stratum[place[0]] == stratum[place[4]];
            repeated += twice;
        }
        CHECK_MSG(over == FUS_REDRAW_PICTURES ? other == 0 && whole == 0
                                              : other > 150 && other < 250 && whole > 150 && whole < 250,
                  "%s: %d, %d", fus_redraw_name((enum fus_redraw_over)over), other, whole);
        CHECK_MSG(over == FUS_REDRAW_SUBCATEGORIES ? repeated == 0 : repeated > 300, "%d repeated", repeated);
        fus_redraw_places(place, &d, 7);
        fus_redraw_places(again, &d, 7);
        CHECK(memcmp(place, again, sizeof place) == 0);
        fus_redraw_destroy(&d);
    }
}

/* Two subcategories whose means differ by their own effects: the interval over pictures does not
 * see these effects, the others do. */
static void test_interval(void)
{
    static float x[48];
    static int categories[48], strata[48];
    struct fus_bootstrap_column column;
    double scratch[200], width[3];
    for (int i = 0; i < 48; i++) { /* one unit, whose share is 0 or 1; the CSI of the layer varies */
        categories[i] = i / 24;
        strata[i] = i / 6;
        x[i] = (float)(i < 24 ? 8 + 3 * (strata[i] % 2) : 2) + (float)(i * 7 % 11) / 20;
    }
    for (int over = 0; over < 3; over++) {
        struct fus_responses r = {x,    categories, 48, 1, 2, 1, 1, 1, strata, NULL, NULL, (enum fus_redraw_over)over,
                                  false};
        struct fus_select_options options = {.correction = FUS_BH, .alpha = 0.05};
        struct fus_bootstrap b;
        struct fus_interval interval;
        CHECK(fus_bootstrap_create(&b, &r, 200, FUS_INTERVAL_CENTRED, 1, &options, NULL, NULL) == FUS_OK);
        column = fus_bootstrap_column(&b, FUS_BOOTSTRAP_CSI);
        fus_bootstrap_interval(&interval, &column, FUS_INTERVAL_CENTRED, 0.05, scratch);
        width[over] = interval.high - interval.low;
        fus_bootstrap_destroy(&b);
        struct fus_error err = {0};
        if (over)
            CHECK(fus_bootstrap_create(&b, &r, 9, FUS_INTERVAL_BCA, 1, &options, NULL, &err) == FUS_EINVAL &&
                  strstr(err.msg, "single pictures"));
    }
    CHECK_MSG(width[1] > 2 * width[0] && width[2] > 2 * width[0], "%g %g %g", width[0], width[1], width[2]);
}

int main(void)
{
    test_kinds();
    test_interval();
    return test_end();
}
