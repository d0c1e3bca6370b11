/* SPDX-License-Identifier: MIT */
/* A growing text with escapes and numbers of its own: see svg.h. Numbers are rounded half up
 * with floor() and written through integers, because printf's decimal point belongs to the
 * locale. */
#include "analysis/report/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/outfile.h"

static void string(struct fus_text_buffer *s, const char *text)
{
    fus_text_append(s, text, strlen(text));
}

/* ---- characters ---- */

#define REPLACEMENT 0xfffdu

/* Characters that XML forbids or that turn the reading direction of what follows. */
static bool is_unwanted(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe ||
           c > 0x10ffff || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* One character of UTF-8 (RFC 3629); returns its bytes. What is malformed or unwanted is one
 * replacement a byte. */
static size_t decode(uint32_t *c, const char *text)
{
    const unsigned char *b = (const unsigned char *)text;
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = b[0] < 0x80                   ? 1
               : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
               : (b[0] & 0xf0) == 0xe0       ? 3
               : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                             : 0;
    *c = REPLACEMENT;
    if (n == 0)
        return 1;
    uint32_t v = n == 1 ? b[0] : b[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 1;
        v = v << 6 | (b[i] & 0x3f);
    }
    if (v >= smallest[n] && !is_unwanted(v))
        *c = v;
    return n;
}

static void escaped(struct fus_text_buffer *s, const char *text)
{
    while (*text) {
        uint32_t c;
        size_t n = decode(&c, text);
        if (c == '&')
            string(s, "&amp;");
        else if (c == '<')
            string(s, "&lt;");
        else if (c == '>')
            string(s, "&gt;");
        else if (c == '"')
            string(s, "&quot;");
        else if (c == '\'')
            string(s, "&#39;");
        else if (c == REPLACEMENT)
            string(s, "\xef\xbf\xbd");
        else
            fus_text_append(s, text, n);
        text += n;
    }
}

double fus_svg_width(const char *text, double font_size)
{
    double em = 0;
    while (*text) {
        uint32_t c;
        text += decode(&c, text);
        if (c < 0x80)
            em += strchr("ijl.,:;|!'()[]ft /-", (int)c) ? 0.36
                  : strchr("mwMW@%<>&+=~_", (int)c)     ? 0.9
                  : c >= 'A' && c <= 'Z'                ? 0.7
                                                        : 0.6;
        else
            em += c >= 0x1100 ? 1.0 : 0.7;
    }
    return em * font_size;
}

void fus_svg_shorten(char *out, const char *text, int max_chars)
{
    int n = 0, head = max_chars / 2, tail = max_chars - 1 - head, at = 0;
    uint32_t c;
    for (const char *p = text; *p; n++)
        p += decode(&c, p);
    for (; *text; at++) {
        size_t bytes = decode(&c, text);
        if (n <= max_chars || at < head || at >= n - tail) {
            memcpy(out, text, bytes);
            out += bytes;
        } else if (at == head) {
            memcpy(out, "\xe2\x80\xa6", 3);
            out += 3;
        }
        text += bytes;
    }
    *out = '\0';
}

/* ---- numbers ---- */

static const double power_of_ten[7] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

/* Beyond 1e9 (an index whose denominator is nearly 0): 1.2e+34. */
static void scientific(char text[FUS_SVG_NUMBER_BYTES], double v, const char *minus)
{
    int exponent = 0;
    for (; v >= 10; exponent++)
        v /= 10;
    unsigned tenths = (unsigned)floor(v * 10 + 0.5);
    snprintf(text, FUS_SVG_NUMBER_BYTES, "%s%u.%ue+%d", minus, tenths / 10, tenths % 10, exponent);
}

static void fixed(char text[FUS_SVG_NUMBER_BYTES], double v, int decimals, const char *minus)
{
    double size = fabs(v);
    unsigned long long one = (unsigned long long)power_of_ten[decimals];
    if (!isfinite(v) || size >= 1e9) {
        if (isfinite(v))
            scientific(text, size, v < 0 ? minus : "");
        else
            snprintf(text, FUS_SVG_NUMBER_BYTES, "\xe2\x80\x93");
        return;
    }
    unsigned long long n = (unsigned long long)floor(size * power_of_ten[decimals] + 0.5);
    const char *sign = v < 0 && n > 0 ? minus : "";
    if (decimals == 0)
        snprintf(text, FUS_SVG_NUMBER_BYTES, "%s%llu", sign, n);
    else
        snprintf(text, FUS_SVG_NUMBER_BYTES, "%s%llu.%0*llu", sign, n / one, decimals, n % one);
}

void fus_svg_number(char text[FUS_SVG_NUMBER_BYTES], double v, int decimals)
{
    fixed(text, v, decimals, "\xe2\x88\x92");
}

static void trimmed(struct fus_text_buffer *s, double v, int decimals)
{
    char text[FUS_SVG_NUMBER_BYTES];
    fixed(text, isfinite(v) && fabs(v) < 1e9 ? v : 0, decimals, "-");
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    fus_text_append(s, text, n);
}

static void significant(struct fus_text_buffer *s, double v)
{
    char text[FUS_SVG_NUMBER_BYTES];
    double size = fabs(v);
    int decimals = size >= 100                ? 0
                   : size >= 10               ? 1
                   : size >= 1                ? 2
                   : size >= 0.1 || size == 0 ? 3
                   : size >= 0.01             ? 4
                                              : 5;
    fus_svg_number(text, v, decimals);
    string(s, text);
}

static void percentage(struct fus_text_buffer *s, double share)
{
    char text[FUS_SVG_NUMBER_BYTES];
    double v = share * 100;
    if (!isfinite(v))
        string(s, "\xe2\x80\x93");
    else if (v > 0 && v < 0.001)
        string(s, "&lt; 0.001%");
    else {
        fus_svg_number(text, v, v == 0 ? 0 : fabs(v) >= 1 ? 1 : fabs(v) >= 0.1 ? 2 : 3);
        string(s, text);
        string(s, "%");
    }
}

static void probability(struct fus_text_buffer *s, double p)
{
    char text[FUS_SVG_NUMBER_BYTES];
    if (!isfinite(p))
        string(s, "undefined");
    else if (p < 0.001)
        string(s, "&lt; .001");
    else {
        fus_svg_number(text, p, 3);
        string(s, "= ");
        string(s, text[0] == '0' ? text + 1 : text);
    }
}

static void thousands(struct fus_text_buffer *s, size_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%zu", n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            string(s, ",");
        fus_text_append(s, digits + i, 1);
    }
}

/* ---- the format ---- */

static void number_argument(struct fus_text_buffer *s, char kind, double v)
{
    char text[FUS_SVG_NUMBER_BYTES];
    if (kind == 'f')
        trimmed(s, v, 2);
    else if (kind == 't')
        trimmed(s, v, 6);
    else if (kind == 'r')
        significant(s, v);
    else if (kind == 'p')
        percentage(s, v);
    else if (kind == 'v')
        probability(s, v);
    else {
        fus_svg_number(text, v, kind - '0');
        string(s, text);
    }
}

void fus_svg_put(struct fus_text_buffer *s, const char *fmt, ...)
{
    char digits[16];
    va_list ap;
    va_start(ap, fmt);
    for (;;) {
        size_t plain = strcspn(fmt, "$");
        fus_text_append(s, fmt, plain);
        fmt += plain;
        if (fmt[0] == '\0' || fmt[1] == '\0')
            break;
        char kind = fmt[1];
        fmt += 2;
        if (kind == 's')
            string(s, va_arg(ap, const char *));
        else if (kind == 'e')
            escaped(s, va_arg(ap, const char *));
        else if (kind == 'd') {
            snprintf(digits, sizeof digits, "%d", va_arg(ap, int));
            string(s, digits);
        } else if (kind == 'z')
            thousands(s, va_arg(ap, size_t));
        else if (kind == '$')
            string(s, "$");
        else
            number_argument(s, kind, va_arg(ap, double));
    }
    va_end(ap);
}

/* ---- bytes and files ---- */

void fus_svg_base64(struct fus_text_buffer *s, const uint8_t *bytes, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v =
            (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0u);
        char four[4] = {digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=',
                        left > 2 ? digit[v & 63] : '='};
        fus_text_append(s, four, 4);
    }
}

int fus_svg_save(const struct fus_text_buffer *s, const char *path, struct fus_error *err)
{
    struct fus_outfile f;
    if (s->failed)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its text", path);
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    if (s->n)
        fus_outfile_write(&f, s->s, s->n);
    return fus_outfile_commit(&f, err);
}
