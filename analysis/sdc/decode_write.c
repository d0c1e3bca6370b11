/* SPDX-License-Identifier: MIT */
/* A participant's arrays and its table of voxels. */
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/run/tables.h"
#include "analysis/sdc/decode_work.h"
#include "analysis/sdc/volumes.h"

#define BLOCK 128 /* trials written at a time */

/* ---- voxels/NAME.csv ---- */

static int write_voxels(const struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_data *d = w->data;
    char path[FUS_SDC_PATH_BYTES];
    struct fus_outfile f;
    fus_sdc_work_path(path, w, "voxels/%s.csv", w->name);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "voxel,i,j,k,nc,kept\n");
    for (size_t i = 0; i < d->n_masked; i++) {
        size_t at[3];
        fus_sdc_data_place(at, d, d->masked[i]);
        fus_outfile_printf(&f, "%ld", (long)d->masked[i]);
        for (int axis = 0; axis < 3; axis++)
            fus_csv_count(&f, at[axis]);
        fus_csv_number(&f, d->masked_nc[i]);
        fus_csv_count(&f, d->fate[i] == FUS_SDC_KEPT);
        fus_outfile_printf(&f, "\n");
    }
    return fus_outfile_commit(&f, err);
}

/* ---- arrays ---- */

static int write_decoder(const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->data->n_voxels, d = w->embedding.d;
    const size_t *size = w->data->layer;
    const int32_t layer[] = {(int32_t)size[0], (int32_t)size[1], (int32_t)size[2]};
    char path[FUS_SDC_PATH_BYTES];
    const struct fus_npy_array arrays[] = {{"weight", "<f4", 2, {n, d}, w->w},
                                           {"bias", "<f4", 1, {d}, w->b},
                                           {"pattern", "<f4", 2, {n, d}, w->pattern},
                                           {"voxel", "<i4", 1, {n}, w->data->voxel},
                                           {"layer", "<i4", 1, {3}, layer}};
    fus_sdc_work_path(path, w, "decoders/%s.npz", w->name);
    return fus_npyout_npz(path, arrays, layer[0] ? 5 : 4, err);
}

/* z-scored responses to the test trials, a block at a time. */
static int write_z(struct fus_npz *z, const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->n[FUS_SDC_TEST], voxels = w->data->n_voxels;
    const struct fus_npy_array array = {"z", "<f4", 2, {n, voxels}, NULL};
    float *x = fus_base_alloc(BLOCK * voxels + 1, sizeof *x);
    int code = x ? fus_npyout_begin(z, &array, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %d trials", BLOCK);
    for (size_t i = 0; i < n && !code; i += BLOCK) {
        size_t rows = n - i < BLOCK ? n - i : BLOCK;
        code = fus_sdc_data_gather(x, w->data, w->trials[FUS_SDC_TEST] + i, rows, err);
        if (!code)
            code = fus_npyout_part(z, x, rows * voxels * sizeof *x, err);
    }
    fus_base_free(x);
    return code;
}

static int write_responses(const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->n[FUS_SDC_TEST], voxels = w->data->n_voxels, sessions = (size_t)w->data->n_sessions;
    char path[FUS_SDC_PATH_BYTES];
    int32_t *session = fus_base_alloc(n + 1, sizeof *session);
    struct fus_npz *z = NULL;
    if (!session)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu trials", n);
    for (size_t i = 0; i < n; i++)
        session[i] = w->data->session[w->trials[FUS_SDC_TEST][i]];
    const struct fus_npy_array rest[] = {{"image", "<i4", 1, {n}, w->image[FUS_SDC_TEST]},
                                         {"session", "<i4", 1, {n}, session},
                                         {"mean", "<f8", 2, {sessions, voxels}, w->data->mean},
                                         {"sd", "<f8", 2, {sessions, voxels}, w->data->sd}};
    fus_sdc_work_path(path, w, "responses/%s_test.npz", w->name);
    int code = fus_npyout_open(&z, path, err);
    if (!code)
        code = write_z(z, w, err);
    for (int i = 0; i < 4 && !code; i++)
        code = fus_npyout_begin(z, &rest[i], err);
    if (!code)
        code = fus_npyout_commit(z, err);
    else
        fus_npyout_discard(z);
    fus_base_free(session);
    return code;
}

int fus_sdc_write_all(struct fus_sdc_work *w, struct fus_error *err)
{
    int code = write_voxels(w, err);
    if (!code)
        code = write_decoder(w, err);
    if (!code)
        code = write_responses(w, err);
    return code ? code : fus_sdc_volumes_write_mask(w->o->out, w->data, err);
}
