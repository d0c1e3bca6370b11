/* SPDX-License-Identifier: MIT */
/* The result of a finished layer, as a file beside the checkpoints, so that a resumed run need not
 * compute it again. It is valid only for the same program on the same kind of machine; otherwise it
 * is ignored and the layer is computed again. */
#ifndef FUS_LAYER_RESULT_H
#define FUS_LAYER_RESULT_H

#include "analysis/localizer/run.h"

/* layer: the index among the model's. Its labels are in OUT/units already. */
int fus_layer_result_write(const struct fus_localizer *run, int model, int layer, struct fus_error *err);

/* True if the file exists, is intact, belongs to this run, and the labels have not changed; the
 * layer's summary is then restored. */
bool fus_layer_result_read(struct fus_localizer *run, int model, int layer);

#endif
