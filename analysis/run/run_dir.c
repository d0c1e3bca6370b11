/* SPDX-License-Identifier: MIT */
/* The folder of a run before it begins: see run_dir.h. */
#define _XOPEN_SOURCE 700
#include "analysis/run/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = FUS_RUN_DIR_PATH };

/* ---- paths ---- */

int fus_run_dir_check_length(const char *folder, struct fus_error *err)
{
    size_t n = strlen(folder);
    return n <= 3000 ? FUS_OK
                     : fus_base_fail(err, FUS_EINVAL, "--out: a path of %zu characters; at most 3000 are possible", n);
}

void fus_run_dir_path(char path[FUS_RUN_DIR_PATH], const char *folder, const char *name)
{
    snprintf(path, PATH_BYTES, "%.3000s%s%.500s", folder, name ? "/" : "", name ? name : "");
}

/* FOLDER/WHAT/MODEL/LAYER.npz */
static void path_of_layer(char path[FUS_RUN_DIR_PATH], const char *folder, const char *what, const char *model,
                          const char *layer)
{
    size_t used = (size_t)snprintf(path, PATH_BYTES, "%.3000s/%s/", folder, what);
    for (const char *s = model; *s && used < PATH_BYTES - 100; s++) {
        bool plain = (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') ||
                     strchr("._-+=?", *s) || (unsigned char)*s >= 0x80;
        path[used++] = plain ? *s : '_';
    }
    path[used] = '\0';
    if (layer)
        snprintf(path + used, PATH_BYTES - used, "/%s.npz", layer);
}

void fus_run_dir_units(char path[FUS_RUN_DIR_PATH], const char *folder, const char *model, const char *layer)
{
    path_of_layer(path, folder, "units", model, layer);
}

void fus_run_dir_draws(char path[FUS_RUN_DIR_PATH], const char *folder, const char *model, const char *layer)
{
    path_of_layer(path, folder, "draws", model, layer);
}

void fus_run_dir_state(char path[FUS_RUN_DIR_PATH], const char *folder, const char *name)
{
    snprintf(path, PATH_BYTES, "%.3000s/parts%s%.500s", folder, name ? "/" : "", name ? name : "");
}

void fus_run_dir_model_state(char path[FUS_RUN_DIR_PATH], const char *folder, int model)
{
    snprintf(path, PATH_BYTES, "%.3000s/parts/%d", folder, model);
}

/* ---- what a run writes, folder by folder ---- */

enum level { TOP, FIGURES, UNITS, LABELS, PARTS, COUNTED, SECOND, SECOND_PARTS, NO_LEVEL };

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

static bool ends_with(const char *s, size_t n, const char *end)
{
    size_t k = strlen(end);
    return n > k && strncmp(s + n - k, end, k) == 0;
}

static bool starts_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

static bool is_one_of(const char *s, size_t n, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == n && strncmp(s, *names, n) == 0)
            return true;
    return false;
}

/* NAME.tmp-PID: half-written by a program that was killed. */
static const char *temporary_part(const char *name)
{
    const char *dot = strstr(name, ".tmp-");
    return dot && is_number(dot + 5) ? dot : NULL;
}

static bool is_known_file(enum level level, const char *name)
{
    static const char *const top[] = {"run.json",      "run.log",         "layers.csv",    "compare.csv",
                                      "pixels.csv",    "profiles.csv",    "top_units.csv", "permutations.csv",
                                      "sweep.csv",     "consistency.csv", "signflip.csv",  "pictures.png",
                                      "report.html",   "matched.csv",     "groups.csv",    "power.csv",
                                      "agreement.csv", "equal_n.csv",     "validate.csv",  NULL};
    static const char *const parts[] = {"run.tsv", "lock", "pictures.png", NULL};
    const char *temporary = temporary_part(name);
    size_t n = temporary ? (size_t)(temporary - name) : strlen(name);
    switch (level) {
    case TOP:
        return is_one_of(name, n, top) || (temporary && n == 7 && starts_with(name, "scratch"));
    case FIGURES:
        return ends_with(name, n, ".svg");
    case LABELS:
        return ends_with(name, n, ".npz");
    case PARTS:
    case SECOND_PARTS:
        return is_one_of(name, n, parts);
    case COUNTED:
        return starts_with(name, "moments-") || starts_with(name, "responses-") || starts_with(name, "decided-");
    default:
        return false;
    }
}

static enum level level_below(enum level level, const char *name)
{
    if (level == TOP)
        return strcmp(name, "figures") == 0                               ? FIGURES
               : strcmp(name, "units") == 0 || strcmp(name, "draws") == 0 ? UNITS
               : strcmp(name, "parts") == 0                               ? PARTS
                                                                          : NO_LEVEL;
    if (level == UNITS)
        return LABELS;
    if (level == PARTS && strcmp(name, "second") == 0)
        return SECOND;
    if (level == SECOND)
        return strcmp(name, "parts") == 0 ? SECOND_PARTS : NO_LEVEL;
    return (level == PARTS || level == SECOND_PARTS) && is_number(name) ? COUNTED : NO_LEVEL;
}

/* ---- walking through it ---- */

struct walk {
    struct fus_run_dir *dir;
    bool remove;
    char first_file[256]; /* the first file, except the lock and temporary files of a killed program */
    int most_seen;        /* in the model's folder: pictures before this one are in state files */
    int code;
    struct fus_error *err;
};

static void note(char to[256], const char *name)
{
    if (!*to)
        snprintf(to, 256, "%.255s", name);
}

static void remove_entry(struct walk *w, const char *path, bool folder)
{
    if (folder)
        rmdir(path); /* fails, and the folder stays, if it has hidden files */
    else if (unlink(path) != 0 && errno != ENOENT && !w->code)
        w->code = fus_base_fail(w->err, FUS_EIO, "%s: cannot be removed: %s", path, strerror(errno));
}

static void see_file(struct walk *w, enum level level, const char *path, const char *name)
{
    int first, end;
    bool lock = (level == PARTS || level == SECOND_PARTS) && strcmp(name, "lock") == 0;
    if (!is_known_file(level, name)) {
        note(w->dir->stranger, name);
        return;
    }
    if (w->remove && !(lock && level == PARTS))
        remove_entry(w, path, false);
    if (lock || temporary_part(name))
        return;
    note(w->first_file, name);
    w->dir->n_decided += level == COUNTED && starts_with(name, "decided-");
    if (level == COUNTED && sscanf(name, "moments-%d-%d-", &first, &end) == 2 && end > w->most_seen)
        w->most_seen = end;
}

static void see_folder(struct walk *w, enum level level, const char *folder)
{
    char path[PATH_BYTES];
    struct stat st;
    DIR *d = opendir(folder);
    if (!d) {
        w->code = fus_base_fail(w->err, FUS_EIO, "%s: cannot be read as a folder: %s", folder, strerror(errno));
        return;
    }
    w->most_seen = 0;
    for (struct dirent *e; (e = readdir(d)) && !w->code && !*w->dir->stranger;) {
        const char *name = e->d_name;
        if (name[0] == '.')
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path || lstat(path, &st) != 0)
            continue;
        enum level below = S_ISDIR(st.st_mode) ? level_below(level, name) : NO_LEVEL;
        if (below != NO_LEVEL) {
            see_folder(w, below, path);
            if (w->remove && below != PARTS)
                remove_entry(w, path, true);
        } else if (S_ISREG(st.st_mode))
            see_file(w, level, path, name);
        else
            note(w->dir->stranger, name);
    }
    closedir(d);
    if (level == COUNTED)
        w->dir->n_pictures += w->most_seen;
}

static bool begins_with(const char *folder, const char *file, const char *text)
{
    char path[PATH_BYTES], found[64] = "";
    size_t n = strlen(text);
    snprintf(path, sizeof path, "%.3000s/%s", folder, file);
    FILE *f = fus_base_open(path, NULL);
    bool same = f && fread(found, 1, n, f) == n && memcmp(found, text, n) == 0;
    if (f)
        fclose(f);
    return same;
}

int fus_run_dir_look(struct fus_run_dir *d, const char *out, struct fus_error *err)
{
    struct walk w = {.dir = d, .err = err};
    struct stat st;
    memset(d, 0, sizeof *d);
    if (stat(out, &st) != 0)
        return errno == ENOENT ? FUS_OK : fus_base_fail(err, FUS_EIO, "%s: cannot be read: %s", out, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return fus_base_fail(err, FUS_EINVAL, "%s: a folder expected, a file found", out);
    see_folder(&w, TOP, out);
    if (begins_with(out, "parts/run.tsv", "fusiform\t"))
        d->state = FUS_RUN_DIR_INTERRUPTED;
    else if (begins_with(out, "run.json", "{\n  \"version\": \"") &&
             begins_with(out, "layers.csv", "model,layer,category,"))
        d->state = FUS_RUN_DIR_FINISHED;
    else
        note(d->stranger, w.first_file); /* it has the name of a run's file, but there is no run */
    return w.code;
}

int fus_run_dir_clear(const char *out, struct fus_error *err)
{
    struct fus_run_dir d;
    struct walk w = {.dir = &d, .remove = true, .err = err};
    int code = fus_run_dir_look(&d, out, err);
    if (!code && *d.stranger)
        code = fus_base_fail(err, FUS_EINVAL, "%s: holds %s, which no run writes", out, d.stranger);
    if (!code && d.state != FUS_RUN_DIR_EMPTY)
        see_folder(&w, TOP, out);
    return code ? code : w.code;
}

int fus_run_dir_claim(bool *replace, const struct fus_run_dir *d, const char *out, bool resume, bool force,
                      struct fus_error *err)
{
    bool lost = d->n_decided || d->n_pictures;
    *replace = d->state != FUS_RUN_DIR_EMPTY && !resume;
    if (*d->stranger && !(resume && d->state == FUS_RUN_DIR_INTERRUPTED))
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: holds %s, which no run writes: a folder of its own expected; nothing was removed",
                             out, d->stranger);
    if (force || resume || d->state == FUS_RUN_DIR_EMPTY)
        return FUS_OK;
    if (d->state == FUS_RUN_DIR_FINISHED)
        return fus_base_fail(err, FUS_EINVAL, "%s: holds a finished run: --force replaces it, another --out keeps it",
                             out);
    if (!lost)
        return FUS_OK;
    return fus_base_fail(
        err, FUS_EINVAL,
        "%s: holds an interrupted run (%d layer%s decided on, %d picture%s shown to its models): --resume goes on "
        "with it, --force begins again and loses that",
        out, d->n_decided, d->n_decided == 1 ? "" : "s", d->n_pictures, d->n_pictures == 1 ? "" : "s");
}

/* ---- beside the pictures ---- */

static bool same_place(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* `path` with symbolic links resolved, or if it does not exist the nearest existing folder above
 * it; owned by the caller. NULL: no memory. */
static char *nearest(const char *path)
{
    char *at = fus_base_strdup(path), *real = at ? realpath(at, NULL) : NULL;
    while (at && !real) {
        char *slash = strrchr(at, '/');
        if (slash)
            slash[slash == at] = '\0';
        real = realpath(slash ? at : ".", NULL);
        if (!slash || slash == at)
            break;
    }
    fus_base_free(at);
    return real;
}

/* Whether `path`, with symbolic links resolved, is `folder` or inside it. */
static bool lies_in(const char *path, const struct stat *folder)
{
    char part[PATH_BYTES];
    struct stat st;
    snprintf(part, sizeof part, "%s", path);
    for (;;) {
        if (stat(part, &st) == 0 && same_place(&st, folder))
            return true;
        char *slash = strrchr(part, '/');
        if (!slash || strcmp(part, "/") == 0)
            return false;
        slash[slash == part] = '\0';
    }
}

/* Whether it is inside the folder of pictures, or inside one of its sub-folders, which may be
 * links. */
static bool lies_in_set(const char *path, const char *stimuli, const struct stat *set)
{
    char below[PATH_BYTES];
    struct stat st;
    bool inside = lies_in(path, set);
    DIR *d = inside ? NULL : opendir(stimuli);
    for (struct dirent *e; d && !inside && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            (size_t)snprintf(below, sizeof below, "%s/%s", stimuli, e->d_name) < sizeof below &&
            stat(below, &st) == 0 && S_ISDIR(st.st_mode))
            inside = lies_in(path, &st);
    if (d)
        closedir(d);
    return inside;
}

int fus_run_dir_outside(const char *out, const char *stimuli, struct fus_error *err)
{
    struct stat set;
    if (stat(stimuli, &set) != 0 || !S_ISDIR(set.st_mode))
        return FUS_OK;
    char *path = nearest(out);
    bool inside = path && lies_in_set(path, stimuli, &set);
    free(path);
    if (!inside)
        return FUS_OK;
    return fus_base_fail(
        err, FUS_EINVAL,
        "%s: lies in the pictures' folder %s, where its files would become part of the set: another --out expected",
        out, stimuli);
}

int fus_run_dir_apart(const char *out, const char *folder, struct fus_error *err)
{
    struct stat a, b;
    if (stat(out, &a) != 0 || stat(folder, &b) != 0 || !same_place(&a, &b))
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL, "%s: is read, so that it cannot be --out too", folder);
}
