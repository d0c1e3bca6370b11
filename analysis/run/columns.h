/* SPDX-License-Identifier: MIT */
/* The columns of layers.csv, once: a row is a category of a layer. Written by tables.c, read
 * by run_summary.c. */
#ifndef FUS_COLUMNS_H
#define FUS_COLUMNS_H

#include "analysis/analysis.h"
#include "analysis/run/csv_read.h"
#include "nn/base/outfile.h"

enum { FUS_COLUMNS_MAX = 60 };

/* The columns of a table that is being read, by their index here; and the three name columns before
 * them. */
struct fus_columns_found {
    int model, layer, category, numbers[FUS_COLUMNS_MAX];
};

void fus_columns_write_header(struct fus_outfile *f);
void fus_columns_write_row(struct fus_outfile *f, const char *model, const char *category,
                           const struct fus_layer_summary *layer, const struct fus_category_summary *c);

void fus_columns_find(struct fus_columns_found *found, struct fus_csv_read *t); /* t fails if one is missing */
/* From the row read last: the values of its layer, without name and categories; the values of its
 * category. */
void fus_columns_read_layer(struct fus_layer_summary *layer, struct fus_csv_read *t,
                            const struct fus_columns_found *found);
void fus_columns_read_category(struct fus_category_summary *c, struct fus_csv_read *t,
                               const struct fus_columns_found *found);

#endif
