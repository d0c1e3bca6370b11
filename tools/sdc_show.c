/* SPDX-License-Identifier: MIT */
/* What `fusiform sdc fit` prints: see sdc_show.h. */
#include "tools/sdc_show.h"

#include <stdio.h>
#include <string.h>

#include "analysis/run/csv_read.h"
#include "tools/args.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

/* The first step is the first that is reported. */
static void progress(void *context, const struct fus_sdc_decode_progress *p)
{
    struct fus_progress_lines *lines = context;
    char left[40];
    if (!lines->begun)
        fus_progress_begin(lines);
    if (!fus_progress_due(lines, 10))
        return;
    fus_progress_time(left, p->seconds_left);
    fprintf(stderr, "%s, %s: step %d of %d, loss %.4f, %s left", p->participant, p->what, p->step, p->n_steps, p->loss,
            left);
    fus_progress_end_line(lines);
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
    static struct fus_progress_lines lines;
    const struct fus_sdc_decode_hooks hooks = {&lines, fus_progress_note, progress, is_stopping};
    fus_interrupt_catch(); /* until the first step */
    int code = fus_sdc_decode_run(o, &hooks, err);
    fus_progress_close(&lines);
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
