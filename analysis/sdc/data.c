/* SPDX-License-Identifier: MIT */
/* A participant's responses in use: gathering of z-scored trials. responses.c reads them. */
#include "analysis/sdc/data.h"

#include <math.h>
#include <string.h>

#include "analysis/sdc/store.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

void fus_sdc_data_defaults(struct fus_sdc_data_options *o)
{
    *o = (struct fus_sdc_data_options){.min_nc = 8, .repeats = 3, .scale = 1, .zscore = true};
    o->max_memory = sizeof(size_t) > 4 ? (size_t)1 << 31 << 1 : (size_t)1 << 30;
    o->folder = ".";
}

int fus_sdc_store_create(struct fus_sdc_data **d, const char *name, struct fus_error *err)
{
    struct fus_sdc_data *made = fus_base_alloc(1, sizeof *made);
    if (made)
        made->store = fus_base_alloc(1, sizeof *made->store);
    if (made && made->store) {
        made->store->kept.fd = -1;
        made->name = fus_sdc_store_copy(made, name, strlen(name) + 1, 1);
    }
    if (made && made->name) {
        *d = made;
        return FUS_OK;
    }
    fus_sdc_data_close(made);
    return fus_base_fail(err, FUS_ENOMEM, "%s: no memory", name);
}

void *fus_sdc_store_own(struct fus_sdc_data *d, size_t n, size_t size)
{
    struct fus_sdc_store *s = d->store;
    void *p = s->n_owned < FUS_SDC_MOST_OWNED ? fus_base_alloc(n ? n : 1, size) : NULL;
    if (p)
        s->owned[s->n_owned++] = p;
    return p;
}

void *fus_sdc_store_copy(struct fus_sdc_data *d, const void *items, size_t n, size_t size)
{
    void *p = fus_sdc_store_own(d, n, size);
    if (p && n)
        memcpy(p, items, n * size);
    return p;
}

void fus_sdc_data_close(struct fus_sdc_data *d)
{
    if (!d)
        return;
    if (d->store) {
        fus_sdc_matrix_close(&d->store->kept);
        for (int i = 0; i < d->store->n_owned; i++)
            fus_base_free(d->store->owned[i]);
    }
    fus_base_free(d->store);
    fus_base_free(d);
}

static void fill(double *to, size_t n, double value)
{
    for (size_t i = 0; i < n; i++)
        to[i] = value;
}

/* One session with mean 0 and sd 1, every voxel kept, a plain array. */
static bool make_plain(struct fus_sdc_data *d, size_t n_voxels)
{
    double *mean = fus_sdc_store_own(d, n_voxels, sizeof *mean), *sd = fus_sdc_store_own(d, n_voxels, sizeof *sd);
    int32_t *voxel = fus_sdc_store_own(d, n_voxels, sizeof *voxel);
    float *nc = fus_sdc_store_own(d, n_voxels, sizeof *nc);
    size_t *part = fus_sdc_store_own(d, 2, sizeof *part);
    const char **part_name = fus_sdc_store_own(d, 1, sizeof *part_name);
    d->store->space = fus_sdc_store_own(d, 1, sizeof *d->store->space);
    d->fate = fus_sdc_store_own(d, n_voxels, 1);
    d->session = fus_sdc_store_own(d, d->n_trials, sizeof *d->session);
    if (!mean || !sd || !voxel || !nc || !part || !part_name || !d->fate || !d->session || !d->store->space)
        return false;
    fill(sd, n_voxels, 1);
    for (size_t v = 0; v < n_voxels; v++) {
        voxel[v] = (int32_t)v;
        nc[v] = NAN;
    }
    part[1] = n_voxels;
    part_name[0] = "";
    d->n_sessions = d->n_parts = 1;
    d->n_voxels = d->n_masked = d->n_places = n_voxels;
    d->voxel = d->masked = voxel;
    d->nc = d->masked_nc = nc;
    d->mean = d->store->centre = mean;
    d->sd = d->store->factor = sd;
    d->part_first = part;
    d->part_name = part_name;
    return true;
}

int fus_sdc_data_of_array(struct fus_sdc_data **d, const char *name, const float *x, size_t n_trials, size_t n_voxels,
                          size_t n_images, const int32_t *image, const uint8_t *split, struct fus_error *err)
{
    struct fus_sdc_data *made = NULL;
    if (n_trials == 0 || n_trials > INT32_MAX || n_voxels == 0 || n_voxels > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu trials of %zu voxels", name, n_trials, n_voxels);
    for (size_t t = 0; t < n_trials; t++)
        if (image[t] < 0 || (size_t)image[t] >= n_images)
            return fus_base_fail(err, FUS_EINVAL, "%s: trial %zu: image %ld of %zu", name, t + 1, (long)image[t],
                                 n_images);
    int code = fus_sdc_store_create(&made, name, err);
    if (code)
        return code;
    made->n_trials = n_trials;
    made->n_images = n_images;
    made->image = fus_sdc_store_copy(made, image, n_trials, sizeof *image);
    made->split = fus_sdc_store_copy(made, split, n_trials, 1);
    if (!made->image || !made->split || !make_plain(made, n_voxels))
        code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu trials", name, n_trials);
    made->store->kept = (struct fus_sdc_matrix){n_trials, n_voxels, n_voxels, false, NULL, -1, ""};
    if (!code)
        code = fus_sdc_matrix_create(&made->store->kept, true, err);
    if (!code)
        code = fus_sdc_matrix_write(&made->store->kept, x, 0, n_trials, err);
    if (code)
        fus_sdc_data_close(made);
    else
        *d = made;
    return code;
}

/* ---- gathering ---- */

struct gathering {
    const struct fus_sdc_data *d;
    const struct fus_kernel *kernel;
    const int32_t *trials;
    float *x;
    uint8_t *buffer;          /* [n, n_voxels] of the file's type; NULL: responses are in memory */
    struct fus_error *errors; /* [n], with buffer alone */
};

enum { WHOLE = 256 }; /* integers at a time */

static void widen(float whole[WHOLE], const int16_t *x, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++) /* of a known length, which compilers turn into vectors */
            whole[i + k] = x[i + k];
    for (; i < n; i++)
        whole[i] = x[i];
}

static void gather_row(void *context, int task, int thread)
{
    struct gathering *g = context;
    const struct fus_sdc_data *d = g->d;
    const struct fus_sdc_matrix *m = &d->store->kept;
    size_t n = d->n_voxels, item = m->integer ? sizeof(int16_t) : sizeof(float), row = (size_t)g->trials[task];
    size_t session = (size_t)d->session[row] * n;
    const double *centre = d->store->centre + session, *factor = d->store->factor + session;
    float *x = g->x + (size_t)task * n;
    const void *raw;
    (void)thread;
    if (fus_sdc_matrix_read(&raw, m, 0, row, 1, g->buffer ? g->buffer + (size_t)task * n * item : NULL,
                            g->errors ? &g->errors[task] : NULL))
        return;
    if (!m->integer)
        g->kernel->standardise(x, raw, centre, factor, n);
    for (size_t v = 0; m->integer && v < n; v += WHOLE) {
        float whole[WHOLE];
        size_t some = n - v < WHOLE ? n - v : WHOLE;
        widen(whole, (const int16_t *)raw + v, some);
        g->kernel->standardise(x + v, whole, centre + v, factor + v, some);
    }
}

int fus_sdc_data_gather(float *x, const struct fus_sdc_data *d, const int32_t *trials, size_t n, struct fus_error *err)
{
    struct gathering g = {.d = d, .kernel = fus_kernels_here(), .trials = trials, .x = x};
    int code = FUS_OK;
    if (n > INT32_MAX)
        return fus_base_fail(err, FUS_EINVAL, "%s: %zu trials at once", d->name, n);
    for (size_t i = 0; i < n; i++)
        if (trials[i] < 0 || (size_t)trials[i] >= d->n_trials)
            return fus_base_fail(err, FUS_EINVAL, "%s: trial %ld of %zu", d->name, (long)trials[i] + 1, d->n_trials);
    if (!d->store->kept.memory) {
        g.buffer = fus_base_alloc(n * d->n_voxels + 1, sizeof(float));
        g.errors = fus_base_alloc(n + 1, sizeof *g.errors);
        if (!g.buffer || !g.errors)
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu trials", d->name, n);
    }
    if (!code)
        fus_threads_for((int)n, gather_row, &g);
    for (size_t i = 0; !code && g.errors && i < n; i++)
        if (g.errors[i].code)
            code = fus_base_fail(err, g.errors[i].code, "%s: %s", d->name, g.errors[i].msg);
    fus_base_free(g.buffer);
    fus_base_free(g.errors);
    return code;
}

size_t fus_sdc_data_trials(int32_t *trials, const struct fus_sdc_data *d, enum fus_sdc_split split)
{
    size_t n = 0;
    for (size_t t = 0; t < d->n_trials; t++)
        if (d->split[t] == split)
            trials[n++] = (int32_t)t;
    return n;
}

void fus_sdc_data_place(size_t ijk[3], const struct fus_sdc_data *d, int32_t voxel)
{
    size_t v = (size_t)voxel;
    int part = d->n_parts - 1;
    while (part > 0 && v < d->part_first[part])
        part--;
    v -= d->part_first[part];
    ijk[0] = v;
    ijk[1] = ijk[2] = 0;
    if (d->grid[0] && d->grid[1]) {
        ijk[0] = v % d->grid[0];
        ijk[1] = v / d->grid[0] % d->grid[1];
        ijk[2] = v / d->grid[0] / d->grid[1];
    }
}
