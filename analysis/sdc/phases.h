/* SPDX-License-Identifier: MIT */
/* Where the time of a command went: lines of its log, "phase TAB name TAB seconds". */
#ifndef FUS_SDC_PHASES_H
#define FUS_SDC_PHASES_H

#include "nn/base/text.h"

struct fus_sdc_phases {
    double started, last; /* the beginning; the end of the phase before */
    struct fus_text_buffer text;
};
double fus_sdc_phases_now(void); /* seconds of a clock that never goes back */
void fus_sdc_phases_start(struct fus_sdc_phases *p);
/* The time since the last call belongs to nothing here. */
void fus_sdc_phases_resume(struct fus_sdc_phases *p);
/* The time since the last call belongs to this phase. */
void fus_sdc_phases_end(struct fus_sdc_phases *p, const char *fmt, ...) FUS_PRINTF(2, 3);
/* The log: machine, the phases, `more` (lines; NULL: none), their sum and memory. */
int fus_sdc_phases_write(const struct fus_sdc_phases *p, const char *path, const char *more, struct fus_error *err);
void fus_sdc_phases_free(struct fus_sdc_phases *p);

#endif
