/* SPDX-License-Identifier: MIT */
/* Private to the printing of an explanation (explain_print.h): its steps, and parts of lines. */
#ifndef FUS_EXPLAIN_PAGE_H
#define FUS_EXPLAIN_PAGE_H

#include <stdio.h>

#include "analysis/localizer/explain.h"

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
const char *fus_explain_page_section(const struct fus_explain *x, enum fus_explain_step step);

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
enum fus_explain_tests fus_explain_page_tests(const struct fus_explain *x);

struct fus_explain_page {
    FILE *f;
    const struct fus_explain *x;
    int n, width; /* steps so far; of the longest category's name */
};

/* name: of a category, "none" for -1. head: the next step. cell: a number in a column, a dash for
 * NaN. row: begins a row of a table; titles: its first row, the names up to NULL. */
const char *fus_explain_page_name(const struct fus_explain_page *p, int category);
void fus_explain_page_head(struct fus_explain_page *p, enum fus_explain_step step, const char *what);
void fus_explain_page_cell(const struct fus_explain_page *p, const char *format, double x);
void fus_explain_page_row(const struct fus_explain_page *p, const char *name);
void fus_explain_page_titles(const struct fus_explain_page *p, const char *const *names);

/* explain_decision.c: the steps from the tests of pairs to the label. */
void fus_explain_decision_print(struct fus_explain_page *p);

#endif
