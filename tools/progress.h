/* What is said on standard error while a command is at work. */
#ifndef FUS_PROGRESS_H
#define FUS_PROGRESS_H

#include "analysis/localizer/localizer.h"
#include "analysis/localizer/model.h"
#include "analysis/localizer/note.h"

/* From now on, long work on one file says how far it is: after two seconds a line, and
 * another every five. */
void fus_progress_of_files(void);

/* "WHAT: 12 of 192 THINGS, 3.4 a second, 53 s left": a line on a terminal that is written over,
 * plain lines now and then elsewhere. started: of now(), seconds. */
void fus_progress_show(const char *what, const char *things, int done, int of, double started);
double fus_progress_now(void);

/* What the library says: notes as "fusiform: NOTE", progress as above. */
extern const struct fus_note_sink fus_progress_notes;
void fus_progress_listen(void *context, const struct fus_localizer_event *event);

/* A model's notes; for the end of what went well, so that an error stays the only line. */
void fus_progress_tell_model(const struct fus_model *m);

#endif
