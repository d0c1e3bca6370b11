/* SPDX-License-Identifier: MIT */
/* Trees of pictures: see tree.h. */
#define _POSIX_C_SOURCE 200809L
#include "tools/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/base/outfile.h"
#include "stimuli/image/kind.h"
#include "stimuli/set/left_out.h"

enum { MAX_DEPTH = 32 }; /* of folders in folders: a symbolic link in a circle ends here */

/* A tree being listed. Other files than pictures are only said in its folders: a list or a licence
 * belongs above them. */
struct listing {
    struct fus_tree *t;
    int room;
    size_t n_root; /* length of the path of its first folder, which is not shown */
    struct fus_left_out left;
};

/* Takes in and out over. */
static int add(struct listing *l, char *in, char *out, struct fus_error *err)
{
    struct fus_tree *t = l->t;
    if (t->n == l->room) {
        int more = l->room ? 2 * l->room : 64;
        struct fus_tree_file *files =
            t->n < FUS_FOLDER_MAX_NAMES ? fus_base_resize(t->files, (size_t)more, sizeof *files) : NULL;
        if (!files) {
            fus_base_free(in);
            fus_base_free(out);
            return fus_base_fail(err, FUS_ENOMEM, "no memory for %d names", more);
        }
        t->files = files;
        l->room = more;
    }
    t->files[t->n++] = (struct fus_tree_file){in, out};
    return FUS_OK;
}

/* dir/name with the name's ending replaced by .png */
static int png_name(char **out, const char *dir, const char *name, struct fus_error *err)
{
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    char *png = fus_base_alloc(n + 5, 1);
    if (!png)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
    memcpy(png, name, n);
    memcpy(png + n, ".png", 5);
    int code = fus_folder_join(out, dir, png, err);
    fus_base_free(png);
    return code;
}

static int list_pictures(struct listing *l, const char *in, const char *out, struct fus_error *err)
{
    struct fus_folder f = {0};
    int code = fus_folder_list(&f, in, FUS_FOLDER_PICTURES, err);
    for (int i = 0; i < f.n_left && !code; i++)
        if (strcmp(f.left[i].kind, FUS_LEFT_FOLDER) != 0 &&
            (in[l->n_root] || strcmp(f.left[i].kind, FUS_LEFT_OTHER) != 0))
            fus_left_out_name(&l->left, f.left[i].kind, in[l->n_root] == '/' ? in + l->n_root + 1 : in + l->n_root,
                              f.left[i].name);
    for (int i = 0; i < f.n && !code; i++) {
        char *from = NULL, *to = NULL;
        code = fus_folder_join(&from, in, f.names[i], err);
        if (!code)
            code = png_name(&to, out, f.names[i], err);
        if (code)
            fus_base_free(from);
        else
            code = add(l, from, to, err);
    }
    fus_folder_free(&f);
    return code;
}

static int list_folder(struct listing *l, const char *in, const char *out, int depth, struct fus_error *err)
{
    struct fus_folder f = {0};
    if (depth > MAX_DEPTH)
        return fus_base_fail(err, FUS_ELIMIT, "%s: more than %d folders in each other: a symbolic link in a circle?",
                             in, MAX_DEPTH);
    int code = list_pictures(l, in, out, err);
    if (!code)
        code = fus_folder_list(&f, in, FUS_FOLDER_FOLDERS, err);
    for (int i = 0; i < f.n && !code; i++) {
        char *from = NULL, *to = NULL;
        code = fus_folder_join(&from, in, f.names[i], err);
        if (!code)
            code = fus_folder_join(&to, out, f.names[i], err);
        if (!code)
            code = list_folder(l, from, to, depth + 1, err);
        fus_base_free(from);
        fus_base_free(to);
    }
    fus_folder_free(&f);
    return code;
}

static int by_out(const void *a, const void *b)
{
    return strcmp((*(const struct fus_tree_file *const *)a)->out, (*(const struct fus_tree_file *const *)b)->out);
}

static int check_names(const struct fus_tree *t, struct fus_error *err)
{
    const struct fus_tree_file **sorted = fus_base_alloc((size_t)t->n, sizeof *sorted);
    int code = FUS_OK;
    if (!sorted)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for %d names", t->n);
    for (int i = 0; i < t->n; i++)
        sorted[i] = &t->files[i];
    qsort(sorted, (size_t)t->n, sizeof *sorted, by_out);
    for (int i = 1; i < t->n && !code; i++)
        if (strcmp(sorted[i - 1]->out, sorted[i]->out) == 0)
            code = fus_base_fail(err, FUS_EINVAL, "%s and %s would both become %s: rename one", sorted[i - 1]->in,
                                 sorted[i]->in, sorted[i]->out);
    fus_base_free(sorted);
    return code;
}

int fus_tree_list(struct fus_tree *t, const char *in, const char *out, struct fus_error *err)
{
    struct fus_tree found = {0};
    struct listing l = {.t = &found, .n_root = strlen(in)};
    struct stat from, to;
    int code;
    if (stat(in, &from) != 0)
        return fus_base_fail(err, errno == ENOENT ? FUS_ENOTFOUND : FUS_EIO, "%s: cannot be opened: %s", in,
                             strerror(errno));
    if (stat(out, &to) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return fus_base_fail(err, FUS_EINVAL, "-o %s: would be written over what is read; another name expected", out);
    if (S_ISDIR(from.st_mode))
        code = list_folder(&l, in, out, 0, err);
    else if (!fus_base_ends_with(out, ".png"))
        code = fus_base_fail(err, FUS_EINVAL, "-o %s: a name ending in .png expected for a single picture", out);
    else {
        char *a = fus_base_strdup(in), *b = fus_base_strdup(out);
        if (a && b)
            code = add(&l, a, b, err);
        else {
            fus_base_free(a);
            fus_base_free(b);
            code = fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
        }
    }
    if (!code && found.n == 0)
        code =
            fus_base_fail(err, FUS_EINVAL, "%s: no picture in it; read are files ending in %s", in, FUS_KIND_ENDINGS);
    if (!code)
        code = check_names(&found, err);
    found.left_out = fus_left_out_text(&l.left);
    if (code)
        fus_tree_free(&found);
    else
        *t = found;
    return code;
}

void fus_tree_free_file(struct fus_tree_file *file)
{
    fus_base_free(file->in);
    fus_base_free(file->out);
}

void fus_tree_free(struct fus_tree *t)
{
    for (int i = 0; i < t->n; i++)
        fus_tree_free_file(&t->files[i]);
    fus_base_free(t->files);
    fus_base_free(t->left_out);
    memset(t, 0, sizeof *t);
}

int fus_tree_make_folders(const struct fus_tree *t, struct fus_error *err)
{
    size_t last = 0;
    for (int i = 0; i < t->n; i++) {
        const char *out = t->files[i].out, *slash = strrchr(out, '/');
        size_t n = slash ? (size_t)(slash - out) : 0;
        if (n == 0 || (i > 0 && n == last && strncmp(out, t->files[i - 1].out, n) == 0))
            continue;
        last = n;
        char *folder = fus_base_strdup(out);
        if (!folder)
            return fus_base_fail(err, FUS_ENOMEM, "no memory for a name");
        folder[n] = '\0';
        int code = fus_outfile_mkdirs(folder, err);
        fus_base_free(folder);
        if (code)
            return code;
    }
    return FUS_OK;
}
