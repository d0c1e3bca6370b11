/* SPDX-License-Identifier: MIT */
/* Parameters of a network in training: list, layout and memory.
 *
 * Weights, gradients and momentum are always panels (gemm.c): the product for the gradient writes
 * panels, and updates work element by element. Only fus_train_get and _set convert to and from
 * PyTorch's layout. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/train/engine.h"

/* ---- the table ---- */

static size_t rounded(size_t floats)
{
    return (floats + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
}

static bool is_head(const char *name)
{
    return strncmp(name, "fc.", 3) == 0 || strncmp(name, "lang_head", 9) == 0 ||
           strncmp(name, "attnpool.c_proj", 15) == 0 || strncmp(name, "text.", 5) == 0;
}

static void set_known(const struct fus_train *t, struct fus_train_store *s, const char *name, const int *shape,
                      int n_dims)
{
    struct fus_train_parameter *k = &s->known;
    snprintf(k->name, sizeof k->name, "%s", name);
    k->n_dims = n_dims;
    k->n = 1;
    for (int i = 0; i < n_dims; i++)
        k->n *= (size_t)(k->shape[i] = shape[i]);
    k->head = t->options.head ? t->options.head(t->options.head_context, name) : is_head(name);
    s->floats = rounded(k->n);
    s->n_chains = 1;
}

static struct fus_layer panel_shape(const struct fus_layer *l, int i)
{
    if (l->op == FUS_OP_ATTENTION)
        return fus_grad_attention_part(l, (i - 1) / 2);
    struct fus_layer shape = *l;
    shape.input = l->input < 0 ? -1 : 0;
    return shape;
}

static void add_row_parameter(struct fus_train *t, int row, int i, const struct fus_parameter *p)
{
    struct fus_train_store *s = &t->parameters[t->n_parameters++];
    const struct fus_layer *l = &t->arch.layers[row];
    set_known(t, s, p->name, p->shape, p->n_dims);
    s->row = row;
    s->known.statistic = p->role == FUS_ROLE_NORM_MEAN || p->role == FUS_ROLE_NORM_VARIANCE;
    if (p->role != FUS_ROLE_WEIGHT)
        return;
    s->layout = FUS_LAYOUT_PANELS;
    s->shape = panel_shape(l, i);
    s->floats = fus_gemm_panel_floats(&s->shape);
    s->n_chains = fus_grad_conv_chains(&s->shape);
}

static int add_text(struct fus_train *t, struct fus_error *err)
{
    int dim = t->spec.attn_dim ? t->spec.attn_dim : t->spec.lang_dim, shape[2] = {dim, t->options.n_words};
    if (dim < 1 || t->options.n_words < 1)
        return fus_base_fail(err, FUS_EINVAL, "texts of %d words for an embedding of %d", t->options.n_words, dim);
    t->text = t->n_parameters++;
    set_known(t, &t->parameters[t->text], "text.weight", shape, 2);
    t->parameters[t->text].layout = FUS_LAYOUT_COLUMNS;
    t->log_scale = t->n_parameters++;
    set_known(t, &t->parameters[t->log_scale], "logit_scale", shape, 0);
    t->parameters[t->text].row = t->parameters[t->log_scale].row = -1;
    return FUS_OK;
}

int fus_parameters_list(struct fus_train *t, struct fus_error *err)
{
    struct fus_parameter p;
    int n = 2;
    for (int row = 0; row < t->arch.n_layers; row++)
        for (int i = 0; fus_op_parameter(&p, &t->arch.layers[row], i); i++)
            n++;
    t->parameters = fus_base_alloc((size_t)n, sizeof *t->parameters);
    if (!t->parameters)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of parameters");
    t->text = t->log_scale = -1;
    for (int row = 0; row < t->arch.n_layers; row++) {
        t->rows[row].first = t->n_parameters;
        for (int i = 0; fus_op_parameter(&p, &t->arch.layers[row], i); i++)
            add_row_parameter(t, row, i, &p);
        t->rows[row].n = t->n_parameters - t->rows[row].first;
    }
    return t->options.contrastive ? add_text(t, err) : FUS_OK;
}

/* ---- memory ---- */

static bool wanted(const struct fus_train *t, const struct fus_train_store *s, int which)
{
    if (which == FUS_TRAIN_VALUE)
        return true;
    if (which == FUS_TRAIN_SQUARES && t->options.optimise.rule != FUS_OPTIMISE_ADAMW)
        return false;
    return s->known.trained && (which != FUS_TRAIN_AVERAGE || t->options.optimise.ema > 0);
}

/* Assigns the address of each array; memory NULL: only counts. */
static size_t place_tensors(struct fus_train *t, float *memory)
{
    size_t used = 0;
    for (int i = 0; i < t->n_parameters; i++) {
        struct fus_train_store *s = &t->parameters[i];
        for (int which = 0; which < FUS_TRAIN_TENSORS; which++)
            if (wanted(t, s, which)) {
                s->tensor[which] = memory ? memory + used : NULL;
                used += s->floats;
            }
        s->chains = s->tensor[FUS_TRAIN_GRADIENT];
        if (s->known.trained && s->n_chains > 1) {
            s->chains = memory ? memory + used : NULL;
            used += (size_t)s->n_chains * s->floats;
        }
    }
    for (int row = 0; row < t->arch.n_layers; row++)
        if (t->arch.layers[row].norm[0]) {
            t->rows[row].vectors = memory ? memory + used : NULL;
            used += FUS_NORM_VECTORS * fus_norm_width(&t->arch.layers[row]);
        }
    return used;
}

static size_t sums_width(const struct fus_layer *l)
{
    size_t in = rounded((size_t)l->in_channels), out = rounded((size_t)l->channels);
    return l->op == FUS_OP_ATTENTION && in > out ? in : out;
}

static size_t place_sums(struct fus_train *t, double *memory)
{
    size_t used = 0, widest = FUS_LANES;
    for (int row = 0; row < t->arch.n_layers; row++) {
        struct fus_train_row *r = &t->rows[row];
        const struct fus_layer *l = &t->arch.layers[row];
        size_t width = sums_width(l);
        r->n_sums = l->op == FUS_OP_ATTENTION ? FUS_ATTENTION_PARTS : l->op != FUS_OP_CONV ? 0 : l->norm[0] ? 2 : 1;
        r->sums = memory ? memory + used : NULL;
        used += (size_t)r->n_sums * width;
        widest = width > widest ? width : widest;
        if (!memory)
            continue;
        for (int i = 0; i < r->n; i++) { /* whose gradient is a double sum */
            struct fus_train_store *s = fus_parameters_of(t, row, i);
            if (s->layout == FUS_LAYOUT_PLAIN && s->known.n_dims == 1 && !s->known.statistic)
                s->sums = r->sums + (l->op == FUS_OP_ATTENTION           ? (size_t)(i / 2 - 1) * width
                                     : l->norm[0] && i == FUS_PART_SCALE ? width
                                                                         : 0);
        }
    }
    return used + 2 * widest;
}

int fus_parameters_allocate(struct fus_train *t, struct fus_error *err)
{
    t->memory_floats = place_tensors(t, NULL);
    t->sums_doubles = place_sums(t, NULL);
    t->memory = fus_base_aligned(t->memory_floats, sizeof *t->memory);
    t->sums = fus_base_aligned(t->sums_doubles, sizeof *t->sums);
    if (!t->memory || !t->sums)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of parameters",
                             t->memory_floats * sizeof *t->memory);
    memset(t->memory, 0, t->memory_floats * sizeof *t->memory);
    place_tensors(t, t->memory);
    place_sums(t, t->sums);
    return FUS_OK;
}

size_t fus_parameters_bytes(const struct fus_train *t)
{
    struct fus_train copy = *t; /* the count does not depend on addresses */
    return t->memory ? t->memory_floats * sizeof(float) + t->sums_doubles * sizeof(double)
                     : place_tensors(&copy, NULL) * sizeof(float) + place_sums(&copy, NULL) * sizeof(double);
}

void fus_parameters_free(struct fus_train *t)
{
    fus_base_free(t->parameters);
    fus_base_free(t->memory);
    fus_base_free(t->sums);
}

/* ---- layouts ---- */

/* Iterates over all weights: index in panels and in [channels, in_channels, taps]. */
struct walking {
    const struct fus_train_store *s;
    float *panels, *file;
    bool pack;
};

static void walk_block(void *context, int block, int thread)
{
    const struct walking *w = context;
    const struct fus_layer *l = &w->s->shape;
    size_t taps = (size_t)(l->kernel * l->kernel), in = (size_t)l->in_channels, k = (size_t)fus_gemm_k(l),
           depth = k / taps;
    (void)thread;
    for (size_t lane = 0; lane < FUS_LANES; lane++) {
        size_t channel = (size_t)block * FUS_LANES + lane;
        for (size_t c = 0; channel < (size_t)l->channels && c < in; c++)
            for (size_t tap = 0; tap < taps; tap++) {
                float *panel = w->panels + ((size_t)block * k + tap * depth + c) * FUS_LANES + lane;
                float *file = w->file + (channel * in + c) * taps + tap;
                if (w->pack)
                    *panel = *file;
                else
                    *file = *panel;
            }
    }
}

static void walk(const struct fus_train_store *s, float *panels, float *file, bool pack)
{
    struct walking w = {s, panels, file, pack};
    fus_threads_for(FUS_BLOCKS(s->shape.channels), walk_block, &w);
}

/* The embedding's D rows of V words and V columns of D. */
static void transpose(float *out, const float *in, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            out[j * rows + i] = in[i * columns + j];
}

void fus_train_get(float *out, const struct fus_train *t, int i, enum fus_train_tensor which)
{
    const struct fus_train_store *s = &t->parameters[i];
    size_t rows = (size_t)s->known.shape[0], columns = (size_t)s->known.shape[1];
    if (s->layout == FUS_LAYOUT_PANELS)
        walk(s, s->tensor[which], out, false);
    else if (s->layout == FUS_LAYOUT_COLUMNS)
        transpose(out, s->tensor[which], columns, rows);
    else
        memcpy(out, s->tensor[which], s->known.n * sizeof *out);
}

void fus_train_set(struct fus_train *t, int i, enum fus_train_tensor which, const float *in)
{
    const struct fus_train_store *s = &t->parameters[i];
    if (s->layout == FUS_LAYOUT_PANELS)
        walk(s, s->tensor[which], (float *)in, true); /* only read */
    else if (s->layout == FUS_LAYOUT_COLUMNS)
        transpose(s->tensor[which], in, (size_t)s->known.shape[0], (size_t)s->known.shape[1]);
    else
        memcpy(s->tensor[which], in, s->known.n * sizeof *in);
}

int fus_train_n_parameters(const struct fus_train *t)
{
    return t->n_parameters;
}

const struct fus_train_parameter *fus_train_parameter(const struct fus_train *t, int i)
{
    return &t->parameters[i].known;
}

bool fus_train_has(const struct fus_train *t, int i, enum fus_train_tensor which)
{
    return t->parameters[i].tensor[which] != NULL;
}

int fus_parameters_load(struct fus_train *t, fus_weight_fn get, void *context, struct fus_error *err)
{
    size_t most = 0;
    for (int i = 0; i < t->n_parameters; i++)
        most = t->parameters[i].known.n > most ? t->parameters[i].known.n : most;
    float *file = fus_base_alloc(most + 1, sizeof *file);
    int code = file ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a parameter of %zu numbers", most);
    for (int i = 0; i < t->n_parameters && !code; i++) {
        code = get(context, file, t->parameters[i].known.n, t->parameters[i].known.name, err);
        if (code)
            break;
        fus_train_set(t, i, FUS_TRAIN_VALUE, file);
        if (t->parameters[i].tensor[FUS_TRAIN_AVERAGE])
            fus_train_set(t, i, FUS_TRAIN_AVERAGE, file);
    }
    fus_base_free(file);
    return code;
}

/* ---- a batch's gradients ---- */

static void start_parameter(void *context, int i, int thread)
{
    const struct fus_train *t = context;
    const struct fus_train_store *s = &t->parameters[i];
    (void)thread;
    if (s->known.trained)
        memset(s->chains, 0, (size_t)s->n_chains * s->floats * sizeof *s->chains);
}

void fus_parameters_start_batch(struct fus_train *t)
{
    memset(t->sums, 0, t->sums_doubles * sizeof *t->sums);
    fus_threads_for(t->n_parameters, start_parameter, t);
}

static void end_parameter(void *context, int i, int thread)
{
    const struct fus_train *t = context;
    const struct fus_train_store *s = &t->parameters[i];
    float *gradient = s->tensor[FUS_TRAIN_GRADIENT];
    (void)thread;
    if (!s->known.trained)
        return;
    if (s->n_chains > 1)
        fus_grad_conv_join(gradient, s->chains, s->floats);
    for (size_t j = 0; s->sums && j < s->known.n; j++)
        gradient[j] = (float)s->sums[j];
}

void fus_parameters_end_batch(struct fus_train *t)
{
    fus_threads_for(t->n_parameters, end_parameter, t);
}

/* ---- the norm of all ---- */

#define NORM_ROWS 4096 /* of 16 floats: a task */

struct norming {
    const struct fus_train_store *s;
    const struct fus_kernel *kernel;
    double *out; /* [tasks, 2, 16] */
};

static void norm_task(void *context, int task, int thread)
{
    const struct norming *n = context;
    size_t rows = n->s->floats / FUS_LANES, at = (size_t)task * NORM_ROWS;
    (void)thread;
    n->kernel->grad.norm_sums(n->out + (size_t)task * 2 * FUS_LANES, n->s->tensor[FUS_TRAIN_GRADIENT] + at * FUS_LANES,
                              rows - at < NORM_ROWS ? rows - at : NORM_ROWS);
}

/* Squares: 16 chains for each run of 65,536 numbers, then lane by lane, run by run,
 * parameter by parameter. */
double fus_train_norm(const struct fus_train *t)
{
    double sum = 0;
    for (int i = 0; i < t->n_parameters; i++) {
        const struct fus_train_store *s = &t->parameters[i];
        size_t n = (s->floats / FUS_LANES + NORM_ROWS - 1) / NORM_ROWS;
        struct norming work = {s, t->kernel,
                               s->known.trained ? fus_base_alloc(n * 2 * FUS_LANES, sizeof(double)) : NULL};
        if (work.out)
            fus_threads_for((int)n, norm_task, &work);
        for (size_t j = 0; work.out && j < n * 2 * FUS_LANES; j++)
            sum += j / FUS_LANES % 2 ? work.out[j] : 0;
        fus_base_free(work.out);
    }
    return sqrt(sum);
}

const char *fus_train_worst(const struct fus_train *t, double *largest)
{
    const char *name = "";
    *largest = 0;
    for (int i = 0; i < t->n_parameters; i++) {
        const struct fus_train_store *s = &t->parameters[i];
        const float *g = s->tensor[FUS_TRAIN_GRADIENT];
        for (size_t j = 0; g && j < s->floats; j++)
            if (!(fabs((double)g[j]) <= *largest)) {
                *largest = isnan(g[j]) ? INFINITY : fabs((double)g[j]);
                name = s->known.name;
                if (isinf(*largest))
                    return name;
            }
    }
    return name;
}
