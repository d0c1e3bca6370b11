/* SPDX-License-Identifier: MIT */
/* Rows without parameters, forward and backward, as naive loops: max pool, average pool and mean
 * over all places, and the zero-padded shortcut of CIFAR networks (He et al. 2016, option A). */
#include "nn/train/grad_reference.h"

/* The operation at each output (n, c, y, x). */
typedef void (*place_fn)(const struct fus_grad_row *row, int n, int c, int y, int x);

static void at_each_place(const struct fus_grad_row *row, place_fn fn)
{
    const struct fus_layer *l = row->layer;
    for (int n = 0; n < row->n; n++)
        for (int c = 0; c < l->channels; c++)
            for (int y = 0; y < l->height; y++)
                for (int x = 0; x < l->width; x++)
                    fn(row, n, c, y, x);
}

/* ---- max pool ---- */

/* The window's first largest place in raster order, PyTorch's rule. */
static size_t largest_of_window(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    const struct fus_layer *l = row->layer;
    bool found = false;
    size_t best = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++) {
            int i = y * l->stride - l->padding + r, j = x * l->stride - l->padding + s;
            if (!fus_grad_inside(l, i, j))
                continue;
            size_t at = fus_grad_in_at(l, n, c, i, j);
            if (!found || row->x[at] > row->x[best])
                best = at;
            found = true;
        }
    return best;
}

/* a = max of the window. */
static void take_largest(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    row->a[fus_grad_at(row->layer, n, c, y, x)] = row->x[largest_of_window(row, n, c, y, x)];
}

/* da goes to the largest place; the others of the window get 0. */
static void give_to_largest(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    row->dx[largest_of_window(row, n, c, y, x)] += row->da[fus_grad_at(row->layer, n, c, y, x)];
}

void fus_grad_reference_max(const struct fus_grad_row *row)
{
    at_each_place(row, take_largest);
}

void fus_grad_reference_max_back(const struct fus_grad_row *row)
{
    at_each_place(row, give_to_largest);
}

/* ---- average pool; the mean over all places is one with a single window ---- */

/* a = sum x / (kernel^2). */
static void average_window(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    const struct fus_layer *l = row->layer;
    double sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++)
            sum += row->x[fus_grad_in_at(l, n, c, y * l->stride + r, x * l->stride + s)];
    row->a[fus_grad_at(l, n, c, y, x)] = sum / (l->kernel * l->kernel);
}

/* dx = da / (kernel^2) at each place of the window. */
static void share_out(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    const struct fus_layer *l = row->layer;
    for (int r = 0; r < l->kernel; r++)
        for (int s = 0; s < l->kernel; s++)
            row->dx[fus_grad_in_at(l, n, c, y * l->stride + r, x * l->stride + s)] +=
                row->da[fus_grad_at(l, n, c, y, x)] / (l->kernel * l->kernel);
}

void fus_grad_reference_average(const struct fus_grad_row *row)
{
    at_each_place(row, average_window);
}

void fus_grad_reference_average_back(const struct fus_grad_row *row)
{
    at_each_place(row, share_out);
}

/* ---- pad: every second place, channels of zeros before and behind ---- */

/* Input channel of output channel c, or -1: zeros. */
static int channel_of(const struct fus_layer *l, int c)
{
    int from = c - (l->channels - l->in_channels) / 2;
    return from >= 0 && from < l->in_channels ? from : -1;
}

/* a[n,c,y,x] = x[n, c - before, t y, t x], or 0. */
static void take_every_second(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    const struct fus_layer *l = row->layer;
    int from = channel_of(l, c);
    row->a[fus_grad_at(l, n, c, y, x)] =
        from < 0 ? 0 : row->x[fus_grad_in_at(l, n, from, y * l->stride, x * l->stride)];
}

/* dx[n, c - before, t y, t x] = da[n,c,y,x]; the other places get 0. */
static void give_back_every_second(const struct fus_grad_row *row, int n, int c, int y, int x)
{
    const struct fus_layer *l = row->layer;
    int from = channel_of(l, c);
    if (from >= 0)
        row->dx[fus_grad_in_at(l, n, from, y * l->stride, x * l->stride)] += row->da[fus_grad_at(l, n, c, y, x)];
}

void fus_grad_reference_pad(const struct fus_grad_row *row)
{
    at_each_place(row, take_every_second);
}

void fus_grad_reference_pad_back(const struct fus_grad_row *row)
{
    at_each_place(row, give_back_every_second);
}
