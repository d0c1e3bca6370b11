/* SPDX-License-Identifier: MIT */
/* Private to analysis/train: the state of a training, and the functions shared between its
 * files. */
#ifndef FUS_WORK_H
#define FUS_WORK_H

#include <stdio.h>

#include "analysis/report/svg.h"
#include "analysis/train/start.h"

/* Sums over the pictures of an epoch so far; part of the state. */
struct fus_work_sums {
    double loss, classify, language, cosine; /* each weighted by the pictures of its batch */
    long n_correct, n;
};

/* The predictions for the held-out pictures. */
struct fus_work_held {
    int n;
    int *item, *label, *chosen; /* [n] */
    double *loss;               /* [n] of each picture */
};

struct fus_work {
    const struct fus_training_options *o;
    const struct fus_training_hooks *h;
    struct fus_start start;
    struct fus_targets_spec spec;
    struct fus_targets targets; /* dim 0: none */
    bool has_targets, classes;  /* which tasks there are */
    struct fus_feed feed, other;
    bool has_other;
    struct fus_train *net;
    struct fus_schedule rate, rate_heads;
    long steps_per_epoch, n_steps, step;
    int head_epochs;
    /* a batch */
    int *order;
    long ordered; /* the epoch of `order`; -1: none */
    float *input, *target;
    int *label, *words, *word_start;
    size_t cap_words;
    struct fus_work_sums sums;
    struct fus_text_buffer steps, epochs; /* the tables as text */
    struct fus_text_buffer record;        /* train.json */
    char record_sha256[65];
    struct fus_training_score held, best;
    struct fus_work_held predictions;
    bool scored;    /* `held` and predictions belong to the current step */
    int best_epoch; /* from 1; 0: none yet */
    double best_value;
    long first_step;     /* of this process */
    double began, saved; /* seconds */
    double last_loss;
    long saved_step;
    FILE *log;
    int lock;
};

double fus_work_now(void); /* seconds of a monotonic clock */
void fus_work_note(const struct fus_work *w, const char *fmt, ...) FUS_PRINTF(2, 3);
void fus_work_log(const struct fus_work *w, const char *fmt, ...) FUS_PRINTF(2, 3);
void fus_work_path(char path[4096], const struct fus_work *w, const char *name); /* OUT/NAME */
int fus_work_no_memory(struct fus_error *err);                                   /* for a batch */

/* prepare.c. all: everything before the first step. remake: rebuilds the training network for
 * `step`. widen: after --head-epochs trains the whole network; arrays that both networks have are
 * copied. */
int fus_prepare_all(struct fus_work *w, struct fus_error *err);
int fus_prepare_remake(struct fus_work *w, struct fus_error *err);
int fus_prepare_widen(struct fus_work *w, struct fus_error *err);

/* record.c: train.json as text: everything that the result depends on; and whether OUT has the same
 * (FUS_EINVAL names the difference). */
int fus_record_make(struct fus_work *w, const char pictures[65], const char validated[65], struct fus_error *err);
int fus_record_compare(const struct fus_work *w, struct fus_error *err);

/* out_folder.c: creates or opens OUT and locks it; with --force removes the files of another
 * training. *resumes: there is a state to resume from. */
int fus_out_folder_begin(struct fus_work *w, bool *resumes, struct fus_error *err);
void fus_out_folder_end(struct fus_work *w);

/* state.c */
int fus_state_save(struct fus_work *w, struct fus_error *err);
int fus_state_load(struct fus_work *w, struct fus_error *err);
/* copies every array that both have */
int fus_state_carry(struct fus_train *to, const struct fus_train *from, struct fus_error *err);

/* tables.c: a row of steps.csv or epochs.csv; all of both files; the score of an epoch's
 * training pictures. */
void fus_tables_step(struct fus_work *w, const struct fus_train_result *r, double rate, double norm);
void fus_tables_epoch(struct fus_work *w);
int fus_tables_write(const struct fus_work *w, struct fus_error *err);
int fus_tables_read(struct fus_work *w, struct fus_error *err); /* up to w->step */
int fus_tables_confusion(const struct fus_work *w, struct fus_error *err);

/* validate.c: runs the held-out pictures through the inference engine, as `fusiform run` does. */
int fus_validate_score(struct fus_work *w, struct fus_error *err);
/* the value that selects the best epoch: greater is better */
double fus_validate_value(const struct fus_training_score *s);
void fus_validate_free(struct fus_work_held *p);

/* outputs.c: writes the network as a weight file; writes report.html. */
int fus_outputs_model(const struct fus_work *w, const char *name, struct fus_error *err);
/* fus_weight_fn: the moving average (EMA) if there is one */
int fus_outputs_weight(void *work, float *out, size_t n, const char *name, struct fus_error *err);
int fus_train_report_write(struct fus_work *w, struct fus_error *err);

#endif
