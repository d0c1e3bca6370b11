/* SPDX-License-Identifier: MIT */
/* Weights into a network: looked up by name and packed by each layer's operator. */
#include "nn/net.h"

static bool has_weights(const struct fus_layer *l)
{
    return fus_op_table[l->op].load != NULL;
}

static int load_to(struct fus_net *net, int i, float *to, struct fus_error *err)
{
    const struct fus_layer *l = &net->arch.layers[i];
    const struct fus_op_load a = {
        .layer = l, .packed = to, .raw = net->raw, .get = net->get, .context = net->get_context};
    net->packed[i] = to;
    return fus_op_table[l->op].load(&a, err);
}

/* weight_floats: of all layers, or with low_memory of the largest one. raw_floats: the largest
 * layer's. */
int fus_load_measure(struct fus_net *net, struct fus_error *err)
{
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (!has_weights(l))
            continue;
        size_t packed = fus_op_table[l->op].packed_floats(l),
               raw = fus_op_table[l->op].raw_floats ? fus_op_table[l->op].raw_floats(l) : 0;
        net->raw_floats = raw > net->raw_floats ? raw : net->raw_floats;
        if (!net->low_memory)
            net->weight_floats += packed;
        else if (packed > net->weight_floats)
            net->weight_floats = packed;
        if (net->weight_floats > SIZE_MAX / 16 || packed > SIZE_MAX / 16 || raw > SIZE_MAX / 16)
            return fus_base_fail(err, FUS_ENOMEM, "weights of %s do not fit in memory", l->name);
    }
    return FUS_OK;
}

int fus_load_weights(struct fus_net *net, struct fus_error *err)
{
    float *next = net->weights;
    int code = FUS_OK;
    for (int i = 0; i < net->arch.n_layers && !code; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (!has_weights(l))
            continue;
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : load_to(net, i, next, err);
        next += fus_op_table[l->op].packed_floats(l);
    }
    return code;
}

int fus_load_layer(struct fus_net *net, int layer, struct fus_error *err)
{
    return has_weights(&net->arch.layers[layer]) ? load_to(net, layer, net->weights, err) : FUS_OK;
}
