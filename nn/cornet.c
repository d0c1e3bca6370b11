/* SPDX-License-Identifier: MIT */
/* CORnet-S and CORnet-Z (Kubilius et al. 2018, 2019) as tables of layers, with their authors'
 * names.
 *
 *   S  V1       conv1 7x7/2, pool 3x3/2, conv2 3x3
 *      V2 ...   x = conv_input(input); then for t = 0, 1, ...
 *               x = ReLU(norm3_t(conv3(ReLU(norm2_t(conv2(ReLU(norm1_t(conv1(x)))))))) + x)
 *               at t = 0 conv2 has stride 2 and norm_skip(skip(x)), of stride 2, stands for + x
 *   Z  each     ReLU(conv), pool 3x3/2; V1's conv is 7x7/2, the others' 3x3
 *
 * An area of S runs the same convolutions at each time with a batch norm of its own. The taps are
 * the areas' outputs: V2.output-t0 is the first of V2's times. */
#include <stdio.h>

#include "nn/arch.h"

enum { MOST_CHANNELS = 65536, MOST_SIDE = 4096, MOST_TIMES = 100 };

static const char *const areas[] = {"V1", "V2", "V4", "IT"};

static int check_spec(const struct fus_net_spec *s, struct fus_error *err)
{
    bool ok = s->n_stages == FUS_MAX_STAGES && s->stem_channels > 0 && s->stem_channels <= MOST_CHANNELS &&
              s->n_classes > 0 && s->n_classes <= (1 << 24);
    for (int i = 0; i < FUS_MAX_STAGES; i++)
        ok = ok && s->n_blocks[i] > 0 && s->n_blocks[i] <= MOST_TIMES && s->width[i] > 0 &&
             s->width[i] <= MOST_CHANNELS && s->channels[i] > 0 && s->channels[i] <= MOST_CHANNELS;
    if (!ok)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "a CORnet with impossible numbers of times or channels");
    if (s->input_side < 8 || s->input_side > MOST_SIDE)
        return fus_base_fail(err, FUS_EUNSUPPORTED, "an input side of %d; 8 to %d are possible", s->input_side,
                             MOST_SIDE);
    return FUS_OK;
}

/* area.name with the batch norm area.norm; norm "": none. */
static int conv(struct fus_builder *b, int input, int area, const char *name, const char *norm, int kernel, int stride,
                int channels)
{
    char conv_name[48], norm_name[48] = "";
    snprintf(conv_name, sizeof conv_name, "%s.%s", areas[area], name);
    if (norm[0])
        snprintf(norm_name, sizeof norm_name, "%s.%s", areas[area], norm);
    return fus_arch_conv(b, input, conv_name, norm_name, kernel, stride, kernel / 2, channels);
}

static int pool(struct fus_builder *b, int input)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_MAXPOOL, input);
    l->kernel = 3;
    l->stride = 2;
    l->padding = 1;
    return fus_arch_finish(b, l, l->in_channels);
}

static void tap(struct fus_builder *b, int area, int time)
{
    struct fus_layer *l = fus_arch_last(b);
    l->in_all = true;
    if (time < 0)
        snprintf(l->tap, sizeof l->tap, "%s.output", areas[area]);
    else
        snprintf(l->tap, sizeof l->tap, "%s.output-t%d", areas[area], time);
}

static int first_area(struct fus_builder *b)
{
    const struct fus_net_spec *s = b->spec;
    int last = conv(b, -1, 0, "conv1", "norm1", 7, 2, s->stem_channels);
    fus_arch_last(b)->act = FUS_ACT_RELU;
    last = b->failed ? last : pool(b, last);
    if (b->failed)
        return last;
    last = conv(b, last, 0, "conv2", "norm2", 3, 1, s->channels[0]);
    fus_arch_last(b)->act = FUS_ACT_RELU;
    tap(b, 0, 0);
    return last;
}

/* One time of an area of S. */
static int one_time(struct fus_builder *b, int input, int area, int time)
{
    static const int kernels[] = {1, 3, 1};
    const struct fus_net_spec *s = b->spec;
    int side = input, last = input;
    if (time == 0)
        side = conv(b, input, area, "skip", "norm_skip", 1, 2, s->channels[area]);
    for (int i = 0; i < 3 && !b->failed; i++) {
        char name[16], norm[32];
        snprintf(name, sizeof name, "conv%d", i + 1);
        snprintf(norm, sizeof norm, "norm%d_%d", i + 1, time);
        last = conv(b, last, area, name, norm, kernels[i], i == 1 && time == 0 ? 2 : 1,
                    i == 2 ? s->channels[area] : s->width[area]);
        fus_arch_last(b)->act = FUS_ACT_RELU;
        fus_arch_last(b)->repeated = time > 0;
    }
    fus_arch_last(b)->addend = side;
    tap(b, area, time);
    return last;
}

static int recurrent_area(struct fus_builder *b, int input, int area)
{
    int last = conv(b, input, area, "conv_input", "", 1, 1, b->spec->channels[area]);
    fus_arch_last(b)->bias = false;
    for (int time = 0; time < b->spec->n_blocks[area] && !b->failed; time++)
        last = one_time(b, last, area, time);
    return last;
}

static int plain_area(struct fus_builder *b, int input, int area)
{
    int last = conv(b, input, area, "conv", "", area ? 3 : 7, area ? 1 : 2, b->spec->channels[area]);
    fus_arch_last(b)->act = FUS_ACT_RELU;
    last = b->failed ? last : pool(b, last);
    tap(b, area, -1);
    return last;
}

static void decoder(struct fus_builder *b, int input)
{
    struct fus_layer *l = fus_arch_append(b, FUS_OP_MEAN, input);
    snprintf(l->tap, sizeof l->tap, "decoder.avgpool");
    l->kernel = l->in_height;
    int last = fus_arch_finish(b, l, l->in_channels);
    if (b->failed)
        return;
    fus_arch_conv(b, last, "decoder.linear", "", 1, 1, 0, b->spec->n_classes);
    l = fus_arch_last(b);
    snprintf(l->tap, sizeof l->tap, "decoder");
    l->linear = true;
    l->is_signed = true;
}

int fus_cornet_build(struct fus_builder *b, struct fus_error *err)
{
    int code = check_spec(b->spec, err), last = -1;
    for (int area = 0; area < FUS_MAX_STAGES && !code && !b->failed; area++)
        last = !b->spec->bottleneck ? plain_area(b, last, area)
               : area == 0          ? first_area(b)
                                    : recurrent_area(b, last, area);
    if (!code && !b->failed)
        decoder(b, last);
    return code;
}
