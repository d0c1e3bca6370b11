/* SPDX-License-Identifier: MIT */
/* Which ConvNeXt the tensors of a file make up. */
#include <string.h>

#include "weights/recognise.h"

enum { MOST_BLOCKS = 200 };

/* Rows of a tensor; 0: there is none. */
static int rows(const struct fus_store *s, const char *name)
{
    const struct fus_tensor *t = fus_store_find(s, name);
    return t && t->n_dims > 0 && t->shape[0] > 0 && t->shape[0] < (1 << 24) ? (int)t->shape[0] : 0;
}

int fus_recognise_convnext(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    char name[FUS_NAME_BYTES];
    spec->kind = FUS_NET_CONVNEXT;
    spec->input_side = 224;
    spec->n_stages = FUS_MAX_STAGES;
    spec->n_classes = rows(s, "classifier.2.weight");
    for (int i = 0; i < FUS_MAX_STAGES; i++) {
        int n = 0;
        for (; n < MOST_BLOCKS; n++) {
            snprintf(name, sizeof name, "features.%d.%d.block.0.weight", 2 * i + 1, n);
            if (!rows(s, name))
                break;
            if (n == 0)
                spec->channels[i] = rows(s, name);
        }
        spec->n_blocks[i] = n;
        if (n == 0)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor features.%d.0.block.0.weight: missing", 2 * i + 1);
    }
    return fus_recognise_side(spec, s, err);
}
