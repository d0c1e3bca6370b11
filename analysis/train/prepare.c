/* SPDX-License-Identifier: MIT */
/* Preparation of a training: pictures, targets, the network, the plan of its steps, memory for a
 * batch. */
#include <string.h>

#include "analysis/train/work.h"
#include "nn/base/number.h"

#define FRESH_SETS 8                    /* --fresh: drawing seeds in turn */
#define CACHE_BYTES ((size_t)512 << 20) /* of decoded pictures, without --max-memory */
enum { FEW_PICTURES = 16 };             /* a smaller batch makes its statistics noisy */

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
    const struct fus_targets_request r = {.captions = o->captions,
                                          .idf = o->idf,
                                          .skip_missing = o->missing == FUS_TRAINING_MISSING_SKIP,
                                          .contrastive = o->contrastive,
                                          .seed = o->seed,
                                          .vocab = o->vocab,
                                          .activation = o->activation,
                                          .truncate = o->truncate};
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
    if (w->targets.misread)
        fus_work_note(w, "a caption looks like UTF-8 read as Latin-1; it is taken as it is");
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
                                  .head = fus_start_head,
                                  .head_context = &w->start,
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

int fus_prepare_remake(struct fus_work *w, struct fus_error *err)
{
    fus_train_destroy(w->net);
    w->net = NULL;
    return make_net(&w->net, w, err);
}

int fus_prepare_widen(struct fus_work *w, struct fus_error *err)
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
    return w->order && w->input && w->target && w->label && w->word_start ? FUS_OK : fus_work_no_memory(err);
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

int fus_prepare_all(struct fus_work *w, struct fus_error *err)
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
