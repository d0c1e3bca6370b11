/* SPDX-License-Identifier: MIT */
/* Layers and networks of bf16 numbers against the naive loops, for test_bf16.c and test_amx.c. */
#ifndef FUS_BF16_LAYERS_H
#define FUS_BF16_LAYERS_H

#include "nn/base/bits.h"
#include "nn/base/rng.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "tests/test.h"

/* ---- numbers ---- */

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

/* Told of the memory that a layer's products read and write. */
static void (*watch)(const void *from, size_t bytes);

static void check_layer(struct setting *s, const struct fus_kernel *kernel, const struct fus_kernel_bf16 *row,
                        int threads)
{
    struct fus_layer *l = &s->layer;
    size_t places = fus_layer_places(l), out = fus_layer_floats(l), n = volume(l->channels, places);
    l->bf16 = row;
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
    if (watch) {
        watch(packed, fus_conv_packed_floats(l) * sizeof *packed);
        watch(got, PICTURES * out * sizeof *got);
        watch(scratch, fus_conv_scratch_floats(l, PICTURES, threads) * sizeof *scratch);
    }
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

static void free_setting(struct setting *s)
{
    float *const all[] = {s->in, s->addend, s->weights, s->bias, s->want};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fus_base_free(all[i]);
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

static void check_networks(const char *const *isas, int n_isas)
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
        for (int row = 0; row < n_isas; row++)
            for (int batch = 1; batch <= 2; batch++) {
                const struct fus_net_options o = {
                    .isa = isas[row], .batch = batch, .precision = FUS_PRECISION_BF16, .low_memory = batch == 1};
                fus_base_set_threads(batch);
                check_net(&nets[i], input, want, N, &o);
            }
        fus_base_free(input);
    }
}

#endif
