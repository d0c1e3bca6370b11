/* The folder of a run at work: see keep.h. */
#define _POSIX_C_SOURCE 200809L
#include "tools/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/base/outfile.h"
#include "nn/base/sha256.h"
#include "tools/provenance.h"
#include "tools/run_dir.h"

enum { PATH_BYTES = 4096 };
#define MOST_BYTES ((size_t)1 << 30) /* of run.tsv: five million pictures */

static void parts_path(char path[PATH_BYTES], const char *out, const char *name)
{
    snprintf(path, PATH_BYTES, "%.3000s/parts%s%s", out, *name ? "/" : "", name);
}

void fus_keep_folder(char *path, size_t path_bytes, const struct fus_run *run, int model)
{
    snprintf(path, path_bytes, "%.3000s/parts/%d", run->out, model);
}

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
    return strncmp(name, "moments-", 8) == 0 || strncmp(name, "responses-", 10) == 0 || strncmp(name, "decided-", 8) == 0;
}

/* Unlink the files of a folder whose name `which` likes; no folder is no failure. */
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
        if (e->d_name[0] != '.' && which(e->d_name) && (size_t)snprintf(path, sizeof path, "%s/%s", parent, e->d_name) < sizeof path &&
            stat(path, &st) == 0 && S_ISDIR(st.st_mode))
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

/* What processes that were killed left half-written in OUT and the folders of a run in it. */
static void remove_leftovers(const struct fus_run *run)
{
    char path[PATH_BYTES];
    unlink_temporaries(run->out);
    snprintf(path, sizeof path, "%.3000s/figures", run->out);
    unlink_temporaries(path);
    snprintf(path, sizeof path, "%.3000s/units", run->out);
    each_folder(path, any, unlink_temporaries);
    parts_path(path, run->out, "");
    unlink_temporaries(path);
    each_folder(path, is_number, unlink_temporaries);
}

static void empty_parts(const struct fus_run *run)
{
    char path[PATH_BYTES];
    parts_path(path, run->out, "run.tsv");
    unlink(path);
    fus_keep_sheet_path(path, sizeof path, run->out);
    unlink(path);
    parts_path(path, run->out, "");
    unlink_files(path, is_temporary);
    each_folder(path, is_number, empty_model);
}

void fus_keep_close(struct fus_run *run)
{
    if (run->lock >= 0)
        close(run->lock);
    run->lock = -1;
}

void fus_keep_remove(struct fus_run *run)
{
    char path[PATH_BYTES];
    empty_parts(run);
    parts_path(path, run->out, "lock");
    unlink(path);
    parts_path(path, run->out, "");
    rmdir(path);
    fus_keep_close(run);
}

/* ---- opening ---- */

/* One process at a time. A file system that knows no locks is no reason to fail. */
static int take_lock(struct fus_run *run, struct fus_error *err)
{
    char path[PATH_BYTES];
    parts_path(path, run->out, "lock");
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->lock < 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be created: %s", path, strerror(errno));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(run->lock, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN))
        return FUS_OK;
    fus_keep_close(run);
    return fus_base_fail(err, FUS_EIO, "%s: another run is at work in this folder", run->out);
}

static void digest_of(char digest[65], const char *text)
{
    struct fus_sha256 sha;
    fus_sha256_start(&sha);
    fus_sha256_add(&sha, text, strlen(text));
    fus_sha256_hex(&sha, digest);
}

int fus_keep_read(char **text, char digest[65], const char *out, struct fus_error *err)
{
    char path[PATH_BYTES];
    uint8_t *data = NULL;
    size_t n;
    parts_path(path, out, "run.tsv");
    *text = NULL;
    int code = fus_base_read_file(&data, &n, path, MOST_BYTES, err);
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

/* That the run that was interrupted is this one. */
static int check_same(const struct fus_run *run, const char *now, struct fus_error *err)
{
    struct fus_provenance found = {0}, expected = {0};
    char *then, digest[65];
    int code = fus_keep_read(&then, digest, run->out, err);
    if (code)
        return code;
    code = fus_provenance_parse(&expected, then, err);
    if (code)
        fus_base_blame(err, "%s/parts/run.tsv: ", run->out);
    if (!code)
        code = fus_provenance_parse(&found, now, err);
    if (!code && (code = fus_provenance_same(&found, &expected, false, err)))
        fus_base_blame(err, "%s: --resume goes on with the same run alone: ", run->out);
    fus_provenance_free(&found);
    fus_provenance_free(&expected);
    fus_base_free(then);
    return code;
}

void fus_keep_sheet_path(char *path, size_t path_bytes, const char *out)
{
    snprintf(path, path_bytes, "%.3000s/parts/pictures.png", out);
}

int fus_keep_sheet(struct fus_run *run, struct fus_error *err)
{
    char path[PATH_BYTES];
    fus_keep_sheet_path(path, sizeof path, run->out);
    return fus_run_sheet_write(path, run, err);
}

static int write_text(const struct fus_run *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct fus_outfile f;
    parts_path(path, run->out, "run.tsv");
    int code = fus_outfile_open(&f, path, err);
    if (code)
        return code;
    fus_outfile_write(&f, text, strlen(text));
    return fus_outfile_commit(&f, err);
}

/* A finished run is there: whether it is this one, by what its run.log says. */
static int check_finished(struct fus_run *run, struct fus_error *err)
{
    char path[PATH_BYTES], line[256], expected[128];
    snprintf(path, sizeof path, "%.3000s/run.log", run->out);
    snprintf(expected, sizeof expected, "provenance\t%s\n", run->digest);
    FILE *f = fus_base_open(path, NULL);
    while (f && !run->done && fgets(line, sizeof line, f))
        run->done = strcmp(line, expected) == 0;
    if (f)
        fclose(f);
    return run->done ? FUS_OK
                     : fus_base_fail(err, FUS_EINVAL, "%s: holds a finished run of other options, models or pictures, so that there is nothing to "
                                     "resume: --force replaces it, another --out keeps it", run->out);
}

int fus_keep_begin(struct fus_run *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    parts_path(path, run->out, "");
    int code = fus_outfile_mkdirs(path, err);
    if (!code)
        code = take_lock(run, err);
    if (!code && run->replace)
        code = fus_run_dir_clear(run->out, err);
    if (!code && !run->resume)
        code = write_text(run, text, err);
    return code;
}

/* The run that was interrupted goes on, or where there is none begins. */
static int resume(struct fus_run *run, const char *text, struct fus_error *err)
{
    char path[PATH_BYTES];
    struct stat st;
    parts_path(path, run->out, "run.tsv");
    if (stat(path, &st) != 0)
        return write_text(run, text, err);
    int code = check_same(run, text, err);
    if (!code)
        remove_leftovers(run);
    return code;
}

int fus_keep_open(struct fus_run *run, const struct fus_run_summary *summary, struct fus_error *err)
{
    char path[PATH_BYTES], *text = NULL;
    int code = fus_provenance_write(&text, run, summary, err);
    if (code)
        return code;
    digest_of(run->digest, text);
    if (run->finished)
        code = check_finished(run, err);
    else
        code = fus_keep_begin(run, text, err);
    if (!code && run->resume && !run->done)
        code = resume(run, text, err);
    for (int i = 0; i < run->n_models && !code && !run->done; i++) {
        fus_keep_folder(path, sizeof path, run, i);
        code = fus_outfile_mkdirs(path, err);
    }
    fus_base_free(text);
    return code;
}

void fus_keep_forget(const struct fus_run *run, int model)
{
    char path[PATH_BYTES];
    fus_keep_folder(path, sizeof path, run, model);
    empty_model(path);
}
