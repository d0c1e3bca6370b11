/* SPDX-License-Identifier: MIT */
/* Private to nn/train/: the order of a step's jobs, and the memory of its arrays.
 *
 * A step of training is a list of jobs: the rows forward, the loss, the rows back. A row's arrays
 * live from the job that writes them to the last that reads them; arrays with disjoint lifetimes
 * share memory. With less memory, outputs are recomputed from z when backward needs them (RESTORE),
 * and the first blocks of the network run forward a second time (AGAIN); recomputed values have the
 * same bits. */
#ifndef FUS_TRAIN_PLAN_H
#define FUS_TRAIN_PLAN_H

#include "nn/arch.h"

enum fus_train_job_kind { FUS_JOB_FORWARD, FUS_JOB_LOSS, FUS_JOB_RESTORE, FUS_JOB_AGAIN, FUS_JOB_BACK };

struct fus_train_job {
    enum fus_train_job_kind kind;
    int row;
    bool output; /* forward, again: the row's output too, not z alone */
};

enum fus_train_array {
    FUS_ARRAY_Z, /* before the norm; of rows that have one */
    FUS_ARRAY_OUTPUT,
    FUS_ARRAY_GRADIENT, /* of the output, later of z in the same memory */
    FUS_ARRAYS
};

struct fus_train_span { /* an array's lifetime: jobs from .. to */
    enum fus_train_array array;
    int row, from, to;
    size_t floats, offset;
};

/* Input of the plan: one row. */
struct fus_train_row_use {
    bool live;   /* a loss reads it, directly or not */
    bool back;   /* runs backward: it, or an earlier row, has trained parameters */
    bool weight; /* its weights are trained: backward reads its input */
};

struct fus_train_plan {
    struct fus_train_job *jobs;
    int n_jobs, n_blocks, n_again; /* blocks; those that are recomputed */
    struct fus_train_span *spans;  /* in the order of `from` */
    int n_spans;
    size_t floats; /* of all spans */
};

/* n pictures; losses are read from rows `heads` (-1: none). restore, n_again: see above. */
int fus_train_plan_make(struct fus_train_plan *plan, const struct fus_arch *arch, const struct fus_train_row_use *use,
                        const int heads[2], int n, bool restore, int n_again, struct fus_error *err);
void fus_train_plan_free(struct fus_train_plan *plan);

#endif
