/* SPDX-License-Identifier: MIT */
/* Moments and responses of a layer while pictures are shown: see accumulator.h. */
#include "analysis/localizer/accumulator.h"

#include <string.h>

#include "analysis/localizer/accumulator_parts.h"
#include "nn/base/bits.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define SLICE 262144 /* units that are merged at a time: 4 MB */
#define PIECE 16384  /* units whose block a thread merges at a time: in cache with what they are merged into */

/* ---- sizes ---- */

size_t fus_accumulator_least_bytes(const struct fus_accumulator *t)
{
    return t->by_blocks ? 0 : fus_moments_bytes(1, t->blocked_units, t->n_moments == 3);
}

size_t fus_accumulator_more_bytes(const struct fus_accumulator *t)
{
    return fus_moments_bytes(t->n_halves * t->set->n_categories, t->blocked_units, t->n_moments == 3);
}

/* Whether a half of a category has more than one block; in every category alike enough for this. */
static bool has_parts(const struct fus_accumulator *t)
{
    const struct fus_block *items = t->blocks->items;
    for (int i = 1; i < t->blocks->n; i++)
        if (items[i].category == items[i - 1].category && items[i].half == items[i - 1].half)
            return true;
    return false;
}

size_t fus_accumulator_held_bytes(const struct fus_accumulator *t)
{
    return t->by_blocks && has_parts(t) ? fus_moments_bytes(1, t->blocked_units, t->n_moments == 3) : 0;
}

void fus_accumulator_plan(struct fus_accumulator *t, const struct fus_set *set, const struct fus_blocks *blocks,
                          struct fus_scratch_file *scratch, const struct fus_tap *tap, bool halves, bool third,
                          bool keep)
{
    memset(t, 0, sizeof *t);
    t->set = set;
    t->blocks = blocks;
    t->scratch = scratch;
    t->n_halves = halves ? 2 : 1;
    t->n_moments = third ? 3 : 2;
    t->channels = tap->channels;
    t->n_places = (size_t)tap->height * (size_t)tap->width;
    t->n_units = (size_t)tap->channels * t->n_places;
    t->blocked_units = fus_tensor_blocked_size(tap->channels, t->n_places);
    t->keep = keep;
}

/* The counts alone: the moments are in the scratch files. */
static int create_outside(struct fus_accumulator *t, int n_groups, struct fus_error *err)
{
    t->whole = (struct fus_moments){
        .n_groups = n_groups, .n_units = t->blocked_units, .n = fus_base_alloc((size_t)n_groups, sizeof(long))};
    for (int file = 0; file < t->n_moments; file++)
        t->whole_at[file] = fus_scratch_file_reserve(t->scratch, (enum fus_scratch_place)file,
                                                     (uint64_t)n_groups * sizeof(double) * t->blocked_units);
    return t->whole.n ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d counts", n_groups);
}

int fus_accumulator_create_moments(struct fus_moments *m, const struct fus_accumulator *t, int n_groups, size_t n_units,
                                   struct fus_error *err)
{
    int code = fus_moments_create(m, n_groups, n_units, err);
    return !code && t->n_moments == 3 ? fus_moments_keep_third(m, err) : code;
}

int fus_accumulator_create(struct fus_accumulator *t, enum fus_accumulator_memory memory, bool responses_in_memory,
                           struct fus_error *err)
{
    int n_groups = t->n_halves * t->set->n_categories,
        code = t->by_blocks ? FUS_OK : fus_accumulator_create_moments(&t->block, t, 1, t->blocked_units, err);
    if (!code && memory == FUS_ACCUMULATOR_HELD)
        code = fus_accumulator_create_moments(&t->held, t, 1, t->blocked_units, err);
    if (!code)
        code = memory == FUS_ACCUMULATOR_ALL
                   ? fus_accumulator_create_moments(&t->whole, t, n_groups, t->blocked_units, err)
                   : create_outside(t, n_groups, err);
    if (!code && t->keep)
        code = fus_accumulator_create_responses(t, responses_in_memory, err);
    return code;
}

void fus_accumulator_destroy(struct fus_accumulator *t)
{
    fus_moments_destroy(&t->block);
    fus_moments_destroy(&t->whole);
    fus_moments_destroy(&t->held);
    fus_base_free(t->responses);
    fus_base_free(t->position);
    fus_base_free(t->shown);
    t->responses = t->shown = NULL;
    t->position = NULL;
}

/* ---- while pictures are shown ---- */

struct fus_scratch_array fus_accumulator_array(const struct fus_accumulator *t, enum fus_scratch_place file, int group,
                                               size_t first, double *values, size_t n)
{
    uint64_t value = (uint64_t)group * t->blocked_units + first;
    return (struct fus_scratch_array){file, values, n * sizeof *values, t->whole_at[file] + value * sizeof *values};
}

/* The moments `of` n units of a group from unit `first` on. */
static int transfer_moments(const struct fus_accumulator *t, bool write, int group, size_t first,
                            const struct fus_moments *of, size_t n, struct fus_error *err)
{
    const struct fus_scratch_array all[] = {fus_accumulator_array(t, FUS_SCRATCH_MEANS, group, first, of->mean, n),
                                            fus_accumulator_array(t, FUS_SCRATCH_M2S, group, first, of->m2, n),
                                            fus_accumulator_array(t, FUS_SCRATCH_M3S, group, first, of->m3, n)};
    return fus_scratch_file_transfer(t->scratch, write, all, t->n_moments, err);
}

/* Units first .. first+n-1 of the block as moments of their own that share its memory. */
static struct fus_moments view(const struct fus_moments *m, long *count, size_t first, size_t n)
{
    *count = m->n[0];
    return (struct fus_moments){
        1, n, count, m->mean + first, m->m2 + first, m->m3 ? m->m3 + first : NULL, m->is_signed, false};
}

/* Writes `block` to the scratch file as a group. */
static int put_outside(struct fus_accumulator *t, int group, struct fus_error *err)
{
    return transfer_moments(t, true, group, 0, &t->block, t->blocked_units, err);
}

/* Merges it into the group in the scratch file, SLICE units at a time; into [n_moments, SLICE]. */
static int merge_outside(struct fus_accumulator *t, int group, double *into, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t first = 0; first < t->blocked_units && !code; first += SLICE) {
        size_t n = t->blocked_units - first < SLICE ? t->blocked_units - first : SLICE;
        long counts[2] = {t->whole.n[group], 0};
        struct fus_moments a = {1,     n,    counts, into, into + SLICE, t->n_moments == 3 ? into + 2 * SLICE : NULL,
                                false, false},
                           b = view(&t->block, counts + 1, first, n);
        code = transfer_moments(t, false, group, first, &a, n, err);
        if (!code)
            fus_moments_merge_group(&a, 0, &b, 0);
        if (!code)
            code = transfer_moments(t, true, group, first, &a, n, err);
    }
    return code;
}

static int join_outside(struct fus_accumulator *t, int group, struct fus_error *err)
{
    double *slice = t->whole.n[group] ? fus_base_aligned((size_t)t->n_moments * SLICE, sizeof *slice) : NULL;
    int code = FUS_OK;
    if (!t->whole.n[group])
        code = put_outside(t, group, err);
    else
        code = slice ? merge_outside(t, group, slice, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory to merge %d units", SLICE);
    t->whole.n[group] += t->block.n[0];
    fus_base_free(slice);
    return code;
}

/* The moments of a group without pictures are never read, so only the counts are cleared. */
void fus_accumulator_clear_block(struct fus_accumulator *t)
{
    if (t->block.n)
        t->block.n[0] = 0;
}

void fus_accumulator_clear(struct fus_accumulator *t)
{
    fus_accumulator_clear_block(t);
    if (t->held.n)
        t->held.n[0] = 0;
    memset(t->whole.n, 0, (size_t)t->whole.n_groups * sizeof *t->whole.n);
}

int fus_accumulator_join_block(struct fus_accumulator *t, int group, struct fus_error *err)
{
    int code = FUS_OK;
    if (t->whole.mean)
        fus_moments_merge_group(&t->whole, group, &t->block, 0);
    else if (t->block.n[0])
        code = join_outside(t, group, err);
    fus_accumulator_clear_block(t);
    return code;
}

int fus_accumulator_end_block(struct fus_accumulator *t, const struct fus_block *block, struct fus_error *err)
{
    return t->by_blocks ? FUS_OK
                        : fus_accumulator_join_block(t, block->half * t->set->n_categories + block->category, err);
}

/* ---- whole blocks at once ---- */

/* A block's responses, which enter a group in the scratch file. */
struct block_adding {
    struct fus_accumulator *t;
    int group;
    const float *blocked; /* [n, blocked_units] */
    size_t n;
    double *moments; /* [threads, n_moments, PIECE] */
    int *failed;     /* [threads] errno, or 0 */
};

static void move_piece(const struct block_adding *a, bool write, double *moments, size_t first, size_t n, int *failed)
{
    const struct fus_accumulator *t = a->t;
    for (int i = 0; i < t->n_moments && !*failed; i++) {
        enum fus_scratch_place file = (enum fus_scratch_place)i;
        const struct fus_scratch_array here =
            fus_accumulator_array(t, file, a->group, first, moments + (size_t)i * PIECE, n);
        fus_scratch_file_move(failed, t->scratch->fd[file], write, here.bytes, here.n, here.at);
    }
}

static void add_piece(void *context, int piece, int thread)
{
    const struct block_adding *a = context;
    struct fus_accumulator *t = a->t;
    size_t first = (size_t)piece * PIECE, rest = t->blocked_units - first, n = rest < PIECE ? rest : PIECE;
    double *moments = a->moments + (size_t)thread * (size_t)t->n_moments * PIECE;
    long count = t->whole.n[a->group];
    struct fus_moments m = {.n_groups = 1,
                            .n_units = n,
                            .n = &count,
                            .mean = moments,
                            .m2 = moments + PIECE,
                            .m3 = t->n_moments == 3 ? moments + 2 * PIECE : NULL};
    if (count)
        move_piece(a, false, moments, first, n, &a->failed[thread]);
    if (!fus_moments_add_block(&m, 0, a->blocked + first, t->blocked_units, a->n))
        atomic_store(&t->not_finite, 1);
    move_piece(a, true, moments, first, n, &a->failed[thread]);
}

static int add_outside(struct fus_accumulator *t, int group, const float *blocked, size_t n, struct fus_error *err)
{
    size_t threads = (size_t)fus_threads_here();
    struct block_adding a = {t,
                             group,
                             blocked,
                             n,
                             fus_base_aligned(threads * PIECE, (size_t)t->n_moments * sizeof *a.moments),
                             fus_base_alloc(threads, sizeof *a.failed)};
    int code = a.moments && a.failed ? fus_scratch_file_open(t->scratch, err)
                                     : fus_base_fail(err, FUS_ENOMEM, "no memory to merge %d units", PIECE);
    if (!code) {
        fus_threads_for((int)((t->blocked_units - 1) / PIECE) + 1, add_piece, &a);
        code = fus_scratch_file_check(t->scratch, true, a.failed, (int)threads, err);
        t->whole.n[group] += (long)n;
    }
    fus_base_free(a.moments);
    fus_base_free(a.failed);
    return code;
}

/* Writes the group at hand to the scratch file. */
static int put_held(struct fus_accumulator *t, struct fus_error *err)
{
    if (!t->held.n || !t->held.n[0])
        return FUS_OK;
    int code = transfer_moments(t, true, t->at_hand, 0, &t->held, t->blocked_units, err);
    t->whole.n[t->at_hand] = t->held.n[0];
    t->held.n[0] = 0;
    return code;
}

/* Whether the block is the only one of its group, or enters it after others that are not at
 * hand. */
static bool passes_by(const struct fus_accumulator *t, const struct fus_block *block, int group)
{
    const struct fus_block *next = block + 1 < t->blocks->items + t->blocks->n ? block + 1 : NULL;
    bool at_hand = t->held.n && t->held.n[0] && t->at_hand == group,
         more = next && next->category == block->category && next->half == block->half;
    return !t->held.n || (!at_hand && (!more || t->whole.n[group]));
}

static int add_one_block(struct fus_accumulator *t, const struct fus_block *block, const float *blocked,
                         struct fus_error *err)
{
    int group = block->half * t->set->n_categories + block->category, code = FUS_OK;
    size_t rows = (size_t)(block->end - block->first);
    if (!t->whole.mean && passes_by(t, block, group))
        return add_outside(t, group, blocked, rows, err);
    if (!t->whole.mean && t->at_hand != group)
        code = put_held(t, err);
    t->at_hand = group;
    bool finite = t->whole.mean ? fus_moments_add_block(&t->whole, group, blocked, t->blocked_units, rows)
                                : fus_moments_add_block(&t->held, 0, blocked, t->blocked_units, rows);
    if (!finite)
        atomic_store(&t->not_finite, 1);
    return code;
}

/* Whole blocks, each into its group. */
static int add_blocks(struct fus_accumulator *t, int first, int n, const float *blocked, struct fus_error *err)
{
    int code = FUS_OK, at = first;
    while (at < first + n && !code) {
        const struct fus_block *block = fus_blocks_find(t->blocks, at);
        code = add_one_block(t, block, blocked, err);
        blocked += (size_t)(block->end - block->first) * t->blocked_units;
        at = block->end;
    }
    return code;
}

int fus_accumulator_add(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                        struct fus_error *err)
{
    static const int group[256];
    int code = FUS_OK;
    if (t->by_blocks)
        code = add_blocks(t, first, n, blocked, err);
    else
        fus_moments_add_rows(&t->block, blocked, group, NULL, (size_t)n);
    return t->keep && !code ? fus_accumulator_keep_responses(t, first, n, blocked, row, err) : code;
}

/* ---- finite? ---- */

struct finite_check {
    const double *mean;
    size_t n;
    int *bad; /* [threads] */
};

static void check_slice(void *context, int task, int thread)
{
    const struct finite_check *c = context;
    size_t first = (size_t)task * SLICE, end = c->n - first < SLICE ? c->n : first + SLICE;
    uint64_t found = 0;
    for (size_t i = first; i < end; i++) {
        found |= (fus_bits_of_double(c->mean[i]) >> 52 & 0x7ff) == 0x7ff;
    }
    c->bad[thread] |= found != 0;
}

bool fus_accumulator_is_finite(const struct fus_accumulator *t)
{
    if (t->by_blocks || !t->block.n[0])
        return !t->not_finite;
    int threads = fus_base_threads(), bad = 0, *each = fus_base_alloc((size_t)threads, sizeof *each);
    struct finite_check c = {t->block.mean, t->blocked_units, each};
    if (each)
        fus_threads_for((int)((c.n - 1) / SLICE) + 1, check_slice, &c);
    for (int i = 0; each && i < threads; i++)
        bad |= each[i];
    fus_base_free(each);
    return !bad;
}

/* ---- afterwards ---- */

int fus_accumulator_finish(struct fus_accumulator *t, struct fus_error *err)
{
    int code = put_held(t, err);
    fus_moments_destroy(&t->block);
    fus_moments_destroy(&t->held);
    fus_base_free(t->shown);
    t->shown = NULL;
    return code;
}

/* From the scratch file, block by block, in the order of [C, H, W]. */
struct fetching {
    const struct fus_accumulator *t;
    struct fus_moments *m;
    double *blocked; /* [threads, n_places, 16] */
    int n_blocks;
    int *failed; /* [threads] errno, or 0 */
};

static void fetch_block(void *context, int task, int thread)
{
    const struct fetching *f = context;
    const struct fus_accumulator *t = f->t;
    size_t n = t->n_places * FUS_LANES;
    int group = task / f->n_blocks / t->n_moments, first = task % f->n_blocks * FUS_LANES;
    enum fus_scratch_place file = (enum fus_scratch_place)(task / f->n_blocks % t->n_moments);
    int here = t->channels - first < FUS_LANES ? t->channels - first : FUS_LANES;
    double *blocked = f->blocked + (size_t)thread * n, *const arrays[] = {f->m->mean, f->m->m2, f->m->m3},
           *to = arrays[file];
    const struct fus_scratch_array from =
        fus_accumulator_array(t, file, group, (size_t)first * t->n_places, blocked, n);
    if (t->whole.n[group])
        fus_scratch_file_move(&f->failed[thread], t->scratch->fd[file], false, from.bytes, from.n, from.at);
    if (t->whole.n[group] && !f->failed[thread])
        fus_moments_unblock_channels(to + (size_t)group * f->m->n_units + (size_t)first * t->n_places, blocked, here,
                                     t->n_places);
}

/* Moments of all groups in the spare memory, which is made large enough. */
static int borrow_moments(struct fus_moments *m, const struct fus_accumulator *t, struct fus_error *err)
{
    struct fus_accumulator_spare *s = t->spare;
    size_t values = (size_t)t->whole.n_groups * t->n_units, n = values * (size_t)t->n_moments;
    if (s->n < n) {
        fus_base_free(s->values);
        s->values = fus_base_streamed(n, sizeof *s->values);
        s->n = s->values ? n : 0;
    }
    *m = (struct fus_moments){.n_groups = t->whole.n_groups,
                              .n_units = t->n_units,
                              .n = fus_base_alloc((size_t)t->whole.n_groups, sizeof *m->n),
                              .mean = s->values,
                              .m2 = s->values ? s->values + values : NULL,
                              .m3 = s->values && t->n_moments == 3 ? s->values + 2 * values : NULL,
                              .is_lent = true};
    return m->n && s->values ? FUS_OK
                             : fus_base_fail(err, FUS_ENOMEM, "no memory for the moments of %zu units", t->n_units);
}

static int fetch(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err)
{
    size_t threads = (size_t)fus_base_threads();
    struct fetching f = {t, m, fus_base_aligned(t->n_places * FUS_LANES, threads * sizeof *f.blocked),
                         (t->channels - 1) / FUS_LANES + 1, fus_base_alloc(threads, sizeof *f.failed)};
    int code = f.blocked && f.failed ? fus_scratch_file_open(t->scratch, err)
                                     : fus_base_fail(err, FUS_ENOMEM, "no memory to reorder %zu places", t->n_places);
    if (!code)
        code = t->spare ? borrow_moments(m, t, err)
                        : fus_accumulator_create_moments(m, t, t->whole.n_groups, t->n_units, err);
    if (!code) {
        memcpy(m->n, t->whole.n, (size_t)m->n_groups * sizeof *m->n);
        fus_threads_for(t->n_moments * m->n_groups * f.n_blocks, fetch_block, &f);
        code = fus_scratch_file_check(t->scratch, false, f.failed, (int)threads, err);
    }
    fus_base_free(f.blocked);
    fus_base_free(f.failed);
    fus_moments_destroy(&t->whole);
    return code;
}

int fus_accumulator_moments(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err)
{
    memset(m, 0, sizeof *m);
    if (!t->whole.mean)
        return fetch(m, t, err);
    *m = t->whole;
    memset(&t->whole, 0, sizeof t->whole);
    return fus_moments_unblock(m, t->channels, t->n_places, err);
}
