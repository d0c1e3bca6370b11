/* Private to nn/: where every activation lies. One arena holds them all; a place is used again as
 * soon as nothing reads what lay there. */
#ifndef FUS_PLAN_H
#define FUS_PLAN_H

#include "nn/arch.h"

/* A segment is a run of layers that ends with a block's output. Where activations are large, the
 * layers of a segment run depth first, image by image, so that intermediates stay in cache; all
 * but its last output then have room for one image only. NONE: no segments, where it is costly to
 * come to a layer more than once a batch. BLOCK: each block is one, where the outputs of the whole
 * batch are wanted at once. LONG: as many blocks as are large. */
enum fus_segments { FUS_SEGMENTS_NONE, FUS_SEGMENTS_BLOCK, FUS_SEGMENTS_LONG };

struct fus_plan {
    size_t picture;   /* offsets in floats from the arena's start */
    size_t scratch;   /* what a layer needs while it runs */
    size_t *output;   /* [n_layers] */
    int *last_use;    /* [n_layers] the last layer that reads the output; itself where none does */
    int *segment_end; /* [n_layers] the last layer of its segment; itself where it belongs to none */
    size_t arena_floats;
};

int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, enum fus_segments segments,
                  size_t scratch_floats, struct fus_error *err);
void fus_plan_free(struct fus_plan *plan);

/* Whether a layer's output has room for one picture only. */
bool fus_plan_is_inner(const struct fus_plan *plan, int layer);

/* Floats of one picture as the stem reads it: [side + 2 padding, side + 2 padding, 3]. */
size_t fus_plan_picture_floats(const struct fus_arch *arch);

#endif
