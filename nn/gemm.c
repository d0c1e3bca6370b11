/* The im2col matrix product, without the im2col matrix: for a block of pixels and a slice of k, patches are packed
 * straight into the panels the micro-kernel reads; a 1x1 convolution of stride 1 needs no packing at all, since blocked
 * activations are such panels already.
 *
 *   out[p, c] = sum_k patch[p, k] w[k, c],   k = (r, s, channel), one chain of fused multiply-adds per output
 *
 * Threads split pixels and channels, never k. Sizes after Goto & van de Geijn 2008: a panel of weights (KC x 32) stays in
 * the first-level cache while the pixels of a block stream past it from the second. */
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "layers.h"

#define KC 192              /* depth of a slice: 192 x 32 weights are 24 KB, half of a first-level cache */
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
        return (taps * l->in_channels + 3) / 4 * 4;
    return taps * FUS_BLOCKS(l->in_channels) * FUS_LANES;
}

size_t fus_gemm_panel_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * (size_t)fus_gemm_k(l) * FUS_LANES;
}

void fus_gemm_pack_weights(float *panels, const float *weights, const struct fus_layer *l)
{
    size_t taps = (size_t)(l->kernel * l->kernel), k_all = (size_t)fus_gemm_k(l), in = (size_t)l->in_channels;
    size_t depth = from_picture(l) ? in : (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES;
    bool gaps = k_all != taps * in;
#pragma omp parallel for schedule(static) num_threads(fus_base_threads())
    for (int block = 0; block < FUS_BLOCKS(l->channels); block++) {
        const float *w = weights + (size_t)block * FUS_LANES * in * taps;
        float *to = panels + (size_t)block * k_all * FUS_LANES;
        size_t n = (size_t)(l->channels - block * FUS_LANES);
        n = n < FUS_LANES ? n : FUS_LANES;
        if (gaps || n < FUS_LANES)
            memset(to, 0, k_all * FUS_LANES * sizeof *to);
        for (size_t c = 0; c < in; c++)
            for (size_t tap = 0; tap < taps; tap++)
                for (size_t lane = 0; lane < n; lane++)
                    to[(tap * depth + c) * FUS_LANES + lane] = w[(lane * in + c) * taps + tap];
    }
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

/* The same from the picture [side + 2 padding, ..., 3]: a patch is `kernel` runs of 3 * kernel floats; all of k at once. */
static void pack_picture(float *panel, const float *in, const struct fus_layer *l, int p0, int rows)
{
    float patch[FUS_LANES * 16] = {0}; /* 7 x 7 x 3 = 147 at most */
    int k = fus_gemm_k(l), n_slices = FUS_BLOCKS(k), run = l->kernel * l->in_channels;
    size_t pitch = (size_t)(l->in_side + 2 * l->padding) * (size_t)l->in_channels;
    for (int i = 0; i < rows; i++) {
        int y = (p0 + i) / l->side * l->stride, x = (p0 + i) % l->side * l->stride;
        for (int r = 0; r < l->kernel; r++)
            memcpy(patch + r * run, in + (size_t)(y + r) * pitch + (size_t)(x * l->in_channels),
                   (size_t)run * sizeof *patch);
        for (int j = 0; j < n_slices; j++)
            copy_lanes(panel + (size_t)(j * rows + i) * FUS_LANES, patch + j * FUS_LANES);
    }
}

/* ---- the product ---- */

/* What one thread works on at a time. */
struct task {
    const float *in, *addend;
    float *out;
    int first_tile, n_tiles;   /* of pixels */
    int first_panel, n_panels; /* of channels, kernel->blocks * 16 each */
};

struct split {
    int places, n_tiles;       /* pixels of a picture, and into how many tiles of nearly equal size they go */
    int n_panels;
    int pixel_blocks, channel_groups;
};

static int part(int whole, int n_parts, int i)
{
    return (int)((long long)whole * i / n_parts);
}

static struct split split_work(const struct fus_layer *l, int n_pictures, bool packs, const struct fus_kernel *kernel)
{
    struct split s = {.places = l->side * l->side};
    int threads = fus_base_threads(), blocks = FUS_BLOCKS(l->channels);
    s.n_tiles = (s.places + kernel->rows - 1) / kernel->rows;
    s.n_panels = (blocks + kernel->blocks - 1) / kernel->blocks;
    s.pixel_blocks = (s.n_tiles + TILES_PER_BLOCK - 1) / TILES_PER_BLOCK;
    s.channel_groups = 1;
    if (n_pictures * s.pixel_blocks < 3 * threads && threads > 1) { /* few pixels: split channels too; packing is repeated */
        s.channel_groups = packs ? threads : 4 * threads;
        if (s.channel_groups > s.n_panels)
            s.channel_groups = s.n_panels;
    }
    return s;
}

static void run_task(const struct fus_gemm *g, const struct task *t, const struct split *s, float *scratch,
                     const struct fus_kernel *kernel)
{
    const struct fus_layer *l = g->layer;
    bool direct = !from_picture(l) && l->kernel == 1 && l->stride == 1;
    int kc = from_picture(l) ? g->k : KC, blocks = FUS_BLOCKS(l->channels);
    size_t in_places = (size_t)l->in_side * (size_t)l->in_side;
    struct fus_tile tile = {.b_step = (size_t)g->k * FUS_LANES, .c_step = (size_t)s->places * FUS_LANES, .relu = l->relu};
    int p_first = part(s->places, s->n_tiles, t->first_tile);
    for (int k0 = 0; k0 < g->k; k0 += kc) {
        tile.k = g->k - k0 < kc ? g->k - k0 : kc;
        tile.first = k0 == 0;
        tile.last = k0 + tile.k == g->k;
        int n_slices = FUS_BLOCKS(tile.k);
        for (int i = 0; i < t->n_tiles && !direct; i++) {
            int p0 = part(s->places, s->n_tiles, t->first_tile + i), p1 = part(s->places, s->n_tiles, t->first_tile + i + 1);
            float *panel = scratch + (size_t)(p0 - p_first) * (size_t)n_slices * FUS_LANES;
            if (from_picture(l))
                pack_picture(panel, t->in, l, p0, p1 - p0);
            else
                pack_blocked(panel, t->in, l, p0, p1 - p0, k0 / FUS_LANES, n_slices);
        }
        for (int j = t->first_panel; j < t->first_panel + t->n_panels; j++) {
            size_t block = (size_t)j * (size_t)kernel->blocks;
            tile.blocks = blocks - (int)block < kernel->blocks ? blocks - (int)block : kernel->blocks;
            tile.b = g->panels + (block * (size_t)g->k + (size_t)k0) * FUS_LANES;
            tile.bias = g->bias + block * FUS_LANES;
            for (int i = 0; i < t->n_tiles; i++) {
                int p0 = part(s->places, s->n_tiles, t->first_tile + i);
                size_t c = (block * (size_t)s->places + (size_t)p0) * FUS_LANES;
                tile.rows = part(s->places, s->n_tiles, t->first_tile + i + 1) - p0;
                tile.a = direct ? t->in + ((size_t)(k0 / FUS_LANES) * in_places + (size_t)p0) * FUS_LANES
                                : scratch + (size_t)(p0 - p_first) * (size_t)n_slices * FUS_LANES;
                tile.a_step = direct ? in_places * FUS_LANES : (size_t)tile.rows * FUS_LANES;
                bool more = i < 4 && j + 1 < t->first_panel + t->n_panels;
                tile.ahead = more ? tile.b + (size_t)kernel->blocks * tile.b_step + (size_t)i * (size_t)(tile.k / 4) * FUS_LANES
                                  : tile.b;
                tile.c = t->out + c;
                tile.addend = t->addend ? t->addend + c : NULL;
                kernel->tile(&tile);
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
    bool packs = from_picture(l) || l->kernel > 1 || l->stride > 1;
    struct split s = split_work(l, n_pictures, packs, kernel);
    size_t out_floats = fus_tensor_blocked_size(l->channels, (size_t)s.places);
    size_t in_side = (size_t)l->in_side + (from_picture(l) ? 2 * (size_t)l->padding : 0);
    size_t in_floats = from_picture(l) ? in_side * in_side * (size_t)l->in_channels
                                       : fus_tensor_blocked_size(l->in_channels, in_side * in_side);
    int n_tasks = n_pictures * s.pixel_blocks * s.channel_groups;
#pragma omp parallel for schedule(dynamic) num_threads(fus_base_threads())
    for (int i = 0; i < n_tasks; i++) {
        int group = i % s.channel_groups, block = i / s.channel_groups % s.pixel_blocks;
        size_t picture = (size_t)(i / s.channel_groups / s.pixel_blocks);
        struct task t = {
            .in = in + picture * in_floats,
            .addend = addend ? addend + picture * out_floats : NULL,
            .out = out + picture * out_floats,
            .first_tile = part(s.n_tiles, s.pixel_blocks, block),
            .first_panel = part(s.n_panels, s.channel_groups, group),
        };
        t.n_tiles = part(s.n_tiles, s.pixel_blocks, block + 1) - t.first_tile;
        t.n_panels = part(s.n_panels, s.channel_groups, group + 1) - t.first_panel;
        float *mine = scratch;
#ifdef _OPENMP
        mine += (size_t)omp_get_thread_num() * fus_gemm_scratch_floats(kernel);
#endif
        run_task(g, &t, &s, mine, kernel);
    }
}
