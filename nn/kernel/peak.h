/* SPDX-License-Identifier: MIT */
/* The CPU's limit, against which speeds are given. */
#ifndef FUS_PEAK_H
#define FUS_PEAK_H

#include "nn/kernel/kernels.h"

/* GFLOP/s of fused multiply-adds on registers, on all threads at once, now: the best of several
 * bursts of some 20 us, since other processes may use the machine. */
double fus_peak_measure(const struct fus_kernel *kernel);

#endif
