/* The im2col matrix product, without the im2col matrix: for a block of pixels and a slice of k, patches are packed
 * straight into the panels the micro-kernel reads. Where a tile's pixels lie evenly apart in memory, in 1x1 convolutions of
 * stride 1 and in a picture with its border of zeros, the micro-kernel reads them where they are.
 *
 *   out[p, c] = sum_k patch[p, k] w[k, c],   k = (r, s, channel), one chain of fused multiply-adds per output
 *
 * Threads split pixels and channels, never k. Sizes after Goto & van de Geijn 2008: a panel of weights (KC x 32) stays in
 * the first-level cache while the pixels of a block stream past it from the second. */
#include <string.h>

#include "layers.h"
#include "team.h"

#define KC 192              /* depth of a slice: 192 x 32 weights are 24 KB, half of a first-level cache */
#define MOST_TAPS 49        /* of the 7x7 stem */
#define TILES_PER_BLOCK 8   /* pixels packed at a time: 8 x 14 x 192 floats are 86 KB */

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
        const float *w = weights + ((size_t)(block * FUS_LANES + lane) * (size_t)in + (size_t)(in_block * FUS_LANES)) * (size_t)taps;
        for (int i = 0; i < channels * taps; i++)
            out[i * FUS_LANES + lane] = w[i];
    }
}

static void pack_block(void *context, int block, int thread)
{
    const struct packing *p = context;
    const struct fus_layer *l = p->layer;
    int taps = l->kernel * l->kernel, depth = fus_gemm_k(l) / taps;
    float *to = p->panels + (size_t)block * (size_t)fus_gemm_k(l) * FUS_LANES, here[FUS_LANES * MOST_TAPS * FUS_LANES];
    (void)thread;
    for (int c = 0; c < depth; c++) {
        if (c % FUS_LANES == 0)
            fus_gemm_gather(here, p->weights, l, block, c / FUS_LANES);
        for (int tap = 0; tap < taps; tap++)
            memcpy(to + (size_t)(tap * depth + c) * FUS_LANES, here + (c % FUS_LANES * taps + tap) * FUS_LANES, FUS_LANES * sizeof *to);
    }
}

void fus_gemm_pack_weights(float *panels, const float *weights, const struct fus_layer *l)
{
    struct packing p = {panels, weights, l};
    fus_team_for(FUS_BLOCKS(l->channels), pack_block, &p);
}

/* ---- patches ---- */

static void copy_lanes(float *to, const float *from)
{
    memcpy(to, from, FUS_LANES * sizeof *to);
}

/* Rows p0 .. p0+rows-1 of the im2col matrix, slices first .. first+n_slices-1 of 16 k: panel [n_slices, rows, 16]. A
 * slice is one tap (r, s) of one block of input channels. */
static void pack_blocked(float *panel, const float *in, const struct fus_layer *l, int p0, int rows, int first,
                         int n_slices)
{
    static const float zeros[FUS_LANES];
    const float *at[16];
    int blocks = FUS_BLOCKS(l->in_channels);
    size_t block_floats = (size_t)l->in_side * (size_t)l->in_side * FUS_LANES;
    for (int slice = first; slice < first + n_slices;) {
        int tap = slice / blocks, block = slice % blocks;
        int n = blocks - block < first + n_slices - slice ? blocks - block : first + n_slices - slice;
        for (int i = 0; i < rows; i++) {
            int y = (p0 + i) / l->side * l->stride - l->padding + tap / l->kernel;
            int x = (p0 + i) % l->side * l->stride - l->padding + tap % l->kernel;
            bool inside = y >= 0 && y < l->in_side && x >= 0 && x < l->in_side;
            at[i] = inside ? in + ((size_t)y * (size_t)l->in_side + (size_t)x) * FUS_LANES : NULL;
        }
        for (int j = 0; j < n; j++)
            for (int i = 0; i < rows; i++, panel += FUS_LANES)
                copy_lanes(panel, at[i] ? at[i] + (size_t)(block + j) * block_floats : zeros);
        slice += n;
    }
}

/* ---- the product ---- */

/* A product and how it is shared out: a task is a block of a picture's pixels times a group of its channels. */
struct product {
    const struct fus_gemm *g;
    const struct fus_kernel *kernel;
    enum fus_tile_kind kind;
    bool packs;
    const float *in, *addend;
    float *out, *scratch;
    size_t in_floats, out_floats; /* per picture */
    int places, n_tiles;          /* pixels of a picture, and into how many tiles of nearly equal size they go */
    int row_tiles;                /* of a picture: tiles to each row of pixels; else 0 */
    int n_panels;                 /* of channels, kernel->blocks * 16 each */
    int pixel_blocks, channel_groups;
};

/* Where the rows of a tile are read: packed; or in place, since they lie evenly apart, of a picture within one row of pixels. */
static void set_kind(struct product *p, const struct fus_layer *l)
{
    p->packs = !from_picture(l) && (l->kernel > 1 || l->stride > 1);
    p->kind = !from_picture(l) ? FUS_TILE_BLOCKED : l->stride == 2 ? FUS_TILE_PICTURE_SECOND : FUS_TILE_PICTURE;
    p->places = l->side * l->side;
    p->row_tiles = !from_picture(l) ? 0 : (l->side + p->kernel->rows - 1) / p->kernel->rows;
    p->n_tiles = p->row_tiles ? l->side * p->row_tiles : (p->places + p->kernel->rows - 1) / p->kernel->rows;
    p->n_panels = (FUS_BLOCKS(l->channels) + p->kernel->blocks - 1) / p->kernel->blocks;
}

static int part(int whole, int n_parts, int i)
{
    return (int)((long long)whole * i / n_parts);
}

/* Time of the slowest thread in units of a tile's product with a panel, if every task is as long as the longest: besides its products
 * a task packs or at least reads its tiles, and brings its panels from far away. */
static double slowest(const struct product *p, int n_pictures, int blocks, int groups)
{
    int threads = fus_base_threads(), rounds = (n_pictures * blocks * groups + threads - 1) / threads;
    double tiles = (p->n_tiles + blocks - 1) / blocks, panels = (p->n_panels + groups - 1) / groups;
    return rounds * (tiles * panels + (p->packs ? 1.25 : 0.25) * tiles + panels);
}

/* Blocks of pixels and groups of channels so that threads end together; of equal ways the one with more tasks, which a busy neighbour
 * disturbs less. */
static void share_out(struct product *p, int n_pictures)
{
    int threads = fus_base_threads(), most = p->packs || p->n_tiles > 2 * TILES_PER_BLOCK ? TILES_PER_BLOCK : 2 * TILES_PER_BLOCK;
    p->pixel_blocks = (p->n_tiles + most - 1) / most; /* few pixels unpacked: one block, so that large weights pass by once */
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

/* The first pixel of a tile. */
static int tile_start(const struct product *p, int tile)
{
    int side = p->g->layer->side;
    return p->row_tiles ? tile / p->row_tiles * side + part(side, p->row_tiles, tile % p->row_tiles) : part(p->places, p->n_tiles, tile);
}

/* Patches of the pixels of tiles first .. end-1 for depth k0 .. k0+k-1, tile after tile. */
static void pack_tiles(float *panels, const struct product *p, const float *in, int first, int end, int k0, int k)
{
    int n_slices = k / FUS_LANES;
    for (int i = first; i < end; i++) {
        int p0 = tile_start(p, i), rows = tile_start(p, i + 1) - p0;
        float *panel = panels + (size_t)(p0 - tile_start(p, first)) * (size_t)k;
        pack_blocked(panel, in, p->g->layer, p0, rows, k0 / FUS_LANES, n_slices);
    }
}

/* The rows of a tile that starts at pixel p0, from depth k0 on, where they are in the picture or activation. */
static const float *in_place(const struct product *p, const float *in, int p0, int k0)
{
    const struct fus_layer *l = p->g->layer;
    size_t side = (size_t)l->in_side + 2 * (size_t)l->padding;
    size_t y = (size_t)(p0 / l->side * l->stride), x = (size_t)(p0 % l->side * l->stride);
    return from_picture(l) ? in + (y * side + x) * (size_t)l->in_channels
                           : in + ((size_t)(k0 / FUS_LANES) * side * side + (size_t)p0) * FUS_LANES;
}

/* What all tiles of a product have in common. */
static struct fus_tile first_tile(const struct product *p)
{
    const struct fus_layer *l = p->g->layer;
    size_t side = (size_t)l->in_side + 2 * (size_t)l->padding;
    struct fus_tile tile = {.b_step = (size_t)p->g->k * FUS_LANES, .c_step = (size_t)p->places * FUS_LANES, .relu = l->relu};
    tile.slice = l->kernel * l->in_channels;
    tile.a_step = from_picture(l) ? side * (size_t)l->in_channels : side * side * FUS_LANES;
    return tile;
}

static void run_task(void *context, int task, int thread)
{
    const struct product *p = context;
    const struct fus_gemm *g = p->g;
    const struct fus_kernel *kernel = p->kernel;
    int group = task % p->channel_groups, block = task / p->channel_groups % p->pixel_blocks;
    size_t picture = (size_t)(task / p->channel_groups / p->pixel_blocks);
    int first = part(p->n_tiles, p->pixel_blocks, block), end = part(p->n_tiles, p->pixel_blocks, block + 1);
    int first_panel = part(p->n_panels, p->channel_groups, group), panel_end = part(p->n_panels, p->channel_groups, group + 1);
    const float *in = p->in + picture * p->in_floats, *addend = p->addend ? p->addend + picture * p->out_floats : NULL;
    float *out = p->out + picture * p->out_floats, *scratch = p->scratch + (size_t)thread * fus_gemm_scratch_floats(kernel);
    int lines = end - first >= 4 ? 1 : 4 / (end - first), kc = from_picture(g->layer) ? g->k : KC, blocks = FUS_BLOCKS(g->layer->channels);
    struct fus_tile tile = first_tile(p);
    for (int k0 = 0; k0 < g->k; k0 += kc) {
        tile.k = g->k - k0 < kc ? g->k - k0 : kc;
        tile.first = k0 == 0;
        tile.last = k0 + tile.k == g->k;
        if (p->packs)
            pack_tiles(scratch, p, in, first, end, k0, tile.k);
        for (int j = first_panel; j < panel_end; j++) {
            int b = j * kernel->blocks, next = j + 1 < panel_end ? b + kernel->blocks : first_panel * kernel->blocks;
            bool more = j + 1 < panel_end || !tile.last; /* the tiles of this panel share out the next one's lines, at least 1 in 4 steps */
            tile.blocks = blocks - b < kernel->blocks ? blocks - b : kernel->blocks;
            tile.b = g->panels + ((size_t)b * (size_t)g->k + (size_t)k0) * FUS_LANES;
            tile.bias = g->bias + b * FUS_LANES;
            tile.ahead = g->panels + ((size_t)next * (size_t)g->k + (size_t)(j + 1 < panel_end ? k0 : k0 + kc)) * FUS_LANES;
            for (int i = first; i < end; i++) {
                int p0 = tile_start(p, i);
                size_t c = ((size_t)b * (size_t)p->places + (size_t)p0) * FUS_LANES;
                tile.rows = tile_start(p, i + 1) - p0;
                tile.a = p->packs ? scratch + (size_t)(p0 - tile_start(p, first)) * (size_t)tile.k : in_place(p, in, p0, k0);
                tile.a_step = p->packs ? (size_t)tile.rows * FUS_LANES : tile.a_step;
                tile.c = out + c;
                tile.addend = addend ? addend + c : NULL;
                tile.ahead_lines = more && i - first < 4 ? lines : 0;
                kernel->tile[p->kind](&tile);
                tile.ahead += (size_t)(lines * (tile.k / 4)) * FUS_LANES;
            }
        }
    }
}

size_t fus_gemm_scratch_floats(const struct fus_kernel *kernel)
{
    return (size_t)kernel->rows * TILES_PER_BLOCK * KC;
}

void fus_gemm_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                  float *scratch, const struct fus_kernel *kernel)
{
    const struct fus_layer *l = g->layer;
    struct product p = {.g = g, .kernel = kernel, .in = in, .addend = addend, .out = out, .scratch = scratch};
    size_t in_side = (size_t)l->in_side + (from_picture(l) ? 2 * (size_t)l->padding : 0);
    set_kind(&p, l);
    share_out(&p, n_pictures);
    p.out_floats = fus_tensor_blocked_size(l->channels, (size_t)p.places);
    p.in_floats = from_picture(l) ? in_side * in_side * (size_t)l->in_channels
                                  : fus_tensor_blocked_size(l->in_channels, in_side * in_side);
    fus_team_for(n_pictures * p.pixel_blocks * p.channel_groups, run_task, &p);
}
