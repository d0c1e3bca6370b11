/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes as an .npy, and without its magic number, which a fuzzer would
 * have to find first. */
#define _POSIX_C_SOURCE 200809L
#include "torch_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct fus_error err;
    uint8_t *array = malloc(n + 8);
    memcpy(array, "\x93NUMPY\1\0", 8);
    memcpy(array + 8, bytes, n);
    try_bytes(array, n + 8, &err);
    free(array);
    struct fus_store *s = bytes_store(bytes, n);
    if (fus_npy_open(s, &err) == 0)
        read_everything(s, &err);
    fus_store_close(s);
    return 0;
}
