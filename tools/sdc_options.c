/* SPDX-License-Identifier: MIT */
/* Options of `fusiform sdc fit`: a preset's values, then what the command line says. */
#include "tools/sdc_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/number.h"
#include "tools/args.h"

#define NAME "sdc fit"

static const char help[] =
    "usage: fusiform sdc fit --study STUDY.tsv --embedding E.npy --out DIR [options]\n\n"
    "For each participant of a study, linear decoders from responses to image embeddings: symmetric InfoNCE on "
    "cosines,\n"
    "Adam, noise on the inputs; scored by image retrieval beside ridge regression. The same bytes on every machine.\n\n"
    "input\n"
    "  --study FILE        table with tabs: participant, responses and, where needed, trials, mask, rois\n"
    "  --responses NAME=FILE  without a study file, for each participant; --trials NAME=FILE, --mask NAME=FILE "
    "likewise\n"
    "  --embedding FILE    .npy or .npz [images, d]; `fusiform embed` writes one\n"
    "  --images FILE       table: image, path and labels, in the embedding's order (default: an image is a row "
    "number)\n"
    "  --own-embedding     the embedding may be that of a network that takes part (default: an error)\n"
    "  --sessions 1-37     only these sessions, of responses and trials\n"
    "  --scale S           responses are divided by S (NSD's int16: 300; z-scores do not depend on it)\n"
    "  --no-zscore         responses as they are, not z-scored by session and voxel\n"
    "split and voxels\n"
    "  --min-nc P          voxels with a noise ceiling above P % are kept (default 8); none: all that vary\n"
    "  --repeats R         trials of an image for the noise ceiling and for a test (default 3)\n"
    "  --test-images N, --val-images N   (default 1000, 1000)\n"
    "decoder\n"
    "  --preset efird      the choices of Efird et al. (2025): 50 reruns, the last iterate alone\n"
    "  --iterations N --batch N --lr R --temperature T  (5001, 128, 1e-4, 0.03)\n"
    "  --noise SD          added to the z-scores of every step (default 1; 0: none)\n"
    "  --tail F            the last share F of the iterates is averaged (default 0.5; 0: the last one)\n"
    "  --reruns N          fits of different initialisation, order and noise, whose mean is the decoder (default 10)\n"
    "  --same-image W      keep: two trials of one image are each other's negatives (default); mask: left out\n"
    "  --ridge A,B,..      penalties of the ridge baseline, chosen by validation (default 1,10,..,1e6); none\n"
    "  --permutations M    M decoders of relabelled training images: what chance gives (default none)\n"
    "  --halves            as many reruns again on odd and on even sessions alone, by which `sdc cluster` judges\n"
    "                      stability: three times the fits\n"
    "  --seed N            (default 1)\n"
    "machine and files\n"
    "  --shard I/N         fits the I-th of N parts of (participant, rerun) alone; --resume without it joins them\n"
    "  --resume            go on with what was stopped or killed in DIR; ends in the same bytes\n"
    "  --force             begin anew in DIR\n"
    "  --checkpoint S      save the state of a fit every S seconds (default 120; 0: after every step)\n"
    "  --max-memory M, --threads N   change no byte (default 4G)\n\n"
    "DIR: report.html, sdc.json, scores.csv, voxels/NAME.csv, decoders/NAME.npz, responses/NAME_test.npz, sdc.log\n\n"
    "example: fusiform embed --model RN50.pt @images.tsv -o clip.npy\n"
    "         fusiform sdc fit --study study.tsv --embedding clip.npy --images images.tsv --out out/sdc\n"
    "         fusiform sdc fit --responses s1=betas.npy --trials s1=trials.tsv --embedding clip.npy --out out/one\n";

/* Numbers with a point. */
struct real {
    const char *name, *text;
    double *value, least, most;
    bool above; /* value > least */
};

static int take_reals(const struct real *reals)
{
    for (const struct real *r = reals; r->name; r++) {
        double x;
        if (!r->text)
            continue;
        if (!fus_number_real(&x, r->text, NULL) || x < r->least || (r->above && x <= r->least) || x > r->most)
            return fus_args_usage(NAME, "%s: '%s' found, a number %s %g, at most %g expected", r->name, r->text,
                                  r->above ? "above" : "from", r->least, r->most);
        *r->value = x;
    }
    return 0;
}

/* Numbers that may be 0. */
struct whole {
    const char *name, *text;
    uint64_t *value, most;
};

static int take_wholes(const struct whole *wholes)
{
    for (const struct whole *w = wholes; w->name; w++)
        if (w->text && (!fus_number_whole(w->value, w->text, NULL) || *w->value > w->most))
            return fus_args_usage(NAME, "%s: '%s' found, a whole number from 0 to %llu expected", w->name, w->text,
                                  (unsigned long long)w->most);
    return 0;
}

/* "none", or "1,10,100". */
static int take_alphas(struct fus_sdc_decode_options *o, const char *text)
{
    const char *at = text;
    if (!text)
        return 0;
    o->n_alphas = 0;
    if (strcmp(text, "none") == 0)
        return 0;
    for (;; at++) {
        double x;
        if (o->n_alphas == FUS_SDC_MOST_ALPHAS || !fus_number_real(&x, at, &at) || !(x > 0) || x > 1e15 ||
            (*at && *at != ',') || (o->n_alphas && x <= o->alphas[o->n_alphas - 1]))
            return fus_args_usage(NAME, "--ridge: '%s' found, none or up to %d rising numbers above 0 such as 10,100",
                                  text, FUS_SDC_MOST_ALPHAS);
        o->alphas[o->n_alphas++] = x;
        if (!*at)
            return 0;
    }
}

static int take_min_nc(struct fus_sdc_decode_options *o, const char *text)
{
    const struct real real[] = {{"--min-nc", text, &o->data.min_nc, -1e6, 100, false}, {0}};
    if (text && strcmp(text, "none") == 0) {
        o->data.min_nc = NAN;
        return 0;
    }
    return take_reals(real);
}

struct texts {
    const char *min_nc, *scale, *test, *val, *rate, *temperature, *noise, *tail, *ridge, *permutations;
};

static int take_numbers(struct fus_sdc_decode_options *o, const struct texts *t)
{
    uint64_t test = o->split.n_test, val = o->split.n_val, permutations = (uint64_t)o->permutations;
    const struct real reals[] = {{"--scale", t->scale, &o->data.scale, 0, 1e30, true},
                                 {"--lr", t->rate, &o->fit.rate, 0, 1, true},
                                 {"--temperature", t->temperature, &o->fit.temperature, 1e-4, 1e4, false},
                                 {"--noise", t->noise, &o->fit.noise, 0, 1e4, false},
                                 {"--tail", t->tail, &o->fit.tail, 0, 1, false},
                                 {0}};
    const struct whole wholes[] = {{"--test-images", t->test, &test, 1000000000},
                                   {"--val-images", t->val, &val, 1000000000},
                                   {"--permutations", t->permutations, &permutations, 100000},
                                   {0}};
    int status = take_reals(reals);
    if (!status)
        status = take_wholes(wholes);
    o->split.n_test = (size_t)test, o->split.n_val = (size_t)val, o->permutations = (int)permutations;
    if (!status)
        status = take_min_nc(o, t->min_nc);
    return status ? status : take_alphas(o, t->ridge);
}

static void take_count(int *to, int given)
{
    *to = given ? given : *to;
}

static int check(const struct fus_sdc_decode_options *o, int n_responses)
{
    if (!o->study == !n_responses)
        return fus_args_usage(NAME, "--study FILE or --responses NAME=FILE expected%s", o->study ? ", not both" : "");
    if (!o->embedding || !o->out)
        return fus_args_usage(NAME, "%s expected", o->embedding ? "--out DIR" : "--embedding E.npy");
    if (o->resume && o->force)
        return fus_args_usage(NAME, "--resume goes on, --force begins anew: one of the two expected");
    if (o->fit.batch < 2)
        return fus_args_usage(NAME, "--batch: %d found, at least 2 expected: other trials are the negatives",
                              o->fit.batch);
    return 0;
}

int fus_sdc_options_parse(struct fus_sdc_decode_options *o, int argc, char **argv)
{
    static const struct fus_word presets[] = {{"efird", 1}, {0}}, images[] = {{"keep", 0}, {"mask", 1}, {0}};
    struct fus_choice preset = {presets, 0}, same = {images, 0};
    struct fus_sdc_decode_options given = {.checkpoint = 120};
    struct fus_texts none = {0}, responses = {given.responses, 0, FUS_SDC_MOST_GIVEN},
                     trials = {given.trials, 0, FUS_SDC_MOST_GIVEN}, masks = {given.masks, 0, FUS_SDC_MOST_GIVEN};
    struct texts t = {0};
    int shard[2] = {0, 0}, repeats = 0;
    uint64_t seed = 1;
    bool as_is = false;
    const struct fus_arg args[] = {{"--study", FUS_ARG_TEXT, &given.study},
                                   {"--responses", FUS_ARG_LIST, &responses},
                                   {"--trials", FUS_ARG_LIST, &trials},
                                   {"--mask", FUS_ARG_LIST, &masks},
                                   {"--embedding", FUS_ARG_TEXT, &given.embedding},
                                   {"--images", FUS_ARG_TEXT, &given.images},
                                   {"--out", FUS_ARG_TEXT, &given.out},
                                   {"--sessions", FUS_ARG_TEXT, &given.split.sessions},
                                   {"--preset", FUS_ARG_CHOICE, &preset},
                                   {"--min-nc", FUS_ARG_TEXT, &t.min_nc},
                                   {"--repeats", FUS_ARG_COUNT, &repeats},
                                   {"--scale", FUS_ARG_TEXT, &t.scale},
                                   {"--no-zscore", FUS_ARG_FLAG, &as_is},
                                   {"--test-images", FUS_ARG_TEXT, &t.test},
                                   {"--val-images", FUS_ARG_TEXT, &t.val},
                                   {"--iterations", FUS_ARG_COUNT, &given.fit.iterations},
                                   {"--batch", FUS_ARG_COUNT, &given.fit.batch},
                                   {"--lr", FUS_ARG_TEXT, &t.rate},
                                   {"--temperature", FUS_ARG_TEXT, &t.temperature},
                                   {"--noise", FUS_ARG_TEXT, &t.noise},
                                   {"--tail", FUS_ARG_TEXT, &t.tail},
                                   {"--reruns", FUS_ARG_COUNT, &given.reruns},
                                   {"--same-image", FUS_ARG_CHOICE, &same},
                                   {"--ridge", FUS_ARG_TEXT, &t.ridge},
                                   {"--permutations", FUS_ARG_TEXT, &t.permutations},
                                   {"--halves", FUS_ARG_FLAG, &given.halves},
                                   {"--own-embedding", FUS_ARG_FLAG, &given.own_embedding},
                                   {"--seed", FUS_ARG_SEED, &seed},
                                   {"--shard", FUS_ARG_SHARE, shard},
                                   {"--resume", FUS_ARG_FLAG, &given.resume},
                                   {"--force", FUS_ARG_FLAG, &given.force},
                                   {"--checkpoint", FUS_ARG_SEED, &given.checkpoint},
                                   {"--max-memory", FUS_ARG_BYTES, &given.max_memory},
                                   {0}};
    int status = fus_args_parse(NAME, help, args, &none, argc, argv);
    if (status)
        return status;
    if (none.n)
        return fus_args_usage(NAME, "no operand expected, '%s' found", none.items[0]);
    fus_sdc_decode_defaults(o, preset.value);
    o->study = given.study, o->embedding = given.embedding, o->images = given.images, o->out = given.out;
    memcpy(o->responses, given.responses, sizeof o->responses);
    memcpy(o->trials, given.trials, sizeof o->trials);
    memcpy(o->masks, given.masks, sizeof o->masks);
    o->n_responses = responses.n, o->n_trials = trials.n, o->n_masks = masks.n;
    o->split.sessions = given.split.sessions, o->split.seed = o->seed = seed;
    o->data.zscore = !as_is, o->fit.mask_same_image = same.value;
    take_count(&o->split.repeats, repeats), take_count(&o->data.repeats, repeats);
    take_count(&o->fit.iterations, given.fit.iterations), take_count(&o->fit.batch, given.fit.batch);
    take_count(&o->reruns, given.reruns);
    o->halves = given.halves, o->own_embedding = given.own_embedding;
    o->shard = shard[0], o->n_shards = shard[1], o->resume = given.resume, o->checkpoint = given.checkpoint,
    o->force = given.force;
    o->max_memory = given.max_memory ? given.max_memory : o->max_memory;
    status = take_numbers(o, &t);
    return status ? status : check(o, responses.n);
}
