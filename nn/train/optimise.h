/* SPDX-License-Identifier: MIT */
/* Update rules, element by element in float, each operation rounded once, and the learning rates of
 * a schedule, in double.
 *
 *   SGD    g = fma(wd, w, g); v = fma(mu, v, g); d = nesterov ? fma(mu, v, g) :
 *          v; w = fma(-lr, d, w)
 *   AdamW  w = w (1 - lr wd); m = fma(1-b1, g - m, m); v = fma(1-b2, g g - v, v);
 *          w = fma(-lr / (1 - b1^t), m / (sqrt(v / (1 - b2^t)) + eps), w)
 *   EMA    e = fma(1 - d, w - e, e)
 *   clip   g = g min(1, most / |g|), |g| over all parameters in table order, in double */
#ifndef FUS_OPTIMISE_H
#define FUS_OPTIMISE_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum fus_optimise_rule { FUS_OPTIMISE_SGD, FUS_OPTIMISE_ADAMW };

struct fus_optimise {
    enum fus_optimise_rule rule;
    bool nesterov, decay_all;     /* decay_all: vectors (norms, biases) decay too */
    double momentum, decay;       /* SGD 0.9, 1e-4; AdamW decay 0.05 */
    double beta1, beta2, epsilon; /* AdamW 0.9, 0.98, 1e-6 */
    double clip_norm, ema;        /* 0: none */
};

struct fus_kernel; /* nn/kernel/kernels.h */

/* The n-th update (1, 2, ..) of a parameter of n_floats, a multiple of 16; decayed: whether weight
 * decay applies to it. m: SGD's v; v: AdamW's, else NULL; average: EMA, or NULL. */
struct fus_optimise_arrays {
    float *w, *m, *v, *average;
    const float *g;
    size_t n_floats;
    bool decayed;
};
void fus_optimise_update(const struct fus_optimise *o, const struct fus_optimise_arrays *p, double rate, long n,
                         const struct fus_kernel *kernel);

enum fus_schedule_kind { FUS_SCHEDULE_COSINE, FUS_SCHEDULE_STEP, FUS_SCHEDULE_CONSTANT };
#define FUS_SCHEDULE_STEPS 16

struct fus_schedule {
    enum fus_schedule_kind kind;
    double rate, warm_up;        /* the base rate; steps of linear warm-up */
    long n_steps;                /* of the whole training */
    long at[FUS_SCHEDULE_STEPS]; /* steps at which the rate is divided by 10 */
    int n_at;
};

/* Rate of step 0 .. n_steps-1. Warm-up: rate (step + 1) / warm_up. */
double fus_schedule_rate(const struct fus_schedule *s, long step);

#ifdef __cplusplus
}
#endif

#endif
