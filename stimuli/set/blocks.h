/* SPDX-License-Identifier: MIT */
/* Each category's pictures are divided into blocks whose boundaries depend on the set alone. Within
 * a block, moments are one chain over its pictures; blocks are merged in order. So a run can be
 * resumed at any picture, or divided among machines, with the same bits. */
#ifndef FUS_BLOCKS_H
#define FUS_BLOCKS_H

#include "stimuli/stimuli.h"

enum {
    FUS_BLOCKS_LEAST = 32,
    FUS_BLOCKS_MOST = 16
}; /* pictures of a block (except a category's last); blocks of a category */

struct fus_block {
    int category, opening; /* the category and its first picture */
    int first, end;        /* pictures first .. end-1 of the set */
};

struct fus_blocks {
    int n;
    struct fus_block *items; /* [n] in set order */
    /* [n_pictures] the i-th picture shown: blocks in set order, half 0 first within a block, so
     * that a batch seldom contains both halves */
    int *order;
};

/* Blocks of max(32, ceil(n/16)) pictures for a category of n. */
int fus_blocks_cut(struct fus_blocks *p, const struct fus_set *set, struct fus_error *err);
void fus_blocks_free(struct fus_blocks *p);

const struct fus_block *fus_blocks_find(const struct fus_blocks *p, int picture); /* the block that contains it */

/* Pictures *first .. *end-1 of shard i of n, 1 <= i <= n: whole blocks; none if there are more
 * shards than blocks. */
void fus_blocks_shard(int *first, int *end, const struct fus_blocks *p, int i, int n);

#endif
