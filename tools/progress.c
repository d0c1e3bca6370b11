/* SPDX-License-Identifier: MIT */
/* What is said on standard error while a command is at work: notes, how far a run is, how far long
 * work on one file is. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nn/base/base.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

#define FIRST_AFTER 2 /* seconds, of work on one file */
#define AGAIN_AFTER 5

static void show(const char *what, const char *path, uint64_t done, uint64_t all)
{
    static struct timespec begun, shown;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (done == 0 || begun.tv_sec == 0)
        begun = now;
    if (now.tv_sec - begun.tv_sec < FIRST_AFTER || now.tv_sec - shown.tv_sec < AGAIN_AFTER)
        return;
    shown = now;
    fprintf(stderr, "%s: %s, %d %% of %" PRIu64 " MB\n", path, what, (int)(100.0 * (double)done / (double)all),
            all >> 20);
}

void fus_progress_of_files(void)
{
    fus_base_set_progress(show);
}

double fus_progress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fus_progress_show(const char *what, const char *things, int done, int of, double started)
{
    static double last;
    double t = fus_progress_now(), rate = done / (t - started + 1e-9);
    bool terminal = isatty(2), ended = done == of;
    if (terminal ? !ended && t - last < 0.1 : ended ? t - started < 1 : t - (last > started ? last : started) < 10)
        return;
    last = t;
    fprintf(stderr, "%s%s: %d of %d %s, %.1f a second, %.0f s left%s", terminal ? "\r\033[K" : "", what, done, of,
            things, rate, (of - done) / rate, terminal && !ended ? "" : "\n");
}

void fus_progress_time(char text[40], double seconds)
{
    long s = seconds > 1e8 ? 100000000 : (long)(seconds + 0.5);
    if (s < 90)
        snprintf(text, 40, "%ld s", s);
    else if (s < 5400)
        snprintf(text, 40, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(text, 40, "%ld h %02ld min", s / 3600, s % 3600 / 60);
}

void fus_progress_close(struct fus_progress_lines *lines)
{
    if (lines->open)
        fputc('\n', stderr);
    lines->open = false;
}

void fus_progress_note(void *context, const char *note)
{
    struct fus_progress_lines *lines = context;
    size_t used = strlen(lines->notes);
    fus_progress_close(lines);
    if (lines->begun)
        fprintf(stderr, "fusiform: %s\n", note);
    else
        snprintf(lines->notes + used, sizeof lines->notes - used, "fusiform: %s\n", note);
}

void fus_progress_begin(void *context)
{
    struct fus_progress_lines *lines = context;
    lines->begun = true;
    lines->terminal = isatty(2) == 1;
    lines->shown = fus_progress_now();
    fputs(lines->notes, stderr);
    fus_interrupt_catch_steps();
}

bool fus_progress_due(struct fus_progress_lines *lines, double seconds)
{
    double now = fus_progress_now();
    if (now - lines->shown < (lines->terminal ? 1 : seconds))
        return false;
    lines->shown = now;
    fputs(lines->terminal ? "\r\033[K" : "", stderr);
    return true;
}

void fus_progress_end_line(struct fus_progress_lines *lines)
{
    lines->open = lines->terminal;
    if (!lines->open)
        fputc('\n', stderr);
}

static void say(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "fusiform: %s\n", line);
}

const struct fus_note_sink fus_progress_notes = {say, NULL};

void fus_progress_listen(void *context, const struct fus_localizer_event *event)
{
    (void)context;
    if (!event->note)
        fus_progress_show(event->what, event->things, event->done, event->of, fus_progress_now() - event->seconds);
    else if (event->of_model)
        fputs(event->note, stderr);
    else
        say(NULL, event->note);
}

void fus_progress_tell_model(const struct fus_model *m)
{
    fputs(m->notes, stderr);
}
