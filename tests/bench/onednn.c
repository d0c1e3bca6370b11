/* SPDX-License-Identifier: MIT */
/* oneDNN's convolutions alone: those of standard input (convs.sh), each in the layouts that
 * oneDNN prefers, with bias, ReLU and addition fused; prints the median of a pass over all of
 * them, in ms a picture.
 *
 *   cc -O2 onednn.c -o onednn -ldnnl        sh convs.sh | OMP_NUM_THREADS=1 ./onednn
 *                                           winograd|direct BATCH ROUNDS */
#define _POSIX_C_SOURCE 200809L
#include <dnnl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CONVS 128
#define TRY(call)                                          \
    do {                                                   \
        if ((call) != dnnl_success) {                      \
            fprintf(stderr, "onednn: %s failed\n", #call); \
            exit(1);                                       \
        }                                                  \
    } while (0)

struct conv {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[4];
};

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

/* Memory as the primitive wants it, filled with small numbers. */
static dnnl_memory_t memory(dnnl_primitive_desc_t pd, dnnl_query_t which, dnnl_engine_t engine)
{
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, which, 0);
    dnnl_memory_t m;
    void *data;
    TRY(dnnl_memory_create(&m, md, engine, DNNL_MEMORY_ALLOCATE));
    TRY(dnnl_memory_get_data_handle(m, &data));
    for (size_t i = 0; i < dnnl_memory_desc_get_size(md) / sizeof(float); i++)
        ((float *)data)[i] = (float)(i * 2654435761u >> 20 & 127) * 0.001f - 0.06f;
    return m;
}

static int describe(dnnl_primitive_desc_t *pd, const int *c, int batch, dnnl_alg_kind_t algorithm, dnnl_engine_t engine)
{
    int side = (c[5] + 2 * c[4] - c[2]) / c[3] + 1;
    dnnl_dims_t in = {batch, c[0], c[5], c[5]}, weights = {c[1], c[0], c[2], c[2]}, bias = {c[1]},
                out = {batch, c[1], side, side};
    dnnl_dims_t strides = {c[3], c[3]}, padding = {c[4], c[4]};
    dnnl_memory_desc_t m[4];
    dnnl_convolution_desc_t d;
    dnnl_post_ops_t after;
    dnnl_primitive_attr_t attr;
    TRY(dnnl_memory_desc_init_by_tag(&m[0], 4, in, dnnl_f32, c[0] == 3 ? dnnl_nchw : dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&m[1], 4, weights, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&m[2], 1, bias, dnnl_f32, dnnl_x));
    TRY(dnnl_memory_desc_init_by_tag(&m[3], 4, out, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_post_ops_create(&after));
    if (c[6])
        TRY(dnnl_post_ops_append_sum(after, 1));
    TRY(dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0));
    TRY(dnnl_primitive_attr_create(&attr));
    TRY(dnnl_primitive_attr_set_post_ops(attr, after));
    TRY(dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, algorithm, &m[0], &m[1], &m[2], &m[3], strides,
                                           padding, padding));
    int code = dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) == dnnl_success ? 0 : -1;
    dnnl_primitive_attr_destroy(attr);
    dnnl_post_ops_destroy(after);
    return code;
}

int main(int argc, char **argv)
{
    static struct conv convs[MAX_CONVS];
    int winograd = argc > 1 && strcmp(argv[1], "winograd") == 0, batch = argc > 2 ? atoi(argv[2]) : 1;
    int rounds = argc > 3 ? atoi(argv[3]) : 10, n = 0, c[7];
    double *passes = malloc((size_t)(rounds + 2) * sizeof *passes);
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    TRY(dnnl_engine_create(&engine, dnnl_cpu, 0));
    TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    while (n < MAX_CONVS && scanf("%d %d %d %d %d %d %d", &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6]) == 7) {
        dnnl_primitive_desc_t pd;
        bool fits = winograd && c[2] == 3 && c[3] == 1;
        if ((!fits || describe(&pd, c, batch, dnnl_convolution_winograd, engine)) &&
            describe(&pd, c, batch, dnnl_convolution_direct, engine)) {
            fprintf(stderr, "onednn: a convolution is not supported\n");
            return 1;
        }
        TRY(dnnl_primitive_create(&convs[n].primitive, pd));
        convs[n].args[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(pd, dnnl_query_src_md, engine)};
        convs[n].args[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, memory(pd, dnnl_query_weights_md, engine)};
        dnnl_memory_desc_t bias;
        TRY(dnnl_memory_desc_init_by_tag(&bias, 1, (dnnl_dims_t){c[1]}, dnnl_f32, dnnl_x));
        TRY(dnnl_memory_create(&convs[n].args[2].memory, &bias, engine, DNNL_MEMORY_ALLOCATE));
        convs[n].args[2].arg = DNNL_ARG_BIAS;
        convs[n].args[3] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(pd, dnnl_query_dst_md, engine)};
        n++;
    }
    for (int r = 0; r < rounds + 2; r++) {
        double start = now();
        for (int i = 0; i < n; i++) {
            TRY(dnnl_primitive_execute(convs[i].primitive, stream, 4, convs[i].args));
            TRY(dnnl_stream_wait(stream));
        }
        passes[r] = (now() - start) * 1e3 / batch;
    }
    qsort(passes + 2, (size_t)rounds, sizeof *passes, by_value);
    printf("%.3f\n", passes[2 + rounds / 2]);
    return 0;
}
