/* SPDX-License-Identifier: MIT */
/* What the clusters are about, read back from their tables: how well each can be decoded, the
 * images nearest to it, contrasts of opposite pairs, cosines between centroids. See page.h. */
#include <string.h>

#include "analysis/run/csv_read.h"
#include "analysis/sdc/page.h"
#include "stimuli/set/folder.h"
#include "weights/weights.h"

enum { MAX_THUMBS = 10000, MAX_CONTRASTS = 30 };

static int read_decoded(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static const char *const names[] = {"n_voxels",   "r",       "q",       "r_all",      "r_left_out",
                                        "q_left_out", "raw_top", "sem_top", "raw_bottom", "sem_bottom"};
    struct fus_csv_read t;
    bool there;
    int at[10], i = 0, n = k->n_clusters * k->n_names,
                code = fus_sdc_page_table(&t, &there, folder, "decodability.csv", err);
    if (code || !there)
        return code;
    for (int c = 0; c < 10; c++)
        at[c] = fus_csv_read_column(&t, names[c]);
    k->decoded = fus_base_alloc((size_t)n + 1, sizeof *k->decoded);
    if (!k->decoded)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        if (i == n) {
            fus_csv_read_fail(&t, "more lines than clusters and participants");
            break;
        }
        struct fus_sdc_page_decoded *d = &k->decoded[i++];
        double *to[] = {&d->n_voxels,   &d->r,      &d->q,      &d->r_all,  &d->r_left_out,
                        &d->q_left_out, &d->raw[0], &d->sem[0], &d->raw[1], &d->sem[1]};
        for (int c = 0; c < 10; c++)
            *to[c] = fus_csv_read_number(&t, at[c]);
    }
    code = fus_csv_read_close(&t, err);
    if (!code && i != n)
        code = fus_base_fail(err, FUS_EFORMAT, "%s/decodability.csv: %d lines found, %d expected", folder, i, n);
    return code;
}

static int find_thumb(const struct fus_sdc_page_kind *k, const char *name)
{
    for (int i = 0; i < k->n_thumbs; i++)
        if (strcmp(k->thumbs[i], name) == 0)
            return i;
    return -1;
}

static int read_thumbs(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    char *path = NULL;
    size_t room = 0;
    int code = fus_sdc_page_table(&t, &there, folder, "thumbs.csv", err);
    if (code || !there)
        return code;
    int image = fus_csv_read_column(&t, "image");
    while (fus_csv_read_next(&t) && k->n_thumbs < MAX_THUMBS) {
        char **grown = fus_base_grow(k->thumbs, &room, (size_t)k->n_thumbs, sizeof *grown);
        k->thumbs = grown ? grown : k->thumbs;
        char *name = grown ? fus_csv_read_name(&t, image) : NULL;
        if (!name) {
            fus_csv_read_fail(&t, "no memory");
            break;
        }
        k->thumbs[k->n_thumbs++] = name;
    }
    code = fus_csv_read_close(&t, err);
    if (!code)
        code = fus_folder_join(&path, folder, "thumbs.png", err);
    if (!code && fus_base_opens(path))
        code = fus_base_read_file(&k->sheet, &k->sheet_n, path, (size_t)1 << 28, err);
    fus_base_free(path);
    return code;
}

static int read_images(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = fus_sdc_page_table(&t, &there, folder, "images.csv", err);
    if (code || !there)
        return code;
    int cluster = fus_csv_read_column(&t, "cluster"), side = fus_csv_read_column(&t, "side"),
        rank = fus_csv_read_column(&t, "rank"), image = fus_csv_read_column(&t, "image"),
        similarity = fus_csv_read_column(&t, "similarity");
    k->images = fus_base_alloc((size_t)k->n_clusters * 2 * FUS_SDC_PAGE_IMAGES + 1, sizeof *k->images);
    if (!k->images)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        long c = fus_csv_read_count(&t, cluster, k->n_clusters), r = fus_csv_read_count(&t, rank, 1000000);
        if (c < 1 || r < 1 || r > FUS_SDC_PAGE_IMAGES)
            continue;
        bool least = strcmp(fus_csv_read_text(&t, side), "least") == 0;
        struct fus_sdc_page_image *to = &k->images[((c - 1) * 2 + least) * FUS_SDC_PAGE_IMAGES + r - 1];
        if (to->name)
            continue;
        to->name = fus_csv_read_name(&t, image);
        to->similarity = fus_csv_read_number(&t, similarity);
        to->place = to->name ? find_thumb(k, to->name) : -1;
    }
    return fus_csv_read_close(&t, err);
}

static int read_contrasts(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_csv_read t;
    bool there;
    int code = fus_sdc_page_table(&t, &there, folder, "contrasts.csv", err);
    if (code || !there)
        return code;
    int a = fus_csv_read_column(&t, "cluster_a"), b = fus_csv_read_column(&t, "cluster_b"),
        shared = fus_csv_read_column(&t, "shared"), of = fus_csv_read_column(&t, "of"),
        image = fus_csv_read_column(&t, "image");
    k->contrasts = fus_base_alloc(MAX_CONTRASTS, sizeof *k->contrasts);
    if (!k->contrasts)
        fus_csv_read_fail(&t, "no memory");
    while (fus_csv_read_next(&t)) {
        int ca = (int)fus_csv_read_count(&t, a, k->n_clusters), cb = (int)fus_csv_read_count(&t, b, k->n_clusters);
        struct fus_sdc_page_contrast *last = k->n_contrasts ? &k->contrasts[k->n_contrasts - 1] : NULL;
        if (ca < 1 || cb < 1)
            continue;
        if (!last || last->a != ca - 1 || last->b != cb - 1) {
            if (k->n_contrasts == MAX_CONTRASTS)
                break;
            last = &k->contrasts[k->n_contrasts++];
            *last = (struct fus_sdc_page_contrast){.a = ca - 1,
                                                   .b = cb - 1,
                                                   .shared = (int)fus_csv_read_count(&t, shared, 1000000),
                                                   .of = (int)fus_csv_read_count(&t, of, 1000000),
                                                   .first = fus_csv_read_name(&t, image)};
            last->first_place = last->first ? find_thumb(k, last->first) : -1;
        }
        fus_base_free(last->last);
        last->last = fus_csv_read_name(&t, image);
        last->last_place = last->last ? find_thumb(k, last->last) : -1;
    }
    return fus_csv_read_close(&t, err);
}

static int read_cosines(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    struct fus_store *s = NULL;
    char *path = NULL;
    float *x = NULL;
    size_t n = (size_t)k->n_clusters;
    int code = fus_folder_join(&path, folder, "centroids.npy", err);
    if (!code && fus_base_opens(path) && n && n <= 200)
        code = fus_open_weights(&s, path, err);
    fus_base_free(path);
    const struct fus_tensor *t = s ? fus_store_tensor(s, 0) : NULL;
    if (t && t->n_dims == 2 && (uint64_t)t->shape[0] == n) {
        size_t d = (size_t)t->shape[1];
        x = fus_base_alloc(t->n_elements + 1, sizeof *x);
        k->cosine = fus_base_alloc(n, n * sizeof *k->cosine);
        code = x && k->cosine ? fus_store_read_f32(s, x, t, err)
                              : fus_base_fail(err, FUS_ENOMEM, "no memory for centroids");
        for (size_t i = 0; i < n * n && !code; i++)
            for (size_t j = 0; j < d; j++)
                k->cosine[i] += (double)x[i / n * d + j] * x[i % n * d + j];
    }
    fus_base_free(x);
    fus_store_close(s);
    return code;
}

int fus_sdc_page_meaning_read(struct fus_sdc_page_kind *k, const char *folder, struct fus_error *err)
{
    static int (*const parts[])(struct fus_sdc_page_kind *, const char *, struct fus_error *) = {
        read_decoded, read_thumbs, read_images, read_contrasts, read_cosines};
    int code = FUS_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !code; i++)
        code = parts[i](k, folder, err);
    return code;
}
