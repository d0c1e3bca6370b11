/* SPDX-License-Identifier: MIT */
/* Mann & Whitney's U (1947), Wilcoxon's rank-sum test: exact by counting, or normal with the
 * corrections for ties and continuity, as in SciPy's mannwhitneyu(alternative="greater"). All
 * counts are whole numbers below 2^53. */
#include <math.h>
#include <string.h>

#include "analysis/inference.h"

#define EXACT_SMALL 8   /* SciPy's rule: exact if the smaller group has at most 8 ... */
#define EXACT_LARGE 200 /* ... and, here, the larger one at most 200: 1601 sums */

static void sort_floats(float *x, size_t n) /* heap sort: in place, n log n for any input */
{
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0)
            start--;
        else {
            float top = x[0];
            x[0] = x[--end], x[end] = top;
        }
        size_t root = start;
        for (size_t child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && x[child + 1] > x[child])
                child++;
            if (!(x[child] > x[root]))
                break;
            float swap = x[root];
            x[root] = x[child], x[child] = swap;
        }
    }
}

/* U, and *ties = sum of t^3 - t over groups of t equal values. */
static double count_u(double *ties, const float *a, size_t n_a, const float *b, size_t n_b, float *scratch)
{
    size_t n = n_a + n_b;
    memcpy(scratch, b, n_b * sizeof *b);
    sort_floats(scratch, n_b);
    double twice = 0;
    for (size_t i = 0; i < n_a; i++) { /* values of b below and not above a[i] */
        size_t below = 0, upto = 0, high = n_b;
        while (below < high) {
            size_t middle = (below + high) / 2;
            if (scratch[middle] < a[i])
                below = middle + 1;
            else
                high = middle;
        }
        for (upto = below, high = n_b; upto < high;) {
            size_t middle = (upto + high) / 2;
            if (scratch[middle] <= a[i])
                upto = middle + 1;
            else
                high = middle;
        }
        twice += (double)(below + upto);
    }
    memcpy(scratch + n_b, a, n_a * sizeof *a);
    sort_floats(scratch, n);
    *ties = 0;
    for (size_t i = 0, run = 1; i < n; i++, run++)
        if (i + 1 == n || scratch[i + 1] != scratch[i]) {
            double t = (double)run;
            *ties += t * t * t - t;
            run = 0;
        }
    return 0.5 * twice;
}

double fus_ranksum_u(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch)
{
    double ties;
    return count_u(&ties, a, n_a, b, n_b, scratch);
}

double fus_ranksum_auc(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch)
{
    return fus_ranksum_u(a, n_a, b, n_b, scratch) / ((double)n_a * (double)n_b);
}

/* P(U >= u) when all orders are equally likely, by the value that comes last: with m and n
 * values, U = s has probability
 *   p(s; m, n) = m/(m+n) p(s - n; m-1, n) + n/(m+n) p(s; m, n-1)      (Mann & Whitney
 *   1947, equation 5) */
static double exact_p(double u, size_t small, size_t large)
{
    static const size_t row = EXACT_SMALL * EXACT_LARGE + 1;
    double p[EXACT_SMALL + 1][EXACT_SMALL * EXACT_LARGE + 1]; /* for the present n: p[m][s] */
    for (size_t m = 0; m <= small; m++)
        for (size_t s = 0; s < row; s++)
            p[m][s] = s == 0;
    for (size_t n = 1; n <= large; n++)
        for (size_t m = 1; m <= small; m++)
            for (size_t s = m * n + 1; s-- > 0;) {
                double with = s >= n ? p[m - 1][s - n] : 0;
                p[m][s] = ((double)m * with + (double)n * p[m][s]) / (double)(m + n);
            }
    double sum = 0;
    for (size_t s = small * large + 1; s-- > 0 && (double)s >= u;)
        sum += p[small][s];
    return sum;
}

double fus_ranksum_p(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch)
{
    double ties, u = count_u(&ties, a, n_a, b, n_b, scratch), na = (double)n_a, nb = (double)n_b, n = na + nb;
    size_t small = n_a < n_b ? n_a : n_b, large = n_a < n_b ? n_b : n_a;
    if (ties == 0 && small <= EXACT_SMALL && large <= EXACT_LARGE)
        return exact_p(u, small, large);
    double variance = na * nb / 12 * ((n + 1) - ties / (n * (n - 1)));
    if (!(variance > 0))
        return 1;
    return fus_special_normal_sf((u - 0.5 * na * nb - 0.5) / sqrt(variance));
}

double fus_ranksum_two_sided(const float *a, size_t n_a, const float *b, size_t n_b, float *scratch)
{
    double above = fus_ranksum_p(a, n_a, b, n_b, scratch);
    return 2 * (above < 0.5 ? above : fus_ranksum_p(b, n_b, a, n_a, scratch));
}
