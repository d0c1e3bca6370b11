/* SPDX-License-Identifier: MIT */
/* Notes and progress on standard error while a command runs. */
#ifndef FUS_PROGRESS_H
#define FUS_PROGRESS_H

#include "analysis/localizer/localizer.h"
#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"

/* From now on, shows the progress of long work on one file: a line after two seconds, then every
 * five. */
void fus_progress_of_files(void);

/* "WHAT: 12 of 192 THINGS, 3.4 a second, 53 s left": a line that is overwritten on a terminal,
 * plain lines at intervals elsewhere. started: the time from now(), in seconds. */
void fus_progress_show(const char *what, const char *things, int done, int of, double started);
double fus_progress_now(void);
void fus_progress_time(char text[40], double seconds); /* "45 s", "12 min 05 s", "3 h 20 min" */

/* Shows the library's notes as "fusiform: NOTE", and progress as above. */
extern const struct fus_note_sink fus_progress_notes;
void fus_progress_listen(void *context, const struct fus_localizer_event *event);

/* Prints a model's notes; called after success, so that an error message is the only line. */
void fus_progress_tell_model(const struct fus_model *m);

#endif
