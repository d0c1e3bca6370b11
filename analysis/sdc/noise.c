/* SPDX-License-Identifier: MIT */
/* Random numbers of decoders: see noise.h. A look-up costs a nanosecond, a polar normal several; a
 * step of 128 trials of 15,000 voxels takes 1.9 million. */
#include "analysis/sdc/noise.h"

#include <math.h>

#include "analysis/analysis.h"
#include "nn/base/rng.h"

uint64_t fus_sdc_noise_name(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x100000001b3u;
    return h;
}

void fus_sdc_noise_table(float table[FUS_SDC_NOISE_LEVELS], double sd)
{
    double level[FUS_SDC_NOISE_LEVELS], squares = 0;
    for (int k = 0; k < FUS_SDC_NOISE_LEVELS; k++) {
        level[k] = fus_special_normal_quantile((k + 0.5) / FUS_SDC_NOISE_LEVELS);
        squares += level[k] * level[k];
    }
    for (int k = 0; k < FUS_SDC_NOISE_LEVELS; k++)
        table[k] = (float)sd * (float)(level[k] / sqrt(squares / FUS_SDC_NOISE_LEVELS));
}

void fus_sdc_noise_add(float *x, size_t n, const float table[FUS_SDC_NOISE_LEVELS], uint64_t key, uint64_t step,
                       uint64_t row)
{
    const uint64_t parts[] = {key, FUS_SDC_JITTER, step, row};
    struct fus_rng r;
    size_t i = 0;
    fus_rng_seed_counter(&r, parts, 4);
    for (; i + 5 <= n; i += 5) {
        uint64_t u = fus_rng_u64(&r);
        for (int f = 0; f < 5; f++)
            x[i + (size_t)f] += table[u >> 12 * f & 4095];
    }
    if (i < n)
        for (uint64_t u = fus_rng_u64(&r); i < n; i++, u >>= 12)
            x[i] += table[u & 4095];
}
