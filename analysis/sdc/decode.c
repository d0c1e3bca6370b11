/* SPDX-License-Identifier: MIT */
/* The course of `sdc fit`: see decode.h. One participant after another: responses, fits, their
 * mean, scores; then one table of all. What is finished is not done again, so a stopped run
 * resumes where it was, and shards leave their fits for the run that joins them. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/decode.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/sdc/decode_work.h"
#include "analysis/sdc/page.h"
#include "analysis/sdc/ridge.h"
#include "analysis/sdc/units.h"
#include "nn/base/threads.h"

void fus_sdc_decode_defaults(struct fus_sdc_decode_options *o, bool efird)
{
    *o = (struct fus_sdc_decode_options){
        .fit = {.iterations = 5001, .batch = 128, .rate = 1e-4, .temperature = 0.03, .noise = 1, .tail = 0.5},
        .seed = 1,
        .reruns = 10,
        .alphas = {1, 10, 100, 1e3, 1e4, 1e5, 1e6},
        .n_alphas = 7,
        .efird = efird,
        .checkpoint = 120,
        .max_memory = (size_t)4 << (sizeof(size_t) > 4 ? 30 : 28)};
    fus_sdc_study_defaults(&o->split);
    fus_sdc_data_defaults(&o->data);
    if (efird)
        o->reruns = 50, o->fit.tail = 0;
}

/* ---- for all parts ---- */

void fus_sdc_work_path(char path[FUS_SDC_PATH_BYTES], const struct fus_sdc_work *w, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(path, FUS_SDC_PATH_BYTES, "%s/", w->o->out);
    va_start(ap, fmt);
    if (n >= 0 && n < FUS_SDC_PATH_BYTES)
        vsnprintf(path + n, FUS_SDC_PATH_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
}

bool fus_sdc_work_exists(const struct fus_sdc_work *w, const char *relative)
{
    char path[FUS_SDC_PATH_BYTES];
    fus_sdc_work_path(path, w, "%s", relative);
    return access(path, F_OK) == 0;
}

void fus_sdc_work_note(const struct fus_sdc_work *w, const char *fmt, ...)
{
    char line[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (w->hooks->note)
        w->hooks->note(w->hooks->context, line);
}

/* ---- the study ---- */

/* "NAME=FILE" -> both; name [256]. */
static int take_pair(char name[256], const char **file, const char *option, const char *text, struct fus_error *err)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    if (n == 0 || n > 255 || !equals[1])
        return fus_base_fail(err, FUS_EINVAL, "%s: '%s' found, NAME=FILE expected", option, text);
    memcpy(name, text, n);
    name[n] = '\0';
    *file = equals + 1;
    return FUS_OK;
}

/* The file given for `name`; *file NULL: none. */
static int find_pair(const char **file, const char *name, const char *option, const char *const *texts, int n,
                     struct fus_error *err)
{
    char other[256];
    const char *path;
    int code = FUS_OK;
    *file = NULL;
    for (int i = 0; i < n && !code; i++) {
        code = take_pair(other, &path, option, texts[i], err);
        if (!code && strcmp(other, name) == 0)
            *file = path;
    }
    return code;
}

static int read_study(struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_decode_options *o = w->o;
    char name[256];
    int code = fus_sdc_study_create(&w->study, err);
    if (!code && o->study)
        code = fus_sdc_study_read(w->study, o->study, err);
    for (int i = 0; i < o->n_responses && !code; i++) {
        const char *responses, *trials = NULL, *mask = NULL;
        code = take_pair(name, &responses, "--responses", o->responses[i], err);
        if (!code)
            code = find_pair(&trials, name, "--trials", o->trials, o->n_trials, err);
        if (!code)
            code = find_pair(&mask, name, "--mask", o->masks, o->n_masks, err);
        if (!code)
            code = fus_sdc_study_add(w->study, name, responses, trials, mask, NULL, err);
    }
    return code;
}

static int open_inputs(struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_decode_options *o = w->o;
    int code = fus_sdc_embedding_open(&w->embedding, o->embedding, err);
    if (!code && o->images)
        code = fus_sdc_images_open(&w->images, o->images, err);
    if (!code)
        code = read_study(w, err);
    return code ? code : fus_sdc_study_load(w->study, o->images ? &w->images : NULL, &w->embedding, &o->split, err);
}

/* What networks have in common with the embedding and with one another, which decoders cannot
 * tell. */
static int check_networks(struct fus_sdc_work *w, struct fus_error *err)
{
    char line[1000];
    for (int p = 0; p < w->study->n && !w->o->images; p++)
        if (w->study->participants[p].model)
            return fus_base_fail(err, FUS_EINVAL, "%s: a network needs the pictures: --images IMAGES.tsv expected",
                                 w->study->participants[p].name);
    int code = fus_sdc_own_find(&w->own, w->study, &w->embedding, w->o->images ? &w->images : NULL, err);
    if (!code && !w->o->own_embedding)
        code = fus_sdc_own_refuse(&w->own, w->study, w->o->embedding, err);
    if (!code)
        code = fus_sdc_stems_read(&w->stems, w->study, err);
    for (int g = 0; g < w->stems.n_groups && !code; g++) {
        fus_sdc_stems_tell(line, &w->stems, g, w->study);
        fus_sdc_work_note(w, "%s", line);
    }
    return code;
}

/* ---- a participant ---- */

static void close_participant(struct fus_sdc_work *w)
{
    for (int s = 0; s < 3; s++) {
        fus_base_free(w->trials[s]);
        fus_base_free(w->image[s]);
        w->trials[s] = w->image[s] = NULL;
    }
    fus_sdc_halves_free(w);
    fus_base_free(w->w);
    fus_base_free(w->pattern);
    w->w = w->b = w->pattern = NULL;
    fus_sdc_data_close(w->data);
    w->data = NULL;
}

static int list_trials(struct fus_sdc_work *w, struct fus_error *err)
{
    for (int s = 0; s < 3; s++) {
        w->trials[s] = fus_base_alloc(w->data->n_trials + 1, sizeof *w->trials[s]);
        w->image[s] = fus_base_alloc(w->data->n_trials + 1, sizeof *w->image[s]);
        if (!w->trials[s] || !w->image[s])
            return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu trials", w->name, w->data->n_trials);
        w->n[s] = fus_sdc_data_trials(w->trials[s], w->data, (enum fus_sdc_split)s);
        for (size_t i = 0; i < w->n[s]; i++)
            w->image[s][i] = w->data->image[w->trials[s][i]];
    }
    return w->o->halves ? fus_sdc_halves_list(w, err) : FUS_OK;
}

/* What does not fit is said before hours are spent. */
static int check_memory(const struct fus_sdc_work *w, struct fus_error *err)
{
    const struct fus_sdc_fit_source source = {w->data, &w->embedding, NULL, NULL, w->n[FUS_SDC_TRAIN]};
    size_t fit = fus_sdc_fit_bytes(&source, &w->o->fit), ridge = w->o->n_alphas ? fus_sdc_ridge_bytes(&source) : 0;
    if (fit > w->o->max_memory || ridge > w->o->max_memory)
        return fus_base_fail(err, FUS_ELIMIT,
                             "%s: %s of %zu voxels needs %zu MB beside the responses, --max-memory is %zu kB%s",
                             w->name, fit > ridge ? "a decoder" : "ridge regression", w->data->n_voxels,
                             ((fit > ridge ? fit : ridge) >> 20) + 1, w->o->max_memory >> 10,
                             fit > w->o->max_memory ? "" : "; --ridge none does without");
    return FUS_OK;
}

static int open_participant(struct fus_sdc_work *w, int p, struct fus_error *err)
{
    struct fus_sdc_data_options options = w->o->data;
    char folder[FUS_SDC_PATH_BYTES];
    w->p = p;
    w->name = w->study->participants[p].name;
    fus_sdc_work_path(folder, w, "parts");
    options.folder = folder;
    options.max_memory = w->o->max_memory / 2;
    int code = w->study->participants[p].model
                   ? fus_sdc_units_open(&w->data, w->study, p, w->o->images ? &w->images : NULL, w->o->seed,
                                        options.max_memory, err)
                   : fus_sdc_data_open(&w->data, w->study, p, &options, err);
    if (!code)
        code = list_trials(w, err);
    if (!code && (w->data->n_voxels == 0 || w->n[FUS_SDC_TRAIN] < 2))
        code = fus_base_fail(err, FUS_EINVAL,
                             "%s: %zu voxels kept of %zu and %zu training trials: nothing to decode; "
                             "a smaller --min-nc?",
                             w->name, w->data->n_voxels, w->data->n_masked, w->n[FUS_SDC_TRAIN]);
    if (!code)
        code = check_memory(w, err);
    if (!code)
        fus_sdc_work_note(w, "%s: %zu of %zu voxels, %zu trials to train, %zu to validate, %zu to test", w->name,
                          w->data->n_voxels, w->data->n_masked, w->n[0], w->n[1], w->n[2]);
    return code;
}

/* The decoder of all reruns, its patterns, scores and files. */
static int finish_participant(struct fus_sdc_work *w, struct fus_error *err)
{
    size_t n = w->data->n_voxels * w->embedding.d;
    w->w = fus_base_alloc(n + w->embedding.d, sizeof *w->w);
    w->pattern = fus_base_alloc(n, sizeof *w->pattern);
    w->b = w->w ? w->w + n : NULL;
    int code = w->w && w->pattern ? fus_sdc_fits_average(w->w, w->b, w, FUS_SDC_RERUN, err)
                                  : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for a decoder", w->name);
    if (!code)
        code = fus_sdc_fits_pattern(w->pattern, w->w, w->b, w, w->trials[FUS_SDC_TRAIN], w->n[FUS_SDC_TRAIN], err);
    if (!code)
        code = fus_sdc_write_all(w, err);
    if (!code && w->o->halves)
        code = fus_sdc_halves_write(w, err);
    return code ? code : fus_sdc_scores_write(w, err);
}

/* Whether everything of participant p is written; its scores are the last. */
static bool is_finished(const struct fus_sdc_work *w, int p)
{
    char relative[FUS_SDC_PATH_BYTES];
    snprintf(relative, sizeof relative, "parts/%s-scores.csv", w->study->participants[p].name);
    return fus_sdc_work_exists(w, relative);
}

static int run_participant(struct fus_sdc_work *w, int p, struct fus_error *err)
{
    int code;
    if (w->o->n_shards ? fus_sdc_fits_left(w, p) == 0 : is_finished(w, p))
        return FUS_OK;
    code = open_participant(w, p, err);
    fus_sdc_phases_end(&w->phases, "%.100s: responses", w->name);
    if (!code)
        code = fus_sdc_fits_run(w, err);
    fus_sdc_phases_end(&w->phases, "%.100s: fits", w->name);
    if (!code && !w->o->n_shards)
        code = finish_participant(w, err);
    fus_sdc_phases_end(&w->phases, "%.100s: decoder, patterns, scores", w->name);
    close_participant(w);
    return code;
}

/* ---- all of them ---- */

/* Of what was done in this call; a fit that was resumed or joined has done the rest before. */
static int write_log(const struct fus_sdc_work *w, struct fus_error *err)
{
    char path[FUS_SDC_PATH_BYTES], more[60];
    fus_sdc_work_path(path, w, "sdc.log");
    snprintf(more, sizeof more, "steps\t%ld\n", (long)w->steps_done);
    return fus_sdc_phases_write(&w->phases, path, more, err);
}

struct running {
    struct fus_sdc_work *w;
    struct fus_error *err;
    int code;
};

static int work_through(struct fus_sdc_work *w, struct fus_error *err)
{
    int code = FUS_OK;
    w->started = fus_sdc_phases_now();
    for (int p = 0; p < w->study->n; p++)
        w->steps_left += (long)fus_sdc_fits_left(w, p) * w->o->fit.iterations;
    for (int p = 0; p < w->study->n && !code; p++)
        code = run_participant(w, p, err);
    if (code || w->o->n_shards)
        return code;
    code = fus_sdc_pool_write(w, err);
    if (!code)
        code = fus_sdc_scores_join(w, err);
    fus_sdc_phases_end(&w->phases, "pool and scores of all");
    if (!code)
        code = write_log(w, err);
    if (!code)
        fus_sdc_record_remove_parts(w);
    return code ? code : fus_sdc_page_write(w->o->out, err);
}

static void run_all(void *context)
{
    struct running *r = context;
    r->code = work_through(r->w, r->err);
}

int fus_sdc_decode_run(const struct fus_sdc_decode_options *o, const struct fus_sdc_decode_hooks *hooks,
                       struct fus_error *err)
{
    struct fus_sdc_work w = {.o = o, .hooks = hooks};
    bool finished = false;
    fus_sdc_phases_start(&w.phases);
    int code = strlen(o->out) > 3000
                   ? fus_base_fail(err, FUS_EINVAL, "--out: a path of %zu characters; at most 3000 are possible",
                                   strlen(o->out))
                   : open_inputs(&w, err);
    if (!code)
        code = check_networks(&w, err);
    if (!code)
        code = fus_sdc_record_begin(&w, &finished, err);
    fus_sdc_phases_end(&w.phases, "open and check inputs");
    struct running r = {&w, err, FUS_OK};
    if (!code && !finished) {
        fus_threads_run(run_all, &r); /* one start of the threads for all loops */
        code = r.code;
    }
    if (code && code != FUS_ESTOPPED && w.begun_here && !o->n_shards)
        fus_sdc_record_withdraw(&w);
    fus_text_free(&w.record);
    fus_sdc_own_free(&w.own);
    fus_sdc_stems_free(&w.stems);
    fus_sdc_phases_free(&w.phases);
    fus_sdc_study_close(w.study);
    if (o->images)
        fus_sdc_images_close(&w.images);
    fus_sdc_embedding_close(&w.embedding);
    return code;
}
