/* Each category's pictures cut on fixed boundaries, which depend on the set alone: within a part moments are one chain over its pictures, and parts
 * are merged in their order. So a set can be taken up again at any picture, or shared out among machines, with the same bits. */
#ifndef FUS_PARTS_H
#define FUS_PARTS_H

#include "stimuli/stimuli.h"

enum { FUS_PARTS_LEAST = 32, FUS_PARTS_MOST = 16 }; /* pictures in a part (but a category's last); parts of a category */

struct fus_part {
    int category, opening; /* the category and its first picture */
    int first, end;        /* pictures first .. end-1 of the set */
};

struct fus_parts {
    int n;
    struct fus_part *items; /* [n] in set order */
    int *order;             /* [n_pictures] the picture shown as i-th: parts in set order, in a part half 0 first, so that a batch has moments of one half */
};

/* Parts of max(32, ceil(n/16)) pictures for a category of n. */
int fus_parts_cut(struct fus_parts *p, const struct fus_set *set, struct fus_error *err);
void fus_parts_free(struct fus_parts *p);

const struct fus_part *fus_parts_find(const struct fus_parts *p, int picture); /* the one that holds it */

/* Pictures *first .. *end-1 of shard i of n, 1 <= i <= n: a run of whole parts, none where there are more shards than parts. */
void fus_parts_shard(int *first, int *end, const struct fus_parts *p, int i, int n);

#endif
