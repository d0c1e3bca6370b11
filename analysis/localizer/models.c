/* SPDX-License-Identifier: MIT */
/* The networks of a run: each is opened, digested and tested with one forward pass before anything
 * is measured, and opened again for its measurement. */
#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE /* st_mtimespec */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "analysis/localizer/run.h"

#define MAX_RESPONSE_BYTES ((size_t)1 << 30) /* of a reference layer; above it the report has no single responses */

static int ignore(void *context, int tap, int picture, const float *blocked)
{
    (void)context;
    (void)tap;
    (void)picture;
    (void)blocked;
    return FUS_OK;
}

/* One forward pass with an empty picture: with --low-memory it reads all weights. */
static int try_pass(const struct fus_localizer *run, const struct fus_run_model *named, const struct fus_model *m,
                    struct fus_error *err)
{
    bool *wanted = fus_base_alloc((size_t)fus_net_n_taps(m->net), sizeof *wanted);
    float *input = fus_base_alloc(m->input_floats, sizeof *input);
    int code = wanted && input ? fus_model_want(wanted, m, run->options.layers, err)
                               : fus_base_fail(err, FUS_ENOMEM, "no memory");
    if (!code && named->low_memory)
        code = fus_net_forward(m->net, input, 1, wanted, ignore, NULL, err);
    fus_base_free(wanted);
    fus_base_free(input);
    return code;
}

/* The model's description for the tables and the report. */
static int describe(struct fus_model_summary *out, const struct fus_model *m, const struct fus_run_model *named,
                    struct fus_error *err)
{
    out->name = fus_base_strdup(named->name);
    /* for a file only its name, since its folder must not change the result */
    const char *slash = fus_open_is_file(named->path) ? strrchr(named->path, '/') : NULL;
    out->source = fus_base_strdup(slash ? slash + 1 : named->path);
    out->architecture = fus_base_strdup(m->description);
    out->preprocess = fus_base_strdup(m->preprocess_text);
    if (!out->name || !out->source || !out->architecture || !out->preprocess)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the summary of %s", named->name);
    return FUS_OK;
}

/* The digest of the file at present, before its weights are used. */
static int take_digest(char hex[65], const char *path, struct fus_error *err)
{
    struct fus_store *store;
    int code = fus_open_weights(&store, path, err);
    if (code)
        return code;
    code = fus_store_sha256(store, hex, err);
    fus_store_close(store);
    return code;
}

int fus_models_check_unchanged(const struct fus_localizer *run, int model, struct fus_error *err)
{
    const char *expected = run->summary.models[model].sha256;
    char found[65];
    int code = take_digest(found, run->models[model].path, err);
    if (!code && strcmp(found, expected) != 0)
        code = fus_base_fail(
            err, FUS_EINVAL,
            "%s: changed while the run was at work: SHA-256 %s found, %s expected; what was counted of it is not used",
            run->models[model].path, found, expected);
    return code;
}

static int list_layers(struct fus_run_model *r, struct fus_model_summary *out, const struct fus_localizer *run,
                       const struct fus_model *m, struct fus_error *err)
{
    size_t n = (size_t)fus_net_n_taps(m->net);
    bool *wanted = fus_base_alloc(n, sizeof *wanted);
    r->taps = fus_base_alloc(n, sizeof *r->taps);
    out->layers = fus_base_alloc(n, sizeof *out->layers);
    int code = wanted && r->taps && out->layers ? fus_model_want(wanted, m, run->options.layers, err)
                                                : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    for (size_t i = 0; i < n && !code; i++) {
        const struct fus_tap *tap = fus_net_tap(m->net, (int)i);
        if (!wanted[i])
            continue;
        if (tap->is_signed && run->options.select.criterion == FUS_CRITERION_RATIO)
            code = fus_base_fail(err, FUS_EINVAL,
                                 "%s: layer %s has responses below 0, for which criterion ratio means nothing: "
                                 "--criterion dprime or iut",
                                 fus_store_path(m->store), tap->name);
        r->taps[r->n_layers++] = *tap;
    }
    fus_base_free(wanted);
    return code;
}

/* Size and modification time of a model's file, to detect changes; 0 if it is not a file. */
static void stamp_file(long long *bytes, long long *time, const char *path)
{
    struct stat st;
    bool there = fus_open_is_file(path) && stat(path, &st) == 0;
    *bytes = there ? (long long)st.st_size : 0;
#if defined(__APPLE__)
    const struct timespec changed = st.st_mtimespec;
#else
    const struct timespec changed = st.st_mtim;
#endif
    *time = there ? (long long)changed.tv_sec * 1000000000 + changed.tv_nsec : 0;
}

static int open_model(struct fus_model **m, const struct fus_localizer *run, int model, struct fus_error *err)
{
    const struct fus_run_model *r = &run->models[model];
    struct fus_net_options options = {.batch = r->batch,
                                      .batch_taps = true,
                                      .apart = r->batch,
                                      .direct = run->options.direct,
                                      .precision = run->options.precision,
                                      .low_memory = r->low_memory,
                                      .resting = !r->batch};
    *m = fus_base_alloc(1, sizeof **m);
    if (!*m)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a model");
    const char *name = run->models[model].name;
    const struct fus_model_choice choice = {.lang_head = run->options.lang_head,
                                            .prefix = fus_run_for_model(&run->options.prefixes, run, name),
                                            .preprocess = fus_run_for_model(&run->options.preprocesses, run, name),
                                            .activation = run->options.activation};
    int code = fus_model_open(*m, run->models[model].path, &choice, &options, err);
    if (code) {
        fus_base_free(*m);
        *m = NULL;
    }
    return code;
}

void fus_models_close(struct fus_model **m)
{
    if (*m)
        fus_model_close(*m);
    fus_base_free(*m);
    *m = NULL;
}

/* Gives a resting network its batch, and loads all its weights unless they are held a layer at a
 * time. */
static int settle_model(struct fus_run_model *r, const struct fus_localizer *run, struct fus_error *err)
{
    struct fus_net_options options = {
        .batch_taps = true, .direct = run->options.direct, .precision = run->options.precision};
    struct fus_model *m = r->open;
    int code = fus_memory_choose(r, run, m, &options, err);
    if (!code) {
        fus_net_destroy(m->net);
        m->net = NULL;
        code = fus_net_create(&m->net, &m->spec, &options, fus_store_lookup, m->store, err);
    }
    return code && strncmp(err->msg, r->path, strlen(r->path)) != 0 ? fus_base_blame(err, "%s: ", r->path) : code;
}

int fus_models_check(struct fus_localizer *run, struct fus_error *err)
{
    run->summary.models = fus_base_alloc((size_t)run->n_models, sizeof *run->summary.models);
    int code = run->summary.models ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for %d models", run->n_models);
    run->summary.n_models = run->summary.models ? run->n_models : 0;
    for (int i = run->n_models - 1; i >= 0 && !code; i--) { /* the first one last: it stays open */
        struct fus_run_model *r = &run->models[i];
        double start = fus_run_now();
        stamp_file(&r->file_bytes, &r->file_time, r->path);
        code = take_digest(run->summary.models[i].sha256, r->path, err);
        if (!code)
            code = open_model(&r->open, run, i, err);
        if (!code)
            r->preprocess = r->open->preprocess;
        if (!code && !(r->notes = fus_base_strdup(r->open->notes)))
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for a model");
        if (!code)
            code = list_layers(r, &run->summary.models[i], run, r->open, err);
        if (!code)
            code = settle_model(r, run, err);
        if (!code)
            code = try_pass(run, r, r->open, err);
        if (!code)
            code = describe(&run->summary.models[i], r->open, r, err);
        if (i > 0)
            fus_models_close(&r->open);
        r->load_seconds = fus_run_now() - start;
    }
    return code;
}

int fus_models_open(struct fus_model **m, struct fus_localizer *run, int model, struct fus_error *err)
{
    struct fus_run_model *r = &run->models[model];
    const char *expected = run->summary.models[model].sha256;
    char found[65];
    long long bytes, time;
    *m = r->open;
    r->open = NULL;
    if (*m)
        return FUS_OK;
    double start = fus_run_now();
    stamp_file(&bytes, &time, r->path);
    int code = open_model(m, run, model, err);
    if (!code && (bytes != r->file_bytes || time != r->file_time)) {
        code = fus_store_sha256((*m)->store, found, err);
        if (!code && strcmp(found, expected) != 0)
            code = fus_base_fail(err, FUS_EINVAL, "%s: changed since the run began: SHA-256 %s found, %s expected",
                                 r->path, found, expected);
        if (code)
            fus_models_close(m);
    }
    r->load_seconds += fus_run_now() - start;
    return code;
}

/* ---- the reference layer ---- */

int fus_models_choose_reference(struct fus_localizer *run, int model, struct fus_error *err)
{
    struct fus_run_model *m = &run->models[model];
    struct fus_model_summary shape = {.layers = fus_base_alloc((size_t)m->n_layers, sizeof *shape.layers)};
    if (!shape.layers)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for the list of layers");
    for (int i = 0; i < m->n_layers; i++) {
        const struct fus_tap *tap = &m->taps[i];
        struct fus_layer_summary *layer = &shape.layers[shape.n_layers++];
        snprintf(layer->name, sizeof layer->name, "%s", tap->name);
        layer->height = tap->height;
        layer->width = tap->width;
        layer->n_units = (size_t)tap->channels * (size_t)tap->height * (size_t)tap->width;
    }
    const struct fus_layer_summary *reference = &shape.layers[fus_compare_last_block(&shape)];
    memcpy(m->reference, reference->name, sizeof m->reference);
    m->keeps_reference =
        reference->n_units <= MAX_RESPONSE_BYTES / sizeof(float) / (size_t)run->pictures.set.n_pictures;
    fus_base_free(shape.layers);
    return FUS_OK;
}
