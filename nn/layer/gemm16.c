/* SPDX-License-Identifier: MIT */
/* A convolution of bf16 numbers (bf16.h) as a matrix product: weights are rounded to bf16 once they
 * are folded, inputs where they are read.
 *
 *   out[p, c] = act(sum_k patch[p, k] w[k, c] + bias[c] + addend[p, c])
 *
 * k runs over (r, s, channel) in tiles of 32: those of 32 channels of one tap of the kernel, the
 * last filled up with zeros; of an image's 3 channels those of one row of the kernel. The padding's
 * zeros are multiplied like any number. All but the products is computed in floats, with
 * subnormals.
 *
 * The layer's input is first rounded into a buffer with its padding around it, as many pictures or
 * rows of pixels at a time as stay in cache. Threads split pixels and channels, never k. */
#include <string.h>

#include "nn/base/bits.h"
#include "nn/base/threads.h"
#include "nn/layer/layers.h"

#define PIECE ((size_t)1 << 19) /* floats of rounded input at a time: 2 MB */
#define TASK_ROWS 224           /* pixels of a task, as in gemm.c */
#define MAX_TILES 224           /* of one pixel */
#define PAIRED 512              /* elements of a block's weights for a tile of k, in pairs */
#define OVERRUN 1024            /* floats behind the input that AMX's tiles of 16 pixels may read */

static bool from_picture(const struct fus_layer *l)
{
    return l->input < 0;
}

/* ---- tiles of k ---- */

static int n_steps(const struct fus_layer *l)
{
    return from_picture(l) ? l->kernel : l->kernel * l->kernel * ((FUS_BLOCKS(l->in_channels) + 1) / 2);
}

/* Of the i-th tile: a tap's channels from 32 i on, or a kernel row. */
static int depth_of(const struct fus_layer *l, int i)
{
    int per_tap = (FUS_BLOCKS(l->in_channels) + 1) / 2;
    if (from_picture(l))
        return l->kernel * l->in_channels;
    return i % per_tap + 1 == per_tap && FUS_BLOCKS(l->in_channels) % 2 ? FUS_LANES : FUS_BF16_DEPTH;
}

/* ---- weights ---- */

/* Room for either form; the last block holds the least absolute value. */
static size_t panels_only(const struct fus_layer *l)
{
    size_t floats = fus_gemm_panel_floats(l),
           packed = (size_t)FUS_BLOCKS(l->channels) * (size_t)n_steps(l) * (PAIRED / 2);
    return floats > packed ? floats : packed;
}

size_t fus_gemm16_panel_floats(const struct fus_layer *l)
{
    return panels_only(l) + FUS_LANES;
}

/* [depth, 16] floats -> [16, 16, 2] 16-bit numbers; what is not there is 0. */
static void pair_step(float *to, const float *from, int depth)
{
    float rows[FUS_BF16_DEPTH * FUS_LANES] = {0};
    memcpy(rows, from, (size_t)(depth * FUS_LANES) * sizeof *rows);
    uint16_t *out = (uint16_t *)(void *)to;
    for (int k = 0; k < FUS_BF16_DEPTH; k++)
        for (int lane = 0; lane < FUS_LANES; lane++) {
            uint32_t u = fus_bits_of_float(rows[k * FUS_LANES + lane]);
            out[(k / 2 * FUS_LANES + lane) * 2 + k % 2] = (uint16_t)(u >> 16);
        }
}

/* In place: from the end where pairs take more room than the floats. */
static void pair_all(float *panels, const struct fus_layer *l)
{
    int steps = n_steps(l), n = FUS_BLOCKS(l->channels) * steps;
    bool grows = depth_of(l, 0) * FUS_LANES < PAIRED / 2;
    size_t from = grows ? (size_t)n * (size_t)(depth_of(l, 0) * FUS_LANES) : 0;
    for (int j = 0; j < n; j++) {
        int i = grows ? n - 1 - j : j, depth = depth_of(l, i % steps);
        from -= grows ? (size_t)(depth * FUS_LANES) : 0;
        pair_step(panels + (size_t)i * (PAIRED / 2), panels + from, depth);
        from += grows ? 0 : (size_t)(depth * FUS_LANES);
    }
}

void fus_gemm16_pack_weights(float *panels, const float *weights, const struct fus_layer *l)
{
    size_t n = fus_gemm_panel_floats(l);
    float *end = panels + panels_only(l);
    fus_gemm_pack_weights(panels, weights, l);
    for (size_t i = 0; i < n; i++)
        panels[i] = fus_bf16_round(panels[i]);
    uint32_t least = fus_bf16_least(panels, n);
    memset(end, 0, FUS_LANES * sizeof *end);
    memcpy(end, &least, sizeof least);
    if (l->bf16->packed)
        pair_all(panels, l);
}

/* ---- the product ---- */

/* A piece of the work: some pictures, or of a 1x1 some pixels of one. */
struct product {
    const struct fus_gemm *g;
    const struct fus_kernel *kernel;
    const struct fus_kernel_bf16 *row;
    enum fus_tile_kind kind;
    const float *in, *addend;
    float *out;
    size_t in_floats, out_floats, in_plane, out_plane; /* floats of a picture, of a block of channels */
    int width, height, in_width, in_height, padding;   /* of the piece; the input's without padding */
    float *rounded;
    size_t picture, plane; /* elements of `rounded`: a picture, a block of 16 (packed: 32) channels */
    size_t pixel, line;    /* from one output pixel's window to the next one's; to the next row's */
    const struct fus_bf16_step *steps;
    int n_steps;
    uint32_t *least; /* [rounding tasks] of the rounded input; for rows that do not flush */
    int row_tiles, n_tiles, n_panels, pixel_blocks, channel_groups;
    bool exact;
};

static bool is_one_row(const struct fus_layer *l)
{
    return !from_picture(l) && l->kernel == 1 && l->stride == 1 && l->padding == 0;
}

static size_t padded_width(const struct product *p)
{
    return (size_t)(p->in_width + 2 * p->padding);
}

static size_t padded_height(const struct product *p)
{
    return (size_t)(p->in_height + 2 * p->padding);
}

/* The buffer of rounded inputs. Of the image, packed: [padded rows, output columns, 32], the
 * window's part of each row laid out anew for each output column. */
static void set_buffer(struct product *p)
{
    const struct fus_layer *l = p->g->layer;
    size_t lanes = p->row->packed ? 2 * FUS_LANES : FUS_LANES, blocks = (size_t)FUS_BLOCKS(l->in_channels),
           stride = (size_t)l->stride;
    if (from_picture(l)) {
        bool packed = p->row->packed;
        p->kind = l->stride == 2 ? FUS_TILE_PICTURE_SECOND : FUS_TILE_PICTURE;
        p->plane = packed ? (size_t)p->width * lanes : padded_width(p) * (size_t)l->in_channels; /* a row */
        p->pixel = packed ? lanes : stride * (size_t)l->in_channels;
        p->line = stride * p->plane;
        p->picture = padded_height(p) * p->plane;
        return;
    }
    p->kind = l->stride == 2 ? FUS_TILE_BLOCKED_SECOND : FUS_TILE_BLOCKED;
    p->plane = padded_height(p) * padded_width(p) * lanes;
    p->pixel = stride * lanes;
    p->line = stride * padded_width(p) * lanes;
    p->picture = (p->row->packed ? (blocks + 1) / 2 : blocks) * p->plane;
}

static void set_steps(struct fus_bf16_step *steps, const struct product *p)
{
    const struct fus_layer *l = p->g->layer;
    int per_tap = (FUS_BLOCKS(l->in_channels) + 1) / 2;
    size_t lanes = p->row->packed ? 2 * FUS_LANES : FUS_LANES, planes = p->row->packed ? 1 : 2;
    for (int i = 0; i < p->n_steps; i++) {
        size_t tap = (size_t)(i / per_tap), side = (size_t)l->kernel;
        size_t in = from_picture(l) ? (size_t)i * p->plane
                                    : (size_t)(i % per_tap) * planes * p->plane +
                                          (tap / side * padded_width(p) + tap % side) * lanes;
        steps[i] = (struct fus_bf16_step){(ptrdiff_t)in, depth_of(l, i)};
    }
}

/* ---- scratch memory: steps, least values, rounded inputs ---- */

static size_t floats_for(size_t n, size_t bytes)
{
    return (n * bytes / sizeof(float) + FUS_LANES) / FUS_LANES * FUS_LANES;
}

static size_t steps_floats(const struct fus_layer *l)
{
    return floats_for((size_t)n_steps(l), sizeof(struct fus_bf16_step));
}

/* Of one pixel of a one-row layer, or of one picture. */
static size_t rounded_floats(const struct fus_layer *l)
{
    size_t height = (size_t)(l->in_height + 2 * l->padding), width = (size_t)(l->in_width + 2 * l->padding),
           blocks = (size_t)FUS_BLOCKS(l->in_channels);
    size_t columns = (size_t)l->width * FUS_LANES, row = width * (size_t)l->in_channels;
    if (from_picture(l))
        return height * (columns > row ? columns : row);
    return (is_one_row(l) ? 1 : height * width) * (blocks + blocks % 2) * FUS_LANES;
}

/* Pictures of a piece, or pixels of a one-row layer. */
static size_t piece_of(const struct fus_layer *l)
{
    size_t n = PIECE / rounded_floats(l), least = is_one_row(l) ? TASK_ROWS : 1;
    return n > least ? n : least;
}

static size_t rounding_tasks(const struct fus_layer *l)
{
    return from_picture(l) ? (size_t)(l->in_height + 2 * l->padding) : (size_t)FUS_BLOCKS(l->in_channels);
}

/* Pictures, or pixels of a one-row layer, that are rounded at a time. */
static size_t most_at_once(const struct fus_layer *l, int n_pictures)
{
    size_t all = (size_t)n_pictures * (is_one_row(l) ? fus_layer_places(l) : 1), n = piece_of(l);
    return l->joined || n < all ? n : all;
}

/* What lies before the rounded inputs. */
static size_t head_floats(const struct fus_layer *l, int n_pictures)
{
    size_t pictures = is_one_row(l) ? 1 : most_at_once(l, n_pictures);
    return steps_floats(l) + floats_for(rounding_tasks(l) * pictures, sizeof(uint32_t));
}

size_t fus_gemm16_scratch_floats(const struct fus_layer *l, int n_pictures)
{
    return head_floats(l, n_pictures) + most_at_once(l, n_pictures) * rounded_floats(l) + OVERRUN;
}

/* ---- rounding ---- */

static float *at_element(const struct product *p, size_t element)
{
    return p->row->packed ? p->rounded + element / 2 : p->rounded + element;
}

static void clear(const struct product *p, size_t element, size_t n)
{
    memset((char *)p->rounded + element * (p->row->packed ? 2 : 4), 0, n * (p->row->packed ? 2 : 4));
}

/* Lanes `first` .. 15 of n pixels: there is no such channel. */
static void clear_lanes(const struct product *p, size_t element, size_t n, int first)
{
    size_t lanes = p->row->packed ? 2 * FUS_LANES : FUS_LANES;
    for (size_t i = 0; i < n && first < FUS_LANES; i++)
        clear(p, element + i * lanes + (size_t)first, (size_t)(FUS_LANES - first));
}

/* A block of 16 channels of one picture with the padding around it. */
static void round_block(const struct product *p, size_t picture, int block)
{
    const struct fus_layer *l = p->g->layer;
    bool packed = p->row->packed, last = block + 1 == FUS_BLOCKS(l->in_channels),
         alone = packed && last && block % 2 == 0;
    size_t lanes = packed ? 2 * FUS_LANES : FUS_LANES, width = (size_t)p->in_width, line = padded_width(p) * lanes;
    size_t pad = (size_t)p->padding, half = packed ? (size_t)(block % 2) * FUS_LANES : 0;
    size_t to = picture * p->picture + (size_t)(packed ? block / 2 : block) * p->plane;
    const float *from = p->in + picture * p->in_floats + (size_t)block * p->in_plane;
    if ((pad && half == 0) || alone)
        clear(p, to, p->plane); /* the other half of the lanes is written afterwards */
    for (size_t y = 0; y < (size_t)p->in_height; y++) {
        size_t row = to + (y + pad) * line + pad * lanes + half;
        p->row->round(at_element(p, row), from + y * width * FUS_LANES, width);
        if (last)
            clear_lanes(p, row, width, l->in_channels - block * FUS_LANES);
    }
}

/* A task is a block, or packed the two that share their pixels. */
static void round_blocks(void *context, int task, int thread)
{
    const struct product *p = context;
    int blocks = FUS_BLOCKS(p->g->layer->in_channels), together = p->row->packed ? 2 : 1,
        tasks = (blocks + together - 1) / together;
    size_t picture = (size_t)(task / tasks);
    (void)thread;
    for (int i = 0; i < together && task % tasks * together + i < blocks; i++)
        round_block(p, picture, task % tasks * together + i);
    if (!p->row->flushes)
        p->least[task] =
            fus_bf16_least(p->rounded + picture * p->picture + (size_t)(task % tasks) * p->plane, p->plane);
}

static uint16_t upper_half(float x)
{
    return (uint16_t)(fus_bits_of_float(fus_bf16_round(x)) >> 16);
}

/* A row of the image. */
static void round_row(void *context, int task, int thread)
{
    const struct product *p = context;
    const struct fus_layer *l = p->g->layer;
    size_t rows = padded_height(p), n = padded_width(p) * (size_t)l->in_channels,
           depth = (size_t)(l->kernel * l->in_channels);
    const float *from = p->in + (size_t)task / rows * p->in_floats + (size_t)task % rows * n;
    float *to = at_element(p, (size_t)task * p->plane);
    (void)thread;
    if (p->row->packed) {
        uint16_t *out = (uint16_t *)(void *)to;
        memset(out, 0, p->plane * sizeof *out);
        for (size_t x = 0; x < (size_t)p->width; x++, out += 2 * FUS_LANES, from += l->stride * l->in_channels) {
            size_t done = depth < FUS_LANES ? 0 : FUS_LANES;
            p->row->round(out, from, done / FUS_LANES);
            for (size_t k = done; k < depth; k++)
                out[k] = upper_half(from[k]);
        }
        return;
    }
    p->row->round(to, from, n / FUS_LANES);
    for (size_t i = n / FUS_LANES * FUS_LANES; i < n; i++)
        to[i] = fus_bf16_round(from[i]);
    if (!p->row->flushes)
        p->least[task] = fus_bf16_least(to, n);
}

static void round_input(struct product *p, int n_pictures)
{
    const struct fus_layer *l = p->g->layer;
    int together = p->row->packed ? 2 : 1, tasks = (FUS_BLOCKS(l->in_channels) + together - 1) / together;
    uint32_t least = UINT32_MAX, least_weight;
    tasks = n_pictures * (from_picture(l) ? (int)padded_height(p) : tasks);
    fus_threads_for(tasks, from_picture(l) ? round_row : round_blocks, p);
    for (int i = 0; i < tasks && !p->row->flushes; i++)
        least = p->least[i] < least ? p->least[i] : least;
    memcpy(&least_weight, p->g->panels + panels_only(l), sizeof least_weight);
    p->exact = !p->row->flushes && !fus_bf16_is_safe(least, least_weight);
}

/* ---- a task ---- */

static int part(int whole, int n_parts, int i)
{
    return (int)((long long)whole * i / n_parts);
}

/* An output tile: `rows` pixels of row y from x on. */
struct tile_at {
    int y, x, rows;
};

static struct tile_at locate_tile(const struct product *p, int tile)
{
    int y = tile / p->row_tiles, i = tile % p->row_tiles, x = part(p->width, p->row_tiles, i);
    return (struct tile_at){y, x, part(p->width, p->row_tiles, i + 1) - x};
}

/* A task's part of one picture. */
struct task {
    const struct product *p;
    size_t picture;
    struct tile_at tiles[MAX_TILES];
    int n_tiles, first_panel, panel_end;
};

static void set_task(struct task *t, const struct product *p, int task)
{
    int group = task % p->channel_groups, block = task / p->channel_groups % p->pixel_blocks;
    int first = part(p->n_tiles, p->pixel_blocks, block);
    t->p = p;
    t->picture = (size_t)(task / p->channel_groups / p->pixel_blocks);
    t->n_tiles = part(p->n_tiles, p->pixel_blocks, block + 1) - first;
    for (int i = 0; i < t->n_tiles; i++)
        t->tiles[i] = locate_tile(p, first + i);
    t->first_panel = part(p->n_panels, p->channel_groups, group);
    t->panel_end = part(p->n_panels, p->channel_groups, group + 1);
}

static size_t out_at(const struct task *t, int panel, const struct tile_at *at)
{
    const struct product *p = t->p;
    return t->picture * p->out_floats + (size_t)(panel * p->row->blocks) * p->out_plane +
           (size_t)(at->y * p->width + at->x) * FUS_LANES;
}

/* Elements of a block's weights for the steps before step i. */
static size_t weights_before(const struct product *p, int i)
{
    const struct fus_layer *l = p->g->layer;
    int per_tap = (FUS_BLOCKS(l->in_channels) + 1) / 2, tap = i / per_tap;
    if (p->row->packed)
        return (size_t)i * PAIRED;
    return from_picture(l)
               ? (size_t)(i * depth_of(l, 0) * FUS_LANES)
               : (size_t)(tap * FUS_BLOCKS(l->in_channels) * FUS_LANES + i % per_tap * FUS_BF16_DEPTH) * FUS_LANES;
}

static int panel_blocks(const struct product *p, int panel)
{
    int rest = FUS_BLOCKS(p->g->layer->channels) - panel * p->row->blocks;
    return rest < p->row->blocks ? rest : p->row->blocks;
}

/* A panel's weights from a step on. */
static const void *weights_of(const struct product *p, int panel, int step)
{
    size_t of_block = weights_before(p, p->n_steps), element = p->row->packed ? 2 : 4;
    return (const char *)p->g->panels +
           ((size_t)(panel * p->row->blocks) * of_block + weights_before(p, step)) * element;
}

/* Steps from .. end-1 of one panel for all tiles of the task. The first tiles prefetch `next`, the
 * weights of as many steps that are used afterwards. */
static void multiply_panel(const struct task *t, int panel, int from, int end, const float *next)
{
    const struct product *p = t->p;
    size_t element = p->row->packed ? 2 : 4, of_block = weights_before(p, p->n_steps);
    struct fus_bf16_tile tile = {.steps = p->steps + from,
                                 .a_pixel = p->pixel,
                                 .a_half = from_picture(p->g->layer) ? FUS_LANES : p->plane,
                                 .b_step = of_block,
                                 .c_step = p->out_plane,
                                 .n_steps = end - from,
                                 .blocks = panel_blocks(p, panel),
                                 .first = from == 0};
    const size_t k = (weights_before(p, end) - weights_before(p, from)) / FUS_LANES;
    tile.b = weights_of(p, panel, from);
    unsigned state = p->row->enter ? p->row->enter() : 0;
    for (int i = 0; i < t->n_tiles; i++) {
        const struct tile_at *at = &t->tiles[i];
        size_t in = t->picture * p->picture + (size_t)at->y * p->line + (size_t)at->x * p->pixel;
        tile.a = (const char *)p->rounded + in * element;
        tile.c = p->out + out_at(t, panel, at);
        tile.rows = at->rows;
        tile.ahead = next && i < 4 ? next + (size_t)i * (k / 4) * FUS_LANES : NULL;
        if (p->exact)
            fus_bf16_tile_exact(&tile);
        else
            p->row->tile[p->kind](&tile);
    }
    if (p->row->leave)
        p->row->leave(state);
}

/* Bias, addend and activation of some pixels and blocks of channels; `at`: floats before them,
 * block: the first. */
static void finish(const struct product *p, size_t at, int block, int rows, int blocks)
{
    const struct fus_layer *l = p->g->layer;
    float *c = p->out + at;
    const struct fus_tile tile = {.bias = p->g->bias + block * FUS_LANES,
                                  .c = c,
                                  .addend = p->addend ? p->addend + at : NULL,
                                  .c_step = p->out_plane,
                                  .slice = FUS_LANES,
                                  .rows = rows,
                                  .blocks = blocks,
                                  .last = true,
                                  .relu = l->act == FUS_ACT_RELU};
    p->kernel->tile[FUS_TILE_BLOCKED](&tile);
    for (int j = 0; j < blocks && l->act > FUS_ACT_RELU; j++)
        p->kernel->activate[l->act - FUS_ACT_GELU](c + (size_t)j * p->out_plane, c + (size_t)j * p->out_plane,
                                                   (size_t)(rows * FUS_LANES));
}

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

static void finish_panel(const struct task *t, int panel)
{
    const struct product *p = t->p;
    int rows = p->kernel->rows, blocks = p->kernel->blocks, n = panel_blocks(p, panel);
    for (int i = 0; i < t->n_tiles; i++)
        for (int j = 0; j < n; j += blocks)
            for (int row = 0; row < t->tiles[i].rows; row += rows)
                finish(p, out_at(t, panel, &t->tiles[i]) + (size_t)j * p->out_plane + (size_t)(row * FUS_LANES),
                       panel * p->row->blocks + j, lesser(rows, t->tiles[i].rows - row), lesser(blocks, n - j));
}

static void run_task(void *context, int task, int thread)
{
    const struct product *p = context;
    struct task t;
    (void)thread;
    set_task(&t, p, task);
    for (int from = 0, end; from < p->n_steps; from = end) {
        end = p->n_steps - from > p->row->slice ? from + p->row->slice : p->n_steps;
        for (int panel = t.first_panel; panel < t.panel_end; panel++) {
            bool last = panel + 1 == t.panel_end, none = p->row->packed || (last && end == p->n_steps);
            multiply_panel(&t, panel, from, end,
                           none ? NULL : weights_of(p, last ? t.first_panel : panel + 1, last ? end : from));
            if (end == p->n_steps)
                finish_panel(&t, panel);
        }
    }
}

/* ---- the whole ---- */

static void split(struct product *p, int n_pictures)
{
    int threads = fus_base_threads(), tiles = TASK_ROWS / p->row->rows;
    p->row_tiles = (p->width + p->row->rows - 1) / p->row->rows;
    p->n_tiles = p->height * p->row_tiles;
    p->n_panels = (FUS_BLOCKS(p->g->layer->channels) + p->row->blocks - 1) / p->row->blocks;
    p->pixel_blocks = (p->n_tiles + tiles - 1) / tiles;
    p->channel_groups = 1;
    while (threads > 1 && n_pictures * p->pixel_blocks * p->channel_groups < 4 * threads &&
           2 * p->channel_groups <= p->n_panels)
        p->channel_groups *= 2;
}

/* Of the input as it is stored. */
static size_t picture_floats(const struct fus_layer *l)
{
    size_t height = (size_t)(l->in_height + 2 * l->padding), width = (size_t)(l->in_width + 2 * l->padding);
    return from_picture(l) ? height * width * (size_t)l->in_channels : fus_layer_in_floats(l);
}

/* n pictures, or n pixels of a one-row layer, whose pixels lie as in the whole layer. */
static void run_piece(struct product *p, size_t n, struct fus_bf16_step *steps)
{
    const struct fus_layer *l = p->g->layer;
    int pictures = is_one_row(l) ? 1 : (int)n;
    p->width = is_one_row(l) ? (int)n : l->width;
    p->height = is_one_row(l) ? 1 : l->height;
    p->in_width = is_one_row(l) ? (int)n : l->in_width;
    p->in_height = is_one_row(l) ? 1 : l->in_height;
    set_buffer(p);
    set_steps(steps, p);
    round_input(p, pictures);
    split(p, pictures);
    fus_threads_for(pictures * p->pixel_blocks * p->channel_groups, run_task, p);
}

void fus_gemm16_run(const struct fus_gemm *g, float *out, const float *in, const float *addend, int n_pictures,
                    float *scratch, const struct fus_kernel *kernel)
{
    const struct fus_layer *l = g->layer;
    bool one_row = is_one_row(l);
    size_t piece = piece_of(l), in_floats = picture_floats(l), out_floats = fus_layer_floats(l),
           places = fus_layer_places(l);
    struct fus_bf16_step *steps = (struct fus_bf16_step *)(void *)scratch;
    struct product p = {.g = g, .kernel = kernel, .row = l->bf16, .padding = l->padding, .n_steps = n_steps(l)};
    p.steps = steps;
    p.least = (uint32_t *)(void *)(scratch + steps_floats(l));
    p.rounded = scratch + head_floats(l, n_pictures);
    p.in_plane = fus_layer_in_places(l) * FUS_LANES;
    p.out_plane = places * FUS_LANES;
    p.in_floats = in_floats;
    p.out_floats = out_floats;
    for (size_t i = 0, n, all = one_row ? places * (size_t)n_pictures : (size_t)n_pictures; i < all; i += n) {
        size_t picture = one_row ? i / places : i, place = one_row ? i % places : 0,
               left = one_row ? places - place : all - i;
        n = left < piece ? left : piece;
        p.in = in + picture * in_floats + place * FUS_LANES;
        p.out = out + picture * out_floats + place * FUS_LANES;
        p.addend = addend ? addend + picture * out_floats + place * FUS_LANES : NULL;
        run_piece(&p, n, steps);
    }
}
