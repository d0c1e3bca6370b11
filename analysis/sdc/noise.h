/* SPDX-License-Identifier: MIT */
/* Random numbers of decoders: streams keyed by what they are for, and normal noise from a table. */
#ifndef FUS_SDC_NOISE_H
#define FUS_SDC_NOISE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a stream is for: the second number of its key. */
enum fus_sdc_stream {
    FUS_SDC_INIT = 1,
    FUS_SDC_ORDER,
    FUS_SDC_JITTER,
    FUS_SDC_PAIRING,
    FUS_SDC_ROTATE,
    FUS_SDC_RESAMPLE,
    FUS_SDC_SPLIT,
    FUS_SDC_HALF,
    FUS_SDC_MEANS /* k-means */
};

/* FNV-1a of 64 bits: a participant's draws depend on its name, not on its place in the study. */
uint64_t fus_sdc_noise_name(const char *name);

/* 4096 equally likely levels of N(0, 1), each at the middle of its share, scaled to variance 1 and
 * then by sd:
 *
 *   level_k = sd quantile((k + 1/2) / 4096) / sqrt(mean of the squares) */
enum { FUS_SDC_NOISE_LEVELS = 4096 };
void fus_sdc_noise_table(float table[FUS_SDC_NOISE_LEVELS], double sd);

/* Adds levels to x [n], the row `row` of step `step`. Each number of the stream (key, JITTER, step,
 * row) gives five indices of 12 bits, the lowest bits first. */
void fus_sdc_noise_add(float *x, size_t n, const float table[FUS_SDC_NOISE_LEVELS], uint64_t key, uint64_t step,
                       uint64_t row);

#ifdef __cplusplus
}
#endif

#endif
