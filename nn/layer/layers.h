/* SPDX-License-Identifier: MIT */
/* Private to nn/: the layers' arithmetic. Activations are blocked: [ceil(C/16), H*W, 16] per
 * image, the last block filled up with zeros. The image itself is [side + 2 padding, side + 2
 * padding, 3] with a border of zeros. */
#ifndef FUS_LAYERS_H
#define FUS_LAYERS_H

#include "nn/arch.h"
#include "nn/kernel/kernels.h"

#define FUS_BLOCKS(channels) (((channels) + FUS_LANES - 1) / FUS_LANES)

/* Of a layer's input and output: pixels, and floats of one picture in the blocked layout. */
static inline size_t fus_layer_in_places(const struct fus_layer *l)
{
    return (size_t)l->in_height * (size_t)l->in_width;
}

static inline size_t fus_layer_places(const struct fus_layer *l)
{
    return (size_t)l->height * (size_t)l->width;
}

static inline size_t fus_layer_in_floats(const struct fus_layer *l)
{
    return fus_tensor_blocked_size(l->in_channels, fus_layer_in_places(l));
}

static inline size_t fus_layer_floats(const struct fus_layer *l)
{
    return fus_tensor_blocked_size(l->channels, fus_layer_places(l));
}

/* A matrix product with packed weights. Its rows are read from the activation as they are needed
 * (implicit im2col).
 *
 * k runs over (r, s, c), r slowest: kernel row, kernel column, input channel. */
struct fus_gemm {
    const struct fus_layer *layer;
    const float *panels;       /* [blocks of channels, k, 16] */
    const float *bias;         /* [blocks of channels, 16] */
    int k;                     /* kernel^2 * in_channels rounded up to 16 per tap; of 3 input channels: to 4 in all */
    int tap_rows, tap_columns; /* of a non-square kernel; 0: the layer's */
    bool onto;                 /* accumulate onto `out`; else the sums start at 0 */
};

/* Channels that a block of 16 outputs reads, and that follow each other: all; of a convolution in
 * groups a group's, or 16 where that is more, with weights of 0 for other groups'. */
static inline int fus_layer_reads(const struct fus_layer *l)
{
    int of_group = l->groups ? l->in_channels / l->groups : l->in_channels;
    return l->groups && of_group < FUS_LANES ? FUS_LANES : of_group;
}

int fus_gemm_k(const struct fus_layer *l);
size_t fus_gemm_panel_floats(const struct fus_layer *l);

/* weights [channels, in_channels, kernel, kernel] -> panels. */
void fus_gemm_pack_weights(float *panels, const float *weights, const struct fus_layer *l);

/* Weights of a block of 16 channels for a block of 16 input channels: out [16 input channels,
 * kernel^2, 16 channels], padded with zeros. */
void fus_gemm_gather(float *out, const float *weights, const struct fus_layer *l, int block, int in_block);

/* out [n pictures, blocks, places, 16] = act(in (*) weights + bias + addend). addend NULL: none. */
void fus_gemm_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                  const struct fus_kernel *kernel);

/* The same with weights and input rounded to bf16, of a layer with a row for it (gemm16.c). */
size_t fus_gemm16_panel_floats(const struct fus_layer *l);
size_t fus_gemm16_scratch_floats(const struct fus_layer *l, int n_pictures);
void fus_gemm16_pack_weights(float *panels, const float *weights, const struct fus_layer *l);
void fus_gemm16_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                    float *scratch, const struct fus_kernel *kernel);

/* The same by Winograd's algorithm. fits: a 3x3 convolution of stride 1 on a square input of at
 * least 4x4 pixels, followed by a ReLU or nothing. */
bool fus_winograd_fits(const struct fus_layer *l);
size_t fus_winograd_panel_floats(const struct fus_layer *l);
size_t fus_winograd_scratch_floats(const struct fus_layer *l, int n_pictures); /* for each thread */
void fus_winograd_pack_weights(float *panels, const float *weights, const struct fus_layer *l);
void fus_winograd_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                      float *scratch, const struct fus_kernel *kernel);

/* Folds the batch norm into a convolution (Ioffe & Szegedy 2015, inference): w' = w * g, bias' =
 * beta + (bias - mean) * g with g = gamma / sqrt(var + 1e-5), in double, rounded once. weights
 * [channels, n_per_channel] and bias [channels] in place. */
void fus_fold_batchnorm(float *weights, float *bias, size_t n_per_channel, int channels, const float *gamma,
                        const float *beta, const float *mean, const float *var);

/* A layer's folded weights [channels, fus_layer_reads, kernel, kernel] and bias [channels] from the
 * look-up; scratch: fus_fold_scratch_floats. */
size_t fus_fold_scratch_floats(const struct fus_layer *l);
int fus_fold_layer(float *weights, float *bias, float *scratch, const struct fus_layer *l, fus_weight_fn get,
                   void *context, struct fus_error *err);

#endif
