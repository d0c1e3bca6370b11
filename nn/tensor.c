/* The blocked layout of activations: see nn.h. */
#include "layers.h"

size_t fus_tensor_blocked_size(int channels, size_t n_places)
{
    return (size_t)FUS_BLOCKS(channels) * n_places * FUS_LANES;
}

void fus_tensor_unblock(float *out, const float *blocked, int channels, size_t n_places)
{
#pragma omp parallel for schedule(static) num_threads(fus_base_threads())
    for (int block = 0; block < FUS_BLOCKS(channels); block++) {
        const float *from = blocked + (size_t)block * n_places * FUS_LANES;
        int n = channels - block * FUS_LANES < FUS_LANES ? channels - block * FUS_LANES : FUS_LANES;
        for (int lane = 0; lane < n; lane++)
            for (size_t p = 0; p < n_places; p++)
                out[(size_t)(block * FUS_LANES + lane) * n_places + p] = from[p * FUS_LANES + (size_t)lane];
    }
}
