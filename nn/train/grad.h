/* SPDX-License-Identifier: MIT */
/* Private to nn/: forward in training and backward, operator by operator, on the blocked layout
 * of layers.h. Weights and their gradients are panels (gemm.c). train.c calls these in the
 * order of the table. */
#ifndef FUS_GRAD_H
#define FUS_GRAD_H

#include "nn/kernel/kernels.h"
#include "nn/layer/layers.h"

/* The arguments common to all calls. */
struct fus_grad {
    const struct fus_layer *layer; /* its shape; a linear layer is a 1x1 on one place */
    int n;                         /* pictures */
    float *scratch;                /* of the size given by the file's _scratch function, aligned to 64 bytes */
    const struct fus_kernel *kernel;
};

/* ---- grad_conv.c ---- */

size_t fus_grad_conv_scratch(const struct fus_layer *l, int n);

/* out = relu?(in * weights + bias), without Winograd; ReLU if layer->act is ReLU. bias [blocks *
 * 16]. */
void fus_grad_conv_forward(const struct fus_grad *g, float *out, const float *in, const float *panels,
                           const float *bias);

/* dx: the input's gradient from dz; onto: accumulates onto dx. */
void fus_grad_conv_input(const struct fus_grad *g, float *dx, bool onto, const float *dz, const float *panels);

/* grad_weights.c. The number of chains of a weight's sum: 1, or 8 if there are few weights. Picture
 * i of the batch is in chain i mod n; chains [n, panel floats] continue from call to call. */
int fus_grad_conv_chains(const struct fus_layer *l);
void fus_grad_conv_weights(const struct fus_grad *g, float *chains, int first_picture, const float *x, const float *dz);
/* dw = ((0+1)+(2+3))+((4+5)+(6+7)). */
void fus_grad_conv_join(float *dw, const float *chains, size_t n_floats);

/* ---- norm.c ---- */

enum { FUS_NORM_MEAN, FUS_NORM_RSTD, FUS_NORM_GAIN, FUS_NORM_SHIFT, FUS_NORM_LEVEL, FUS_NORM_SLOPE, FUS_NORM_VECTORS };

size_t fus_norm_scratch(const struct fus_layer *l, int n);
size_t fus_norm_width(const struct fus_layer *l); /* floats of each vector: channels, rounded up to 16 */

/* vectors [FUS_NORM_VECTORS, width]: from sums [2, width] of z and z^2, or from running statistics.
 * m: places of all pictures. */
void fus_norm_set(float *vectors, const double *sums, size_t m, const float *gamma, const float *beta, size_t width);
void fus_norm_set_running(float *vectors, const float *mean, const float *variance, const float *gamma,
                          const float *beta, size_t width);
/* running = 0.9 running + 0.1 new, the variance by n - 1. */
void fus_norm_update_running(float *mean, float *variance, const double *sums, size_t m, size_t width);

/* sums [2, width] += of z and z^2. */
void fus_norm_sums(const struct fus_grad *g, double *sums, const float *z);
/* out = relu?(norm(z) + addend); addend NULL: none. */
void fus_norm_apply(const struct fus_grad *g, float *out, const float *z, const float *addend, const float *vectors);
/* sums [2, width] += of dy (beta's gradient) and dy zhat (gamma's). a: the row's output, if it has
 * an addend. */
void fus_norm_back_sums(const struct fus_grad *g, double *sums, const float *dout, const float *z, const float *a,
                        const float *vectors);
/* Sets the means that are subtracted from dy for batch statistics. Without this call they are 0, as
 * for running statistics. */
void fus_norm_set_back(float *vectors, const double *sums, size_t m, size_t width);
/* dz, may be dout; side: the addend's gradient, or NULL. */
void fus_norm_back(const struct fus_grad *g, float *dz, float *side, bool onto, const float *dout, const float *z,
                   const float *a, const float *vectors);

/* For a layer without norm: dz = dout masked by the ReLU (may be dout); bias sums [width] += dz. */
void fus_norm_bias_back(const struct fus_grad *g, double *sums, float *dz, const float *dout, const float *a);

/* ---- grad_pool.c ---- */

/* dx (+)= : max pool, average pool, mean, and the slice of a padded shortcut. */
void fus_grad_pool_max(const struct fus_grad *g, float *dx, bool onto, const float *dout, const float *in);
void fus_grad_pool_average(const struct fus_grad *g, float *dx, bool onto, const float *dout);
void fus_grad_pool_mean(const struct fus_grad *g, float *dx, bool onto, const float *dout);
void fus_grad_pool_pad(const struct fus_grad *g, float *dx, bool onto, const float *dout);

/* ---- grad_attnpool.c ---- */

enum { FUS_ATTENTION_QUERY, FUS_ATTENTION_KEY, FUS_ATTENTION_VALUE, FUS_ATTENTION_OUT, FUS_ATTENTION_PARTS };

/* The shape of one of the four products, as a 1x1. */
struct fus_layer fus_grad_attention_part(const struct fus_layer *l, int part);
size_t fus_grad_attention_scratch(const struct fus_layer *l, int n);

struct fus_grad_attention {
    const float *positions; /* [places + 1, C] */
    const float *panels[FUS_ATTENTION_PARTS];
    const float *bias[FUS_ATTENTION_PARTS];
    /* backward: gradients, accumulated */
    float *d_positions;
    float *chains[FUS_ATTENTION_PARTS];
    double *bias_sums[FUS_ATTENTION_PARTS];
    int first_picture;
};
void fus_grad_attention_forward(const struct fus_grad *g, float *out, const float *in,
                                const struct fus_grad_attention *a);
/* dx NULL: not wanted. */
void fus_grad_attention_back(const struct fus_grad *g, float *dx, bool onto, float *dout, const float *in,
                             const struct fus_grad_attention *a);

#endif
