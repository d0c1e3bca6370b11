/* Fixed boundaries within a set: see parts.h. */
#include "tools/parts.h"

/* The first picture from `first` on that is of another category: a category's pictures lie together (stimuli.h). */
static int category_end(const struct fus_set *set, int first)
{
    int end = first;
    while (end < set->n_pictures && set->pictures[end].category == set->pictures[first].category)
        end++;
    return end;
}

static int *show(int *to, const struct fus_set *set, const struct fus_part *part)
{
    for (int half = 0; half < 2; half++)
        for (int i = part->first; i < part->end; i++)
            if (set->pictures[i].half == half)
                *to++ = i;
    return to;
}

int fus_parts_cut(struct fus_parts *p, const struct fus_set *set, struct fus_error *err)
{
    p->n = 0;
    p->items = fus_base_alloc((size_t)set->n_categories * FUS_PARTS_MOST, sizeof *p->items);
    int *next = p->order = fus_base_alloc((size_t)set->n_pictures, sizeof *p->order);
    if (!p->items || !p->order)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the parts of %d categories", set->n_categories);
    for (int opening = 0, end; opening < set->n_pictures; opening = end) {
        end = category_end(set, opening);
        int size = (end - opening + FUS_PARTS_MOST - 1) / FUS_PARTS_MOST;
        size = size < FUS_PARTS_LEAST ? FUS_PARTS_LEAST : size;
        for (int first = opening; first < end; first += size) {
            p->items[p->n] = (struct fus_part){set->pictures[opening].category, opening, first, end - first < size ? end : first + size};
            next = show(next, set, &p->items[p->n++]);
        }
    }
    return FUS_OK;
}

void fus_parts_free(struct fus_parts *p)
{
    fus_base_free(p->items);
    fus_base_free(p->order);
    *p = (struct fus_parts){0, NULL, NULL};
}

const struct fus_part *fus_parts_find(const struct fus_parts *p, int picture)
{
    int i = 0;
    while (p->items[i].end <= picture)
        i++;
    return &p->items[i];
}

void fus_parts_shard(int *first, int *end, const struct fus_parts *p, int i, int n)
{
    int from = (int)((long long)(i - 1) * p->n / n), to = (int)((long long)i * p->n / n);
    *first = from < p->n ? p->items[from].first : p->items[p->n - 1].end;
    *end = to > from ? p->items[to - 1].end : *first;
}
