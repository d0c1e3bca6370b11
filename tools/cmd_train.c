/* SPDX-License-Identifier: MIT */
/* fusiform train: networks learn classes and captions (analysis/train/training.h does the work). */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

struct voice {
    struct timespec shown;
    bool terminal, open, begun;        /* open: the line on the terminal has no end yet */
    char notes[8 * FUS_MESSAGE_BYTES]; /* before the first step: an error stays the only line */
};

static void close_line(struct voice *v)
{
    if (v->open)
        fputc('\n', stderr);
    v->open = false;
}

static void note(void *context, const char *line)
{
    struct voice *v = context;
    size_t used = strlen(v->notes);
    close_line(v);
    if (v->begun)
        fprintf(stderr, "fusiform: %s\n", line);
    else
        snprintf(v->notes + used, sizeof v->notes - used, "fusiform: %s\n", line);
}

/* The first step comes now. */
static void begin(void *context)
{
    struct voice *v = context;
    v->begun = true;
    fputs(v->notes, stderr);
    fus_interrupt_catch_steps();
}

/* A line a second; on a terminal it is written over. */
static void progress(void *context, const struct fus_training_progress *p)
{
    struct voice *v = context;
    struct timespec now;
    char left[40];
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - v->shown.tv_sec) + 1e-9 * (double)(now.tv_nsec - v->shown.tv_nsec);
    if (v->shown.tv_sec == 0)
        v->shown = now;
    else if (since >= 1) {
        v->shown = now;
        fus_progress_time(left, p->seconds_left);
        fprintf(stderr, "%sepoch %d of %d, step %ld of %ld: loss %.4f, %.3g pictures a second, %s left%s",
                v->terminal ? "\r\033[K" : "", p->epoch, p->n_epochs, p->step, p->n_steps, p->loss, p->rate, left,
                v->terminal ? "" : "\n");
        v->open = v->terminal;
    }
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
    static struct voice v;
    const struct fus_training_hooks hooks = {&v, note, progress, begin, is_stopping};
    struct fus_training_result result;
    struct fus_error err = {0};
    v.terminal = isatty(2) == 1;
    int status = fus_train_options_parse(&line, argc, argv);
    if (status)
        return status < 0 ? 0 : status;
    int code = fus_training_run(&result, &line.training, &hooks, &err);
    close_line(&v);
    if (code == FUS_ESTOPPED)
        fprintf(stderr, "fusiform: %s; the same command with --resume goes on\n", err.msg);
    else if (code)
        fus_args_failed(&err);
    else
        print_result(&result, &line.training);
    return code ? 1 : 0;
}
