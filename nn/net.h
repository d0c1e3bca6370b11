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
    int batch, n_threads;
    bool low_memory;   /* weights hold one layer at a time, loaded again in every pass */
    bool in_place;     /* everything lies in the caller's memory */
    bool ready;        /* weights and arena are there */
    fus_weight_fn get; /* where weights come from */
    void *get_context;
    float *weights; /* [weight_floats] what operators pack */
    float **packed; /* [n_layers] each layer's part of it; NULL: it has no parameters */
    float *raw;     /* [raw_floats] a layer's weights as the file has them, while they are packed */
    float *arena;   /* [plan.arena_floats] activations */
    size_t weight_floats, raw_floats;
    int n_taps;
    struct fus_tap *taps;
    int *tap_layer;              /* [n_taps] */
    int *layer_tap;              /* [n_layers]; -1: none */
    struct fus_net_times *times; /* the caller's, or NULL */
    fus_batch_fn watch;          /* sees, and may change, every wanted tap; or NULL */
    void *watch_context;
};

/* Weights and arena, if they are not there. */
int fus_net_allocate(struct fus_net *net, struct fus_error *err);

/* weight_floats and raw_floats. */
int fus_load_measure(struct fus_net *net, struct fus_error *err);

/* Every layer's weights. */
int fus_load_weights(struct fus_net *net, struct fus_error *err);

/* low_memory: this layer's weights in place of the last one's. */
int fus_load_layer(struct fus_net *net, int layer, struct fus_error *err);

#endif
