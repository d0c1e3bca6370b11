/* A file that exists whole or not at all: written as PATH.tmp-PID, renamed to PATH by commit.
 *
 *     struct fus_outfile f;
 *     code = fus_outfile_open(&f, path, err);
 *     fus_outfile_write(&f, bytes, n); fus_outfile_printf(&f, "%d\n", x);      errors are kept
 *     code = fus_outfile_commit(&f, err);                                    and reported here
 *
 * Exactly one of commit and discard follows a successful open. Messages carry the path. */
#ifndef FUS_OUTFILE_H
#define FUS_OUTFILE_H

#include <stdio.h>

#include "base.h"

struct fus_outfile {
    FILE *file;
    char *path, *temporary;
    int failed; /* errno of the first failure, or 0 */
};

int fus_outfile_open(struct fus_outfile *f, const char *path, struct fus_error *err);
void fus_outfile_write(struct fus_outfile *f, const void *bytes, size_t n);
void fus_outfile_printf(struct fus_outfile *f, const char *fmt, ...) FUS_PRINTF(2, 3);
int fus_outfile_commit(struct fus_outfile *f, struct fus_error *err);
void fus_outfile_discard(struct fus_outfile *f);

/* The temporary files of all that are open; for a signal handler that ends the program. */
void fus_outfile_unlink_all(void);

/* Make a folder and its parents, like mkdir -p. */
int fus_outfile_mkdirs(const char *path, struct fus_error *err);

#endif
