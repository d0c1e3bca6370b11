/* SPDX-License-Identifier: MIT */
/* The forward pass over the table of layers.
 *
 *   fus_net_forward, fus_net_continue    check the arguments
 *   run_pass                             allocates, starts the threads
 *   walk_groups, walk_group              where layers are short, a thread a group of images
 *   walk_layers                          layer by layer, or a segment image by image (plan.h)
 *   visit_layer, show_tap                runs one layer; hands its output to the caller
 *   run_layer                            the layer's operator (op.h) on the arena */
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/net.h"
#include "nn/profile.h"

struct pass {
    struct fus_net *net;
    float *arena;       /* [plan.arena_floats] */
    const float *input; /* [n, 3, side, side], or a given layer's output [n, blocks, H*W, 16] */
    int n;
    const bool *wanted; /* [n_taps] */
    fus_tap_fn fn;
    void *context;
    int given;                   /* layer whose output `input` is; -1: none */
    int first_picture;           /* the caller's number of picture 0 */
    int last_layer;              /* the last one with a wanted tap; -1: none */
    struct fus_profile *profile; /* NULL in a group's pass */
    int code;
    struct fus_error *err;
};

/* ---- one layer ---- */

/* Address of a layer's output for picture p of the batch; layer < 0: the pictures. */
static float *activation(const struct pass *pass, int layer, int p)
{
    const struct fus_net *net = pass->net;
    if (layer < 0)
        return pass->arena + net->plan.picture + (size_t)p * fus_plan_picture_floats(&net->arch);
    size_t one = fus_layer_floats(&net->arch.layers[layer]);
    return pass->arena + net->plan.output[layer] + (fus_plan_is_inner(&net->plan, layer) ? 0 : (size_t)p * one);
}

static struct fus_op_run run_of(const struct pass *pass, int i, int first, int n)
{
    const struct fus_net *net = pass->net;
    const struct fus_layer *l = &net->arch.layers[i];
    return (struct fus_op_run){
        .layer = l,
        .packed = net->packed[i],
        .out = activation(pass, i, first),
        .in = activation(pass, l->input, first),
        .addend = l->addend < 0 ? NULL : activation(pass, l->addend, first),
        .n = n,
        .scratch = pass->arena + net->plan.scratch,
        .kernel = net->kernel,
    };
}

/* Layer i for pictures first .. first+n-1 of the batch. */
static void run_layer(const struct pass *pass, int i, int first, int n)
{
    const struct fus_op_run a = run_of(pass, i, first, n);
    fus_op_table[a.layer->op].run(&a);
}

/* Runs a layer with a check for cancellation, its weights if they are loaded per pass, and
 * timing. */
static int visit_layer(struct pass *pass, int i, int first, int n)
{
    int code = FUS_OK;
    if (fus_base_stopping())
        return fus_base_fail(pass->err, FUS_ESTOPPED, "stopped");
    if (i == pass->given)
        return FUS_OK;
    if (pass->profile)
        fus_profile_start_layer(pass->profile);
    if (pass->net->low_memory)
        code = fus_load_layer(pass->net, i, pass->err);
    if (code)
        return code;
    run_layer(pass, i, first, n);
    if (pass->profile)
        fus_profile_end_layer(pass->profile, i);
    return FUS_OK;
}

/* The layer's output for pictures first .. first+n-1 of the batch, if it is wanted. */
static int show_tap(const struct pass *pass, int layer, int first, int n)
{
    struct fus_net *net = pass->net;
    int tap = net->layer_tap[layer], code = FUS_OK;
    if (tap < 0 || !pass->wanted[tap])
        return FUS_OK;
    if (net->watch)
        code = net->watch(net->watch_context, tap, pass->first_picture + first, n, activation(pass, layer, first));
    if (net->watch && net->arch.layers[layer].op == FUS_OP_PICK) {
        const struct fus_op_run a = run_of(pass, layer, first, n);
        fus_tokens_put_back(&a); /* later layers read the rows that were copied */
    }
    for (int p = first; p < first + n && pass->fn && !code; p++)
        code = pass->fn(pass->context, tap, pass->first_picture + p, activation(pass, layer, p));
    return code;
}

/* ---- the walk ---- */

/* A row of [3, side, side] -> a row of [side + 2 padding, side + 2 padding, 3] inside its border of
 * zeros. */
static void interleave_row(void *context, int row, int thread)
{
    const struct pass *pass = context;
    const struct fus_layer *stem = &pass->net->arch.layers[0];
    size_t side = (size_t)stem->in_width, pad = (size_t)stem->padding, pitch = side + 2 * pad;
    size_t picture = (size_t)row / side, y = (size_t)row % side;
    float *to = activation(pass, -1, (int)picture) + ((y + pad) * pitch + pad) * 3;
    const float *from = pass->input + picture * 3 * side * side + y * side;
    (void)thread;
    for (size_t x = 0; x < side; x++)
        for (size_t c = 0; c < 3; c++)
            to[3 * x + c] = from[c * side * side + x];
}

/* Layers i .. end, image by image. Inner outputs are shown image by image too, the segment's last
 * one for the whole batch at once. */
static int walk_segment(struct pass *pass, int i, int end)
{
    const struct fus_plan *plan = &pass->net->plan;
    int code = FUS_OK;
    for (int p = 0; p < pass->n && !code; p++)
        for (int j = i; j <= end && !code; j++) {
            code = visit_layer(pass, j, p, 1);
            if (!code && fus_plan_is_inner(plan, j))
                code = show_tap(pass, j, p, 1);
        }
    return code || fus_plan_is_inner(plan, end) ? code : show_tap(pass, end, 0, pass->n);
}

/* Whether the layer serves a tap alone, and the tap is not wanted in this pass. */
static bool is_idle(const struct pass *pass, int i)
{
    const struct fus_net *net = pass->net;
    return net->arch.layers[i].op == FUS_OP_PICK && net->plan.last_use[i] == i && !pass->wanted[net->layer_tap[i]];
}

static int walk_layer(struct pass *pass, int i)
{
    if (is_idle(pass, i))
        return FUS_OK;
    int code = visit_layer(pass, i, 0, pass->n);
    return code ? code : show_tap(pass, i, 0, pass->n);
}

/* Floats of a picture of the pass's input. */
static size_t input_floats(const struct pass *pass)
{
    size_t side = (size_t)pass->net->spec.input_side;
    return pass->given < 0 ? 3 * side * side : fus_layer_floats(&pass->net->arch.layers[pass->given]);
}

static void take_input(struct pass *pass)
{
    if (pass->given < 0)
        fus_threads_for(pass->n * pass->net->spec.input_side, interleave_row, pass);
    else
        memcpy(activation(pass, pass->given, 0), pass->input,
               (size_t)pass->n * input_floats(pass) * sizeof *pass->input);
}

static void walk_layers(void *context)
{
    struct pass *pass = context;
    const struct fus_plan *plan = &pass->net->plan;
    take_input(pass);
    for (int i = pass->given < 0 ? 0 : pass->given, end; i <= pass->last_layer && !pass->code; i = end + 1) {
        end = plan->segment_end[i] < pass->last_layer ? plan->segment_end[i] : pass->last_layer;
        pass->code = fus_plan_is_inner(plan, i) ? walk_segment(pass, i, end) : walk_layer(pass, i);
    }
}

/* A pass whose pictures are shared out. */
struct sharing {
    const struct pass *whole;
    int n_groups;
    pthread_mutex_t mutex; /* of the rest */
    int bad, code;         /* the first group known to fail, after which none is walked, and its code */
};

static bool is_needed(struct sharing *s, int group)
{
    pthread_mutex_lock(&s->mutex);
    bool needed = group < s->bad;
    pthread_mutex_unlock(&s->mutex);
    return needed;
}

static void note_failure(struct sharing *s, int group, const struct pass *pass)
{
    pthread_mutex_lock(&s->mutex);
    if (group < s->bad) {
        s->bad = group;
        s->code = pass->code;
        if (s->whole->err && pass->err->code)
            *s->whole->err = *pass->err;
    }
    pthread_mutex_unlock(&s->mutex);
}

/* The pictures of one group through all layers, in this thread's arena. */
static void walk_group(void *context, int group, int thread)
{
    struct sharing *s = context;
    struct pass pass = *s->whole;
    struct fus_error err = {0};
    int first = (int)((long long)pass.n * group / s->n_groups),
        end = (int)((long long)pass.n * (group + 1) / s->n_groups);
    pass.arena += (size_t)thread * pass.net->plan.arena_floats;
    pass.input += (size_t)first * input_floats(&pass);
    pass.first_picture += first;
    pass.n = end - first;
    pass.profile = NULL;
    pass.err = &err;
    if (!is_needed(s, group))
        return;
    walk_layers(&pass);
    if (pass.code)
        note_failure(s, group, &pass);
}

static void walk_first_group(void *context)
{
    walk_group(context, 0, 0);
}

/* At least as many groups as threads, if there are as many pictures. */
static void walk_groups(void *context)
{
    struct pass *pass = context;
    int threads = pass->net->n_threads < pass->n ? pass->net->n_threads : pass->n,
        n_groups = (pass->n + pass->net->group - 1) / pass->net->group;
    struct sharing s = {.whole = pass, .n_groups = n_groups < threads ? threads : n_groups, .bad = INT_MAX};
    fus_profile_start_layer(pass->profile); /* the CPU's limit alone: layers have no times of their own */
    pthread_mutex_init(&s.mutex, NULL);
    if (s.n_groups == 1)
        fus_threads_alone(walk_first_group, &s);
    else
        fus_threads_for(s.n_groups, walk_group, &s);
    pthread_mutex_destroy(&s.mutex);
    pass->code = s.code;
}

static int last_wanted_layer(const struct fus_net *net, const bool *wanted)
{
    for (int tap = net->n_taps - 1; tap >= 0; tap--)
        if (wanted[tap])
            return net->tap_layer[tap];
    return -1;
}

static int run_pass(struct pass *pass)
{
    int code = fus_net_allocate(pass->net, pass->err);
    if (code)
        return code;
    pass->last_layer = last_wanted_layer(pass->net, pass->wanted);
    pass->arena = pass->net->arena;
    struct fus_profile profile;
    pass->profile = &profile;
    fus_profile_start(&profile, pass->net);
    fus_threads_run(pass->net->apart ? walk_groups : walk_layers, pass);
    fus_profile_end(&profile);
    return pass->code;
}

/* ---- the calls ---- */

int fus_net_forward(struct fus_net *net, const float *input, int n, const bool *wanted, fus_tap_fn fn, void *context,
                    struct fus_error *err)
{
    if (n < 1 || n > net->batch)
        return fus_base_fail(err, FUS_EINVAL, "%d pictures at once; the network was made for 1 to %d", n, net->batch);
    if (fus_base_threads() > net->n_threads)
        return fus_base_fail(err, FUS_EINVAL, "more threads now than when the network was made");
    struct pass pass = {
        .net = net, .input = input, .n = n, .wanted = wanted, .fn = fn, .context = context, .given = -1, .err = err};
    return run_pass(&pass);
}

bool fus_net_can_continue(const struct fus_net *net, int tap)
{
    int from = net->tap_layer[tap];
    for (int i = from + 1; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (net->arch.layers[from].joined || l->input < from || (l->addend >= 0 && l->addend < from))
            return false;
    }
    return true;
}

int fus_net_continue(struct fus_net *net, int tap, const float *blocked, int n, const bool *wanted, fus_tap_fn fn,
                     void *context, struct fus_error *err)
{
    int layer = net->tap_layer[tap], step = fus_plan_is_inner(&net->plan, layer) ? 1 : n;
    size_t floats = fus_layer_floats(&net->arch.layers[layer]);
    if (n < 1 || n > net->batch || fus_base_threads() > net->n_threads || !fus_net_can_continue(net, tap))
        return fus_base_fail(err, FUS_EINVAL, "%s: %d pictures cannot be continued from here", net->taps[tap].name, n);
    int code = FUS_OK;
    for (int p = 0; p < n && !code; p += step) {
        struct pass pass = {.net = net,
                            .input = blocked + (size_t)p * floats,
                            .n = step,
                            .wanted = wanted,
                            .fn = fn,
                            .context = context,
                            .given = layer,
                            .first_picture = p,
                            .err = err};
        code = run_pass(&pass);
    }
    return code;
}
