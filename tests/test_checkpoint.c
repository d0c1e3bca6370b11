/* SPDX-License-Identifier: MIT */
/* A pass saved and taken up again (analysis/localizer/state/checkpoint.c): from any picture on,
 * with the same bits. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "analysis/localizer/state/checkpoint.h"
#include "small_run.h"

static const char *names[] = {"relu"};

static void start(struct fus_accumulator *a, struct fus_scratch_file *scratch, const struct fus_localizer *run)
{
    fus_accumulator_plan(a, &run->pictures.set, &run->pictures.blocks, scratch, &small_tap, true, false, true);
    CHECK(fus_accumulator_create(a, FUS_ACCUMULATOR_ALL, true, NULL) == FUS_OK);
}

/* As the pass does: the checkpoint ends blocks. */
static void count(struct fus_checkpoint *c, struct fus_accumulator *a, const struct fus_localizer *run, int first,
                  int end)
{
    float blocked[SMALL_BLOCKED], row[SMALL_UNITS];
    for (int i = first; i < end; i++) {
        const struct fus_block *block = fus_blocks_find(&run->pictures.blocks, i);
        small_blocked(blocked, run->pictures.blocks.order[i]);
        CHECK(fus_accumulator_add(a, i, 1, blocked, row, NULL) == FUS_OK);
        if (i + 1 == block->end)
            CHECK(fus_checkpoint_end_block(c, block, NULL) == FUS_OK);
    }
}

static void moments_of(struct fus_moments *m, struct fus_accumulator *a)
{
    CHECK(fus_accumulator_finish(a, NULL) == FUS_OK);
    CHECK(fus_accumulator_moments(m, a, NULL) == FUS_OK);
}

static void test_cut(const struct fus_localizer *run, const struct fus_moments *expected, int cut)
{
    struct fus_scratch_file scratch = {.folder = small_folder};
    struct fus_accumulator a, b, *one = &a, *two = &b;
    struct fus_checkpoint c;
    struct fus_moments m;
    int first = -1;
    start(&a, &scratch, run);
    CHECK(fus_checkpoint_create(&c, run, 0, &one, names, 1, NULL) == FUS_OK);
    count(&c, &a, run, 0, cut / 2);
    CHECK(fus_checkpoint_save(&c, cut / 2, NULL) == FUS_OK);
    count(&c, &a, run, cut / 2, cut);
    CHECK(fus_checkpoint_save(&c, cut, NULL) == FUS_OK);
    fus_checkpoint_destroy(&c);
    start(&b, &scratch, run);
    CHECK(fus_checkpoint_create(&c, run, 0, &two, names, 1, NULL) == FUS_OK);
    CHECK(fus_checkpoint_load(&c, &first, NULL) == FUS_OK);
    CHECK_MSG(first == cut, "%d found, %d expected", first, cut);
    count(&c, &b, run, first, SMALL_PICTURES);
    moments_of(&m, &b);
    CHECK(memcmp(m.mean, expected->mean, 4 * SMALL_UNITS * sizeof *m.mean) == 0 &&
          memcmp(m.m2, expected->m2, 4 * SMALL_UNITS * sizeof *m.m2) == 0);
    CHECK(memcmp(m.n, expected->n, 4 * sizeof *m.n) == 0 && b.responses[79 * SMALL_UNITS + 3] == small_response(79, 3));
    bool decided = true;
    CHECK(fus_checkpoint_tidy(run, 0, &decided, NULL) == FUS_OK);
    fus_checkpoint_destroy(&c);
    fus_moments_destroy(&m);
    fus_accumulator_destroy(&a);
    fus_accumulator_destroy(&b);
}

/* An interval of 2 s that is over: due if saving takes less than a tenth of the time since the last
 * save. 0: after every batch, whatever saving takes. */
static void test_interval(struct fus_checkpoint *c, struct fus_accumulator *a, struct fus_localizer *run)
{
    CHECK(fus_checkpoint_create(c, run, 0, &a, names, 1, NULL) == FUS_OK);
    run->options.checkpoint = 2;
    CHECK(!fus_checkpoint_due(c, 10));
    c->last -= 3;
    CHECK(fus_checkpoint_due(c, 10));
    c->rate = 1; /* byte a second */
    CHECK(!fus_checkpoint_due(c, 10));
    run->options.checkpoint = 0;
    CHECK(fus_checkpoint_due(c, 10));
    fus_checkpoint_destroy(c);
}

/* Without a folder, or in one that is gone, nothing is saved; a run goes on. */
static void test_off(struct fus_localizer *run)
{
    const char *folder = run->options.folder;
    struct fus_scratch_file scratch = {.folder = folder};
    struct fus_accumulator a, *one = &a;
    struct fus_checkpoint c;
    start(&a, &scratch, run);
    run->options.folder = NULL, run->options.checkpoint = 0;
    CHECK(fus_checkpoint_create(&c, run, 0, &one, names, 1, NULL) == FUS_OK && !fus_checkpoint_due(&c, 10));
    fus_checkpoint_destroy(&c);
    run->options.folder = "/nowhere/at/all";
    CHECK(fus_checkpoint_create(&c, run, 0, &one, names, 1, NULL) == FUS_OK && fus_checkpoint_due(&c, 10));
    count(&c, &a, run, 0, 10);
    CHECK(fus_checkpoint_save(&c, 10, NULL) == FUS_OK && !fus_checkpoint_due(&c, 20));
    fus_checkpoint_destroy(&c);
    run->options.folder = folder;
    test_interval(&c, &a, run);
    fus_accumulator_destroy(&a);
}

int main(void)
{
    struct fus_localizer run;
    struct fus_scratch_file scratch;
    struct fus_accumulator whole;
    struct fus_moments expected;
    char path[FUS_RUN_DIR_PATH];
    small_run_create(&run);
    run.options.bootstrap = 2;
    fus_run_dir_model_state(path, small_folder, 0);
    CHECK(fus_outfile_mkdirs(path, NULL) == FUS_OK);
    scratch = (struct fus_scratch_file){.folder = small_folder};
    start(&whole, &scratch, &run);
    small_count(&whole, &run, 0, SMALL_PICTURES);
    moments_of(&expected, &whole);
    for (int cut = 2; cut < SMALL_PICTURES; cut += 6)
        test_cut(&run, &expected, cut);
    test_off(&run);
    fus_moments_destroy(&expected);
    fus_accumulator_destroy(&whole);
    small_run_destroy(&run);
    return test_end();
}
