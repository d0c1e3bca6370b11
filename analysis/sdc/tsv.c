/* SPDX-License-Identifier: MIT */
/* Tables with tabs: see tsv.h. The text is split in place. */
#include "analysis/sdc/tsv.h"

#include <string.h>

#include "stimuli/set/folder.h"

#define MAX_BYTES ((size_t)1 << 30) /* NSD's 73,000 images with a label in words are 5 MB */

/* The next line that is no comment, ended by 0, or NULL. */
static char *next_line(char **at, long *line)
{
    while (**at) {
        char *begin = *at, *end = begin + strcspn(begin, "\n");
        *at = *end ? end + 1 : end;
        *end = 0;
        if (end > begin && end[-1] == '\r')
            *--end = 0;
        ++*line;
        if (*begin != '#' && begin[strspn(begin, " \t")])
            return begin;
    }
    return NULL;
}

/* Cuts off the next field of a line; *at becomes NULL after the last. */
static char *next_field(char **at)
{
    char *begin = *at, *end = begin + strcspn(begin, "\t");
    *at = *end ? end + 1 : NULL;
    *end = 0;
    begin += strspn(begin, " ");
    while (end > begin && end[-1] == ' ')
        *--end = 0;
    return begin;
}

static int read_header(struct fus_sdc_tsv *t, char *line, struct fus_error *err)
{
    t->names = fus_base_alloc(FUS_SDC_TSV_COLUMNS, sizeof *t->names);
    if (!t->names)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its columns", t->path);
    while (line) {
        if (t->n_columns == FUS_SDC_TSV_COLUMNS)
            return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d columns", t->path, FUS_SDC_TSV_COLUMNS);
        char *name = next_field(&line);
        if (*name && fus_sdc_tsv_column(t, name) >= 0)
            return fus_base_fail(err, FUS_EFORMAT, "%s: two columns are called %s", t->path, name);
        t->names[t->n_columns++] = name;
    }
    return FUS_OK;
}

static int read_row(struct fus_sdc_tsv *t, char *line, long number, struct fus_error *err)
{
    size_t n = (size_t)t->n_columns;
    char **row = t->fields + t->n_rows * n;
    size_t i = 0;
    while (line) {
        if (i == n)
            return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: more than %zu fields, as many as the header has",
                                 t->path, number, n);
        row[i++] = next_field(&line);
    }
    while (i < n)
        row[i++] = t->end;
    t->line[t->n_rows++] = number;
    return FUS_OK;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static int split(struct fus_sdc_tsv *t, struct fus_error *err)
{
    long number = 0;
    char *at = t->data, *line;
    size_t most = count_lines(t->data), cells;
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    line = next_line(&at, &number);
    if (!line)
        return fus_base_fail(err, FUS_EFORMAT, "%s: is empty, expected a header and lines with tabs", t->path);
    int code = read_header(t, line, err);
    if (code)
        return code;
    if (fus_base_mul(&cells, most, (size_t)t->n_columns))
        t->fields = fus_base_alloc(cells, sizeof *t->fields);
    t->line = fus_base_alloc(most, sizeof *t->line);
    if (!t->fields || !t->line)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu lines", t->path, most);
    while (!code && (line = next_line(&at, &number)) != NULL)
        code = read_row(t, line, number, err);
    return code;
}

int fus_sdc_tsv_open(struct fus_sdc_tsv *t, const char *path, struct fus_error *err)
{
    size_t n;
    uint8_t *bytes;
    *t = (struct fus_sdc_tsv){.path = path};
    int code = fus_base_read_file(&bytes, &n, path, MAX_BYTES, err);
    if (code) {
        fus_base_blame(err, "%s: ", path);
        return code;
    }
    t->data = (char *)bytes;
    t->end = t->data + n;
    if (memchr(t->data, 0, n))
        code = fus_base_fail(err, FUS_EFORMAT, "%s: holds zero bytes, expected text with tabs", path);
    else
        code = split(t, err);
    if (code)
        fus_sdc_tsv_close(t);
    return code;
}

void fus_sdc_tsv_close(struct fus_sdc_tsv *t)
{
    fus_base_free(t->data);
    fus_base_free(t->names);
    fus_base_free(t->fields);
    fus_base_free(t->line);
    *t = (struct fus_sdc_tsv){0};
}

int fus_sdc_tsv_column(const struct fus_sdc_tsv *t, const char *name)
{
    for (int i = 0; i < t->n_columns; i++)
        if (strcmp(t->names[i], name) == 0)
            return i;
    return -1;
}

const char *fus_sdc_tsv_text(const struct fus_sdc_tsv *t, size_t row, int column)
{
    return column < 0 ? "" : t->fields[row * (size_t)t->n_columns + (size_t)column];
}

int fus_sdc_tsv_beside(char **path, const char *table, const char *name, struct fus_error *err)
{
    const char *slash = table ? strrchr(table, '/') : NULL;
    char *folder = slash && name[0] != '/' ? fus_base_strdup(table) : NULL;
    int code = FUS_OK;
    *path = NULL;
    if (folder) {
        folder[slash == table ? 1 : slash - table] = 0;
        code = fus_folder_join(path, folder, name, err);
    } else if (!slash || name[0] == '/')
        *path = fus_base_strdup(name);
    fus_base_free(folder);
    return code || *path ? code : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its path", name);
}
