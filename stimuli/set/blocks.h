/* SPDX-License-Identifier: MIT */
/* Each category's pictures are divided into blocks whose boundaries depend on the set alone, and
 * each block into its pictures of either half, where there are halves. Within one of these,
 * moments are one chain over its pictures; they are merged in order. So a run can be resumed at
 * any picture, or divided among machines, with the same bits. */
#ifndef FUS_BLOCKS_H
#define FUS_BLOCKS_H

#include "stimuli/stimuli.h"

enum {
    FUS_BLOCKS_LEAST = 32,
    FUS_BLOCKS_MOST = 16
}; /* pictures of a block (except a category's last); blocks of a category */

/* The order in which pictures are shown. WHOLE: blocks in set order, not divided into halves.
 * APART: likewise, half 0 of each block before half 1; shards need it, whose pictures are whole
 * blocks. HALVES: half 0 of all blocks of a category before half 1, so that its moments are
 * complete sooner. */
enum fus_blocks_order { FUS_BLOCKS_WHOLE, FUS_BLOCKS_APART, FUS_BLOCKS_HALVES };

struct fus_block { /* or half of one */
    int category, half;
    int opening;    /* where the category begins */
    int whole;      /* the first picture of the set in the block */
    int first, end; /* shown as pictures first .. end-1 */
};

struct fus_blocks {
    int n;
    struct fus_block *items; /* [n] as they are shown */
    int *order;              /* [n_pictures] the i-th picture shown */
};

/* Blocks of max(32, ceil(n/16)) pictures for a category of n. */
int fus_blocks_cut(struct fus_blocks *p, const struct fus_set *set, enum fus_blocks_order order, struct fus_error *err);
void fus_blocks_free(struct fus_blocks *p);

const struct fus_block *fus_blocks_find(const struct fus_blocks *p, int picture); /* the block that contains it */
int fus_blocks_largest(const struct fus_blocks *p); /* pictures of the largest block, or half of one */

/* Pictures *first .. *end-1 of shard i of n, 1 <= i <= n: whole blocks, which are pictures of
 * these numbers in set order too; none if there are more shards than blocks. Not for
 * FUS_BLOCKS_HALVES. */
void fus_blocks_shard(int *first, int *end, const struct fus_blocks *p, int i, int n);

#endif
