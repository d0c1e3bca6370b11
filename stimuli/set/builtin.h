/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the options of `builtin`: `?per_category=24&seed=1&side=256&categories=MAP`,
 * each at most once. */
#ifndef FUS_BUILTIN_H
#define FUS_BUILTIN_H

#include "nn/base/base.h"

struct fus_builtin {
    int per_category, side;
    uint64_t seed;
    char *categories; /* as fus_categories_parse takes them, or "all"; NULL: not given. In new memory */
};

/* spec begins with `builtin`. FUS_EINVAL names the invalid option and the expected value. */
int fus_builtin_parse(struct fus_builtin *b, const char *spec, struct fus_error *err);
void fus_builtin_free(struct fus_builtin *b);

#endif
