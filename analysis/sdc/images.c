/* SPDX-License-Identifier: MIT */
/* The table of images: see images.h. */
#include "analysis/sdc/images.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/sdc/tsv.h"

struct key {
    const char *id;
    size_t row;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int c = strcmp(x->id, y->id);
    return c ? c : (x->row > y->row) - (x->row < y->row);
}

static int sort_ids(struct fus_sdc_images *images, const struct fus_sdc_tsv *t, struct fus_error *err)
{
    size_t n = images->n;
    struct key *keys = fus_base_alloc(n, sizeof *keys);
    int code = keys ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images", t->path, n);
    for (size_t i = 0; !code && i < n; i++)
        keys[i] = (struct key){images->id[i], i};
    if (!code)
        qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 0; !code && i < n; i++) {
        images->by_id[i] = keys[i].row;
        if (i && strcmp(keys[i].id, keys[i - 1].id) == 0)
            code = fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: image %s stands in line %ld too", t->path,
                                 t->line[keys[i].row], keys[i].id, t->line[keys[i - 1].row]);
    }
    fus_base_free(keys);
    return code;
}

static int copy_labels(struct fus_sdc_images *images, const struct fus_sdc_tsv *t, int id, int path)
{
    images->label = fus_base_alloc((size_t)t->n_columns, sizeof *images->label);
    images->value = fus_base_alloc((size_t)t->n_columns * images->n, sizeof *images->value);
    if (!images->label || !images->value)
        return FUS_ENOMEM;
    for (int c = 0; c < t->n_columns; c++) {
        if (c == id || c == path || !t->names[c][0])
            continue;
        size_t k = (size_t)images->n_labels++;
        images->label[k] = fus_base_strdup(t->names[c]);
        for (size_t i = 0; images->label[k] && i < images->n; i++) {
            images->value[k * images->n + i] = fus_base_strdup(fus_sdc_tsv_text(t, i, c));
            if (!images->value[k * images->n + i])
                return FUS_ENOMEM;
        }
        if (!images->label[k])
            return FUS_ENOMEM;
    }
    return FUS_OK;
}

static int copy_rows(struct fus_sdc_images *images, const struct fus_sdc_tsv *t, int id, int path,
                     struct fus_error *err)
{
    for (size_t i = 0; i < images->n; i++) {
        const char *name = fus_sdc_tsv_text(t, i, id), *file = fus_sdc_tsv_text(t, i, path);
        if (!*name)
            return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: the image has no name", t->path, t->line[i]);
        images->id[i] = fus_base_strdup(name);
        if (!images->id[i])
            return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images", t->path, images->n);
        int code = *file && strcmp(file, "-") != 0 ? fus_sdc_tsv_beside(&images->path[i], t->path, file, err) : FUS_OK;
        if (code)
            return code;
    }
    return sort_ids(images, t, err);
}

static int read_table(struct fus_sdc_images *images, const struct fus_sdc_tsv *t, struct fus_error *err)
{
    int id = fus_sdc_tsv_column(t, "image"), path = fus_sdc_tsv_column(t, "path");
    if (id < 0)
        return fus_base_fail(err, FUS_EFORMAT, "%s: has no column `image`, expected image, path and labels", t->path);
    if (!t->n_rows)
        return fus_base_fail(err, FUS_EFORMAT, "%s: has no image below its header", t->path);
    images->n = t->n_rows;
    images->id = fus_base_alloc(images->n, sizeof *images->id);
    images->path = fus_base_alloc(images->n, sizeof *images->path);
    images->by_id = fus_base_alloc(images->n, sizeof *images->by_id);
    if (!images->id || !images->path || !images->by_id || copy_labels(images, t, id, path))
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu images", t->path, images->n);
    return copy_rows(images, t, id, path, err);
}

int fus_sdc_images_open(struct fus_sdc_images *images, const char *path, struct fus_error *err)
{
    struct fus_sdc_tsv t;
    *images = (struct fus_sdc_images){0};
    int code = fus_sdc_tsv_open(&t, path, err);
    if (code)
        return code;
    code = read_table(images, &t, err);
    fus_sdc_tsv_close(&t);
    if (code)
        fus_sdc_images_close(images);
    return code;
}

void fus_sdc_images_close(struct fus_sdc_images *images)
{
    for (size_t i = 0; i < images->n; i++) {
        if (images->id)
            fus_base_free(images->id[i]);
        if (images->path)
            fus_base_free(images->path[i]);
    }
    for (int k = 0; k < images->n_labels; k++)
        fus_base_free(images->label[k]);
    for (size_t i = 0; i < (size_t)images->n_labels * images->n; i++)
        fus_base_free(images->value[i]);
    fus_base_free(images->id);
    fus_base_free(images->path);
    fus_base_free(images->by_id);
    fus_base_free(images->label);
    fus_base_free(images->value);
    *images = (struct fus_sdc_images){0};
}

bool fus_sdc_images_find(size_t *row, const struct fus_sdc_images *images, const char *id)
{
    size_t low = 0, high = images->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(id, images->id[images->by_id[middle]]);
        if (c == 0) {
            *row = images->by_id[middle];
            return true;
        }
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}
