/* SPDX-License-Identifier: MIT */
/* Near-duplicates: see near.h. */
#include "stimuli/set/near.h"

#include <math.h>

#include "nn/base/threads.h"

int fus_near_reduce(uint8_t *grey, const struct fus_image *picture, struct fus_error *err)
{
    struct fus_image small;
    int code = fus_resize_image(&small, picture, FUS_NEAR_SIDE, FUS_NEAR_SIDE, FUS_BILINEAR, err);
    if (code)
        return code;
    for (int i = 0; i < FUS_NEAR_BYTES; i++) {
        const uint8_t *p = small.pixels + 3 * i;
        grey[i] = (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16);
    }
    fus_image_free(&small);
    return FUS_OK;
}

struct search {
    const uint8_t *grey; /* [n, FUS_NEAR_BYTES] */
    int n;
    double above;
    int64_t *sum, *square; /* [n] of the values, n sum of squares - squared sum */
    double *row;           /* [n] r of one picture with those after it */
    int at;
};

static int64_t product(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int i = 0; i < FUS_NEAR_BYTES; i++)
        sum += (uint32_t)a[i] * b[i];
    return sum;
}

static void sum_picture(void *context, int i, int thread)
{
    struct search *s = context;
    const uint8_t *x = s->grey + (size_t)i * FUS_NEAR_BYTES;
    (void)thread;
    s->sum[i] = 0;
    for (int k = 0; k < FUS_NEAR_BYTES; k++)
        s->sum[i] += x[k];
    s->square[i] = FUS_NEAR_BYTES * product(x, x) - s->sum[i] * s->sum[i];
}

static void correlate(void *context, int task, int thread)
{
    struct search *s = context;
    int a = s->at, b = a + 1 + task;
    (void)thread;
    s->row[b] = 0;
    if (!s->square[a] || !s->square[b])
        return;
    int64_t both = FUS_NEAR_BYTES * product(s->grey + (size_t)a * FUS_NEAR_BYTES, s->grey + (size_t)b * FUS_NEAR_BYTES);
    s->row[b] = (double)(both - s->sum[a] * s->sum[b]) / sqrt((double)s->square[a] * (double)s->square[b]);
}

static int append(struct fus_near_pair **pairs, int *n, struct fus_near_pair pair, struct fus_error *err)
{
    if ((*n & (*n - 1)) == 0) {
        struct fus_near_pair *more = fus_base_resize(*pairs, *n ? 2 * (size_t)*n : 1, sizeof *more);
        if (!more)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %d pairs of pictures", *n + 1);
        *pairs = more;
    }
    (*pairs)[(*n)++] = pair;
    return FUS_OK;
}

int fus_near_find(struct fus_near_pair **pairs, int *n_pairs, const uint8_t *grey, int n, double above,
                  struct fus_error *err)
{
    struct search s = {grey, n, above, NULL, NULL, NULL, 0};
    int code = FUS_OK;
    *pairs = NULL;
    *n_pairs = 0;
    s.sum = fus_base_alloc((size_t)n + 1, 2 * sizeof *s.sum);
    s.square = s.sum ? s.sum + n : NULL;
    s.row = fus_base_alloc((size_t)n + 1, sizeof *s.row);
    if (!s.sum || !s.row)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to compare %d pictures", n);
    if (!code)
        fus_threads_for(n, sum_picture, &s);
    for (s.at = 0; s.at + 1 < n && !code; s.at++) {
        fus_threads_for(n - 1 - s.at, correlate, &s);
        for (int b = s.at + 1; b < n && !code; b++)
            if (s.row[b] > above)
                code = append(pairs, n_pairs, (struct fus_near_pair){s.at, b, s.row[b]}, err);
    }
    fus_base_free(s.sum);
    fus_base_free(s.row);
    if (!code)
        return FUS_OK;
    fus_base_free(*pairs);
    *pairs = NULL;
    *n_pairs = 0;
    return code;
}
