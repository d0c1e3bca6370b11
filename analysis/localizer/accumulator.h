/* Per-layer accumulators of one pass over the pictures: the moments of the categories'
 * halves and, where asked for, every single response; in memory as far as the budget goes,
 * else in a scratch file. */
#ifndef FUS_ACCUMULATOR_H
#define FUS_ACCUMULATOR_H

#include <stdatomic.h>

#include "analysis/inference.h"
#include "analysis/localizer/scratch_file.h"
#include "analysis/localizer/state/state_file.h"
#include "nn/nn.h"
#include "stimuli/stimuli.h"

/* Pictures come block by block (stimuli/set/blocks.h): `block` counts the one being
 * shown; at its end it joins its category in `whole`, in memory or in the scratch file.
 * Group half * n_categories + category of `whole`, half of `block`; units in blocks of
 * 16 channels (nn.h). */
struct fus_accumulator {
    const struct fus_set *set;
    const int *order; /* [n_pictures] the picture that is shown as i-th (blocks.h) */
    struct fus_scratch_file *scratch;
    int n_halves; /* 2: the halves of each category apart; 1: not */
    int channels;
    size_t n_places, blocked_units, n_units;
    struct fus_moments block, whole; /* whole has no mean and m2 where they are in scratch, from whole_at on */
    uint64_t whole_at[FUS_SCRATCH_FILES];
    bool keep;        /* single responses, units [C, H, W] */
    float *responses; /* [n_pictures, n_units]; NULL: in scratch from responses_at on */
    uint64_t responses_at;
    atomic_int read_failed; /* errno of reading them back, or 0 */
};

/* Bytes of memory: at least, and besides for all categories at once. */
size_t fus_accumulator_least_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_more_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_response_bytes(const struct fus_accumulator *t);

void fus_accumulator_plan(struct fus_accumulator *t, const struct fus_set *set, const int *order,
                          struct fus_scratch_file *scratch, const struct fus_tap *tap, bool halves, bool keep);
/* in_memory: responses too. Nothing is in the scratch file that fits. */
int fus_accumulator_create(struct fus_accumulator *t, bool all_categories, bool responses_in_memory,
                           struct fus_error *err);
void fus_accumulator_destroy(struct fus_accumulator *t);

/* The pictures shown as first .. first+n-1, all of one block, blocked [n, blocked_units]. row:
 * [n_units] where responses go to the scratch file. */
int fus_accumulator_add(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                        struct fus_error *err);

/* The block is over: it joins its category. */
int fus_accumulator_end_block(struct fus_accumulator *t, int category, struct fus_error *err);

/* The layer's array of a state file, written and read back. Moments are read into `block`, which
 * must be empty: end_block joins them to their category. Responses to pictures first .. end-1. */
void fus_accumulator_write_block(const struct fus_accumulator *t, struct fus_state_file_out *out);
int fus_accumulator_write_category(const struct fus_accumulator *t, int category, struct fus_state_file_out *out,
                                   struct fus_error *err);
int fus_accumulator_write_responses(const struct fus_accumulator *t, int first, int end, struct fus_state_file_out *out,
                                    struct fus_error *err);
int fus_accumulator_read_block(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                               struct fus_error *err);
int fus_accumulator_read_responses(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                   struct fus_error *err);
void fus_accumulator_clear_block(struct fus_accumulator *t);
void fus_accumulator_clear(struct fus_accumulator *t); /* as created */

/* After the last picture: finish gives the memory of `block` back. Then, one layer after another,
 * all moments [n_halves * n_categories, n_units] of units [C, H, W], and the responses. */
/* Whether all means of the block that is being counted are numbers: no NaN, no infinity among the
 * responses so far. */
bool fus_accumulator_is_finite(const struct fus_accumulator *t);
void fus_accumulator_finish(struct fus_accumulator *t);
int fus_accumulator_moments(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err);

/* The responses into r, which reads them row by row from the scratch file where they are not in
 * memory; whether there are any. check_read: whether all that was read since could be. */
bool fus_accumulator_responses(struct fus_responses *r, struct fus_accumulator *t);
int fus_accumulator_check_read(struct fus_accumulator *t, struct fus_error *err);

#endif
