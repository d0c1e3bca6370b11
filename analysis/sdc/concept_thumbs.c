/* SPDX-License-Identifier: MIT */
/* thumbs.png and thumbs.csv (image, place): small copies of the images most and least associated
 * with the clusters, where IMAGES.tsv says where the pictures are. A picture that cannot be read
 * is left out. */
#include <string.h>

#include "analysis/run/csv.h"
#include "analysis/sdc/concept_tables.h"
#include "stimuli/set/folder.h"
#include "stimuli/stimuli.h"

/* Of the pool, each once, in order of clusters, sides and ranks; returns how many. */
static int choose(uint32_t *chosen, int32_t *seen, const struct fus_sdc_explained *x)
{
    size_t n = x->pool->n;
    int found = 0;
    for (int c = 0; c < x->k; c++)
        for (int side = 0; side < 2; side++)
            for (size_t r = 0; r < FUS_SDC_THUMBS_SHOWN && r < n && r < (size_t)x->c->o->top; r++) {
                uint32_t i = x->order[(size_t)c * n + (side ? n - 1 - r : r)];
                const char *path = x->pool->images.path[x->pool->row[i]];
                if (found < FUS_SDC_THUMBS_MOST && !seen[i] && path) {
                    seen[i] = 1;
                    chosen[found++] = i;
                }
            }
    return found;
}

/* False if the picture cannot be read. */
static bool place(struct fus_image *sheet, const char *path, int at)
{
    struct fus_image whole = {0}, small = {0};
    bool good = !fus_decode_file(&whole, path, NULL) &&
                !fus_resize_image(&small, &whole, FUS_SDC_THUMBS_SIDE, FUS_SDC_THUMBS_SIDE, FUS_BILINEAR, NULL);
    for (size_t y = 0; y < FUS_SDC_THUMBS_SIDE && good; y++) {
        size_t row = (size_t)(at / FUS_SDC_THUMBS_COLUMNS) * FUS_SDC_THUMBS_SIDE + y,
               column = (size_t)(at % FUS_SDC_THUMBS_COLUMNS) * FUS_SDC_THUMBS_SIDE;
        memcpy(sheet->pixels + 3 * (row * (size_t)sheet->width + column), small.pixels + 3 * y * FUS_SDC_THUMBS_SIDE,
               3 * FUS_SDC_THUMBS_SIDE);
    }
    fus_image_free(&whole);
    fus_image_free(&small);
    return good;
}

static int write_list(const struct fus_sdc_explained *x, const uint32_t *chosen, int n, const char *folder,
                      struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_sdc_concept_table_open(&f, folder, "thumbs.csv", "image,place\n", err);
    if (code)
        return code;
    for (int i = 0; i < n; i++) {
        char text[32];
        fus_csv_name(&f, "", fus_sdc_pool_name(text, x->pool, chosen[i]));
        fus_outfile_printf(&f, ",%d\n", i);
    }
    return fus_outfile_commit(&f, err);
}

static int write_sheet(const struct fus_sdc_explained *x, uint32_t *chosen, int n, const char *folder,
                       struct fus_error *err)
{
    struct fus_image sheet = {0};
    char *path = NULL;
    int kept = 0, rows = (n + FUS_SDC_THUMBS_COLUMNS - 1) / FUS_SDC_THUMBS_COLUMNS;
    int code = fus_image_create(&sheet, FUS_SDC_THUMBS_COLUMNS * FUS_SDC_THUMBS_SIDE, rows * FUS_SDC_THUMBS_SIDE, err);
    for (int i = 0; i < n && !code; i++)
        if (place(&sheet, x->pool->images.path[x->pool->row[chosen[i]]], kept))
            chosen[kept++] = chosen[i];
    if (!code && kept)
        code = fus_folder_join(&path, folder, "thumbs.png", err);
    if (!code && kept)
        code = fus_png_write(path, &sheet, err);
    fus_base_free(path);
    fus_image_free(&sheet);
    return !code && kept ? write_list(x, chosen, kept, folder, err) : code;
}

int fus_sdc_concept_thumbs(const struct fus_sdc_explained *x, const char *folder, struct fus_error *err)
{
    uint32_t *chosen = NULL;
    int32_t *seen = NULL;
    if (!x->pool->n || !x->pool->has_images)
        return FUS_OK;
    chosen = fus_base_alloc(FUS_SDC_THUMBS_MOST, sizeof *chosen);
    seen = fus_base_alloc(x->pool->n, sizeof *seen);
    int code = chosen && seen ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for thumbnails");
    int n = code ? 0 : choose(chosen, seen, x);
    if (n)
        code = write_sheet(x, chosen, n, folder, err);
    fus_base_free(chosen);
    fus_base_free(seen);
    return code;
}
