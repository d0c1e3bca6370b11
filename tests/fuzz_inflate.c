/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a zlib stream and as raw DEFLATE, into little room and much. */
#include <stdlib.h>

#include "nn/base/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const size_t rooms[] = {0, 1, 300, 100000};
    struct fus_error err;
    for (int i = 0; i < 4; i++) {
        size_t produced, consumed;
        uint8_t *out = malloc(rooms[i] + !rooms[i]);
        fus_inflate_raw(out, rooms[i], &produced, data, n, &consumed, &err);
        if (produced > rooms[i] || consumed > n)
            abort();
        fus_inflate_zlib(out, rooms[i], &produced, data, n, &consumed, &err);
        if (produced > rooms[i] || consumed > n)
            abort();
        free(out);
    }
    return 0;
}
