/* SPDX-License-Identifier: MIT */
/* Convolution as a matrix product, without building the im2col matrix: the micro-kernel reads the
 * input in place. A tile of outputs is within one row of pixels, so each tap of the kernel reads
 * input pixels at a constant stride. At the border, a tap is skipped for outputs whose input is
 * outside the image.
 *
 *   out[p, c] = sum_k patch[p, k] w[k, c],   k = (r, s, channel), one chain of fused
 *                                            multiply-adds per output
 *
 * Threads split pixels and channels, never k. Blocking after Goto & van de Geijn 2008: a panel of
 * weights (MAX_K x 32) stays in the first-level cache while a task's input is streamed from the
 * second. */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"

#define MAX_K 256    /* depth of a K-slice: 256 x 32 weights are 32 KB */
#define MAX_TILES 16 /* of a task: with 14 x 256 inputs each 224 KB, for a second-level cache */
#define MAX_TAPS 49  /* of the 7x7 stem */

/* ---- weights ---- */

static bool from_picture(const struct fus_layer *l)
{
    return l->input < 0;
}

int fus_gemm_k(const struct fus_layer *l)
{
    int taps = l->kernel * l->kernel;
    if (from_picture(l))
        return taps * l->in_channels;
    return taps * FUS_BLOCKS(l->in_channels) * FUS_LANES;
}

size_t fus_gemm_panel_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * (size_t)fus_gemm_k(l) * FUS_LANES;
}

struct packing {
    float *panels;
    const float *weights;
    const struct fus_layer *layer;
};

void fus_gemm_gather(float *out, const float *weights, const struct fus_layer *l, int block, int in_block)
{
    int taps = l->kernel * l->kernel, in = l->in_channels;
    int n = l->channels - block * FUS_LANES, channels = in - in_block * FUS_LANES;
    n = n < FUS_LANES ? n : FUS_LANES;
    channels = channels < FUS_LANES ? channels : FUS_LANES;
    if (n < FUS_LANES || channels < FUS_LANES)
        memset(out, 0, (size_t)(FUS_LANES * taps * FUS_LANES) * sizeof *out);
    for (int lane = 0; lane < n; lane++) {
        const float *w =
            weights + ((size_t)(block * FUS_LANES + lane) * (size_t)in + (size_t)(in_block * FUS_LANES)) * (size_t)taps;
        for (int i = 0; i < channels * taps; i++)
            out[i * FUS_LANES + lane] = w[i];
    }
}

static void pack_block(void *context, int block, int thread)
{
    const struct packing *p = context;
    const struct fus_layer *l = p->layer;
    int taps = l->kernel * l->kernel, depth = fus_gemm_k(l) / taps;
    float *to = p->panels + (size_t)block * (size_t)fus_gemm_k(l) * FUS_LANES, here[FUS_LANES * MAX_TAPS * FUS_LANES];
    (void)thread;
    for (int c = 0; c < depth; c++) {
        if (c % FUS_LANES == 0)
            fus_gemm_gather(here, p->weights, l, block, c / FUS_LANES);
        for (int tap = 0; tap < taps; tap++)
            memcpy(to + (size_t)(tap * depth + c) * FUS_LANES, here + (c % FUS_LANES * taps + tap) * FUS_LANES,
                   FUS_LANES * sizeof *to);
    }
}

void fus_gemm_pack_weights(float *panels, const float *weights, const struct fus_layer *l)
{
    struct packing p = {panels, weights, l};
    fus_threads_for(FUS_BLOCKS(l->channels), pack_block, &p);
}

/* ---- the product ---- */

/* A product and how it is split: a task is a block of an image's tiles times a
 * group of its channels. */
struct product {
    const struct fus_gemm *g;
    const struct fus_kernel *kernel;
    enum fus_tile_kind kind;
    const float *in, *addend;
    float *out;
    size_t in_floats, out_floats; /* per picture */
    int width, height;            /* of the output in pixels */
    int in_width, in_height, padding;
    ptrdiff_t pixel, plane;    /* floats from one input pixel to the next, from one block of channels to the next */
    int tap_rows, tap_columns; /* of the kernel */
    int depth;                 /* k of each tap */
    int slices;                /* K-slices of a tap */
    int row_tiles, n_tiles;    /* tiles in a row of pixels, nearly equal; in all */
    int n_panels;              /* of channels, kernel->blocks * 16 each */
    int pixel_blocks, channel_groups;
};

/* A 1x1 of stride 1 treats its input as one long row of pixels. The image is stored with its
 * border, and a kernel row of it counts as one tap. */
static void set_shape(struct product *p, const struct fus_layer *l)
{
    static const enum fus_tile_kind kinds[2][2] = {{FUS_TILE_BLOCKED, FUS_TILE_BLOCKED_SECOND},
                                                   {FUS_TILE_PICTURE, FUS_TILE_PICTURE_SECOND}};
    bool picture = from_picture(l), same = l->in_height == l->height && l->in_width == l->width;
    bool one_row = !picture && l->kernel == 1 && l->stride == 1 && same;
    int in_height = l->in_height + (picture ? 2 * l->padding : 0),
        in_width = l->in_width + (picture ? 2 * l->padding : 0);
    p->kind = kinds[picture][l->stride == 2];
    p->width = one_row ? l->height * l->width : l->width;
    p->height = one_row ? 1 : l->height;
    p->in_width = one_row ? in_height * in_width : in_width;
    p->in_height = one_row ? 1 : in_height;
    p->padding = picture ? 0 : l->padding;
    p->pixel = picture ? l->in_channels : FUS_LANES;
    p->plane = (picture ? in_width : in_height * in_width) * p->pixel;
    p->tap_rows = p->g->tap_rows ? p->g->tap_rows : picture ? 1 : l->kernel;
    p->tap_columns = p->g->tap_rows ? p->g->tap_columns : picture ? 1 : l->kernel;
    p->depth = p->g->k / (p->tap_rows * p->tap_columns);
    p->slices = picture ? 1 : (p->depth + MAX_K - 1) / MAX_K;
    p->row_tiles = p->width <= p->kernel->widest ? 1 : (p->width + p->kernel->rows - 1) / p->kernel->rows;
    p->n_tiles = p->height * p->row_tiles;
    p->n_panels = (FUS_BLOCKS(l->channels) + p->kernel->blocks - 1) / p->kernel->blocks;
    p->in_floats = (size_t)(picture ? in_height : FUS_BLOCKS(l->in_channels)) * (size_t)p->plane;
    p->out_floats = fus_layer_floats(l);
}

static int part(int whole, int n_parts, int i)
{
    return (int)((long long)whole * i / n_parts);
}

/* Cost model: the slowest thread's time in tile products, if every task is as long as the longest.
 * In addition a task costs 0.25 for each tile of A it reads and 1 for each panel of B it loads from
 * memory. */
static double slowest(const struct product *p, int n_pictures, int blocks, int groups)
{
    int threads = fus_threads_here(), rounds = (n_pictures * blocks * groups + threads - 1) / threads;
    double tiles = (p->n_tiles + blocks - 1) / blocks, panels = (p->n_panels + groups - 1) / groups;
    return rounds * (tiles * panels + 0.25 * tiles + panels);
}

/* Chooses blocks of tiles and groups of channels so that threads finish together. Among
 * splits within 3 % of the best it takes the one with more tasks, which suffers less
 * from other processes. */
static void split(struct product *p, int n_pictures)
{
    int threads = fus_threads_here();
    p->pixel_blocks = (p->n_tiles + MAX_TILES - 1) / MAX_TILES;
    p->channel_groups = 1;
    if (threads == 1)
        return;
    int first = p->pixel_blocks, end = first + 4 * threads;
    double best = slowest(p, n_pictures, first, 1);
    for (int blocks = first; blocks <= p->n_tiles && blocks < end; blocks++)
        for (int groups = 1; groups <= p->n_panels && groups <= 4 * threads; groups *= 2) {
            double time = slowest(p, n_pictures, blocks, groups);
            if (time < best || (time < 1.03 * best && blocks * groups > p->pixel_blocks * p->channel_groups)) {
                best = time < best ? time : best;
                p->pixel_blocks = blocks;
                p->channel_groups = groups;
            }
        }
}

/* ---- a slice of k ---- */

/* A K-slice: some channels of one tap. */
struct slice {
    int at, k;                        /* k's at .. at+k-1 */
    ptrdiff_t in;                     /* floats from the corner of an output's input window to this tap */
    int y_from, y_end, x_from, x_end; /* outputs whose tap lies inside the image */
    bool first, last;
};

/* The outputs in 0 .. n-1 whose tap reads one of the inputs 0 .. in_n-1. */
static void find_inside(int *from, int *end, int tap, int n, int in_n, int stride, int padding)
{
    int before = padding - tap, last = in_n - 1 + before; /* an output's input is stride * output - before */
    *from = before > 0 ? (before + stride - 1) / stride : 0;
    *end = last < 0 ? 0 : last / stride < n ? last / stride + 1 : n;
}

static int n_slices(const struct product *p)
{
    return p->tap_rows * p->tap_columns * p->slices;
}

/* Slices are whole blocks of 16 channels; the image has one slice. */
static int first_channel(const struct product *p, int slice)
{
    return slice == p->slices ? p->depth : part(p->depth / FUS_LANES, p->slices, slice) * FUS_LANES;
}

static struct slice slice_of(const struct product *p, int i)
{
    int tap = i / p->slices, r = tap / p->tap_columns, c = tap % p->tap_columns, stride = p->g->layer->stride;
    int channel = first_channel(p, i % p->slices);
    struct slice s = {.at = tap * p->depth + channel, .k = first_channel(p, i % p->slices + 1) - channel};
    s.in = channel / FUS_LANES * p->plane + (r * p->in_width + c) * p->pixel;
    s.first = i == 0 && !p->g->onto;
    s.last = i + 1 == n_slices(p);
    find_inside(&s.y_from, &s.y_end, r, p->height, p->in_height, stride, p->padding);
    find_inside(&s.x_from, &s.x_end, c, p->width, p->in_width, stride, p->padding);
    return s;
}

/* A panel's weights for a slice: [blocks at k * 16 floats][slice.k, 16]. */
static const float *weights_of(const struct product *p, int panel, const struct slice *s)
{
    return p->g->panels + ((size_t)(panel * p->kernel->blocks) * (size_t)p->g->k + (size_t)s->at) * FUS_LANES;
}

/* ---- a task ---- */

/* An output tile: `rows` pixels of row y from x on. */
struct tile_at {
    int y, x, rows;
    ptrdiff_t in, out; /* floats before the first pixel's input window, and before its output */
};

/* A task's part of one image. */
struct task {
    const struct product *p;
    const float *in, *addend;
    float *out;
    struct tile_at tiles[MAX_TILES];
    int n_tiles, first_panel, panel_end;
};

static struct tile_at locate_tile(const struct product *p, int tile)
{
    int stride = p->g->layer->stride, y = tile / p->row_tiles, in_row = tile % p->row_tiles,
        x = part(p->width, p->row_tiles, in_row);
    struct tile_at s = {.y = y, .x = x, .rows = part(p->width, p->row_tiles, in_row + 1) - x};
    s.in = ((y * stride - p->padding) * p->in_width + x * stride - p->padding) * p->pixel;
    s.out = (ptrdiff_t)(y * p->width + x) * FUS_LANES;
    return s;
}

static void set_task(struct task *t, const struct product *p, int task)
{
    int group = task % p->channel_groups, block = task / p->channel_groups % p->pixel_blocks;
    size_t picture = (size_t)(task / p->channel_groups / p->pixel_blocks);
    int first = part(p->n_tiles, p->pixel_blocks, block);
    t->p = p;
    t->in = p->in + picture * p->in_floats;
    t->addend = p->addend ? p->addend + picture * p->out_floats : NULL;
    t->out = p->out + picture * p->out_floats;
    t->n_tiles = part(p->n_tiles, p->pixel_blocks, block + 1) - first;
    for (int i = 0; i < t->n_tiles; i++)
        t->tiles[i] = locate_tile(p, first + i);
    t->first_panel = part(p->n_panels, p->channel_groups, group);
    t->panel_end = part(p->n_panels, p->channel_groups, group + 1);
}

/* Runs k steps for rows from .. end-1 of the tile at tile->c. */
static void run_rows(struct fus_tile *tile, const struct product *p, int from, int end, int k, bool first, bool last)
{
    tile->c += from * FUS_LANES;
    tile->rows = end - from;
    tile->k = k;
    tile->first = first;
    tile->last = last;
    p->kernel->tile[p->kind](tile);
    tile->c -= from * FUS_LANES;
}

/* Accumulates one K-slice into an output tile, for the rows whose tap lies inside the image;
 * false: none does. Rows outside still start at 0 with the first slice and get bias, addend and
 * ReLU with the last. */
static bool run_tile(struct fus_tile *tile, const struct task *t, const struct slice *s, const struct tile_at *at)
{
    const struct product *p = t->p;
    int from = s->x_from > at->x ? s->x_from - at->x : 0,
        end = s->x_end - at->x < at->rows ? s->x_end - at->x : at->rows;
    bool some = at->y >= s->y_from && at->y < s->y_end && from < end, all = some && end - from == at->rows;
    if (s->first && !all)
        run_rows(tile, p, 0, at->rows, 0, true, false);
    if (some) {
        tile->a = t->in + (at->in + s->in + from * p->g->layer->stride * p->pixel);
        run_rows(tile, p, from, end, s->k, s->first && all, s->last && all);
    }
    if (s->last && !all)
        run_rows(tile, p, 0, at->rows, 0, false, true);
    return some;
}

/* An activation other than ReLU on a finished tile, while it is in cache. */
static void activate(const struct fus_tile *tile, int rows, enum fus_act act, const struct fus_kernel *kernel)
{
    for (int j = 0; j < tile->blocks; j++) {
        float *c = tile->c + (size_t)j * tile->c_step;
        kernel->activate[act - FUS_ACT_GELU](c, c, (size_t)rows * FUS_LANES);
    }
}

/* One panel and one K-slice for all tiles of the task. The first tiles prefetch `next`, the next_k
 * steps of weights that are used afterwards. */
static void run_panel(const struct task *t, const struct slice *s, int panel, const float *next, int next_k)
{
    const struct product *p = t->p;
    const struct fus_layer *l = p->g->layer;
    int blocks = FUS_BLOCKS(l->channels), first = panel * p->kernel->blocks,
        lines = t->n_tiles < 4 ? 4 / t->n_tiles : 1;
    struct fus_tile tile = {.b = weights_of(p, panel, s),
                            .bias = p->g->bias + first * FUS_LANES,
                            .ahead = next,
                            .slice = l->kernel * l->in_channels,
                            .a_step = (size_t)p->plane,
                            .b_step = (size_t)p->g->k * FUS_LANES,
                            .c_step = (size_t)p->width * (size_t)p->height * FUS_LANES,
                            .relu = l->act == FUS_ACT_RELU};
    float *out = t->out + (size_t)first * tile.c_step;
    const float *addend = t->addend ? t->addend + (size_t)first * tile.c_step : NULL;
    tile.blocks = blocks - first < p->kernel->blocks ? blocks - first : p->kernel->blocks;
    for (int i = 0; i < t->n_tiles; i++) {
        tile.ahead_lines = next_k > 0 ? lines : 0;
        tile.c = out + t->tiles[i].out;
        tile.addend = addend ? addend + t->tiles[i].out : NULL;
        if (run_tile(&tile, t, s, &t->tiles[i])) {
            next_k -= tile.ahead_lines * (s->k / 4);
            tile.ahead += tile.ahead_lines * (s->k / 4) * FUS_LANES;
        }
        if (s->last && l->act > FUS_ACT_RELU)
            activate(&tile, t->tiles[i].rows, l->act, p->kernel);
    }
}

static void run_task(void *context, int task, int thread)
{
    const struct product *p = context;
    struct task t;
    (void)thread;
    set_task(&t, p, task);
    struct slice slice = slice_of(p, 0), after;
    for (int i = 0; i < n_slices(p); i++, slice = after) {
        after = slice.last ? (struct slice){0} : slice_of(p, i + 1);
        for (int j = t.first_panel; j + 1 < t.panel_end; j++)
            run_panel(&t, &slice, j, weights_of(p, j + 1, &slice), slice.k);
        run_panel(&t, &slice, t.panel_end - 1, weights_of(p, t.first_panel, &after), after.k);
    }
}

void fus_gemm_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                  const struct fus_kernel *kernel)
{
    struct product p = {.g = g, .kernel = kernel, .in = in, .addend = addend, .out = out};
    set_shape(&p, g->layer);
    split(&p, n_pictures);
    fus_threads_for(n_pictures * p.pixel_blocks * p.channel_groups, run_task, &p);
}
