/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a gzipped file, whole and after the three bytes that every one begins
 * with. */
#include <stdlib.h>
#include <string.h>

#include "weights/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_bytes(const uint8_t *data, size_t n, size_t step)
{
    static uint8_t out[4096];
    struct fus_gunzip *g;
    struct fus_error err;
    size_t got = step, all = 0;
    int code = fus_gunzip_open_bytes(&g, data, n, &err);
    while (!code && got == step && all < 1 << 20) {
        code = fus_gunzip_read(g, out, step, &got, &err);
        all += got;
    }
    if (!code && all > fus_gunzip_most(g))
        abort();
    fus_gunzip_close(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    try_bytes(data, n, 4096);
    uint8_t *packed = malloc(n + 3);
    memcpy(packed, "\x1f\x8b\x08", 3);
    if (n)
        memcpy(packed + 3, data, n);
    try_bytes(packed, n + 3, 100);
    free(packed);
    return 0;
}
