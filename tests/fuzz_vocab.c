/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a vocabulary are read, or refused in one line; a text is then encoded
 * with ids inside it. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char text[] = "a photo of the house's faces, 2024";
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/fusiform-fuzz-vocab-%ld", (long)getpid());
        atexit(remove_file);
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        abort();
    struct fus_vocab *v;
    struct fus_error err = {0, -1, ""};
    int ids[77], n_ids;
    if (fus_vocab_open(&v, path, 0, NULL, &err)) {
        if (!err.msg[0] || strchr(err.msg, '\n') || v)
            abort();
        return 0;
    }
    if (fus_tokens_encode(ids, &n_ids, v, text, sizeof text - 1, 77, false, &err))
        abort();
    for (int i = 0; i < n_ids; i++)
        if (ids[i] < 0 || ids[i] >= fus_vocab_n_ids(v))
            abort();
    fus_vocab_close(v);
    return 0;
}
