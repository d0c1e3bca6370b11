/* Convolutions and linear layers: forward and backward.
 *
 *   z[k,y,x]  = sum_r sum_s sum_c  x[c, ty-p+r, tx-p+s] W[k,c,r,s]
 *   dx[c,i,j] = sum_r sum_s sum_k  dz[k, (i+p-r)/t, (j+p-s)/t] W[k,c,r,s]      whole quotients only
 *   dW[k,c,r,s] = sum_n sum_y sum_x  dz[n,k,y,x] x[n,c, ty-p+r, tx-p+s]
 *
 * z and dx run on fus_gemm_run. dx by phases: the input places i = t m + e of one remainder e see the taps
 * with (e+p-r) a multiple of t, at dz places m + (e+p-r)/t. That is a convolution of dz with stride 1, whose
 * taps are those r from the last to the first; stride 1 has one phase. Each dx is one chain over these taps,
 * rows before columns, and k.
 *
 * dW: one float chain for each weight over (picture, y, x), see fus_grad_conv_weights. */
#include <string.h>

#include "nn/train/grad.h"
#include "nn/base/threads.h"

#define FEW_WEIGHTS 65536 /* up to here a weight's sum has 8 chains: threads would find too few tiles */
#define MANY_CHAINS 8
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
            memcpy(out + ((size_t)b * (size_t)n + (size_t)i) * FUS_LANES, in + ((size_t)i * (size_t)blocks + (size_t)b) * FUS_LANES,
                   FUS_LANES * sizeof *out);
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

/* ---- by Winograd's algorithm, where layer->winograd says so: forward and, with the turned kernel, dx ---- */

struct unpacking {
    float *weights; /* [channels, in_channels, taps]; turned: [in_channels, channels, taps from the last to the first] */
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
    return weight_floats(l) + rounded(fus_winograd_panel_floats(l)) + (size_t)fus_base_threads() * fus_winograd_scratch_floats(l, n);
}

/* `to` is the convolution that runs: the layer, or its turned kernel over dz. */
static void run_winograd(const struct fus_grad *g, const struct fus_layer *to, float *out, const float *in, bool onto, const float *panels,
                         const float *bias, float *scratch)
{
    float *weights = scratch, *transformed = weights + weight_floats(to), *rest = transformed + rounded(fus_winograd_panel_floats(to));
    struct unpacking u = {weights, panels, g->layer, to != g->layer};
    fus_threads_for(FUS_BLOCKS(g->layer->channels), unpack_block, &u);
    fus_winograd_pack_weights(transformed, weights, to);
    const struct fus_gemm gemm = {.layer = to, .panels = transformed, .bias = bias, .k = fus_gemm_k(to)};
    fus_winograd_run(&gemm, out, in, onto ? out : NULL, g->n, rest, g->kernel);
}

/* ---- forward ---- */

void fus_grad_conv_forward(const struct fus_grad *g, float *out, const float *in, const float *panels, const float *bias)
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

/* The taps r that a remainder e of places sees along one side, from the last to the first. */
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

/* Panel of 16 input channels: [taps, output channels, 16], from panels [blocks, taps, input channels, 16]. */
static void turn_block(void *context, int block, int thread)
{
    const struct turning *t = context;
    const struct fus_layer *l = t->layer;
    size_t depth = (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES, k = (size_t)fus_gemm_k(l);
    float *to = t->out + (size_t)block * (size_t)(t->rows.n * t->columns.n * FUS_BLOCKS(l->channels)) * FUS_LANES * FUS_LANES;
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

/* A phase's plane into every t-th place of a plane of dx. */
static void scatter_plane(void *context, int plane, int thread)
{
    const struct scattering *s = context;
    const struct fus_layer *l = s->layer, *p = &s->phase->layer;
    const float *from = s->from ? s->from + (size_t)plane * fus_layer_places(p) * FUS_LANES : NULL;
    (void)thread;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            size_t at = (size_t)(y * l->stride + s->phase->y) * (size_t)l->in_width + (size_t)(x * l->stride + s->phase->x);
            float *to = s->dx + ((size_t)plane * fus_layer_in_places(l) + at) * FUS_LANES;
            for (int i = 0; i < FUS_LANES; i++)
                to[i] = (s->onto ? to[i] : 0) + (from ? from[i] : 0);
            from += from ? FUS_LANES : 0;
        }
}

static size_t turned_floats(const struct fus_layer *l)
{
    return (size_t)FUS_BLOCKS(l->channels) * (size_t)FUS_BLOCKS(l->in_channels) * FUS_LANES * FUS_LANES * (size_t)(l->kernel * l->kernel);
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

static void run_phase(const struct fus_grad *g, const struct phase *p, float *dx, bool onto, const float *dz, const float *panels)
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
    struct fus_gemm gemm = {.layer = &p->layer, .panels = turned, .bias = zeros, .tap_rows = p->rows.n, .tap_columns = p->columns.n};
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

/* ---- dW ---- */

int fus_grad_conv_chains(const struct fus_layer *l)
{
    return (double)l->channels * l->in_channels * l->kernel * l->kernel <= FEW_WEIGHTS ? MANY_CHAINS : 1;
}

void fus_grad_conv_join(float *dw, const float *chains, size_t n)
{
    const float *c = chains;
    for (size_t i = 0; i < n; i++)
        dw[i] = ((c[i] + c[n + i]) + (c[2 * n + i] + c[3 * n + i])) + ((c[4 * n + i] + c[5 * n + i]) + (c[6 * n + i] + c[7 * n + i]));
}

#define CHUNK_PLACES 160 /* of a chunk: their dz for 32 channels and x for 16 stay in a first-level cache */

/* The sum and how it is split: a task is a chain, a panel of output channels, and a group of blocks of
 * input channels (of the picture: of kernel rows). */
struct weights {
    const struct fus_grad *g;
    float *chains;
    const float *x, *dz;
    int n_chains, first_picture;
    int n_panels, n_groups, in_blocks;
    int kernel, depth, k;              /* taps along a side; rows of a tap; of all */
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

/* The outputs among from .. end-1 whose tap lies among inputs 0 .. in_n-1. */
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

/* Kernel row r of the picture, which has its border stored with it and 3 channels side by side. */
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

static void run_chunk(const struct weights *w, const struct fus_grad_tile *whole, const struct chunk *c, int from, int end)
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

/* Small maps go several pictures at a time, large ones some rows at a time: the order of a chain is the same. */
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
    struct weights w = {.g = g, .chains = chains, .x = x, .dz = dz, .first_picture = first_picture, .kernel = l->kernel};
    w.n_chains = fus_grad_conv_chains(l);
    w.k = fus_gemm_k(l);
    w.depth = picture ? l->kernel * l->in_channels : w.k / (l->kernel * l->kernel);
    w.in_blocks = picture ? l->kernel : FUS_BLOCKS(l->in_channels);
    w.width = l->width;
    w.height = l->height;
    w.in_floats = picture ? (size_t)(l->in_height + 2 * l->padding) * (size_t)(l->in_width + 2 * l->padding) * (size_t)l->in_channels
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
