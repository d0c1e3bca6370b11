/* SPDX-License-Identifier: MIT */
/* fusiform bench --sdc: see bench_sdc.h. */
#include "tools/bench_sdc.h"

#include <stdio.h>
#include <string.h>

#include "analysis/sdc/cluster.h"
#include "analysis/sdc/fit.h"
#include "analysis/sdc/noise.h"
#include "analysis/sdc/ridge.h"
#include "nn/base/clock.h"
#include "nn/base/rng.h"
#include "nn/kernel/peak.h"
#include "tools/timing.h"

enum {
    VOXELS = 15000, /* of a decoder */
    VECTORS = 20000,
    DIMENSIONS = 512,
    BATCH = 128,
    TRIALS = 512, /* of the steps */
    PARTICIPANTS = 8,
    CONCEPTS = 40 /* that half of the vectors share */
};

/* Times of one part of the work, one a round. */
struct row {
    const char *name;
    double flops; /* 2 per multiply-add; 0: no products */
    double *seconds;
};

static void free_rows(struct row *rows, int n)
{
    for (int i = 0; i < n; i++)
        fus_base_free(rows[i].seconds);
}

static int take_rows(struct row *rows, int n, int rounds, struct fus_error *err)
{
    bool good = true;
    for (int i = 0; i < n; i++)
        good = (rows[i].seconds = fus_base_alloc((size_t)rounds, sizeof(double))) != NULL && good;
    return good ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the times");
}

static void print_rows(struct row *rows, int n, const struct fus_bench_sdc *b, int rounds, double peak)
{
    for (int i = 0; i < n; i++) {
        double seconds = fus_timing_median(rows[i].seconds, rounds), least = rows[i].seconds[0];
        double rate = seconds > 0 ? 1e-9 * rows[i].flops / seconds : 0;
        printf(b->csv ? "%s,%.3f,%.3f,%.2f,%.1f\n" : "%-16s %12.3f %12.3f %9.2f %6.1f\n", rows[i].name, seconds * 1e3,
               least * 1e3, rate, 100 * rate / peak);
    }
    fflush(stdout);
}

/* ---- data ---- */

/* x [n, columns]: normal noise, row by row. */
static void fill_noise(float *x, size_t n, size_t columns, uint64_t key)
{
    float table[FUS_SDC_NOISE_LEVELS];
    fus_sdc_noise_table(table, 1);
    memset(x, 0, n * columns * sizeof *x);
    for (size_t i = 0; i < n; i++)
        fus_sdc_noise_add(x + i * columns, columns, table, key, 0, i);
}

/* A participant with n trials of as many images. */
struct study {
    struct fus_sdc_data *data;
    struct fus_sdc_embedding embedding;
    int32_t *number; /* [n] 0, 1, .. */
    struct fus_sdc_fit_source source;
};

static void close_study(struct study *s)
{
    fus_sdc_data_close(s->data);
    fus_base_free(s->embedding.unit);
    fus_base_free(s->number);
}

static int open_study(struct study *s, size_t n, size_t voxels, struct fus_error *err)
{
    size_t floats;
    float *x = fus_base_mul(&floats, n, voxels) ? fus_base_alloc(floats, sizeof *x) : NULL;
    uint8_t *split = fus_base_alloc(n, 1);
    *s = (struct study){.number = fus_base_alloc(n, sizeof *s->number)};
    s->embedding =
        (struct fus_sdc_embedding){.n = n, .d = DIMENSIONS, .unit = fus_base_alloc(n * DIMENSIONS, sizeof(float))};
    int code = x && split && s->number && s->embedding.unit
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials of %zu voxels", n, voxels);
    if (!code) {
        fill_noise(x, n, voxels, 1);
        fill_noise(s->embedding.unit, n, DIMENSIONS, 2);
        for (size_t i = 0; i < n; i++) {
            float *unit = s->embedding.unit + i * DIMENSIONS;
            fus_sdc_unit(unit, unit, DIMENSIONS);
            s->number[i] = (int32_t)i;
        }
        memset(split, FUS_SDC_TRAIN, n);
        code = fus_sdc_data_of_array(&s->data, "noise", x, n, voxels, n, s->number, split, err);
    }
    s->source = (struct fus_sdc_fit_source){s->data, &s->embedding, s->number, s->number, n};
    fus_base_free(x);
    fus_base_free(split);
    if (code)
        close_study(s);
    return code;
}

/* ---- a step ---- */

enum { STEP_BATCH, STEP_DECODE, STEP_LOSS, STEP_UPDATE, STEP, STEP_AVERAGED, N_STEP };

/* Steps of one fit. With the mean of its iterates (tail 1) the whole step alone is noted. */
static int time_fit(struct row rows[N_STEP], double *peaks, const struct study *s, int rounds, double tail,
                    struct fus_error *err)
{
    const struct fus_sdc_fit_options o = {rounds + 1, BATCH, 1e-4, 0.03, 1, tail, false};
    struct fus_sdc_fit *f = NULL;
    double loss;
    int code = fus_sdc_fit_create(&f, &s->source, &o, fus_sdc_fit_key(1, "noise", 0), err);
    for (int round = -1; round < rounds && !code; round++) {
        const struct fus_sdc_fit_times before = fus_sdc_fit_times(f);
        double start = fus_clock_now();
        code = fus_sdc_fit_step(f, &loss, err);
        double whole = fus_clock_now() - start;
        const struct fus_sdc_fit_times after = fus_sdc_fit_times(f);
        if (round < 0)
            continue;
        rows[tail > 0 ? STEP_AVERAGED : STEP].seconds[round] = whole;
        if (tail > 0)
            continue;
        rows[STEP_BATCH].seconds[round] = after.batch - before.batch;
        rows[STEP_DECODE].seconds[round] = after.decode - before.decode;
        rows[STEP_LOSS].seconds[round] = after.loss - before.loss;
        rows[STEP_UPDATE].seconds[round] = after.update - before.update;
        peaks[round] = fus_peak_measure(fus_kernels_here());
    }
    fus_sdc_fit_destroy(f);
    return code;
}

static int time_step(const struct fus_bench_sdc *b, struct fus_error *err)
{
    size_t voxels = b->voxels ? (size_t)b->voxels : VOXELS;
    double product = 2.0 * BATCH * (double)voxels * DIMENSIONS, small = 2 * 2.0 * BATCH * BATCH * DIMENSIONS;
    struct row rows[N_STEP] = {{"step_batch", 0, NULL},
                               {"step_decode", product, NULL},
                               {"step_loss", small, NULL},
                               {"step_update", product, NULL},
                               {"step", 2 * product + small, NULL},
                               {"step_averaged", 2 * product + small, NULL}};
    struct row peaks = {0};
    struct study s = {0};
    int code = take_rows(rows, N_STEP, b->rounds, err);
    code = code ? code : take_rows(&peaks, 1, b->rounds, err);
    code = code ? code : open_study(&s, TRIALS, voxels, err);
    if (!code) {
        code = time_fit(rows, peaks.seconds, &s, b->rounds, 0, err);
        code = code ? code : time_fit(rows, peaks.seconds, &s, b->rounds, 1, err);
        if (!code)
            print_rows(rows, N_STEP, b, b->rounds, fus_timing_median(peaks.seconds, b->rounds));
        close_study(&s);
    }
    free_rows(&peaks, 1);
    free_rows(rows, N_STEP);
    return code;
}

/* ---- pairs ---- */

/* unit [n, DIMENSIONS]: the second half of every 8 vectors has a concept's direction in it. */
static void make_vectors(float *unit, float *concepts, size_t n)
{
    fill_noise(unit, n, DIMENSIONS, 1);
    fill_noise(concepts, CONCEPTS, DIMENSIONS, 2);
    for (size_t i = 0; i < n; i++) {
        float *u = unit + i * DIMENSIONS, *c = concepts + i % CONCEPTS * DIMENSIONS;
        for (size_t j = 0; j < DIMENSIONS && i % 8 > 3; j++)
            u[j] += c[j];
        fus_sdc_unit(u, u, DIMENSIONS);
    }
}

static int time_passes(struct row rows[3], const struct fus_sdc_vectors *v, int round, struct fus_error *err)
{
    static const struct fus_sdc_rule rule = {.min_others = 3};
    double eps[FUS_SDC_MAX_EPS], start = fus_clock_now(), middle = start;
    int n_eps = 0, n_clusters[FUS_SDC_MAX_EPS];
    struct fus_sdc_pairs *p = NULL;
    float *kappa = fus_base_alloc(v->n, sizeof *kappa);
    for (int k = 50; k <= 750; k += k < 500 ? 25 : 50) /* as --eps auto */
        eps[n_eps++] = k / 1000.0;
    int32_t *label = fus_base_alloc(v->n, (size_t)n_eps * sizeof *label);
    int code = kappa && label ? fus_sdc_pairs_create(&p, v, err)
                              : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", v->n);
    if (!code)
        code = fus_sdc_core_distances(kappa, p, v->n, &rule, err);
    middle = fus_clock_now();
    if (!code)
        code = fus_sdc_cluster(label, n_clusters, NULL, p, kappa, eps, n_eps, FUS_SDC_NEAREST, err);
    if (!code && round >= 0) {
        double end = fus_clock_now(), took[] = {middle - start, end - middle, end - start};
        for (int i = 0; i < 3; i++)
            rows[i].seconds[round] = took[i];
    }
    fus_sdc_pairs_destroy(p);
    fus_base_free(kappa);
    fus_base_free(label);
    return code;
}

static int time_pairs(const struct fus_bench_sdc *b, struct fus_error *err)
{
    size_t n = b->voxels ? (size_t)b->voxels : VECTORS, first[PARTICIPANTS + 1];
    double within = 0, all = (double)n * (double)n * DIMENSIONS, peak, again;
    int rounds = (b->rounds + 4) / 5; /* each lasts as long as many steps */
    float *unit = fus_base_alloc(n * DIMENSIONS, sizeof *unit), concepts[CONCEPTS * DIMENSIONS];
    for (size_t s = 0; s <= PARTICIPANTS; s++)
        first[s] = n * s / PARTICIPANTS;
    for (size_t s = 0; s < PARTICIPANTS; s++)
        within += (double)(first[s + 1] - first[s]) * (double)(first[s + 1] - first[s]) * DIMENSIONS;
    struct row rows[3] = {
        {"pairs_nearest", all - within, NULL}, {"pairs_clusters", all, NULL}, {"pairs", 2 * all - within, NULL}};
    struct fus_sdc_vectors v = {PARTICIPANTS, first, n, DIMENSIONS, unit};
    int code = unit ? take_rows(rows, 3, rounds, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu vectors", n);
    if (!code)
        make_vectors(unit, concepts, n);
    peak = fus_peak_measure(fus_kernels_here());
    for (int round = 0; round < rounds && !code; round++)
        code = time_passes(rows, &v, round, err);
    again = fus_peak_measure(fus_kernels_here());
    if (!code)
        print_rows(rows, 3, b, rounds, again > peak ? again : peak);
    free_rows(rows, 3);
    fus_base_free(unit);
    return code;
}

/* ---- ridge regression ---- */

/* Once, with as many trials as voxels. */
static int time_ridge(const struct fus_bench_sdc *b, struct fus_error *err)
{
    size_t voxels = b->voxels ? (size_t)b->voxels : VOXELS;
    double v = (double)voxels, start, middle, peak = fus_peak_measure(fus_kernels_here());
    double products[1], solution[1];
    struct row rows[2] = {{"ridge_products", v * v * v + 2 * v * v * DIMENSIONS, products},
                          {"ridge_penalty", v * v * v / 3 + 2 * v * v * DIMENSIONS, solution}};
    float *w = fus_base_alloc(voxels * DIMENSIONS, sizeof *w), bias[DIMENSIONS];
    struct fus_sdc_ridge *r = NULL;
    struct study s = {0};
    int code = w ? open_study(&s, voxels, voxels, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a decoder");
    start = middle = fus_clock_now();
    if (!code)
        code = fus_sdc_ridge_open(&r, &s.source, err);
    middle = fus_clock_now();
    if (!code)
        code = fus_sdc_ridge_solve(w, bias, r, 1000, err);
    products[0] = middle - start, solution[0] = fus_clock_now() - middle;
    if (!code)
        print_rows(rows, 2, b, 1, peak);
    fus_sdc_ridge_close(r);
    if (s.data)
        close_study(&s);
    fus_base_free(w);
    return code;
}

int fus_bench_sdc_run(const struct fus_bench_sdc *b, struct fus_error *err)
{
    int code = FUS_OK;
    if (!b->csv)
        printf("%s, %d thread%s, peak of multiply-adds %.1f GFLOP/s\n\n%-16s %12s %12s %9s %6s\n",
               fus_kernels_here()->name, fus_base_threads(), fus_base_threads() > 1 ? "s" : "",
               fus_peak_measure(fus_kernels_here()), "part", "ms", "least ms", "GFLOP/s", "% peak");
    fflush(stdout);
    if (b->part == FUS_BENCH_SDC_ALL || b->part == FUS_BENCH_SDC_STEP)
        code = time_step(b, err);
    if (!code && (b->part == FUS_BENCH_SDC_ALL || b->part == FUS_BENCH_SDC_PAIRS))
        code = time_pairs(b, err);
    if (!code && (b->part == FUS_BENCH_SDC_ALL || b->part == FUS_BENCH_SDC_RIDGE))
        code = time_ridge(b, err);
    return code;
}
