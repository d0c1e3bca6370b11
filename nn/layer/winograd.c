/* SPDX-License-Identifier: MIT */
/* 3x3 convolutions of stride 1 by Winograd's minimal filtering (Winograd 1980; Lavin & Gray 2016):
 * F(4x4, 3x3) takes 36 products for 16 outputs instead of 144. Below 8x8 pixels, where channels
 * are many and loading weights dominates, F(2x2, 3x3) takes 16 products for 4 outputs instead of
 * 36.
 *
 *   Y = A' [ sum_c (G g_c G') * (B' d_c B) ] A      for each output tile Y, d_c the input pixels of
 *                                                   channel c under it with a border of one
 *
 * B, G and A interpolate at 0, a, -a, b, -b and infinity; for F(2x2) at 0, 1, -1 and infinity.
 * With a = 5/8, b = 3/2 all entries of B and A are small exact floats, and rounding errors stay
 * within about twice the direct sum's (tests/test_winograd.c measures it). The sums over c are
 * matrix products with the same micro-kernel, each one chain of fused multiply-adds over c.
 *
 * The result is not bit-equal to the direct sum. Which algorithm a layer uses depends on its shape
 * alone. */
#include <string.h>

#include "nn/base/threads.h"
#include "nn/layer/layers.h"

#define MAX_COMPONENTS 36
#define MIN_TILES 12 /* with fewer a task is bandwidth-bound by its weights */

bool fus_winograd_fits(const struct fus_layer *l)
{
    return l->op == FUS_OP_CONV && !l->groups && l->input >= 0 && l->kernel == 3 && l->stride == 1 && l->padding == 1 &&
           l->act <= FUS_ACT_RELU && l->height == l->width && l->height >= 4;
}

/* Side of a tile of outputs. */
static int tile_side(const struct fus_layer *l)
{
    return l->height >= 8 ? 4 : 2;
}

static int n_components(const struct fus_layer *l)
{
    return (tile_side(l) + 2) * (tile_side(l) + 2);
}

/* Tiles of a task: 2 x 14 rows of the largest micro-kernel; more if the weights are large in
 * comparison. */
static int max_tiles(const struct fus_layer *l)
{
    return tile_side(l) == 4 ? 28 : 70;
}

size_t fus_winograd_panel_floats(const struct fus_layer *l)
{
    return (size_t)n_components(l) * (size_t)FUS_BLOCKS(l->channels) * (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES *
           FUS_LANES;
}

/* ---- weights ---- */

/* u [n, n] = G g G' for 16 kernels side by side; in double, rounded once. */
static void transform_3x3(float u[MAX_COMPONENTS][FUS_LANES], const float g[9][FUS_LANES], const double (*G)[3], int n)
{
    double t[6][3][FUS_LANES];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < 3; j++)
            for (int lane = 0; lane < FUS_LANES; lane++)
                t[i][j][lane] = G[i][0] * g[j][lane] + G[i][1] * g[3 + j][lane] + G[i][2] * g[6 + j][lane];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int lane = 0; lane < FUS_LANES; lane++)
                u[n * i + j][lane] =
                    (float)(t[i][0][lane] * G[j][0] + t[i][1][lane] * G[j][1] + t[i][2][lane] * G[j][2]);
}

/* G for the points above: row p is (1, p, p^2) / prod (p - q) over the other finite points q. */
static void transform_weights(float u[MAX_COMPONENTS][FUS_LANES], const float g[9][FUS_LANES], int tile)
{
    static const double G2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    const double a = 0.625, b = 1.5, fa = 1 / (2 * a * a * (a * a - b * b)), fb = 1 / (2 * b * b * (b * b - a * a));
    const double G4[6][3] = {{1 / (a * a * b * b), 0, 0}, {fa, a * fa, a * a * fa},  {fa, -a * fa, a * a * fa},
                             {fb, b * fb, b * b * fb},    {fb, -b * fb, b * b * fb}, {0, 0, 1}};
    transform_3x3(u, g, tile == 4 ? G4 : G2, tile + 2);
}

struct packing {
    float *panels;
    const float *weights;
    const struct fus_layer *layer;
};

static void pack_block(void *context, int block, int thread)
{
    const struct packing *p = context;
    const struct fus_layer *l = p->layer;
    size_t depth = (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES;
    size_t component = (size_t)FUS_BLOCKS(l->channels) * depth * FUS_LANES;
    float g[FUS_LANES][9][FUS_LANES], u[MAX_COMPONENTS][FUS_LANES]; /* of 16 input channels; transformed, of one */
    (void)thread;
    for (size_t c = 0; c < depth; c++) {
        if (c % FUS_LANES == 0)
            fus_gemm_gather(&g[0][0][0], p->weights, l, block, (int)(c / FUS_LANES));
        transform_weights(u, (const float(*)[FUS_LANES])g[c % FUS_LANES], tile_side(l));
        for (size_t i = 0; i < (size_t)n_components(l); i++)
            memcpy(p->panels + i * component + ((size_t)block * depth + c) * FUS_LANES, u[i], sizeof u[i]);
    }
}

/* weights [channels, in_channels, 3, 3] -> panels [components, blocks, in_blocks * 16, 16]. */
void fus_winograd_pack_weights(float *panels, const float *weights, const struct fus_layer *l)
{
    struct packing p = {panels, weights, l};
    fus_threads_for(FUS_BLOCKS(l->channels), pack_block, &p);
}

/* ---- the convolution ---- */

/* Tiles first .. first+n-1 of all pictures' tiles, and a group of output channels. */
struct task {
    const struct fus_gemm *g;
    const struct fus_kernel *kernel;
    float *out, *transformed, *products;
    const float *in, *addend;
    int first, n;
    int step, first_panel, n_panels; /* panels of `step` blocks of channels */
};

static int per_side(const struct fus_layer *l)
{
    return (l->height + tile_side(l) - 1) / tile_side(l);
}

/* A component's [blocks, n tiles, 16], plus 16 floats so that components do not map to the same
 * cache sets. */
static size_t component_floats(int blocks, int n)
{
    return ((size_t)blocks * (size_t)n + 1) * FUS_LANES;
}

size_t fus_winograd_scratch_floats(const struct fus_layer *l, int n_pictures)
{
    int all = n_pictures * per_side(l) * per_side(l), n = all < max_tiles(l) ? all : max_tiles(l);
    return (size_t)n_components(l) *
           (component_floats(FUS_BLOCKS(l->in_channels), n) + component_floats(FUS_BLOCKS(l->channels), n));
}

/* A tile's image (returned) and its corner. */
static int locate(int *y, int *x, const struct fus_layer *l, int tile)
{
    int n = per_side(l);
    *y = tile % (n * n) / n * tile_side(l);
    *x = tile % n * tile_side(l);
    return tile / (n * n);
}

static void transform_input(const struct task *t)
{
    const struct fus_layer *l = t->g->layer;
    size_t plane = fus_layer_in_places(l) * FUS_LANES;
    int blocks = FUS_BLOCKS(l->in_channels), y, x;
    size_t step = component_floats(blocks, t->n);
    for (int block = 0; block < blocks; block++)
        for (int i = 0; i < t->n; i++) {
            size_t picture = (size_t)locate(&y, &x, l, t->first + i);
            t->kernel->winograd_in[tile_side(l) == 4](
                t->transformed + ((size_t)block * (size_t)t->n + (size_t)i) * FUS_LANES, step,
                t->in + (picture * (size_t)blocks + (size_t)block) * plane, l->in_height, y - 1, x - 1);
        }
}

static void multiply(const struct task *t)
{
    static const float no_bias[4 * FUS_LANES];
    const struct fus_layer *l = t->g->layer;
    int in_blocks = FUS_BLOCKS(l->in_channels), blocks = FUS_BLOCKS(l->channels), depth = in_blocks * FUS_LANES;
    int rows = t->kernel->rows, n_parts = (t->n + rows - 1) / rows;
    int lines = n_parts >= 4 ? 1 : 4 / n_parts;
    size_t panel = (size_t)depth * FUS_LANES, n = (size_t)t->n;
    struct fus_tile tile = {
        .a_step = n * FUS_LANES, .b_step = panel, .c_step = n * FUS_LANES, .k = depth, .bias = no_bias, .first = true};
    for (int i = 0; i < n_components(l); i++)
        for (int j = t->first_panel; j < t->first_panel + t->n_panels; j++) {
            int block = j * t->step;
            tile.blocks = blocks - block < t->step ? blocks - block : t->step;
            tile.b = t->g->panels + ((size_t)i * (size_t)blocks + (size_t)block) * panel;
            const bool more = i + 1 < n_components(l) || j + 1 < t->first_panel + t->n_panels;
            const float *next = j + 1 < t->first_panel + t->n_panels
                                    ? tile.b + (size_t)t->step * panel
                                    : tile.b + (size_t)(blocks - (t->n_panels - 1) * t->step) * panel;
            for (int p = 0; p < n_parts; p++) {
                int r0 = t->n * p / n_parts;
                tile.rows = t->n * (p + 1) / n_parts - r0;
                tile.a = t->transformed + (size_t)i * component_floats(in_blocks, t->n) + (size_t)r0 * FUS_LANES;
                tile.c = t->products + (size_t)i * component_floats(blocks, t->n) +
                         ((size_t)block * n + (size_t)r0) * FUS_LANES;
                tile.ahead = next + (size_t)(p * lines * (depth / 4)) * FUS_LANES;
                tile.ahead_lines = more && p < 4 ? lines : 0;
                t->kernel->tile[FUS_TILE_BLOCKED](&tile);
            }
        }
}

static void transform_output(const struct task *t)
{
    const struct fus_layer *l = t->g->layer;
    size_t plane = fus_layer_places(l) * FUS_LANES;
    int blocks = FUS_BLOCKS(l->channels), y, x;
    int first = t->first_panel * t->step, end = first + t->n_panels * t->step;
    size_t step = component_floats(blocks, t->n);
    for (int block = first; block < end && block < blocks; block++)
        for (int i = 0; i < t->n; i++) {
            size_t at = ((size_t)locate(&y, &x, l, t->first + i) * (size_t)blocks + (size_t)block) * plane;
            t->kernel->winograd_out[tile_side(l) == 4](
                t->out + at, t->products + ((size_t)block * (size_t)t->n + (size_t)i) * FUS_LANES, step,
                t->g->bias + block * FUS_LANES, t->addend ? t->addend + at : NULL, l->act == FUS_ACT_RELU, l->height, y,
                x);
        }
}

/* A convolution and how it is split: chunks of tiles, groups of panels of output channels. */
struct convolution {
    struct task whole;
    float *scratch;
    size_t thread_floats;
    int n_tiles, n_panels, chunks, groups;
};

static void run_task(void *context, int task, int thread)
{
    const struct convolution *v = context;
    struct task t = v->whole;
    int chunk = task / v->groups, group = task % v->groups;
    t.first = (int)((long long)v->n_tiles * chunk / v->chunks);
    t.n = (int)((long long)v->n_tiles * (chunk + 1) / v->chunks) - t.first;
    t.first_panel = v->n_panels * group / v->groups;
    t.n_panels = v->n_panels * (group + 1) / v->groups - t.first_panel;
    t.transformed = v->scratch + (size_t)thread * v->thread_floats;
    t.products =
        t.transformed + (size_t)n_components(t.g->layer) * component_floats(FUS_BLOCKS(t.g->layer->in_channels), t.n);
    transform_input(&t);
    multiply(&t);
    transform_output(&t);
}

/* Cost model of a split into chunks and groups of panels of `step` blocks: the slowest thread's
 * time, in products of a tile with a block of channels. A task's weights take as long to load as
 * MIN_TILES products, and the input's transform, which every group repeats, half a product for each
 * tile. Narrow tiles are a tenth slower. */
static double slowest(const struct convolution *v, int threads, int chunks, int groups, int step)
{
    int blocks = FUS_BLOCKS(v->whole.g->layer->channels), panels = (blocks + step - 1) / step;
    int n = (v->n_tiles + chunks - 1) / chunks, rounds = (chunks * groups + threads - 1) / threads;
    double columns = (panels + groups - 1) / groups * step * (step < v->whole.kernel->blocks ? 1.1 : 1);
    return rounds * ((n > MIN_TILES ? n : MIN_TILES) * columns + 0.5 * n);
}

/* Few tiles: splits channels too. */
static void split(struct convolution *v, int threads)
{
    int blocks = FUS_BLOCKS(v->whole.g->layer->channels), first = v->chunks;
    double best = -1;
    for (int step = v->whole.kernel->blocks; step > 0; step = step > 1 ? 1 : 0)
        for (int chunks = first; chunks < first + threads && chunks <= v->n_tiles; chunks++)
            for (int groups = 1; groups <= (blocks + step - 1) / step && groups <= threads; groups++) {
                double time = slowest(v, threads, chunks, groups, step);
                if (best >= 0 && time >= best)
                    continue;
                best = time;
                v->chunks = chunks;
                v->groups = groups;
                v->whole.step = step;
            }
    v->n_panels = (blocks + v->whole.step - 1) / v->whole.step;
}

void fus_winograd_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                      float *scratch, const struct fus_kernel *kernel)
{
    const struct fus_layer *l = g->layer;
    struct convolution v = {
        .whole = {.g = g, .kernel = kernel, .out = out, .in = in, .addend = addend, .step = kernel->blocks},
        .scratch = scratch};
    v.thread_floats = fus_winograd_scratch_floats(l, n_pictures);
    int threads = fus_threads_here();
    v.n_tiles = n_pictures * per_side(l) * per_side(l);
    v.n_panels = (FUS_BLOCKS(l->channels) + kernel->blocks - 1) / kernel->blocks;
    v.chunks = (v.n_tiles + max_tiles(l) - 1) / max_tiles(l);
    v.groups = 1;
    int even = (v.chunks + threads - 1) / threads * threads;
    if (v.n_tiles >= even * MIN_TILES) /* the same number of chunks for each thread */
        v.chunks = even;
    else if (threads > 1)
        split(&v, threads);
    fus_threads_for(v.chunks * v.groups, run_task, &v);
}
