/* SPDX-License-Identifier: MIT */
/* Fixed boundaries within a set: see blocks.h. */
#include "stimuli/set/blocks.h"

/* The first picture from `first` on that is of another category: a category's pictures lie
 * together (stimuli.h). */
static int category_end(const struct fus_set *set, int first)
{
    int end = first;
    while (end < set->n_pictures && set->pictures[end].category == set->pictures[first].category)
        end++;
    return end;
}

/* Pictures first .. end-1 of the set as the next block shown; of one half, or of both (-1). */
static void add_block(struct fus_blocks *p, const struct fus_set *set, int first, int end, int half)
{
    const struct fus_block *before = p->n ? &p->items[p->n - 1] : NULL;
    int category = set->pictures[first].category, begun = before ? before->end : 0, shown = begun,
        opening = before && before->category == category ? before->opening : begun;
    for (int turn = 0; turn < 2; turn++)
        for (int i = first; i < end; i++)
            if (set->pictures[i].half == turn && (half < 0 || half == turn))
                p->order[shown++] = i;
    if (shown > begun)
        p->items[p->n++] = (struct fus_block){category, half < 0 ? 0 : half, opening, first, begun, shown};
}

/* Pictures opening .. end-1, all of a category. */
static void cut_category(struct fus_blocks *p, const struct fus_set *set, int opening, int end,
                         enum fus_blocks_order order)
{
    int size = (end - opening + FUS_BLOCKS_MOST - 1) / FUS_BLOCKS_MOST;
    size = size < FUS_BLOCKS_LEAST ? FUS_BLOCKS_LEAST : size;
    for (int half = 0; half < 2 && order == FUS_BLOCKS_HALVES; half++)
        for (int first = opening; first < end; first += size)
            add_block(p, set, first, end - first < size ? end : first + size, half);
    for (int first = opening; first < end && order != FUS_BLOCKS_HALVES; first += size)
        for (int half = order == FUS_BLOCKS_WHOLE ? -1 : 0; half < (order == FUS_BLOCKS_WHOLE ? 0 : 2); half++)
            add_block(p, set, first, end - first < size ? end : first + size, half);
}

int fus_blocks_cut(struct fus_blocks *p, const struct fus_set *set, enum fus_blocks_order order, struct fus_error *err)
{
    p->n = 0;
    p->items = fus_base_alloc((size_t)set->n_categories * FUS_BLOCKS_MOST, 2 * sizeof *p->items);
    p->order = fus_base_alloc((size_t)set->n_pictures, sizeof *p->order);
    if (!p->items || !p->order)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the blocks of %d categories", set->n_categories);
    for (int opening = 0, end; opening < set->n_pictures; opening = end) {
        end = category_end(set, opening);
        cut_category(p, set, opening, end, order);
    }
    return FUS_OK;
}

void fus_blocks_free(struct fus_blocks *p)
{
    fus_base_free(p->items);
    fus_base_free(p->order);
    *p = (struct fus_blocks){0, NULL, NULL};
}

const struct fus_block *fus_blocks_find(const struct fus_blocks *p, int picture)
{
    int i = 0;
    while (p->items[i].end <= picture)
        i++;
    return &p->items[i];
}

int fus_blocks_largest(const struct fus_blocks *p)
{
    int most = 0;
    for (int i = 0; i < p->n; i++)
        most = p->items[i].end - p->items[i].first > most ? p->items[i].end - p->items[i].first : most;
    return most;
}

/* Where shard i of n, counted from 0, begins. */
static int start_of(const struct fus_blocks *p, int i, int n)
{
    int n_whole = 0, whole = -1, at = 0;
    for (int k = 0; k < p->n; k++)
        n_whole += k == 0 || p->items[k].whole != p->items[k - 1].whole;
    for (; at < p->n; at++) {
        whole += at == 0 || p->items[at].whole != p->items[at - 1].whole;
        if (whole == (int)((long long)i * n_whole / n))
            return p->items[at].first;
    }
    return p->items[p->n - 1].end;
}

void fus_blocks_shard(int *first, int *end, const struct fus_blocks *p, int i, int n)
{
    *first = start_of(p, i - 1, n);
    *end = start_of(p, i, n);
}
