/* The one table of instruction sets, for nn/ and the loops of analysis/ over units. A row holds the micro-kernel and the tile it works on
 * together, so that they cannot disagree. All rows compute the same bits: each output is one chain of fused multiply-adds over
 * k, whatever the vector width. */
#ifndef FUS_KERNELS_H
#define FUS_KERNELS_H

#include "base.h"

#define FUS_FMA_CHAINS 12 /* enough to hide an FMA's latency twice over, few enough for 16 registers */
#define FUS_LANES 16 /* channels in a block, in every layout and on every machine */

/* One tile of a GEMM: rows are pixels, columns channels in blocks of 16.
 *
 *   c[j, i, :] = relu(sum_k a[k, i] b[j, k, :] + bias[j, :] + addend[j, i, :])
 *
 * a  slices of k: [k/slice] at a_step floats, in each [rows, slice]; how far rows lie apart is the tile's kind
 * b  [blocks] at b_step floats, in each [k, 16]
 * c  [blocks] at c_step floats, in each [rows, 16]; addend likewise, NULL: nothing
 * ahead: weights wanted next, brought nearer meanwhile: ahead_lines * 16 floats of each block for every 4 k
 * first: the sums start at 0, else at c; last: bias, addend and ReLU follow. */
struct fus_tile {
    const float *a, *b, *bias, *addend, *ahead;
    float *c;
    size_t a_step, b_step, c_step;
    int k, slice;           /* k a multiple of slice: of 16, or for pictures, where alone slice is read, of a multiple of 3 */
    int ahead_lines;
    int rows, blocks;       /* at most the kernel's */
    bool first, last, relu;
};

enum fus_tile_kind {
    FUS_TILE_BLOCKED,        /* rows of a lie 16 floats apart */
    FUS_TILE_BLOCKED_SECOND, /* 32: every second pixel */
    FUS_TILE_PICTURE,        /* 3: pixels of a picture of 3 channels; a slice is a run of them */
    FUS_TILE_PICTURE_SECOND, /* 6: every second pixel */
    FUS_TILE_KINDS
};

struct fus_kernel {
    const char *name;
    int rows, blocks;                         /* largest tile */
    void (*tile[FUS_TILE_KINDS])(const struct fus_tile *t);
    /* winograd_tile.h: of tiles of 2x2 and of 4x4 */
    void (*winograd_in[2])(float *v, size_t step, const float *plane, int side, int y0, int x0);
    void (*winograd_out[2])(float *plane, const float *m, size_t step, const float *bias, const float *addend, bool relu, int side,
                            int y0, int x0);
    /* pool_tile.h */
    void (*pool_max)(float *out, const float *plane, int width, int in_height, int in_width, int kernel, int stride, int padding,
                     int y0);
    void (*activate[3])(float *out, const float *in, size_t n); /* act_tile.h: GELU, QuickGELU, SiLU; n a multiple of 16 */
    /* The loops of analysis/ over units (moments_tile.h). add: units from .. end-1 of n_rows pictures x[r], of weights w[r], into mean and m2, which
     * are not read where w[0] is 1. merge: another group's mean_b and m2_b into them. roots: of the absolute values, in place, with their sign.
     * lane_sums: x into 16 sums, number i into sum i mod 16. lane_products: likewise (x - mean_x) (y - mean_y).
     *
     * least_t: the signed squares t |t| = d |d| / (m2_a weight_ab + m2_b weight_ba), d = mean_a - mean_b, 0 where the divisor is, of n units.
     * mean, m2 [n_groups, n_units], weight [n_groups, n_groups]; squares [n_groups + 2, step]: the least of each group against every other (NaN
     * changes nothing), the largest of these or 0, and the sum of m2 over the groups, NaN where one of mean and m2 is not finite. */
    void (*moments_add)(double *mean, double *m2, const float *const *x, const double *w, int n_rows, size_t from, size_t end);
    void (*moments_merge)(double *mean, double *m2, const double *mean_b, const double *m2_b, double share, double weight, size_t n);
    void (*least_t)(double *squares, size_t step, const double *mean, const double *m2, size_t n_units, const double *weight, int n_groups,
                    size_t n);
    void (*roots)(double *x, size_t n);
    void (*lane_sums)(double *lanes, const double *x, size_t n);
    void (*lane_products)(double *lanes, const double *x, double mean_x, const double *y, double mean_y, size_t n);
    float (*fma_chains)(long n);              /* n steps of FUS_FMA_CHAINS independent vectors: the machine's limit */
    int width;                                /* floats in a vector */
    bool (*available)(void);                  /* on the CPU this runs on */
};

/* The row called `name`; NULL: the one $FUS_ISA names, else the best available. An unavailable one is an error. */
const struct fus_kernel *fus_kernels_pick(const char *name, struct fus_error *err);

/* The row that $FUS_ISA names or the best one, for loops that cannot fail; the plain one where $FUS_ISA names none: whatever they
 * work on was created after fus_kernels_pick had refused it. */
const struct fus_kernel *fus_kernels_here(void);

extern const struct fus_kernel fus_kernel_scalar;
extern const struct fus_kernel fus_kernel_fma; /* also called scalar: plain C whose fmaf is an instruction */
extern const struct fus_kernel fus_kernel_avx2;
extern const struct fus_kernel fus_kernel_avx512;
extern const struct fus_kernel fus_kernel_neon;

#endif
