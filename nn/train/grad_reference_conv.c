/* SPDX-License-Identifier: MIT */
/* Convolution, batch norm (Ioffe & Szegedy 2015), addend and ReLU, forward and backward, as naive
 * loops.
 *
 *   z = W * x,   y = gamma zhat + beta  or, of a linear layer,  y = z + b,   a = max(0, y + s)
 *
 * Backward takes these four steps in the opposite order. da becomes dy, then dz, in place. */
#include <math.h>

#include "nn/train/grad_reference.h"

#define MOMENTUM 0.1 /* PyTorch's: the share of the new batch in a running statistic */

/* A row's tensors: with a batch norm weight, gamma, beta, running mean, running variance; else
 * weight, bias. */
enum { WEIGHT, GAMMA, BETA, RUNNING_MEAN, RUNNING_VARIANCE };
enum { BIAS = 1 };

static size_t weight_at(const struct fus_layer *l, int k, int c, int r, int s)
{
    return (((size_t)k * (size_t)l->in_channels + (size_t)c) * (size_t)l->kernel + (size_t)r) * (size_t)l->kernel +
           (size_t)s;
}

static size_t plane(const struct fus_layer *l)
{
    return (size_t)l->height * (size_t)l->width;
}

static size_t all(const struct fus_grad_row *row)
{
    return (size_t)row->n * (size_t)row->layer->channels * plane(row->layer);
}

/* ---- convolution ---- */

/* z[n,k,y,x] = sum_c sum_r sum_s W[k,c,r,s] x[n,c, t y - p + r, t x - p + s], stride t, padding p.
 * Outside the picture there are zeros. */
static double convolve_at(const struct fus_grad_row *row, int n, int k, int y, int x)
{
    const struct fus_layer *l = row->layer;
    double sum = 0;
    for (int c = 0; c < l->in_channels; c++)
        for (int r = 0; r < l->kernel; r++)
            for (int s = 0; s < l->kernel; s++) {
                int i = y * l->stride - l->padding + r, j = x * l->stride - l->padding + s;
                if (fus_grad_inside(l, i, j))
                    sum += row->tensor[WEIGHT].value[weight_at(l, k, c, r, s)] * row->x[fus_grad_in_at(l, n, c, i, j)];
            }
    return sum;
}

/* dW[k,c,r,s] = sum_n sum_y sum_x dz[n,k,y,x] x[n,c, t y - p + r, t x - p + s]: the sum over all
 * places where the weight is used. */
static double weight_gradient_at(const struct fus_grad_row *row, const double *dz, int k, int c, int r, int s)
{
    const struct fus_layer *l = row->layer;
    double sum = 0;
    for (int n = 0; n < row->n; n++)
        for (int y = 0; y < l->height; y++)
            for (int x = 0; x < l->width; x++) {
                int i = y * l->stride - l->padding + r, j = x * l->stride - l->padding + s;
                if (fus_grad_inside(l, i, j))
                    sum += dz[fus_grad_at(l, n, k, y, x)] * row->x[fus_grad_in_at(l, n, c, i, j)];
            }
    return sum;
}

/* dx[n,c,i,j] = sum_k sum_r sum_s dz[n,k, (i + p - r)/t, (j + p - s)/t] W[k,c,r,s], over whole
 * quotients: the outputs that read this input, each through one tap. */
static double input_gradient_at(const struct fus_grad_row *row, const double *dz, int n, int c, int i, int j)
{
    const struct fus_layer *l = row->layer;
    double sum = 0;
    for (int k = 0; k < l->channels; k++)
        for (int r = 0; r < l->kernel; r++)
            for (int s = 0; s < l->kernel; s++) {
                int ty = i + l->padding - r, tx = j + l->padding - s;
                if (ty < 0 || tx < 0 || ty % l->stride || tx % l->stride)
                    continue;
                int y = ty / l->stride, x = tx / l->stride;
                if (y < l->height && x < l->width)
                    sum += dz[fus_grad_at(l, n, k, y, x)] * row->tensor[WEIGHT].value[weight_at(l, k, c, r, s)];
            }
    return sum;
}

static void convolve(const struct fus_grad_row *row)
{
    const struct fus_layer *l = row->layer;
    for (int n = 0; n < row->n; n++)
        for (int k = 0; k < l->channels; k++)
            for (int y = 0; y < l->height; y++)
                for (int x = 0; x < l->width; x++)
                    row->z[fus_grad_at(l, n, k, y, x)] = convolve_at(row, n, k, y, x);
}

static void back_to_weights(const struct fus_grad_row *row, const double *dz)
{
    const struct fus_layer *l = row->layer;
    for (int k = 0; k < l->channels; k++)
        for (int c = 0; c < l->in_channels; c++)
            for (int r = 0; r < l->kernel; r++)
                for (int s = 0; s < l->kernel; s++)
                    row->tensor[WEIGHT].gradient[weight_at(l, k, c, r, s)] = weight_gradient_at(row, dz, k, c, r, s);
}

static void back_to_input(const struct fus_grad_row *row, const double *dz)
{
    const struct fus_layer *l = row->layer;
    for (int n = 0; n < row->n; n++)
        for (int c = 0; c < l->in_channels; c++)
            for (int i = 0; i < l->in_height; i++)
                for (int j = 0; j < l->in_width; j++)
                    row->dx[fus_grad_in_at(l, n, c, i, j)] += input_gradient_at(row, dz, n, c, i, j);
}

/* ---- batch norm ---- */

/* The sum of f over a channel's m values, those of all pictures and places. */
static double channel_sum(const struct fus_grad_row *row, int k, const double *f)
{
    double sum = 0;
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++)
            sum += f[fus_grad_at(row->layer, n, k, 0, 0) + i];
    return sum;
}

/* The sum of f g. */
static double channel_product(const struct fus_grad_row *row, int k, const double *f, const double *g)
{
    double sum = 0;
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++) {
            size_t at = fus_grad_at(row->layer, n, k, 0, 0) + i;
            sum += f[at] * g[at];
        }
    return sum;
}

static double channel_size(const struct fus_grad_row *row) /* m */
{
    return row->n * (double)plane(row->layer);
}

/* mean = sum z / m,  variance = sum (z - mean)^2 / m;  frozen: the running ones. */
static void measure(const struct fus_grad_row *row, int k)
{
    double m = channel_size(row), sum = 0;
    row->mean[k] = row->frozen ? row->tensor[RUNNING_MEAN].value[k] : channel_sum(row, k, row->z) / m;
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++) {
            double off = row->z[fus_grad_at(row->layer, n, k, 0, 0) + i] - row->mean[k];
            sum += off * off;
        }
    row->variance[k] = row->frozen ? row->tensor[RUNNING_VARIANCE].value[k] : sum / m;
}

static double rstd(const struct fus_grad_row *row, int k)
{
    return 1 / sqrt(row->variance[k] + FUS_BN_EPSILON);
}

/* zhat = (z - mean) rstd,  y = gamma zhat + beta. */
static void normalise(const struct fus_grad_row *row, int k)
{
    measure(row, k);
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++) {
            size_t at = fus_grad_at(row->layer, n, k, 0, 0) + i;
            row->zhat[at] = (row->z[at] - row->mean[k]) * rstd(row, k);
            row->a[at] = row->tensor[GAMMA].value[k] * row->zhat[at] + row->tensor[BETA].value[k];
        }
}

/* dbeta = sum dy,  dgamma = sum dy zhat,  dz = gamma rstd (dy - dbeta/m - zhat dgamma/m). The two
 * means are the derivatives through the batch's mean and variance, which depend on z. Running
 * statistics do not: there dz = gamma rstd dy. */
static void back_through_norm(const struct fus_grad_row *row, int k)
{
    double *dy = row->da, m = channel_size(row), gain = row->tensor[GAMMA].value[k] * rstd(row, k);
    double dbeta = channel_sum(row, k, dy), dgamma = channel_product(row, k, dy, row->zhat);
    row->tensor[BETA].gradient[k] = dbeta;
    row->tensor[GAMMA].gradient[k] = dgamma;
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++) {
            size_t at = fus_grad_at(row->layer, n, k, 0, 0) + i;
            dy[at] = gain * (row->frozen ? dy[at] : dy[at] - dbeta / m - row->zhat[at] * dgamma / m);
        }
}

/* running = 0.9 running + 0.1 new; the variance as of a sample, divided by m - 1. */
void fus_grad_reference_run_statistics(const struct fus_grad_row *row)
{
    double m = channel_size(row), unbiased = m > 1 ? m / (m - 1) : 1;
    if (row->layer->op != FUS_OP_CONV || !row->layer->norm[0] || row->frozen)
        return;
    for (int k = 0; k < row->layer->channels; k++) {
        double *mean = &row->tensor[RUNNING_MEAN].value[k], *variance = &row->tensor[RUNNING_VARIANCE].value[k];
        *mean = (1 - MOMENTUM) * *mean + MOMENTUM * row->mean[k];
        *variance = (1 - MOMENTUM) * *variance + MOMENTUM * row->variance[k] * unbiased;
    }
}

/* ---- bias, addend, ReLU ---- */

/* y = z + b. */
static void add_bias(const struct fus_grad_row *row, int k)
{
    for (int n = 0; n < row->n; n++)
        for (size_t i = 0; i < plane(row->layer); i++) {
            size_t at = fus_grad_at(row->layer, n, k, 0, 0) + i;
            row->a[at] = row->z[at] + row->tensor[BIAS].value[k];
        }
}

/* a = max(0, y + s). */
static void add_and_rectify(const struct fus_grad_row *row)
{
    for (size_t i = 0; i < all(row); i++) {
        double y = row->a[i] + (row->s ? row->s[i] : 0);
        row->a[i] = row->layer->act == FUS_ACT_RELU && y < 0 ? 0 : y;
    }
}

/* dy = ds = da where a > 0, else 0, the derivative of the ReLU. The gradient of a sum goes to both
 * terms. */
static void back_through_relu(const struct fus_grad_row *row)
{
    for (size_t i = 0; i < all(row); i++) {
        if (row->layer->act == FUS_ACT_RELU && !(row->a[i] > 0))
            row->da[i] = 0;
        if (row->ds)
            row->ds[i] += row->da[i];
    }
}

/* ---- the row ---- */

void fus_grad_reference_convolve(const struct fus_grad_row *row)
{
    bool norm = row->layer->norm[0];
    convolve(row);
    for (int k = 0; k < row->layer->channels; k++)
        if (norm)
            normalise(row, k);
        else
            add_bias(row, k);
    add_and_rectify(row);
}

void fus_grad_reference_convolve_back(const struct fus_grad_row *row)
{
    back_through_relu(row);
    for (int k = 0; k < row->layer->channels; k++)
        if (row->layer->norm[0])
            back_through_norm(row, k);
        else
            row->tensor[BIAS].gradient[k] = channel_sum(row, k, row->da);
    back_to_weights(row, row->da);
    if (row->dx)
        back_to_input(row, row->da);
}
