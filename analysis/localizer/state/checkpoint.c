/* SPDX-License-Identifier: MIT */
/* Saving and loading the state of a pass: see checkpoint.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/state/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/run/run_dir.h"
#include "nn/base/threads.h"

#define QUICK_SECONDS 0.3 /* longest save for which a stop waits */
#define LIKELY_RATE 3e8   /* bytes a second, assumed before the first save */
#define SHARE 10          /* saving takes at most one second in so many */

int fus_checkpoint_create(struct fus_checkpoint *c, const struct fus_localizer *run, int model,
                          struct fus_accumulator **accumulators, const char **names, int n, struct fus_error *err)
{
    memset(c, 0, sizeof *c);
    c->run = run;
    c->accumulators = accumulators;
    c->names = names;
    c->n = n;
    c->responses_end = run->pictures.first;
    c->last = fus_run_now();
    c->rate = LIKELY_RATE;
    c->off = !run->options.folder;
    if (!c->off)
        fus_run_dir_model_state(c->folder, run->options.folder, model);
    c->saved = fus_base_alloc((size_t)run->pictures.set.n_categories, sizeof *c->saved);
    return c->saved ? FUS_OK
                    : fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", run->pictures.set.n_categories);
}

void fus_checkpoint_destroy(struct fus_checkpoint *c)
{
    fus_base_free(c->saved);
    c->saved = NULL;
}

/* Whether its category began in an earlier shard, so that this shard cannot merge it. */
static bool is_loose(const struct fus_localizer *run, const struct fus_block *block)
{
    return block->opening < run->pictures.first;
}

/* ---- loading ---- */

/* The first picture without saved responses, counted from the run's first picture on. */
static int responses_until(const struct fus_state_files *files, const struct fus_localizer *run,
                           const char *const *names, int n)
{
    int at = run->pictures.first, i;
    while (at < run->pictures.end && (i = fus_state_file_longest(files, FUS_STATE_RESPONSES, at, names, n)) >= 0)
        at = files->items[i].end;
    return at;
}

int fus_checkpoint_covers(const struct fus_state_files *files, const struct fus_localizer *run,
                          const char *const *names, int n, bool responses)
{
    int end = responses ? responses_until(files, run, names, n) : run->pictures.end, at = run->pictures.first, i;
    while (at < end && (i = fus_state_file_longest(files, FUS_STATE_MOMENTS, at, names, n)) >= 0 &&
           files->items[i].end <= end)
        at = files->items[i].end;
    return at;
}

/* Loads one file of moments into every accumulator. */
static int load_moments(struct fus_checkpoint *c, const struct fus_state_file *p, struct fus_error *err)
{
    const struct fus_block *block = fus_blocks_find(&c->run->pictures.blocks, p->end - 1);
    int code = FUS_OK;
    if (p->end == block->end && is_loose(c->run, block))
        return FUS_OK; /* kept unmerged, for `fusiform merge` */
    for (int i = 0; i < c->n && !code; i++)
        code = fus_accumulator_read_moments(c->accumulators[i], p, c->names[i], p->end == block->end, err);
    if (p->end == block->end)
        c->saved[block->category] = p->end;
    else
        c->block_first = p->first, c->block_end = p->end;
    return code;
}

static int load_responses(struct fus_checkpoint *c, const struct fus_state_file *p, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < c->n && !code; i++)
        if (c->accumulators[i]->keep)
            code = fus_accumulator_read_responses(c->accumulators[i], p, c->names[i], err);
    return code;
}

/* The names of the layers that keep responses, at the front of list [n]. */
static int keeping(const char **list, const struct fus_checkpoint *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        if (c->accumulators[i]->keep)
            list[n++] = c->names[i];
    return n;
}

/* Whether a pass can go on after the file's last picture: in the middle of a block only if it
 * does not add whole blocks. */
static bool suits(const struct fus_checkpoint *c, const struct fus_state_file *p)
{
    return !c->accumulators[0]->by_blocks || fus_blocks_find(&c->run->pictures.blocks, p->end - 1)->end == p->end;
}

/* bad: the file that could not be read, or -1. */
static int load(struct fus_checkpoint *c, int *first, int *bad, const struct fus_state_files *files, const char **kept,
                struct fus_error *err)
{
    int n_kept = keeping(kept, c), end = n_kept ? responses_until(files, c->run, kept, n_kept) : c->run->pictures.end,
        at = c->run->pictures.first, code = FUS_OK;
    *bad = -1;
    while (at < end && !code && (*bad = fus_state_file_longest(files, FUS_STATE_MOMENTS, at, c->names, c->n)) >= 0 &&
           files->items[*bad].end <= end && suits(c, &files->items[*bad])) {
        code = load_moments(c, &files->items[*bad], err);
        at = files->items[*bad].end;
    }
    *first = at;
    int from = c->run->pictures.first;
    while (from < at && n_kept && !code &&
           (*bad = fus_state_file_longest(files, FUS_STATE_RESPONSES, from, kept, n_kept)) >= 0) {
        code = load_responses(c, &files->items[*bad], err);
        from = files->items[*bad].end;
    }
    c->responses_end = from;
    return code;
}

static void start_anew(struct fus_checkpoint *c)
{
    for (int i = 0; i < c->n; i++)
        fus_accumulator_clear(c->accumulators[i]);
    memset(c->saved, 0, (size_t)c->run->pictures.set.n_categories * sizeof *c->saved);
    c->block_end = 0;
    c->responses_end = c->run->pictures.first;
}

int fus_checkpoint_load(struct fus_checkpoint *c, int *first, struct fus_error *err)
{
    struct fus_state_files files = {0};
    const char **kept = fus_base_alloc((size_t)c->n, sizeof *kept);
    int bad, code = kept ? fus_state_file_scan(&files, c->folder, c->run->state.digest, &c->run->notes, err)
                         : fus_base_fail(err, FUS_ENOMEM, "no memory for %d layers", c->n);
    struct fus_error why = {0};
    while (!code && (code = load(c, first, &bad, &files, kept, &why)) == FUS_EFORMAT && bad >= 0) {
        fus_note_say(&c->run->notes, "warning: %s; not used", why.msg);
        unlink(files.items[bad].path);
        fus_state_file_drop(&files, bad);
        start_anew(c);
        code = FUS_OK;
    }
    if (code && why.code)
        fus_base_fail(err, code, "%s", why.msg);
    fus_state_file_free(&files);
    fus_base_free(kept);
    c->last = fus_run_now();
    return code;
}

/* ---- saving ---- */

static void drop(const struct fus_checkpoint *c, enum fus_state_file_kind kind, int first, int end)
{
    char path[4096];
    fus_state_file_path(path, sizeof path, c->folder, kind, first, end, c->names[0]);
    unlink(path);
}

/* The contents of a file for each layer: the category's merged blocks, the current block, or
 * responses. */
enum content { CATEGORY, BLOCK, RESPONSES };

static int write_layer(const struct fus_accumulator *t, enum content what, int category, int first, int end,
                       struct fus_state_file_out *o, struct fus_error *err)
{
    if (what == CATEGORY)
        return fus_accumulator_write_category(t, category, o, err);
    if (what == RESPONSES)
        return fus_accumulator_write_responses(t, first, end, o, err);
    fus_accumulator_write_block(t, o);
    return FUS_OK;
}

static int save_file(struct fus_checkpoint *c, enum content what, int category, int first, int end,
                     struct fus_error *err)
{
    struct fus_state_file file = {.kind = what == RESPONSES ? FUS_STATE_RESPONSES : FUS_STATE_MOMENTS,
                                  .first = first,
                                  .end = end,
                                  .n_halves = fus_accumulator_count_halves(c->accumulators[0], first, end),
                                  .n_moments = c->accumulators[0]->n_moments};
    struct fus_state_file_out o;
    file.layers = fus_base_alloc((size_t)c->n, sizeof *file.layers);
    if (!file.layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %d layers", c->n);
    for (int i = 0; i < c->n; i++) {
        const struct fus_accumulator *t = c->accumulators[i];
        struct fus_state_file_layer *l = &file.layers[file.n_layers];
        if (what == RESPONSES && !t->keep)
            continue;
        snprintf(l->name, sizeof l->name, "%s", c->names[i]);
        l->channels = t->channels;
        l->n_places = t->n_places;
        file.n_layers++;
    }
    int code = fus_state_file_begin(&o, c->folder, c->run->state.digest, &file, err);
    fus_base_free(file.layers);
    if (code)
        return code;
    for (int i = 0; i < c->n && !code; i++)
        if (what != RESPONSES || c->accumulators[i]->keep)
            code = write_layer(c->accumulators[i], what, category, first, end, &o, err);
    if (!code)
        return fus_state_file_commit(&o, err);
    fus_state_file_discard(&o);
    return code;
}

static bool keeps(const struct fus_checkpoint *c)
{
    bool any = false;
    for (int i = 0; i < c->n; i++)
        any = any || c->accumulators[i]->keep;
    return any;
}

/* Bytes of the moments of one category, and of the responses to one picture. */
static double category_bytes(const struct fus_checkpoint *c)
{
    double bytes = 0;
    for (int i = 0; i < c->n; i++)
        bytes += (double)c->accumulators[i]->n_moments * sizeof(double) * c->accumulators[i]->n_halves *
                 (double)c->accumulators[i]->blocked_units;
    return bytes;
}

static double row_bytes(const struct fus_checkpoint *c)
{
    double bytes = 0;
    for (int i = 0; i < c->n; i++)
        bytes += c->accumulators[i]->keep ? (double)c->accumulators[i]->n_units * sizeof(float) : 0;
    return bytes;
}

/* The end of the last block of block->category that is finished before picture `next`; 0: none. */
static int merged_until(const struct fus_localizer *run, const struct fus_block *block, int next)
{
    int end = 0;
    for (int i = 0; i < run->pictures.blocks.n; i++)
        if (run->pictures.blocks.items[i].category == block->category && run->pictures.blocks.items[i].end <= next)
            end = run->pictures.blocks.items[i].end;
    return end;
}

/* Whether the block is a category's first one in this shard and has begun before `next`, so that
 * its category must be saved. */
static bool opens(const struct fus_localizer *run, const struct fus_block *block, int next)
{
    return block->first == block->opening && block->first >= run->pictures.first && block->first < next;
}

static double bytes_to_save(const struct fus_checkpoint *c, int next)
{
    double each = category_bytes(c), bytes = each + row_bytes(c) * (next - c->responses_end);
    for (int i = 0; i < c->run->pictures.blocks.n; i++) {
        const struct fus_block *block = &c->run->pictures.blocks.items[i];
        bytes += opens(c->run, block, next) && merged_until(c->run, block, next) > c->saved[block->category] ? each : 0;
    }
    return bytes;
}

bool fus_checkpoint_due(const struct fus_checkpoint *c, int next)
{
    double since = fus_run_now() - c->last, interval = (double)c->run->options.checkpoint;
    if (c->off)
        return false;
    if (fus_run_stopping(c->run))
        return since > 1 && bytes_to_save(c, next) / c->rate < QUICK_SECONDS;
    return since >= interval && (interval == 0 || since >= SHARE * bytes_to_save(c, next) / c->rate);
}

static int save_categories(struct fus_checkpoint *c, int next, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < c->run->pictures.blocks.n && !code; i++) {
        const struct fus_block *block = &c->run->pictures.blocks.items[i];
        int end = opens(c->run, block, next) ? merged_until(c->run, block, next) : 0,
            *saved = &c->saved[block->category];
        if (end <= *saved)
            continue;
        code = save_file(c, CATEGORY, block->category, block->opening, end, err);
        if (!code && *saved)
            drop(c, FUS_STATE_MOMENTS, block->opening, *saved);
        if (!code)
            *saved = end;
    }
    return code;
}

/* Responses first, since moments without them are useless. */
static int save(struct fus_checkpoint *c, int next, struct fus_error *err)
{
    int code = FUS_OK;
    if (keeps(c) && next > c->responses_end) {
        code = save_file(c, RESPONSES, 0, c->responses_end, next, err);
        c->responses_end = code ? c->responses_end : next;
    }
    if (!code)
        code = save_categories(c, next, err);
    const struct fus_block *block =
        next < c->run->pictures.end ? fus_blocks_find(&c->run->pictures.blocks, next) : NULL;
    int old_first = c->block_first, old_end = c->block_end;
    if (!code && block && block->first < next) {
        code = save_file(c, BLOCK, block->category, block->first, next, err);
        c->block_first = block->first, c->block_end = code ? old_end : next;
    } else if (!code)
        c->block_end = 0;
    if (!code && old_end && old_end != c->block_end)
        drop(c, FUS_STATE_MOMENTS, old_first, old_end);
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
    if (c->run->options.n_shards || code != FUS_EIO)
        return fus_base_fail(err, code, "%s", why.msg);
    c->off = true;
    fus_note_say(&c->run->notes, "warning: %s; going on without checkpoints", why.msg);
    return FUS_OK;
}

struct ending {
    struct fus_checkpoint *checkpoint;
    const struct fus_block *block;
    int code;
    struct fus_error *err;
};

static void end_blocks(void *context)
{
    struct ending *e = context;
    for (int i = 0; i < e->checkpoint->n && !e->code; i++)
        e->code = fus_accumulator_end_block(e->checkpoint->accumulators[i], e->block, e->err);
}

int fus_checkpoint_end_block(struct fus_checkpoint *c, const struct fus_block *block, struct fus_error *err)
{
    int code = FUS_OK;
    if (is_loose(c->run, block)) {
        if (keeps(c) && block->end > c->responses_end) {
            code = save_file(c, RESPONSES, 0, c->responses_end, block->end, err);
            c->responses_end = block->end;
        }
        if (!code)
            code = save_file(c, BLOCK, block->category, block->first, block->end, err);
        for (int i = 0; i < c->n; i++)
            fus_accumulator_clear_block(c->accumulators[i]);
        return code;
    }
    struct ending e = {c, block, FUS_OK, err};
    fus_threads_run(end_blocks, &e); /* one start of the threads for all transfers */
    return e.code;
}

/* ---- tidying up ---- */

int fus_checkpoint_tidy(const struct fus_localizer *run, int model, const bool *decided, struct fus_error *err)
{
    struct fus_state_files files = {0};
    const struct fus_run_model *r = &run->models[model];
    char folder[FUS_RUN_DIR_PATH];
    fus_run_dir_model_state(folder, run->options.folder, model);
    int code = fus_state_file_scan(&files, folder, run->state.digest, &run->notes, err);
    for (int i = 0; i < files.n && !code; i++) {
        bool wanted = false;
        for (int l = 0; l < r->n_layers; l++)
            for (int k = 0; k < files.items[i].n_layers; k++)
                wanted = wanted || (!decided[l] && strcmp(r->taps[l].name, files.items[i].layers[k].name) == 0);
        if (!wanted)
            unlink(files.items[i].path);
    }
    fus_state_file_free(&files);
    return code;
}
