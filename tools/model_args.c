/* SPDX-License-Identifier: MIT */
/* Options of every command that opens a model: see model_args.h. */
#include "tools/model_args.h"

#include <string.h>

const struct fus_word fus_model_args_precisions[] = {{"fp32", FUS_PRECISION_FP32}, {"bf16", FUS_PRECISION_BF16}, {0}};

int fus_model_args_check(const char *command, const struct fus_model_choice *choice)
{
    struct fus_preprocess p;
    struct fus_error err = {0};
    if (choice->preprocess && fus_preprocess_parse(&p, choice->preprocess, &err))
        return fus_args_usage(command, "--preprocess: %s", err.msg);
    if (choice->activation && strcmp(choice->activation, "quickgelu") != 0 && strcmp(choice->activation, "gelu") != 0)
        return fus_args_usage(command, "--activation: '%s' found, quickgelu or gelu expected", choice->activation);
    return 0;
}
