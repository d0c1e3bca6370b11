/* SPDX-License-Identifier: MIT */
/* Sorting, quantiles and ranks of a few thousand doubles, the same for every
 * order of equal values. */
#include <math.h>

#include "analysis/inference.h"

static void sift(double *x, size_t root, size_t end)
{
    for (size_t child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && x[child + 1] > x[child])
            child++;
        if (!(x[child] > x[root]))
            return;
        double swap = x[root];
        x[root] = x[child], x[child] = swap;
    }
}

void fus_order_sort(double *x, size_t n) /* heap sort: n log n for any input, no memory */
{
    for (size_t i = n / 2; i-- > 0;)
        sift(x, i, n);
    for (size_t end = n; end-- > 1;) {
        double top = x[0];
        x[0] = x[end], x[end] = top;
        sift(x, 0, end);
    }
}

double fus_order_quantile(const double *sorted, size_t n, double share)
{
    if (n == 0 || isnan(share))
        return NAN;
    double at = share * (double)(n - 1), below = floor(at), rest = at - below;
    if (at <= 0)
        return sorted[0];
    if (below >= (double)(n - 1))
        return sorted[n - 1];
    double a = sorted[(size_t)below], b = sorted[(size_t)below + 1];
    return a == b ? a : a + (b - a) * rest;
}

/* Ranks by binary search in a sorted copy: the mean of the first and the last place that the
 * value takes there. */
int fus_order_ranks(double *ranks, const double *x, size_t n, struct fus_error *err)
{
    double *sorted = fus_base_alloc(n + 1, sizeof *sorted);
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory to rank %zu values", n);
    for (size_t i = 0; i < n; i++)
        sorted[i] = x[i];
    fus_order_sort(sorted, n);
    for (size_t i = 0; i < n; i++) {
        size_t bound[2]; /* values below x[i]; values not above it */
        for (int upper = 0; upper < 2; upper++) {
            size_t low = 0, high = n;
            while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (upper ? sorted[middle] <= x[i] : sorted[middle] < x[i])
                    low = middle + 1;
                else
                    high = middle;
            }
            bound[upper] = low;
        }
        ranks[i] = 0.5 * (double)(bound[0] + 1 + bound[1]);
    }
    fus_base_free(sorted);
    return FUS_OK;
}
