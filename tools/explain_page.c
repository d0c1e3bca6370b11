/* SPDX-License-Identifier: MIT */
/* Parts of the explanation's lines: see explain_page.h. */
#include "tools/explain_page.h"

#include <math.h>

const char *fus_explain_page_section(const struct fus_explain *x, enum fus_explain_step step)
{
    static const char *const sections[FUS_EXPLAIN_STEPS] = {
        [FUS_EXPLAIN_RESPONSES] = "METHOD.md, \"Units and their moments\"",
        [FUS_EXPLAIN_MOMENTS] = "METHOD.md, \"Units and their moments\"",
        [FUS_EXPLAIN_PAIRS] = "METHOD.md, \"Two categories: Welch's t\"",
        [FUS_EXPLAIN_LARGEST] = "METHOD.md, \"Greater than all others: intersection-union\"",
        [FUS_EXPLAIN_CORRECTION] = "METHOD.md, \"Many units: Benjamini and Hochberg\"",
        [FUS_EXPLAIN_LABEL] = "METHOD.md, \"The label\"",
        [FUS_EXPLAIN_FAMILYWISE] = "METHOD.md, \"Permutation: what would chance select?\"",
        [FUS_EXPLAIN_CSI_STEP] = "METHOD.md, \"CSI\"",
        [FUS_EXPLAIN_DPRIME] = "METHOD.md, \"d'\"",
        [FUS_EXPLAIN_MAP] = "METHOD.md, \"Where: maps and their variation\"",
        [FUS_EXPLAIN_HALVES] = "METHOD.md, \"Measured on other pictures: cross-validation\"",
    };
    bool decision = step >= FUS_EXPLAIN_PAIRS && step <= FUS_EXPLAIN_LABEL;
    if (decision && x->options.select.criterion != FUS_CRITERION_IUT)
        return "METHOD.md, \"Other criteria\"";
    if (step == FUS_EXPLAIN_PAIRS && fus_explain_page_tests(x) == FUS_EXPLAIN_BALANCED)
        return "METHOD.md, \"Skewed responses and unequal numbers\"";
    if (step == FUS_EXPLAIN_PAIRS && fus_explain_page_tests(x) == FUS_EXPLAIN_RELABELLED)
        return "METHOD.md, \"The permutation test\"";
    return sections[step];
}

enum fus_explain_tests fus_explain_page_tests(const struct fus_explain *x)
{
    bool equal = true;
    for (int c = 0; c < x->n_categories && x->decision.category >= 0; c++)
        equal = equal && x->moments.n[c] == x->moments.n[x->decision.category];
    switch (x->options.select.criterion) {
    case FUS_CRITERION_IUT:
        break;
    case FUS_CRITERION_PRINCE:
        return FUS_EXPLAIN_TWO_SIDED;
    case FUS_CRITERION_RANKSUM:
        return FUS_EXPLAIN_RANKS;
    default:
        return FUS_EXPLAIN_STATISTIC;
    }
    if (x->options.select.test == FUS_TEST_PERMUTATION)
        return FUS_EXPLAIN_RELABELLED;
    return x->options.select.test == FUS_TEST_STUDENT          ? FUS_EXPLAIN_STUDENT
           : x->options.select.test == FUS_TEST_WELCH || equal ? FUS_EXPLAIN_WELCH
                                                               : FUS_EXPLAIN_BALANCED;
}

/* ---- parts of lines ---- */

const char *fus_explain_page_name(const struct fus_explain_page *p, int category)
{
    return category < 0 ? "none" : p->x->run->categories[category];
}

void fus_explain_page_head(struct fus_explain_page *p, enum fus_explain_step step, const char *what)
{
    fprintf(p->f, "\n%d. %s\n   (%s)\n", ++p->n, what, fus_explain_page_section(p->x, step));
}

/* A number in a column; a dash where there is none. */
void fus_explain_page_cell(const struct fus_explain_page *p, const char *format, double x)
{
    char text[40];
    snprintf(text, sizeof text, format, x);
    fprintf(p->f, "  %10s", isnan(x) ? "-" : text);
}

void fus_explain_page_row(const struct fus_explain_page *p, const char *name)
{
    fprintf(p->f, "   %-*s", p->width, name);
}

void fus_explain_page_titles(const struct fus_explain_page *p, const char *const *names)
{
    fus_explain_page_row(p, "");
    for (; *names; names++)
        fprintf(p->f, "  %10s", *names);
    fprintf(p->f, "\n");
}
