/* SPDX-License-Identifier: MIT */
/* Times of layers, and bursts that measure the CPU's limit between them: see profile.h. */
#define _POSIX_C_SOURCE 200809L
#include "nn/profile.h"

#include <time.h>

#include "nn/base/threads.h"

/* Some 20 us. A quarter of that runs before the clock starts, until the layer's
 * last stores are done. */
#define BURST_STEPS 8000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void burst(void *context, int task, int thread)
{
    struct fus_profile *p = context;
    (void)thread;
    float sum = p->kernel->fma_chains(BURST_STEPS / 4);
    double start = now();
    p->sums[task] = sum + p->kernel->fma_chains(BURST_STEPS);
    p->seconds[task] = now() - start;
}

/* On all threads at once. */
static void run_bursts(struct fus_profile *p)
{
    double start = now();
    fus_threads_for(p->n_threads, burst, p);
    for (int i = 0; i < p->n_threads; i++) {
        p->busy += p->seconds[i];
        p->gigaflop += 2e-9 * FUS_FMA_CHAINS * p->kernel->width * BURST_STEPS;
    }
    p->burst_time += now() - start;
}

void fus_profile_start(struct fus_profile *p, const struct fus_net *net)
{
    int threads = fus_base_threads();
    p->times = net->times;
    if (!p->times)
        return;
    p->kernel = net->kernel;
    p->n_threads = threads < FUS_PROFILE_MAX_THREADS ? threads : FUS_PROFILE_MAX_THREADS;
    p->burst_time = p->busy = p->gigaflop = 0;
    for (int i = 0; i < net->arch.n_layers; i++)
        p->times->layers[i] = 0;
    p->start = now();
}

void fus_profile_end(struct fus_profile *p)
{
    if (!p->times)
        return;
    p->times->pass = now() - p->start - p->burst_time;
    p->times->peak = p->busy > 0 ? p->n_threads * p->gigaflop / p->busy : 0;
}

void fus_profile_start_layer(struct fus_profile *p)
{
    if (!p->times)
        return;
    run_bursts(p);
    p->layer_start = now();
}

void fus_profile_end_layer(struct fus_profile *p, int layer)
{
    if (p->times)
        p->times->layers[layer] += now() - p->layer_start;
}
