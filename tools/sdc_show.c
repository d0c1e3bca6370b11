/* SPDX-License-Identifier: MIT */
/* What `fusiform sdc fit` prints: see sdc_show.h. */
#include "tools/sdc_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/run/csv_read.h"
#include "tools/args.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

struct voice {
    double shown; /* time of the last line */
    bool terminal, open;
    char notes[4 * FUS_MESSAGE_BYTES]; /* before the first step: an error stays the only line */
    bool begun;
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

/* A line a second; on a terminal it is written over, elsewhere every ten seconds. */
static void progress(void *context, const struct fus_sdc_decode_progress *p)
{
    struct voice *v = context;
    char left[40];
    double now = fus_progress_now();
    if (!v->begun) {
        v->begun = true;
        fputs(v->notes, stderr);
        v->shown = now;
        fus_interrupt_catch_steps();
    }
    if (now - v->shown < (v->terminal ? 1 : 10))
        return;
    v->shown = now;
    fus_progress_time(left, p->seconds_left);
    fprintf(stderr, "%s%s, %s: step %d of %d, loss %.4f, %s left%s", v->terminal ? "\r\033[K" : "", p->participant,
            p->what, p->step, p->n_steps, p->loss, left, v->terminal ? "" : "\n");
    v->open = v->terminal;
}

static bool is_stopping(void *context)
{
    (void)context;
    return fus_interrupt_stopping();
}

/* ---- at the end ---- */

/* Top-1 of single test trials, by participant and decoder. */
static int print_scores(const char *out, struct fus_error *err)
{
    char path[4096];
    struct fus_csv_read t;
    snprintf(path, sizeof path, "%s/scores.csv", out);
    int code = fus_csv_read_open(&t, path, err);
    int name = fus_csv_read_column(&t, "participant"), decoder = fus_csv_read_column(&t, "decoder"),
        fold = fus_csv_read_column(&t, "fold"), trials = fus_csv_read_column(&t, "trials"),
        metric = fus_csv_read_column(&t, "metric"), k = fus_csv_read_column(&t, "k"),
        value = fus_csv_read_column(&t, "value"), low = fus_csv_read_column(&t, "low"),
        high = fus_csv_read_column(&t, "high"), chance = fus_csv_read_column(&t, "chance");
    printf("participant\tdecoder\ttop-1\t95 %%\tchance\n");
    while (!code && fus_csv_read_next(&t))
        if (strcmp(fus_csv_read_text(&t, fold), "test") == 0 && strcmp(fus_csv_read_text(&t, trials), "single") == 0 &&
            strcmp(fus_csv_read_text(&t, metric), "top") == 0 && strcmp(fus_csv_read_text(&t, k), "1") == 0)
            printf("%s\t%s\t%.4f\t%.4f-%.4f\t%.4f\n", fus_csv_read_text(&t, name), fus_csv_read_text(&t, decoder),
                   fus_csv_read_number(&t, value), fus_csv_read_number(&t, low), fus_csv_read_number(&t, high),
                   fus_csv_read_number(&t, chance));
    return fus_csv_read_close(&t, err);
}

int fus_sdc_show_fit(const struct fus_sdc_decode_options *o, struct fus_error *err)
{
    static struct voice v;
    const struct fus_sdc_decode_hooks hooks = {&v, note, progress, is_stopping};
    v.terminal = isatty(2) == 1;
    int code = fus_sdc_decode_run(o, &hooks, err);
    close_line(&v);
    if (!code && o->n_shards)
        printf("shard %d of %d is done; when all are, the same command with --resume and without --shard joins them\n",
               o->shard, o->n_shards);
    else if (!code)
        code = print_scores(o->out, err);
    if (code == FUS_ESTOPPED)
        fprintf(stderr, "fusiform: %s; the same command with --resume goes on\n", err->msg);
    else if (code)
        fus_args_failed(err);
    return code;
}
