/* SPDX-License-Identifier: MIT */
/* Fixed boundaries (stimuli/set/blocks.c): every picture in one block, blocks of one category,
 * shards that tile the set whatever their number. */
#include "stimuli/set/blocks.h"
#include "test.h"

/* A set of categories with these numbers of pictures. */
static struct fus_set make_set(const int *n, int n_categories)
{
    struct fus_set set = {.n_categories = n_categories};
    for (int c = 0; c < n_categories; c++)
        set.n_pictures += n[c];
    set.pictures = fus_base_alloc((size_t)set.n_pictures, sizeof *set.pictures);
    for (int c = 0, at = 0; c < n_categories; c++)
        for (int i = 0; i < n[c]; i++)
            set.pictures[at++] = (struct fus_picture){.category = c, .half = i % 3 == 1};
    return set;
}

static void test_boundaries(void)
{
    const int n[] = {2, 32, 33, 512, 513, 10000};
    struct fus_set set = make_set(n, 6);
    struct fus_blocks p;
    CHECK(fus_blocks_cut(&p, &set, NULL) == FUS_OK);
    /* 2 | 32 | 32 + 1 | 16 x 32 | 15 x 33 + 18 | 16 x 625 */
    CHECK(p.n == 1 + 1 + 2 + 16 + 16 + 16);
    CHECK(p.items[2].end - p.items[2].first == 32 && p.items[3].end - p.items[3].first == 1);
    CHECK(p.items[20].end - p.items[20].first == 33 && p.items[35].end - p.items[35].first == 18);
    CHECK(p.items[36].end - p.items[36].first == 625);
    int at = 0;
    for (int i = 0; i < p.n; i++) {
        const struct fus_block *q = &p.items[i];
        CHECK(q->first == at && q->end > q->first && q->opening <= q->first);
        CHECK(set.pictures[q->opening].category == q->category && set.pictures[q->end - 1].category == q->category);
        CHECK(q->opening == 0 || set.pictures[q->opening - 1].category == q->category - 1);
        CHECK(fus_blocks_find(&p, q->first) == q && fus_blocks_find(&p, q->end - 1) == q);
        long sum = 0;
        for (int k = q->first; k < q->end;
             sum += p.order[k++]) /* each picture of the block once, half by half, in set order */
            CHECK(k == q->first || set.pictures[p.order[k]].half > set.pictures[p.order[k - 1]].half ||
                  (set.pictures[p.order[k]].half == set.pictures[p.order[k - 1]].half && p.order[k] > p.order[k - 1]));
        CHECK(sum == (long)(q->end - q->first) * (q->first + q->end - 1) / 2);
        at = q->end;
    }
    CHECK(at == set.n_pictures);
    for (int shards = 1; shards < 80; shards++) {
        int first, end, next = 0;
        for (int i = 1; i <= shards; i++) {
            fus_blocks_shard(&first, &end, &p, i, shards);
            CHECK(first == next && end >= first && (first == end || fus_blocks_find(&p, first)->first == first));
            next = end;
        }
        CHECK(next == set.n_pictures);
    }
    fus_blocks_free(&p);
    fus_base_free(set.pictures);
}

int main(void)
{
    test_boundaries();
    return test_end();
}
