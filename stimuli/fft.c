/* Fourier transforms: see fft.h.
 *
 * Sizes whose prime factors are small go by Stockham's self-sorting algorithm with one pass for each factor (4, 2, 3, 5, ...:
 * Cochran et al. 1967, Van Loan 1992, section 1.7). Others go by Bluestein's (1970): with w = exp(-pi i / n)
 *
 *   X_k = w^(k^2) sum_j (x_j w^(j^2)) w^(-(k-j)^2)
 *
 * is a convolution, done by transforms of a power of two >= 2n - 1. Every root of unity comes from its exact fraction of
 * a turn. Only +, -, *, / and our own sine: every sum has one written order. */
#include "fft.h"

#include <string.h>

#include "nn/fmath.h"

enum { MAX_FACTORS = 32, MAX_PRIME = 31, MAX_SIZE = 1 << 28 };

struct fus_fft {
    int n, n_factors, factors[MAX_FACTORS];
    struct fus_complex *roots; /* [n] exp(-2 pi i k / n) */
    struct fus_complex *work;  /* [n] */
    /* Bluestein's, where n has a large prime factor */
    struct fus_fft *inner;
    struct fus_complex *chirp;  /* [n] w^(k^2) */
    struct fus_complex *filter; /* [inner->n] transform of w^(-k^2), over inner->n */
    struct fus_complex *padded; /* [inner->n] */
};

static struct fus_complex times(struct fus_complex a, struct fus_complex b)
{
    return (struct fus_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static struct fus_complex plus(struct fus_complex a, struct fus_complex b)
{
    return (struct fus_complex){a.re + b.re, a.im + b.im};
}

static struct fus_complex minus(struct fus_complex a, struct fus_complex b)
{
    return (struct fus_complex){a.re - b.re, a.im - b.im};
}

/* exp(-2 pi i k / n), 0 <= k < n. */
static struct fus_complex root(int64_t k, int64_t n)
{
    double s, c;
    fus_fmath_sincospi(&s, &c, 2 * (double)k / (double)n);
    return (struct fus_complex){c, -s};
}

/* ---- one pass ---- */

/* What is left to transform has length `length` = 4 m and lies at stride `stride`; length * stride = n. */
static void pass_4(struct fus_complex *restrict out, const struct fus_complex *restrict in, const struct fus_fft *f, int length, int stride)
{
    size_t s = (size_t)stride, quarter = s * (size_t)(length / 4);
    for (size_t i = 0; i < quarter; i += s, in += s, out += 4 * s) {
        const struct fus_complex w1 = f->roots[i], w2 = f->roots[2 * i], w3 = f->roots[3 * i];
        for (size_t q = 0; q < s; q++) {
            struct fus_complex a = in[q], b = in[q + quarter], c = in[q + 2 * quarter], d = in[q + 3 * quarter];
            struct fus_complex ac = plus(a, c), a_c = minus(a, c), bd = plus(b, d), b_d = minus(b, d);
            struct fus_complex y1 = {a_c.re + b_d.im, a_c.im - b_d.re}, y3 = {a_c.re - b_d.im, a_c.im + b_d.re};
            out[q] = plus(ac, bd);
            out[q + s] = i ? times(y1, w1) : y1;
            out[q + 2 * s] = i ? times(minus(ac, bd), w2) : minus(ac, bd);
            out[q + 3 * s] = i ? times(y3, w3) : y3;
        }
    }
}

/* The sum itself. step: roots[step * k] = exp(-2 pi i k / p) */
static void butterfly_p(struct fus_complex *out, const struct fus_complex *a, int p, const struct fus_complex *roots, int step)
{
    for (int j = 0; j < p; j++) {
        struct fus_complex sum = a[0];
        for (int k = 1; k < p; k++) {
            struct fus_complex t = times(a[k], roots[(size_t)(j * k % p) * (size_t)step]);
            sum.re += t.re;
            sum.im += t.im;
        }
        out[j] = sum;
    }
}

/* The same for length = p m. */
static void pass_p(struct fus_complex *out, const struct fus_complex *in, const struct fus_fft *f, int p, int length, int stride)
{
    struct fus_complex a[MAX_PRIME], b[MAX_PRIME];
    int m = length / p;
    for (int i = 0; i < m; i++)
        for (int q = 0; q < stride; q++) {
            for (int k = 0; k < p; k++)
                a[k] = in[(size_t)q + (size_t)stride * (size_t)(i + m * k)];
            if (p == 2) {
                b[0] = plus(a[0], a[1]);
                b[1] = minus(a[0], a[1]);
            } else
                butterfly_p(b, a, p, f->roots, f->n / p);
            struct fus_complex *to = out + (size_t)q + (size_t)stride * (size_t)(p * i);
            to[0] = b[0];
            for (int j = 1; j < p; j++)
                to[(size_t)stride * (size_t)j] = i ? times(b[j], f->roots[(size_t)i * (size_t)j * (size_t)stride]) : b[j];
        }
}

static void forward(struct fus_fft *f, struct fus_complex *x)
{
    struct fus_complex *in = x, *out = f->work;
    for (int i = 0, stride = 1; i < f->n_factors; i++) {
        if (f->factors[i] == 4)
            pass_4(out, in, f, f->n / stride, stride);
        else
            pass_p(out, in, f, f->factors[i], f->n / stride, stride);
        stride *= f->factors[i];
        struct fus_complex *swap = in;
        in = out;
        out = swap;
    }
    if (in != x)
        memcpy(x, in, (size_t)f->n * sizeof *x);
}

static void swap_parts(struct fus_complex *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = (struct fus_complex){x[i].im, x[i].re};
}

static void bluestein(struct fus_fft *f, struct fus_complex *x)
{
    memset(f->padded, 0, (size_t)f->inner->n * sizeof *f->padded);
    for (int k = 0; k < f->n; k++)
        f->padded[k] = times(x[k], f->chirp[k]);
    forward(f->inner, f->padded);
    for (int k = 0; k < f->inner->n; k++)
        f->padded[k] = times(f->padded[k], f->filter[k]);
    swap_parts(f->padded, f->inner->n);
    forward(f->inner, f->padded);
    swap_parts(f->padded, f->inner->n);
    for (int k = 0; k < f->n; k++)
        x[k] = times(f->padded[k], f->chirp[k]);
}

/* The inverse is the transform with real and imaginary parts exchanged before and after. */
void fus_fft_run(struct fus_fft *f, struct fus_complex *x, bool inverse)
{
    if (inverse)
        swap_parts(x, f->n);
    if (f->inner)
        bluestein(f, x);
    else
        forward(f, x);
    if (!inverse)
        return;
    for (int i = 0; i < f->n; i++)
        x[i] = (struct fus_complex){x[i].im / f->n, x[i].re / f->n};
}

/* ---- making one ---- */

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
    f->work = fus_base_alloc((size_t)f->n, sizeof *f->work);
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
    f->chirp = fus_base_alloc((size_t)f->n, sizeof *f->chirp);
    f->filter = fus_base_alloc((size_t)size, sizeof *f->filter);
    f->padded = fus_base_alloc((size_t)size, sizeof *f->padded);
    if (!f->chirp || !f->filter || !f->padded)
        return FUS_ENOMEM;
    for (int64_t k = 0; k < f->n; k++) {
        struct fus_complex w = root(k * k % (2 * (int64_t)f->n), 2 * (int64_t)f->n);
        f->chirp[k] = w;
        f->filter[k] = f->filter[(size - k) % size] = (struct fus_complex){w.re, -w.im};
    }
    forward(f->inner, f->filter);
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
        code = factorise(f) ? create_direct(f) : create_bluestein(f, err);
    }
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
    fus_base_free(f->work);
    fus_base_free(f->chirp);
    fus_base_free(f->filter);
    fus_base_free(f->padded);
    fus_base_free(f);
}

/* ---- pictures ---- */

int fus_fft_picture(struct fus_complex *x, int width, int height, bool inverse, struct fus_error *err)
{
    struct fus_fft *row = NULL, *column = NULL;
    struct fus_complex *line = NULL;
    int code = fus_fft_create(&row, width, err);
    if (!code)
        code = fus_fft_create(&column, height, err);
    if (!code && !(line = fus_base_alloc((size_t)height, sizeof *line)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a Fourier transform of size %d", height);
    for (int y = 0; y < height && !code; y++)
        fus_fft_run(row, x + (size_t)y * (size_t)width, inverse);
    for (int c = 0; c < width && !code; c++) {
        for (int y = 0; y < height; y++)
            line[y] = x[(size_t)y * (size_t)width + (size_t)c];
        fus_fft_run(column, line, inverse);
        for (int y = 0; y < height; y++)
            x[(size_t)y * (size_t)width + (size_t)c] = line[y];
    }
    fus_base_free(line);
    fus_fft_free(row);
    fus_fft_free(column);
    return code;
}
