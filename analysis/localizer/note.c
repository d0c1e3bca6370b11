/* SPDX-License-Identifier: MIT */
/* Lines for the user: see note.h. */
#include "analysis/localizer/note.h"

#include <stdarg.h>
#include <stdio.h>

#include "nn/base/utf8.h"

void fus_note_say(const struct fus_note_sink *sink, const char *fmt, ...)
{
    char line[3 * FUS_MESSAGE_BYTES], shown[sizeof line];
    va_list ap;
    if (!sink || !sink->say)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fus_utf8_escape(shown, sizeof shown, line);
    sink->say(sink->context, shown);
}
