/* SPDX-License-Identifier: MIT */
/* Training: a step runs the table of layers forward, keeping the arrays that backward needs, then
 * backward from the last row to the first. The result has the same bits for any instruction set,
 * number of threads, micro-batch and memory limit.
 *
 * Reading order: grad_reference.c (all of it as naive loops in double), loss.c, norm.c,
 * grad_conv.c, grad_weights.c, grad_pool.c, grad_attnpool.c, train_plan.c (lifetimes,
 * recomputation), train.c (forward and backward), heads.c (a batch's losses), optimise.c,
 * schedule.c, update.c, parameters.c (layouts), create.c. */
#ifndef FUS_TRAIN_H
#define FUS_TRAIN_H

#include "nn/nn.h"
#include "nn/train/loss.h"
#include "nn/train/optimise.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fus_train_language { FUS_TRAIN_COSINE, FUS_TRAIN_MSE, FUS_TRAIN_INFONCE };

struct fus_train_options {
    const char *isa; /* as in fus_net_options */
    int batch;       /* most pictures in a batch */
    /* with frozen norms: pictures of a micro-batch; 0: as memory allows. Changes no bit. FUS_EINVAL
     * if a norm uses batch statistics */
    int micro_batch;
    /* bytes in total; 0: no limit. If everything does not fit, blocks are recomputed in backward.
     * FUS_ELIMIT if that does not fit either; the message gives the minimum */
    size_t max_memory;
    bool winograd; /* convolutions and their input gradients by Winograd where it applies: faster, different bits */
    /* all batch norms use their running statistics, which stay constant; weight and bias are
     * trained */
    bool frozen_norms;
    /* false: frozen. NULL: everything is trained. A row runs backward only if it or an earlier row
     * has trained parameters. A norm whose weight is frozen uses its running statistics */
    bool (*trained)(void *context, const char *parameter);
    void *trained_context;
    /* Whether a parameter has the heads' rate. NULL: fc, lang_head, attnpool.c_proj, text have. */
    bool (*head)(void *context, const char *parameter);
    void *head_context;
    double classify_weight, language_weight, smooth; /* 0: the task is off; contrastive: language_weight */
    enum fus_train_language language;
    /* images against texts: `text.weight` [embedding, n_words] and `logit_scale` are parameters
     * too; a text is the mean of its words' columns */
    bool contrastive;
    int n_words;
    struct fus_optimise optimise;
};

struct fus_train; /* opaque: parameters, gradients, optimiser state, activations */

int fus_train_create(struct fus_train **t, const struct fus_net_spec *spec, const struct fus_train_options *options,
                     fus_weight_fn get, void *context, struct fus_error *err);
void fus_train_destroy(struct fus_train *t); /* NULL allowed */

size_t fus_train_bytes(const struct fus_train *t);          /* of the plan */
int fus_train_recomputed_blocks(const struct fus_train *t); /* of the plan; 0 if everything is kept */
const char *fus_train_isa(const struct fus_train *t);

/* ---- parameters, in table order, with PyTorch's names and layout */

enum fus_train_tensor { /* the arrays that a parameter has */
                        FUS_TRAIN_VALUE,
                        FUS_TRAIN_GRADIENT,
                        FUS_TRAIN_MOMENTUM, /* SGD's v, AdamW's m */
                        FUS_TRAIN_SQUARES,  /* AdamW's v */
                        FUS_TRAIN_AVERAGE   /* EMA */
};
struct fus_train_parameter {
    char name[96];
    int shape[4], n_dims;
    size_t n;
    bool statistic; /* running_mean, running_var: a value alone, no gradient */
    bool trained;
    bool head; /* has the heads' rate in fus_train_update */
};
int fus_train_n_parameters(const struct fus_train *t);
const struct fus_train_parameter *fus_train_parameter(const struct fus_train *t, int i);
bool fus_train_has(const struct fus_train *t, int i, enum fus_train_tensor which);
void fus_train_get(float *out, const struct fus_train *t, int i, enum fus_train_tensor which);
void fus_train_set(struct fus_train *t, int i, enum fus_train_tensor which, const float *in);
long fus_train_n_updates(const struct fus_train *t); /* AdamW's t; part of the state */
void fus_train_set_n_updates(struct fus_train *t, long n);

/* ---- a step ---- */

struct fus_train_batch {
    int n;
    const float *input;    /* [n, 3, side, side] */
    const int *label;      /* [n]; NULL if classify_weight is 0 */
    const float *target;   /* [n, lang_dim], of unit length for the cosine; NULL */
    const int *words;      /* contrastive: the words of all texts, one after the other */
    const int *word_start; /* [n + 1] where each text's words begin */
};
struct fus_train_result {
    double loss, classify, language; /* weighted sum; each unweighted */
    int n_correct;                   /* of classification, or own text first (contrastive) */
    double cosine;                   /* mean over the batch with its target; contrastive: with its own text */
};

/* Computes the gradient of the batch's loss for every trained parameter, replacing those of the
 * previous batch, and updates running statistics. A loss or gradient that is not finite is not an
 * error of this function: fus_train_worst names it. */
int fus_train_gradients(struct fus_train *t, struct fus_train_result *result, const struct fus_train_batch *batch,
                        struct fus_error *err);
/* The norm of all gradients (double, table order), and the parameter with the largest element. */
double fus_train_norm(const struct fus_train *t);
const char *fus_train_worst(const struct fus_train *t, double *largest);
/* One update, with one rate for the heads and one for everything else. */
void fus_train_update(struct fus_train *t, double rate, double rate_heads);

/* ---- costs ---- */

/* Seconds since fus_train_time, summed over steps. */
struct fus_train_times {
    double forward, dx, dw; /* products: forward, of inputs, of weights */
    double norms, rest;     /* batch norm with addend and ReLU; pools, losses, pictures */
    double update;
};
void fus_train_time(struct fus_train *t, struct fus_train_times *times); /* every step from now on; NULL: stop timing */
/* 2 per multiply-add, of one picture: forward, of inputs, of weights. */
void fus_train_flops(double flops[3], const struct fus_train *t);
/* GFLOP/s of multiply-adds on registers, measured now on all threads */
double fus_train_peak(const struct fus_train *t);

#ifdef __cplusplus
}
#endif

#endif
