/* SPDX-License-Identifier: MIT */
/* Decoders of half of the sessions, from which `sdc cluster` learns whether other data of the same
 * participants give the same clusters. The voxels are those kept from all sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/run/tables.h"
#include "analysis/sdc/decode_work.h"

static const char *const names[] = {"odd", "even"};

static int compare_numbers(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* order [n_images]: 0, 1, ... in the order of the training images; others are left as they are. */
static int number_images(int32_t *order, const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->n[FUS_SDC_TRAIN];
    int32_t *sorted = fus_base_alloc(n + 1, sizeof *sorted), number = -1;
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images", w->name, n);
    memcpy(sorted, w->image[FUS_SDC_TRAIN], n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    for (size_t i = 0; i < n; i++) {
        number += i == 0 || sorted[i] != sorted[i - 1];
        order[sorted[i]] = number;
    }
    fus_base_free(sorted);
    return FUS_OK;
}

static int check_half(const struct fus_sdc_work *w, int h, struct fus_error *err)
{
    return w->half[h].n > 1
               ? FUS_OK
               : fus_base_fail(err, FUS_EINVAL, "%s: --halves: %zu training trials in %s sessions found, 2 expected",
                               w->name, w->half[h].n, names[h]);
}

int fus_sdc_halves_list(struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_data *d = w->data;
    size_t n = w->n[FUS_SDC_TRAIN];
    int32_t *order = fus_base_alloc(d->n_images + 1, sizeof *order);
    int code = order ? number_images(order, w, err) : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", w->name);
    for (int h = 0; h < 2 && !code; h++) {
        w->half[h].trials = fus_base_alloc(n + 1, sizeof(int32_t));
        w->half[h].image = fus_base_alloc(n + 1, sizeof(int32_t));
        if (!w->half[h].trials || !w->half[h].image)
            code = fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu trials", w->name, n);
    }
    for (size_t i = 0; i < n && !code; i++) {
        int32_t trial = w->trials[FUS_SDC_TRAIN][i], image = w->image[FUS_SDC_TRAIN][i];
        struct fus_sdc_half *to = &w->half[(d->n_sessions > 1 ? d->session[trial] : order[image]) % 2];
        to->trials[to->n] = trial;
        to->image[to->n++] = image;
    }
    fus_base_free(order);
    for (int h = 0; h < 2 && !code; h++)
        code = check_half(w, h, err);
    return code;
}

void fus_sdc_halves_free(struct fus_sdc_work *w)
{
    for (int h = 0; h < 2; h++) {
        fus_base_free(w->half[h].trials);
        fus_base_free(w->half[h].image);
        w->half[h] = (struct fus_sdc_half){0};
    }
}

static int write_half(const struct fus_sdc_work *w, int h, float *weight, float *pattern, struct fus_error *err)
{
    size_t n = w->data->n_voxels, d = w->embedding.d;
    float *bias = weight + n * d;
    const struct fus_npy_array arrays[] = {
        {"weight", "<f4", 2, {n, d}, weight}, {"bias", "<f4", 1, {d}, bias}, {"pattern", "<f4", 2, {n, d}, pattern}};
    char path[FUS_SDC_PATH_BYTES];
    int code = fus_sdc_fits_average(weight, bias, w, h ? FUS_SDC_EVEN : FUS_SDC_ODD, err);
    if (!code)
        code = fus_sdc_fits_pattern(pattern, weight, bias, w, w->half[h].trials, w->half[h].n, err);
    fus_sdc_work_path(path, w, "decoders/%s/%s.npz", w->name, names[h]);
    return code ? code : fus_npyout_npz(path, arrays, 3, err);
}

int fus_sdc_halves_write(const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->data->n_voxels * w->embedding.d;
    float *weight = fus_base_alloc(n + w->embedding.d, sizeof *weight), *pattern = fus_base_alloc(n, sizeof *pattern);
    int code = weight && pattern ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder", w->name);
    for (int h = 0; h < 2 && !code; h++)
        code = write_half(w, h, weight, pattern, err);
    fus_base_free(weight);
    fus_base_free(pattern);
    return code;
}
