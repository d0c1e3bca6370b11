/* SPDX-License-Identifier: MIT */
/* How far two sets of clusters agree: see clustering.h and stability.h. */
#include <math.h>
#include <stdlib.h>

#include "analysis/sdc/clustering.h"

struct cell {
    int32_t a, b;
};

static int compare_cells(const void *x, const void *y)
{
    const struct cell *p = x, *q = y;
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : (p->b > q->b) - (p->b < q->b);
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

/* Sum over parts of their pairs: by a and b, by a alone (both false) or, once exchanged, by b. */
static double sum_pairs(const struct cell *c, size_t n, bool both)
{
    double sum = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && c[end].a == c[i].a && (!both || c[end].b == c[i].b); end++)
            ;
        sum += pairs((double)(end - i));
    }
    return sum;
}

double fus_sdc_rand(const int32_t *a, const int32_t *b, size_t n)
{
    struct cell *c = fus_base_alloc(n + 1, sizeof *c);
    if (!c)
        return NAN;
    for (size_t i = 0; i < n; i++)
        c[i] = (struct cell){a[i], b[i]};
    qsort(c, n, sizeof *c, compare_cells);
    double together = sum_pairs(c, n, true), in_a = sum_pairs(c, n, false);
    for (size_t i = 0; i < n; i++)
        c[i] = (struct cell){b[i], a[i]};
    qsort(c, n, sizeof *c, compare_cells);
    double in_b = sum_pairs(c, n, false), all = pairs((double)n);
    fus_base_free(c);
    if (n < 2)
        return 1;
    double expected = in_a * in_b / all, most = (in_a + in_b) / 2;
    return most == expected ? 1 : (together - expected) / (most - expected);
}
