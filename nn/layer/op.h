/* SPDX-License-Identifier: MIT */
/* Private to nn/: what the engine knows about each operator, one row per entry of enum fus_op.
 *
 * Loading, the forward pass, the plan's scratch memory, `fusiform bench` and the naive reference
 * all go through this table. A new operator is an entry in enum fus_op (arch.h), a row in op.c and
 * the functions that the row names; METHOD.md, "How to add a layer", walks through it. */
#ifndef FUS_OP_H
#define FUS_OP_H

#include "nn/arch.h"
#include "nn/kernel/kernels.h"

/* ---- parameters ---- */

enum fus_role {
    FUS_ROLE_WEIGHT, /* of a convolution or a linear layer */
    FUS_ROLE_BIAS,
    FUS_ROLE_NORM_SCALE, /* batch norm's gamma, PyTorch's `weight` */
    FUS_ROLE_NORM_SHIFT, /* beta, PyTorch's `bias` */
    FUS_ROLE_NORM_MEAN,  /* running statistics */
    FUS_ROLE_NORM_VARIANCE,
    FUS_ROLE_POSITIONS, /* positional embedding */
    FUS_ROLE_SCALE      /* layer scale */
};

/* One tensor of a layer as in weight files: batch norm separate from the convolution, not folded,
 * not packed. */
struct fus_parameter {
    char name[112]; /* canonical: "layer1.0.bn1.running_var" */
    enum fus_role role;
    int n_dims, shape[4]; /* PyTorch's order */
};

/* The layer's i-th parameter, i = 0, 1, ... in the order of fus_arch_parameters; false: there are
 * no more. */
bool fus_op_parameter(struct fus_parameter *p, const struct fus_layer *l, int i);

/* ---- the arguments of a row's functions ---- */

struct fus_op_load {
    const struct fus_layer *layer;
    float *packed; /* [packed_floats] out: weights in the layout that `run` needs */
    float *raw;    /* [raw_floats] working memory */
    fus_weight_fn get;
    void *context;
};

struct fus_op_run {
    const struct fus_layer *layer;
    const float *packed;      /* [packed_floats]; NULL if the layer has no parameters */
    float *out;               /* [n, ceil(C/16), H*W, 16] */
    const float *in, *addend; /* likewise; addend NULL: none */
    int n;                    /* pictures, or items of rows */
    const int *first;         /* [n + 1] the items' first rows where layers are joined; NULL: all items have as
                                 many rows as the layer has places */
    float *scratch;           /* [scratch_floats] */
    const struct fus_kernel *kernel;
};

struct fus_op_reference {
    const struct fus_layer *layer;
    float *out; /* [C, H, W] of one picture */
    const float *in, *addend;
    fus_weight_fn get;
    void *context;
};

/* ---- the table ---- */

/* packed_floats to load: NULL if an operator has no parameters. Other functions may be NULL if the
 * answer is always 0 or "".
 *
 * run writes only to out and scratch; out is neither in nor addend. */
struct fus_op {
    const char *name; /* for layers without a name: "maxpool" */
    bool (*parameter)(struct fus_parameter *p, const struct fus_layer *l, int i);
    size_t (*packed_floats)(const struct fus_layer *l);
    size_t (*raw_floats)(const struct fus_layer *l);
    int (*load)(const struct fus_op_load *a, struct fus_error *err);
    size_t (*scratch_floats)(const struct fus_layer *l, int n_pictures, int n_threads);
    void (*run)(const struct fus_op_run *a);
    int (*reference)(const struct fus_op_reference *a, struct fus_error *err);
    const char *(*algorithm)(const struct fus_layer *l);
    double (*flops)(const struct fus_layer *l); /* 2 per multiply-add, of one picture */
};

extern const struct fus_op fus_op_table[FUS_OP_KINDS];

/* ---- the rows' functions, by file ---- */

/* conv.c */
bool fus_conv_parameter(struct fus_parameter *p, const struct fus_layer *l, int i);
size_t fus_conv_packed_floats(const struct fus_layer *l);
size_t fus_conv_raw_floats(const struct fus_layer *l);
int fus_conv_load(const struct fus_op_load *a, struct fus_error *err);
size_t fus_conv_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads);
void fus_conv_run(const struct fus_op_run *a);
const char *fus_conv_algorithm(const struct fus_layer *l);
double fus_conv_flops(const struct fus_layer *l);

/* pool.c */
void fus_pool_max(const struct fus_op_run *a);
void fus_pool_average(const struct fus_op_run *a); /* sums row by row, then / n */
void fus_pool_mean(const struct fus_op_run *a);
void fus_pool_pad(const struct fus_op_run *a);

/* The first row of item i of a joined layer's input; i = n: all rows. */
static inline size_t fus_op_first_row(const struct fus_op_run *a, int i)
{
    size_t places = (size_t)a->layer->in_height * (size_t)a->layer->in_width;
    return a->first ? (size_t)a->first[i] : (size_t)i * places;
}

/* unfold.c */
void fus_unfold_run(const struct fus_op_run *a);

/* tokens.c */
bool fus_tokens_parameter(struct fus_parameter *p, const struct fus_layer *l, int i);
size_t fus_tokens_packed_floats(const struct fus_layer *l);
size_t fus_tokens_raw_floats(const struct fus_layer *l);
int fus_tokens_load(const struct fus_op_load *a, struct fus_error *err);
void fus_tokens_run(const struct fus_op_run *a);
void fus_tokens_pick(const struct fus_op_run *a);
/* Writes a PICK's output back to the rows that it came from. */
void fus_tokens_put_back(const struct fus_op_run *a);

/* layernorm.c */
bool fus_layernorm_parameter(struct fus_parameter *p, const struct fus_layer *l, int i);
size_t fus_layernorm_packed_floats(const struct fus_layer *l);
int fus_layernorm_load(const struct fus_op_load *a, struct fus_error *err);
void fus_layernorm_run(const struct fus_op_run *a);

/* attend.c */
size_t fus_attend_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads);
void fus_attend_run(const struct fus_op_run *a);
double fus_attend_flops(const struct fus_layer *l);

/* act.c */
void fus_act_run(const struct fus_op_run *a);
const char *fus_act_algorithm(const struct fus_layer *l);

/* attnpool.c */
bool fus_attnpool_parameter(struct fus_parameter *p, const struct fus_layer *l, int i);
size_t fus_attnpool_packed_floats(const struct fus_layer *l);
size_t fus_attnpool_raw_floats(const struct fus_layer *l);
int fus_attnpool_load(const struct fus_op_load *a, struct fus_error *err);
size_t fus_attnpool_scratch_floats(const struct fus_layer *l, int n_pictures, int n_threads);
void fus_attnpool_run(const struct fus_op_run *a);

/* reference.c */
int fus_reference_convolve(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_pool(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_pad(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_activate(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_attend(const struct fus_op_reference *a, struct fus_error *err);

/* Layers from .. to by their references; input: what layer from - 1 computed, or the picture. out:
 * of layer `to`. */
int fus_reference_walk(float *out, const struct fus_arch *arch, const float *input, int from, int to, fus_weight_fn get,
                       void *context, struct fus_error *err);

/* reference_tokens.c */
int fus_reference_unfold(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_tokens(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_layernorm(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_self_attend(const struct fus_op_reference *a, struct fus_error *err);
int fus_reference_pick(const struct fus_op_reference *a, struct fus_error *err);

#endif
