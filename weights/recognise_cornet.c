/* SPDX-License-Identifier: MIT */
/* Which CORnet the tensors of a file make up: channels from shapes, times from the batch norms. */
#include <string.h>

#include "weights/recognise.h"

enum { MOST_TIMES = 100 };

static const char *const areas[] = {"V1", "V2", "V4", "IT"};

/* Rows of AREA.PART.weight; 0: there is none. */
static int rows(const struct fus_store *s, int area, const char *part)
{
    char name[FUS_NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s.weight", areas[area], part);
    const struct fus_tensor *t = fus_store_find(s, name);
    return t && t->n_dims > 0 && t->shape[0] > 0 && t->shape[0] < (1 << 24) ? (int)t->shape[0] : 0;
}

static int count_times(const struct fus_store *s, int area)
{
    char part[24];
    int n = 0;
    for (; n < MOST_TIMES; n++) {
        snprintf(part, sizeof part, "norm1_%d", n);
        if (!rows(s, area, part))
            break;
    }
    return n;
}

/* A part without which an area has no size. */
static int need(int *size, const struct fus_store *s, int area, const char *part, struct fus_error *err)
{
    *size = rows(s, area, part);
    if (!*size)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s.%s.weight: missing", areas[area], part);
    return FUS_OK;
}

int fus_recognise_cornet(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err)
{
    const struct fus_tensor *classes = fus_store_find(s, "decoder.linear.weight");
    int code = FUS_OK;
    spec->kind = FUS_NET_CORNET;
    spec->input_side = 224;
    spec->bottleneck = rows(s, 3, "conv_input") > 0;
    spec->n_stages = FUS_MAX_STAGES;
    spec->n_classes = classes && classes->n_dims == 2 && classes->shape[0] < (1 << 24) ? (int)classes->shape[0] : 0;
    if (spec->bottleneck)
        code = need(&spec->stem_channels, s, 0, "conv1", err);
    for (int i = 0; i < FUS_MAX_STAGES && !code; i++) {
        const char *part = !spec->bottleneck ? "conv" : i == 0 ? "conv2" : "conv_input";
        code = need(&spec->channels[i], s, i, part, err);
        spec->width[i] = spec->channels[i];
        if (!code && spec->bottleneck && i > 0)
            code = need(&spec->width[i], s, i, "conv1", err);
        spec->n_blocks[i] = spec->bottleneck && i > 0 ? count_times(s, i) : 1;
        if (!code && !spec->n_blocks[i])
            code = fus_base_fail(err, FUS_EUNSUPPORTED, "tensor %s.norm1_0.weight: missing", areas[i]);
    }
    if (!spec->bottleneck)
        spec->stem_channels = spec->channels[0];
    return code ? code : fus_recognise_side(spec, s, err);
}
