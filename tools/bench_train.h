/* SPDX-License-Identifier: MIT */
/* fusiform bench --train: the time of a training step. */
#ifndef FUS_BENCH_TRAIN_H
#define FUS_BENCH_TRAIN_H

#include "analysis/localizer/model.h"

struct fus_bench_train {
    const char *path;
    const struct fus_model_choice *choice;
    const char *from; /* NULL, or the first trained stage (layer4); all later ones are trained too */
    int batch, rounds;
    size_t max_memory; /* 0: no limit */
    bool winograd, csv;
};

/* Runs training steps on noise, with every loss for which the network has a head; prints
 * medians. */
int fus_bench_train_run(const struct fus_bench_train *b, struct fus_error *err);

#endif
