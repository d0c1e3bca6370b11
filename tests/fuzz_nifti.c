/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a NIfTI file, as they are and with a header's marks put in, which a
 * fuzzer would have to find. */
#include "tests/volume_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_volume(data, n);
    if (n < 348)
        return 0;
    uint8_t *file = malloc(n);
    memcpy(file, data, n);
    memcpy(file, data[0] & 1 ? "\x5c\1\0\0" : "\0\0\1\x5c", 4);
    memcpy(file + 344, "n+1", 4);
    fuzz_volume(file, n);
    free(file);
    return 0;
}
