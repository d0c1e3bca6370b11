/* SPDX-License-Identifier: MIT */
/* Times of layers, and bursts that measure the CPU's limit between them: see profile.h. */
#include "nn/profile.h"

#include "nn/base/clock.h"
#include "nn/base/threads.h"

/* Some 20 us. A quarter of that runs before the clock starts, until the layer's
 * last stores are done. */
#define BURST_STEPS 8000

static void burst(void *context, int task, int thread)
{
    struct fus_profile *p = context;
    (void)thread;
    float sum = p->kernel->fma_chains(BURST_STEPS / 4);
    double start = fus_clock_now();
    p->sums[task] = sum + p->kernel->fma_chains(BURST_STEPS);
    p->seconds[task] = fus_clock_now() - start;
}

/* On all threads at once. */
static void run_bursts(struct fus_profile *p)
{
    double start = fus_clock_now();
    fus_threads_for(p->n_threads, burst, p);
    for (int i = 0; i < p->n_threads; i++) {
        p->busy += p->seconds[i];
        p->gigaflop += 2e-9 * FUS_FMA_CHAINS * p->kernel->width * BURST_STEPS;
    }
    p->burst_time += fus_clock_now() - start;
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
    p->start = fus_clock_now();
}

void fus_profile_end(struct fus_profile *p)
{
    if (!p->times)
        return;
    p->times->pass = fus_clock_now() - p->start - p->burst_time;
    p->times->peak = p->busy > 0 ? p->n_threads * p->gigaflop / p->busy : 0;
}

void fus_profile_start_layer(struct fus_profile *p)
{
    if (!p->times)
        return;
    run_bursts(p);
    p->layer_start = fus_clock_now();
}

void fus_profile_end_layer(struct fus_profile *p, int layer)
{
    if (p->times)
        p->times->layers[layer] += fus_clock_now() - p->layer_start;
}
