/* SPDX-License-Identifier: MIT */
/* winograd.c against the sum it stands for, in double: its rounding errors beside the
 * direct sum's, which METHOD.md quotes, and every size and number of channels at the edges
 * of tiles and blocks. */
#include "nn/base/rng.h"
#include "nn/layer/layers.h"
#include "test.h"

/* One layer on random numbers. The blocked activation is [blocks, side^2, 16]. */
struct setting {
    struct fus_layer layer;
    float *in, *addend, *weights, *bias; /* blocked, blocked or NULL, [channels, in_channels, 3, 3], [blocks * 16] */
    float *direct, *winograd;            /* blocked results */
};

static float *random_blocked(int channels, size_t places, bool positive, struct fus_rng *r)
{
    float *x = fus_base_alloc(fus_tensor_blocked_size(channels, places), sizeof *x);
    for (int c = 0; c < channels; c++)
        for (size_t p = 0; p < places; p++) {
            float v = (float)fus_rng_normal(r);
            x[((size_t)(c / FUS_LANES) * places + p) * FUS_LANES + (size_t)(c % FUS_LANES)] = positive && v < 0 ? 0 : v;
        }
    return x;
}

static void run_both(struct setting *s)
{
    const struct fus_layer *l = &s->layer;
    const struct fus_kernel *kernel = fus_kernels_pick(NULL, NULL);
    size_t n = fus_layer_floats(l);
    size_t scratch_floats = fus_winograd_scratch_floats(l, 1);
    float *panels = fus_base_aligned(fus_winograd_panel_floats(l), sizeof *panels);
    float *scratch = fus_base_aligned(scratch_floats, sizeof *scratch);
    struct fus_gemm g = {.layer = l, .panels = panels, .bias = s->bias, .k = fus_gemm_k(l)};
    s->direct = fus_base_aligned(n, sizeof *s->direct);
    s->winograd = fus_base_aligned(n, sizeof *s->winograd);
    fus_base_set_threads(1);
    fus_gemm_pack_weights(panels, s->weights, l);
    fus_gemm_run(&g, s->direct, s->in, s->addend, 1, kernel);
    fus_winograd_pack_weights(panels, s->weights, l);
    fus_winograd_run(&g, s->winograd, s->in, s->addend, 1, scratch, kernel);
    fus_base_free(panels);
    fus_base_free(scratch);
}

/* positive: the input as a ReLU leaves it; whole: with bias, addend and ReLU. */
static void make(struct setting *s, int in_channels, int channels, int side, bool positive, bool whole,
                 struct fus_rng *r)
{
    size_t places = (size_t)side * (size_t)side, n = (size_t)channels * (size_t)in_channels * 9;
    s->layer = (struct fus_layer){.op = FUS_OP_CONV,
                                  .input = 0,
                                  .addend = -1,
                                  .kernel = 3,
                                  .stride = 1,
                                  .padding = 1,
                                  .act = whole ? FUS_ACT_RELU : FUS_ACT_NONE,
                                  .in_channels = in_channels,
                                  .in_height = side,
                                  .in_width = side,
                                  .channels = channels,
                                  .height = side,
                                  .width = side};
    s->in = random_blocked(in_channels, places, positive, r);
    s->addend = whole ? random_blocked(channels, places, false, r) : NULL;
    s->bias = fus_base_alloc((size_t)FUS_BLOCKS(channels) * FUS_LANES, sizeof *s->bias);
    s->weights = fus_base_alloc(n, sizeof *s->weights);
    for (int c = 0; c < channels && whole; c++)
        s->bias[c] = (float)fus_rng_normal(r);
    for (size_t i = 0; i < n; i++)
        s->weights[i] = (float)(fus_rng_normal(r) * sqrt(2.0 / (9 * in_channels)));
    run_both(s);
}

static void unmake(struct setting *s)
{
    fus_base_free(s->in);
    fus_base_free(s->addend);
    fus_base_free(s->weights);
    fus_base_free(s->bias);
    fus_base_free(s->direct);
    fus_base_free(s->winograd);
}

/* The convolution at one output, in double, without bias. */
static double exact_at(const struct setting *s, int k, int y, int x)
{
    const struct fus_layer *l = &s->layer;
    double sum = 0;
    for (int c = 0; c < l->in_channels; c++)
        for (int r = 0; r < 3; r++)
            for (int q = 0; q < 3; q++) {
                int in_y = y + r - 1, in_x = x + q - 1;
                if (in_y < 0 || in_y >= l->height || in_x < 0 || in_x >= l->width)
                    continue;
                size_t at =
                    ((size_t)(c / FUS_LANES) * (size_t)l->height + (size_t)in_y) * (size_t)l->width + (size_t)in_x;
                double v = s->in[at * FUS_LANES + (size_t)(c % FUS_LANES)];
                sum += v * s->weights[((k * l->in_channels + c) * 3 + r) * 3 + q];
            }
    return sum;
}

/* Root mean square of the errors, Winograd's over the direct sum's: 1.7 to 2.6 is
 * measured here for F(4x4), 0.6 to 0.9 for F(2x2); the points 0, +-1, +-2 of Lavin & Gray
 * 2016 would give 3.5 to 5. */
static void test_error(int side, double most)
{
    static const int depth[] = {16, 64, 256};
    struct fus_rng r;
    fus_rng_seed(&r, 21);
    for (int i = 0; i < 6; i++) {
        struct setting s;
        double squares[2] = {0, 0};
        make(&s, depth[i / 2], 32, side, i % 2, false, &r);
        for (int k = 0; k < 32; k++)
            for (int y = 0; y < side; y++)
                for (int x = 0; x < side; x++) {
                    size_t at = ((size_t)((k / FUS_LANES * side + y) * side + x)) * FUS_LANES + (size_t)(k % FUS_LANES);
                    double want = exact_at(&s, k, y, x);
                    squares[0] += (s.direct[at] - want) * (s.direct[at] - want);
                    squares[1] += (s.winograd[at] - want) * (s.winograd[at] - want);
                }
        double ratio = sqrt(squares[1] / squares[0]);
        printf("%d x %d, %d channels%s: %.2f times the direct sum's error\n", side, side, depth[i / 2],
               i % 2 ? " after a ReLU" : "", ratio);
        CHECK_MSG(ratio > 0.3 && ratio < most, "%d channels: %g", depth[i / 2], ratio);
        unmake(&s);
    }
}

/* Sides that tiles of 2 and of 4 do not divide, channels that blocks of 16 do not, with
 * bias, addend and ReLU. */
static void test_edges(void)
{
    struct fus_rng r;
    fus_rng_seed(&r, 22);
    for (int side = 4; side <= 17; side++) {
        struct setting s;
        make(&s, 5 * side - 13, 50 - 2 * side, side, false, true, &r);
        CHECK(fus_winograd_fits(&s.layer));
        size_t n = fus_tensor_blocked_size(s.layer.channels, (size_t)side * (size_t)side);
        double most = 0, off = 0;
        for (size_t i = 0; i < n; i++) {
            most = fmax(most, s.direct[i]);
            off = fmax(off, fabs((double)s.winograd[i] - s.direct[i]));
        }
        CHECK_MSG(most > 1 && off <= 4e-6 * most, "%d x %d: %g of the largest", side, side, off / most);
        unmake(&s);
    }
}

/* The same bits however many threads share a layer out, by tiles, by channels or by both, and
 * however many pictures it has. */
static void test_division(void)
{
    static const int shapes[][4] = {{32, 144, 14, 1}, {16, 80, 28, 1}, {48, 256, 7, 1}, {16, 48, 14, 3}},
                     threads[] = {2, 3, 8, 16, 37};
    struct fus_rng r;
    fus_rng_seed(&r, 23);
    for (int i = 0; i < 4; i++) {
        struct setting s;
        int n = shapes[i][3];
        make(&s, shapes[i][0], shapes[i][1], shapes[i][2], false, false, &r);
        const struct fus_layer *l = &s.layer;
        size_t in_floats = fus_layer_in_floats(l), floats = fus_layer_floats(l);
        float *panels = fus_base_aligned(fus_winograd_panel_floats(l), sizeof *panels);
        float *scratch = fus_base_aligned(37 * fus_winograd_scratch_floats(l, n), sizeof *scratch);
        float *in = fus_base_aligned((size_t)n * in_floats, sizeof *in);
        float *out = fus_base_aligned((size_t)n * floats, sizeof *out);
        struct fus_gemm g = {.layer = l, .panels = panels, .bias = s.bias, .k = fus_gemm_k(l)};
        fus_winograd_pack_weights(panels, s.weights, l);
        for (int p = 0; p < n; p++)
            memcpy(in + (size_t)p * in_floats, s.in, in_floats * sizeof *in);
        for (int j = 0; j < 5; j++) {
            memset(out, 0, (size_t)n * floats * sizeof *out);
            fus_base_set_threads(threads[j]);
            fus_winograd_run(&g, out, in, NULL, n, scratch, fus_kernels_pick(NULL, NULL));
            for (int p = 0; p < n; p++)
                CHECK_MSG(memcmp(out + (size_t)p * floats, s.winograd, floats * sizeof *out) == 0,
                          "%d x %d, %d channels, picture %d, %d threads", l->height, l->width, l->channels, p,
                          threads[j]);
        }
        fus_base_set_threads(1);
        fus_base_free(panels);
        fus_base_free(scratch);
        fus_base_free(in);
        fus_base_free(out);
        unmake(&s);
    }
}

/* Which layers it takes depends on their shape alone. */
static void test_fits(void)
{
    struct fus_layer l = {.op = FUS_OP_CONV,
                          .input = 0,
                          .kernel = 3,
                          .stride = 1,
                          .padding = 1,
                          .in_height = 4,
                          .in_width = 4,
                          .height = 4,
                          .width = 4};
    CHECK(fus_winograd_fits(&l));
    l.height = l.width = 3;
    CHECK(!fus_winograd_fits(&l));
    l.height = l.width = 8, l.stride = 2;
    CHECK(!fus_winograd_fits(&l));
    l.stride = 1, l.kernel = 1;
    CHECK(!fus_winograd_fits(&l));
    l.kernel = 3, l.width = 9;
    CHECK(!fus_winograd_fits(&l));
    l.width = 8, l.input = -1;
    CHECK(!fus_winograd_fits(&l));
}

int main(void)
{
    test_error(24, 3);
    test_error(7, 1.2);
    test_edges();
    test_division();
    test_fits();
    return test_end();
}
