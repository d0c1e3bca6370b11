/* The loops of analysis/moments.c, select.c and halves.c over units, in double. Each kernel_*.c defines
 *
 *   DVEC, DOUBLES                 a vector of DOUBLES doubles
 *   DLOAD(p) DSTORE(p, v)         unaligned
 *   DSPREAD(x)                    x in every lane
 *   WIDEN(p)                      DOUBLES floats from p on, as doubles
 *   DADD(x, y) DSUB(x, y) DMUL(x, y) DDIV(x, y) DROOT(x)   each rounded once
 *   DLESS(x, y)                   a mask; false where one is NaN
 *   DPICK(m, x, y)                x where the mask holds, else y
 *
 * and includes this file. Vectors run over units; nothing is fused, so that a unit's chain has the same bits everywhere. The scalar row takes
 * what does not fill a vector. */

#include <math.h>

#define VECTORS (DOUBLES > 1 ? 4 : 1) /* side by side: hide the latency of one picture's chain behind the others' */
#define REST(done, n) (DOUBLES > 1 && (done) < (n))

/* One picture into the moments of VECTORS * DOUBLES units. */
INLINE void welford(DVEC mean[VECTORS], DVEC m2[VECTORS], const float *x, double w)
{
    DVEC share = DSPREAD(w);
    UNROLL
    for (int v = 0; v < VECTORS; v++) {
        DVEC value = WIDEN(x + v * DOUBLES), d = DSUB(value, mean[v]), moved = DADD(mean[v], DMUL(d, share));
        m2[v] = DADD(m2[v], DMUL(d, DSUB(value, moved)));
        mean[v] = moved;
    }
}

TARGET static void moments_add(double *mean, double *m2, const float *const *x, const double *w, int n_rows, size_t from, size_t end)
{
    const bool first = w[0] == 1; /* picture of a group: both start at 0, whatever lies there */
    for (; from + VECTORS * DOUBLES <= end; from += VECTORS * DOUBLES) {
        DVEC a[VECTORS], b[VECTORS];
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            a[v] = first ? DSPREAD(0.0) : DLOAD(mean + from + v * DOUBLES);
            b[v] = first ? DSPREAD(0.0) : DLOAD(m2 + from + v * DOUBLES);
        }
        for (int r = 0; r < n_rows; r++)
            welford(a, b, x[r] + from, w[r]);
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            DSTORE(mean + from + v * DOUBLES, a[v]);
            DSTORE(m2 + from + v * DOUBLES, b[v]);
        }
    }
    if (REST(from, end))
        fus_kernel_scalar.moments_add(mean, m2, x, w, n_rows, from, end);
}

TARGET static void moments_merge(double *mean, double *m2, const double *mean_b, const double *m2_b, double share, double weight, size_t n)
{
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC a = DLOAD(mean + u), d = DSUB(DLOAD(mean_b + u), a);
        DSTORE(mean + u, DADD(a, DMUL(d, DSPREAD(share))));
        DSTORE(m2 + u, DADD(DADD(DLOAD(m2 + u), DLOAD(m2_b + u)), DMUL(DMUL(d, d), DSPREAD(weight))));
    }
    if (REST(u, n))
        fus_kernel_scalar.moments_merge(mean + u, m2 + u, mean_b + u, m2_b + u, share, weight, n - u);
}

TARGET static void moments_spread(double *sum, double *bad, const double *mean, const double *m2, size_t n)
{
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC a = DLOAD(mean + u), b = DLOAD(m2 + u);
        DSTORE(sum + u, DADD(DLOAD(sum + u), b));
        DSTORE(bad + u, DADD(DLOAD(bad + u), DADD(DSUB(a, a), DSUB(b, b))));
    }
    if (REST(u, n))
        fus_kernel_scalar.moments_spread(sum + u, bad + u, mean + u, m2 + u, n - u);
}

TARGET static void least_t(double *least_a, double *least_b, const double *mean_a, const double *m2_a, double w_a, const double *mean_b,
                           const double *m2_b, double w_b, size_t n)
{
    DVEC zero = DSPREAD(0.0), endless = DSPREAD((double)INFINITY);
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC a = DLOAD(least_a + u), b = DLOAD(least_b + u), d = DSUB(DLOAD(mean_a + u), DLOAD(mean_b + u));
        DVEC e = DADD(DMUL(DLOAD(m2_a + u), DSPREAD(w_a)), DMUL(DLOAD(m2_b + u), DSPREAD(w_b)));
        DVEC size = DPICK(DLESS(d, zero), DSUB(zero, d), d);
        DVEC t = DDIV(DMUL(d, size), DPICK(DLESS(zero, e), e, endless)), back = DSUB(zero, t);
        DSTORE(least_a + u, DPICK(DLESS(t, a), t, a));
        DSTORE(least_b + u, DPICK(DLESS(back, b), back, b));
    }
    if (REST(u, n))
        fus_kernel_scalar.least_t(least_a + u, least_b + u, mean_a + u, m2_a + u, w_a, mean_b + u, m2_b + u, w_b, n - u);
}

TARGET static void roots(double *x, size_t n)
{
    DVEC zero = DSPREAD(0.0);
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC y = DLOAD(x + u), root = DROOT(DPICK(DLESS(y, zero), DSUB(zero, y), y));
        DSTORE(x + u, DPICK(DLESS(y, zero), DSUB(zero, root), root));
    }
    if (REST(u, n))
        fus_kernel_scalar.roots(x + u, n - u);
}

#define MOMENTS moments_add, moments_merge, moments_spread, least_t, roots
