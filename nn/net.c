/* A network ready to run: the table of layers, its weights folded and packed, one arena, and the walk over all
 * of it. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net.h"
#include "team.h"

/* ---- taps ---- */

/* Relative depths: how far each is on the way to the last block's output. */
static void set_depths(struct fus_tap *taps, int n)
{
    int last = 1;
    for (int i = 1; i < n; i++)
        last = taps[i].in_all ? i : last;
    for (int i = 0; i < n; i++)
        taps[i].depth = i < last ? (double)i / last : 1;
}

static int list_taps(struct fus_net *net, struct fus_error *err)
{
    size_t n = (size_t)net->arch.n_layers;
    net->taps = fus_base_alloc(n, sizeof *net->taps);
    net->tap_layer = fus_base_alloc(n, sizeof *net->tap_layer);
    net->layer_tap = fus_base_alloc(n, sizeof *net->layer_tap);
    if (!net->taps || !net->tap_layer || !net->layer_tap)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of taps");
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        net->layer_tap[i] = l->tap[0] ? net->n_taps : -1;
        if (!l->tap[0])
            continue;
        struct fus_tap *t = &net->taps[net->n_taps];
        memcpy(t->name, l->tap, sizeof t->name);
        t->channels = l->channels;
        t->height = t->width = l->side;
        t->in_all = l->in_all;
        t->order = net->n_taps;
        net->tap_layer[net->n_taps++] = i;
    }
    set_depths(net->taps, net->n_taps);
    return FUS_OK;
}

int fus_net_n_taps(const struct fus_net *net)
{
    return net->n_taps;
}

const struct fus_tap *fus_net_tap(const struct fus_net *net, int i)
{
    return &net->taps[i];
}

/* CLIP calls the last ReLU of its stem and of its blocks relu3. */
static bool same_tap(const char *asked, const char *name)
{
    size_t n = strlen(name);
    bool block_output = n >= 4 && strcmp(name + n - 4, "relu") == 0;
    return strcmp(asked, name) == 0 || (block_output && strncmp(asked, name, n) == 0 && strcmp(asked + n, "3") == 0);
}

int fus_net_find_tap(const struct fus_net *net, const char *name, struct fus_error *err)
{
    for (int i = 0; i < net->n_taps; i++)
        if (same_tap(name, net->taps[i].name))
            return i;
    char list[1600] = "";
    size_t used = 0;
    for (int i = 0; i < net->n_taps && used < sizeof list - 64; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", net->taps[i].name);
    fus_base_fail(err, FUS_ENOTFOUND, "no layer is called '%s'; there are:%s", name, list);
    return -1;
}

static int tap_called(const struct fus_net *net, const char *name)
{
    for (int i = 0; i < net->n_taps; i++)
        if (strcmp(net->taps[i].name, name) == 0)
            return i;
    return -1;
}

int fus_net_class_tap(const struct fus_net *net)
{
    return tap_called(net, "fc");
}

int fus_net_embedding_tap(const struct fus_net *net)
{
    int i = tap_called(net, "lang_head");
    if (i < 0)
        i = tap_called(net, "attnpool");
    return i < 0 ? tap_called(net, "avgpool") : i;
}

/* ---- create, destroy ---- */

/* What the layer that needs most needs while it runs: for transformed tiles a part for each thread. */
static size_t scratch_floats(const struct fus_net *net)
{
    size_t most = 0;
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        size_t n = fus_load_by_winograd(net, l)             ? (size_t)net->n_threads * fus_winograd_scratch_floats(l, net->batch)
                   : l->op == FUS_OP_ATTENTION ? fus_attnpool_scratch_floats(l, net->spec.attn_heads)
                                                   : 0;
        most = n > most ? n : most;
    }
    return most;
}

void fus_net_rest(struct fus_net *net)
{
    fus_base_free(net->weights);
    fus_base_free(net->raw);
    fus_base_free(net->arena);
    net->weights = net->raw = net->arena = NULL;
}

/* Weights and arena, which the network needs to run. */
static int wake(struct fus_net *net, struct fus_error *err)
{
    if (net->arena)
        return FUS_OK;
    net->weight_floats = net->raw_floats = 0;
    int code = fus_load_weights(net, err);
    if (!code && !(net->arena = fus_base_aligned(net->plan.arena_floats, sizeof *net->arena)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of activations", net->plan.arena_floats * sizeof *net->arena);
    if (code) {
        fus_net_rest(net);
        return code;
    }
    memset(net->arena + net->plan.picture, 0, /* the border around the pictures stays 0 for good */
           (size_t)net->batch * fus_plan_picture_floats(&net->arch) * sizeof *net->arena);
    return FUS_OK;
}

int fus_net_create(struct fus_net **out, const struct fus_net_spec *spec, const struct fus_net_options *options,
                   fus_weight_fn get, void *context, struct fus_error *err)
{
    int code;
    struct fus_net *net = fus_base_alloc(1, sizeof *net);
    if (!net)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    net->spec = *spec;
    enum fus_strands strands = options && options->low_memory   ? FUS_STRANDS_NONE
                               : options && options->batch_taps ? FUS_STRANDS_BLOCK
                                                                : FUS_STRANDS_LONG;
    net->batch = options && options->batch > 0 ? options->batch : 1;
    net->direct = options && options->direct;
    net->low_memory = options && options->low_memory;
    net->get = get;
    net->get_context = context;
    net->n_threads = fus_base_threads();
    net->kernel = fus_kernels_pick(options ? options->isa : NULL, err);
    code = net->kernel ? fus_arch_build(&net->arch, spec, err) : FUS_EUNSUPPORTED;
    if (!code) {
        net->gemms = fus_base_alloc((size_t)net->arch.n_layers, sizeof *net->gemms);
        code = net->gemms ? list_taps(net, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    }
    if (!code)
        code = fus_plan_make(&net->plan, &net->arch, net->batch, strands, scratch_floats(net), err);
    if (!code)
        code = options && options->resting ? fus_load_measure(net, err) : wake(net, err);
    if (code) {
        fus_net_destroy(net);
        return code;
    }
    *out = net;
    return FUS_OK;
}

void fus_net_destroy(struct fus_net *net)
{
    if (!net)
        return;
    fus_arch_free(&net->arch);
    fus_plan_free(&net->plan);
    fus_base_free(net->gemms);
    fus_net_rest(net);
    fus_base_free(net->taps);
    fus_base_free(net->tap_layer);
    fus_base_free(net->layer_tap);
    fus_base_free(net);
}

size_t fus_net_bytes(const struct fus_net *net)
{
    return (net->weight_floats + net->raw_floats + net->plan.arena_floats) * sizeof(float);
}

const char *fus_net_isa(const struct fus_net *net)
{
    return net->kernel->name;
}

int fus_net_input_side(const struct fus_net *net)
{
    return net->spec.input_side;
}

void fus_net_watch(struct fus_net *net, fus_batch_fn fn, void *context)
{
    net->watch = fn;
    net->watch_context = context;
}

/* ---- what it costs ---- */

int fus_net_n_layers(const struct fus_net *net)
{
    return net->arch.n_layers;
}

void fus_net_layer_info(struct fus_layer_info *info, const struct fus_net *net, int layer)
{
    static const char *const what[] = {"conv", "maxpool", "avgpool", "mean", "pad", "attention"};
    const struct fus_layer *l = &net->arch.layers[layer];
    double places = (double)l->side * l->side;
    snprintf(info->name, sizeof info->name, "%s", l->name[0] ? l->name : what[l->op]);
    snprintf(info->shape, sizeof info->shape, "%dx%dx%d %dx%d/%d", l->channels, l->side, l->side, l->kernel, l->kernel,
             l->stride);
    info->algorithm = l->op != FUS_OP_CONV ? "" : fus_load_by_winograd(net, l) ? "winograd" : "gemm";
    info->flops = l->op == FUS_OP_CONV ? 2.0 * places * l->channels * l->in_channels * l->kernel * l->kernel : 0;
}

void fus_net_time(struct fus_net *net, struct fus_net_times *times)
{
    net->times = times;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define BURST_STEPS 8000 /* some 20 microseconds; a quarter of that goes before, until the layer's last stores are through */
#define MOST_BURSTS 1024

struct bursts {
    const struct fus_kernel *kernel;
    int n;                       /* at once */
    double wall, busy, gigaflop; /* seconds that they took from the pass, seconds of all threads; in these */
    double seconds[MOST_BURSTS]; /* [n] of the last ones */
    float sums[MOST_BURSTS];     /* kept, so that nothing is optimised away */
};

static void burst(void *context, int task, int thread)
{
    struct bursts *b = context;
    (void)thread;
    float sum = b->kernel->fma_chains(BURST_STEPS / 4);
    double start = now();
    b->sums[task] = sum + b->kernel->fma_chains(BURST_STEPS);
    b->seconds[task] = now() - start;
}

static void run_bursts(struct bursts *b)
{
    double start = now();
    fus_team_for(b->n, burst, b);
    for (int i = 0; i < b->n; i++) {
        b->busy += b->seconds[i];
        b->gigaflop += 2e-9 * FUS_FMA_CHAINS * b->kernel->width * BURST_STEPS;
    }
    b->wall += now() - start;
}

/* ---- forward ---- */

/* Where a layer's output for picture p of the batch lies; layer < 0: the pictures themselves. */
static float *activation(const struct fus_net *net, int layer, int p)
{
    if (layer < 0)
        return net->arena + net->plan.picture + (size_t)p * fus_plan_picture_floats(&net->arch);
    const struct fus_layer *l = &net->arch.layers[layer];
    size_t floats = fus_tensor_blocked_size(l->channels, (size_t)l->side * (size_t)l->side);
    return net->arena + net->plan.output[layer] + (fus_plan_inner(&net->plan, layer) ? 0 : (size_t)p * floats);
}

static void run_pool(struct fus_net *net, int i, int first, int n, void (*pool)(float *, const float *, const struct fus_layer *))
{
    const struct fus_layer *l = &net->arch.layers[i];
    for (int p = first; p < first + n; p++)
        pool(activation(net, i, p), activation(net, l->input, p), l);
}

static void run_attention(struct fus_net *net, int i, int first, int n)
{
    const struct fus_layer *l = &net->arch.layers[i];
    for (int p = first; p < first + n; p++)
        fus_attnpool_run(&net->attention, activation(net, i, p), activation(net, l->input, p), net->arena + net->plan.scratch,
                         net->kernel);
}

static void run_convolution(struct fus_net *net, int i, int first, int n)
{
    const struct fus_layer *l = &net->arch.layers[i];
    float *out = activation(net, i, first);
    const float *in = activation(net, l->input, first), *addend = l->addend < 0 ? NULL : activation(net, l->addend, first);
    if (fus_load_by_winograd(net, l))
        fus_winograd_run(&net->gemms[i], out, in, addend, n, net->arena + net->plan.scratch, net->kernel);
    else
        fus_gemm_run(&net->gemms[i], out, in, addend, n, net->kernel);
}

/* Layer i for pictures first .. first+n-1 of the batch. */
static void run_layer(struct fus_net *net, int i, int first, int n)
{
    const struct fus_layer *l = &net->arch.layers[i];
    switch (l->op) {
    case FUS_OP_CONV:
        run_convolution(net, i, first, n);
        break;
    case FUS_OP_MAXPOOL:
        for (int p = first; p < first + n; p++)
            fus_pool_max(activation(net, i, p), activation(net, l->input, p), l, net->kernel);
        break;
    case FUS_OP_AVGPOOL:
        run_pool(net, i, first, n, fus_pool_average);
        break;
    case FUS_OP_MEAN:
        run_pool(net, i, first, n, fus_pool_mean);
        break;
    case FUS_OP_PAD:
        run_pool(net, i, first, n, fus_pool_pad);
        break;
    case FUS_OP_ATTENTION:
        run_attention(net, i, first, n);
        break;
    }
}

struct pass {
    struct fus_net *net;
    const float *input; /* [n, 3, side, side] */
    int n;
    const bool *wanted;
    fus_tap_fn fn;
    void *context;
    int last_tap, code;
    struct fus_error *err;
    int there; /* layer whose output is there already; -1: none is */
    int shift; /* picture number that the caller gives to the first one */
    struct bursts bursts;
};

/* A row of [3, side, side] -> a row of [side + 2 padding, side + 2 padding, 3]; the border of zeros is there already. */
static void lay_out_row(void *context, int row, int thread)
{
    const struct pass *pass = context;
    const struct fus_layer *stem = &pass->net->arch.layers[0];
    size_t side = (size_t)stem->in_side, pad = (size_t)stem->padding, pitch = side + 2 * pad;
    size_t picture = (size_t)row / side, y = (size_t)row % side;
    float *to = activation(pass->net, -1, (int)picture);
    const float *from = pass->input + picture * 3 * side * side + y * side;
    to += ((y + pad) * pitch + pad) * 3;
    (void)thread;
    for (size_t x = 0; x < side; x++)
        for (size_t c = 0; c < 3; c++)
            to[3 * x + c] = from[c * side * side + x];
}

/* The layer's output for pictures first .. first+n-1 of the batch, if it is wanted. */
static int show_tap(const struct pass *pass, int layer, int first, int n)
{
    const struct fus_net *net = pass->net;
    int tap = net->layer_tap[layer], code = FUS_OK;
    if (tap < 0 || !pass->wanted[tap])
        return FUS_OK;
    if (net->watch)
        code = net->watch(net->watch_context, tap, pass->shift + first, n, activation(net, layer, first));
    for (int p = first; p < first + n && pass->fn && !code; p++)
        code = pass->fn(pass->context, tap, pass->shift + p, activation(net, layer, p));
    return code;
}

/* Layer i for pictures first .. first+n-1 of the batch. */
static int visit_layer(struct pass *pass, int i, int first, int n)
{
    struct fus_net *net = pass->net;
    int code = FUS_OK;
    if (fus_base_stopping())
        return fus_base_fail(pass->err, FUS_ESTOPPED, "stopped");
    if (net->times)
        run_bursts(&pass->bursts);
    double start = net->times ? now() : 0;
    if (net->low_memory && i != pass->there)
        code = fus_load_layer_again(net, i, pass->err);
    if (code)
        return code;
    if (i != pass->there)
        run_layer(net, i, first, n);
    if (net->times)
        net->times->layers[i] += now() - start;
    return FUS_OK;
}

/* Layers i .. the end of the strand or the last that is wanted, for each picture after the other; what has room for all of the batch is shown
 * at once. */
static int walk_strand(struct pass *pass, int i, int end)
{
    int code = FUS_OK;
    for (int p = 0; p < pass->n && !code; p++)
        for (int j = i; j <= end && !code; j++) {
            code = visit_layer(pass, j, p, 1);
            if (!code && fus_plan_inner(&pass->net->plan, j))
                code = show_tap(pass, j, p, 1);
        }
    return code || fus_plan_inner(&pass->net->plan, end) ? code : show_tap(pass, end, 0, pass->n);
}

static int walk_layer(struct pass *pass, int i)
{
    int code = visit_layer(pass, i, 0, pass->n);
    return code ? code : show_tap(pass, i, 0, pass->n);
}

static void walk_layers(void *context)
{
    struct pass *pass = context;
    struct fus_net *net = pass->net;
    int last = pass->last_tap < 0 ? -1 : net->tap_layer[pass->last_tap];
    if (pass->there < 0)
        fus_team_for(pass->n * net->spec.input_side, lay_out_row, pass);
    for (int i = pass->there < 0 ? 0 : pass->there, end; i <= last && !pass->code; i = end + 1) {
        bool strand = fus_plan_inner(&net->plan, i);
        end = strand && net->plan.strand_end[i] < last ? net->plan.strand_end[i] : strand ? last : i;
        pass->code = strand ? walk_strand(pass, i, end) : walk_layer(pass, i);
    }
}

static void start_times(struct pass *pass)
{
    const struct fus_net *net = pass->net;
    pass->bursts = (struct bursts){.kernel = net->kernel, .n = fus_base_threads() < MOST_BURSTS ? fus_base_threads() : MOST_BURSTS};
    for (int i = 0; net->times && i < net->arch.n_layers; i++)
        net->times->layers[i] = 0;
}

static void end_times(struct pass *pass, double seconds)
{
    const struct bursts *b = &pass->bursts;
    if (!pass->net->times)
        return;
    pass->net->times->pass = seconds - b->wall;
    pass->net->times->peak = b->busy > 0 ? b->n * b->gigaflop / b->busy : 0;
}

static int run_pass(struct pass *pass)
{
    int code = wake(pass->net, pass->err);
    if (code)
        return code;
    pass->last_tap = pass->net->n_taps - 1;
    while (pass->last_tap >= 0 && !pass->wanted[pass->last_tap])
        pass->last_tap--;
    start_times(pass);
    double start = now();
    fus_team_run(walk_layers, pass);
    end_times(pass, now() - start);
    return pass->code;
}

int fus_net_forward(struct fus_net *net, const float *input, int n, const bool *wanted, fus_tap_fn fn, void *context,
                    struct fus_error *err)
{
    if (n < 1 || n > net->batch)
        return fus_base_fail(err, FUS_EINVAL, "%d pictures at once; the network was made for 1 to %d", n, net->batch);
    if (fus_base_threads() > net->n_threads)
        return fus_base_fail(err, FUS_EINVAL, "more threads now than when the network was made");
    struct pass pass = {.net = net, .input = input, .n = n, .wanted = wanted, .fn = fn, .context = context, .err = err, .there = -1};
    return run_pass(&pass);
}

bool fus_net_can_continue(const struct fus_net *net, int tap)
{
    int from = net->tap_layer[tap];
    for (int i = from + 1; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (l->input < from || (l->addend >= 0 && l->addend < from))
            return false;
    }
    return true;
}

int fus_net_continue(struct fus_net *net, int tap, const float *blocked, int n, const bool *wanted, fus_tap_fn fn, void *context,
                     struct fus_error *err)
{
    int layer = net->tap_layer[tap], step = fus_plan_inner(&net->plan, layer) ? 1 : n;
    const struct fus_layer *l = &net->arch.layers[layer];
    size_t floats = fus_tensor_blocked_size(l->channels, (size_t)l->side * (size_t)l->side);
    if (n < 1 || n > net->batch || fus_base_threads() > net->n_threads || !fus_net_can_continue(net, tap))
        return fus_base_fail(err, FUS_EINVAL, "%s: %d pictures cannot be continued from here", net->taps[tap].name, n);
    int code = wake(net, err);
    for (int p = 0; p < n && !code; p += step) {
        struct pass pass = {.net = net, .n = step, .wanted = wanted, .fn = fn, .context = context, .err = err, .there = layer, .shift = p};
        memcpy(activation(net, layer, 0), blocked + (size_t)p * floats, (size_t)step * floats * sizeof *blocked);
        code = run_pass(&pass);
    }
    return code;
}
