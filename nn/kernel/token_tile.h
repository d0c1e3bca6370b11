/* SPDX-License-Identifier: MIT */
/* The loops of transformers over the channels or the keys of a row (struct fus_kernel in
 * kernels.h), one source for all instruction sets with the macros of gemm_tile.h, act_tile.h,
 * moments_tile.h and
 *
 *   NARROW(p, v)            stores DOUBLES doubles as floats
 *
 * Vectors run over the 16 lanes of a block; the lanes are added in order. */
#include <math.h>

#define ROW_VECTORS (FUS_LANES / DOUBLES)

INLINE double lanes_in_order(const double *lanes)
{
    double sum = 0;
    for (int i = 0; i < FUS_LANES; i++)
        sum += lanes[i];
    return sum;
}

/* means[i]: of all channels of row i, or of their squared distances from centre[i]. */
INLINE void row_means(double *means, const float *in, size_t step, int n_blocks, int n_rows, const double *centre)
{
    double sums[FUS_NORM_ROWS][FUS_LANES];
    for (int i = 0; i < n_rows; i++)
        for (int v = 0; v < ROW_VECTORS; v++)
            DSTORE(sums[i] + v * DOUBLES, DSPREAD(0.0));
    for (int b = 0; b < n_blocks; b++, in += step)
        for (int i = 0; i < n_rows; i++) {
            const DVEC middle = DSPREAD(centre ? centre[i] : 0.0);
            UNROLL
            for (int v = 0; v < ROW_VECTORS; v++) {
                DVEC x = WIDEN(in + i * FUS_LANES + v * DOUBLES), d = DSUB(x, middle);
                DSTORE(sums[i] + v * DOUBLES, DADD(DLOAD(sums[i] + v * DOUBLES), centre ? DMUL(d, d) : x));
            }
        }
    for (int i = 0; i < n_rows; i++)
        means[i] = lanes_in_order(sums[i]) / (n_blocks * FUS_LANES);
}

TARGET static void layer_norm(float *out, const float *in, size_t step, int n_blocks, int n_rows, const float *gamma,
                              const float *beta, double epsilon)
{
    double mean[FUS_NORM_ROWS], rate[FUS_NORM_ROWS];
    row_means(mean, in, step, n_blocks, n_rows, NULL);
    row_means(rate, in, step, n_blocks, n_rows, mean);
    for (int i = 0; i < n_rows; i++)
        rate[i] = 1 / sqrt(rate[i] + epsilon);
    for (int b = 0; b < n_blocks; b++, in += step, out += step, gamma += FUS_LANES, beta += FUS_LANES)
        for (int i = 0; i < n_rows; i++) {
            const DVEC middle = DSPREAD(mean[i]), r = DSPREAD(rate[i]);
            UNROLL
            for (int v = 0; v < ROW_VECTORS; v++) {
                const int at = v * DOUBLES;
                DVEC y = DMUL(DSUB(WIDEN(in + i * FUS_LANES + at), middle), r);
                NARROW(out + i * FUS_LANES + at, DADD(DMUL(y, WIDEN(gamma + at)), WIDEN(beta + at)));
            }
        }
}

/* The largest of the row's first n_keys scores. */
INLINE float most_of(const float *scores, size_t step, int n_blocks, int n_keys, const float *lane)
{
    VEC most[PER_BLOCK];
    float out[FUS_LANES];
    UNROLL
    for (int v = 0; v < PER_BLOCK; v++)
        most[v] = CONSTANT(-INFINITY);
    for (int b = 0; b < n_blocks; b++, scores += step) {
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            VEC x = LOAD(scores + v * WIDTH);
            x = FPICK(FLESS(LOAD(lane + v * WIDTH), CONSTANT((float)(n_keys - b * FUS_LANES))), x, most[v]);
            most[v] = LARGER(x, most[v]);
        }
    }
    UNROLL
    for (int v = 0; v < PER_BLOCK; v++)
        STORE(out + v * WIDTH, most[v]);
    for (int i = 1; i < FUS_LANES; i++)
        out[0] = out[0] < out[i] ? out[i] : out[0];
    return out[0];
}

TARGET static void softmax_row(float *scores, size_t step, int n_blocks, int n_keys)
{
    static const float lane[FUS_LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const VEC most = CONSTANT(most_of(scores, step, n_blocks, n_keys, lane));
    VEC sums[PER_BLOCK];
    float lanes[FUS_LANES];
    double total = 0;
    UNROLL
    for (int v = 0; v < PER_BLOCK; v++)
        sums[v] = ZERO();
    for (int b = 0; b < n_blocks; b++) {
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            float *s = scores + (size_t)b * step + v * WIDTH;
            VEC e = act_exp(SUB(LOAD(s), most));
            e = FPICK(FLESS(LOAD(lane + v * WIDTH), CONSTANT((float)(n_keys - b * FUS_LANES))), e, ZERO());
            sums[v] = ADD(sums[v], e);
            STORE(s, e);
        }
    }
    UNROLL
    for (int v = 0; v < PER_BLOCK; v++)
        STORE(lanes + v * WIDTH, sums[v]);
    for (int i = 0; i < FUS_LANES; i++)
        total += (double)lanes[i];
    const VEC share = CONSTANT((float)(1 / total));
    for (int b = 0; b < n_blocks; b++) {
        UNROLL
        for (int v = 0; v < PER_BLOCK; v++) {
            float *s = scores + (size_t)b * step + v * WIDTH;
            STORE(s, MUL(LOAD(s), share));
        }
    }
}

#define TOKENS layer_norm, softmax_row
