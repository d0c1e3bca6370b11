/* SPDX-License-Identifier: MIT */
/* fusiform train: networks learn classes and captions (analysis/train/training.h does the work). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/outfile.h"
#include "tools/args.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/train_options.h"

static bool is_stopping(void *context)
{
    (void)context;
    return fus_interrupt_stopping();
}

/* ---- output ---- */

static void progress(void *context, const struct fus_training_progress *p)
{
    struct fus_progress_lines *lines = context;
    char left[40];
    if (!fus_progress_due(lines, 1))
        return;
    fus_progress_time(left, p->seconds_left);
    fprintf(stderr, "epoch %d of %d, step %ld of %ld: loss %.4f, %.3g pictures a second, %s left", p->epoch,
            p->n_epochs, p->step, p->n_steps, p->loss, p->rate, left);
    fus_progress_end_line(lines);
}

/* A word for the shell. */
static void print_word(const char *text)
{
    if (*text && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=+@")]) {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

static void print_score(const char *what, double last, double best, const struct fus_training_result *r)
{
    if (!isnan(last))
        printf("%s\t%.4f of %d held-out pictures (epoch %d, the best: %.4f)\n", what, last, r->n_held, r->best_epoch,
               best);
}

static void print_result(const struct fus_training_result *r, const struct fus_training_options *o)
{
    char path[4096];
    print_score("accuracy", r->held.accuracy, r->best.accuracy, r);
    print_score("cosine", r->held.cosine, r->best.cosine, r);
    print_score("own text first", r->held.recall[0], r->best.recall[0], r);
    print_score("own picture first", r->held.recall[1], r->best.recall[1], r);
    printf("files\t%s: model.safetensors, best.safetensors, report.html, epochs.csv, steps.csv, confusion.csv, "
           "train.json\n",
           o->out);
    printf("next\tfusiform run --model ");
    snprintf(path, sizeof path, "%s/model.safetensors", o->out);
    print_word(path);
    printf(" --stimuli builtin --layers %s --out ", r->layer);
    snprintf(path, sizeof path, "%s/run", o->out);
    print_word(path);
    putchar('\n');
}

int fus_cmd_train(int argc, char **argv)
{
    static struct fus_train_options_line line; /* 20 kB */
    static struct fus_progress_lines lines;
    const struct fus_training_hooks hooks = {&lines, fus_progress_note, progress, fus_progress_begin, is_stopping};
    struct fus_training_result result;
    struct fus_error err = {0};
    int status = fus_train_options_parse(&line, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    int code = fus_training_run(&result, &line.training, &hooks, &err);
    fus_progress_close(&lines);
    if (code == FUS_ESTOPPED)
        fprintf(stderr, "fusiform: %s; the same command with --resume goes on\n", err.msg);
    else if (code)
        fus_args_failed(&err);
    else
        print_result(&result, &line.training);
    return code ? 1 : 0;
}
