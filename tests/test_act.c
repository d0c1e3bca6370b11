/* SPDX-License-Identifier: MIT */
/* act.c: the activations against PyTorch, and every instruction set against the
 * naive loop to the bit. */
#include "nn/base/fmath.h"
#include "nn/base/rng.h"
#include "nn/layer/layers.h"
#include "nn/layer/op.h"
#include "test.h"

#define N_ACTS 3

static const double values[][1 + N_ACTS] = {
#include "golden/act_values.inc"
};

static struct fus_layer layer(enum fus_act act, int places)
{
    return (struct fus_layer){.op = FUS_OP_ACTIVATION,
                              .act = act,
                              .channels = 16,
                              .in_channels = 16,
                              .height = 1,
                              .width = places,
                              .in_height = 1,
                              .in_width = places};
}

/* The error of exp and erf in float: some 1e-7 of the result or of x, below
 * which both may vanish. */
static void test_values(void)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (int a = 0; a < N_ACTS; a++) {
            struct fus_layer l = layer((enum fus_act)(FUS_ACT_GELU + a), 1);
            float x[16] = {(float)values[i][0]}, y[16];
            const struct fus_op_reference r = {.layer = &l, .out = y, .in = x};
            CHECK(fus_op_table[l.op].reference(&r, NULL) == FUS_OK);
            double want = values[i][1 + a], off = fabs(y[0] - want);
            CHECK_MSG(off <= 3e-7 * fmax(fabs(want), fmin(1, fabs(values[i][0]))), "%s of %g: %g, expected %g",
                      fus_act_algorithm(&l), values[i][0], y[0], want);
        }
}

/* Numbers of all sizes, zeros, infinities and NaN. */
static void fill(float *x, size_t n)
{
    static const float odd[] = {0.0f,    -0.0f,   INFINITY, -INFINITY, NAN,   1e-40f,
                                -1e-40f, 3.4e38f, -3.4e38f, 87.5f,     -88.5f};
    struct fus_rng r;
    fus_rng_seed(&r, 8);
    for (size_t i = 0; i < n; i++) {
        double u = 2 * fus_rng_uniform(&r) - 1;
        x[i] = i < sizeof odd / sizeof *odd
                   ? odd[i]
                   : (float)(i % 3 ? u * 8 : u * fus_fmath_exp(40 * (2 * fus_rng_uniform(&r) - 1)));
    }
}

static void check_row(const struct fus_layer *l, const float *x, const float *want, size_t n, const char *isa,
                      int threads)
{
    const struct fus_kernel *kernel = fus_kernels_pick(isa, NULL);
    float *got = fus_base_aligned(n, sizeof *got);
    size_t wrong = 0;
    fus_base_set_threads(threads);
    fus_op_table[l->op].run(&(struct fus_op_run){.layer = l, .out = got, .in = x, .n = 1, .kernel = kernel});
    for (size_t i = 0; i < n; i++)
        wrong += isnan(want[i]) ? !isnan(got[i]) : memcmp(&want[i], &got[i], sizeof *got) != 0;
    CHECK_MSG(wrong == 0, "%s, %s, %d threads: %zu of %zu differ", fus_act_algorithm(l), isa, threads, wrong, n);
    fus_base_free(got);
}

static void test_rows(void)
{
    static const char *const isa[] = {"scalar", "avx2", "avx512", "neon"};
    enum { PLACES = 3000 };
    size_t n = 16 * PLACES;
    float *x = fus_base_aligned(n, sizeof *x), *want = fus_base_aligned(n, sizeof *want);
    fill(x, n);
    for (int a = 0; a < N_ACTS; a++) {
        struct fus_layer l = layer((enum fus_act)(FUS_ACT_GELU + a), PLACES);
        CHECK(fus_op_table[l.op].reference(&(struct fus_op_reference){.layer = &l, .out = want, .in = x}, NULL) ==
              FUS_OK);
        CHECK(want[0] == 0 && !signbit(want[0]) && isnan(want[4]) && want[2] == INFINITY);
        for (int i = 0; i < 4; i++)
            if (fus_kernels_pick(isa[i], NULL))
                for (int threads = 1; threads <= 3; threads += 2)
                    check_row(&l, x, want, n, isa[i], threads);
            else if (a == 0)
                SKIP(isa[i]);
    }
    fus_base_free(x);
    fus_base_free(want);
}

/* exp and erf in float against libm in double. */
static void test_functions(void)
{
    double exp_off = 0, erf_off = 0;
    for (int i = -870000; i <= 880000; i++) {
        float x = (float)i * 1e-4f;
        exp_off = fmax(exp_off, fabs(fus_fmath_expf(x) / exp((double)x) - 1));
        erf_off = fmax(erf_off, fabs(fus_fmath_erff(x / 16) - erf((double)(x / 16))));
    }
    printf("largest error: exp %.2g of the result, erf %.2g\n", exp_off, erf_off);
    CHECK(exp_off < 1.2e-7 && erf_off < 1.5e-7);
    CHECK(fus_fmath_expf(1000) == fus_fmath_expf(88) && fus_fmath_expf(-INFINITY) == fus_fmath_expf(-87));
    CHECK(isnan(fus_fmath_expf(NAN)) && isnan(fus_fmath_erff(NAN)));
    CHECK(fus_fmath_erff(0) == 0 && fus_fmath_erff(-9) == -fus_fmath_erff(9));
}

int main(void)
{
    test_values();
    test_rows();
    test_functions();
    return test_end();
}
