/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: a list of pictures in a text file.
 *
 *     path<TAB>category[<TAB>subcategory[<TAB>half]]
 *
 * UTF-8, with or without a byte order mark, or UTF-16 with one; lines end in LF or CR LF. Paths
 * are relative to the folder of the list. If a path with \ does not exist, \ is read as /. Empty
 * lines, lines that start with # and a first line `path<TAB>category...` are skipped. A field in
 * double quotes may contain tabs, line feeds and doubled quotes (RFC 4180); spaces around an
 * unquoted field are dropped. half: 0 or 1, given for every picture or for none. */
#ifndef FUS_MANIFEST_H
#define FUS_MANIFEST_H

#include "nn/base/base.h"

#define FUS_MANIFEST_MAX_BYTES ((size_t)1 << 30)

struct fus_manifest_row {
    char *path;                         /* joined with the folder of the list */
    const char *category, *subcategory; /* subcategory: the category if none was given */
    int half;                           /* -1: not given */
    int line;                           /* its first line, from 1 */
    /* its position in the order of subcategories; -1: left out. Set by set.c. */
    int entry;
};

struct fus_manifest {
    int n;
    struct fus_manifest_row *rows;
    char *text;                    /* the text of the file */
    int n_absent;                  /* missing pictures */
    struct fus_error first_absent; /* the message about the first of them */
};

/* Messages name file and line. FUS_ENOTFOUND if none of its pictures exists. m is unchanged on
 * failure. */
int fus_manifest_read(struct fus_manifest *m, const char *path, struct fus_error *err);
void fus_manifest_free(struct fus_manifest *m);

/* Numbers the pairs (category, subcategory) in order of first appearance, those of one
 * category together; stores the number in `entry` and sorts the rows by it. *n_entries:
 * the number of pairs. */
int fus_manifest_number(struct fus_manifest *m, int *n_entries, struct fus_error *err);

/* Sorts the rows by entry; rows of one entry keep the order of the file. */
void fus_manifest_sort(struct fus_manifest *m);

#endif
