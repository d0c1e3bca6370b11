/* SPDX-License-Identifier: MIT */
/* Layers without weights, backward. A task is a plane of one picture's 16 channels; sums of a place
 * run in the raster order of the outputs that read it.
 *
 *   max pool       a window's gradient goes to its first largest place in raster
 *                  order, as in PyTorch
 *   average, mean  dx = dout / n
 *   pad            the gradient of the slice, 0 elsewhere */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/train/grad.h"

struct pooling {
    const struct fus_grad *g;
    float *dx;
    const float *dout, *in;
    bool onto;
};

static float *plane_of_dx(const struct pooling *p, int task)
{
    return p->dx + (size_t)task * fus_layer_in_places(p->g->layer) * FUS_LANES;
}

static const float *plane_of_dout(const struct pooling *p, int task)
{
    return p->dout + (size_t)task * fus_layer_places(p->g->layer) * FUS_LANES;
}

static void run(struct pooling *p, fus_threads_task task)
{
    fus_threads_for(p->g->n * FUS_BLOCKS(p->g->layer->in_channels), task, p);
}

/* ---- max pool ---- */

static void max_plane(void *context, int task, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->g->layer;
    const struct fus_pool_shape shape = {l->height, l->width,  l->in_height, l->in_width,
                                         l->kernel, l->stride, l->padding};
    float *to = plane_of_dx(p, task);
    (void)thread;
    if (!p->onto)
        memset(to, 0, fus_layer_in_places(l) * FUS_LANES * sizeof *to);
    p->g->kernel->grad.pool_max_back(to, plane_of_dout(p, task),
                                     p->in + (size_t)task * fus_layer_in_places(l) * FUS_LANES, &shape);
}

void fus_grad_pool_max(const struct fus_grad *g, float *dx, bool onto, const float *dout, const float *in)
{
    struct pooling p = {g, dx, dout, in, onto};
    run(&p, max_plane);
}

/* ---- average and mean ---- */

static void average_plane(void *context, int task, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->g->layer;
    const float *from = plane_of_dout(p, task);
    float *to = plane_of_dx(p, task), n = (float)(l->kernel * l->kernel);
    (void)thread;
    for (int y = 0; y < l->in_height; y++)
        for (int x = 0; x < l->in_width; x++, to += FUS_LANES) {
            int row = y / l->kernel, column = x / l->kernel;
            bool read = row < l->height && column < l->width;
            const float *d = from + (size_t)(read ? row * l->width + column : 0) * FUS_LANES;
            for (int i = 0; i < FUS_LANES; i++)
                to[i] = (p->onto ? to[i] : 0) + (read ? d[i] / n : 0);
        }
}

void fus_grad_pool_average(const struct fus_grad *g, float *dx, bool onto, const float *dout)
{
    struct pooling p = {g, dx, dout, NULL, onto};
    run(&p, average_plane);
}

static void mean_plane(void *context, int task, int thread)
{
    const struct pooling *p = context;
    size_t n = fus_layer_in_places(p->g->layer);
    const float *from = p->dout + (size_t)task * FUS_LANES;
    float *to = plane_of_dx(p, task), d[FUS_LANES];
    (void)thread;
    for (int i = 0; i < FUS_LANES; i++)
        d[i] = from[i] / (float)n;
    for (size_t place = 0; place < n; place++, to += FUS_LANES)
        for (int i = 0; i < FUS_LANES; i++)
            to[i] = (p->onto ? to[i] : 0) + d[i];
}

void fus_grad_pool_mean(const struct fus_grad *g, float *dx, bool onto, const float *dout)
{
    struct pooling p = {g, dx, dout, NULL, onto};
    run(&p, mean_plane);
}

/* ---- the shortcut without parameters ---- */

static void pad_plane(void *context, int task, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->g->layer;
    int blocks = FUS_BLOCKS(l->in_channels), before = (l->channels - l->in_channels) / 2;
    const float *from = p->dout + (size_t)(task / blocks) * fus_layer_floats(l);
    float *to = plane_of_dx(p, task);
    (void)thread;
    if (!p->onto)
        memset(to, 0, fus_layer_in_places(l) * FUS_LANES * sizeof *to);
    for (int i = 0; i < FUS_LANES; i++) {
        int c = task % blocks * FUS_LANES + i, out = c + before;
        if (c >= l->in_channels || out < 0 || out >= l->channels)
            continue;
        const float *plane = from + (size_t)(out / FUS_LANES) * fus_layer_places(l) * FUS_LANES + out % FUS_LANES;
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++) {
                size_t at = (size_t)(y * l->stride) * (size_t)l->in_width + (size_t)(x * l->stride);
                to[at * FUS_LANES + (size_t)i] += plane[((size_t)y * (size_t)l->width + (size_t)x) * FUS_LANES];
            }
    }
}

void fus_grad_pool_pad(const struct fus_grad *g, float *dx, bool onto, const float *dout)
{
    struct pooling p = {g, dx, dout, NULL, onto};
    run(&p, pad_plane);
}
