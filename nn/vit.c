/* SPDX-License-Identifier: MIT */
/* Transformers as tables of layers, with OpenAI's names: vision transformers (Dosovitskiy et al.
 * 2021), CLIP's image tower and its text tower (Radford et al. 2021).
 *
 *   image  x = class token and patches + positions [CLIP: ln_pre]
 *   text   x = embeddings of the tokens + positions            (tower.c)
 *   block  x = x + out_proj(attend(in_proj(ln_1(x)))),  x = x + c_proj(act(c_fc(ln_2(x))))
 *   image  ln_post(class token) [CLIP: proj] [plain: fc]
 *   text   ln_final(end token) text_projection */
#include <stdio.h>

#include "nn/arch.h"

enum { MAX_WIDTH = 8192, MAX_SIDE = 4096, MAX_BLOCKS = 200, MAX_ROWS = 16384 };

/* What the blocks of a tower have in common. */
struct stack {
    const char *prefix; /* of their names: "text." or "" */
    int heads;
    enum fus_act act;
    double epsilon;
    bool causal, layer_scale;
    int grid; /* taps of a grid's side; 0: no taps */
};

static int norm(struct fus_builder *b, int input, const char *prefix, const char *name, double epsilon, bool joined)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_NORM, input);
    snprintf(l->name, sizeof l->name, "%.8s%.39s", prefix, name);
    l->epsilon = epsilon;
    l->joined = joined;
    l->is_signed = true;
    return fus_arch_finish(b, l, l->in_channels);
}

/* A linear layer of rows; addend -1: none. */
static int linear(struct fus_builder *b, int input, const char *name, int channels, int addend, enum fus_act act)
{
    int last = fus_arch_conv(b, input, name, "", 1, 1, 0, channels);
    struct fus_layer *l = fus_arch_last(b);
    l->linear = true;
    l->joined = true;
    l->addend = addend;
    l->act = act;
    return last;
}

/* height x width rows of each item from `row` on; tap "": none. */
static int pick(struct fus_builder *b, int input, const char *tap, int row, int height, int width)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_PICK, input);
    snprintf(l->tap, sizeof l->tap, "%s", tap);
    l->row = row;
    l->is_signed = true;
    int last = fus_arch_finish(b, l, l->in_channels);
    l->height = height;
    l->width = width;
    return last;
}

/* The two taps of a stream of tokens: its patches, and its class token. The latter is returned. */
static int stream_taps(struct fus_builder *b, int input, const char *name, int grid)
{
    char tap[48];
    int last = pick(b, input, name, 1, grid, grid);
    fus_arch_last(b)->in_all = true;
    fus_arch_last(b)->is_stream = true;
    if (b->failed)
        return last;
    snprintf(tap, sizeof tap, "%.40s.class", name);
    last = pick(b, input, tap, 0, 1, 1);
    fus_arch_last(b)->is_stream = true;
    return last;
}

static int mlp(struct fus_builder *b, int input, int index, const struct stack *s)
{
    char at[40], name[48];
    int width = b->arch->layers[input].channels;
    snprintf(at, sizeof at, "%stransformer.resblocks.%d", s->prefix, index);
    snprintf(name, sizeof name, "%.32s.ln_2", at);
    int last = norm(b, input, "", name, s->epsilon, true);
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.32s.mlp.c_fc", at);
    last = linear(b, last, name, 4 * width, -1, s->act);
    if (s->grid && !b->failed) {
        char tap[48];
        snprintf(tap, sizeof tap, "blocks.%d.mlp", index);
        pick(b, last, tap, 1, s->grid, s->grid);
    }
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.32s.mlp.c_proj", at);
    last = linear(b, last, name, width, input, FUS_ACT_NONE);
    if (s->layer_scale)
        snprintf(fus_arch_last(b)->scale, sizeof fus_arch_last(b)->scale, "%.32s.ls_2.gamma", at);
    return last;
}

static int block(struct fus_builder *b, int input, int index, const struct stack *s)
{
    char at[40], name[48];
    int width = b->arch->layers[input].channels;
    snprintf(at, sizeof at, "%stransformer.resblocks.%d", s->prefix, index);
    snprintf(name, sizeof name, "%.32s.ln_1", at);
    int last = norm(b, input, "", name, s->epsilon, true);
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.32s.attn.in_proj", at);
    last = linear(b, last, name, 3 * width, -1, FUS_ACT_NONE);
    fus_arch_last(b)->underscore = true;
    if (b->failed)
        return last;
    struct fus_layer *l = fus_arch_append(b, FUS_OP_ATTEND, last);
    l->heads = s->heads;
    l->causal = s->causal;
    l->joined = true;
    last = fus_arch_finish(b, l, width);
    if (b->failed)
        return last;
    snprintf(name, sizeof name, "%.32s.attn.out_proj", at);
    last = linear(b, last, name, width, input, FUS_ACT_NONE);
    if (s->layer_scale)
        snprintf(fus_arch_last(b)->scale, sizeof fus_arch_last(b)->scale, "%.32s.ls_1.gamma", at);
    return b->failed ? last : mlp(b, last, index, s);
}

/* ---- image ---- */

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    const struct fus_vit_spec *v = &s->vit;
    bool ok = v->patch > 0 && v->patch <= 64 && v->width > 0 && v->width <= MAX_WIDTH && v->heads > 0 &&
              v->width % (16 * v->heads) == 0 && v->n_blocks > 0 && v->n_blocks <= MAX_BLOCKS && s->n_classes >= 0 &&
              s->n_classes <= (1 << 24) && v->dim >= 0 && v->dim <= 65536;
    if (!ok || s->input_side < v->patch || s->input_side > MAX_SIDE || s->input_side % v->patch ||
        (s->input_side / v->patch) * (s->input_side / v->patch) >= MAX_ROWS)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "a vision transformer with impossible numbers: input %d, patches of %d, %d channels in %d "
                             "heads, %d blocks",
                             s->input_side, v->patch, v->width, v->heads, v->n_blocks);
    if (s->act != FUS_ACT_GELU && s->act != FUS_ACT_QUICKGELU)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a vision transformer's activation is GELU or QuickGELU");
    return FUS_OK;
}

/* Patches, class token and positions. */
static int embed_patches(struct fus_builder *b)
{
    const struct fus_net_spec *s = b->spec;
    int patch = s->vit.patch, grid = s->input_side / patch;
    struct fus_layer *l = fus_arch_append(b, FUS_OP_UNFOLD, -1);
    l->kernel = l->stride = patch;
    l->joined = true;
    int last = fus_arch_finish(b, l, 3 * patch * patch);
    if (b->failed)
        return last;
    last = linear(b, last, "conv1", s->vit.width, -1, FUS_ACT_NONE);
    l = fus_arch_last(b);
    l->linear = false;
    l->unfolded = patch;
    l->bias = !s->vit.clip;
    if (b->failed)
        return last;
    l = fus_arch_append(b, FUS_OP_TOKENS, last);
    l->joined = true;
    last = fus_arch_finish(b, l, s->vit.width);
    l->height = 1;
    l->width = grid * grid + 1;
    return last;
}

static int heads(struct fus_builder *b, int class_token, double epsilon)
{
    const struct fus_net_spec *s = b->spec;
    int last = norm(b, class_token, "", "ln_post", epsilon, false);
    snprintf(fus_arch_last(b)->tap, sizeof fus_arch_last(b)->tap, "ln_post");
    if (s->vit.dim && !b->failed) {
        last = linear(b, last, "proj", s->vit.dim, -1, FUS_ACT_NONE);
        fus_arch_last(b)->linear = fus_arch_last(b)->bias = false;
        fus_arch_last(b)->transposed = true;
        snprintf(fus_arch_last(b)->tap, sizeof fus_arch_last(b)->tap, "proj");
    } else if (s->n_classes && !b->failed) {
        last = linear(b, last, "fc", s->n_classes, -1, FUS_ACT_NONE);
        snprintf(fus_arch_last(b)->tap, sizeof fus_arch_last(b)->tap, "fc");
    }
    fus_arch_last(b)->joined = false;
    fus_arch_last(b)->is_signed = true;
    return last;
}

int fus_vit_build(struct fus_builder *b, struct fus_error *err)
{
    const struct fus_net_spec *s = b->spec;
    const struct stack stack = {.prefix = "",
                                .heads = s->vit.heads,
                                .act = s->act,
                                .epsilon = s->vit.clip ? 1e-5 : 1e-6,
                                .layer_scale = s->vit.layer_scale,
                                .grid = s->input_side / (s->vit.patch > 0 ? s->vit.patch : 1)};
    int code = check_spec(s, err), class_token = -1;
    if (code)
        return code;
    int last = embed_patches(b);
    if (s->vit.clip && !b->failed)
        last = norm(b, last, "", "ln_pre", stack.epsilon, true);
    if (!b->failed)
        stream_taps(b, last, "tokens", stack.grid);
    for (int i = 0; i < s->vit.n_blocks && !b->failed; i++) {
        char tap[24];
        snprintf(tap, sizeof tap, "blocks.%d", i);
        last = block(b, last, i, &stack);
        if (!b->failed)
            class_token = stream_taps(b, last, tap, stack.grid);
    }
    if (!b->failed)
        heads(b, class_token, stack.epsilon);
    return FUS_OK;
}

/* ---- text ---- */

static int check_text(const struct fus_tower_spec *s, struct fus_error *err)
{
    bool ok = s->width > 0 && s->width <= MAX_WIDTH && s->heads > 0 && s->width % (16 * s->heads) == 0 &&
              s->n_blocks > 0 && s->n_blocks <= MAX_BLOCKS && s->context > 0 && s->context <= MAX_ROWS && s->dim > 0 &&
              s->dim <= 65536 && s->n_tokens > 0 && s->n_tokens <= (1 << 24);
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "a text tower with impossible numbers: %d channels in %d heads, %d blocks, %d positions",
                             s->width, s->heads, s->n_blocks, s->context);
    if (s->act != FUS_ACT_GELU && s->act != FUS_ACT_QUICKGELU)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a text tower's activation is GELU or QuickGELU");
    return FUS_OK;
}

static void build_text(struct fus_builder *b, const struct fus_tower_spec *spec, int n_rows)
{
    const struct stack stack = {
        .prefix = "text.", .heads = spec->heads, .act = spec->act, .epsilon = 1e-5, .causal = true};
    struct fus_layer *l = fus_arch_append(b, FUS_OP_TOKENS, -1);
    l->joined = true;
    int last = fus_arch_finish(b, l, spec->width);
    l->height = 1;
    l->width = n_rows;
    for (int i = 0; i < spec->n_blocks && !b->failed; i++)
        last = block(b, last, i, &stack);
    if (!b->failed)
        last = pick(b, last, "", -1, 1, 1);
    if (!b->failed)
        last = norm(b, last, "text.", "ln_final", stack.epsilon, false);
    if (!b->failed) {
        linear(b, last, "text.text_projection", spec->dim, -1, FUS_ACT_NONE);
        fus_arch_last(b)->joined = fus_arch_last(b)->linear = fus_arch_last(b)->bias = false;
        fus_arch_last(b)->transposed = true;
    }
}

int fus_vit_build_text(struct fus_arch *arch, const struct fus_tower_spec *spec, int n_rows, struct fus_error *err)
{
    const struct fus_net_spec none = {.input_side = 1};
    struct fus_builder b = {.arch = arch, .spec = &none};
    *arch = (struct fus_arch){0};
    int code = check_text(spec, err);
    if (code)
        return code;
    build_text(&b, spec, n_rows);
    if (b.failed) {
        fus_arch_free(arch);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the table of layers");
    }
    return FUS_OK;
}
