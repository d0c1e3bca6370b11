/* Well-formed UTF-8, escaped names, bounded and growing text: see text.h. */
#include "nn/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t fus_text_utf8(const void *s, size_t left)
{
    const uint8_t *p = s;
    uint8_t low = 0x80, high = 0xbf;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    if (p[0] == 0xed)
        high = 0x9f;
    if (p[0] == 0xf0)
        low = 0x90;
    if (p[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (p[i] < low || p[i] > high)
            return 0;
    return n;
}

bool fus_text_is_utf8(const char *text)
{
    size_t left = strlen(text), n = 1;
    for (; left > 0 && n > 0; text += n, left -= n)
        n = fus_text_utf8(text, left);
    return n > 0;
}

/* The byte as \n or \x1b; returns how many characters that takes. */
static size_t escape_byte(char out[4], uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *letter = byte == '\t' ? "\\t" : byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : NULL;
    out[0] = '\\';
    out[1] = letter ? letter[1] : 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return letter ? 2 : 4;
}

/* C0, DEL and C1 (U+0080 to U+009F), which terminals act upon. */
static bool is_control(const uint8_t *s, size_t n)
{
    return n == 1 ? s[0] < 0x20 || s[0] == 0x7f : n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

void fus_text_escape(char *out, size_t out_bytes, const char *text)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t left = strlen(text), used = 0;
    while (left > 0) {
        char one[4];
        size_t n = fus_text_utf8(s, left), n_one = n;
        if (n == 0 || is_control(s, n)) {
            n = 1;
            n_one = escape_byte(one, *s);
        } else
            memcpy(one, s, n);
        if (used + n_one + 1 > out_bytes)
            break;
        memcpy(out + used, one, n_one);
        used += n_one;
        s += n;
        left -= n;
    }
    out[used] = '\0';
}

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
