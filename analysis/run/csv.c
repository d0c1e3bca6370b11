/* SPDX-License-Identifier: MIT */
/* Fields of CSV tables: see csv.h. */
#include "analysis/run/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/number.h"
#include "nn/base/utf8.h"

void fus_csv_number(struct fus_outfile *f, double x)
{
    char text[FUS_NUMBER_BYTES];
    fus_outfile_write(f, ",", 1);
    if (isfinite(x))
        fus_outfile_write(f, text, (size_t)fus_number_print(text, x));
}

void fus_csv_count(struct fus_outfile *f, size_t n)
{
    fus_outfile_printf(f, ",%zu", n);
}

/* Whether s begins with \x80 to \xff as text. */
static bool looks_escaped(const char *s)
{
    return s[0] == '\\' && s[1] == 'x' && s[2] && strchr("89abcdef", s[2]) && s[3] && strchr("0123456789abcdef", s[3]);
}

/* Whether the name is not UTF-8, or looks like an escaped name. */
static bool needs_escapes(const char *name)
{
    bool needs = !fus_utf8_valid(name);
    for (; *name && !needs; name++)
        needs = looks_escaped(name);
    return needs;
}

static void put_escaped(struct fus_outfile *f, const char *name)
{
    size_t left = strlen(name);
    while (left > 0) {
        size_t n = fus_utf8_length(name, left);
        if (n == 0)
            fus_outfile_printf(f, "\\x%02x", (unsigned char)*name);
        else if (*name == '"' || *name == '\\')
            fus_outfile_printf(f, "%c%c", *name, *name);
        else
            fus_outfile_write(f, name, n);
        n = n ? n : 1;
        name += n;
        left -= n;
    }
}

void fus_csv_unescape(char *name)
{
    const char *from = name;
    while (*from && !looks_escaped(from))
        from++;
    if (!*from)
        return;
    for (from = name; *from; from++) {
        if (looks_escaped(from)) {
            const char hex[3] = {from[2], from[3], '\0'};
            *name++ = (char)strtol(hex, NULL, 16);
            from += 3;
            continue;
        }
        from += from[0] == '\\' && from[1] == '\\';
        *name++ = *from;
    }
    *name = '\0';
}

void fus_csv_name(struct fus_outfile *f, const char *before, const char *name)
{
    bool escapes = needs_escapes(name), quotes = name[strcspn(name, ",\"\r\n\t")] || (*name && strchr("=+-@", *name));
    fus_outfile_write(f, before, strlen(before));
    if (quotes)
        fus_outfile_write(f, "\"", 1);
    for (; *name && !escapes; name++)
        fus_outfile_write(f, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    if (escapes)
        put_escaped(f, name);
    if (quotes)
        fus_outfile_write(f, "\"", 1);
}
