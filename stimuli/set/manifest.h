/* A list of pictures in a text file. Private to stimuli/.
 *
 *     path<TAB>category[<TAB>subcategory[<TAB>half]]
 *
 * UTF-8, with or without its mark, or UTF-16 with one; lines end in LF or CR LF. Paths are relative to the manifest's
 * folder; a path with \ is read as one with / where it is not there otherwise. Empty lines and lines that start with # are passed over, and so is a first
 * line `path<TAB>category...`. A field in double quotes may hold tabs, line feeds and, doubled, quotes (RFC 4180);
 * spaces around a field without quotes are dropped. half: 0 or 1, for every picture or for none. */
#ifndef FUS_MANIFEST_H
#define FUS_MANIFEST_H

#include "nn/base/base.h"

#define FUS_MANIFEST_MAX_BYTES ((size_t)1 << 30)

struct fus_manifest_row {
    char *path;                         /* joined with the manifest's folder */
    const char *category, *subcategory; /* subcategory: the category where none was given */
    int half;                           /* -1: not given */
    int line;                           /* where it begins, from 1 */
    int entry;                          /* its place in the set's order of subcategories; -1 = left out. Filled by set.c. */
};

struct fus_manifest {
    int n;
    struct fus_manifest_row *rows;
    char *text; /* the file, cut apart */
    int n_absent;                  /* pictures that are not there */
    struct fus_error first_absent; /* what is said of the first of these */
};

/* Messages name file and line. FUS_ENOTFOUND where none of its pictures is there. m is untouched on failure. */
int fus_manifest_read(struct fus_manifest *m, const char *path, struct fus_error *err);
void fus_manifest_free(struct fus_manifest *m);

/* Number the pairs (category, subcategory) in the order in which they first stand there, a category's side by side, into
 * entry, and sort the rows by it. *n_entries: how many pairs. */
int fus_manifest_number(struct fus_manifest *m, int *n_entries, struct fus_error *err);

/* Order the rows by entry, those of one entry as they stand in the file. */
void fus_manifest_sort(struct fus_manifest *m);

#endif
