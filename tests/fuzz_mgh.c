/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as an MGH file, as they are and after the version. */
#include "tests/volume_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_volume(data, n);
    uint8_t *file = malloc(n + 4);
    memcpy(file, "\0\0\0\1", 4);
    if (n)
        memcpy(file + 4, data, n);
    fuzz_volume(file, n + 4);
    free(file);
    return 0;
}
