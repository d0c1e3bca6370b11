/* SPDX-License-Identifier: MIT */
/* What `fusiform explain` prints: text for people, and the same numbers as a table. */
#ifndef FUS_EXPLAIN_PRINT_H
#define FUS_EXPLAIN_PRINT_H

#include "analysis/localizer/explain.h"
#include "nn/base/outfile.h"

void fus_explain_print_text(FILE *f, const struct fus_explain *x);

/* step,section,quantity,category,rival,picture,value */
void fus_explain_print_table(struct fus_outfile *f, const struct fus_explain *x);

#endif
