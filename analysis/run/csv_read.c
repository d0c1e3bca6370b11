/* SPDX-License-Identifier: MIT */
/* Reading CSV tables: see csv_read.h. */
#include "analysis/run/csv_read.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/run/csv.h"
#include "nn/base/number.h"

void fus_csv_read_fail(struct fus_csv_read *t, const char *fmt, ...)
{
    char why[FUS_MESSAGE_BYTES / 2];
    va_list args;
    if (t->failure.code)
        return;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    fus_base_fail(&t->failure, FUS_EFORMAT, "line %ld: %s", t->line, why);
}

/* Fields of the line at t->at, in place, quotes taken off (RFC 4180); at moves to the next line. */
static void split_line(struct fus_csv_read *t)
{
    char *from = t->at, *to = t->at;
    bool more = true;
    t->line++;
    for (t->n_fields = 0; more && t->n_fields < FUS_CSV_READ_COLUMNS;) {
        bool quoted = *from == '"';
        t->fields[t->n_fields++] = to;
        for (from += quoted; *from && (quoted || !strchr(",\r\n", *from)); from++) {
            if (quoted && *from == '"' && *++from != '"')
                break;
            *to++ = *from;
        }
        while (*from && !strchr(",\n", *from))
            from++;
        more = *from == ',';
        from += from < t->end;
        *to++ = '\0';
        fus_csv_unescape(t->fields[t->n_fields - 1]);
    }
    t->at = more ? t->end : from;
}

int fus_csv_read_open(struct fus_csv_read *t, const char *path, struct fus_error *err)
{
    uint8_t *data;
    size_t n;
    *t = (struct fus_csv_read){.path = fus_base_strdup(path)};
    if (!t->path)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its name", path);
    int code = fus_base_read_file(&data, &n, path, FUS_CSV_READ_BYTES, err);
    if (code) {
        fus_base_free(t->path);
        memset(t, 0, sizeof *t);
        return fus_base_blame(err, "%s: ", path);
    }
    t->data = t->at = (char *)data;
    t->end = t->data + n;
    split_line(t);
    t->n_columns = t->n_fields;
    memcpy(t->names, t->fields, sizeof t->names);
    return FUS_OK;
}

int fus_csv_read_column(struct fus_csv_read *t, const char *name)
{
    for (int i = 0; i < t->n_columns; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    fus_csv_read_fail(t, "no column is called %s: written by another version? Run it again", name);
    return 0;
}

bool fus_csv_read_next(struct fus_csv_read *t)
{
    if (t->failure.code || !t->data || t->at >= t->end)
        return false;
    split_line(t);
    if (t->n_fields != t->n_columns)
        fus_csv_read_fail(t, "%d fields found, %d expected", t->n_fields, t->n_columns);
    return !t->failure.code;
}

const char *fus_csv_read_text(const struct fus_csv_read *t, int column)
{
    return t->failure.code ? "" : t->fields[column];
}

char *fus_csv_read_name(const struct fus_csv_read *t, int column)
{
    char *name = fus_base_strdup(fus_csv_read_text(t, column));
    if (name)
        fus_csv_unescape(name);
    return name;
}

double fus_csv_read_number(struct fus_csv_read *t, int column)
{
    const char *text = fus_csv_read_text(t, column);
    double x = NAN;
    if (!*text)
        return NAN;
    if (!fus_number_real(&x, text, NULL)) {
        fus_csv_read_fail(t, "%s: '%.60s' found, a number expected", t->names[column], text);
        return NAN;
    }
    return x;
}

long fus_csv_read_count(struct fus_csv_read *t, int column, long most)
{
    double x = fus_csv_read_number(t, column);
    if (x >= 0 && x <= (double)most && x == floor(x))
        return (long)x;
    fus_csv_read_fail(t, "%s: '%.60s' found, a whole number from 0 to %ld expected", t->names[column],
                      fus_csv_read_text(t, column), most);
    return 0;
}

int fus_csv_read_close(struct fus_csv_read *t, struct fus_error *err)
{
    int code = t->failure.code;
    if (code)
        fus_base_fail(err, code, "%s: %s", t->path, t->failure.msg);
    fus_base_free(t->path);
    fus_base_free(t->data);
    memset(t, 0, sizeof *t);
    return code;
}
