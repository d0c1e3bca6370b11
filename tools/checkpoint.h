/* The state of one pass over the pictures, saved now and then as pieces (pieces.h) and found again. */
#ifndef FUS_CHECKPOINT_H
#define FUS_CHECKPOINT_H

#include "tools/run.h"
#include "tools/tally.h"

struct fus_checkpoint {
    const struct fus_run *run;
    char folder[3100];
    int n;                     /* layers of this pass */
    struct fus_tally **tallies; /* [n] */
    const char **names;        /* [n] */
    int *saved;                /* [n_categories] pictures up to this one are in the category's piece; 0: there is none */
    int part_first, part_end;  /* the piece of a part that is not over; part_end 0: there is none */
    int responses_end;         /* responses to pictures before this one are in pieces */
    double last, rate;         /* when it was saved; bytes a second */
    bool off;                  /* no more: the disk is full */
};

/* tallies, names: the caller's, [n] both. */
int fus_checkpoint_create(struct fus_checkpoint *c, const struct fus_run *run, int model, struct fus_tally **tallies, const char **names, int n,
                          struct fus_error *err);
void fus_checkpoint_destroy(struct fus_checkpoint *c);

/* The tallies as far as pieces bring them; *first: the picture to go on with. */
int fus_checkpoint_load(struct fus_checkpoint *c, int *first, struct fus_error *err);

/* The first picture that the pieces of these layers do not cover; pieces: those of the model. */
int fus_checkpoint_covers(const struct fus_pieces *pieces, const struct fus_run *run, const char *const *names, int n, bool responses);

/* Pictures up to part->end have been shown: the part joins its category, or becomes a piece of its own where the category began in another shard. */
int fus_checkpoint_end_part(struct fus_checkpoint *c, const struct fus_part *part, struct fus_error *err);

/* What is new before picture `next` goes to disk. A shard fails where that cannot be; a run goes on without. */
int fus_checkpoint_save(struct fus_checkpoint *c, int next, struct fus_error *err);

/* Whether it is time, or about to be the last time and quickly done. */
bool fus_checkpoint_due(const struct fus_checkpoint *c, int next);

/* Unlink the model's pieces that hold none of the layers still to be decided. */
int fus_checkpoint_tidy(const struct fus_run *run, int model, const bool *decided, struct fus_error *err);

#endif
