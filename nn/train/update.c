/* SPDX-License-Identifier: MIT */
/* An update of all parameters, and the cost of a step. */
#include <math.h>
#include <string.h>

#include "nn/base/clock.h"
#include "nn/base/threads.h"
#include "nn/kernel/peak.h"
#include "nn/train/engine.h"

#define LARGEST_LOG_SCALE 4.6051702f /* of the contrastive temperature: 100 */

struct scaling {
    const struct fus_train *t;
    float by;
};

static void scale_gradient(void *context, int i, int thread)
{
    const struct scaling *s = context;
    float *g = s->t->parameters[i].tensor[FUS_TRAIN_GRADIENT];
    (void)thread;
    for (size_t j = 0; g && j < s->t->parameters[i].floats; j++)
        g[j] *= s->by;
}

/* Scales gradients by most / |g| if that is less than 1. */
static void clip(struct fus_train *t)
{
    double most = t->options.optimise.clip_norm, norm = most > 0 ? fus_train_norm(t) : 0;
    if (!(norm > most))
        return;
    struct scaling s = {t, (float)(most / norm)};
    fus_threads_for(t->n_parameters, scale_gradient, &s);
}

struct updating {
    struct fus_train *t;
    double rate, rate_heads;
};

static void update_all(void *context)
{
    const struct updating *u = context;
    struct fus_train *t = u->t;
    clip(t);
    for (int i = 0; i < t->n_parameters; i++) {
        const struct fus_train_store *s = &t->parameters[i];
        const struct fus_optimise_arrays p = {s->tensor[FUS_TRAIN_VALUE],
                                              s->tensor[FUS_TRAIN_MOMENTUM],
                                              s->tensor[FUS_TRAIN_SQUARES],
                                              s->tensor[FUS_TRAIN_AVERAGE],
                                              s->tensor[FUS_TRAIN_GRADIENT],
                                              s->floats,
                                              s->known.n_dims > 1 || t->options.optimise.decay_all};
        if (s->known.trained)
            fus_optimise_update(&t->options.optimise, &p, s->known.head ? u->rate_heads : u->rate, t->n_updates,
                                t->kernel);
    }
    if (t->log_scale >= 0) {
        float *scale = t->parameters[t->log_scale].tensor[FUS_TRAIN_VALUE];
        *scale = *scale > LARGEST_LOG_SCALE ? LARGEST_LOG_SCALE : *scale;
    }
}

void fus_train_update(struct fus_train *t, double rate, double rate_heads)
{
    struct updating u = {t, rate, rate_heads};
    double start = t->times ? fus_clock_now() : 0;
    t->n_updates++;
    fus_threads_run(update_all, &u);
    if (t->times)
        t->times->update += fus_clock_now() - start;
}

/* ---- costs ---- */

void fus_train_time(struct fus_train *t, struct fus_train_times *times)
{
    t->times = times;
    if (times)
        memset(times, 0, sizeof *times);
}

void fus_train_flops(double flops[3], const struct fus_train *t)
{
    flops[0] = flops[1] = flops[2] = 0;
    for (int row = 0; row < t->arch.n_layers; row++) {
        const struct fus_layer *l = &t->arch.layers[row];
        double one = l->op == FUS_OP_CONV && t->use[row].live ? fus_conv_flops(l) : 0;
        flops[0] += one;
        flops[1] += l->input >= 0 && t->use[l->input].back ? one : 0;
        flops[2] += t->use[row].weight ? one : 0;
    }
}

double fus_train_peak(const struct fus_train *t)
{
    return fus_peak_measure(t->kernel);
}
