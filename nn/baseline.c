/* SPDX-License-Identifier: MIT */
/* Baselines as tables of layers: what the pictures give away without any learning. They are built
 * from the operators of networks, so that everything that takes a model takes them, too; their
 * weights are fixed (weights/baseline.c).
 *
 *   pixels  each colour value of the reduced picture is a unit: tap "pixels" [3, side, side]
 *
 *   gabor   luminance, halved three times by averaging; at each of the four scales 7 x 7 Gabor
 *           filters of 8 orientations and 4 phases, stride 2, then ReLU: simple cells, tap
 *           "cycles32.simple" [32, h, w] for 32 cycles a picture; and the sum over phases, |even| +
 *           |odd|: complex cells (Adelson & Bergen 1985, with absolute values in place of squares),
 *           tap "cycles32" [8, h, w] */
#include <stdio.h>

#include "nn/arch.h"

static int linear(struct fus_builder *b, int input, const char *name, const char *tap, int channels)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_CONV, input);
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->tap, sizeof l->tap, "%s", tap);
    return fus_arch_finish(b, l, channels);
}

static int simple_cells(struct fus_builder *b, int input, const char *at)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_CONV, input);
    snprintf(l->name, sizeof l->name, "%.16s.gabor", at);
    snprintf(l->norm, sizeof l->norm, "%.16s.norm", at);
    snprintf(l->tap, sizeof l->tap, "%.16s.simple", at);
    l->kernel = FUS_GABOR_SIDE;
    l->padding = FUS_GABOR_SIDE / 2;
    l->stride = 2;
    l->act = FUS_ACT_RELU;
    return fus_arch_finish(b, l, FUS_GABOR_ORIENTATIONS * FUS_GABOR_PHASES);
}

static int halve(struct fus_builder *b, int input)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_AVGPOOL, input);
    l->kernel = l->stride = 2;
    return fus_arch_finish(b, l, l->in_channels);
}

static void build_gabor(struct fus_builder *b)
{
    int level = linear(b, -1, "luminance", "", 1);
    for (int scale = 0; scale < FUS_GABOR_SCALES && !b->failed; scale++) {
        char at[24], name[40];
        level = scale ? halve(b, level) : level;
        snprintf(at, sizeof at, "cycles%d", b->spec->input_side / FUS_GABOR_WAVELENGTH >> scale);
        snprintf(name, sizeof name, "%s.sum", at);
        int simple = simple_cells(b, level, at), complex = linear(b, simple, name, at, FUS_GABOR_ORIENTATIONS);
        if (!b->failed)
            b->arch->layers[complex].in_all = true;
    }
}

int fus_baseline_build(struct fus_builder *b, struct fus_error *err)
{
    int side = b->spec->input_side, least = FUS_GABOR_WAVELENGTH << FUS_GABOR_SCALES;
    if (b->spec->stem == FUS_STEM_PIXELS) {
        if (side < 1 || side > FUS_PIXELS_SIDE)
            return fus_base_fail(err, FUS_EUNSUPPORTED, "pixels of a side of %d; 1 to %d are possible", side,
                                 FUS_PIXELS_SIDE);
        int last = linear(b, -1, "pixels", "pixels", 3);
        if (!b->failed)
            b->arch->layers[last].in_all = true;
        return FUS_OK;
    }
    if (side < least || side > FUS_GABOR_MAX_SIDE || side % (FUS_GABOR_WAVELENGTH << (FUS_GABOR_SCALES - 1)))
        return fus_base_fail(err, FUS_EUNSUPPORTED,
                             "Gabor filters for a side of %d; multiples of %d from %d to %d are "
                             "possible",
                             side, FUS_GABOR_WAVELENGTH << (FUS_GABOR_SCALES - 1), least, FUS_GABOR_MAX_SIDE);
    build_gabor(b);
    return FUS_OK;
}
