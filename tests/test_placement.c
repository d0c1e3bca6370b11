/* SPDX-License-Identifier: MIT */
/* placement.c and Morisita's index against fractions, SciPy and an exact count
 * (golden/statistics.py: placement); thinned maps; units placed at random. */
#include "analysis/analysis.h"
#include "nn/base/rng.h"
#include "test.h"

static const double rows[10][6] = {
#include "golden/stat_placement.inc"
};

static void test_golden(void)
{
    for (int i = 0; i < 10; i++) {
        const double *r = rows[i];
        double p = fus_placement_p(r[3], (size_t)r[0], (int)r[1], (size_t)r[2]);
        CHECK_MSG(test_near("p of units placed at random", p, r[4], 1e-6), "row %d: %.17g not %.17g", i, p, r[4]);
        CHECK_MSG(isnan(r[5]) || fabs(p - r[5]) < 0.02 + 0.1 * r[5], "row %d: %g, exactly %g", i, p, r[5]);
    }
}

static void test_undefined(void)
{
    CHECK(isnan(fus_placement_p(0, 0, 4, 5)) && isnan(fus_placement_variation(0, 4, 5)));
    CHECK(isnan(fus_placement_morisita(1, 1, 5)) && fus_placement_p(1, 1, 4, 5) == 1);
    CHECK(fus_placement_p(80, 20, 4, 5) == 1 && fus_placement_variation(20, 4, 5) == 0); /* every position */
    CHECK(fus_placement_p(9, 3, 4, 1) == 1 && fus_placement_morisita(9, 3, 1) == 1);     /* a single place */
    CHECK(fus_placement_variation(10, 20, 5) == sqrt(0.9 / (0.1 * 20)));
    CHECK(fus_placement_cv(9, 3, 4) == sqrt(3.0) && fus_placement_cv(3, 6, 12) == 0);
}

/* The share of placements above the 95 % band is 5 %, whatever the share of selective units. */
static void test_band(void)
{
    static const struct {
        size_t n;
        int channels, places;
    } cases[] = {{30, 16, 16}, {200, 16, 25}, {370, 16, 25}, {60, 64, 100}};
    enum { PLACEMENTS = 2000 };
    struct fus_rng rng;
    fus_rng_seed(&rng, 5);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int cells = cases[k].channels * cases[k].places, above = 0, small = 0;
        double high = fus_placement_squares(0.95, cases[k].n, cases[k].channels, (size_t)cases[k].places);
        for (int t = 0; t < PLACEMENTS; t++) {
            int cell[6400], count[100] = {0};
            double squares = 0;
            for (int i = 0; i < cells; i++)
                cell[i] = i;
            for (size_t i = 0; i < cases[k].n; i++) {
                int j = (int)i + (int)fus_rng_below(&rng, (uint64_t)(cells - (int)i)), at = cell[j];
                cell[j] = cell[i];
                count[at / cases[k].channels]++;
            }
            for (int i = 0; i < cases[k].places; i++)
                squares += count[i] * count[i];
            above += squares > high;
            small += fus_placement_p(squares, cases[k].n, cases[k].channels, (size_t)cases[k].places) <= 0.05;
        }
        CHECK_MSG(above > 0.025 * PLACEMENTS && above < 0.07 * PLACEMENTS && small < 0.07 * PLACEMENTS,
                  "case %zu: %d and %d of %d", k, above, small, PLACEMENTS);
    }
}

/* 139 units, most of them near the middle of an 8 x 8 map, thinned to a half and a quarter: the
 * mean of Morisita's index stays within 5 %, that of the CV does not. */
static void test_thinning(void)
{
    enum { UNITS = 139, PLACES = 64, THINNINGS = 2000 };
    int place[UNITS];
    struct fus_rng rng;
    double morisita[3] = {0}, cv[3] = {0};
    fus_rng_seed(&rng, 11);
    for (int i = 0; i < UNITS; i++)
        place[i] = (int)fus_rng_below(&rng, 8) * 8 + (int)fus_rng_below(&rng, 2 + fus_rng_below(&rng, 7));
    for (int part = 0; part < 3; part++)
        for (int t = 0; t < THINNINGS; t++) {
            size_t n = UNITS >> part;
            double squares = 0;
            int count[PLACES] = {0};
            for (size_t i = 0; i < n; i++) {
                size_t j = i + (size_t)fus_rng_below(&rng, UNITS - i);
                int at = place[j];
                place[j] = place[i], place[i] = at;
                count[at]++;
            }
            for (int i = 0; i < PLACES; i++)
                squares += count[i] * count[i];
            morisita[part] += fus_placement_morisita(squares, n, PLACES) / THINNINGS;
            cv[part] += fus_placement_cv(squares, n, PLACES) / THINNINGS;
        }
    for (int part = 1; part < 3; part++) {
        CHECK_MSG(fabs(morisita[part] / morisita[0] - 1) < 0.05, "1/%d: %g not %g", 1 << part, morisita[part],
                  morisita[0]);
        CHECK(cv[part] / cv[0] > 1.05);
    }
}

int main(void)
{
    test_golden();
    test_undefined();
    test_band();
    test_thinning();
    return test_end();
}
