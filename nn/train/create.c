/* SPDX-License-Identifier: MIT */
/* A network in training: creation, the plan for the memory available, destruction. */
#include <math.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/train/engine.h"

/* ---- which rows, which parameters ---- */

static int row_with_tap(const struct fus_arch *arch, const char *name)
{
    for (int i = 0; i < arch->n_layers; i++)
        if (strcmp(arch->layers[i].tap, name) == 0)
            return i;
    return -1;
}

static int find_heads(struct fus_train *t, struct fus_error *err)
{
    bool classes = t->options.classify_weight != 0, language = t->options.language_weight != 0;
    int language_row = row_with_tap(&t->arch, t->spec.attn_dim ? "attnpool" : "lang_head");
    t->heads[FUS_HEAD_CLASSES] = classes ? row_with_tap(&t->arch, "fc") : -1;
    t->heads[FUS_HEAD_LANGUAGE] = language ? language_row : -1;
    if (t->heads[FUS_HEAD_CLASSES] < 0 && t->heads[FUS_HEAD_LANGUAGE] < 0)
        return fus_base_fail(err, FUS_EINVAL,
                             "nothing to learn: the network has no head for a loss whose weight is not 0");
    if (t->options.contrastive && t->heads[FUS_HEAD_LANGUAGE] < 0)
        return fus_base_fail(err, FUS_EINVAL, "nothing to contrast with texts: the network has no embedding");
    return FUS_OK;
}

/* Rows on which a loss depends, directly or indirectly. */
static void find_live(struct fus_train *t)
{
    for (int i = 0; i < 2; i++)
        if (t->heads[i] >= 0)
            t->use[t->heads[i]].live = true;
    for (int row = t->arch.n_layers - 1; row >= 0; row--) {
        const struct fus_layer *l = &t->arch.layers[row];
        if (!t->use[row].live)
            continue;
        if (l->input >= 0)
            t->use[l->input].live = true;
        if (l->addend >= 0)
            t->use[l->addend].live = true;
    }
}

static bool asked_for(const struct fus_train *t, const char *name)
{
    return !t->options.trained || t->options.trained(t->options.trained_context, name);
}

/* Sets which parameters are trained, which norms use running statistics, and which rows run
 * backward. */
static void find_trained(struct fus_train *t)
{
    for (int i = 0; i < t->n_parameters; i++) {
        struct fus_train_store *s = &t->parameters[i];
        s->known.trained = !s->known.statistic && (s->row < 0 || t->use[s->row].live) && asked_for(t, s->known.name);
    }
    for (int row = 0; row < t->arch.n_layers; row++) {
        const struct fus_layer *l = &t->arch.layers[row];
        struct fus_train_row_use *use = &t->use[row];
        bool any = false;
        for (int i = 0; i < t->rows[row].n; i++)
            any = any || fus_parameters_of(t, row, i)->known.trained;
        use->weight = l->op == FUS_OP_CONV && fus_parameters_of(t, row, FUS_PART_WEIGHT)->known.trained;
        use->back = any || (l->input >= 0 && t->use[l->input].back) || (l->addend >= 0 && t->use[l->addend].back);
        t->rows[row].running =
            l->norm[0] && (t->options.frozen_norms || !fus_parameters_of(t, row, FUS_PART_SCALE)->known.trained);
    }
}

/* Reports layers that cannot be trained. */
static int check_rows(const struct fus_train *t, struct fus_error *err)
{
    for (int row = 0; row < t->arch.n_layers; row++) {
        const struct fus_layer *l = &t->arch.layers[row];
        if (l->op == FUS_OP_ACTIVATION)
            return fus_base_fail(err, FUS_EUNSUPPORTED,
                                 "training knows ReLU only; this network has another activation function");
        if (l->op > FUS_OP_ACTIVATION || l->groups || t->spec.kind != FUS_NET_RESNET)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "training knows residual networks only, without groups");
        if (l->op == FUS_OP_CONV && l->kernel > 7)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "%s: training knows kernels up to 7 x 7", l->name);
    }
    return FUS_OK;
}

static void set_shapes(struct fus_train *t)
{
    for (int row = 0; row < t->arch.n_layers; row++) {
        t->rows[row].shape = t->arch.layers[row];
        if (t->arch.layers[row].norm[0])
            t->rows[row].shape.act = FUS_ACT_NONE;
        t->rows[row].shape.winograd = t->options.winograd && fus_winograd_fits(&t->arch.layers[row]);
    }
}

/* ---- memory ---- */

static size_t rounded(size_t floats)
{
    return (floats + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
}

static size_t most_scratch(const struct fus_train *t)
{
    size_t most = FUS_LANES;
    for (int row = 0; row < t->arch.n_layers; row++) {
        const struct fus_layer *l = &t->rows[row].shape;
        size_t n = fus_norm_scratch(l, t->micro);
        if (l->op == FUS_OP_CONV && fus_grad_conv_scratch(l, t->micro) > n)
            n = fus_grad_conv_scratch(l, t->micro);
        if (l->op == FUS_OP_ATTENTION && fus_grad_attention_scratch(l, t->micro) > n)
            n = fus_grad_attention_scratch(l, t->micro);
        most = n > most ? n : most;
    }
    return rounded(most);
}

static size_t widest(const struct fus_train *t)
{
    size_t most = 0;
    for (int row = 0; row < t->arch.n_layers; row++)
        most = fus_norm_width(&t->arch.layers[row]) > most ? fus_norm_width(&t->arch.layers[row]) : most;
    return most;
}

/* Offsets in the arena: zeros for a bias, pictures, scratch, then the plan's spans. */
static void set_offsets(struct fus_train *t)
{
    t->picture = rounded(widest(t));
    t->scratch = t->picture + rounded((size_t)t->micro * fus_plan_picture_floats(&t->arch));
    t->spans = t->scratch + most_scratch(t);
    t->arena_floats = t->spans + t->plan.floats;
}

static size_t head_floats(const struct fus_train *t)
{
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        if (t->heads[i] >= 0)
            n += 2 * (size_t)t->options.batch * fus_layer_floats(&t->arch.layers[t->heads[i]]);
    return n;
}

size_t fus_train_bytes(const struct fus_train *t)
{
    return fus_parameters_bytes(t) + (t->arena_floats + head_floats(t)) * sizeof(float) +
           fus_heads_doubles(t) * sizeof(double);
}

static int try_plan(struct fus_train *t, bool restore, int n_again, struct fus_error *err)
{
    fus_train_plan_free(&t->plan);
    int code = fus_train_plan_make(&t->plan, &t->arch, t->use, t->heads, t->micro, restore, n_again, err);
    set_offsets(t);
    return code;
}

static bool fits(struct fus_train *t)
{
    size_t bytes = fus_train_bytes(t);
    t->least = t->least == 0 || bytes < t->least ? bytes : t->least;
    return t->options.max_memory == 0 || bytes <= t->options.max_memory;
}

static bool all_running(const struct fus_train *t)
{
    for (int row = 0; row < t->arch.n_layers; row++)
        if (t->arch.layers[row].norm[0] && t->use[row].live && !t->rows[row].running)
            return false;
    return true;
}

/* Chooses the first plan that fits, in this order: keep everything; recompute outputs from z;
 * recompute blocks, one more at a time; smaller micro-batches, if the norms allow it. */
static int make_plan(struct fus_train *t, struct fus_error *err)
{
    bool free_batch = all_running(t), given = t->options.micro_batch > 0;
    if (given && t->options.micro_batch < t->options.batch && !free_batch)
        return fus_base_fail(err, FUS_EINVAL,
                             "pictures can pass in smaller batches only where all batch norms are frozen");
    t->micro = given && t->options.micro_batch < t->options.batch ? t->options.micro_batch : t->options.batch;
    for (;;) {
        int code = try_plan(t, false, 0, err);
        for (int again = 0; !code && !fits(t) && again <= t->plan.n_blocks; again++)
            code = try_plan(t, true, again, err);
        if (code || fits(t))
            return code;
        if (!free_batch || given || t->micro == 1)
            return fus_base_fail(err, FUS_ELIMIT,
                                 "training needs %zu bytes with batches of %d, %zu are allowed: a smaller batch%s or "
                                 "more memory is needed",
                                 t->least, t->options.batch, t->options.max_memory,
                                 free_batch ? "" : ", batch norm by its running statistics (frozen)");
        t->micro = (t->micro + 1) / 2;
    }
}

static int allocate(struct fus_train *t, struct fus_error *err)
{
    size_t n = (size_t)t->arch.n_layers;
    t->arena = fus_base_aligned(t->arena_floats, sizeof *t->arena);
    t->loss_memory = fus_base_aligned(fus_heads_doubles(t) + 1, sizeof *t->loss_memory);
    bool ok = t->arena && t->loss_memory;
    for (int i = 0; i < FUS_ARRAYS; i++) {
        t->at[i] = fus_base_alloc(n, sizeof *t->at[i]);
        ok = ok && t->at[i];
    }
    t->begun = fus_base_alloc(n, sizeof *t->begun);
    for (int i = 0; i < 2; i++)
        if (t->heads[i] >= 0) {
            size_t floats = (size_t)t->options.batch * fus_layer_floats(&t->arch.layers[t->heads[i]]);
            t->head_out[i] = fus_base_aligned(floats, sizeof(float));
            t->head_gradient[i] = fus_base_aligned(floats, sizeof(float));
            ok = ok && t->head_out[i] && t->head_gradient[i];
        }
    if (!ok || !t->begun)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of activations and gradients",
                             t->arena_floats * sizeof(float));
    memset(t->arena, 0, t->scratch * sizeof *t->arena); /* never written again: the zero bias, borders of pictures */
    return FUS_OK;
}

/* ---- create, destroy ---- */

static int make_tables(struct fus_train *t, struct fus_error *err)
{
    int code = fus_arch_build(&t->arch, &t->spec, err);
    if (code)
        return code;
    t->rows = fus_base_alloc((size_t)t->arch.n_layers, sizeof *t->rows);
    t->use = fus_base_alloc((size_t)t->arch.n_layers, sizeof *t->use);
    if (!t->rows || !t->use)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the table of layers");
    set_shapes(t);
    code = check_rows(t, err);
    code = code ? code : find_heads(t, err);
    code = code ? code : fus_parameters_list(t, err);
    if (code)
        return code;
    find_live(t);
    find_trained(t);
    return make_plan(t, err);
}

int fus_train_create(struct fus_train **out, const struct fus_net_spec *spec, const struct fus_train_options *options,
                     fus_weight_fn get, void *context, struct fus_error *err)
{
    struct fus_train *t = fus_base_alloc(1, sizeof *t);
    if (!t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a network");
    t->spec = *spec;
    t->options = *options;
    t->options.batch = options->batch > 0 ? options->batch : 1;
    t->kernel = fus_kernels_pick(options->isa, err);
    t->n_threads = fus_base_threads();
    int code = t->kernel ? make_tables(t, err) : FUS_EUNSUPPORTED;
    code = code ? code : fus_parameters_allocate(t, err);
    code = code ? code : fus_parameters_load(t, get, context, err);
    code = code ? code : allocate(t, err);
    if (code) {
        fus_train_destroy(t);
        return code;
    }
    *out = t;
    return FUS_OK;
}

void fus_train_destroy(struct fus_train *t)
{
    if (!t)
        return;
    fus_parameters_free(t);
    fus_train_plan_free(&t->plan);
    fus_arch_free(&t->arch);
    fus_base_free(t->rows);
    fus_base_free(t->use);
    fus_base_free(t->arena);
    fus_base_free(t->loss_memory);
    fus_base_free(t->begun);
    for (int i = 0; i < FUS_ARRAYS; i++)
        fus_base_free(t->at[i]);
    for (int i = 0; i < 2; i++) {
        fus_base_free(t->head_out[i]);
        fus_base_free(t->head_gradient[i]);
    }
    fus_base_free(t);
}

/* ---- properties ---- */

int fus_train_recomputed_blocks(const struct fus_train *t)
{
    return t->plan.n_again;
}

const char *fus_train_isa(const struct fus_train *t)
{
    return t->kernel->name;
}

long fus_train_n_updates(const struct fus_train *t)
{
    return t->n_updates;
}

void fus_train_set_n_updates(struct fus_train *t, long n)
{
    t->n_updates = n;
}
