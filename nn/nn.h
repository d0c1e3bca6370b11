/* SPDX-License-Identifier: MIT */
/* Networks: a description and a source of weights in, activations at named layers ("taps") out.
 *
 * Reading order: reference.c and reference_tokens.c (a whole network by naive loops), arch.c,
 * resnet.c, vit.c, chain.c, cornet.c, convnext.c and networks.c (networks as tables of layers),
 * op.h and op.c (what each operator can do), plan.c (memory for activations), net.c and load.c
 * (creating a network), forward.c (the forward pass), tower.c (texts), profile.c (timing). The
 * operators: conv.c over gemm.c and winograd.c, pool.c, act.c, attnpool.c, unfold.c, tokens.c,
 * layernorm.c, attend.c. Below them: kernels.c with *_tile.h (one source for every instruction
 * set), cpu.c, threads.c.
 *
 * nn knows no file format: weights arrive through a look-up function, by PyTorch's names. */
#ifndef FUS_NN_H
#define FUS_NN_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- which network ---- */

enum fus_stem {
    FUS_STEM_7X7,    /* torchvision: 7x7 stride 2, max pool 3x3 stride 2 */
    FUS_STEM_3X3,    /* CIFAR: 3x3 stride 1, no pool */
    FUS_STEM_CLIP,   /* CLIP: three 3x3, the first of stride 2, average pool 2x2; blocks down-sample by average pools */
    FUS_STEM_PIXELS, /* no network: the pixels of the reduced picture (baseline.c) */
    FUS_STEM_GABOR   /* no network: Gabor filters at four scales */
};

/* The baselines' numbers. */
enum {
    FUS_PIXELS_SIDE = 4096, /* at most */
    FUS_GABOR_MAX_SIDE = 4096,
    FUS_GABOR_SCALES = 4,
    FUS_GABOR_ORIENTATIONS = 8,
    FUS_GABOR_PHASES = 4,
    FUS_GABOR_SIDE = 7,      /* of a filter */
    FUS_GABOR_WAVELENGTH = 4 /* in pixels of its scale */
};

/* Activation functions; act.c has the equations. */
enum fus_act { FUS_ACT_NONE, FUS_ACT_RELU, FUS_ACT_GELU, FUS_ACT_QUICKGELU, FUS_ACT_SILU };

#define FUS_MAX_STAGES 4

/* A vision transformer (Dosovitskiy et al. 2021), plain or CLIP's. */
struct fus_vit_spec {
    int patch; /* pixels of a patch's side */
    int width; /* channels of a token; inside an MLP 4 times as many */
    int heads; /* of width / heads channels, a multiple of 16 */
    int n_blocks;
    /* a layer norm before the blocks, no bias of the patches' layer; epsilon 1e-5, else 1e-6 */
    bool clip;
    bool layer_scale; /* a factor for each channel after attention and MLP */
    int dim;          /* CLIP: columns of proj; 0: none */
};

/* AlexNet or VGG (chain.c). */
enum { FUS_MOST_CONVS = 32 };
struct fus_chain_spec {
    bool alexnet; /* else VGG */
    bool norm;    /* VGG: a batch norm after each convolution */
    int n_convs;
    int channels[FUS_MOST_CONVS];
    bool pool[FUS_MOST_CONVS]; /* a max pool after the convolution */
    int grid;                  /* side of the last pool's output, which the first linear layer is made for */
    int hidden[2];             /* rows of the linear layers before the classes */
};

enum fus_net_kind { FUS_NET_RESNET, FUS_NET_VIT, FUS_NET_CHAIN, FUS_NET_CORNET, FUS_NET_CONVNEXT };

/* The dimensions of a network, derived from the shapes in a weight file. */
struct fus_net_spec {
    /* VIT: input_side, act, n_classes and vit count; CHAIN: input_side, n_classes and chain; else
     * all but vit and chain. CORNET: the stages are V1, V2, V4 and IT, n_blocks their times,
     * bottleneck is S, else Z. CONVNEXT: input_side, n_classes, n_stages, n_blocks, channels */
    enum fus_net_kind kind;
    struct fus_vit_spec vit;
    struct fus_chain_spec chain;
    enum fus_stem stem;
    bool bottleneck;   /* 1x1, 3x3, 1x1 (stride on the 3x3: v1.5), else 3x3, 3x3 */
    bool pad_shortcut; /* option A of He et al. 2015: subsample by 2, zero channels on both sides;
                                     else `downsample` */
    /* Of stem and blocks; FUS_ACT_NONE: ReLU, as in published networks. Of a ViT's MLPs: GELU or
     * QuickGELU; NONE: not known */
    enum fus_act act;
    int input_side;    /* 224, 32, ... */
    int stem_channels; /* 64; 16 for CIFAR */
    int groups;        /* of the 3x3 in a bottleneck (ResNeXt); 0: it is not in groups */
    int n_stages;      /* 3 or 4: layer1, layer2, ... */
    int n_blocks[FUS_MAX_STAGES];
    int width[FUS_MAX_STAGES];    /* channels inside a block */
    int channels[FUS_MAX_STAGES]; /* channels of its output */
    int n_classes;                /* rows of fc; 0 = no fc */
    int lang_dim;                 /* rows of the language head; 0 = none */
    int lang_hidden;              /* 0: one linear layer `lang_head`; else `lang_head.0`, ReLU, `lang_head.2` */
    int attn_grid;                /* CLIP: positional_embedding has attn_grid^2 + 1 rows; else 0 */
    int attn_heads;               /* CLIP: width*32/64 */
    int attn_dim;                 /* CLIP: rows of attnpool.c_proj */
};

/* The family: "resnet", "lang_resnet", "clip_resnet", "vit", "clip_vit", "alexnet", "vgg",
 * "cornet" or "convnext"; "baseline" for what is no network. It is the value of fusiform.arch in a
 * file. */
const char *fus_networks_family(const struct fus_net_spec *spec);

/* A spec for "resnet18|34|50|101|152", "cifar_resnet20..", "lang_resnet50",
 * "clip_rn50|rn101|rn50x4|rn50x16|rn50x64", "clip_vit_b32|b16|l14", "vit_b_16|32", "alexnet",
 * "vgg11|13|16|19" with "_bn" or without, "cornet_s|z", "resnext50_32x4d",
 * "resnext101_32x8d|64x4d", "wide_resnet50_2|101_2", "convnext_tiny|small|base|large";
 * FUS_ENOTFOUND for any other name. */
int fus_networks_named(struct fus_net_spec *spec, const char *name, struct fus_error *err);

/* One line for people: "ResNet-50, input 224 x 224, 1000 classes". */
void fus_networks_describe(char *text, size_t text_bytes, const struct fus_net_spec *spec);

/* Calls fn for every parameter of the network, in forward order, with its canonical name; shape has
 * n_dims entries in PyTorch's order. A non-zero return of fn ends the loop and is returned. */
typedef int (*fus_parameter_fn)(void *context, const char *name, const int *shape, int n_dims);
int fus_arch_parameters(const struct fus_net_spec *spec, fus_parameter_fn fn, void *context, struct fus_error *err);

/* ---- a network ready to run ---- */

/* Writes the n floats (C order) of the tensor with this canonical name to out. */
typedef int (*fus_weight_fn)(void *context, float *out, size_t n, const char *name, struct fus_error *err);

struct fus_net;

/* Arithmetic of convolutions and linear layers: floats, or products of bf16 numbers
 * (kernel/bf16.h): weights, with the batch norm folded in, and inputs are rounded to bf16; sums,
 * and what lies between the layers, are floats. */
enum fus_precision { FUS_PRECISION_FP32, FUS_PRECISION_BF16 };
const char *fus_net_precision_name(enum fus_precision precision); /* "fp32", "bf16" */

struct fus_net_options {
    const char *isa; /* instruction set: scalar, avx2, avx512, amx, neon; NULL: $FUS_ISA's, else the best available */
    int batch;       /* most images in a forward pass; 0 = 1 */
    bool batch_taps; /* fus_net_watch's function gets a block's output for the whole batch at once; else for any
                        number of images, which is faster for large batches */
    /* most images in a forward pass of a network of short layers, if that is more than `batch`: the
     * threads then share out images, not layers (fus_net_is_apart). 0, or low_memory: never */
    int apart;
    bool direct;                  /* no Winograd: every convolution is computed as the direct sum */
    enum fus_precision precision; /* BF16 implies direct */
    bool low_memory; /* holds one layer's weights at a time: `get` is called in every pass instead of once, so
                        its context must stay valid; the same bits, slower */
    /* as after fus_net_release: nothing is allocated or read before the first pass; fus_net_bytes
     * returns what the first pass will allocate */
    bool resting;
};

struct fus_tap {
    char name[48];               /* PyTorch's: "relu", "layer4.2.relu", "fc" */
    int channels, height, width; /* [C, H, W]; H = W = 1 for vectors */
    bool in_all;                 /* part of `all`: the stem's relu and every block output */
    int order;                   /* 0, 1, ...: its place among all taps of the network */
    /* order / order of the last block's output: 0 for the first tap, 1 for the last block's output
     * and every later tap */
    double depth;
    bool is_signed; /* its values may be below 0: a selectivity index of sums means nothing */
    bool is_stream; /* a transformer's tokens between blocks: 0 is not silence, and no axis is special */
};

int fus_net_create(struct fus_net **net, const struct fus_net_spec *spec, const struct fus_net_options *options,
                   fus_weight_fn get, void *context, struct fus_error *err);
void fus_net_destroy(struct fus_net *net); /* NULL allowed */

/* The same in the caller's memory, at an address that is a multiple of 64 and of the size that
 * fus_net_measure gives for the same spec, options and number of threads. Both allocate some kB for
 * tables and free them before they return. After that the network allocates nothing, and
 * fus_net_destroy frees nothing. */
int fus_net_measure(size_t *bytes, const struct fus_net_spec *spec, const struct fus_net_options *options,
                    struct fus_error *err);
int fus_net_create_in(struct fus_net **net, void *memory, size_t bytes, const struct fus_net_spec *spec,
                      const struct fus_net_options *options, fus_weight_fn get, void *context, struct fus_error *err);

/* Frees weights and activations. The next forward pass allocates them again and loads the weights
 * through `get`, so its context must stay valid. Does nothing if the memory is the caller's. */
void fus_net_release(struct fus_net *net);

size_t fus_net_bytes(const struct fus_net *net); /* of weights and activations together */
int fus_net_batch(const struct fus_net *net);    /* most images in a forward pass */

/* Whether the threads share out images. Then the functions below (fus_tap_fn, fus_batch_fn) are
 * called by several threads at once, each for images of its own, of one image in network order.
 * The choice: sharing.c. */
bool fus_net_is_apart(const struct fus_net *net);
const char *fus_net_isa(const struct fus_net *net);

int fus_net_n_taps(const struct fus_net *net);
const struct fus_tap *fus_net_tap(const struct fus_net *net, int i);

/* Index of the tap with this name (CLIP's `relu3` is accepted for `relu`); -1:
 * none, err lists all. */
int fus_net_find_tap(const struct fus_net *net, const char *name, struct fus_error *err);

/* The tap that holds the class scores (`fc`); the tap that holds the embedding (`lang_head`,
 * `attnpool`, else `avgpool`); -1: none. */
int fus_net_class_tap(const struct fus_net *net);
int fus_net_embedding_tap(const struct fus_net *net);

/* Called during a forward pass with every wanted tap, in network order, as soon as it is computed,
 * for each image of the batch:
 *
 * blocked  [ceil(C/16), H*W, 16]  f32, channels innermost in blocks of 16, the last block filled up
 *          with zeros. Valid during the call. */
typedef int (*fus_tap_fn)(void *context, int tap, int picture, const float *blocked);

/* input [n, 3, side, side], n <= options.batch. wanted[fus_net_n_taps]; layers after the last
 * wanted tap are not computed. The result has the same bits for any instruction set, number of
 * threads and batch. A non-zero return of fn ends the pass and is returned; fn may be NULL. */
int fus_net_forward(struct fus_net *net, const float *input, int n, const bool *wanted, fus_tap_fn fn, void *context,
                    struct fus_error *err);

/* From now on fn is called with every wanted tap of images first .. first+n-1, before the fn of
 * fus_net_forward. NULL: fn is no longer called.
 *
 * blocked  [n, ceil(C/16), H*W, 16]  f32. Later layers and the other function see
 *                                    what fn writes there
 *          (the lesion of a unit). The zeros that fill up the last block must stay. */
typedef int (*fus_batch_fn)(void *context, int tap, int first, int n, float *blocked);
void fus_net_watch(struct fus_net *net, fus_batch_fn fn, void *context);

/* Runs only the layers after a tap. blocked [n, ceil(C/16), H*W, 16] is the tap's output, for
 * example a copy made in fus_batch_fn and then modified. fn is called with the wanted taps from
 * this one on. fus_net_can_continue: whether every later layer depends on this tap alone; otherwise
 * the call fails. */
bool fus_net_can_continue(const struct fus_net *net, int tap);
int fus_net_continue(struct fus_net *net, int tap, const float *blocked, int n, const bool *wanted, fus_tap_fn fn,
                     void *context, struct fus_error *err);

/* ---- costs ---- */

/* A layer of the table. */
struct fus_layer_info {
    char name[48], shape[64]; /* "layer1.0.conv2", "64x56x56 3x3/1" */
    const char *algorithm;    /* "gemm", "winograd"; "" if there is only one */
    double flops;             /* per image: 2 per multiply-add of the direct sum, padding counted in */
};
int fus_net_n_layers(const struct fus_net *net);
void fus_net_layer_info(struct fus_layer_info *info, const struct fus_net *net, int layer);

/* What a forward pass took. peak is the CPU's limit: fused multiply-adds on registers alone, with
 * the network's instruction set on all threads, sampled between layers because the CPU's frequency
 * depends on the load. */
struct fus_net_times {
    double *layers; /* [n_layers] seconds */
    double pass;    /* seconds, without the sampling */
    double peak;    /* GFLOP/s */
};
void fus_net_time(struct fus_net *net, struct fus_net_times *times); /* every pass from now on; NULL: stop timing */

/* ---- beside networks ---- */

/* The same network by naive loops, for reading and for the tests: one output at a time, one
 * multiply-add at a time. Bit-equal to fus_net_forward with options.direct, except for attention
 * pooling. input [3, side, side]; out [C, H, W] of the tap called `tap`. */
int fus_reference_forward(float *out, const struct fus_net_spec *spec, const float *input, const char *tap,
                          fus_weight_fn get, void *context, struct fus_error *err);

/* blocked [ceil(C/16), n_places, 16] -> out [C, n_places]. */
void fus_tensor_unblock(float *out, const float *blocked, int channels, size_t n_places);
size_t fus_tensor_blocked_size(int channels, size_t n_places); /* floats */

/* Softmax of n logits, in place; in-tree exp, sums in index order in double. */
void fus_softmax_apply(float *x, size_t n);

#ifdef __cplusplus
}
#endif

#endif
