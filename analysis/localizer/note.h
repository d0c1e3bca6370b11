/* SPDX-License-Identifier: MIT */
/* Lines for the user, passed to a callback: the library prints nothing. */
#ifndef FUS_NOTE_H
#define FUS_NOTE_H

#include "nn/base/base.h"

struct fus_note_sink {
    void (*say)(void *context, const char *line); /* without the end of line */
    void *context;
};

void fus_note_say(const struct fus_note_sink *sink, const char *fmt, ...)
    FUS_PRINTF(2, 3); /* as one line (fus_utf8_escape); sink NULL: nothing */

#endif
