/* SPDX-License-Identifier: MIT */
/* Names in a folder: see folder.h. POSIX's opendir and stat, nothing recursive, so a link in a
 * circle does no harm. */
#define _POSIX_C_SOURCE 200809L
#include "stimuli/set/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Two runs of digits, as numbers of any length; both are moved to their ends. */
static int compare_numbers(const char **a, const char **b)
{
    const char *x = *a, *y = *b;
    size_t nx = 0, ny = 0;
    while (*x == '0')
        x++;
    while (*y == '0')
        y++;
    while (is_digit(x[nx]))
        nx++;
    while (is_digit(y[ny]))
        ny++;
    *a = x + nx;
    *b = y + ny;
    return nx != ny ? (nx < ny ? -1 : 1) : memcmp(x, y, nx);
}

int fus_folder_compare(const char *a, const char *b)
{
    const char *x = a, *y = b;
    for (;;) {
        bool x_ends = !*x || is_digit(*x), y_ends = !*y || is_digit(*y);
        if (x_ends != y_ends)
            return x_ends ? -1 : 1; /* one text is the other's beginning */
        if (!x_ends) {
            if (*x != *y)
                return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
            x++;
            y++;
            continue;
        }
        if (!*x || !*y)
            return *x ? 1 : *y ? -1 : strcmp(a, b);
        int c = compare_numbers(&x, &y);
        if (c)
            return c;
    }
}

static int by_name(const void *a, const void *b)
{
    return fus_folder_compare(*(char *const *)a, *(char *const *)b);
}

static int by_left(const void *a, const void *b)
{
    return fus_folder_compare(((const struct fus_folder_left *)a)->name, ((const struct fus_folder_left *)b)->name);
}

int fus_folder_join(char **path, const char *dir, const char *name, struct fus_error *err)
{
    size_t n_dir = strlen(dir), n_name = strlen(name);
    bool slash = n_dir > 0 && dir[n_dir - 1] != '/';
    if (n_dir + n_name + 2 > FUS_FOLDER_MAX_PATH)
        return fus_base_fail(err, FUS_ELIMIT, "%.200s.../%s: the path is longer than %d bytes", dir, name,
                             FUS_FOLDER_MAX_PATH);
    char *p = fus_base_alloc(n_dir + n_name + 2, 1);
    if (!p)
        return fus_base_fail(err, FUS_ENOMEM, "%s/%s: no memory for its path", dir, name);
    memcpy(p, dir, n_dir);
    if (slash)
        p[n_dir++] = '/';
    memcpy(p + n_dir, name, n_name);
    *path = p;
    return FUS_OK;
}

void fus_folder_free(struct fus_folder *f)
{
    for (int i = 0; i < f->n; i++)
        fus_base_free(f->names[i]);
    for (int i = 0; i < f->n_left; i++)
        fus_base_free(f->left[i].name);
    fus_base_free(f->names);
    fus_base_free(f->left);
    memset(f, 0, sizeof *f);
}

/* Room for one more item in *items [n], whose number is doubled when it is a power of 2. */
static int make_room(void **items, int n, size_t size, const char *dir, struct fus_error *err)
{
    if (n == FUS_FOLDER_MAX_NAMES)
        return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d names", dir, FUS_FOLDER_MAX_NAMES);
    if (n & (n - 1))
        return FUS_OK;
    void *more = fus_base_resize(*items, n ? 2 * (size_t)n : 1, size);
    if (!more)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d names", dir, n + 1);
    *items = more;
    return FUS_OK;
}

/* kind: why it is left out; NULL: it is not. */
static int add_name(struct fus_folder *f, const char *dir, const char *name, const char *kind, struct fus_error *err)
{
    void *items = kind ? (void *)f->left : (void *)f->names;
    int code = make_room(&items, kind ? f->n_left : f->n, kind ? sizeof *f->left : sizeof *f->names, dir, err);
    if (kind)
        f->left = items;
    else
        f->names = items;
    char *copy = code ? NULL : fus_base_strdup(name);
    if (!copy)
        return code ? code : fus_base_fail(err, FUS_ENOMEM, "%s: no memory for the name %s", dir, name);
    if (kind)
        f->left[f->n_left++] = (struct fus_folder_left){copy, kind};
    else
        f->names[f->n++] = copy;
    return FUS_OK;
}

/* Why the file is no picture to be read; NULL: it is one. */
static const char *judge_file(const char *path, const char *name)
{
    const char *by_name;
    enum fus_kind_ending ending = fus_kind_of_ending(name, &by_name);
    if (ending == FUS_KIND_READ)
        return NULL;
    struct fus_kind kind = fus_kind_of_file(path);
    if (kind.readable)
        return ending == FUS_KIND_OTHER ? FUS_LEFT_RENAMED : NULL;
    return kind.name ? kind.name : by_name ? by_name : FUS_LEFT_OTHER;
}

/* *kind: why dir/name is left out; NULL: it is of the wanted type; "": left out without a note. An
 * entry that cannot be examined is an error if it might be wanted. */
static int look(struct fus_folder *f, const char **kind, const char *dir, const char *name, enum fus_folder_what what,
                struct fus_error *err)
{
    struct stat st;
    char *path;
    const char *by_name;
    bool picture = fus_kind_of_ending(name, &by_name) == FUS_KIND_READ;
    int code = fus_folder_join(&path, dir, name, err);
    if (code)
        return code;
    *kind = FUS_LEFT_OTHER;
    if (stat(path, &st) != 0) {
        if (what == FUS_FOLDER_PICTURES ? picture : !strchr(name, '.'))
            code = fus_base_fail(err, FUS_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode))
        *kind = what == FUS_FOLDER_FOLDERS ? NULL : FUS_LEFT_FOLDER;
    else if (!S_ISREG(st.st_mode)) {
        *kind = FUS_LEFT_DEVICE;
        if (what == FUS_FOLDER_PICTURES && picture) /* reading a pipe would wait for ever */
            code = fus_base_fail(err, FUS_EIO, "%s: is a device or pipe, not a picture file", path);
    } else {
        *kind = judge_file(path, name);
        f->n_pictures += !*kind;
        if (what == FUS_FOLDER_FOLDERS)
            *kind = !*kind ? FUS_LEFT_LOOSE : strcmp(*kind, FUS_LEFT_OTHER) == 0 ? "" : *kind;
    }
    fus_base_free(path);
    return code;
}

static int take(struct fus_folder *f, const char *dir, const char *name, enum fus_folder_what what,
                struct fus_error *err)
{
    const char *kind = FUS_LEFT_SYSTEM;
    int code = FUS_OK;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return FUS_OK;
    if (!fus_kind_is_system(name))
        code = look(f, &kind, dir, name, what, err);
    return code || (kind && !*kind) ? code : add_name(f, dir, name, kind, err);
}

int fus_folder_list(struct fus_folder *f, const char *path, enum fus_folder_what what, struct fus_error *err)
{
    struct fus_folder found = {0};
    int code = FUS_OK;
    DIR *d = opendir(path);
    if (!d && errno == ENOTDIR)
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: is a file, but pictures are expected as a folder with one folder of "
                             "pictures for each category, or listed in a file NAME.tsv",
                             path);
    if (!d)
        return fus_base_fail(err, errno == ENOENT ? FUS_ENOTFOUND : FUS_EIO, "%s: folder cannot be opened: %s", path,
                             strerror(errno));
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(d);
        if (!e) {
            if (errno)
                code = fus_base_fail(err, FUS_EIO, "%s: cannot be read to its end: %s", path, strerror(errno));
            break;
        }
        code = take(&found, path, e->d_name, what, err);
        if (code)
            break;
    }
    closedir(d);
    if (code) {
        fus_folder_free(&found);
        return code;
    }
    if (found.n)
        qsort(found.names, (size_t)found.n, sizeof *found.names, by_name);
    if (found.n_left)
        qsort(found.left, (size_t)found.n_left, sizeof *found.left, by_left);
    *f = found;
    return FUS_OK;
}
