/* SPDX-License-Identifier: MIT */
/* fusiform stimuli: the built-in pictures as files, contact sheets of any set, and
 * control pictures. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/model.h"
#include "analysis/localizer/pictures.h"
#include "nn/base/outfile.h"
#include "stimuli/stimuli.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/controls.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform stimuli generate [--per-category 24] [--size 256 | --side S] [--seed 1] [--categories MAP] -o "
    "DIR\n"
    "       fusiform stimuli sheet DIR|FILE.tsv|builtin [--size 64] [--columns 24] -o SHEET.png\n"
    "       fusiform stimuli scramble --method box|phase [--grid 16] [--seed 1] DIR|PICTURE -o DIR|OUT.png\n"
    "       fusiform stimuli shine [--method luminance|histogram] DIR -o DIR\n\n"
    "generate  draws the built-in pictures into DIR/SUBCATEGORY/*.png, with captions.tsv (path, caption) and "
    "manifest.tsv\n"
    "          (path, category, subcategory), which run reads; `--stimuli builtin?per_category=24&seed=1` needs no "
    "files\n"
    "          --size  drawn at this size, as sharp as it can be; --side  as soft as a picture drawn at 256 and "
    "reduced, which is what\n"
    "          networks with a smaller input are shown (`builtin?side=64` is the same)\n"
    "          --categories  all (eleven folders), a list (adult,car) or a map (face=adult,child;body=body,limb)\n"
    "sheet     a contact sheet, one group of rows for each category\n"
    "scramble  box: squares of a grid change places; phase: random phases, the power at every frequency is kept. For\n"
    "          a folder, everything in it and in its folders, under the same names as PNG\n"
    "shine     matches mean luminance and contrast (default), or the whole histogram, over all pictures of a folder "
    "tree\n"
    "--skip-bad leaves out pictures that cannot be read; else sheet, scramble and shine list them all and write "
    "nothing\n\n"
    "example: fusiform stimuli generate --per-category 144 --size 224 --seed 1 -o pictures/\n";

static const struct fus_word methods[] = {{"box", FUS_CONTROL_BOX},
                                          {"phase", FUS_CONTROL_PHASE},
                                          {"luminance", FUS_CONTROL_LUMINANCE},
                                          {"histogram", FUS_CONTROL_HISTOGRAM},
                                          {0}};

struct options {
    const char *out, *categories;
    struct fus_choice method;
    int per_category, size, side, columns, grid;
    bool skip_bad;
    uint64_t seed;
};

struct drawing {
    const struct fus_set *set;
    const struct options *o;
};

/* SUBCATEGORY/SUBCATEGORY-N.png */
static void name_picture(char *name, size_t name_bytes, const struct fus_set *set, int i)
{
    const char *sub = set->subcategories[set->pictures[i].subcategory];
    snprintf(name, name_bytes, "%s/%s-%d.png", sub, sub, set->pictures[i].index + 1);
}

static int draw_picture(void *arg, int i, struct fus_error *err)
{
    const struct drawing *d = arg;
    const struct fus_picture *p = &d->set->pictures[i];
    char name[512], path[4096];
    struct fus_image image = {0};
    name_picture(name, sizeof name, d->set, i);
    snprintf(path, sizeof path, "%s/%s", d->o->out, name);
    const char *sub = d->set->subcategories[p->subcategory];
    int code = d->o->side ? fus_generate_reduced(&image, sub, p->index, d->o->seed, d->o->side, err)
                          : fus_generate_picture(&image, sub, p->index, d->o->seed, d->o->size, err);
    if (!code)
        code = fus_png_write(path, &image, err);
    fus_image_free(&image);
    return code;
}

static int make_folders(const struct fus_set *set, const char *out, struct fus_error *err)
{
    char path[4096];
    int code = FUS_OK;
    if (strlen(out) > 3000)
        return fus_base_fail(err, FUS_EINVAL, "-o: a path of %zu characters; at most 3000 are possible", strlen(out));
    for (int i = 0; i < set->n_subcategories && !code; i++) {
        snprintf(path, sizeof path, "%s/%s", out, set->subcategories[i]);
        code = fus_outfile_mkdirs(path, err);
    }
    return code;
}

static int draw_all(const struct fus_set *set, const struct options *o, struct fus_error *err)
{
    struct fus_outfile captions = {0}, manifest = {0};
    char path[4096], name[512], caption[512];
    struct drawing drawing = {set, o};
    int code = make_folders(set, o->out, err);
    if (!code)
        code = fus_set_each(0, set->n_pictures, draw_picture, &drawing, err);
    snprintf(path, sizeof path, "%s/captions.tsv", o->out);
    if (!code)
        code = fus_outfile_open(&captions, path, err);
    snprintf(path, sizeof path, "%s/manifest.tsv", o->out);
    if (!code)
        code = fus_outfile_open(&manifest, path, err);
    for (int i = 0; i < set->n_pictures && !code; i++) {
        const struct fus_picture *p = &set->pictures[i];
        name_picture(name, sizeof name, set, i);
        code = fus_generate_caption(caption, sizeof caption, set->subcategories[p->subcategory], p->index, o->seed);
        if (code)
            break;
        fus_outfile_printf(&captions, "%s\t%s\n", name, caption);
        fus_outfile_printf(&manifest, "%s\t%s\t%s\n", name, set->categories[p->category],
                           set->subcategories[p->subcategory]);
    }
    if (!code)
        code = fus_outfile_commit(&captions, err);
    if (!code)
        code = fus_outfile_commit(&manifest, err);
    fus_outfile_discard(&captions);
    fus_outfile_discard(&manifest);
    return code;
}

static int generate(const struct options *o, struct fus_error *err)
{
    struct fus_set set = {0};
    char spec[2048];
    const char *categories = o->categories ? o->categories : "";
    if (strlen(categories) > 1500)
        return fus_base_fail(err, FUS_EINVAL, "--categories: a text of %zu characters; at most 1500 are possible",
                             strlen(categories));
    snprintf(spec, sizeof spec, "builtin?per_category=%d&seed=%llu%s%s", o->per_category, (unsigned long long)o->seed,
             *categories ? "&categories=" : "", categories);
    int code = fus_set_open(&set, spec, NULL, err);
    if (!code)
        code = draw_all(&set, o, err);
    if (!code)
        printf("%d pictures in %s\n", set.n_pictures, o->out);
    fus_set_close(&set);
    return code;
}

/* All that cannot be read is said, or left out. */
static int check_pictures(struct fus_set *set, const char *spec, bool skip_bad, struct fus_error *err)
{
    struct fus_set_bad bad = {0};
    fus_pictures_tell_left_out(set, spec, &fus_progress_notes);
    if (skip_bad)
        return fus_pictures_skip(set, spec, &fus_progress_notes, err);
    int code = set->drawn ? FUS_OK
                          : fus_set_check_range(set, 0, set->n_pictures, &(struct fus_set_consumers){.bad = &bad}, err);
    if (!code)
        code = fus_pictures_refuse(&bad, set->n_pictures, &fus_progress_notes, err);
    fus_set_bad_free(&bad);
    return code;
}

static int sheet(const char *spec, const struct options *o, struct fus_error *err)
{
    struct fus_set set = {0};
    struct fus_image image = {0};
    int code = fus_set_open(&set, spec, NULL, err);
    if (!code)
        code = check_pictures(&set, spec, o->skip_bad, err);
    if (!code)
        code = fus_set_sheet(&image, &set, o->size, o->columns, err);
    if (!code)
        code = fus_png_write(o->out, &image, err);
    fus_image_free(&image);
    fus_set_close(&set);
    return code;
}

static int control(const char *in, const struct options *o, struct fus_error *err)
{
    return fus_controls_make(
        &(struct fus_controls){in, o->out, (enum fus_control)o->method.value, o->grid, o->seed, o->skip_bad}, err);
}

enum action { GENERATE, SHEET, SCRAMBLE, SHINE };

static const struct {
    const char *name, *out;
    enum fus_control methods[2];
    const char *words; /* of --method; NULL: there is none */
    int n_words;
} actions[] = {
    {"generate", "DIR", {0}, NULL, 1},
    {"sheet", "SHEET.png", {0}, NULL, 2},
    {"scramble", "DIR or OUT.png", {FUS_CONTROL_BOX, FUS_CONTROL_PHASE}, "box or phase", 2},
    {"shine", "DIR", {FUS_CONTROL_LUMINANCE, FUS_CONTROL_HISTOGRAM}, "luminance or histogram", 2},
};

/* Fills in the missing options; 2 after a message. */
static int check(struct options *o, enum action a)
{
    const enum fus_control *can = actions[a].methods;
    int method = o->method.value;
    if (!o->out)
        return fus_args_usage("stimuli", "-o %s expected", actions[a].out);
    if (a != GENERATE && (o->side || o->categories))
        return fus_args_usage("stimuli", "%s is an option of generate", o->side ? "--side" : "--categories");
    if (o->side && o->size)
        return fus_args_usage("stimuli", "--size and --side: one of the two expected");
    if (o->side && (o->side < 16 || o->side > 4096))
        return fus_args_usage("stimuli", "--side: %d found, 16 to 4096 expected", o->side);
    if (!o->size)
        o->size = a == GENERATE ? 256 : 64;
    if (a == GENERATE && (o->size < 32 || o->size > 4096))
        return fus_args_usage("stimuli", "--size: %d found, 32 to 4096 expected", o->size);
    if (!actions[a].words && method >= 0)
        return fus_args_usage("stimuli", "--method is an option of scramble and shine");
    if (a == SHINE && method < 0)
        method = o->method.value = FUS_CONTROL_LUMINANCE;
    if (actions[a].words && method < 0)
        return fus_args_usage("stimuli", "%s: --method %s expected", actions[a].name, actions[a].words);
    if (actions[a].words && method != (int)can[0] && method != (int)can[1])
        return fus_args_usage("stimuli", "%s: --method: '%s' found, %s expected", actions[a].name, methods[method].word,
                              actions[a].words);
    if (o->grid > FUS_SCRAMBLE_MAX_GRID)
        return fus_args_usage("stimuli", "--grid: %d found, 1 to %d expected", o->grid, FUS_SCRAMBLE_MAX_GRID);
    return 0;
}

int fus_cmd_stimuli(int argc, char **argv)
{
    struct options o = {.method = {methods, -1}, .per_category = 24, .columns = 24, .grid = 16, .seed = 1};
    struct fus_texts words = {0};
    const struct fus_arg args[] = {{"-o", FUS_ARG_TEXT, &o.out},
                                   {"--per-category", FUS_ARG_COUNT, &o.per_category},
                                   {"--size", FUS_ARG_COUNT, &o.size},
                                   {"--side", FUS_ARG_COUNT, &o.side},
                                   {"--categories", FUS_ARG_TEXT, &o.categories},
                                   {"--columns", FUS_ARG_COUNT, &o.columns},
                                   {"--method", FUS_ARG_CHOICE, &o.method},
                                   {"--grid", FUS_ARG_COUNT, &o.grid},
                                   {"--seed", FUS_ARG_SEED, &o.seed},
                                   {"--skip-bad", FUS_ARG_FLAG, &o.skip_bad},
                                   {0}};
    int status = fus_args_parse("stimuli", help, args, &words, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    int a = GENERATE;
    const char *names[SHINE + 1], *meant;
    for (int i = GENERATE; i <= SHINE; i++)
        names[i] = actions[i].name;
    while (a <= SHINE && !(words.n == actions[a].n_words && strcmp(words.items[0], actions[a].name) == 0))
        a++;
    if (a > SHINE && words.n > 0 && (meant = fus_args_nearest(words.items[0], names, SHINE + 1)) &&
        strcmp(meant, words.items[0]) != 0)
        return fus_args_usage("stimuli", "'%s' found; did you mean %s?", words.items[0], meant);
    if (a > SHINE)
        return fus_args_usage("stimuli", "`generate`, `sheet DIR`, `scramble DIR|PICTURE` or `shine DIR` expected");
    status = check(&o, (enum action)a);
    if (status)
        return status;
    struct fus_error err = {0};
    fus_interrupt_catch();
    int code = a == GENERATE ? generate(&o, &err)
               : a == SHEET  ? sheet(words.items[1], &o, &err)
                             : control(words.items[1], &o, &err);
    return code ? fus_args_failed(&err) : 0;
}
