/* SPDX-License-Identifier: MIT */
/* fusiform bench --train: see bench_train.h. */
#include "tools/bench_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "nn/base/clock.h"
#include "nn/base/rng.h"
#include "nn/train/train.h"
#include "tools/timing.h"

#define PHASES 8
static const char *const phases[PHASES] = {"forward", "inputs", "weights", "norms", "rest", "update", "other", "step"};

struct bench {
    const struct fus_bench_train *asked;
    struct fus_model model;
    struct fus_train *train;
    float *input, *target;
    int *label;
    double *seconds; /* [PHASES, rounds] */
    double *peaks;   /* [rounds] */
};

/* Stages from the asked one on, and the heads. */
static bool is_trained(void *context, const char *name)
{
    const char *from = context;
    if (strncmp(name, "layer", 5) != 0)
        return strncmp(name, "fc.", 3) == 0 || strncmp(name, "lang_head", 9) == 0 || strncmp(name, "attnpool", 8) == 0;
    return strncmp(name, from, strlen(from)) >= 0;
}

static int create(struct bench *b, struct fus_error *err)
{
    const struct fus_bench_train *a = b->asked;
    const struct fus_net_spec *s = &b->model.spec;
    int dim = s->attn_dim ? s->attn_dim : s->lang_dim;
    struct fus_train_options o = {.batch = a->batch, .max_memory = a->max_memory, .winograd = a->winograd};
    o.classify_weight = s->n_classes ? 1 : 0;
    o.language_weight = dim ? 1 : 0;
    o.optimise = (struct fus_optimise){.rule = FUS_OPTIMISE_SGD, .momentum = 0.9, .decay = 1e-4};
    if (a->from) {
        o.trained = is_trained;
        o.trained_context = (void *)(uintptr_t)a->from;
    }
    return fus_train_create(&b->train, s, &o, fus_store_lookup, b->model.store, err);
}

static int make_batch(struct bench *b, struct fus_error *err)
{
    const struct fus_net_spec *s = &b->model.spec;
    size_t n = (size_t)b->asked->batch, pixels = n * b->model.input_floats,
           dim = (size_t)(s->attn_dim ? s->attn_dim : s->lang_dim);
    struct fus_rng r;
    b->input = fus_base_alloc(pixels, sizeof *b->input);
    b->target = fus_base_alloc(n * dim + 1, sizeof *b->target);
    b->label = fus_base_alloc(n, sizeof *b->label);
    b->seconds = fus_base_alloc((size_t)b->asked->rounds * PHASES, sizeof *b->seconds);
    b->peaks = fus_base_alloc((size_t)b->asked->rounds, sizeof *b->peaks);
    if (!b->input || !b->target || !b->label || !b->seconds || !b->peaks)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the pictures");
    fus_rng_seed(&r, 1);
    for (size_t i = 0; i < pixels; i++)
        b->input[i] = (float)fus_rng_normal(&r);
    for (size_t i = 0; i < n * dim; i++)
        b->target[i] = (float)fus_rng_normal(&r);
    for (size_t i = 0; i < n; i++)
        b->label[i] = (int)i % (s->n_classes ? s->n_classes : 1);
    return FUS_OK;
}

/* Seconds of each phase; "other" is the remaining time. */
static int time_step(struct bench *b, int round, struct fus_error *err)
{
    const struct fus_train_batch batch = {
        .n = b->asked->batch, .input = b->input, .label = b->label, .target = b->target};
    struct fus_train_result result;
    struct fus_train_times t;
    fus_train_time(b->train, &t);
    double start = fus_clock_now();
    int code = fus_train_gradients(b->train, &result, &batch, err);
    if (code)
        return code;
    fus_train_update(b->train, 1e-6, 1e-6);
    double step = fus_clock_now() - start, parts[PHASES] = {t.forward, t.dx, t.dw, t.norms, t.rest, t.update, 0, step};
    for (int i = 0; i + 2 < PHASES; i++)
        step -= parts[i];
    parts[PHASES - 2] = step;
    for (int i = 0; i < PHASES && round >= 0; i++)
        b->seconds[i * b->asked->rounds + round] = parts[i];
    if (round >= 0)
        b->peaks[round] = fus_train_peak(b->train);
    return FUS_OK;
}

static void print(struct bench *b)
{
    const struct fus_bench_train *a = b->asked;
    double flops[3], all, peak = fus_timing_median(b->peaks, a->rounds);
    fus_train_flops(flops, b->train);
    all = flops[0] + flops[1] + flops[2];
    if (!a->csv)
        printf("%s\n%s, %d thread%s, batch %d, median of %d steps\n\n%-10s %12s %9s %6s\n", b->model.description,
               fus_train_isa(b->train), fus_base_threads(), fus_base_threads() > 1 ? "s" : "", a->batch, a->rounds,
               "phase", "ms", "GFLOP/s", "% peak");
    for (int i = 0; i < PHASES; i++) {
        double ms = fus_timing_median(b->seconds + i * a->rounds, a->rounds) * 1e3 / a->batch, work = i < 3 ? flops[i]
                                                                                                      : i + 1 == PHASES
                                                                                                          ? all
                                                                                                          : 0;
        double rate = ms > 0 ? work / ms * 1e-6 : 0;
        printf(a->csv ? "%s,%.4f,%.2f,%.1f\n" : "%-10s %12.4f %9.2f %6.1f\n", phases[i], ms, rate, 100 * rate / peak);
    }
    if (!a->csv)
        printf("\nper picture; peak of multiply-adds %.1f GFLOP/s, %.1f MB, %d blocks run twice, peak memory %.1f MB\n",
               peak, (double)fus_train_bytes(b->train) / 1e6, fus_train_recomputed_blocks(b->train),
               (double)fus_base_peak_kb() / 1024);
}

int fus_bench_train_run(const struct fus_bench_train *asked, struct fus_error *err)
{
    struct bench b = {.asked = asked};
    int code = fus_model_recognise(&b.model, asked->path, asked->choice, err);
    if (code)
        return code;
    code = create(&b, err);
    code = code ? code : make_batch(&b, err);
    for (int round = -1; round < asked->rounds && !code; round++)
        code = time_step(&b, round, err);
    if (!code)
        print(&b);
    fus_train_destroy(b.train);
    fus_base_free(b.input);
    fus_base_free(b.target);
    fus_base_free(b.label);
    fus_base_free(b.seconds);
    fus_base_free(b.peaks);
    fus_model_close(&b.model);
    return code;
}
