/* SPDX-License-Identifier: MIT */
/* nn/matmul.c against one chain of multiply-adds for each element, to the bit: every instruction
 * set, one and several threads, at the edges of tiles, panels, slices and tasks. */
#include "nn/base/cpu.h"
#include "nn/base/rng.h"
#include "nn/kernel/kernels.h"
#include "nn/matmul.h"
#include "test.h"

static const char *const isas[] = {"scalar", "avx2", "avx512", "neon"};

struct sizes {
    size_t rows, k, columns;
};
static const struct sizes all[] = {{1, 16, 16}, {3, 5, 1}, {17, 40, 33}, {14, 272, 64}, {57, 100, 96}, {300, 530, 20}};

static float *numbers(size_t n, uint64_t seed)
{
    float *x = fus_base_alloc(n, sizeof *x);
    struct fus_rng r;
    fus_rng_seed(&r, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)fus_rng_normal(&r);
    return x;
}

static float *pack(const float *x, size_t rows, size_t columns)
{
    float *to = fus_base_aligned(rows * fus_matmul_pad(columns), sizeof *to);
    fus_matmul_pack(to, x, rows, columns);
    return to;
}

/* out[i, j] = sum_k a[i, k] b[k, j] + bias[j] */
static bool check_product(const struct sizes *s, bool bias, const struct fus_kernel *kernel)
{
    size_t k_pad = fus_matmul_pad(s->k), columns = fus_matmul_pad(s->columns);
    float *a = numbers(s->rows * s->k, 1), *b = numbers(s->columns * s->k, 2), *offset = numbers(columns, 3);
    float *pa = pack(a, s->rows, s->k), *pb = fus_base_alloc(columns * k_pad, sizeof *pb);
    float *out = fus_base_aligned(s->rows * columns, sizeof *out), *got = numbers(s->rows * s->columns, 4);
    bool equal = true;
    for (size_t j = 0; j < s->columns; j++) /* b is [columns, k] here */
        for (size_t k = 0; k < s->k; k++)
            pb[(j / 16 * k_pad + k) * 16 + j % 16] = b[j * s->k + k];
    fus_matmul_run(&(struct fus_matmul){s->rows, k_pad, columns, pa, pb, bias ? offset : NULL, out, false, 0, 0},
                   kernel);
    fus_matmul_unpack(got, out, s->rows, s->columns);
    for (size_t i = 0; i < s->rows; i++)
        for (size_t j = 0; j < s->columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < s->k; k++)
                sum = fmaf(a[i * s->k + k], b[j * s->k + k], sum);
            equal = equal && got[i * s->columns + j] == (bias ? sum + offset[j] : sum);
        }
    float *const blocks[] = {a, b, offset, pa, pb, out, got};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        fus_base_free(blocks[i]);
    return equal;
}

static void keep_tile(void *context, const float *tile, size_t block, size_t v0)
{
    const struct fus_matmul_over_rows *m = context;
    memcpy(m->out + (block * m->k + v0) * 16, tile, 256 * sizeof *tile);
}

/* out[v, j] = sum_i a[i, v] b[i, j], from 1 where `onto`. */
static bool check_over_rows(const struct sizes *s, bool onto, bool tiles, const struct fus_kernel *kernel)
{
    size_t k_pad = fus_matmul_pad(s->k), columns = fus_matmul_pad(s->columns);
    float *a = numbers(s->rows * s->k, 1), *b = numbers(s->rows * s->columns, 2);
    float *pa = pack(a, s->rows, s->k), *pb = pack(b, s->rows, s->columns);
    float *out = fus_base_aligned(k_pad * columns, sizeof *out), *got = numbers(k_pad * s->columns, 4);
    struct fus_matmul_over_rows m = {s->rows, k_pad, columns, pa, pb, out, onto, false, NULL, NULL, 0, 0};
    bool equal = true;
    if (tiles)
        m.use = keep_tile, m.context = &m;
    for (size_t i = 0; i < k_pad * columns; i++)
        out[i] = 1;
    fus_matmul_run_over_rows(&m, kernel);
    fus_matmul_unpack(got, out, k_pad, s->columns);
    for (size_t v = 0; v < s->k; v++)
        for (size_t j = 0; j < s->columns; j++) {
            float sum = onto && !tiles ? 1 : 0;
            for (size_t i = 0; i < s->rows; i++)
                sum = fmaf(a[i * s->k + v], b[i * s->columns + j], sum);
            equal = equal && got[v * s->columns + j] == sum;
        }
    float *const blocks[] = {a, b, pa, pb, out, got};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        fus_base_free(blocks[i]);
    return equal;
}

/* x' x, the tiles on and above the diagonal. */
static void test_upper(void)
{
    enum { ROWS = 20, N = 64 };
    float *x = numbers(ROWS * N, 5), *px = pack(x, ROWS, N), *out = fus_base_alloc(N * N, sizeof *out);
    bool equal = true, untouched = true;
    fus_matmul_run_over_rows(&(struct fus_matmul_over_rows){ROWS, N, N, px, px, out, true, true, NULL, NULL, 0, 0},
                             fus_kernels_here());
    for (size_t v = 0; v < N; v++)
        for (size_t j = 0; j < N; j++) {
            float sum = 0, got = out[(j / 16 * N + v) * 16 + j % 16];
            for (size_t i = 0; i < ROWS; i++)
                sum = fmaf(x[i * N + v], x[i * N + j], sum);
            equal = equal && (v < j || got == sum);
            untouched = untouched && (v + 32 > j || got == 0);
        }
    CHECK(equal && untouched);
    fus_base_free(x);
    fus_base_free(px);
    fus_base_free(out);
}

static void test_transposed(void)
{
    float *x = numbers(19 * 5, 6), *to = fus_base_alloc(32 * 5, sizeof *to);
    bool equal = true;
    fus_matmul_pack_transposed(to, x, 19, 5);
    for (size_t r = 0; r < 32; r++)
        for (size_t c = 0; c < 5; c++)
            equal = equal && to[(r / 16 * 5 + c) * 16 + r % 16] == (r < 19 ? x[r * 5 + c] : 0);
    CHECK(equal);
    fus_base_free(x);
    fus_base_free(to);
}

int main(void)
{
    for (size_t isa = 0; isa < sizeof isas / sizeof *isas; isa++) {
        const struct fus_kernel *kernel = fus_kernels_pick(isas[isa], NULL);
        for (int threads = 1; kernel && threads <= 3; threads += 2)
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                fus_base_set_threads(threads);
                CHECK_MSG(check_product(&all[i], false, kernel) && check_product(&all[i], true, kernel),
                          "%s, %d threads, size %zu", isas[isa], threads, i);
                CHECK_MSG(check_over_rows(&all[i], false, false, kernel) &&
                              check_over_rows(&all[i], true, false, kernel) &&
                              check_over_rows(&all[i], false, true, kernel),
                          "%s, %d threads, size %zu", isas[isa], threads, i);
            }
    }
    test_upper();
    test_transposed();
    return test_end();
}
