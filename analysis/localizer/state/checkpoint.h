/* The state of one pass over the pictures, saved now and then as files
 * (state_file.h) and found again. */
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
    int *saved; /* [n_categories] pictures up to this one are in the category's file; 0: there is none */
    int block_first, block_end; /* the file of a block that is not over; block_end 0: there is none */
    int responses_end;          /* responses to pictures before this one are in files */
    double last, rate;          /* when it was saved; bytes a second */
    bool off;                   /* no (more): there is no folder, or the disk is full */
};

/* accumulators, names: the caller's, [n] both. */
int fus_checkpoint_create(struct fus_checkpoint *c, const struct fus_localizer *run, int model,
                          struct fus_accumulator **accumulators, const char **names, int n, struct fus_error *err);
void fus_checkpoint_destroy(struct fus_checkpoint *c);

/* The accumulators as far as the files bring them; *first: the picture to go on with. */
int fus_checkpoint_load(struct fus_checkpoint *c, int *first, struct fus_error *err);

/* The first picture that the files of these layers do not cover; files: those of the model. */
int fus_checkpoint_covers(const struct fus_state_files *files, const struct fus_localizer *run,
                          const char *const *names, int n, bool responses);

/* Pictures up to block->end have been shown: the block joins its category, or becomes a file of its
 * own where the category began in another shard. */
int fus_checkpoint_end_block(struct fus_checkpoint *c, const struct fus_block *block, struct fus_error *err);

/* What is new before picture `next` goes to disk. A shard fails where that cannot be; a
 * run goes on without. */
int fus_checkpoint_save(struct fus_checkpoint *c, int next, struct fus_error *err);

/* Whether it is time, or about to be the last time and quickly done. */
bool fus_checkpoint_due(const struct fus_checkpoint *c, int next);

/* Unlink the model's files that hold none of the layers still to be decided. */
int fus_checkpoint_tidy(const struct fus_localizer *run, int model, const bool *decided, struct fus_error *err);

#endif
