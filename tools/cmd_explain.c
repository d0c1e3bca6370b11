/* SPDX-License-Identifier: MIT */
/* fusiform explain: one unit of a finished run, line by line. */
#include <stdio.h>
#include <string.h>

#include "analysis/localizer/explain.h"
#include "nn/base/number.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/explain_print.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

static const char help[] =
    "usage: fusiform explain RUN MODEL LAYER C,Y,X [--model FILE] [--stimuli DIR] [options]\n\n"
    "One unit of the finished run RUN, line by line: its responses, the mean and variance of each category, t, df and "
    "p\n"
    "against each other category, the largest p, its rank and q in the layer, the label, CSI, d', its cell of the map, "
    "and\n"
    "the halves; with the section of METHOD.md that explains each step. C,Y,X: channel, row and column, from 0; C "
    "alone\n"
    "where the layer has one place. Ends with whether the numbers are those in RUN's files (exit status 1 if not).\n\n"
    "A run with --units full has these numbers in its files, but for single responses and halves. For others the "
    "network\n"
    "sees the run's pictures again, one layer and no more.\n\n"
    "  --model FILE       where the weights are now, where MODEL is a file; not needed for demo:, random: and the "
    "like\n"
    "  --stimuli DIR      where the pictures are now, as in `fusiform run`; not needed for drawn ones\n"
    "  --responses        run the network although the files of --units full have the numbers\n"
    "  --category C       tests for that category, in place of the one that the unit can be selective for\n"
    "  --csv FILE         the same numbers, not rounded, as a table (label: the category's number, from 0, or -1);\n"
    "                     - for standard output, in place of the text\n"
    "  --max-memory 512M  as in `fusiform run`\n\n"
    "example: fusiform explain out/demo vision layer3.1.relu 24,1,2\n"
    "         fusiform explain out/mine r50 layer4.2.relu 1012,3,3 --model resnet50.pth --stimuli fLoc/ --csv "
    "unit.csv\n";

/* ---- names and numbers of the command line ---- */

/* " (did you mean X?)", or what there is. */
static int say_missing(const struct fus_run_read *run, const char *what, const char *name, const char *const *names,
                       size_t n, struct fus_error *err)
{
    const char *nearest = fus_args_nearest(name, names, n);
    char list[900] = "";
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof list - 80; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", i ? ", " : "", names[i]);
    return fus_base_fail(err, FUS_ENOTFOUND, "%s: no %s is called '%.80s'%s%s%s; there are %s%s", run->folder, what,
                         name, nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", list,
                         used < sizeof list - 80 ? "" : ", ...");
}

/* The names of the run's models, or of a model's layers. */
static size_t list_names(const char **names, size_t room, const struct fus_run_read *run, const char *model)
{
    size_t n = 0;
    for (int i = 0; i < run->n_models && !model && n < room; i++)
        names[n++] = run->models[i].name;
    for (int i = 0; i < run->n_rows && model && n < room; i++) {
        const struct fus_run_read_row *row = &run->rows[i];
        if (strcmp(row->model, model) == 0 && (n == 0 || strcmp(names[n - 1], row->layer.name) != 0))
            names[n++] = row->layer.name;
    }
    return n;
}

static bool has(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Model, layer and category; err names what there is. */
static int find_names(struct fus_explain_request *q, const struct fus_run_read *run, const char *category,
                      struct fus_error *err)
{
    const char *names[1024];
    size_t n = list_names(names, 1024, run, NULL);
    if (!has(names, n, q->model))
        return say_missing(run, "model", q->model, names, n, err);
    n = list_names(names, 1024, run, q->model);
    if (!has(names, n, q->layer))
        return say_missing(run, "layer", q->layer, names, n, err);
    n = (size_t)(run->n_categories < 1024 ? run->n_categories : 1024);
    for (size_t i = 0; i < n; i++) {
        names[i] = run->categories[i];
        if (category && strcmp(category, names[i]) == 0)
            q->category = (int)i;
    }
    return category && q->category < 0 ? say_missing(run, "category", category, names, n, err) : FUS_OK;
}

/* "C,Y,X"; "C" where the layer has one place. 0, or 2 after a message. */
static int parse_unit(int unit[3], const char *text)
{
    uint64_t value;
    int n = 0;
    for (const char *at = text; n < 3; at++) {
        if (!fus_number_whole(&value, at, &at) || value > INT32_MAX)
            break;
        unit[n++] = (int)value;
        if (*at != ',') {
            if (*at == '\0' && (n == 1 || n == 3))
                return 0;
            break;
        }
    }
    return fus_args_usage("explain", "'%s' found, C,Y,X such as 24,1,2 expected: channel, row and column, from 0",
                          text);
}

/* A unit given by its channel alone needs a layer of one place. */
static int place_unit(struct fus_explain_request *q, const struct fus_run_read *run, const int unit[3],
                      struct fus_error *err)
{
    int channels = 0, height = 0, width = 0;
    fus_explain_shape(&channels, &height, &width, run, q->model, q->layer);
    q->channel = unit[0], q->y = unit[1], q->x = unit[2];
    if (unit[1] >= 0)
        return FUS_OK;
    q->y = q->x = 0;
    return height == 1 && width == 1
               ? FUS_OK
               : fus_base_fail(err, FUS_EINVAL,
                               "%s: layer %s has %d channels of %d x %d places: C,Y,X expected, %d found", run->folder,
                               q->layer, channels, height, width, unit[0]);
}

/* ---- the command ---- */

/* Progress alone: what there is to note was noted when the run was made. */
static void listen(void *context, const struct fus_localizer_event *event)
{
    if (!event->note)
        fus_progress_listen(context, event);
}

static int write_table(const char *path, const struct fus_explain *x, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_explain_print_table(&f, x);
    return fus_outfile_commit(&f, err);
}

/* FUS_EFORMAT that names the first number that is not the one in the run's files. */
static int judge(const struct fus_explain *x, struct fus_error *err)
{
    for (size_t i = 0; i < x->n_checks; i++)
        if (!x->checks[i].same)
            return fus_base_fail(
                err, FUS_EFORMAT,
                "%s: %zu of %zu numbers of this unit are not those in its files: %s is %.9g in %s, here %.9g",
                x->run->folder, x->n_differ, x->n_checks, x->checks[i].what, x->checks[i].there, x->checks[i].file,
                x->checks[i].here);
    return FUS_OK;
}

static int explain(const char *folder, struct fus_explain_request *q, const int unit[3], const char *category,
                   const char *csv, struct fus_error *err)
{
    struct fus_run_read run;
    struct fus_explain x = {0};
    int code = fus_run_read_open(&run, folder, true, err);
    if (!code)
        code = find_names(q, &run, category, err);
    if (!code)
        code = place_unit(q, &run, unit, err);
    if (!code)
        code = fus_explain_unit(&x, &run, q, err);
    if (!code && !(csv && strcmp(csv, "-") == 0))
        fus_explain_print_text(stdout, &x);
    if (!code && csv)
        code = write_table(csv, &x, err);
    if (!code)
        code = judge(&x, err);
    fus_explain_free(&x);
    fus_run_read_close(&run);
    return code;
}

int fus_cmd_explain(int argc, char **argv)
{
    struct fus_explain_request q = {.category = -1, .listener = listen, .stopping = fus_interrupt_stopping};
    const char *category = NULL, *csv = NULL;
    int unit[3] = {-1, -1, -1};
    const struct fus_arg args[] = {{"--model", FUS_ARG_TEXT, &q.file},
                                   {"--stimuli", FUS_ARG_TEXT, &q.stimuli},
                                   {"--responses", FUS_ARG_FLAG, &q.responses},
                                   {"--category", FUS_ARG_TEXT, &category},
                                   {"--csv", FUS_ARG_TEXT, &csv},
                                   {"--max-memory", FUS_ARG_BYTES, &q.max_memory},
                                   {0}};
    struct fus_texts operands;
    struct fus_error err = {0};
    int status = fus_args_parse("explain", help, args, &operands, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    if (operands.n != 4)
        return fus_args_usage("explain", "RUN MODEL LAYER C,Y,X expected, %d operand%s found", operands.n,
                              operands.n == 1 ? "" : "s");
    q.model = operands.items[1], q.layer = operands.items[2];
    status = parse_unit(unit, operands.items[3]);
    if (status)
        return status;
    fus_interrupt_catch();
    return explain(operands.items[0], &q, unit, category, csv, &err) ? fus_args_failed(&err) : 0;
}
