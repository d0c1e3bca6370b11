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

/* 0, or 2 after a message if --preprocess cannot be parsed, or --activation is not known. */
int fus_model_args_check(const char *command, const struct fus_model_choice *choice);

#endif
