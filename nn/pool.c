/* Layers without weights: pooling and the parameter-free shortcut. Sums run in the order written, vectors over
 * channels. */
#include <string.h>

#include "layers.h"
#include "team.h"

static size_t places(int side)
{
    return (size_t)side * (size_t)side;
}

struct pooling {
    float *out;
    const float *in;
    const struct fus_layer *layer;
    const struct fus_kernel *kernel;
};

/* One row of outputs of one block of channels. */
static void max_row(void *context, int row, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->layer;
    const float *plane = p->in + (size_t)(row / l->side) * places(l->in_side) * FUS_LANES;
    float *to = p->out + (size_t)row * (size_t)l->side * FUS_LANES;
    (void)thread;
    p->kernel->pool_max(to, plane, l->side, l->in_side, l->kernel, l->stride, l->padding, row % l->side * l->stride - l->padding);
}

static void average_row(void *context, int row, int thread)
{
    const struct pooling *p = context;
    const struct fus_layer *l = p->layer;
    float n = (float)(l->kernel * l->kernel);
    const float *plane = p->in + (size_t)(row / l->side) * places(l->in_side) * FUS_LANES;
    float *to = p->out + (size_t)row * (size_t)l->side * FUS_LANES;
    (void)thread;
    for (int x = 0; x < l->side; x++, to += FUS_LANES) {
        float sum[FUS_LANES] = {0};
        for (int dy = 0; dy < l->kernel; dy++)
            for (int dx = 0; dx < l->kernel; dx++) {
                size_t y = (size_t)(row % l->side * l->kernel + dy), xx = (size_t)(x * l->kernel + dx);
                const float *v = plane + (y * (size_t)l->in_side + xx) * FUS_LANES;
                for (int i = 0; i < FUS_LANES; i++)
                    sum[i] += v[i];
            }
        for (int i = 0; i < FUS_LANES; i++)
            to[i] = sum[i] / n;
    }
}

void fus_pool_max(float *out, const float *in, const struct fus_layer *l, const struct fus_kernel *kernel)
{
    struct pooling p = {out, in, l, kernel};
    fus_team_for(FUS_BLOCKS(l->channels) * l->side, max_row, &p);
}

void fus_pool_average(float *out, const float *in, const struct fus_layer *l)
{
    struct pooling p = {.out = out, .in = in, .layer = l};
    fus_team_for(FUS_BLOCKS(l->channels) * l->side, average_row, &p);
}

void fus_pool_mean(float *out, const float *in, const struct fus_layer *l)
{
    size_t n = places(l->in_side);
    for (int block = 0; block < FUS_BLOCKS(l->channels); block++, out += FUS_LANES) {
        float sum[FUS_LANES] = {0};
        for (size_t p = 0; p < n; p++, in += FUS_LANES)
            for (int i = 0; i < FUS_LANES; i++)
                sum[i] += in[i];
        for (int i = 0; i < FUS_LANES; i++)
            out[i] = sum[i] / (float)n;
    }
}

void fus_pool_pad(float *out, const float *in, const struct fus_layer *l)
{
    int before = (l->channels - l->in_channels) / 2;
    memset(out, 0, fus_tensor_blocked_size(l->channels, places(l->side)) * sizeof *out);
    for (int c = 0; c < l->in_channels; c++) {
        int to_c = c + before;
        if (to_c < 0 || to_c >= l->channels)
            continue;
        const float *from = in + (size_t)(c / FUS_LANES) * places(l->in_side) * FUS_LANES + c % FUS_LANES;
        float *to = out + (size_t)(to_c / FUS_LANES) * places(l->side) * FUS_LANES + to_c % FUS_LANES;
        for (int y = 0; y < l->side; y++)
            for (int x = 0; x < l->side; x++) {
                size_t at = (size_t)(y * l->stride) * (size_t)l->in_side + (size_t)(x * l->stride);
                to[((size_t)y * (size_t)l->side + (size_t)x) * FUS_LANES] = from[at * FUS_LANES];
            }
    }
}
