/* SPDX-License-Identifier: MIT */
/* fusiform bench: a network's time, layer by layer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "nn/base/clock.h"
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "tools/args.h"
#include "tools/bench_sdc.h"
#include "tools/bench_train.h"
#include "tools/commands.h"
#include "tools/model_args.h"
#include "tools/timing.h"

#define MOST_VOXELS 200000 /* of --sdc */

static const char help[] =
    "usage: fusiform bench [--model FILE] [--batch N] [--threads N] [--rounds N] [--conv direct|auto] [--totals] "
    "[--csv]\n"
    "                      [--prefix P] [--preprocess P] [--activation A]\n"
    "       fusiform bench --train [--from STAGE] [--max-memory N] [--model FILE] [--batch N] [--rounds N] ..\n"
    "       fusiform bench --sdc [--only step|pairs|ridge] [--voxels N] [--rounds N] [--threads N] [--csv]\n\n"
    "Times forward passes through a network (default random:resnet50?seed=1) on noise, medians over the rounds: a "
    "table of\n"
    "layers, or with --csv rows `layer,ms,gflops,percent_of_peak,algorithm,shape` per picture and last\n"
    "`total,MS_PER_PICTURE,GFLOPS,PERCENT_OF_PEAK,LOAD_MS,PEAK_MB,LEAST_MS_PER_PICTURE`. GFLOP/s count the direct\n"
    "sum's multiply-adds; the peak is that of multiply-adds on registers, measured between the layers of every pass:\n"
    "a pass's share is of its own.\n\n"
    "  --prefix P     which of the file's networks, where it holds several\n"
    "  --preprocess P whose input's size: torchvision, clip, cifar, resize=..,interp=..,crop=..,mean=..,std=..\n"
    "  --conv direct  without Winograd's algorithm\n"
    "  --precision P  fp32 (default) or bf16, which is direct\n"
    "  --low-memory   hold one layer's weights at a time\n"
    "  --totals       whole passes alone, with 1, 2, 4 .. all threads and batches of 1 and 8 (or --batch N), instead "
    "of the layers; with\n"
    "                 --csv rows "
    "`totals,THREADS,BATCH,MS_PER_PICTURE,GFLOPS,PERCENT_OF_PEAK,TIMES_ONE_THREAD,LOAD_MS`\n"
    "  --train        steps of training instead (direct unless --conv auto): ms per picture of each phase, products "
    "with GFLOP/s\n"
    "                 and their share of the peak\n"
    "  --from STAGE   ... of this stage and what follows it alone, such as layer4\n"
    "  --max-memory N ... in N bytes (512M, 2G); blocks are computed twice where that is needed\n"
    "  --sdc          shared decodable concepts instead, on noise in 512 dimensions: a decoder's step of 128 trials of "
    "15,000 voxels;\n"
    "                 nearest vectors of 8 participants and clusters at all eps, 20,000 vectors; ridge regression of "
    "15,000 voxels\n"
    "                 (the products once, then each penalty; 3 GB); with --csv rows "
    "`part,MS,LEAST_MS,GFLOPS,PERCENT_OF_PEAK`\n"
    "  --only PART    ... step, pairs or ridge alone\n"
    "  --voxels N     ... of N voxels\n\n"
    "example: fusiform bench --model resnet50.pth --threads 1\n"
    "         fusiform bench --model resnet50.pth --totals\n";

static int ignore(void *context, int tap, int picture, const float *blocked)
{
    (void)context;
    (void)tap;
    (void)picture;
    (void)blocked;
    return 0;
}

struct timing {
    int n_layers, rounds, batch;
    double *layers; /* [n_layers, rounds] seconds of a pass */
    double *passes; /* [rounds] */
    double *peaks;  /* [rounds] GFLOP/s of multiply-adds on registers, between the layers of a pass */
    double *shares; /* [rounds] room for what figure takes */
    double load;    /* seconds */
};

/* Of a layer or of the passes. */
struct figure {
    /* per picture; GFLOP/s; of the peak in the same round, since it changes with
     * the machine's clock */
    double ms, rate, percent;
};

/* Medians over the rounds. seconds [rounds] are sorted. */
static struct figure figure_of(const struct timing *t, double *seconds, double flops)
{
    for (int i = 0; i < t->rounds; i++)
        t->shares[i] = seconds[i] > 0 ? 100 * flops * t->batch / seconds[i] * 1e-9 / t->peaks[i] : 0;
    double ms = fus_timing_median(seconds, t->rounds) * 1e3 / t->batch;
    return (struct figure){ms, ms > 0 ? flops / ms * 1e-6 : 0, fus_timing_median(t->shares, t->rounds)};
}

static void print_layer(const struct fus_layer_info *info, struct figure f, bool csv)
{
    if (csv)
        printf("%s,%.4f,%.2f,%.1f,%s,%s\n", info->name, f.ms, f.rate, f.percent, info->algorithm, info->shape);
    else
        printf("%-24s %-24s %-9s %9.4f %9.2f %6.1f\n", info->name, info->shape, info->algorithm, f.ms, f.rate,
               f.percent);
}

static double flops_of(const struct fus_model *m, int n_layers)
{
    double flops = 0;
    for (int i = 0; i < n_layers; i++) {
        struct fus_layer_info info;
        fus_net_layer_info(&info, m->net, i);
        flops += info.flops;
    }
    return flops;
}

static void print_timing(const struct fus_model *m, struct timing *t, bool csv)
{
    if (!csv)
        printf("%s\n%s, %d thread%s, batch %d, median of %d rounds\n\n%-24s %-24s %-9s %9s %9s %6s\n", m->description,
               fus_net_isa(m->net), fus_base_threads(), fus_base_threads() > 1 ? "s" : "", t->batch, t->rounds, "layer",
               "shape", "algorithm", "ms", "GFLOP/s", "% peak");
    for (int i = 0; i < t->n_layers; i++) {
        struct fus_layer_info info;
        fus_net_layer_info(&info, m->net, i);
        print_layer(&info, figure_of(t, t->layers + (size_t)i * (size_t)t->rounds, info.flops), csv);
    }
    struct figure f = figure_of(t, t->passes, flops_of(m, t->n_layers));
    double memory = (double)fus_base_peak_kb() / 1024;
    if (csv)
        printf("total,%.4f,%.2f,%.1f,%.1f,%.1f,%.4f\n", f.ms, f.rate, f.percent, t->load * 1e3, memory,
               t->passes[0] * 1e3 / t->batch);
    else
        printf("\n%-58s %9.4f %9.2f %6.1f  per picture\npeak of multiply-adds %.1f GFLOP/s, load %.1f ms, network %.1f "
               "MB, peak memory %.1f MB\n",
               "total", f.ms, f.rate, f.percent, fus_timing_median(t->peaks, t->rounds), t->load * 1e3,
               (double)fus_net_bytes(m->net) / 1e6, memory);
}

struct benching {
    struct fus_model *model;
    struct timing *timing;
    int code;
    struct fus_error *err;
};

static void run_rounds(void *context)
{
    struct benching *b = context;
    struct fus_model *m = b->model;
    struct timing *t = b->timing;
    struct fus_error *err = b->err;
    size_t n = m->input_floats * (size_t)t->batch, n_taps = (size_t)fus_net_n_taps(m->net);
    float *input = fus_base_alloc(n, sizeof *input);
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    struct fus_net_times times = {.layers = fus_base_alloc((size_t)t->n_layers, sizeof *times.layers)};
    int code = input && wanted && times.layers ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the pictures");
    if (!code) {
        struct fus_rng r;
        fus_rng_seed(&r, 1);
        for (size_t i = 0; i < n; i++)
            input[i] = (float)fus_rng_normal(&r);
        wanted[n_taps - 1] = true;
        code = fus_net_forward(m->net, input, t->batch, wanted, ignore, NULL, err); /* warm up */
        fus_net_time(m->net, &times);
    }
    for (int round = 0; round < t->rounds && !code; round++) {
        code = fus_net_forward(m->net, input, t->batch, wanted, ignore, NULL, err);
        t->passes[round] = times.pass;
        t->peaks[round] = times.peak;
        for (int i = 0; i < t->n_layers; i++)
            t->layers[(size_t)i * (size_t)t->rounds + (size_t)round] = times.layers[i];
    }
    fus_net_time(m->net, NULL);
    fus_base_free(input);
    fus_base_free(wanted);
    fus_base_free(times.layers);
    b->code = code;
}

/* What to time. */
struct asked {
    const char *path;
    struct fus_model_choice choice;
    struct fus_net_options options;
    bool totals, csv;
};

/* The model's passes with as many threads as there are now, its layers printed or in
 * *total the whole. */
static int time_model(struct figure *total, struct timing *t, struct asked *a, struct fus_error *err)
{
    struct fus_model m;
    size_t rounds = (size_t)t->rounds;
    double start = fus_clock_now();
    a->options.batch = t->batch;
    a->options.apart = a->totals ? t->batch : 0;
    int code = fus_model_open(&m, a->path, &a->choice, &a->options, err);
    if (code)
        return code;
    t->load = fus_clock_now() - start;
    t->n_layers = fus_net_n_layers(m.net);
    t->layers = fus_base_alloc((size_t)t->n_layers * rounds, sizeof *t->layers);
    t->passes = fus_base_alloc(rounds, sizeof *t->passes);
    t->peaks = fus_base_alloc(rounds, sizeof *t->peaks);
    t->shares = fus_base_alloc(rounds, sizeof *t->shares);
    bool room = t->layers && t->passes && t->peaks && t->shares;
    struct benching b = {&m, t, FUS_OK, err};
    if (room)
        fus_threads_run(run_rounds, &b); /* one start of the threads, as in other commands */
    code = room ? b.code : fus_base_fail(err, FUS_ENOMEM, "no memory for the times");
    if (!code && total)
        *total = figure_of(t, t->passes, flops_of(&m, t->n_layers));
    else if (!code)
        print_timing(&m, t, a->csv);
    fus_base_free(t->layers);
    fus_base_free(t->passes);
    fus_base_free(t->peaks);
    fus_base_free(t->shares);
    fus_model_close(&m);
    return code;
}

/* 1, 2, 4 .. all threads, one picture and `batch` at a time. */
static int time_totals(struct timing *t, struct asked *a, int batch, struct fus_error *err)
{
    int n = fus_base_threads(), code = FUS_OK;
    double alone[2] = {0}; /* ms with one thread */
    if (!a->csv)
        printf("threads  batch  ms a picture   GFLOP/s  %% peak  times one thread   load ms\n");
    for (int threads = 1; threads <= n && !code; threads = threads < n && 2 * threads > n ? n : 2 * threads) {
        fus_base_set_threads(threads);
        for (int i = 0; i < 2 && !code; i++) {
            struct figure f = {0};
            t->batch = i ? batch : 1;
            code = time_model(&f, t, a, err);
            alone[i] = threads == 1 ? f.ms : alone[i];
            if (!code)
                printf(a->csv ? "totals,%d,%d,%.4f,%.2f,%.1f,%.2f,%.1f\n" : "%7d %6d %13.2f %9.1f %7.1f %17.2f %9.1f\n",
                       threads, t->batch, f.ms, f.rate, f.percent, alone[i] / f.ms, t->load * 1e3);
            fflush(stdout);
        }
    }
    return code;
}

/* Which of the three tables, and what only one of them knows. */
struct kind {
    bool trains, is_sdc;
    int conv; /* -1: not given */
    struct fus_choice precision, only;
    struct fus_bench_train train;
    struct fus_bench_sdc sdc;
};

/* 0, or the status of wrong usage. */
static int check(const struct kind *k, const struct asked *a)
{
    const char *from = k->train.from;
    if (k->trains && k->precision.value != FUS_PRECISION_FP32)
        return fus_args_usage("bench", "--precision bf16 is not for --train");
    if (!k->trains && (from || k->train.max_memory))
        return fus_args_usage("bench", "--from and --max-memory are for --train");
    if (from && (strncmp(from, "layer", 5) != 0 || from[5] < '1' || from[5] > '4' || from[6]))
        return fus_args_usage("bench", "--from: '%s' found, a stage such as layer4 expected", from);
    if (!k->is_sdc && (k->only.value || k->sdc.voxels))
        return fus_args_usage("bench", "--only and --voxels are for --sdc");
    if (k->is_sdc && (k->trains || a->totals || a->path || k->conv >= 0 || k->precision.value))
        return fus_args_usage("bench", "--sdc goes with --only, --voxels, --rounds, --threads and --csv alone");
    if (k->sdc.voxels > MOST_VOXELS)
        return fus_args_usage("bench", "--voxels: %d found, at most %d expected", k->sdc.voxels, MOST_VOXELS);
    return fus_model_args_check("bench", &a->choice);
}

static int time_training(struct kind *k, const struct asked *a, int batch, int rounds, struct fus_error *err)
{
    k->train.path = a->path;
    k->train.choice = &a->choice;
    k->train.batch = batch ? batch : 16;
    k->train.rounds = rounds;
    k->train.csv = a->csv;
    k->train.winograd = k->conv == 0;
    return fus_bench_train_run(&k->train, err);
}

static int time_sdc(struct kind *k, const struct asked *a, int rounds, struct fus_error *err)
{
    k->sdc.part = (enum fus_bench_sdc_part)k->only.value;
    k->sdc.rounds = rounds;
    k->sdc.csv = a->csv;
    return fus_bench_sdc_run(&k->sdc, err);
}

int fus_cmd_bench(int argc, char **argv)
{
    static const struct fus_word kernels[] = {{"auto", 0}, {"direct", 1}, {0}};
    static const struct fus_word parts[] = {
        {"step", FUS_BENCH_SDC_STEP}, {"pairs", FUS_BENCH_SDC_PAIRS}, {"ridge", FUS_BENCH_SDC_RIDGE}, {0}};
    struct fus_choice conv = {kernels, -1}; /* auto; of training: direct */
    int batch = 0;
    struct asked a = {0};
    struct timing t = {.rounds = 15};
    struct kind k = {.precision = {fus_model_args_precisions, FUS_PRECISION_FP32}, .only = {parts, FUS_BENCH_SDC_ALL}};
    struct fus_texts none = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &a.path},
                                   {"--prefix", FUS_ARG_TEXT, &a.choice.prefix},
                                   {"--activation", FUS_ARG_TEXT, &a.choice.activation},
                                   {"--preprocess", FUS_ARG_TEXT, &a.choice.preprocess},
                                   {"--batch", FUS_ARG_COUNT, &batch},
                                   {"--rounds", FUS_ARG_COUNT, &t.rounds},
                                   {"--csv", FUS_ARG_FLAG, &a.csv},
                                   {"--conv", FUS_ARG_CHOICE, &conv},
                                   {"--precision", FUS_ARG_CHOICE, &k.precision},
                                   {"--low-memory", FUS_ARG_FLAG, &a.options.low_memory},
                                   {"--totals", FUS_ARG_FLAG, &a.totals},
                                   {"--train", FUS_ARG_FLAG, &k.trains},
                                   {"--from", FUS_ARG_TEXT, &k.train.from},
                                   {"--max-memory", FUS_ARG_BYTES, &k.train.max_memory},
                                   {"--sdc", FUS_ARG_FLAG, &k.is_sdc},
                                   {"--only", FUS_ARG_CHOICE, &k.only},
                                   {"--voxels", FUS_ARG_COUNT, &k.sdc.voxels},
                                   {0}};
    struct fus_error err = {0};
    int status = fus_args_parse("bench", help, args, &none, argc, argv), code;
    if (status)
        return status < 0 ? 0 : status;
    if (none.n)
        return fus_args_usage("bench", "'%s' is not expected", none.items[0]);
    k.conv = conv.value;
    a.options.direct = conv.value == 1;
    a.options.precision = (enum fus_precision)k.precision.value;
    status = check(&k, &a);
    if (status)
        return status;
    a.path = a.path ? a.path : "random:resnet50?seed=1";
    t.batch = batch ? batch : 1;
    if (k.is_sdc)
        code = time_sdc(&k, &a, t.rounds, &err);
    else if (k.trains)
        code = time_training(&k, &a, batch, t.rounds, &err);
    else
        code = a.totals ? time_totals(&t, &a, batch ? batch : 8, &err) : time_model(NULL, &t, &a, &err);
    return code ? fus_args_failed(&err) : 0;
}
