/* SPDX-License-Identifier: MIT */
/* Fisher's sign-flip (randomisation) test of paired differences: under exchange of the two sides
 * every pattern of signs is as likely as the one observed. Sums within 1e-12 of the largest
 * possible one count as equal, so that equal sums in another order of addition do. */
#include <math.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

#define EXACT_MOST 24
#define HALF_MOST 12
#define RANDOM_PATTERNS 99999

/* sums [2^n]: for every pattern, bit i set = d[i] with its sign turned. */
static void all_sums(double *sums, const double *d, size_t n)
{
    sums[0] = 0;
    for (size_t i = 0; i < n; i++)
        sums[0] += d[i];
    for (size_t i = 0; i < n; i++)
        for (size_t pattern = 0; pattern < (size_t)1 << i; pattern++)
            sums[pattern | (size_t)1 << i] = sums[pattern] - 2 * d[i];
}

static bool reaches(double sum, double observed, double tolerance, bool two_sided)
{
    return two_sided ? fabs(sum) >= fabs(observed) - tolerance : sum >= observed - tolerance;
}

/* All patterns as pairs of one half's and the other half's. */
static double exact_p(const double *d, size_t n, double observed, double tolerance, bool two_sided)
{
    double low[1 << HALF_MOST], high[1 << HALF_MOST], count = 0;
    size_t n_low = n / 2, n_high = n - n_low;
    all_sums(low, d, n_low);
    all_sums(high, d + n_low, n_high);
    for (size_t i = 0; i < (size_t)1 << n_low; i++)
        for (size_t j = 0; j < (size_t)1 << n_high; j++)
            count += reaches(low[i] + high[j], observed, tolerance, two_sided);
    return count / (double)((size_t)1 << n);
}

static double random_p(const double *d, size_t n, double observed, double tolerance, bool two_sided, uint64_t seed)
{
    struct fus_rng r;
    double count = 0;
    fus_rng_seed(&r, seed);
    for (long k = 0; k < RANDOM_PATTERNS; k++) {
        double sum = 0;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++, bits >>= 1) {
            if (i % 64 == 0)
                bits = fus_rng_u64(&r);
            double sign = bits & 1 ? -1 : 1;
            sum += isnan(d[i]) ? 0 : sign * d[i];
        }
        count += reaches(sum, observed, tolerance, two_sided);
    }
    return (count + 1) / (RANDOM_PATTERNS + 1.0);
}

double fus_signflip_p(const double *d, size_t n, bool two_sided, uint64_t seed)
{
    double kept[EXACT_MOST], observed = 0, most = 0;
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(d[i])) {
            if (n_kept < EXACT_MOST)
                kept[n_kept] = d[i];
            n_kept++;
            observed += d[i], most += fabs(d[i]);
        }
    double tolerance = 1e-12 * most;
    if (n_kept <= EXACT_MOST)
        return exact_p(kept, n_kept, observed, tolerance, two_sided);
    return random_p(d, n, observed, tolerance, two_sided, seed);
}
