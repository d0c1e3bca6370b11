/* SPDX-License-Identifier: MIT */
/* Moments and responses of a pass (analysis/localizer/accumulator.c, scratch_file.c): against sums
 * by hand, the same bits in memory and in the scratch file. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "small_run.h"

/* Mean and m2 of the pictures of a category in one half, by two passes. */
static void by_hand(double *mean, double *m2, int *n, const struct fus_localizer *run, int category, int half, size_t u)
{
    *mean = *m2 = *n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < SMALL_PICTURES; i++) {
            const struct fus_picture *p = &run->pictures.set.pictures[i];
            double x = small_response(i, u);
            if (p->category != category || p->half != half)
                continue;
            *n += pass == 0;
            *mean += pass == 0 ? x : 0;
            *m2 += pass == 1 ? (x - *mean / *n) * (x - *mean / *n) : 0;
        }
    *mean /= *n;
}

/* All pictures of two blocks at a time, as a pass with large batches. */
static void count_by_blocks(struct fus_accumulator *a, const struct fus_localizer *run)
{
    static float blocked[SMALL_PICTURES * SMALL_BLOCKED], row[SMALL_UNITS];
    const struct fus_blocks *blocks = &run->pictures.blocks;
    for (int i = 0; i < blocks->n; i += 2) {
        int first = blocks->items[i].first, end = blocks->items[i + 1 < blocks->n ? i + 1 : i].end;
        for (int k = first; k < end; k++)
            small_blocked(blocked + (size_t)(k - first) * SMALL_BLOCKED, blocks->order[k]);
        CHECK(fus_accumulator_add(a, first, end - first, blocked, row, NULL) == FUS_OK);
    }
}

static void fill(struct fus_accumulator *a, struct fus_scratch_file *scratch, const struct fus_localizer *run,
                 enum fus_accumulator_memory memory, bool by_blocks)
{
    fus_accumulator_plan(a, &run->pictures.set, &run->pictures.blocks, scratch, &small_tap, true, false, true);
    a->by_blocks = by_blocks;
    CHECK((fus_accumulator_least_bytes(a) > 0) == !by_blocks &&
          fus_accumulator_response_bytes(a) == SMALL_PICTURES * SMALL_UNITS * sizeof(float));
    CHECK(fus_accumulator_create(a, memory, memory == FUS_ACCUMULATOR_ALL, NULL) == FUS_OK);
    if (by_blocks)
        count_by_blocks(a, run);
    else
        small_count(a, run, 0, SMALL_PICTURES);
    CHECK(fus_accumulator_is_finite(a));
    CHECK(fus_accumulator_finish(a, NULL) == FUS_OK);
}

static void test_both(const struct fus_localizer *run, bool inside_by_blocks, bool outside_by_blocks,
                      enum fus_accumulator_memory outside_memory)
{
    struct fus_scratch_file scratch = {.folder = small_folder}, unused = {.folder = "/nowhere"};
    struct fus_accumulator inside, outside;
    struct fus_moments m, o;
    fill(&inside, &unused, run, FUS_ACCUMULATOR_ALL, inside_by_blocks);
    fill(&outside, &scratch, run, outside_memory, outside_by_blocks);
    CHECK(scratch.open && !unused.open);
    CHECK(fus_accumulator_moments(&m, &inside, NULL) == FUS_OK &&
          fus_accumulator_moments(&o, &outside, NULL) == FUS_OK);
    CHECK(m.n_groups == 4 && m.n_units == SMALL_UNITS && o.n_groups == 4 && o.n_units == SMALL_UNITS);
    CHECK(memcmp(m.mean, o.mean, 4 * SMALL_UNITS * sizeof *m.mean) == 0 &&
          memcmp(m.m2, o.m2, 4 * SMALL_UNITS * sizeof *m.m2) == 0);
    for (int g = 0; g < 4; g++)
        for (size_t u = 0; u < SMALL_UNITS; u++) {
            double mean, m2;
            int n;
            by_hand(&mean, &m2, &n, run, g % 2, g / 2, u);
            CHECK(m.n[g] == n && test_near("moments", m.mean[(size_t)g * SMALL_UNITS + u], mean, 1e-10) &&
                  test_near("moments", m.m2[(size_t)g * SMALL_UNITS + u], m2, 1e-10));
        }
    struct fus_responses r = {.n_images = SMALL_PICTURES, .n_units = SMALL_UNITS}, s = r;
    CHECK(fus_accumulator_responses(&r, &inside) && fus_accumulator_responses(&s, &outside) && r.x && !s.x && s.read);
    for (int i = 0; i < SMALL_PICTURES; i++) {
        float x[SMALL_UNITS], y[SMALL_UNITS];
        fus_responses_row(x, &r, (size_t)i, 0, SMALL_UNITS);
        fus_responses_row(y, &s, (size_t)i, 0, SMALL_UNITS);
        CHECK(memcmp(x, y, sizeof x) == 0 && x[5] == small_response(i, 5));
    }
    CHECK(fus_accumulator_check_read(&outside, NULL) == FUS_OK);
    fus_moments_destroy(&m);
    fus_moments_destroy(&o);
    fus_accumulator_destroy(&inside);
    fus_accumulator_destroy(&outside);
    fus_scratch_file_close(&scratch);
}

/* NaN and infinity are seen while their block is counted; a folder that is not there is an
 * error that names it. */
static void test_bad(const struct fus_localizer *run)
{
    struct fus_scratch_file nowhere = {.folder = "/nowhere/at/all"};
    struct fus_accumulator a;
    struct fus_error err = {0};
    float blocked[SMALL_BLOCKED], row[SMALL_UNITS];
    fus_accumulator_plan(&a, &run->pictures.set, &run->pictures.blocks, &nowhere, &small_tap, true, false, true);
    CHECK(fus_accumulator_create(&a, FUS_ACCUMULATOR_ALL, false, NULL) == FUS_OK);
    small_blocked(blocked, 0);
    CHECK(fus_accumulator_add(&a, 0, 1, blocked, row, &err) == FUS_EIO && strstr(err.msg, "/nowhere/at/all"));
    blocked[7] = INFINITY;
    a.keep = false;
    CHECK(fus_accumulator_add(&a, 1, 1, blocked, row, NULL) == FUS_OK && !fus_accumulator_is_finite(&a));
    fus_accumulator_destroy(&a);
    fus_accumulator_plan(&a, &run->pictures.set, &run->pictures.blocks, &nowhere, &small_tap, true, false, false);
    a.by_blocks = true;
    CHECK(fus_accumulator_create(&a, FUS_ACCUMULATOR_NONE, false, NULL) == FUS_OK);
    const struct fus_block *block = run->pictures.blocks.items;
    float *all = fus_base_alloc((size_t)block->end, sizeof blocked);
    CHECK(fus_accumulator_add(&a, 0, block->end, all, NULL, &err) == FUS_EIO && strstr(err.msg, "/nowhere/at/all"));
    fus_accumulator_destroy(&a);
    a.keep = false;
    CHECK(fus_accumulator_create(&a, FUS_ACCUMULATOR_ALL, false, NULL) == FUS_OK && !a.block.mean);
    CHECK(fus_accumulator_add(&a, 0, block->end, all, NULL, NULL) == FUS_OK && fus_accumulator_is_finite(&a));
    all[SMALL_BLOCKED + 9] = NAN;
    CHECK(fus_accumulator_add(&a, 0, block->end, all, NULL, NULL) == FUS_OK && !fus_accumulator_is_finite(&a));
    fus_base_free(all);
    fus_accumulator_destroy(&a);
}

int main(void)
{
    struct fus_localizer run;
    small_run_create(&run);
    test_both(&run, false, false, FUS_ACCUMULATOR_NONE);
    test_both(&run, true, false, FUS_ACCUMULATOR_NONE);
    test_both(&run, false, true, FUS_ACCUMULATOR_NONE);
    test_both(&run, false, true, FUS_ACCUMULATOR_HELD);
    test_bad(&run);
    small_run_destroy(&run);
    return test_end();
}
