/* SPDX-License-Identifier: MIT */
/* Files of texts: see text_lines.h. */
#include "weights/text_lines.h"

#include <string.h>

#define MAX_FILE_BYTES ((size_t)256 << 20)
enum { MAX_LINES = 10000000 };

static char *line_end(char *line, char *end)
{
    char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline : end;
}

/* The text between line and end, where a 0 is put. */
static struct fus_text_line cut(const char *line, char *end, enum fus_text_lines_kind kind)
{
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    for (const char *p = end; kind == FUS_TEXT_LINES_TEXTS && p > line; p--)
        if (p[-1] == '\t') {
            line = p;
            break;
        }
    return (struct fus_text_line){line, (size_t)(end - line), 0};
}

static int read_lines(struct fus_text_lines *l, char *text, char *end, enum fus_text_lines_kind kind,
                      struct fus_error *err)
{
    size_t cap = 0;
    for (char *line = text; line < end;) {
        char *stop = line_end(line, end);
        if (l->n == MAX_LINES)
            return fus_base_fail(err, FUS_ELIMIT, "more than %d lines", MAX_LINES);
        struct fus_text_line *grown = fus_base_grow(l->lines, &cap, l->n, sizeof *grown);
        if (!grown)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for its lines");
        l->lines = grown;
        l->lines[l->n] = cut(line, stop, kind);
        l->lines[l->n].number = (int)l->n + 1;
        if (kind == FUS_TEXT_LINES_NAMES && l->lines[l->n].n == 0)
            return fus_base_fail(err, FUS_EFORMAT, "line %d: empty, a name expected", l->lines[l->n].number);
        l->n++;
        line = stop + (stop < end);
    }
    return l->n ? FUS_OK : fus_base_fail(err, FUS_EFORMAT, "empty: one text a line expected");
}

int fus_text_lines_read(struct fus_text_lines *l, const char *path, enum fus_text_lines_kind kind,
                        struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    memset(l, 0, sizeof *l);
    int code = fus_base_read_file(&bytes, &n, path, MAX_FILE_BYTES, err);
    if (!code) {
        size_t mark = n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        l->bytes = (char *)bytes;
        code = read_lines(l, l->bytes + mark, l->bytes + n, kind, err);
    }
    if (code) {
        fus_text_lines_free(l);
        if (err)
            fus_base_blame(err, "%s: ", path);
    }
    return code;
}

void fus_text_lines_free(struct fus_text_lines *l)
{
    fus_base_free(l->bytes);
    fus_base_free(l->lines);
    memset(l, 0, sizeof *l);
}
