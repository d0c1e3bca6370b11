/* SPDX-License-Identifier: MIT */
/* The command line of `fusiform run`: see run_args.h. */
#include "tools/run_args.h"

#include <stdio.h>
#include <string.h>

#include "analysis/run/rules.h"
#include "tools/model_args.h"

static const char help[] =
    "usage: fusiform run --model [NAME=]FILE [--model ...] [--stimuli DIR|FILE.tsv|builtin] --out DIR [options]\n\n"
    "Finds the category-selective units of every layer and writes DIR/report.html, layers.csv, compare.csv, run.json "
    "and\n"
    "units/MODEL/LAYER.npz. The results are the same bytes on every machine; only run.log is about this one.\n\n"
    "  --model [NAME=]FILE  a weight file, an untrained control such as random:resnet50?seed=1, or one\n"
    "                       trained on drawings: demo:vision, demo:control, demo:lang, demo:clip; or a baseline "
    "without "
    "any network:\n"
    "                       pixels:32 (the colour values of reduced pictures), gabor (filters at four scales); may be "
    "repeated\n"
    "  --stimuli DIR        one folder per (sub)category; fLoc's folder names are recognised (default: builtin, "
    "drawn)\n"
    "  --stimuli FILE.tsv   lines path<TAB>category[<TAB>subcategory[<TAB>half]], paths relative to the file's folder\n"
    "  --categories MAP     e.g. \"face=adult,child;place=house\": which folders make up which category; all: each "
    "folder; of fLoc's\n"
    "                       folders floc: with objects (car, instrument) among the rivals, the default of folders; "
    "no-objects: without\n"
    "  --skip-bad           leave out pictures that cannot be read, and name them in run.json; else all are listed, "
    "and nothing is done\n"
    "  --scrambled auto     a scrambled category of the others' pictures (16 x 16 boxes, --seed) where the set has "
    "none\n"
    "  --layers a,b|all     which layers (default all: the stem's relu and every block output)\n"
    "  --criterion C        which units are selective: iut (default), prince, tdann, dprime, ratio or ranksum\n"
    "  --test T             of iut: balanced (default: holds its level for skewed responses and unequal numbers of "
    "pictures; equal\n"
    "                       to welch where numbers are equal), welch, student, or permutation: exact where c and k "
    "respond alike, from\n"
    "                       relabelled pictures, which needs every response kept. Its p are at least 1/(M+1), M of "
    "--permutations:\n"
    "                       by bh a layer has selective units only if a share of at least 1/(alpha (M+1)) of its units "
    "reach that;\n"
    "                       not with --bootstrap, --subsample, --sweep\n"
    "  --correction C       of iut: bh (default), by, bonferroni or none, over the units of a layer\n"
    "  --alpha A            level of the selectivity test and of intervals (default 0.05)\n"
    "  --preset P           the rule of a paper: lu-wang, prince, tdann, baek or afraz; the report says what it stands "
    "for\n"
    "  --halves H           the halves of cross-validated numbers: units selected in one, measured in the other; "
    "reliability of the maps.\n"
    "                       alternate (default): a category's pictures in turn, or as the manifest says; option: "
    "fLoc's, adult body house\n"
    "                       word car against child limb corridor number instrument; none: no such numbers\n"
    "  --bootstrap B        intervals and paired differences of models from B resamples of the pictures\n"
    "  --interval I         of --bootstrap: centred (default), percentile or bca\n"
    "  --bootstrap-over W   what is resampled: pictures (default; within their subcategory: intervals speak of these "
    "very folders),\n"
    "                       subcategories (within their category: of other exemplars of it), or both\n"
    "  --matched            matched.csv: models compared by the CSI and the places of as many units of each, chosen in "
    "one half of\n"
    "                       the pictures and measured in the other; with --bootstrap intervals and p of the "
    "differences. agreement.csv:\n"
    "                       whether their units respond to the same pictures\n"
    "  --draws              draws/MODEL/LAYER.npz: the statistics of --bootstrap and --matched in every resample, from "
    "which\n"
    "                       `fusiform compare` makes matched.csv and groups.csv for models of several runs\n"
    "  --group NAME=M,M,... trainings of one kind, models by their names; for each kind one --group. groups.csv: "
    "means, "
    "differences,\n"
    "                       p over relabelled trainings, intervals over trainings and, with --bootstrap, pictures\n"
    "  --sesoi LOGRATIO     the smallest log ratio of two models' shares that would matter, e.g. 0.22 for a quarter "
    "more: compare.csv\n"
    "                       and the report say whether shares are equivalent within it (needs --bootstrap)\n"
    "  --permutations M     permutations.csv: what M relabellings of the pictures give by chance; with --test "
    "permutation no table but\n"
    "                       the relabellings of that test (default 9999)\n"
    "  --sweep              sweep.csv: selective units under many thresholds\n"
    "  --subsample N,N,...  power.csv: proportion, CSI, CV and Morisita's index against pictures per category, and "
    "against alpha; which\n"
    "                       models change their order\n"
    "  --validate STIMULI2  validate.csv: the selective units measured in a second set of pictures (as --stimuli; same "
    "--categories,\n"
    "                       matched by name): share that still prefers the category, CSI, d', AUC, with --bootstrap "
    "intervals over\n"
    "                       its pictures, and the overlap with the units that set would choose\n"
    "  --equal-n            equal_n.csv: the units selected from as many pictures of each category as the smallest one "
    "has, by the median\n"
    "                       p of 20 draws: to compare categories of different size (with --criterion iut)\n"
    "  --consistency        consistency.csv: rank correlation of layers' dissimilarities, of categories and, where "
    "--bootstrap or\n"
    "                       --permutations keep them, of pictures: with\n"
    "                       interval (--bootstrap), Mantel's p (--permutations) and ceiling, from halves of the units\n"
    "  --seed N             of resampling (default 1)\n"
    "  --units labels|full  units/*.npz with labels only (default), or with mean, var, t, p, q and csi too\n"
    "  --max-memory 512M    of everything: what does not fit waits in a scratch file in DIR, layers are taken in "
    "several passes,\n"
    "                       weights a layer at a time. A line says where more is needed, and how much\n"
    "  --max-pixels N       the largest picture that is read (default 100M, at most 2G)\n"
    "  --batch N            pictures at a time (default 16, fewer where --max-memory asks for it)\n"
    "  --conv direct|auto   direct: without Winograd's algorithm for 3x3 convolutions (default auto)\n"
    "  --precision P        bf16: convolutions and linear layers of numbers of 8 bits' precision, faster where the CPU "
    "has AMX; other\n"
    "                       bytes than fp32 (default), and like them the same everywhere\n"
    "  --low-memory         hold one layer's weights at a time: slower, the same bytes; chosen where --max-memory asks "
    "for it\n"
    "  --lang-head PREFIX   name of the language head where it is not lang_head\n"
    "  --activation A       quickgelu or gelu, of CLIP's transformers where the file does not say\n"
    "  --prefix [NAME=]P    which of a file's networks, where it holds several: --prefix r50=model_ema; without NAME "
    "of every model\n"
    "  --preprocess [NAME=]P  how pictures are prepared for that model, or for every one: torchvision, torchvision-v2, "
    "clip, cifar, or\n"
    "                       resize=256,interp=bilinear,crop=224,mean=.485/.456/.406,std=.229/.224/.225\n"
    "  --resume             go on with a run of the same options that was stopped or killed in DIR; ends in the same "
    "bytes\n"
    "  --force              replace the run in DIR, finished or interrupted, as a whole; a folder with other files is "
    "refused\n"
    "  --checkpoint S       save what has been counted every S seconds (default 30; 0: after every batch), later\n"
    "                       where saving would take more than a tenth of the time\n"
    "  --shard I/N          show the I-th of N parts of the pictures alone, for `fusiform merge`\n\n"
    "example: fusiform run --model r50=resnet50.pth --model clip=RN50.pt --stimuli fLoc/ --out out/mine\n"
    "         fusiform run --model r50=resnet50.pth --model clip=RN50.pt --layers layer4.2.relu --bootstrap 2000 "
    "--permutations 1000 --out out/sure\n";

/* ---- which units are selective ---- */

enum { RELABELLINGS = 9999 }; /* of --test permutation without --permutations */

static const struct fus_word tests[] = {{"balanced", FUS_TEST_BALANCED},
                                        {"welch", FUS_TEST_WELCH},
                                        {"student", FUS_TEST_STUDENT},
                                        {"permutation", FUS_TEST_PERMUTATION},
                                        {0}};
static const struct fus_word halves[] = {
    {"alternate", FUS_HALVES_ALTERNATE}, {"option", FUS_HALVES_OPTION}, {"none", FUS_HALVES_NONE}, {0}};

/* As given; -1 or 0: not given. */
struct choices {
    struct fus_choice preset, criterion, test, correction, halves, interval, over;
    double alpha;
    struct fus_word presets[8], criteria[8], intervals[4], overs[4], corrections[5]; /* the words of these */
};

static void start_choices(struct choices *c)
{
    const struct fus_rules_preset *preset;
    *c = (struct choices){.preset = {c->presets, -1},
                          .criterion = {c->criteria, -1},
                          .test = {tests, -1},
                          .correction = {c->corrections, -1},
                          .halves = {halves, FUS_HALVES_ALTERNATE},
                          .interval = {c->intervals, -1},
                          .over = {c->overs, -1}};
    for (int i = 0; (preset = fus_rules_at((size_t)i)) != NULL; i++)
        c->presets[i] = (struct fus_word){preset->name, i};
    for (int i = FUS_CRITERION_IUT; i <= FUS_CRITERION_RANKSUM; i++)
        c->criteria[i] = (struct fus_word){fus_criteria_name((enum fus_criterion)i), i};
    for (int i = 0; i < 3; i++)
        c->intervals[i] = (struct fus_word){fus_bootstrap_name((enum fus_interval_method)i), i};
    for (int i = 0; i < 3; i++)
        c->overs[i] = (struct fus_word){fus_redraw_name((enum fus_redraw_over)i), i};
    for (int i = FUS_BH; i <= FUS_UNCORRECTED; i++)
        c->corrections[i] = (struct fus_word){fus_multiple_name((enum fus_correction)i), i};
}

/* What was given in vain; 0, or 2 after a message. */
static int check_choices(const struct fus_run_options *o, const struct choices *c)
{
    enum fus_criterion criterion = o->select.criterion;
    const char *name = fus_criteria_name(criterion);
    if (criterion != FUS_CRITERION_IUT && (c->test.value >= 0 || c->correction.value >= 0))
        return fus_args_usage("run", "%s belongs to --criterion iut; %s says itself what it tests and how it corrects",
                              c->test.value >= 0 ? "--test" : "--correction", name);
    if (c->alpha > 0 && criterion > FUS_CRITERION_PRINCE && !o->bootstrap && !o->permutations)
        return fus_args_usage(
            "run", "--alpha belongs to --criterion iut and prince, and to intervals; %s has a threshold of its own",
            name);
    if (c->interval.value >= 0 && !o->bootstrap)
        return fus_args_usage("run", "--interval says how --bootstrap B makes intervals, which is not there");
    if (c->over.value >= 0 && !o->bootstrap)
        return fus_args_usage("run", "--bootstrap-over says what --bootstrap B draws, which is not there");
    return 0;
}

static void take_choices(struct fus_run_options *o, const struct choices *c)
{
    const struct fus_rules_preset *preset = c->preset.value >= 0 ? fus_rules_at((size_t)c->preset.value) : NULL;
    o->preset = preset ? preset->name : NULL;
    if (preset)
        o->select.criterion = preset->criterion;
    if (c->criterion.value >= 0)
        o->select.criterion = (enum fus_criterion)c->criterion.value;
    if (c->test.value >= 0)
        o->select.test = (enum fus_test)c->test.value;
    if (o->select.test == FUS_TEST_PERMUTATION && !o->permutations)
        o->permutations = RELABELLINGS;
    if (c->alpha > 0)
        o->select.alpha = c->alpha;
    if (c->correction.value >= 0)
        o->select.correction = (enum fus_correction)c->correction.value;
    if (c->interval.value >= 0)
        o->interval = (enum fus_interval_method)c->interval.value;
    if (c->over.value >= 0)
        o->over = (enum fus_redraw_over)c->over.value;
    o->halves = (enum fus_run_halves)c->halves.value;
}

const char *fus_run_args_groups(char to[FUS_RUN_ARGS_GROUPS], const struct fus_texts *groups, struct fus_error *err)
{
    struct fus_groups form;
    size_t n = 0;
    for (int i = 0; i < groups->n; i++) {
        int written = snprintf(to + n, FUS_RUN_ARGS_GROUPS - n, "%s%s", i ? ";" : "", groups->items[i]);
        if (written < 0 || (size_t)written >= FUS_RUN_ARGS_GROUPS - n) {
            fus_base_fail(err, FUS_EINVAL, "--group: the lists are longer than %d characters", FUS_RUN_ARGS_GROUPS - 1);
            return NULL;
        }
        n += (size_t)written;
    }
    return fus_groups_parse(&form, to, NULL, 0, err) ? NULL : to;
}

/* ---- models ---- */

/* "name=file" -> both; else the file alone. A text before `=` is a name only without / : ? */
static void name_model(struct fus_run_args_model *m, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0;
    *m = (struct fus_run_args_model){.file = text};
    if (n == 0 || strcspn(text, "/:?") <= n)
        return;
    n = n < sizeof m->name ? n : sizeof m->name - 1; /* which is too long: fus_localizer_add_model says so */
    memcpy(m->name, text, n);
    m->file = equals + 1;
}

/* Each is understood, as VALUE or as NAME=VALUE. 0, or 2 after a message. */
static int check_preprocesses(const struct fus_run_per_model *p)
{
    struct fus_preprocess parsed;
    int status = 0;
    for (int i = 0; i < p->n && !status; i++) {
        const char *equals = strchr(p->items[i], '=');
        bool named = equals && fus_preprocess_parse(&parsed, p->items[i], NULL);
        const struct fus_model_choice choice = {.preprocess = named ? equals + 1 : p->items[i]};
        status = fus_model_args_check("run", &choice);
    }
    return status;
}

/* ---- the command line ---- */

/* What does not go together; 0, or 2 after a message. */
static int check(const struct fus_run_options *o, const struct choices *chosen)
{
    struct fus_error err = {0};
    int status = check_choices(o, chosen);
    if (!status && fus_run_options_check(o, &err))
        status = fus_args_usage("run", "%s", err.msg);
    if (!status && o->categories && fus_set_parse_categories(o->categories, &err))
        status = fus_args_usage("run", "--%s", err.msg);
    return status ? status : check_preprocesses(&o->preprocesses);
}

int fus_run_args_parse(struct fus_run_args *a, int argc, char **argv)
{
    static const struct fus_word some[] = {{"labels", 0}, {"full", 1}, {0}},
                                 kernels[] = {{"auto", 0}, {"direct", 1}, {0}},
                                 made[] = {{"auto", 1}, {"none", 0}, {0}};
    struct fus_choice units = {some, 0}, conv = {kernels, 0},
                      precision = {fus_model_args_precisions, FUS_PRECISION_FP32}, scrambled = {made, 0};
    struct fus_run_options *o = &a->options;
    struct choices chosen;
    const char *named[FUS_RUN_MAX_MODELS];
    int shard[2] = {0, 0};
    const char *listed[FUS_GROUPS_MAX];
    struct fus_error err = {0};
    struct fus_texts groups = {listed, 0, FUS_GROUPS_MAX};
    struct fus_texts none, models = {named, 0, FUS_RUN_MAX_MODELS};
    struct fus_texts prefixes = {o->prefixes.items, 0, 2 * FUS_RUN_MAX_MODELS},
                     preprocesses = {o->preprocesses.items, 0, 2 * FUS_RUN_MAX_MODELS};
    *o = fus_run_options_defaults;
    start_choices(&chosen);
    const struct fus_arg args[] = {{"--model", FUS_ARG_LIST, &models},
                                   {"--stimuli", FUS_ARG_TEXT, &o->stimuli},
                                   {"--categories", FUS_ARG_TEXT, &o->categories},
                                   {"--out", FUS_ARG_TEXT, &o->folder},
                                   {"--layers", FUS_ARG_TEXT, &o->layers},
                                   {"--criterion", FUS_ARG_CHOICE, &chosen.criterion},
                                   {"--correction", FUS_ARG_CHOICE, &chosen.correction},
                                   {"--alpha", FUS_ARG_REAL, &chosen.alpha},
                                   {"--units", FUS_ARG_CHOICE, &units},
                                   {"--max-memory", FUS_ARG_BYTES, &o->max_memory},
                                   {"--batch", FUS_ARG_COUNT, &o->batch},
                                   {"--lang-head", FUS_ARG_TEXT, &o->lang_head},
                                   {"--seed", FUS_ARG_SEED, &o->seed},
                                   {"--conv", FUS_ARG_CHOICE, &conv},
                                   {"--precision", FUS_ARG_CHOICE, &precision},
                                   {"--low-memory", FUS_ARG_FLAG, &o->low_memory},
                                   {"--scrambled", FUS_ARG_CHOICE, &scrambled},
                                   {"--test", FUS_ARG_CHOICE, &chosen.test},
                                   {"--preset", FUS_ARG_CHOICE, &chosen.preset},
                                   {"--bootstrap", FUS_ARG_COUNT, &o->bootstrap},
                                   {"--permutations", FUS_ARG_COUNT, &o->permutations},
                                   {"--halves", FUS_ARG_CHOICE, &chosen.halves},
                                   {"--sweep", FUS_ARG_FLAG, &o->sweep},
                                   {"--consistency", FUS_ARG_FLAG, &o->consistency},
                                   {"--matched", FUS_ARG_FLAG, &o->matched},
                                   {"--draws", FUS_ARG_FLAG, &o->draws},
                                   {"--sesoi", FUS_ARG_REAL, &o->sesoi},
                                   {"--group", FUS_ARG_LIST, &groups},
                                   {"--subsample", FUS_ARG_TEXT, &o->subsample},
                                   {"--validate", FUS_ARG_TEXT, &o->validate},
                                   {"--equal-n", FUS_ARG_FLAG, &o->equal_n},
                                   {"--interval", FUS_ARG_CHOICE, &chosen.interval},
                                   {"--bootstrap-over", FUS_ARG_CHOICE, &chosen.over},
                                   {"--shard", FUS_ARG_SHARE, shard},
                                   {"--resume", FUS_ARG_FLAG, &o->resume},
                                   {"--checkpoint", FUS_ARG_SEED, &o->checkpoint},
                                   {"--force", FUS_ARG_FLAG, &o->force},
                                   {"--prefix", FUS_ARG_LIST, &prefixes},
                                   {"--activation", FUS_ARG_TEXT, &o->activation},
                                   {"--preprocess", FUS_ARG_LIST, &preprocesses},
                                   {"--skip-bad", FUS_ARG_FLAG, &o->skip_bad},
                                   {0}};
    int status = fus_args_parse("run", help, args, &none, argc, argv);
    if (status)
        return status;
    if (none.n)
        return fus_args_usage("run", "'%s' is not expected; models are given with --model", none.items[0]);
    if (models.n == 0 || !o->folder)
        return fus_args_usage("run", "at least one --model [NAME=]FILE and --out DIR expected");
    take_choices(o, &chosen);
    if (groups.n && !(o->groups = fus_run_args_groups(a->groups, &groups, &err)))
        return fus_args_usage("run", "%s", err.msg);
    o->full_units = units.value, o->direct = conv.value, o->scrambled = scrambled.value;
    o->precision = (enum fus_precision)precision.value;
    o->shard = shard[0], o->n_shards = shard[1];
    o->prefixes.n = prefixes.n, o->preprocesses.n = preprocesses.n;
    for (a->n_models = 0; a->n_models < models.n; a->n_models++)
        name_model(&a->models[a->n_models], models.items[a->n_models]);
    return check(o, &chosen);
}

/* ---- output ---- */

void fus_run_args_print(const struct fus_run_summary *summary, const char *folder)
{
    printf("report: %s/report.html\n", folder);
    for (int i = 0; i < summary->n_models; i++) {
        const struct fus_model_summary *m = &summary->models[i];
        const struct fus_layer_summary *last = fus_summary_last_place_layer(m);
        if (!last)
            continue;
        printf("%s, %s, %zu units:\n", m->name, last->name, last->n_units);
        for (int c = 0; c < summary->n_categories; c++) {
            const struct fus_category_summary *s = &last->categories[c];
            printf("  %-12s %7zu selective units (%.2f %%)", summary->categories[c], s->n_selective,
                   100 * s->proportion);
            if (s->n_csi)
                printf(", mean CSI %.3f", s->csi_mean);
            printf("\n");
        }
    }
}
