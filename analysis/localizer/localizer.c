/* SPDX-License-Identifier: MIT */
/* A run as a sequence of steps: see localizer.h. */
#include "analysis/localizer/localizer.h"

#include <stdio.h>
#include <string.h>

#include "analysis/localizer/explain_pass.h"
#include "analysis/localizer/run.h"
#include "analysis/localizer/second_set.h"
#include "analysis/localizer/state/work_dir.h"
#include "analysis/run/rules.h"
#include "analysis/run/run_dir.h"
#include "nn/base/outfile.h"

/* ---- a run and its models ---- */

int fus_localizer_create(struct fus_localizer **run, const struct fus_run_options *options, struct fus_error *err)
{
    *run = NULL;
    int code = fus_run_options_check(options, err);
    if (code)
        return code;
    struct fus_localizer *r = *run = fus_base_alloc(1, sizeof *r);
    struct fus_run_model *models = r ? r->models = fus_base_alloc(FUS_RUN_MAX_MODELS, sizeof *models) : NULL;
    if (!models) {
        fus_base_free(r);
        *run = NULL;
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a run");
    }
    r->options = *options;
    fus_run_options_settle(&r->options);
    r->state.lock = -1;
    r->summary.version = FUS_VERSION;
    r->notes = (struct fus_note_sink){fus_run_say, r};
    r->started = fus_run_now();
    fus_rules_describe(r->rule, sizeof r->rule, options);
    return FUS_OK;
}

/* The file's stem, the NAME of demo:NAME, or an unchanged spec (random:..., pixels:32), of *length
 * bytes. */
static const char *derive_name(size_t *length, const char *file)
{
    const char *before = strrchr(file, fus_open_is_file(file) ? '/' : ':');
    const char *stem = before ? before + 1 : file, *dot = strrchr(stem, '.');
    if (!fus_open_is_file(file) && strncmp(file, "demo:", 5) != 0) {
        *length = strlen(file);
        return file;
    }
    *length = dot && dot > stem ? (size_t)(dot - stem) : strlen(stem);
    return stem;
}

int fus_localizer_add_model(struct fus_localizer *run, const char *name, const char *file, struct fus_error *err)
{
    struct fus_run_model *m = &run->models[run->n_models];
    if (run->n_models == FUS_RUN_MAX_MODELS)
        return fus_base_fail(err, FUS_ELIMIT, "at most %d models are possible", FUS_RUN_MAX_MODELS);
    size_t n = name ? strlen(name) : 0;
    if (!name)
        name = derive_name(&n, file);
    if (n == 0 || n >= sizeof m->name || name[0] == '.')
        return fus_base_fail(err, FUS_EINVAL,
                             "--model %s: a name of 1 to %zu characters that does not start with a dot expected", file,
                             sizeof m->name - 1);
    snprintf(m->name, sizeof m->name, "%.*s", (int)n, name);
    for (int i = 0; i < run->n_models; i++)
        if (strcmp(run->models[i].name, m->name) == 0)
            return fus_base_fail(err, FUS_EINVAL, "two models are called '%s': give them names, --model NAME=FILE",
                                 m->name);
    m->path = fus_base_strdup(file);
    if (!m->path)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d models", run->n_models + 1);
    run->n_models++;
    return FUS_OK;
}

/* ---- the folder ---- */

/* Checks that no two models share a folder for their units. */
static int check_folders(const struct fus_localizer *run, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH], other[FUS_RUN_DIR_PATH];
    int code = fus_run_dir_check_length(run->options.folder, err);
    for (int i = 0; i < run->n_models && !code; i++) {
        fus_run_dir_units(path, run->options.folder, run->models[i].name, NULL);
        for (int j = 0; j < i; j++) {
            fus_run_dir_units(other, run->options.folder, run->models[j].name, NULL);
            if (strcmp(path, other) == 0)
                return fus_base_fail(err, FUS_EINVAL, "models '%s' and '%s' would share the folder %s: rename one",
                                     run->models[j].name, run->models[i].name, path);
        }
    }
    return code;
}

int fus_localizer_make_folders(const struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    char path[FUS_RUN_DIR_PATH];
    int code = FUS_OK;
    for (int i = 0; i < run->n_models && !run->options.n_shards && !code; i++) {
        fus_run_dir_units(path, folder, run->models[i].name, NULL);
        code = fus_outfile_mkdirs(path, err);
    }
    fus_run_dir_path(path, folder, run->options.n_shards ? NULL : "figures");
    return code ? code : fus_outfile_mkdirs(path, err);
}

/* Checks before any work that this run may use its folder. */
static int claim_folder(struct fus_localizer *run, struct fus_error *err)
{
    const struct fus_run_options *o = &run->options;
    struct fus_run_dir found;
    if (!o->folder)
        return FUS_OK;
    int code = check_folders(run, err);
    if (!code)
        code = fus_run_dir_outside(o->folder, o->stimuli, err);
    if (!code && o->validate)
        code = fus_run_dir_outside(o->folder, o->validate, err);
    if (!code)
        code = fus_run_dir_look(&found, o->folder, err);
    if (!code)
        code = fus_run_dir_claim(&run->state.replace, &found, o->folder, o->resume, o->force, err);
    run->state.finished = !code && o->resume && found.state == FUS_RUN_DIR_FINISHED;
    return code;
}

/* Opens the folder of a resumed run, or creates that of a new one, with its sub-folders. */
static int open_folder(struct fus_localizer *run, struct fus_error *err)
{
    double start = fus_run_now();
    int code = run->options.folder ? fus_work_dir_open(run, err) : FUS_OK;
    if (code || run->state.done)
        return code;
    fus_memory_warn(run);
    if ((code = fus_run_check_sizes(run, err)) != FUS_OK)
        return code;
    code = run->options.folder ? fus_localizer_make_folders(run, run->options.folder, err) : FUS_OK;
    if (!code)
        code = fus_second_set_open(run, err);
    run->folder_seconds = fus_run_now() - start;
    return code;
}

/* ---- the method ---- */

static int check_groups(const struct fus_localizer *run, struct fus_error *err)
{
    const char *names[FUS_RUN_MAX_MODELS];
    struct fus_groups groups;
    for (int m = 0; m < run->n_models; m++)
        names[m] = run->models[m].name;
    return fus_groups_parse(&groups, run->options.groups, names, run->n_models, err);
}

static int measure(struct fus_localizer *run, struct fus_error *err)
{
    int code = check_groups(run, err);
    if (!code)
        code = claim_folder(run, err);
    if (!code)
        code = fus_run_set_list(run, err);
    double listed = fus_run_now();
    if (!code)
        code = fus_models_check(run, err); /* every model can be read and has the requested layers */
    run->models_seconds = fus_run_now() - listed;
    if (!code)
        code = fus_run_set_read(run, err); /* so can every picture */
    if (!code)
        code = fus_second_set_create(run, err); /* and of the set of --validate */
    if (!code && run->explain)
        code = fus_explain_pass_begin(run, err);
    if (!code)
        code = open_folder(run, err);
    if (code || run->state.done)
        return code;
    for (int i = 0; i < run->n_models; i++)
        fus_run_say_model(run, i);
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_measure_model(run, i, err); /* responses -> moments -> tests -> labels */
    if (!code)
        code = fus_second_set_measure(run, err);
    if (!code && run->options.shard == 1)
        code = fus_work_dir_sheet(run, err); /* the merge has no pictures */
    return code;
}

int fus_localizer_measure(struct fus_localizer *run, fus_localizer_listener *listener, void *context,
                          struct fus_error *err)
{
    if (run->n_models == 0 || run->summary.models)
        return fus_base_fail(err, FUS_EINVAL, run->n_models ? "a run is measured once" : "no model was added");
    run->listener = listener;
    run->listener_context = context;
    int code = measure(run, err);
    run->measured = !code && !run->state.done && !run->options.n_shards;
    if (code == FUS_ESTOPPED && run->state.lock >= 0)
        fus_base_blame(err, "%s: --resume goes on: ", run->options.folder);
    return code;
}

const struct fus_run_summary *fus_localizer_summary(const struct fus_localizer *run)
{
    return &run->summary;
}

bool fus_localizer_finished_before(const struct fus_localizer *run)
{
    return run->state.done;
}

void fus_localizer_shown(int *first, int *end, int *n, const struct fus_localizer *run)
{
    *first = run->pictures.first;
    *end = run->pictures.end;
    *n = run->pictures.set.n_pictures;
}

/* ---- files and destruction ---- */

/* Writes the labels that were kept in memory. */
static int write_labels(struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    int code = check_folders(run, err);
    if (!code)
        code = fus_localizer_make_folders(run, folder, err);
    for (int m = 0; m < run->summary.n_models; m++)
        for (int l = 0; l < run->summary.models[m].n_layers && !code; l++)
            code = fus_decide_write_units(folder, run, m, &run->summary.models[m].layers[l], NULL, NULL, err);
    return code;
}

int fus_localizer_write(struct fus_localizer *run, const char *folder, struct fus_error *err)
{
    const char *own = run->options.folder;
    if (!run->measured)
        return fus_base_fail(err, FUS_EINVAL, "%s: nothing to write: no whole run was measured", folder);
    if (own && strcmp(own, folder) != 0)
        return fus_base_fail(err, FUS_EINVAL, "%s: the run was measured for the folder %s", folder, own);
    int code = FUS_OK;
    if (!own) {
        run->options.folder = folder;
        code = write_labels(run, folder, err);
        run->options.folder = NULL;
    }
    if (!code)
        code = fus_write_run(run, folder, err);
    if (!code && own)
        fus_work_dir_remove(run);
    return code;
}

static void free_pictures(struct fus_localizer *run)
{
    struct fus_run_pictures *p = &run->pictures;
    fus_sheet_free(run);
    fus_base_free(p->sha256);
    fus_base_free(p->stats);
    fus_base_free(p->grey);
    fus_base_free(p->near);
    fus_base_free(p->pixels);
    fus_cache_free(p->cache);
    fus_blocks_free(&p->blocks);
    fus_set_close(&p->set);
}

void fus_localizer_destroy(struct fus_localizer *run)
{
    if (!run)
        return;
    fus_localizer_destroy(run->second);
    fus_work_dir_close(run);
    for (int i = 0; i < run->n_models; i++) {
        fus_models_close(&run->models[i].open);
        fus_base_free(run->models[i].path);
        fus_base_free(run->models[i].taps);
        fus_base_free(run->models[i].notes);
    }
    fus_base_free(run->models);
    for (int i = 0; i < run->summary.n_models; i++)
        fus_summary_free_model(&run->summary.models[i]);
    fus_base_free(run->summary.models);
    fus_base_free(run->summary.n_pictures);
    fus_base_free(run->summary.n_subcategories);
    fus_base_free(run->summary.stimuli);
    free_pictures(run);
    fus_base_free(run->second_folder);
    fus_base_free(run->kept);
    fus_base_free(run);
}
