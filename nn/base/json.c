/* SPDX-License-Identifier: MIT */
/* A strict, bounded reader of JSON, and the writer of its strings: see json.h. Accepted is what
 * RFC 8259 defines and nothing else: no comments, no trailing commas, no bare words, no byte
 * order mark. Left out: U+0000 in strings, which C strings cannot hold. */
#include "nn/base/json.h"
#include "nn/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fus_json_start(struct fus_json *j, const void *text, size_t n, size_t base, struct fus_error *err)
{
    memset(j, 0, sizeof *j);
    j->b = fus_bytes_of(text, n);
    j->base = base;
    j->err = err;
}

int fus_json_fail(struct fus_json *j, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    if (j->code)
        return j->code;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return j->code = fus_base_fail_at(j->err, FUS_EFORMAT, (long long)(j->base + j->b.pos), "%s", msg);
}

/* The next byte without taking it; -1 at the end. */
static int peek(const struct fus_json *j)
{
    return j->b.pos < j->b.n ? j->b.data[j->b.pos] : -1;
}

static int peek_solid(struct fus_json *j)
{
    int c = peek(j);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        j->b.pos++;
        c = peek(j);
    }
    return c;
}

static void expected(struct fus_json *j, const char *what)
{
    int c = peek(j);
    if (c < 0)
        fus_json_fail(j, "%s expected, the JSON text ends here", what);
    else if (c > 0x20 && c < 0x7f)
        fus_json_fail(j, "%s expected, '%c' found", what, c);
    else
        fus_json_fail(j, "%s expected, byte 0x%02x found", what, (unsigned)c);
}

void fus_json_enter(struct fus_json *j, char open)
{
    char what[] = "'?'";
    what[1] = open;
    if (j->code)
        return;
    if (peek_solid(j) != open) {
        expected(j, what);
        return;
    }
    if (j->depth == FUS_JSON_DEPTH) {
        fus_json_fail(j, "nested deeper than %d levels", FUS_JSON_DEPTH);
        return;
    }
    j->closer[j->depth] = open == '{' ? '}' : ']';
    j->fresh[j->depth++] = true;
    j->b.pos++;
}

bool fus_json_next(struct fus_json *j)
{
    if (j->code || j->depth == 0)
        return false;
    int top = j->depth - 1, c = peek_solid(j);
    bool fresh = j->fresh[top];
    if (c == j->closer[top]) {
        j->b.pos++;
        j->depth--;
        return false;
    }
    j->fresh[top] = false;
    if (fresh)
        return true;
    if (c != ',') {
        expected(j, j->closer[top] == '}' ? "',' or '}'" : "',' or ']'");
        return false;
    }
    j->b.pos++;
    if (peek_solid(j) == j->closer[top])
        expected(j, "a member after ','");
    return !j->code;
}

bool fus_json_starts_with(struct fus_json *j, char c)
{
    return !j->code && peek_solid(j) == c;
}

/* ---- strings ---- */

static int hex4(struct fus_json *j)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(j), digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        else {
            expected(j, "a hex digit");
            return -1;
        }
        v = v << 4 | digit;
        j->b.pos++;
    }
    return v;
}

/* After "\u": the code point, of a surrogate pair both halves. */
static long unicode_escape(struct fus_json *j)
{
    long v = hex4(j);
    if (j->code)
        return -1;
    if (v == 0)
        fus_json_fail(j, "\\u0000 in a string");
    if (j->file_names && v >= 0xdc80 && v <= 0xdcff)
        return v;
    if (v >= 0xdc00 && v <= 0xdfff)
        fus_json_fail(j, "the second half of a surrogate pair without the first");
    if (v < 0xd800 || v > 0xdbff)
        return v;
    const uint8_t *p = j->b.data + j->b.pos;
    long low = -1;
    if (fus_bytes_left(&j->b) >= 2 && p[0] == '\\' && p[1] == 'u') {
        j->b.pos += 2;
        low = hex4(j);
    }
    if (low < 0xdc00 || low > 0xdfff)
        fus_json_fail(j, "the first half of a surrogate pair without the second");
    return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

/* Code point -> 1 to 4 bytes of UTF-8 at out, or the byte that U+DC80 to U+DCFF stand for;
 * returns how many. */
static size_t encode(char *out, long v)
{
    if (v >= 0xdc80 && v <= 0xdcff) {
        out[0] = (char)(v - 0xdc00);
        return 1;
    }
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    static const int lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, v >>= 6)
        out[i] = (char)(0x80 | (v & 0x3f));
    out[0] = (char)(lead[n] | v);
    return n;
}

static size_t escape(struct fus_json *j, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(j);
    const char *at = c > 0 ? strchr(from, c) : NULL;
    if (at) {
        j->b.pos++;
        *out = to[at - from];
        return 1;
    }
    if (c != 'u') {
        expected(j, "one of \"\\/bfnrtu after a backslash");
        return 0;
    }
    j->b.pos++;
    long v = unicode_escape(j);
    return j->code ? 0 : encode(out, v);
}

/* Where the string that begins at j->b.pos ends: a decoded string is never longer than its text. */
static size_t raw_length(const struct fus_json *j)
{
    size_t i = j->b.pos;
    while (i < j->b.n && j->b.data[i] != '"')
        i += j->b.data[i] == '\\' ? 2 : 1;
    return (i < j->b.n ? i : j->b.n) - j->b.pos;
}

static bool make_room(struct fus_json *j)
{
    size_t want = raw_length(j) + 4;
    if (want <= j->cap)
        return true;
    want = want < 256 ? 256 : want;
    char *bigger = fus_base_resize(j->text, want, 1);
    if (!bigger) {
        j->code = fus_base_fail(j->err, FUS_ENOMEM, "no memory for a JSON string");
        return false;
    }
    j->text = bigger;
    j->cap = want;
    return true;
}

const char *fus_json_string(struct fus_json *j)
{
    if (j->code)
        return "";
    if (peek_solid(j) != '"') {
        expected(j, "a string");
        return "";
    }
    j->b.pos++;
    if (!make_room(j))
        return "";
    size_t used = 0;
    while (!j->code) {
        int c = peek(j);
        if (c == '"')
            break;
        if (c < 0x20) {
            expected(j, "a character of a string or '\"'");
        } else if (c == '\\') {
            j->b.pos++;
            used += escape(j, j->text + used);
        } else {
            size_t n = fus_utf8_length(j->b.data + j->b.pos, fus_bytes_left(&j->b));
            if (n == 0)
                fus_json_fail(j, "broken UTF-8");
            else
                memcpy(j->text + used, fus_bytes_take(&j->b, n), n);
            used += n;
        }
    }
    if (j->code)
        return "";
    j->b.pos++;
    j->text[used] = '\0';
    return j->text;
}

const char *fus_json_key(struct fus_json *j)
{
    const char *key = fus_json_string(j);
    if (j->code)
        return "";
    if (peek_solid(j) != ':') {
        expected(j, "':'");
        return "";
    }
    j->b.pos++;
    return key;
}

/* ---- numbers and the rest ---- */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

uint64_t fus_json_u64(struct fus_json *j)
{
    if (j->code)
        return 0;
    if (!is_digit(peek_solid(j))) {
        expected(j, "a whole number");
        return 0;
    }
    size_t start = j->b.pos;
    uint64_t v = 0;
    for (int c = peek(j); is_digit(c); c = peek(j)) {
        if (v > (UINT64_MAX - (uint64_t)(c - '0')) / 10) {
            fus_json_fail(j, "a number beyond 2^64");
            return 0;
        }
        v = 10 * v + (uint64_t)(c - '0');
        j->b.pos++;
    }
    int c = peek(j);
    if (c == '.' || c == 'e' || c == 'E')
        fus_json_fail(j, "a whole number expected, a fraction or exponent found");
    if (j->b.data[start] == '0' && j->b.pos - start > 1)
        fus_json_fail(j, "a number with a leading zero");
    return j->code ? 0 : v;
}

static void skip_digits(struct fus_json *j)
{
    if (!is_digit(peek(j)))
        expected(j, "a digit");
    while (is_digit(peek(j)))
        j->b.pos++;
}

static void skip_number(struct fus_json *j)
{
    if (peek(j) == '-')
        j->b.pos++;
    if (peek(j) == '0')
        j->b.pos++;
    else
        skip_digits(j);
    if (!j->code && peek(j) == '.') {
        j->b.pos++;
        skip_digits(j);
    }
    if (!j->code && (peek(j) == 'e' || peek(j) == 'E')) {
        j->b.pos++;
        if (peek(j) == '+' || peek(j) == '-')
            j->b.pos++;
        skip_digits(j);
    }
}

static void skip_word(struct fus_json *j)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (fus_bytes_left(&j->b) >= n && memcmp(j->b.data + j->b.pos, words[i], n) == 0) {
            j->b.pos += n;
            return;
        }
    }
    expected(j, "a value");
}

void fus_json_skip(struct fus_json *j)
{
    if (j->code)
        return;
    int c = peek_solid(j);
    if (c == '{') {
        for (fus_json_enter(j, '{'); fus_json_next(j);) {
            fus_json_key(j);
            fus_json_skip(j);
        }
    } else if (c == '[') {
        for (fus_json_enter(j, '['); fus_json_next(j);)
            fus_json_skip(j);
    } else if (c == '"') {
        fus_json_string(j);
    } else if (c == '-' || is_digit(c)) {
        skip_number(j);
    } else {
        skip_word(j);
    }
}

int fus_json_end(struct fus_json *j)
{
    if (!j->code && peek_solid(j) >= 0)
        expected(j, "the end");
    fus_base_free(j->text);
    j->text = NULL;
    return j->code;
}

/* ---- writing ---- */

/* The JSON of the first character of text [left] at out; *n_out: how long that is. Returns the
 * bytes of text it stands for. */
static size_t quote_character(char out[8], size_t *n_out, const unsigned char *s, size_t left)
{
    size_t n = fus_utf8_length(s, left);
    if (n == 0)
        *n_out = (size_t)snprintf(out, 8, "\\udc%02x", *s);
    else if (*s == '"' || *s == '\\')
        *n_out = (size_t)snprintf(out, 8, "\\%c", *s);
    else if (*s < 0x20)
        *n_out = (size_t)snprintf(out, 8, "\\u%04x", *s);
    else
        memcpy(out, s, *n_out = n);
    return n ? n : 1;
}

/* Into the file, else into the buffer. */
static void put(struct fus_outfile *f, struct fus_text_buffer *t, const char *text, size_t n)
{
    if (f)
        fus_outfile_write(f, text, n);
    else
        fus_text_append(t, text, n);
}

static void quote(struct fus_outfile *f, struct fus_text_buffer *t, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    put(f, t, "\"", 1);
    for (size_t left = strlen(text), n; left > 0; s += n, left -= n) {
        char out[8];
        size_t n_out;
        n = quote_character(out, &n_out, s, left);
        put(f, t, out, n_out);
    }
    put(f, t, "\"", 1);
}

void fus_json_write(struct fus_outfile *f, const char *text)
{
    quote(f, NULL, text);
}

void fus_json_quote(struct fus_text_buffer *t, const char *text)
{
    quote(NULL, t, text);
}
