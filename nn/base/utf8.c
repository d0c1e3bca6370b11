/* SPDX-License-Identifier: MIT */
/* Well-formed UTF-8, and names escaped for one line: see utf8.h. */
#include "nn/base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t fus_utf8_length(const void *s, size_t left)
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

bool fus_utf8_valid(const char *text)
{
    size_t left = strlen(text), n = 1;
    for (; left > 0 && n > 0; text += n, left -= n)
        n = fus_utf8_length(text, left);
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

void fus_utf8_escape(char *out, size_t out_bytes, const char *text)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t left = strlen(text), used = 0;
    while (left > 0) {
        char one[4];
        size_t n = fus_utf8_length(s, left), n_one = n;
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
