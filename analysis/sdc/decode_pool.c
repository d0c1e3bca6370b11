/* SPDX-License-Identifier: MIT */
/* What `sdc cluster` needs of the inputs, so that DIR is enough for it:
 *
 *   pool.npz    embedding [n, d], image [n]: every image with which some participant validates or
 *               tests, rows of the embedding, rising
 *   images.tsv  the table of images; pictures inside DIR by their path in it, others by their
 *               absolute path */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>

#include "analysis/run/tables.h"
#include "analysis/sdc/decode_work.h"
#include "nn/base/outfile.h"

/* used [n_images]: 1 for images of the pool. Returns how many. */
static size_t mark_pool(uint8_t *used, const struct fus_sdc_work *w)
{
    size_t n = 0;
    for (int p = 0; p < w->study->n; p++) {
        const struct fus_sdc_participant *one = &w->study->participants[p];
        for (size_t t = 0; t < one->n_trials; t++)
            if (one->split[t] == FUS_SDC_VAL || one->split[t] == FUS_SDC_TEST)
                used[one->image[t]] = 1;
    }
    for (size_t i = 0; i < w->embedding.n; i++)
        n += used[i];
    return n;
}

static int write_pool(const struct fus_sdc_work *w, struct fus_error *err)
{
    size_t d = w->embedding.d, n = 0, m = 0;
    uint8_t *used = fus_base_alloc(w->embedding.n + 1, 1);
    int32_t *image = fus_base_alloc(w->embedding.n + 1, sizeof *image);
    float *rows = NULL;
    char path[FUS_SDC_PATH_BYTES];
    if (used && image) {
        n = mark_pool(used, w);
        rows = fus_base_alloc(n * d + 1, sizeof *rows);
    }
    for (size_t i = 0; i < w->embedding.n && rows; i++)
        if (used[i]) {
            memcpy(rows + m * d, w->embedding.unit + i * d, d * sizeof *rows);
            image[m++] = (int32_t)i;
        }
    fus_sdc_work_path(path, w, "pool.npz");
    const struct fus_npy_array arrays[] = {{"embedding", "<f4", 2, {n, d}, rows}, {"image", "<i4", 1, {n}, image}};
    int code = rows ? fus_npyout_npz(path, arrays, 2, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for pool.npz");
    fus_base_free(used);
    fus_base_free(image);
    fus_base_free(rows);
    return code;
}

/* A picture's path as images.tsv has it; folder: DIR without links. */
static void write_path(struct fus_outfile *f, const char *path, const char *folder)
{
    char *whole = path ? realpath(path, NULL) : NULL;
    size_t n = strlen(folder);
    if (whole && strncmp(whole, folder, n) == 0 && whole[n] == '/')
        fus_outfile_printf(f, "\t%s", whole + n + 1);
    else
        fus_outfile_printf(f, "\t%s", whole ? whole : path ? path : "-");
    free(whole);
}

static int write_images(const struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_images *images = &w->images;
    char path[FUS_SDC_PATH_BYTES], *folder = realpath(w->o->out, NULL);
    struct fus_outfile f;
    fus_sdc_work_path(path, w, "images.tsv");
    int code = folder ? fus_outfile_open(&f, path, err) : fus_base_fail(err, FUS_EIO, "%s: cannot be found", w->o->out);
    if (!code) {
        fus_outfile_printf(&f, "image\tpath");
        for (int k = 0; k < images->n_labels; k++)
            fus_outfile_printf(&f, "\t%s", images->label[k]);
        fus_outfile_printf(&f, "\n");
        for (size_t i = 0; i < images->n; i++) {
            fus_outfile_printf(&f, "%s", images->id[i]);
            write_path(&f, images->path[i], folder);
            for (int k = 0; k < images->n_labels; k++)
                fus_outfile_printf(&f, "\t%s", images->value[(size_t)k * images->n + i]);
            fus_outfile_printf(&f, "\n");
        }
        code = fus_outfile_commit(&f, err);
    }
    free(folder);
    return code;
}

int fus_sdc_pool_write(const struct fus_sdc_work *w, struct fus_error *err)
{
    int code = write_pool(w, err);
    return code || !w->o->images ? code : write_images(w, err);
}
