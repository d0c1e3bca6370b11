/* SPDX-License-Identifier: MIT */
/* Batch norm (Ioffe & Szegedy 2015), fused with the addend and ReLU after it.
 *
 *   zhat = (z - mean) rstd,  y = gamma zhat + beta,  a = max(0, y + addend)
 *   dy = da where a > 0,  dbeta = sum dy,  dgamma = sum dy zhat
 *   dz = gamma rstd (dy - dbeta / m - zhat dgamma / m)
 *
 * Sums are double: one chain for each picture and channel in raster order, then over the pictures
 * in order. With running statistics, mean and rstd are constants and dz = gamma rstd dy. */
#include <math.h>
#include <string.h>

#include "nn/base/threads.h"
#include "nn/train/grad.h"

#define MOMENTUM 0.1 /* PyTorch's default */

size_t fus_norm_width(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * FUS_LANES;
}

/* [n, blocks, 2, 16] doubles. */
size_t fus_norm_scratch(const struct fus_layer *l, int n)
{
    return 4 * (size_t)n * fus_norm_width(l);
}

/* ---- from sums to statistics ---- */

static void set(float *vectors, size_t width, size_t i, double mean, double variance, float gamma, float beta)
{
    double rstd = 1 / sqrt(variance + FUS_BN_EPSILON);
    vectors[FUS_NORM_MEAN * width + i] = (float)mean;
    vectors[FUS_NORM_RSTD * width + i] = (float)rstd;
    vectors[FUS_NORM_GAIN * width + i] = (float)(gamma * rstd);
    vectors[FUS_NORM_SHIFT * width + i] = beta;
    vectors[FUS_NORM_LEVEL * width + i] = 0;
    vectors[FUS_NORM_SLOPE * width + i] = 0;
}

static double variance_of(const double *sums, size_t m, size_t width, size_t i)
{
    double mean = sums[i] / (double)m, variance = sums[width + i] / (double)m - mean * mean;
    return variance > 0 ? variance : variance <= 0 ? 0 : variance; /* NaN stays */
}

void fus_norm_set(float *vectors, const double *sums, size_t m, const float *gamma, const float *beta, size_t width)
{
    for (size_t i = 0; i < width; i++)
        set(vectors, width, i, sums[i] / (double)m, variance_of(sums, m, width, i), gamma[i], beta[i]);
}

void fus_norm_set_running(float *vectors, const float *mean, const float *variance, const float *gamma,
                          const float *beta, size_t width)
{
    for (size_t i = 0; i < width; i++)
        set(vectors, width, i, mean[i], variance[i], gamma[i], beta[i]);
}

void fus_norm_update_running(float *mean, float *variance, const double *sums, size_t m, size_t width)
{
    double unbiased = m > 1 ? (double)m / (double)(m - 1) : 1;
    for (size_t i = 0; i < width; i++) {
        mean[i] = (float)((1 - MOMENTUM) * mean[i] + MOMENTUM * (sums[i] / (double)m));
        variance[i] = (float)((1 - MOMENTUM) * variance[i] + MOMENTUM * (variance_of(sums, m, width, i) * unbiased));
    }
}

void fus_norm_set_back(float *vectors, const double *sums, size_t m, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        vectors[FUS_NORM_LEVEL * width + i] = (float)(sums[i] / (double)m);
        vectors[FUS_NORM_SLOPE * width + i] = (float)(sums[width + i] / (double)m);
    }
}

/* ---- passes over planes ---- */

/* A task is a plane: one picture's block of 16 channels. */
struct pass {
    const struct fus_grad *g;
    const float *vectors, *z, *a, *in; /* in: dout, or an addend */
    float *out, *side;
    double *partial; /* [n, blocks, 2, 16] */
    bool onto;
    int blocks;
    size_t places;
};

static struct pass pass_of(const struct fus_grad *g)
{
    return (struct pass){.g = g,
                         .partial = (double *)(void *)g->scratch,
                         .blocks = FUS_BLOCKS(g->layer->channels),
                         .places = fus_layer_places(g->layer)};
}

static void run(struct pass *p, fus_threads_task task)
{
    fus_threads_for(p->g->n * p->blocks, task, p);
}

static struct fus_norm_lanes lanes_of(const struct pass *p, int task)
{
    size_t width = (size_t)p->blocks * FUS_LANES;
    const float *v = p->vectors + (size_t)(task % p->blocks) * FUS_LANES;
    return (struct fus_norm_lanes){v + FUS_NORM_MEAN * width,       v + FUS_NORM_RSTD * width,
                                   v + FUS_NORM_GAIN * width,       v + FUS_NORM_SHIFT * width,
                                   v + FUS_NORM_LEVEL * width,      v + FUS_NORM_SLOPE * width,
                                   p->g->layer->act == FUS_ACT_RELU};
}

static size_t plane_of(const struct pass *p, int task)
{
    return (size_t)task * p->places * FUS_LANES;
}

struct adding {
    double *sums; /* [2, width] */
    const struct pass *p;
};

/* The 16 channels of a block: sums += the pictures' sums, in their order. */
static void add_block(void *context, int block, int thread)
{
    const struct adding *a = context;
    size_t blocks = (size_t)a->p->blocks, width = blocks * FUS_LANES;
    double *sums = a->sums + (size_t)block * FUS_LANES;
    (void)thread;
    for (int i = 0; i < a->p->g->n; i++) {
        const double *from = a->p->partial + ((size_t)i * blocks + (size_t)block) * 2 * FUS_LANES;
        for (size_t c = 0; c < FUS_LANES; c++) {
            sums[c] += from[c];
            sums[width + c] += from[FUS_LANES + c];
        }
    }
}

static void add_partial(double *sums, const struct pass *p)
{
    struct adding a = {sums, p};
    fus_threads_for(p->blocks, add_block, &a);
}

static void sums_task(void *context, int task, int thread)
{
    const struct pass *p = context;
    (void)thread;
    p->g->kernel->grad.norm_sums(p->partial + (size_t)task * 2 * FUS_LANES, p->z + plane_of(p, task), p->places);
}

void fus_norm_sums(const struct fus_grad *g, double *sums, const float *z)
{
    struct pass p = pass_of(g);
    p.z = z;
    run(&p, sums_task);
    add_partial(sums, &p);
}

static void apply_task(void *context, int task, int thread)
{
    const struct pass *p = context;
    const struct fus_norm_lanes v = lanes_of(p, task);
    size_t at = plane_of(p, task);
    (void)thread;
    p->g->kernel->grad.norm_apply(p->out + at, p->z + at, p->in ? p->in + at : NULL, &v, p->places);
}

void fus_norm_apply(const struct fus_grad *g, float *out, const float *z, const float *addend, const float *vectors)
{
    struct pass p = pass_of(g);
    p.vectors = vectors;
    p.z = z;
    p.in = addend;
    p.out = out;
    run(&p, apply_task);
}

static void back_sums_task(void *context, int task, int thread)
{
    const struct pass *p = context;
    const struct fus_norm_lanes v = lanes_of(p, task);
    size_t at = plane_of(p, task);
    (void)thread;
    p->g->kernel->grad.norm_back_sums(p->partial + (size_t)task * 2 * FUS_LANES, p->in + at, p->z + at,
                                      p->a ? p->a + at : NULL, &v, p->places);
}

void fus_norm_back_sums(const struct fus_grad *g, double *sums, const float *dout, const float *z, const float *a,
                        const float *vectors)
{
    struct pass p = pass_of(g);
    p.vectors = vectors;
    p.z = z;
    p.a = a;
    p.in = dout;
    run(&p, back_sums_task);
    add_partial(sums, &p);
}

static void back_task(void *context, int task, int thread)
{
    const struct pass *p = context;
    const struct fus_norm_lanes v = lanes_of(p, task);
    size_t at = plane_of(p, task);
    (void)thread;
    p->g->kernel->grad.norm_back(p->out + at, p->side ? p->side + at : NULL, p->onto, p->in + at, p->z + at,
                                 p->a ? p->a + at : NULL, &v, p->places);
}

void fus_norm_back(const struct fus_grad *g, float *dz, float *side, bool onto, const float *dout, const float *z,
                   const float *a, const float *vectors)
{
    struct pass p = pass_of(g);
    p.vectors = vectors;
    p.z = z;
    p.a = a;
    p.in = dout;
    p.out = dz;
    p.side = side;
    p.onto = onto;
    run(&p, back_task);
}

/* ---- a bias alone ---- */

static void bias_task(void *context, int task, int thread)
{
    const struct pass *p = context;
    size_t at = plane_of(p, task);
    (void)thread;
    for (size_t i = at; i < at + p->places * FUS_LANES; i++)
        p->out[i] = !p->a || p->a[i] > 0 ? p->in[i] : 0;
    p->g->kernel->grad.norm_sums(p->partial + (size_t)task * 2 * FUS_LANES, p->out + at, p->places);
}

void fus_norm_bias_back(const struct fus_grad *g, double *sums, float *dz, const float *dout, const float *a)
{
    struct pass p = pass_of(g);
    size_t width = fus_norm_width(g->layer);
    p.in = dout;
    p.out = dz;
    p.a = g->layer->act == FUS_ACT_RELU ? a : NULL;
    run(&p, bias_task);
    for (int i = 0; i < g->n; i++)
        for (size_t c = 0; c < width; c++)
            sums[c] += p.partial[(size_t)i * 2 * width + c / FUS_LANES * 2 * FUS_LANES + c % FUS_LANES];
}
