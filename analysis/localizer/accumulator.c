/* SPDX-License-Identifier: MIT */
/* Moments and responses of a layer while pictures are shown: see accumulator.h. */
#include "analysis/localizer/accumulator.h"

#include <string.h>

#include "nn/base/bits.h"
#include "nn/base/threads.h"
#include "nn/kernel/kernels.h"

#define SLICE 262144 /* units that are merged at a time: 4 MB */

/* ---- sizes ---- */

size_t fus_accumulator_least_bytes(const struct fus_accumulator *t)
{
    return fus_moments_bytes(t->n_halves, t->blocked_units, t->n_moments == 3);
}

size_t fus_accumulator_more_bytes(const struct fus_accumulator *t)
{
    return fus_moments_bytes(t->n_halves * t->set->n_categories, t->blocked_units, t->n_moments == 3);
}

size_t fus_accumulator_response_bytes(const struct fus_accumulator *t)
{
    return t->keep ? (size_t)t->set->n_pictures * t->n_units * sizeof(float) : 0;
}

void fus_accumulator_plan(struct fus_accumulator *t, const struct fus_set *set, const int *order,
                          struct fus_scratch_file *scratch, const struct fus_tap *tap, bool halves, bool third,
                          bool keep)
{
    memset(t, 0, sizeof *t);
    t->set = set;
    t->order = order;
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

static int create_moments(struct fus_moments *m, const struct fus_accumulator *t, int n_groups, size_t n_units,
                          struct fus_error *err)
{
    int code = fus_moments_create(m, n_groups, n_units, err);
    return !code && t->n_moments == 3 ? fus_moments_keep_third(m, err) : code;
}

int fus_accumulator_create(struct fus_accumulator *t, bool all_categories, bool responses_in_memory,
                           struct fus_error *err)
{
    int n_groups = t->n_halves * t->set->n_categories,
        code = create_moments(&t->block, t, t->n_halves, t->blocked_units, err);
    if (!code)
        code = all_categories ? create_moments(&t->whole, t, n_groups, t->blocked_units, err)
                              : create_outside(t, n_groups, err);
    if (!code && t->keep && responses_in_memory) {
        t->responses = fus_base_aligned((size_t)t->set->n_pictures * t->n_units, sizeof *t->responses);
        if (!t->responses)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d responses of %zu units", t->set->n_pictures,
                                 t->n_units);
    } else if (!code && t->keep)
        t->responses_at = fus_scratch_file_reserve(t->scratch, FUS_SCRATCH_MEANS, fus_accumulator_response_bytes(t));
    return code;
}

void fus_accumulator_destroy(struct fus_accumulator *t)
{
    fus_moments_destroy(&t->block);
    fus_moments_destroy(&t->whole);
    fus_base_free(t->responses);
    fus_base_free(t->shown);
    t->responses = t->shown = NULL;
}

/* ---- while pictures are shown ---- */

/* The responses to one picture. */
static struct fus_scratch_array responses_to(const struct fus_accumulator *t, size_t picture, float *row)
{
    size_t bytes = t->n_units * sizeof *row;
    return (struct fus_scratch_array){FUS_SCRATCH_MEANS, row, bytes, t->responses_at + (uint64_t)picture * bytes};
}

static int put_responses(const struct fus_accumulator *t, size_t picture, float *row, struct fus_error *err)
{
    const struct fus_scratch_array a = responses_to(t, picture, row);
    return fus_scratch_file_transfer(t->scratch, true, &a, 1, err);
}

static int keep_responses(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                          struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < n && !code; i++) {
        size_t picture = (size_t)t->order[first + i];
        float *to = t->responses ? t->responses + picture * t->n_units : row;
        fus_tensor_unblock(to, blocked + (size_t)i * t->blocked_units, t->channels, t->n_places);
        if (!t->responses)
            code = put_responses(t, picture, row, err);
    }
    return code;
}

/* Of the i-th picture shown. */
static int half_of(const struct fus_accumulator *t, int i)
{
    return t->n_halves == 2 ? t->set->pictures[t->order[i]].half : 0;
}

int fus_accumulator_add(struct fus_accumulator *t, int first, int n, const float *blocked, float *row,
                        struct fus_error *err)
{
    int group[256] = {0};
    for (int i = 0; i < n; i++)
        group[i] = half_of(t, first + i);
    fus_moments_add_rows(&t->block, blocked, group, NULL, (size_t)n);
    return t->keep ? keep_responses(t, first, n, blocked, row, err) : FUS_OK;
}

/* n values of a group from unit `first` on. */
static struct fus_scratch_array array_of(const struct fus_accumulator *t, enum fus_scratch_place file, int group,
                                         size_t first, double *values, size_t n)
{
    uint64_t value = (uint64_t)group * t->blocked_units + first;
    return (struct fus_scratch_array){file, values, n * sizeof *values, t->whole_at[file] + value * sizeof *values};
}

/* The moments `of` n units of a group from unit `first` on. */
static int transfer_moments(const struct fus_accumulator *t, bool write, int group, size_t first,
                            const struct fus_moments *of, size_t n, struct fus_error *err)
{
    const struct fus_scratch_array all[] = {array_of(t, FUS_SCRATCH_MEANS, group, first, of->mean, n),
                                            array_of(t, FUS_SCRATCH_M2S, group, first, of->m2, n),
                                            array_of(t, FUS_SCRATCH_M3S, group, first, of->m3, n)};
    return fus_scratch_file_transfer(t->scratch, write, all, t->n_moments, err);
}

/* Units first .. first+n-1 of one group as moments of their own that share its memory. */
static struct fus_moments view(const struct fus_moments *m, int group, long *count, size_t first, size_t n)
{
    size_t at = (size_t)group * m->n_units + first;
    *count = m->n[group];
    return (struct fus_moments){1, n, count, m->mean + at, m->m2 + at, m->m3 ? m->m3 + at : NULL, m->is_signed};
}

/* Writes a half of `block` to the scratch file as a group. */
static int put_outside(struct fus_accumulator *t, int group, int half, struct fus_error *err)
{
    long count;
    const struct fus_moments m = view(&t->block, half, &count, 0, t->blocked_units);
    return transfer_moments(t, true, group, 0, &m, t->blocked_units, err);
}

/* Merges it into the group in the scratch file, SLICE units at a time; into [n_moments, SLICE]. */
static int merge_outside(struct fus_accumulator *t, int group, int half, double *into, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t first = 0; first < t->blocked_units && !code; first += SLICE) {
        size_t n = t->blocked_units - first < SLICE ? t->blocked_units - first : SLICE;
        long counts[2] = {t->whole.n[group], 0};
        struct fus_moments a = {1, n, counts, into, into + SLICE, t->n_moments == 3 ? into + 2 * SLICE : NULL, false},
                           b = view(&t->block, half, counts + 1, first, n);
        code = transfer_moments(t, false, group, first, &a, n, err);
        if (!code)
            fus_moments_merge_group(&a, 0, &b, 0);
        if (!code)
            code = transfer_moments(t, true, group, first, &a, n, err);
    }
    return code;
}

static int join_outside(struct fus_accumulator *t, int group, int half, struct fus_error *err)
{
    double *slice = t->whole.n[group] ? fus_base_aligned((size_t)t->n_moments * SLICE, sizeof *slice) : NULL;
    int code = FUS_OK;
    if (!t->whole.n[group])
        code = put_outside(t, group, half, err);
    else
        code = slice ? merge_outside(t, group, half, slice, err)
                     : fus_base_fail(err, FUS_ENOMEM, "no memory to merge %d units", SLICE);
    t->whole.n[group] += t->block.n[half];
    fus_base_free(slice);
    return code;
}

/* The moments of a group without pictures are never read, so only the counts are cleared. */
void fus_accumulator_clear_block(struct fus_accumulator *t)
{
    memset(t->block.n, 0, (size_t)t->n_halves * sizeof *t->block.n);
}

void fus_accumulator_clear(struct fus_accumulator *t)
{
    fus_accumulator_clear_block(t);
    memset(t->whole.n, 0, (size_t)t->whole.n_groups * sizeof *t->whole.n);
}

int fus_accumulator_end_block(struct fus_accumulator *t, int category, struct fus_error *err)
{
    int code = FUS_OK;
    for (int half = 0; half < t->n_halves && !code; half++) {
        int group = half * t->set->n_categories + category;
        if (!t->block.n[half])
            continue;
        if (t->whole.mean)
            fus_moments_merge_group(&t->whole, group, &t->block, half);
        else
            code = join_outside(t, group, half, err);
    }
    fus_accumulator_clear_block(t);
    return code;
}

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
    int threads = fus_base_threads(), bad = 0, *each = fus_base_alloc((size_t)threads, sizeof *each);
    for (int half = 0; each && half < t->n_halves; half++) {
        struct finite_check c = {t->block.mean + (size_t)half * t->blocked_units, t->blocked_units, each};
        if (t->block.n[half])
            fus_threads_for((int)((c.n - 1) / SLICE) + 1, check_slice, &c);
    }
    for (int i = 0; each && i < threads; i++)
        bad |= each[i];
    fus_base_free(each);
    return !bad;
}

/* ---- as state files ---- */

/* Writes zeros for a group without pictures, which is not yet in the scratch file. */
static void write_empty(size_t n_units, int n_moments, struct fus_state_file_out *out)
{
    static const double zeros[4096];
    uint64_t bytes = (uint64_t)n_moments * sizeof(double) * n_units;
    for (uint64_t done = 0; done < bytes; done += sizeof zeros)
        fus_state_file_write(out, zeros, bytes - done < sizeof zeros ? (size_t)(bytes - done) : sizeof zeros);
}

static void write_group(const struct fus_moments *m, int group, struct fus_state_file_out *out)
{
    size_t at = (size_t)group * m->n_units, bytes = m->n_units * sizeof *m->mean;
    if (!m->n[group]) {
        write_empty(m->n_units, m->m3 ? 3 : 2, out);
        return;
    }
    fus_state_file_write(out, m->mean + at, bytes);
    fus_state_file_write(out, m->m2 + at, bytes);
    if (m->m3)
        fus_state_file_write(out, m->m3 + at, bytes);
}

void fus_accumulator_write_block(const struct fus_accumulator *t, struct fus_state_file_out *out)
{
    for (int half = 0; half < t->n_halves; half++)
        write_group(&t->block, half, out);
    fus_state_file_end_layer(out);
}

/* Copies an array of the scratch file in pieces. */
static int write_scratch(const struct fus_accumulator *t, struct fus_scratch_array a, struct fus_state_file_out *out,
                         struct fus_error *err)
{
    const size_t most = SLICE * sizeof(double);
    void *buffer = fus_base_aligned(most, 1);
    int code = buffer ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory to copy %zu bytes", most);
    for (size_t done = 0; done < a.n && !code; done += most) {
        const struct fus_scratch_array here = {a.file, buffer, a.n - done < most ? a.n - done : most, a.at + done};
        code = fus_scratch_file_transfer(t->scratch, false, &here, 1, err);
        if (!code)
            fus_state_file_write(out, buffer, here.n);
    }
    fus_base_free(buffer);
    return code;
}

static int write_outside(const struct fus_accumulator *t, int group, struct fus_state_file_out *out,
                         struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < t->n_moments && !code; i++)
        code = write_scratch(t, array_of(t, (enum fus_scratch_place)i, group, 0, NULL, t->blocked_units), out, err);
    return code;
}

int fus_accumulator_write_category(const struct fus_accumulator *t, int category, struct fus_state_file_out *out,
                                   struct fus_error *err)
{
    int code = FUS_OK;
    for (int half = 0; half < t->n_halves && !code; half++) {
        int group = half * t->set->n_categories + category;
        if (t->whole.mean)
            write_group(&t->whole, group, out);
        else if (t->whole.n[group])
            code = write_outside(t, group, out, err);
        else
            write_empty(t->blocked_units, t->n_moments, out);
    }
    fus_state_file_end_layer(out);
    return code;
}

int fus_accumulator_write_responses(const struct fus_accumulator *t, int first, int end, struct fus_state_file_out *out,
                                    struct fus_error *err)
{
    size_t bytes = t->n_units * sizeof *t->responses;
    int code = FUS_OK;
    for (int i = first; i < end && !code; i++) {
        size_t picture = (size_t)t->order[i];
        if (t->responses)
            fus_state_file_write(out, t->responses + picture * t->n_units, bytes);
        else
            code = write_scratch(t, responses_to(t, picture, NULL), out, err);
    }
    fus_state_file_end_layer(out);
    return code;
}

/* Whether the file's layer is this one. */
static int check_file(const struct fus_accumulator *t, const struct fus_state_file *p, const char *layer,
                      struct fus_error *err)
{
    bool fits = p->end <= t->set->n_pictures && p->n_halves == t->n_halves && p->n_moments == t->n_moments;
    for (int i = 0; i < p->n_layers; i++)
        fits = fits && (strcmp(p->layers[i].name, layer) != 0 ||
                        (p->layers[i].channels == t->channels && p->layers[i].n_places == t->n_places));
    return fits ? FUS_OK : fus_base_fail(err, FUS_EFORMAT, "%s: its layer %s is of another network", p->path, layer);
}

int fus_accumulator_read_block(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                               struct fus_error *err)
{
    struct fus_state_file_in in;
    int code = check_file(t, file, layer, err);
    if (!code)
        code = fus_state_file_open_layer(&in, file, layer, err);
    if (code)
        return code;
    size_t bytes = t->blocked_units * sizeof(double);
    for (int half = 0; half < t->n_halves; half++) {
        fus_state_file_read(&in, t->block.mean + (size_t)half * t->blocked_units, bytes);
        fus_state_file_read(&in, t->block.m2 + (size_t)half * t->blocked_units, bytes);
        if (t->block.m3)
            fus_state_file_read(&in, t->block.m3 + (size_t)half * t->blocked_units, bytes);
    }
    for (int i = file->first; i < file->end; i++)
        t->block.n[half_of(t, i)]++;
    return fus_state_file_close_layer(&in, err);
}

int fus_accumulator_read_responses(struct fus_accumulator *t, const struct fus_state_file *file, const char *layer,
                                   struct fus_error *err)
{
    struct fus_state_file_in in;
    size_t bytes = t->n_units * sizeof(float);
    int code = check_file(t, file, layer, err);
    float *row = t->responses ? NULL : fus_base_aligned(t->n_units, sizeof *row);
    if (!code && !t->responses && !row)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %zu responses", t->n_units);
    if (!code)
        code = fus_state_file_open_layer(&in, file, layer, err);
    if (code) {
        fus_base_free(row);
        return code;
    }
    for (int i = file->first; i < file->end && !code; i++) {
        size_t picture = (size_t)t->order[i];
        float *to = t->responses ? t->responses + picture * t->n_units : row;
        fus_state_file_read(&in, to, bytes);
        if (!t->responses)
            code = put_responses(t, picture, row, err);
    }
    fus_base_free(row);
    int read = fus_state_file_close_layer(&in, err);
    return code ? code : read;
}

/* ---- afterwards ---- */

void fus_accumulator_finish(struct fus_accumulator *t)
{
    fus_moments_destroy(&t->block);
    fus_base_free(t->shown);
    t->shown = NULL;
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
    const struct fus_scratch_array from = array_of(t, file, group, (size_t)first * t->n_places, blocked, n);
    if (t->whole.n[group])
        fus_scratch_file_move(&f->failed[thread], t->scratch->fd[file], false, from.bytes, from.n, from.at);
    if (t->whole.n[group] && !f->failed[thread])
        fus_moments_unblock_channels(to + (size_t)group * f->m->n_units + (size_t)first * t->n_places, blocked, here,
                                     t->n_places);
}

static int fetch(struct fus_moments *m, struct fus_accumulator *t, struct fus_error *err)
{
    size_t threads = (size_t)fus_base_threads();
    struct fetching f = {t, m, fus_base_aligned(t->n_places * FUS_LANES, threads * sizeof *f.blocked),
                         (t->channels - 1) / FUS_LANES + 1, fus_base_alloc(threads, sizeof *f.failed)};
    int code = f.blocked && f.failed ? fus_scratch_file_open(t->scratch, err)
                                     : fus_base_fail(err, FUS_ENOMEM, "no memory to reorder %zu places", t->n_places);
    if (!code)
        code = create_moments(m, t, t->whole.n_groups, t->n_units, err);
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

static void read_responses(void *context, float *to, size_t picture, size_t first, size_t n)
{
    struct fus_accumulator *t = context;
    int failed = 0;
    fus_scratch_file_move(&failed, t->scratch->fd[FUS_SCRATCH_MEANS], false, (char *)to, n * sizeof *to,
                          t->responses_at + ((uint64_t)picture * t->n_units + first) * sizeof *to);
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
