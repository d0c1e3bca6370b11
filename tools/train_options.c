/* SPDX-License-Identifier: MIT */
/* Options of `fusiform train`: one table of words, one of numbers with their ranges, what
 * is said by default. */
#include "tools/train_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "stimuli/feed.h"
#include "tools/args.h"
#include "tools/model_args.h"

static const char help[] =
    "usage: fusiform train --model START --stimuli SPEC --out DIR [options]\n\n"
    "Trains a network, or trains it further, on classes (folders of pictures) and on what captions say. The same bytes "
    "on every\n"
    "machine, for any number of threads and memory limit, however often it was stopped and resumed.\n\n"
    "start and pictures\n"
    "  --model START       a weight file, or random:resnet?stem=7x7&blocks=2,2,2&width=16&input=64&seed=1[&zero=1],\n"
    "                      random:clip_resnet?blocks=2,2,2&width=16&input=64&embed=64, random:cifar_resnet20?seed=1, "
    "...\n"
    "  --stimuli SPEC      a folder of folders, FILE.tsv, or builtin?per_category=400&seed=101&side=64; classes are "
    "the folders\n"
    "  --fresh             builtin: new pictures each epoch, eight drawing seeds in turn\n"
    "  --validate V        10%: every tenth picture of each class is held out (default); or another set\n"
    "  --augment A         crop[=.08,1],shift=N,flip,jitter=J or none (default shift=3,jitter=.2)\n"
    "  --preprocess P, --prefix P, --lang-head PREFIX   of START, as in `fusiform run`\n"
    "tasks\n"
    "  --classify W        weight of the classification loss (default 1); 0 leaves it and fc out\n"
    "  --smooth E          label smoothing (default 0)\n"
    "  --language T        lsa[:D], FILE.npy (names in FILE.txt), glove.txt, FILE.vec, FILE.bin; clip:FILE: a CLIP "
    "file's text\n"
    "                      tower; controls: class[:T], shuffled[:T], random[:D]\n"
    "  --vocab FILE, --activation quickgelu|gelu, --truncate   of clip:FILE, as in `fusiform embed`\n"
    "  --captions FILE     lines path TAB caption; drawn pictures bring their own; without any, texts are class names\n"
    "  --language-loss L   cosine (default) or mse\n"
    "  --language-weight W weight of the language loss (default 1); 0 leaves it and its head out\n"
    "  --lang-hidden N     a head of two layers with N between (default 0: one layer)\n"
    "  --idf               words of a text are weighted by log(texts / texts with the word)\n"
    "  --missing skip      goes on where words have no vector (default error)\n"
    "  --contrastive       pictures against texts (InfoNCE, temperature learned); --embed D (default 64), --text "
    "words\n"
    "course\n"
    "  --epochs N --batch N --seed N                    (10, 64, 1)\n"
    "  --optimiser O       sgd (default) or adamw; --momentum M (.9), --nesterov, --decay D (1e-4, adamw .05), "
    "--decay-all (vectors too)\n"
    "  --lr R              default 0.1 per 256 pictures of a batch; adamw .001; --lr-heads R: of new heads\n"
    "  --schedule S        cosine (default), constant, step:30,60 (epochs); --warm-up E in epochs (default .5)\n"
    "  --clip-norm N       gradients longer than N are shortened to N; --ema D: the files hold averages, such as .999\n"
    "  --freeze PARTS      stem,layer1,layer2.0,...: run, not trained; --head-epochs N: new heads alone at first\n"
    "  --batch-norm B      batch (default) or frozen: by the running statistics of START\n"
    "machine and files\n"
    "  --max-memory M, --threads N, --micro-batch N (with --batch-norm frozen)   change no byte\n"
    "  --conv C            direct (default), or auto: quicker, other bytes\n"
    "  --state T           a state at least every T (default 10m; 30s, 1h, 0), at each epoch's end and on Ctrl-C\n"
    "  --resume            go on with the training in DIR; begins where there is none\n"
    "  --keep N            the models of the last N epochs too; --dtype f16: of the model files; --force: begin anew "
    "in DIR\n\n"
    "DIR: model.safetensors, best.safetensors (by held-out pictures), report.html, train.json, steps.csv, epochs.csv, "
    "confusion.csv,\n"
    "state.safetensors, train.log\n\n"
    "example: fusiform train --model 'random:resnet?blocks=2,2,2&width=16&input=64&seed=1&zero=1' \\\n"
    "             --stimuli 'builtin?per_category=400&seed=101&side=64' --fresh --epochs 28 --batch 32 --lr .05 "
    "--nesterov --out out/vision\n"
    "         fusiform train --model out/vision/model.safetensors --stimuli 'builtin?per_category=400&side=64' "
    "--language lsa --out out/lang\n"
    "         fusiform train --model resnet50.pth --stimuli imagenet/train --validate imagenet/val --language "
    "glove.txt \\\n"
    "             --freeze stem,layer1,layer2 --batch-norm frozen --lr .01 --epochs 5 --out out/lang50\n";

/* Numbers with a point. */
struct real {
    const char *name, *text;
    double *value, least, below; /* least <= value < below */
    bool above;                  /* value > least */
};

static int take_reals(struct real *reals)
{
    for (struct real *r = reals; r->name; r++) {
        double x;
        if (!r->text)
            continue;
        if (!fus_number_real(&x, r->text, NULL) || x < r->least || (r->above && x <= r->least) || x >= r->below) {
            if (isinf(r->below))
                return fus_args_usage("train", "%s: '%s' found, a number %s %g expected", r->name, r->text,
                                      r->above ? "above" : "from", r->least);
            return fus_args_usage("train", "%s: '%s' found, a number from %g, below %g expected", r->name, r->text,
                                  r->least, r->below);
        }
        *r->value = x;
    }
    return 0;
}

/* 0 for counts that may be 0. */
static int take_count(int *to, const char *name, const char *text, int most)
{
    uint64_t n;
    if (!text)
        return 0;
    if (!fus_number_whole(&n, text, NULL) || n > (uint64_t)most)
        return fus_args_usage("train", "%s: '%s' found, a whole number from 0 to %d expected", name, text, most);
    *to = (int)n;
    return 0;
}

/* "600", "30s", "10m", "1h". */
static int take_seconds(double *to, const char *text)
{
    static const char units[] = "smh";
    const char *rest, *unit;
    double x, factor = 1;
    bool fits = text && fus_number_real(&x, text, &rest) && x >= 0;
    if (!text)
        return 0;
    if (fits && *rest) {
        unit = strchr(units, *rest);
        fits = unit && !rest[1];
        for (const char *u = units; fits && u < unit; u++)
            factor *= 60;
    }
    if (!fits || x * factor > 1e9)
        return fus_args_usage("train", "--state: '%s' found, a time such as 10m, 30s, 1h or 0 expected", text);
    *to = x * factor;
    return 0;
}

struct texts {
    const char *lr, *lr_heads, *classify, *weight, *smooth, *momentum, *decay, *clip, *ema, *warm_up, *state,
        *head_epochs, *lang_hidden, *keep;
};

struct choices {
    struct fus_choice loss, optimiser, norm, conv, dtype, missing, text;
};

static void set_defaults(struct fus_training_options *o)
{
    *o = (struct fus_training_options){.validate = "10%",
                                       .augment = "shift=3,jitter=.2",
                                       .schedule = "cosine",
                                       .classify = 1,
                                       .weight = 1,
                                       .epochs = 10,
                                       .batch = 64,
                                       .seed = 1,
                                       .warm_up = 0.5,
                                       .state_seconds = 600};
    o->optimise = (struct fus_optimise){.momentum = 0.9, .decay = 1e-4, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-6};
}

static int take_numbers(struct fus_training_options *o, const struct texts *t)
{
    struct fus_optimise *p = &o->optimise;
    struct real reals[] = {{"--lr", t->lr, &o->rate, 0, INFINITY, true},
                           {"--lr-heads", t->lr_heads, &o->rate_heads, 0, INFINITY, true},
                           {"--classify", t->classify, &o->classify, 0, INFINITY, false},
                           {"--language-weight", t->weight, &o->weight, 0, INFINITY, false},
                           {"--smooth", t->smooth, &o->smooth, 0, 1, false},
                           {"--momentum", t->momentum, &p->momentum, 0, 1, false},
                           {"--decay", t->decay, &p->decay, 0, INFINITY, false},
                           {"--clip-norm", t->clip, &p->clip_norm, 0, INFINITY, true},
                           {"--ema", t->ema, &p->ema, 0, 1, false},
                           {"--warm-up", t->warm_up, &o->warm_up, 0, INFINITY, false},
                           {0}};
    int status = take_reals(reals);
    if (!status)
        status = take_count(&o->head_epochs, "--head-epochs", t->head_epochs, 1000000);
    if (!status)
        status = take_count(&o->lang_hidden, "--lang-hidden", t->lang_hidden, 65536);
    if (!status)
        status = take_count(&o->keep, "--keep", t->keep, 1000000);
    return status ? status : take_seconds(&o->state_seconds, t->state);
}

static void apply_choices(struct fus_training_options *o, const struct choices *c, const struct texts *t)
{
    bool adamw = c->optimiser.value == FUS_OPTIMISE_ADAMW;
    o->loss = (enum fus_train_language)c->loss.value;
    o->optimise.rule = (enum fus_optimise_rule)c->optimiser.value;
    o->frozen_norms = c->norm.value;
    o->winograd = c->conv.value;
    o->dtype = (enum fus_dtype)c->dtype.value;
    o->missing = (enum fus_training_missing)c->missing.value;
    if (adamw && !t->decay)
        o->optimise.decay = 0.05;
    if (!o->rate)
        o->rate = adamw ? 0.001 : 0.1 * o->batch / 256;
    if (!o->rate_heads)
        o->rate_heads = o->rate;
}

static int check_language(const struct fus_training_options *o)
{
    struct fus_targets_spec spec = {.kind = FUS_TARGETS_NONE};
    struct fus_error err;
    if (o->language && fus_targets_parse(&spec, o->language, &err))
        return fus_args_usage("train", "--language: %s", err.msg);
    if (spec.kind != FUS_TARGETS_CLIP && (o->vocab || o->activation || o->truncate))
        return fus_args_usage("train", "--vocab, --activation and --truncate are of --language clip:FILE");
    return 0;
}

static int check(const struct fus_training_options *o, int embed)
{
    if (!o->model || !o->stimuli || !o->out)
        return fus_args_usage("train", "%s expected",
                              !o->model     ? "--model START"
                              : !o->stimuli ? "--stimuli SPEC"
                                            : "--out DIR");
    if (o->contrastive && o->language)
        return fus_args_usage(
            "train",
            "--contrastive learns its own word vectors; --language is for fixed ones: one of the two expected");
    if (!o->contrastive && o->loss == FUS_TRAIN_INFONCE)
        return fus_args_usage("train", "--language-loss infonce: needs --contrastive");
    if (embed && !o->contrastive)
        return fus_args_usage("train", "--embed: needs --contrastive");
    if (o->lang_hidden && !o->language && !o->contrastive)
        return fus_args_usage("train", "--lang-hidden: needs --language");
    if (o->micro_batch && !o->frozen_norms)
        return fus_args_usage("train",
                              "--micro-batch: needs --batch-norm frozen; statistics of a batch need the whole batch");
    if (o->resume && o->force)
        return fus_args_usage("train", "--resume goes on, --force begins anew: one of the two expected");
    const struct fus_model_choice choice = {.preprocess = o->preprocess, .activation = o->activation};
    int status = fus_model_args_check("train", &choice);
    return status ? status : check_language(o);
}

/* ---- for train.json ---- */

static void name_text(struct fus_train_options_line *l, const char *name, const char *value)
{
    struct fus_training_options *o = &l->training;
    if (!value || o->n_named == FUS_TRAIN_OPTIONS_MAX)
        return;
    char *to = l->values[o->n_named];
    snprintf(to, sizeof l->values[0], "%s", value);
    l->named[o->n_named++] = (struct fus_safetensors_pair){name, to};
}

static void name_real(struct fus_train_options_line *l, const char *name, double value)
{
    char text[FUS_NUMBER_BYTES];
    fus_number_print(text, value);
    name_text(l, name, text);
}

static void name_whole(struct fus_train_options_line *l, const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    name_text(l, name, text);
}

static void name_tasks(struct fus_train_options_line *l)
{
    const struct fus_training_options *o = &l->training;
    int percent;
    name_text(l, "--validate", fus_feed_parse_percent(&percent, o->validate) ? o->validate : "another set");
    name_text(l, "--fresh", o->fresh ? "yes" : NULL);
    name_text(l, "--augment", o->augment);
    name_real(l, "--classify", o->classify);
    name_real(l, "--smooth", o->smooth);
    if (o->contrastive || o->language) {
        name_text(l, "--language", o->language);
        name_text(l, "--activation", o->activation);
        name_text(l, "--truncate", o->truncate ? "yes" : NULL);
        name_text(l, "--language-loss", o->contrastive ? "infonce" : o->loss == FUS_TRAIN_MSE ? "mse" : "cosine");
        name_real(l, "--language-weight", o->weight);
        name_whole(l, "--lang-hidden", (uint64_t)o->lang_hidden);
        name_text(l, "--contrastive", o->contrastive ? "yes" : NULL);
        if (o->contrastive)
            name_whole(l, "--embed", (uint64_t)o->embed);
        name_text(l, "--idf", o->idf ? "yes" : NULL);
        name_text(l, "--missing", o->missing ? "skip" : NULL);
    }
}

static void name_course(struct fus_train_options_line *l, const struct texts *t)
{
    const struct fus_training_options *o = &l->training;
    const struct fus_optimise *p = &o->optimise;
    name_whole(l, "--epochs", (uint64_t)o->epochs);
    name_whole(l, "--batch", (uint64_t)o->batch);
    name_whole(l, "--seed", o->seed);
    name_text(l, "--optimiser", p->rule == FUS_OPTIMISE_ADAMW ? "adamw" : "sgd");
    if (p->rule == FUS_OPTIMISE_SGD)
        name_real(l, "--momentum", p->momentum);
    name_text(l, "--nesterov", p->nesterov ? "yes" : NULL);
    name_real(l, "--decay", p->decay);
    name_text(l, "--decay-all", p->decay_all ? "yes" : NULL);
    name_real(l, "--lr", o->rate);
    name_real(l, "--lr-heads", o->rate_heads);
    name_text(l, "--schedule", o->schedule);
    name_real(l, "--warm-up", o->warm_up);
    name_text(l, "--clip-norm", t->clip);
    name_text(l, "--ema", t->ema);
    name_text(l, "--freeze", o->freeze);
    name_whole(l, "--head-epochs", (uint64_t)o->head_epochs);
    name_text(l, "--batch-norm", o->frozen_norms ? "frozen" : "batch");
    name_text(l, "--conv", o->winograd ? "auto" : "direct");
    name_text(l, "--dtype", fus_dtype_name(o->dtype));
}

/* ---- all of it ---- */

/* ---- words of the options ---- */

static const struct fus_word losses[] = {
    {"cosine", FUS_TRAIN_COSINE}, {"mse", FUS_TRAIN_MSE}, {"infonce", FUS_TRAIN_INFONCE}, {0}};
static const struct fus_word rules[] = {{"sgd", FUS_OPTIMISE_SGD}, {"adamw", FUS_OPTIMISE_ADAMW}, {0}};
static const struct fus_word norms[] = {{"batch", 0}, {"frozen", 1}, {0}}, convs[] = {{"direct", 0}, {"auto", 1}, {0}};
static const struct fus_word types[] = {{"f32", FUS_F32}, {"f16", FUS_F16}, {0}}, texts_are[] = {{"words", 0}, {0}};
static const struct fus_word missings[] = {
    {"error", FUS_TRAINING_MISSING_ERROR}, {"skip", FUS_TRAINING_MISSING_SKIP}, {0}};

int fus_train_options_parse(struct fus_train_options_line *l, int argc, char **argv)
{
    struct fus_training_options *o = &l->training;
    struct fus_texts operands = {0};
    struct texts t = {0};
    struct choices c = {{losses, 0},      {rules, 0},    {norms, 0},    {convs, 0},
                        {types, FUS_F32}, {missings, 0}, {texts_are, 0}};
    int embed = 0;
    set_defaults(o);
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &o->model},
                                   {"--stimuli", FUS_ARG_TEXT, &o->stimuli},
                                   {"--out", FUS_ARG_TEXT, &o->out},
                                   {"--fresh", FUS_ARG_FLAG, &o->fresh},
                                   {"--validate", FUS_ARG_TEXT, &o->validate},
                                   {"--augment", FUS_ARG_TEXT, &o->augment},
                                   {"--preprocess", FUS_ARG_TEXT, &o->preprocess},
                                   {"--prefix", FUS_ARG_TEXT, &o->prefix},
                                   {"--lang-head", FUS_ARG_TEXT, &o->lang_head},
                                   {"--classify", FUS_ARG_TEXT, &t.classify},
                                   {"--smooth", FUS_ARG_TEXT, &t.smooth},
                                   {"--language", FUS_ARG_TEXT, &o->language},
                                   {"--captions", FUS_ARG_TEXT, &o->captions},
                                   {"--vocab", FUS_ARG_TEXT, &o->vocab},
                                   {"--activation", FUS_ARG_TEXT, &o->activation},
                                   {"--truncate", FUS_ARG_FLAG, &o->truncate},
                                   {"--language-loss", FUS_ARG_CHOICE, &c.loss},
                                   {"--language-weight", FUS_ARG_TEXT, &t.weight},
                                   {"--lang-hidden", FUS_ARG_TEXT, &t.lang_hidden},
                                   {"--idf", FUS_ARG_FLAG, &o->idf},
                                   {"--missing", FUS_ARG_CHOICE, &c.missing},
                                   {"--contrastive", FUS_ARG_FLAG, &o->contrastive},
                                   {"--embed", FUS_ARG_COUNT, &embed},
                                   {"--text", FUS_ARG_CHOICE, &c.text},
                                   {"--epochs", FUS_ARG_COUNT, &o->epochs},
                                   {"--batch", FUS_ARG_COUNT, &o->batch},
                                   {"--seed", FUS_ARG_SEED, &o->seed},
                                   {"--optimiser", FUS_ARG_CHOICE, &c.optimiser},
                                   {"--momentum", FUS_ARG_TEXT, &t.momentum},
                                   {"--nesterov", FUS_ARG_FLAG, &o->optimise.nesterov},
                                   {"--decay", FUS_ARG_TEXT, &t.decay},
                                   {"--decay-all", FUS_ARG_FLAG, &o->optimise.decay_all},
                                   {"--lr", FUS_ARG_TEXT, &t.lr},
                                   {"--lr-heads", FUS_ARG_TEXT, &t.lr_heads},
                                   {"--schedule", FUS_ARG_TEXT, &o->schedule},
                                   {"--warm-up", FUS_ARG_TEXT, &t.warm_up},
                                   {"--clip-norm", FUS_ARG_TEXT, &t.clip},
                                   {"--ema", FUS_ARG_TEXT, &t.ema},
                                   {"--freeze", FUS_ARG_TEXT, &o->freeze},
                                   {"--head-epochs", FUS_ARG_TEXT, &t.head_epochs},
                                   {"--batch-norm", FUS_ARG_CHOICE, &c.norm},
                                   {"--max-memory", FUS_ARG_BYTES, &o->max_memory},
                                   {"--micro-batch", FUS_ARG_COUNT, &o->micro_batch},
                                   {"--conv", FUS_ARG_CHOICE, &c.conv},
                                   {"--state", FUS_ARG_TEXT, &t.state},
                                   {"--resume", FUS_ARG_FLAG, &o->resume},
                                   {"--keep", FUS_ARG_TEXT, &t.keep},
                                   {"--dtype", FUS_ARG_CHOICE, &c.dtype},
                                   {"--force", FUS_ARG_FLAG, &o->force},
                                   {0}};
    int status = fus_args_parse("train", help, args, &operands, argc, argv);
    if (status)
        return status;
    if (operands.n)
        return fus_args_usage("train", "no operand expected, '%s' found", operands.items[0]);
    status = take_numbers(o, &t);
    if (status)
        return status;
    apply_choices(o, &c, &t);
    o->embed = embed ? embed : 64;
    name_tasks(l);
    name_course(l, &t);
    o->named = l->named;
    return check(o, embed);
}
