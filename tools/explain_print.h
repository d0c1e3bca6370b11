/* What `fusiform explain` prints: text for people, and the same numbers as a table. */
#ifndef FUS_EXPLAIN_PRINT_H
#define FUS_EXPLAIN_PRINT_H

#include "analysis/localizer/explain.h"
#include "nn/base/outfile.h"

/* The steps of the explanation, in their order. */
enum fus_explain_step {
    FUS_EXPLAIN_RESPONSES,
    FUS_EXPLAIN_MOMENTS,
    FUS_EXPLAIN_PAIRS,
    FUS_EXPLAIN_LARGEST,
    FUS_EXPLAIN_CORRECTION,
    FUS_EXPLAIN_LABEL,
    FUS_EXPLAIN_FAMILYWISE,
    FUS_EXPLAIN_CSI_STEP,
    FUS_EXPLAIN_DPRIME,
    FUS_EXPLAIN_MAP,
    FUS_EXPLAIN_HALVES,
    FUS_EXPLAIN_STEPS
};

/* METHOD.md, and in quotes the title of the section that explains the step. */
const char *fus_explain_print_section(const struct fus_explain *x, enum fus_explain_step step);

/* How two categories are compared. */
enum fus_explain_tests {
    FUS_EXPLAIN_WELCH,
    FUS_EXPLAIN_BALANCED,
    FUS_EXPLAIN_STUDENT,
    FUS_EXPLAIN_RELABELLED,
    FUS_EXPLAIN_TWO_SIDED,
    FUS_EXPLAIN_RANKS,
    FUS_EXPLAIN_STATISTIC
};
/* WELCH is also the balanced test where the category has as many pictures as every other one. */
enum fus_explain_tests fus_explain_print_tests(const struct fus_explain *x);

void fus_explain_print_text(FILE *f, const struct fus_explain *x);

/* step,section,quantity,category,rival,picture,value */
void fus_explain_print_table(struct fus_outfile *f, const struct fus_explain *x);

#endif
