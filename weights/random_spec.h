/* Private to weights/: what the text `random:...` says (random_spec.c). */
#ifndef FUS_RANDOM_SPEC_H
#define FUS_RANDOM_SPEC_H

#include "nn/nn.h"

struct fus_random_spec {
    struct fus_net_spec net;
    uint64_t seed;
    bool zero;
    char preprocess[120]; /* "" where the network's own will do */
};
int fus_random_parse(struct fus_random_spec *r, const char *spec, struct fus_error *err);

#endif
