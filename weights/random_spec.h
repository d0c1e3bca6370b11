/* SPDX-License-Identifier: MIT */
/* Private to weights/: the parsed text `random:...` (random_spec.c). */
#ifndef FUS_RANDOM_SPEC_H
#define FUS_RANDOM_SPEC_H

#include "nn/nn.h"

struct fus_random_spec {
    struct fus_net_spec net;
    uint64_t seed;
    bool zero;
    char preprocess[120]; /* "": the network's default */
};
int fus_random_parse(struct fus_random_spec *r, const char *spec, struct fus_error *err);

#endif
