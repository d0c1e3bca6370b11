/* SPDX-License-Identifier: MIT */
/* A run of 70 + 10 invented pictures and one layer of 20 channels of 3 x 2 units, in a folder of
 * its own; no network. */
#include <stdlib.h>
#include <unistd.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/run.h"
#include "analysis/run/run_dir.h"
#include "nn/base/outfile.h"

enum { SMALL_PICTURES = 80, SMALL_UNITS = 120, SMALL_BLOCKED = 192 };

static struct fus_picture small_pictures[SMALL_PICTURES];
static char *small_categories[] = {"face", "place"}, *small_subcategories[] = {"adult", "house"};
static char small_sha[SMALL_PICTURES][65];
static struct fus_pixelstats small_stats[SMALL_PICTURES];
static struct fus_tap small_tap = {"relu", 20, 3, 2, true, 0, 0, false, false};
static struct fus_run_model small_model = {.name = "m", .taps = &small_tap, .n_layers = 1};
static struct fus_layer_summary small_layer;
static struct fus_model_summary small_summary = {.name = "m",
                                                 .source = "m.pth",
                                                 .architecture = "a",
                                                 .preprocess = "p",
                                                 .sha256 = "abc",
                                                 .n_layers = 1,
                                                 .layers = &small_layer};
static char small_folder[] = "/tmp/fusiform-small-XXXXXX";

static void small_run_create(struct fus_localizer *run)
{
    memset(run, 0, sizeof *run);
    run->options = fus_run_options_defaults;
    run->options.folder = mkdtemp(small_folder);
    run->state.lock = -1;
    run->n_models = run->summary.n_models = 1;
    run->models = &small_model;
    run->summary.models = &small_summary;
    run->pictures.set = (struct fus_set){.n_pictures = SMALL_PICTURES,
                                         .n_categories = 2,
                                         .n_subcategories = 2,
                                         .pictures = small_pictures,
                                         .categories = small_categories,
                                         .subcategories = small_subcategories,
                                         .description = "a set"};
    run->pictures.sha256 = small_sha;
    run->pictures.stats = small_stats;
    run->pictures.end = SMALL_PICTURES;
    for (int i = 0; i < SMALL_PICTURES; i++) {
        char name[] = "picture-00.png";
        name[8] = (char)('0' + i / 10), name[9] = (char)('0' + i % 10);
        small_pictures[i] = (struct fus_picture){fus_base_strdup(name), i >= 70, i >= 70, i, i % 2, -1, 0};
        memset(small_sha[i], 'a', 64);
    }
    CHECK(fus_blocks_cut(&run->pictures.blocks, &run->pictures.set, FUS_BLOCKS_HALVES, NULL) == FUS_OK);
    memset(run->state.digest, '7', 64);
}

static void small_run_destroy(struct fus_localizer *run)
{
    char command[200];
    fus_blocks_free(&run->pictures.blocks);
    for (int i = 0; i < SMALL_PICTURES; i++)
        fus_base_free((void *)small_pictures[i].path);
    snprintf(command, sizeof command, "rm -rf '%s'", small_folder);
    CHECK(system(command) == 0);
}

/* The response of unit u (of [C, H, W]) to the picture. */
static inline float small_response(int picture, size_t u)
{
    return (float)((picture * 37 + (int)u * 11) % 101) / 8 + (float)(u % 7);
}

/* All units in blocks of 16 channels: [2, 6, 16]. */
static inline void small_blocked(float blocked[SMALL_BLOCKED], int picture)
{
    memset(blocked, 0, SMALL_BLOCKED * sizeof *blocked);
    for (size_t c = 0; c < 20; c++)
        for (size_t p = 0; p < 6; p++)
            blocked[(c / 16 * 6 + p) * 16 + c % 16] = small_response(picture, c * 6 + p);
}

/* Pictures shown as first .. end-1 are counted one by one, blocks end where they do. */
static inline void small_count(struct fus_accumulator *a, const struct fus_localizer *run, int first, int end)
{
    float blocked[SMALL_BLOCKED], row[SMALL_UNITS];
    for (int i = first; i < end; i++) {
        const struct fus_block *block = fus_blocks_find(&run->pictures.blocks, i);
        small_blocked(blocked, run->pictures.blocks.order[i]);
        CHECK(fus_accumulator_add(a, i, 1, blocked, row, NULL) == FUS_OK);
        if (i + 1 == block->end)
            CHECK(fus_accumulator_end_block(a, block, NULL) == FUS_OK);
    }
}
