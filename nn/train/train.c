/* SPDX-License-Identifier: MIT */
/* A step of training: the plan's jobs in order (train_plan.h), that is, the rows forward, the loss,
 * the rows backward.
 *
 *   fus_train_gradients   checks the batch, starts the threads
 *   run_batch             micro-batch by micro-batch, if frozen norms allow it
 *   run_jobs              the walk
 *   forward_*, back_*     one row by its operator; formulas: norm.c and grad_*.c */
#include <string.h>

#include "nn/base/clock.h"
#include "nn/base/threads.h"
#include "nn/train/engine.h"

/* ---- the clock ---- */

static double start_clock(const struct fus_train *t)
{
    return t->times ? fus_clock_now() : 0;
}

/* Adds the time since `start` to *part, a member of t->times; does nothing without times. */
#define STOP_CLOCK(t, part, start) ((t)->times ? (void)((t)->times->part += fus_clock_now() - (start)) : (void)0)

/* ---- addresses ---- */

struct step {
    struct fus_train *t;
    const struct fus_train_batch *batch;
    struct fus_train_result *result;
    int first, n;      /* pictures of the present micro-batch */
    bool stop_at_loss; /* the first of two passes: outputs of heads alone */
    bool given;        /* the second: gradients of heads are already computed */
    int code;
};

static const struct fus_layer *layer(const struct fus_train *t, int row)
{
    return &t->arch.layers[row];
}

static const float *input_of(const struct fus_train *t, int row)
{
    int from = layer(t, row)->input;
    return from < 0 ? t->arena + t->picture : t->at[FUS_ARRAY_OUTPUT][from];
}

static struct fus_grad grad_of(const struct step *s, const struct fus_layer *l)
{
    return (struct fus_grad){l, s->n, s->t->arena + s->t->scratch, s->t->kernel};
}

static float *value(const struct fus_train *t, int row, int i)
{
    return fus_parameters_of(t, row, i)->tensor[FUS_TRAIN_VALUE];
}

static size_t places_of_batch(const struct step *s, int row)
{
    return (size_t)s->n * fus_layer_places(layer(s->t, row));
}

/* ---- forward ---- */

/* The statistics of a norm: from this batch, which also updates the running ones, or from the
 * running ones. */
static void set_norm(const struct step *s, int row)
{
    struct fus_train *t = s->t;
    const struct fus_train_row *r = &t->rows[row];
    size_t width = fus_norm_width(&r->shape), m = places_of_batch(s, row);
    float *gamma = value(t, row, FUS_PART_SCALE), *beta = value(t, row, FUS_PART_SHIFT);
    float *mean = value(t, row, FUS_PART_MEAN), *variance = value(t, row, FUS_PART_VARIANCE);
    if (r->running) {
        fus_norm_set_running(r->vectors, mean, variance, gamma, beta, width);
        return;
    }
    struct fus_grad g = grad_of(s, layer(t, row));
    memset(r->sums, 0, 2 * width * sizeof *r->sums);
    fus_norm_sums(&g, r->sums, t->at[FUS_ARRAY_Z][row]);
    fus_norm_set(r->vectors, r->sums, m, gamma, beta, width);
    fus_norm_update_running(mean, variance, r->sums, m, width);
    memset(r->sums, 0, 2 * width * sizeof *r->sums);
}

static void apply_norm(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    struct fus_grad g = grad_of(s, layer(t, row));
    int addend = layer(t, row)->addend;
    double start = start_clock(t);
    fus_norm_apply(&g, t->at[FUS_ARRAY_OUTPUT][row], t->at[FUS_ARRAY_Z][row],
                   addend < 0 ? NULL : t->at[FUS_ARRAY_OUTPUT][addend], t->rows[row].vectors);
    STOP_CLOCK(t, norms, start);
}

static void forward_conv(const struct step *s, const struct fus_train_job *job)
{
    struct fus_train *t = s->t;
    int row = job->row;
    const struct fus_train_row *r = &t->rows[row];
    struct fus_grad g = grad_of(s, &r->shape);
    bool norm = layer(t, row)->norm[0] != 0;
    double start = start_clock(t);
    float *out = t->at[norm ? FUS_ARRAY_Z : FUS_ARRAY_OUTPUT][row];
    fus_grad_conv_forward(&g, out, input_of(t, row), value(t, row, FUS_PART_WEIGHT),
                          norm ? t->arena : value(t, row, FUS_PART_BIAS));
    STOP_CLOCK(t, forward, start);
    if (!norm)
        return;
    start = start_clock(t);
    if (job->kind == FUS_JOB_FORWARD)
        set_norm(s, row);
    STOP_CLOCK(t, norms, start);
    if (job->output)
        apply_norm(s, row);
}

static struct fus_grad_attention attention_of(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    struct fus_grad_attention a = {.positions = value(t, row, 0), .first_picture = s->first};
    a.d_positions = fus_parameters_of(t, row, 0)->tensor[FUS_TRAIN_GRADIENT];
    for (int i = 0; i < FUS_ATTENTION_PARTS; i++) {
        a.panels[i] = value(t, row, 1 + 2 * i);
        a.bias[i] = value(t, row, 2 + 2 * i);
        a.chains[i] = fus_parameters_of(t, row, 1 + 2 * i)->chains;
        size_t in = fus_norm_width(&(struct fus_layer){.channels = layer(t, row)->in_channels}),
               out = fus_norm_width(layer(t, row));
        a.bias_sums[i] = t->rows[row].sums + (size_t)i * (in > out ? in : out);
    }
    return a;
}

static void forward_other(const struct step *s, int row)
{
    struct fus_train *t = s->t;
    const struct fus_layer *l = layer(t, row);
    double start = start_clock(t);
    if (l->op == FUS_OP_ATTENTION) {
        struct fus_grad g = grad_of(s, l);
        struct fus_grad_attention a = attention_of(s, row);
        fus_grad_attention_forward(&g, t->at[FUS_ARRAY_OUTPUT][row], input_of(t, row), &a);
    } else {
        const struct fus_op_run a = {
            .layer = l, .out = t->at[FUS_ARRAY_OUTPUT][row], .in = input_of(t, row), .n = s->n, .kernel = t->kernel};
        fus_op_table[l->op].run(&a);
    }
    STOP_CLOCK(t, rest, start);
}

static void forward_row(const struct step *s, const struct fus_train_job *job)
{
    if (layer(s->t, job->row)->op == FUS_OP_CONV)
        forward_conv(s, job);
    else
        forward_other(s, job->row);
}

/* ---- the loss ---- */

static void copy_heads(const struct step *s, bool out)
{
    const struct fus_train *t = s->t;
    for (int i = 0; i < 2; i++) {
        int row = t->heads[i];
        size_t floats = row < 0 ? 0 : fus_layer_floats(layer(t, row)), n = (size_t)s->n * floats,
               at = (size_t)s->first * floats;
        if (row >= 0 && out)
            memcpy(t->head_out[i] + at, t->at[FUS_ARRAY_OUTPUT][row], n * sizeof(float));
        else if (row >= 0 && t->use[row].back) {
            memcpy(t->at[FUS_ARRAY_GRADIENT][row], t->head_gradient[i] + at, n * sizeof(float));
            t->begun[row] = true;
        }
    }
}

static bool contrasts(const struct fus_train *t)
{
    return t->heads[FUS_HEAD_LANGUAGE] >= 0 && (t->options.contrastive || t->options.language == FUS_TRAIN_INFONCE);
}

static void run_loss(const struct step *s)
{
    struct fus_train *t = s->t;
    double start = start_clock(t);
    copy_heads(s, true);
    if (!s->given) {
        fus_heads_pictures(t, s->result, s->batch, s->first, s->n);
        if (contrasts(t) && s->first + s->n == s->batch->n)
            fus_heads_contrast(t, s->result, s->batch);
    }
    if (!s->stop_at_loss)
        copy_heads(s, false);
    STOP_CLOCK(t, rest, start);
}

/* ---- backward ---- */

/* The destination of a gradient; *onto: it must be accumulated. NULL: no gradient is needed. */
static float *gradient_to(const struct fus_train *t, int row, bool *onto)
{
    *onto = row >= 0 && t->begun[row];
    if (row < 0 || !t->use[row].back)
        return NULL;
    t->begun[row] = true;
    return t->at[FUS_ARRAY_GRADIENT][row];
}

/* Replaces the output's gradient by dz; also computes the addend's gradient. */
static void back_norm(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    const struct fus_layer *l = layer(t, row);
    const struct fus_train_row *r = &t->rows[row];
    struct fus_grad g = grad_of(s, l);
    bool onto;
    float *gradient = t->at[FUS_ARRAY_GRADIENT][row], *side = gradient_to(t, l->addend, &onto);
    const float *z = t->at[FUS_ARRAY_Z][row], *out = l->addend >= 0 ? t->at[FUS_ARRAY_OUTPUT][row] : NULL;
    double start = start_clock(t);
    fus_norm_back_sums(&g, r->sums, gradient, z, out, r->vectors);
    if (!r->running)
        fus_norm_set_back(r->vectors, r->sums, places_of_batch(s, row), fus_norm_width(l));
    fus_norm_back(&g, gradient, side, onto, gradient, z, out, r->vectors);
    STOP_CLOCK(t, norms, start);
}

static void back_bias(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    struct fus_grad g = grad_of(s, layer(t, row));
    float *gradient = t->at[FUS_ARRAY_GRADIENT][row];
    fus_norm_bias_back(&g, t->rows[row].sums, gradient, gradient, t->at[FUS_ARRAY_OUTPUT][row]);
}

static void back_conv(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    struct fus_grad g = grad_of(s, &t->rows[row].shape);
    const struct fus_train_store *weight = fus_parameters_of(t, row, FUS_PART_WEIGHT);
    if (layer(t, row)->norm[0])
        back_norm(s, row);
    else
        back_bias(s, row);
    const float *dz = t->at[FUS_ARRAY_GRADIENT][row];
    double start = start_clock(t);
    if (t->use[row].weight)
        fus_grad_conv_weights(&g, weight->chains, s->first, input_of(t, row), dz);
    STOP_CLOCK(t, dw, start);
    start = start_clock(t);
    bool onto;
    float *dx = gradient_to(t, layer(t, row)->input, &onto);
    if (dx)
        fus_grad_conv_input(&g, dx, onto, dz, weight->tensor[FUS_TRAIN_VALUE]);
    STOP_CLOCK(t, dx, start);
}

static void back_other(const struct step *s, int row)
{
    const struct fus_train *t = s->t;
    const struct fus_layer *l = layer(t, row);
    struct fus_grad g = grad_of(s, l);
    bool onto;
    float *dout = t->at[FUS_ARRAY_GRADIENT][row], *dx = gradient_to(t, l->input, &onto);
    double start = start_clock(t);
    if (l->op == FUS_OP_ATTENTION) {
        struct fus_grad_attention a = attention_of(s, row);
        fus_grad_attention_back(&g, dx, onto, dout, input_of(t, row), &a);
    } else if (l->op == FUS_OP_MAXPOOL) {
        fus_grad_pool_max(&g, dx, onto, dout, input_of(t, row));
    } else if (l->op == FUS_OP_AVGPOOL) {
        fus_grad_pool_average(&g, dx, onto, dout);
    } else if (l->op == FUS_OP_MEAN) {
        fus_grad_pool_mean(&g, dx, onto, dout);
    } else {
        fus_grad_pool_pad(&g, dx, onto, dout);
    }
    STOP_CLOCK(t, rest, start);
}

static void back_row(const struct step *s, int row)
{
    if (layer(s->t, row)->op == FUS_OP_CONV)
        back_conv(s, row);
    else
        back_other(s, row);
}

/* ---- the walk ---- */

static void run_job(const struct step *s, const struct fus_train_job *job)
{
    switch (job->kind) {
    case FUS_JOB_FORWARD:
    case FUS_JOB_AGAIN:
        forward_row(s, job);
        break;
    case FUS_JOB_LOSS:
        run_loss(s);
        break;
    case FUS_JOB_RESTORE:
        apply_norm(s, job->row);
        break;
    case FUS_JOB_BACK:
        back_row(s, job->row);
        break;
    }
}

static void run_jobs(struct step *s)
{
    struct fus_train *t = s->t;
    const struct fus_train_plan *plan = &t->plan;
    memset(t->begun, 0, (size_t)t->arch.n_layers * sizeof *t->begun);
    for (int i = 0, span = 0; i < plan->n_jobs && !s->code; i++) {
        for (; span < plan->n_spans && plan->spans[span].from == i; span++)
            t->at[plan->spans[span].array][plan->spans[span].row] = t->arena + t->spans + plan->spans[span].offset;
        if (fus_base_stopping())
            s->code = FUS_ESTOPPED;
        else
            run_job(s, &plan->jobs[i]);
        if (plan->jobs[i].kind == FUS_JOB_LOSS && s->stop_at_loss)
            return;
    }
}

/* A row of [3, side, side] -> a row of [side + 2 padding, side + 2 padding, 3] inside
 * its border of zeros. */
static void interleave_row(void *context, int row, int thread)
{
    const struct step *s = context;
    const struct fus_layer *stem = layer(s->t, 0);
    size_t side = (size_t)stem->in_width, pad = (size_t)stem->padding, pitch = side + 2 * pad,
           picture = (size_t)row / side, y = (size_t)row % side;
    float *to =
        s->t->arena + s->t->picture + picture * fus_plan_picture_floats(&s->t->arch) + ((y + pad) * pitch + pad) * 3;
    const float *from = s->batch->input + ((size_t)s->first + picture) * 3 * side * side + y * side;
    (void)thread;
    for (size_t x = 0; x < side; x++)
        for (size_t c = 0; c < 3; c++)
            to[3 * x + c] = from[c * side * side + x];
}

static void run_pictures(struct step *s, int first)
{
    double start = start_clock(s->t);
    int left = s->batch->n - first;
    s->first = first;
    s->n = left < s->t->micro ? left : s->t->micro;
    fus_threads_for(s->n * layer(s->t, 0)->in_height, interleave_row, s);
    STOP_CLOCK(s->t, rest, start);
    run_jobs(s);
}

/* InfoNCE needs the whole batch. With micro-batches, a first pass computes all outputs, and a
 * second one runs each micro-batch again. */
static void run_batch(void *context)
{
    struct step *s = context;
    struct fus_train *t = s->t;
    fus_parameters_start_batch(t);
    fus_heads_start_batch(t, s->result);
    s->stop_at_loss = contrasts(t) && s->batch->n > t->micro;
    for (int first = 0; s->stop_at_loss && first < s->batch->n && !s->code; first += t->micro)
        run_pictures(s, first);
    s->given = s->stop_at_loss;
    s->stop_at_loss = false;
    for (int first = 0; first < s->batch->n && !s->code; first += t->micro)
        run_pictures(s, first);
    fus_parameters_end_batch(t);
    fus_heads_end_batch(t, s->result, s->batch->n);
}

int fus_train_gradients(struct fus_train *t, struct fus_train_result *result, const struct fus_train_batch *batch,
                        struct fus_error *err)
{
    struct step s = {.t = t, .batch = batch, .result = result};
    int code = fus_heads_check(t, batch, err);
    if (code)
        return code;
    if (fus_base_threads() > t->n_threads)
        return fus_base_fail(err, FUS_EINVAL, "%d threads, memory was set aside for %d", fus_base_threads(),
                             t->n_threads);
    fus_threads_run(run_batch, &s);
    return s.code ? fus_base_fail(err, s.code, "stopped") : FUS_OK;
}
