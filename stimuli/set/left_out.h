/* What lies beside a set's pictures and is not taken, counted by kind for one line of text. Private to stimuli/. */
#ifndef FUS_LEFT_OUT_H
#define FUS_LEFT_OUT_H

#include "stimuli/set/folder.h"

struct fus_left_out {
    int n, n_kinds;
    struct {
        const char *kind; /* "WebP"; "" for the last one: all further kinds */
        int n;
        char names[240];  /* the first ones, as they are shown */
    } kinds[16];
};

/* One name of a kind (a text that lives as long as l) in the folder `shown`, which may be "". The first names are kept. */
void fus_left_out_name(struct fus_left_out *l, const char *kind, const char *folder, const char *name);

/* Everything that f left out of the folder `shown`, which may be "". */
void fus_left_out_add(struct fus_left_out *l, const struct fus_folder *f, const char *shown);

/* "3 left out: 1 TIFF (face/f10.tif), 2 sub-folders (face/a, face/b)" in new memory; NULL where there are none, or
 * no memory. */
char *fus_left_out_text(const struct fus_left_out *l);

#endif
