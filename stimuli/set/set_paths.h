/* SPDX-License-Identifier: MIT */
/* @FILE among pictures: a list with a path on each line, or a table with tabs whose header has a
 * column `path` (the images of `sdc fit`). Paths start at the list's folder; one that is not there
 * is taken as it stands. Empty lines and lines that begin with # are passed over. */
#ifndef FUS_SET_PATHS_H
#define FUS_SET_PATHS_H

#include "nn/base/base.h"

struct fus_set_paths {
    int n;
    char **paths; /* [n] in the order of the lines */
};

int fus_set_paths_read(struct fus_set_paths *p, const char *file, struct fus_error *err);
void fus_set_paths_free(struct fus_set_paths *p);

#endif
