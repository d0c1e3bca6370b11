/* SPDX-License-Identifier: MIT */
/* Private to nn/: the network that net.c makes, load.c fills with weights and forward.c runs. */
#ifndef FUS_NET_H
#define FUS_NET_H

#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "nn/plan.h"

struct fus_net {
    struct fus_net_spec spec;
    struct fus_arch arch;
    struct fus_plan plan;
    const struct fus_kernel *kernel;
    const struct fus_kernel_bf16 *bf16; /* NULL: all is computed in floats */
    int batch, n_threads;
    bool apart;        /* the threads share out groups of pictures, each with an arena of its own */
    int group;         /* most pictures of a walk through the layers: the batch, or of a group */
    bool low_memory;   /* weights hold one layer at a time, loaded again in every pass */
    bool in_place;     /* all memory is the caller's */
    bool ready;        /* weights and arena are allocated and loaded */
    fus_weight_fn get; /* look-up of weights */
    void *get_context;
    float *weights; /* [weight_floats] packed by the operators */
    float **packed; /* [n_layers] each layer's part of it; NULL: it has no parameters */
    float *raw;     /* [raw_floats] a layer's unpacked weights, while it is loaded */
    float *arena;   /* [n_arenas, plan.arena_floats] activations */
    size_t weight_floats, raw_floats;
    int n_taps;
    struct fus_tap *taps;
    int *tap_layer;              /* [n_taps] */
    int *layer_tap;              /* [n_layers]; -1: none */
    struct fus_net_times *times; /* the caller's, or NULL */
    fus_batch_fn watch;          /* reads, and may change, every wanted tap; or NULL */
    void *watch_context;
};

/* Allocates and loads weights and arena, unless that is done. */
int fus_net_allocate(struct fus_net *net, struct fus_error *err);

/* Computes weight_floats and raw_floats. */
int fus_load_measure(struct fus_net *net, struct fus_error *err);

/* sharing.c: sets apart, batch and group; most: of struct fus_net_options, apart. */
void fus_sharing_choose(struct fus_net *net, int most);

/* Loads every layer's weights. */
int fus_load_weights(struct fus_net *net, struct fus_error *err);

/* low_memory: loads this layer's weights over those of the layer before. */
int fus_load_layer(struct fus_net *net, int layer, struct fus_error *err);

#endif
