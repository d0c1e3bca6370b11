/* SPDX-License-Identifier: MIT */
/* The loop: batches in the order drawn for the epoch, gradients, updates, and the held-out pictures
 * at the end of each epoch. */
#include "analysis/train/work.h"

#include <math.h>
#include <string.h>

/* ---- a step ---- */

/* The words of the batch's texts, one text after another. */
static int gather_words(struct fus_work *w, const int *items, int n, uint64_t epoch, struct fus_error *err)
{
    const struct fus_bags *b = &w->targets.side[0].bags;
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t text = fus_targets_text(&w->targets, 0, items[i], epoch, false),
               length = b->start[text + 1] - b->start[text];
        if (at + length > w->cap_words) {
            size_t cap = 2 * (at + length);
            int *more = fus_base_resize(w->words, cap, sizeof *more);
            if (!more)
                return fus_work_no_memory(err);
            w->words = more;
            w->cap_words = cap;
        }
        w->word_start[i] = (int)at;
        memcpy(w->words + at, b->words + b->start[text], length * sizeof *w->words);
        at += length;
    }
    w->word_start[n] = (int)at;
    return FUS_OK;
}

static int make_batch(struct fus_train_batch *b, struct fus_work *w, struct fus_error *err)
{
    long epoch = w->step / w->steps_per_epoch, k = w->step % w->steps_per_epoch * w->o->batch;
    if (w->ordered != epoch) {
        fus_feed_order(w->order, &w->feed, (uint64_t)epoch);
        w->ordered = epoch;
    }
    const int *items = w->order + k;
    int n = w->feed.n_train - k < w->o->batch ? (int)(w->feed.n_train - k) : w->o->batch;
    *b = (struct fus_train_batch){.n = n, .input = w->input, .label = w->classes ? w->label : NULL};
    int code = fus_feed_batch(w->input, &w->feed, items, n, (uint64_t)epoch, true, err);
    for (int i = 0; i < n; i++)
        w->label[i] = w->feed.label[items[i]];
    if (code || !w->has_targets)
        return code;
    if (w->o->contrastive) {
        b->words = w->words;
        b->word_start = w->word_start;
        code = gather_words(w, items, n, (uint64_t)epoch, err);
        b->words = w->words;
        return code;
    }
    b->target = w->target;
    for (int i = 0; i < n; i++)
        memcpy(w->target + (size_t)i * (size_t)w->targets.dim,
               fus_targets_row(&w->targets, 0, items[i], (uint64_t)epoch, false),
               (size_t)w->targets.dim * sizeof *w->target);
    return FUS_OK;
}

/* One significant digit of x, rounded down: 0.23 is 0.2. */
static double one_digit(double x)
{
    double unit = 1;
    while (x * unit < 1 && unit < 1e12)
        unit *= 10;
    while (x * unit >= 10 && unit > 1e-30)
        unit /= 10;
    return floor(x * unit + 1e-9) / unit;
}

static int diverged(const struct fus_work *w, double rate, struct fus_error *err)
{
    double largest;
    const char *name = fus_train_worst(w->net, &largest);
    char good[60] = "no state yet";
    if (w->saved_step)
        snprintf(good, sizeof good, "last good state: step %ld", w->saved_step);
    return fus_base_fail(
        err, FUS_EFORMAT,
        "step %ld: loss is not finite; largest gradient %s %.2g, rate %g; %s; try --lr %g or --clip-norm 1",
        w->step + 1, name, largest, rate, good, one_digit(w->o->rate / 4));
}

static int do_step(struct fus_work *w, struct fus_error *err)
{
    struct fus_train_batch b;
    struct fus_train_result r;
    double rate = fus_schedule_rate(&w->rate, w->step), heads = fus_schedule_rate(&w->rate_heads, w->step);
    int code = make_batch(&b, w, err);
    if (!code)
        code = fus_train_gradients(w->net, &r, &b, err);
    if (code)
        return code;
    double norm = fus_train_norm(w->net);
    if (!isfinite(r.loss) || !isfinite(norm))
        return diverged(w, rate, err);
    fus_train_update(w->net, rate, heads);
    w->sums.loss += r.loss * b.n;
    w->sums.classify += r.classify * b.n;
    w->sums.language += r.language * b.n;
    w->sums.cosine += r.cosine * b.n;
    w->sums.n_correct += r.n_correct;
    w->sums.n += b.n;
    fus_tables_step(w, &r, rate, norm);
    w->step++;
    w->last_loss = r.loss;
    w->scored = false;
    return FUS_OK;
}

/* ---- an epoch ---- */

/* The models of the last --keep epochs. */
static int keep_model(const struct fus_work *w, int epoch, struct fus_error *err)
{
    char name[64], path[4096];
    if (!w->o->keep)
        return FUS_OK;
    if (epoch > w->o->keep) {
        snprintf(name, sizeof name, "epoch-%04d.safetensors", epoch - w->o->keep);
        fus_work_path(path, w, name);
        remove(path);
    }
    snprintf(name, sizeof name, "epoch-%04d.safetensors", epoch);
    return fus_outputs_model(w, name, err);
}

static int end_epoch(struct fus_work *w, struct fus_error *err)
{
    int epoch = (int)(w->step / w->steps_per_epoch), code = fus_validate_score(w, err);
    if (code)
        return code;
    fus_tables_epoch(w);
    double value = fus_validate_value(&w->held);
    if (!w->best_epoch || value > w->best_value) {
        w->best_epoch = epoch;
        w->best_value = value;
        w->best = w->held;
        code = fus_outputs_model(w, "best.safetensors", err);
    }
    if (!code)
        code = keep_model(w, epoch, err);
    fus_work_log(w, "epoch %d: %.3f s, loss %.6g, held out: accuracy %.4f, cosine %.4f\n", epoch,
                 fus_work_now() - w->began, w->sums.loss / (double)w->sums.n, w->held.accuracy, w->held.cosine);
    w->sums = (struct fus_work_sums){0};
    return code;
}

static void tell(const struct fus_work *w)
{
    double seconds = fus_work_now() - w->began;
    long done = w->step - w->first_step;
    struct fus_training_progress p = {
        (int)((w->step - 1) / w->steps_per_epoch) + 1, w->o->epochs, w->step, w->n_steps, w->last_loss, 0, 0};
    p.rate = seconds > 0 ? (double)done * w->feed.n_train / (double)w->steps_per_epoch / seconds : 0;
    p.seconds_left = seconds / (double)done * (double)(w->n_steps - w->step);
    if (w->h->progress)
        w->h->progress(w->h->context, &p);
}

static int save(struct fus_work *w, struct fus_error *err)
{
    int code = fus_state_save(w, err);
    if (!code)
        w->saved_step = w->step;
    return code;
}

static int train(struct fus_work *w, struct fus_error *err)
{
    int code = FUS_OK;
    while (w->step < w->n_steps && !code) {
        bool stop = w->h->stopping && w->h->stopping(w->h->context);
        if (stop) {
            code = save(w, err);
            return code ? code : fus_base_fail(err, FUS_ESTOPPED, "stopped at step %ld of %ld", w->step, w->n_steps);
        }
        if (w->start.heads_only && w->step >= w->head_epochs * w->steps_per_epoch)
            code = fus_prepare_widen(w, err);
        if (!code)
            code = do_step(w, err);
        if (!code)
            tell(w);
        bool ends = !code && w->step % w->steps_per_epoch == 0;
        if (ends)
            code = end_epoch(w, err);
        if (!code && (ends || fus_work_now() - w->saved >= w->o->state_seconds))
            code = save(w, err);
    }
    return code;
}

/* ---- all of it ---- */

static int finish(struct fus_work *w, struct fus_training_result *result, struct fus_error *err)
{
    int code = w->scored ? FUS_OK : fus_validate_score(w, err);
    if (!code)
        code = fus_outputs_model(w, "model.safetensors", err);
    if (!code)
        code = fus_tables_confusion(w, err);
    if (!code)
        code = fus_train_report_write(w, err);
    if (code)
        return code;
    const struct fus_net_spec *s = &w->start.spec;
    *result = (struct fus_training_result){
        w->predictions.n, w->feed.n_train, w->feed.n_classes, w->best_epoch, w->held, w->best, ""};
    snprintf(result->layer, sizeof result->layer, "layer%d.%d.relu", s->n_stages, s->n_blocks[s->n_stages - 1] - 1);
    fus_work_log(w, "done: %.3f s\n", fus_work_now() - w->began);
    return FUS_OK;
}

static void open_log(struct fus_work *w)
{
    char path[4096];
    fus_work_path(path, w, "train.log");
    w->log = fopen(path, "a");
    fus_work_log(w, "step %ld of %ld: %s, %d threads, %zu MB planned, %d blocks computed again\n", w->step, w->n_steps,
                 fus_train_isa(w->net), fus_base_threads(), fus_train_bytes(w->net) >> 20,
                 fus_train_recomputed_blocks(w->net));
}

static void release(struct fus_work *w)
{
    if (w->log)
        fclose(w->log);
    fus_out_folder_end(w);
    fus_train_destroy(w->net);
    fus_targets_free(&w->targets);
    if (w->has_other)
        fus_feed_close(&w->other);
    fus_feed_close(&w->feed);
    fus_start_close(&w->start);
    fus_validate_free(&w->predictions);
    fus_text_free(&w->steps);
    fus_text_free(&w->epochs);
    fus_text_free(&w->record);
    fus_base_free(w->order);
    fus_base_free(w->input);
    fus_base_free(w->target);
    fus_base_free(w->label);
    fus_base_free(w->words);
    fus_base_free(w->word_start);
}

int fus_training_run(struct fus_training_result *result, const struct fus_training_options *o,
                     const struct fus_training_hooks *hooks, struct fus_error *err)
{
    static const struct fus_training_hooks silent;
    struct fus_work w = {.o = o, .h = hooks ? hooks : &silent, .lock = -1};
    bool resumes = false;
    int code = fus_prepare_all(&w, err);
    if (!code)
        code = fus_out_folder_begin(&w, &resumes, err);
    if (!code && resumes)
        code = fus_state_load(&w, err);
    if (!code) {
        open_log(&w);
        w.first_step = w.saved_step = w.step;
        w.began = w.saved = fus_work_now();
        if (w.h->begins)
            w.h->begins(w.h->context);
        code = train(&w, err);
    }
    if (!code)
        code = finish(&w, result, err);
    release(&w);
    return code;
}
