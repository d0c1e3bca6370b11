/* SPDX-License-Identifier: MIT */
/* Loops of analysis/stats/moments.c and of analysis/units/{select,halves,dimensions}.c over units,
 * in double. Each kernel_*.c defines
 *
 *   DVEC, DOUBLES                 a vector of DOUBLES doubles
 *   DLOAD(p) DSTORE(p, v)         unaligned
 *   DSPREAD(x)                    x in every lane
 *   WIDEN(p)                      DOUBLES floats from p on, as doubles
 *   DADD(x, y) DSUB(x, y) DMUL(x, y) DDIV(x, y) DROOT(x)   each rounded once
 *   DLESS(x, y)                   a mask; false if one is NaN
 *   DPICK(m, x, y)                x where the mask is set, else y
 *
 * and includes this file. Vectors run over units; nothing is fused, so that a unit's chain has the
 * same bits everywhere. The scalar row computes the remainder. */

#include <math.h>

#define VECTORS (DOUBLES > 1 ? 4 : 1) /* independent chains, to hide the latency of each */
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

TARGET static void moments_add(double *mean, double *m2, const float *const *x, const double *w, int n_rows,
                               size_t from, size_t end)
{
    const bool first = w[0] == 1; /* picture of a group: both start at 0 */
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

TARGET static void moments_merge(double *mean, double *m2, const double *mean_b, const double *m2_b, double share,
                                 double weight, size_t n)
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

INLINE void welford_third(DVEC mean[VECTORS], DVEC m2[VECTORS], DVEC m3[VECTORS], const float *x, double w, double c)
{
    DVEC share = DSPREAD(w), weight = DSPREAD(c), three = DSPREAD(3.0);
    UNROLL
    for (int v = 0; v < VECTORS; v++) {
        DVEC value = WIDEN(x + v * DOUBLES), d = DSUB(value, mean[v]), step = DMUL(d, share);
        DVEC moved = DADD(mean[v], step), cube = DMUL(DMUL(d, d), DMUL(d, weight));
        m3[v] = DSUB(DADD(m3[v], cube), DMUL(DMUL(step, three), m2[v]));
        m2[v] = DADD(m2[v], DMUL(d, DSUB(value, moved)));
        mean[v] = moved;
    }
}

TARGET static void moments_add_third(double *mean, double *m2, double *m3, const float *const *x, const double *w,
                                     const double *c, int n_rows, size_t from, size_t end)
{
    const bool first = w[0] == 1; /* picture of a group: all start at 0 */
    for (; from + VECTORS * DOUBLES <= end; from += VECTORS * DOUBLES) {
        DVEC a[VECTORS], b[VECTORS], e[VECTORS];
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            a[v] = first ? DSPREAD(0.0) : DLOAD(mean + from + v * DOUBLES);
            b[v] = first ? DSPREAD(0.0) : DLOAD(m2 + from + v * DOUBLES);
            e[v] = first ? DSPREAD(0.0) : DLOAD(m3 + from + v * DOUBLES);
        }
        for (int r = 0; r < n_rows; r++)
            welford_third(a, b, e, x[r] + from, w[r], c[r]);
        UNROLL
        for (int v = 0; v < VECTORS; v++) {
            DSTORE(mean + from + v * DOUBLES, a[v]);
            DSTORE(m2 + from + v * DOUBLES, b[v]);
            DSTORE(m3 + from + v * DOUBLES, e[v]);
        }
    }
    if (REST(from, end))
        fus_kernel_scalar.moments_add_third(mean, m2, m3, x, w, c, n_rows, from, end);
}

/* share = n_b / n, weight = n_a share: d^3 n_a n_b (n_a - n_b) / n^2 = d^3 weight (1 - 2 share). */
TARGET static void moments_merge_third(double *m3, const double *mean, const double *m2, const double *m3_b,
                                       const double *mean_b, const double *m2_b, double share, double weight, size_t n)
{
    DVEC of_cube = DSPREAD(weight * (1 - 2 * share)), share_a = DSPREAD(1 - share), share_b = DSPREAD(share);
    size_t u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC d = DSUB(DLOAD(mean_b + u), DLOAD(mean + u)), cube = DMUL(DMUL(DMUL(d, d), d), of_cube);
        DVEC mixed = DSUB(DMUL(share_a, DLOAD(m2_b + u)), DMUL(share_b, DLOAD(m2 + u)));
        DVEC sum = DADD(DADD(DLOAD(m3 + u), DLOAD(m3_b + u)), cube);
        DSTORE(m3 + u, DADD(sum, DMUL(DMUL(DSPREAD(3.0), d), mixed)));
    }
    if (REST(u, n))
        fus_kernel_scalar.moments_merge_third(m3 + u, mean + u, m2 + u, m3_b + u, mean_b + u, m2_b + u, share, weight,
                                              n - u);
}

/* Each pair of groups once, for both of them, so that the rows of `squares` are still in cache. */
TARGET static void least_t(double *squares, size_t step, const double *mean, const double *m2, size_t n_units,
                           const double *weight, int n_groups, size_t n)
{
    DVEC zero = DSPREAD(0.0), endless = DSPREAD((double)INFINITY);
    size_t groups = (size_t)n_groups, u = 0;
    for (; u + DOUBLES <= n; u += DOUBLES) {
        DVEC most = zero, spread = zero;
        for (size_t a = 0; a < groups; a++) {
            DVEC mean_a = DLOAD(mean + a * n_units + u), m2_a = DLOAD(m2 + a * n_units + u);
            DVEC least = a ? DLOAD(squares + a * step + u) : endless;
            spread = DADD(spread, DADD(m2_a, DADD(DSUB(mean_a, mean_a), DSUB(m2_a, m2_a))));
            for (size_t b = a + 1; b < groups; b++) {
                DVEC d = DSUB(mean_a, DLOAD(mean + b * n_units + u)), size = DPICK(DLESS(d, zero), DSUB(zero, d), d);
                DVEC e = DADD(DMUL(m2_a, DSPREAD(weight[a * groups + b])),
                              DMUL(DLOAD(m2 + b * n_units + u), DSPREAD(weight[b * groups + a])));
                DVEC t = DDIV(DMUL(d, size), DPICK(DLESS(zero, e), e, endless)), back = DSUB(zero, t);
                DVEC least_b = a ? DLOAD(squares + b * step + u) : endless;
                least = DPICK(DLESS(t, least), t, least);
                DSTORE(squares + b * step + u, DPICK(DLESS(back, least_b), back, least_b));
            }
            DSTORE(squares + a * step + u, least);
            most = DPICK(DLESS(most, least), least, most);
        }
        DSTORE(squares + groups * step + u, most);
        DSTORE(squares + (groups + 1) * step + u, spread);
    }
    if (REST(u, n))
        fus_kernel_scalar.least_t(squares + u, step, mean + u, m2 + u, n_units, weight, n_groups, n - u);
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

INLINE void load_lanes(DVEC sum[FUS_LANES / DOUBLES], const double *lanes)
{
    UNROLL
    for (int v = 0; v < FUS_LANES / DOUBLES; v++)
        sum[v] = DLOAD(lanes + v * DOUBLES);
}

INLINE void store_lanes(double *lanes, const DVEC sum[FUS_LANES / DOUBLES])
{
    UNROLL
    for (int v = 0; v < FUS_LANES / DOUBLES; v++)
        DSTORE(lanes + v * DOUBLES, sum[v]);
}

/* Element i is added to lane i mod 16, for any vector width. */
TARGET static void lane_sums(double *lanes, const double *x, size_t n)
{
    DVEC sum[FUS_LANES / DOUBLES];
    size_t i = 0;
    load_lanes(sum, lanes);
    for (; i + FUS_LANES <= n; i += FUS_LANES) {
        UNROLL
        for (int v = 0; v < FUS_LANES / DOUBLES; v++)
            sum[v] = DADD(sum[v], DLOAD(x + i + (size_t)v * DOUBLES));
    }
    store_lanes(lanes, sum);
    for (size_t lane = 0; i < n; i++, lane++)
        lanes[lane] += x[i];
}

TARGET static void lane_products(double *lanes, const double *x, double mean_x, const double *y, double mean_y,
                                 size_t n)
{
    DVEC sum[FUS_LANES / DOUBLES];
    size_t i = 0;
    load_lanes(sum, lanes);
    for (; i + FUS_LANES <= n; i += FUS_LANES) {
        UNROLL
        for (int v = 0; v < FUS_LANES / DOUBLES; v++) {
            DVEC a = DSUB(DLOAD(x + i + (size_t)v * DOUBLES), DSPREAD(mean_x)),
                 b = DSUB(DLOAD(y + i + (size_t)v * DOUBLES), DSPREAD(mean_y));
            sum[v] = DADD(sum[v], DMUL(a, b));
        }
    }
    store_lanes(lanes, sum);
    for (size_t lane = 0; i < n; i++, lane++)
        lanes[lane] += (x[i] - mean_x) * (y[i] - mean_y);
}

/* FUS_GRAM_ROWS rows together, so that each vector of x that is read is used for all of them. */
TARGET static void gram(double *k, const double *x, size_t n, size_t row, size_t n_units)
{
    enum { WIDE = 2 }; /* vectors of a row */
    for (size_t j = 0; j < row + FUS_GRAM_ROWS; j += WIDE * DOUBLES) {
        DVEC sum[FUS_GRAM_ROWS][WIDE];
        UNROLL
        for (int i = 0; i < FUS_GRAM_ROWS; i++) {
            UNROLL
            for (int v = 0; v < WIDE; v++)
                sum[i][v] = DLOAD(k + (row + (size_t)i) * n + j + (size_t)v * DOUBLES);
        }
        const double *of_unit = x;
        for (size_t u = 0; u < n_units; u++, of_unit += n) {
            DVEC value[WIDE];
            UNROLL
            for (int v = 0; v < WIDE; v++)
                value[v] = DLOAD(of_unit + j + (size_t)v * DOUBLES);
            UNROLL
            for (int i = 0; i < FUS_GRAM_ROWS; i++) {
                DVEC scale = DSPREAD(of_unit[row + (size_t)i]);
                UNROLL
                for (int v = 0; v < WIDE; v++)
                    sum[i][v] = DADD(sum[i][v], DMUL(scale, value[v]));
            }
        }
        UNROLL
        for (int i = 0; i < FUS_GRAM_ROWS; i++) {
            UNROLL
            for (int v = 0; v < WIDE; v++)
                DSTORE(k + (row + (size_t)i) * n + j + (size_t)v * DOUBLES, sum[i][v]);
        }
    }
}

/* Plain products and sums: an FMA is slow where there is no instruction for it. */
TARGET static void draw_sums(float *mean, float *low, const float *x, size_t step, const size_t *rows, int n_rows,
                             const struct fus_draw_bounds *b, size_t n)
{
    enum { WIDE = 4 }; /* independent chains */
    for (size_t u = 0; u < n; u += WIDE * WIDTH) {
        VEC sum[WIDE], square[WIDE];
        UNROLL
        for (int v = 0; v < WIDE; v++)
            sum[v] = square[v] = ZERO();
        for (int r = 0; r < n_rows; r++) {
            const float *row = x + rows[r] * step + u;
            UNROLL
            for (int v = 0; v < WIDE; v++) {
                VEC value = LOAD(row + v * WIDTH);
                sum[v] = ADD(sum[v], value);
                square[v] = ADD(square[v], MUL(value, value));
            }
        }
        UNROLL
        for (int v = 0; v < WIDE; v++) {
            VEC of_mean = MUL(sum[v], CONSTANT(b->share)), m2 = SUB(square[v], MUL(sum[v], of_mean));
            VEC slack = ADD(MUL(square[v], CONSTANT(b->slack)), CONSTANT(b->tiny));
            STORE(mean + u + v * WIDTH, of_mean);
            STORE(low + u + v * WIDTH, SUB(MUL(m2, CONSTANT(b->least)), slack));
        }
    }
}

/* A difference below 0 or a square below the bound rules a unit out; NaN rules out nothing. */
TARGET static void draw_counts(float *above, float *below, const float *mean_a, const float *low_a, const float *mean_b,
                               const float *low_b, const float *error, size_t n)
{
    VEC zero = ZERO(), one = CONSTANT(1.0f);
    for (size_t u = 0; u < n; u += WIDTH) {
        VEC d = SUB(LOAD(mean_a + u), LOAD(mean_b + u)), e = LOAD(error + u),
            bound = ADD(LOAD(low_a + u), LOAD(low_b + u));
        VEC up = ADD(d, e), down = SUB(e, d);
        VEC more = FPICK(FLESS(MUL(up, up), bound), zero, FPICK(FLESS(up, zero), zero, one));
        VEC less = FPICK(FLESS(MUL(down, down), bound), zero, FPICK(FLESS(down, zero), zero, one));
        STORE(above + u, ADD(LOAD(above + u), more));
        STORE(below + u, ADD(LOAD(below + u), less));
    }
}

TARGET static void standardise(float *out, const float *x, const double *centre, const double *factor, size_t n)
{
    size_t i = 0;
    for (; i + DOUBLES <= n; i += DOUBLES)
        NARROW(out + i, DMUL(DSUB(WIDEN(x + i), DLOAD(centre + i)), DLOAD(factor + i)));
    for (; i < n; i++)
        out[i] = (float)((x[i] - centre[i]) * factor[i]);
}

#define MOMENTS                                                                                                   \
    moments_add, moments_merge, moments_add_third, moments_merge_third, least_t, roots, lane_sums, lane_products, \
        gram, draw_sums, draw_counts, standardise
