/* SPDX-License-Identifier: MIT */
/* Fewer pictures of each category, drawn without replacement, as evenly from its subcategories as
 * possible: the list is shuffled by fus_rng seeded as in permute.c; a picture's rank is the number
 * of those of its subcategory before it; the n of least rank, of equal ranks the first in the
 * shuffled list, are taken. All models get the same draws. */
#include <string.h>

#include "analysis/inference.h"
#include "nn/base/rng.h"

int fus_subsample_create(struct fus_subsample *s, const struct fus_responses *r, uint64_t seed, struct fus_error *err)
{
    size_t n = r->n_images;
    *s = (struct fus_subsample){.r = r, .seed = seed, .shuffled = fus_base_alloc(n, sizeof *s->shuffled)};
    s->rank = fus_base_alloc(n, 2 * sizeof *s->rank);
    s->taken = fus_base_alloc(n, sizeof *s->taken);
    s->seen = s->rank ? s->rank + n : NULL;
    if (s->shuffled && s->rank && s->taken)
        return FUS_OK;
    fus_subsample_destroy(s);
    return fus_base_fail(err, FUS_ENOMEM, "no memory to draw from %zu pictures", n);
}

void fus_subsample_destroy(struct fus_subsample *s)
{
    fus_base_free(s->shuffled);
    fus_base_free(s->rank);
    fus_base_free(s->taken);
    memset(s, 0, sizeof *s);
}

static void shuffle(const struct fus_subsample *s, size_t draw)
{
    size_t n = s->r->n_images;
    const int *stratum = s->r->stratum ? s->r->stratum : s->r->category;
    struct fus_rng rng;
    fus_rng_seed(&rng, s->seed + (uint64_t)draw * 0xd1342543de82ef95u);
    for (size_t i = 0; i < n; i++)
        s->shuffled[i] = i;
    for (size_t i = n; i-- > 1;) {
        size_t k = (size_t)fus_rng_below(&rng, i + 1), swap = s->shuffled[i];
        s->shuffled[i] = s->shuffled[k];
        s->shuffled[k] = swap;
    }
    memset(s->seen, 0, n * sizeof *s->seen);
    for (size_t i = 0; i < n; i++)
        s->rank[s->shuffled[i]] = s->seen[stratum[s->shuffled[i]]]++;
}

static void take(const struct fus_subsample *s, int size)
{
    size_t n = s->r->n_images, left = (size_t)size * (size_t)s->r->n_categories;
    int room[FUS_SELECT_CATEGORIES];
    for (int c = 0; c < s->r->n_categories; c++)
        room[c] = size;
    memset(s->taken, 0, n * sizeof *s->taken);
    for (int rank = 0; left > 0 && (size_t)rank < n; rank++)
        for (size_t i = 0; i < n; i++) {
            size_t picture = s->shuffled[i];
            int *free = &room[s->r->category[picture]];
            if (s->rank[picture] != rank || *free == 0)
                continue;
            s->taken[picture] = true;
            --*free;
            left--;
        }
}

size_t fus_subsample_draw(size_t *order, int *category, const struct fus_subsample *s, size_t draw, int size)
{
    size_t n = 0;
    shuffle(s, draw);
    take(s, size);
    for (size_t i = 0; i < s->r->n_images; i++)
        if (s->taken[i]) {
            order[n] = i;
            category[n++] = s->r->category[i];
        }
    return n;
}
