/* SPDX-License-Identifier: MIT */
/* Convolutions and linear layers: forward, and the gradient of the input.
 *
 *   z[k,y,x]  = sum_r sum_s sum_c  x[c, ty-p+r, tx-p+s] W[k,c,r,s]
 *   dx[c,i,j] = sum_r sum_s sum_k  dz[k, (i+p-r)/t, (j+p-s)/t] W[k,c,r,s]      whole quotients only
 *
 * z and dx run on fus_gemm_run. dx by phases: the input places i = t m + e of one remainder e see
 * the taps with (e+p-r) a multiple of t, at dz places m + (e+p-r)/t. That is a convolution of dz
 * with stride 1, whose taps are those r from the last to the first; stride 1 has one phase. Each dx
 * is one chain over these taps, rows before columns, and k. */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/train/grad.h"

#define MAX_KERNEL 7

static bool from_picture(const struct fus_layer *l)
{
    return l->input < 0;
}

/* A linear layer: one place. */
static bool is_flat(const struct fus_layer *l)
{
    return !from_picture(l) && fus_layer_in_places(l) == 1 && l->kernel == 1;
}

/* ---- linear layers: the pictures of a batch become the places of one picture ---- */

/* in [n, blocks, 16] -> out [blocks, n, 16]; back with n and blocks exchanged. */
static void exchange(float *out, const float *in, int n, int blocks)
{
    for (int i = 0; i < n; i++)
        for (int b = 0; b < blocks; b++)
            memcpy(out + ((size_t)b * (size_t)n + (size_t)i) * FUS_LANES,
                   in + ((size_t)i * (size_t)blocks + (size_t)b) * FUS_LANES, FUS_LANES * sizeof *out);
}

static void run_flat(const struct fus_gemm *given, float *out, const float *in, bool onto, const struct fus_grad *g)
{
    struct fus_layer l = *given->layer;
    struct fus_gemm gemm = *given;
    int in_blocks = FUS_BLOCKS(l.in_channels), blocks = FUS_BLOCKS(l.channels);
    float *flat_in = g->scratch, *flat_out = flat_in + (size_t)in_blocks * (size_t)g->n * FUS_LANES;
    l.width = l.in_width = g->n;
    gemm.layer = &l;
    gemm.onto = onto;
    exchange(flat_in, in, g->n, in_blocks);
    if (onto)
        exchange(flat_out, out, g->n, blocks);
    fus_gemm_run(&gemm, flat_out, flat_in, NULL, 1, g->kernel);
    exchange(out, flat_out, blocks, g->n);
}

/* ---- by Winograd's algorithm, if layer->winograd: forward and, with the turned kernel, dx */

struct unpacking {
    /* [channels, in_channels, taps]; turned: [in_channels, channels, taps from the
     * last to the first] */
    float *weights;
    const float *panels;
    const struct fus_layer *layer;
    bool turned;
};

static void unpack_block(void *context, int block, int thread)
{
    const struct unpacking *u = context;
    const struct fus_layer *l = u->layer;
    int taps = l->kernel * l->kernel, k = fus_gemm_k(l), depth = k / taps, n = l->channels - block * FUS_LANES;
    (void)thread;
    for (int c = 0; c < l->in_channels; c++)
        for (int lane = 0; lane < FUS_LANES && lane < n; lane++) {
            size_t out = (size_t)(block * FUS_LANES + lane), in = (size_t)c;
            size_t at = u->turned ? in * (size_t)l->channels + out : out * (size_t)l->in_channels + in;
            for (int tap = 0; tap < taps; tap++)
                u->weights[at * (size_t)taps + (size_t)(u->turned ? taps - 1 - tap : tap)] =
                    u->panels[((size_t)block * (size_t)k + (size_t)(tap * depth + c)) * FUS_LANES + (size_t)lane];
        }
}

static size_t rounded(size_t floats)
{
    return (floats + FUS_LANES - 1) / FUS_LANES * FUS_LANES;
}

static size_t weight_floats(const struct fus_layer *l)
{
    return rounded((size_t)l->channels * (size_t)l->in_channels * (size_t)(l->kernel * l->kernel));
}

static size_t winograd_scratch(const struct fus_layer *l, int n)
{
    return weight_floats(l) + rounded(fus_winograd_panel_floats(l)) +
           (size_t)fus_base_threads() * fus_winograd_scratch_floats(l, n);
}

/* `to`: the convolution to run: the layer, or the layer with the turned kernel, applied to dz. */
static void run_winograd(const struct fus_grad *g, const struct fus_layer *to, float *out, const float *in, bool onto,
                         const float *panels, const float *bias, float *scratch)
{
    float *weights = scratch, *transformed = weights + weight_floats(to),
          *rest = transformed + rounded(fus_winograd_panel_floats(to));
    struct unpacking u = {weights, panels, g->layer, to != g->layer};
    fus_threads_for(FUS_BLOCKS(g->layer->channels), unpack_block, &u);
    fus_winograd_pack_weights(transformed, weights, to);
    const struct fus_gemm gemm = {.layer = to, .panels = transformed, .bias = bias, .k = fus_gemm_k(to)};
    fus_winograd_run(&gemm, out, in, onto ? out : NULL, g->n, rest, g->kernel);
}

/* ---- forward ---- */

void fus_grad_conv_forward(const struct fus_grad *g, float *out, const float *in, const float *panels,
                           const float *bias)
{
    const struct fus_gemm gemm = {.layer = g->layer, .panels = panels, .bias = bias, .k = fus_gemm_k(g->layer)};
    if (g->layer->winograd)
        run_winograd(g, g->layer, out, in, false, panels, bias, g->scratch);
    else if (is_flat(g->layer))
        run_flat(&gemm, out, in, false, g);
    else
        fus_gemm_run(&gemm, out, in, NULL, g->n, g->kernel);
}

/* ---- dx ---- */

/* The taps r that read places of remainder e along one side, from the last to the first. */
struct taps {
    int n, tap[MAX_KERNEL];
    int before; /* padding: the last tap's dz place is m - before */
};

static struct taps taps_of(const struct fus_layer *l, int e)
{
    struct taps t = {0};
    for (int r = l->kernel - 1; r >= 0; r--)
        if ((e + l->padding - r) % l->stride == 0) {
            if (!t.n)
                t.before = -((e + l->padding - r) / l->stride);
            t.tap[t.n++] = r;
        }
    return t;
}

struct turning {
    float *out;
    const float *panels;
    const struct fus_layer *layer;
    struct taps rows, columns;
};

/* Panel of 16 input channels: [taps, output channels, 16], from panels
 * [blocks, taps, input channels, 16]. */
static void turn_block(void *context, int block, int thread)
{
    const struct turning *t = context;
    const struct fus_layer *l = t->layer;
    size_t depth = (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES, k = (size_t)fus_gemm_k(l);
    float *to =
        t->out + (size_t)block * (size_t)(t->rows.n * t->columns.n * FUS_BLOCKS(l->channels)) * FUS_LANES * FUS_LANES;
    (void)thread;
    for (int r = 0; r < t->rows.n; r++)
        for (int s = 0; s < t->columns.n; s++)
            for (int b = 0; b < FUS_BLOCKS(l->channels); b++, to += FUS_LANES * FUS_LANES) {
                size_t tap = (size_t)(t->rows.tap[r] * l->kernel + t->columns.tap[s]);
                const float *from = t->panels + ((size_t)b * k + tap * depth + (size_t)block * FUS_LANES) * FUS_LANES;
                for (int i = 0; i < FUS_LANES; i++)
                    for (int j = 0; j < FUS_LANES; j++)
                        to[i * FUS_LANES + j] = from[j * FUS_LANES + i];
            }
}

/* One remainder of rows and of columns, as a convolution of dz. */
struct phase {
    struct fus_layer layer;
    struct taps rows, columns;
    int y, x;
};

static struct phase phase_of(const struct fus_layer *l, int y, int x)
{
    struct phase p = {.rows = taps_of(l, y), .columns = taps_of(l, x), .y = y, .x = x};
    p.layer = (struct fus_layer){.op = FUS_OP_CONV, .addend = -1, .kernel = 1, .stride = 1, .padding = p.rows.before};
    p.layer.in_channels = l->channels;
    p.layer.in_height = l->height;
    p.layer.in_width = l->width;
    p.layer.channels = l->in_channels;
    p.layer.height = (l->in_height - y + l->stride - 1) / l->stride;
    p.layer.width = (l->in_width - x + l->stride - 1) / l->stride;
    if (p.rows.n == p.columns.n)
        p.layer.kernel = p.rows.n > 0 ? p.rows.n : 1;
    else
        p.layer.kernel = 2; /* any but 1: fus_gemm_run reads tap_rows and tap_columns */
    return p;
}

struct scattering {
    const struct phase *phase;
    const struct fus_layer *layer;
    float *dx;
    const float *from; /* NULL: no tap */
    bool onto;
};

/* Writes a phase's plane to every t-th place of a plane of dx. */
static void scatter_plane(void *context, int plane, int thread)
{
    const struct scattering *s = context;
    const struct fus_layer *l = s->layer, *p = &s->phase->layer;
    const float *from = s->from ? s->from + (size_t)plane * fus_layer_places(p) * FUS_LANES : NULL;
    (void)thread;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            size_t at =
                (size_t)(y * l->stride + s->phase->y) * (size_t)l->in_width + (size_t)(x * l->stride + s->phase->x);
            float *to = s->dx + ((size_t)plane * fus_layer_in_places(l) + at) * FUS_LANES;
            for (int i = 0; i < FUS_LANES; i++)
                to[i] = (s->onto ? to[i] : 0) + (from ? from[i] : 0);
            if (from)
                from += FUS_LANES;
        }
}

static size_t turned_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES * FUS_LANES *
           (size_t)(l->kernel * l->kernel);
}

static size_t bias_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES;
}

/* Zeros for a bias, turned weights, then a phase's result or a linear layer's two batches. */
size_t fus_grad_conv_scratch(const struct fus_layer *l, int n)
{
    if (from_picture(l))
        return 0;
    size_t flat = (size_t)n * (size_t)(FUS_BLOCKS(l->in_channels) + FUS_BLOCKS(l->channels)) * FUS_LANES;
    size_t phase = l->stride == 1 ? 0 : (size_t)n * fus_tensor_blocked_size(l->in_channels, fus_layer_in_places(l));
    size_t direct = bias_floats(l) + turned_floats(l) + (is_flat(l) ? flat : phase);
    if (!l->winograd)
        return direct;
    struct phase turned = phase_of(l, 0, 0);
    size_t forward = winograd_scratch(l, n), back = bias_floats(l) + winograd_scratch(&turned.layer, n);
    return forward > back ? forward : back;
}

static void run_phase(const struct fus_grad *g, const struct phase *p, float *dx, bool onto, const float *dz,
                      const float *panels)
{
    float *zeros = g->scratch, *turned = zeros + bias_floats(g->layer);
    struct fus_grad rest = *g;
    struct turning t = {turned, panels, g->layer, p->rows, p->columns};
    rest.scratch = turned + turned_floats(g->layer);
    memset(zeros, 0, bias_floats(g->layer) * sizeof *zeros);
    if (g->layer->winograd) {
        run_winograd(g, &p->layer, dx, dz, onto, panels, zeros, turned);
        return;
    }
    fus_threads_for(FUS_BLOCKS(g->layer->in_channels), turn_block, &t);
    struct fus_gemm gemm = {
        .layer = &p->layer, .panels = turned, .bias = zeros, .tap_rows = p->rows.n, .tap_columns = p->columns.n};
    gemm.k = p->rows.n * p->columns.n * FUS_BLOCKS(g->layer->channels) * FUS_LANES;
    gemm.onto = onto && g->layer->stride == 1;
    if (is_flat(g->layer)) {
        run_flat(&gemm, dx, dz, onto, &rest);
        return;
    }
    float *to = g->layer->stride == 1 ? dx : rest.scratch;
    bool any = gemm.k > 0;
    if (any)
        fus_gemm_run(&gemm, to, dz, NULL, g->n, g->kernel);
    if (g->layer->stride == 1)
        return;
    struct scattering s = {p, g->layer, dx, any ? to : NULL, onto};
    fus_threads_for(g->n * FUS_BLOCKS(g->layer->in_channels), scatter_plane, &s);
}

void fus_grad_conv_input(const struct fus_grad *g, float *dx, bool onto, const float *dz, const float *panels)
{
    for (int y = 0; y < g->layer->stride; y++)
        for (int x = 0; x < g->layer->stride; x++) {
            struct phase p = phase_of(g->layer, y, x);
            run_phase(g, &p, dx, onto, dz, panels);
        }
}
