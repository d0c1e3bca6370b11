/* SPDX-License-Identifier: MIT */
/* Presets: rules of selectivity as papers state them. */
#ifndef FUS_RULES_H
#define FUS_RULES_H

#include "analysis/run/run_options.h"

struct fus_rules_preset {
    const char *name;
    enum fus_criterion criterion;
    const char *paper, *open; /* open: details that the paper does not state and this program chooses */
};

const struct fus_rules_preset *fus_rules_at(size_t i);           /* NULL after the last */
const struct fus_rules_preset *fus_rules_find(const char *name); /* NULL: there is none */

/* The report's text about the rule; empty for the default, which the report explains elsewhere. */
void fus_rules_describe(char *text, size_t room, const struct fus_run_options *options);

#endif
