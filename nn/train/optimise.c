/* SPDX-License-Identifier: MIT */
/* Update rules (optimise.h has the formulas): each element independently in float, so the result
 * does not depend on threads or vector width. */
#include "nn/train/optimise.h"

#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define CHUNK ((size_t)1 << 14) /* floats of a task */

struct updating {
    const struct fus_optimise *o;
    const struct fus_optimise_arrays *p;
    const struct fus_kernel *kernel;
    struct fus_update numbers;
};

/* b^n by repeated products. */
static double power(double b, long n)
{
    double p = 1;
    for (; n > 0 && p > 0; n--)
        p *= b;
    return p;
}

static void update_chunk(void *context, int task, int thread)
{
    const struct updating *u = context;
    const struct fus_optimise_arrays *p = u->p;
    size_t at = (size_t)task * CHUNK, n = p->n_floats - at < CHUNK ? p->n_floats - at : CHUNK;
    (void)thread;
    if (u->o->rule == FUS_OPTIMISE_SGD)
        u->kernel->grad.sgd(p->w + at, p->m + at, p->g + at, &u->numbers, n);
    else
        u->kernel->grad.adamw(p->w + at, p->m + at, p->v + at, p->g + at, &u->numbers, n);
    if (p->average)
        u->kernel->grad.follow(p->average + at, p->w + at, (float)(1 - u->o->ema), n);
}

static struct fus_update numbers_of(const struct fus_optimise *o, double rate, double decay, long n)
{
    struct fus_update u = {
        .rate = (float)rate, .momentum = (float)o->momentum, .nesterov = o->nesterov, .decay = (float)decay};
    if (o->rule == FUS_OPTIMISE_SGD)
        return u;
    u.decay = (float)(1 - rate * decay);
    u.keep1 = (float)(1 - o->beta1);
    u.keep2 = (float)(1 - o->beta2);
    u.step = (float)(rate / (1 - power(o->beta1, n)));
    u.root = (float)(1 - power(o->beta2, n));
    u.epsilon = (float)o->epsilon;
    return u;
}

void fus_optimise_update(const struct fus_optimise *o, const struct fus_optimise_arrays *p, double rate, long n,
                         const struct fus_kernel *kernel)
{
    struct updating u = {o, p, kernel, numbers_of(o, rate, p->decayed ? o->decay : 0, n)};
    fus_threads_for((int)((p->n_floats + CHUNK - 1) / CHUNK), update_chunk, &u);
}
