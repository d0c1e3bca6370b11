/* SPDX-License-Identifier: MIT */
/* Names of regions: see roi_names.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/sdc/roi_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/sdc/tsv.h"
#include "nn/base/number.h"

#define MAX_BYTES ((size_t)4 << 20) /* FreeSurfer's table of all its regions has 0.1 MB */
enum { MAX_NAME = 100, MAX_FIELDS = 6, SHOWN = 60 };

/* ---- where ---- */

/* Characters of the name without its ending. */
static size_t stem_length(const char *image)
{
    static const char *const endings[] = {".nii.gz", ".nii", ".mgz", ".mgh", ".mgh.gz", ".npy", ".npz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (fus_base_ends_with(image, endings[i]))
            return strlen(image) - strlen(endings[i]);
    return strlen(image);
}

int fus_sdc_roi_names_beside(char **path, const char *image, struct fus_error *err)
{
    static const char *const endings[] = {".ctab", ".tsv"};
    size_t whole = strlen(image), lengths[] = {whole, stem_length(image)};
    *path = fus_base_alloc(whole + 8, 1);
    if (!*path)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its path", image);
    for (int i = 0; i < 4; i++) {
        snprintf(*path, whole + 8, "%.*s%s", (int)lengths[i / 2], image, endings[i % 2]);
        if (access(*path, F_OK) == 0)
            return FUS_OK;
    }
    fus_base_free(*path);
    *path = NULL;
    return FUS_OK;
}

/* ---- one name ---- */

static int refuse(const char *path, long line, const char *found, const char *expected, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: '%.*s'%s found, %s expected", path, line, SHOWN, found,
                         strlen(found) > SHOWN ? "..." : "", expected);
}

static bool has_controls(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == 127)
            return true;
    return false;
}

static int add(struct fus_sdc_roi_names *names, size_t *room, const char *number, const char *name, const char *path,
               long line, struct fus_error *err)
{
    uint64_t value;
    if (!fus_number_whole(&value, number, NULL) || value > INT32_MAX)
        return refuse(path, line, number, "a region's whole number, at most 2147483647,", err);
    if (!*name || strlen(name) > MAX_NAME || has_controls(name))
        return refuse(path, line, name, "a name of 1 to 100 bytes", err);
    struct fus_sdc_roi_name *grown = fus_base_grow(names->item, room, names->n, sizeof *grown);
    char *copy = grown ? fus_base_strdup(name) : NULL;
    names->item = grown ? grown : names->item;
    if (!copy)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %zu names", path, names->n + 1);
    names->item[names->n++] = (struct fus_sdc_roi_name){(int32_t)value, line, copy};
    return FUS_OK;
}

/* ---- the two kinds of tables ---- */

/* Cuts the line into words; their number, or MAX_FIELDS + 1. */
static int cut(char *word[MAX_FIELDS], char *line)
{
    int n = 0;
    for (char *at = line + strspn(line, " \t\r"); *at && n <= MAX_FIELDS; n++) {
        char *end = at + strcspn(at, " \t\r");
        if (n < MAX_FIELDS)
            word[n] = at;
        at = end + strspn(end, " \t\r");
        *end = 0;
    }
    return n;
}

static bool is_colour(char *const *word, int n)
{
    uint64_t value;
    for (int i = 0; i < n; i++)
        if (!fus_number_whole(&value, word[i], NULL) || value > 255)
            return false;
    return true;
}

static int read_line(struct fus_sdc_roi_names *names, size_t *room, char *line, const char *path, long number,
                     struct fus_error *err)
{
    static const char expected[] = "NUMBER NAME or NUMBER NAME RED GREEN BLUE ALPHA";
    char *word[MAX_FIELDS], shown[SHOWN + 2];
    snprintf(shown, sizeof shown, "%s", line);
    int n = cut(word, line);
    if (n == 0 || word[0][0] == '#')
        return FUS_OK;
    if ((n != 2 && n != 5 && n != 6) || !is_colour(word + 2, n - 2))
        return refuse(path, number, shown, expected, err);
    return add(names, room, word[0], word[1], path, number, err);
}

static int read_colours(struct fus_sdc_roi_names *names, const char *path, struct fus_error *err)
{
    uint8_t *bytes;
    size_t n, room = 0;
    long line = 0;
    int code = fus_base_read_file(&bytes, &n, path, MAX_BYTES, err);
    if (code)
        return fus_base_blame(err, "%s: ", path);
    if (memchr(bytes, 0, n))
        code = fus_base_fail(err, FUS_EFORMAT, "%s: holds zero bytes, lines of NUMBER NAME expected", path);
    for (char *at = (char *)bytes, *next; !code && *at; at = next) {
        size_t length = strcspn(at, "\n");
        next = at + length + (at[length] == '\n');
        at[length] = 0;
        code = read_line(names, &room, at, path, ++line, err);
    }
    fus_base_free(bytes);
    return code;
}

static int read_table(struct fus_sdc_roi_names *names, const char *path, struct fus_error *err)
{
    struct fus_sdc_tsv t;
    size_t room = 0;
    int code = fus_sdc_tsv_open(&t, path, err);
    if (code)
        return code;
    int index = fus_sdc_tsv_column(&t, "index"), name = fus_sdc_tsv_column(&t, "name");
    if (index < 0 || name < 0)
        code = fus_base_fail(err, FUS_EFORMAT, "%s: line 1: no column %s found, index and name expected", path,
                             index < 0 ? "index" : "name");
    for (size_t i = 0; i < t.n_rows && !code; i++)
        code = add(names, &room, fus_sdc_tsv_text(&t, i, index), fus_sdc_tsv_text(&t, i, name), path, t.line[i], err);
    fus_sdc_tsv_close(&t);
    return code;
}

/* ---- all ---- */

static int compare(const void *a, const void *b)
{
    const struct fus_sdc_roi_name *x = a, *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : (x->line > y->line) - (x->line < y->line);
}

static int sort(struct fus_sdc_roi_names *names, const char *path, struct fus_error *err)
{
    if (names->n == 0)
        return fus_base_fail(err, FUS_EFORMAT, "%s: no name found, a number and a name in each line expected", path);
    qsort(names->item, names->n, sizeof *names->item, compare);
    for (size_t i = 1; i < names->n; i++)
        if (names->item[i].number == names->item[i - 1].number)
            return fus_base_fail(err, FUS_EFORMAT, "%s: line %ld: region %ld found again, it is %s in line %ld", path,
                                 names->item[i].line, (long)names->item[i].number, names->item[i - 1].name,
                                 names->item[i - 1].line);
    return FUS_OK;
}

int fus_sdc_roi_names_read(struct fus_sdc_roi_names *names, const char *path, struct fus_error *err)
{
    *names = (struct fus_sdc_roi_names){0};
    int code = fus_base_ends_with(path, ".tsv") ? read_table(names, path, err) : read_colours(names, path, err);
    if (!code)
        code = sort(names, path, err);
    if (code)
        fus_sdc_roi_names_free(names);
    return code;
}

const char *fus_sdc_roi_names_of(const struct fus_sdc_roi_names *names, int32_t number)
{
    struct fus_sdc_roi_name wanted = {number, 0, NULL};
    size_t low = 0, high = names->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&names->item[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < names->n && names->item[low].number == number ? names->item[low].name : "";
}

void fus_sdc_roi_names_free(struct fus_sdc_roi_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        fus_base_free(names->item[i].name);
    fus_base_free(names->item);
    *names = (struct fus_sdc_roi_names){0};
}
