/* SPDX-License-Identifier: MIT */
/* Private to nn/: the time of each layer, and the CPU's FMA peak. The limit is sampled between the
 * layers, in short bursts of fused multiply-adds, because the CPU's frequency depends on the
 * load. */
#ifndef FUS_PROFILE_H
#define FUS_PROFILE_H

#include "nn/net.h"

#define FUS_PROFILE_MAX_THREADS 1024

struct fus_profile {
    struct fus_net_times *times; /* the caller's; NULL: nothing is measured */
    const struct fus_kernel *kernel;
    int n_threads;
    double start, layer_start;
    double burst_time, busy, gigaflop;       /* of all bursts: seconds, seconds of all threads, work */
    double seconds[FUS_PROFILE_MAX_THREADS]; /* of the last burst, by thread */
    float sums[FUS_PROFILE_MAX_THREADS];     /* stored, so that the compiler cannot remove the burst */
};

void fus_profile_start(struct fus_profile *p, const struct fus_net *net);
void fus_profile_end(struct fus_profile *p);

/* start: runs a burst, then starts the layer's clock. end: adds the elapsed time to this layer. */
void fus_profile_start_layer(struct fus_profile *p);
void fus_profile_end_layer(struct fus_profile *p, int layer);

#endif
