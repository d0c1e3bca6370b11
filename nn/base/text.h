/* SPDX-License-Identifier: MIT */
/* Composing text: a growing buffer and a bounded one. */
#ifndef FUS_TEXT_H
#define FUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/base.h"

/* Text that grows, ended by 0 (`s` is NULL while it is empty). If memory runs out, `failed` is set
 * and later appends do nothing: check it once, at the end. Start with {0}. */
struct fus_text_buffer {
    char *s;
    size_t n, room;
    bool failed;
};
void fus_text_append(struct fus_text_buffer *t, const char *bytes, size_t n);
/* At most 255 bytes; more is a programming error and sets `failed`. */
void fus_text_printf(struct fus_text_buffer *t, const char *fmt, ...) FUS_PRINTF(2, 3);
void fus_text_free(struct fus_text_buffer *t);

/* Text of bounded length; text that does not fit is replaced by "..." (after a whole character). */
struct fus_text {
    size_t n;
    char s[1000];
};
void fus_text_add(struct fus_text *t, const char *fmt, ...) FUS_PRINTF(2, 3);

#endif
