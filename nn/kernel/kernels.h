/* SPDX-License-Identifier: MIT */
/* The table of instruction sets, for nn/ and for the loops of analysis/ over units. A row holds the
 * micro-kernel together with its tile size. All rows compute the same bits: each output is one
 * chain of fused multiply-adds over k, for any vector width. */
#ifndef FUS_KERNELS_H
#define FUS_KERNELS_H

#include <string.h>

#include "nn/base/base.h"
#include "nn/kernel/bf16.h"

#define FUS_FMA_CHAINS 12 /* twice what hides an FMA's latency, few enough for 16 registers */
#define FUS_NORM_ROWS 16  /* most rows of a layer norm's call */
#define FUS_GRAM_ROWS 4   /* rows of a Gram matrix that are summed together */
#define FUS_LANES 16      /* channels in a block, in every layout and on every machine */

/* One tile of a GEMM: rows are pixels, columns channels in blocks of 16.
 *
 *   c[j, i, :] = relu(sum_k a[k, i] b[j, k, :] + bias[j, :] + addend[j, i, :])
 *
 * a      [k/slice] slices a_step floats apart, each [rows, slice]; the tile's kind gives
 *        the distance between rows
 * b      [blocks] b_step floats apart, each [k, 16]
 * c      [blocks] c_step floats apart, each [rows, 16]; addend likewise, NULL: none
 * ahead  weights to prefetch: ahead_lines * 16 floats of each block for every 4 k
 * first  the sums start at 0, else at the values in c
 * last   bias, addend and ReLU follow */
struct fus_tile {
    const float *a, *b, *bias, *addend, *ahead;
    float *c;
    size_t a_step, b_step, c_step;
    int k, slice; /* k a multiple of slice; slice is read for images only, 16 otherwise */
    int ahead_lines;
    int rows, blocks; /* at most the kernel's */
    bool first, last, relu;
};

enum fus_tile_kind {
    FUS_TILE_BLOCKED,        /* rows of a are 16 floats apart */
    FUS_TILE_BLOCKED_SECOND, /* 32: stride 2 */
    FUS_TILE_PICTURE,        /* 3: an image of 3 channels; a slice is a kernel row */
    FUS_TILE_PICTURE_SECOND, /* 6: stride 2 */
    FUS_TILE_KINDS
};

/* One tile of a weight gradient: rows are input channels of one tap, columns output channels in
 * blocks of 16, and the product sums over places.
 *
 *   c[j, i, :] += sum over pictures, rows, places of  a[place, i] b[j, place, :]
 *
 * a  the inputs: channels are adjacent; places are a_place floats apart, rows of places a_row,
 *    pictures a_picture
 * b  [blocks] b_step floats apart; places follow each other, rows b_row and
 *    pictures b_picture apart
 * c  [blocks] c_step floats apart, each [rows, 16]; one chain for each element,
 *    starting at its present value */
struct fus_grad_tile {
    const float *a, *b;
    float *c;
    size_t a_place, a_row, a_picture, b_row, b_picture, b_step, c_step;
    int n_places, n_rows, n_pictures;
    int rows, blocks; /* at most the kernel's */
};

/* A batch norm's numbers for 16 channels (train/norm.c): zhat = (z - mean) rstd, y = gain (z -
 * mean) + shift, dz = gain (dy - level - zhat slope). */
struct fus_norm_lanes {
    const float *mean, *rstd, *gain, *shift, *level, *slope;
    bool relu; /* after the norm */
};

struct fus_pool_shape {
    int height, width, in_height, in_width, kernel, stride, padding;
};

/* The rate of an update, and the numbers of its rule (train/optimise.c). */
struct fus_update {
    float rate, decay, momentum; /* SGD; AdamW's decay is 1 - rate * decay */
    float keep1, keep2;          /* AdamW: 1 - beta1, 1 - beta2 */
    float step, root, epsilon;   /* rate / (1 - beta1^t), 1 - beta2^t */
    bool nesterov;
};

/* The loops of training. Planes are [n, 16]. a: the row's output, whose sign gives the mask of its
 * ReLU; NULL: the mask comes from z. side: the addend's gradient, NULL: not wanted; onto: it is
 * added to side instead of overwriting it. */
struct fus_kernel_grad {
    int rows, blocks; /* largest tile of a weight gradient */
    void (*tile)(const struct fus_grad_tile *t);
    void (*norm_sums)(double *sums, const float *z, size_t n); /* [2, 16]: of z, of z^2; they start at 0 */
    void (*norm_apply)(float *out, const float *z, const float *addend, const struct fus_norm_lanes *v, size_t n);
    void (*norm_back_sums)(double *sums, const float *g, const float *z, const float *a, const struct fus_norm_lanes *v,
                           size_t n);
    void (*norm_back)(float *dz, float *side, bool onto, const float *g, const float *z, const float *a,
                      const struct fus_norm_lanes *v, size_t n); /* dz may be g */
    void (*pool_max_back)(float *dx, const float *dout, const float *in, const struct fus_pool_shape *s);
    /* n: multiples of 16 */
    void (*sgd)(float *w, float *momentum, const float *g, const struct fus_update *u, size_t n);
    void (*adamw)(float *w, float *m, float *v, const float *g, const struct fus_update *u, size_t n);
    void (*follow)(float *average, const float *w, float share, size_t n); /* average += share (w - average) */
};

/* Of draw_sums below. */
struct fus_draw_bounds {
    float share, least, slack, tiny;
};

struct fus_kernel {
    const char *name;
    int rows, blocks; /* largest tile */
    int widest;       /* rows of a tile that is a whole row of pixels; not less */
    void (*tile[FUS_TILE_KINDS])(const struct fus_tile *t);
    /* winograd_tile.h: of tiles of 2x2 and of 4x4 */
    void (*winograd_in[2])(float *v, size_t step, const float *plane, int side, int y0, int x0);
    void (*winograd_out[2])(float *plane, const float *m, size_t step, const float *bias, const float *addend,
                            bool relu, int side, int y0, int x0);
    /* pool_tile.h */
    void (*pool_max)(float *out, const float *plane, int width, int in_height, int in_width, int kernel, int stride,
                     int padding, int y0);
    /* act_tile.h: GELU, QuickGELU, SiLU; n a multiple of 16 */
    void (*activate[3])(float *out, const float *in, size_t n);
    /* token_tile.h. Rows are 16 floats apart, blocks of channels or keys step floats.
     *
     * layer_norm: of up to FUS_NORM_ROWS rows; each lane sums its channels in double, the lanes are
     * added in order:
     *   mean = sum x / C, v = sum (x - mean)^2 / C, y = (x - mean) / sqrt(v + epsilon) gamma + beta
     * softmax: of one row, in place: e = expf(x - most), each lane sums its keys, the lanes are
     * added in order in double, y = e * (float)(1 / total); 0 from n_keys on. */
    void (*layer_norm)(float *out, const float *in, size_t step, int n_blocks, int n_rows, const float *gamma,
                       const float *beta, double epsilon);
    void (*softmax)(float *scores, size_t step, int n_blocks, int n_keys);
    /* Loops of analysis/ over units (moments_tile.h).
     *
     * moments_add: adds n_rows images x[r] with weights w[r] to mean and m2 of units from ..
     * end-1; if w[0] is 1, mean and m2 start at 0. moments_merge: adds another group's mean_b
     * and m2_b. moments_add_third: the same with m3, c its weights. moments_merge_third: m3
     * alone. roots: square roots of the absolute values, in place, keeping the sign. lane_sums:
     * adds x[i] to sum i mod 16. lane_products: likewise (x - mean_x) (y - mean_y). gram: k[i,
     * j] += sum over u of x[u, i] x[u, j], unit after unit, for FUS_GRAM_ROWS rows from `row` on
     * and at least j <= i. k [n, n], x [n_units, n]; n a multiple of 16.
     * standardise: out = (x - centre) factor, in double, rounded.
     *
     * least_t: signed squares t |t| = d |d| / (m2_a weight_ab + m2_b weight_ba), d = mean_a -
     * mean_b, 0 if the divisor is 0, for n units. mean, m2 [n_groups, n_units]; weight
     * [n_groups, n_groups]; squares [n_groups + 2, step]: the least of each group against every
     * other (NaN is skipped), the largest of these or 0, and the sum of m2 over the groups, NaN
     * if a mean or m2 is not finite. */
    void (*moments_add)(double *mean, double *m2, const float *const *x, const double *w, int n_rows, size_t from,
                        size_t end);
    void (*moments_merge)(double *mean, double *m2, const double *mean_b, const double *m2_b, double share,
                          double weight, size_t n);
    void (*moments_add_third)(double *mean, double *m2, double *m3, const float *const *x, const double *w,
                              const double *c, int n_rows, size_t from, size_t end);
    void (*moments_merge_third)(double *m3, const double *mean, const double *m2, const double *m3_b,
                                const double *mean_b, const double *m2_b, double share, double weight, size_t n);
    void (*least_t)(double *squares, size_t step, const double *mean, const double *m2, size_t n_units,
                    const double *weight, int n_groups, size_t n);
    void (*roots)(double *x, size_t n);
    void (*lane_sums)(double *lanes, const double *x, size_t n);
    void (*lane_products)(double *lanes, const double *x, double mean_x, const double *y, double mean_y, size_t n);
    void (*gram)(double *k, const double *x, size_t n, size_t row, size_t n_units);
    /* Draws of pictures, roughly (analysis/units/equaln.c); n a multiple of 64.
     *
     * draw_sums: of n_rows rows of x, step floats apart: mean = sum share, low = (sum of squares
     * - sum mean) least - (sum of squares slack + tiny). draw_counts: adds 1 to `above` unless a
     * - b + error < 0 or its square < low_a + low_b, to `below` likewise for b - a. */
    void (*draw_sums)(float *mean, float *low, const float *x, size_t step, const size_t *rows, int n_rows,
                      const struct fus_draw_bounds *b, size_t n);
    void (*draw_counts)(float *above, float *below, const float *mean_a, const float *low_a, const float *mean_b,
                        const float *low_b, const float *error, size_t n);
    void (*standardise)(float *out, const float *x, const double *centre, const double *factor, size_t n);
    float (*fma_chains)(long n); /* n steps of FUS_FMA_CHAINS vectors: the CPU's limit */
    int width;                   /* floats in a vector */
    bool (*available)(void);     /* on the CPU this runs on */
    struct fus_kernel_grad grad;
    struct fus_kernel_bf16 bf16; /* bf16.h: products of bf16 numbers */
};

/* The row called `name`; NULL: the one that fus_cpu_isa names, else the best available. A row that
 * this CPU cannot run is an error. */
const struct fus_kernel *fus_kernels_pick(const char *name, struct fus_error *err);

/* Likewise for products of bf16 numbers: the same rows, and "amx", the best where it is
 * available and its self-test passes (kernel_amx.h). For all else "amx" is avx512. */
const struct fus_kernel_bf16 *fus_kernels_pick_bf16(const char *name, struct fus_error *err);

/* Whether amx was not picked because its self-test fails; text: a line about it. */
bool fus_kernels_refused(char *text, size_t text_bytes);

/* The same for loops that cannot fail: the scalar row if fus_cpu_isa names one that is not
 * available (fus_kernels_pick has already reported that). */
const struct fus_kernel *fus_kernels_here(void);

extern const struct fus_kernel fus_kernel_scalar;
extern const struct fus_kernel fus_kernel_fma; /* also called scalar: plain C compiled with an fmaf instruction */
extern const struct fus_kernel fus_kernel_avx2;
extern const struct fus_kernel fus_kernel_avx512;
extern const struct fus_kernel fus_kernel_neon;

#endif
