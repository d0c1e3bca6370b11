/* SPDX-License-Identifier: MIT */
/* Fourier transforms: see fft.h.
 *
 * Sizes whose prime factors are small go by Stockham's self-sorting algorithm with one pass for
 * each factor (4, 2, 3, 5, ...: Cochran et al. 1967, Van Loan 1992, section 1.7). Others go by
 * Bluestein's (1970): with w = exp(-pi i / n)
 *
 *   X_k = w^(k^2) sum_j (x_j w^(j^2)) w^(-(k-j)^2)
 *
 * is a convolution, done by transforms of a power of two >= 2n - 1. Every root of unity comes
 * from its exact fraction of a turn. Only +, -, *, / and our own sine: every sum has one written
 * order. A few lines are transformed side by side in the lanes of vectors, each as it would be
 * alone. */
#include "stimuli/control/fft.h"

#include <string.h>

#include "nn/base/cpu.h"
#include "nn/base/fmath.h"

enum { MAX_FACTORS = 32, MAX_PRIME = 31, MAX_SIZE = 1 << 28, LANES = 4 };

/* One value of each of LANES lines. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
struct wide {
    lanes re, im;
};

struct fus_fft {
    int n, n_factors, factors[MAX_FACTORS];
    struct fus_complex *roots; /* [n] exp(-2 pi i k / n) */
    struct wide *line, *work;  /* [n] the data, transformed in place */
    void (*transform)(struct fus_fft *f);
    /* Bluestein's, where n has a large prime factor */
    struct fus_fft *inner;      /* its line is the padded one */
    struct fus_complex *chirp;  /* [n] w^(k^2) */
    struct fus_complex *filter; /* [inner->n] transform of w^(-k^2), over inner->n */
};

#define INLINE static inline __attribute__((always_inline))

INLINE void times(struct wide *out, const struct wide *a, const struct fus_complex *b)
{
    lanes re = a->re * b->re - a->im * b->im;
    out->im = a->re * b->im + a->im * b->re;
    out->re = re;
}

INLINE void plus(struct wide *out, const struct wide *a, const struct wide *b)
{
    out->re = a->re + b->re;
    out->im = a->im + b->im;
}

INLINE void minus(struct wide *out, const struct wide *a, const struct wide *b)
{
    out->re = a->re - b->re;
    out->im = a->im - b->im;
}

/* ---- one pass ---- */

/* What is left to transform has length `length` = 4 m and lies at stride `stride`; length *
 * stride = n. */
INLINE void pass_4(struct wide *restrict out, const struct wide *restrict in, const struct fus_fft *f, int length,
                   int stride)
{
    size_t s = (size_t)stride, quarter = s * (size_t)(length / 4);
    for (size_t i = 0; i < quarter; i += s, in += s, out += 4 * s) {
        const struct fus_complex w1 = f->roots[i], w2 = f->roots[2 * i], w3 = f->roots[3 * i];
        for (size_t q = 0; q < s; q++) {
            const struct wide *a = &in[q], *b = &in[q + quarter], *c = &in[q + 2 * quarter], *d = &in[q + 3 * quarter];
            struct wide ac, a_c, bd, b_d, y2;
            plus(&ac, a, c), minus(&a_c, a, c), plus(&bd, b, d), minus(&b_d, b, d);
            struct wide y1 = {a_c.re + b_d.im, a_c.im - b_d.re}, y3 = {a_c.re - b_d.im, a_c.im + b_d.re};
            plus(&out[q], &ac, &bd), minus(&y2, &ac, &bd);
            if (i)
                times(&y1, &y1, &w1), times(&y2, &y2, &w2), times(&y3, &y3, &w3);
            out[q + s] = y1, out[q + 2 * s] = y2, out[q + 3 * s] = y3;
        }
    }
}

/* The sum itself. step: roots[step * k] = exp(-2 pi i k / p) */
INLINE void butterfly_p(struct wide *out, const struct wide *a, int p, const struct fus_complex *roots, int step)
{
    for (int j = 0; j < p; j++) {
        struct wide sum = a[0], t;
        for (int k = 1; k < p; k++) {
            times(&t, &a[k], &roots[(size_t)(j * k % p) * (size_t)step]);
            plus(&sum, &sum, &t);
        }
        out[j] = sum;
    }
}

/* The same for length = p m. */
INLINE void pass_p(struct wide *out, const struct wide *in, const struct fus_fft *f, int p, int length, int stride)
{
    struct wide a[MAX_PRIME], b[MAX_PRIME];
    int m = length / p;
    for (int i = 0; i < m; i++)
        for (int q = 0; q < stride; q++) {
            for (int k = 0; k < p; k++)
                a[k] = in[(size_t)q + (size_t)stride * (size_t)(i + m * k)];
            if (p == 2) {
                plus(&b[0], &a[0], &a[1]);
                minus(&b[1], &a[0], &a[1]);
            } else
                butterfly_p(b, a, p, f->roots, f->n / p);
            struct wide *to = out + (size_t)q + (size_t)stride * (size_t)(p * i);
            to[0] = b[0];
            for (int j = 1; j < p; j++) {
                if (i)
                    times(&b[j], &b[j], &f->roots[(size_t)i * (size_t)j * (size_t)stride]);
                to[(size_t)stride * (size_t)j] = b[j];
            }
        }
}

INLINE void transform(struct fus_fft *f)
{
    struct wide *in = f->line, *out = f->work;
    for (int i = 0, stride = 1; i < f->n_factors; i++) {
        if (f->factors[i] == 4)
            pass_4(out, in, f, f->n / stride, stride);
        else
            pass_p(out, in, f, f->factors[i], f->n / stride, stride);
        stride *= f->factors[i];
        struct wide *swap = in;
        in = out;
        out = swap;
    }
    f->line = in;
    f->work = out;
}

static void transform_plain(struct fus_fft *f)
{
    transform(f);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void transform_avx2(struct fus_fft *f)
{
    transform(f);
}
#endif

static void swap_parts(struct wide *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (struct wide){x[i].im, x[i].re};
}

static void bluestein(struct fus_fft *f)
{
    struct fus_fft *g = f->inner;
    memset(g->line, 0, (size_t)g->n * sizeof *g->line);
    for (int k = 0; k < f->n; k++)
        times(&g->line[k], &f->line[k], &f->chirp[k]);
    g->transform(g);
    for (int k = 0; k < g->n; k++)
        times(&g->line[k], &g->line[k], &f->filter[k]);
    swap_parts(g->line, g->n);
    g->transform(g);
    swap_parts(g->line, g->n);
    for (int k = 0; k < f->n; k++)
        times(&f->line[k], &g->line[k], &f->chirp[k]);
}

/* ---- lines ---- */

/* Values of n_lines lines `apart` from each other, `step` from one to the next in each:
 * transformed in place. The inverse is the transform with real and imaginary parts exchanged
 * before and after. */
static void run_lines(struct fus_fft *f, struct fus_complex *x, size_t step, size_t apart, int n_lines, bool inverse)
{
    for (int i = 0; i < f->n; i++)
        for (int l = 0; l < LANES; l++) {
            const struct fus_complex *z = &x[(size_t)i * step + (size_t)(l < n_lines ? l : 0) * apart];
            f->line[i].re[l] = inverse ? z->im : z->re;
            f->line[i].im[l] = inverse ? z->re : z->im;
        }
    f->transform(f);
    for (int i = 0; i < f->n; i++)
        for (int l = 0; l < n_lines; l++) {
            double re = f->line[i].re[l], im = f->line[i].im[l];
            x[(size_t)i * step + (size_t)l * apart] =
                inverse ? (struct fus_complex){im / f->n, re / f->n} : (struct fus_complex){re, im};
        }
}

void fus_fft_run(struct fus_fft *f, struct fus_complex *x, bool inverse)
{
    run_lines(f, x, 1, 0, 1, inverse);
}

/* ---- making one ---- */

/* exp(-2 pi i k / n), 0 <= k < n. */
static struct fus_complex root(int64_t k, int64_t n)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, 2 * (double)k / (double)n);
    return (struct fus_complex){c, -s};
}

/* false: a prime factor is too large. */
static bool factorise(struct fus_fft *f)
{
    int left = f->n;
    for (int p = 4; left > 1;) {
        if (left % p == 0) {
            f->factors[f->n_factors++] = p;
            left /= p;
        } else
            p = p == 4 ? 2 : p == 2 ? 3 : p + 2;
        if (p > MAX_PRIME)
            return left == 1;
    }
    return true;
}

static int create_direct(struct fus_fft *f)
{
    f->roots = fus_base_alloc((size_t)f->n, sizeof *f->roots);
    f->work = fus_base_aligned((size_t)f->n, sizeof *f->work);
    f->transform = transform_plain;
#if defined(__x86_64__)
    if (fus_cpu_has_avx2())
        f->transform = transform_avx2;
#endif
    for (int k = 0; f->roots && k < f->n; k++)
        f->roots[k] = root(k, f->n);
    return f->roots && f->work ? FUS_OK : FUS_ENOMEM;
}

static int create_bluestein(struct fus_fft *f, struct fus_error *err)
{
    int size = 1;
    while (size < 2 * f->n - 1)
        size *= 2;
    int code = fus_fft_create(&f->inner, size, err);
    if (code)
        return code;
    f->transform = bluestein;
    f->chirp = fus_base_alloc((size_t)f->n, sizeof *f->chirp);
    f->filter = fus_base_alloc((size_t)size, sizeof *f->filter);
    if (!f->chirp || !f->filter)
        return FUS_ENOMEM;
    for (int64_t k = 0; k < f->n; k++) {
        struct fus_complex w = root(k * k % (2 * (int64_t)f->n), 2 * (int64_t)f->n);
        f->chirp[k] = w;
        f->filter[k] = f->filter[(size - k) % size] = (struct fus_complex){w.re, -w.im};
    }
    fus_fft_run(f->inner, f->filter, false);
    for (int k = 0; k < size; k++)
        f->filter[k] = (struct fus_complex){f->filter[k].re / size, f->filter[k].im / size};
    return FUS_OK;
}

int fus_fft_create(struct fus_fft **out, int n, struct fus_error *err)
{
    if (n < 1 || n > MAX_SIZE)
        return fus_base_fail(err, FUS_EINVAL, "a Fourier transform of size %d; expected 1 to %d", n, MAX_SIZE);
    struct fus_fft *f = fus_base_alloc(1, sizeof *f);
    int code = FUS_ENOMEM;
    if (f) {
        f->n = n;
        f->line = fus_base_aligned((size_t)n, sizeof *f->line);
        code = factorise(f) ? create_direct(f) : create_bluestein(f, err);
    }
    if (!code && !f->line)
        code = FUS_ENOMEM;
    if (code) {
        fus_fft_free(f);
        return fus_base_fail(err, code, "no memory for a Fourier transform of size %d", n);
    }
    *out = f;
    return FUS_OK;
}

void fus_fft_free(struct fus_fft *f)
{
    if (!f)
        return;
    fus_fft_free(f->inner);
    fus_base_free(f->roots);
    fus_base_free(f->line);
    fus_base_free(f->work);
    fus_base_free(f->chirp);
    fus_base_free(f->filter);
    fus_base_free(f);
}

/* ---- pictures ---- */

/* `count` lines of f's length. */
static void run_all(struct fus_fft *f, struct fus_complex *x, size_t step, size_t apart, int count, bool inverse)
{
    for (int i = 0; i < count; i += LANES)
        run_lines(f, x + (size_t)i * apart, step, apart, count - i < LANES ? count - i : LANES, inverse);
}

int fus_fft_picture(struct fus_complex *x, int width, int height, bool inverse, struct fus_error *err)
{
    struct fus_fft *row = NULL, *column = NULL;
    int code = fus_fft_create(&row, width, err);
    if (!code)
        code = fus_fft_create(&column, height, err);
    if (!code) {
        run_all(row, x, 1, (size_t)width, height, inverse);
        run_all(column, x, (size_t)width, 1, width, inverse);
    }
    fus_fft_free(row);
    fus_fft_free(column);
    return code;
}

size_t fus_fft_padded(int side)
{
    return ((size_t)side + LANES - 1) / LANES * LANES;
}

/* LANES rows of n values: transformed, the imaginary parts into im. */
static void transform_rows(struct fus_fft *f, double *x, double *im, size_t n)
{
    for (int i = 0; i < f->n; i++)
        for (size_t l = 0; l < LANES; l++) {
            f->line[i].re[l] = x[l * n + (size_t)i];
            f->line[i].im[l] = 0;
        }
    f->transform(f);
    for (int i = 0; i < f->n; i++)
        for (size_t l = 0; l < LANES; l++) {
            x[l * n + (size_t)i] = f->line[i].re[l];
            im[l * n + (size_t)i] = f->line[i].im[l];
        }
}

/* LANES columns: x becomes their power. */
static void transform_columns(struct fus_fft *f, double *x, const double *im, size_t n)
{
    for (int i = 0; i < f->n; i++) {
        memcpy(&f->line[i].re, x + (size_t)i * n, sizeof f->line[i].re);
        memcpy(&f->line[i].im, im + (size_t)i * n, sizeof f->line[i].im);
    }
    f->transform(f);
    for (int i = 0; i < f->n; i++) {
        lanes power = f->line[i].re * f->line[i].re + f->line[i].im * f->line[i].im;
        memcpy(x + (size_t)i * n, &power, sizeof power);
    }
}

int fus_fft_power(double *x, int side, struct fus_error *err)
{
    struct fus_fft *f = NULL;
    size_t n = fus_fft_padded(side);
    double *im = fus_base_aligned(n * n, sizeof *im);
    int code = im ? fus_fft_create(&f, side, err)
                  : fus_base_fail(err, FUS_ENOMEM, "no memory for a spectrum of %d x %d", side, side);
    for (size_t y = 0; y < n && !code; y += LANES)
        transform_rows(f, x + y * n, im + y * n, n);
    for (size_t c = 0; c < n && !code; c += LANES)
        transform_columns(f, x + c, im + c, n);
    fus_fft_free(f);
    fus_base_free(im);
    return code;
}
