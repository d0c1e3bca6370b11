/* SPDX-License-Identifier: MIT */
/* Per-layer accumulators of one pass over the pictures: the moments of the categories' halves and,
 * if requested, every single response. What exceeds the memory budget is in a scratch file. */
#ifndef FUS_ACCUMULATOR_H
#define FUS_ACCUMULATOR_H

#include <stdatomic.h>

#include "analysis/inference.h"
#include "analysis/localizer/scratch_file.h"
#include "analysis/localizer/state/state_file.h"
#include "nn/nn.h"
#include "stimuli/set/blocks.h"
#include "stimuli/stimuli.h"

/* Memory for the moments of one layer after another while they are tested: a new piece for each
 * would have to be cleared by the system. */
struct fus_accumulator_spare {
    double *values;
    size_t n;
};

/* Pictures come block by block, one half of a block after the other (stimuli/set/blocks.h). The
 * moments of each are merged into its category in `whole`, in memory or in the scratch file. If
 * batches consist of whole blocks, this is done as they come, a few units at a time. Else `block`
 * holds the moments of the current one, which end_block merges. Group half * n_categories +
 * category of `whole`; units in blocks of 16 channels (nn.h). */
struct fus_accumulator {
    const struct fus_set *set;
    const struct fus_blocks *blocks;
    struct fus_scratch_file *scratch;
    int n_halves;  /* 2: each category has two halves; 1: it has not */
    int n_moments; /* 2: mean and m2; 3: m3 too */
    int channels;
    size_t n_places, blocked_units, n_units;
    bool by_blocks;           /* all pictures of a block are added together; there is no `block`. Set after plan */
    atomic_int not_finite;    /* a response was NaN or infinite; noticed by add if by_blocks */
    struct fus_moments block; /* one group */
    struct fus_moments whole; /* if its arrays are in scratch, they are at whole_at */
    /* With by_blocks and `whole` in scratch: one group, number at_hand, whose blocks are not all
     * seen; no arrays: each block goes there. */
    struct fus_moments held;
    int at_hand;
    uint64_t whole_at[FUS_SCRATCH_FILES];
    /* [batch, blocked_units] responses to a batch, until they are added; NULL where they are added
     * while the network runs. The caller allocates it. */
    float *shown;
    struct fus_accumulator_spare *spare; /* for moments read from the scratch file; NULL: new memory. Set after plan */
    bool keep;                           /* single responses, units [C, H, W] */
    float *responses;                    /* [n_pictures, n_units]; NULL: in scratch from responses_at on */
    int *position;                       /* then [n_pictures] as which each is shown, else NULL */
    uint64_t responses_at;
    atomic_int read_failed; /* errno of reading responses back, or 0 */
};

/* Bytes of memory: the minimum, and what is added to hold all categories at once; instead of
 * these, to hold one category's half (0: of no use). */
size_t fus_accumulator_least_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_more_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_held_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_response_bytes(const struct fus_accumulator *t);

void fus_accumulator_plan(struct fus_accumulator *t, const struct fus_set *set, const struct fus_blocks *blocks,
                          struct fus_scratch_file *scratch, const struct fus_tap *tap, bool halves, bool third,
                          bool keep);
/* How much is in memory: all categories, or one half of one; responses. The rest is in the scratch
 * file. */
enum fus_accumulator_memory { FUS_ACCUMULATOR_NONE, FUS_ACCUMULATOR_HELD, FUS_ACCUMULATOR_ALL };
int fus_accumulator_create(struct fus_accumulator *t, enum fus_accumulator_memory memory, bool responses_in_memory,
                           struct fus_error *err);
void fus_accumulator_destroy(struct fus_accumulator *t);

/* The pictures shown as first .. first+n-1, all of one block, or whole blocks if by_blocks; blocked
 * [n, blocked_units]. row: [n_units], needed if responses go to the scratch file. */
int fus_accumulator_add(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                        struct fus_error *err);

/* Ends the block, unless by_blocks: merges it into its category. */
int fus_accumulator_end_block(struct fus_accumulator *t, const struct fus_block *block, struct fus_error *err);

/* How many halves of categories the pictures shown as first .. end-1 are of: a state file of their
 * moments has as many. */
int fus_accumulator_count_halves(const struct fus_accumulator *t, int first, int end);

/* The layer's array of a state file, written and read back. Moments are read half by half; they are
 * merged into the category if `ended`, else they are the current block. Responses to pictures first
 * .. end-1. */
void fus_accumulator_write_block(const struct fus_accumulator *t, struct fus_state_file_out *out);
int fus_accumulator_write_category(const struct fus_accumulator *t, int category, struct fus_state_file_out *out,
                                   struct fus_error *err);
int fus_accumulator_write_responses(const struct fus_accumulator *t, int first, int end, struct fus_state_file_out *out,
                                    struct fus_error *err);
int fus_accumulator_read_moments(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                 bool ended, struct fus_error *err);
int fus_accumulator_read_responses(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                   struct fus_error *err);
void fus_accumulator_clear_block(struct fus_accumulator *t);
void fus_accumulator_clear(struct fus_accumulator *t); /* as created */

/* Whether no response of the current block, or of any so far if by_blocks, is NaN or infinite. */
bool fus_accumulator_is_finite(const struct fus_accumulator *t);

/* After the last picture: finish frees `block`, `held` and `shown`. Then, for one layer after
 * another, all moments [n_halves * n_categories, n_units] of units [C, H, W], and the responses. */
int fus_accumulator_finish(struct fus_accumulator *t, struct fus_error *err);
int fus_accumulator_moments(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err);

/* Sets up r to read the responses, from the scratch file if they are not in memory;
 * false: there are none. check_read: whether all reads since then succeeded. */
bool fus_accumulator_responses(struct fus_responses *r, struct fus_accumulator *t);
int fus_accumulator_check_read(struct fus_accumulator *t, struct fus_error *err);

#endif
