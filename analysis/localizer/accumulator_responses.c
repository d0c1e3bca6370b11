/* SPDX-License-Identifier: MIT */
/* Single responses of a layer, in memory or in the scratch file: see accumulator.h.
 *
 * In the file, units are divided into strips of at most STRIP of 16 channels. A strip's responses
 * to all pictures are together, in the order in which pictures are shown, so that what a batch
 * writes and what a strip reads lies together. Threads share out the channels. */
#include <string.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/accumulator_parts.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

enum { STRIP = 4096 };

/* Units of at most 16 channels. */
static size_t block_units(const struct fus_accumulator *t)
{
    return t->n_places * FUS_LANES;
}

/* The strip of a unit: its first unit; *n: how many it has. */
static size_t strip_of(size_t *n, const struct fus_accumulator *t, size_t unit)
{
    size_t whole = block_units(t), begin = unit / whole * whole, parts = (whole + STRIP - 1) / STRIP,
           width = (whole + parts - 1) / parts, first = begin + (unit - begin) / width * width;
    size_t end = begin + whole < t->n_units ? begin + whole : t->n_units;
    *n = end - first < width ? end - first : width;
    return first;
}

/* Transfers units first .. first+n-1 of one picture. */
static void move_units(int *failed, const struct fus_accumulator *t, bool write, float *x, size_t picture, size_t first,
                       size_t n)
{
    size_t of_strip, n_pictures = (size_t)t->set->n_pictures, shown = (size_t)t->position[picture];
    for (size_t done = 0; done < n && !*failed;) {
        size_t unit = first + done, begin = strip_of(&of_strip, t, unit), left = begin + of_strip - unit,
               now = n - done < left ? n - done : left;
        uint64_t value = (uint64_t)begin * n_pictures + shown * of_strip + (unit - begin);
        fus_scratch_file_move(failed, t->scratch->fd[FUS_SCRATCH_RESPONSES], write, (char *)(x + done), now * sizeof *x,
                              t->responses_at + value * sizeof *x);
        done += now;
    }
}

size_t fus_accumulator_response_bytes(const struct fus_accumulator *t)
{
    return t->keep ? (size_t)t->set->n_pictures * t->n_units * sizeof(float) : 0;
}

int fus_accumulator_create_responses(struct fus_accumulator *t, bool in_memory, struct fus_error *err)
{
    size_t n = (size_t)t->set->n_pictures;
    if (in_memory) {
        t->responses = fus_base_aligned(n * t->n_units, sizeof *t->responses);
        return t->responses ? FUS_OK
                            : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses of %zu units", n, t->n_units);
    }
    t->position = fus_base_alloc(n, sizeof *t->position);
    if (!t->position)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the order of %zu pictures", n);
    for (size_t i = 0; i < n; i++)
        t->position[t->blocks->order[i]] = (int)i;
    t->responses_at = fus_scratch_file_reserve(t->scratch, FUS_SCRATCH_RESPONSES, fus_accumulator_response_bytes(t));
    return FUS_OK;
}

/* ---- while pictures are shown ---- */

struct keeping {
    const struct fus_accumulator *t;
    int first, n; /* shown as */
    const float *blocked;
    float *row;
    int *failed; /* [blocks] errno, or 0 */
};

static void keep_block(void *context, int block, int thread)
{
    const struct keeping *k = context;
    const struct fus_accumulator *t = k->t;
    int channels = t->channels - block * FUS_LANES;
    size_t at = (size_t)block * block_units(t), rest = t->n_units - at;
    (void)thread;
    for (int i = 0; i < k->n; i++) {
        size_t picture = (size_t)t->blocks->order[k->first + i];
        float *to = (t->responses ? t->responses + picture * t->n_units : k->row) + at;
        fus_tensor_unblock(to, k->blocked + (size_t)i * t->blocked_units + at,
                           channels < FUS_LANES ? channels : FUS_LANES, t->n_places);
        if (!t->responses)
            move_units(&k->failed[block], t, true, to, picture, at, rest < block_units(t) ? rest : block_units(t));
    }
}

int fus_accumulator_keep_responses(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                                   struct fus_error *err)
{
    int blocks = (t->channels - 1) / FUS_LANES + 1;
    struct keeping k = {t, first, n, blocked, row, NULL};
    int code = t->responses ? FUS_OK : fus_scratch_file_open(t->scratch, err);
    if (!code && !t->responses && !(k.failed = fus_base_alloc((size_t)blocks, sizeof *k.failed)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory to write %d blocks of channels", blocks);
    if (!code)
        fus_threads_for(blocks, keep_block, &k);
    if (!code && !t->responses)
        code = fus_scratch_file_check(t->scratch, true, k.failed, blocks, err);
    fus_base_free(k.failed);
    return code;
}

int fus_accumulator_move_responses(const struct fus_accumulator *t, bool write, size_t picture, float *row,
                                   struct fus_error *err)
{
    int failed = 0, code = fus_scratch_file_open(t->scratch, err);
    if (code)
        return code;
    move_units(&failed, t, write, row, picture, 0, t->n_units);
    return fus_scratch_file_check(t->scratch, write, &failed, 1, err);
}

/* ---- afterwards ---- */

static void read_responses(void *context, float *to, size_t picture, size_t first, size_t n)
{
    struct fus_accumulator *t = context;
    int failed = 0;
    move_units(&failed, t, false, to, picture, first, n);
    if (!failed)
        return;
    memset(to, 0, n * sizeof *to);
    t->read_failed = failed;
}

bool fus_accumulator_responses(struct fus_responses *r, struct fus_accumulator *t)
{
    r->x = t->responses;
    r->read = t->keep && !t->responses ? read_responses : NULL;
    r->context = t;
    return t->keep;
}

int fus_accumulator_check_read(struct fus_accumulator *t, struct fus_error *err)
{
    const int failed = t->read_failed;
    return fus_scratch_file_check(t->scratch, false, &failed, 1, err);
}
