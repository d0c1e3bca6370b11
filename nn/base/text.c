/* SPDX-License-Identifier: MIT */
/* Growing and bounded text: see text.h. */
#include "nn/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void fus_text_append(struct fus_text_buffer *t, const char *bytes, size_t n)
{
    size_t need;
    if (t->failed)
        return;
    t->failed = !fus_base_add(&need, t->n, n) || !fus_base_add(&need, need, 1);
    if (!t->failed && need > t->room) {
        size_t room = t->room ? t->room : 256;
        while (room < need)
            room = room > SIZE_MAX / 2 ? need : 2 * room;
        char *s = fus_base_resize(t->s, room, 1);
        t->failed = !s;
        t->s = s ? s : t->s;
        t->room = s ? room : t->room;
    }
    if (t->failed)
        return;
    if (n)
        memcpy(t->s + t->n, bytes, n);
    t->n += n;
    t->s[t->n] = '\0';
}

void fus_text_printf(struct fus_text_buffer *t, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        t->failed = true;
    else
        fus_text_append(t, text, (size_t)n);
}

void fus_text_free(struct fus_text_buffer *t)
{
    fus_base_free(t->s);
    *t = (struct fus_text_buffer){0};
}

void fus_text_add(struct fus_text *t, const char *fmt, ...)
{
    const size_t most = sizeof t->s - 4;
    va_list ap;
    if (t->n >= most)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    t->n += n > 0 ? (size_t)n : 0;
    if (t->n < most)
        return;
    size_t end = most;
    while (end > 0 && ((unsigned char)t->s[end] & 0xc0) == 0x80)
        end--;
    strcpy(t->s + end, "...");
    t->n = most;
}
