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

uint64_t fus_rng_u64(struct fus_rng *r)
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

double fus_rng_uniform(struct fus_rng *r)
{
    return (double)(fus_rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t fus_rng_below(struct fus_rng *r, uint64_t n)
{
    uint64_t x; /* the first 2^64 mod n values, all below n, would favour small results */
    do
        x = fus_rng_u64(r);
    while (x < n && x < (0 - n) % n);
    return x % n;
}

double fus_rng_normal(struct fus_rng *r)
{
    double u, v, q;
    do {
        u = 2 * fus_rng_uniform(r) - 1;
        v = 2 * fus_rng_uniform(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    return u * sqrt(-2 * fus_fmath_log(q) / q);
}
