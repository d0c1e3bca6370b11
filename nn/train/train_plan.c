/* SPDX-License-Identifier: MIT */
/* The plan of a training step: see train_plan.h. */
#include "nn/train/train_plan.h"

#include <string.h>

#include "nn/layer/layers.h"

struct planning {
    struct fus_train_plan *plan;
    const struct fus_arch *arch;
    const struct fus_train_row_use *use;
    size_t n;
    bool restore;
    int *block;            /* [n_layers] the block that a row belongs to; -1: the stem */
    int *span[FUS_ARRAYS]; /* [n_layers] the array's present span; -1: none */
    bool *here;            /* [n_layers] while planning backward: the output is in memory */
};

/* ---- jobs and spans ---- */

static void add_job(struct planning *p, enum fus_train_job_kind kind, int row, bool output)
{
    p->plan->jobs[p->plan->n_jobs++] = (struct fus_train_job){kind, row, output};
}

/* The latest job is the first to write an array. */
static void begin(struct planning *p, enum fus_train_array array, int row)
{
    struct fus_train_plan *plan = p->plan;
    int job = plan->n_jobs - 1;
    p->span[array][row] = plan->n_spans;
    plan->spans[plan->n_spans++] =
        (struct fus_train_span){array, row, job, job, p->n * fus_layer_floats(&p->arch->layers[row]), 0};
}

/* The latest job reads it. */
static void touch(struct planning *p, enum fus_train_array array, int row)
{
    if (row >= 0)
        p->plan->spans[p->span[array][row]].to = p->plan->n_jobs - 1;
}

static void begin_or_touch(struct planning *p, enum fus_train_array array, int row)
{
    if (p->span[array][row] < 0)
        begin(p, array, row);
    else
        touch(p, array, row);
}

/* ---- what backward reads ---- */

static const struct fus_layer *layer(const struct planning *p, int row)
{
    return &p->arch->layers[row];
}

static bool is_norm(const struct planning *p, int row)
{
    return layer(p, row)->norm[0] != 0;
}

/* Whether backward reads the row's own output: for the ReLU's mask, after an addend or a bias. */
static bool reads_output(const struct planning *p, int row)
{
    const struct fus_layer *l = layer(p, row);
    return l->op == FUS_OP_CONV && l->act == FUS_ACT_RELU && (l->addend >= 0 || !is_norm(p, row));
}

static bool reads_input(const struct planning *p, int row)
{
    enum fus_op_kind op = layer(p, row)->op;
    return op == FUS_OP_MAXPOOL || op == FUS_OP_ATTENTION || (op == FUS_OP_CONV && p->use[row].weight);
}

/* Whether the output can be recomputed from z alone. */
static bool can_restore(const struct planning *p, int row)
{
    return is_norm(p, row) && layer(p, row)->addend < 0;
}

static bool is_again(const struct planning *p, int row)
{
    return p->block[row] >= 0 && p->block[row] < p->plan->n_again;
}

static bool ends_block(const struct planning *p, int row)
{
    return layer(p, row)->in_all;
}

/* ---- forward and backward ---- */

static void plan_forward(struct planning *p, int row)
{
    add_job(p, FUS_JOB_FORWARD, row, true);
    touch(p, FUS_ARRAY_OUTPUT, layer(p, row)->input);
    touch(p, FUS_ARRAY_OUTPUT, layer(p, row)->addend);
    if (is_norm(p, row))
        begin(p, FUS_ARRAY_Z, row);
    begin(p, FUS_ARRAY_OUTPUT, row);
    p->here[row] = !(p->restore && can_restore(p, row)) && (!is_again(p, row) || ends_block(p, row));
}

/* Makes an output available before a job that reads it. */
static void bring_output(struct planning *p, int row)
{
    if (row < 0 || p->here[row])
        return;
    add_job(p, FUS_JOB_RESTORE, row, true);
    touch(p, FUS_ARRAY_Z, row);
    begin(p, FUS_ARRAY_OUTPUT, row);
    p->here[row] = true;
}

static bool is_input_of(const struct planning *p, int row, int end)
{
    for (int i = row + 1; i <= end; i++)
        if (p->use[i].live && layer(p, i)->input == row)
            return true;
    return false;
}

/* Runs the rows of the block that ends with `end` again. */
static void plan_again(struct planning *p, int end)
{
    int first = end;
    while (first > 0 && p->block[first - 1] == p->block[end])
        first--;
    for (int row = first; row <= end; row++) {
        bool output = row != end && is_input_of(p, row, end);
        if (!p->use[row].live || (!is_norm(p, row) && !output))
            continue;
        bring_output(p, layer(p, row)->input);
        add_job(p, FUS_JOB_AGAIN, row, output);
        touch(p, FUS_ARRAY_OUTPUT, layer(p, row)->input);
        if (is_norm(p, row))
            begin(p, FUS_ARRAY_Z, row);
        if (output)
            begin(p, FUS_ARRAY_OUTPUT, row);
        p->here[row] = output || p->here[row];
    }
}

static void plan_back(struct planning *p, int row)
{
    const struct fus_layer *l = layer(p, row);
    if (reads_input(p, row))
        bring_output(p, l->input);
    if (reads_output(p, row))
        bring_output(p, row);
    add_job(p, FUS_JOB_BACK, row, false);
    touch(p, FUS_ARRAY_GRADIENT, row);
    if (is_norm(p, row))
        touch(p, FUS_ARRAY_Z, row);
    if (reads_output(p, row))
        touch(p, FUS_ARRAY_OUTPUT, row);
    if (reads_input(p, row))
        touch(p, FUS_ARRAY_OUTPUT, l->input);
    if (l->addend >= 0 && p->use[l->addend].back)
        begin_or_touch(p, FUS_ARRAY_GRADIENT, l->addend);
    if (l->input >= 0 && p->use[l->input].back)
        begin_or_touch(p, FUS_ARRAY_GRADIENT, l->input);
}

static void plan_jobs(struct planning *p, const int heads[2])
{
    for (int row = 0; row < p->arch->n_layers; row++)
        if (p->use[row].live)
            plan_forward(p, row);
    add_job(p, FUS_JOB_LOSS, -1, false);
    for (int i = 0; i < 2; i++) {
        touch(p, FUS_ARRAY_OUTPUT, heads[i]);
        if (heads[i] >= 0 && p->use[heads[i]].back)
            begin(p, FUS_ARRAY_GRADIENT, heads[i]);
    }
    for (int row = p->arch->n_layers - 1; row >= 0; row--) {
        if (!p->use[row].live || !p->use[row].back)
            continue;
        if (is_again(p, row) && ends_block(p, row))
            plan_again(p, row);
        plan_back(p, row);
    }
}

/* ---- places ---- */

static bool meet(const struct fus_train_span *a, const struct fus_train_span *b)
{
    return a->from <= b->to && b->from <= a->to;
}

/* The lowest offset without overlap with spans that live at the same time; placed[]: spans by
 * offset. */
static size_t lowest_place(const struct fus_train_plan *plan, const int *placed, int n_placed,
                           const struct fus_train_span *s)
{
    size_t at = 0;
    for (int i = 0; i < n_placed; i++) {
        const struct fus_train_span *other = &plan->spans[placed[i]];
        if (!meet(s, other))
            continue;
        if (at + s->floats <= other->offset)
            return at;
        at = other->offset + other->floats > at ? other->offset + other->floats : at;
    }
    return at;
}

static void insert(int *placed, int n_placed, int span, const struct fus_train_plan *plan)
{
    int i = n_placed;
    for (; i > 0 && plan->spans[placed[i - 1]].offset > plan->spans[span].offset; i--)
        placed[i] = placed[i - 1];
    placed[i] = span;
}

static int largest_left(const struct fus_train_plan *plan, const bool *done)
{
    int most = -1;
    for (int i = 0; i < plan->n_spans; i++)
        if (!done[i] && (most < 0 || plan->spans[i].floats > plan->spans[most].floats))
            most = i;
    return most;
}

/* Places the largest first, each at the lowest offset that is free during its lifetime. */
static int place_spans(struct fus_train_plan *plan, struct fus_error *err)
{
    int *placed = fus_base_alloc((size_t)plan->n_spans + 1, sizeof *placed);
    bool *done = fus_base_alloc((size_t)plan->n_spans + 1, sizeof *done);
    plan->floats = 0;
    for (int n = 0; placed && done && n < plan->n_spans; n++) {
        int i = largest_left(plan, done);
        struct fus_train_span *s = &plan->spans[i];
        done[i] = true;
        s->offset = lowest_place(plan, placed, n, s);
        insert(placed, n, i, plan);
        plan->floats = s->offset + s->floats > plan->floats ? s->offset + s->floats : plan->floats;
    }
    int code = placed && done ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the plan of a training step");
    fus_base_free(placed);
    fus_base_free(done);
    return code;
}

/* ---- all of it ---- */

static bool allocate(struct planning *p)
{
    size_t n = (size_t)p->arch->n_layers;
    p->plan->jobs = fus_base_alloc(4 * n + 1, sizeof *p->plan->jobs);
    p->plan->spans = fus_base_alloc(7 * n, sizeof *p->plan->spans);
    p->block = fus_base_alloc(n, sizeof *p->block);
    p->here = fus_base_alloc(n, sizeof *p->here);
    bool ok = p->plan->jobs && p->plan->spans && p->block && p->here;
    for (int i = 0; i < FUS_ARRAYS; i++) {
        p->span[i] = fus_base_alloc(n, sizeof *p->span[i]);
        ok = ok && p->span[i];
        for (size_t row = 0; ok && row < n; row++)
            p->span[i][row] = -1;
    }
    return ok;
}

/* A block is the rows up to an output that is one of `all`. The stem is block -1; the rows after
 * the last block form one that is never recomputed. */
static void number_blocks(struct planning *p)
{
    int block = -1;
    for (int row = 0; row < p->arch->n_layers; row++) {
        p->block[row] = block;
        block += ends_block(p, row);
    }
    p->plan->n_blocks = block;
}

int fus_train_plan_make(struct fus_train_plan *plan, const struct fus_arch *arch, const struct fus_train_row_use *use,
                        const int heads[2], int n, bool restore, int n_again, struct fus_error *err)
{
    memset(plan, 0, sizeof *plan);
    struct planning p = {.plan = plan, .arch = arch, .use = use, .n = (size_t)n, .restore = restore};
    int code = allocate(&p) ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the plan of a training step");
    if (!code) {
        number_blocks(&p);
        plan->n_again = n_again < plan->n_blocks ? n_again : plan->n_blocks;
        plan_jobs(&p, heads);
        code = place_spans(plan, err);
    }
    fus_base_free(p.block);
    fus_base_free(p.here);
    for (int i = 0; i < FUS_ARRAYS; i++)
        fus_base_free(p.span[i]);
    if (code)
        fus_train_plan_free(plan);
    return code;
}

void fus_train_plan_free(struct fus_train_plan *plan)
{
    fus_base_free(plan->jobs);
    fus_base_free(plan->spans);
    memset(plan, 0, sizeof *plan);
}
