/* SPDX-License-Identifier: MIT */
/* Manifests: see manifest.h. The text is split in place: a field ends where its tab or line feed
 * stood. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/set/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "stimuli/set/folder.h"

enum { MAX_FIELDS = 4 };

struct reader {
    const char *file;
    char *at;
    int line; /* of `at` */
    struct fus_error *err;
};

/* ---- one line ---- */

/* The field at r->at, which starts with a quote; NULL after a message. */
static char *quoted_field(struct reader *r)
{
    char *field = r->at + 1, *to = field, *s = field;
    int line = r->line;
    for (; *s && !(*s == '"' && s[1] != '"'); s++) {
        line += *s == '\n';
        s += *s == '"';
        *to++ = *s;
    }
    if (!*s) {
        fus_base_fail(r->err, FUS_EFORMAT,
                      "%s: line %d: found no end of the quoted name that begins here, expected another \"", r->file,
                      r->line);
        return NULL;
    }
    s++;
    s += *s == '\r' && (s[1] == '\n' || !s[1]);
    if (*s && *s != '\t' && *s != '\n') {
        fus_base_fail(r->err, FUS_EFORMAT,
                      "%s: line %d: found '%c' behind a quoted name, expected a tab or the end of the line (a quote "
                      "within quotes is written twice)",
                      r->file, line, *s);
        return NULL;
    }
    r->line = line;
    r->at = s;
    /* before s: the closing quote was there, so s itself still holds the tab or line feed */
    *to = '\0';
    return field;
}

static char *plain_field(struct reader *r)
{
    char *field = r->at, *end = field + strcspn(field, "\t\n");
    r->at = end;
    while (end > field && (end[-1] == ' ' || (end[-1] == '\r' && *r->at != '\t')))
        end--;
    field += strspn(field, " ");
    if (field > end)
        field = end;
    if (end < r->at)
        *end = '\0';
    return field;
}

/* The fields of the line at r->at, which moves to the next line. *n_fields 0:
 * empty, or a comment. */
static int next_line(struct reader *r, char *fields[MAX_FIELDS], int *n_fields)
{
    int begin = r->line;
    char stop = '\t';
    *n_fields = 0;
    if (*r->at == '#') {
        r->at += strcspn(r->at, "\n");
        stop = *r->at;
    }
    while (stop == '\t') {
        char *field = *r->at == '"' ? quoted_field(r) : plain_field(r);
        if (!field)
            return FUS_EFORMAT;
        if (*n_fields == MAX_FIELDS)
            return fus_base_fail(r->err, FUS_EFORMAT,
                                 "%s: line %d: found more than %d fields, expected path, category, subcategory, half",
                                 r->file, begin, MAX_FIELDS);
        fields[(*n_fields)++] = field;
        stop = *r->at;
        if (stop == '\t')
            *r->at++ = '\0';
    }
    if (stop == '\n') {
        *r->at++ = '\0';
        r->line++;
    }
    if (*n_fields == 1 && !*fields[0])
        *n_fields = 0;
    return FUS_OK;
}

/* ---- rows ---- */

static int check_fields(const struct reader *r, char *const *fields, int n, int line)
{
    if (n < 2)
        return fus_base_fail(r->err, FUS_EFORMAT, "%s: line %d: found '%s' alone, expected path<TAB>category%s",
                             r->file, line, fields[0], strchr(fields[0], ' ') ? ": spaces instead of a tab?" : "");
    for (int i = 0; i < 2; i++)
        if (!*fields[i])
            return fus_base_fail(r->err, FUS_EFORMAT, "%s: line %d: found an empty %s, expected path<TAB>category",
                                 r->file, line, i ? "category" : "path");
    if (n > 3 && *fields[3] && strcmp(fields[3], "0") != 0 && strcmp(fields[3], "1") != 0)
        return fus_base_fail(r->err, FUS_EFORMAT, "%s: line %d: found half '%s', expected 0 or 1", r->file, line,
                             fields[3]);
    return FUS_OK;
}

static int make_room(struct fus_manifest *m, int *room, const struct reader *r)
{
    if (m->n == FUS_FOLDER_MAX_NAMES)
        return fus_base_fail(r->err, FUS_ELIMIT, "%s: more than %d pictures", r->file, FUS_FOLDER_MAX_NAMES);
    if (m->n < *room)
        return FUS_OK;
    int more = *room ? 2 * *room : 64;
    struct fus_manifest_row *rows = fus_base_resize(m->rows, (size_t)more, sizeof *rows);
    if (!rows)
        return fus_base_fail(r->err, FUS_ENOMEM, "%s: no memory for %d pictures", r->file, more);
    m->rows = rows;
    *room = more;
    return FUS_OK;
}

/* *path: the folder and the name, or the name alone if it is absolute. */
static int join(char **path, const char *folder, const char *name, struct fus_error *err)
{
    if (name[0] != '/')
        return fus_folder_join(path, folder, name, err);
    *path = fus_base_strdup(name);
    return *path ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
}

/* As Windows writes paths, face\1.jpg: *path becomes the one with /, where a file is there. */
static bool find_slashed(char **path, struct stat *st, const char *folder, const char *name)
{
    char *slashed = fus_base_strdup(name), *joined = NULL;
    for (char *s = slashed; s && *s; s++)
        *s = *s == '\\' ? '/' : *s;
    bool exists = slashed && join(&joined, folder, slashed, NULL) == FUS_OK && stat(joined, st) == 0;
    fus_base_free(slashed);
    fus_base_free(exists ? *path : joined);
    if (exists)
        *path = joined;
    return exists;
}

static const char *hint(const char *name)
{
    bool letter = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');
    if (letter && name[1] == ':' && (name[2] == '\\' || name[2] == '/'))
        return ": a path of a Windows machine; expected one relative to this file";
    return strchr(name, '\\') ? ": nor is it there with / for \\" : "";
}

/* *path: the picture's path, in new memory, also on failure (no such file). */
static int find_picture(char **path, const char *folder, const char *name, struct fus_error *err)
{
    struct stat st;
    *path = NULL;
    int code = join(path, folder, name, err), failed = 0;
    if (!code && stat(*path, &st) != 0) {
        failed = errno;
        if (failed == ENOENT && strchr(name, '\\') && find_slashed(path, &st, folder, name))
            failed = 0;
    }
    if (failed)
        code = fus_base_fail(err, failed == ENOENT ? FUS_ENOTFOUND : FUS_EIO, "%s: cannot be opened: %s%s", *path,
                             strerror(failed), hint(name));
    else if (!code && !S_ISREG(st.st_mode)) /* reading a pipe would wait for ever */
        code = fus_base_fail(err, FUS_EIO, "%s: is %s, not a picture file", *path,
                             S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    return code;
}

/* The row's path. A picture that is not there stays in the list, to be named with all others
 * that cannot be read. */
static int place_picture(struct fus_manifest *m, struct fus_manifest_row *row, const struct reader *r,
                         const char *folder, const char *name)
{
    struct fus_error e = {0};
    int code = find_picture(&row->path, folder, name, &e);
    if (code)
        fus_base_blame(&e, "%s: line %d: ", r->file, row->line);
    bool absent = code && row->path;
    if (absent && m->n_absent++ == 0)
        m->first_absent = e;
    if (!code || absent)
        return FUS_OK;
    if (r->err)
        *r->err = e;
    return code;
}

static int add_row(struct fus_manifest *m, int *room, const struct reader *r, char *const *fields, int n, int line,
                   const char *folder)
{
    struct fus_manifest_row row = {.line = line, .entry = -1, .half = -1};
    int code = check_fields(r, fields, n, line);
    if (!code)
        code = make_room(m, room, r);
    if (code)
        return code;
    code = place_picture(m, &row, r, folder, fields[0]);
    if (code)
        return code;
    row.category = fields[1];
    row.subcategory = n > 2 && *fields[2] ? fields[2] : fields[1];
    if (n > 3 && *fields[3])
        row.half = *fields[3] - '0';
    m->rows[m->n++] = row;
    if ((m->rows[0].half < 0) != (row.half < 0))
        return fus_base_fail(r->err, FUS_EFORMAT,
                             "%s: line %d: found %s half, but line %d has %s: expected for every picture or for none",
                             r->file, line, row.half < 0 ? "no" : "a", m->rows[0].line, row.half < 0 ? "one" : "none");
    return FUS_OK;
}

static int parse(struct fus_manifest *m, struct reader *r, const char *folder)
{
    char *fields[MAX_FIELDS];
    int n, room = 0;
    for (bool first = true; *r->at;) {
        int line = r->line, code = next_line(r, fields, &n);
        if (code)
            return code;
        bool header = first && n >= 2 && strcmp(fields[0], "path") == 0 && strcmp(fields[1], "category") == 0;
        first = first && n == 0;
        if (n == 0 || header)
            continue;
        code = add_row(m, &room, r, fields, n, line, folder);
        if (code)
            return code;
    }
    if (m->n == 0 || m->n_absent < m->n)
        return FUS_OK;
    if (r->err)
        *r->err = m->first_absent;
    if (m->n > 1)
        fus_base_blame(r->err, "none of %d pictures is there: ", m->n);
    return m->first_absent.code;
}

/* ---- encodings ---- */

/* Code point -> UTF-8 at out; returns how many bytes. */
static size_t put_utf8(uint8_t *out, uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

/* UTF-16, as spreadsheets save "Unicode text", to UTF-8: *bytes [*n] is replaced. It begins with
 * its byte order mark. */
static int convert_utf16(uint8_t **bytes, size_t *n, struct fus_error *err)
{
    const uint8_t *in = *bytes;
    int high = in[0] == 0xfe ? 0 : 1; /* which byte of two is the upper one */
    size_t used = 0, room;
    uint8_t *out = fus_base_mul(&room, *n, 2) ? fus_base_alloc(room + 4, 1) : NULL;
    if (!out)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for its text");
    int code =
        *n % 2 ? fus_base_fail_at(err, FUS_EFORMAT, (long long)*n, "found half a character of UTF-16: truncated copy?")
               : FUS_OK;
    for (size_t i = 2; i + 1 < *n && !code; i += 2) {
        uint32_t c = (uint32_t)in[i + (size_t)high] << 8 | in[i + 1 - (size_t)high], low = 0;
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < *n)
            low = (uint32_t)in[i + 2 + (size_t)high] << 8 | in[i + 3 - (size_t)high];
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        }
        if (c == 0 || (c >= 0xd800 && c < 0xe000))
            code = fus_base_fail_at(err, FUS_EFORMAT, (long long)i, "found %04x, which is no character of UTF-16 text",
                                    (unsigned)c);
        else
            used += put_utf8(out + used, c);
    }
    fus_base_free(code ? out : *bytes);
    if (!code) {
        *bytes = out;
        *n = used;
    }
    return code;
}

/* The text of the file at path, ended by 0, in UTF-8 without its mark. */
static int read_text(uint8_t **bytes, size_t *n, size_t *begin, const char *path, struct fus_error *err)
{
    int code = fus_base_read_file(bytes, n, path, FUS_MANIFEST_MAX_BYTES, err);
    bool marked = !code && *n >= 2 && (memcmp(*bytes, "\xff\xfe", 2) == 0 || memcmp(*bytes, "\xfe\xff", 2) == 0);
    if (marked)
        code = convert_utf16(bytes, n, err);
    const uint8_t *nul = code ? NULL : memchr(*bytes, 0, *n);
    if (nul)
        code = fus_base_fail_at(err, FUS_EFORMAT, (long long)(nul - *bytes),
                                "found a zero byte, expected text in UTF-8, or in UTF-16 with its byte order mark");
    *begin = !code && *n >= 3 && memcmp(*bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return code ? fus_base_blame(err, "%s: ", path) : FUS_OK;
}

int fus_manifest_read(struct fus_manifest *m, const char *path, struct fus_error *err)
{
    struct fus_manifest read = {0};
    uint8_t *bytes = NULL;
    size_t n_bytes, begin = 0;
    const char *slash = strrchr(path, '/');
    char *folder = fus_base_strdup(slash ? path : ".");
    if (folder && slash)
        folder[slash == path ? 1 : slash - path] = '\0';
    int code = folder ? read_text(&bytes, &n_bytes, &begin, path, err)
                      : fus_base_fail(err, FUS_ENOMEM, "no memory for a path");
    if (!code) {
        read.text = (char *)bytes;
        bytes = NULL;
        code = parse(&read, &(struct reader){path, read.text + begin, 1, err}, folder);
    }
    fus_base_free(bytes);
    fus_base_free(folder);
    if (code)
        fus_manifest_free(&read);
    else
        *m = read;
    return code;
}

void fus_manifest_free(struct fus_manifest *m)
{
    for (int i = 0; i < m->n; i++)
        fus_base_free(m->rows[i].path);
    fus_base_free(m->rows);
    fus_base_free(m->text);
    memset(m, 0, sizeof *m);
}

/* ---- order ---- */

static int by_line(const void *a, const void *b)
{
    int x = ((const struct fus_manifest_row *)a)->line, y = ((const struct fus_manifest_row *)b)->line;
    return (x > y) - (x < y);
}

static int by_entry(const void *a, const void *b)
{
    int x = ((const struct fus_manifest_row *)a)->entry, y = ((const struct fus_manifest_row *)b)->entry;
    return x != y ? (x > y) - (x < y) : by_line(a, b);
}

static int by_names(const void *a, const void *b)
{
    const struct fus_manifest_row *x = a, *y = b;
    int c = strcmp(x->category, y->category);
    if (!c)
        c = strcmp(x->subcategory, y->subcategory);
    return c ? c : by_line(a, b);
}

/* Two names, and the lines in which the category and the pair of names first occur. */
struct pair {
    int category_line, line, number;
    int category; /* the first pair of the same category */
};

static int by_first_line(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->category_line != y->category_line)
        return x->category_line < y->category_line ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

void fus_manifest_sort(struct fus_manifest *m)
{
    if (m->n)
        qsort(m->rows, (size_t)m->n, sizeof *m->rows, by_entry);
}

/* Pairs in the order of their names, as the rows are too, numbered into the rows' entries.
 * Returns how many. */
static int list_pairs(struct pair *pairs, struct fus_manifest *m)
{
    int n = 0, category = 0;
    for (int i = 0; i < m->n; i++) {
        struct fus_manifest_row *row = &m->rows[i];
        bool same = i > 0 && strcmp(row->category, row[-1].category) == 0;
        if (!same)
            category = n;
        if (!same || strcmp(row->subcategory, row[-1].subcategory) != 0) {
            pairs[n] = (struct pair){row->line, row->line, n, category};
            n++;
        }
        row->entry = n - 1;
    }
    for (int k = 0; k < n; k++)
        if (pairs[k].line < pairs[pairs[k].category].category_line)
            pairs[pairs[k].category].category_line = pairs[k].line;
    for (int k = 0; k < n; k++)
        pairs[k].category_line = pairs[pairs[k].category].category_line;
    return n;
}

int fus_manifest_number(struct fus_manifest *m, int *n_entries, struct fus_error *err)
{
    struct pair *pairs = fus_base_alloc((size_t)m->n + 1, sizeof *pairs);
    int *place = fus_base_alloc((size_t)m->n + 1, sizeof *place);
    int code = pairs && place ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "no memory for the list of categories");
    *n_entries = 0;
    if (!code && m->n) {
        qsort(m->rows, (size_t)m->n, sizeof *m->rows, by_names);
        *n_entries = list_pairs(pairs, m);
        qsort(pairs, (size_t)*n_entries, sizeof *pairs, by_first_line);
        for (int k = 0; k < *n_entries; k++)
            place[pairs[k].number] = k;
        for (int i = 0; i < m->n; i++)
            m->rows[i].entry = place[m->rows[i].entry];
        fus_manifest_sort(m);
    }
    fus_base_free(pairs);
    fus_base_free(place);
    return code;
}
