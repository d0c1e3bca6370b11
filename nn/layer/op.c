/* SPDX-License-Identifier: MIT */
/* The table of operators: see op.h. */
#include "nn/layer/op.h"

const struct fus_op fus_op_table[FUS_OP_KINDS] = {
    [FUS_OP_CONV] =
        {
            .name = "conv",
            .parameter = fus_conv_parameter,
            .packed_floats = fus_conv_packed_floats,
            .raw_floats = fus_conv_raw_floats,
            .load = fus_conv_load,
            .scratch_floats = fus_conv_scratch_floats,
            .run = fus_conv_run,
            .reference = fus_reference_convolve,
            .algorithm = fus_conv_algorithm,
            .flops = fus_conv_flops,
        },
    [FUS_OP_MAXPOOL] = {.name = "maxpool", .run = fus_pool_max, .reference = fus_reference_pool},
    [FUS_OP_AVGPOOL] = {.name = "avgpool", .run = fus_pool_average, .reference = fus_reference_pool},
    [FUS_OP_MEAN] = {.name = "mean", .run = fus_pool_mean, .reference = fus_reference_pool},
    [FUS_OP_PAD] = {.name = "pad", .run = fus_pool_pad, .reference = fus_reference_pad},
    [FUS_OP_ACTIVATION] =
        {
            .name = "activation",
            .run = fus_act_run,
            .reference = fus_reference_activate,
            .algorithm = fus_act_algorithm,
        },
    [FUS_OP_ATTENTION] =
        {
            .name = "attention",
            .parameter = fus_attnpool_parameter,
            .packed_floats = fus_attnpool_packed_floats,
            .raw_floats = fus_attnpool_raw_floats,
            .load = fus_attnpool_load,
            .scratch_floats = fus_attnpool_scratch_floats,
            .run = fus_attnpool_run,
            .reference = fus_reference_attend,
        },
    [FUS_OP_UNFOLD] = {.name = "unfold", .run = fus_unfold_run, .reference = fus_reference_unfold},
    [FUS_OP_TOKENS] =
        {
            .name = "tokens",
            .parameter = fus_tokens_parameter,
            .packed_floats = fus_tokens_packed_floats,
            .raw_floats = fus_tokens_raw_floats,
            .load = fus_tokens_load,
            .run = fus_tokens_run,
            .reference = fus_reference_tokens,
        },
    [FUS_OP_NORM] =
        {
            .name = "norm",
            .parameter = fus_layernorm_parameter,
            .packed_floats = fus_layernorm_packed_floats,
            .load = fus_layernorm_load,
            .run = fus_layernorm_run,
            .reference = fus_reference_layernorm,
        },
    [FUS_OP_ATTEND] =
        {
            .name = "attend",
            .scratch_floats = fus_attend_scratch_floats,
            .run = fus_attend_run,
            .reference = fus_reference_self_attend,
            .flops = fus_attend_flops,
        },
    [FUS_OP_PICK] = {.name = "pick", .run = fus_tokens_pick, .reference = fus_reference_pick},
};

bool fus_op_parameter(struct fus_parameter *p, const struct fus_layer *l, int i)
{
    const struct fus_op *op = &fus_op_table[l->op];
    return op->parameter && op->parameter(p, l, i);
}
