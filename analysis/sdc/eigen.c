/* SPDX-License-Identifier: MIT */
/* See eigen.h. */
#include "analysis/sdc/eigen.h"

#include <math.h>
#include <string.h>

enum { MAX_STEPS = 60 }; /* for one eigenvalue; two or three are usual */

/* ---- to a tridiagonal matrix ---- */

/* x [n], n >= 2, becomes v of the reflection 1 - b v v' that maps it to (alpha, 0, ...); returns
 * alpha. *b is 0 where x is so already. */
static double reflect(double *x, size_t n, double *b)
{
    double squares = 0, first = x[0];
    for (size_t i = 1; i < n; i++)
        squares += x[i] * x[i];
    *b = 0;
    if (squares == 0)
        return first;
    double length = sqrt(first * first + squares), alpha = first > 0 ? -length : length;
    x[0] = first - alpha;
    *b = 2 / (x[0] * x[0] + squares);
    return alpha;
}

/* Rows and columns k + 1 .. n-1 of a become H a H, where H reflects by v (row k behind the
 * diagonal) and b. p [n] is scratch. */
static void update(double *a, size_t n, size_t k, double b, double *p)
{
    const double *v = a + k * n;
    double half = 0;
    for (size_t i = k + 1; i < n; i++) {
        double sum = 0;
        for (size_t j = k + 1; j < n; j++)
            sum += a[i * n + j] * v[j];
        p[i] = b * sum;
        half += p[i] * v[i];
    }
    half *= b / 2;
    for (size_t i = k + 1; i < n; i++)
        p[i] -= half * v[i];
    for (size_t i = k + 1; i < n; i++)
        for (size_t j = k + 1; j < n; j++)
            a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
}

/* The diagonal in d, what is beside it in e [n - 1], and in the rows of z the transposed product of
 * the reflections. */
static void reduce(double *d, double *e, double *z, double *a, double *scratch, size_t n)
{
    double *b = scratch, *p = scratch + n;
    memset(z, 0, n * n * sizeof *z);
    for (size_t i = 0; i < n; i++)
        z[i * n + i] = 1;
    for (size_t k = 0; k + 2 < n; k++) {
        e[k] = reflect(a + k * n + k + 1, n - k - 1, &b[k]);
        if (b[k] != 0)
            update(a, n, k, b[k], p);
    }
    if (n > 1)
        e[n - 2] = a[(n - 2) * n + n - 1];
    for (size_t i = 0; i < n; i++)
        d[i] = a[i * n + i];
    for (size_t k = n; k-- > 0;) { /* z = z H_k, from the last to the first */
        const double *v = a + k * n;
        if (k + 2 >= n || b[k] == 0)
            continue;
        for (size_t i = k + 1; i < n; i++) {
            double sum = 0;
            for (size_t j = k + 1; j < n; j++)
                sum += z[i * n + j] * v[j];
            sum *= b[k];
            for (size_t j = k + 1; j < n; j++)
                z[i * n + j] -= sum * v[j];
        }
    }
}

/* ---- QL ---- */

static double length(double x, double y)
{
    double a = fabs(x), b = fabs(y), most = a > b ? a : b, least = a > b ? b : a;
    return most > 0 ? most * sqrt(1 + least / most * (least / most)) : 0;
}

static void rotate(double *restrict lower, double *restrict upper, size_t n, double c, double s)
{
    for (size_t k = 0; k < n; k++) {
        double x = upper[k];
        upper[k] = s * lower[k] + c * x;
        lower[k] = c * lower[k] - s * x;
    }
}

/* The first m >= l with a negligible e[m]; n - 1 if there is none. */
static size_t find_split(const double *d, const double *e, size_t l, size_t n)
{
    size_t m = l;
    while (m + 1 < n && fabs(e[m]) > 0x1p-53 * (fabs(d[m]) + fabs(d[m + 1])))
        m++;
    return m;
}

/* One step on rows l .. m. */
static void step(double *d, double *e, double *z, size_t l, size_t m, size_t n)
{
    double g = (d[l + 1] - d[l]) / (2 * e[l]), r = length(g, 1), s = 1, c = 1, p = 0;
    g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
    for (size_t i = m; i-- > l;) {
        double f = s * e[i], b = c * e[i];
        e[i + 1] = r = length(f, g);
        if (r == 0) {
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r, c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(z + i * n, z + (i + 1) * n, n, c, s);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

/* ---- order and signs ---- */

static void swap_rows(double *z, size_t n, size_t i, size_t k)
{
    for (size_t j = 0; j < n; j++) {
        double keep = z[i * n + j];
        z[i * n + j] = z[k * n + j];
        z[k * n + j] = keep;
    }
}

static void arrange(double *values, double *z, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i, largest = 0;
        for (size_t k = i + 1; k < n; k++)
            best = values[k] > values[best] ? k : best;
        if (best != i) {
            double keep = values[i];
            values[i] = values[best], values[best] = keep;
            swap_rows(z, n, i, best);
        }
        for (size_t j = 1; j < n; j++)
            largest = fabs(z[i * n + j]) > fabs(z[i * n + largest]) ? j : largest;
        double sign = z[i * n + largest] < 0 ? -1 : 1;
        for (size_t j = 0; j < n; j++)
            z[i * n + j] *= sign;
    }
}

int fus_eigen_symmetric(double *values, double *vectors, double *a, size_t n, struct fus_error *err)
{
    double *scratch = fus_base_alloc(3 * n + 1, sizeof *scratch), *e = scratch;
    if (!scratch)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for eigenvectors of %zu dimensions", n);
    reduce(values, e, vectors, a, scratch + n, n);
    for (size_t l = 0; l < n; l++)
        for (int i = 0;; i++) {
            size_t m = find_split(values, e, l, n);
            if (m == l)
                break;
            if (i == MAX_STEPS) {
                fus_base_free(scratch);
                return fus_base_fail(err, FUS_EINVAL, "eigenvalues of %zu dimensions do not converge", n);
            }
            step(values, e, vectors, l, m, n);
        }
    arrange(values, vectors, n);
    fus_base_free(scratch);
    return FUS_OK;
}
