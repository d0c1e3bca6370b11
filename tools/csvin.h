/* CSV tables as this program writes them (analysis/run/csv.h), read back by the names of their columns:
 *
 *     code = fus_csvin_open(&t, path, err);
 *     x = fus_csvin_column(&t, "proportion");
 *     while (fus_csvin_next(&t)) sum += fus_csvin_number(&t, x);
 *     code = fus_csvin_close(&t, err);
 *
 * The first failure is kept and told by close, with file and line; from then on next() is false, texts are "" and numbers NaN. */
#ifndef FUS_CSVIN_H
#define FUS_CSVIN_H

#include "nn/base/base.h"

#define FUS_CSVIN_COLUMNS 256
#define FUS_CSVIN_BYTES ((size_t)1 << 30)

struct fus_csvin {
    char *path, *data, *at, *end;
    int n_columns, n_fields;
    long line;
    char *names[FUS_CSVIN_COLUMNS], *fields[FUS_CSVIN_COLUMNS];
    struct fus_error failure;
};

/* FUS_EIO where there is no such file; close is allowed after any open. */
int fus_csvin_open(struct fus_csvin *t, const char *path, struct fus_error *err);
int fus_csvin_column(struct fus_csvin *t, const char *name); /* a failure where there is none */
bool fus_csvin_next(struct fus_csvin *t);                    /* the next line; every line has all columns */
const char *fus_csvin_text(const struct fus_csvin *t, int column);
double fus_csvin_number(struct fus_csvin *t, int column); /* NaN: empty; anything else that is no number is a failure */
long fus_csvin_count(struct fus_csvin *t, int column, long most); /* 0 .. most, else a failure */

/* For what the reader of the table finds wrong in the line read last. */
void fus_csvin_fail(struct fus_csvin *t, const char *fmt, ...) FUS_PRINTF(2, 3);
int fus_csvin_close(struct fus_csvin *t, struct fus_error *err);

#endif
