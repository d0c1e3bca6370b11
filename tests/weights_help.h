/* SPDX-License-Identifier: MIT */
/* What the tests of weights/ share: temporary files, and reading all there is in a file. */
#ifndef FUS_WEIGHTS_HELP_H
#define FUS_WEIGHTS_HELP_H

#include <unistd.h>

#include "nn/base/base.h"
#include "nn/base/bytes.h"
#include "nn/base/sha256.h"
#include "test.h"
#include "weights/dtype.h"
#include "weights/names.h"

/* CHECK_MSG as an expression: true where the condition holds. */
#define HELP_CHECK(condition, ...)                               \
    (test_record((condition), __FILE__, __LINE__, #condition) || \
     (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), false))

/* A name of our own in the folder for temporary files. */
static inline const char *help_path(const char *end)
{
    static char path[4][512];
    static int next;
    const char *folder = getenv("TMPDIR");
    char *p = path[next++ % 4];
    snprintf(p, sizeof *path, "%s/fusiform-test-%ld-%s", folder ? folder : "/tmp", (long)getpid(), end);
    return p;
}

static inline void help_write(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* One byte of a file becomes another; writing it anew would wait for the disk. */
static inline void help_poke(const char *path, size_t at, uint8_t byte)
{
    FILE *f = fopen(path, "r+b");
    if (!f || fseek(f, (long)at, SEEK_SET) != 0 || fputc(byte, f) == EOF || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static inline uint8_t *help_read(const char *path, size_t *n)
{
    uint8_t *data = NULL;
    struct fus_error err;
    if (fus_base_read_file(&data, n, path, (size_t)1 << 30, &err) != 0) {
        fprintf(stderr, "%s: %s\n", path, err.msg);
        exit(1);
    }
    return data;
}

static inline bool help_same_file(const char *a, const char *b)
{
    size_t n, m;
    uint8_t *x = help_read(a, &n), *y = help_read(b, &m);
    bool same = n == m && memcmp(x, y, n) == 0;
    fus_base_free(x);
    fus_base_free(y);
    return same;
}

/* Open, read every tensor of at most a million elements, recognise, close. Returns
 * the first failure. */
static inline int help_read_all(const char *path, struct fus_error *err)
{
    struct fus_store *s;
    struct fus_net_spec spec;
    int code = fus_open_weights(&s, path, err);
    if (code)
        return code;
    for (size_t i = 0; i < fus_store_count(s) && !code; i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        if (t->n_elements > 1000000)
            continue;
        float *out = fus_base_alloc(t->n_elements, sizeof *out);
        code = out ? fus_store_read_f32(s, out, t, err) : fus_base_fail(err, FUS_ENOMEM, "no memory");
        fus_base_free(out);
    }
    if (!code)
        code = fus_names_recognise(&spec, s, NULL, err);
    fus_store_close(s);
    return code;
}

/* A store of plain bytes on disk, as if a format's reader had opened it: add tensors
 * with fus_store_add. */
static inline struct fus_store *help_bare_store(const char *path)
{
    struct fus_store *s = fus_base_alloc(1, sizeof *s);
    s->path = fus_base_strdup(path);
    s->file = fopen(path, "rb");
    s->format = "bare";
    s->unpacked_member = UINT32_MAX;
    fseek(s->file, 0, SEEK_END);
    s->file_bytes = (uint64_t)ftell(s->file);
    struct fus_member whole = {.n_stored = s->file_bytes, .n_bytes = s->file_bytes};
    fus_store_add_member(s, &whole, NULL);
    return s;
}

#endif
