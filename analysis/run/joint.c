/* SPDX-License-Identifier: MIT */
/* Several finished runs as one: see joint.h. */
#include "analysis/run/joint.h"

#include <string.h>

#include "analysis/run/draws.h"
#include "analysis/run/run_options.h"
#include "analysis/run/run_summary.h"
#include "analysis/run/summary_file.h"
#include "nn/base/number.h"

struct fus_joint {
    struct fus_run_summary_file *runs[FUS_GROUPS_MODELS];
    int n;
    struct fus_run_summary summary;
    struct fus_model_summary models[FUS_GROUPS_MODELS]; /* their layers are those of `runs` */
    uint64_t seed;
    const char *without_draws;
};

/* ---- do they belong together? ---- */

static const char *option(const struct fus_run_summary_file *run, const char *name)
{
    const char *text = fus_run_read_option(&run->file, name);
    return text ? text : "null";
}

/* Draws are paired only if all runs drew alike. */
static int check_draws_alike(const struct fus_joint *j, struct fus_error *err)
{
    static const char *const names[] = {"bootstrap", "interval", "bootstrap-over", "seed", "halves", "matched"};
    for (int i = 1; i < j->n; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            const char *a = option(j->runs[0], names[k]), *b = option(j->runs[i], names[k]);
            if (strcmp(a, b) != 0)
                return fus_base_fail(err, FUS_EINVAL,
                                     "%s and %s resampled differently: --%s is %s and %s; the same options expected",
                                     j->runs[0]->file.folder, j->runs[i]->file.folder, names[k], a, b);
        }
    return FUS_OK;
}

static int check_together(const struct fus_joint *j, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 1; i < j->n && !code; i++) {
        code = fus_run_read_same_pictures(&j->runs[0]->file, &j->runs[i]->file, err);
        if (!code)
            code = fus_run_read_same_options(&j->runs[0]->file, &j->runs[i]->file, err);
    }
    return code;
}

static int add_models(struct fus_joint *j, const struct fus_run_summary_file *run, struct fus_error *err)
{
    const struct fus_run_summary *from = &run->summary;
    for (int i = 0; i < from->n_models; i++) {
        if (j->summary.n_models == FUS_GROUPS_MODELS)
            return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d models in all", run->file.folder,
                                 FUS_GROUPS_MODELS);
        for (int k = 0; k < j->summary.n_models; k++)
            if (strcmp(j->models[k].name, from->models[i].name) == 0)
                return fus_base_fail(err, FUS_EINVAL,
                                     "%s: its model '%s' has the name of another run's: give them names when they "
                                     "are run, --model NAME=FILE",
                                     run->file.folder, from->models[i].name);
        j->models[j->summary.n_models++] = from->models[i];
    }
    return FUS_OK;
}

/* ---- draws ---- */

static bool has_draws(const struct fus_run_summary_file *run)
{
    const struct fus_model_summary *first = &run->summary.models[0];
    return fus_draws_exist(run->file.folder, first->name, first->layers[0].name);
}

static bool is_set(const struct fus_run_summary_file *run, const char *name)
{
    return strcmp(option(run, name), "true") == 0;
}

/* Whether all runs have draws. Else sets without_draws. */
static bool all_have_draws(struct fus_joint *j)
{
    bool all = true;
    for (int i = 0; i < j->n; i++) {
        bool has = has_draws(j->runs[i]);
        if (!has && !j->without_draws && (j->runs[i]->method.bootstrap > 0 || is_set(j->runs[i], "matched")))
            j->without_draws = j->runs[i]->file.folder;
        all = all && has;
    }
    return all;
}

static int need_matched(const struct fus_joint *j, struct fus_error *err)
{
    for (int i = 0; i < j->n; i++)
        if (!is_set(j->runs[i], "matched") || !has_draws(j->runs[i]))
            return fus_base_fail(err, FUS_EINVAL,
                                 "%s: does not hold the draws of a count-matched comparison: run it with --matched "
                                 "--draws, and --bootstrap B for intervals",
                                 j->runs[i]->file.folder);
    return FUS_OK;
}

static int read_draws(struct fus_run_summary_file *run, struct fus_error *err)
{
    struct fus_draws_shape shape = {.n_categories = (size_t)run->summary.n_categories,
                                    .n_resamples = run->method.bootstrap > 0 ? (size_t)run->method.bootstrap : 0,
                                    .n_images = (size_t)run->file.n_pictures,
                                    .matched = is_set(run, "matched")};
    int code = run->method.interval ? fus_bootstrap_parse(&shape.method, run->method.interval, err) : FUS_OK;
    for (int m = 0; m < run->summary.n_models && !code; m++)
        for (int l = 0; l < run->summary.models[m].n_layers && !code; l++)
            code = fus_draws_read(&run->summary.models[m].layers[l], run->file.folder, run->summary.models[m].name,
                                  &shape, err);
    return code;
}

static int add_draws(struct fus_joint *j, bool matched, struct fus_error *err)
{
    int code = matched ? need_matched(j, err) : FUS_OK;
    if (code || !all_have_draws(j))
        return code;
    code = check_draws_alike(j, err);
    for (int i = 0; i < j->n && !code; i++)
        code = read_draws(j->runs[i], err);
    return code;
}

/* ---- all of it ---- */

static int open_runs(struct fus_joint *j, const char *const *folders, int n, struct fus_error *err)
{
    int code = n <= FUS_GROUPS_MODELS
                   ? FUS_OK
                   : fus_base_fail(err, FUS_ELIMIT, "%d runs; at most %d are possible", n, FUS_GROUPS_MODELS);
    for (int i = 0; i < n && !code; i++)
        if ((code = fus_run_summary_open(&j->runs[i], folders[i], err)) == FUS_OK)
            j->n++;
    if (code)
        return code;
    code = check_together(j, err);
    j->summary = j->runs[0]->summary;
    j->summary.models = j->models;
    j->summary.n_models = 0;
    for (int i = 0; i < n && !code; i++)
        code = add_models(j, j->runs[i], err);
    return code;
}

int fus_joint_open(struct fus_joint **joint, const char *const *folders, int n, bool matched, struct fus_error *err)
{
    struct fus_joint *j = *joint = fus_base_alloc(1, sizeof *j);
    if (!j)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d runs", n);
    int code = open_runs(j, folders, n, err);
    if (!code)
        code = add_draws(j, matched, err);
    const char *seed = code ? NULL : fus_run_read_option(&j->runs[0]->file, "seed");
    if (!code && !(seed && fus_number_whole(&j->seed, seed, NULL)))
        code = fus_base_fail(err, FUS_EFORMAT, "%s/run.json: no seed in it", j->runs[0]->file.folder);
    if (code) {
        fus_joint_close(j);
        *joint = NULL;
    }
    return code;
}

void fus_joint_close(struct fus_joint *j)
{
    if (!j)
        return;
    for (int i = 0; i < j->n; i++) {
        for (int m = 0; m < j->runs[i]->summary.n_models; m++)
            for (int l = 0; l < j->runs[i]->summary.models[m].n_layers; l++)
                fus_draws_free(&j->runs[i]->summary.models[m].layers[l]);
        fus_run_summary_close(j->runs[i]);
    }
    fus_base_free(j);
}

const struct fus_run_summary *fus_joint_summary(const struct fus_joint *joint)
{
    return &joint->summary;
}

uint64_t fus_joint_seed(const struct fus_joint *joint)
{
    return joint->seed;
}

const char *fus_joint_without_draws(const struct fus_joint *joint)
{
    return joint->without_draws;
}
