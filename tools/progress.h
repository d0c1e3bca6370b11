/* SPDX-License-Identifier: MIT */
/* Notes and progress on standard error while a command runs. */
#ifndef FUS_PROGRESS_H
#define FUS_PROGRESS_H

#include <stdbool.h>

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

/* Lines about long work: notes wait for its first step, so that an error before it stays the only
 * line; then a line of progress is due at intervals, and is written over on a terminal. */
struct fus_progress_lines {
    double shown;               /* time of the last line */
    bool terminal, open, begun; /* open: the line on the terminal has no end yet */
    char notes[8 * FUS_MESSAGE_BYTES];
};
void fus_progress_note(void *lines, const char *note);
/* The first step comes now: shows the notes and catches Ctrl-C. */
void fus_progress_begin(void *lines);
/* Whether a line is due: each second on a terminal, else each `seconds`; writes its beginning. */
bool fus_progress_due(struct fus_progress_lines *lines, double seconds);
void fus_progress_end_line(struct fus_progress_lines *lines); /* of progress: written over, or left */
void fus_progress_close(struct fus_progress_lines *lines);    /* ends the open line */

/* Shows the library's notes as "fusiform: NOTE", and progress as above. */
extern const struct fus_note_sink fus_progress_notes;
void fus_progress_listen(void *context, const struct fus_localizer_event *event);

/* Prints a model's notes; called after success, so that an error message is the only line. */
void fus_progress_tell_model(const struct fus_model *m);

#endif
