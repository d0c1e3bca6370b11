/* SPDX-License-Identifier: MIT */
/* A decided layer as a file (analysis/localizer/state/layer_result.c): read back as it was, and
 * only whole, of this run, with its labels. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include "analysis/localizer/state/layer_result.h"
#include "small_run.h"

static struct fus_layer_summary make_layer(void)
{
    struct fus_layer_summary s = {.name = "relu",
                                  .channels = 20,
                                  .height = 3,
                                  .width = 2,
                                  .depth = 0.25,
                                  .n_units = SMALL_UNITS,
                                  .n_categories = 2};
    s.categories = fus_base_alloc(2, sizeof *s.categories);
    for (int c = 0; c < 2; c++) {
        s.categories[c].n_selective = (size_t)(7 + c);
        s.categories[c].proportion = 1.0 / (3 + c);
        s.categories[c].map = fus_base_alloc(6, sizeof(float));
        s.categories[c].map[5] = 0.5f;
    }
    s.bootstrap = fus_base_alloc(1, sizeof *s.bootstrap);
    *s.bootstrap = (struct fus_bootstrap){
        .n_categories = 2, .method = FUS_INTERVAL_CENTRED, .n_resamples = 3, .n_images = SMALL_PICTURES};
    s.bootstrap->estimate = fus_base_alloc(2 * FUS_BOOTSTRAP_STATISTICS, sizeof(double));
    s.bootstrap->resampled = fus_base_alloc(6 * FUS_BOOTSTRAP_STATISTICS, sizeof(double));
    s.bootstrap->resampled[17] = 0.75;
    s.permuted = fus_base_alloc(2, sizeof *s.permuted);
    s.permuted[1].n_familywise = 9;
    s.equal_n = fus_base_alloc(2, sizeof *s.equal_n);
    s.equal_n[1].n_both = 4;
    s.rdm = fus_base_alloc(1, sizeof *s.rdm);
    s.rdm[0] = 0.125;
    s.top = fus_base_alloc(2 * FUS_TOP_UNITS, sizeof *s.top);
    s.n_top = 1;
    s.top[0].channel = 11;
    return s;
}

static void write_labels(const struct fus_localizer *run, int8_t first)
{
    int8_t label[SMALL_UNITS] = {first};
    char path[FUS_RUN_DIR_PATH];
    struct fus_layer_summary s = {
        .name = "relu", .channels = 20, .height = 3, .width = 2, .n_units = SMALL_UNITS, .label = label};
    fus_run_dir_units(path, small_folder, "m", NULL);
    CHECK(fus_outfile_mkdirs(path, NULL) == FUS_OK &&
          fus_decide_write_units(small_folder, run, 0, &s, NULL, NULL, NULL) == FUS_OK);
}

static void spoil(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL);
    if (f && fseek(f, at, SEEK_SET) == 0) {
        int c = fgetc(f);
        CHECK(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 1, f) >= 0);
    }
    if (f)
        fclose(f);
}

int main(void)
{
    struct fus_localizer run;
    char path[FUS_RUN_DIR_PATH];
    small_run_create(&run);
    run.options.bootstrap = 3;
    fus_run_dir_model_state(path, small_folder, 0);
    CHECK(fus_outfile_mkdirs(path, NULL) == FUS_OK);
    strcat(path, "/decided-relu");
    write_labels(&run, 1);
    struct fus_layer_summary layer = make_layer();
    small_layer = layer;
    CHECK(fus_layer_result_write(&run, 0, 0, NULL) == FUS_OK);

    memset(&small_layer, 0, sizeof small_layer);
    CHECK(fus_layer_result_read(&run, 0, 0));
    const struct fus_layer_summary *s = &small_layer;
    CHECK(strcmp(s->name, "relu") == 0 && s->depth == 0.25 && s->n_categories == 2 && !s->label && s->n_top == 1 &&
          s->top[0].channel == 11);
    CHECK(s->categories[1].n_selective == 8 && s->categories[1].proportion == 0.25 && s->categories[0].map[5] == 0.5f);
    CHECK(s->bootstrap && s->bootstrap->resampled[17] == 0.75 && !s->bootstrap->nested &&
          s->permuted[1].n_familywise == 9);
    CHECK(s->equal_n && s->equal_n[1].n_both == 4 && s->rdm[0] == 0.125 && !s->picture_rdm && !s->sweep && !s->profile);
    fus_summary_free_layer(&small_layer);

    run.state.digest[0] = 'x'; /* another run's */
    CHECK(!fus_layer_result_read(&run, 0, 0));
    run.state.digest[0] = '7';
    write_labels(&run, 0); /* labels of another time */
    CHECK(!fus_layer_result_read(&run, 0, 0));
    write_labels(&run, 1);
    CHECK(fus_layer_result_read(&run, 0, 0));
    fus_summary_free_layer(&small_layer);
    long n = 0;
    FILE *f = fopen(path, "rb");
    if (f && fseek(f, 0, SEEK_END) == 0)
        n = ftell(f);
    if (f)
        fclose(f);
    CHECK(n > 300);
    for (long at = 0; at < n; at += 13) { /* any byte changed, any length */
        spoil(path, at);
        CHECK(!fus_layer_result_read(&run, 0, 0));
        fus_summary_free_layer(&small_layer);
        spoil(path, at);
    }
    for (long cut = n - 1; cut > 0; cut -= 17) {
        CHECK(truncate(path, cut) == 0 && !fus_layer_result_read(&run, 0, 0));
        fus_summary_free_layer(&small_layer);
    }
    fus_summary_free_layer(&layer);
    small_run_destroy(&run);
    return test_end();
}
