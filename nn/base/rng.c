/* SPDX-License-Identifier: MIT */
/* xoshiro256** 1.0 and the distributions drawn from it: see rng.h. */
#include "nn/base/rng.h"

#include <math.h>

#include "nn/base/fmath.h"

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void fus_rng_seed(struct fus_rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* SplitMix64 */
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t fus_rng_key(const uint64_t *parts, int n)
{
    uint64_t h = 0;
    for (int i = 0; i < n; i++) {
        h += parts[i] + 0x9e3779b97f4a7c15u;
        h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
        h = (h ^ h >> 27) * 0x94d049bb133111ebu;
        h ^= h >> 31;
    }
    return h;
}

void fus_rng_seed_counter(struct fus_rng *r, const uint64_t *parts, int n)
{
    fus_rng_seed(r, fus_rng_key(parts, n));
}

static inline uint64_t next(struct fus_rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t fus_rng_u64(struct fus_rng *r)
{
    return next(r);
}

static inline double uniform(struct fus_rng *r)
{
    return (double)(next(r) >> 11) * 0x1p-53;
}

double fus_rng_uniform(struct fus_rng *r)
{
    return uniform(r);
}

uint64_t fus_rng_below(struct fus_rng *r, uint64_t n)
{
    uint64_t x; /* the first 2^64 mod n values, all below n, would favour small results */
    do
        x = fus_rng_u64(r);
    while (x < n && x < (0 - n) % n);
    return x % n;
}

static inline double normal(struct fus_rng *r)
{
    double u, v, q;
    do {
        u = 2 * uniform(r) - 1;
        v = 2 * uniform(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    return u * sqrt(-2 * fus_fmath_log(q) / q);
}

double fus_rng_normal(struct fus_rng *r)
{
    return normal(r);
}

/* The state is in registers meanwhile. */
void fus_rng_fill_uniform(struct fus_rng *r, float *out, size_t n, double factor)
{
    struct fus_rng here = *r;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(factor * (2 * uniform(&here) - 1));
    *r = here;
}

void fus_rng_fill_normal(struct fus_rng *r, float *out, size_t n, double factor)
{
    struct fus_rng here = *r;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(factor * normal(&here));
    *r = here;
}
