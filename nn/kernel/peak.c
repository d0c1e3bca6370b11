/* SPDX-License-Identifier: MIT */
/* See peak.h. */
#include "nn/kernel/peak.h"

#include <math.h>

#include "nn/base/clock.h"
#include "nn/base/threads.h"

enum { STEPS = 8000, BURSTS = 20, MOST_THREADS = 1024 };

struct peak {
    const struct fus_kernel *kernel;
    float kept[MOST_THREADS]; /* stored, so that the compiler cannot remove the work */
};

static void run_burst(void *context, int task, int thread)
{
    struct peak *p = context;
    (void)thread;
    p->kept[task] = p->kernel->fma_chains(STEPS);
}

double fus_peak_measure(const struct fus_kernel *kernel)
{
    struct peak p = {.kernel = kernel};
    int threads = fus_base_threads() < MOST_THREADS ? fus_base_threads() : MOST_THREADS;
    double least = INFINITY;
    for (int i = 0; i < BURSTS; i++) {
        double start = fus_clock_now(), took;
        fus_threads_for(threads, run_burst, &p);
        took = fus_clock_now() - start;
        least = took < least ? took : least;
    }
    return 2e-9 * FUS_FMA_CHAINS * kernel->width * STEPS * threads / least;
}
