/* The loop: batches in a counter's order, gradients, an update, and at each epoch's end the
 * held-out pictures. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/train/work.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "nn/base/number.h"

#define FRESH_SETS 8                    /* --fresh: drawing seeds in turn */
#define CACHE_BYTES ((size_t)512 << 20) /* of decoded pictures, where --max-memory says nothing */
enum { FEW_PICTURES = 16 };             /* a smaller batch makes its statistics noisy */

/* ---- what the files share ---- */

double fus_work_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fus_work_note(const struct fus_work *w, const char *fmt, ...)
{
    char line[FUS_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (w->h->note)
        w->h->note(w->h->context, line);
}

void fus_work_log(const struct fus_work *w, const char *fmt, ...)
{
    va_list ap;
    if (!w->log)
        return;
    va_start(ap, fmt);
    vfprintf(w->log, fmt, ap);
    va_end(ap);
    fflush(w->log);
}

void fus_work_path(char path[4096], const struct fus_work *w, const char *name)
{
    snprintf(path, 4096, "%s/%s", w->o->out, name);
}

static int no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for a batch of pictures");
}

/* ---- pictures and targets ---- */

static size_t cache_bytes(const struct fus_training_options *o)
{
    return !o->max_memory || o->max_memory / 4 > CACHE_BYTES ? CACHE_BYTES : o->max_memory / 4;
}

static int open_other(struct fus_work *w, const struct fus_feed_options *o, struct fus_error *err)
{
    struct fus_feed_options plain = *o;
    plain.n_fresh = 1;
    int code = fus_feed_open(&w->other, w->o->validate, &plain, err);
    w->has_other = !code;
    return code ? code : fus_feed_match(&w->other, &w->feed, err);
}

static int open_pictures(struct fus_work *w, struct fus_error *err)
{
    struct fus_feed_options o = {.preprocess = w->start.preprocess,
                                 .seed = w->o->seed,
                                 .n_fresh = w->o->fresh ? FRESH_SETS : 1,
                                 .cache_bytes = cache_bytes(w->o)};
    int percent, code = fus_augment_parse(&o.augment, w->o->augment, err);
    if (!code)
        code = fus_feed_open(&w->feed, w->o->stimuli, &o, err);
    if (!code && w->o->fresh && !w->feed.set.drawn)
        code = fus_base_fail(err, FUS_EINVAL, "--fresh: draws new pictures each epoch; %s are files", w->o->stimuli);
    if (code)
        return code;
    if (fus_feed_parse_percent(&percent, w->o->validate))
        return fus_feed_hold_out(&w->feed, percent, err);
    return open_other(w, &o, err);
}

static int make_targets(struct fus_work *w, struct fus_error *err)
{
    const struct fus_training_options *o = w->o;
    const struct fus_targets_request r = {o->captions, o->idf, o->missing == FUS_TRAINING_MISSING_SKIP, o->contrastive,
                                          o->seed};
    int code = o->contrastive                 ? FUS_OK
               : o->language && o->weight > 0 ? fus_targets_parse(&w->spec, o->language, err)
                                              : FUS_OK;
    w->has_targets = o->weight > 0 && (o->contrastive || o->language);
    if (code)
        return fus_base_blame(err, "--language: ");
    if (!w->has_targets)
        return FUS_OK;
    code = fus_targets_make(&w->targets, &w->spec, &r, &w->feed, w->has_other ? &w->other : NULL, err);
    w->has_targets = !code;
    if (code)
        return code;
    const char *example;
    size_t sides = w->feed.options.augment.flip ? fus_captions_sides(&w->targets.side[0].captions, &example) : 0;
    if (sides)
        fus_work_note(w, "warning: --augment flip mirrors pictures, and %zu captions say left or right, such as '%s'",
                      sides, example);
    if (w->targets.without_held)
        fus_work_note(w, "the pictures to be validated on have no captions: no cosine there");
    if (w->targets.side[0].captions.n_others)
        fus_work_note(w, "%s: %zu lines name no picture of the training set", o->captions,
                      w->targets.side[0].captions.n_others);
    fus_work_note(w, "targets: %s", w->targets.description);
    return FUS_OK;
}

/* ---- what is trained ---- */

static int make_net(struct fus_train **net, struct fus_work *w, struct fus_error *err)
{
    const struct fus_training_options *o = w->o;
    struct fus_train_options t = {.batch = o->batch,
                                  .micro_batch = o->micro_batch,
                                  .winograd = o->winograd,
                                  .frozen_norms = o->frozen_norms,
                                  .trained = fus_start_trained,
                                  .trained_context = &w->start,
                                  .classify_weight = w->classes ? o->classify : 0,
                                  .language_weight = w->has_targets ? o->weight : 0,
                                  .smooth = o->smooth,
                                  .language = o->loss,
                                  .contrastive = o->contrastive && w->has_targets,
                                  .n_words = w->start.n_words,
                                  .optimise = o->optimise};
    size_t used = cache_bytes(o);
    t.max_memory = o->max_memory > used ? o->max_memory - used : o->max_memory;
    if (t.contrastive)
        t.language = FUS_TRAIN_INFONCE;
    w->start.heads_only = w->step < w->head_epochs * w->steps_per_epoch;
    int code = fus_train_create(net, &w->start.spec, &t, fus_start_get, &w->start, err);
    return code == FUS_ELIMIT
               ? fus_base_blame(err, "--max-memory %zu, a quarter of it for decoded pictures: ", o->max_memory)
               : code;
}

static int remake(struct fus_work *w, struct fus_error *err)
{
    fus_train_destroy(w->net);
    w->net = NULL;
    return make_net(&w->net, w, err);
}

/* After --head-epochs everything else is trained too; what both have goes on. */
static int widen(struct fus_work *w, struct fus_error *err)
{
    struct fus_train *wider = NULL;
    int code = make_net(&wider, w, err);
    if (!code)
        code = fus_state_carry(wider, w->net, err);
    if (code) {
        fus_train_destroy(wider);
        return code;
    }
    fus_train_destroy(w->net);
    w->net = wider;
    return FUS_OK;
}

/* "cosine", "constant", "step:30,60" (epochs). */
static int parse_schedule(struct fus_schedule *s, const struct fus_work *w, struct fus_error *err)
{
    const char *text = w->o->schedule, *at = text + 5;
    s->n_steps = w->n_steps;
    s->warm_up = w->o->warm_up * (double)w->steps_per_epoch;
    s->kind = strcmp(text, "constant") == 0 ? FUS_SCHEDULE_CONSTANT : FUS_SCHEDULE_COSINE;
    if (strcmp(text, "cosine") == 0 || strcmp(text, "constant") == 0)
        return FUS_OK;
    s->kind = FUS_SCHEDULE_STEP;
    for (bool more = strncmp(text, "step:", 5) == 0; more; at++) {
        uint64_t epoch;
        if (s->n_at == FUS_SCHEDULE_STEPS || !fus_number_whole(&epoch, at, &at) || epoch < 1 || epoch > 1000000 ||
            (*at && *at != ','))
            break;
        s->at[s->n_at++] = (long)epoch * w->steps_per_epoch;
        if (!*at)
            return FUS_OK;
    }
    return fus_base_fail(err, FUS_EINVAL, "--schedule: '%s' found; cosine, constant or step:30,60 (epochs) expected",
                         text);
}

static int plan_steps(struct fus_work *w, struct fus_error *err)
{
    const struct fus_training_options *o = w->o;
    int last = w->feed.n_train % o->batch ? w->feed.n_train % o->batch : o->batch;
    bool by_batch = !o->frozen_norms;
    w->steps_per_epoch = (w->feed.n_train + o->batch - 1) / o->batch;
    w->n_steps = w->steps_per_epoch * o->epochs;
    w->head_epochs = o->head_epochs < o->epochs ? o->head_epochs : o->epochs;
    if (by_batch && last == 1 && fus_start_last_side(&w->start) == 1)
        return fus_base_fail(
            err, FUS_EINVAL,
            "the last batch of an epoch has 1 picture (%d by %d), too few for the batch norm of a 1 x 1 map; "
            "try --batch %d or --batch-norm frozen",
            w->feed.n_train, o->batch, o->batch > 2 ? o->batch - 1 : o->batch + 1);
    if (by_batch && o->batch < FEW_PICTURES)
        fus_work_note(w,
                      "warning: batches of %d pictures make the statistics of batch norms noisy; --batch-norm frozen "
                      "goes by the start's",
                      o->batch);
    if (w->head_epochs && !w->start.new_classes && !w->start.new_language && !w->start.new_text)
        return fus_base_fail(err, FUS_EINVAL, "--head-epochs: no head is new, so there is nothing to train alone");
    int code = parse_schedule(&w->rate, w, err);
    w->rate_heads = w->rate;
    w->rate.rate = o->rate;
    w->rate_heads.rate = o->rate_heads;
    return code;
}

static int make_batch_room(struct fus_work *w, struct fus_error *err)
{
    size_t n = (size_t)w->o->batch, side = (size_t)w->start.spec.input_side,
           dim = (size_t)(w->targets.dim > 0 ? w->targets.dim : 1);
    w->order = fus_base_alloc((size_t)w->feed.n_train, sizeof *w->order);
    w->input = fus_base_aligned(n, 3 * side * side * sizeof *w->input);
    w->target = fus_base_alloc(n, dim * sizeof *w->target);
    w->label = fus_base_alloc(n, sizeof *w->label);
    w->word_start = fus_base_alloc(n + 1, sizeof *w->word_start);
    w->ordered = -1;
    return w->order && w->input && w->target && w->label && w->word_start ? FUS_OK : no_memory(err);
}

static int check_tasks(struct fus_work *w, struct fus_error *err)
{
    w->classes = w->o->classify > 0 && w->start.spec.n_classes > 0;
    if (!w->classes && !w->has_targets)
        return fus_base_fail(err, FUS_EINVAL, "nothing to learn: %s",
                             w->start.spec.attn_dim
                                 ? "CLIP's networks learn by --contrastive or --language"
                                 : "--classify and --language-weight are both 0, or there is no --language");
    return FUS_OK;
}

static int prepare(struct fus_work *w, struct fus_error *err)
{
    char pictures[65], validated[65];
    int code = fus_start_open(&w->start, w->o, err);
    if (!code)
        code = open_pictures(w, err);
    if (!code)
        code = make_targets(w, err);
    if (!code)
        code = fus_start_fit(&w->start, w->o, w->o->classify > 0 ? w->feed.n_classes : 0,
                             w->has_targets ? &w->targets : NULL, w->h, err);
    if (!code)
        code = fus_start_check_freeze(&w->start, err);
    if (!code)
        code = check_tasks(w, err);
    if (!code)
        code = plan_steps(w, err);
    if (!code)
        code = fus_feed_check(&w->feed, pictures, err);
    if (!code && w->has_other)
        code = fus_feed_check(&w->other, validated, err);
    if (!code)
        code = make_batch_room(w, err);
    if (!code)
        code = make_net(&w->net, w, err);
    return code ? code : fus_record_make(w, pictures, w->has_other ? validated : NULL, err);
}

/* ---- a step ---- */

/* The words of the batch's texts, one behind the other. */
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
                return no_memory(err);
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
            code = widen(w, err);
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
    struct fus_work w = {.o = o, .h = hooks ? hooks : &silent, .lock = -1, .remake = remake};
    bool resumes = false;
    int code = prepare(&w, err);
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
