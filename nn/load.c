/* Weights into a network: looked up by name, batch norm folded, packed the way each layer's algorithm reads them. */
#include <string.h>

#include "net.h"

bool fus_load_by_winograd(const struct fus_net *net, const struct fus_layer *l)
{
    return !net->direct && fus_winograd_fits(l);
}

static bool has_weights(const struct fus_layer *l)
{
    return l->op == FUS_OP_CONV || l->op == FUS_OP_ATTENTION;
}

static size_t panel_floats(const struct fus_net *net, const struct fus_layer *l)
{
    return fus_load_by_winograd(net, l) ? fus_winograd_panel_floats(l) : fus_gemm_panel_floats(l);
}

static size_t bias_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * FUS_LANES;
}

/* Of a layer: panels and biases. */
static size_t packed_floats(const struct fus_net *net, const struct fus_layer *l)
{
    return l->op == FUS_OP_ATTENTION ? fus_attnpool_weight_floats(l) : panel_floats(net, l) + bias_floats(l);
}

/* Of a layer as the file has it, with its batch norm. */
static size_t raw_floats(const struct fus_layer *l)
{
    size_t c = (size_t)l->channels, in = (size_t)l->in_channels;
    if (l->op == FUS_OP_ATTENTION)
        return (in > c ? in : c) * in;
    return c * in * (size_t)(l->kernel * l->kernel) + 5 * c;
}

/* One layer's weights to `to`. */
static int load_layer(struct fus_net *net, int i, float *to, struct fus_error *err)
{
    const struct fus_layer *l = &net->arch.layers[i];
    if (l->op == FUS_OP_ATTENTION) {
        net->attention = (struct fus_attnpool){.layer = l, .heads = net->spec.attn_heads};
        return fus_attnpool_load(&net->attention, to, net->raw, net->get, net->get_context, err);
    }
    float *bias = to + panel_floats(net, l), *scratch = net->raw + raw_floats(l) - 5 * (size_t)l->channels;
    memset(bias, 0, bias_floats(l) * sizeof *bias);
    net->gemms[i] = (struct fus_gemm){l, to, bias, fus_gemm_k(l)};
    int code = fus_fold_layer(net->raw, bias, scratch, l, net->get, net->get_context, err);
    if (code)
        return code;
    if (fus_load_by_winograd(net, l))
        fus_winograd_pack_weights(to, net->raw, l);
    else
        fus_gemm_pack_weights(to, net->raw, l);
    return FUS_OK;
}

/* How much the weights need: all of them, or the largest layer. */
int fus_load_measure(struct fus_net *net, struct fus_error *err)
{
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (!has_weights(l))
            continue;
        size_t packed = packed_floats(net, l), raw = raw_floats(l);
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
    int code = fus_load_measure(net, err);
    if (code)
        return code;
    net->raw = fus_base_aligned(net->raw_floats, sizeof *net->raw);
    net->weights = fus_base_aligned(net->weight_floats, sizeof *net->weights);
    if (!net->raw || !net->weights)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu bytes of weights", net->weight_floats * sizeof *net->weights);
    if (net->low_memory)
        return FUS_OK;
    float *next = net->weights;
    for (int i = 0; i < net->arch.n_layers && !code; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        if (!has_weights(l))
            continue;
        code = fus_base_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped") : load_layer(net, i, next, err);
        next += packed_floats(net, l);
    }
    fus_base_free(net->raw);
    net->raw = NULL;
    net->raw_floats = 0;
    return code;
}

int fus_load_layer_again(struct fus_net *net, int layer, struct fus_error *err)
{
    return has_weights(&net->arch.layers[layer]) ? load_layer(net, layer, net->weights, err) : FUS_OK;
}
