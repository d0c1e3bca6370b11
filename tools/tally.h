/* What one pass over the pictures remembers of a layer: the moments of its categories' halves and, where asked for, every single
 * response; in memory as far as the budget goes, else in scratch files. */
#ifndef FUS_TALLY_H
#define FUS_TALLY_H

#include <stdatomic.h>

#include "analysis/inference.h"
#include "nn/nn.h"
#include "tools/pieces.h"
#include "stimuli/stimuli.h"

/* Two files without names, made in the folder, gone with the program: one for means and responses, one for m2, since a file is written by one
 * thread at a time. */
enum fus_scratch_file { FUS_SCRATCH_MEANS, FUS_SCRATCH_M2S, FUS_SCRATCH_FILES };
struct fus_scratch {
    const char *folder;
    bool open;
    int fd[FUS_SCRATCH_FILES];
    uint64_t size[FUS_SCRATCH_FILES]; /* bytes spoken for */
};

void fus_scratch_close(struct fus_scratch *s);

/* Pictures come part by part (parts.h): `part` counts the one being shown; at its end it joins its category in `whole`, in memory or in the scratch
 * file. Group half * n_categories + category of `whole`, half of `part`; units in blocks of 16 channels (nn.h). */
struct fus_tally {
    const struct fus_set *set;
    const int *order;           /* [n_pictures] the picture that is shown as i-th (parts.h) */
    struct fus_scratch *scratch;
    int n_halves;               /* 2: the halves of each category apart; 1: not */
    int channels;
    size_t n_places, blocked_units, n_units;
    struct fus_moments part, whole; /* whole has no mean and m2 where they are in scratch, from whole_at on */
    uint64_t whole_at[FUS_SCRATCH_FILES];
    bool keep;                  /* single responses, units [C, H, W] */
    float *responses;           /* [n_pictures, n_units]; NULL: in scratch from responses_at on */
    uint64_t responses_at;
    atomic_int read_failed;     /* errno of reading them back, or 0 */
};

/* Bytes of memory: at least, and besides for all categories at once. */
size_t fus_tally_least_bytes(const struct fus_tally *t);
size_t fus_tally_more_bytes(const struct fus_tally *t);
size_t fus_tally_response_bytes(const struct fus_tally *t);

void fus_tally_plan(struct fus_tally *t, const struct fus_set *set, const int *order, struct fus_scratch *scratch, const struct fus_tap *tap,
                    bool halves, bool keep);
/* in_memory: responses too. Nothing is in the scratch file that fits. */
int fus_tally_create(struct fus_tally *t, bool all_categories, bool responses_in_memory, struct fus_error *err);
void fus_tally_destroy(struct fus_tally *t);

/* The pictures shown as first .. first+n-1, all of one part, blocked [n, blocked_units]. row: [n_units] where responses go to the scratch file. */
int fus_tally_add(struct fus_tally *t, int first, int n, const float *blocked, float *row, struct fus_error *err);

/* The part is over: it joins its category. */
int fus_tally_end_part(struct fus_tally *t, int category, struct fus_error *err);

/* The layer's array of a piece, written and read back. A piece of moments is read into `part`, which must be empty: after end_part it has joined its
 * category. Responses to pictures first .. end-1. */
void fus_tally_write_part(const struct fus_tally *t, struct fus_piece_out *out);
int fus_tally_write_category(const struct fus_tally *t, int category, struct fus_piece_out *out, struct fus_error *err);
int fus_tally_write_responses(const struct fus_tally *t, int first, int end, struct fus_piece_out *out, struct fus_error *err);
int fus_tally_read_part(struct fus_tally *t, const struct fus_piece *piece, const char *layer, struct fus_error *err);
int fus_tally_read_responses(struct fus_tally *t, const struct fus_piece *piece, const char *layer, struct fus_error *err);
void fus_tally_clear_part(struct fus_tally *t);
void fus_tally_clear(struct fus_tally *t); /* as created */

/* After the last picture: finish gives the memory of `part` back. Then, one layer after another, all moments [n_halves * n_categories, n_units]
 * of units [C, H, W], and the responses. */
/* Whether all means of the part that is being counted are numbers: no NaN, no infinity among the responses so far. */
bool fus_tally_is_finite(const struct fus_tally *t);
void fus_tally_finish(struct fus_tally *t);
int fus_tally_moments(struct fus_moments *m, struct fus_tally *t, struct fus_error *err);

/* The responses into r, which reads them piece by piece from the scratch file where they are not in memory; whether there are
 * any. check_read: whether all that was read since could be. */
bool fus_tally_responses(struct fus_responses *r, struct fus_tally *t);
int fus_tally_check_read(struct fus_tally *t, struct fus_error *err);

#endif
