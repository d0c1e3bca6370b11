/* SPDX-License-Identifier: MIT */
/* unfold.c: a convolution on an unfolded picture against the naive convolution, to the bit, at
 * kernels and strides that the direct product does not have (AlexNet's 11x11/4, ConvNeXt's
 * 4x4/4). */
#include "nn/base/rng.h"
#include "nn/base/threads.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "tests/test.h"

#define SIDE 39
#define CHANNELS 20

static int invented(void *context, float *out, size_t n, const char *name, struct fus_error *err)
{
    struct fus_rng r;
    (void)context, (void)err;
    fus_rng_seed(&r, name[strlen(name) - 1]);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)fus_rng_normal(&r);
    return FUS_OK;
}

static struct fus_layer layer(enum fus_op_kind op, int input, int kernel, int stride, int padding)
{
    int side = (SIDE + 2 * padding - kernel) / stride + 1;
    return (struct fus_layer){.op = op,
                              .name = "conv1",
                              .input = input,
                              .addend = -1,
                              .kernel = kernel,
                              .stride = stride,
                              .padding = padding,
                              .bias = true,
                              .in_channels = 3,
                              .in_height = SIDE,
                              .in_width = SIDE,
                              .channels = op == FUS_OP_CONV ? CHANNELS : 3 * kernel * kernel,
                              .height = side,
                              .width = side};
}

/* n pictures [3, side, side] -> [side + 2 padding, side + 2 padding, 3] with a border of zeros. */
static float *interleave(const float *pictures, int n, int padding)
{
    int pitch = SIDE + 2 * padding;
    float *out = fus_base_alloc((size_t)(n * pitch * pitch * 3), sizeof *out);
    for (int p = 0; p < n; p++)
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    out[((p * pitch + y + padding) * pitch + x + padding) * 3 + c] =
                        pictures[((p * 3 + c) * SIDE + y) * SIDE + x];
    return out;
}

/* The unfolding and the 1x1 after it, by the engine. */
static void run_both(float *out, float *windows, const struct fus_layer *unfold, const struct fus_layer *conv,
                     const float *picture, int n, const char *isa)
{
    const struct fus_op *op = &fus_op_table[FUS_OP_CONV];
    struct fus_op_load load = {.layer = conv, .get = invented};
    load.packed = fus_base_aligned(op->packed_floats(conv), sizeof(float));
    load.raw = fus_base_aligned(op->raw_floats(conv), sizeof(float));
    CHECK(op->load(&load, NULL) == FUS_OK);
    struct fus_op_run run = {
        .layer = unfold, .out = windows, .in = picture, .n = n, .kernel = fus_kernels_pick(isa, NULL)};
    fus_op_table[FUS_OP_UNFOLD].run(&run);
    run.layer = conv;
    run.packed = load.packed;
    run.in = windows;
    run.out = out;
    op->run(&run);
    fus_base_free(load.packed);
    fus_base_free(load.raw);
}

static void check(int kernel, int stride, int padding, enum fus_act act, bool joined, const char *isa)
{
    enum { N = 2 };
    struct fus_layer direct = layer(FUS_OP_CONV, -1, kernel, stride, padding),
                     unfold = layer(FUS_OP_UNFOLD, -1, kernel, stride, padding), conv = direct;
    size_t places = fus_layer_places(&direct), floats = fus_layer_floats(&direct);
    float *pictures = fus_base_alloc(N * 3 * SIDE * SIDE, sizeof *pictures);
    invented(NULL, pictures, N * 3 * SIDE * SIDE, "p", NULL);
    float *picture = interleave(pictures, N, padding), *want = fus_base_alloc(CHANNELS * places, sizeof *want),
          *windows = fus_base_aligned(N * fus_layer_floats(&unfold), sizeof *windows),
          *out = fus_base_aligned(N * floats, sizeof *out);
    conv.input = 0;
    conv.in_channels = unfold.channels;
    conv.in_height = conv.in_width = conv.height;
    conv.kernel = conv.stride = 1;
    conv.padding = 0;
    conv.unfolded = kernel;
    unfold.joined = conv.joined = joined;
    direct.act = conv.act = act;
    run_both(out, windows, &unfold, &conv, picture, N, isa);
    size_t wrong = 0;
    for (size_t p = 0; p < N; p++) {
        const struct fus_op_reference r = {
            .layer = &direct, .out = want, .in = pictures + p * 3 * SIDE * SIDE, .get = invented};
        CHECK(fus_op_table[FUS_OP_CONV].reference(&r, NULL) == FUS_OK);
        for (size_t c = 0; c < CHANNELS; c++)
            for (size_t i = 0; i < places; i++) {
                size_t rows = joined ? N * places : places, base = joined ? p * places * 16 : p * floats,
                       at = base + (c / 16 * rows + i) * 16 + c % 16;
                wrong += memcmp(&out[at], &want[c * places + i], sizeof *out) != 0;
            }
    }
    CHECK_MSG(wrong == 0, "%dx%d/%d, padding %d, %s: %zu differ", kernel, kernel, stride, padding, isa, wrong);
    fus_base_free(pictures);
    fus_base_free(picture);
    fus_base_free(want);
    fus_base_free(windows);
    fus_base_free(out);
}

int main(void)
{
    static const char *const isa[] = {"scalar", "avx2", "avx512", "neon"};
    for (int i = 0; i < 4; i++) {
        if (!fus_kernels_pick(isa[i], NULL)) {
            SKIP(isa[i]);
            continue;
        }
        fus_base_set_threads(1 + i % 2 * 2);
        check(11, 4, 2, FUS_ACT_RELU, false, isa[i]);
        check(4, 4, 0, FUS_ACT_GELU, false, isa[i]);
        check(7, 3, 3, FUS_ACT_SILU, true, isa[i]);
        check(14, 14, 0, FUS_ACT_NONE, true, isa[i]);
    }
    return test_end();
}
