/* SPDX-License-Identifier: MIT */
/* The folder of a training: created or opened, locked by one process at a time, and never changed
 * if it contains other files. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/train/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/outfile.h"

static const char *const files[] = {
    "train.json",    "state.safetensors", "best.safetensors", "model.safetensors", "steps.csv", "epochs.csv",
    "confusion.csv", "report.html",       "report.png",       "train.log",         "lock"};

static bool exists(const struct fus_work *w, const char *name)
{
    char path[4096];
    struct stat st;
    fus_work_path(path, w, name);
    return stat(path, &st) == 0;
}

/* "epoch-0012.safetensors" of --keep. */
static bool is_kept(const char *name)
{
    return strncmp(name, "epoch-", 6) == 0 && strstr(name, ".safetensors");
}

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, files[i]) == 0 ||
            (strncmp(name, files[i], strlen(files[i])) == 0 && strncmp(name + strlen(files[i]), ".tmp-", 5) == 0))
            return true;
    return is_kept(name);
}

/* What of a training's files goes: nothing, what a killed one had half-written, or all. */
enum removed { NONE, HALF_WRITTEN, ALL };

/* Visits the names in OUT and deletes the training's files as `removed` says. Returns a name that
 * is none of these in `foreign`, or "". */
static int look(const struct fus_work *w, enum removed removed, char foreign[256], struct fus_error *err)
{
    DIR *d = opendir(w->o->out);
    foreign[0] = '\0';
    if (!d)
        return errno == ENOENT ? FUS_OK : fus_base_fail(err, FUS_EIO, "%s: %s", w->o->out, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!is_ours(e->d_name)) {
            if (!foreign[0] || strcmp(e->d_name, foreign) < 0)
                snprintf(foreign, 256, "%s", e->d_name);
            continue;
        }
        fus_work_path(path, w, e->d_name);
        if (removed == ALL ? strcmp(e->d_name, "lock") != 0 : removed == HALF_WRITTEN && strstr(e->d_name, ".tmp-"))
            unlink(path);
    }
    closedir(d);
    return FUS_OK;
}

/* A file system without locks is not an error. */
static int take_lock(struct fus_work *w, struct fus_error *err)
{
    char path[4096];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fus_work_path(path, w, "lock");
    w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (w->lock < 0)
        return fus_base_fail(err, FUS_EIO, "%s: %s", path, strerror(errno));
    if (fcntl(w->lock, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN))
        return FUS_OK;
    return fus_base_fail(err, FUS_EINVAL, "%s: another process trains there now", w->o->out);
}

static int refuse(const struct fus_work *w, const char *foreign, struct fus_error *err)
{
    if (exists(w, "report.html"))
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: holds a finished training; --force begins anew, another --out keeps it", w->o->out);
    if (exists(w, "train.json"))
        return fus_base_fail(err, FUS_EINVAL,
                             "%s: holds a training that was begun; --resume goes on, --force begins anew", w->o->out);
    return fus_base_fail(err, FUS_EINVAL, "%s: holds files already, such as %s; a new folder expected", w->o->out,
                         foreign);
}

static int write_record(const struct fus_work *w, struct fus_error *err)
{
    char path[4096];
    struct fus_outfile f;
    fus_work_path(path, w, "train.json");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_write(&f, w->record.s, w->record.n);
    return fus_outfile_commit(&f, err);
}

int fus_out_folder_begin(struct fus_work *w, bool *resumes, struct fus_error *err)
{
    char foreign[256];
    bool begun = exists(w, "train.json"), finished = exists(w, "report.html");
    int code = look(w, NONE, foreign, err);
    *resumes = false;
    if (!code && foreign[0] && !begun && !finished)
        return refuse(w, foreign, err);
    if (!code && (begun || finished) && !w->o->force && !w->o->resume)
        return refuse(w, foreign, err);
    if (!code)
        code = fus_outfile_mkdirs(w->o->out, err);
    if (!code)
        code = take_lock(w, err);
    if (!code && begun && w->o->resume) {
        code = fus_record_compare(w, err);
        if (!code)
            code = look(w, HALF_WRITTEN, foreign, err);
        *resumes = exists(w, "state.safetensors");
        return code;
    }
    if (!code)
        code = look(w, ALL, foreign, err);
    return code ? code : write_record(w, err);
}

void fus_out_folder_end(struct fus_work *w)
{
    char path[4096];
    if (w->lock < 0)
        return;
    fus_work_path(path, w, "lock");
    unlink(path);
    close(w->lock);
    w->lock = -1;
}
