/* SPDX-License-Identifier: MIT */
/* What the files of a training share: see work.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/train/work.h"

#include <stdarg.h>
#include <time.h>

double fus_work_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fus_work_note(const struct fus_work *w, const char *fmt, ...)
{
    char line[FUS_MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (w->h->note)
        w->h->note(w->h->context, line);
}

void fus_work_log(const struct fus_work *w, const char *fmt, ...)
{
    va_list ap;
    if (!w->log)
        return;
    va_start(ap, fmt);
    vfprintf(w->log, fmt, ap);
    va_end(ap);
    fflush(w->log);
}

void fus_work_path(char path[4096], const struct fus_work *w, const char *name)
{
    snprintf(path, 4096, "%s/%s", w->o->out, name);
}

int fus_work_no_memory(struct fus_error *err)
{
    return fus_base_fail(err, FUS_ENOMEM, "no memory for a batch of pictures");
}
