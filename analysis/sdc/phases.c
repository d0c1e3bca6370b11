/* SPDX-License-Identifier: MIT */
/* See phases.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/phases.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "nn/base/outfile.h"
#include "nn/kernel/kernels.h"

double fus_sdc_phases_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void fus_sdc_phases_start(struct fus_sdc_phases *p)
{
    *p = (struct fus_sdc_phases){0};
    p->started = p->last = fus_sdc_phases_now();
}

void fus_sdc_phases_resume(struct fus_sdc_phases *p)
{
    double now = fus_sdc_phases_now();
    p->started += now - p->last;
    p->last = now;
}

void fus_sdc_phases_end(struct fus_sdc_phases *p, const char *fmt, ...)
{
    char name[200];
    va_list ap;
    double now = fus_sdc_phases_now();
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    fus_text_printf(&p->text, "phase\t%s\t%.3f\n", name, now - p->last);
    p->last = now;
}

int fus_sdc_phases_write(const struct fus_sdc_phases *p, const char *path, const char *more, struct fus_error *err)
{
    struct fus_outfile f;
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_printf(&f, "fusiform %s\ninstruction set\t%s\nthreads\t%d\n", FUS_VERSION, fus_kernels_here()->name,
                       fus_base_threads());
    fus_outfile_write(&f, p->text.s, p->text.n);
    if (more)
        fus_outfile_printf(&f, "%s", more);
    fus_outfile_printf(&f, "wall_s\t%.3f\npeak_memory_kb\t%ld\n", p->last - p->started, fus_base_peak_kb());
    return fus_outfile_commit(&f, err);
}

void fus_sdc_phases_free(struct fus_sdc_phases *p)
{
    fus_text_free(&p->text);
}
