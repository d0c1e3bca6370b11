/* The loops of analysis/moments.c over units, in double. Each kernel_*.c defines
 *
 *   DVEC, DOUBLES                 a vector of DOUBLES doubles
 *   DLOAD(p) DSTORE(p, v)         unaligned
 *   DSPREAD(x)                    x in every lane
 *   WIDEN(p)                      DOUBLES floats from p on, as doubles
 *   DADD(x, y) DSUB(x, y) DMUL(x, y)   each rounded once
 *
 * and includes this file. Vectors run over units; nothing is fused, so that a unit's chain has the same bits everywhere. */

#define VECTORS 4 /* units side by side: hide the latency of one picture's chain behind the others' */

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
    for (; from + VECTORS * DOUBLES <= end; from += VECTORS * DOUBLES) {
        DVEC a[VECTORS], b[VECTORS];
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            a[v] = DLOAD(mean + from + v * DOUBLES);
            b[v] = DLOAD(m2 + from + v * DOUBLES);
        }
        for (int r = 0; r < n_rows; r++)
            welford(a, b, x[r] + from, w[r]);
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            DSTORE(mean + from + v * DOUBLES, a[v]);
            DSTORE(m2 + from + v * DOUBLES, b[v]);
        }
    }
    for (; from < end; from++)
        for (int r = 0; r < n_rows; r++) {
            double value = x[r][from], d = value - mean[from], moved = mean[from] + d * w[r];
            m2[from] += d * (value - moved);
            mean[from] = moved;
        }
}

TARGET static void moments_merge(double *mean, double *m2, const double *mean_b, const double *m2_b, double share, double weight, size_t n)
{
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC a = DLOAD(mean + u), d = DSUB(DLOAD(mean_b + u), a);
        DSTORE(mean + u, DADD(a, DMUL(d, DSPREAD(share))));
        DSTORE(m2 + u, DADD(DADD(DLOAD(m2 + u), DLOAD(m2_b + u)), DMUL(DMUL(d, d), DSPREAD(weight))));
    }
    for (; u < n; u++) {
        double d = mean_b[u] - mean[u];
        mean[u] = mean[u] + d * share;
        m2[u] = m2[u] + m2_b[u] + d * d * weight;
    }
}
