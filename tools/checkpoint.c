/* Saving and finding a pass: see checkpoint.h. */
#define _POSIX_C_SOURCE 200809L
#include "tools/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/keep.h"
#include "nn/base/threads.h"

#define QUICK_SECONDS 0.3 /* of saving that a stop can wait for */
#define LIKELY_RATE 3e8   /* bytes a second, until one was measured: SHA-256 and the page cache */

int fus_checkpoint_create(struct fus_checkpoint *c, const struct fus_run *run, int model, struct fus_tally **tallies, const char **names, int n,
                          struct fus_error *err)
{
    memset(c, 0, sizeof *c);
    c->run = run;
    c->tallies = tallies;
    c->names = names;
    c->n = n;
    c->responses_end = run->first;
    c->last = fus_run_now();
    c->rate = LIKELY_RATE;
    fus_keep_folder(c->folder, sizeof c->folder, run, model);
    c->saved = fus_base_alloc((size_t)run->set.n_categories, sizeof *c->saved);
    return c->saved ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", run->set.n_categories);
}

void fus_checkpoint_destroy(struct fus_checkpoint *c)
{
    fus_base_free(c->saved);
    c->saved = NULL;
}

/* Its category began in an earlier shard, so that it cannot be merged here. */
static bool is_loose(const struct fus_run *run, const struct fus_part *part)
{
    return part->opening < run->first;
}

/* ---- finding ---- */

/* Responses to pictures before this one are there, from the run's first on. */
static int responses_until(const struct fus_pieces *pieces, const struct fus_run *run, const char *const *names, int n)
{
    int at = run->first, i;
    while (at < run->end && (i = fus_pieces_longest(pieces, FUS_PIECE_RESPONSES, at, names, n)) >= 0)
        at = pieces->items[i].end;
    return at;
}

int fus_checkpoint_covers(const struct fus_pieces *pieces, const struct fus_run *run, const char *const *names, int n, bool responses)
{
    int end = responses ? responses_until(pieces, run, names, n) : run->end, at = run->first, i;
    while (at < end && (i = fus_pieces_longest(pieces, FUS_PIECE_MOMENTS, at, names, n)) >= 0 && pieces->items[i].end <= end)
        at = pieces->items[i].end;
    return at;
}

/* One piece of moments into every tally. */
static int load_moments(struct fus_checkpoint *c, const struct fus_piece *p, struct fus_error *err)
{
    const struct fus_part *part = fus_parts_find(&c->run->parts, p->end - 1);
    int code = FUS_OK;
    if (p->end == part->end && is_loose(c->run, part))
        return FUS_OK; /* as it is, for the merge */
    for (int i = 0; i < c->n && !code; i++) {
        code = fus_tally_read_part(c->tallies[i], p, c->names[i], err);
        if (!code && p->end == part->end)
            code = fus_tally_end_part(c->tallies[i], part->category, err);
    }
    if (p->end == part->end)
        c->saved[part->category] = p->end;
    else
        c->part_first = p->first, c->part_end = p->end;
    return code;
}

static int load_responses(struct fus_checkpoint *c, const struct fus_piece *p, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < c->n && !code; i++)
        if (c->tallies[i]->keep)
            code = fus_tally_read_responses(c->tallies[i], p, c->names[i], err);
    return code;
}

/* The names of the layers that keep responses, at the front of list [n]. */
static int keeping(const char **list, const struct fus_checkpoint *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        if (c->tallies[i]->keep)
            list[n++] = c->names[i];
    return n;
}

/* bad: the piece that could not be read, or -1. */
static int load(struct fus_checkpoint *c, int *first, int *bad, const struct fus_pieces *pieces, const char **kept, struct fus_error *err)
{
    int n_kept = keeping(kept, c), end = n_kept ? responses_until(pieces, c->run, kept, n_kept) : c->run->end, at = c->run->first, code = FUS_OK;
    *bad = -1;
    while (at < end && !code && (*bad = fus_pieces_longest(pieces, FUS_PIECE_MOMENTS, at, c->names, c->n)) >= 0 && pieces->items[*bad].end <= end) {
        code = load_moments(c, &pieces->items[*bad], err);
        at = pieces->items[*bad].end;
    }
    *first = at;
    int from = c->run->first;
    while (from < at && n_kept && !code && (*bad = fus_pieces_longest(pieces, FUS_PIECE_RESPONSES, from, kept, n_kept)) >= 0) {
        code = load_responses(c, &pieces->items[*bad], err);
        from = pieces->items[*bad].end;
    }
    c->responses_end = from;
    return code;
}

static void start_anew(struct fus_checkpoint *c)
{
    for (int i = 0; i < c->n; i++)
        fus_tally_clear(c->tallies[i]);
    memset(c->saved, 0, (size_t)c->run->set.n_categories * sizeof *c->saved);
    c->part_end = 0;
    c->responses_end = c->run->first;
}

int fus_checkpoint_load(struct fus_checkpoint *c, int *first, struct fus_error *err)
{
    struct fus_pieces pieces = {0};
    const char **kept = fus_base_alloc((size_t)c->n, sizeof *kept);
    int bad, code = kept ? fus_pieces_scan(&pieces, c->folder, c->run->digest, false, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for %d layers", c->n);
    struct fus_error why = {0};
    while (!code && (code = load(c, first, &bad, &pieces, kept, &why)) == FUS_EFORMAT && bad >= 0) {
        fprintf(stderr, "fusiform: warning: %s; not used\n", why.msg);
        unlink(pieces.items[bad].path);
        fus_pieces_drop(&pieces, bad);
        start_anew(c);
        code = FUS_OK;
    }
    if (code && why.code)
        fus_base_fail(err, code, "%s", why.msg);
    fus_pieces_free(&pieces);
    fus_base_free(kept);
    c->last = fus_run_now();
    return code;
}

/* ---- saving ---- */

static void drop(const struct fus_checkpoint *c, enum fus_piece_kind kind, int first, int end)
{
    char path[4096];
    fus_pieces_path(path, sizeof path, c->folder, kind, first, end, c->names[0]);
    unlink(path);
}

/* What a piece holds of a layer: its category's parts together, the part that is being shown, or responses. */
enum content { CATEGORY, PART, RESPONSES };

static int write_layer(const struct fus_tally *t, enum content what, int category, int first, int end, struct fus_piece_out *o, struct fus_error *err)
{
    if (what == CATEGORY)
        return fus_tally_write_category(t, category, o, err);
    if (what == RESPONSES)
        return fus_tally_write_responses(t, first, end, o, err);
    fus_tally_write_part(t, o);
    return FUS_OK;
}

static int save_piece(struct fus_checkpoint *c, enum content what, int category, int first, int end, struct fus_error *err)
{
    struct fus_piece piece = {.kind = what == RESPONSES ? FUS_PIECE_RESPONSES : FUS_PIECE_MOMENTS, .first = first, .end = end,
                              .n_halves = c->tallies[0]->n_halves};
    struct fus_piece_out o;
    piece.layers = fus_base_alloc((size_t)c->n, sizeof *piece.layers);
    if (!piece.layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %d layers", c->n);
    for (int i = 0; i < c->n; i++) {
        const struct fus_tally *t = c->tallies[i];
        struct fus_piece_layer *l = &piece.layers[piece.n_layers];
        if (what == RESPONSES && !t->keep)
            continue;
        snprintf(l->name, sizeof l->name, "%s", c->names[i]);
        l->channels = t->channels;
        l->n_places = t->n_places;
        piece.n_layers++;
    }
    int code = fus_pieces_begin(&o, c->folder, c->run->digest, &piece, err);
    fus_base_free(piece.layers);
    if (code)
        return code;
    for (int i = 0; i < c->n && !code; i++)
        if (what != RESPONSES || c->tallies[i]->keep)
            code = write_layer(c->tallies[i], what, category, first, end, &o, err);
    if (!code)
        return fus_pieces_commit(&o, err);
    fus_pieces_discard(&o);
    return code;
}

static bool keeps(const struct fus_checkpoint *c)
{
    bool any = false;
    for (int i = 0; i < c->n; i++)
        any = any || c->tallies[i]->keep;
    return any;
}

/* Bytes of the moments of one category, and of the responses to one picture. */
static double category_bytes(const struct fus_checkpoint *c)
{
    double bytes = 0;
    for (int i = 0; i < c->n; i++)
        bytes += 2.0 * sizeof(double) * c->tallies[i]->n_halves * (double)c->tallies[i]->blocked_units;
    return bytes;
}

static double row_bytes(const struct fus_checkpoint *c)
{
    double bytes = 0;
    for (int i = 0; i < c->n; i++)
        bytes += c->tallies[i]->keep ? (double)c->tallies[i]->n_units * sizeof(float) : 0;
    return bytes;
}

/* The last part of part->category that is over before picture `next`: where its piece ends; 0: none. */
static int merged_until(const struct fus_run *run, const struct fus_part *part, int next)
{
    int end = 0;
    for (int i = 0; i < run->parts.n; i++)
        if (run->parts.items[i].category == part->category && run->parts.items[i].end <= next)
            end = run->parts.items[i].end;
    return end;
}

/* A category's first part in set order, in this shard and begun before `next`, whose pieces are to be saved. */
static bool opens(const struct fus_run *run, const struct fus_part *part, int next)
{
    return part->first == part->opening && part->first >= run->first && part->first < next;
}

static double bytes_to_save(const struct fus_checkpoint *c, int next)
{
    double each = category_bytes(c), bytes = each + row_bytes(c) * (next - c->responses_end);
    for (int i = 0; i < c->run->parts.n; i++) {
        const struct fus_part *part = &c->run->parts.items[i];
        bytes += opens(c->run, part, next) && merged_until(c->run, part, next) > c->saved[part->category] ? each : 0;
    }
    return bytes;
}

bool fus_checkpoint_due(const struct fus_checkpoint *c, int next)
{
    double since = fus_run_now() - c->last;
    if (c->off)
        return false;
    if (fus_run_stopping())
        return since > 1 && bytes_to_save(c, next) / c->rate < QUICK_SECONDS;
    return since >= (double)c->run->checkpoint;
}

static int save_categories(struct fus_checkpoint *c, int next, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < c->run->parts.n && !code; i++) {
        const struct fus_part *part = &c->run->parts.items[i];
        int end = opens(c->run, part, next) ? merged_until(c->run, part, next) : 0, *saved = &c->saved[part->category];
        if (end <= *saved)
            continue;
        code = save_piece(c, CATEGORY, part->category, part->opening, end, err);
        if (!code && *saved)
            drop(c, FUS_PIECE_MOMENTS, part->opening, *saved);
        if (!code)
            *saved = end;
    }
    return code;
}

/* Responses first: moments without them would be of no use. */
static int save(struct fus_checkpoint *c, int next, struct fus_error *err)
{
    int code = FUS_OK;
    if (keeps(c) && next > c->responses_end) {
        code = save_piece(c, RESPONSES, 0, c->responses_end, next, err);
        c->responses_end = code ? c->responses_end : next;
    }
    if (!code)
        code = save_categories(c, next, err);
    const struct fus_part *part = next < c->run->end ? fus_parts_find(&c->run->parts, next) : NULL;
    int old_first = c->part_first, old_end = c->part_end;
    if (!code && part && part->first < next) {
        code = save_piece(c, PART, part->category, part->first, next, err);
        c->part_first = part->first, c->part_end = code ? old_end : next;
    } else if (!code)
        c->part_end = 0;
    if (!code && old_end && old_end != c->part_end)
        drop(c, FUS_PIECE_MOMENTS, old_first, old_end);
    return code;
}

int fus_checkpoint_save(struct fus_checkpoint *c, int next, struct fus_error *err)
{
    double start = fus_run_now(), bytes = bytes_to_save(c, next);
    struct fus_error why = {0};
    int code = save(c, next, &why);
    c->last = fus_run_now();
    c->rate = c->last - start > 0.01 ? bytes / (c->last - start) : c->rate;
    if (!code)
        return FUS_OK;
    if (c->run->n_shards || code != FUS_EIO)
        return fus_base_fail(err, code, "%s", why.msg);
    c->off = true;
    fprintf(stderr, "fusiform: warning: %s; going on without checkpoints\n", why.msg);
    return FUS_OK;
}

struct ending {
    struct fus_checkpoint *checkpoint;
    int category, code;
    struct fus_error *err;
};

static void end_parts(void *context)
{
    struct ending *e = context;
    for (int i = 0; i < e->checkpoint->n && !e->code; i++)
        e->code = fus_tally_end_part(e->checkpoint->tallies[i], e->category, e->err);
}

int fus_checkpoint_end_part(struct fus_checkpoint *c, const struct fus_part *part, struct fus_error *err)
{
    int code = FUS_OK;
    if (is_loose(c->run, part)) {
        if (keeps(c) && part->end > c->responses_end) {
            code = save_piece(c, RESPONSES, 0, c->responses_end, part->end, err);
            c->responses_end = part->end;
        }
        if (!code)
            code = save_piece(c, PART, part->category, part->first, part->end, err);
        for (int i = 0; i < c->n; i++)
            fus_tally_clear_part(c->tallies[i]);
        return code;
    }
    struct ending e = {c, part->category, FUS_OK, err};
    fus_threads_run(end_parts, &e); /* one team for all transfers */
    return e.code;
}

/* ---- tidying up ---- */

int fus_checkpoint_tidy(const struct fus_run *run, int model, const bool *decided, struct fus_error *err)
{
    struct fus_pieces pieces = {0};
    const struct fus_run_model *r = &run->models[model];
    char folder[3100];
    fus_keep_folder(folder, sizeof folder, run, model);
    int code = fus_pieces_scan(&pieces, folder, run->digest, false, err);
    for (int i = 0; i < pieces.n && !code; i++) {
        bool wanted = false;
        for (int l = 0; l < r->n_layers; l++)
            for (int k = 0; k < pieces.items[i].n_layers; k++)
                wanted = wanted || (!decided[l] && strcmp(r->taps[l].name, pieces.items[i].layers[k].name) == 0);
        if (!wanted)
            unlink(pieces.items[i].path);
    }
    fus_pieces_free(&pieces);
    return code;
}
