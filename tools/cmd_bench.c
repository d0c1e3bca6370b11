/* fusiform bench: a network's time, layer by layer. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "args.h"
#include "commands.h"
#include "model.h"
#include "nn/rng.h"

static const char help[] =
    "usage: fusiform bench [--model FILE] [--batch N] [--threads N] [--rounds N] [--conv direct|auto] [--csv]\n\n"
    "Times forward passes through a network (default random:resnet50?seed=1) on noise, medians over the rounds: a table of\n"
    "layers, or with --csv rows `layer,ms,gflops,percent_of_peak,algorithm,shape` per picture and last\n"
    "`total,MS_PER_PICTURE,GFLOPS,PERCENT_OF_PEAK,LOAD_MS,PEAK_MB`. GFLOP/s count the direct sum's multiply-adds; the peak\n"
    "is that of multiply-adds on registers, measured in the same run.\n\n"
    "  --conv direct  without Winograd's algorithm\n"
    "  --low-memory   hold one layer's weights at a time\n\n"
    "example: fusiform bench --model resnet50.pth --threads 1\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

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
    double *layers;  /* [n_layers, rounds] seconds of a pass */
    double *passes;  /* [rounds] */
    double *peaks;   /* [rounds] GFLOP/s of multiply-adds on registers, just before each pass */
    double load, peak; /* seconds; the peaks' median */
};

static void print_layer(const struct fus_layer_info *info, double ms, double peak, bool csv)
{
    double rate = ms > 0 ? info->flops / ms * 1e-6 : 0;
    if (csv)
        printf("%s,%.4f,%.2f,%.1f,%s,%s\n", info->name, ms, rate, 100 * rate / peak, info->algorithm, info->shape);
    else
        printf("%-24s %-24s %-9s %9.4f %9.2f %6.1f\n", info->name, info->shape, info->algorithm, ms, rate, 100 * rate / peak);
}

static void print_timing(const struct fus_model *m, struct timing *t, bool csv)
{
    double flops = 0, per_picture = 1e3 / t->batch;
    if (!csv)
        printf("%s\n%s, %d thread%s, batch %d, median of %d rounds; peak of multiply-adds %.1f GFLOP/s\n\n"
               "%-24s %-24s %-9s %9s %9s %6s\n", m->description, fus_net_isa(m->net), fus_base_threads(),
               fus_base_threads() > 1 ? "s" : "", t->batch, t->rounds, t->peak, "layer", "shape", "algorithm", "ms",
               "GFLOP/s", "% peak");
    for (int i = 0; i < t->n_layers; i++) {
        struct fus_layer_info info;
        fus_net_layer_info(&info, m->net, i);
        print_layer(&info, median(t->layers + (size_t)i * (size_t)t->rounds, t->rounds) * per_picture, t->peak, csv);
        flops += info.flops;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double ms = median(t->passes, t->rounds) * per_picture, rate = flops / ms * 1e-6, memory = (double)usage.ru_maxrss / 1024;
    if (csv)
        printf("total,%.4f,%.2f,%.1f,%.1f,%.1f\n", ms, rate, 100 * rate / t->peak, t->load * 1e3, memory);
    else
        printf("\n%-58s %9.4f %9.2f %6.1f  per picture\nload %.1f ms, network %.1f MB, peak memory %.1f MB\n", "total", ms, rate,
               100 * rate / t->peak, t->load * 1e3, (double)fus_net_bytes(m->net) / 1e6, memory);
}

static int run_rounds(struct fus_model *m, struct timing *t, struct fus_error *err)
{
    size_t n = m->input_floats * (size_t)t->batch, n_taps = (size_t)fus_net_n_taps(m->net);
    float *input = fus_base_alloc(n, sizeof *input);
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted);
    double *seconds = fus_base_alloc((size_t)t->n_layers, sizeof *seconds);
    int code = input && wanted && seconds ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the pictures");
    if (!code) {
        struct fus_rng r;
        fus_rng_seed(&r, 1);
        for (size_t i = 0; i < n; i++)
            input[i] = (float)fus_rng_normal(&r);
        wanted[n_taps - 1] = true;
        code = fus_net_forward(m->net, input, t->batch, wanted, ignore, NULL, err); /* warm up */
        fus_net_time_layers(m->net, seconds);
    }
    for (int round = 0; round < t->rounds && !code; round++) {
        memset(seconds, 0, (size_t)t->n_layers * sizeof *seconds);
        t->peaks[round] = fus_net_measure_peak(m->net);
        double start = now();
        code = fus_net_forward(m->net, input, t->batch, wanted, ignore, NULL, err);
        t->passes[round] = now() - start;
        for (int i = 0; i < t->n_layers; i++)
            t->layers[(size_t)i * (size_t)t->rounds + (size_t)round] = seconds[i];
    }
    fus_net_time_layers(m->net, NULL);
    t->peak = code ? 0 : median(t->peaks, t->rounds);
    fus_base_free(input);
    fus_base_free(wanted);
    fus_base_free(seconds);
    return code;
}

int fus_cmd_bench(int argc, char **argv)
{
    const char *path = "random:resnet50?seed=1", *conv = "auto";
    bool csv = false, low_memory = false;
    struct timing t = {.rounds = 15, .batch = 1};
    struct fus_texts none = {0};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &path},      {"--batch", FUS_ARG_COUNT, &t.batch},
                                   {"--rounds", FUS_ARG_COUNT, &t.rounds}, {"--csv", FUS_ARG_FLAG, &csv},
                                   {"--conv", FUS_ARG_TEXT, &conv},
                                   {"--low-memory", FUS_ARG_FLAG, &low_memory},
                                   {0}};
    int status = fus_args_parse("bench", help, args, &none, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (none.n)
        return fus_args_usage("bench", "'%s' is not expected", none.items[0]);
    bool direct = strcmp(conv, "direct") == 0;
    if (!direct && strcmp(conv, "auto") != 0)
        return fus_args_usage("bench", "--conv: '%s' found, direct or auto expected", conv);
    struct fus_error err = {0};
    struct fus_model m;
    double start = now();
    int code = fus_model_open(&m, path, NULL, &(struct fus_net_options){.batch = t.batch, .direct = direct, .low_memory = low_memory}, &err);
    if (code)
        return fus_args_failed(&err);
    t.load = now() - start;
    t.n_layers = fus_net_n_layers(m.net);
    t.layers = fus_base_alloc((size_t)t.n_layers * (size_t)t.rounds, sizeof *t.layers);
    t.passes = fus_base_alloc((size_t)t.rounds, sizeof *t.passes);
    t.peaks = fus_base_alloc((size_t)t.rounds, sizeof *t.peaks);
    code = t.layers && t.passes && t.peaks ? run_rounds(&m, &t, &err) : fus_base_fail(&err, FUS_ENOMEM, "no memory for the times");
    if (!code)
        print_timing(&m, &t, csv);
    fus_base_free(t.layers);
    fus_base_free(t.passes);
    fus_base_free(t.peaks);
    fus_model_close(&m);
    return code ? fus_args_failed(&err) : 0;
}
