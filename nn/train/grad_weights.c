/* SPDX-License-Identifier: MIT */
/* The gradient of a convolution's weights.
 *
 *   dW[k,c,r,s] = sum_n sum_y sum_x  dz[n,k,y,x] x[n,c, ty-p+r, tx-p+s]
 *
 * One float chain of fused multiply-adds for each weight over (picture, y, x), in this order; 8
 * chains if there are few weights. This product sums over places, so it has its own micro-kernel
 * (grad_tile.h), whose result is a panel. */
#include "nn/base/threads.h"
#include "nn/train/grad.h"

/* up to here a weight's sum has 8 chains, otherwise there are too few tiles for the threads */
#define FEW_WEIGHTS 65536
#define MANY_CHAINS 8

static bool from_picture(const struct fus_layer *l)
{
    return l->input < 0;
}

int fus_grad_conv_chains(const struct fus_layer *l)
{
    return (double)l->channels * l->in_channels * l->kernel * l->kernel <= FEW_WEIGHTS ? MANY_CHAINS : 1;
}

void fus_grad_conv_join(float *dw, const float *chains, size_t n)
{
    const float *c = chains;
    for (size_t i = 0; i < n; i++)
        dw[i] = ((c[i] + c[n + i]) + (c[2 * n + i] + c[3 * n + i])) +
                ((c[4 * n + i] + c[5 * n + i]) + (c[6 * n + i] + c[7 * n + i]));
}

#define CHUNK_PLACES 160 /* of a chunk: their dz for 32 channels and x for 16 stay in a first-level cache */

/* The sum and how it is split: a task is a chain, a panel of output channels, and a group of blocks
 * of input channels (of the picture: of kernel rows). */
struct weights {
    const struct fus_grad *g;
    float *chains;
    const float *x, *dz;
    int n_chains, first_picture;
    int n_panels, n_groups, in_blocks;
    int kernel, depth, k; /* taps along a side; rows of a tap; of all */
    int chunk_pictures, chunk_rows, width, height;
    size_t in_floats, out_floats, out_places;
};

/* Pictures first, first + step, ..: n of them; rows y .. y_end-1. */
struct chunk {
    int first, n, step, y, y_end;
};

static int part(int whole, int n_parts, int i)
{
    return (int)((long long)whole * i / n_parts);
}

/* The outputs in from .. end-1 whose tap reads one of the inputs 0 .. in_n-1. */
static void find_inside(int *from, int *end, int tap, int in_n, const struct fus_layer *l)
{
    int before = l->padding - tap, last = in_n - 1 + before; /* an output's input is stride * output - before */
    int first = before > 0 ? (before + l->stride - 1) / l->stride : 0, after = last < 0 ? 0 : last / l->stride + 1;
    *from = first > *from ? first : *from;
    *end = after < *end ? after : *end;
}

/* `rows` rows of the panel from `row` of tap (r, s) on, in tiles of nearly equal height. */
static void run_tiles(struct fus_grad_tile *t, int rows, const struct fus_kernel *kernel)
{
    int parts = (rows + kernel->grad.rows - 1) / kernel->grad.rows;
    const float *a = t->a;
    float *c = t->c;
    for (int i = 0; i < parts; i++) {
        int row = part(rows, parts, i);
        t->rows = part(rows, parts, i + 1) - row;
        t->a = a + row;
        t->c = c + row * FUS_LANES;
        kernel->grad.tile(t);
    }
}

/* Block `block` of input channels through tap (r, s), for one chunk. */
static void run_tap(const struct weights *w, struct fus_grad_tile t, const struct chunk *c, int block, int r, int s)
{
    const struct fus_layer *l = w->g->layer;
    int y = c->y, y_end = c->y_end, x = 0, x_end = l->width;
    find_inside(&y, &y_end, r, l->in_height, l);
    find_inside(&x, &x_end, s, l->in_width, l);
    if (y >= y_end || x >= x_end)
        return;
    ptrdiff_t at = (ptrdiff_t)(y * l->stride - l->padding + r) * l->in_width + x * l->stride - l->padding + s;
    t.a += ((ptrdiff_t)((size_t)block * fus_layer_in_places(l)) + at) * FUS_LANES;
    t.b += ((size_t)y * (size_t)l->width + (size_t)x) * FUS_LANES;
    t.c += (size_t)((r * l->kernel + s) * w->depth + block * FUS_LANES) * FUS_LANES;
    t.n_places = x_end - x;
    t.n_rows = y_end - y;
    if (l->kernel == 1 && l->stride == 1) { /* rows follow each other */
        t.n_places *= t.n_rows;
        t.n_rows = 1;
    }
    run_tiles(&t, FUS_LANES, w->g->kernel);
}

/* Kernel row r of the picture, which is stored with its border and has 3 adjacent channels. */
static void run_picture_row(const struct weights *w, struct fus_grad_tile t, const struct chunk *c, int r)
{
    const struct fus_layer *l = w->g->layer;
    t.a += (size_t)(c->y * l->stride + r) * (size_t)(l->in_width + 2 * l->padding) * (size_t)l->in_channels;
    t.b += (size_t)c->y * (size_t)l->width * FUS_LANES;
    t.c += (size_t)(r * w->depth) * FUS_LANES;
    t.n_places = l->width;
    t.n_rows = c->y_end - c->y;
    run_tiles(&t, w->depth, w->g->kernel);
}

static void run_chunk(const struct weights *w, const struct fus_grad_tile *whole, const struct chunk *c, int from,
                      int end)
{
    const struct fus_layer *l = w->g->layer;
    struct fus_grad_tile t = *whole;
    t.a += (size_t)c->first * w->in_floats;
    t.b += (size_t)c->first * w->out_floats;
    t.a_picture = (size_t)c->step * w->in_floats;
    t.b_picture = (size_t)c->step * w->out_floats;
    t.n_pictures = c->n;
    if (from_picture(l)) {
        for (int r = from; r < end; r++)
            run_picture_row(w, t, c, r);
        return;
    }
    for (int block = from; block < end; block++)
        for (int r = 0; r < l->kernel; r++)
            for (int s = 0; s < l->kernel; s++)
                run_tap(w, t, c, block, r, s);
}

static struct fus_grad_tile tile_of(const struct weights *w, int chain, int panel)
{
    const struct fus_layer *l = w->g->layer;
    int blocks = FUS_BLOCKS(l->channels), first = panel * w->g->kernel->grad.blocks;
    size_t pixel = from_picture(l) ? (size_t)l->in_channels : FUS_LANES;
    size_t row = from_picture(l) ? (size_t)(l->in_width + 2 * l->padding) : (size_t)l->in_width;
    struct fus_grad_tile t = {.a = w->x, .b = w->dz + (size_t)first * w->out_places * FUS_LANES};
    t.c = w->chains + (size_t)chain * fus_gemm_panel_floats(l) + (size_t)first * (size_t)w->k * FUS_LANES;
    t.a_place = pixel * (size_t)l->stride;
    t.a_row = row * pixel * (size_t)l->stride;
    t.b_row = (size_t)l->width * FUS_LANES;
    t.b_step = w->out_places * FUS_LANES;
    t.c_step = (size_t)w->k * FUS_LANES;
    t.blocks = blocks - first < w->g->kernel->grad.blocks ? blocks - first : w->g->kernel->grad.blocks;
    return t;
}

static void weights_task(void *context, int task, int thread)
{
    const struct weights *w = context;
    int group = task % w->n_groups, panel = task / w->n_groups % w->n_panels, chain = task / w->n_groups / w->n_panels;
    int from = part(w->in_blocks, w->n_groups, group), end = part(w->in_blocks, w->n_groups, group + 1);
    const struct fus_grad_tile t = tile_of(w, chain, panel);
    int first = ((chain - w->first_picture) % w->n_chains + w->n_chains) % w->n_chains; /* of this call's pictures */
    (void)thread;
    for (int i = first; i < w->g->n; i += w->chunk_pictures * w->n_chains)
        for (int y = 0; y < w->height; y += w->chunk_rows) {
            int left = (w->g->n - i + w->n_chains - 1) / w->n_chains, rows = w->height - y;
            struct chunk c = {i, left < w->chunk_pictures ? left : w->chunk_pictures, w->n_chains, y,
                              y + (rows < w->chunk_rows ? rows : w->chunk_rows)};
            run_chunk(w, &t, &c, from, end);
        }
}

/* A chunk is several pictures if maps are small, some rows if they are large. The order of a chain
 * does not change. */
static void set_chunks(struct weights *w)
{
    w->chunk_pictures = w->chunk_rows = 1;
    if (w->out_places <= CHUNK_PLACES) {
        w->chunk_rows = w->height;
        w->chunk_pictures = CHUNK_PLACES / (int)w->out_places;
    } else if (w->width <= CHUNK_PLACES) {
        w->chunk_rows = CHUNK_PLACES / w->width;
    }
}

void fus_grad_conv_weights(const struct fus_grad *g, float *chains, int first_picture, const float *x, const float *dz)
{
    const struct fus_layer *l = g->layer;
    bool picture = from_picture(l);
    struct weights w = {
        .g = g, .chains = chains, .x = x, .dz = dz, .first_picture = first_picture, .kernel = l->kernel};
    w.n_chains = fus_grad_conv_chains(l);
    w.k = fus_gemm_k(l);
    w.depth = picture ? l->kernel * l->in_channels : w.k / (l->kernel * l->kernel);
    w.in_blocks = picture ? l->kernel : FUS_BLOCKS(l->in_channels);
    w.width = l->width;
    w.height = l->height;
    w.in_floats = picture ? (size_t)(l->in_height + 2 * l->padding) * (size_t)(l->in_width + 2 * l->padding) *
                                (size_t)l->in_channels
                          : fus_layer_in_floats(l);
    w.out_floats = fus_layer_floats(l);
    w.out_places = fus_layer_places(l);
    w.n_panels = (FUS_BLOCKS(l->channels) + g->kernel->grad.blocks - 1) / g->kernel->grad.blocks;
    w.n_groups = 1;
    while (w.n_chains * w.n_panels * w.n_groups < 4 * fus_base_threads() && w.n_groups < w.in_blocks)
        w.n_groups++;
    set_chunks(&w);
    fus_threads_for(w.n_chains * w.n_panels * w.n_groups, weights_task, &w);
}
