/* SPDX-License-Identifier: MIT */
/* gemm.c and max pooling against the loops they stand for, one multiply-add and one
 * comparison at a time, to the bit: every instruction set, at the edges of tiles, blocks,
 * slices of k and pictures. */
#include "nn/base/rng.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "test.h"

static const char *const rows[] = {"scalar", "avx2", "avx512", "neon"};

/* x [channels, places] -> blocked [blocks, places, 16]. */
static float *blocked(const float *x, int channels, size_t places)
{
    float *to = fus_base_aligned(fus_tensor_blocked_size(channels, places), sizeof *to);
    memset(to, 0, fus_tensor_blocked_size(channels, places) * sizeof *to);
    for (size_t c = 0; c < (size_t)channels; c++)
        for (size_t p = 0; p < places; p++)
            to[(c / FUS_LANES * places + p) * FUS_LANES + c % FUS_LANES] = x[c * places + p];
    return to;
}

static float *random_floats(size_t n, struct fus_rng *r)
{
    float *x = fus_base_alloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)fus_rng_normal(r);
    return x;
}

/* ---- convolutions ---- */

struct setting {
    struct fus_layer layer;
    float *in, *addend, *weights, *bias; /* [channels, places]; addend NULL or so */
    float *want;                         /* [channels, places] */
};

static float naive_at(const struct setting *s, int k, int y, int x)
{
    const struct fus_layer *l = &s->layer;
    float sum = 0;
    for (int r = 0; r < l->kernel; r++)
        for (int c = 0; c < l->kernel; c++)
            for (int i = 0; i < l->in_channels; i++) {
                int yy = y * l->stride - l->padding + r, xx = x * l->stride - l->padding + c;
                if (yy >= 0 && yy < l->in_height && xx >= 0 && xx < l->in_width)
                    sum = fmaf(
                        s->in[((size_t)i * (size_t)l->in_height + (size_t)yy) * (size_t)l->in_width + (size_t)xx],
                        s->weights[(((size_t)k * (size_t)l->in_channels + (size_t)i) * (size_t)l->kernel + (size_t)r) *
                                       (size_t)l->kernel +
                                   (size_t)c],
                        sum);
            }
    sum += s->bias[k];
    if (s->addend)
        sum += s->addend[((size_t)k * (size_t)l->height + (size_t)y) * (size_t)l->width + (size_t)x];
    return l->act == FUS_ACT_RELU && sum < 0 ? 0 : sum;
}

/* Half as wide again as high. whole: with an addend and ReLU. One weight of the first corner's tap
 * is infinite: outputs that see it outside the picture stay finite. */
static void make(struct setting *s, int in_channels, int channels, int in_height, int kernel, int stride, bool whole,
                 struct fus_rng *r)
{
    struct fus_layer l = {.op = FUS_OP_CONV,
                          .addend = whole ? 0 : -1,
                          .kernel = kernel,
                          .stride = stride,
                          .padding = kernel / 2,
                          .act = whole ? FUS_ACT_RELU : FUS_ACT_NONE,
                          .in_channels = in_channels,
                          .in_height = in_height,
                          .in_width = in_height * 3 / 2,
                          .channels = channels};
    l.height = (l.in_height + 2 * l.padding - kernel) / stride + 1;
    l.width = (l.in_width + 2 * l.padding - kernel) / stride + 1;
    s->layer = l;
    s->in = random_floats((size_t)in_channels * fus_layer_in_places(&l), r);
    s->weights = random_floats((size_t)channels * (size_t)in_channels * (size_t)(kernel * kernel), r);
    if (kernel > 1)
        s->weights[0] = INFINITY;
    s->bias = random_floats((size_t)FUS_BLOCKS(channels) * FUS_LANES, r);
    for (int i = channels; i < FUS_BLOCKS(channels) * FUS_LANES; i++)
        s->bias[i] = 0;
    s->addend = whole ? random_floats((size_t)channels * fus_layer_places(&l), r) : NULL;
    s->want = fus_base_alloc((size_t)channels * fus_layer_places(&l), sizeof *s->want);
    for (int k = 0; k < channels; k++)
        for (int y = 0; y < l.height; y++)
            for (int x = 0; x < l.width; x++)
                s->want[((size_t)k * (size_t)l.height + (size_t)y) * (size_t)l.width + (size_t)x] =
                    naive_at(s, k, y, x);
}

static void check_row(const struct setting *s, const struct fus_kernel *kernel, int threads)
{
    const struct fus_layer *l = &s->layer;
    size_t places = fus_layer_places(l), n = (size_t)l->channels * places,
           floats = fus_tensor_blocked_size(l->channels, places);
    float *in = blocked(s->in, l->in_channels, fus_layer_in_places(l)),
          *addend = s->addend ? blocked(s->addend, l->channels, places) : NULL;
    float *panels = fus_base_aligned(fus_gemm_panel_floats(l), sizeof *panels),
          *out = fus_base_aligned(floats, sizeof *out);
    float *got = fus_base_alloc(n, sizeof *got);
    struct fus_gemm g = {.layer = l, .panels = panels, .bias = s->bias, .k = fus_gemm_k(l)};
    fus_base_set_threads(threads);
    fus_gemm_pack_weights(panels, s->weights, l);
    memset(out, -1, floats * sizeof *out); /* NaN */
    fus_gemm_run(&g, out, in, addend, 1, kernel);
    fus_tensor_unblock(got, out, l->channels, places);
    CHECK_MSG(memcmp(got, s->want, n * sizeof *got) == 0, "%s, %d threads: %d to %d channels, %dx%d, %dx%d/%d",
              kernel->name, threads, l->in_channels, l->channels, l->in_height, l->in_width, l->kernel, l->kernel,
              l->stride);
    fus_base_free(in);
    fus_base_free(addend);
    fus_base_free(panels);
    fus_base_free(out);
    fus_base_free(got);
}

static void test_convolutions(void)
{
    static const int shapes[][6] = {/* in_channels, channels, in_height, kernel, stride, whole */
                                    {16, 16, 1, 3, 1, 0},  {16, 40, 2, 3, 1, 1},  {20, 33, 3, 3, 2, 1},
                                    {16, 16, 7, 3, 1, 1},  {24, 48, 9, 3, 2, 0},  {16, 20, 14, 3, 1, 1},
                                    {16, 32, 15, 3, 1, 0}, {17, 32, 30, 3, 2, 1}, {272, 33, 5, 3, 1, 1},
                                    {530, 20, 4, 3, 2, 0}, {48, 33, 6, 1, 1, 1},  {600, 20, 5, 1, 1, 0},
                                    {300, 40, 9, 1, 2, 1}, {16, 16, 31, 1, 2, 0}, {32, 500, 4, 1, 1, 1}};
    struct fus_rng r;
    fus_rng_seed(&r, 4);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *n = shapes[i];
        struct setting s;
        make(&s, n[0], n[1], n[2], n[3], n[4], n[5], &r);
        for (int isa = 0; isa < 4; isa++) {
            const struct fus_kernel *kernel = fus_kernels_pick(rows[isa], NULL);
            if (!kernel && i == 0)
                SKIP(rows[isa]);
            for (int threads = 1; threads <= 3 && kernel; threads += 2)
                check_row(&s, kernel, threads);
        }
        fus_base_free(s.in);
        fus_base_free(s.addend);
        fus_base_free(s.weights);
        fus_base_free(s.bias);
        fus_base_free(s.want);
    }
}

/* ---- max pooling ---- */

static float naive_most(const float *plane, const struct fus_layer *l, int y, int x)
{
    float most = -INFINITY;
    for (int r = 0; r < l->kernel; r++)
        for (int c = 0; c < l->kernel; c++) {
            int yy = y * l->stride - l->padding + r, xx = x * l->stride - l->padding + c;
            if (yy < 0 || yy >= l->in_height || xx < 0 || xx >= l->in_width || isnan(most))
                continue;
            float v = plane[(size_t)yy * (size_t)l->in_width + (size_t)xx];
            most = v > most || isnan(v) ? v : most;
        }
    return most;
}

/* Zeros of both signs, infinities and NaN among the numbers. */
static void test_max(void)
{
    static const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN};
    struct fus_layer l = {
        .op = FUS_OP_MAXPOOL, .kernel = 3, .stride = 2, .padding = 1, .in_channels = 20, .channels = 20};
    struct fus_rng r;
    fus_rng_seed(&r, 5);
    for (l.in_height = 1; l.in_height < 12; l.in_height += 3) {
        l.in_width = l.in_height + 2;
        l.height = (l.in_height - 1) / 2 + 1;
        l.width = (l.in_width - 1) / 2 + 1;
        size_t n_in = fus_layer_in_places(&l), n = fus_layer_places(&l), n_out = 20 * n;
        float *x = random_floats(20 * n_in, &r), *want = fus_base_alloc(n_out, sizeof *want),
              *got = fus_base_alloc(n_out, sizeof *got);
        for (size_t i = 0; i < 20 * n_in; i++)
            x[i] = i % 4 == 0 ? -x[i] * x[i] : i % 11 < 5 ? odd[i % 5] : x[i];
        float *in = blocked(x, 20, n_in), *out = fus_base_aligned(fus_layer_floats(&l), sizeof *out);
        for (size_t i = 0; i < n_out; i++)
            want[i] = naive_most(x + i / n * n_in, &l, (int)(i % n) / l.width, (int)(i % n) % l.width);
        for (int isa = 0; isa < 4; isa++) {
            const struct fus_kernel *kernel = fus_kernels_pick(rows[isa], NULL);
            if (!kernel)
                continue;
            fus_pool_max(&(struct fus_op_run){.layer = &l, .out = out, .in = in, .n = 1, .kernel = kernel});
            fus_tensor_unblock(got, out, 20, n);
            CHECK_MSG(memcmp(got, want, n_out * sizeof *got) == 0, "%s, %dx%d", kernel->name, l.in_height, l.in_width);
        }
        fus_base_free(x);
        fus_base_free(want);
        fus_base_free(got);
        fus_base_free(in);
        fus_base_free(out);
    }
}

int main(void)
{
    test_convolutions();
    test_max();
    return test_end();
}
