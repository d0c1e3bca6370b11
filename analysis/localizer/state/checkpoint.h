/* SPDX-License-Identifier: MIT */
/* The state of one pass over the pictures, saved at intervals as files (state_file.h) and loaded on
 * resume. */
#ifndef FUS_CHECKPOINT_H
#define FUS_CHECKPOINT_H

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/run.h"
#include "analysis/run/run_dir.h"

struct fus_checkpoint {
    const struct fus_localizer *run;
    char folder[FUS_RUN_DIR_PATH];
    int n;                                 /* layers of this pass */
    struct fus_accumulator **accumulators; /* [n] */
    const char **names;                    /* [n] */
    int *saved; /* [n_categories] pictures before this one are in the category's file; 0: there is no file */
    int block_first, block_end; /* the file of an unfinished block; block_end 0: there is none */
    int responses_end;          /* responses to pictures before this one are in files */
    double last, rate;          /* time of the last save; bytes written a second */
    bool off;                   /* no more checkpoints: there is no folder, or the disk is full */
};

/* accumulators, names: the caller's, [n] both. */
int fus_checkpoint_create(struct fus_checkpoint *c, const struct fus_localizer *run, int model,
                          struct fus_accumulator **accumulators, const char **names, int n, struct fus_error *err);
void fus_checkpoint_destroy(struct fus_checkpoint *c);

/* Loads the accumulators from the files; *first: the next picture to show. */
int fus_checkpoint_load(struct fus_checkpoint *c, int *first, struct fus_error *err);

/* The first picture that the files of these layers do not cover; files: those of the model. */
int fus_checkpoint_covers(const struct fus_state_files *files, const struct fus_localizer *run,
                          const char *const *names, int n, bool responses);

/* Ends a block after its last picture: merges it into its category, or writes it to a separate file
 * if the category began in another shard. */
int fus_checkpoint_end_block(struct fus_checkpoint *c, const struct fus_block *block, struct fus_error *err);

/* Saves what is new before picture `next`. If that fails, a shard fails, while a run continues
 * without checkpoints. */
int fus_checkpoint_save(struct fus_checkpoint *c, int next, struct fus_error *err);

/* Whether to save now: the interval is over and saving takes little of the time since the last
 * save, or the run is being stopped and saving takes little time. */
bool fus_checkpoint_due(const struct fus_checkpoint *c, int next);

/* Deletes the model's files in which every layer is finished. */
int fus_checkpoint_tidy(const struct fus_localizer *run, int model, const bool *decided, struct fus_error *err);

#endif
