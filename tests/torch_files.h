/* SPDX-License-Identifier: MIT */
/* For the tests of zip, pickle, torch and npy: whole files, and stores over bytes in memory. */
#ifndef FUS_TORCH_FILES_H
#define FUS_TORCH_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/base/base.h"
#include "weights/dtype.h"
#include "weights/formats.h"
#include "weights/store.h"

static inline uint8_t *file_bytes(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    *n = f && bytes ? fread(bytes, 1, 1 << 20, f) : 0;
    if (f)
        fclose(f);
    return bytes;
}

/* A store over n bytes that has only its file open; release it with fus_store_close. */
static inline struct fus_store *bytes_store(const uint8_t *bytes, size_t n)
{
    struct fus_store *s = calloc(1, sizeof *s);
    s->path = calloc(2, 1);
    s->path[0] = 'x';
    s->file = n ? fmemopen((void *)bytes, n, "rb") : fopen("/dev/null", "rb");
    s->file_bytes = n;
    s->unpacked_member = UINT32_MAX;
    return s;
}

/* What fus_open_weights does after it has opened a file, without names. */
static inline int bytes_open(struct fus_store *s, const uint8_t *bytes, size_t n, struct fus_error *err)
{
    if (n >= 2 && memcmp(bytes, "PK", 2) == 0)
        return fus_torch_open_zip(s, err);
    if (n >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        return fus_npy_open(s, err);
    if (n >= 262 && memcmp(bytes + 257, "ustar", 5) == 0)
        return fus_torch_tar_open(s, err);
    return fus_torch_open_legacy(s, err);
}

/* Read every tensor of the open store; those of many elements are only a matter of
 * the caller's memory. */
static inline int read_everything(struct fus_store *s, struct fus_error *err)
{
    int code = FUS_OK;
    for (size_t i = 0; !code && i < fus_store_count(s); i++) {
        const struct fus_tensor *t = fus_store_tensor(s, i);
        if (t->n_elements > 1 << 20)
            continue;
        float *values = malloc((t->n_elements + 1) * sizeof *values);
        code = fus_store_read_f32(s, values, t, err);
        free(values);
    }
    return code;
}

/* Open and read everything; the code, with err's message. A message is there exactly where
 * the code is not 0. */
static inline int try_bytes(const uint8_t *bytes, size_t n, struct fus_error *err)
{
    struct fus_store *s = bytes_store(bytes, n);
    err->msg[0] = 0;
    int code = bytes_open(s, bytes, n, err);
    if (!code)
        code = read_everything(s, err);
    fus_store_close(s);
    return code;
}

#endif
