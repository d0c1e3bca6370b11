/* Private to nn/: a network as one table of layers, in forward order. Plan, loading, forward pass
 * and the naive reference walk this table. */
#ifndef FUS_ARCH_H
#define FUS_ARCH_H

#include "nn/nn.h"

enum fus_op_kind {
    FUS_OP_CONV,       /* convolution [+ folded batch norm] [+ addend] [+ ReLU]; a linear layer is a 1x1 on one
                        pixel */
    FUS_OP_MAXPOOL,    /* 3x3 stride 2, padding 1 */
    FUS_OP_AVGPOOL,    /* kernel x kernel, stride = kernel */
    FUS_OP_MEAN,       /* over all places: adaptive average pool to 1x1 */
    FUS_OP_PAD,        /* option A shortcut: every second pixel, zero channels on both sides */
    FUS_OP_ATTENTION,  /* CLIP's attention pooling */
    FUS_OP_ACTIVATION, /* GELU, QuickGELU, SiLU of each input */
    FUS_OP_KINDS
};

struct fus_layer {
    enum fus_op_kind op;
    char name[48]; /* of its parameters: "layer1.0.conv1"; "" if there are none */
    char norm[48]; /* of its batch norm: "layer1.0.bn1"; "" if there is none */
    char tap[48];  /* "layer1.0.relu1"; "" if it cannot be tapped */
    bool in_all;
    enum fus_act act;  /* of a convolution: none or ReLU, applied last; of an activation: another */
    int input, addend; /* layers; -1: the image / nothing is added */
    int kernel, stride, padding;
    int heads;     /* of an attention */
    bool winograd; /* set by net.c; the builder leaves it false */
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
 * The caller sets the fields that differ and calls finish, which returns the layer's index. */
struct fus_layer *fus_arch_append(struct fus_builder *b, enum fus_op_kind op, int input);
int fus_arch_finish(struct fus_builder *b, struct fus_layer *l, int channels);

/* resnet.c: every layer of the network that b->spec describes. */
int fus_resnet_build(struct fus_builder *b, struct fus_error *err);

/* baseline.c: the same for pixels and Gabor filters. */
int fus_baseline_build(struct fus_builder *b, struct fus_error *err);

#endif
