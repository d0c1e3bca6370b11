/* fusiform run: the localizer, from pictures and weight files to a report. Read fus_cmd_run last: it is the method in
 * one screen. */
#include <stdio.h>
#include <string.h>

#include "tools/args.h"
#include "tools/commands.h"
#include "tools/keep.h"
#include "tools/run.h"
#include "tools/run_dir.h"

static const char help[] =
    "usage: fusiform run --model [NAME=]FILE [--model ...] [--stimuli DIR|FILE.tsv|builtin] --out DIR [options]\n\n"
    "Finds the category-selective units of every layer and writes DIR/report.html, layers.csv, compare.csv, run.json and\n"
    "units/MODEL/LAYER.npz. The results are the same bytes on every machine; only run.log is about this one.\n\n"
    "  --model [NAME=]FILE  a weight file, or an untrained control such as random:resnet50?seed=1; may be repeated\n"
    "  --stimuli DIR        one folder per (sub)category; fLoc's folder names are recognised (default: builtin, drawn)\n"
    "  --stimuli FILE.tsv   lines path<TAB>category[<TAB>subcategory[<TAB>half]], paths relative to the file's folder\n"
    "  --categories MAP     e.g. \"face=adult,child;place=house\": which folders make up which category\n"
    "  --skip-bad           leave out pictures that cannot be read, and name them in run.json; else all are listed, and nothing is done\n"
    "  --scrambled auto     a scrambled category of the others' pictures (16 x 16 boxes, --seed) where the set has none\n"
    "  --layers a,b|all     which layers (default all: the stem's relu and every block output)\n"
    "  --criterion C        which units are selective: iut (default), prince, tdann, dprime, ratio or ranksum\n"
    "  --test T             of iut: welch (default) or student\n"
    "  --correction C       of iut: bh (default), by, bonferroni or none, over the units of a layer\n"
    "  --alpha A            level of the selectivity test and of intervals (default 0.05)\n"
    "  --preset P           the rule of a paper: lu-wang, prince, tdann, baek or afraz; the report says what it stands for\n"
    "  --halves H           the halves of cross-validated numbers: units selected in one, measured in the other; reliability of the maps.\n"
    "                       alternate (default): a category's pictures in turn, or as the manifest says; option: fLoc's, adult body house\n"
    "                       word car against child limb corridor number instrument; none: no such numbers\n"
    "  --bootstrap B        intervals and paired differences of models from B resamples of the pictures\n"
    "  --interval I         of --bootstrap: centred (default), percentile or bca\n"
    "  --permutations M     permutations.csv: what M relabellings of the pictures give by chance\n"
    "  --sweep              sweep.csv: selective units under many thresholds\n"
    "  --consistency        consistency.csv: rank correlation of layers' dissimilarities, of categories and, where --bootstrap or\n"
    "                       --permutations keep them, of pictures\n"
    "  --seed N             of resampling (default 1)\n"
    "  --units labels|full  units/*.npz with labels only (default), or with mean, var, t, p, q and csi too\n"
    "  --max-memory 512M    of everything: what does not fit waits in a scratch file in DIR, layers are taken in several passes,\n"
    "                       weights a layer at a time. A line says where more is needed, and how much\n"
    "  --max-pixels N       the largest picture that is read (default 100M, at most 2G)\n"
    "  --batch N            pictures at a time (default 16, fewer where --max-memory asks for it)\n"
    "  --conv direct|auto   direct: without Winograd's algorithm for 3x3 convolutions (default auto)\n"
    "  --low-memory         hold one layer's weights at a time: slower, the same bytes; chosen where --max-memory asks for it\n"
    "  --lang-head PREFIX   name of the language head where it is not lang_head\n"
    "  --prefix [NAME=]P    which of a file's networks, where it holds several: --prefix r50=model_ema; without NAME of every model\n"
    "  --preprocess [NAME=]P  how pictures are prepared for that model, or for every one: torchvision, torchvision-v2, clip, cifar, or\n"
    "                       resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n"
    "  --resume             go on with a run of the same options that was stopped or killed in DIR; ends in the same bytes\n"
    "  --force              replace the run in DIR, finished or interrupted, as a whole; a folder with other files is refused\n"
    "  --checkpoint S       save what has been counted every S seconds (default 30; 0: after every batch)\n"
    "  --shard I/N          show the I-th of N parts of the pictures alone, for `fusiform merge`\n\n"
    "example: fusiform run --model r50=resnet50.pth --model clip=RN50.pt --stimuli fLoc/ --out out/mine\n"
    "         fusiform run --model r50=resnet50.pth --model clip=RN50.pt --layers layer4.2.relu --bootstrap 2000 --permutations 1000 --out out/sure\n";


/* ---- what the command line asks for ---- */

/* "name=file" -> both; else the name is the file's stem, or the spec. A text before `=` is a name only without / : ? */
static int name_model(struct fus_run_model *m, const char *text, struct fus_error *err)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    m->path = text;
    if (equals && n > 0 && strcspn(text, "/:?") > n) {
        m->path = equals + 1;
        snprintf(m->name, sizeof m->name, "%.*s", (int)n, text);
    } else if (strncmp(text, "random:", 7) == 0) {
        n = strlen(text);
        snprintf(m->name, sizeof m->name, "%s", text);
    } else {
        const char *slash = strrchr(text, '/'), *stem = slash ? slash + 1 : text, *dot = strrchr(stem, '.');
        n = dot && dot > stem ? (size_t)(dot - stem) : strlen(stem);
        snprintf(m->name, sizeof m->name, "%.*s", (int)n, stem);
    }
    if (n == 0 || n >= sizeof m->name || m->name[0] == '.')
        return fus_base_fail(err, FUS_EINVAL, "--model %s: a name of 1 to %zu characters that does not start with a dot expected",
                             text, sizeof m->name - 1);
    return FUS_OK;
}

static int name_models(struct fus_run *run, const struct fus_texts *models, struct fus_error *err)
{
    run->models = fus_base_alloc((size_t)models->n, sizeof *run->models);
    if (!run->models)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d models", models->n);
    for (; run->n_models < models->n; run->n_models++) {
        struct fus_run_model *m = &run->models[run->n_models];
        int code = name_model(m, models->items[run->n_models], err);
        if (code)
            return code;
        for (int i = 0; i < run->n_models; i++)
            if (strcmp(run->models[i].name, m->name) == 0)
                return fus_base_fail(err, FUS_EINVAL, "two models are called '%s': give them names, --model NAME=FILE", m->name);
    }
    return FUS_OK;
}

/* What the result does not depend on, or what is told apart: provenance.h has the set and the models themselves. */
static bool is_local(const char *option)
{
    static const char *const local[] = {"--model", "--stimuli", "--categories", "--scrambled", "--out", "--max-memory", "--batch", "--low-memory",
                                        "--shard", "--resume", "--force", "--checkpoint", "--preprocess", "--skip-bad"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strcmp(option, local[i]) == 0)
            return true;
    return false;
}

/* An option that may be given several times: each of its values. */
static bool list_values(struct fus_run *run, const struct fus_arg *arg)
{
    const struct fus_texts *values = arg->value;
    for (int i = 0; i < values->n; i++) {
        size_t bytes = strlen(arg->name) + strlen(values->items[i]) + 2;
        char *text = run->options[run->n_options] = fus_base_alloc(bytes, 1);
        if (!text)
            return false;
        snprintf(text, bytes, "%s=%s", arg->name, values->items[i]);
        run->n_options++;
    }
    return true;
}

/* The other options as they are now, for the provenance. */
static int list_options(struct fus_run *run, const struct fus_arg *args)
{
    int n = 0;
    bool failed = false;
    while (args[n].name)
        n++;
    run->options = fus_base_alloc((size_t)(n + run->prefixes.n), sizeof *run->options);
    for (int i = 0; i < n && run->options; i++) {
        if (args[i].kind == FUS_ARG_LIST && !is_local(args[i].name))
            failed = !list_values(run, &args[i]) || failed;
        char *text = is_local(args[i].name) ? NULL : fus_args_print(&args[i], &failed);
        if (text)
            run->options[run->n_options++] = text;
    }
    if (run->options && !failed)
        return 0;
    struct fus_error err = {0};
    fus_base_fail(&err, FUS_ENOMEM, "no memory for %d options", n);
    return fus_args_failed(&err);
}

int fus_run_parse(struct fus_run *run, struct fus_texts *models, int argc, char **argv)
{
    int shard[2] = {0, 0};
    static const struct fus_word some[] = {{"labels", 0}, {"full", 1}, {0}}, kernels[] = {{"auto", 0}, {"direct", 1}, {0}},
                                 made[] = {{"auto", 1}, {"none", 0}, {0}};
    struct fus_choice units = {some, 0}, conv = {kernels, 0}, scrambled = {made, 0};
    struct fus_run_choices chosen;
    fus_run_choices_start(&chosen);
    struct fus_texts none = {0}, prefixes = {run->prefixes.items, 0, 2 * FUS_RUN_MOST_MODELS};
    struct fus_texts preprocesses = {run->preprocesses.items, 0, 2 * FUS_RUN_MOST_MODELS};
    const struct fus_arg args[] = {
        {"--model", FUS_ARG_LIST, models},          {"--stimuli", FUS_ARG_TEXT, &run->stimuli},
        {"--categories", FUS_ARG_TEXT, &run->categories}, {"--out", FUS_ARG_TEXT, &run->out},
        {"--layers", FUS_ARG_TEXT, &run->layers},   {"--criterion", FUS_ARG_CHOICE, &chosen.criterion},
        {"--correction", FUS_ARG_CHOICE, &chosen.correction}, {"--alpha", FUS_ARG_REAL, &chosen.alpha},
        {"--units", FUS_ARG_CHOICE, &units},          {"--max-memory", FUS_ARG_BYTES, &run->max_memory},
        {"--batch", FUS_ARG_COUNT, &run->batch},    {"--lang-head", FUS_ARG_TEXT, &run->lang_head},
        {"--seed", FUS_ARG_SEED, &run->seed},       {"--conv", FUS_ARG_CHOICE, &conv},
        {"--low-memory", FUS_ARG_FLAG, &run->low_memory}, {"--scrambled", FUS_ARG_CHOICE, &scrambled},
        {"--test", FUS_ARG_CHOICE, &chosen.test},            {"--preset", FUS_ARG_CHOICE, &chosen.preset},
        {"--bootstrap", FUS_ARG_COUNT, &run->bootstrap}, {"--permutations", FUS_ARG_COUNT, &run->permutations},
        {"--halves", FUS_ARG_CHOICE, &chosen.halves},        {"--sweep", FUS_ARG_FLAG, &run->sweep},
        {"--consistency", FUS_ARG_FLAG, &run->consistency}, {"--interval", FUS_ARG_CHOICE, &chosen.interval},
        {"--shard", FUS_ARG_SHARE, shard},          {"--resume", FUS_ARG_FLAG, &run->resume},
        {"--checkpoint", FUS_ARG_SEED, &run->checkpoint}, {"--force", FUS_ARG_FLAG, &run->force},
        {"--prefix", FUS_ARG_LIST, &prefixes}, {"--preprocess", FUS_ARG_LIST, &preprocesses},
        {"--skip-bad", FUS_ARG_FLAG, &run->skip_bad},
        {0}};
    int status = fus_args_parse("run", help, args, &none, argc, argv);
    run->prefixes.n = prefixes.n;
    run->preprocesses.n = preprocesses.n;
    if (status)
        return status;
    if (none.n)
        return fus_args_usage("run", "'%s' is not expected; models are given with --model", none.items[0]);
    status = fus_run_choose(run, &chosen);
    if (status)
        return status;
    struct fus_error err = {0};
    if (run->categories && fus_set_parse_categories(run->categories, &err))
        return fus_args_usage("run", "--%s", err.msg);
    run->full_units = units.value, run->direct = conv.value, run->scrambled = scrambled.value;
    if (run->resume && run->force)
        return fus_args_usage("run", "--resume goes on with what is in DIR, --force begins again: one of them expected");
    if (run->batch > 256)
        return fus_args_usage("run", "--batch: %d found, at most 256 expected", run->batch);
    run->shard = shard[0], run->n_shards = shard[1];
    return list_options(run, args);
}

/* ---- what is printed ---- */

void fus_run_print(const struct fus_run *run, const struct fus_run_summary *summary)
{
    printf("report: %s/report.html\n", run->out);
    for (int i = 0; i < summary->n_models; i++) {
        const struct fus_model_summary *m = &summary->models[i];
        const struct fus_layer_summary *last = fus_run_last_place_layer(m);
        if (!last)
            continue;
        printf("%s, %s, %zu units:\n", m->name, last->name, last->n_units);
        for (int c = 0; c < summary->n_categories; c++) {
            const struct fus_category_summary *s = &last->categories[c];
            printf("  %-12s %7zu selective units (%.2f %%)", summary->categories[c], s->n_selective, 100 * s->proportion);
            if (s->n_csi)
                printf(", mean CSI %.3f", s->csi_mean);
            printf("\n");
        }
    }
}

const struct fus_run fus_run_defaults = {.stimuli = "builtin", .layers = "all", .select = {.correction = FUS_BH, .alpha = 0.05},
                                         .max_memory = (size_t)512 << 20, .seed = 1, .checkpoint = 30, .lock = -1};

/* Whether this run may use --out, before any work. */
static int claim_folder(struct fus_run *run, struct fus_error *err)
{
    struct fus_run_dir there;
    int code = fus_run_check_folders(run, err);
    if (!code)
        code = fus_run_dir_outside(run->out, run->stimuli, err);
    if (!code)
        code = fus_run_dir_look(&there, run->out, err);
    if (!code)
        code = fus_run_dir_claim(&run->replace, &there, run->out, run->resume, run->force, err);
    run->finished = !code && run->resume && there.state == FUS_RUN_DIR_FINISHED;
    return code;
}

/* The method. Stimuli are checked, each network sees them all and its units' responses are summed up, tests find the
 * selective units, tables and figures show them. */
static int localize(struct fus_run *run, struct fus_run_summary *summary, struct fus_error *err)
{
    int code = claim_folder(run, err);
    if (!code)
        code = fus_run_check_models(run, summary, err);      /* every model can be read, and has the layers asked for */
    run->models_seconds = fus_run_now() - run->started;
    if (!code)
        code = fus_run_open_stimuli(run, summary, err);      /* so can every picture */
    double start = fus_run_now();
    if (!code)
        code = fus_keep_open(run, summary, err);             /* what was done before, where it goes on */
    if (code || run->done)
        return code;
    fus_run_warn_memory(run);
    code = fus_run_make_folders(run, err);
    run->folder_seconds = fus_run_now() - start;
    for (int i = 0; i < run->n_models && !code; i++)
        fputs(run->models[i].notes ? run->models[i].notes : "", stderr);
    for (int i = 0; i < run->n_models && !code; i++)
        code = fus_run_measure_model(run, i, summary, err);  /* responses -> moments -> tests -> labels */
    if (!code && run->shard == 1)
        code = fus_keep_sheet(run, err);
    if (!code && !run->n_shards)
        code = fus_run_write_all(run, summary, err);         /* layers.csv, compare.csv, run.json, figures, report.html */
    return code;
}

int fus_cmd_run(int argc, char **argv)
{
    struct fus_run run = fus_run_defaults;
    struct fus_run_summary summary = {.version = FUS_VERSION};
    const char *named[FUS_RUN_MOST_MODELS];
    struct fus_texts models = {named, 0, FUS_RUN_MOST_MODELS};
    struct fus_error err = {0};
    int status = fus_run_parse(&run, &models, argc, argv);
    if (!status && (models.n == 0 || !run.out))
        status = fus_args_usage("run", "at least one --model [NAME=]FILE and --out DIR expected");
    if (status) {
        fus_run_free(&run, &summary);
        return status < 0 ? 0 : status;
    }
    fus_run_catch_interrupt();
    run.started = fus_run_now();
    int code = name_models(&run, &models, &err);
    if (!code && fus_run_check_per_model(&run)) {
        fus_run_free(&run, &summary);
        return 2;
    }
    if (!code)
        code = localize(&run, &summary, &err);
    if (!code && run.done)
        printf("report: %s/report.html (finished before)\n", run.out);
    if (!code && run.n_shards)
        printf("shard %d of %d, %d of %d pictures: %s/parts\n", run.shard, run.n_shards, run.end - run.first, run.set.n_pictures, run.out);
    if (!code && !run.n_shards && !run.done) {
        fus_keep_remove(&run);
        fus_run_print(&run, &summary);
    }
    if (code == FUS_ESTOPPED && run.lock >= 0)
        fus_base_blame(&err, "%s: --resume goes on: ", run.out);
    fus_keep_close(&run);
    fus_run_free(&run, &summary);
    return code ? fus_args_failed(&err) : 0;
}
