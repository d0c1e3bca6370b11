/* SPDX-License-Identifier: MIT */
/* Layer norm over the channels of each place (Ba, Kiros & Hinton 2016; op.h).
 *
 *   y = (x - mean) / sqrt(variance + epsilon) * weight + bias
 *
 * The sums are in double, in the order of kernels.h. Packed: weight, then bias. */
#include <stdio.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

bool fus_layernorm_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    memset(p, 0, sizeof *p);
    p->role = i == 0 ? FUS_ROLE_NORM_SCALE : FUS_ROLE_NORM_SHIFT;
    p->n_dims = 1;
    p->shape[0] = l->channels;
    snprintf(p->name, sizeof p->name, "%s.%s", l->name, i == 0 ? "weight" : "bias");
    return i < 2;
}

size_t fus_layernorm_packed_floats(const struct fus_layer *l)
{
    return 2 * (size_t)l->channels;
}

int fus_layernorm_load(const struct fus_op_load *a, struct fus_error *err)
{
    struct fus_parameter p;
    int code = FUS_OK;
    size_t n = (size_t)a->layer->channels;
    for (int i = 0; i < 2 && !code; i++) {
        fus_layernorm_parameter(&p, a->layer, i);
        code = a->get(a->context, a->packed + (size_t)i * n, n, p.name, err);
    }
    return code;
}

struct norm {
    const struct fus_op_run *run;
    int rows, n_tasks; /* of one item, or of all where they are joined */
};

static void norm_rows(void *context, int task, int thread)
{
    const struct norm *n = context;
    const struct fus_op_run *a = n->run;
    const struct fus_layer *l = a->layer;
    size_t item = (size_t)(task / n->n_tasks), floats = (size_t)l->channels * (size_t)n->rows;
    int row = task % n->n_tasks * FUS_NORM_ROWS, rows = n->rows - row < FUS_NORM_ROWS ? n->rows - row : FUS_NORM_ROWS;
    size_t at = item * floats + (size_t)row * FUS_LANES;
    (void)thread;
    a->kernel->layer_norm(a->out + at, a->in + at, (size_t)n->rows * FUS_LANES, l->channels / FUS_LANES, rows,
                          a->packed, a->packed + l->channels, l->epsilon);
}

void fus_layernorm_run(const struct fus_op_run *a)
{
    struct norm n = {.run = a,
                     .rows = a->layer->joined ? (int)fus_op_first_row(a, a->n) : (int)fus_layer_places(a->layer)};
    n.n_tasks = (n.rows + FUS_NORM_ROWS - 1) / FUS_NORM_ROWS;
    fus_threads_for((a->layer->joined ? 1 : a->n) * n.n_tasks, norm_rows, &n);
}
