/* SPDX-License-Identifier: MIT */
/* Whole-or-nothing files: see outfile.h. */
#define _POSIX_C_SOURCE 200809L
#include "nn/base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as many as Linux follows */
#define LINK_BYTES 4096

enum { MOST_REMEMBERED = 64 }; /* far more files than are ever open at once */
static const char *volatile remembered[MOST_REMEMBERED];

static void remember(const char *temporary)
{
    for (int i = 0; i < MOST_REMEMBERED; i++)
        if (!remembered[i]) {
            remembered[i] = temporary;
            return;
        }
}

static void forget(const char *temporary)
{
    for (int i = 0; i < MOST_REMEMBERED; i++)
        if (remembered[i] == temporary)
            remembered[i] = NULL;
}

void fus_outfile_unlink_all(void)
{
    for (int i = 0; i < MOST_REMEMBERED; i++)
        if (remembered[i])
            unlink(remembered[i]);
}

static void release(struct fus_outfile *f)
{
    if (f->temporary)
        forget(f->temporary);
    fus_base_free(f->path);
    fus_base_free(f->target);
    fus_base_free(f->temporary);
    memset(f, 0, sizeof *f);
}

static int cannot(const char *path, int why, struct fus_error *err)
{
    return fus_base_fail(err, FUS_EIO, "%s: cannot be written: %s", path, strerror(why));
}

/* The file descriptor that a path names: of `-`, /dev/stdout, /dev/fd/N; else -1. */
static int descriptor_of(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t n = strlen(folders[i]);
        if (strncmp(path, folders[i], n) == 0 && path[n] >= '0' && path[n] <= '9' &&
            strspn(path + n, "0123456789") == strlen(path + n))
            return atoi(path + n);
    }
    return -1;
}

/* Writes directly to fd, which is closed on failure. */
static int through(struct fus_outfile *f, int fd, struct fus_error *err)
{
    f->file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (f->file)
        return FUS_OK;
    int why = errno;
    if (fd >= 0)
        close(fd);
    return cannot(f->path, why, err);
}

/* A path that exists and is not a regular file. */
static int open_special(struct fus_outfile *f, const struct stat *st, struct fus_error *err)
{
    struct stat null;
    if (S_ISDIR(st->st_mode))
        return fus_base_fail(err, FUS_EIO, "%s: cannot be written: it is a folder", f->path);
    if (S_ISFIFO(st->st_mode)) {
        int fd = open(f->path, O_WRONLY | O_NONBLOCK);
        if (fd < 0 && errno == ENXIO)
            return fus_base_fail(err, FUS_EIO, "%s: cannot be written: nothing reads from this pipe", f->path);
        if (fd >= 0)
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        return through(f, fd, err);
    }
    if (S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && S_ISCHR(null.st_mode) && null.st_rdev == st->st_rdev)
        return through(f, open(f->path, O_WRONLY), err);
    return fus_base_fail(err, FUS_EIO,
                         "%s: cannot be written: it is a %s; files, pipes, /dev/null and - (standard output) "
                         "are written",
                         f->path, S_ISSOCK(st->st_mode) ? "socket" : "device");
}

/* One step from f->target along a symbolic link, relative to the folder that the link is in. false:
 * it is not a link. */
static bool follow(struct fus_outfile *f, int *why)
{
    char to[LINK_BYTES];
    ssize_t n = readlink(f->target, to, sizeof to);
    if (n < 0)
        return false; /* not a link, or it does not exist yet */
    const char *slash = to[0] == '/' ? NULL : strrchr(f->target, '/');
    size_t folder = slash ? (size_t)(slash - f->target) + 1 : 0;
    char *next = n < LINK_BYTES ? fus_base_alloc(folder + (size_t)n + 1, 1) : NULL;
    if (!next) {
        *why = n < LINK_BYTES ? ENOMEM : ENAMETOOLONG;
        return false;
    }
    memcpy(next, f->target, folder);
    memcpy(next + folder, to, (size_t)n);
    fus_base_free(f->target);
    f->target = next;
    return true;
}

/* The temporary file, in the folder of the final target. */
static int open_temporary(struct fus_outfile *f, struct fus_error *err)
{
    int why = 0, links = 0;
    f->target = fus_base_strdup(f->path);
    while (f->target && links <= MAX_LINKS && follow(f, &why))
        links++;
    if (!why && links > MAX_LINKS)
        why = ELOOP;
    size_t n = f->target ? strlen(f->target) + 32 : 1;
    f->temporary = fus_base_alloc(n, 1);
    if (!f->target || !f->temporary)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its name", f->path);
    if (why)
        return cannot(f->path, why, err);
    snprintf(f->temporary, n, "%s.tmp-%ld", f->target, (long)getpid());
    unlink(f->temporary);
    remember(f->temporary);
    int fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    int code = through(f, fd, err);
    if (code && fd >= 0)
        unlink(f->temporary);
    return code;
}

bool fus_outfile_is_stream(const char *path)
{
    struct stat st;
    return descriptor_of(path) >= 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

int fus_outfile_open(struct fus_outfile *f, const char *path, struct fus_error *err)
{
    struct stat st;
    memset(f, 0, sizeof *f);
    if (!*path)
        return fus_base_fail(err, FUS_EINVAL, "the file to write has an empty name");
    f->path = fus_base_strdup(strcmp(path, "-") == 0 ? "standard output" : path);
    if (!f->path)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its name", path);
    int fd = descriptor_of(path), code;
    if (fd >= 0) {
        fflush(stdout);
        code = through(f, dup(fd), err);
    } else {
        code = stat(path, &st) == 0 && !S_ISREG(st.st_mode) ? open_special(f, &st, err) : open_temporary(f, err);
    }
    if (code)
        release(f);
    return code;
}

void fus_outfile_write(struct fus_outfile *f, const void *bytes, size_t n)
{
    if (!f->failed && n && fwrite(bytes, 1, n, f->file) != n)
        f->failed = errno ? errno : EIO;
}

void fus_outfile_printf(struct fus_outfile *f, const char *fmt, ...)
{
    if (f->failed)
        return;
    va_list ap;
    va_start(ap, fmt);
    if (vfprintf(f->file, fmt, ap) < 0)
        f->failed = errno ? errno : EIO;
    va_end(ap);
}

int fus_outfile_commit(struct fus_outfile *f, struct fus_error *err)
{
    int code = FUS_OK;
    if (!f->failed && fflush(f->file) != 0)
        f->failed = errno;
    if (fclose(f->file) != 0 && !f->failed)
        f->failed = errno;
    if (!f->failed && f->temporary && rename(f->temporary, f->target) != 0)
        f->failed = errno;
    if (f->failed) {
        if (f->temporary)
            unlink(f->temporary);
        code = cannot(f->path, f->failed, err);
    }
    release(f);
    return code;
}

void fus_outfile_discard(struct fus_outfile *f)
{
    if (!f->file)
        return;
    fclose(f->file);
    if (f->temporary)
        unlink(f->temporary);
    release(f);
}

int fus_outfile_mkdirs(const char *path, struct fus_error *err)
{
    if (!*path)
        return fus_base_fail(err, FUS_EINVAL, "the folder to make has an empty name");
    char *part = fus_base_strdup(path);
    if (!part)
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its name", path);
    int code = FUS_OK;
    for (char *s = part + 1; code == FUS_OK; s++) {
        if (*s != '/' && *s != '\0')
            continue;
        char end = *s;
        *s = '\0';
        struct stat st;
        if (mkdir(part, 0777) != 0 && !(errno == EEXIST && stat(part, &st) == 0 && S_ISDIR(st.st_mode)))
            code = fus_base_fail(err, FUS_EIO, "%s: folder cannot be made: %s", part, strerror(errno));
        *s = end;
        if (end == '\0')
            break;
    }
    fus_base_free(part);
    return code;
}
