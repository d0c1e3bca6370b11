/* SPDX-License-Identifier: MIT */
/* fusiform stimuli scramble and shine: a picture or a folder tree in, the same names as PNG out. */
#ifndef FUS_CONTROLS_H
#define FUS_CONTROLS_H

#include "nn/base/base.h"

enum fus_control { FUS_CONTROL_BOX, FUS_CONTROL_PHASE, FUS_CONTROL_LUMINANCE, FUS_CONTROL_HISTOGRAM };

struct fus_controls {
    const char *in, *out;
    enum fus_control method;
    int grid;
    uint64_t seed;
    bool skip_bad; /* leave out pictures that cannot be read */
};

/* Every picture is read before the first is written; a message on stderr names the files left
 * out. */
int fus_controls_make(const struct fus_controls *o, struct fus_error *err);

#endif
