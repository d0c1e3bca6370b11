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

/* Every picture is shown once, in set order within a block; blocks of a category follow each
 * other. */
static void check_blocks(const struct fus_blocks *p, const struct fus_set *set, enum fus_blocks_order order)
{
    int at = 0, largest = 0, seen[6] = {0};
    bool *shown = fus_base_alloc((size_t)set->n_pictures, sizeof *shown);
    for (int i = 0; i < p->n; i++) {
        const struct fus_block *q = &p->items[i];
        bool opens = q->first == q->opening;
        CHECK(q->first == at && q->end > q->first && q->opening <= q->first && (opens || q[-1].opening == q->opening));
        CHECK(opens == !seen[q->category] && (!opens || q->category == 0 || seen[q->category - 1]));
        CHECK(fus_blocks_find(p, q->first) == q && fus_blocks_find(p, q->end - 1) == q);
        CHECK(order != FUS_BLOCKS_HALVES || opens || q->half >= q[-1].half);
        CHECK(order == FUS_BLOCKS_HALVES || opens || q->whole > q[-1].whole || q->half > q[-1].half);
        for (int k = q->first; k < q->end; k++) {
            const struct fus_picture *one = &set->pictures[p->order[k]],
                                     *before = k > q->first ? one - p->order[k] + p->order[k - 1] : NULL;
            CHECK(!shown[p->order[k]] && one->category == q->category && p->order[k] >= q->whole);
            CHECK(order == FUS_BLOCKS_WHOLE ? q->half == 0 : one->half == q->half);
            CHECK(!before || one->half > before->half || (one->half == before->half && one > before));
            shown[p->order[k]] = true;
        }
        seen[q->category] = 1;
        largest = q->end - q->first > largest ? q->end - q->first : largest;
        at = q->end;
    }
    CHECK(at == set->n_pictures && fus_blocks_largest(p) == largest);
    fus_base_free(shown);
}

/* Shards are whole blocks and tile the set: the pictures shown are those of the same numbers. */
static void check_shards(const struct fus_blocks *p, const struct fus_set *set)
{
    bool right = true;
    for (int shards = 1; shards < 80; shards++) {
        int first, end, next = 0;
        for (int i = 1; i <= shards; i++) {
            fus_blocks_shard(&first, &end, p, i, shards);
            const struct fus_block *block = first < end ? fus_blocks_find(p, first) : NULL;
            right = right && first == next && end >= first;
            right = right && (!block || (block->first == first && block->whole == first));
            for (int k = first; k < end; k++)
                right = right && p->order[k] >= first && p->order[k] < end;
            next = end;
        }
        CHECK(right && next == set->n_pictures);
    }
}

static void test_boundaries(enum fus_blocks_order order)
{
    const int n[] = {2, 32, 33, 512, 513, 10000};
    struct fus_set set = make_set(n, 6);
    struct fus_blocks p;
    CHECK(fus_blocks_cut(&p, &set, order, NULL) == FUS_OK);
    /* 2 | 32 | 32 + 1 | 16 x 32 | 15 x 33 + 18 | 16 x 625; the block of 1 has one half */
    const int n_whole = 1 + 1 + 2 + 16 + 16 + 16;
    CHECK(p.n == (order == FUS_BLOCKS_WHOLE ? n_whole : 2 * n_whole - 1));
    if (order == FUS_BLOCKS_WHOLE) {
        CHECK(p.items[2].end - p.items[2].first == 32 && p.items[3].end - p.items[3].first == 1);
        CHECK(p.items[20].end - p.items[20].first == 33 && p.items[35].end - p.items[35].first == 18);
        CHECK(p.items[36].end - p.items[36].first == 625);
    }
    check_blocks(&p, &set, order);
    if (order != FUS_BLOCKS_HALVES)
        check_shards(&p, &set);
    fus_blocks_free(&p);
    fus_base_free(set.pictures);
}

int main(void)
{
    test_boundaries(FUS_BLOCKS_WHOLE);
    test_boundaries(FUS_BLOCKS_APART);
    test_boundaries(FUS_BLOCKS_HALVES);
    return test_end();
}
