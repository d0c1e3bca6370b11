/* SPDX-License-Identifier: MIT */
/* Private to nn/: a training step by naive loops in double, for any network of the table of layers
 * (arch.h). The rest of nn/train/ computes the same. Read this first.
 *
 * Reading order: grad_reference.c (a step: forward, losses, backward), grad_reference_conv.c
 * (convolution, batch norm, addend, ReLU), grad_reference_pool.c (max, average, mean, pad),
 * grad_reference_attend.c (attention pooling), loss.c (the losses), grad_reference_make.c (memory).
 *
 * L is the loss. dv stands for dL/dv, the gradient with respect to array v, and has v's shape. */
#ifndef FUS_GRAD_REFERENCE_H
#define FUS_GRAD_REFERENCE_H

#include "nn/arch.h"
#include "nn/train/train.h"

/* A parameter or a running statistic, by PyTorch's name and in its layout. */
struct fus_grad_tensor {
    char name[112];
    int shape[4], n_dims;
    size_t n;
    bool statistic; /* running_mean, running_var: no gradient */
    double *value, *gradient;
};

/* A layer of the table with its arrays, each for all pictures of a batch: [n, channels, height,
 * width]. */
struct fus_grad_row {
    const struct fus_layer *layer;
    int n;                          /* pictures */
    bool frozen;                    /* its batch norm uses the running statistics */
    struct fus_grad_tensor *tensor; /* its parameters, in the order of fus_op_parameter */
    const double *x, *s;            /* in: the output of the row it reads, and of its addend, or NULL */
    double *z, *zhat;               /* of a convolution: before its batch norm, and normalised */
    double *mean, *variance;        /* [channels] of z, used to normalise it */
    double *a;                      /* out */
    double *da;                     /* complete before this row's backward pass */
    double *dx, *ds;                /* the da of the rows it reads, to which it adds. NULL: the picture; no addend */
    double *scratch;                /* of an attention */
};

/* Element (n, c, y, x) of a row's output and input. */
static inline size_t fus_grad_at(const struct fus_layer *l, int n, int c, int y, int x)
{
    return (((size_t)n * (size_t)l->channels + (size_t)c) * (size_t)l->height + (size_t)y) * (size_t)l->width +
           (size_t)x;
}

static inline size_t fus_grad_in_at(const struct fus_layer *l, int n, int c, int y, int x)
{
    return (((size_t)n * (size_t)l->in_channels + (size_t)c) * (size_t)l->in_height + (size_t)y) * (size_t)l->in_width +
           (size_t)x;
}

static inline bool fus_grad_inside(const struct fus_layer *l, int y, int x)
{
    return y >= 0 && y < l->in_height && x >= 0 && x < l->in_width;
}

/* ---- a network ---- */

struct fus_grad_reference {
    struct fus_arch arch;
    struct fus_train_options options;
    int n_tensors;
    struct fus_grad_tensor *tensor;
    struct fus_grad_row *row;             /* [arch.n_layers] */
    struct fus_grad_tensor *text, *scale; /* contrastive: text.weight and logit_scale, the last two tensors */
    int logits, language;                 /* rows of fc, and of lang_head or the attention; -1: none */
    double *input;                        /* [batch, 3, side, side] */
    double *target, *d_target, *scratch;  /* [batch, dim]: targets or texts; of the losses */
};

/* options: batch (the most pictures), frozen_norms, the weights and kinds of the losses; everything
 * is trained. ReLU is the only activation with a backward pass. */
int fus_grad_reference_create(struct fus_grad_reference **r, const struct fus_net_spec *spec,
                              const struct fus_train_options *options, fus_weight_fn get, void *context,
                              struct fus_error *err);
void fus_grad_reference_destroy(struct fus_grad_reference *r); /* NULL allowed */

struct fus_grad_losses {
    double loss, classify, language; /* the weighted sum; each unweighted */
};

/* The losses of a batch for the present tensor[].value; changes no tensor. */
struct fus_grad_losses fus_grad_reference_loss(struct fus_grad_reference *r, const struct fus_train_batch *batch);

/* The same; also computes every tensor's gradient, replacing the previous one, and updates the
 * running statistics. */
struct fus_grad_losses fus_grad_reference_step(struct fus_grad_reference *r, const struct fus_train_batch *batch);

/* ---- the rows, forward and backward ---- */

/* grad_reference_conv.c; a linear layer is a 1x1 convolution on one place. */
void fus_grad_reference_convolve(const struct fus_grad_row *row);
void fus_grad_reference_convolve_back(const struct fus_grad_row *row);
void fus_grad_reference_run_statistics(const struct fus_grad_row *row);

/* grad_reference_pool.c */
void fus_grad_reference_max(const struct fus_grad_row *row);
void fus_grad_reference_max_back(const struct fus_grad_row *row);
void fus_grad_reference_average(const struct fus_grad_row *row);
void fus_grad_reference_average_back(const struct fus_grad_row *row);
void fus_grad_reference_pad(const struct fus_grad_row *row);
void fus_grad_reference_pad_back(const struct fus_grad_row *row);

/* grad_reference_attend.c */
size_t fus_grad_reference_attend_scratch(const struct fus_layer *l); /* doubles */
void fus_grad_reference_attend(const struct fus_grad_row *row);
void fus_grad_reference_attend_back(const struct fus_grad_row *row);

#endif
