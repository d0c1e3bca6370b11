/* SPDX-License-Identifier: MIT */
/* Merging the shards of a run: the resulting directory has the same bytes as that of a single run.
 * Needs neither weights nor pictures. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/accumulator.h"
#include "analysis/localizer/run.h"
#include "analysis/localizer/second_set.h"
#include "analysis/localizer/state/checkpoint.h"
#include "analysis/localizer/state/provenance.h"
#include "analysis/localizer/state/work_dir.h"
#include "analysis/run/rules.h"
#include "analysis/run/run_dir.h"

struct shard {
    const char *out;               /* as it was given */
    char folder[FUS_RUN_DIR_PATH]; /* of its state */
    char digest[65];
    struct fus_provenance provenance;
};

struct merge {
    struct fus_localizer *run;
    struct shard *shards; /* [n], in the order of their numbers once they are checked */
    int n;
    struct merge *second; /* of the set of --validate; NULL: none */
};

/* ---- do they belong together? ---- */

static int read_shard(struct shard *s, struct fus_error *err)
{
    char *text;
    size_t length = strlen(s->folder);
    if (length > 3000)
        return fus_base_fail(err, FUS_EINVAL, "a path of %zu characters; at most 3000 are possible", length);
    int code = fus_work_dir_read(&text, s->digest, s->folder, err);
    if (code)
        return fus_base_blame(err, "%s: not a shard: ", s->out);
    code = fus_provenance_parse(&s->provenance, text, err);
    fus_base_free(text);
    if (!code && !s->provenance.n_shards)
        code = fus_base_fail(err, FUS_EINVAL, "what a whole run left that was interrupted; a shard expected");
    return code ? fus_base_blame(err, "%s/parts/run.tsv: ", s->folder) : FUS_OK;
}

/* shards [n] in the order of their numbers, each 1 .. n once. */
static int order_shards(struct shard *shards, int n, struct fus_error *err)
{
    int of = shards[0].provenance.n_shards;
    for (int i = 0; i < n; i++) {
        const struct fus_provenance *p = &shards[i].provenance;
        if (p->n_shards != of)
            return fus_base_fail(err, FUS_EINVAL, "%s is shard %d of %d, %s is shard %d of %d: they are not of one run",
                                 shards[0].out, shards[0].provenance.shard, of, shards[i].out, p->shard, p->n_shards);
        for (int k = 0; k < i; k++)
            if (shards[k].provenance.shard == p->shard)
                return fus_base_fail(err, FUS_EINVAL, "%s and %s are both shard %d of %d", shards[k].out, shards[i].out,
                                     p->shard, of);
    }
    for (int number = 1; number <= of; number++) {
        int i = number - 1;
        while (i < n && shards[i].provenance.shard != number)
            i++;
        if (i == n)
            return fus_base_fail(err, FUS_EINVAL, "shard %d of %d is missing", number, of);
        struct shard found = shards[i];
        shards[i] = shards[number - 1];
        shards[number - 1] = found;
    }
    return FUS_OK;
}

static int check_shards(struct merge *m, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < m->n && !code; i++) {
        code = read_shard(&m->shards[i], err);
        if (!code && (code = fus_provenance_same(&m->shards[i].provenance, &m->shards[0].provenance, true, err)))
            fus_base_blame(err, "%s: not of the same run as %s: ", m->shards[i].out, m->shards[0].out);
    }
    return code ? code : order_shards(m->shards, m->n, err);
}

/* ---- the run that they are shards of ---- */

static int restore_run(struct merge *m, struct fus_error *err)
{
    struct fus_localizer *run = m->run;
    int code = fus_provenance_restore(run, &m->shards[0].provenance, err);
    fus_run_options_settle(&run->options);
    if (!code)
        code = fus_run_options_check(&run->options, err);
    if (code)
        return fus_base_blame(err, "%s/parts/run.tsv: ", m->shards[0].folder);
    fus_rules_describe(run->rule, sizeof run->rule, &run->options);
    for (int i = 0; i < m->n && !code; i++)
        if ((code = fus_provenance_join(run, &m->shards[i].provenance, err)))
            fus_base_blame(err, "%s/parts/run.tsv: ", m->shards[i].folder);
    run->pictures.of_shards = true;
    if (!code)
        code = fus_run_set_describe(run, err);
    for (int i = 0; i < m->n && !code; i++) {
        int first, end;
        fus_blocks_shard(&first, &end, &run->pictures.blocks, i + 1, m->n);
        while (first < end && run->pictures.sha256[first][0])
            first++;
        if (first < end)
            code = fus_base_fail(err, FUS_EFORMAT, "%s/parts/run.tsv: its picture %s has no digest",
                                 m->shards[i].folder, run->pictures.set.pictures[first].path);
    }
    run->pictures.end = run->pictures.set.n_pictures;
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_models_choose_reference(run, i, err);
    return code ? code : fus_run_set_summarise(run, err);
}

/* ---- their state files ---- */

/* The model's files of all shards. */
static int list_files(struct fus_state_files *files, const struct merge *m, int model, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < m->n && !code; i++) {
        char folder[FUS_RUN_DIR_PATH];
        fus_run_dir_model_state(folder, m->shards[i].folder, model);
        code = fus_state_file_scan(files, folder, m->shards[i].digest, NULL, err);
    }
    return code;
}

/* Checks that the files cover every layer of a model and every picture. */
static int check_complete(const struct merge *m, const struct fus_state_files *files, int model, struct fus_error *err)
{
    const struct fus_run_model *r = &m->run->models[model];
    for (int i = 0; i < r->n_layers; i++) {
        const char *name = r->taps[i].name;
        int at = fus_checkpoint_covers(files, m->run, &name, 1, fus_run_keeps_tap(m->run, model, &r->taps[i]));
        for (int k = 0; k < m->n && at < m->run->pictures.end; k++) {
            int first, end;
            fus_blocks_shard(&first, &end, &m->run->pictures.blocks, k + 1, m->n);
            if (at >= first && at < end)
                return fus_base_fail(err, FUS_EINVAL,
                                     "%s: shard %d of %d is not finished: %s of model %s has not seen picture %d, %s; "
                                     "go on with --resume",
                                     m->shards[k].out, k + 1, m->n, name, r->name, at + 1,
                                     m->run->pictures.set.pictures[at].path);
        }
    }
    return FUS_OK;
}

/* All files of one layer, in set order. */
static int fill(struct fus_accumulator *t, const struct merge *m, const struct fus_state_files *files, const char *name,
                struct fus_error *err)
{
    int code = FUS_OK, end = m->run->pictures.end;
    for (int at = 0; at < end && !code;) {
        const struct fus_state_file *p = &files->items[fus_state_file_longest(files, FUS_STATE_MOMENTS, at, &name, 1)];
        at = p->end;
        code = fus_accumulator_read_moments(t, p, name, true, err);
    }
    for (int at = 0; at < end && t->keep && !code;) {
        const struct fus_state_file *p =
            &files->items[fus_state_file_longest(files, FUS_STATE_RESPONSES, at, &name, 1)];
        at = p->end;
        code = fus_accumulator_read_responses(t, p, name, err);
    }
    return code;
}

static int merge_layer(struct merge *m, const struct fus_state_files *files, int model, int layer,
                       struct fus_error *err)
{
    struct fus_localizer *run = m->run;
    struct fus_scratch_file scratch = {.folder = (run->first ? run->first : run)->options.folder};
    struct fus_accumulator t;
    const struct fus_tap *tap = &run->models[model].taps[layer];
    fus_accumulator_plan(&t, &run->pictures.set, &run->pictures.blocks, &scratch, tap, run->options.halves,
                         fus_run_keeps_third(run), fus_run_keeps_tap(run, model, tap));
    size_t moments = fus_accumulator_least_bytes(&t) + fus_accumulator_more_bytes(&t),
           responses = fus_accumulator_response_bytes(&t);
    bool all = moments <= run->options.max_memory, inside = all && responses <= run->options.max_memory - moments;
    int code = fus_accumulator_create(&t, all ? FUS_ACCUMULATOR_ALL : FUS_ACCUMULATOR_NONE, inside, err);
    if (!code)
        code = fill(&t, m, files, tap->name, err);
    if (!code)
        code = run->first ? fus_second_set_decide(run, model, layer, &t, err)
                          : fus_decide_layer(run, model, layer, &t, err);
    fus_accumulator_destroy(&t);
    fus_scratch_file_close(&scratch);
    return code;
}

static int merge_model(struct merge *m, int model, bool check, struct fus_error *err)
{
    struct fus_state_files files = {0};
    const struct fus_run_model *r = &m->run->models[model];
    double start = fus_run_now();
    int code = list_files(&files, m, model, err);
    if (!code && check)
        code = check_complete(m, &files, model, err);
    m->run->summary.models[model].n_layers = r->n_layers;
    for (int i = 0; i < r->n_layers && !check && !code; i++) {
        code = fus_run_stopping(m->run)
                   ? fus_base_fail(err, FUS_ESTOPPED, "stopped at %s of model %s", r->taps[i].name, r->name)
                   : merge_layer(m, &files, model, i, err);
        fus_run_progress(m->run, r->name, "layers", i + 1, r->n_layers, start);
    }
    m->run->models[model].seconds += fus_run_now() - start;
    fus_state_file_free(&files);
    return code;
}

/* Checks that --out may be used: it is not one of the shards, and nothing in it would be lost. */
static int claim_folder(struct merge *m, struct fus_error *err)
{
    struct fus_run_dir found;
    struct fus_localizer *run = m->run;
    int code = fus_run_dir_check_length(run->options.folder, err);
    if (!code)
        code = fus_run_dir_look(&found, run->options.folder, err);
    for (int i = 0; i < m->n && !code; i++)
        code = fus_run_dir_apart(run->options.folder, m->shards[i].out, err);
    return code ? code
                : fus_run_dir_claim(&run->state.replace, &found, run->options.folder, false, run->options.force, err);
}

/* Creates its folders, marked as those of a run at work. */
static int begin_folder(struct merge *m, struct fus_error *err)
{
    char *text, digest[65];
    int code = fus_work_dir_read(&text, digest, m->shards[0].folder, err);
    if (!code)
        code = fus_work_dir_begin(m->run, text, err);
    fus_base_free(text);
    return code ? code : fus_localizer_make_folders(m->run, m->run->options.folder, err);
}

/* The models over the set of --validate, after the units are chosen. */
static int merge_second(struct merge *m, bool check, struct fus_error *err)
{
    double start = fus_run_now();
    int code = FUS_OK;
    for (int i = 0; m->second && i < m->run->n_models && !code; i++)
        if ((code = merge_model(m->second, i, check, err)) != FUS_OK)
            fus_base_blame(err, "--validate: ");
    m->run->second_seconds += fus_run_now() - start;
    return code;
}

static void free_shards(struct merge *m)
{
    m->run->kept = m->shards[0].provenance.text; /* options point to texts in it */
    m->shards[0].provenance.text = NULL;
    for (int i = 0; i < m->n; i++)
        fus_provenance_free(&m->shards[i].provenance);
    fus_base_free(m->shards);
}

/* The shards of the second set are in folders of the first set's (work_dir.h). */
static int find_second(struct merge *second, const struct merge *m, struct fus_error *err)
{
    for (int i = 0; i < m->n; i++) {
        second->shards[i].out = m->shards[i].out;
        fus_run_dir_state(second->shards[i].folder, m->shards[i].out, "second");
    }
    int code = check_shards(second, err);
    if (!code)
        code = restore_run(second, err);
    return code ? code : fus_second_set_check(m->run, err);
}

/* second: empty, used if the run has a second set. */
static int restore_second(struct merge *m, struct merge *second, struct fus_error *err)
{
    struct fus_localizer *run = m->run;
    if (!run->options.validate)
        return FUS_OK;
    double start = fus_run_now();
    int code = fus_second_set_begin(run, err);
    if (code)
        return code;
    *second = (struct merge){run->second, fus_base_alloc((size_t)m->n, sizeof *second->shards), m->n, NULL};
    if (!second->shards)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d shards", m->n);
    m->second = second;
    code = find_second(second, m, err);
    run->second_seconds = fus_run_now() - start;
    return code ? fus_base_blame(err, "--validate: ") : FUS_OK;
}

static int merge(struct merge *m, struct merge *second, struct fus_error *err)
{
    struct fus_localizer *run = m->run;
    int code = claim_folder(m, err);
    if (!code)
        code = check_shards(m, err);
    if (!code)
        code = restore_run(m, err);
    if (!code)
        code = restore_second(m, second, err);
    run->models_seconds = fus_run_now() - run->started - run->second_seconds;
    if (!code)
        fus_run_dir_state(run->pictures.sheet_file, m->shards[0].folder, "pictures.png");
    for (int turn = 0; turn < 2 && !code; turn++) { /* check all models before the first is tested */
        if (turn)
            code = begin_folder(m, err);
        for (int i = 0; i < run->n_models && !code; i++)
            code = merge_model(m, i, turn == 0, err);
        if (!code)
            code = merge_second(m, turn == 0, err);
    }
    return code;
}

int fus_localizer_merge(struct fus_localizer *run, const char *const *folders, int n, fus_localizer_listener *listener,
                        void *context, struct fus_error *err)
{
    struct merge second = {0}, m = {run, n > 0 ? fus_base_alloc((size_t)n, sizeof *m.shards) : NULL, n, NULL};
    if (n < 1 || !run->options.folder || run->n_models || !m.shards) {
        fus_base_free(m.shards);
        return fus_base_fail(err, FUS_EINVAL, "shards, a folder, and a run without models expected");
    }
    run->listener = listener;
    run->listener_context = context;
    for (int i = 0; i < n; i++) {
        m.shards[i].out = folders[i];
        snprintf(m.shards[i].folder, sizeof m.shards[i].folder, "%s", folders[i]);
    }
    int code = merge(&m, &second, err);
    run->measured = !code;
    free_shards(&m);
    if (m.second)
        free_shards(m.second);
    return code;
}
