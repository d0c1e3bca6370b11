/* SPDX-License-Identifier: MIT */
/* A file that exists whole or not at all: written as PATH.tmp-PID, renamed to PATH by commit.
 *
 *     struct fus_outfile f;
 *     code = fus_outfile_open(&f, path, err);
 *     fus_outfile_write(&f, bytes, n); fus_outfile_printf(&f, "%d\n", x);      errors are kept
 *     code = fus_outfile_commit(&f, err);                                    and reported here
 *
 * Exactly one of commit and discard follows a successful open. Messages carry the path.
 *
 * A symbolic link stays: the file that it names is replaced. Streams are written directly, without
 * a temporary file: `-` and /dev/stdout (standard output), /dev/fd/N, /dev/null, a pipe with a
 * reader. Folders, other devices and sockets are refused. */
#ifndef FUS_OUTFILE_H
#define FUS_OUTFILE_H

#include <stdio.h>

#include "nn/base/base.h"

struct fus_outfile {
    FILE *file;
    char *path;               /* for messages */
    char *target, *temporary; /* NULL: written directly */
    int failed;               /* errno of the first failure, or 0 */
};

int fus_outfile_open(struct fus_outfile *f, const char *path, struct fus_error *err);
void fus_outfile_write(struct fus_outfile *f, const void *bytes, size_t n);
void fus_outfile_printf(struct fus_outfile *f, const char *fmt, ...) FUS_PRINTF(2, 3);
int fus_outfile_commit(struct fus_outfile *f, struct fus_error *err);
void fus_outfile_discard(struct fus_outfile *f);

/* Whether the path is a stream that open writes to directly. Such a name needs no file
 * extension. */
bool fus_outfile_is_stream(const char *path);

/* Removes the temporary files of all open outfiles; for a signal handler that ends the program. */
void fus_outfile_unlink_all(void);

/* Make a folder and its parents, like mkdir -p. */
int fus_outfile_mkdirs(const char *path, struct fus_error *err);

#endif
