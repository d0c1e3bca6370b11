/* SPDX-License-Identifier: MIT */
/* UTF-8 in names from files and users: validation, and printing on one line. */
#ifndef FUS_UTF8_H
#define FUS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the well-formed UTF-8 sequence at s, where `left` bytes remain (Unicode, table 3-7); 0
 * if there is none. */
size_t fus_utf8_length(const void *s, size_t left);
bool fus_utf8_valid(const char *text);

/* The text on one line, for messages: control characters become \t, \n, \r or \x1b, bytes that are
 * not UTF-8 become \xe9. Text that does not fit into out_bytes (at least 1) is cut between
 * characters. Text that is already escaped stays unchanged. */
void fus_utf8_escape(char *out, size_t out_bytes, const char *text);

#endif
