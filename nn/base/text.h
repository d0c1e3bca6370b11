/* Text: well-formed UTF-8, names escaped for one line, a bounded text and a growing one. */
#ifndef FUS_TEXT_H
#define FUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/base/base.h"

/* Bytes of the well-formed UTF-8 sequence at s, of which `left` bytes are there (Unicode, table 3-7);
 * 0 where there is none. */
size_t fus_text_utf8(const void *s, size_t left);
bool fus_text_is_utf8(const char *text);

/* The text on one line, for messages: control characters become \t, \n, \r or \x1b, bytes that are not UTF-8
 * become \xe9. What does not fit into out_bytes (at least 1) is cut off before a character. Escaping what is
 * escaped already changes nothing. */
void fus_text_escape(char *out, size_t out_bytes, const char *text);

/* Text that grows, ended by 0 (`s` is NULL while it is empty). If memory runs out, `failed` is set and
 * whatever is appended later is ignored: check it once, at the end. Start with {0}. */
struct fus_text_buffer {
    char *s;
    size_t n, room;
    bool failed;
};
void fus_text_append(struct fus_text_buffer *t, const char *bytes, size_t n);
/* At most 255 bytes; more would be a fault of the caller's and sets `failed`. */
void fus_text_printf(struct fus_text_buffer *t, const char *fmt, ...) FUS_PRINTF(2, 3);
void fus_text_free(struct fus_text_buffer *t);

/* Text of bounded length; what does not fit becomes "..." (after a whole character). */
struct fus_text {
    size_t n;
    char s[1000];
};
void fus_text_add(struct fus_text *t, const char *fmt, ...) FUS_PRINTF(2, 3);

#endif
