/* SPDX-License-Identifier: MIT */
/* Weights of networks in tests: random numbers of a seed that is made of the tensor's name;
 * positive variances, and activations of moderate size. */
#ifndef FUS_TESTS_NAMED_WEIGHTS_H
#define FUS_TESTS_NAMED_WEIGHTS_H

#include <stdbool.h>
#include <string.h>

#include "nn/base/rng.h"

static inline int named_weights(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    (void)context;
    (void)err;
    uint64_t seed = 7;
    for (const char *s = name; *s; s++)
        seed = seed * 31 + (unsigned char)*s;
    struct fus_rng r;
    fus_rng_seed(&r, seed);
    bool variance = strstr(name, "running_var") != NULL;
    for (size_t i = 0; i < n; i++)
        out[i] = variance ? (float)(0.5 + fus_rng_uniform(&r)) : (float)(fus_rng_uniform(&r) - 0.4) * 0.3f;
    return FUS_OK;
}

#endif
