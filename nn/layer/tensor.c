/* SPDX-License-Identifier: MIT */
/* The blocked layout of activations: see nn.h. */
#include "nn/base/threads.h"
#include "nn/layer/layers.h"

size_t fus_tensor_blocked_size(int channels, size_t n_places)
{
    return (size_t)FUS_BLOCKS(channels) * n_places * FUS_LANES;
}

struct unblocking {
    float *out;
    const float *blocked;
    int channels;
    size_t n_places;
};

/* FUS_LANES places at a time: what is read stays in cache until all its channels are written. */
static void unblock_one(void *context, int block, int thread)
{
    const struct unblocking *u = context;
    const float *from = u->blocked + (size_t)block * u->n_places * FUS_LANES;
    int n = u->channels - block * FUS_LANES < FUS_LANES ? u->channels - block * FUS_LANES : FUS_LANES;
    (void)thread;
    float *out = u->out + (size_t)block * FUS_LANES * u->n_places;
    for (size_t place = 0; place < u->n_places; place += FUS_LANES) {
        size_t end = u->n_places - place < FUS_LANES ? u->n_places : place + FUS_LANES;
        for (int lane = 0; lane < n; lane++)
            for (size_t p = place; p < end; p++)
                out[(size_t)lane * u->n_places + p] = from[p * FUS_LANES + (size_t)lane];
    }
}

void fus_tensor_unblock(float *out, const float *blocked, int channels, size_t n_places)
{
    struct unblocking u = {out, blocked, channels, n_places};
    fus_threads_for(FUS_BLOCKS(channels), unblock_one, &u);
}
