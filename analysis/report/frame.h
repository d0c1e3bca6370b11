/* SPDX-License-Identifier: MIT */
/* The frame of every page: head with style sheet, script and footer. A page is one file that
 * needs no other, XML as well as HTML; it follows the reader's light or dark setting, prints in
 * light, and flows down to a phone's width. */
#ifndef FUS_FRAME_H
#define FUS_FRAME_H

#include "analysis/report/theme.h"

struct fus_frame {
    const char *kicker; /* what kind of page: "Functional localizer" */
    const char *title;  /* as HTML: names in it are escaped by the caller */
    const char *css;    /* rules of this page alone; NULL: none */
    const struct fus_theme *theme;
};

/* From <!DOCTYPE> to <h1>...</h1>. The caller adds lines and </header>. */
void fus_frame_open(struct fus_text_buffer *out, const struct fus_frame *frame);

/* The footer, the script and </html>. version: of the program that made the page's numbers. */
void fus_frame_close(struct fus_text_buffer *out, const char *version);

/* The vertical axis of dots, as attributes of their path: the script reads values off positions. */
struct fus_axis;
void fus_frame_axis(struct fus_text_buffer *out, const struct fus_axis *y);

/* The page's only script (script.c): sortable tables, values at the pointer, a slider through
 * layers, buttons that copy. Without it everything is there to be read. */
extern const char fus_frame_script[];

#endif
