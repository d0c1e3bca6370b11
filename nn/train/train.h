/* Training: the network's table of layers walked forward, keeping what backward needs, then from
 * the last row to the first. The same bits for any instruction set, number of threads,
 * micro-batch and memory limit.
 *
 * Reading order: grad_reference.c (all of it as naive loops in double), loss.c, norm.c,
 * grad_conv.c, grad_weights.c, grad_pool.c, grad_attnpool.c, train_plan.c (lifetimes,
 * recomputation), train.c (the two walks), heads.c (a batch's losses), optimise.c, schedule.c,
 * update.c, parameters.c (layouts), create.c. */
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
    int batch;       /* pictures of a batch at most */
    int micro_batch; /* with frozen norms: pictures that pass together; 0: as memory allows. Changes no bit.
                                  FUS_EINVAL where a norm goes by the batch's statistics */
    /* bytes of everything together; 0: no limit. Below it blocks are computed again; FUS_ELIMIT
     * where even that does not fit, the message names the least */
    size_t max_memory;
    bool winograd; /* convolutions and dX by Winograd where it fits: quicker, other bits */
    /* all batch norms by their running statistics, which stay; weight and bias are trained */
    bool frozen_norms;
    /* false: frozen. NULL: everything is trained. Rows behind which nothing is trained are run, not
     * walked back; a norm whose weight is frozen goes by its running statistics */
    bool (*trained)(void *context, const char *parameter);
    void *trained_context;
    /* Whether a parameter takes the heads' rate. NULL: fc, lang_head, attnpool.c_proj, text do. */
    bool (*head)(void *context, const char *parameter);
    void *head_context;
    double classify_weight, language_weight, smooth; /* weight 0: without the task; contrastive: language_weight */
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

size_t fus_train_bytes(const struct fus_train *t);          /* as planned */
int fus_train_recomputed_blocks(const struct fus_train *t); /* of the plan: 0 where everything is kept */
const char *fus_train_isa(const struct fus_train *t);

/* ---- parameters, in table order, in PyTorch's names and layout, whatever the layout inside */

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
    bool head; /* takes the heads' rate of fus_train_update */
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
    const int *label;      /* [n]; NULL where classify_weight is 0 */
    const float *target;   /* [n, lang_dim], of unit length for the cosine; NULL */
    const int *words;      /* contrastive: the words of all texts, one after the other */
    const int *word_start; /* [n + 1] where each text's words begin */
};
struct fus_train_result {
    double loss, classify, language; /* weighted sum; each as it is */
    int n_correct;                   /* of classification, or own text first (contrastive) */
    double cosine;                   /* mean over the batch with its target; contrastive: with its own text */
};

/* Gradients of the batch's loss into every trained parameter (they replace those of the batch
 * before), and running statistics. A loss or gradient that is not finite is no error here:
 * fus_train_worst tells. */
int fus_train_gradients(struct fus_train *t, struct fus_train_result *result, const struct fus_train_batch *batch,
                        struct fus_error *err);
/* The norm of all gradients (double, table order), and the parameter with the largest element. */
double fus_train_norm(const struct fus_train *t);
const char *fus_train_worst(const struct fus_train *t, double *largest);
/* One update with these rates: of heads, of everything else. */
void fus_train_update(struct fus_train *t, double rate, double rate_heads);

/* ---- what it costs ---- */

/* Seconds since fus_train_time, summed over steps. */
struct fus_train_times {
    double forward, dx, dw; /* products: forward, of inputs, of weights */
    double norms, rest;     /* batch norm with addend and ReLU; pools, losses, pictures */
    double update;
};
void fus_train_time(struct fus_train *t, struct fus_train_times *times); /* every step from now on; NULL: no longer */
/* 2 per multiply-add, of one picture: forward, of inputs, of weights. */
void fus_train_flops(double flops[3], const struct fus_train *t);
double fus_train_peak(const struct fus_train *t); /* GFLOP/s of multiply-adds on registers now, on all threads */

#ifdef __cplusplus
}
#endif

#endif
