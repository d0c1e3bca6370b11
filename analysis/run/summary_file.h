/* SPDX-License-Identifier: MIT */
/* Private to analysis/run: the state of reading a run's summary. `code` is the first failure; after
 * it all functions do nothing. */
#ifndef FUS_SUMMARY_FILE_H
#define FUS_SUMMARY_FILE_H

#include "analysis/run/csv_read.h"
#include "analysis/run/run_read.h"
#include "analysis/run/run_summary.h"

struct fus_run_summary_file {
    struct fus_run_read file;
    struct fus_run_summary summary;
    struct fus_run_method method;
    const char *groups; /* --group */
    void **owned;       /* [n_owned] all memory of the summary */
    int n_owned, room;
    int n_layers; /* of all models */
    struct fus_error *err;
    int code; /* the first failure */
};

/* own: hands p over to the summary. take: n zeroed items owned by the summary. NULL after a
 * failure. */
void *fus_summary_file_own(struct fus_run_summary_file *r, void *p);
void *fus_summary_file_take(struct fus_run_summary_file *r, size_t n, size_t size);

bool fus_summary_file_fail(struct fus_run_summary_file *r, const char *file, const char *why); /* false */

/* -1: none. */
int fus_summary_file_category_named(const struct fus_run_summary_file *r, const char *name);

/* A table of the run's folder; false after a failure. */
bool fus_summary_file_open_table(struct fus_run_summary_file *r, struct fus_csv_read *t, const char *name);
void fus_summary_file_close_table(struct fus_run_summary_file *r, struct fus_csv_read *t);

/* The model, category or picture that a row names, as an index from 0; 0 after a failure. */
int fus_summary_file_model_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column);
int fus_summary_file_category_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column);
int fus_summary_file_picture_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int column);

/* -1 after a failure, also if the model has no layers. */
int fus_summary_file_layer_in(struct fus_run_summary_file *r, struct fus_csv_read *t, int model, int column);

/* power_table.c. */
void fus_power_table_read(struct fus_run_summary_file *r, const struct fus_power_plan *plan);

/* validate_table.c. */
void fus_validate_table_read(struct fus_run_summary_file *r);

/* summary_tables.c: the tables beside layers.csv. */
void fus_summary_tables_read(struct fus_run_summary_file *r);

#endif
