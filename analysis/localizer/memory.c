/* SPDX-License-Identifier: MIT */
/* How a run stays within --max-memory: the batch of each network, and the budget of the
 * statistics.
 *
 * During a pass, memory holds the network, cached pictures, and at least one block's moments of
 * each layer, unless whole blocks are added at once. Afterwards the network is released, and one
 * layer after another is tested, with all its moments. BASE is an allowance for the program
 * itself, the picture being decoded, and files being written. */
#include <stdio.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/run.h"

#define BASE ((size_t)12 << 20)
#define UNIT_BYTES 32 /* a unit's label, p, q and t while its layer is tested */

static size_t less(size_t bytes, size_t by)
{
    return bytes > by ? bytes - by : 0;
}

/* The units of the largest requested layer, in the blocked layout. */
static size_t largest_layer(const struct fus_run_model *r)
{
    size_t most = 0;
    for (int i = 0; i < r->n_layers; i++) {
        size_t n = fus_tensor_blocked_size(r->taps[i].channels, (size_t)r->taps[i].height * (size_t)r->taps[i].width);
        most = n > most ? n : most;
    }
    return most;
}

static int n_halves(const struct fus_localizer *run)
{
    return run->options.halves ? 2 : 1;
}

/* A shard keeps blocks of a category that begins in another one. */
bool fus_memory_by_blocks(const struct fus_localizer *run, int batch)
{
    return !run->options.n_shards && batch >= fus_blocks_largest(&run->pictures.blocks);
}

/* The moments of one block in so many units, if they are held. */
static size_t block_bytes(const struct fus_localizer *run, size_t n_units, int batch)
{
    return fus_memory_by_blocks(run, batch) ? 0 : fus_moments_bytes(1, n_units, fus_run_keeps_third(run));
}

/* The responses of so many units to a batch, if they are kept. */
static size_t shown_bytes(const struct fus_run_model *r, size_t n_units)
{
    return (size_t)r->n_shown * n_units * sizeof(float);
}

/* During a pass: the network, one block's moments of the largest layer and its responses. */
static size_t showing_bytes(const struct fus_localizer *run, const struct fus_run_model *r, size_t net_bytes, int batch)
{
    return BASE + net_bytes + shown_bytes(r, largest_layer(r)) + block_bytes(run, largest_layer(r), batch);
}

static size_t deciding_bytes(const struct fus_localizer *run, size_t n_units)
{
    int n_groups = n_halves(run) * run->pictures.set.n_categories;
    return fus_moments_bytes(n_groups, n_units, fus_run_keeps_third(run)) + UNIT_BYTES * n_units;
}

/* During a pass over all layers at once. */
static size_t whole_bytes(const struct fus_localizer *run, const struct fus_run_model *r, size_t net_bytes, int batch)
{
    size_t units = 0;
    for (int i = 0; i < r->n_layers; i++)
        units += fus_tensor_blocked_size(r->taps[i].channels, (size_t)r->taps[i].height * (size_t)r->taps[i].width);
    return BASE + net_bytes + shown_bytes(r, units) + block_bytes(run, units, batch);
}

/* The network with a batch, not yet allocated. */
static int open_with(struct fus_run_model *r, struct fus_model *m, struct fus_net_options *options, int batch, bool low,
                     struct fus_error *err)
{
    options->batch = options->apart = batch;
    options->low_memory = low;
    options->resting = true;
    fus_net_destroy(m->net);
    m->net = NULL;
    int code = fus_net_create(&m->net, &m->spec, options, fus_store_lookup, m->store, err);
    r->n_shown = !code && fus_net_is_apart(m->net) ? batch : 0;
    return code;
}

int fus_memory_choose(struct fus_run_model *r, const struct fus_localizer *run, struct fus_model *m,
                      struct fus_net_options *options, struct fus_error *err)
{
    static const struct {
        int batch;
        bool low;
    } tries[] = {{16, false}, {4, false}, {1, false}, {4, true}, {1, true}};
    size_t n = sizeof tries / sizeof *tries;
    int code = FUS_OK;
    bool fits = false;
    /* A smaller batch costs less than a second pass, and so does decoding pictures again. A larger
     * one pays where threads share out pictures: then they wait for each other once in a batch. */
    for (int batch = 32; batch >= 4 && !fits && !code && !run->options.batch && !run->options.low_memory; batch /= 2) {
        code = open_with(r, m, options, batch, false, err);
        size_t bytes = code ? 0 : whole_bytes(run, r, fus_net_bytes(m->net), batch);
        fits = !code && (batch <= 16 || r->n_shown) && bytes <= run->options.max_memory;
        r->whole_bytes = fits ? bytes : 0;
    }
    for (size_t i = 0; i < n && !fits && !code; i++) {
        if ((run->options.low_memory && !tries[i].low) ||
            (run->options.batch && i + 1 < n && tries[i].low == tries[i + 1].low))
            continue; /* the user has chosen */
        code = open_with(r, m, options, run->options.batch ? run->options.batch : tries[i].batch, tries[i].low, err);
        fits = !code && showing_bytes(run, r, fus_net_bytes(m->net), options->batch) <= run->options.max_memory;
    }
    options->resting = false;
    r->batch = options->batch;
    r->low_memory = options->low_memory;
    if (!code)
        r->net_bytes = fus_net_bytes(m->net);
    return code;
}

size_t fus_memory_cache_bytes(const struct fus_localizer *run)
{
    size_t most = 0;
    if (run->first) /* the memory is the first set's; the pictures of the second are decoded again */
        return 0;
    for (int i = 0; i < run->n_models; i++) {
        const struct fus_run_model *r = &run->models[i];
        size_t bytes = r->whole_bytes ? r->whole_bytes : showing_bytes(run, r, r->net_bytes, r->batch);
        most = bytes > most ? bytes : most;
    }
    size_t left = less(run->options.max_memory, most);
    return left < run->options.max_memory / 8 ? left : run->options.max_memory / 8;
}

void fus_memory_plan(size_t *showing, size_t *deciding, const struct fus_localizer *run, const struct fus_run_model *r)
{
    size_t taken = BASE + fus_cache_bytes((run->first ? run->first : run)->pictures.cache), largest = largest_layer(r);
    *showing = less(less(run->options.max_memory, taken), r->net_bytes);
    *deciding = less(less(run->options.max_memory, taken), deciding_bytes(run, largest));
}

void fus_memory_warn(struct fus_localizer *run)
{
    for (int i = 0; i < run->n_models; i++) {
        struct fus_run_model *r = &run->models[i];
        size_t showing = showing_bytes(run, r, r->net_bytes, r->batch),
               deciding = BASE + deciding_bytes(run, largest_layer(r));
        r->least_bytes = showing > deciding ? showing : deciding;
        if (r->least_bytes > run->options.max_memory)
            fus_note_say(&run->notes,
                         "warning: --max-memory %zuM cannot be kept: %s with its largest layer needs about %zuM; going "
                         "on with that",
                         run->options.max_memory >> 20, r->name, (r->least_bytes >> 20) + 1);
    }
}
