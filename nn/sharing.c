/* SPDX-License-Identifier: MIT */
/* What the threads share out: a layer's work, or the pictures of a pass.
 *
 * Dividing each layer among threads pays where layers are long. At the end of every layer the
 * threads wait for the slowest one; where layers are short that takes longer than it saves, above
 * all beside other busy processes, when a thread that waits for its turn holds up the others at
 * every layer. Then a thread takes whole pictures through the network, and the threads wait for
 * each other once in a pass.
 *
 * The rule depends on the network and on there being several threads, not on times measured:
 *
 *   mean FLOPs of a layer and picture  <= SHORT_LAYER, 0.2 ms at 150 GFLOP/s
 *   packed weights                     <= SHORT_WEIGHTS, since each thread reads all of them for
 *                                         every group of pictures
 *   a picture, an output of a layer    <= SHORT_OUTPUT, so that those of a group stay in cache */
#include "nn/net.h"

#define SHORT_LAYER 32e6
#define SHORT_WEIGHTS ((size_t)8 << 20) /* floats: 32 MB */
#define SHORT_OUTPUT ((size_t)1 << 17)  /* floats: 512 KB */
#define GROUP 4                         /* pictures that go through the layers together */

static bool are_short(const struct fus_net *net)
{
    double flops = 0;
    size_t largest = fus_plan_picture_floats(&net->arch);
    for (int i = 0; i < net->arch.n_layers; i++) {
        const struct fus_layer *l = &net->arch.layers[i];
        flops += fus_op_table[l->op].flops ? fus_op_table[l->op].flops(l) : 0;
        largest = fus_layer_floats(l) > largest ? fus_layer_floats(l) : largest;
    }
    return flops <= SHORT_LAYER * net->arch.n_layers && largest <= SHORT_OUTPUT && net->weight_floats <= SHORT_WEIGHTS;
}

void fus_sharing_choose(struct fus_net *net, int most)
{
    int batch = most > net->batch ? most : net->batch;
    net->apart = most > 0 && batch > 1 && net->n_threads > 1 && !net->low_memory && !net->arch.layers[0].joined &&
                 are_short(net);
    net->batch = net->apart ? batch : net->batch;
    net->group = net->apart && net->batch > GROUP ? GROUP : net->batch;
}
