/* Whole-or-nothing files: see outfile.h. */
#define _POSIX_C_SOURCE 200809L
#include "outfile.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_REMEMBERED = 64 }; /* far more than are ever open together */
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
    fus_base_free(f->temporary);
    memset(f, 0, sizeof *f);
}

int fus_outfile_open(struct fus_outfile *f, const char *path, struct fus_error *err)
{
    memset(f, 0, sizeof *f);
    size_t n = strlen(path) + 32;
    f->path = fus_base_strdup(path);
    f->temporary = fus_base_alloc(n, 1);
    if (!f->path || !f->temporary) {
        release(f);
        return fus_base_fail(err, FUS_ENOMEM, "%s: no memory for its name", path);
    }
    snprintf(f->temporary, n, "%s.tmp-%ld", path, (long)getpid());
    remember(f->temporary);
    f->file = fopen(f->temporary, "wb");
    if (!f->file) {
        int why = errno;
        release(f);
        return fus_base_fail(err, FUS_EIO, "%s: cannot be written: %s", path, strerror(why));
    }
    return FUS_OK;
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
    if (!f->failed && rename(f->temporary, f->path) != 0)
        f->failed = errno;
    if (f->failed) {
        unlink(f->temporary);
        code = fus_base_fail(err, FUS_EIO, "%s: cannot be written: %s", f->path, strerror(f->failed));
    }
    release(f);
    return code;
}

void fus_outfile_discard(struct fus_outfile *f)
{
    if (!f->file)
        return;
    fclose(f->file);
    unlink(f->temporary);
    release(f);
}

int fus_outfile_mkdirs(const char *path, struct fus_error *err)
{
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
