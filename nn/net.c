/* SPDX-License-Identifier: MIT */
/* A network ready to run: creation, release and destruction; its taps; the properties and costs of
 * its layers. forward.c runs it, load.c fills it with weights. */
#include <stdio.h>
#include <string.h>

#include "nn/net.h"

/* ---- taps ---- */

/* Relative depths: the order of each tap over the order of the last block's output. */
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
        t->height = l->height;
        t->width = l->width;
        t->in_all = l->in_all;
        t->is_signed = l->is_signed;
        t->is_stream = l->is_stream;
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

/* Other libraries' names of a transformer's taps: their beginning and end -> ours. */
static bool same_token_tap(const char *asked, const char *name)
{
    static const char *const begins[][2] = {{"visual.", ""},
                                            {"vision_model.", ""},
                                            {"transformer.resblocks.", "blocks."},
                                            {"encoder.layers.encoder_layer_", "blocks."},
                                            {"encoder.layers.", "blocks."}};
    static const char *const ends[][2] = {{".mlp.act", ".mlp"}, {".mlp.gelu", ".mlp"}};
    static const char *const whole[][2] = {
        {"ln_pre", "tokens"}, {"norm_pre", "tokens"},    {"pre_layrnorm", "tokens"},
        {"norm", "ln_post"},  {"encoder.ln", "ln_post"}, {"post_layernorm", "ln_post"},
        {"head", "fc"},       {"heads.head", "fc"},      {"visual_projection", "proj"}};
    char text[64];
    snprintf(text, sizeof text, "%s", asked);
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        size_t n = strlen(begins[i][0]);
        char rest[64];
        if (strncmp(text, begins[i][0], n) != 0)
            continue;
        snprintf(rest, sizeof rest, "%s", text + n);
        snprintf(text, sizeof text, "%s%.50s", begins[i][1], rest);
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(text), m = strlen(ends[i][0]);
        if (n > m && strcmp(text + n - m, ends[i][0]) == 0)
            snprintf(text + n - m, sizeof text - (n - m), "%s", ends[i][1]);
    }
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(text, whole[i][0]) == 0)
            snprintf(text, sizeof text, "%s", whole[i][1]);
    return strcmp(text, name) == 0;
}

/* CLIP calls the last ReLU of its stem and of its blocks relu3. */
static bool same_tap(const char *asked, const char *name, bool tokens)
{
    size_t n = strlen(name);
    if (tokens && same_token_tap(asked, name))
        return true;
    bool block_output = n >= 4 && strcmp(name + n - 4, "relu") == 0;
    return strcmp(asked, name) == 0 || (block_output && strncmp(asked, name, n) == 0 && strcmp(asked + n, "3") == 0);
}

int fus_net_find_tap(const struct fus_net *net, const char *name, struct fus_error *err)
{
    for (int i = 0; i < net->n_taps; i++)
        if (same_tap(name, net->taps[i].name, net->spec.kind == FUS_NET_VIT))
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

static int first_tap(const struct fus_net *net, const char *const *names, size_t n)
{
    int tap = -1;
    for (size_t i = 0; i < n && tap < 0; i++)
        tap = tap_called(net, names[i]);
    return tap;
}

int fus_net_class_tap(const struct fus_net *net)
{
    static const char *const names[] = {"fc", "classifier.6", "classifier.2", "decoder"};
    return first_tap(net, names, sizeof names / sizeof *names);
}

int fus_net_embedding_tap(const struct fus_net *net)
{
    /* ConvNeXt's classifier.0 is its last layer norm; AlexNet's classifier.5 and VGG's classifier.4
     * are the ReLU before the classes. */
    static const char *const names[] = {"lang_head", "attnpool",     "classifier.0", "proj",           "avgpool",
                                        "ln_post",   "classifier.5", "classifier.4", "decoder.avgpool"};
    return first_tap(net, names, sizeof names / sizeof *names);
}

/* ---- create ---- */

/* Convolutions run by Winograd's algorithm where their shape allows it, unless the caller wants the
 * direct sum, or products of bf16 numbers. */
static void choose_algorithms(struct fus_net *net, bool direct)
{
    for (int i = 0; i < net->arch.n_layers; i++) {
        struct fus_layer *l = &net->arch.layers[i];
        l->bf16 = l->op == FUS_OP_CONV ? net->bf16 : NULL;
        l->winograd = !direct && !net->bf16 && fus_winograd_fits(l);
    }
}

/* Of the layer that needs the most. */
static size_t scratch_floats(const struct fus_net *net)
{
    size_t most = 0;
    int threads = net->apart ? 1 : net->n_threads;
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        const struct fus_op *op = &fus_op_table[l->op];
        size_t n = op->scratch_floats ? op->scratch_floats(l, net->group, threads) : 0;
        most = n > most ? n : most;
    }
    return most;
}

static int make_plan(struct fus_net *net, bool batch_taps, struct fus_error *err)
{
    bool joined = net->arch.layers[0].joined; /* the rows of all pictures: no picture has a part of its own */
    enum fus_segments segments = net->low_memory || joined || net->apart ? FUS_SEGMENTS_NONE
                                 : batch_taps                            ? FUS_SEGMENTS_BLOCK
                                                                         : FUS_SEGMENTS_LONG;
    int code = fus_plan_make(&net->plan, &net->arch, net->group, segments, scratch_floats(net), err);
    if (!code && net->apart && net->plan.arena_floats > SIZE_MAX / 16 / (size_t)net->n_threads)
        code = fus_base_fail(err, FUS_ENOMEM, "activations of %d threads do not fit in memory", net->n_threads);
    return code;
}

/* Everything but the large memory: table of layers, taps, plan, sizes. */
static int create_tables(struct fus_net **out, const struct fus_net_spec *spec, const struct fus_net_options *options,
                         struct fus_error *err)
{
    static const struct fus_net_options defaults;
    struct fus_net *net = fus_base_alloc(1, sizeof *net);
    if (!net)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    options = options ? options : &defaults;
    net->spec = *spec;
    net->batch = options->batch > 0 ? options->batch : 1;
    net->low_memory = options->low_memory;
    net->n_threads = fus_base_threads();
    net->kernel = fus_kernels_pick(options->isa, err);
    if (net->kernel && options->precision == FUS_PRECISION_BF16)
        net->bf16 = fus_kernels_pick_bf16(options->isa, err);
    bool runs = net->kernel && (net->bf16 || options->precision == FUS_PRECISION_FP32);
    int code = runs ? fus_arch_build(&net->arch, spec, err) : FUS_EUNSUPPORTED;
    if (!code) {
        choose_algorithms(net, options->direct);
        net->packed = fus_base_alloc((size_t)net->arch.n_layers, sizeof *net->packed);
        code = net->packed ? list_taps(net, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    }
    code = code ? code : fus_load_measure(net, err);
    if (!code) {
        fus_sharing_choose(net, options->apart);
        code = make_plan(net, options->batch_taps, err);
    }
    if (code) {
        fus_net_destroy(net);
        return code;
    }
    *out = net;
    return FUS_OK;
}

int fus_net_create(struct fus_net **out, const struct fus_net_spec *spec, const struct fus_net_options *options,
                   fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_net *net = NULL;
    int code = create_tables(&net, spec, options, err);
    if (code)
        return code;
    net->get = get;
    net->get_context = context;
    code = options && options->resting ? FUS_OK : fus_net_allocate(net, err);
    if (code) {
        fus_net_destroy(net);
        return code;
    }
    *out = net;
    return FUS_OK;
}

/* ---- create in the caller's memory ---- */

#define ALIGNMENT 64

/* Places blocks one after another in memory; memory NULL: only counts bytes. */
struct placing {
    uint8_t *memory;
    size_t used;
};

/* n bytes, a copy of old; old may be NULL. */
static void *place(struct placing *p, const void *old, size_t n)
{
    uint8_t *at = p->memory ? p->memory + p->used : NULL;
    p->used += (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (at && old)
        memcpy(at, old, n);
    return at;
}

/* Of all threads' arenas. */
static size_t arena_floats(const struct fus_net *net)
{
    return (net->apart ? (size_t)net->n_threads : 1) * net->plan.arena_floats;
}

/* The buffer for a layer's unpacked weights is needed only during loading, when the arena is
 * unused, so the two share memory; with low_memory it is needed in every pass. */
static size_t shared_floats(const struct fus_net *net)
{
    size_t arena = arena_floats(net);
    return net->low_memory || arena > net->raw_floats ? arena : net->raw_floats;
}

/* A copy of the network's tables, and room for its weights and activations. */
static struct fus_net *place_net(struct placing *p, const struct fus_net *net)
{
    size_t n = (size_t)net->arch.n_layers;
    struct fus_net copy = *net, *to = place(p, NULL, sizeof *to);
    copy.in_place = true;
    copy.arch.layers = place(p, net->arch.layers, n * sizeof *net->arch.layers);
    copy.packed = place(p, net->packed, n * sizeof *net->packed);
    copy.taps = place(p, net->taps, n * sizeof *net->taps);
    copy.tap_layer = place(p, net->tap_layer, n * sizeof *net->tap_layer);
    copy.layer_tap = place(p, net->layer_tap, n * sizeof *net->layer_tap);
    copy.plan.output = place(p, net->plan.output, n * sizeof *net->plan.output);
    copy.plan.last_use = place(p, net->plan.last_use, n * sizeof *net->plan.last_use);
    copy.plan.segment_end = place(p, net->plan.segment_end, n * sizeof *net->plan.segment_end);
    copy.weights = place(p, NULL, net->weight_floats * sizeof *net->weights);
    copy.arena = place(p, NULL, shared_floats(net) * sizeof *net->arena);
    copy.raw = net->low_memory ? place(p, NULL, net->raw_floats * sizeof *net->raw) : copy.arena;
    if (to)
        *to = copy;
    return to;
}

int fus_net_measure(size_t *bytes, const struct fus_net_spec *spec, const struct fus_net_options *options,
                    struct fus_error *err)
{
    struct fus_net *tables = NULL;
    struct placing p = {NULL, 0};
    int code = create_tables(&tables, spec, options, err);
    if (code)
        return code;
    place_net(&p, tables);
    fus_net_destroy(tables);
    *bytes = p.used;
    return FUS_OK;
}

int fus_net_create_in(struct fus_net **out, void *memory, size_t bytes, const struct fus_net_spec *spec,
                      const struct fus_net_options *options, fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_net *tables = NULL, *net;
    struct placing count = {NULL, 0}, p = {memory, 0};
    if ((uintptr_t)memory % ALIGNMENT)
        return fus_base_fail(err, FUS_EINVAL, "memory for a network must lie at a multiple of %d bytes", ALIGNMENT);
    int code = create_tables(&tables, spec, options, err);
    if (code)
        return code;
    place_net(&count, tables);
    if (count.used > bytes) {
        fus_net_destroy(tables);
        return fus_base_fail(err, FUS_ELIMIT, "the network needs %zu bytes, %zu were given", count.used, bytes);
    }
    net = place_net(&p, tables);
    fus_net_destroy(tables);
    net->get = get;
    net->get_context = context;
    code = fus_net_allocate(net, err);
    if (!code)
        *out = net;
    return code;
}

/* ---- memory ---- */

static int allocate_blocks(struct fus_net *net, struct fus_error *err)
{
    if (net->in_place)
        return FUS_OK;
    net->weights = fus_base_aligned(net->weight_floats, sizeof *net->weights);
    net->raw = fus_base_aligned(net->raw_floats, sizeof *net->raw);
    if (!net->weights || !net->raw)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of weights",
                             net->weight_floats * sizeof *net->weights);
    return FUS_OK;
}

static int allocate_arena(struct fus_net *net, struct fus_error *err)
{
    if (!net->low_memory && !net->in_place) {
        fus_base_free(net->raw);
        net->raw = NULL;
    }
    if (!net->in_place)
        net->arena = fus_base_aligned(arena_floats(net), sizeof *net->arena);
    if (!net->arena)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of activations",
                             arena_floats(net) * sizeof *net->arena);
    for (size_t at = 0; at < arena_floats(net); at += net->plan.arena_floats)
        memset(net->arena + at + net->plan.picture, 0, /* the border around the pictures is never written again */
               (size_t)net->group * fus_plan_picture_floats(&net->arch) * sizeof *net->arena);
    return FUS_OK;
}

int fus_net_allocate(struct fus_net *net, struct fus_error *err)
{
    if (net->ready)
        return FUS_OK;
    int code = allocate_blocks(net, err);
    if (!code && !net->low_memory)
        code = fus_load_weights(net, err);
    if (!code)
        code = allocate_arena(net, err);
    net->ready = !code;
    if (code)
        fus_net_release(net);
    return code;
}

void fus_net_release(struct fus_net *net)
{
    if (net->in_place)
        return;
    fus_base_free(net->weights);
    fus_base_free(net->raw);
    fus_base_free(net->arena);
    net->weights = net->raw = net->arena = NULL;
    net->ready = false;
}

void fus_net_destroy(struct fus_net *net)
{
    if (!net || net->in_place)
        return;
    fus_net_release(net);
    fus_arch_free(&net->arch);
    fus_plan_free(&net->plan);
    fus_base_free(net->packed);
    fus_base_free(net->taps);
    fus_base_free(net->tap_layer);
    fus_base_free(net->layer_tap);
    fus_base_free(net);
}

size_t fus_net_bytes(const struct fus_net *net)
{
    return (net->weight_floats + (net->low_memory ? net->raw_floats : 0) + arena_floats(net)) * sizeof(float);
}

int fus_net_batch(const struct fus_net *net)
{
    return net->batch;
}

bool fus_net_is_apart(const struct fus_net *net)
{
    return net->apart;
}

/* ---- properties ---- */

const char *fus_net_isa(const struct fus_net *net)
{
    return net->bf16 ? net->bf16->name : net->kernel->name;
}

const char *fus_net_precision_name(enum fus_precision precision)
{
    return precision == FUS_PRECISION_BF16 ? "bf16" : "fp32";
}

void fus_net_watch(struct fus_net *net, fus_batch_fn fn, void *context)
{
    net->watch = fn;
    net->watch_context = context;
}

void fus_net_time(struct fus_net *net, struct fus_net_times *times)
{
    net->times = times;
}

int fus_net_n_layers(const struct fus_net *net)
{
    return net->arch.n_layers;
}

void fus_net_layer_info(struct fus_layer_info *info, const struct fus_net *net, int layer)
{
    const struct fus_layer *l = &net->arch.layers[layer];
    const struct fus_op *op = &fus_op_table[l->op];
    snprintf(info->name, sizeof info->name, "%s", l->name[0] ? l->name : op->name);
    snprintf(info->shape, sizeof info->shape, "%dx%dx%d %dx%d/%d", l->channels, l->height, l->width, l->kernel,
             l->kernel, l->stride);
    info->algorithm = op->algorithm ? op->algorithm(l) : "";
    info->flops = op->flops ? op->flops(l) : 0;
}
