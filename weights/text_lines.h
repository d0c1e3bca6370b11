/* SPDX-License-Identifier: MIT */
/* A file of texts, one a line: captions, names of classes, templates. */
#ifndef FUS_TEXT_LINES_H
#define FUS_TEXT_LINES_H

#include "nn/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fus_text_line {
    const char *text; /* ended by 0; zeros may stand in it */
    size_t n;
    int number; /* of the line, from 1 */
};

struct fus_text_lines {
    char *bytes;
    struct fus_text_line *lines;
    size_t n;
};

enum fus_text_lines_kind {
    FUS_TEXT_LINES_TEXTS, /* an empty line is the empty text; after a tab only what follows the last one */
    FUS_TEXT_LINES_NAMES, /* an empty line is an error */
    FUS_TEXT_LINES_ANY    /* lines as they are */
};

/* A byte order mark and carriage returns at the ends of lines are dropped; an empty last line does
 * not count. Messages start with the path. */
int fus_text_lines_read(struct fus_text_lines *l, const char *path, enum fus_text_lines_kind kind,
                        struct fus_error *err);
void fus_text_lines_free(struct fus_text_lines *l);

#ifdef __cplusplus
}
#endif

#endif
