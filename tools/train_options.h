/* SPDX-License-Identifier: MIT */
/* The command line of `fusiform train`. */
#ifndef FUS_TRAIN_OPTIONS_H
#define FUS_TRAIN_OPTIONS_H

#include "analysis/train/targets.h"
#include "analysis/train/training.h"

#define FUS_TRAIN_OPTIONS_MAX 48

struct fus_train_options_line {
    struct fus_training_options training;
    struct fus_safetensors_pair named[FUS_TRAIN_OPTIONS_MAX];
    char values[FUS_TRAIN_OPTIONS_MAX][400];
};

/* 0; 2 after a message; -1 after --help. */
int fus_train_options_parse(struct fus_train_options_line *line, int argc, char **argv);

#endif
