/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a file of word vectors are read, or refused in one line. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weights/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const wanted[] = {"the", "golden", "retriever", ". . .", "dog", ""};
    static const int text[] = {0, 1, 2, 3, 4};
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/fusiform-fuzz-%ld.txt", (long)getpid());
        atexit(remove_file);
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        abort();
    struct fus_words w;
    struct fus_error err = {0, -1, ""};
    if (fus_words_read(&w, path, wanted, 6, &err)) {
        if (!err.msg[0] || strchr(err.msg, '\n'))
            abort();
        return 0;
    }
    float *mean = malloc((size_t)w.dim * sizeof *mean);
    bool any = fus_words_mean(mean, &w, text, 5, NULL);
    for (int i = 0; i < w.dim; i++)
        if (!isfinite(mean[i]) || (!any && mean[i] != 0))
            abort();
    free(mean);
    fus_words_free(&w);
    return 0;
}
