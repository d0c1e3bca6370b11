/* Moments and responses of a layer while pictures are shown: see tally.h. */
#define _POSIX_C_SOURCE 200809L
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nn/team.h"

#define PIECE ((size_t)4 << 20) /* bytes that one thread reads or writes at a time */
#define ALIGN ((uint64_t)65536) /* of mapped parts: no machine has larger pages */

/* ---- scratch ---- */

static int open_scratch(struct fus_scratch *s, struct fus_error *err)
{
    char path[4096];
    if (s->fd >= 0)
        return FUS_OK;
    snprintf(path, sizeof path, "%s/scratch.tmp-%ld", s->folder, (long)getpid());
    s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd < 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be created: %s", path, strerror(errno));
    unlink(path);
    return FUS_OK;
}

void fus_scratch_close(struct fus_scratch *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->size = 0;
}

static uint64_t reserve(struct fus_scratch *s, uint64_t bytes)
{
    uint64_t at = (s->size + ALIGN - 1) / ALIGN * ALIGN;
    s->size = at + bytes;
    return at;
}

struct transfer {
    int fd;
    bool write;
    char *bytes;
    size_t n;
    uint64_t at;
    int *failed; /* errno of each piece, or 0 */
};

static void move_piece(void *context, int piece, int thread)
{
    const struct transfer *t = context;
    size_t done = (size_t)piece * PIECE, end = t->n - done < PIECE ? t->n : done + PIECE;
    (void)thread;
    while (done < end) {
        off_t at = (off_t)(t->at + done);
        ssize_t n = t->write ? pwrite(t->fd, t->bytes + done, end - done, at) : pread(t->fd, t->bytes + done, end - done, at);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            t->failed[piece] = n < 0 ? errno : EIO;
            return;
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

static int transfer(struct fus_scratch *s, bool write, void *bytes, size_t n, uint64_t at, struct fus_error *err)
{
    int n_pieces = (int)((n + PIECE - 1) / PIECE), code = open_scratch(s, err), why = 0;
    if (code)
        return code;
    int *failed = fus_base_alloc((size_t)n_pieces + 1, sizeof *failed);
    if (!failed)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a transfer of %zu bytes", n);
    fus_team_for(n_pieces, move_piece, &(struct transfer){s->fd, write, bytes, n, at, failed});
    for (int i = 0; i < n_pieces && !why; i++)
        why = failed[i];
    fus_base_free(failed);
    if (!why)
        return FUS_OK;
    return fus_base_fail(err, FUS_EIO, "%s: %zu bytes cannot be %s in a scratch file here (a larger --max-memory needs less of it): %s",
                         s->folder, n, write ? "written" : "read", strerror(why));
}

/* ---- sizes ---- */

size_t fus_tally_least_bytes(const struct fus_tally *t)
{
    return fus_moments_bytes(t->n_halves, t->blocked_units);
}

size_t fus_tally_more_bytes(const struct fus_tally *t)
{
    return fus_moments_bytes(t->n_halves * t->set->n_categories, t->blocked_units) - fus_tally_least_bytes(t);
}

size_t fus_tally_response_bytes(const struct fus_tally *t)
{
    return t->keep ? (size_t)t->set->n_pictures * t->n_units * sizeof(float) : 0;
}

void fus_tally_plan(struct fus_tally *t, const struct fus_set *set, struct fus_scratch *scratch, const struct fus_tap *tap,
                    bool halves, bool keep)
{
    memset(t, 0, sizeof *t);
    t->set = set;
    t->scratch = scratch;
    t->n_halves = halves ? 2 : 1;
    t->channels = tap->channels;
    t->n_places = (size_t)tap->height * (size_t)tap->width;
    t->n_units = (size_t)tap->channels * t->n_places;
    t->blocked_units = fus_tensor_blocked_size(tap->channels, t->n_places);
    t->keep = keep;
}

int fus_tally_create(struct fus_tally *t, bool all_categories, bool responses_in_memory, struct fus_error *err)
{
    int groups = t->n_halves * t->set->n_categories;
    t->one_category = !all_categories;
    int code = fus_moments_create(&t->moments, all_categories ? groups : t->n_halves, t->blocked_units, err);
    if (!code && !all_categories)
        t->moments_at = reserve(t->scratch, (uint64_t)groups * 2 * sizeof(double) * t->blocked_units);
    if (!code && t->keep && responses_in_memory) {
        t->responses = fus_base_aligned((size_t)t->set->n_pictures * t->n_units, sizeof *t->responses);
        if (!t->responses)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d responses of %zu units", t->set->n_pictures, t->n_units);
    } else if (!code && t->keep)
        t->responses_at = reserve(t->scratch, fus_tally_response_bytes(t));
    return code;
}

void fus_tally_destroy(struct fus_tally *t)
{
    fus_moments_destroy(&t->moments);
    fus_base_free(t->responses);
    if (t->mapped)
        munmap(t->mapped, fus_tally_response_bytes(t));
    t->responses = NULL;
    t->mapped = NULL;
}

/* ---- while pictures are shown ---- */

/* A category is a run of 2 * n_halves * blocked_units doubles in the file: the means, then the m2. */
static int move_category(struct fus_tally *t, struct fus_moments *m, int category, bool write, struct fus_error *err)
{
    size_t bytes = (size_t)t->n_halves * t->blocked_units * sizeof(double);
    uint64_t at = t->moments_at + 2 * bytes * (uint64_t)category;
    int code = transfer(t->scratch, write, m->mean, bytes, at, err);
    return code ? code : transfer(t->scratch, write, m->m2, bytes, at + bytes, err);
}

static int begin_category(struct fus_tally *t, int category, struct fus_error *err)
{
    int code = move_category(t, &t->moments, t->current, true, err);
    size_t n = (size_t)t->n_halves;
    memset(t->moments.mean, 0, n * t->blocked_units * sizeof *t->moments.mean);
    memset(t->moments.m2, 0, n * t->blocked_units * sizeof *t->moments.m2);
    memset(t->moments.n, 0, n * sizeof *t->moments.n);
    t->current = category;
    return code;
}

static int keep_responses(struct fus_tally *t, int first, int n, const float *blocked, float *row, struct fus_error *err)
{
    float *to = t->responses ? t->responses + (size_t)first * t->n_units : row;
    for (int i = 0; i < n; i++)
        fus_tensor_unblock(to + (size_t)i * t->n_units, blocked + (size_t)i * t->blocked_units, t->channels, t->n_places);
    if (t->responses)
        return FUS_OK;
    size_t bytes = t->n_units * sizeof *row;
    return transfer(t->scratch, true, row, (size_t)n * bytes, t->responses_at + (uint64_t)first * bytes, err);
}

static int group_of(const struct fus_tally *t, const struct fus_picture *p)
{
    int half = t->n_halves == 2 ? p->half : 0;
    return t->one_category ? half : half * t->set->n_categories + p->category;
}

int fus_tally_add(struct fus_tally *t, int first, int n, const float *blocked, float *row, struct fus_error *err)
{
    int group[256], code = t->keep ? keep_responses(t, first, n, blocked, row, err) : FUS_OK;
    const struct fus_picture *p = t->set->pictures + first;
    for (int from = 0, end; from < n && !code; from = end) {
        for (end = from; end < n && (!t->one_category || p[end].category == p[from].category); end++)
            group[end] = group_of(t, &p[end]);
        if (t->one_category && p[from].category != t->current)
            code = begin_category(t, p[from].category, err);
        if (!code)
            fus_moments_add_rows(&t->moments, blocked + (size_t)from * t->blocked_units, group + from, NULL, (size_t)(end - from));
    }
    return code;
}

/* ---- afterwards ---- */

int fus_tally_park(struct fus_tally *t, struct fus_error *err)
{
    if (!t->one_category)
        return FUS_OK;
    int code = move_category(t, &t->moments, t->current, true, err);
    fus_moments_destroy(&t->moments);
    return code;
}

/* Groups of the file, both halves of a category together, to half * n_categories + category. */
static int fetch(struct fus_moments *m, struct fus_tally *t, struct fus_error *err)
{
    int n = t->set->n_categories, code = fus_moments_create(m, t->n_halves * n, t->blocked_units, err);
    size_t units = t->blocked_units, bytes = units * sizeof(double);
    for (int i = 0; i < t->set->n_pictures && !code; i++)
        m->n[(t->n_halves == 2 ? t->set->pictures[i].half * n : 0) + t->set->pictures[i].category]++;
    for (int half = 0; half < t->n_halves; half++)
        for (int c = 0; c < n && !code; c++) {
            size_t group = (size_t)(half * n + c) * units;
            if (t->moments.mean && c == t->current) {
                memcpy(m->mean + group, t->moments.mean + (size_t)half * units, bytes);
                memcpy(m->m2 + group, t->moments.m2 + (size_t)half * units, bytes);
                continue;
            }
            uint64_t at = t->moments_at + (2 * (uint64_t)t->n_halves * (uint64_t)c + (uint64_t)half) * bytes;
            code = transfer(t->scratch, false, m->mean + group, bytes, at, err);
            if (!code)
                code = transfer(t->scratch, false, m->m2 + group, bytes, at + (uint64_t)t->n_halves * bytes, err);
        }
    fus_moments_destroy(&t->moments);
    return code;
}

int fus_tally_moments(struct fus_moments *m, struct fus_tally *t, struct fus_error *err)
{
    int code = FUS_OK;
    memset(m, 0, sizeof *m);
    if (t->one_category)
        code = fetch(m, t, err);
    else {
        *m = t->moments;
        memset(&t->moments, 0, sizeof t->moments);
    }
    return code ? code : fus_moments_unblock(m, t->channels, t->n_places, err);
}

int fus_tally_responses(const float **x, struct fus_tally *t, struct fus_error *err)
{
    *x = t->responses;
    if (!t->keep || t->responses)
        return FUS_OK;
    void *mapped = mmap(NULL, fus_tally_response_bytes(t), PROT_READ, MAP_PRIVATE, t->scratch->fd, (off_t)t->responses_at);
    if (mapped == MAP_FAILED)
        return fus_base_fail(err, FUS_EIO, "%s: the scratch file cannot be mapped: %s", t->scratch->folder, strerror(errno));
    *x = t->mapped = mapped;
    return FUS_OK;
}
