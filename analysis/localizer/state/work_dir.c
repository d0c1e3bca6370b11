/* SPDX-License-Identifier: MIT */
/* The folder of a run at work: see work_dir.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/state/work_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/localizer/state/provenance.h"
#include "analysis/run/run_dir.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"

enum { PATH_BYTES = FUS_RUN_DIR_PATH };
#define MAX_BYTES ((size_t)1 << 30) /* of run.tsv: five million pictures */

/* ---- cleaning up ---- */

static bool is_temporary(const char *name)
{
    const char *dot = strstr(name, ".tmp-");
    return dot && dot[5] && strspn(dot + 5, "0123456789") == strlen(dot + 5);
}

static bool is_number(const char *name)
{
    return *name && strspn(name, "0123456789") == strlen(name);
}

static bool is_kept(const char *name)
{
    return strncmp(name, "moments-", 8) == 0 || strncmp(name, "responses-", 10) == 0 ||
           strncmp(name, "decided-", 8) == 0;
}

/* Deletes the files of a folder whose name satisfies `which`; a missing folder is not an error. */
static void unlink_files(const char *folder, bool (*which)(const char *name))
{
    char path[PATH_BYTES];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (which(e->d_name) && (size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < sizeof path)
            unlink(path);
    if (d)
        closedir(d);
}

/* visit(folder) for each folder in `parent`. */
static void each_folder(const char *parent, bool (*which)(const char *name), void (*visit)(const char *folder))
{
    char path[PATH_BYTES];
    struct stat st;
    DIR *d = opendir(parent);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && which(e->d_name) &&
            (size_t)snprintf(path, sizeof path, "%s/%s", parent, e->d_name) < sizeof path && stat(path, &st) == 0 &&
            S_ISDIR(st.st_mode))
            visit(path);
    if (d)
        closedir(d);
}

static bool any(const char *name)
{
    (void)name;
    return true;
}

static void unlink_temporaries(const char *folder)
{
    unlink_files(folder, is_temporary);
}

static void empty_model(const char *folder)
{
    unlink_files(folder, is_temporary);
    unlink_files(folder, is_kept);
    rmdir(folder);
}

/* Removes half-written files of killed processes from OUT and the run's folders in it. */
static void remove_leftovers(const struct fus_localizer *run)
{
    char path[PATH_BYTES];
    unlink_temporaries(run->options.folder);
    fus_run_dir_path(path, run->options.folder, "figures");
    unlink_temporaries(path);
    fus_run_dir_path(path, run->options.folder, "units");
    each_folder(path, any, unlink_temporaries);
    fus_run_dir_path(path, run->options.folder, "draws");
    each_folder(path, any, unlink_temporaries);
    fus_run_dir_state(path, run->options.folder, NULL);
    unlink_temporaries(path);
    each_folder(path, is_number, unlink_temporaries);
}

static void empty_state(const struct fus_localizer *run)
{
    char path[PATH_BYTES];
    fus_run_dir_state(path, run->options.folder, "run.tsv");
    unlink(path);
    fus_run_dir_state(path, run->options.folder, "pictures.png");
    unlink(path);
    fus_run_dir_state(path, run->options.folder, NULL);
    unlink_files(path, is_temporary);
    each_folder(path, is_number, empty_model);
}

void fus_work_dir_close(struct fus_localizer *run)
{
    if (run->state.lock >= 0)
        close(run->state.lock);
    run->state.lock = -1;
}

void fus_work_dir_remove(struct fus_localizer *run)
{
    char path[PATH_BYTES];
    empty_state(run);
    fus_run_dir_state(path, run->options.folder, "lock");
    unlink(path);
    fus_run_dir_state(path, run->options.folder, NULL);
    rmdir(path);
    fus_work_dir_close(run);
}

/* ---- opening ---- */

/* One process at a time. A file system without locks is not an error. */
static int take_lock(struct fus_localizer *run, struct fus_error *err)
{
    char path[PATH_BYTES];
    fus_run_dir_state(path, run->options.folder, "lock");
    run->state.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->state.lock < 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be created: %s", path, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(run->state.lock, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN))
        return FUS_OK;
    fus_work_dir_close(run);
    return fus_base_fail(err, FUS_EIO, "%s: another run is at work in this folder", run->options.folder);
}

static void digest_of(char digest[65], const char *text)
{
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, text, strlen(text));
    fus_sha256_hex(&sha, digest);
}

int fus_work_dir_read(char **text, char digest[65], const char *out, struct fus_error *err)
{
    char path[PATH_BYTES];
    uint8_t *data = NULL;
    size_t n;
    fus_run_dir_state(path, out, "run.tsv");
    *text = NULL;
    int code = fus_base_read_file(&data, &n, path, MAX_BYTES, err);
    if (!code && memchr(data, '\0', n))
        code = fus_base_fail(err, FUS_EFORMAT, "not what a run writes");
    if (code) {
        fus_base_free(data);
        return fus_base_blame(err, "%s: ", path);
    }
    *text = (char *)data;
    digest_of(digest, *text);
    return FUS_OK;
}

/* Checks that the interrupted run is this one. */
static int check_same(const struct fus_localizer *run, const char *now, struct fus_error *err)
{
    struct fus_provenance found = {0}, expected = {0};
    char *then, digest[65];
    int code = fus_work_dir_read(&then, digest, run->options.folder, err);
    if (code)
        return code;
    code = fus_provenance_parse(&expected, then, err);
    if (code)
        fus_base_blame(err, "%s/parts/run.tsv: ", run->options.folder);
    if (!code)
        code = fus_provenance_parse(&found, now, err);
    if (!code && (code = fus_provenance_same(&found, &expected, false, err)))
        fus_base_blame(err, "%s: --resume goes on with the same run alone: ", run->options.folder);
    fus_provenance_free(&found);
    fus_provenance_free(&expected);
    fus_base_free(then);
    return code;
}

int fus_work_dir_sheet(struct fus_localizer *run, struct fus_error *err)
{
    char path[PATH_BYTES];
    fus_run_dir_state(path, run->options.folder, "pictures.png");
    return fus_sheet_write(path, run, err);
}

static int write_text(const struct fus_localizer *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct fus_outfile f;
    fus_run_dir_state(path, run->options.folder, "run.tsv");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_write(&f, text, strlen(text));
    return fus_outfile_commit(&f, err);
}

/* If there is a finished run: whether it is this one, by its run.log. */
static int check_finished(struct fus_localizer *run, struct fus_error *err)
{
    char path[PATH_BYTES], line[256], expected[128];
    fus_run_dir_path(path, run->options.folder, "run.log");
    snprintf(expected, sizeof expected, "provenance\t%s\n", run->state.digest);
    FILE *f = fus_base_open(path, NULL);
    while (f && !run->state.done && fgets(line, sizeof line, f))
        run->state.done = strcmp(line, expected) == 0;
    if (f)
        fclose(f);
    return run->state.done
               ? FUS_OK
               : fus_base_fail(
                     err, FUS_EINVAL,
                     "%s: holds a finished run of other options, models or pictures, so that there is nothing to "
                     "resume: --force replaces it, another --out keeps it",
                     run->options.folder);
}

int fus_work_dir_begin(struct fus_localizer *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    fus_run_dir_state(path, run->options.folder, NULL);
    int code = fus_outfile_mkdirs(path, err);
    if (!code)
        code = take_lock(run, err);
    if (!code && run->state.replace)
        code = fus_run_dir_clear(run->options.folder, err);
    if (!code && !run->options.resume)
        code = write_text(run, text, err);
    return code;
}

/* Resumes the interrupted run, or begins one if there is none. */
static int resume(struct fus_localizer *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct stat st;
    fus_run_dir_state(path, run->options.folder, "run.tsv");
    if (stat(path, &st) != 0)
        return write_text(run, text, err);
    int code = check_same(run, text, err);
    if (!code)
        remove_leftovers(run);
    return code;
}

int fus_work_dir_open(struct fus_localizer *run, struct fus_error *err)
{
    char path[PATH_BYTES], *text = NULL;
    int code = fus_provenance_write(&text, run, err);
    if (code)
        return code;
    digest_of(run->state.digest, text);
    if (run->state.finished)
        code = check_finished(run, err);
    else
        code = fus_work_dir_begin(run, text, err);
    if (!code && run->options.resume && !run->state.done)
        code = resume(run, text, err);
    for (int i = 0; i < run->n_models && !code && !run->state.done; i++) {
        fus_run_dir_model_state(path, run->options.folder, i);
        code = fus_outfile_mkdirs(path, err);
    }
    fus_base_free(text);
    return code;
}

void fus_work_dir_forget(const struct fus_localizer *run, int model)
{
    char path[PATH_BYTES];
    fus_run_dir_model_state(path, run->options.folder, model);
    empty_model(path);
}
