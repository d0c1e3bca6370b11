/* SPDX-License-Identifier: MIT */
/* A linear decoder applied: see decoder.h. */
#include "analysis/sdc/decoder.h"

#include <string.h>

#include "nn/kernel/kernels.h"
#include "nn/matmul.h"

#define BLOCK 128 /* trials at a time */

struct block {
    float *raw, *x; /* [BLOCK, V], [v_pad/16, BLOCK, 16] */
};

static int open_block(struct block *b, size_t n_voxels, struct fus_error *err)
{
    b->raw = fus_base_alloc(BLOCK * n_voxels + 1, sizeof *b->raw);
    b->x = fus_base_alloc(BLOCK * fus_matmul_pad(n_voxels) + 1, sizeof *b->x);
    return b->raw && b->x ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d trials", BLOCK);
}

static void close_block(struct block *b)
{
    fus_base_free(b->raw);
    fus_base_free(b->x);
}

static int fill_block(struct block *b, const struct fus_sdc_data *data, const int32_t *trials, size_t n,
                      struct fus_error *err)
{
    int code = fus_sdc_data_gather(b->raw, data, trials, n, err);
    if (!code)
        fus_matmul_pack(b->x, b->raw, n, data->n_voxels);
    return code;
}

int fus_sdc_decoder_apply(float *z, const struct fus_sdc_decoder *decoder, const struct fus_sdc_data *data,
                          const int32_t *trials, size_t n, struct fus_error *err)
{
    size_t v_pad = fus_matmul_pad(decoder->n_voxels), d_pad = fus_matmul_pad(decoder->d), d = decoder->d;
    const struct fus_kernel *kernel = fus_kernels_here();
    float *w = fus_base_alloc(v_pad * d_pad + 1, sizeof *w), *bias = fus_base_alloc(d_pad, sizeof *bias);
    float *out = fus_base_alloc(BLOCK * d_pad, sizeof *out);
    struct block block;
    int code = open_block(&block, decoder->n_voxels, err);
    if (!code && (!w || !bias || !out))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for a decoder of %zu voxels", decoder->n_voxels);
    if (!code) {
        for (size_t v = 0; v < decoder->n_voxels; v++)
            for (size_t j = 0; j < d; j++)
                w[(j / 16 * v_pad + v) * 16 + j % 16] = decoder->w[v * d + j];
        memcpy(bias, decoder->b, d * sizeof *bias);
    }
    for (size_t i = 0; i < n && !code; i += BLOCK) {
        size_t rows = n - i < BLOCK ? n - i : BLOCK;
        code = fill_block(&block, data, trials + i, rows, err);
        if (code)
            break;
        fus_matmul_run(&(struct fus_matmul){rows, v_pad, d_pad, block.x, w, bias, out, false, 0, 0}, kernel);
        fus_matmul_unpack(z + i * d, out, rows, d);
    }
    close_block(&block);
    fus_base_free(w);
    fus_base_free(bias);
    fus_base_free(out);
    return code;
}

/* ---- patterns ---- */

struct summing {
    double *sums; /* [d_pad/16, v_pad, 16] */
    size_t v_pad;
};

static void add_tile(void *context, const float *tile, size_t block, size_t v0)
{
    const struct summing *s = context;
    double *to = s->sums + (block * s->v_pad + v0) * 16;
    for (size_t i = 0; i < 256; i++)
        to[i] += tile[i];
}

void fus_sdc_decoder_centre(float *out, const float *z, size_t n, size_t d)
{
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += z[i * d + j];
        for (size_t i = 0; i < n; i++)
            out[i * d + j] = (float)(z[i * d + j] - sum / (double)n);
    }
}

/* As the z sum to 0, the mean of x has no effect. */
int fus_sdc_decoder_pattern(float *pattern, const float *z, size_t d, const struct fus_sdc_data *data,
                            const int32_t *trials, size_t n, struct fus_error *err)
{
    size_t v_pad = fus_matmul_pad(data->n_voxels), d_pad = fus_matmul_pad(d);
    struct summing s = {fus_base_alloc(v_pad * d_pad + 1, sizeof(double)), v_pad};
    float *centred = fus_base_alloc(n * d + 1, sizeof *centred),
          *packed = fus_base_alloc(BLOCK * d_pad, sizeof *packed);
    struct block block;
    int code = open_block(&block, data->n_voxels, err);
    if (!code && (!s.sums || !centred || !packed))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the patterns of %zu voxels", data->n_voxels);
    if (!code)
        fus_sdc_decoder_centre(centred, z, n, d);
    for (size_t i = 0; i < n && !code; i += BLOCK) {
        size_t rows = n - i < BLOCK ? n - i : BLOCK;
        code = fill_block(&block, data, trials + i, rows, err);
        if (code)
            break;
        fus_matmul_pack(packed, centred + i * d, rows, d);
        const struct fus_matmul_over_rows sum = {
            .rows = rows, .k = v_pad, .columns = d_pad, .a = block.x, .b = packed, .use = add_tile, .context = &s};
        fus_matmul_run_over_rows(&sum, fus_kernels_here());
    }
    for (size_t v = 0; v < data->n_voxels && !code; v++)
        for (size_t j = 0; j < d; j++)
            pattern[v * d + j] = (float)(s.sums[(j / 16 * v_pad + v) * 16 + j % 16] / (double)n);
    close_block(&block);
    fus_base_free(s.sums);
    fus_base_free(centred);
    fus_base_free(packed);
    return code;
}
