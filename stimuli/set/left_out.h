/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: files that are left out of a set, counted by kind. */
#ifndef FUS_LEFT_OUT_H
#define FUS_LEFT_OUT_H

#include "stimuli/set/folder.h"

struct fus_left_out {
    int n, n_kinds;
    struct {
        const char *kind; /* "WebP"; "" for the last one, which collects all further kinds */
        int n;
        char names[240]; /* the first ones, for the message */
    } kinds[16];
};

/* Counts one name in the folder `shown` (may be ""). kind must live as long as l. Only the first
 * names are kept. */
void fus_left_out_name(struct fus_left_out *l, const char *kind, const char *folder, const char *name);

/* Counts everything that was left out of the folder `shown` (may be ""). */
void fus_left_out_add(struct fus_left_out *l, const struct fus_folder *f, const char *shown);

/* "3 left out: 1 TIFF (face/f10.tif), 2 sub-folders (face/a, face/b)" in new memory. NULL if
 * nothing was left out, or memory is out. */
char *fus_left_out_text(const struct fus_left_out *l);

#endif
