/* SPDX-License-Identifier: MIT */
/* CLIP's text tower (tower.h): vit.c's table of layers on the rows of many texts.
 *
 *   x[t] = token_embedding[id[t]] + positional_embedding[t];  the blocks;  the end tokens' rows;
 *   ln_final;  text_projection
 *
 * The rows of all texts lie in one run, so that short texts fill tiles and weights are read once
 * for all. Up to CHUNK_ROWS rows wait at each block, in passes of up to PASS_ROWS rows: with
 * low_memory, a block's weights are loaded once a chunk. The bits depend on none of this. */
#include "nn/tower.h"

#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

enum { CHUNK_ROWS = 8192, PASS_ROWS = 512, BLOCK_LAYERS = 7 };

struct fus_tower {
    struct fus_tower_spec spec;
    struct fus_arch arch;
    const struct fus_kernel *kernel;
    bool low_memory;
    fus_weight_fn get;
    fus_row_fn get_row;
    void *context;
    float *positions; /* [context, width] */
    float *weights;   /* [weight_floats] packed, of all layers or of one group */
    float **packed;   /* [n_layers] */
    float *raw;       /* [raw_floats] a layer's unpacked weights, while it is loaded */
    size_t weight_floats, raw_floats, activation_floats;
};

/* Layers are loaded and run in groups: each block, and what follows the last. Layer 0 has none. */
static int n_groups(const struct fus_tower *t)
{
    return t->spec.n_blocks + 1;
}

static int group_start(const struct fus_tower *t, int group)
{
    int start = 1 + group * BLOCK_LAYERS;
    return start < t->arch.n_layers ? start : t->arch.n_layers;
}

static int group_end(const struct fus_tower *t, int group)
{
    return group + 1 == n_groups(t) ? t->arch.n_layers : group_start(t, group + 1);
}

/* ---- weights ---- */

static void measure_weights(struct fus_tower *t)
{
    for (int g = 0; g < n_groups(t); g++) {
        size_t sum = 0;
        for (int i = group_start(t, g); i < group_end(t, g); i++) {
            const struct fus_layer *l = &t->arch.layers[i];
            const struct fus_op *op = &fus_op_table[l->op];
            size_t raw = op->raw_floats ? op->raw_floats(l) : 0;
            sum += op->packed_floats ? op->packed_floats(l) : 0;
            t->raw_floats = raw > t->raw_floats ? raw : t->raw_floats;
        }
        if (!t->low_memory)
            t->weight_floats += sum;
        else if (sum > t->weight_floats)
            t->weight_floats = sum;
    }
}

/* Packs a group's weights from *next on. */
static int load_group(struct fus_tower *t, int group, float **next, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = group_start(t, group); i < group_end(t, group) && !code; i++) {
        const struct fus_layer *l = &t->arch.layers[i];
        const struct fus_op_load a = {.layer = l, .packed = *next, .raw = t->raw, .get = t->get, .context = t->context};
        if (!fus_op_table[l->op].load)
            continue;
        if (fus_base_stopping())
            return fus_base_fail(err, FUS_ESTOPPED, "stopped");
        t->packed[i] = *next;
        *next += fus_op_table[l->op].packed_floats(l);
        code = fus_op_table[l->op].load(&a, err);
    }
    return code;
}

static int load_all(struct fus_tower *t, struct fus_error *err)
{
    size_t positions = (size_t)t->spec.context * (size_t)t->spec.width;
    t->positions = fus_base_aligned(positions, sizeof *t->positions);
    t->packed = fus_base_alloc((size_t)t->arch.n_layers, sizeof *t->packed);
    t->weights = fus_base_aligned(t->weight_floats, sizeof *t->weights);
    t->raw = fus_base_aligned(t->raw_floats, sizeof *t->raw);
    if (!t->positions || !t->packed || !t->weights || !t->raw)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of a text tower's weights",
                             t->weight_floats * sizeof *t->weights);
    int code = t->get(t->context, t->positions, positions, "text.positional_embedding", err);
    float *next = t->weights;
    for (int g = 0; g < n_groups(t) && !t->low_memory && !code; g++)
        code = load_group(t, g, &next, err);
    if (!t->low_memory) {
        fus_base_free(t->raw);
        t->raw = NULL;
    }
    return code;
}

int fus_tower_create(struct fus_tower **out, const struct fus_tower_spec *spec, const struct fus_tower_options *options,
                     fus_weight_fn get, fus_row_fn get_row, void *context, struct fus_error *err)
{
    struct fus_tower *t = fus_base_alloc(1, sizeof *t);
    if (!t)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a text tower");
    t->spec = *spec;
    t->low_memory = options && options->low_memory;
    t->get = get;
    t->get_row = get_row;
    t->context = context;
    t->kernel = fus_kernels_pick(options ? options->isa : NULL, err);
    bool bf16 = options && options->precision == FUS_PRECISION_BF16;
    const struct fus_kernel_bf16 *row = bf16 && t->kernel ? fus_kernels_pick_bf16(options->isa, err) : NULL;
    int code = !t->kernel || (bf16 && !row) ? FUS_EUNSUPPORTED : fus_vit_build_text(&t->arch, spec, spec->context, err);
    for (int i = 0; i < t->arch.n_layers && !code; i++)
        t->arch.layers[i].bf16 = t->arch.layers[i].op == FUS_OP_CONV ? row : NULL;
    if (!code) {
        measure_weights(t);
        code = load_all(t, err);
    }
    if (code) {
        fus_tower_destroy(t);
        return code;
    }
    *out = t;
    return FUS_OK;
}

void fus_tower_destroy(struct fus_tower *t)
{
    if (!t)
        return;
    fus_arch_free(&t->arch);
    fus_base_free(t->positions);
    fus_base_free(t->weights);
    fus_base_free(t->packed);
    fus_base_free(t->raw);
    fus_base_free(t);
}

const struct fus_tower_spec *fus_tower_spec_of(const struct fus_tower *t)
{
    return &t->spec;
}

size_t fus_tower_bytes(const struct fus_tower *t)
{
    return (t->weight_floats + (t->low_memory ? t->raw_floats : 0) + t->activation_floats) * sizeof(float) +
           (size_t)t->spec.context * (size_t)t->spec.width * sizeof(float);
}

int fus_tower_parameters(const struct fus_tower_spec *spec, fus_parameter_fn fn, void *context, struct fus_error *err)
{
    const int tokens[] = {spec->n_tokens, spec->width}, places[] = {spec->context, spec->width};
    struct fus_arch arch;
    struct fus_parameter p;
    int code = fus_vit_build_text(&arch, spec, spec->context, err);
    if (code)
        return code;
    code = fn(context, "text.token_embedding.weight", tokens, 2);
    if (!code)
        code = fn(context, "text.positional_embedding", places, 2);
    for (int i = 1; i < arch.n_layers && !code; i++)
        for (int j = 0; !code && fus_op_parameter(&p, &arch.layers[i], j); j++)
            code = fn(context, p.name, p.shape, p.n_dims);
    fus_arch_free(&arch);
    return code;
}

/* ---- texts ---- */

/* A call's texts and the memory for a chunk of them. */
struct embedding {
    struct fus_tower *t;
    float *out;
    const int *ids, *first;
    size_t n;
    size_t rows; /* most rows of a chunk */
    int pass_rows;
    /* Of a chunk: the residual stream x, pass by pass [W/16, rows, 16]. Of a pass: normed rows or
     * attention's [W], queries, keys and values or the MLP's [4 W], the stream between the two
     * [W]. */
    float *x, *normed, *wide, *middle, *scratch;
    float *row;  /* [W] of token_embedding */
    int *starts; /* [pass_rows + 1] first rows of a pass's texts */
    int code;
    struct fus_error *err;
};

/* Tokens of a text up to the first place of its largest id. */
static int rows_of(const struct embedding *e, size_t text)
{
    int end = e->first[text];
    for (int i = end; i < e->first[text + 1]; i++)
        end = e->ids[i] > e->ids[end] ? i : end;
    return end - e->first[text] + 1;
}

/* The texts from `from` on that fit into so many rows, at least one; their rows in *rows. */
static size_t texts_in(size_t *rows, const struct embedding *e, size_t from, size_t most)
{
    size_t i = from;
    for (*rows = 0; i < e->n; i++) {
        size_t n = (size_t)rows_of(e, i);
        if (i > from && *rows + n > most)
            break;
        *rows += n;
    }
    return i - from;
}

static int check_texts(const struct embedding *e)
{
    const struct fus_tower_spec *s = &e->t->spec;
    for (size_t i = 0; i < e->n; i++) {
        int n = e->first[i + 1] - e->first[i];
        if (n < 1 || n > s->context)
            return fus_base_fail(e->err, FUS_EINVAL, "text %zu: %d tokens, 1 to %d expected", i, n, s->context);
        for (int k = e->first[i]; k < e->first[i + 1]; k++)
            if (e->ids[k] < 0 || e->ids[k] >= s->n_tokens)
                return fus_base_fail(e->err, FUS_EINVAL, "text %zu: token %d, 0 to %d expected", i, e->ids[k],
                                     s->n_tokens - 1);
    }
    return FUS_OK;
}

static int allocate(struct embedding *e)
{
    const struct fus_tower *t = e->t;
    size_t width = (size_t)t->spec.width, most, chunk = 0, pass = 0, dim = (size_t)FUS_BLOCKS(t->spec.dim) * FUS_LANES,
           scratch = 0;
    for (size_t i = 0, n; i < e->n; i += n) {
        n = texts_in(&most, e, i, CHUNK_ROWS);
        chunk = most > chunk ? most : chunk;
    }
    pass = chunk < PASS_ROWS ? chunk : PASS_ROWS;
    pass = pass < (size_t)t->spec.context ? (size_t)t->spec.context : pass;
    for (int i = 0; i < t->arch.n_layers; i++) {
        const struct fus_op *op = &fus_op_table[t->arch.layers[i].op];
        size_t n = op->scratch_floats ? op->scratch_floats(&t->arch.layers[i], 1, fus_base_threads()) : 0;
        scratch = n > scratch ? n : scratch;
    }
    size_t wide = pass * (4 * width > dim ? 4 * width : dim);
    e->pass_rows = (int)pass;
    e->t->activation_floats = chunk * width + 2 * pass * width + wide + scratch + width;
    e->x = fus_base_aligned(e->t->activation_floats, sizeof *e->x);
    e->starts = fus_base_alloc(pass + 1, sizeof *e->starts);
    if (!e->x || !e->starts)
        return fus_base_fail(e->err, FUS_ENOMEM, "no memory for %zu tokens", chunk);
    e->normed = e->x + chunk * width;
    e->middle = e->normed + pass * width;
    e->wide = e->middle + pass * width;
    e->scratch = e->wide + wide;
    e->row = e->scratch + scratch;
    return FUS_OK;
}

/* The first rows of n texts from `from` on; returns all their rows. */
static int find_starts(const struct embedding *e, size_t from, size_t n)
{
    e->starts[0] = 0;
    for (size_t i = 0; i < n; i++)
        e->starts[i + 1] = e->starts[i] + rows_of(e, from + i);
    return e->starts[n];
}

/* x[t] = token_embedding[id[t]] + positional_embedding[t] for a pass's texts. */
static int embed_tokens(const struct embedding *e, float *x, size_t from, size_t n)
{
    const struct fus_tower *t = e->t;
    size_t width = (size_t)t->spec.width, rows = (size_t)find_starts(e, from, n);
    int code = FUS_OK;
    for (size_t i = 0; i < n; i++)
        for (int k = e->starts[i]; k < e->starts[i + 1] && !code; k++) {
            int place = k - e->starts[i];
            const float *position = t->positions + (size_t)place * width;
            code = t->get_row(t->context, e->row, (size_t)e->ids[e->first[from + i] + place], width,
                              "text.token_embedding.weight", e->err);
            for (size_t c = 0; c < width; c++)
                x[(c / FUS_LANES * rows + (size_t)k) * FUS_LANES + c % FUS_LANES] = e->row[c] + position[c];
        }
    return code;
}

/* Where layer i's output lies during a pass whose stream is x. */
static float *place_of(const struct embedding *e, int i, float *x)
{
    float *const block[BLOCK_LAYERS] = {e->normed, e->wide, e->normed, e->middle, e->normed, e->wide, x};
    float *const last[] = {e->normed, e->middle, e->wide};
    int after = i - group_start(e->t, n_groups(e->t) - 1);
    return i == 0 ? x : after >= 0 ? last[after] : block[(i - 1) % BLOCK_LAYERS];
}

static void run_group(const struct embedding *e, int group, float *x, size_t n)
{
    struct fus_tower *t = e->t;
    for (int i = group_start(t, group); i < group_end(t, group); i++) {
        const struct fus_layer *l = &t->arch.layers[i];
        const struct fus_op_run a = {
            .layer = l,
            .packed = t->packed[i],
            .out = place_of(e, i, x),
            .in = place_of(e, l->input, x),
            .addend = l->addend < 0 ? NULL : place_of(e, l->addend, x),
            .n = (int)n,
            .first = e->starts,
            .scratch = e->scratch,
            .kernel = t->kernel,
        };
        fus_op_table[l->op].run(&a);
    }
}

/* n texts' embeddings [n, blocks, 16] to out. */
static void write_out(const struct embedding *e, size_t from, size_t n)
{
    size_t dim = (size_t)e->t->spec.dim, blocked = (size_t)FUS_BLOCKS(e->t->spec.dim) * FUS_LANES;
    for (size_t i = 0; i < n; i++)
        memcpy(e->out + (from + i) * dim, e->wide + i * blocked, dim * sizeof *e->out);
}

/* One group of layers for the n texts of a chunk, pass by pass. */
static int visit_group(struct embedding *e, int group, size_t from, size_t n)
{
    struct fus_tower *t = e->t;
    float *next = t->weights, *x = e->x;
    int code = t->low_memory ? load_group(t, group, &next, e->err) : FUS_OK;
    for (size_t end = from + n, rows; from < end && !code; from += n) {
        n = texts_in(&rows, e, from, PASS_ROWS);
        n = n < end - from ? n : end - from;
        rows = (size_t)find_starts(e, from, n);
        if (fus_base_stopping())
            return fus_base_fail(e->err, FUS_ESTOPPED, "stopped");
        if (group == 0)
            code = embed_tokens(e, x, from, n);
        if (!code)
            run_group(e, group, x, n);
        if (!code && group + 1 == n_groups(t))
            write_out(e, from, n);
        x += rows * (size_t)t->spec.width;
    }
    return code;
}

static void embed_all(void *context)
{
    struct embedding *e = context;
    for (size_t from = 0, n, rows; from < e->n && !e->code; from += n) {
        n = texts_in(&rows, e, from, CHUNK_ROWS);
        for (int group = 0; group < n_groups(e->t) && !e->code; group++)
            e->code = visit_group(e, group, from, n);
    }
}

int fus_tower_embed(float *out, struct fus_tower *tower, const int *ids, const int *first, size_t n,
                    struct fus_error *err)
{
    struct embedding e = {.t = tower, .out = out, .ids = ids, .first = first, .n = n, .err = err};
    int code = check_texts(&e);
    if (!code && n)
        code = allocate(&e);
    if (!code && n) {
        fus_threads_run(embed_all, &e);
        code = e.code;
    }
    fus_base_free(e.x);
    fus_base_free(e.starts);
    return code;
}
