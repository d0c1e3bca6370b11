/* fusiform merge: what the shards of a run counted, put together: the very directory that one run would have written. Needs neither weights
 * nor pictures. */
#include <stdio.h>
#include <string.h>

#include "tools/args.h"
#include "tools/checkpoint.h"
#include "tools/commands.h"
#include "tools/keep.h"
#include "tools/provenance.h"
#include "tools/run_dir.h"

static const char help[] =
    "usage: fusiform merge PART... --out DIR [--force] [--max-memory 512M]\n\n"
    "PART are the --out folders of `fusiform run --shard I/N` for I = 1 .. N, of one set of pictures, one list of models and the same\n"
    "options. Writes into DIR what one run over all pictures writes, byte for byte (run.log aside). Neither weights nor pictures are read.\n\n"
    "  --force              replace the run in DIR as a whole; a folder with other files is refused\n"
    "  --max-memory 512M    of statistics, a layer at a time; what does not fit waits in a scratch file in DIR\n\n"
    "example: fusiform merge out/part-1 out/part-2 out/part-3 --out out/all\n";

struct shard {
    const char *folder;
    char digest[65];
    struct fus_provenance provenance;
};

struct merge {
    struct fus_run run;
    struct fus_run_summary summary;
    struct shard *shards; /* [n], in the order of their numbers once they are checked */
    int n;
    char **options;       /* [n_options] "--alpha=0.05" */
    int n_options;
    char sheet[4096];
};

/* ---- do they belong together? ---- */

static int read_shard(struct shard *s, struct fus_error *err)
{
    char *text;
    if (strlen(s->folder) > 3000)
        return fus_base_fail(err, FUS_EINVAL, "a path of %zu characters; at most 3000 are possible", strlen(s->folder));
    int code = fus_keep_read(&text, s->digest, s->folder, err);
    if (code)
        return fus_base_blame(err, "%s: not a shard: ", s->folder);
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
            return fus_base_fail(err, FUS_EINVAL, "%s is shard %d of %d, %s is shard %d of %d: they are not of one run", shards[0].folder,
                                 shards[0].provenance.shard, of, shards[i].folder, p->shard, p->n_shards);
        for (int k = 0; k < i; k++)
            if (shards[k].provenance.shard == p->shard)
                return fus_base_fail(err, FUS_EINVAL, "%s and %s are both shard %d of %d", shards[k].folder, shards[i].folder, p->shard, of);
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
            fus_base_blame(err, "%s: not of the same run as %s: ", m->shards[i].folder, m->shards[0].folder);
    }
    return code ? code : order_shards(m->shards, m->n, err);
}

/* ---- the run that they are shards of ---- */

/* The options, as `fusiform run` takes them; the run goes on pointing to their texts. */
static int restore_options(struct merge *m, struct fus_error *err)
{
    const struct fus_provenance *p = &m->shards[0].provenance;
    const char *none[1];
    struct fus_texts models = {none, 0, 1};
    m->options = fus_base_alloc((size_t)p->n, sizeof *m->options);
    char **argv = fus_base_alloc((size_t)p->n, sizeof *argv); /* parsing moves what is in it */
    int code = m->options && argv ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the options");
    for (int i = 0; i < p->n && !code; i++) {
        const struct fus_provenance_line *l = &p->lines[i];
        if (strcmp(l->field[0], "option") != 0 || l->n != 3)
            continue;
        size_t bytes = strlen(l->field[1]) + strlen(l->field[2]) + 2;
        char *text = m->options[m->n_options] = fus_base_alloc(bytes, 1);
        if (!text)
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for the options");
        else
            snprintf(text, bytes, "%s%s%s", l->field[1], *l->field[2] ? "=" : "", l->field[2]);
        argv[m->n_options++] = text;
    }
    if (!code && fus_run_parse(&m->run, &models, m->n_options, argv))
        code = fus_base_fail(err, FUS_EFORMAT, "%s/parts/run.tsv: its options are not those of this program", m->shards[0].folder);
    fus_base_free(argv);
    return code;
}

static int restore_run(struct merge *m, struct fus_error *err)
{
    struct fus_run *run = &m->run;
    int code = fus_provenance_restore(run, &m->summary, &m->shards[0].provenance, err);
    if (code)
        return fus_base_blame(err, "%s/parts/run.tsv: ", m->shards[0].folder);
    for (int i = 0; i < m->n && !code; i++)
        if ((code = fus_provenance_join(run, &m->shards[i].provenance, err)))
            fus_base_blame(err, "%s/parts/run.tsv: ", m->shards[i].folder);
    if (!code)
        code = fus_run_describe_set(run, &m->summary, err);
    for (int i = 0; i < m->n && !code; i++) {
        int first, end;
        fus_parts_shard(&first, &end, &run->parts, i + 1, m->n);
        while (first < end && run->picture_sha256[first][0])
            first++;
        if (first < end)
            code = fus_base_fail(err, FUS_EFORMAT, "%s/parts/run.tsv: its picture %s has no digest", m->shards[i].folder, run->set.pictures[first].path);
    }
    run->end = run->set.n_pictures;
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_run_choose_reference(&run->models[i], run, err);
    return code ? code : fus_run_summarise_pixels(run, &m->summary, err);
}

/* ---- what they counted ---- */

/* The model's pieces of all shards. */
static int list_pieces(struct fus_pieces *pieces, const struct merge *m, int model, struct fus_error *err)
{
    int code = FUS_OK;
    for (int i = 0; i < m->n && !code; i++) {
        struct fus_run there = {.out = m->shards[i].folder};
        char folder[4096];
        fus_keep_folder(folder, sizeof folder, &there, model);
        code = fus_pieces_scan(pieces, folder, m->shards[i].digest, true, err);
    }
    return code;
}

/* Every layer of a model has been counted over every picture. */
static int check_complete(const struct merge *m, const struct fus_pieces *pieces, int model, struct fus_error *err)
{
    const struct fus_run_model *r = &m->run.models[model];
    for (int i = 0; i < r->n_layers; i++) {
        const char *name = r->taps[i].name;
        int at = fus_checkpoint_covers(pieces, &m->run, &name, 1, fus_run_keeps_tap(&m->run, model, &r->taps[i]));
        for (int k = 0; k < m->n && at < m->run.end; k++) {
            int first, end;
            fus_parts_shard(&first, &end, &m->run.parts, k + 1, m->n);
            if (at >= first && at < end)
                return fus_base_fail(err, FUS_EINVAL, "%s: shard %d of %d is not finished: %s of model %s has not seen picture %d, %s; go on with --resume",
                                     m->shards[k].folder, k + 1, m->n, name, r->name, at + 1, m->run.set.pictures[at].path);
        }
    }
    return FUS_OK;
}

/* All pieces of one layer, in set order. */
static int fill(struct fus_tally *t, const struct merge *m, const struct fus_pieces *pieces, const char *name, struct fus_error *err)
{
    int code = FUS_OK, end = m->run.end;
    for (int at = 0; at < end && !code;) {
        const struct fus_piece *p = &pieces->items[fus_pieces_longest(pieces, FUS_PIECE_MOMENTS, at, &name, 1)];
        at = p->end;
        code = fus_tally_read_part(t, p, name, err);
        if (!code)
            code = fus_tally_end_part(t, m->run.set.pictures[at - 1].category, err);
    }
    for (int at = 0; at < end && t->keep && !code;) {
        const struct fus_piece *p = &pieces->items[fus_pieces_longest(pieces, FUS_PIECE_RESPONSES, at, &name, 1)];
        at = p->end;
        code = fus_tally_read_responses(t, p, name, err);
    }
    return code;
}

static int merge_layer(struct merge *m, const struct fus_pieces *pieces, int model, int layer, struct fus_error *err)
{
    struct fus_run *run = &m->run;
    struct fus_scratch scratch = {.folder = run->out};
    struct fus_tally t;
    const struct fus_tap *tap = &run->models[model].taps[layer];
    fus_tally_plan(&t, &run->set, run->parts.order, &scratch, tap, run->halves, fus_run_keeps_tap(run, model, tap));
    size_t moments = fus_tally_least_bytes(&t) + fus_tally_more_bytes(&t), responses = fus_tally_response_bytes(&t);
    bool all = moments <= run->max_memory, inside = all && responses <= run->max_memory - moments;
    int code = fus_tally_create(&t, all, inside, err);
    if (!code)
        code = fill(&t, m, pieces, tap->name, err);
    if (!code)
        code = fus_run_decide_layer(run, &m->summary, model, layer, &t, err);
    fus_tally_destroy(&t);
    fus_scratch_close(&scratch);
    return code;
}

static int merge_model(struct merge *m, int model, bool check, struct fus_error *err)
{
    struct fus_pieces pieces = {0};
    const struct fus_run_model *r = &m->run.models[model];
    double start = fus_run_now();
    int code = list_pieces(&pieces, m, model, err);
    if (!code && check)
        code = check_complete(m, &pieces, model, err);
    m->summary.models[model].n_layers = r->n_layers;
    for (int i = 0; i < r->n_layers && !check && !code; i++) {
        code = fus_run_stopping() ? fus_base_fail(err, FUS_ESTOPPED, "stopped at %s of model %s", r->taps[i].name, r->name)
                                  : merge_layer(m, &pieces, model, i, err);
        fus_run_progress(r->name, "layers", i + 1, r->n_layers, start);
    }
    m->run.models[model].seconds += fus_run_now() - start;
    fus_pieces_free(&pieces);
    return code;
}

/* Whether --out may be used: it is none of the shards, and holds nothing that would be lost. */
static int claim_folder(struct merge *m, struct fus_error *err)
{
    struct fus_run_dir there;
    struct fus_run *run = &m->run;
    int code = strlen(run->out) <= 3000 ? fus_run_dir_look(&there, run->out, err)
                                        : fus_base_fail(err, FUS_EINVAL, "--out: a path of %zu characters; at most 3000 are possible", strlen(run->out));
    for (int i = 0; i < m->n && !code; i++)
        code = fus_run_dir_apart(run->out, m->shards[i].folder, err);
    return code ? code : fus_run_dir_claim(&run->replace, &there, run->out, false, run->force, err);
}

/* Its folders, marked as a run's that is at work. */
static int begin_folder(struct merge *m, struct fus_error *err)
{
    char *text, digest[65];
    int code = fus_keep_read(&text, digest, m->shards[0].folder, err);
    if (!code)
        code = fus_keep_begin(&m->run, text, err);
    fus_base_free(text);
    return code ? code : fus_run_make_folders(&m->run, err);
}

static int merge(struct merge *m, struct fus_error *err)
{
    int code = claim_folder(m, err);
    if (!code)
        code = check_shards(m, err);
    if (!code)
        code = restore_options(m, err);
    if (!code)
        code = restore_run(m, err);
    m->run.models_seconds = fus_run_now() - m->run.started;
    fus_keep_sheet_path(m->sheet, sizeof m->sheet, m->shards[0].folder);
    m->run.sheet = m->sheet;
    for (int turn = 0; turn < 2 && !code; turn++) { /* all are complete before the first is decided on */
        if (turn)
            code = begin_folder(m, err);
        for (int i = 0; i < m->run.n_models && !code; i++)
            code = merge_model(m, i, turn == 0, err);
    }
    return code ? code : fus_run_write_all(&m->run, &m->summary, err);
}

int fus_cmd_merge(int argc, char **argv)
{
    struct merge m = {.run = fus_run_defaults, .summary = {.version = FUS_VERSION}};
    const char *out = NULL;
    struct fus_texts folders;
    const struct fus_arg args[] = {{"--out", FUS_ARG_TEXT, &out}, {"--max-memory", FUS_ARG_BYTES, &m.run.max_memory},
                                   {"--force", FUS_ARG_FLAG, &m.run.force}, {0}};
    struct fus_error err = {0};
    int status = fus_args_parse("merge", help, args, &folders, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (folders.n == 0 || !out)
        return fus_args_usage("merge", "at least one PART and --out DIR expected");
    fus_run_catch_interrupt();
    m.run.started = fus_run_now();
    m.n = folders.n;
    m.shards = fus_base_alloc((size_t)m.n, sizeof *m.shards);
    int code = m.shards ? FUS_OK : fus_base_fail(&err, FUS_ENOMEM, "no memory for %d shards", m.n);
    for (int i = 0; i < m.n && !code; i++)
        m.shards[i].folder = folders.items[i];
    m.run.out = out;
    if (!code)
        code = merge(&m, &err);
    if (!code) {
        fus_keep_remove(&m.run);
        fus_run_print(&m.run, &m.summary);
    }
    fus_keep_close(&m.run);
    for (int i = 0; i < m.n && m.shards; i++)
        fus_provenance_free(&m.shards[i].provenance);
    for (int i = 0; i < m.n_options; i++)
        fus_base_free(m.options[i]);
    fus_base_free(m.options);
    fus_base_free(m.shards);
    fus_run_free(&m.run, &m.summary);
    return code ? fus_args_failed(&err) : 0;
}
