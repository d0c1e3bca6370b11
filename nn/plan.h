/* Private to nn/: where every activation lies. One arena holds them all; a place is used again as soon as nothing
 * reads what lay there. */
#ifndef FUS_PLAN_H
#define FUS_PLAN_H

#include "arch.h"

struct fus_plan {
    size_t picture;        /* offsets in floats from the arena's start */
    size_t scratch;        /* what a layer needs while it runs */
    size_t *output;        /* [n_layers] */
    int *last_use;         /* [n_layers] the last layer that reads the output; itself where none does */
    size_t arena_floats;
};

int fus_plan_make(struct fus_plan *plan, const struct fus_arch *arch, int batch, size_t scratch_floats,
                  struct fus_error *err);
void fus_plan_free(struct fus_plan *plan);

/* Floats of one picture as the stem reads it: [side + 2 padding, side + 2 padding, 3]. */
size_t fus_plan_picture_floats(const struct fus_arch *arch);

#endif
