/* SPDX-License-Identifier: MIT */
/* A step of training in the model of threads.c: the phases of `fusiform bench --train` take the
 * place of layers. A loop belongs to the phase whose clock stops next; what a step does outside of
 * all loops is serial. Bytes: the activations that a phase reads and writes, and the parameters'
 * arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "nn/layer/layers.h"
#include "nn/train/train.h"
#include "tests/bench/threads_model.h"

enum { FORWARD, INPUTS, WEIGHTS, NORMS, REST, UPDATE, PHASES };
static const char *const names[PHASES] = {"forward", "inputs", "weights", "norms", "rest", "update"};

static struct fus_train_times times;
static double before[PHASES]; /* the clocks when loops were last assigned */

static void read_clocks(double seconds[PHASES])
{
    const double clocks[PHASES] = {times.forward, times.dx, times.dw, times.norms, times.rest, times.update};
    memcpy(seconds, clocks, sizeof clocks);
}

/* Loops since the last call belong to the phase whose clock has moved. */
static void assign_loops(void)
{
    double seconds[PHASES];
    int phase = -1;
    read_clocks(seconds);
    for (int i = 0; i < PHASES; i++)
        phase = seconds[i] > before[i] ? i : phase;
    for (size_t i = state.n_loops; phase >= 0 && i-- > 0 && state.loops[i].layer < 0;)
        state.loops[i].layer = phase;
    memcpy(before, seconds, sizeof before);
}

struct bench {
    struct fus_model model;
    struct fus_train *train;
    struct fus_train_batch batch;
    int *label;
};

static void prepare(struct bench *b, const char *network, int batch, float *input)
{
    struct fus_error err = {0};
    struct fus_train_options o = {.batch = batch, .classify_weight = 1};
    char path[128];
    o.optimise = (struct fus_optimise){.rule = FUS_OPTIMISE_SGD, .momentum = 0.9, .decay = 1e-4};
    snprintf(path, sizeof path, "random:%s?seed=1", network);
    memset(b, 0, sizeof *b);
    if (fus_model_recognise(&b->model, path, NULL, &err) ||
        fus_train_create(&b->train, &b->model.spec, &o, fus_store_lookup, b->model.store, &err))
        threads_fail(&err);
    b->label = calloc((size_t)batch, sizeof *b->label);
    if (!b->label)
        exit(1);
    b->batch = (struct fus_train_batch){.n = batch, .input = input, .label = b->label};
}

static void finish(struct bench *b)
{
    fus_train_destroy(b->train);
    fus_model_close(&b->model);
    free((void *)(uintptr_t)b->batch.input);
    free(b->label);
}

/* Seconds. */
static double step(struct bench *b)
{
    struct fus_error err = {0};
    struct fus_train_result result;
    state.n_loops = state.n_costs = 0;
    memset(before, 0, sizeof before);
    fus_train_time(b->train, &times);
    double start = threads_now();
    if (fus_train_gradients(b->train, &result, &b->batch, &err))
        threads_fail(&err);
    fus_train_update(b->train, 1e-6, 1e-6);
    return threads_now() - start;
}

/* A step on one thread. state.between: of a phase outside of its loops, and [PHASES] of a step
 * outside of all phases. */
static void replay_step(struct bench *b)
{
    double rest = step(b), seconds[PHASES + 1] = {0};
    assign_loops();
    read_clocks(seconds);
    for (int i = 0; i < PHASES; i++)
        rest -= seconds[i];
    seconds[PHASES] = rest;
    for (size_t i = 0; i < state.n_loops; i++)
        seconds[state.loops[i].layer] -= state.loops[i].seconds;
    for (int i = 0; i < PHASES; i++) /* it was given loops from outside of all phases */
        seconds[PHASES] += seconds[i] < 0 ? seconds[i] : 0;
    for (int i = 0; i <= PHASES; i++) {
        double between = seconds[i] > 0 ? seconds[i] : 0;
        state.between[i] = between < state.between[i] ? between : state.between[i];
    }
}

/* Products: input and output of each convolution once in each of three phases. A norm: z four
 * times, the output's gradient three times, the output once; with an addend the output twice more,
 * the addend once and its gradient twice. An update: weight, momentum and gradient read, the first
 * two written. */
static void count_bytes(double bytes[PHASES], const struct bench *b)
{
    struct fus_error err = {0};
    struct fus_arch arch;
    memset(bytes, 0, PHASES * sizeof *bytes);
    if (fus_arch_build(&arch, &b->model.spec, &err))
        threads_fail(&err);
    for (int i = 0; i < arch.n_layers; i++) {
        const struct fus_layer *l = &arch.layers[i];
        double in = 4.0 * b->batch.n * (double)fus_layer_in_floats(l),
               out = 4.0 * b->batch.n * (double)fus_layer_floats(l);
        if (l->op != FUS_OP_CONV) {
            bytes[REST] += 3 * in + 2 * out;
            continue;
        }
        bytes[FORWARD] += in + out;
        bytes[WEIGHTS] += in + out;
        bytes[INPUTS] += l->input < 0 ? 0 : in + out;
        bytes[NORMS] += l->norm[0] ? (l->addend < 0 ? 8 : 13) * out : 0;
    }
    for (int i = 0; i < fus_train_n_parameters(b->train); i++)
        bytes[UPDATE] += 5 * 4.0 * (double)fus_train_parameter(b->train, i)->n;
    fus_arch_free(&arch);
}

/* Each phase on one thread and on n_threads, with what limits it there. */
static void print_phases(const struct layer_cost *costs, const double *bytes, const struct threads_machine *m,
                         int batch, int n_threads)
{
    double ms = 1e3 / batch;
    printf("  %-10s %10s %10s %8s %8s %10s %10s\n", "phase", "1 thread", "predicted", "times", "largest", "bandwidth",
           "serial");
    for (int i = 0; i < PHASES; i++) {
        const struct layer_cost *c = &costs[i];
        struct threads_cost sum = {0};
        threads_add(&sum, c, state.between[i], bytes[i], m, n_threads);
        double total = threads_total(&sum);
        printf("  %-10s %10.2f %10.2f %8.1f %8.2f %10.2f %10.3f\n", names[i], (c->work + state.between[i]) * ms,
               total * ms, (c->work + state.between[i]) / total, c->work > 0 ? c->end * n_threads / c->work : 0,
               bytes[i] / threads_bandwidth(m, n_threads) * ms, state.between[i] * ms);
    }
    printf("  %-10s %10.2f %10.2f\n", "other", state.between[PHASES] * ms, state.between[PHASES] * ms);
}

void threads_train(const char *network, int batch, int rounds, const struct threads_machine *m, float *input,
                   int n_threads, bool measured, bool with_phases)
{
    struct layer_cost costs[PHASES];
    struct threads_cost sum = {0};
    struct bench b;
    double best = 1e30, bytes[PHASES];
    prepare(&b, network, batch, input);
    state.mode = LIBRARY;
    for (int i = 0; measured && i <= rounds; i++) {
        double seconds = step(&b);
        best = seconds < best ? seconds : best;
    }
    threads_start_replay(n_threads);
    state.before_loop = assign_loops;
    for (int i = 0; i < rounds; i++)
        replay_step(&b);
    state.before_loop = NULL;
    threads_sum(costs, PHASES, n_threads);
    count_bytes(bytes, &b);
    for (int i = 0; i < PHASES; i++)
        threads_add(&sum, &costs[i], state.between[i], bytes[i], m, n_threads);
    sum.between += state.between[PHASES];
    threads_print(&sum, n_threads, batch, measured ? best : 0);
    if (with_phases)
        print_phases(costs, bytes, m, batch, n_threads);
    fflush(stdout);
    finish(&b);
}
