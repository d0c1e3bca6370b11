/* SPDX-License-Identifier: MIT */
/* Arrays that do not fit in memory, in files without a name: see scratch_file.h. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/localizer/scratch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nn/base/threads.h"

#define CHUNK ((size_t)256 << 10) /* bytes that one thread reads or writes at a time */
#define ALIGN ((uint64_t)65536)   /* of arrays in the file: whole pages on every machine */

static int open_file(struct fus_scratch_file *s, enum fus_scratch_place file, struct fus_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/scratch.tmp-%ld", s->folder, (long)getpid());
    s->fd[file] = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd[file] < 0)
        return fus_base_fail(err, FUS_EIO, "%s: cannot be created: %s", path, strerror(errno));
    unlink(path);
    return FUS_OK;
}

int fus_scratch_file_open(struct fus_scratch_file *s, struct fus_error *err)
{
    if (s->open)
        return FUS_OK;
    int code = FUS_OK, n = 0;
    while (n < FUS_SCRATCH_FILES && (code = open_file(s, (enum fus_scratch_place)n, err)) == FUS_OK)
        n++;
    while (code && n > 0)
        close(s->fd[--n]);
    s->open = !code;
    return code;
}

void fus_scratch_file_close(struct fus_scratch_file *s)
{
    for (int i = 0; i < FUS_SCRATCH_FILES && s->open; i++)
        close(s->fd[i]);
    *s = (struct fus_scratch_file){.folder = s->folder};
}

uint64_t fus_scratch_file_reserve(struct fus_scratch_file *s, enum fus_scratch_place file, uint64_t bytes)
{
    uint64_t at = (s->size[file] + ALIGN - 1) / ALIGN * ALIGN;
    s->size[file] = at + bytes;
    return at;
}

void fus_scratch_file_move(int *failed, int fd, bool write, char *bytes, size_t n, uint64_t at)
{
    for (size_t done = 0; done < n;) {
        off_t here = (off_t)(at + done);
        ssize_t moved = write ? pwrite(fd, bytes + done, n - done, here) : pread(fd, bytes + done, n - done, here);
        if (moved <= 0 && !(moved < 0 && errno == EINTR)) {
            *failed = moved < 0 ? errno : EIO;
            return;
        }
        done += moved > 0 ? (size_t)moved : 0;
    }
}

int fus_scratch_file_check(const struct fus_scratch_file *s, bool write, const int *failed, int n,
                           struct fus_error *err)
{
    for (int i = 0; i < n; i++)
        if (failed[i])
            return fus_base_fail(err, FUS_EIO,
                                 "%s: a scratch file here cannot be %s (a larger --max-memory needs less of it): %s",
                                 s->folder, write ? "written" : "read", strerror(failed[i]));
    return FUS_OK;
}

struct transfer {
    const struct fus_scratch_file *scratch;
    bool write;
    const struct fus_scratch_array *arrays; /* of one size */
    int n_arrays;
    int *failed; /* of all chunks */
};

static void move_chunk(void *context, int task, int thread)
{
    const struct transfer *t = context;
    const struct fus_scratch_array *a = &t->arrays[task % t->n_arrays]; /* threads write different files */
    size_t first = (size_t)(task / t->n_arrays) * CHUNK, n = a->n - first < CHUNK ? a->n - first : CHUNK;
    (void)thread;
    fus_scratch_file_move(&t->failed[task], t->scratch->fd[a->file], t->write, (char *)a->bytes + first, n,
                          a->at + first);
}

int fus_scratch_file_transfer(struct fus_scratch_file *s, bool write, const struct fus_scratch_array *arrays,
                              int n_arrays, struct fus_error *err)
{
    struct transfer t = {s, write, arrays, n_arrays, NULL};
    int n = n_arrays * (int)((arrays->n + CHUNK - 1) / CHUNK), code = fus_scratch_file_open(s, err);
    if (code)
        return code;
    t.failed = fus_base_alloc((size_t)n + 1, sizeof *t.failed);
    if (!t.failed)
        return fus_base_fail(err, FUS_ENOMEM, "no memory for a transfer of %zu bytes", arrays->n);
    fus_threads_for(n, move_chunk, &t);
    code = fus_scratch_file_check(s, write, t.failed, n, err);
    fus_base_free(t.failed);
    return code;
}
