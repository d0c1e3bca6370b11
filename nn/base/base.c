/* SPDX-License-Identifier: MIT */
/* Errors, checked sizes, memory and whole files: see base.h. */
#define _DEFAULT_SOURCE
#include "nn/base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "nn/base/utf8.h"

#if FLT_EVAL_METHOD != 0
#error "FLT_EVAL_METHOD must be 0: pass -msse2 -mfpmath=sse on x86, else -fexcess-precision=fast"
#endif
_Static_assert(sizeof(off_t) >= 8, "files may be larger than 2 GB: pass -D_FILE_OFFSET_BITS=64");

#define HUGE_PAGE ((size_t)2 << 20)

static void one_line(char msg[FUS_MESSAGE_BYTES])
{
    char line[FUS_MESSAGE_BYTES];
    fus_utf8_escape(line, sizeof line, msg);
    memcpy(msg, line, sizeof line);
}

static int fail_v(struct fus_error *err, int code, long long offset, const char *fmt, va_list ap)
{
    if (!err)
        return code;
    err->code = code;
    err->offset = offset;
    int used = 0;
    if (offset >= 0)
        used = snprintf(err->msg, sizeof err->msg, "byte %lld: ", offset);
    vsnprintf(err->msg + used, sizeof err->msg - (size_t)used, fmt, ap);
    one_line(err->msg);
    return code;
}

int fus_base_fail(struct fus_error *err, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_v(err, code, -1, fmt, ap);
    va_end(ap);
    return code;
}

int fus_base_fail_at(struct fus_error *err, int code, long long offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fail_v(err, code, offset, fmt, ap);
    va_end(ap);
    return code;
}

int fus_base_blame(struct fus_error *err, const char *fmt, ...)
{
    if (!err)
        return FUS_EINVAL;
    char old[FUS_MESSAGE_BYTES];
    memcpy(old, err->msg, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int used = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    if (used >= 0 && (size_t)used < sizeof err->msg)
        snprintf(err->msg + used, sizeof err->msg - (size_t)used, "%s", old);
    one_line(err->msg);
    return err->code;
}

bool fus_base_mul(size_t *out, size_t a, size_t b)
{
    if (a && b > SIZE_MAX / a)
        return false;
    *out = a * b;
    return true;
}

bool fus_base_add(size_t *out, size_t a, size_t b)
{
    if (b > SIZE_MAX - a)
        return false;
    *out = a + b;
    return true;
}

static long failing_in; /* tests only: counts down to the allocation that fails, then stays at 1 */

static bool must_fail(void)
{
    if (failing_in == 0)
        return false;
    if (failing_in > 1) {
        failing_in--;
        return false;
    }
    return true;
}

void fus_base_fail_allocation(long n)
{
    failing_in = n;
}

void *fus_base_alloc(size_t n, size_t size)
{
    size_t bytes;
    if (!fus_base_mul(&bytes, n, size) || must_fail())
        return NULL;
    return calloc(1, bytes ? bytes : 1);
}

/* Of n items, in whole lines of 64 bytes, at least one; false if too many or to fail. */
static bool whole_lines(size_t *bytes, size_t n, size_t size)
{
    if (!fus_base_mul(bytes, n, size) || !fus_base_add(bytes, *bytes, 63) || must_fail())
        return false;
    *bytes = *bytes & ~(size_t)63;
    *bytes = *bytes ? *bytes : 64;
    return true;
}

void *fus_base_streamed(size_t n, size_t size)
{
    size_t bytes;
    return whole_lines(&bytes, n, size) ? aligned_alloc(64, bytes) : NULL;
}

void *fus_base_aligned(size_t n, size_t size)
{
    size_t bytes;
    if (!whole_lines(&bytes, n, size))
        return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= HUGE_PAGE) { /* pages of 2 MB: weights are read once a pass, and 4 KB ones would miss the TLB */
        size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        void *p = whole >= bytes ? aligned_alloc(HUGE_PAGE, whole) : NULL;
        if (p)
            /* not the last partial page, most of which would be unused */
            madvise(p, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
        return p;
    }
#endif
    return aligned_alloc(64, bytes);
}

void *fus_base_resize(void *old, size_t n, size_t size)
{
    size_t bytes;
    if (!fus_base_mul(&bytes, n, size) || must_fail())
        return NULL;
    return realloc(old, bytes ? bytes : 1);
}

void *fus_base_grow(void *items, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return items;
    size_t bigger = *cap ? 2 * *cap : 64;
    void *p = bigger > n ? fus_base_resize(items, bigger, size) : NULL;
    if (p)
        *cap = bigger;
    return p;
}

void fus_base_free(void *p)
{
    free(p);
}

char *fus_base_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = fus_base_alloc(n, 1);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

bool fus_base_ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

static const char *kind_of_file(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

FILE *fus_base_open(const char *path, struct fus_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); /* of a pipe without a writer: at once */
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (errno == ENXIO) /* what open says of a socket */
            fus_base_fail(err, FUS_EIO, "is a socket or a device, not a file");
        else
            fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
        goto failed;
    }
    if (!S_ISREG(st.st_mode)) {
        fus_base_fail(err, FUS_EIO, "is %s, not a file", kind_of_file(st.st_mode));
        goto failed;
    }
    int flags = fcntl(fd, F_GETFL);
    FILE *f = flags != -1 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != -1 ? fdopen(fd, "rb") : NULL;
    if (f)
        return f;
    fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
failed:
    if (fd >= 0)
        close(fd);
    return NULL;
}

bool fus_base_opens(const char *path)
{
    FILE *f = fus_base_open(path, NULL);
    if (f)
        fclose(f);
    return f != NULL;
}

int fus_base_read_file(uint8_t **data, size_t *n, const char *path, size_t max_bytes, struct fus_error *err)
{
    int code = FUS_OK;
    uint8_t *buf = NULL;
    struct stat st;
    FILE *f = fus_base_open(path, err);
    if (!f)
        return FUS_EIO;
    if (fstat(fileno(f), &st) != 0) {
        code = fus_base_fail(err, FUS_EIO, "cannot be opened: %s", strerror(errno));
        goto out;
    }
    if ((uintmax_t)st.st_size > max_bytes) {
        code = fus_base_fail(err, FUS_ELIMIT, "has %jd bytes, at most %zu are read", (intmax_t)st.st_size, max_bytes);
        goto out;
    }
    size_t size = (size_t)st.st_size;
    buf = fus_base_alloc(size + 1, 1);
    if (!buf) {
        code = fus_base_fail(err, FUS_ENOMEM, "no memory for its %zu bytes", size);
        goto out;
    }
    if (fread(buf, 1, size, f) != size) {
        code = fus_base_fail(err, FUS_EIO, "cannot be read to its end: %s",
                             ferror(f) ? strerror(errno) : "it became shorter meanwhile");
        goto out;
    }
    *data = buf;
    *n = size;
    buf = NULL;
out:
    fus_base_free(buf);
    fclose(f);
    return code;
}

static volatile sig_atomic_t stopping;

void fus_base_request_stop(void)
{
    stopping = 1;
}

bool fus_base_stopping(void)
{
    return stopping != 0;
}

static fus_base_progress_fn show_progress;

void fus_base_set_progress(fus_base_progress_fn show)
{
    show_progress = show;
}

void fus_base_progress(const char *what, const char *path, uint64_t done, uint64_t all)
{
    if (show_progress)
        show_progress(what, path, done, all);
}

long fus_base_peak_kb(void)
{
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) != 0)
        return 0;
#if defined(__APPLE__)
    return use.ru_maxrss / 1024; /* bytes there, kB elsewhere */
#else
    return use.ru_maxrss;
#endif
}

static int n_threads; /* 0 = one per core */

void fus_base_set_threads(int n)
{
    n_threads = n;
}

int fus_base_threads(void)
{
#ifdef _OPENMP
    return n_threads > 0 ? n_threads : omp_get_num_procs();
#else
    return 1;
#endif
}
