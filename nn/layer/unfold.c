/* SPDX-License-Identifier: MIT */
/* The picture's windows as channels (op.h): a convolution of any kernel and stride on the picture
 * becomes a 1x1 after it.
 *
 *   out[(r k + s) 3 + c, y, x] = picture[c, y stride + r, x stride + s]
 *
 * The picture lies in the arena with its border of zeros (layers.h), so padding needs no test. The
 * order of the channels, r, s, c, is that in which a convolution sums. */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

/* One row of outputs of one picture. */
static void unfold_row(void *context, int row, int thread)
{
    const struct fus_op_run *a = context;
    const struct fus_layer *l = a->layer;
    size_t picture = (size_t)(row / l->height), y = (size_t)(row % l->height), pad = 2 * (size_t)l->padding,
           pitch = 3 * ((size_t)l->in_width + pad), places = fus_layer_places(l), span = 3 * (size_t)l->kernel,
           rows = l->joined ? (size_t)a->n * places : places; /* in a block */
    const float *in = a->in + picture * ((size_t)l->in_height + pad) * pitch + y * (size_t)l->stride * pitch;
    float *out = a->out + (l->joined ? picture * places * FUS_LANES : picture * fus_layer_floats(l));
    (void)thread;
    for (size_t x = 0; x < (size_t)l->width; x++) {
        float *to = out + (y * (size_t)l->width + x) * FUS_LANES;
        size_t channel = 0;
        for (size_t r = 0; r < (size_t)l->kernel; r++) {
            const float *from = in + r * pitch + x * (size_t)l->stride * 3;
            for (size_t i = 0; i < span; i++, channel++)
                to[channel / FUS_LANES * rows * FUS_LANES + channel % FUS_LANES] = from[i];
        }
        for (; channel % FUS_LANES; channel++)
            to[channel / FUS_LANES * rows * FUS_LANES + channel % FUS_LANES] = 0;
    }
}

void fus_unfold_run(const struct fus_op_run *a)
{
    fus_threads_for(a->n * a->layer->height, unfold_row, (void *)a);
}
