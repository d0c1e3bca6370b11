/* SPDX-License-Identifier: MIT */
/* The one source of random choices: xoshiro256** 1.0 (Blackman & Vigna 2018), state filled by
 * SplitMix64 from a 64-bit seed. The same seed gives the same choices on every machine. */
#ifndef FUS_RNG_H
#define FUS_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fus_rng {
    uint64_t s[4];
};

void fus_rng_seed(struct fus_rng *r, uint64_t seed);

/* An independent stream for each counter parts [n], such as (seed, epoch, picture, purpose). key:
 * the seed of that stream, by SplitMix64's finisher after each number. */
uint64_t fus_rng_key(const uint64_t *parts, int n);
void fus_rng_seed_counter(struct fus_rng *r, const uint64_t *parts, int n);

uint64_t fus_rng_u64(struct fus_rng *r);
double fus_rng_uniform(struct fus_rng *r);             /* [0, 1), 53 bits */
uint64_t fus_rng_below(struct fus_rng *r, uint64_t n); /* 0 .. n-1 without bias; n > 0 */
double fus_rng_normal(struct fus_rng *r);              /* N(0, 1), Marsaglia's polar method, with fus_fmath_log */

/* n draws, each in double and rounded to float: factor (2 uniform - 1), or factor normal. */
void fus_rng_fill_uniform(struct fus_rng *r, float *out, size_t n, double factor);
void fus_rng_fill_normal(struct fus_rng *r, float *out, size_t n, double factor);

#ifdef __cplusplus
}
#endif

#endif
