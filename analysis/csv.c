/* Fields of CSV tables: see csv.h. */
#include "csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/text.h"

/* The fewest digits from 15 on that read back as x: 17 always do (IEEE 754 binary64). */
static int shortest(char *text, size_t bytes, double x)
{
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, bytes, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    return n;
}

/* Whatever stands for the decimal point in the caller's locale becomes a point. */
void fus_csv_number(struct fus_outfile *f, double x)
{
    char text[64];
    int n = isfinite(x) ? shortest(text, sizeof text, x) : 0;
    bool pointed = false;
    fus_outfile_write(f, ",", 1);
    for (int i = 0; i < n; i++) {
        if (strchr("0123456789+-e", text[i]))
            fus_outfile_write(f, &text[i], 1);
        else if (!pointed) {
            fus_outfile_write(f, ".", 1);
            pointed = true;
        }
    }
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

/* Names that are not UTF-8, and those that would read as one that was escaped. */
static bool needs_escapes(const char *name)
{
    bool needs = !fus_text_is_utf8(name);
    for (; *name && !needs; name++)
        needs = looks_escaped(name);
    return needs;
}

static void put_escaped(struct fus_outfile *f, const char *name)
{
    size_t left = strlen(name);
    while (left > 0) {
        size_t n = fus_text_utf8(name, left);
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
