/* SPDX-License-Identifier: MIT */
/* Thumbnails on a sheet: see thumbs.h. */
#include "analysis/report/thumbs.h"

#define MAX_THUMBS 240 /* about 0.7 megabytes of a report of two */

/* All pictures if they are few, else the same number of each category. */
static int shown_of(int n_pictures, size_t total, int n_categories)
{
    int most = MAX_THUMBS / n_categories > 2 ? MAX_THUMBS / n_categories : 2;
    return total <= MAX_THUMBS || n_pictures < most ? n_pictures : most;
}

int fus_thumbs_plan(struct fus_thumbs *t, const int *n_pictures, int n_categories, struct fus_error *err)
{
    int n = 0, rows = 0, first = 0;
    size_t total = 0;
    for (int c = 0; c < n_categories; c++)
        total += (size_t)n_pictures[c];
    for (int c = 0; c < n_categories; c++)
        n += shown_of(n_pictures[c], total, n_categories);
    *t = (struct fus_thumbs){.items = fus_base_alloc((size_t)n + 1, sizeof *t->items)};
    if (!t->items)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d thumbnails", n);
    for (int c = 0; c < n_categories; c++) {
        int shown = shown_of(n_pictures[c], total, n_categories);
        for (int k = 0; k < shown; k++)
            t->items[t->n++] = (struct fus_thumb){first + (int)((long long)k * n_pictures[c] / shown), c,
                                                  k % FUS_THUMBS_COLUMNS * FUS_THUMBS_SIDE,
                                                  (rows + k / FUS_THUMBS_COLUMNS) * FUS_THUMBS_SIDE};
        rows += (shown + FUS_THUMBS_COLUMNS - 1) / FUS_THUMBS_COLUMNS;
        first += n_pictures[c];
    }
    t->width = FUS_THUMBS_COLUMNS * FUS_THUMBS_SIDE;
    t->height = rows * FUS_THUMBS_SIDE;
    return FUS_OK;
}

void fus_thumbs_free(struct fus_thumbs *t)
{
    fus_base_free(t->items);
    *t = (struct fus_thumbs){0};
}

const struct fus_thumb *fus_thumbs_find(const struct fus_thumbs *t, int picture)
{
    int low = 0, high = t->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (t->items[middle].picture < picture)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->n && t->items[low].picture == picture ? &t->items[low] : NULL;
}
