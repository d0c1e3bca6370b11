/* SPDX-License-Identifier: MIT */
/* Lists of pictures that are given as @FILE: see set_paths.h. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/set/set_paths.h"

#include <string.h>
#include <unistd.h>

#include "stimuli/set/folder.h"
#include "stimuli/set/manifest.h"

/* Ends the text at its first `stop`; returns what follows, NULL at the end. */
static char *cut(char *text, char stop)
{
    char *at = strchr(text, stop);
    if (at)
        *at++ = '\0';
    return at;
}

/* Field number `column` of a line, which is cut; NULL: it has fewer. */
static char *field(char *line, int column)
{
    for (; line; line = column-- ? cut(line, '\t') : NULL)
        if (column == 0) {
            cut(line, '\t');
            return line;
        }
    return NULL;
}

/* The column `path` of a header with tabs; 0 of a line without; -1: it has none. The header is cut. */
static int path_column(char *header)
{
    if (!strchr(header, '\t'))
        return 0;
    for (int c = 0; header; c++) {
        char *next = cut(header, '\t');
        if (strcmp(header, "path") == 0)
            return c;
        header = next;
    }
    return -1;
}

/* name beside the list, or as it is where no such file lies there. */
static int add(struct fus_set_paths *p, size_t *room, const char *folder, const char *name, struct fus_error *err)
{
    char *path = NULL;
    int code = name[0] == '/' ? FUS_OK : fus_folder_join(&path, folder, name, err);
    if (code)
        return code;
    if (!path || access(path, F_OK) != 0) {
        fus_base_free(path);
        path = fus_base_strdup(name);
    }
    if ((size_t)p->n == *room) {
        size_t more = *room ? 2 * *room : 64;
        void *paths = p->n < FUS_FOLDER_MAX_NAMES ? fus_base_resize(p->paths, more, sizeof *p->paths) : NULL;
        p->paths = paths ? paths : p->paths;
        *room = paths ? more : *room;
    }
    if (!path || (size_t)p->n == *room) {
        fus_base_free(path);
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a list of more than %d pictures", p->n);
    }
    p->paths[p->n++] = path;
    return FUS_OK;
}

/* text: the whole list, with a zero byte behind it, is cut. */
static int split(struct fus_set_paths *p, char *text, const char *file, const char *folder, struct fus_error *err)
{
    size_t room = 0;
    int column = -2, code = FUS_OK, number = 0;
    for (char *line = text, *next; line && !code; line = next) {
        next = cut(line, '\n');
        number++;
        size_t n = strlen(line);
        while (n && (line[n - 1] == '\r' || line[n - 1] == ' '))
            line[--n] = '\0';
        if (!n || *line == '#')
            continue;
        bool header = column == -2 && strchr(line, '\t');
        if (column == -2 && (column = path_column(line)) < 0)
            return fus_base_fail(err, FUS_EFORMAT,
                                 "%s: line %d: has no column path, expected a header with one, or a path a line", file,
                                 number);
        const char *name = header ? NULL : field(line, column);
        if (!header && (!name || !*name))
            code = fus_base_fail(err, FUS_EFORMAT, "%s: line %d: has no path", file, number);
        if (!header && !code)
            code = add(p, &room, folder, name, err);
    }
    return code || p->n ? code : fus_base_fail(err, FUS_EFORMAT, "%s: lists no picture, expected a path a line", file);
}

int fus_set_paths_read(struct fus_set_paths *p, const char *file, struct fus_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    *p = (struct fus_set_paths){0};
    if (fus_base_read_file(&bytes, &n, file, FUS_MANIFEST_MAX_BYTES, err))
        return fus_base_blame(err, "%s: ", file);
    char *text = fus_base_alloc(n + 1, 1), *folder = fus_base_strdup(file);
    int code = text && folder ? FUS_OK : fus_base_fail(err, FUS_ENOMEM, "%s: no memory", file);
    if (!code && memchr(bytes, 0, n))
        code = fus_base_fail(err, FUS_EFORMAT, "%s: holds zero bytes, expected a path a line", file);
    if (!code) {
        char *slash = strrchr(folder, '/');
        if (slash)
            slash[slash == folder] = '\0';
        memcpy(text, bytes, n);
        text[n] = '\0';
        code = split(p, text, file, slash ? folder : ".", err);
    }
    fus_base_free(bytes);
    fus_base_free(text);
    fus_base_free(folder);
    if (code)
        fus_set_paths_free(p);
    return code;
}

void fus_set_paths_free(struct fus_set_paths *p)
{
    for (int i = 0; i < p->n; i++)
        fus_base_free(p->paths[i]);
    fus_base_free(p->paths);
    *p = (struct fus_set_paths){0};
}
