/* SPDX-License-Identifier: MIT */
/* Private to nn/: a network as one table of layers, in forward order. Plan, loading, forward pass
 * and the naive reference walk this table. */
#ifndef FUS_ARCH_H
#define FUS_ARCH_H

#include "nn/nn.h"
#include "nn/tower.h"

enum fus_op_kind {
    FUS_OP_CONV, /* convolution [+ folded batch norm] [+ addend] [+ ReLU]; a linear layer is a 1x1 on one
                        pixel */
    FUS_OP_MAXPOOL,
    FUS_OP_AVGPOOL,    /* the padding counts as zeros */
    FUS_OP_MEAN,       /* over all places: adaptive average pool to 1x1 */
    FUS_OP_PAD,        /* option A shortcut: every second pixel, zero channels on both sides */
    FUS_OP_ATTENTION,  /* CLIP's attention pooling */
    FUS_OP_ACTIVATION, /* GELU, QuickGELU, SiLU of each input */
    FUS_OP_UNFOLD,     /* the picture's windows, kernel x kernel x 3, as channels: the convolution after it is a 1x1 */
    FUS_OP_TOKENS,     /* class token, then the places; each with its position added */
    FUS_OP_NORM,       /* layer norm over the channels of each place */
    FUS_OP_ATTEND,     /* self-attention of a transformer */
    FUS_OP_PICK,       /* some rows of each item, as places of a picture */
    FUS_OP_KINDS
};

struct fus_layer {
    enum fus_op_kind op;
    char name[48]; /* of its parameters: "layer1.0.conv1"; "" if there are none */
    char norm[48]; /* of its batch norm: "layer1.0.bn1"; "" if there is none */
    char tap[48];  /* "layer1.0.relu1"; "" if it cannot be tapped */
    bool in_all;
    enum fus_act act;  /* of a convolution: applied last; of an activation: none of the first two */
    int input, addend; /* layers; -1: the image / nothing is added */
    int kernel, stride, padding;
    int heads;                          /* of an attention */
    bool winograd;                      /* set by net.c; the builder leaves it false */
    const struct fus_kernel_bf16 *bf16; /* of a convolution, set by net.c: it multiplies bf16 numbers; NULL: floats */
    bool bias;                          /* of a convolution: it has a bias of its own, beside a batch norm or without */
    int groups;      /* of a convolution with as many inputs as outputs: each group of outputs reads its own; 0: none */
    bool repeated;   /* of a convolution: an earlier layer has the same weight */
    bool linear;     /* its weight is a matrix [channels, in_channels * kernel^2] in files */
    bool transposed; /* ... a matrix [in_channels, channels] that is called `name` itself */
    bool underscore; /* ... and its tensors are NAME_weight, NAME_bias */
    int unfolded;    /* kernel of the UNFOLD before it: its weight is [channels, 3, unfolded, unfolded]; 0: none */
    char scale[48];  /* of the layer scale after it, a factor for each channel; "" if there is none */
    bool joined;     /* rows (places) of all items lie in one run: [C/16, rows of all items, 16] */
    bool causal;     /* of an ATTEND: row i sees rows 0 .. i */
    double epsilon;  /* of a NORM */
    int row;         /* of a PICK: the first of height * width rows; -1: an item's last row */
    bool is_signed;  /* of a tap: as in struct fus_tap */
    bool is_stream;
    int in_channels, in_height, in_width;
    int channels, height, width; /* of the output */
};

struct fus_arch {
    int n_layers, cap_layers;
    struct fus_layer *layers;
};

#define FUS_BN_EPSILON 1e-5 /* PyTorch's default, used by all these networks */

int fus_arch_build(struct fus_arch *arch, const struct fus_net_spec *spec, struct fus_error *err);
void fus_arch_free(struct fus_arch *arch);

/* ---- writing the table ---- */

struct fus_builder {
    struct fus_arch *arch;
    const struct fus_net_spec *spec;
    bool failed, no_memory; /* the input is too small for the network, or memory ran out: nothing more is appended */
    struct fus_layer spare; /* returned by append after a failure */
};

/* A new layer that reads layer `input` (-1: the picture), of kernel 1, stride 1, without padding.
 * The caller sets the fields that differ and calls finish, which returns the layer's index. A
 * convolution's kernel is at most 7 and its stride at most 2; from the picture an UNFOLD and a 1x1
 * do the rest. */
struct fus_layer *fus_arch_append(struct fus_builder *b, enum fus_op_kind op, int input);
int fus_arch_finish(struct fus_builder *b, struct fus_layer *l, int channels);

/* A convolution with these numbers, with a bias unless it has a batch norm (norm ""). The caller
 * may still set its other fields: it is fus_arch_last. */
int fus_arch_conv(struct fus_builder *b, int input, const char *name, const char *norm, int kernel, int stride,
                  int padding, int channels);
/* Its last layer, or the spare one after a failure. */
struct fus_layer *fus_arch_last(struct fus_builder *b);

/* resnet.c, vit.c: every layer of the network that b->spec describes. */
int fus_resnet_build(struct fus_builder *b, struct fus_error *err);
int fus_vit_build(struct fus_builder *b, struct fus_error *err);
/* vit.c: the layers of a text tower for texts of up to n_rows tokens. Layer 0 holds the rows of
 * tokens, which the caller writes; the last layer is the embedding. */
int fus_vit_build_text(struct fus_arch *arch, const struct fus_tower_spec *spec, int n_rows, struct fus_error *err);

/* chain.c: the same for AlexNet and VGG. */
int fus_chain_build(struct fus_builder *b, struct fus_error *err);

/* cornet.c: the same for CORnets. */
int fus_cornet_build(struct fus_builder *b, struct fus_error *err);

/* convnext.c: the same for ConvNeXt. */
int fus_convnext_build(struct fus_builder *b, struct fus_error *err);

/* baseline.c: the same for pixels and Gabor filters. */
int fus_baseline_build(struct fus_builder *b, struct fus_error *err);

#endif
