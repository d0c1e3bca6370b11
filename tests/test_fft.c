/* SPDX-License-Identifier: MIT */
/* stimuli/control/fft.c against numpy.fft, and against the sum itself, at sizes of every kind. */
#include "stimuli/control/fft.h"

#include "nn/base/cpu.h"
#include "nn/base/fmath.h"
#include "test.h"

static struct fus_error err;

static void numbers(double *out, size_t stride, int n, unsigned seed)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1103515245u + 12345u;
        out[(size_t)i * stride] = (double)(seed >> 16) / 65536;
    }
}

static struct fus_complex *input(int n)
{
    struct fus_complex *x = calloc((size_t)n, sizeof *x);
    if (!x)
        exit(1);
    numbers(&x->re, 2, n, 1);
    numbers(&x->im, 2, n, 2);
    return x;
}

static const struct {
    int n, k;
    double re, im;
} golden[] = {
#include "golden/control_fft.inc"
};

static void test_numpy(void)
{
    struct fus_complex *x = NULL;
    struct fus_fft *f = NULL;
    double worst = 0;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        if (i == 0 || golden[i].n != golden[i - 1].n) {
            free(x);
            fus_fft_free(f);
            x = input(golden[i].n);
            f = NULL;
            CHECK(fus_fft_create(&f, golden[i].n, &err) == FUS_OK);
            if (!f)
                break;
            fus_fft_run(f, x, false);
        }
        double scale = sqrt(golden[i].n) * 0.41; /* of a value: root mean square of the input times sqrt(n) */
        double off = hypot(x[golden[i].k].re - golden[i].re, x[golden[i].k].im - golden[i].im) / scale;
        worst = off > worst ? off : worst;
        /* the largest value is sqrt(n) times that */
        CHECK_MSG(off < 2e-13, "size %d, %d: off by %.3g", golden[i].n, golden[i].k, off);
    }
    printf("largest difference from numpy.fft: %.2g of a value's root mean square\n", worst);
    free(x);
    fus_fft_free(f);
}

/* Forward and inverse give the input back, and the first value is the sum; all sizes to 300. */
static void test_back(void)
{
    for (int n = 1; n <= 300; n++) {
        struct fus_complex *x = input(n), *y = input(n), sum = {0, 0};
        struct fus_fft *f = NULL;
        double worst = 0;
        CHECK(fus_fft_create(&f, n, &err) == FUS_OK);
        if (!f)
            return;
        fus_fft_run(f, x, false);
        for (int i = 0; i < n; i++)
            sum.re += y[i].re, sum.im += y[i].im;
        CHECK(hypot(x[0].re - sum.re, x[0].im - sum.im) < 1e-13 * n);
        fus_fft_run(f, x, true);
        for (int i = 0; i < n; i++)
            worst = fmax(worst, hypot(x[i].re - y[i].re, x[i].im - y[i].im));
        CHECK_MSG(worst < 3e-15, "size %d: %.3g", n, worst);
        free(x), free(y);
        fus_fft_free(f);
    }
}

/* Two dimensions against the sum over both. */
static void test_picture(void)
{
    enum { W = 6, H = 37 };
    struct fus_complex *x = input(W * H), *y = input(W * H);
    CHECK(fus_fft_picture(x, W, H, false, &err) == FUS_OK);
    for (int v = 0; v < H; v++)
        for (int u = 0; u < W; u++) {
            struct fus_complex sum = {0, 0};
            for (int i = 0; i < W * H; i++) {
                double s, c;
                fus_fmath_sincospi(&s, &c, -2.0 * ((double)(i % W * u) / W + (double)(i / W * v) / H));
                sum.re += y[i].re * c - y[i].im * s;
                sum.im += y[i].re * s + y[i].im * c;
            }
            CHECK(hypot(x[v * W + u].re - sum.re, x[v * W + u].im - sum.im) < 1e-11);
        }
    CHECK(fus_fft_picture(x, W, H, true, &err) == FUS_OK);
    for (int i = 0; i < W * H; i++)
        CHECK(fabs(x[i].re - y[i].re) < 1e-14 && fabs(x[i].im - y[i].im) < 1e-14);
    free(x), free(y);
}

/* The power of a real picture is that of its spectrum, to the bit. */
static void test_power(void)
{
    static const int sides[] = {1, 2, 3, 5, 8, 13, 30, 37, 64, 97};
    for (size_t k = 0; k < sizeof sides / sizeof *sides; k++) {
        size_t side = (size_t)sides[k], n = fus_fft_padded(sides[k]);
        struct fus_complex *z = input((int)(side * side));
        double *x = calloc(n * n, sizeof *x);
        bool same = true;
        if (!x)
            exit(1);
        for (size_t i = 0; i < side * side; i++) {
            z[i].im = 0;
            x[i / side * n + i % side] = z[i].re;
        }
        CHECK(n >= side && fus_fft_picture(z, sides[k], sides[k], false, &err) == FUS_OK &&
              fus_fft_power(x, sides[k], &err) == FUS_OK);
        for (size_t i = 0; i < side * side && same; i++)
            same = x[i / side * n + i % side] == z[i].re * z[i].re + z[i].im * z[i].im;
        CHECK_MSG(same, "side %d", sides[k]);
        free(x), free(z);
    }
}

/* The same bits on every machine: a digest of the values at sizes of each kind. */
static void test_bits(void)
{
    static const int sizes[] = {224, 375, 211, 1024, 1369};
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        struct fus_complex *x = input(sizes[k]);
        struct fus_fft *f = NULL;
        CHECK(fus_fft_create(&f, sizes[k], &err) == FUS_OK);
        if (!f)
            return;
        fus_fft_run(f, x, false);
        for (int i = 0; i < sizes[k]; i++) {
            uint64_t bits[2];
            memcpy(bits, &x[i], sizeof bits);
            h = (h ^ bits[0]) * 0x100000001b3u;
            h = (h ^ bits[1]) * 0x100000001b3u;
        }
        free(x);
        fus_fft_free(f);
    }
    CHECK_MSG(h == 0xd15039dd4df30bf6u, "%016llx", (unsigned long long)h);
}

static void test_errors(void)
{
    struct fus_fft *f = NULL;
    struct fus_complex x[12] = {{1, 0}};
    CHECK(fus_fft_create(&f, 0, &err) == FUS_EINVAL && fus_fft_create(&f, -5, NULL) == FUS_EINVAL);
    CHECK(fus_fft_create(&f, 0x7fffffff, &err) == FUS_EINVAL);
    for (int n = 36; n <= 37; n++)
        for (long k = 1;; k++) {
            fus_base_fail_allocation(k);
            int code = fus_fft_create(&f, n, &err);
            fus_base_fail_allocation(0);
            if (!code) {
                fus_fft_free(f);
                break;
            }
            CHECK(code == FUS_ENOMEM);
        }
    double y[16] = {1};
    for (long k = 1; k < 5; k++) {
        fus_base_fail_allocation(k);
        CHECK(fus_fft_picture(x, 4, 3, false, &err) == FUS_ENOMEM && fus_fft_power(y, 4, &err) == FUS_ENOMEM);
        fus_base_fail_allocation(0);
    }
}

int main(void)
{
    test_numpy();
    test_back();
    test_picture();
    test_power();
    test_bits();
    fus_cpu_set_isa("scalar");
    test_bits();
    fus_cpu_set_isa(NULL);
    test_errors();
    return test_end();
}
