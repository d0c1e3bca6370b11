/* SPDX-License-Identifier: MIT */
/* Options of every command that opens a model. */
#ifndef FUS_MODEL_ARGS_H
#define FUS_MODEL_ARGS_H

#include "analysis/localizer/model.h"
#include "tools/args.h"

/* --precision: words of enum fus_precision, and its lines of --help. */
extern const struct fus_word fus_model_args_precisions[];
#define FUS_MODEL_ARGS_PRECISION                                                                                   \
    "  --precision P      bf16: convolutions and linear layers of numbers of 8 bits' precision, faster where the " \
    "CPU has AMX;\n"                                                                                               \
    "                     other bytes than fp32 (default), and like them the same everywhere\n"

/* Rows of a command that shows pictures to one model: struct fus_model_choice, fus_net_options,
 * fus_choice, and bool. */
#define FUS_MODEL_ARGS(choice, options, precision, skip_bad)                                                        \
    {"--lang-head", FUS_ARG_TEXT, &(choice).lang_head}, {"--prefix", FUS_ARG_TEXT, &(choice).prefix},               \
        {"--activation", FUS_ARG_TEXT, &(choice).activation}, {"--preprocess", FUS_ARG_TEXT, &(choice).preprocess}, \
        {"--low-memory", FUS_ARG_FLAG, &(options).low_memory}, {"--precision", FUS_ARG_CHOICE, &(precision)},       \
    {                                                                                                               \
        "--skip-bad", FUS_ARG_FLAG, &(skip_bad)                                                                     \
    }

/* 0, or 2 after a message if --preprocess cannot be parsed, or --activation is not known. */
int fus_model_args_check(const char *command, const struct fus_model_choice *choice);

#endif
