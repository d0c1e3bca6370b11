/* SPDX-License-Identifier: MIT */
/* Options of `fusiform sdc fit`. */
#ifndef FUS_SDC_OPTIONS_H
#define FUS_SDC_OPTIONS_H

#include "analysis/sdc/decode.h"

/* 0; 2 after a message (wrong usage); -1 after help was printed. */
int fus_sdc_options_parse(struct fus_sdc_decode_options *o, int argc, char **argv);

#endif
