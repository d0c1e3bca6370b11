/* SPDX-License-Identifier: MIT */
/* What more threads would do: threads.sh builds and runs this.
 *
 *   threads balance NETWORK BATCH THREADS
 *       how evenly each layer's multiply-adds are shared out among THREADS
 *   threads model NETWORK BATCH ROUNDS THREADS..
 *       a pass on so many threads, predicted, and measured where there are as many cores
 *   threads train NETWORK BATCH ROUNDS THREADS..
 *       the same of a step of training, and its phases on the last number of threads
 *       (threads_train.c)
 *   threads read MEGABYTES THREADS
 *       ms to read so much of 256 MB, least and median of 20 times
 *
 * This program has its own fus_threads_for in place of the library's. It divides the work for any
 * number of threads, runs the tasks one after the other on one thread and notes the time of each
 * (the least of ROUNDS passes). Then it lets the threads take the tasks as the library's do, each
 * first its own share, then the last ones of others:
 *
 *   layer(T) = between + max(last thread's end, bytes / bandwidth(T)) + loops * barrier(T)
 *
 * between: what thread 0 does outside of loops. bytes: weights, input and output once.
 * bandwidth(T) = T b1 / (1 + s (T - 1)), b1 measured and s from a measurement on two threads.
 * barrier(T) = (T - 1) times the time of a loop on two threads whose tasks only wait for each
 * other. Assumptions: T equal cores at the same clock with an L2 cache each; a task takes as long
 * on any of them as alone, but for the bandwidth. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define fus_threads_run library_run
#define fus_threads_for library_for
#define fus_threads_alone library_alone
#define fus_threads_here library_here
#include "nn/base/threads.c"
#undef fus_threads_run
#undef fus_threads_for
#undef fus_threads_alone
#undef fus_threads_here

#include "analysis/localizer/model.h"
#include "nn/base/rng.h"
#include "nn/net.h"
#include "nn/profile.h"
#include "tests/bench/threads_model.h"

void fus_threads_run(void (*program)(void *context), void *context);
void fus_threads_for(int n_tasks, fus_threads_task fn, void *context);
void fus_threads_alone(void (*program)(void *context), void *context);
int fus_threads_here(void);

#define WORST 12 /* layers that are named */

struct threads_state state;

double threads_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *grown(void *items, size_t *room, size_t n, size_t bytes)
{
    if (n <= *room)
        return items;
    *room = 2 * n;
    items = realloc(items, *room * bytes);
    if (!items)
        exit(1);
    return items;
}

/* ---- the library's loops, replaced ---- */

static void replay(int n_tasks, fus_threads_task fn, void *context)
{
    double whole = threads_now();
    size_t first = state.n_costs;
    if (state.before_loop)
        state.before_loop();
    state.loops = grown(state.loops, &state.loops_room, state.n_loops + 1, sizeof *state.loops);
    size_t before = state.costs_room;
    state.costs = grown(state.costs, &state.costs_room, first + (size_t)n_tasks, sizeof *state.costs);
    for (size_t i = before; i < state.costs_room; i++)
        state.costs[i] = 1e30;
    state.loops[state.n_loops++] = (struct loop_of){-1, n_tasks, first, 0};
    state.n_costs += (size_t)n_tasks;
    state.within = true;
    for (int i = 0; i < n_tasks; i++) {
        double start = threads_now(), before_count = state.multiply_adds;
        fn(context, i, (int)((long long)i * state.n_threads / n_tasks));
        double cost = state.counts ? state.multiply_adds - before_count : threads_now() - start;
        if (cost < state.costs[first + (size_t)i])
            state.costs[first + (size_t)i] = cost;
    }
    state.within = false;
    whole = threads_now() - whole;
    state.loops[state.n_loops - 1].seconds = whole;
    state.in_loops += whole;
}

void fus_threads_for(int n_tasks, fus_threads_task fn, void *context)
{
    if (state.mode == LIBRARY)
        library_for(n_tasks, fn, context);
    else if (state.mode == REPLAY && !state.within && (n_tasks > 1 || state.n_threads == 1))
        replay(n_tasks, fn, context);
    else
        for (int i = 0; i < n_tasks; i++)
            fn(context, i, 0);
}

void fus_threads_run(void (*program)(void *context), void *context)
{
    if (state.mode == LIBRARY)
        library_run(program, context);
    else
        program(context);
}

void fus_threads_alone(void (*program)(void *context), void *context)
{
    bool before = state.within;
    if (state.mode == LIBRARY) {
        library_alone(program, context);
        return;
    }
    state.within = true;
    program(context);
    state.within = before;
}

int fus_threads_here(void)
{
    if (state.mode == LIBRARY)
        return library_here();
    return state.mode == REPLAY && !state.within ? state.n_threads : 1;
}

/* ---- the library's clock of layers, replaced ---- */

void fus_profile_start(struct fus_profile *p, const struct fus_net *net)
{
    (void)p;
    (void)net;
    state.n_loops = state.n_costs = 0;
}

void fus_profile_start_layer(struct fus_profile *p)
{
    (void)p;
    state.in_loops = 0;
    state.start = threads_now();
}

void fus_profile_end_layer(struct fus_profile *p, int layer)
{
    double between = threads_now() - state.start - state.in_loops;
    (void)p;
    if (state.mode != REPLAY)
        return;
    if (between < state.between[layer])
        state.between[layer] = between;
    for (size_t i = state.n_loops; i-- > 0 && state.loops[i].layer < 0;)
        state.loops[i].layer = layer;
}

void fus_profile_end(struct fus_profile *p)
{
    (void)p;
}

/* ---- a pass ---- */

static struct fus_kernel counting;

static void count(const struct fus_tile *t)
{
    state.multiply_adds += (double)t->rows * t->blocks * FUS_LANES * t->k;
}

/* A picture's noise for `batch` pictures; the last layer is wanted. */
struct bench {
    struct fus_model model;
    float *input;
    bool *wanted;
    int batch;
};

void threads_fail(const struct fus_error *err)
{
    fprintf(stderr, "threads: %s\n", err->msg);
    exit(1);
}

static float *noise(size_t n)
{
    float *x = malloc(n * sizeof *x);
    struct fus_rng r;
    if (!x)
        exit(1);
    fus_rng_seed(&r, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)fus_rng_normal(&r);
    return x;
}

/* The network, made for n_threads. */
static void prepare(struct bench *b, const char *network, int batch, int n_threads)
{
    struct fus_error err = {0};
    struct fus_net_options options = {.batch = batch};
    char path[128];
    snprintf(path, sizeof path, strchr(network, ':') ? "%s" : "random:%s?seed=1", network);
    memset(b, 0, sizeof *b);
    fus_base_set_threads(n_threads);
    state.mode = ONE_THREAD;
    if (fus_model_open(&b->model, path, NULL, &options, &err))
        threads_fail(&err);
    b->batch = batch;
    b->input = noise(b->model.input_floats * (size_t)batch);
    b->wanted = calloc((size_t)fus_net_n_taps(b->model.net), sizeof *b->wanted);
    if (!b->wanted || fus_net_n_layers(b->model.net) > MAX_LAYERS)
        exit(1);
    b->wanted[fus_net_n_taps(b->model.net) - 1] = true;
}

static void finish(struct bench *b)
{
    fus_model_close(&b->model);
    free(b->input);
    free(b->wanted);
}

/* Seconds. */
static double pass(struct bench *b)
{
    struct fus_error err = {0};
    double start = threads_now();
    if (fus_net_forward(b->model.net, b->input, b->batch, b->wanted, NULL, NULL, &err))
        threads_fail(&err);
    return threads_now() - start;
}

void threads_start_replay(int n_threads)
{
    state.mode = REPLAY;
    state.n_threads = n_threads;
    for (size_t i = 0; i < state.costs_room; i++)
        state.costs[i] = 1e30;
    for (int i = 0; i < MAX_LAYERS; i++)
        state.between[i] = 1e30;
}

static void replay_passes(struct bench *b, int n_threads, int rounds, bool counts)
{
    threads_start_replay(n_threads);
    state.counts = counts;
    for (int i = 0; i < rounds; i++)
        pass(b);
}

/* ---- the threads at work ---- */

/* A loop's end if T threads start together, each with its share, and then take from others. */
static double end_of(const struct loop_of *l, int n_threads)
{
    int first[MAX_THREADS], end[MAX_THREADS];
    double at[MAX_THREADS] = {0};
    for (int i = 0; i < n_threads; i++) {
        first[i] = (int)((long long)l->n_tasks * i / n_threads);
        end[i] = (int)((long long)l->n_tasks * (i + 1) / n_threads);
    }
    for (int left = l->n_tasks; left > 0; left--) {
        int t = 0, from = 0;
        for (int i = 1; i < n_threads; i++)
            t = at[i] < at[t] ? i : t;
        while (first[(t + from) % n_threads] == end[(t + from) % n_threads])
            from++;
        int owner = (t + from) % n_threads, task = from ? --end[owner] : first[owner]++;
        at[t] += state.costs[l->first + (size_t)task];
    }
    double last = 0;
    for (int i = 0; i < n_threads; i++)
        last = at[i] > last ? at[i] : last;
    return last;
}

static double work_of(const struct loop_of *l)
{
    double work = 0;
    for (int i = 0; i < l->n_tasks; i++)
        work += state.costs[l->first + (size_t)i];
    return work;
}

void threads_sum(struct layer_cost *costs, int n_layers, int n_threads)
{
    for (int i = 0; i < n_layers; i++)
        costs[i] = (struct layer_cost){.layer = i};
    for (size_t i = 0; i < state.n_loops; i++) {
        const struct loop_of *l = &state.loops[i];
        if (l->layer < 0)
            continue;
        struct layer_cost *c = &costs[l->layer];
        c->n_loops++;
        c->n_tasks += l->n_tasks;
        c->work += work_of(l);
        c->end += end_of(l, n_threads);
    }
}

static int by_loss(const void *a, const void *b)
{
    const struct layer_cost *x = a, *y = b;
    return (x->end < y->end) - (x->end > y->end);
}

/* ---- the commands ---- */

static void balance(const char *network, int batch, int n_threads)
{
    static struct layer_cost costs[MAX_LAYERS];
    struct bench b;
    prepare(&b, network, batch, n_threads);
    struct fus_net *net = b.model.net;
    int n = fus_net_n_layers(net);
    counting = *net->kernel;
    for (int i = 0; i < FUS_TILE_KINDS; i++)
        counting.tile[i] = count;
    net->kernel = &counting;
    replay_passes(&b, n_threads, 1, true);
    threads_sum(costs, n, n_threads);
    double work = 0, end = 0;
    for (int i = 0; i < n; i++) {
        work += costs[i].work;
        end += costs[i].end;
        costs[i].end -= costs[i].work / n_threads;
    }
    printf(
        "%s, batch %d, divided for %d threads (%s): of each layer's multiply-adds the largest share is on average %.2f "
        "times the mean share\n",
        network, batch, n_threads, counting.name, end * n_threads / work);
    qsort(costs, (size_t)n, sizeof *costs, by_loss);
    printf("  %-24s %-24s %7s %9s %8s\n", "layers that lose most", "shape", "tasks", "largest", "lost");
    for (int i = 0; i < n && i < WORST; i++) {
        struct fus_layer_info info;
        fus_net_layer_info(&info, net, costs[i].layer);
        double ratio = costs[i].end * n_threads / costs[i].work + 1;
        if (costs[i].work > 0)
            printf("  %-24s %-24s %7d %9.2f %6.1f %%\n", info.name, info.shape, costs[i].n_tasks / costs[i].n_loops,
                   ratio, 100 * costs[i].end * n_threads / work);
    }
    finish(&b);
}

/* ---- memory ---- */

#define READ_FLOATS ((size_t)64 << 20)

struct reading {
    const float *data;
    size_t n, n_parts;
    float sums[64];
};

static void read_part(void *context, int task, int thread)
{
    struct reading *r = context;
    size_t from = r->n * (size_t)task / r->n_parts, end = r->n * ((size_t)task + 1) / r->n_parts;
    float sums[64] = {0};
    (void)thread;
    for (size_t i = from; i + 64 <= end; i += 64)
        for (int j = 0; j < 64; j++)
            sums[j] += r->data[i + (size_t)j];
    for (int j = 0; j < 64; j++)
        r->sums[j] += sums[j]; /* of no interest: it keeps the reads */
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct reader {
    float *data;
    double megabytes, seconds[20];
    int n_threads;
};

/* Walks round the 256 MB, so that what is read was last read 256 MB ago. */
static void read_rounds(void *context)
{
    struct reader *r = context;
    size_t n = (size_t)(r->megabytes * 1e6 / 4), at = 0;
    for (int i = 0; i < 20; i++) {
        if (at + n > READ_FLOATS)
            at = 0;
        struct reading reading = {.data = r->data + at, .n = n, .n_parts = (size_t)r->n_threads};
        double start = threads_now();
        library_for(r->n_threads, read_part, &reading);
        r->seconds[i] = threads_now() - start;
        at += n;
    }
    qsort(r->seconds, 20, sizeof *r->seconds, by_value);
}

static void measure_reading(struct reader *r, double megabytes, int n_threads)
{
    *r = (struct reader){malloc(READ_FLOATS * sizeof(float)), megabytes, {0}, n_threads};
    if (!r->data || megabytes * 1e6 / 4 > (double)READ_FLOATS)
        exit(1);
    for (size_t i = 0; i < READ_FLOATS; i++)
        r->data[i] = 1;
    fus_base_set_threads(n_threads);
    library_run(read_rounds, r);
    free(r->data);
}

/* A task that ends when every thread has one. */
static void meet(void *context, int task, int thread)
{
    atomic_int *arrived = context;
    int n = fus_base_threads(), round = atomic_fetch_add(arrived, 1) / n;
    (void)task;
    (void)thread;
    while (atomic_load(arrived) < n * (round + 1))
        pause_a_little();
}

static void empty_loops(void *context)
{
    double *seconds = context, best = 1e30;
    for (int round = 0; round < 20; round++) {
        atomic_int arrived = 0;
        double start = threads_now();
        for (int i = 0; i < 200; i++)
            library_for(fus_base_threads(), meet, &arrived);
        best = (threads_now() - start) / 200 < best ? (threads_now() - start) / 200 : best;
    }
    *seconds = best;
}

/* ---- the model ---- */

/* Reading: the best of three turns, since a busy host slows down some. */
static struct threads_machine measure_machine(void)
{
    struct reader r;
    struct threads_machine m = {0};
    double two = 0;
    for (int turn = 0; turn < 3; turn++) {
        measure_reading(&r, 120, 1);
        m.one = 120e6 / r.seconds[0] > m.one ? 120e6 / r.seconds[0] : m.one;
        measure_reading(&r, 120, 2);
        two = 120e6 / r.seconds[0] > two ? 120e6 / r.seconds[0] : two;
    }
    m.slope = 2 * m.one / two > 1 ? 2 * m.one / two - 1 : 0;
    fus_base_set_threads(2);
    library_run(empty_loops, &m.barrier);
    printf("reading: %.1f GB/s on one thread, %.1f on two; two threads meet in %.2f us\n", m.one / 1e9, two / 1e9,
           m.barrier * 1e6);
    return m;
}

static double bytes_of(const struct fus_net *net, int layer, int batch)
{
    const struct fus_layer *l = &net->arch.layers[layer];
    const struct fus_op *op = &fus_op_table[l->op];
    size_t weights = op->packed_floats ? op->packed_floats(l) : 0;
    return 4.0 * (double)(weights + (size_t)batch * (fus_layer_in_floats(l) + fus_layer_floats(l)));
}

double threads_bandwidth(const struct threads_machine *m, int n_threads)
{
    return n_threads * m->one / (1 + m->slope * (n_threads - 1));
}

/* The cost of a layer or phase whose time outside of loops is `between`. */
void threads_add(struct threads_cost *sum, const struct layer_cost *c, double between, double bytes,
                 const struct threads_machine *m, int n_threads)
{
    double least = bytes / threads_bandwidth(m, n_threads);
    sum->between += between;
    sum->work += c->work;
    sum->end += c->end;
    sum->slow += least > c->end && c->n_loops ? least - c->end : 0;
    sum->barriers += n_threads > 1 ? c->n_loops * m->barrier * (n_threads - 1) : 0;
}

double threads_total(const struct threads_cost *c)
{
    return c->between + c->end + c->slow + c->barriers;
}

/* measured: 0 where it is not. */
void threads_print(const struct threads_cost *c, int n_threads, int batch, double measured)
{
    double ms = 1e3 / batch;
    printf("%7d %10.2f %9.2f %9.2f %9.2f %9.2f %9.2f", n_threads, threads_total(c) * ms, c->work / n_threads * ms,
           (c->end - c->work / n_threads) * ms, c->between * ms, c->slow * ms, c->barriers * ms);
    if (measured > 0)
        printf(" %10.2f\n", measured * ms);
    else
        printf(" %10s\n", "-");
}

void threads_print_head(const char *network, int batch, const char *what, int rounds)
{
    printf("%s, batch %d%s, ms a picture, least of %d rounds\nthreads  predicted   = work   + uneven   + serial + "
           "bandwidth"
           " + barriers   measured\n",
           network, batch, what, rounds);
}

static void predict(const struct bench *b, const struct threads_machine *m, int n_threads, double measured)
{
    static struct layer_cost costs[MAX_LAYERS];
    const struct fus_net *net = b->model.net;
    struct threads_cost sum = {0};
    int n = fus_net_n_layers(net);
    threads_sum(costs, n, n_threads);
    for (int i = 0; i < n; i++)
        threads_add(&sum, &costs[i], state.between[i] < 1e29 ? state.between[i] : 0, bytes_of(net, i, b->batch), m,
                    n_threads);
    threads_print(&sum, n_threads, b->batch, measured);
}

/* The least of so many real passes. */
static double measure_pass(struct bench *b, int rounds)
{
    double best = 1e30;
    state.mode = LIBRARY;
    for (int i = 0; i < rounds; i++) {
        double seconds = pass(b);
        best = seconds < best ? seconds : best;
    }
    return best;
}

static void model(const char *network, int batch, int rounds, char **threads, int n)
{
    struct threads_machine m = measure_machine();
    threads_print_head(network, batch, "", rounds);
    for (int i = 0; i < n; i++) {
        struct bench b;
        int n_threads = atoi(threads[i]);
        if (n_threads < 1 || n_threads > MAX_THREADS)
            exit(2);
        prepare(&b, network, batch, n_threads);
        double measured = n_threads <= omp_get_num_procs() ? measure_pass(&b, rounds) : 0;
        replay_passes(&b, n_threads, rounds, false);
        predict(&b, &m, n_threads, measured);
        fflush(stdout);
        finish(&b);
    }
}

static void train(const char *network, int batch, int rounds, char **threads, int n)
{
    struct threads_machine m = measure_machine();
    threads_print_head(network, batch, ", a step of training", rounds);
    for (int i = 0; i < n; i++) {
        int n_threads = atoi(threads[i]);
        if (n_threads < 1 || n_threads > MAX_THREADS)
            exit(2);
        fus_base_set_threads(n_threads);
        threads_train(network, batch, rounds, &m, noise((size_t)batch * 3 * 224 * 224), n_threads,
                      n_threads <= omp_get_num_procs(), i + 1 == n);
    }
}

int main(int argc, char **argv)
{
    struct reader r;
    if (argc == 5 && strcmp(argv[1], "balance") == 0 && atoi(argv[3]) > 0 && atoi(argv[4]) > 1) {
        balance(argv[2], atoi(argv[3]), atoi(argv[4]));
    } else if (argc > 5 && strcmp(argv[1], "model") == 0 && atoi(argv[3]) > 0 && atoi(argv[4]) > 0) {
        model(argv[2], atoi(argv[3]), atoi(argv[4]), argv + 5, argc - 5);
    } else if (argc > 5 && strcmp(argv[1], "train") == 0 && atoi(argv[3]) > 0 && atoi(argv[4]) > 0) {
        train(argv[2], atoi(argv[3]), atoi(argv[4]), argv + 5, argc - 5);
    } else if (argc == 4 && strcmp(argv[1], "read") == 0 && atoi(argv[3]) > 0) {
        measure_reading(&r, atof(argv[2]), atoi(argv[3]));
        printf("read %s MB on %s threads: %.3f ms, least %.3f\n", argv[2], argv[3], r.seconds[10] * 1e3,
               r.seconds[0] * 1e3);
    } else {
        return 2;
    }
    return 0;
}
