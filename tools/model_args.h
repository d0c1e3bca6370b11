/* Options of every command that opens a model. */
#ifndef FUS_MODEL_ARGS_H
#define FUS_MODEL_ARGS_H

#include "analysis/localizer/model.h"

/* 0, or 2 after a message if --preprocess cannot be parsed, or --activation is not known. */
int fus_model_args_check(const char *command, const struct fus_model_choice *choice);

#endif
