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

static int *show(int *to, const struct fus_set *set, const struct fus_block *block)
{
    for (int half = 0; half < 2; half++)
        for (int i = block->first; i < block->end; i++)
            if (set->pictures[i].half == half)
                *to++ = i;
    return to;
}

int fus_blocks_cut(struct fus_blocks *p, const struct fus_set *set, struct fus_error *err)
{
    p->n = 0;
    p->items = fus_base_alloc((size_t)set->n_categories * FUS_BLOCKS_MOST, sizeof *p->items);
    int *next = p->order = fus_base_alloc((size_t)set->n_pictures, sizeof *p->order);
    if (!p->items || !p->order)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the blocks of %d categories", set->n_categories);
    for (int opening = 0, end; opening < set->n_pictures; opening = end) {
        end = category_end(set, opening);
        int size = (end - opening + FUS_BLOCKS_MOST - 1) / FUS_BLOCKS_MOST;
        size = size < FUS_BLOCKS_LEAST ? FUS_BLOCKS_LEAST : size;
        for (int first = opening; first < end; first += size) {
            p->items[p->n] = (struct fus_block){set->pictures[opening].category, opening, first,
                                                end - first < size ? end : first + size};
            next = show(next, set, &p->items[p->n++]);
        }
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

void fus_blocks_shard(int *first, int *end, const struct fus_blocks *p, int i, int n)
{
    int from = (int)((long long)(i - 1) * p->n / n), to = (int)((long long)i * p->n / n);
    *first = from < p->n ? p->items[from].first : p->items[p->n - 1].end;
    *end = to > from ? p->items[to - 1].end : *first;
}
