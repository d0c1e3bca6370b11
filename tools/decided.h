/* A layer that is decided on, as a file beside the checkpoints: the run that goes on need not do it again. Written and read by the same program on the
 * same kind of machine; any other finds it unfit and decides anew. */
#ifndef FUS_DECIDED_H
#define FUS_DECIDED_H

#include "tools/run.h"

/* layer: the index among the model's. Its labels are in OUT/units already. */
int fus_decided_write(const struct fus_run *run, int model, int layer, const struct fus_layer_summary *summary, struct fus_error *err);

/* Whether it was there, whole, of this run, and its labels are as they were; then summary and run->models[model].layers[layer] are as they were too. */
bool fus_decided_read(struct fus_layer_summary *summary, struct fus_run *run, int model, int layer);

#endif
