/* Private to nn/: the network that net.c walks and load.c fills with weights. */
#ifndef FUS_NET_H
#define FUS_NET_H

#include "attnpool.h"
#include "layers.h"
#include "plan.h"

struct fus_net {
    struct fus_net_spec spec;
    struct fus_arch arch;
    struct fus_plan plan;
    const struct fus_kernel *kernel;
    int batch, n_threads;
    bool direct;
    struct fus_gemm *gemms;       /* [n_layers]; panels NULL where a layer has no weights */
    struct fus_attnpool attention; /* of the one attention pool there may be */
    bool low_memory;              /* weights hold one layer at a time, read again for every pass */
    fus_weight_fn get;            /* where weights come from */
    void *get_context;
    float *weights;               /* panels and biases, one allocation */
    size_t weight_floats;
    float *raw;                   /* a layer's weights as the file has them; kept for low_memory only */
    size_t raw_floats;
    float *arena;
    int n_taps;
    struct fus_tap *taps;
    int *tap_layer;               /* [n_taps] */
    int *layer_tap;               /* [n_layers]; -1: none */
    struct fus_net_times *times;  /* the caller's, or NULL */
    fus_batch_fn watch;           /* sees, and may change, every wanted tap; or NULL */
    void *watch_context;
};

/* Which algorithm a layer uses; its shape alone decides. */
bool fus_load_by_winograd(const struct fus_net *net, const struct fus_layer *l);

/* Memory for the weights, filled unless low_memory. */
int fus_load_measure(struct fus_net *net, struct fus_error *err); /* their size */
int fus_load_weights(struct fus_net *net, struct fus_error *err);

/* Low memory: this layer's weights, now. */
int fus_load_layer_again(struct fus_net *net, int layer, struct fus_error *err);

#endif
