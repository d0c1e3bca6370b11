/* A layer that is decided on, as a file beside the checkpoints: the run that goes on need not do it
 * again. Written and read by the same program on the same kind of machine; any other finds it unfit
 * and decides anew. */
#ifndef FUS_LAYER_RESULT_H
#define FUS_LAYER_RESULT_H

#include "analysis/localizer/run.h"

/* layer: the index among the model's. Its labels are in OUT/units already. */
int fus_layer_result_write(const struct fus_localizer *run, int model, int layer, struct fus_error *err);

/* Whether it was there, whole, of this run, and its labels are as they were; then the layer's
 * summary is as it was too. */
bool fus_layer_result_read(struct fus_localizer *run, int model, int layer);

#endif
