/* SPDX-License-Identifier: MIT */
/* resample.c: moments to the bit those of fus_responses_moments, for any draw, number of units and
 * threads; progress; stopping. */
#include "analysis/inference.h"
#include "nn/base/rng.h"
#include "test.h"

enum { PICTURES = 23, CATEGORIES = 3, DRAWS = 130 };

struct watching {
    const struct fus_responses *r;
    bool same[DRAWS];
    size_t told, last, of;
    int fails_at;
};

/* Draw 0 is the run as it is, 1 leaves a category empty, others are random in every way. */
static size_t choose(void *context, size_t draw, size_t *order, int *category)
{
    const struct watching *w = context;
    struct fus_rng rng;
    fus_rng_seed(&rng, draw);
    size_t n = draw == 0 ? PICTURES : 2 + (size_t)fus_rng_below(&rng, PICTURES - 1);
    for (size_t i = 0; i < n; i++) {
        order[i] = draw == 0 ? i : (size_t)fus_rng_below(&rng, PICTURES);
        category[i] = draw == 0 ? w->r->category[i] : draw == 1 ? 2 : (int)fus_rng_below(&rng, CATEGORIES);
    }
    return n;
}

static int measure(void *context, size_t draw, const struct fus_moments *m, struct fus_error *err)
{
    struct watching *w = context;
    size_t order[PICTURES], n_units = w->r->n_units;
    int category[PICTURES];
    struct fus_moments want;
    if ((int)draw == w->fails_at)
        return fus_base_fail(err, FUS_EIO, "draw %zu", draw);
    size_t n = choose(w, draw, order, category);
    if (fus_moments_create(&want, CATEGORIES, w->r->n_units, err))
        return FUS_ENOMEM;
    if (m->m3 && fus_moments_keep_third(&want, err)) {
        fus_moments_destroy(&want);
        return FUS_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        fus_moments_add(&want, category[i], w->r->x + order[i] * w->r->n_units);
    w->same[draw] = memcmp(want.n, m->n, sizeof *m->n * CATEGORIES) == 0;
    for (size_t g = 0; g < CATEGORIES; g++)
        w->same[draw] =
            w->same[draw] && (want.n[g] == 0 ||
                              (memcmp(want.mean + g * n_units, m->mean + g * n_units, n_units * sizeof *m->mean) == 0 &&
                               memcmp(want.m2 + g * n_units, m->m2 + g * n_units, n_units * sizeof *m->m2) == 0 &&
                               (!m->m3 || memcmp(want.m3 + g * n_units, m->m3 + g * n_units, n_units * 8) == 0)));
    fus_moments_destroy(&want);
    return FUS_OK;
}

static void tell(void *context, size_t done, size_t of)
{
    struct watching *w = context;
    w->told += done > w->last;
    w->last = done;
    w->of = of;
}

static void test_moments(void)
{
    static float x[PICTURES * 500];
    int category[PICTURES];
    struct fus_rng rng;
    fus_rng_seed(&rng, 17);
    for (int i = 0; i < PICTURES * 500; i++)
        x[i] = (float)fus_rng_normal(&rng);
    for (int i = 0; i < PICTURES; i++)
        category[i] = i % CATEGORIES;
    for (int threads = 1; threads <= 3; threads++)
        for (size_t units = 1; units <= 500; units = units * 3 + 1) {
            struct fus_responses r = {x, category, PICTURES, units, CATEGORIES,          (int)units, 1,
                                      1, NULL,     NULL,     NULL,  FUS_REDRAW_PICTURES, false};
            struct watching w = {.r = &r, .fails_at = -1};
            struct fus_progress p = {tell, &w};
            fus_base_set_threads(threads);
            CHECK(fus_resample_run(&(struct fus_resampling){DRAWS, choose, measure, &w, &p, units % 2 == 0}, &r,
                                   NULL) == 0);
            bool same = true;
            for (int k = 0; k < DRAWS; k++)
                same = same && w.same[k];
            CHECK_MSG(same, "%zu units, %d threads", units, threads);
            CHECK(w.told >= 2 && w.last == DRAWS && w.of == DRAWS);
        }
    fus_base_set_threads(0);
}

/* What a draw says ends all; of several, the first draw's words count. */
static void test_failures(void)
{
    static const float x[PICTURES * 2];
    const int category[PICTURES] = {0};
    struct fus_responses r = {x, category, PICTURES, 2,    CATEGORIES,          2,    1,
                              1, NULL,     NULL,     NULL, FUS_REDRAW_PICTURES, false};
    struct watching w = {.r = &r, .fails_at = 70};
    struct fus_resampling plan = {DRAWS, choose, measure, &w, NULL, true};
    struct fus_error err;
    CHECK(fus_resample_run(&plan, &r, &err) == FUS_EIO && strcmp(err.msg, "draw 70") == 0);
    CHECK(fus_resample_run(&plan, &r, NULL) == FUS_EIO);
    fus_base_set_threads(1);
    int code = FUS_ENOMEM;
    for (long n = 1; code == FUS_ENOMEM && n < 5000; n++) {
        fus_base_fail_allocation(n);
        code = fus_resample_run(&plan, &r, &err);
        fus_base_fail_allocation(0);
    }
    CHECK(code == FUS_EIO);
    fus_base_set_threads(0);
}

int main(void)
{
    test_moments();
    test_failures();
    return test_end();
}
