/* SPDX-License-Identifier: MIT */
/* The selective units measured in a second set of pictures: see second_set.h. */
#include "analysis/localizer/second_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/contrast.h"
#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/state/work_dir.h"
#include "analysis/run/run_dir.h"
#include "analysis/run/run_read.h"
#include "analysis/run/run_write.h"
#include "nn/base/sha256.h"
#include "nn/base/threads.h"

/* ---- the second run ---- */

/* What the choice of units depends on stays; what is computed of the first set alone goes. */
static struct fus_run_options options_of(const struct fus_localizer *run)
{
    struct fus_run_options o = run->options;
    o.stimuli = o.validate;
    o.halves = FUS_HALVES_NONE;
    o.bootstrap = 0;
    if (fus_run_options_relabels(&o))
        o.permutations = 0;
    o.sweep = o.consistency = o.matched = o.draws = o.equal_n = o.full_units = false;
    o.sesoi = 0;
    o.validate = o.groups = o.subsample = o.folder = NULL;
    o.resume = o.resume && o.n_shards;
    o.force = false;
    return o;
}

int fus_second_set_begin(struct fus_localizer *run, struct fus_error *err)
{
    struct fus_run_options options = options_of(run);
    if (options.n_shards) {
        char path[FUS_RUN_DIR_PATH];
        fus_run_dir_state(path, run->options.folder, "second");
        options.folder = run->second_folder = fus_base_strdup(path);
        if (!run->second_folder)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a second set");
        int code = fus_run_dir_check_length(path, err);
        if (code)
            return code;
    }
    int code = fus_localizer_create(&run->second, &options, err);
    if (code)
        return code;
    run->second->first = run;
    run->second->listener = run->listener;
    run->second->listener_context = run->listener_context;
    return FUS_OK;
}

static int copy_texts(struct fus_model_summary *to, const struct fus_model_summary *from, struct fus_error *err)
{
    to->name = fus_base_strdup(from->name);
    to->source = fus_base_strdup(from->source);
    to->architecture = fus_base_strdup(from->architecture);
    to->preprocess = fus_base_strdup(from->preprocess);
    memcpy(to->sha256, from->sha256, sizeof to->sha256);
    return to->name && to->source && to->architecture && to->preprocess
               ? FUS_OK
               : fus_base_fail(err, FUS_ENOMEM, "no memory for the summary of %s", from->name);
}

/* The models as the first run found them; they are opened again when they are needed. */
static int copy_models(struct fus_localizer *second, const struct fus_localizer *run, struct fus_error *err)
{
    second->summary.models = fus_base_alloc((size_t)run->n_models, sizeof *second->summary.models);
    int code =
        second->summary.models ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d models", run->n_models);
    for (int i = 0; i < run->n_models && !code; i++) {
        const struct fus_run_model *from = &run->models[i];
        struct fus_run_model *to = &second->models[i];
        code = fus_localizer_add_model(second, from->name, from->path, err);
        if (code)
            break;
        struct fus_model_summary *summary = &second->summary.models[second->summary.n_models++];
        size_t n = (size_t)from->n_layers;
        to->taps = fus_base_alloc(n, sizeof *to->taps);
        summary->layers = fus_base_alloc(n, sizeof *summary->layers);
        if (!to->taps || !summary->layers)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
        memcpy(to->taps, from->taps, n * sizeof *to->taps);
        code = copy_texts(summary, &run->summary.models[i], err);
        to->n_layers = from->n_layers;
        to->preprocess = from->preprocess;
        to->batch = from->batch, to->n_shown = from->n_shown, to->low_memory = from->low_memory,
        to->net_bytes = from->net_bytes;
        to->file_bytes = from->file_bytes, to->file_time = from->file_time;
    }
    return code;
}

/* -1: the set has no such category. */
static int category_named(const struct fus_set *set, const char *name)
{
    for (int c = 0; c < set->n_categories; c++)
        if (strcmp(set->categories[c], name) == 0)
            return c;
    return -1;
}

/* Notes on categories that one of the sets lacks. */
static int match_categories(const struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_set *first = &run->pictures.set, *second = &run->second->pictures.set;
    int n = 0;
    for (int c = 0; c < first->n_categories; c++)
        n += category_named(second, first->categories[c]) >= 0;
    if (n == 0)
        return fus_base_fail(err, FUS_EINVAL, "%s: none of its categories is one of the run's", run->options.validate);
    for (int c = 0; c < first->n_categories; c++)
        if (category_named(second, first->categories[c]) < 0)
            fus_note_say(&run->notes, "--validate: category %s is not in %s: its units are not measured there",
                         first->categories[c], run->options.validate);
    for (int c = 0; c < second->n_categories; c++)
        if (category_named(first, second->categories[c]) < 0)
            fus_note_say(&run->notes, "--validate: category %s of %s is not one of the run's: it is a rival there",
                         second->categories[c], run->options.validate);
    return FUS_OK;
}

static int by_hex(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* A note if pictures of the first set are in the second, too. */
static int warn_of_shared(const struct fus_localizer *run, struct fus_error *err)
{
    size_t n_first = (size_t)run->pictures.set.n_pictures;
    const struct fus_localizer *second = run->second;
    char(*sorted)[65] = fus_base_alloc(n_first, sizeof *sorted);
    int n = 0;
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %zu pictures", n_first);
    memcpy(sorted, run->pictures.sha256, n_first * sizeof *sorted);
    qsort(sorted, n_first, sizeof *sorted, by_hex);
    for (int i = 0; i < second->pictures.set.n_pictures; i++)
        n += bsearch(second->pictures.sha256[i], sorted, n_first, sizeof *sorted, by_hex) != NULL;
    if (n)
        fus_note_say(
            &run->notes,
            "warning: --validate: %d of the %d pictures of %s are in the first set, too: they validate nothing", n,
            second->pictures.set.n_pictures, run->options.validate);
    fus_base_free(sorted);
    return FUS_OK;
}

int fus_second_set_create(struct fus_localizer *run, struct fus_error *err)
{
    if (!run->options.validate)
        return FUS_OK;
    double start = fus_run_now();
    int code = fus_second_set_begin(run, err);
    if (!code)
        code = copy_models(run->second, run, err);
    if (!code)
        code = fus_run_set_list(run->second, err);
    if (!code)
        code = fus_run_set_read(run->second, err);
    if (!code)
        code = match_categories(run, err);
    if (code)
        return fus_base_blame(err, "--validate: ");
    code = run->options.n_shards ? FUS_OK : warn_of_shared(run, err);
    run->second_seconds = fus_run_now() - start;
    return code;
}

int fus_second_set_open(struct fus_localizer *run, struct fus_error *err)
{
    return run->second && run->options.n_shards ? fus_work_dir_open(run->second, err) : FUS_OK;
}

int fus_second_set_measure(struct fus_localizer *run, struct fus_error *err)
{
    double start = fus_run_now();
    int code = FUS_OK;
    for (int i = 0; i < run->n_models && run->second && !code; i++)
        code = fus_measure_model(run->second, i, err);
    run->second_seconds += fus_run_now() - start;
    return code;
}

void fus_second_set_digest(char hex[65], const struct fus_localizer *run)
{
    const struct fus_set *set = &run->second->pictures.set;
    char name[1024];
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    for (int i = 0; i < set->n_pictures; i++) {
        fus_run_write_picture_name(name, set, i);
        const char *const fields[] = {name, set->categories[set->pictures[i].category],
                                      set->subcategories[set->pictures[i].subcategory],
                                      run->options.n_shards ? "" : run->second->pictures.sha256[i]};
        for (int k = 0; k < 4; k++)
            fus_sha256_add(&sha, fields[k], strlen(fields[k]) + 1);
    }
    fus_sha256_hex(&sha, hex);
}

/* Whether a model of the second run is the first run's, with the same layers. */
static bool same_model(const struct fus_localizer *run, int model)
{
    const struct fus_run_model *a = &run->models[model], *b = &run->second->models[model];
    bool same = strcmp(a->name, b->name) == 0 && a->n_layers == b->n_layers &&
                strcmp(run->summary.models[model].sha256, run->second->summary.models[model].sha256) == 0;
    for (int i = 0; same && i < a->n_layers; i++)
        same = strcmp(a->taps[i].name, b->taps[i].name) == 0 && a->taps[i].channels == b->taps[i].channels &&
               a->taps[i].height == b->taps[i].height && a->taps[i].width == b->taps[i].width;
    return same;
}

int fus_second_set_check(const struct fus_localizer *run, struct fus_error *err)
{
    bool same = run->n_models == run->second->n_models;
    for (int i = 0; same && i < run->n_models; i++)
        same = same_model(run, i);
    if (!same)
        return fus_base_fail(err, FUS_EINVAL, "the second set was shown to other models");
    int code = match_categories(run, err);
    return code ? code : warn_of_shared(run, err);
}

/* ---- a layer ---- */

struct second_layer {
    struct fus_localizer *second, *run;
    int model, layer, code;
    const struct fus_tap *tap;
    struct fus_accumulator *accumulator;
    int8_t *chosen; /* [n_units] by the first set */
    double started;
    struct fus_error *err;
};

/* The labels by the first set, from memory or from its file. */
static int read_chosen(struct second_layer *s, size_t n_units, struct fus_error *err)
{
    const struct fus_layer_summary *layer = &s->run->summary.models[s->model].layers[s->layer];
    const struct fus_run_read folder = {.folder = s->run->options.folder};
    s->chosen = fus_base_alloc(n_units, sizeof *s->chosen);
    float *label = layer->label ? NULL : fus_base_alloc(n_units, sizeof *label);
    int code = s->chosen && (layer->label || label)
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ENOMEM, "no memory for %zu labels", n_units);
    if (!code && layer->label)
        memcpy(s->chosen, layer->label, n_units * sizeof *s->chosen);
    else if (!code)
        code = fus_run_read_labels(label, &folder, s->run->models[s->model].name, s->tap->name, s->tap->channels,
                                   s->tap->height, s->tap->width, err);
    for (size_t u = 0; u < n_units && label && !code; u++)
        s->chosen[u] = (int8_t)label[u];
    fus_base_free(label);
    return code;
}

static void report_progress(void *context, size_t done, size_t of)
{
    const struct second_layer *s = context;
    fus_run_progress(s->second, s->tap->name, "resamples of the second set", (int)done, (int)of, s->started);
}

/* The units that the second set chooses, by the same rule. */
static int label_again(struct fus_layer_summary *again, const struct second_layer *s, const struct fus_moments *m,
                       const struct fus_responses *r, struct fus_error *err)
{
    const struct fus_select_options *o = &s->second->options.select;
    if (fus_criteria_needs_responses(o))
        return fus_criteria_responses(again, m, r, s->tap->name, o, NULL, err);
    return fus_criteria_label(again, m, s->tap->name, r->channels, r->height, r->width, o->criterion, o, err);
}

static int measure_layer(struct second_layer *s, const struct fus_moments *m, const struct fus_responses *r,
                         struct fus_error *err)
{
    const struct fus_run_options *o = &s->run->options;
    const struct fus_set *first = &s->run->pictures.set;
    struct fus_layer_summary *layer = &s->run->summary.models[s->model].layers[s->layer], again = {0};
    struct fus_progress progress = {report_progress, s};
    int category[FUS_SELECT_CATEGORIES];
    for (int c = 0; c < first->n_categories; c++)
        category[c] = category_named(&s->second->pictures.set, first->categories[c]);
    int code = label_again(&again, s, m, r, err);
    layer->heldout = code ? NULL : fus_base_alloc((size_t)first->n_categories, sizeof *layer->heldout);
    if (!code && !layer->heldout)
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for %d categories", first->n_categories);
    const struct fus_heldout_plan plan = {.chosen = s->chosen,
                                          .again = again.label,
                                          .n_categories = first->n_categories,
                                          .category = category,
                                          .n_resamples = (size_t)o->bootstrap,
                                          .method = o->interval,
                                          .seed = o->seed,
                                          .alpha = o->select.alpha,
                                          .max_bytes = o->max_memory / 4};
    if (!code)
        code = fus_heldout_layer(layer->heldout, r, &plan, &progress, err);
    fus_select_free(&again);
    return code;
}

static void decide(void *context)
{
    struct second_layer *s = context;
    const struct fus_set *set = &s->second->pictures.set;
    struct fus_moments m = {0};
    int *numbers = fus_base_alloc((size_t)set->n_pictures, 2 * sizeof *numbers);
    s->code = numbers ? fus_accumulator_moments(&m, s->accumulator, s->err)
                      : fus_base_fail(s->err, FUS_ENOMEM, "no memory for %d pictures", set->n_pictures);
    for (int i = 0; i < set->n_pictures && !s->code; i++) {
        numbers[i] = set->pictures[i].category;
        numbers[set->n_pictures + i] = set->pictures[i].subcategory;
    }
    m.is_signed = s->tap->is_signed;
    struct fus_responses r = {.category = numbers,
                              .n_images = (size_t)set->n_pictures,
                              .n_units = m.n_units,
                              .n_categories = set->n_categories,
                              .channels = s->tap->channels,
                              .height = s->tap->height,
                              .width = s->tap->width,
                              .stratum = numbers ? numbers + set->n_pictures : NULL,
                              .over = s->second->options.over,
                              .is_signed = s->tap->is_signed};
    fus_accumulator_responses(&r, s->accumulator);
    if (!s->code)
        s->code = read_chosen(s, m.n_units, s->err);
    if (!s->code)
        s->code = measure_layer(s, &m, &r, s->err);
    if (!s->code)
        s->code = fus_accumulator_check_read(s->accumulator, s->err);
    fus_moments_destroy(&m);
    fus_base_free(s->chosen);
    fus_base_free(numbers);
}

int fus_second_set_decide(struct fus_localizer *second, int model, int layer, struct fus_accumulator *a,
                          struct fus_error *err)
{
    struct second_layer s = {.second = second,
                             .run = second->first,
                             .model = model,
                             .layer = layer,
                             .tap = &second->models[model].taps[layer],
                             .accumulator = a,
                             .started = fus_run_now(),
                             .err = err};
    s.code = fus_accumulator_finish(a, err);
    if (!s.code)
        fus_threads_run(decide, &s);
    return s.code;
}
