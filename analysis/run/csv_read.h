/* SPDX-License-Identifier: MIT */
/* CSV tables as this program writes them (analysis/run/csv.h), read back by the
 * names of their columns:
 *
 *     code = fus_csv_read_open(&t, path, err);
 *     x = fus_csv_read_column(&t, "proportion");
 *     while (fus_csv_read_next(&t)) sum += fus_csv_read_number(&t, x);
 *     code = fus_csv_read_close(&t, err);
 *
 * The first failure is kept and reported by close, with file and line; from then on next() is
 * false, texts are "" and numbers NaN. */
#ifndef FUS_CSV_READ_H
#define FUS_CSV_READ_H

#include "nn/base/base.h"

#define FUS_CSV_READ_COLUMNS 256
#define FUS_CSV_READ_BYTES ((size_t)1 << 30)

struct fus_csv_read {
    char *path, *data, *at, *end;
    int n_columns, n_fields;
    long line;
    char *names[FUS_CSV_READ_COLUMNS], *fields[FUS_CSV_READ_COLUMNS];
    struct fus_error failure;
};

/* FUS_EIO if there is no such file; close is allowed after any open. */
int fus_csv_read_open(struct fus_csv_read *t, const char *path, struct fus_error *err);
int fus_csv_read_column(struct fus_csv_read *t, const char *name); /* a failure if there is none */
bool fus_csv_read_next(struct fus_csv_read *t);                    /* the next line; every line has all columns */
const char *fus_csv_read_text(const struct fus_csv_read *t, int column);
/* A copy without the quote of csv.h before = + - @, the caller's; NULL: no memory. */
char *fus_csv_read_name(const struct fus_csv_read *t, int column);
double fus_csv_read_number(struct fus_csv_read *t,
                           int column); /* NaN: empty; any other text that is not a number is a failure */
long fus_csv_read_count(struct fus_csv_read *t, int column, long most); /* 0 .. most, else a failure */

/* Reports an error that the caller found in the line read last. */
void fus_csv_read_fail(struct fus_csv_read *t, const char *fmt, ...) FUS_PRINTF(2, 3);
int fus_csv_read_close(struct fus_csv_read *t, struct fus_error *err);

#endif
