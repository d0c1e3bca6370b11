/* SPDX-License-Identifier: MIT */
/* Private to nn/train/: what parameters.c, train.c and step.c share. */
#ifndef FUS_TRAIN_ENGINE_H
#define FUS_TRAIN_ENGINE_H

#include "nn/layer/op.h"
#include "nn/plan.h"
#include "nn/train/grad.h"
#include "nn/train/train.h"
#include "nn/train/train_plan.h"

enum fus_train_layout {
    FUS_LAYOUT_PLAIN,  /* as in the file */
    FUS_LAYOUT_PANELS, /* gemm.c's */
    FUS_LAYOUT_COLUMNS /* transposed: text.weight, so that a word's column is contiguous */
};

#define FUS_TRAIN_TENSORS (FUS_TRAIN_AVERAGE + 1)

struct fus_train_store {
    struct fus_train_parameter known;
    enum fus_train_layout layout;
    struct fus_layer shape;           /* of panels */
    int row;                          /* of the table; -1: none */
    size_t floats;                    /* in memory, a multiple of 16, padded with 0 */
    float *tensor[FUS_TRAIN_TENSORS]; /* NULL: none */
    int n_chains;                     /* of the gradient's sums */
    float *chains;                    /* [n_chains, floats]; the gradient itself if there is 1 */
    const double *sums;               /* or [floats] sums in double, rounded to the gradient at the end of a batch */
};

struct fus_train_row {
    struct fus_layer shape; /* the layer; without the ReLU if a norm follows */
    int first, n;           /* parameters */
    bool running;           /* its norm uses the running statistics */
    float *vectors;         /* [FUS_NORM_VECTORS, width] of a norm */
    double *sums;           /* [n_sums, width] backward: of biases, or of beta and gamma */
    int n_sums;
};

struct fus_train {
    struct fus_net_spec spec;
    struct fus_train_options options;
    struct fus_arch arch;
    const struct fus_kernel *kernel;
    struct fus_train_row *rows;    /* [n_layers] */
    struct fus_train_row_use *use; /* [n_layers] */
    struct fus_train_store *parameters;
    int n_parameters, text, log_scale; /* the last two: parameters, or -1 */
    int heads[2];                      /* rows whose outputs enter the losses: classes, language; -1: none */
    int micro;                         /* pictures of a micro-batch */
    int n_threads;                     /* that working memory is allocated for */
    size_t least;                      /* bytes of the smallest plan that was tried */
    struct fus_train_plan plan;
    float *memory; /* of all parameters */
    double *sums;  /* of all rows, then [2, widest] for a forward norm */
    size_t memory_floats, sums_doubles;
    float *arena;
    size_t picture, scratch, spans, arena_floats; /* offsets */
    float **at[FUS_ARRAYS];                       /* [n_layers] address of each array at present */
    bool *begun;                                  /* [n_layers] its gradient has been written to */
    float *head_out[2], *head_gradient[2];        /* [batch, floats of the row] */
    double *loss_memory;                          /* contrastive */
    size_t loss_doubles;
    long n_updates;
    struct fus_train_times *times;
};

/* heads.c: computes the losses of pictures first .. first+n-1 from head_out; writes their gradients
 * to head_gradient and adds the losses to the result. */
int fus_heads_check(const struct fus_train *t, const struct fus_train_batch *batch, struct fus_error *err);
size_t fus_heads_doubles(const struct fus_train *t);
void fus_heads_start_batch(struct fus_train *t, struct fus_train_result *result);
void fus_heads_pictures(struct fus_train *t, struct fus_train_result *result, const struct fus_train_batch *batch,
                        int first, int n);
void fus_heads_contrast(struct fus_train *t, struct fus_train_result *result, const struct fus_train_batch *batch);
void fus_heads_end_batch(const struct fus_train *t, struct fus_train_result *result, int n);
enum { FUS_HEAD_CLASSES, FUS_HEAD_LANGUAGE };

/* parameters.c: the table, memory, values through `get`. */
int fus_parameters_list(struct fus_train *t, struct fus_error *err);
int fus_parameters_allocate(struct fus_train *t, struct fus_error *err);
int fus_parameters_load(struct fus_train *t, fus_weight_fn get, void *context, struct fus_error *err);
void fus_parameters_free(struct fus_train *t);
size_t fus_parameters_bytes(const struct fus_train *t);
void fus_parameters_start_batch(struct fus_train *t); /* gradients and sums at 0 */
void fus_parameters_end_batch(struct fus_train *t);   /* chains and sums into gradients */

/* Parameter i of a row, as op.h lists them. */
static inline struct fus_train_store *fus_parameters_of(const struct fus_train *t, int row, int i)
{
    return &t->parameters[t->rows[row].first + i];
}

/* A convolution's or linear layer's parameters in op.h's order. */
enum { FUS_PART_WEIGHT, FUS_PART_SCALE, FUS_PART_SHIFT, FUS_PART_MEAN, FUS_PART_VARIANCE, FUS_PART_BIAS = 1 };

#endif
