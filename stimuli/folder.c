/* Names in a folder: see folder.h. POSIX's opendir and stat, nothing recursive, so a link in a circle does no harm. */
#define _POSIX_C_SOURCE 200809L
#include "folder.h"

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

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t n = dot ? strlen(dot) : 0;
    if (n < 4 || n > 5)
        return false;
    char ending[8] = {0};
    for (size_t i = 0; i < n; i++)
        ending[i] = dot[i] >= 'A' && dot[i] <= 'Z' ? (char)(dot[i] - 'A' + 'a') : dot[i];
    const char *at = strstr(FUS_FOLDER_ENDINGS, ending);
    while (at && at[n] != ' ' && at[n] != '\0') /* .jpe is also the beginning of .jpeg */
        at = strstr(at + 1, ending);
    return at != NULL;
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
    fus_base_free(f->names);
    memset(f, 0, sizeof *f);
}

static int add_name(struct fus_folder *f, int *capacity, const char *dir, const char *name, struct fus_error *err)
{
    if (f->n == FUS_FOLDER_MAX_NAMES)
        return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d names", dir, FUS_FOLDER_MAX_NAMES);
    if (f->n == *capacity) {
        int more = *capacity ? 2 * *capacity : 64;
        char **names = fus_base_resize(f->names, (size_t)more, sizeof *names);
        if (!names)
            return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for %d names", dir, more);
        f->names = names;
        *capacity = more;
    }
    f->names[f->n] = fus_base_strdup(name);
    if (!f->names[f->n])
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for the name %s", dir, name);
    f->n++;
    return FUS_OK;
}

/* *wanted: whether dir/name is what is looked for. What cannot be looked at is an error where it might be wanted. */
static int look(struct fus_folder *f, bool *wanted, const char *dir, const char *name, enum fus_folder_what what,
                struct fus_error *err)
{
    struct stat st;
    char *path;
    bool picture = is_picture(name);
    int code = fus_folder_join(&path, dir, name, err);
    if (code)
        return code;
    *wanted = false;
    f->n_pictures += picture;
    if (stat(path, &st) != 0) {
        if (what == FUS_FOLDER_PICTURES ? picture : !strchr(name, '.'))
            code = fus_base_fail(err, FUS_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    } else if (what == FUS_FOLDER_FOLDERS)
        *wanted = S_ISDIR(st.st_mode);
    else if (picture && !S_ISDIR(st.st_mode)) {
        *wanted = true;
        if (!S_ISREG(st.st_mode)) /* reading a pipe would wait for ever */
            code = fus_base_fail(err, FUS_EIO, "%s: is a device or pipe, not a picture file", path);
    }
    f->n_others += !*wanted && !picture;
    fus_base_free(path);
    return code;
}

int fus_folder_list(struct fus_folder *f, const char *path, enum fus_folder_what what, struct fus_error *err)
{
    struct fus_folder found = {0};
    int capacity = 0, code = FUS_OK;
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
        bool wanted;
        if (e->d_name[0] == '.')
            continue;
        code = look(&found, &wanted, path, e->d_name, what, err);
        if (!code && wanted)
            code = add_name(&found, &capacity, path, e->d_name, err);
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
    *f = found;
    return FUS_OK;
}
