/* SPDX-License-Identifier: MIT */
/* How much of a voxel's variance an image explains: see ceiling.h (Prince et al. 2022, GLMsingle;
 * Allen et al. 2022, NSD). */
#include "analysis/sdc/ceiling.h"

#include <math.h>
#include <string.h>

#include "nn/base/threads.h"

enum { TASK_VOXELS = 64 };

struct ceiling {
    float *nc;
    const struct fus_sdc_data *d;
    const struct fus_sdc_matrix *all;
    const double *centre, *factor;
    const int32_t *rows; /* [n_images, repeats] trials */
    size_t n_images;
    int repeats;
    size_t stripe, width;
    const void *raw; /* [n_trials, width] of the stripe */
};

/* rows [images, repeats]: the first training trials of each image that has enough; counts [n_images
 * of the embedding] is scratch, 0 at first. */
static size_t collect(int32_t *rows, uint32_t *place, const struct fus_sdc_data *d, int repeats)
{
    size_t n = 0;
    for (size_t t = 0; t < d->n_trials; t++)
        place[d->image[t]] += d->split[t] == FUS_SDC_TRAIN;
    for (size_t i = 0; i < d->n_images; i++)
        place[i] = place[i] >= (uint32_t)repeats ? (uint32_t)(++n * (size_t)repeats) : 0; /* end of its rows */
    for (size_t i = 0; i < n * (size_t)repeats; i++)
        rows[i] = -1;
    for (size_t t = 0; t < d->n_trials; t++) {
        uint32_t end = place[d->image[t]];
        if (!end || d->split[t] != FUS_SDC_TRAIN)
            continue;
        for (uint32_t k = end - (uint32_t)repeats; k < end; k++)
            if (rows[k] < 0) {
                rows[k] = (int32_t)t;
                break;
            }
    }
    return n;
}

/* x of one trial, n voxels from `first` of the stripe on. */
static void read_trial(double *x, const struct ceiling *c, size_t trial, size_t first, size_t n)
{
    size_t at = (size_t)c->d->session[trial] * c->d->n_masked + c->stripe * c->all->stripe + first;
    const double *centre = c->centre + at, *factor = c->factor + at;
    const int16_t *whole = (const int16_t *)c->raw + trial * c->width + first;
    const float *single = (const float *)c->raw + trial * c->width + first;
    for (size_t v = 0; v < n; v++)
        x[v] = (float)(((c->all->integer ? whole[v] : single[v]) - centre[v]) * factor[v]);
}

/* sum += the variance of n voxels over the trials of one image. */
static void add_image(double *sum, const struct ceiling *c, const int32_t *trials, size_t first, size_t n)
{
    double mean[TASK_VOXELS] = {0}, m2[TASK_VOXELS] = {0}, x[TASK_VOXELS];
    for (int r = 0; r < c->repeats; r++) {
        read_trial(x, c, (size_t)trials[r], first, n);
        for (size_t v = 0; v < n; v++)
            mean[v] += x[v];
    }
    for (size_t v = 0; v < n; v++)
        mean[v] /= c->repeats;
    for (int r = 0; r < c->repeats; r++) {
        read_trial(x, c, (size_t)trials[r], first, n);
        for (size_t v = 0; v < n; v++)
            m2[v] += (x[v] - mean[v]) * (x[v] - mean[v]);
    }
    for (size_t v = 0; v < n; v++)
        sum[v] += m2[v] / (c->repeats - 1);
}

static void measure(void *context, int task, int thread)
{
    const struct ceiling *c = context;
    size_t first = (size_t)task * TASK_VOXELS, n = c->width - first < TASK_VOXELS ? c->width - first : TASK_VOXELS;
    double sum[TASK_VOXELS] = {0};
    (void)thread;
    for (size_t i = 0; i < c->n_images; i++)
        add_image(sum, c, c->rows + i * (size_t)c->repeats, first, n);
    for (size_t v = 0; v < n; v++) {
        size_t at = c->stripe * c->all->stripe + first + v;
        double within = sum[v] / (double)c->n_images, signal = within < 1 ? 1 - within : 0;
        if (c->d->fate[at] == FUS_SDC_KEPT)
            c->nc[at] = (float)(100 * signal / (signal + within));
    }
}

static int run(struct ceiling *c, struct fus_error *err)
{
    const struct fus_sdc_matrix *m = c->all;
    size_t most = m->stripe < m->n_columns ? m->stripe : m->n_columns, cells;
    void *buffer = NULL;
    int code = FUS_OK;
    if (!m->memory) {
        buffer = fus_base_mul(&cells, m->n_rows, most) ? fus_base_alloc(cells, sizeof(float)) : NULL;
        if (!buffer)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials of %zu voxels", m->n_rows, most);
    }
    for (size_t s = 0; !code && s < fus_sdc_matrix_stripes(m); s++) {
        if (fus_base_stopping())
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped");
        c->stripe = s;
        c->width = fus_sdc_matrix_width(m, s);
        if (!code)
            code = fus_sdc_matrix_read(&c->raw, m, s, 0, m->n_rows, buffer, err);
        if (!code)
            fus_threads_for((int)((c->width + TASK_VOXELS - 1) / TASK_VOXELS), measure, c);
    }
    fus_base_free(buffer);
    return code;
}

int fus_sdc_ceiling(float *nc, size_t *n_images, const struct fus_sdc_data *d, const struct fus_sdc_matrix *all,
                    const double *centre, const double *factor, int repeats, struct fus_error *err)
{
    struct ceiling c = {.nc = nc, .d = d, .all = all, .centre = centre, .factor = factor, .repeats = repeats};
    int32_t *rows = fus_base_alloc(d->n_trials, sizeof *rows);
    uint32_t *place = fus_base_alloc(d->n_images, sizeof *place);
    int code = rows && place ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", d->n_trials);
    for (size_t v = 0; v < d->n_masked; v++)
        nc[v] = NAN;
    if (!code && repeats > 1)
        c.n_images = collect(rows, place, d, repeats);
    c.rows = rows;
    if (!code && c.n_images)
        code = run(&c, err);
    *n_images = c.n_images;
    fus_base_free(rows);
    fus_base_free(place);
    return code;
}
