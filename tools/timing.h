/* SPDX-License-Identifier: MIT */
/* Figures of `fusiform bench`. */
#ifndef FUS_TIMING_H
#define FUS_TIMING_H

/* The median of n values, which are sorted. */
double fus_timing_median(double *values, int n);

#endif
