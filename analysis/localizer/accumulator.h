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
#include "stimuli/stimuli.h"

/* Pictures come block by block (stimuli/set/blocks.h): `block` holds the moments of the current
 * one; at its end they are merged into its category in `whole`, in memory or in the scratch file.
 * Group half * n_categories + category of `whole`, half of `block`; units in blocks of 16 channels
 * (nn.h). */
struct fus_accumulator {
    const struct fus_set *set;
    const int *order; /* [n_pictures] the i-th picture shown (blocks.h) */
    struct fus_scratch_file *scratch;
    int n_halves;  /* 2: each category has two halves; 1: it has not */
    int n_moments; /* 2: mean and m2; 3: m3 too */
    int channels;
    size_t n_places, blocked_units, n_units;
    struct fus_moments block, whole; /* if whole's arrays are in scratch, they are at whole_at */
    uint64_t whole_at[FUS_SCRATCH_FILES];
    /* [batch, blocked_units] responses to a batch, until they are added; NULL where they are added
     * while the network runs. The caller allocates it. */
    float *shown;
    bool keep;        /* single responses, units [C, H, W] */
    float *responses; /* [n_pictures, n_units]; NULL: in scratch from responses_at on */
    uint64_t responses_at;
    atomic_int read_failed; /* errno of reading responses back, or 0 */
};

/* Bytes of memory: the minimum, and what is added to hold all categories at once. */
size_t fus_accumulator_least_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_more_bytes(const struct fus_accumulator *t);
size_t fus_accumulator_response_bytes(const struct fus_accumulator *t);

void fus_accumulator_plan(struct fus_accumulator *t, const struct fus_set *set, const int *order,
                          struct fus_scratch_file *scratch, const struct fus_tap *tap, bool halves, bool third,
                          bool keep);
/* responses_in_memory: keep responses in memory. Arrays that fit into memory are never in the
 * scratch file. */
int fus_accumulator_create(struct fus_accumulator *t, bool all_categories, bool responses_in_memory,
                           struct fus_error *err);
void fus_accumulator_destroy(struct fus_accumulator *t);

/* The pictures shown as first .. first+n-1, all of one block, blocked [n, blocked_units]. row:
 * [n_units], needed if responses go to the scratch file. */
int fus_accumulator_add(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                        struct fus_error *err);

/* Ends the block: merges it into its category. */
int fus_accumulator_end_block(struct fus_accumulator *t, int category, struct fus_error *err);

/* The layer's array of a state file, written and read back. Moments are read into `block`, which
 * must be empty; end_block merges them into their category. Responses to pictures first ..
 * end-1. */
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

/* Whether all means of the current block are finite, that is, no response so far is NaN or
 * infinite. */
bool fus_accumulator_is_finite(const struct fus_accumulator *t);

/* After the last picture: finish frees `block` and `shown`. Then, for one layer after another, all
 * moments [n_halves * n_categories, n_units] of units [C, H, W], and the responses. */
void fus_accumulator_finish(struct fus_accumulator *t);
int fus_accumulator_moments(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err);

/* Sets up r to read the responses, row by row from the scratch file if they are not in memory;
 * false: there are none. check_read: whether all reads since then succeeded. */
bool fus_accumulator_responses(struct fus_responses *r, struct fus_accumulator *t);
int fus_accumulator_check_read(struct fus_accumulator *t, struct fus_error *err);

#endif
