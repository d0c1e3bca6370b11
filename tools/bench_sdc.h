/* SPDX-License-Identifier: MIT */
/* fusiform bench --sdc: the time of what shared decodable concepts cost. */
#ifndef FUS_BENCH_SDC_H
#define FUS_BENCH_SDC_H

#include "nn/base/base.h"

enum fus_bench_sdc_part { FUS_BENCH_SDC_ALL, FUS_BENCH_SDC_STEP, FUS_BENCH_SDC_PAIRS, FUS_BENCH_SDC_RIDGE };

struct fus_bench_sdc {
    enum fus_bench_sdc_part part;
    int voxels; /* 0: 15,000 of a decoder, 20,000 of all participants together */
    int rounds;
    bool csv;
};

/* Runs the parts on noise: steps of a decoder's fit, the passes over all pairs of vectors, ridge
 * regression (once). Prints medians. */
int fus_bench_sdc_run(const struct fus_bench_sdc *b, struct fus_error *err);

#endif
