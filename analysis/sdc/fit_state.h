/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: what a fit holds in memory. */
#ifndef FUS_SDC_FIT_STATE_H
#define FUS_SDC_FIT_STATE_H

#include "analysis/sdc/fit.h"
#include "analysis/sdc/noise.h"
#include "nn/kernel/kernels.h"
#include "nn/matmul.h"

/* Weights or bias with Adam's two moments. sum: of the averaged iterates; NULL: none are. */
struct fus_sdc_fit_moments {
    float *value, *mean, *square;
    double *sum;
};

enum { FUS_SDC_FIT_GROUP = 8 };

struct fus_sdc_fit {
    struct fus_sdc_fit_source source;
    struct fus_sdc_fit_options o;
    const struct fus_kernel *kernel;
    uint64_t key;
    size_t n_voxels, d, batch;        /* batch: at most the trials there are */
    size_t v_pad, d_pad, batch_pad;   /* multiples of 16 */
    long step, first_averaged, epoch; /* epoch: of `order`; -1: none */
    double power1, power2;            /* beta1^step, beta2^step */
    struct fus_update rule;
    struct fus_sdc_fit_times times;
    struct fus_sdc_fit_moments w, b; /* [d_pad/16, v_pad, 16], [d_pad] */
    float table[FUS_SDC_NOISE_LEVELS];

    /* Of one step. */
    int32_t *order, *trials, *image; /* [n] rows of the source; [batch] of the step */
    int n_groups, n_slots;           /* of trials that one thread prepares; of groups at a time */
    float *raw;                      /* [n_slots, FUS_SDC_FIT_GROUP, V] */
    struct fus_error *errors;        /* [n_groups] */
    float *x;                        /* [v_pad/16, batch, 16] x~ */
    float *z, *p;                    /* [d_pad/16, batch, 16]; z becomes dp, then dz */
    float *y, *y_across;             /* [d_pad/16, batch_pad, 16], [batch_pad/16, d_pad, 16] */
    float *s;                        /* [batch_pad/16, batch, 16]; becomes G */
    float *bias_gradient;            /* [d_pad] */
    float *shares, *across;          /* as s: s / tau, then R; the same of its columns, then C */
    double *terms, *length;          /* [2 batch] of the loss; [batch] |z| */
};

#endif
