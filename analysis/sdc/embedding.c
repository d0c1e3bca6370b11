/* SPDX-License-Identifier: MIT */
/* The embedding of the images: an array of numbers -> rows of length 1. */
#include <math.h>
#include <string.h>

#include "analysis/sdc/data.h"
#include "weights/weights.h"

/* The array called `embedding`, or the only one of two dimensions. */
static int choose_array(const struct fus_tensor **found, const struct fus_store *s, struct fus_error *err)
{
    size_t n_flat = 0;
    *found = NULL;
    for (size_t i = 0; i < fus_store_count(s); i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        if (t->n_dims != 2)
            continue;
        if (strcmp(t->name, "embedding") == 0) {
            *found = t;
            return FUS_OK;
        }
        n_flat++;
        *found = t;
    }
    if (n_flat != 1)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: holds %zu arrays of two dimensions, expected one [images, dimensions] or one called "
                             "`embedding`",
                             fus_store_path(s), n_flat);
    return FUS_OK;
}

/* The row to length 1, in double; false (and zeros) if it has none. */
static bool make_unit(float *row, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)row[j] * row[j];
    bool ok = sum > 0 && sum < INFINITY;
    double length = sqrt(sum);
    for (size_t j = 0; j < d; j++)
        row[j] = ok ? (float)(row[j] / length) : 0;
    return ok;
}

static int read_rows(struct fus_sdc_embedding *e, struct fus_store *s, struct fus_error *err)
{
    const struct fus_tensor *t;
    int code = choose_array(&t, s, err);
    if (code)
        return code;
    if (t->shape[0] < 2 || t->shape[1] < 2 || t->shape[0] > INT32_MAX || t->shape[1] > INT32_MAX)
        return fus_base_fail(err, FUS_EFORMAT,
                             "%s: array %s is [%lld, %lld], expected [images, dimensions] with two or more of each",
                             fus_store_path(s), t->name, (long long)t->shape[0], (long long)t->shape[1]);
    e->n = (size_t)t->shape[0];
    e->d = (size_t)t->shape[1];
    e->unit = fus_base_aligned(t->n_elements, sizeof *e->unit);
    e->usable = fus_base_alloc(e->n, 1);
    if (!e->unit || !e->usable)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images in %zu dimensions", fus_store_path(s), e->n,
                             e->d);
    code = fus_store_read_f32(s, e->unit, t, err);
    for (size_t i = 0; !code && i < e->n; i++)
        e->usable[i] = make_unit(e->unit + i * e->d, e->d);
    return code ? code : fus_store_sha256(s, e->sha256, err);
}

int fus_sdc_embedding_open(struct fus_sdc_embedding *e, const char *path, struct fus_error *err)
{
    struct fus_store *s;
    *e = (struct fus_sdc_embedding){0};
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    code = read_rows(e, s, err);
    fus_store_close(s);
    if (code)
        fus_sdc_embedding_close(e);
    return code;
}

void fus_sdc_embedding_close(struct fus_sdc_embedding *e)
{
    fus_base_free(e->unit);
    fus_base_free(e->usable);
    *e = (struct fus_sdc_embedding){0};
}
