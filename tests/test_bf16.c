/* SPDX-License-Identifier: MIT */
/* Products of bf16 numbers: the rule against exact fractions (golden/bf16.py), every instruction
 * set's tiles against the rule, layers and networks against the naive loops, all to the bit. */
#include <float.h>

#include "golden_npz.h"
#include "nn/base/bits.h"
#include "nn/base/rng.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "test.h"

static const char *const rows[] = {"scalar", "avx2", "avx512", "neon", "amx"};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* ---- the rule ---- */

static void test_rounding(void)
{
    static const uint32_t pairs[][2] = {{0x3f808000, 0x3f800000}, {0x3f818000, 0x3f820000}, {0x3f808001, 0x3f810000},
                                        {0xbf817fff, 0xbf810000}, {0x7f7fffff, 0x7f800000}, {0xff800000, 0xff800000},
                                        {0x7f800001, 0x7fc00000}, {0x80000001, 0x80000000}, {0x007fffff, 0x00000000},
                                        {0x00800000, 0x00800000}, {0x0080ffff, 0x00810000}, {0, 0}};
    enum { N = sizeof pairs / sizeof *pairs };
    float in[2 * FUS_LANES] = {0}, out[2 * FUS_LANES];
    for (int i = 0; i < N; i++) {
        in[i] = in[i + FUS_LANES] = fus_bits_to_float(pairs[i][0]);
        CHECK_MSG(fus_bits_of_float(fus_bf16_round(in[i])) == pairs[i][1], "%08x", pairs[i][0]);
    }
    for (int r = 0; r < N_ROWS; r++) {
        const struct fus_kernel_bf16 *row = fus_kernels_pick_bf16(rows[r], NULL);
        if (!row || row->packed)
            continue;
        row->round(out, in, 2);
        for (int i = 0; i < 2 * FUS_LANES; i++)
            CHECK(fus_bits_of_float(out[i]) == fus_bits_of_float(fus_bf16_round(in[i])));
    }
}

static void test_rule(void)
{
    enum { N = 210, K = 64 };
    struct golden g;
    if (!CHECK(golden_open(&g, "tests/golden/bf16.npz")))
        return;
    const float *a = golden_array(&g, "a", N * K), *b = golden_array(&g, "b", N * K), *c = golden_array(&g, "c", 2 * N);
    const struct fus_bf16_step steps[] = {{0, 32}, {32, 32}};
    for (int i = 0; i < N; i++) {
        float x[K], w[K * FUS_LANES] = {0}, y[FUS_LANES];
        for (int k = 0; k < K; k++) {
            x[k] = fus_bf16_round(fus_bits_to_float((uint32_t)a[i * K + k] << 16));
            w[k * FUS_LANES] = fus_bf16_round(fus_bits_to_float((uint32_t)b[i * K + k] << 16));
        }
        const struct fus_bf16_tile t = {
            .a = x, .b = w, .c = y, .steps = steps, .a_half = 16, .n_steps = 2, .rows = 1, .blocks = 1, .first = true};
        fus_bf16_tile_exact(&t);
        uint32_t want = (uint32_t)c[2 * i] << 16 | (uint32_t)c[2 * i + 1];
        CHECK_MSG(fus_bits_of_float(y[0]) == want, "sum %d: %08x, %08x expected", i, fus_bits_of_float(y[0]), want);
    }
    golden_close(&g);
}

/* ---- tiles ---- */

enum regime { ORDINARY, CANCELLING, LEAST, WHOLE, BOUNDARY, REGIMES };

static float number(struct fus_rng *r, enum regime regime)
{
    uint32_t random = (uint32_t)(fus_rng_u64(r) >> 32), sign = random & 0x80000000, digits = random & 0x7f;
    uint32_t any = random >> 8 & 0xffff;
    static const uint32_t few[] = {0, 64, 63, 62, 51, 52, 53, 50};
    switch (regime) {
    case ORDINARY:
        return fus_bits_to_float(sign | (118 + any % 12) << 23 | digits << 16);
    case CANCELLING:
        return fus_bits_to_float(sign | 127u << 23 | (digits & 3) << 16);
    case LEAST:
        return fus_bits_to_float(sign | (50 + any % 17) << 23 | digits << 16);
    case WHOLE:
        return fus_bits_to_float(sign | (1 + any % 254) << 23 | digits << 16);
    default:
        return fus_bf16_round(fus_bits_to_float(sign | few[any % 8] << 23 | (any & 0x800 ? digits << 16 : 0)));
    }
}

static bool same(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fus_bits_of_float(a[i]) != fus_bits_of_float(b[i]) && !(isnan(a[i]) && isnan(b[i])))
            return false;
    return true;
}

/* A tile of a kind, of steps of several depths, in two calls. */
static void check_tile(const struct fus_kernel_bf16 *row, int kind, int n_rows, int blocks, enum regime regime,
                       struct fus_rng *r)
{
    enum { STEPS = 3, PIXELS = 14 * 32 + 64, WEIGHTS = STEPS * 32 * 16 };
    bool picture = kind >= FUS_TILE_PICTURE;
    static float a[2 * PIXELS * STEPS], b[2 * WEIGHTS], c[2][2 * 14 * FUS_LANES];
    struct fus_bf16_step steps[STEPS];
    for (int i = 0; i < STEPS; i++)
        steps[i] = (struct fus_bf16_step){i * 17, picture ? 3 * (int)(1 + fus_rng_below(r, 7)) : i % 2 ? 16 : 32};
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        a[i] = number(r, regime);
    for (size_t i = 0; i < sizeof b / sizeof *b; i++)
        b[i] = number(r, regime);
    for (int i = 0; i < 2; i++) {
        struct fus_bf16_tile t = {.a = a,
                                  .b = b,
                                  .c = c[i],
                                  .steps = steps,
                                  .a_pixel = picture ? (kind == FUS_TILE_PICTURE ? 3 : 6)
                                                     : (kind == FUS_TILE_BLOCKED ? FUS_LANES : 2 * FUS_LANES),
                                  .a_half = picture ? FUS_LANES : PIXELS,
                                  .b_step = WEIGHTS,
                                  .c_step = 14 * FUS_LANES,
                                  .n_steps = 2,
                                  .rows = n_rows,
                                  .blocks = blocks,
                                  .first = true};
        memset(c[i], 0, sizeof c[i]);
        unsigned state = i && row->enter ? row->enter() : 0;
        (i ? row->tile[kind] : fus_bf16_tile_exact)(&t);
        t.b = b + (steps[0].depth + steps[1].depth) * FUS_LANES;
        t.steps = steps + 2, t.n_steps = 1, t.first = false;
        (i ? row->tile[kind] : fus_bf16_tile_exact)(&t);
        if (i && row->leave)
            row->leave(state);
    }
    CHECK_MSG(same(c[0], c[1], sizeof c[0] / sizeof *c[0]), "%s, kind %d, %d x %d, regime %d", row->name, kind, n_rows,
              blocks, (int)regime);
}

static void test_tiles(void)
{
    struct fus_rng r;
    fus_rng_seed(&r, 7);
    for (int i = 0; i < N_ROWS; i++) {
        const struct fus_kernel_bf16 *row = fus_kernels_pick_bf16(rows[i], NULL);
        if (!row) {
            SKIP(rows[i]);
            continue;
        }
        volatile float tiny = FLT_MIN;
        for (int kind = 0; kind < FUS_TILE_KINDS && !row->packed; kind++)
            for (int n = 1; n <= row->rows; n++)
                for (int blocks = 1; blocks <= row->blocks; blocks++)
                    for (int regime = 0; regime < (row->flushes ? REGIMES : LEAST); regime++)
                        check_tile(row, kind, n, blocks, (enum regime)regime, &r);
        CHECK(tiny / 2 > 0); /* the CPU's state is as before */
    }
}

/* ---- AMX's layout by plain loops ---- */

static float whole(uint16_t half)
{
    return fus_bits_to_float((uint32_t)half << 16);
}

static void paired_tile(const struct fus_bf16_tile *t)
{
    for (int j = 0; j < t->blocks; j++)
        for (int row = 0; row < t->rows; row++)
            for (int lane = 0; lane < FUS_LANES; lane++) {
                float *c = t->c + (size_t)j * t->c_step + row * FUS_LANES + lane, sum = t->first ? 0 : *c;
                const uint16_t *a = (const uint16_t *)t->a + (size_t)row * t->a_pixel,
                               *b = (const uint16_t *)t->b + (size_t)j * t->b_step + 2 * lane;
                for (int i = 0; i < t->n_steps; i++, b += FUS_BF16_DEPTH * FUS_LANES) {
                    float even = 0, odd = 0;
                    for (int k = 0; k < FUS_BF16_DEPTH; k += 2) {
                        const uint16_t *x = a + t->steps[i].in + k, *w = b + k * FUS_LANES;
                        even = fus_bf16_fma(whole(x[0]), whole(w[0]), even);
                        odd = fus_bf16_fma(whole(x[1]), whole(w[1]), odd);
                    }
                    sum = fus_bf16_add(sum, fus_bf16_add(even, odd));
                }
                *c = sum;
            }
}

static void paired_round(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n * FUS_LANES; i++)
        ((uint16_t *)to)[i / FUS_LANES * FUS_BF16_DEPTH + i % FUS_LANES] =
            (uint16_t)(fus_bits_of_float(fus_bf16_round(from[i])) >> 16);
}

static const struct fus_kernel_bf16 paired = {
    .name = "paired",
    .rows = 32,
    .blocks = 2,
    .slice = 1000,
    .packed = true,
    .flushes = true,
    .tile = {paired_tile, paired_tile, paired_tile, paired_tile},
    .round = paired_round,
};

/* ---- layers ---- */

struct setting {
    struct fus_layer layer;
    float *in, *addend, *weights, *bias, *want; /* in, addend, want: [pictures, channels, places] */
};

static struct fus_error quiet;

/* The look-up of the naive loops. */
static int give(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    const struct setting *s = context;
    (void)err;
    memcpy(out, strstr(name, "bias") ? s->bias : s->weights, n * sizeof *out);
    return FUS_OK;
}

enum { PICTURES = 2 };

static float *numbers(size_t n, enum regime regime, struct fus_rng *r)
{
    float *x = fus_base_alloc(n + 1, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = regime == ORDINARY ? (float)fus_rng_normal(r) : number(r, regime);
    return x;
}

static size_t volume(int channels, size_t places)
{
    return (size_t)channels * places;
}

static void make(struct setting *s, const int *n, enum regime regime, struct fus_rng *r)
{
    bool picture = n[0] == 3, whole = n[5];
    struct fus_layer l = {.op = FUS_OP_CONV,
                          .name = "x",
                          .bias = true,
                          .input = picture ? -1 : 0,
                          .addend = whole ? 0 : -1,
                          .kernel = n[3],
                          .stride = n[4],
                          .padding = n[3] / 2,
                          .act = whole                ? FUS_ACT_RELU
                                 : regime == ORDINARY ? FUS_ACT_GELU
                                                      : FUS_ACT_NONE,
                          .groups = n[6],
                          .bf16 = &fus_kernel_scalar.bf16,
                          .in_channels = n[0],
                          .channels = n[1],
                          .in_height = n[2],
                          .in_width = picture ? n[2] : n[2] * 3 / 2};
    l.height = (l.in_height + 2 * l.padding - l.kernel) / l.stride + 1;
    l.width = (l.in_width + 2 * l.padding - l.kernel) / l.stride + 1;
    size_t in = volume(n[0], fus_layer_in_places(&l)), out = volume(n[1], fus_layer_places(&l));
    int inputs = l.groups ? l.in_channels / l.groups : l.in_channels;
    s->layer = l;
    s->in = numbers(PICTURES * in, regime, r);
    s->weights = numbers((size_t)(l.channels * inputs * l.kernel * l.kernel), regime, r);
    s->bias = numbers((size_t)l.channels, regime, r);
    s->addend = whole ? numbers(PICTURES * out, regime, r) : NULL;
    s->want = fus_base_alloc(PICTURES * out, sizeof *s->want);
    for (int p = 0; p < PICTURES; p++) {
        const struct fus_op_reference a = {.layer = &s->layer,
                                           .out = s->want + (size_t)p * out,
                                           .in = s->in + (size_t)p * in,
                                           .addend = whole ? s->addend + (size_t)p * out : NULL,
                                           .get = give,
                                           .context = s};
        CHECK(fus_reference_convolve(&a, &quiet) == FUS_OK);
    }
}

/* [pictures, channels, places] -> [pictures, blocks, places, 16] */
static float *blocked(const float *x, int channels, size_t places)
{
    size_t one = fus_tensor_blocked_size(channels, places);
    float *to = fus_base_aligned(PICTURES * one, sizeof *to);
    memset(to, 0, PICTURES * one * sizeof *to);
    for (size_t i = 0; i < PICTURES * (size_t)channels; i++)
        for (size_t p = 0; p < places; p++) {
            size_t c = i % (size_t)channels;
            to[i / (size_t)channels * one + (c / FUS_LANES * places + p) * FUS_LANES + c % FUS_LANES] =
                x[i * places + p];
        }
    return to;
}

/* [pictures, 3, side, side] -> the stem's layout with its border of zeros */
static float *interleaved(const float *x, const struct fus_layer *l)
{
    size_t side = (size_t)l->in_width, pitch = side + 2 * (size_t)l->padding, pad = (size_t)l->padding;
    float *to = fus_base_aligned(PICTURES * pitch * pitch * 3, sizeof *to);
    memset(to, 0, PICTURES * pitch * pitch * 3 * sizeof *to);
    for (size_t i = 0; i < PICTURES * 3 * side * side; i++) {
        size_t p = i / (3 * side * side), c = i / (side * side) % 3, y = i / side % side, x_at = i % side;
        to[((p * pitch + y + pad) * pitch + x_at + pad) * 3 + c] = x[i];
    }
    return to;
}

static void check_layer(struct setting *s, const char *name, int threads)
{
    const struct fus_kernel *kernel = fus_kernels_pick(name, NULL); /* NULL: the best */
    struct fus_layer *l = &s->layer;
    size_t places = fus_layer_places(l), out = fus_layer_floats(l), n = volume(l->channels, places);
    l->bf16 = name ? fus_kernels_pick_bf16(name, NULL) : &paired;
    float *in = l->input < 0 ? interleaved(s->in, l) : blocked(s->in, l->in_channels, fus_layer_in_places(l)),
          *addend = s->addend ? blocked(s->addend, l->channels, places) : NULL,
          *packed = fus_base_aligned(fus_conv_packed_floats(l), sizeof *packed),
          *raw = fus_base_aligned(fus_conv_raw_floats(l), sizeof *raw),
          *got = fus_base_aligned(PICTURES * out, sizeof *got), *plain = fus_base_alloc(n, sizeof *plain);
    fus_base_set_threads(threads);
    float *scratch = fus_base_aligned(fus_conv_scratch_floats(l, PICTURES, threads), sizeof *scratch);
    memset(scratch, -1, fus_conv_scratch_floats(l, PICTURES, threads) * sizeof *scratch); /* NaN */
    memset(got, -1, PICTURES * out * sizeof *got);
    const struct fus_op_load load = {.layer = l, .packed = packed, .raw = raw, .get = give, .context = s};
    CHECK(fus_conv_load(&load, &quiet) == FUS_OK);
    const struct fus_op_run run = {.layer = l,
                                   .packed = packed,
                                   .out = got,
                                   .in = in,
                                   .addend = addend,
                                   .n = PICTURES,
                                   .scratch = scratch,
                                   .kernel = kernel};
    fus_conv_run(&run);
    for (int p = 0; p < PICTURES; p++) {
        fus_tensor_unblock(plain, got + (size_t)p * out, l->channels, places);
        CHECK_MSG(same(plain, s->want + (size_t)p * n, n),
                  "%s, %d threads: %d to %d channels, %dx%d, %dx%d/%d, groups %d", l->bf16->name, threads,
                  l->in_channels, l->channels, l->in_height, l->in_width, l->kernel, l->kernel, l->stride, l->groups);
    }
    float *const all[] = {in, addend, packed, raw, got, plain, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fus_base_free(all[i]);
}

static void test_layers(void)
{
    static const int shapes[][7] = {/* in_channels, channels, in_height, kernel, stride, whole, groups */
                                    {3, 20, 9, 7, 2, 1, 0},   {3, 40, 8, 3, 1, 0, 0},   {3, 16, 5, 5, 1, 0, 0},
                                    {16, 16, 1, 3, 1, 0, 0},  {20, 33, 3, 3, 2, 1, 0},  {16, 40, 7, 3, 1, 1, 0},
                                    {48, 20, 5, 5, 2, 0, 0},  {32, 64, 9, 3, 1, 1, 0},  {17, 48, 10, 3, 2, 0, 0},
                                    {144, 33, 3, 3, 1, 1, 0}, {300, 20, 4, 1, 1, 0, 0}, {64, 200, 1, 1, 1, 1, 0},
                                    {80, 40, 9, 1, 2, 1, 0},  {48, 48, 5, 3, 1, 0, 3},  {32, 32, 5, 3, 2, 1, 32}};
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int regime = ORDINARY; regime < REGIMES; regime += BOUNDARY) {
            struct setting s;
            if (regime && i % 5 != 1)
                continue;
            make(&s, shapes[i], (enum regime)regime, &r);
            for (int row = 0; row < N_ROWS; row++)
                for (int threads = 1; threads <= 3 && fus_kernels_pick_bf16(rows[row], NULL); threads += 2)
                    check_layer(&s, rows[row], threads);
            check_layer(&s, NULL, 2);
            float *const all[] = {s.in, s.addend, s.weights, s.bias, s.want};
            for (size_t j = 0; j < sizeof all / sizeof *all; j++)
                fus_base_free(all[j]);
        }
}

/* ---- networks ---- */

/* Numbers of a seed that is the name's sum; variances are above 0. */
static int invented(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    struct fus_rng r;
    uint64_t seed = 0;
    (void)context;
    (void)err;
    for (const char *c = name; *c; c++)
        seed = 31 * seed + (unsigned char)*c;
    fus_rng_seed(&r, seed);
    for (size_t i = 0; i < n; i++)
        out[i] = strstr(name, "var") ? 0.5f + (float)fus_rng_uniform(&r) : 0.2f * (float)fus_rng_normal(&r);
    return FUS_OK;
}

struct held {
    float *values; /* of the wanted tap, [channels, places] of each picture */
    const struct fus_tap *tap;
};

static int hold(void *context, int tap, int picture, const float *from)
{
    const struct held *h = context;
    size_t places = (size_t)h->tap->height * (size_t)h->tap->width;
    (void)tap;
    fus_tensor_unblock(h->values + (size_t)picture * volume(h->tap->channels, places), from, h->tap->channels, places);
    return FUS_OK;
}

/* want [PICTURES, n]: the last tap by the naive loops. */
static void walk(float *want, const struct fus_net_spec *spec, const float *input, size_t n)
{
    struct fus_arch arch;
    if (!CHECK(fus_arch_build(&arch, spec, &quiet) == FUS_OK))
        return;
    for (int i = 0; i < arch.n_layers; i++)
        arch.layers[i].bf16 = arch.layers[i].op == FUS_OP_CONV ? &fus_kernel_scalar.bf16 : NULL;
    for (size_t p = 0; p < PICTURES; p++)
        CHECK(fus_reference_walk(want + p * n, &arch, input + p * 3 * (size_t)(spec->input_side * spec->input_side), 0,
                                 arch.n_layers - 1, invented, NULL, &quiet) == FUS_OK);
    fus_arch_free(&arch);
}

static void check_net(const struct fus_net_spec *spec, const float *input, const float *want, size_t n,
                      const struct fus_net_options *options)
{
    struct fus_error err = {0};
    struct fus_net *net = NULL;
    if (fus_net_create(&net, spec, options, invented, NULL, &err)) {
        CHECK_MSG(strncmp(err.msg, "FUS_ISA", 7) == 0, "%s", err.msg);
        return;
    }
    int last = fus_net_n_taps(net) - 1;
    struct held h = {.values = fus_base_alloc(PICTURES * n, sizeof(float)), .tap = fus_net_tap(net, last)};
    bool wanted[64] = {false};
    wanted[last] = true;
    for (int p = 0; p < PICTURES; p += options->batch)
        CHECK(fus_net_forward(net, input + (size_t)p * 3 * (size_t)(spec->input_side * spec->input_side),
                              options->batch, wanted, hold, &(struct held){h.values + (size_t)p * n, h.tap},
                              &err) == FUS_OK);
    CHECK_MSG(memcmp(h.values, want, PICTURES * n * sizeof(float)) == 0, "%s, %s, batch %d", options->isa, h.tap->name,
              options->batch);
    fus_base_free(h.values);
    fus_net_destroy(net);
}

static void test_networks(void)
{
    const struct fus_net_spec nets[] = {{.stem = FUS_STEM_7X7,
                                         .bottleneck = true,
                                         .input_side = 40,
                                         .stem_channels = 16,
                                         .n_stages = 3,
                                         .n_blocks = {1, 1, 1},
                                         .width = {16, 16, 20},
                                         .channels = {40, 32, 48},
                                         .n_classes = 10},
                                        {.kind = FUS_NET_VIT,
                                         .act = FUS_ACT_GELU,
                                         .input_side = 16,
                                         .n_classes = 10,
                                         .vit = {.patch = 8, .width = 48, .heads = 3, .n_blocks = 1}}};
    enum { N = 10 };
    struct fus_rng r;
    fus_rng_seed(&r, 9);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        float *input = numbers(PICTURES * 3 * (size_t)(nets[i].input_side * nets[i].input_side), ORDINARY, &r),
              want[PICTURES * N];
        walk(want, &nets[i], input, N);
        for (int row = 0; row < N_ROWS; row++)
            for (int batch = 1; batch <= 2; batch++) {
                const struct fus_net_options o = {
                    .isa = rows[row], .batch = batch, .precision = FUS_PRECISION_BF16, .low_memory = batch == 1};
                fus_base_set_threads(batch);
                check_net(&nets[i], input, want, N, &o);
            }
        fus_base_free(input);
    }
}

int main(void)
{
    test_rounding();
    test_rule();
    test_tiles();
    test_layers();
    test_networks();
    return test_end();
}
