/* SPDX-License-Identifier: MIT */
/* Activations as separate layers (op.h): those that a convolution does not apply itself.
 *
 *   GELU       x/2 (1 + erf(x / sqrt 2))         Hendrycks & Gimpel 2016, not its tanh form
 *   QuickGELU  x / (1 + exp(-1.702 x))           the same paper's sigmoid form, CLIP's
 *   SiLU       x / (1 + exp(-x))                 also called swish
 *
 * exp and erf are fmath.c's; each output depends on its input alone. */
#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

#define CHUNK 4096 /* floats of a task */

struct chunks {
    const struct fus_op_run *run;
    size_t n;
};

static void run_chunk(void *context, int task, int thread)
{
    const struct chunks *c = context;
    size_t at = (size_t)task * CHUNK, n = c->n - at < CHUNK ? c->n - at : CHUNK;
    (void)thread;
    c->run->kernel->activate[c->run->layer->act - FUS_ACT_GELU](c->run->out + at, c->run->in + at, n);
}

void fus_act_run(const struct fus_op_run *a)
{
    struct chunks c = {a, (size_t)a->n * fus_layer_floats(a->layer)};
    fus_threads_for((int)((c.n + CHUNK - 1) / CHUNK), run_chunk, &c);
}

const char *fus_act_algorithm(const struct fus_layer *l)
{
    static const char *const name[] = {"", "relu", "gelu", "quickgelu", "silu"};
    return name[l->act];
}
