/* SPDX-License-Identifier: MIT */
/* agreement.c: profiles of planted units, their correlation between models and its ceiling. */
#include "analysis/contrast.h"
#include "nn/base/rng.h"
#include "test.h"

enum { CATEGORIES = 3, EACH = 20, PICTURES = CATEGORIES * EACH, UNITS = 60 };
static int category[PICTURES], half[PICTURES];

/* A third of the units prefer each category. Every unit hears `shared` of the picture's own value
 * common[i], and noise of its own. */
static struct fus_responses network(float *x, const double *common, double shared, double noise, uint64_t seed)
{
    struct fus_rng rng;
    fus_rng_seed(&rng, seed);
    for (int i = 0; i < PICTURES; i++)
        for (int u = 0; u < UNITS; u++)
            x[i * UNITS + u] = (float)(5 + (u % CATEGORIES == category[i] ? 3 : 0) + shared * common[i] +
                                       noise * fus_rng_normal(&rng));
    return (struct fus_responses){x, category, PICTURES, UNITS, CATEGORIES,          15,   2,
                                  2, NULL,     NULL,     NULL,  FUS_REDRAW_PICTURES, false};
}

static void profiles_of(double *out, const struct fus_responses *r)
{
    const size_t n[CATEGORIES] = {10, 11, 2};
    struct fus_matched m;
    CHECK(fus_matched_create(&m, r, half, n, 0, FUS_INTERVAL_CENTRED, 1, NULL, NULL) == 0);
    CHECK(fus_agreement_profiles(out, &m, r, half, NULL) == 0);
    fus_matched_destroy(&m);
}

static struct fus_agreement compare(const double *a, const double *b, int c)
{
    struct fus_agreement out;
    size_t first = (size_t)c * FUS_AGREEMENT_UNITS * PICTURES;
    CHECK(fus_agreement_compare(&out, a + first, b + first, category, half, PICTURES, CATEGORIES, NULL) == 0);
    return out;
}

int main(void)
{
    static float x[PICTURES * UNITS], y[PICTURES * UNITS], z[PICTURES * UNITS];
    static double a[CATEGORIES * FUS_AGREEMENT_UNITS * PICTURES], b[CATEGORIES * FUS_AGREEMENT_UNITS * PICTURES],
        c[CATEGORIES * FUS_AGREEMENT_UNITS * PICTURES];
    double common[PICTURES], other[PICTURES];
    struct fus_rng rng;
    fus_rng_seed(&rng, 4);
    for (int i = 0; i < PICTURES; i++) {
        category[i] = i / EACH, half[i] = i % 2;
        common[i] = fus_rng_normal(&rng), other[i] = fus_rng_normal(&rng);
    }
    struct fus_responses first = network(x, common, 0.5, 0.5, 1), alike = network(y, common, 0.5, 0.5, 2),
                         unlike = network(z, other, 0.5, 0.5, 3);
    profiles_of(a, &first);
    profiles_of(b, &alike);
    profiles_of(c, &unlike);

    /* a picture's profile is the mean of ten units that prefer the category */
    CHECK(fabs(a[0] - (8 + 0.5 * common[0])) < 1 && fabs(a[EACH] - (5 + 0.5 * common[EACH])) < 1);
    CHECK(fabs(a[0] - 0.5 * (a[PICTURES] + a[2 * PICTURES])) < 1e-12);
    CHECK(isnan(a[2 * FUS_AGREEMENT_UNITS * PICTURES])); /* two units are too few */

    struct fus_agreement same = compare(a, b, 0), differ = compare(a, c, 0), itself = compare(a, a, 1);
    CHECK_MSG(same.r > 0.9 && differ.r > 0.6, "%g %g", same.r, differ.r); /* by category alone */
    CHECK_MSG(same.r_within > 0.75 && fabs(differ.r_within) < 0.4, "%g %g", same.r_within, differ.r_within);
    CHECK_MSG(same.ceiling_within > 0.8 && same.r_within < same.ceiling_within + 0.1 && same.ceiling <= 1, "%g",
              same.ceiling_within);
    CHECK(test_close(itself.r, 1, 1e-12) && test_close(itself.r_within, 1, 1e-12) && itself.ceiling < 1);
    CHECK(isnan(compare(a, b, 2).r));

    const size_t n[CATEGORIES] = {9, 9, 9};
    struct fus_matched m;
    CHECK(fus_matched_create(&m, &first, half, n, 0, FUS_INTERVAL_CENTRED, 1, NULL, NULL) == 0);
    int code = FUS_ENOMEM;
    for (long nth = 1; code == FUS_ENOMEM && nth < 100; nth++) {
        fus_base_fail_allocation(nth);
        code = fus_agreement_profiles(a, &m, &first, half, NULL);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_OK);
    fus_matched_destroy(&m);
    return test_end();
}
