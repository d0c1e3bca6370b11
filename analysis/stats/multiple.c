/* SPDX-License-Identifier: MIT */
/* Correction for many tests: adjusted p values and the rejection threshold (analysis.h has the
 * equations).
 *
 * p values are sorted by their bits (non-negative doubles order like unsigned integers), eight
 * bits a pass from the lowest, which is stable: equal p keep the order of their index, and the
 * result depends on nothing but the input. */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "nn/base/bits.h"

struct keyed {
    uint64_t key;
    size_t index;
};

/* Sorts as p does, which is not negative; -0 becomes 0. */
static uint64_t key_of(double p)
{
    return fus_bits_of_double(p + 0.0);
}

/* Where each of the 256 values of a byte starts; false where all keys share it and the pass can
 * be left out. */
static bool starts_of(size_t start[256], size_t n)
{
    size_t total = 0;
    for (int v = 0; v < 256; v++) {
        size_t count = start[v];
        if (count == n)
            return false;
        start[v] = total;
        total += count;
    }
    return true;
}

/* Sorts a [n]; b [n] is scratch. The result is in the array returned. */
static struct keyed *sort_keyed(struct keyed *a, struct keyed *b, size_t n)
{
    for (int shift = 0; shift < 64; shift += 8) {
        size_t start[256] = {0};
        for (size_t i = 0; i < n; i++)
            start[a[i].key >> shift & 255]++;
        if (!starts_of(start, n))
            continue;
        for (size_t i = 0; i < n; i++)
            b[start[a[i].key >> shift & 255]++] = a[i];
        struct keyed *swap = a;
        a = b, b = swap;
    }
    return a;
}

/* The same for bare values; sorted back into p. */
static void sort_values(double *p, double *scratch, size_t n)
{
    double *a = p, *b = scratch;
    for (int shift = 0; shift < 64; shift += 8) {
        size_t start[256] = {0};
        for (size_t i = 0; i < n; i++)
            start[key_of(a[i]) >> shift & 255]++;
        if (!starts_of(start, n))
            continue;
        for (size_t i = 0; i < n; i++)
            b[start[key_of(a[i]) >> shift & 255]++] = a[i];
        double *swap = a;
        a = b, b = swap;
    }
    if (a != p)
        memcpy(p, a, n * sizeof *p);
}

double fus_multiple_scale(size_t n_tests, enum fus_correction correction)
{
    double harmonic = 0;
    if (correction == FUS_UNCORRECTED)
        return 1;
    if (correction == FUS_BY)
        for (size_t i = 1; i <= n_tests; i++)
            harmonic += 1.0 / (double)i;
    return correction == FUS_BY ? (double)n_tests * harmonic : (double)n_tests;
}

static int step_up(double *q, const double *p, size_t n, double scale, struct fus_error *err)
{
    struct keyed *a = fus_base_alloc(n, sizeof *a), *b = fus_base_alloc(n, sizeof *b), *sorted;
    if (!a || !b) {
        fus_base_free(a);
        fus_base_free(b);
        return fus_base_fail(err, FUS_ENOMEM, "no memory to sort %zu p values", n);
    }
    for (size_t i = 0; i < n; i++)
        a[i] = (struct keyed){key_of(p[i]), i};
    sorted = sort_keyed(a, b, n);
    double least = 1;
    for (size_t j = n; j > 0; j--) {
        double value = fus_bits_to_double(sorted[j - 1].key) * scale / (double)j;
        if (value < least)
            least = value;
        q[sorted[j - 1].index] = least;
    }
    fus_base_free(a);
    fus_base_free(b);
    return FUS_OK;
}

int fus_multiple_adjust(double *q, const double *p, size_t n, enum fus_correction correction, struct fus_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= 0 && p[i] <= 1))
            return fus_base_fail(err, FUS_EINVAL, "p value %zu is %g, not in [0, 1]", i, p[i]);
    if (n && (correction == FUS_BH || correction == FUS_BY))
        return step_up(q, p, n, fus_multiple_scale(n, correction), err);
    for (size_t i = 0; i < n; i++) {
        double value = p[i] * fus_multiple_scale(n, correction);
        q[i] = value < 1 ? value : 1;
    }
    return FUS_OK;
}

double fus_multiple_threshold(double *p, double *scratch, size_t n, size_t n_before, size_t n_tests, double alpha,
                              enum fus_correction correction)
{
    sort_values(p, scratch, n);
    double scale = fus_multiple_scale(n_tests, correction);
    bool by_rank = correction == FUS_BH || correction == FUS_BY;
    for (size_t j = n; j > 0; j--)
        if (p[j - 1] * scale / (by_rank ? (double)(n_before + j) : 1) <= alpha)
            return p[j - 1];
    return -1;
}

const char *fus_multiple_name(enum fus_correction correction)
{
    static const char *const names[] = {"bh", "by", "bonferroni", "none"};
    return names[correction];
}
