/* SPDX-License-Identifier: MIT */
/* Layers without weights: pooling and the parameter-free shortcut. Sums run in the order written,
 * vectors over channels. */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"

/* One picture's planes. */
struct pooling {
    float *out;
    const float *in;
    const struct fus_layer *layer;
    const struct fus_kernel *kernel;
};

static struct pooling picture(const struct fus_op_run *a, int i)
{
    const struct fus_layer *l = a->layer;
    return (struct pooling){a->out + (size_t)i * fus_layer_floats(l), a->in + (size_t)i * fus_layer_in_floats(l), l,
                            a->kernel};
}

/* One row of outputs of one block of channels. */
static void max_row(void *context, int row, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->layer;
    const float *plane = p->in + (size_t)(row / l->height) * fus_layer_in_places(l) * FUS_LANES;
    float *to = p->out + (size_t)row * (size_t)l->width * FUS_LANES;
    (void)thread;
    p->kernel->pool_max(to, plane, l->width, l->in_height, l->in_width, l->kernel, l->stride, l->padding,
                        row % l->height * l->stride - l->padding);
}

static void average_row(void *context, int row, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->layer;
    float n = (float)(l->kernel * l->kernel);
    const float *plane = p->in + (size_t)(row / l->height) * fus_layer_in_places(l) * FUS_LANES;
    float *to = p->out + (size_t)row * (size_t)l->width * FUS_LANES;
    (void)thread;
    for (int x = 0; x < l->width; x++, to += FUS_LANES) {
        float sum[FUS_LANES] = {0};
        for (int dy = 0; dy < l->kernel; dy++)
            for (int dx = 0; dx < l->kernel; dx++) {
                int y = row % l->height * l->stride - l->padding + dy, xx = x * l->stride - l->padding + dx;
                if (y < 0 || y >= l->in_height || xx < 0 || xx >= l->in_width)
                    continue;
                const float *v = plane + ((size_t)y * (size_t)l->in_width + (size_t)xx) * FUS_LANES;
                for (int i = 0; i < FUS_LANES; i++)
                    sum[i] += v[i];
            }
        for (int i = 0; i < FUS_LANES; i++)
            to[i] = sum[i] / n;
    }
}

void fus_pool_max(const struct fus_op_run *a)
{
    for (int i = 0; i < a->n; i++) {
        struct pooling p = picture(a, i);
        fus_threads_for(FUS_BLOCKS(a->layer->channels) * a->layer->height, max_row, &p);
    }
}

void fus_pool_average(const struct fus_op_run *a)
{
    for (int i = 0; i < a->n; i++) {
        struct pooling p = picture(a, i);
        fus_threads_for(FUS_BLOCKS(a->layer->channels) * a->layer->height, average_row, &p);
    }
}

static void mean_of_places(struct pooling p)
{
    size_t n = fus_layer_in_places(p.layer);
    for (int block = 0; block < FUS_BLOCKS(p.layer->channels); block++, p.out += FUS_LANES) {
        float sum[FUS_LANES] = {0};
        for (size_t place = 0; place < n; place++, p.in += FUS_LANES)
            for (int i = 0; i < FUS_LANES; i++)
                sum[i] += p.in[i];
        for (int i = 0; i < FUS_LANES; i++)
            p.out[i] = sum[i] / (float)n;
    }
}

void fus_pool_mean(const struct fus_op_run *a)
{
    for (int i = 0; i < a->n; i++)
        mean_of_places(picture(a, i));
}

static void pad_channels(const struct pooling *p)
{
    const struct fus_layer *l = p->layer;
    int before = (l->channels - l->in_channels) / 2;
    memset(p->out, 0, fus_layer_floats(l) * sizeof *p->out);
    for (int c = 0; c < l->in_channels; c++) {
        int to_c = c + before;
        if (to_c < 0 || to_c >= l->channels)
            continue;
        const float *from = p->in + (size_t)(c / FUS_LANES) * fus_layer_in_places(l) * FUS_LANES + c % FUS_LANES;
        float *to = p->out + (size_t)(to_c / FUS_LANES) * fus_layer_places(l) * FUS_LANES + to_c % FUS_LANES;
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++) {
                size_t at = (size_t)(y * l->stride) * (size_t)l->in_width + (size_t)(x * l->stride);
                to[((size_t)y * (size_t)l->width + (size_t)x) * FUS_LANES] = from[at * FUS_LANES];
            }
    }
}

void fus_pool_pad(const struct fus_op_run *a)
{
    for (int i = 0; i < a->n; i++) {
        struct pooling p = picture(a, i);
        pad_channels(&p);
    }
}
