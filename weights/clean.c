/* SPDX-License-Identifier: MIT */
/* Cleaning of texts: see clean.h. The steps in their order: decode, unescape twice, replace
 * characters one by one, compose, white space, lower case. */
#include "weights/clean.h"

#include <string.h>

#include "nn/base/utf8.h"
#include "weights/unicode.h"

enum { MAX_ENTITY = 12 };

/* ---- decoding ---- */

/* The code point of a well-formed sequence of n bytes. */
static uint32_t decode(const char *text, size_t n)
{
    static const uint8_t first[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = (uint8_t)text[0] & first[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((uint8_t)text[i] & 0x3f);
    return c;
}

static int decode_all(uint32_t *out, size_t *n, const char *text, size_t n_bytes, struct fus_error *err)
{
    *n = 0;
    for (size_t at = 0; at < n_bytes;) {
        size_t length = fus_utf8_length(text + at, n_bytes - at);
        if (!length)
            return fus_base_fail_at(err, FUS_EFORMAT, (long long)at, "not UTF-8: saved as Latin-1?");
        out[(*n)++] = decode(text + at, length);
        at += length;
    }
    return FUS_OK;
}

bool fus_clean_looks_misread(const char *text, size_t n_bytes)
{
    uint32_t before = 0;
    for (size_t at = 0, length; at < n_bytes; at += length) {
        length = fus_utf8_length(text + at, n_bytes - at);
        if (!length)
            return false;
        uint32_t c = decode(text + at, length);
        if ((c >= 0x80 && c < 0xa0) || ((before == 0xc2 || before == 0xc3) && c >= 0x80 && c < 0xc0))
            return true;
        before = c;
    }
    return false;
}

/* ---- entities ---- */

/* The digits at s [n] in the base; 0 where there are none or others. At most 10 digits. */
static uint64_t digits_of(const uint32_t *s, size_t n, uint32_t base)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = s[i], low = c | 0x20;
        uint32_t digit = c - '0' < 10 ? c - '0' : base == 16 && c < 0x80 && low - 'a' < 6 ? low - 'a' + 10 : 99;
        if (digit >= base)
            return 0;
        value = value * base + digit;
    }
    return value;
}

static uint32_t numbered(const uint32_t *s, size_t n)
{
    bool hex = n > 0 && (s[0] | 0x20) == 'x';
    uint64_t v = hex ? digits_of(s + 1, n - 1, 16) : digits_of(s, n, 10);
    bool allowed = v >= 0x20 && v < 0x110000 && !(v >= 0x7f && v < 0xa0) && !(v >= 0xd800 && v < 0xe000);
    return allowed ? (uint32_t)v : 0;
}

static uint32_t named(const uint32_t *s, size_t n)
{
    static const struct {
        const char *name;
        uint32_t c;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", 0xa0}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t i = 0;
        while (i < n && known[k].name[i] && s[i] == (uint32_t)known[k].name[i])
            i++;
        if (i == n && !known[k].name[i])
            return known[k].c;
    }
    return 0;
}

/* The character of the entity at s, which begins with '&'; 0: none is there. */
static uint32_t read_entity(const uint32_t *s, size_t left, size_t *length)
{
    size_t most = left < MAX_ENTITY ? left : MAX_ENTITY, end = 1;
    while (end < most && s[end] != ';')
        end++;
    if (end == most)
        return 0;
    *length = end + 1;
    return end > 1 && s[1] == '#' ? numbered(s + 2, end - 2) : named(s + 1, end - 1);
}

static void unescape(uint32_t *s, size_t *n)
{
    size_t to = 0;
    for (size_t at = 0; at < *n;) {
        size_t length = 1;
        uint32_t c = s[at] == '&' ? read_entity(s + at, *n - at, &length) : 0;
        s[to++] = c ? c : s[at];
        at += c ? length : 1;
    }
    *n = to;
}

/* ---- characters ---- */

static bool is_dropped(uint32_t c)
{
    return c < 0x09 || c == 0x0b || (c >= 0x0e && c < 0x20) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

/* The letters of a ligature; NULL: c is none. */
static const uint32_t *split_ligature(uint32_t c)
{
    static const struct {
        uint32_t c, letters[4]; /* ended by 0 */
    } known[] = {{0x132, {'I', 'J'}},    {0x133, {'i', 'j'}},   {0x149, {'\'', 'n'}},      {0x1c4, {'D', 0x17d}},
                 {0x1c5, {'D', 0x17e}},  {0x1c6, {'d', 0x17e}}, {0x1c7, {'L', 'J'}},       {0x1c8, {'L', 'j'}},
                 {0x1c9, {'l', 'j'}},    {0x1ca, {'N', 'J'}},   {0x1cb, {'N', 'j'}},       {0x1cc, {'n', 'j'}},
                 {0x1f1, {'D', 'Z'}},    {0x1f2, {'D', 'z'}},   {0x1f3, {'d', 'z'}},       {0xfb00, {'f', 'f'}},
                 {0xfb01, {'f', 'i'}},   {0xfb02, {'f', 'l'}},  {0xfb03, {'f', 'f', 'i'}}, {0xfb04, {'f', 'f', 'l'}},
                 {0xfb05, {0x17f, 't'}}, {0xfb06, {'s', 't'}}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].c == c)
            return known[i].letters;
    return NULL;
}

static uint32_t plain(uint32_t c)
{
    if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
        return '\'';
    if (c >= 0x201c && c <= 0x201f)
        return '"';
    return c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c; /* full width */
}

static void append_composed(uint32_t *out, size_t *n, uint32_t c)
{
    uint32_t composed = *n ? fus_unicode_compose(out[*n - 1], c) : 0;
    if (composed)
        out[*n - 1] = composed;
    else
        out[(*n)++] = c;
}

/* Characters replaced, then composed with the one before. */
static size_t tidy(uint32_t *out, const uint32_t *s, size_t n)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *letters = is_dropped(s[i]) ? NULL : split_ligature(s[i]);
        if (is_dropped(s[i]))
            continue;
        if (!letters)
            append_composed(out, &n_out, plain(s[i]));
        for (; letters && *letters; letters++)
            append_composed(out, &n_out, *letters);
    }
    return n_out;
}

/* Runs of white space become one space; none stays at the ends. In place. */
static size_t squeeze(uint32_t *s, size_t n)
{
    size_t to = 0;
    bool gap = false;
    for (size_t i = 0; i < n; i++) {
        if (fus_unicode_is_space(s[i])) {
            gap = true;
            continue;
        }
        if (gap && to)
            s[to++] = ' ';
        gap = false;
        s[to++] = s[i];
    }
    return to;
}

/* Capital sigma is final after a letter and before none. */
static uint32_t lower_sigma(const uint32_t *s, size_t n, size_t i)
{
    bool final = i > 0 && fus_unicode_is_letter(s[i - 1]) && !(i + 1 < n && fus_unicode_is_letter(s[i + 1]));
    return final ? 0x3c2 : 0x3c3;
}

static size_t lower(uint32_t *out, const uint32_t *s, size_t n)
{
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        out[to++] = s[i] == 0x130 ? 'i' : s[i] == 0x3a3 ? lower_sigma(s, n, i) : fus_unicode_lower(s[i]);
        if (s[i] == 0x130)
            out[to++] = 0x307;
    }
    return to;
}

int fus_clean_text(uint32_t **clean, size_t *n, const char *text, size_t n_bytes, struct fus_error *err)
{
    *clean = NULL;
    *n = 0;
    if (n_bytes > FUS_CLEAN_MAX_BYTES)
        return fus_base_fail(err, FUS_ELIMIT, "a text of %zu bytes, at most %zu expected", n_bytes,
                             FUS_CLEAN_MAX_BYTES);
    size_t room = n_bytes + 1; /* no character becomes more characters than it has bytes */
    uint32_t *a = fus_base_alloc(room, sizeof *a), *b = fus_base_alloc(room, sizeof *b);
    int code = a && b ? decode_all(a, n, text, n_bytes, err) : fus_base_fail(err, FUS_ENOMEM, "no memory for a text");
    if (!code) {
        unescape(a, n);
        unescape(a, n);
        *n = squeeze(b, tidy(b, a, *n));
        *n = lower(a, b, *n);
        *clean = a;
    }
    fus_base_free(b);
    if (code)
        fus_base_free(a);
    return code;
}
