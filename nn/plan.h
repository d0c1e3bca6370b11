/* Private to nn/: where every activation lies. One arena holds them all; a place is used again as soon as nothing
 * reads what lay there. */
#ifndef FUS_PLAN_H
#define FUS_PLAN_H

#include "arch.h"

/* Layers up to a block's output are a strand, or, of long ones, of as many blocks as are large. Where its activations are large, a
 * strand takes one picture of the batch after the other, so that what its layers pass on stays near the processor; its
 * inner outputs then have room for one picture. */
enum fus_strands { FUS_STRANDS_NONE, FUS_STRANDS_BLOCK, FUS_STRANDS_LONG };

struct fus_plan {
    size_t picture;        /* offsets in floats from the arena's start */
    size_t scratch;        /* what a layer needs while it runs */
    size_t *output;        /* [n_layers] */
    int *last_use;         /* [n_layers] the last layer that reads the output; itself where none does */
    int *strand_end;       /* [n_layers] the last layer of the strand, where pictures go one by one; else the layer itself */
    size_t arena_floats;
};

/* NONE: where it is costly to come to a layer more than once a batch. BLOCK: where all of a batch's outputs of a block are wanted at once. */
int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, enum fus_strands strands, size_t scratch_floats,
                  struct fus_error *err);
void fus_plan_free(struct fus_plan *plan);

/* Whether a layer's output has room for one picture only. */
bool fus_plan_inner(const struct fus_plan *plan, int layer);

/* Floats of one picture as the stem reads it: [side + 2 padding, side + 2 padding, 3]. */
size_t fus_plan_picture_floats(const struct fus_arch *arch);

#endif
