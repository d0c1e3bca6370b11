/* SPDX-License-Identifier: MIT */
/* Private to analysis/sdc: a table with tabs and a header, whole in memory. Empty lines and lines
 * that begin with # are left out, so are a byte-order mark, carriage returns at line ends, and
 * blanks around fields. A line may have fewer fields than the header (the rest is empty), never
 * more. */
#ifndef FUS_SDC_TSV_H
#define FUS_SDC_TSV_H

#include "nn/base/base.h"

#define FUS_SDC_TSV_COLUMNS 1024

struct fus_sdc_tsv {
    const char *path;
    char *data, *end; /* end: the 0 after the text */
    int n_columns;
    char **names; /* [n_columns] */
    size_t n_rows;
    char **fields; /* [n_rows, n_columns] */
    long *line;    /* [n_rows] in the file, from 1 */
};

/* path must stay. FUS_EFORMAT for a column that occurs twice or a line with too many fields. */
int fus_sdc_tsv_open(struct fus_sdc_tsv *t, const char *path, struct fus_error *err);
void fus_sdc_tsv_close(struct fus_sdc_tsv *t);
int fus_sdc_tsv_column(const struct fus_sdc_tsv *t, const char *name); /* -1: there is none */
/* column -1: "" */
const char *fus_sdc_tsv_text(const struct fus_sdc_tsv *t, size_t row, int column);

/* name in the folder of the table, in new memory; an absolute name stays. table NULL: the current
 * folder. */
int fus_sdc_tsv_beside(char **path, const char *table, const char *name, struct fus_error *err);

#endif
