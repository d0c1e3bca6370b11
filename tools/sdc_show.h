/* SPDX-License-Identifier: MIT */
/* What `fusiform sdc` prints while it works and at the end. */
#ifndef FUS_SDC_SHOW_H
#define FUS_SDC_SHOW_H

#include "analysis/sdc/decode.h"

/* Runs the fit with notes and progress on stderr, Ctrl-C after a step; then prints the test scores.
 * Errors are printed too; returns the code. */
int fus_sdc_show_fit(const struct fus_sdc_decode_options *o, struct fus_error *err);

#endif
