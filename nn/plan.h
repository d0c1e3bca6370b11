/* SPDX-License-Identifier: MIT */
/* Private to nn/: memory for activations. One arena holds them all; memory is reused after the last
 * layer that reads it. */
#ifndef FUS_PLAN_H
#define FUS_PLAN_H

#include "nn/arch.h"

/* A segment is a run of layers that ends with a block's output. Where activations are large, the
 * layers of a segment run depth first, image by image, so that intermediates stay in cache; all but
 * its last output then have room for one image only. NONE: no segments, if running a layer several
 * times per batch is costly. BLOCK: each block is a segment, if the outputs of the whole batch are
 * wanted at once. LONG: a segment spans as many blocks as have large activations. A block whose
 * weights are much larger than its output runs for the whole batch: loading them again for every
 * image would cost more. */
enum fus_segments { FUS_SEGMENTS_NONE, FUS_SEGMENTS_BLOCK, FUS_SEGMENTS_LONG };

struct fus_plan {
    size_t picture;   /* offsets in floats from the arena's start */
    size_t scratch;   /* working memory of the running layer */
    size_t *output;   /* [n_layers] */
    int *last_use;    /* [n_layers] the last layer that reads the output; the layer itself if none does */
    int *segment_end; /* [n_layers] the last layer of its segment; the layer itself outside segments */
    size_t arena_floats;
};

int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, enum fus_segments segments,
                  size_t scratch_floats, struct fus_error *err);
void fus_plan_free(struct fus_plan *plan);

/* Whether a layer's output has room for one picture only (inside a segment). */
bool fus_plan_is_inner(const struct fus_plan *plan, int layer);

/* Floats of one picture in the layout of the stem's input: [side + 2 padding, side + 2 padding,
 * 3]. */
size_t fus_plan_picture_floats(const struct fus_arch *arch);

#endif
