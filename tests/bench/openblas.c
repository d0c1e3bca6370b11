/* SPDX-License-Identifier: MIT */
/* OpenBLAS's products of the convolutions of standard input (convs.sh) alone, as im2col would call
 * them, without im2col itself: what is left of any engine built on a BLAS. Prints the median of a
 * pass over all of them in ms.
 *
 *   cc -O2 openblas.c -o openblas -lopenblas        sh convs.sh | OPENBLAS_NUM_THREADS=1
 *                                                   ./openblas ROUNDS */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_CONVS 128

extern void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static float *filled(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i % 13) * 0.01f - 0.06f;
    return x;
}

int main(int argc, char **argv)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111 };
    struct product {
        int m, n, k;
        float *weights;
    } products[MAX_CONVS];
    int rounds = argc > 1 ? atoi(argv[1]) : 10, n = 0, c[7];
    size_t patches = 1, out = 1;
    double *passes = malloc((size_t)(rounds + 1) * sizeof *passes);
    while (n < MAX_CONVS && scanf("%d %d %d %d %d %d %d", &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6]) == 7) {
        int side = (c[5] + 2 * c[4] - c[2]) / c[3] + 1;
        struct product *p = &products[n++];
        *p = (struct product){c[1], side * side, c[0] * c[2] * c[2], filled((size_t)(c[1] * c[0] * c[2] * c[2]))};
        patches = (size_t)p->k * (size_t)p->n > patches ? (size_t)p->k * (size_t)p->n : patches;
        out = (size_t)p->m * (size_t)p->n > out ? (size_t)p->m * (size_t)p->n : out;
    }
    float *b = filled(patches), *y = filled(out);
    for (int r = 0; r < rounds + 1; r++) {
        double start = now();
        for (int i = 0; i < n; i++)
            cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, products[i].m, products[i].n, products[i].k, 1,
                        products[i].weights, products[i].k, b, products[i].n, 0, y, products[i].n);
        passes[r] = (now() - start) * 1e3;
    }
    qsort(passes + 1, (size_t)rounds, sizeof *passes, by_value);
    printf("%.3f\n", passes[1 + rounds / 2]);
    return 0;
}
