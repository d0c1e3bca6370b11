/* SPDX-License-Identifier: MIT */
/* One model over all pictures: its responses are added to the moments of every layer
 * (accumulator.h), then the units of each layer are tested (decide.c). */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/explain_pass.h"
#include "analysis/localizer/run.h"
#include "analysis/localizer/second_set.h"
#include "analysis/localizer/state/checkpoint.h"
#include "analysis/localizer/state/layer_result.h"
#include "analysis/localizer/state/work_dir.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/run_write.h"
#include "nn/base/threads.h"

/* The layers of one pass over the pictures: as many as --max-memory allows. */
struct pass {
    struct fus_localizer *run;
    struct fus_run_model *log;
    int number; /* of the model in the run */
    struct fus_model *model;
    size_t budget;                        /* bytes for moments and responses while pictures are shown */
    size_t deciding;                      /* and afterwards */
    bool *wanted;                         /* [n_taps] of this pass */
    struct fus_accumulator *accumulators; /* [n_taps] */
    struct fus_accumulator **here;        /* [n_here] those of this pass, and their names */
    const char **names;
    int n_here;
    struct fus_checkpoint checkpoint;
    struct fus_scratch_file scratch;
    struct fus_accumulator_spare spare;
    float *input; /* [batch, 3, side, side] */
    float *row;   /* a picture of the largest layer whose responses go to the scratch file */
    bool outside; /* a layer's moments go there */
    int first;    /* picture number of the batch's first one */
    int code;     /* of showing the pictures */
    struct fus_error *err;
};

/* Where threads share out pictures, sums wait until all of the batch were seen: their order is the
 * pictures'. */
static int on_batch(void *context, int tap, int first, int n, float *blocked)
{
    struct pass *p = context;
    const struct fus_accumulator *t = &p->accumulators[tap];
    if (t->shown) {
        size_t floats = t->blocked_units;
        memcpy(t->shown + (size_t)first * floats, blocked, (size_t)n * floats * sizeof *blocked);
        return FUS_OK;
    }
    double start = fus_run_now();
    int code = fus_accumulator_add(&p->accumulators[tap], p->first + first, n, blocked, p->row, p->err);
    if (p->run->explain)
        fus_explain_pass_see(p->run, p->first + first, n, blocked);
    p->log->statistics_seconds += fus_run_now() - start;
    return code;
}

/* Decodes and preprocesses the i-th picture shown and stores it in the batch. */
static int prepare(void *context, int i, struct fus_error *err)
{
    const struct pass *p = context;
    return fus_cache_input(p->input + (size_t)(i - p->first) * p->model->input_floats, p->run->pictures.cache,
                           &p->run->pictures.set, p->run->pictures.blocks.order[i], &p->model->preprocess,
                           (const char(*)[65])p->run->pictures.sha256, err);
}

/* The responses in `shown` to a batch of n. */
struct adding {
    struct pass *pass;
    int n, code; /* code: of the last layer added */
};

static void add_shown(void *context, int layer, int thread)
{
    struct adding *a = context;
    struct pass *p = a->pass;
    struct fus_accumulator *t = p->here[layer];
    (void)thread;
    int code = fus_accumulator_add(t, p->first, a->n, t->shown, p->row, p->err);
    if (p->run->explain)
        fus_explain_pass_see(p->run, p->first, a->n, t->shown);
    if (p->row || p->outside)
        a->code = code;
}

/* A thread a layer, unless they write to the scratch file. Only then can it fail. */
static int add_all_shown(struct pass *p, int n)
{
    struct adding a = {p, n, FUS_OK};
    double start = fus_run_now();
    bool alone = p->row || p->outside;
    if (!alone)
        fus_threads_for(p->n_here, add_shown, &a);
    for (int i = 0; alone && i < p->n_here && !a.code; i++)
        add_shown(&a, i, 0);
    p->log->statistics_seconds += fus_run_now() - start;
    return a.code;
}

static int see_batch(struct pass *p, int n, struct fus_error *err)
{
    double start = fus_run_now(), statistics = p->log->statistics_seconds;
    int code = fus_set_each(p->first, p->first + n, prepare, p, err);
    double prepared = fus_run_now();
    if (!code)
        code = fus_net_forward(p->model->net, p->input, n, p->wanted, NULL, NULL, err);
    if (!code && fus_net_is_apart(p->model->net))
        code = add_all_shown(p, n);
    p->log->decode_seconds += prepared - start;
    p->log->forward_seconds += fus_run_now() - prepared - (p->log->statistics_seconds - statistics);
    return code;
}

/* Shows pictures first .. end-1 again, one by one, to name the first layer of the network whose
 * response is not finite. */
static int find_bad_layer(struct pass *p, int first, int end, struct fus_error *err)
{
    char name[1024];
    int code = FUS_OK;
    for (p->first = first; p->first < end && !code; p->first++) {
        fus_run_write_picture_name(name, &p->run->pictures.set, p->run->pictures.blocks.order[p->first]);
        code = prepare(p, p->first, err);
        if (!code)
            code = fus_model_find_bad_layer(p->model, p->input, name, err);
    }
    return code;
}

/* Checks that every layer's responses to pictures first .. end-1 are finite. */
static int check_responses(struct pass *p, int first, int end, struct fus_error *err)
{
    const struct fus_localizer *run = p->run;
    char name[1024];
    for (int i = 0; i < p->n_here; i++)
        if (!fus_accumulator_is_finite(p->here[i])) {
            int code = find_bad_layer(p, first, end, err);
            if (code)
                return code;
            fus_run_write_picture_name(name, &run->pictures.set, run->pictures.blocks.order[first]);
            return fus_base_fail(err, FUS_EFORMAT,
                                 "%s: layer %s answers one of %d pictures from %s on with NaN or infinity: its weights "
                                 "are too large, or damaged",
                                 fus_store_path(p->model->store), p->names[i], end - first, name);
        }
    return FUS_OK;
}

/* Whether batches consist of whole blocks. */
static bool by_blocks(const struct pass *p)
{
    return fus_memory_by_blocks(p->run, p->log->batch);
}

/* The end of the batch that begins with p->first: that of a block, or within it. */
static int batch_end(const struct pass *p)
{
    const struct fus_blocks *blocks = &p->run->pictures.blocks;
    const struct fus_block *block = fus_blocks_find(blocks, p->first), *last = blocks->items + blocks->n;
    int most = p->first + p->log->batch, end = block->end < most ? block->end : most;
    for (block++; by_blocks(p) && block < last && block->end <= most; block++)
        end = block->end;
    return end;
}

/* After the pictures up to `end`: what is to be done if a block ends there. */
static int end_block(struct pass *p, int end, struct fus_error *err)
{
    const struct fus_block *block = fus_blocks_find(&p->run->pictures.blocks, end - 1);
    double start = fus_run_now();
    if (block->end > end)
        return FUS_OK;
    int code = check_responses(p, by_blocks(p) ? p->first : block->first, end, err);
    if (!code && !by_blocks(p))
        code = fus_checkpoint_end_block(&p->checkpoint, block, err);
    p->log->statistics_seconds += fus_run_now() - start;
    return code;
}

/* Batches end at the ends of blocks: all pictures of a batch are of one block, or of whole
 * blocks. */
static void see_batches(void *context)
{
    struct pass *p = context;
    const struct fus_localizer *run = p->run;
    struct fus_error *err = p->err;
    int code = FUS_OK, begun = p->first;
    char what[192];
    double started = fus_run_now();
    snprintf(what, sizeof what, "%s%s, pass %d, %d layer%s", p->log->name, run->first ? ", second set" : "",
             p->log->n_passes, p->n_here, p->n_here > 1 ? "s" : "");
    while (p->first < run->pictures.end && !code) {
        int next = batch_end(p);
        code = see_batch(p, next - p->first, err);
        if (!code)
            code = end_block(p, next, err);
        if (!code)
            p->first = next;
        if (!code && fus_checkpoint_due(&p->checkpoint, next))
            code = fus_checkpoint_save(&p->checkpoint, next, err);
        fus_run_progress(run, what, "pictures", p->first - begun, run->pictures.end - begun, started);
        if (code == FUS_ESTOPPED || (!code && fus_run_stopping(run)))
            code = fus_base_fail(err, FUS_ESTOPPED, "stopped at picture %d of %d of model %s",
                                 p->first - run->pictures.first, run->pictures.end - run->pictures.first, p->log->name);
    }
    p->code = code;
}

static int see_pictures(struct pass *p)
{
    p->input = fus_base_alloc((size_t)p->log->batch * p->model->input_floats, sizeof *p->input);
    if (!p->input)
        return fus_base_fail(p->err, FUS_ENOMEM, "no memory for a batch of %d pictures", p->log->batch);
    fus_threads_run(see_batches, p); /* one start of the threads for all pictures */
    fus_base_free(p->input);
    return p->code;
}

/* Whether so many more bytes fit the budget, during the pass and during the tests. */
static bool fits(const struct pass *p, size_t used, size_t held, size_t bytes)
{
    return used <= p->budget && bytes <= p->budget - used && held <= p->deciding && bytes <= p->deciding - held;
}

/* Of a layer's responses to a batch, kept until they are added. */
static size_t shown_bytes(const struct pass *p, const struct fus_accumulator *t)
{
    return fus_net_is_apart(p->model->net) ? (size_t)p->log->batch * t->blocked_units * sizeof *t->shown : 0;
}

/* Creates the accumulators, with as much in memory as there is room for: first one half of a
 * category of each layer, then, layer by layer, all categories and responses. used: bytes of the
 * budget already taken. */
static int create_accumulators(struct pass *p, size_t used, struct fus_error *err)
{
    size_t kept_until_tests = 0, row = 0, *held = fus_base_alloc((size_t)p->n_here + 1, sizeof *held);
    int code = held ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a list of %d layers", p->n_here);
    for (int i = 0; i < p->n_here && !code; i++) {
        size_t bytes = fus_accumulator_held_bytes(p->here[i]);
        held[i] = used <= p->budget && bytes <= p->budget - used ? bytes : 0;
        used += held[i];
    }
    for (int i = 0; i < p->n_here && !code; i++) {
        struct fus_accumulator *t = p->here[i];
        size_t more = fus_accumulator_more_bytes(t), kept = fus_accumulator_response_bytes(t);
        bool all = fits(p, used - held[i], kept_until_tests, more);
        used += all ? more - held[i] : 0, kept_until_tests += all ? more : 0;
        bool inside = fits(p, used, kept_until_tests, kept);
        used += inside ? kept : 0, kept_until_tests += inside ? kept : 0;
        row = t->keep && !inside && t->n_units > row ? t->n_units : row;
        p->outside = p->outside || !all;
        code = fus_accumulator_create(t,
                                      all       ? FUS_ACCUMULATOR_ALL
                                      : held[i] ? FUS_ACCUMULATOR_HELD
                                                : FUS_ACCUMULATOR_NONE,
                                      inside, err);
        if (!code && shown_bytes(p, t) && !(t->shown = fus_base_aligned(shown_bytes(p, t), 1)))
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for the responses to %d pictures", p->log->batch);
    }
    if (!code && row && !(p->row = fus_base_aligned(row, sizeof *p->row)))
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for the responses to a picture");
    fus_base_free(held);
    return code;
}

/* Taps from *tap on that fit the budget together (one at least) with the least each needs, none
 * beyond the last wanted. */
static int fill_pass(struct pass *p, const bool *wanted, int *tap, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(p->model->net);
    size_t used = 0;
    memset(p->wanted, 0, (size_t)n_taps * sizeof *p->wanted);
    memset(p->scratch.size, 0, sizeof p->scratch.size);
    p->n_here = 0;
    p->outside = false;
    for (; *tap < n_taps; ++*tap) {
        struct fus_accumulator *t = &p->accumulators[*tap];
        if (!wanted[*tap])
            continue;
        const struct fus_tap *layer = fus_net_tap(p->model->net, *tap);
        fus_accumulator_plan(t, &p->run->pictures.set, &p->run->pictures.blocks, &p->scratch, layer,
                             p->run->options.halves, fus_run_keeps_third(p->run),
                             fus_run_keeps_tap(p->run, p->number, layer));
        t->by_blocks = by_blocks(p);
        t->spare = fus_run_resamples(p->run) ? NULL : &p->spare; /* resampling takes the memory of the moments */
        size_t bytes = fus_accumulator_least_bytes(t) + shown_bytes(p, t);
        if (p->n_here && (bytes > p->budget || used > p->budget - bytes))
            break;
        p->wanted[*tap] = true;
        p->here[p->n_here] = t;
        p->names[p->n_here++] = fus_net_tap(p->model->net, *tap)->name;
        used += bytes;
    }
    int code = create_accumulators(p, used, err);
    uint64_t bytes = 0;
    for (int i = 0; i < FUS_SCRATCH_FILES; i++)
        bytes += p->scratch.size[i];
    p->log->scratch_bytes = bytes > p->log->scratch_bytes ? bytes : p->log->scratch_bytes;
    return code;
}

/* Index of a layer in the run's list, which does not depend on the pass. */
static int layer_of(const struct fus_run_model *r, const char *name)
{
    int i = 0;
    while (strcmp(r->taps[i].name, name) != 0)
        i++;
    return i;
}

/* Tests one layer of the pass after another and saves each result at once. */
static int decide_all(struct pass *p, int model, bool *decided, struct fus_error *err)
{
    double start = fus_run_now();
    int code = FUS_OK;
    for (int i = 0; i < p->n_here && !code; i++)
        code = fus_accumulator_finish(p->here[i], err);
    for (int i = 0; i < p->n_here && !code; i++) {
        int layer = layer_of(p->log, p->names[i]);
        if (fus_run_stopping(p->run))
            return fus_base_fail(err, FUS_ESTOPPED, "stopped before deciding on %s of model %s", p->names[i],
                                 p->log->name);
        code = p->run->first     ? fus_second_set_decide(p->run, model, layer, p->here[i], err)
               : p->run->explain ? fus_explain_pass_decide(p->run, layer, p->here[i], err)
                                 : fus_decide_layer(p->run, model, layer, p->here[i], err);
        decided[layer] = !code;
        if (!code && p->run->options.folder)
            fus_layer_result_write(p->run, model, layer, NULL); /* if it fails, the layer is computed again on resume */
        fus_accumulator_destroy(p->here[i]);
        fus_run_progress(p->run, p->log->name, "layers decided on", i + 1, p->n_here, start);
    }
    p->log->decide_seconds += fus_run_now() - start;
    return code;
}

/* One pass: loads saved state, shows the remaining pictures and tests the layers; a shard only
 * accumulates moments. */
static int make_pass(struct pass *p, int model, bool *decided, struct fus_error *err)
{
    const struct fus_localizer *run = p->run;
    int code = fus_checkpoint_create(&p->checkpoint, run, model, p->here, p->names, p->n_here, err);
    p->first = run->pictures.first;
    if (!code && run->options.resume)
        code = fus_checkpoint_load(&p->checkpoint, &p->first, err);
    if (!code)
        p->log->n_passes++, code = see_pictures(p);
    fus_net_release(p->model->net); /* until the next pass; the tests need the memory */
    if (!code && run->options.n_shards)
        code = fus_checkpoint_save(&p->checkpoint, run->pictures.end, err);
    if (!code && !run->options.n_shards)
        code = decide_all(p, model, decided, err);
    fus_base_free(p->spare.values);
    p->spare = (struct fus_accumulator_spare){NULL, 0};
    if (!code && !run->options.n_shards && run->options.folder)
        code = fus_checkpoint_tidy(run, model, decided, err);
    fus_checkpoint_destroy(&p->checkpoint);
    return code;
}

static int run_passes(struct pass *p, const bool *wanted, int model, bool *decided, struct fus_error *err)
{
    int n_taps = fus_net_n_taps(p->model->net), code = FUS_OK;
    for (int tap = 0; tap < n_taps && !code;) {
        code = fill_pass(p, wanted, &tap, err);
        if (!code && p->n_here)
            code = make_pass(p, model, decided, err);
        for (int i = 0; i < p->n_here; i++)
            fus_accumulator_destroy(p->here[i]);
        fus_base_free(p->row);
        p->row = NULL;
    }
    fus_scratch_file_close(&p->scratch);
    return code;
}

/* Layers still to be measured: all except finished ones and, in a shard, those that have seen all
 * its pictures. */
static int choose_layers(bool *wanted, bool *decided, struct fus_localizer *run, int model, const struct fus_model *m,
                         struct fus_error *err)
{
    struct fus_run_model *r = &run->models[model];
    struct fus_state_files files = {0};
    char folder[FUS_RUN_DIR_PATH];
    int code = FUS_OK;
    if (run->options.resume) {
        fus_run_dir_model_state(folder, run->options.folder, model);
        code = fus_state_file_scan(&files, folder, run->state.digest, &run->notes, err);
    }
    for (int i = 0; i < r->n_layers && !code; i++) {
        const char *name = r->taps[i].name;
        decided[i] = run->options.resume && !run->options.n_shards && fus_layer_result_read(run, model, i);
        bool covered = run->options.resume && run->options.n_shards &&
                       fus_checkpoint_covers(&files, run, &name, 1, fus_run_keeps_tap(run, model, &r->taps[i])) ==
                           run->pictures.end;
        wanted[fus_net_find_tap(m->net, name, NULL)] = !decided[i] && !covered;
    }
    fus_state_file_free(&files);
    return code;
}

static const char *scratch_folder(const struct fus_localizer *run)
{
    const char *folder = (run->first ? run->first : run)->options.folder;
    return folder ? folder : "/tmp";
}

int fus_measure_model(struct fus_localizer *run, int model, struct fus_error *err)
{
    struct fus_run_model *log = &run->models[model];
    struct fus_model *m;
    double start = fus_run_now();
    int code = fus_models_open(&m, run, model, err);
    if (code)
        return code;
    log->net_bytes = fus_net_bytes(m->net);
    snprintf(log->isa, sizeof log->isa, "%s", fus_net_isa(m->net));
    size_t n_taps = (size_t)fus_net_n_taps(m->net);
    struct pass p = {
        .run = run, .log = log, .number = model, .model = m, .err = err, .scratch = {.folder = scratch_folder(run)}};
    fus_memory_plan(&p.budget, &p.deciding, run, log);
    run->summary.models[model].n_layers = log->n_layers;
    bool *wanted = fus_base_alloc(n_taps, sizeof *wanted), *decided = fus_base_alloc(n_taps, sizeof *decided);
    p.wanted = fus_base_alloc(n_taps, sizeof *p.wanted);
    p.accumulators = fus_base_alloc(n_taps, sizeof *p.accumulators);
    p.here = fus_base_alloc(n_taps, sizeof *p.here);
    p.names = fus_base_alloc(n_taps, sizeof *p.names);
    code = wanted && decided && p.wanted && p.accumulators && p.here && p.names
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    if (!code)
        code = fus_models_choose_reference(run, model, err);
    if (!code)
        code = choose_layers(wanted, decided, run, model, m, err);
    fus_net_watch(m->net, on_batch, &p);
    if (!code)
        code = run_passes(&p, wanted, model, decided, err);
    if (!code && log->n_passes && (code = fus_models_check_unchanged(run, model, err)) != FUS_OK && run->options.folder)
        fus_work_dir_forget(run, model);
    fus_base_free(wanted);
    fus_base_free(decided);
    fus_base_free(p.wanted);
    fus_base_free(p.accumulators);
    fus_base_free(p.here);
    fus_base_free(p.names);
    fus_model_close(m);
    fus_base_free(m);
    log->seconds = fus_run_now() - start;
    return code;
}
