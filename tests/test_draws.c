/* SPDX-License-Identifier: MIT */
/* draws.c: the resamples of a layer come back bit for bit, by every method of intervals; files that
 * hold something else are refused. */
#define _XOPEN_SOURCE 700
#include "analysis/run/draws.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/run/run_dir.h"
#include "analysis/run/tables.h"
#include "nn/base/rng.h"
#include "test.h"
#include "weights/weights.h"

enum { CATEGORIES = 2, RESAMPLES = 6, PICTURES = 5, POINTS = 3 };
static char folder[64];

/* Numbers of every size, and NaN. */
static double *invent(size_t n, uint64_t seed)
{
    struct fus_rng rng;
    double *x = fus_base_alloc(n, sizeof *x);
    fus_rng_seed(&rng, seed);
    for (size_t i = 0; x && i < n; i++)
        x[i] = i % 7 == 6 ? NAN : fus_rng_normal(&rng) * (i % 5 == 4 ? 1e-300 : 1.0 / 3);
    return x;
}

static void fill(struct fus_bootstrap *b, size_t columns, size_t n_resamples, enum fus_interval_method method)
{
    *b = (struct fus_bootstrap){.n_categories = CATEGORIES,
                                .method = method,
                                .n_resamples = n_resamples,
                                .n_images = PICTURES,
                                .estimate = invent(columns, 1),
                                .resampled = invent(columns * n_resamples, 2)};
    if (method == FUS_INTERVAL_CENTRED)
        b->nested = invent(columns * fus_bootstrap_n_nested(n_resamples), 3);
    if (method == FUS_INTERVAL_BCA)
        b->left_out = invent(columns * PICTURES, 4);
}

static void make_layer(struct fus_layer_summary *layer, size_t n_resamples, enum fus_interval_method method)
{
    static struct fus_category_summary categories[CATEGORIES];
    static const size_t first[CATEGORIES + 1] = {0, 0, POINTS}, k[POINTS] = {3, 6, 8};
    memset(layer, 0, sizeof *layer);
    strcpy(layer->name, "layer3.0.relu");
    layer->n_categories = CATEGORIES;
    layer->categories = categories;
    categories[0].n_selective = 2;
    categories[1].n_selective = 8;
    layer->matched = fus_base_alloc(1, sizeof *layer->matched);
    layer->matched->n_categories = CATEGORIES;
    layer->matched->first = fus_base_alloc(CATEGORIES + 1, sizeof *first);
    layer->matched->k = fus_base_alloc(POINTS, sizeof *k);
    memcpy(layer->matched->first, first, sizeof first);
    memcpy(layer->matched->k, k, sizeof k);
    fill(&layer->matched->bootstrap, POINTS * FUS_MATCHED_STATISTICS, n_resamples,
         method == FUS_INTERVAL_BCA ? FUS_INTERVAL_PERCENTILE : method);
    if (n_resamples) {
        layer->bootstrap = fus_base_alloc(1, sizeof *layer->bootstrap);
        fill(layer->bootstrap, CATEGORIES * FUS_BOOTSTRAP_STATISTICS, n_resamples, method);
    }
}

static bool same_numbers(const double *a, const double *b, size_t n)
{
    return n == 0 || (!a && !b) || (a && b && memcmp(a, b, n * sizeof *a) == 0);
}

static bool same_resamples(const struct fus_bootstrap *a, const struct fus_bootstrap *b, size_t columns)
{
    return a->method == b->method && a->n_resamples == b->n_resamples &&
           same_numbers(a->estimate, b->estimate, columns) &&
           same_numbers(a->resampled, b->resampled, columns * a->n_resamples) &&
           same_numbers(a->nested, b->nested, columns * fus_bootstrap_n_nested(a->n_resamples)) &&
           same_numbers(a->left_out, b->left_out, columns * PICTURES);
}

static int write_layer(struct fus_layer_summary *layer)
{
    char name[] = "a=b/c";
    struct fus_model_summary model = {.name = name, .n_layers = 1, .layers = layer};
    struct fus_run_summary run = {.n_models = 1, .models = &model};
    return fus_draws_write(folder, &run, NULL);
}

static void test_round_trip(size_t n_resamples, enum fus_interval_method method)
{
    struct fus_layer_summary out, back;
    const struct fus_draws_shape shape = {CATEGORIES, n_resamples, PICTURES, method, true};
    make_layer(&out, n_resamples, method);
    CHECK(write_layer(&out) == FUS_OK && fus_draws_exist(folder, "a=b/c", out.name));
    back = out;
    back.bootstrap = NULL, back.matched = NULL;
    CHECK(fus_draws_read(&back, folder, "a=b/c", &shape, NULL) == FUS_OK);
    CHECK(back.matched && memcmp(back.matched->first, out.matched->first, sizeof(size_t[CATEGORIES + 1])) == 0 &&
          memcmp(back.matched->k, out.matched->k, sizeof(size_t[POINTS])) == 0);
    CHECK(back.matched &&
          same_resamples(&back.matched->bootstrap, &out.matched->bootstrap, POINTS * FUS_MATCHED_STATISTICS));
    CHECK(!back.bootstrap == !out.bootstrap);
    CHECK(!out.bootstrap ||
          (back.bootstrap && same_resamples(back.bootstrap, out.bootstrap, CATEGORIES * FUS_BOOTSTRAP_STATISTICS)));
    fus_draws_free(&out);
    fus_draws_free(&back);
}

static void refused(struct fus_layer_summary *layer, const struct fus_draws_shape *shape, const char *words)
{
    struct fus_error err = {0};
    struct fus_layer_summary back = *layer;
    back.bootstrap = NULL, back.matched = NULL;
    int code = fus_draws_read(&back, folder, "a=b/c", shape, &err);
    CHECK_MSG(code && strstr(err.msg, words), "'%s' expected in '%s'", words, err.msg);
    fus_draws_free(&back);
}

static void test_refused(void)
{
    struct fus_layer_summary layer;
    struct fus_draws_shape shape = {CATEGORIES, RESAMPLES, PICTURES, FUS_INTERVAL_CENTRED, true};
    make_layer(&layer, RESAMPLES, FUS_INTERVAL_CENTRED);
    CHECK(write_layer(&layer) == FUS_OK);
    shape.n_resamples = RESAMPLES + 1;
    refused(&layer, &shape, "no array 'bootstrap_resampled' of 8 x 7 numbers in it");
    shape.n_resamples = RESAMPLES;
    shape.method = FUS_INTERVAL_BCA;
    refused(&layer, &shape, "no array 'bootstrap_left_out'");
    shape.method = FUS_INTERVAL_CENTRED;
    layer.categories[1].n_selective = 9;
    refused(&layer, &shape, "its counts of units are not those of layers.csv");
    layer.categories[1].n_selective = 8;
    static const size_t bad[][CATEGORIES + 1] = {{0, 4, POINTS}, {1, 1, POINTS}, {0, 2, POINTS}, {0, SIZE_MAX, POINTS}};
    static const size_t counts[][POINTS] = {{4, 6, 8}, {3, 3, 8}, {3, 6, 7}, {6, 3, 8}};
    size_t *first = layer.matched->first, *k = layer.matched->k;
    for (int i = 0; i < 4; i++) {
        memcpy(first, bad[i], sizeof bad[i]);
        CHECK(write_layer(&layer) == FUS_OK);
        refused(&layer, &shape, i == 3 ? "is no count" : "its counts of units");
    }
    memcpy(first, (const size_t[]){0, 0, POINTS}, sizeof bad[0]);
    for (int i = 0; i < 4; i++) {
        memcpy(k, counts[i], sizeof counts[i]);
        CHECK(write_layer(&layer) == FUS_OK);
        refused(&layer, &shape, "its counts of units");
    }
    fus_draws_free(&layer);
}

/* A single f64 array: other types are not taken for it. */
static void test_doubles(void)
{
    char path[128];
    struct fus_store *store = NULL;
    static const double x[3] = {1.0 / 3, -0.0, 1e-310};
    static const float y[3] = {1, 2, 3};
    double back[3];
    snprintf(path, sizeof path, "%s/draws/x.npy", folder);
    const struct fus_npy_array wide = {"x", "<f8", 1, {3}, x}, narrow = {"x", "<f4", 1, {3}, y};
    CHECK(fus_npyout_npy(path, &wide, NULL) == FUS_OK && fus_open_weights(&store, path, NULL) == FUS_OK);
    CHECK(fus_store_read_f64(store, back, fus_store_tensor(store, 0), NULL) == FUS_OK);
    CHECK(memcmp(back, x, sizeof x) == 0);
    fus_store_close(store);
    CHECK(fus_npyout_npy(path, &narrow, NULL) == FUS_OK && fus_open_weights(&store, path, NULL) == FUS_OK);
    struct fus_error err = {0};
    CHECK(fus_store_read_f64(store, back, fus_store_tensor(store, 0), &err) == FUS_EUNSUPPORTED &&
          strstr(err.msg, "f64 in C order expected, f32 found"));
    fus_store_close(store);
    unlink(path);
}

static void remove_files(void)
{
    char path[FUS_RUN_DIR_PATH];
    fus_run_dir_draws(path, folder, "a=b/c", "layer3.0.relu");
    unlink(path);
    fus_run_dir_draws(path, folder, "a=b/c", NULL);
    rmdir(path);
    fus_run_dir_path(path, folder, "draws");
    rmdir(path);
    rmdir(folder);
}

int main(void)
{
    strcpy(folder, "/tmp/fus-draws-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    test_round_trip(RESAMPLES, FUS_INTERVAL_CENTRED);
    test_round_trip(RESAMPLES, FUS_INTERVAL_PERCENTILE);
    test_round_trip(RESAMPLES, FUS_INTERVAL_BCA);
    test_round_trip(0, FUS_INTERVAL_CENTRED);
    test_refused();
    test_doubles();
    remove_files();
    return test_end();
}
