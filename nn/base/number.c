/* SPDX-License-Identifier: MIT */
/* Numbers in text: see number.h. The C library rounds; what it would accept beyond the grammar is
 * refused first, and the point becomes what its locale expects. */
#include "nn/base/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *s)
{
    while (is_digit(*s))
        s++;
    return s;
}

static bool finish(const char *end, const char **rest)
{
    if (!rest)
        return *end == '\0';
    *rest = end;
    return true;
}

bool fus_number_whole(uint64_t *out, const char *text, const char **rest)
{
    uint64_t n = 0;
    const char *s = text;
    for (; is_digit(*s); s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = 10 * n + digit;
    }
    if (s == text || !finish(s, rest))
        return false;
    *out = n;
    return true;
}

/* The end of the real at the start of text and the place of its point, both NULL where there is
 * none. */
static const char *find_end(const char *text, const char **point)
{
    const char *whole = text + (*text == '-'), *end = skip_digits(whole);
    size_t digits = (size_t)(end - whole);
    *point = *end == '.' ? end : NULL;
    if (*point) {
        const char *fraction = end + 1;
        end = skip_digits(fraction);
        digits += (size_t)(end - fraction);
    }
    if (digits == 0)
        return NULL;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + (end[1] == '+' || end[1] == '-'), *after = skip_digits(exponent);
        end = after > exponent ? after : end;
    }
    return end;
}

bool fus_number_real(double *out, const char *text, const char **rest)
{
    const char *point, *end = find_end(text, &point), *local = localeconv()->decimal_point;
    char copy[FUS_NUMBER_BYTES];
    if (!end || (size_t)(end - text) + strlen(local) >= sizeof copy)
        return false;
    if (point)
        snprintf(copy, sizeof copy, "%.*s%s%.*s", (int)(point - text), text, local, (int)(end - point - 1), point + 1);
    else
        snprintf(copy, sizeof copy, "%.*s", (int)(end - text), text);
    double x = strtod(copy, NULL);
    if (!isfinite(x) || !finish(end, rest))
        return false;
    *out = x;
    return true;
}

int fus_number_print(char text[FUS_NUMBER_BYTES], double x)
{
    const char *local = localeconv()->decimal_point;
    size_t n = 0, width = strlen(local);
    for (int digits = 15; digits <= 17; digits++) {
        n = (size_t)snprintf(text, FUS_NUMBER_BYTES, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    char *point = strstr(text, local);
    if (point) {
        *point = '.';
        memmove(point + 1, point + width, n - (size_t)(point - text) - width + 1);
        n -= width - 1;
    }
    return (int)n;
}
