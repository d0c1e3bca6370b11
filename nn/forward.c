/* The forward pass over the table of layers.
 *
 *   fus_net_forward, fus_net_continue    check the arguments
 *   run_pass                             allocates, starts the threads
 *   walk_layers                          layer by layer, or a segment image by image (plan.h)
 *   visit_layer, show_tap                runs one layer; hands its output to the caller
 *   run_layer                            the layer's operator (op.h) on the arena */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/net.h"
#include "nn/profile.h"

struct pass {
    struct fus_net *net;
    const float *input; /* [n, 3, side, side]; NULL if the pass begins with a given layer's output */
    int n;
    const bool *wanted; /* [n_taps] */
    fus_tap_fn fn;
    void *context;
    int given;         /* layer whose output is in the arena already; -1: none */
    int first_picture; /* the caller's number of picture 0 */
    int last_layer;    /* the last one with a wanted tap; -1: none */
    struct fus_profile profile;
    int code;
    struct fus_error *err;
};

/* ---- one layer ---- */

/* Address of a layer's output for picture p of the batch; layer < 0: the pictures. */
static float *activation(const struct fus_net *net, int layer, int p)
{
    if (layer < 0)
        return net->arena + net->plan.picture + (size_t)p * fus_plan_picture_floats(&net->arch);
    size_t one = fus_layer_floats(&net->arch.layers[layer]);
    return net->arena + net->plan.output[layer] + (fus_plan_is_inner(&net->plan, layer) ? 0 : (size_t)p * one);
}

static struct fus_op_run run_of(struct fus_net *net, int i, int first, int n)
{
    const struct fus_layer *l = &net->arch.layers[i];
    return (struct fus_op_run){
        .layer = l,
        .packed = net->packed[i],
        .out = activation(net, i, first),
        .in = activation(net, l->input, first),
        .addend = l->addend < 0 ? NULL : activation(net, l->addend, first),
        .n = n,
        .scratch = net->arena + net->plan.scratch,
        .kernel = net->kernel,
    };
}

/* Layer i for pictures first .. first+n-1 of the batch. */
static void run_layer(struct fus_net *net, int i, int first, int n)
{
    const struct fus_op_run a = run_of(net, i, first, n);
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
    fus_profile_start_layer(&pass->profile);
    if (pass->net->low_memory)
        code = fus_load_layer(pass->net, i, pass->err);
    if (code)
        return code;
    run_layer(pass->net, i, first, n);
    fus_profile_end_layer(&pass->profile, i);
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
        code = net->watch(net->watch_context, tap, pass->first_picture + first, n, activation(net, layer, first));
    if (net->watch && net->arch.layers[layer].op == FUS_OP_PICK) {
        const struct fus_op_run a = run_of(net, layer, first, n);
        fus_tokens_put_back(&a); /* later layers read the rows that were copied */
    }
    for (int p = first; p < first + n && pass->fn && !code; p++)
        code = pass->fn(pass->context, tap, pass->first_picture + p, activation(net, layer, p));
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
    float *to = activation(pass->net, -1, (int)picture) + ((y + pad) * pitch + pad) * 3;
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

/* Whether the layer's only purpose is a tap that nobody wants. */
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

static void walk_layers(void *context)
{
    struct pass *pass = context;
    const struct fus_plan *plan = &pass->net->plan;
    if (pass->given < 0)
        fus_threads_for(pass->n * pass->net->spec.input_side, interleave_row, pass);
    for (int i = pass->given < 0 ? 0 : pass->given, end; i <= pass->last_layer && !pass->code; i = end + 1) {
        end = plan->segment_end[i] < pass->last_layer ? plan->segment_end[i] : pass->last_layer;
        pass->code = fus_plan_is_inner(plan, i) ? walk_segment(pass, i, end) : walk_layer(pass, i);
    }
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
    fus_profile_start(&pass->profile, pass->net);
    fus_threads_run(walk_layers, pass);
    fus_profile_end(&pass->profile);
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
    int code = fus_net_allocate(net, err);
    for (int p = 0; p < n && !code; p += step) {
        struct pass pass = {.net = net,
                            .n = step,
                            .wanted = wanted,
                            .fn = fn,
                            .context = context,
                            .given = layer,
                            .first_picture = p,
                            .err = err};
        memcpy(activation(net, layer, 0), blocked + (size_t)p * floats, (size_t)step * floats * sizeof *blocked);
        code = run_pass(&pass);
    }
    return code;
}
